"""What mpv plays, as its plugin for MPRIS reports it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.audio import Tags
from tests.patience import PATIENCE
from tests.watch.desktop import needs_dbus, session_bus
from tests.watch.mpv import WHY_NOT, RemoteControl, installed, mpv_playing
from tests.watch.recorder import Recorder
from tests.watch.test_mpris import watching
from tonearm.core.play import Track
from tonearm.watch.mpris import PlayerFilter

__all__ = ["session_bus"]
pytestmark = [pytest.mark.skipif(not installed, reason=WHY_NOT), needs_dbus, pytest.mark.usefixtures("session_bus")]

SINNERMAN = Tags("Nina Simone", "Sinnerman", "Pastel Blues", "Simone", 9)
RED = Tags("King Crimson", "Red", "Red", "Crimson", 1)


def test_each_track_is_heard_as_long_as_it_was_played_whatever_is_sought(tmp_path: Path) -> None:
    async def do() -> Recorder:
        remote = RemoteControl()
        async with watching(PlayerFilter()) as recorder:
            with mpv_playing(tmp_path, [(SINNERMAN, 2.0), (RED, 600.0)]) as mpv:
                await recorder.until_reported(1)
                await recorder.until_announced(2)
                await remote("Seek", "x", 400_000_000)
                await remote("Seek", "x", -100_000_000)
                await remote("Pause")
                await remote("Play")
                await remote.until(302.5)
                mpv.kill()
                await recorder.until_reported(2)
        return recorder

    recorder = asyncio.run(asyncio.wait_for(do(), PATIENCE))
    first, second = recorder.finished
    assert recorder.players == ["mpv", "mpv"]
    assert recorder.announced == ["Sinnerman", "Red"]
    assert first.track == Track("Nina Simone", "Sinnerman", "Pastel Blues", "Simone", 2.0, first.track.track_number)
    assert second.track == Track("King Crimson", "Red", "Red", "Crimson", 600.0, second.track.track_number)
    assert 1 <= (first.played or 0) <= 2
    assert 1 <= (second.played or 0) < 300
