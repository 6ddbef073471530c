"""The names of states, in one place: the pages, the API's texts and the command line all use them.

The machine's names (in JSON, tables and addresses) are the keys; `docs/style.md` explains each.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

FATES: Final = {
    "queued": "Queued",
    "accepted": "Accepted",
    "ignored": "Ignored",
    "refused": "Rejected",
    "expired": "Too old",
    "suspected": "Duplicate?",
    "discarded": "Discarded",
    "threshold_not_met": "Not sent",
    "disabled": "Not sent",
    "not_authenticated": "Not sent",
    "imported": "Imported",
    "kept": "Not sent",
}
"""A play's state."""

NOT_ACCEPTED: Final = "Not accepted"
"""The states `refused` and `ignored` together: what Last.fm has seen and doesn't have."""

REPORTS: Final = FATES | {"success": "Accepted", "too_old": "Too old", "duplicate": "Already reported"}
"""The answer to a report."""

VERDICTS: Final = {
    "Later": "Last.fm couldn't accept it",
    "Throttled": "Rate limit reached",
    "Unsure": "Sent, but no clear answer came",
    "Split": "Rejected in a batch; sent again in smaller parts",
    "SessionDoubted": "Last.fm may have ended the session",
    "SessionEnded": "Session ended",
    "KeyRefused": "Last.fm rejected the API key",
    "Answered": "Last.fm ignored it",
}
"""What an attempt came to, by the name of its verdict (`core.verdict`)."""


_WITH_TOKEN = re.compile(r"(.*?) ?#([0-9a-f]{6}|[0-9a-f]{8})", re.DOTALL)


def reporter(stored: str) -> str:
    """Who reported a play, in words: a player, or a program with the id of its token, as the list of tokens has it."""
    found = _WITH_TOKEN.fullmatch(stored)
    if found is None:
        return stored
    program, token = found.groups()
    which = f"token {token}" if len(token) == 8 else "an API token"  # six digits were no id of a token
    return f"{program} ({which})" if program else which


def import_outcome(counts: Mapping[str, int]) -> str:
    """What an import of a history came to, by its counts: `12 plays added`."""
    new, known, doubtful = (counts.get(name, 0) for name in ("new", "known", "doubtful"))
    if new:
        return f"{counted(new, 'play')} added"
    if known or doubtful:
        doubts = f", {counted(doubtful, 'doubtful one')} left out" if doubtful else ""
        return f"nothing new: {counted(known, 'play')} already here{doubts}"
    if unreadable := counts.get("unreadable", 0):
        return f"no plays found; {counted(unreadable, 'unreadable entry', 'unreadable entries')}"
    return "no plays found"


def counted(number: int, one: str, more: str = "") -> str:
    """ "1 play", "1,204 plays": `more` if the plural needs more than an s."""
    return f"1 {one}" if number == 1 else f"{number:,} {more or one + 's'}"


def attempt(verdict: str, service: str = "Last.fm") -> str:
    """The result of an attempt, by the name of its verdict; `service` is the destination's name for people."""
    return VERDICTS.get(verdict, verdict).replace("Last.fm", service)


def fate(name: str) -> str:
    """The name of a play's state; an unknown state is spelled out."""
    return FATES.get(name, name.replace("_", " ").capitalize())
