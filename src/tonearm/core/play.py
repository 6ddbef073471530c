"""A play: what somebody listened to, whether it counts, and when it was.

Rules: https://www.last.fm/api/scrobbling ("When is a scrobble a scrobble?").
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from math import isfinite

from tonearm.core.cleaning import clean

SHORTEST_TRACK = 30.0
"""Seconds; a track must be longer than this to be scrobbled."""

LONGEST_NEEDED = 240.0
"""Seconds heard after which any track counts; also what an unknown length needs."""

DEFAULT_THRESHOLD = 50
LOWEST_THRESHOLD = 25
HIGHEST_THRESHOLD = 100

EARLIEST_PLAY = 1033430400
"""2002-10-01 00:00 UTC: before the first scrobble there was, so not a time of a play."""

FURTHEST_AHEAD = 30 * 86400
"""Seconds; a clock may be wrong, but a play a month ahead is nonsense."""

DAY = 86400.0

MBID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
"""A MusicBrainz identifier."""

_ENDLESS = 10.0**9
"""Seconds; a longer duration counts as unknown."""

_MILLISECONDS_FROM = 100_000_000_000
"""As seconds this is the year 5138, as milliseconds March 1973."""


@dataclass(frozen=True, slots=True)
class Track:
    """A track as its player names it. `duration` is in seconds; None or 0 means unknown."""

    artist: str
    title: str
    album: str = ""
    album_artist: str = ""
    duration: float | None = None
    track_number: int | None = None
    mbid: str = ""

    @property
    def known_length(self) -> float:
        """The length in seconds; 0 if it is unknown, or none that a track can have."""
        return self.duration if self.duration and isfinite(self.duration) and self.duration >= 1 else 0.0


@dataclass(frozen=True, slots=True)
class Play:
    """One listen, frozen: `timestamp` is its start in Unix seconds UTC, `played` the seconds actually heard."""

    track: Track
    timestamp: int
    played: float
    chosen_by_user: bool = True


@dataclass(frozen=True, slots=True)
class Counted:
    """Whether a listen counts, with the seconds heard and needed."""

    played: float
    needed: float
    counts: bool
    reason: str


class MissingName(ValueError):
    """A name that Last.fm requires has nothing visible in it. `field` says which."""

    def __init__(self, field: str) -> None:
        super().__init__(f"enter {'an' if field[:1] in 'aeiou' else 'a'} {field}")
        self.field = field


def cleaned(track: Track) -> Track:
    """The track with every name cleaned and impossible numbers removed; raises MissingName without an artist or a
    title.
    """
    artist, title = clean(track.artist), clean(track.title)
    if not artist:
        raise MissingName("artist")
    if not title:
        raise MissingName("track")
    return Track(
        artist,
        title,
        clean(track.album),
        clean(track.album_artist),
        track.duration if track.duration and 0 < track.duration < _ENDLESS else None,
        track.track_number if track.track_number and 0 < track.track_number < 2**31 else None,
        clean(track.mbid),
    )


def cleaned_changes(frozen: Track, changed: Track) -> Track:
    """The changed track, cleaned where it differs from the frozen one; unchanged names stay exactly the same."""
    track = cleaned(changed)
    names = ("artist", "title", "album", "album_artist", "mbid")
    return replace(track, **{name: old for name in names if (old := getattr(frozen, name)) == getattr(changed, name)})


def counts(
    duration: float | None, played: float, threshold: int = DEFAULT_THRESHOLD, shortest: float = SHORTEST_TRACK
) -> Counted:
    """The listener's rule: longer than 30 s, and heard for `threshold` percent or 240 s, whichever is less.

    All in seconds, fractions allowed. An unknown duration needs 240 s. `shortest` replaces the 30 s for a service with
    another minimum.
    """
    needed = seconds_needed(duration, threshold)
    if duration and not long_enough(duration, shortest):
        reason = f"the track is {_s(duration)} long; Last.fm only accepts tracks longer than {_s(SHORTEST_TRACK)}"
        return Counted(played, needed, False, reason)
    length = f"of {_s(duration)}" if duration else "of an unknown length"
    heard = _s(played)
    if played < needed and heard == _s(needed):  # rounded, it would look like enough
        heard = _s(needed - 0.1)
    return Counted(played, needed, played >= needed, f"heard {heard} {length}, needs {_s(needed)}")


def seconds_needed(duration: float | None, threshold: int = DEFAULT_THRESHOLD) -> float:
    """How many seconds of a track have to be heard before it counts, if it is long enough at all."""
    return min(duration * threshold / 100, LONGEST_NEEDED) if duration else LONGEST_NEEDED


def long_enough(duration: float | None, shortest: float = SHORTEST_TRACK) -> bool:
    """Whether a track is long enough for its plays to count; one of an unknown length may be."""
    return not duration or duration > shortest


@lru_cache(maxsize=4096)
def _s(seconds: float) -> str:
    return f"{seconds:.1f}".rstrip("0").rstrip(".") + " s"


class When(StrEnum):
    """A play's start compared with the present."""

    TIMELY = "timely"
    TOO_OLD = "too_old"
    AHEAD = "ahead"
    NONSENSE = "nonsense"


def start_of_play(timestamp: float) -> int:
    """Whole Unix seconds of a reported start; milliseconds are recognised by their size. What can't be a number of
    seconds or milliseconds (NaN, infinity) becomes 0, which `when` rejects.
    """
    if not abs(timestamp) < _MILLISECONDS_FROM * 1000:
        return 0
    return int(timestamp / 1000 if in_milliseconds(timestamp) else timestamp)


def in_milliseconds(timestamp: float) -> bool:
    """Whether a reported start is in milliseconds."""
    return abs(timestamp) >= _MILLISECONDS_FROM


_LONG = 10_000.0
"""As seconds nearly three hours, as milliseconds ten seconds: what is shorter is taken for seconds."""

_JUST_NOW = 10.0
"""Seconds by which more may have been heard than has passed since the start, for clocks that aren't exact."""

_ROUNDED = 60.0
"""Seconds between the end of a play and its report within which both fit each other."""


def lengths(duration: float | None, played: float, elapsed: float, start_in_ms: bool) -> tuple[float | None, float]:
    """The length of a track and how much was heard of it, in seconds, even if a player sends milliseconds for one or
    both.

    `elapsed` is the time from the start of the play to its report, in seconds, and `start_in_ms` whether the start was
    in milliseconds. Nobody listens for longer than the time that has passed, so a value that fits as seconds is
    seconds.
    """
    if played - _ROUNDED <= elapsed <= played + _ROUNDED and played >= LONGEST_NEEDED:
        return duration / 1000 if duration and played <= duration / 1000 else duration, played
    if duration and max(most := _max_played(duration), elapsed) < played <= 1000 * max(
        duration + 1, min(most, elapsed + _ROUNDED)
    ):  # lengths are often rounded down, and pauses counted
        return duration, played / 1000
    if duration and duration > DAY and not start_in_ms and played <= min(duration / 1000, elapsed + _JUST_NOW):
        return duration / 1000, played  # otherwise it would be the first thousandth of the track
    longest = max(duration or 0.0, played)
    if longest > DAY or (longest >= _LONG and (start_in_ms or _goes_by_in_ms(played, elapsed))):
        return duration and duration / 1000, played / 1000
    return duration, played


def _goes_by_in_ms(played: float, elapsed: float) -> bool:
    """Whether this can have been heard since the start only if it is in milliseconds."""
    return played >= _LONG and played / 1000 <= elapsed + _JUST_NOW and elapsed < played / 30


def _max_played(duration: float) -> float:
    """Seconds; some players count pauses and rewinds, so a little more than the length is accepted."""
    return 2 * duration + 600


def is_a_length_of_time(duration: float | None, played: float, elapsed: float) -> bool:
    """Whether that many seconds can have been heard; far more than the track's length only if that time has passed."""
    if not 0 <= played < _ENDLESS:
        return False
    return not duration or played <= _max_played(duration) or played <= elapsed + _ROUNDED


def length(duration: float | None) -> float | None:
    """The length of a track in seconds; no track is longer than a day, so a larger value is in milliseconds."""
    return duration / 1000 if duration and duration > DAY else duration


def when(timestamp: int, now: float, oldest: float | None = None) -> When:
    """Whether a start of play is timely, too old, ahead of our clock, or nonsense. `oldest` is the age in seconds from
    which a play is too old; None: no play is.
    """
    if timestamp < EARLIEST_PLAY or timestamp > now + FURTHEST_AHEAD:
        return When.NONSENSE
    if oldest is not None and now - timestamp >= oldest:
        return When.TOO_OLD
    return When.AHEAD if timestamp > now else When.TIMELY
