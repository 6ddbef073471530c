"""What is playing, and how far it is from counting. Pure: values in, values out."""

from __future__ import annotations

from dataclasses import dataclass
from math import acos, cos, degrees, radians, sqrt

from tonearm.core.event import NowPlayingShown
from tonearm.core.play import SHORTEST_TRACK, Track, counts
from tonearm.web.view.formats import name

CENTRE = 141.66
"""From the pivot of the arm to the middle of the record, in units of the drawing."""

ARM = 118.0
"""From the pivot to the stylus."""

TO_CENTRE = 149.45
"""Degrees from the arm's rest, which points to the right, to the middle of the record."""

OUTER, INNER = 92.0, 42.0
"""Radii of the first and the last groove."""

REST = 93.0
"""Degrees by which the arm is turned while nothing plays: beside the record."""


@dataclass(frozen=True, slots=True)
class Playing:
    """What is playing: seconds `elapsed`, `needed` to count (None: too short to count), and its `length` (None:
    unknown).

    `notice` says why Last.fm doesn't show it, "" if it does; `refresh_in` is the seconds until this is stale.
    """

    title: str
    artist: str
    album: str
    elapsed: float
    needed: float | None
    length: float | None
    notice: str
    refresh_in: float
    track: Track

    @property
    def start_angle(self) -> float:
        """Degrees by which the arm is turned when the track begins."""
        return _angle(OUTER)

    @property
    def end_angle(self) -> float:
        """Degrees by which the arm is turned when the track ends."""
        return _angle(INNER)

    @property
    def angle(self) -> float:
        """Degrees by which the arm is turned now."""
        return self._angle_at(self.elapsed)

    @property
    def notch(self) -> float | None:
        """The radius of the groove at which it scrobbles; None if it is too short to count."""
        if self.needed is None:
            return None
        from_centre = radians(TO_CENTRE - self._angle_at(self.needed))
        return sqrt(CENTRE**2 + ARM**2 - 2 * CENTRE * ARM * cos(from_centre))

    def _angle_at(self, seconds: float) -> float:
        total = self.length or self.needed or seconds
        fraction = min(1.0, seconds / total) if total else 0.0
        return self.start_angle + fraction * (self.end_angle - self.start_angle)


def playing(event: NowPlayingShown | None, threshold: int, now: float) -> Playing | None:
    """What is playing now, and how far it is from counting."""
    if event is None:
        return None
    elapsed = max(0.0, now - event.started_at)
    length = event.duration or None
    needed = None if length and length <= SHORTEST_TRACK else counts(length, elapsed, threshold).needed
    upcoming = [position - elapsed for position in (needed, length) if position is not None and position > elapsed]
    notice = {
        "success": "",
        "disabled": "Not shown on Last.fm: scrobbling is turned off.",
        "not_authenticated": "Not shown on Last.fm: you're not signed in.",
    }.get(event.status, "Last.fm didn't accept it as now playing.")
    track = Track(event.artist, event.track, event.album)
    title, artist, album = name(event.track), name(event.artist), name(event.album)
    return Playing(title, artist, album, elapsed, needed, length, notice, min(upcoming, default=60.0) + 0.2, track)


def _angle(radius: float) -> float:
    """Degrees by which the arm is turned when its stylus is at this distance from the middle of the record."""
    return round(TO_CENTRE - degrees(acos((CENTRE**2 + ARM**2 - radius**2) / (2 * CENTRE * ARM))), 2)
