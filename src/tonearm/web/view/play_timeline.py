"""What happened to a play, step by step. Values in, values out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from tonearm.core.edit_rules import PlayNames
from tonearm.core.wording import attempt, reporter
from tonearm.service.play_actions import PlayDetails
from tonearm.service.values import Attempt
from tonearm.web.view.formats import name, sentence
from tonearm.web.view.play_rows import PlayRow, Tone


@dataclass(frozen=True, slots=True)
class TimelineStep:
    """Something that happened at a time (`at`, Unix seconds; None: unknown), or repeatedly from then `until` another
    time.
    """

    at: float | None
    title: str
    text: str = ""
    tone: Tone = Tone.QUIET
    until: float | None = None


def steps(details: PlayDetails, row: PlayRow) -> list[TimelineStep]:
    """What happened to a play, oldest first; the last step is its present state."""
    stored = details.stored
    by = f"By {name(reporter(stored.reporter))}." if stored.reporter else ""
    timeline = [TimelineStep(stored.reported_at, "Reported", by)]
    if stored.instead_of is not None:
        timeline[0] = TimelineStep(
            stored.reported_at, "Edited", f"Sent with these names in place of play {stored.instead_of}."
        )
    if details.reported_as:
        timeline.append(TimelineStep(None, "Names changed", _sent(details.reported_as)))
    if stored.restamp_reason:
        timeline.append(TimelineStep(None, "Start time corrected", sentence(stored.restamp_reason)))
    if stored.left_out:
        timeline.append(TimelineStep(None, "Some fields unreadable", sentence(stored.left_out)))
    if stored.counted_reason:
        timeline.append(TimelineStep(None, _threshold_title(details), sentence(stored.counted_reason)))
    timeline += [_attempts(list(group)) for _, group in groupby(details.attempts, key=_outcome_of)]
    if stored.unanswered and stored.fate != "accepted":
        timeline.append(
            TimelineStep(None, "Last.fm may have it", "It was sent, but the answer was lost.", Tone.RETRYING)
        )
    return [*timeline, TimelineStep(stored.settled_at, row.label, row.reason, row.tone)]


def _sent(names: PlayNames) -> str:
    """What a player sent."""
    album = f", from {name(names.album)}" if names.album else ""
    return f"The player sent {name(names.artist)} – {name(names.title)}{album}."


def _outcome_of(attempt: Attempt) -> tuple[str, str]:
    return attempt.verdict, attempt.message


def _attempts(group: Sequence[Attempt]) -> TimelineStep:
    """Attempts in a row with the same outcome, as one step."""
    first, last = group[0], group[-1]
    title = attempt(first.verdict)
    if len(group) == 1:
        return TimelineStep(first.at, title, sentence(first.message))
    return TimelineStep(first.at, f"{title}, {len(group)} attempts", sentence(first.message), until=last.at)


def _threshold_title(details: PlayDetails) -> str:
    match details.counted:
        case True:
            return "Counts"
        case False:
            return "Doesn't count"
        case None:
            return "Played"
