"""`tonearm watch`: reports what players on this machine play that can't report themselves."""

from __future__ import annotations

import asyncio
import os
import re
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tonearm.commands.errors import Failed
from tonearm.commands.options import Command, WholeNumber, for_listener, with_settings
from tonearm.terminal import say

if TYPE_CHECKING:
    from tonearm.core.play import Track
    from tonearm.core.session import Finished
    from tonearm.deck import Listener
    from tonearm.settings import Settings
    from tonearm.watch.watcher import Reporter, Watcher

Follow = Callable[["Watcher"], Coroutine[Any, Any, None]]
"""Follows players until they are gone for good."""

RETRY = 10.0
"""Seconds after which a play is written again if the database could not be used."""

LAST_ATTEMPT = 5.0
"""Seconds that a service elsewhere gets for what waits when the watcher ends; the rest is sent next time."""


@click.group()
def watch() -> None:
    """Watch players and report what they play: to the database here, or to a service elsewhere (--to).

    Plays in the database are sent by 'tonearm serve'. Those for a service elsewhere are kept on disk until it has
    them, so nothing is lost while it is down.
    """


def _reporting(command: Command) -> Command:
    """Add the options for where plays go: to the database here, or to a service elsewhere."""
    for option in (
        click.option(
            "--token-file",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            metavar="FILE",
            help="An API token or a player's secret for --to; or set TONEARM_WATCH_TOKEN.",
        ),
        click.option(
            "--to",
            "url",
            metavar="URL",
            envvar="TONEARM_WATCH_TO",
            help="The address of a service elsewhere; or set TONEARM_WATCH_TO.",
        ),
        for_listener,
        with_settings(),
    ):
        command = option(command)
    return command


@watch.command()
@_reporting
@click.option("--only", multiple=True, metavar="NAME", help="Watch only this player, such as vlc; may be repeated.")
@click.option(
    "--ignore", multiple=True, metavar="NAME", help="Leave out a player, such as firefox; * matches anything."
)
def mpris(
    settings: Settings,
    listener: str,
    url: str | None,
    token_file: Path | None,
    only: tuple[str, ...],
    ignore: tuple[str, ...],
) -> None:
    """Watch desktop players (MPRIS over D-Bus) until stopped."""
    try:
        from tonearm.watch.mpris import MprisBus, NoBus, PlayerFilter, player_of
    except ImportError:
        raise Failed("watching desktop players needs tonearm[watch]: pip install 'tonearm[watch]'") from None
    from tonearm.clock import SystemClock
    from tonearm.watch.follow import follow_mpris

    async def follow(watcher: Watcher) -> None:
        bus = MprisBus(PlayerFilter(only, ignore))
        try:
            await bus.open()
            say("watching the players of this desktop session")
            await follow_mpris(bus, watcher, SystemClock())
        except NoBus as error:
            raise Failed(str(error)) from None
        finally:
            bus.close()
        raise Failed("lost the connection to the D-Bus session bus")

    _run(settings, listener, url, token_file, "mpris", follow, player_of)


@watch.command()
@_reporting
@click.option(
    "--mpd-host", "host", metavar="HOST", help="A name, an address or a socket; default: MPD_HOST, or localhost."
)
@click.option("--mpd-port", "port", type=WholeNumber(1, 65535), metavar="N", help="Default: MPD_PORT, or 6600.")
def mpd(
    settings: Settings, listener: str, url: str | None, token_file: Path | None, host: str | None, port: int | None
) -> None:
    """Watch a Music Player Daemon until stopped. A password is given as MPD_HOST=password@host."""
    from tonearm.clock import SystemClock
    from tonearm.watch.follow import follow_mpd
    from tonearm.watch.mpd import PORT, MpdError, mpd_address

    address = mpd_address(host or os.environ.get("MPD_HOST", ""), port or _port_of(os.environ.get("MPD_PORT"), PORT))

    async def follow(watcher: Watcher) -> None:
        try:
            await follow_mpd(address, watcher, SystemClock(), _print)
        except MpdError as error:
            raise Failed(f"{address.name}: {error}") from None

    spool_name = re.sub(r"[^a-z0-9.]+", "-", address.name.lower())
    _run(settings, listener, url, token_file, spool_name, follow)


def _port_of(text: str | None, default: int) -> int:
    if not text:
        return default
    if text.isascii() and text.isdigit() and 0 < int(text) < 65536:
        return int(text)
    raise Failed("MPD_PORT: not a port number")


def _print(message: str) -> None:
    say(message, err=True)


def _run(
    settings: Settings,
    listener: str,
    url: str | None,
    token_file: Path | None,
    spool_name: str,
    follow: Follow,
    named: Callable[[str], str] = str,
) -> None:
    """Watch until SIGINT or SIGTERM, then report what is playing as far as it was heard."""
    from tonearm.commands.opening import run

    if url is None:
        if token_file is not None:
            raise click.UsageError("--token-file is for a service elsewhere: add --to URL")
        run(_watch(_here(settings, listener), follow, named))
    else:
        run(_watch(_elsewhere(url, _token(token_file), spool_name), follow, named))


async def _watch(reporting: AbstractAsyncContextManager[Reporter], follow: Follow, named: Callable[[str], str]) -> None:
    from tonearm.clock import SystemClock
    from tonearm.serving import stop_requested
    from tonearm.watch.watcher import Watcher

    with stop_requested() as stop:
        async with reporting as reporter:
            watcher = Watcher(reporter, named)
            following, ending = asyncio.create_task(follow(watcher)), asyncio.create_task(stop.wait())
            try:
                await asyncio.wait((following, ending), return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (following, ending):
                    task.cancel()
                (error, _) = await asyncio.gather(following, ending, return_exceptions=True)
                await watcher.close(SystemClock().now())
            if isinstance(error, Exception):
                raise error


@asynccontextmanager
async def _here(settings: Settings, name: str) -> AsyncIterator[Reporter]:
    """Report to the database of the settings."""
    from tonearm.commands.opening import Sends, deck_of, listener_of

    async with deck_of(settings, Sends.NO, creates=True) as deck:
        here = _Here(await listener_of(deck, name))
        writing = asyncio.create_task(here.write())
        try:
            yield here
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            await here.write_waiting()


class _Here:
    """A Reporter to the database here. Plays wait in memory while it can't be used, for example because the disk is
    full.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._waiting: deque[tuple[Finished, str]] = deque()
        self._new = asyncio.Event()

    async def announce(self, track: Track, player: str) -> None:
        """Note what is playing now: the service shows it."""
        from tonearm.core.play import MissingName
        from tonearm.service.values import StoreUnavailable

        with suppress(StoreUnavailable, MissingName):
            await self._listener.now_playing(track)

    async def report(self, finished: Finished, player: str) -> None:
        """Pass it on to `write`, so that watching never waits for a disk."""
        self._waiting.append((finished, player))
        self._new.set()

    async def write(self) -> None:
        """Write reported plays, for ever."""
        while True:
            self._new.clear()
            if await self.write_waiting():
                await self._new.wait()
            else:
                await asyncio.sleep(RETRY)

    async def write_waiting(self) -> bool:
        """Write what waits; False if the database cannot be used now."""
        from tonearm.core.play import MissingName
        from tonearm.service.report import NotATime
        from tonearm.service.values import StoreUnavailable

        while self._waiting:
            finished, player = self._waiting[0]
            names = f"{finished.track.artist} – {finished.track.title}"
            try:
                report = await self._listener.scrobble(
                    finished.track, started_at=finished.start, played=finished.played or 0, reporter=player
                )
            except StoreUnavailable as error:
                _print(f"{names} is not saved yet: the database is unavailable: {error}")
                return False
            except (MissingName, NotATime) as error:
                _print(f"{names} is skipped: {error}")
            else:
                say(f"{names}: {report.status}: {report.message}")
            self._waiting.popleft()
        return True


@asynccontextmanager
async def _elsewhere(url: str, token: str, spool_name: str) -> AsyncIterator[Reporter]:
    """Report to a service elsewhere; what it does not have yet waits in the user's data folder."""
    from tonearm.settings import data_folder
    from tonearm.watch.elsewhere import Destination, Elsewhere
    from tonearm.watch.waiting import Spool, SpoolBroken

    try:
        reporter = Elsewhere(
            Destination(url.rstrip("/"), token), Spool(data_folder() / f"watch-{spool_name}.db"), _print
        )
    except SpoolBroken as error:
        raise Failed(str(error)) from None
    sending = asyncio.create_task(reporter.send())
    try:
        yield reporter
    except SpoolBroken as error:
        raise Failed(str(error)) from None
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        with suppress(TimeoutError, SpoolBroken):
            await asyncio.wait_for(reporter.send_waiting(), LAST_ATTEMPT)
        await reporter.close()


def _token(file: Path | None) -> str:
    """The token for the service."""
    try:
        token = file.read_text(encoding="utf-8") if file else os.environ.get("TONEARM_WATCH_TOKEN", "")
    except (OSError, UnicodeDecodeError):
        raise Failed(f"{file}: cannot be read") from None
    if not token.strip():
        raise Failed("--to needs an API token or a player's secret: --token-file FILE, or TONEARM_WATCH_TOKEN")
    if not (token.strip().isascii() and token.strip().isprintable()):
        raise Failed("invalid token: it contains characters that tokens never have")
    return token.strip()
