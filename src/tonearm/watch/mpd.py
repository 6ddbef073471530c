"""Watches the Music Player Daemon, over its own protocol: https://mpd.readthedocs.io/en/stable/protocol.html"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

from tonearm.core.play import Track
from tonearm.core.session import Notice, NoticeKind

PORT = 6600
LONGEST_LINE = 1 << 20
"""Bytes; MPD's own limit for a line is far lower."""

NOT_MPD = "the server there is not MPD"


class MpdError(Exception):
    """MPD rejected a command, or something else answers at its address; the message contains its answer."""


@dataclass(frozen=True, slots=True)
class MpdAddress:
    """Where MPD listens: a host and a port, or the path of a socket (or @name of an abstract one) and no port."""

    host: str = "localhost"
    port: int = PORT
    password: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """The player's name for its plays."""
        if self.host.startswith(("/", "@")):
            return "MPD"
        return f"MPD {self.host}" if self.port == PORT else f"MPD {self.host}:{self.port}"


def mpd_address(host: str, port: int) -> MpdAddress:
    """The address from MPD_HOST: `host`, `password@host`, a path, or `@name`."""
    password, at, rest = host.partition("@")
    return MpdAddress(rest, port, password) if at and password else MpdAddress(host or "localhost", port)


class MpdConnection:
    """One connection to MPD. Raises OSError when it is lost, MpdError for what MPD rejects."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, address: MpdAddress) -> MpdConnection:
        """Connect, and give the password if there is one."""
        if address.host.startswith(("/", "@")):
            path = address.host.replace("@", "\0", 1) if address.host.startswith("@") else address.host
            streams = await asyncio.open_unix_connection(path, limit=LONGEST_LINE)
        else:
            streams = await asyncio.open_connection(address.host, address.port, limit=LONGEST_LINE)
        connection = cls(*streams)
        try:
            await connection._greet(address.password)
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _greet(self, password: str) -> None:
        greeting = await self._line()
        if not greeting.startswith("OK MPD"):
            raise MpdError(NOT_MPD)
        if password:
            await self._ask(f"password {_quoted(password)}")

    async def now(self, at: float) -> Notice | None:
        """What MPD is playing, at Unix second `at`; None if it isn't playing."""
        facts = await self._ask("command_list_begin\nstatus\ncurrentsong\ncommand_list_end")
        return notice_of(facts, at)

    async def changed(self, seconds: float) -> None:
        """Return when the player has changed something, or after that many seconds."""
        self._writer.write(b"idle player\n")
        await self._writer.drain()
        answer = asyncio.ensure_future(self._answer())
        try:
            done, _ = await asyncio.wait((answer,), timeout=seconds)
            if not done:
                self._writer.write(b"noidle\n")
                await self._writer.drain()
            await answer
        finally:
            answer.cancel()

    async def close(self) -> None:
        """Close the connection."""
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()

    async def _ask(self, command: str) -> dict[str, str]:
        self._writer.write(f"{command}\n".encode())
        await self._writer.drain()
        return await self._answer()

    async def _answer(self) -> dict[str, str]:
        facts: dict[str, str] = {}
        while (line := await self._line()) != "OK":
            if line.startswith("ACK"):
                raise MpdError(line.partition("} ")[2] or line)
            name, _, value = line.partition(": ")
            facts.setdefault(name.lower(), value)  # of several artists, the first is the credited one
        return facts

    async def _line(self) -> str:
        try:
            line = await self._reader.readline()
        except ValueError:
            raise MpdError(NOT_MPD) from None
        if not line.endswith(b"\n"):
            raise ConnectionResetError("MPD closed the connection")
        return line[:-1].decode("utf-8", "replace")


def notice_of(facts: dict[str, str], at: float) -> Notice | None:
    """The notice from MPD's `status` and `currentsong`; None if nothing is playing, or the track has no artist and
    title.
    """
    if facts.get("state") not in ("play", "pause"):
        return None
    title, artist = facts.get("title", ""), facts.get("artist") or facts.get("albumartist", "")
    if title and not artist and " - " in title:  # how radio streams name what they play
        artist, _, title = title.partition(" - ")
    if not (artist and title):
        return None
    track = Track(
        artist,
        title,
        facts.get("album", ""),
        facts.get("albumartist", ""),
        _number(facts.get("duration") or facts.get("time", "").rpartition(":")[2]),
        int(_number(facts.get("track", "").partition("/")[0]) or 0) or None,
        facts.get("musicbrainz_trackid", ""),
    )
    paused = facts["state"] == "pause"
    key = f"{facts.get('songid', '')}\n{artist}\n{title}"
    on_air = not track.duration and "://" in facts.get("file", "")  # then the time is the stream's, not the song's
    position = None if on_air else _number(facts.get("elapsed", ""))
    return Notice(NoticeKind.PROGRESS, at, track, position, key, paused)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 <= number < 10**9 else None


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
