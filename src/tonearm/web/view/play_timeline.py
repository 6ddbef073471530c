"""The story of a play as a page tells it: what happened to it, step by step. Values in, words out."""

from __future__ import annotations

from dataclasses import dataclass

from tonearm.service.play_actions import Story
from tonearm.web.view.formats import name, sentence
from tonearm.web.view.play_rows import PlayRow, Tone

VERDICTS = {
    "Later": "Last.fm could not take it then",
    "Throttled": "Too much at once",
    "Unsure": "Sent, and no clear answer came",
    "Split": "Refused with others, and parted from them",
    "SessionDoubted": "The session was doubted",
    "SessionEnded": "The session had ended",
    "KeyRefused": "The API key was refused",
    "Answered": "Last.fm left it out",
}
"""What an attempt came to, by the name of its verdict (`core.verdict`)."""


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
            kept.reported_at, "Corrected", f"Sent instead of play {kept.instead_of}, with these names."
        )
    if kept.restamp_reason:
        told.append(TimelineStep(None, "Its start was moved", sentence(kept.restamp_reason)))
    if kept.left_out:
        told.append(TimelineStep(None, "Not all of it could be read", sentence(kept.left_out)))
    if kept.counted_reason:
        told.append(TimelineStep(None, _counted(story), sentence(kept.counted_reason)))
    told += [
        TimelineStep(tried.at, VERDICTS.get(tried.verdict, tried.verdict), sentence(tried.message))
        for tried in story.attempts
    ]
    if kept.unanswered and kept.fate != "accepted":
        told.append(
            TimelineStep(None, "Last.fm may have it", "The answer to a request with it was lost.", Tone.RETRYING)
        )
    return [*told, TimelineStep(kept.settled_at, row.label, row.why, row.tone)]


def _counted(story: Story) -> str:
    match story.counted:
        case True:
            return "It counts"
        case False:
            return "It does not count"
        case None:
            return "Heard"
