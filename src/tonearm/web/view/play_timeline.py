"""The story of a play as a page tells it: what happened to it, step by step. Values in, words out."""

from __future__ import annotations

from dataclasses import dataclass

from tonearm.core.wording import VERDICTS
from tonearm.service.play_actions import Story
from tonearm.web.view.formats import name, sentence
from tonearm.web.view.play_rows import PlayRow, Tone


@dataclass(frozen=True, slots=True)
class TimelineStep:
    """Something that happened, at a moment (Unix seconds; None where that is not known)."""

    at: float | None
    title: str
    words: str = ""
    tone: Tone = Tone.QUIET


def steps(story: Story, row: PlayRow) -> list[TimelineStep]:
    """What happened to a play, oldest first; the last step is how it stands."""
    kept = story.stored
    by = f"By {name(kept.reporter)}." if kept.reporter else ""
    told = [TimelineStep(kept.reported_at, "Reported", by)]
    if kept.instead_of is not None:
        told[0] = TimelineStep(
            kept.reported_at, "Corrected", f"Sent with these names in place of play {kept.instead_of}."
        )
    if kept.restamp_reason:
        told.append(TimelineStep(None, "Start time corrected", sentence(kept.restamp_reason)))
    if kept.left_out:
        told.append(TimelineStep(None, "Some fields unreadable", sentence(kept.left_out)))
    if kept.counted_reason:
        told.append(TimelineStep(None, _counted(story), sentence(kept.counted_reason)))
    told += [
        TimelineStep(tried.at, VERDICTS.get(tried.verdict, tried.verdict), sentence(tried.message))
        for tried in story.attempts
    ]
    if kept.unanswered and kept.fate != "accepted":
        told.append(TimelineStep(None, "Last.fm may have it", "It was sent, but the answer was lost.", Tone.RETRYING))
    return [*told, TimelineStep(kept.settled_at, row.label, row.why, row.tone)]


def _counted(story: Story) -> str:
    match story.counted:
        case True:
            return "Counts"
        case False:
            return "Doesn't count"
        case None:
            return "Played"
