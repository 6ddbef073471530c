"""The story of a play as a page tells it: what happened to it, step by step. Values in, words out."""

from __future__ import annotations

from dataclasses import dataclass

from tonearm.service.telling import Story
from tonearm.web.views import Row, Tone
from tonearm.web.words import name, sentence

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
class Step:
    """Something that happened, at a moment (Unix seconds; None where that is not known)."""

    at: float | None
    title: str
    words: str = ""
    tone: Tone = Tone.QUIET


def steps(story: Story, row: Row) -> list[Step]:
    """What happened to a play, oldest first; the last step is how it stands."""
    kept = story.kept
    by = f"By {name(kept.reporter)}." if kept.reporter else ""
    told = [Step(kept.reported_at, "Reported", by)]
    if kept.instead_of is not None:
        told[0] = Step(kept.reported_at, "Corrected", f"Sent instead of play {kept.instead_of}, with these names.")
    if kept.moved:
        told.append(Step(None, "Its start was moved", sentence(kept.moved)))
    if kept.left_out:
        told.append(Step(None, "Not all of it could be read", sentence(kept.left_out)))
    if kept.heard:
        told.append(Step(None, _counted(story), sentence(kept.heard)))
    told += [
        Step(tried.at, VERDICTS.get(tried.verdict, tried.verdict), sentence(tried.words)) for tried in story.attempts
    ]
    if kept.unanswered and kept.fate != "accepted":
        told.append(Step(None, "Last.fm may have it", "The answer to a request with it was lost.", Tone.RETRYING))
    return [*told, Step(kept.settled_at, row.label, row.why, row.tone)]


def _counted(story: Story) -> str:
    match story.counted:
        case True:
            return "It counts"
        case False:
            return "It does not count"
        case None:
            return "Heard"
