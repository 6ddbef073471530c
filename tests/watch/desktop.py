"""A real session bus, and players on it."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from dbus_fast import BusType, PropertyAccess, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.service import ServiceInterface, dbus_property

PLAYER = "org.mpris.MediaPlayer2.Player"
needs_dbus = pytest.mark.skipif(not shutil.which("dbus-daemon"), reason="dbus-daemon is not on this machine")


@pytest.fixture
def session_bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A session bus of its own."""
    daemon = subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", "--print-address"], stdout=subprocess.PIPE, text=True
    )
    assert daemon.stdout
    address = daemon.stdout.readline().strip()
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
    yield address
    daemon.terminate()
    daemon.wait(10)
    daemon.stdout.close()


class Player(ServiceInterface):
    """A desktop player."""

    def __init__(self) -> None:
        super().__init__(PLAYER)
        self.status, self.position = "Stopped", 0
        self.about: dict[str, Variant] = {}
        self.asked = asyncio.Event()
        """Somebody has asked for all that it says since it plays."""

    @dbus_property(access=PropertyAccess.READ)
    def PlaybackStatus(self) -> "s":  # type: ignore[name-defined]  # noqa: F821, UP037
        return self.status

    @dbus_property(access=PropertyAccess.READ)
    def Metadata(self) -> "a{sv}":  # type: ignore[valid-type]  # noqa: F722
        return self.about

    @dbus_property(access=PropertyAccess.READ)
    def Position(self) -> "x":  # type: ignore[name-defined]  # noqa: F821, UP037
        if self.status == "Playing":
            self.asked.set()
        return self.position

    def play(self, title: str, seconds: float = 0.0, *, quietly: bool = False) -> None:
        """Play a track from this second on; `quietly` without a signal."""
        self.status, self.position = "Playing", round(seconds * 1_000_000)
        self.about = {
            "xesam:artist": Variant("as", ["Nina Simone", "Another"]),
            "xesam:title": Variant("s", title),
            "mpris:length": Variant("x", 622_000_000),
        }
        if not quietly:
            self.emit_properties_changed({"PlaybackStatus": self.status, "Metadata": self.about})

    def chatter(self) -> None:
        """Say that something has changed, as some players do every second."""
        self.emit_properties_changed({"PlaybackStatus": self.status})

    def stop(self, seconds: float) -> None:
        """Stop at this second."""
        self.status, self.position = "Stopped", round(seconds * 1_000_000)
        self.emit_properties_changed({"PlaybackStatus": self.status})


@asynccontextmanager
async def on_the_bus(name: str) -> AsyncIterator[Player]:
    """A player of that name, which is quit at the end."""
    bus = await MessageBus(bus_type=BusType.SESSION).connect()
    player = Player()
    bus.export("/org/mpris/MediaPlayer2", player)
    await bus.request_name(f"org.mpris.MediaPlayer2.{name}")
    yield player
    bus.disconnect()
    await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
