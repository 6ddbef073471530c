"""An album that was played as a whole: when each of its tracks began, from when the last one ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tonearm.core.play import LONGEST_NEEDED, Play, Track


@dataclass(frozen=True, slots=True)
class AlbumTrack:
    """A track of an album, in its place (from 1); `duration` in seconds, None if nobody knows it."""

    artist: str
    title: str
    number: int
    duration: float | None = None
    mbid: str = ""


def played_through(tracks: Sequence[AlbumTrack], album: str, album_artist: str, ended_at: float) -> list[Play]:
    """The plays of tracks that were heard whole, one after the other, until a time (Unix seconds), the first one first.

    A track of an unknown length is taken to last as long as it needs to count.
    """
    plays: list[Play] = []
    start = ended_at - sum(map(seconds, tracks))
    for one in tracks:
        track = Track(one.artist, one.title, album, album_artist, one.duration, one.number, one.mbid)
        plays.append(Play(track, int(start), seconds(one)))
        start += seconds(one)
    return plays


def seconds(track: AlbumTrack) -> float:
    """How long a track is taken to last."""
    return track.duration or LONGEST_NEEDED
