"""The pages: asked in-process for their words, and looked at in a real browser on a real service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import pytest

import tonearm
from lastfm_emulator import API_KEY, API_SECRET, Emulator, serve
from tests.databases import secret_for, with_tables
from tests.listening import connect
from tests.patience import PATIENCE
from tests.stand_ins.beside import Beside
from tests.stand_ins.serving import StandIn
from tests.threads import Started, in_a_thread
from tonearm.core.event import NowPlayingShown
from tonearm.port import address_of, listening_socket
from tonearm.serving import serving
from tonearm.web.app import create_app
from tonearm.web.options import WebOptions

T = TypeVar("T")

AUTH = "http://lastfm.test/api/auth/"


@dataclass(frozen=True)
class House:
    """A service in this process, asked without a network. `http` is a browser without scripts that has come in."""

    deck: tonearm.Deck
    me: tonearm.Listener
    emulator: Emulator
    http: httpx2.AsyncClient
    signed_out: httpx2.AsyncClient

    async def connect(self, user: str = "RJ") -> None:
        """Connect to Last.fm by the desktop flow."""
        await connect(self.me, self.emulator, user)

    async def show(self, track: tonearm.Track) -> None:
        """Announce what plays; on PostgreSQL the pages know of it when the server has passed it on."""
        with self.deck.event_hub.subscribe(self.me.id) as (subscription, _):
            await self.me.now_playing(track)
            async for published in subscription:
                if isinstance(published.event, NowPlayingShown):
                    return

    async def page(self, path: str = "/") -> str:
        """A page that must be there."""
        answer = await self.http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text


@asynccontextmanager
async def house_at(
    database: Path | str, *, key: str = API_KEY, deliver: bool = False, hosts: dict[str, StandIn] | None = None
) -> AsyncIterator[House]:
    """A house on a database, with the emulator behind it, and other services at these hosts.

    Unless it delivers, what is queued stays so.
    """
    emulator = Emulator()
    settings: dict[str, Any] = {"api_key": key, "api_secret": API_SECRET if key else "", "auth_url": AUTH}
    async with httpx2.AsyncClient(transport=Beside(emulator, hosts or {})) as client:
        options = {**settings, "http": client, "requests_per_second": 0, "deliver": deliver}
        options["secret_key"] = secret_for(database)
        async with tonearm.open(database, **options) as deck:
            app = httpx2.ASGITransport(create_app(deck))
            me = await deck.listener("me")
            async with (
                httpx2.AsyncClient(transport=app, base_url="http://localhost") as http,
                httpx2.AsyncClient(transport=app, base_url="http://localhost") as signed_out,
            ):
                link = await deck.accounts.link(me.id)
                assert (await http.get("/signin", params={"link": link})).status_code == 303
                yield House(deck, me, emulator, http, signed_out)


@pytest.fixture
def database(database: Path | str, tables: Path) -> Path | str:
    """A database of its own for each test."""
    return with_tables(database, tables)


@pytest.fixture
async def house(database: Path | str) -> AsyncIterator[House]:
    """A house whose listener has never connected."""
    async with house_at(database) as opened:
        yield opened


@dataclass
class Running:
    """A service on a port, in a thread of its own, with the emulator on another."""

    url: str
    emulator: Emulator
    lastfm: str
    deck: tonearm.Deck
    loop: asyncio.AbstractEventLoop = field(repr=False)

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something on the service's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE)

    def link(self) -> str:
        """A new one-time link."""

        async def make() -> str:
            me = await self.deck.listener("me")
            return await self.deck.accounts.link(me.id)

        return f"{self.url}/signin?link={self.call(make())}"

    def player(self) -> httpx2.Client:
        """A player with a token."""

        async def make() -> str:
            me = await self.deck.listener("me")
            return await self.deck.accounts.token(me.id)

        return httpx2.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {self.call(make())}"}, timeout=PATIENCE
        )

    def sign_in(self, user: str = "RJ") -> None:
        """Connect to Last.fm without the detour over a browser."""

        async def flow() -> None:
            await connect(await self.deck.listener("me"), self.emulator, user)

        self.call(flow())


@contextmanager
def running(
    database: Path | str, emulator: Emulator | None = None, port: int = 0, public_url: str = ""
) -> Iterator[Running]:
    """A service from its start to its end."""
    emulator = emulator or Emulator()
    with serve(emulator) as lastfm, listening_socket("127.0.0.1", port) as sock:
        emulator.pictures_at = f"{lastfm.base_url}/i/u"

        async def service(started: Started, over: asyncio.Event) -> None:
            options: dict[str, Any] = {"api_url": lastfm.url, "auth_url": lastfm.auth_url, "requests_per_second": 0}
            options["secret_key"] = secret_for(database)
            async with (
                tonearm.open(database, api_key=API_KEY, api_secret=API_SECRET, **options) as deck,
                serving(deck, sock, WebOptions(public_url, f"{lastfm.base_url}/_faults")),
            ):
                started((deck, asyncio.get_running_loop()))
                await over.wait()

        with in_a_thread(service) as (deck, loop):
            yield Running(address_of(sock), emulator, lastfm.base_url, deck, loop)


@pytest.fixture
def running_service(database: Path | str) -> Iterator[Running]:
    """A service whose listener has never connected."""
    with running(database) as service:
        yield service
