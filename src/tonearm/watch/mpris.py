"""Watches desktop players, over D-Bus: https://specifications.freedesktop.org/mpris-spec/latest/

Only the state that a player returns when it is queried is believed. The signals only trigger a query: some players send
two for one change, with different content.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

from dbus_fast import BusType, DBusError, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from tonearm.core.placeholder import is_no_album
from tonearm.core.play import DAY, Track
from tonearm.core.session import Notice, NoticeKind

PREFIX = "org.mpris.MediaPlayer2."
_PATH = "/org/mpris/MediaPlayer2"
_PLAYER = "org.mpris.MediaPlayer2.Player"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_BUS, _BUS_PATH = "org.freedesktop.DBus", "/org/freedesktop/DBus"

ALWAYS_IGNORED = ("playerctld",)
"""It repeats the state of the other players."""

ANSWER_WITHIN = 5.0
"""Seconds that a player gets for an answer."""

_MICROSECONDS = 1_000_000

_ENOUGH = 3.0
"""Seconds after which it can be seen whether a length grows."""

_UNSURE = -1
"""A length that may still turn out to be that of a live stream; VLC's for a track that it has just opened."""

_MBIDS = ("mb:trackid", "xesam:musicbrainztrackid")
"""The fields, in lower case, in which players name the recording: VLC, and those that follow the ontology."""


class NoBus(Exception):
    """There is no session bus to watch, or the connection was lost; the message says what to do."""


@dataclass(frozen=True, slots=True)
class PlayerFilter:
    """Which players are watched: those in `only` (all, if it is empty), except those in `ignore`. A name is the last
    part of the bus name in upper or lower case, such as `spotify` or `firefox`; `*` matches anything.
    """

    only: Sequence[str] = ()
    ignore: Sequence[str] = ()

    def watches(self, player: str) -> bool:
        """Whether the player of that name is watched."""
        if _matches(player, (*self.ignore, *ALWAYS_IGNORED)):
            return False
        return not self.only or _matches(player, self.only)


def _matches(player: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(player.casefold(), pattern.casefold()) for pattern in patterns)


def player_of(bus_name: str) -> str:
    """A player's name: `org.mpris.MediaPlayer2.vlc.instance7` is `vlc`. "" for what is not a player."""
    if not bus_name.startswith(PREFIX):
        return ""
    name, dot, instance = bus_name.removeprefix(PREFIX).rpartition(".")
    return name if dot and instance.lower().startswith("instance") else bus_name.removeprefix(PREFIX)


@dataclass(slots=True)
class _Length:
    """The first length that a player gave for a track that it reads over HTTP. That of a live stream grows with time:
    it is what mpv has received so far.
    """

    track: object
    length: float
    at: float
    grows: bool | None = None
    """None as long as it isn't known."""

    def add(self, length: float, at: float) -> None:
        """Compare with a later length."""
        if at - self.at >= _ENOUGH and not self.grows:
            self.grows = length - self.length >= (at - self.at) / 2


@dataclass(slots=True)
class MprisBus:
    """The session bus: which players are on it, and what each of them plays."""

    wanted: PlayerFilter
    changes: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    """Bus names of players that have changed something, appeared or gone; "" when the bus has gone."""
    _owners: dict[str, str] = field(default_factory=dict)
    _still: dict[str, int] = field(default_factory=dict)
    _firsts: dict[str, _Length] = field(default_factory=dict)
    _bus: MessageBus | None = None

    async def open(self) -> None:
        """Connect, and listen to present and future players. Raises NoBus."""
        try:
            self._bus = await MessageBus(bus_type=BusType.SESSION).connect()
        except Exception as fault:  # an invalid address, a missing socket, a rejected connection
            raise NoBus(
                "no D-Bus session bus: run this as the user whose players it watches (DBUS_SESSION_BUS_ADDRESS)"
            ) from fault
        self._bus.add_message_handler(self._on_message)
        for rule in (
            f"type='signal',interface='{_PROPERTIES}',member='PropertiesChanged',path='{_PATH}'",
            f"type='signal',interface='{_PLAYER}',member='Seeked',path='{_PATH}'",
            f"type='signal',sender='{_BUS}',member='NameOwnerChanged',arg0namespace='org.mpris.MediaPlayer2'",
        ):
            await self._call(_BUS, _BUS_PATH, _BUS, "AddMatch", "s", [rule])
        for name in (await self._call(_BUS, _BUS_PATH, _BUS, "ListNames"))[0]:
            if player_of(name):
                self._owners[name] = (await self._call(_BUS, _BUS_PATH, _BUS, "GetNameOwner", "s", [name]))[0]
                self.changes.put_nowait(name)

    @property
    def players(self) -> list[str]:
        """The bus names of the players that are watched."""
        return [name for name in self._owners if self.wanted.watches(player_of(name))]

    async def closed(self) -> None:
        """Return when the bus has gone."""
        if self._bus is not None:
            with suppress(OSError, EOFError, DBusError):
                await self._bus.wait_for_disconnect()  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """Hang up."""
        if self._bus is not None:
            self._bus.disconnect()

    async def now(self, name: str, at: float) -> Notice | None:
        """What a player is playing, at Unix second `at`; None if it isn't playing, has gone, is not watched, or if an
        older name of the same program says so already. Raises TimeoutError if it doesn't answer.
        """
        if name not in self._owners or not self.wanted.watches(player_of(name)):
            return None
        try:
            facts = await self._facts(name)
            notice = notice_of(self._with_true_length(name, facts, at), at, self._position(name, facts))
            for older in await self._older_names(name) if notice else ():
                first = notice_of(await self._facts(older), at, None)
                if first and notice and first.identity == notice.identity:
                    return None
        except DBusError:
            return None
        return notice

    async def _facts(self, name: str) -> Mapping[str, Any]:
        """A player's properties. Raises DBusError and TimeoutError."""
        (facts,) = await self._call(name, _PATH, _PROPERTIES, "GetAll", "s", [_PLAYER])
        return {key: _plain(value) for key, value in facts.items()}

    def _with_true_length(self, name: str, facts: Mapping[str, Any], at: float) -> Mapping[str, Any]:
        """The properties without the length of a live stream, and without one that may be."""
        about = facts.get("Metadata")
        length = _seconds(about.get("mpris:length")) if isinstance(about, Mapping) else None
        if not isinstance(about, Mapping) or length is None or not _host(about):
            self._firsts.pop(name, None)
            return facts
        track = about.get("mpris:trackid"), about.get("xesam:url")
        seen = self._firsts.get(name)
        if seen is None or seen.track != track:
            seen = self._firsts[name] = _Length(track, length, at)
        seen.add(length, at)
        if seen.grows is False:
            return facts
        return {**facts, "Metadata": {**about, "mpris:length": None if seen.grows else _UNSURE}}

    async def _older_names(self, name: str) -> list[str]:
        """The names that a player has taken before this one: VLC, for example, takes two if its control is switched on
        twice.
        """
        names = [other for other in self._owners if player_of(other) == player_of(name)]
        older = names[: names.index(name)] if name in names else []
        if not older:
            return []
        process = await self._process(name)
        return [other for other in older if await self._process(other) == process]

    async def _process(self, name: str) -> int:
        found: int = (await self._call(_BUS, _BUS_PATH, _BUS, "GetConnectionUnixProcessID", "s", [name]))[0]
        return found

    def _position(self, name: str, facts: Mapping[str, Any]) -> float | None:
        """The position in the track, in seconds; None if the player doesn't report it: some always report 0. Just
        before a track is heard, mpv reports less than 0.
        """
        position = facts.get("Position")
        if not isinstance(position, int) or position <= -_MICROSECONDS:
            return None
        position = max(position, 0)
        if position > 0 or facts.get("PlaybackStatus") != "Playing":
            self._still[name] = 0
        else:
            self._still[name] = self._still.get(name, 0) + 1
        return position / _MICROSECONDS if self._still[name] < 2 else None

    def _on_message(self, message: Message) -> None:
        if message.message_type is not MessageType.SIGNAL:
            return
        if message.member == "NameOwnerChanged" and message.sender == _BUS:
            name, _, owner = message.body
            if not player_of(name):
                return
            if owner:
                self._owners[name] = owner
            else:
                self._owners.pop(name, None)
                self._still.pop(name, None)
                self._firsts.pop(name, None)
            self.changes.put_nowait(name)
        elif message.path == _PATH:
            for name, owner in self._owners.items():
                if owner == message.sender:
                    self.changes.put_nowait(name)

    async def _call(
        self, to: str, path: str, interface: str, member: str, signature: str = "", body: list[Any] | None = None
    ) -> Sequence[Any]:
        assert self._bus is not None
        if not self._bus.connected:
            raise DBusError("no.answer", "the bus is gone")
        message = Message(
            destination=to, path=path, interface=interface, member=member, signature=signature, body=body or []
        )
        try:
            answer = await asyncio.wait_for(self._bus.call(message), ANSWER_WITHIN)
        except TimeoutError:
            raise
        except (OSError, EOFError) as fault:  # the bus has gone between two queries
            raise DBusError("no.answer", "the bus is gone") from fault
        if answer is None or answer.message_type is MessageType.ERROR:
            raise DBusError(answer.error_name if answer and answer.error_name else "no.answer", "refused")
        body_: Sequence[Any] = answer.body
        return body_


def notice_of(facts: Mapping[str, Any], at: float, position: float | None) -> Notice | None:
    """The notice from a player's properties; None if it isn't playing, or without an artist and a title, as for
    videos.
    """
    about = facts.get("Metadata")
    if facts.get("PlaybackStatus") not in ("Playing", "Paused") or not isinstance(about, Mapping):
        return None
    about = {key.casefold(): value for key, value in about.items()}  # VLC writes xesam:tracknumber
    length = _seconds(about.get("mpris:length"))
    if length is None and about.get("mpris:length") != _UNSURE and _host(about):
        position = None  # it is the stream's, not the song's
        if on_air := _on_air(about):
            about = on_air
    album_artist = _text(about.get("xesam:albumartist"))
    artist, title = _text(about.get("xesam:artist")) or album_artist, _text(about.get("xesam:title"))
    if not (artist and title):
        return None
    album = _text(about.get("xesam:album"))
    track = Track(
        artist,
        title,
        "" if is_no_album(album) else album,  # Rhythmbox and Cantata call it "Unknown"
        album_artist,
        length,
        _track_number(about.get("xesam:tracknumber")),
        next((found for name in _MBIDS if (found := _text(about.get(name)))), ""),
    )
    return Notice(NoticeKind.PROGRESS, at, track, position, paused=facts.get("PlaybackStatus") == "Paused")


def _host(about: Mapping[str, Any]) -> str:
    """The host of a track that is read over HTTP; "" for others."""
    try:
        address = urlsplit(_text(about.get("xesam:url")))
    except ValueError:
        return ""
    return address.hostname or "" if address.scheme in ("http", "https") else ""


def _on_air(about: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What a radio station plays, which it names "artist - title"; None if the player doesn't say that it is a station.
    VLC has it beside the station's name; Audacious has it as the title, with the station as the artist and the host as
    the album.
    """
    playing = "" if _text(about.get("xesam:artist")) else _text(about.get("vlc:nowplaying"))
    if _text(about.get("xesam:album")).casefold() == _host(about):
        playing = _text(about.get("xesam:title"))
    artist, dash, title = playing.partition(" - ")
    return {"xesam:artist": artist, "xesam:title": title} if dash else None


def _plain(value: Any) -> Any:
    """A value without D-Bus's wrapping."""
    if isinstance(value, Variant):
        return _plain(value.value)
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return value


def _text(value: Any) -> str:
    """A name; the first of a list, as Last.fm files plays. Some players send a text instead of a list."""
    names = value if isinstance(value, list) else [value]
    return next((name for name in names if isinstance(name, str) and name.strip()), "")


def _seconds(microseconds: Any) -> float | None:
    """The length of a track. Some players give none, some in another unit: nothing is longer than a day."""
    if isinstance(microseconds, bool) or not isinstance(microseconds, (int, float)):
        return None
    seconds = microseconds / _MICROSECONDS
    return seconds if 0 < seconds <= DAY else None


def _track_number(value: Any) -> int | None:
    """The number of a track; VLC sends it as a text, as it is in the file."""
    if isinstance(value, str):
        number = value.partition("/")[0].strip()
        value = int(number) if number.isascii() and number.isdigit() and len(number) < 6 else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
