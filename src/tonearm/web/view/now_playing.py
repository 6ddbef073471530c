"""What plays, and how far it is from counting. Values in, words out."""

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


@dataclass(frozen=True, slots=True)
class Playing:
    """What plays: seconds elapsed, needed to count (None: too short to), and in all (None: unknown).

    `told` says what Last.fm did not like of it; `again` is the seconds until this is stale.
    """

    title: str
    artist: str
    album: str
    elapsed: float
    needed: float | None
    length: float | None
    told: str
    again: float
    names: Track

    @property
    def begin(self) -> float:
        """Degrees by which the arm is turned when the track begins."""
        return _angle(OUTER)

    @property
    def end(self) -> float:
        """Degrees by which the arm is turned when the track ends."""
        return _angle(INNER)

    @property
    def angle(self) -> float:
        """Degrees by which the arm is turned now."""
        return self._turned(self.elapsed)

    @property
    def notch(self) -> float | None:
        """The radius of the groove at which it scrobbles; None if it is too short to."""
        if self.needed is None:
            return None
        turned = radians(TO_CENTRE - self._turned(self.needed))
        return sqrt(CENTRE**2 + ARM**2 - 2 * CENTRE * ARM * cos(turned))

    def _turned(self, seconds: float) -> float:
        whole = self.length or self.needed or seconds
        share = min(1.0, seconds / whole) if whole else 0.0
        return self.begin + share * (self.end - self.begin)


def playing(event: NowPlayingShown | None, threshold: int, now: float) -> Playing | None:
    """What plays now, and how far it is from counting."""
    if event is None:
        return None
    elapsed = max(0.0, now - event.started_at)
    length = event.duration or None
    needed = None if length and length <= SHORTEST_TRACK else counts(length, elapsed, threshold).needed
    ahead = [at - elapsed for at in (needed, length) if at is not None and at > elapsed]
    told = {
        "success": "",
        "disabled": "Not shown on Last.fm: scrobbling is turned off.",
        "not_authenticated": "Not shown on Last.fm: you're not signed in.",
    }.get(event.status, "Last.fm didn't accept it as now playing.")
    names = Track(event.artist, event.track, event.album)
    title, artist, album = name(event.track), name(event.artist), name(event.album)
    return Playing(title, artist, album, elapsed, needed, length, told, min(ahead, default=60.0) + 0.2, names)


def _angle(radius: float) -> float:
    """Degrees by which the arm is turned when its stylus is so far from the middle of the record."""
    return round(TO_CENTRE - degrees(acos((CENTRE**2 + ARM**2 - radius**2) / (2 * CENTRE * ARM))), 2)
