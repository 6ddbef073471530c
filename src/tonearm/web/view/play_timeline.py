"""The story of a play as a page tells it: what happened to it, step by step. Values in, words out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from tonearm.core.wording import VERDICTS
from tonearm.service.play_actions import Story
from tonearm.service.values import Attempt
from tonearm.web.view.formats import name, sentence
from tonearm.web.view.play_rows import PlayRow, Tone


@dataclass(frozen=True, slots=True)
class TimelineStep:
    """Something that happened, at a moment (Unix seconds; None if that is not known); if often, until `until`."""

    at: float | None
    title: str
    words: str = ""
    tone: Tone = Tone.QUIET
    until: float | None = None


def steps(story: Story, row: PlayRow) -> list[TimelineStep]:
    """What happened to a play, oldest first; the last step is how it stands."""
    kept = story.stored
    by = f"By {name(kept.reporter)}." if kept.reporter else ""
    told = [TimelineStep(kept.reported_at, "Reported", by)]
    if kept.instead_of is not None:
        told[0] = TimelineStep(kept.reported_at, "Edited", f"Sent with these names in place of play {kept.instead_of}.")
    if kept.restamp_reason:
        told.append(TimelineStep(None, "Start time corrected", sentence(kept.restamp_reason)))
    if kept.left_out:
        told.append(TimelineStep(None, "Some fields unreadable", sentence(kept.left_out)))
    if kept.counted_reason:
        told.append(TimelineStep(None, _counted(story), sentence(kept.counted_reason)))
    told += [_attempts(list(equal)) for _, equal in groupby(story.attempts, key=_outcome)]
    if kept.unanswered and kept.fate != "accepted":
        told.append(TimelineStep(None, "Last.fm may have it", "It was sent, but the answer was lost.", Tone.RETRYING))
    return [*told, TimelineStep(kept.settled_at, row.label, row.why, row.tone)]


def _outcome(tried: Attempt) -> tuple[str, str]:
    return tried.verdict, tried.message


def _attempts(equal: Sequence[Attempt]) -> TimelineStep:
    """Attempts in a row with the same outcome, as one step."""
    first, last = equal[0], equal[-1]
    title = VERDICTS.get(first.verdict, first.verdict)
    if len(equal) == 1:
        return TimelineStep(first.at, title, sentence(first.message))
    return TimelineStep(first.at, f"{title}, {len(equal)} attempts", sentence(first.message), until=last.at)


def _counted(story: Story) -> str:
    match story.counted:
        case True:
            return "Counts"
        case False:
            return "Doesn't count"
        case None:
            return "Played"
