"""A play as a listen of ListenBrainz. https://listenbrainz.readthedocs.io/en/latest/users/json.html

ListenBrainz recognises a repeat by the second, artist, title, release and length: they depend only on the play, not on
the rest of its batch, so that the same play sent again is the same listen.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from tonearm.core.play import MBID, Play, Track
from tonearm.http_exchange import sendable
from tonearm.listenbrainz.rules import EARLIEST, ListenCode
from tonearm.version import __version__

LARGEST_LISTEN = 10_000
"""Bytes of a listen. A body may have 10,240 for each of its listens, including what surrounds them."""

LONGEST = 2_073_600
"""Seconds: 24 days, beyond which a length is refused."""

Listen = dict[str, Any]


def listen_of(track: Track, played: float | None = None) -> Listen:
    """The `track_metadata` of a track; what is unknown is left out. `played` is in seconds."""
    about: Listen = {"submission_client": "tonearm", "submission_client_version": __version__}
    if (duration := track.duration) and math.isfinite(duration) and 0.001 <= duration <= LONGEST:
        about["duration_ms"] = max(1, round(duration * 1000))
    if track.track_number and track.track_number > 0:
        about["tracknumber"] = str(track.track_number)
    if MBID.fullmatch(track.mbid):  # a malformed one is rejected, and its whole batch with it
        about["recording_mbid"] = track.mbid.lower()
    if track.album_artist:
        about["release_artist_name"] = sendable(track.album_artist)
    if played and math.isfinite(played) and 1 <= played <= LONGEST:
        about["duration_played"] = int(played)
    metadata: Listen = {"artist_name": sendable(track.artist), "track_name": sendable(track.title)}
    if album := sendable(track.album):
        metadata["release_name"] = album
    return {**metadata, "additional_info": about}


def packed(play: Play) -> bytes | ListenCode:
    """A play as a listen in JSON, or why it can never be one."""
    if play.timestamp < EARLIEST:
        return ListenCode.TOO_EARLY
    metadata = listen_of(play.track, play.played)
    if not metadata["artist_name"] or not metadata["track_name"]:
        return ListenCode.NAMELESS
    for _ in range(2):
        listen = encoded({"listened_at": play.timestamp, "track_metadata": metadata})
        if len(listen) <= LARGEST_LISTEN:
            return listen
        metadata["additional_info"].pop("release_artist_name", None)
    return ListenCode.TOO_LARGE


def body(listen_type: str, listens: Sequence[bytes]) -> bytes:
    """A submission of listens that are in JSON already."""
    return b'{"listen_type":"%b","payload":[%b]}' % (listen_type.encode(), b",".join(listens))


def encoded(document: Listen) -> bytes:
    return _in_json(document).encode()


_in_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode  # `json.dumps` would make one each time
