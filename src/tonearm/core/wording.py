"""The names of states, in one place: the pages, the API's texts and the command line all use them.

The machine's names (in JSON, tables and addresses) are the keys; `docs/style.md` explains each.
"""

from __future__ import annotations

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


def attempt(verdict: str, service: str = "Last.fm") -> str:
    """The result of an attempt, by the name of its verdict; `service` is the destination's name for people."""
    return VERDICTS.get(verdict, verdict).replace("Last.fm", service)


def fate(name: str) -> str:
    """The name of a play's state; an unknown state is spelled out."""
    return FATES.get(name, name.replace("_", " ").capitalize())
