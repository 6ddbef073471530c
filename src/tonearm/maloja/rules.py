"""What Maloja accepts: plays of any age, one per request, and one per second."""

from __future__ import annotations

from enum import IntEnum

from tonearm.core.destination import Concern, Rules
from tonearm.core.play import Play


class MalojaCode(IntEnum):
    """Why a play is ignored, or what Maloja doesn't support. Maloja has no such numbers: they are ours."""

    SECOND_TAKEN = 1
    NO_PLAYING_NOW = 2
    NO_HEARTS = 3


def reason_of(code: int, message: str) -> str:
    """Why a play was ignored."""
    match code:
        case MalojaCode.SECOND_TAKEN:
            return "Maloja has another play that started in the same second, and keeps only one"
        case MalojaCode.NO_PLAYING_NOW:
            return "Maloja doesn't show what's playing"
        case MalojaCode.NO_HEARTS:
            return "Maloja doesn't support hearts"
        case _:
            return f"Maloja skipped it{f' ({message})' if message else ''}"


def _reason(play: Play, code: int, message: str, now: float) -> str:
    return reason_of(code, message)


MALOJA = Rules(
    batch=1,
    oldest=None,
    too_old_reason="Maloja accepts plays of any age",
    shortest=0.0,
    daily_limit=False,
    account_ladder=(60.0, 300.0, 900.0),
    address_ladder=(10.0, 30.0, 120.0, 600.0),  # it has no limit itself; a proxy in front of it may
    codes={},
    errors={400: Concern.PLAY, 413: Concern.PLAY},
    reason=_reason,
    service="Maloja",
)
"""The same track in the same second again makes no second play: Maloja answers that it has it, which counts as
accepted.
"""
