"""The demo itself: starts everything, and sums up at the end."""

from __future__ import annotations

import asyncio
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx2

from tonearm import app
from tonearm.core.event import ScrobbleStatus
from tonearm.deck import Deck, Listener
from tonearm.demo.player import Player
from tonearm.demo.stand_in import StandIn, StandInFailed, stand_in
from tonearm.port import address_of
from tonearm.service.sign_in import SignedIn, Unreachable
from tonearm.serving import serving, stop_requested
from tonearm.store import plays
from tonearm.web.options import WebOptions

DRAIN = 10.0
"""Seconds that the last plays get to be sent."""

_NOT_LOST = ("queued", "ignored", "refused", "expired", "discarded")
"""Fates of a play that is not at Last.fm, each with its reason on the page."""

Key = tuple[str, str, int]
Say = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """What happened to the demo's plays; `lost` were acknowledged but are nowhere."""

    reported: int
    accepted: int
    waiting: int
    lost: int

    def __str__(self) -> str:
        return f"plays: {self.reported} reported, {self.accepted} accepted, {self.waiting} waiting, {self.lost} lost"


async def show(sock: socket.socket, seconds: float | None, say: Say) -> DemoAccount:
    """Run the demo on a socket for that many seconds, or until SIGINT or SIGTERM. Raises StandInFailed."""
    with stop_requested() as stop, tempfile.TemporaryDirectory(prefix="tonearm-demo-") as folder:
        async with stand_in() as lastfm, _deck(Path(folder), lastfm) as deck:
            me = await _signed_in(deck, lastfm)
            async with serving(deck, sock, WebOptions(emulator_url=lastfm.faults_url)):
                address = address_of(sock)
                say(f"Page     {address}/signin?link={await deck.accounts.link(me.id)}  (once; then {address})")
                say(f"Faults   {lastfm.faults_url}  (make the stand-in for Last.fm fail)")
                say("Playing. Press Ctrl-C to stop." if seconds is None else f"Playing for {seconds:g} seconds.")
                player = await _played(deck, me, address, stop, seconds, say)
                await deck.accounts.retry_and_wait(me.id, deck.hint, deck.event_hub, DRAIN)
                return await _account(deck, me, player.reported, await lastfm.plays())


@asynccontextmanager
async def _deck(folder: Path, lastfm: StandIn) -> AsyncIterator[Deck]:
    async with app.open(
        folder / "demo.db",
        api_key=lastfm.api_key,
        api_secret=lastfm.api_secret,
        api_url=lastfm.api_url,
        auth_url=lastfm.auth_url,
    ) as deck:
        yield deck


async def _signed_in(deck: Deck, lastfm: StandIn) -> Listener:
    me = await deck.listener()
    start = await me.sign_in()
    if isinstance(start, Unreachable) or start.token is None:
        raise StandInFailed("the stand-in for Last.fm gave no token")
    await lastfm.approve(start.auth_url)
    if not isinstance(await me.finish_sign_in(start.token), SignedIn):
        raise StandInFailed("the stand-in for Last.fm refused the sign-in")
    return me


async def _played(
    deck: Deck, me: Listener, address: str, stop: asyncio.Event, seconds: float | None, say: Say
) -> Player:
    headers = {"Authorization": f"Bearer {await deck.accounts.token(me.id)}"}
    printing = asyncio.create_task(_print_events(deck, me, say))
    async with httpx2.AsyncClient(base_url=address, headers=headers) as service:
        player = Player(service, deck.clock)
        playing = asyncio.create_task(player.play(stop))
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await stop.wait()
        stop.set()
        await playing
    printing.cancel()
    return player


async def _print_events(deck: Deck, me: Listener, say: Say) -> None:
    with deck.event_hub.subscribe(me.id) as (subscription, _):
        async for numbered in subscription:
            if isinstance(numbered.event, ScrobbleStatus) and numbered.event.status != "queued":
                say(f"  {numbered.event.status:9} {numbered.event.artist} – {numbered.event.track}")


async def _account(deck: Deck, me: Listener, reported: Collection[Key], there: set[Key]) -> DemoAccount:
    stored = await deck.store.read(partial(plays.latest, account=me.id, limit=len(reported) + 1000))
    fates = {(play.play.track.artist, play.play.track.title, play.play.timestamp): play.fate for play in stored}
    here = list(fates.values())
    lost = [play for play in reported if play not in there and fates.get(play) not in _NOT_LOST]
    return DemoAccount(len(reported), here.count("accepted"), here.count("queued"), len(lost))
