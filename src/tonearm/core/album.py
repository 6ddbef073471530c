"""An album that was played as a whole: works out when each track began from when the last one ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tonearm.core.play import LONGEST_NEEDED, Play, Track


@dataclass(frozen=True, slots=True)
class AlbumTrack:
    """A track of an album, with its number on it (from 1); `duration` is in seconds, None if it isn't known."""

    artist: str
    title: str
    number: int
    duration: float | None = None
    mbid: str = ""


def played_through(tracks: Sequence[AlbumTrack], album: str, album_artist: str, ended_at: float) -> list[Play]:
    """The plays of tracks that were heard completely, one after another, until `ended_at` (Unix seconds), in order. A
    track of unknown length is assumed to last as long as it needs to count.
    """
    plays: list[Play] = []
    start = ended_at - sum(map(seconds, tracks))
    for one in tracks:
        track = Track(one.artist, one.title, album, album_artist, one.duration, one.number, one.mbid)
        plays.append(Play(track, int(start), seconds(one)))
        start += seconds(one)
    return plays


def seconds(track: AlbumTrack) -> float:
    """How long a track is assumed to last, in seconds."""
    return track.duration or LONGEST_NEEDED
