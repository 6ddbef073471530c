"""A Last.fm user's plays, loved tracks and what is playing now."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final

DAY: Final = 86_400
NOW_PLAYING_LIFE: Final = 600  # seconds for a track of unknown length

_when = attrgetter("timestamp")


@dataclass(frozen=True, slots=True)
class Play:
    """One stored scrobble: names as the profile shows them, and (`sent_…`) as they were sent."""

    artist: str
    track: str
    timestamp: int
    album: str = ""
    album_artist: str = ""
    track_number: int | None = None
    mbid: str = ""
    duration: int | None = None
    chosen_by_user: bool = True
    sent_artist: str = ""
    sent_track: str = ""
    received: float = 0.0
    visible_from: float = 0.0


@dataclass(frozen=True, slots=True)
class Loved:
    """One loved track, and when it was loved."""

    artist: str
    track: str
    timestamp: int


@dataclass(frozen=True, slots=True)
class NowPlaying:
    """The track that is playing, shown until `ends`."""

    artist: str
    track: str
    album: str
    mbid: str
    ends: float


@dataclass(slots=True)
class User:
    """A user; `plays` is in order of time, `loved` in the order of loving."""

    name: str
    password: str = field(repr=False)
    private: bool
    registered: int
    plays: list[Play] = field(default_factory=list)
    loved: dict[tuple[str, str], Loved] = field(default_factory=dict)
    tags: dict[tuple[str, str, str], dict[str, str]] = field(default_factory=dict)
    """By kind ("artist", "album", "track"), artist and title: the tags given, by their folded names."""
    friends: list[str] = field(default_factory=list)
    playing: NowPlaying | None = None
    repeats: int = 0
    ignored: int = 0
    settled: float = 0.0
    accepted_at: deque[float] = field(default_factory=deque)
    _known: set[tuple[str, str, int]] = field(default_factory=set, repr=False)

    def keep(self, play: Play) -> bool:
        """Store a play; False for a repeat, which is recognised by what was sent: artist, track and timestamp."""
        identity = (play.sent_artist, play.sent_track, play.timestamp)
        if identity in self._known:
            self.repeats += 1
            return False
        self._known.add(identity)
        insort(self.plays, play, key=_when)
        self.settled = max(self.settled, play.visible_from)
        return True

    def known_since(self) -> int:
        """When the user registered, in Unix seconds: a day or more before the first play."""
        return min(self.registered, self.plays[0].timestamp - DAY) if self.plays else self.registered

    def between(self, first: int | None, last: int | None) -> tuple[int, int]:
        """The slice of `plays` with `first <= timestamp < last`."""
        start = 0 if first is None else bisect_left(self.plays, first, key=_when)
        stop = len(self.plays) if last is None else bisect_left(self.plays, last, key=_when)
        return start, max(start, stop)

    def heart(self, artist: str, track: str, now: float) -> None:
        """Love a track; one that is loved already keeps its date."""
        self.loved.setdefault(_folded(artist, track), Loved(artist, track, int(now)))

    def unheart(self, artist: str, track: str) -> None:
        self.loved.pop(_folded(artist, track), None)

    def loves(self, artist: str, track: str) -> bool:
        return _folded(artist, track) in self.loved

    def now_playing(self, now: float) -> NowPlaying | None:
        return self.playing if self.playing is not None and now < self.playing.ends else None


def _folded(artist: str, track: str) -> tuple[str, str]:
    return artist.casefold(), track.casefold()
