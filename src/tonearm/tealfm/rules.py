"""What teal.fm accepts: plays of any age, one record per request."""

from __future__ import annotations

from enum import IntEnum

from tonearm.core.destination import Concern, Rules
from tonearm.core.play import Play


class TealCode(IntEnum):
    """Why a play is ignored, or what teal.fm doesn't support. It has no such numbers: they are ours."""

    NAMELESS = 1
    NO_HEARTS = 2


def reason_of(code: int, message: str) -> str:
    """Why a play or a heart was ignored."""
    match code:
        case TealCode.NAMELESS:
            return "teal.fm needs an artist and a title"
        case TealCode.NO_HEARTS:
            return "teal.fm has no hearts"
        case _:
            return f"teal.fm left it out{f' ({message})' if message else ''}"


def _reason(play: Play, code: int, message: str, now: float) -> str:
    return reason_of(code, message)


TEALFM = Rules(
    batch=1,
    oldest=None,
    too_old_reason="teal.fm accepts plays of any age",
    shortest=0.0,
    daily_limit=False,
    account_ladder=(60.0, 300.0, 900.0, 3600.0),
    # Servers say when more may be written: https://docs.bsky.app/docs/advanced-guides/rate-limits
    address_ladder=(60.0, 300.0, 900.0, 3600.0),
    codes={},
    errors={400: Concern.PLAY, 413: Concern.PLAY},
    reason=_reason,
    service="teal.fm",
)
"""The same play sent again is the same record: its key is made from the play."""
