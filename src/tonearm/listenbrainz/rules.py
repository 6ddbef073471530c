"""What ListenBrainz and Koito accept. Limits: https://listenbrainz.readthedocs.io/en/latest/users/api/core.html"""

from __future__ import annotations

from enum import IntEnum

from tonearm.core.destination import Concern, Ignoring, Rules
from tonearm.core.play import EARLIEST_PLAY, Play

EARLIEST = EARLIEST_PLAY
"""Unix seconds: ListenBrainz accepts no listens from before October 2002."""


class ListenCode(IntEnum):
    """Why a single listen is ignored. ListenBrainz has no such numbers: they are ours, derived from its messages."""

    TOO_EARLY = 1
    TOO_NEW = 2
    TOO_LARGE = 3
    NAMELESS = 4
    UNKNOWN_RECORDING = 5
    NO_HEARTS = 6


def _rules(service: str, batch: int) -> Rules:
    def reason(play: Play, code: int, message: str, now: float) -> str:
        return reason_of(service, code, message)

    return Rules(
        batch=batch,
        oldest=None,
        too_old_reason=f"{service} accepts plays of any age",
        shortest=0.0,
        daily_limit=False,
        account_ladder=(60.0, 300.0, 900.0),
        # Seconds after 429 without a header that says when the window ends; it is of 10 seconds.
        address_ladder=(10.0, 30.0, 120.0, 600.0),
        codes={ListenCode.TOO_NEW: Ignoring.TOO_NEW},
        errors={400: Concern.PLAY, 413: Concern.PLAY},
        reason=reason,
        service=service,
    )


def reason_of(service: str, code: int, message: str) -> str:
    """Why a listen or a heart was ignored; in the service's own words if they say it best."""
    match code:
        case ListenCode.TOO_EARLY:
            return f"{service} doesn't accept plays from before October 2002"
        case ListenCode.TOO_NEW:
            return f"{service} said twice that this play starts in the future; is a clock wrong?"
        case ListenCode.TOO_LARGE:
            return f"its names are too long for {service}"
        case ListenCode.NAMELESS:
            return f"{service} needs an artist and a title"
        case ListenCode.UNKNOWN_RECORDING:
            return f"{service} doesn't know this recording, so it can't store the heart"
        case ListenCode.NO_HEARTS:
            return f"{service} doesn't support hearts"
        case _:
            return f"{service} skipped it{f' ({message})' if message else ''}"


LISTENBRAINZ = _rules("ListenBrainz", batch=100)
"""It accepts 1,000 listens a request, all or none. With fewer, a bad one is found sooner, and fewer are uncertain if an
answer is lost. The same listen sent again makes no second one if artist, title, release and length are the same.
"""

KOITO = _rules("Koito", batch=1)
"""It would merge two requests under way with the same song into one play, whatever their times: so it gets one play at
a time.
"""
