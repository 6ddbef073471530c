"""What many tests begin with: a listener who is connected to Last.fm, and songs in a library."""

from __future__ import annotations

from typing import Any

from lastfm_emulator import Emulator
from tonearm.deck import Listener
from tonearm.service.sign_in import AuthStart, SignedIn


async def connect(listener: Listener, emulator: Emulator, user: str = "RJ") -> SignedIn:
    """Connect a listener to a Last.fm user by the desktop flow, without a browser."""
    way = await listener.sign_in()
    assert isinstance(way, AuthStart)
    assert way.token is not None
    emulator.approve(way.token, user)
    signed_in = await listener.finish_sign_in(way.token)
    assert isinstance(signed_in, SignedIn)
    return signed_in


def library_row(path: str, artist: str, title: str, **facts: Any) -> dict[str, Any]:
    """A row of the library as a scan writes it; what a test says nothing about is empty, or 200 seconds long."""
    nothing = {"album": "", "album_artist": "", "track_number": None, "mbid": "", "unreadable_reason": ""}
    row = {"path": path, "artist": artist, "title": title, "duration": 200.0, "mtime_ns": 1, "size": 1}
    return nothing | row | facts
