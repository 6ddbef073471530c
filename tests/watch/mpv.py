"""A real mpv with its plugin for MPRIS, which plays without output."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus

from tests.audio import Tags, flac
from tests.patience import PATIENCE, async_pause
from tests.watch.desktop import PLAYER

_PLUGINS = (
    Path("/usr/lib/mpv-mpris/mpris.so"),
    Path("/usr/lib/mpv/scripts/mpris.so"),
    Path("/etc/mpv/scripts/mpris.so"),
)
_PLUGIN = next((str(path) for path in _PLUGINS if path.exists()), "")
installed = shutil.which("mpv") is not None and bool(_PLUGIN)
WHY_NOT = "mpv and mpv-mpris are not on this machine"

_OPTIONS = ("--no-config", "--no-video", "--no-terminal", "--ao=null", f"--script={_PLUGIN}")


@contextmanager
def mpv_playing(folder: Path, files: Sequence[tuple[Tags, float]]) -> Iterator[subprocess.Popen[bytes]]:
    """An mpv that plays these silent files (tags, and seconds that they last)."""
    paths = [folder / f"{number}.flac" for number in range(len(files))]
    for path, (tags, seconds) in zip(paths, files, strict=True):
        path.write_bytes(flac(tags, seconds))
    process = subprocess.Popen(["mpv", *_OPTIONS, *map(str, paths)], env={**os.environ, "HOME": str(folder)})
    try:
        yield process
    finally:
        process.kill()
        process.wait(PATIENCE)


class RemoteControl:
    """The buttons of the mpv on the session bus."""

    async def __call__(self, method: str, signature: str = "", *values: object) -> None:
        """Press one."""
        await self._ask(PLAYER, method, signature, *values)

    async def until(self, seconds: float) -> None:
        """Wait until the track has reached this second."""
        while (await self._ask("org.freedesktop.DBus.Properties", "Get", "ss", PLAYER, "Position")) < seconds * 1e6:
            await async_pause()

    async def _ask(self, interface: str, member: str, signature: str, *values: object) -> float:
        bus = await MessageBus(bus_type=BusType.SESSION).connect()
        message = Message(
            destination="org.mpris.MediaPlayer2.mpv",
            path="/org/mpris/MediaPlayer2",
            interface=interface,
            member=member,
            signature=signature,
            body=list(values),
        )
        answer = await bus.call(message)
        bus.disconnect()
        assert answer is not None
        assert answer.message_type is MessageType.METHOD_RETURN, answer.body
        return answer.body[0].value if answer.body else 0.0
