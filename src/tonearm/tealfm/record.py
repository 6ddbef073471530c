"""A play, and what is playing now, as records of teal.fm.
https://github.com/teal-fm/teal/tree/main/lexicons/fm.teal
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from tonearm.core.play import MBID, Play, Track
from tonearm.http_exchange import sendable
from tonearm.tealfm.rules import TealCode
from tonearm.version import __version__

PLAYS = "fm.teal.feed.play"
STATUS = "fm.teal.actor.status"
STATUS_KEY = "self"
"""The key of the only record that says what is playing now."""

LONGEST_NAME = 256
"""Bytes of a name in UTF-8."""

UNKNOWN_LENGTH = 600.0
"""Seconds after which something that is playing ends by itself, if its length is unknown."""

_DIGITS = "234567abcdefghijklmnopqrstuvwxyz"
"""The digits of a key, in the order in which they sort: https://atproto.com/specs/tid"""

Record = dict[str, Any]


def play_record(play: Play) -> Record | TealCode:
    """A play as a record, or why it can never be one. What is unknown is left out."""
    about = _about(play.track)
    if isinstance(about, TealCode):
        return about
    return {"$type": PLAYS, **about, "playedTime": _moment(play.timestamp)}


def status_record(track: Track, now: float) -> Record | TealCode:
    """A track that is playing now, until it is over."""
    about = _about(track)
    if isinstance(about, TealCode):
        return about
    until = now + (track.duration or UNKNOWN_LENGTH)
    return {"$type": STATUS, "time": _moment(now), "expiry": _moment(until), "item": about}


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


def _about(track: Track) -> Record | TealCode:
    artist, title, album = _fitting(track.artist), _fitting(track.title), _fitting(track.album)
    if not artist or not title:
        return TealCode.NAMELESS
    about: Record = {
        "trackName": title,
        "artists": [{"artistName": artist}],
        "submissionClientAgent": f"tonearm/{__version__}",
    }
    if album:
        about["releaseName"] = album
    if track.duration and math.isfinite(track.duration) and track.duration >= 1:
        about["duration"] = round(track.duration)
    if MBID.fullmatch(track.mbid):
        about["recordingMbId"] = f"mbid:{track.mbid.lower()}"
    return about


def _fitting(name: str) -> str:
    """A name as it is sent, and no longer than a record allows."""
    name = sendable(name)
    if len(name.encode()) <= LONGEST_NAME:
        return name
    return name.encode()[: LONGEST_NAME - len("…".encode())].decode(errors="ignore").rstrip() + "…"


def _moment(at: float) -> str:
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
