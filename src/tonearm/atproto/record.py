"""What is common to records of plays: their form, their keys, and what is ignored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from hashlib import sha256
from typing import Any

from tonearm.core.destination import Concern, Rules
from tonearm.core.play import Play, Track
from tonearm.http_exchange import sendable

STATUS_KEY = "self"
"""The key of the only record that says what is playing now."""

_UNKNOWN_LENGTH = 600.0
"""Seconds after which something that is playing expires, if its length is unknown."""

_DIGITS = "234567abcdefghijklmnopqrstuvwxyz"
"""The digits of a key, in the order in which they sort: https://atproto.com/specs/tid"""

Record = dict[str, Any]


class RecordCode(IntEnum):
    """Why a play is ignored, or what isn't supported. The services have no such numbers: they are ours."""

    NAMELESS = 1
    NO_HEARTS = 2
    NO_ALBUM = 3


@dataclass(frozen=True, slots=True)
class Form:
    """The records of a service. `plays` and `status` are the collections for plays and for what is playing now.
    `play(play)` and `playing(track, now)` make a record, or say why there can never be one. `now` is in Unix seconds.
    """

    rules: Rules
    plays: str
    status: str
    play: Callable[[Play], Record | RecordCode]
    playing: Callable[[Track, float], Record | RecordCode]


def rules_of(service: str) -> Rules:
    """What a service accepts: plays of any age, one record per request. The same play sent again is the same record,
    since its key is made from the play.
    """

    def reason(play: Play, code: int, message: str, now: float) -> str:
        return reason_of(service, code, message)

    return Rules(
        batch=1,
        oldest=None,
        too_old_reason=f"{service} accepts plays of any age",
        shortest=0.0,
        daily_limit=False,
        account_ladder=(60.0, 300.0, 900.0, 3600.0),
        # Servers say when more may be written: https://docs.bsky.app/docs/advanced-guides/rate-limits
        address_ladder=(60.0, 300.0, 900.0, 3600.0),
        codes={},
        errors={400: Concern.PLAY, 413: Concern.PLAY},
        reason=reason,
        service=service,
    )


def reason_of(service: str, code: int, message: str) -> str:
    """Why a play or a heart was ignored."""
    match code:
        case RecordCode.NAMELESS:
            return f"{service} needs an artist and a title"
        case RecordCode.NO_HEARTS:
            return f"tonearm sends no hearts to {service}"
        case RecordCode.NO_ALBUM:
            return f"{service} needs the album"
        case _:
            return f"{service} skipped it{f' ({message})' if message else ''}"


def record_key(play: Play) -> str:
    """The key of a play's record: the same for the same play, however often it is sent.

    It says when the play began, to the second. The fraction and the last ten bits come from its names, so that two
    plays that began in the same second have different keys.
    """
    names = "\n".join((play.track.artist, play.track.title))
    digest = int.from_bytes(sha256(names.encode(errors="replace")).digest()[:8])
    microseconds = play.timestamp * 1_000_000 + digest % 1_000_000
    number = microseconds << 10 | digest >> 32 & 0x3FF
    return "".join(_DIGITS[number >> 5 * place & 31] for place in range(12, -1, -1))


def fitting(name: str, longest: int = 256) -> str:
    """A name as it is sent, and no longer than a record allows: `longest` is in bytes of UTF-8."""
    name = sendable(name)
    if len(name.encode()) <= longest:
        return name
    return name.encode()[: longest - len("…".encode())].decode(errors="ignore").rstrip() + "…"


def shown_for(track: Track) -> float:
    """Seconds after which something that is playing expires."""
    return track.known_length or _UNKNOWN_LENGTH


def moment(at: float) -> str:
    """Unix seconds, as records say it."""
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
