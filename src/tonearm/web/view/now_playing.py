"""What plays, and how far it is from counting. Values in, words out."""

from __future__ import annotations

from dataclasses import dataclass

from tonearm.core.event import NowPlayingShown
from tonearm.core.play import SHORTEST_TRACK, counts
from tonearm.web.view.formats import name


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
    title, artist, album = name(event.track), name(event.artist), name(event.album)
    return Playing(title, artist, album, elapsed, needed, length, told, min(ahead, default=60.0) + 0.2)
