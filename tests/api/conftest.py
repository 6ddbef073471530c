"""A real service on a real socket, with the emulator for Last.fm behind HTTP."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn

import tonearm
from lastfm_emulator import API_KEY, API_SECRET, Emulator, serve
from tests.conftest import DATABASES, for_a_module
from tests.databases import secret_for, with_tables
from tests.patience import PATIENCE, pause
from tests.threads import Started, in_a_thread
from tonearm.web.app import create_app
from tonearm.web.options import WebOptions

NEW = itertools.count(1)
"""Of listeners, none is called as another."""


@dataclass(frozen=True)
class Service:
    """A running service: `http` asks as the listener `me`, who is signed in as RJ unless a test says otherwise.

    `user` is the Last.fm user of that listener.
    """

    url: str
    http: httpx2.Client
    emulator: Emulator
    deck: tonearm.Deck
    call: Callable[..., Any]
    user: str = "RJ"

    def token_of(self, name: str) -> str:
        """A new API token of a listener."""

        async def make() -> str:
            listener = await self.deck.listener(name)
            return await self.deck.accounts.token(listener.id)

        return str(self.call(make()))

    def failed_once(self, play: int) -> None:
        """Return when a play has been tried and waits again."""
        while not self.http.get(f"/lastfm/queue/{play}").json()["attempts"]:
            pause()

    def stranger(self, **headers: str) -> httpx2.Client:
        """A client without a token."""
        return httpx2.Client(base_url=self.url, headers=headers, timeout=PATIENCE)

    def sign_in(self, http: httpx2.Client, user: str) -> dict[str, Any]:
        """The whole desktop flow; what it answers at its end."""
        token = http.get("/lastfm/auth-url").json()["token"]
        self.emulator.approve(token, user)
        answer = http.get("/lastfm/auth-callback", params={"token": token})
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()
        return found


class Server(uvicorn.Server):
    """uvicorn, which signals when it is up and stops on request: its own checks every tenth of a second add up."""

    def __init__(self, config: uvicorn.Config, up: Callable[[int], None], stop: asyncio.Event) -> None:
        super().__init__(config)
        self._up = up
        self._stop = stop

    async def main_loop(self) -> None:
        await self.on_tick(0)
        self._up(self.servers[0].sockets[0].getsockname()[1])
        await self._stop.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await asyncio.sleep(0)  # connections that are idle are closed in the next round of the loop
        await asyncio.sleep(0)
        if self.server_state.connections or self.server_state.tasks:
            await super().shutdown(sockets)


@contextmanager
def running(
    database: Path | str, emulator: Emulator, *, key: str = API_KEY, signed_in: bool = True, deliver: bool = True
) -> Iterator[Service]:
    """A service on a database, from its start to its end; one that does not deliver may be there beside another."""
    with serve(emulator) as lastfm:

        async def serves(started: Started, stop: asyncio.Event) -> None:
            options: dict[str, Any] = {
                "api_key": key,
                "api_secret": API_SECRET if key else "",
                "api_url": lastfm.url,
                "auth_url": lastfm.auth_url,
                "requests_per_second": 0,
                "secret_key": secret_for(database),
                "deliver": deliver,
            }
            async with tonearm.open(database, **options) as deck:

                def up(port: int) -> None:
                    started((deck, asyncio.get_running_loop(), f"http://127.0.0.1:{port}"))

                config = uvicorn.Config(create_app(deck, WebOptions()), port=0, log_level="warning", lifespan="off")
                config.timeout_graceful_shutdown = 1
                await Server(config, up, stop)._serve()

        with in_a_thread(serves) as (deck, loop, url):

            def call(work: Any) -> Any:
                return asyncio.run_coroutine_threadsafe(work, loop).result(PATIENCE)

            with httpx2.Client(base_url=url, timeout=PATIENCE) as http:
                service = Service(url, http, emulator, deck, call)
                http.headers["Authorization"] = f"Bearer {service.token_of('me')}"
                if signed_in:
                    service.sign_in(http, "RJ")
                yield service


@pytest.fixture
def database(database: Path | str, tables: Path) -> Path | str:
    """A database of its own for each test."""
    return with_tables(database, tables)


@pytest.fixture
def service(database: Path | str) -> Iterator[Service]:
    """A service whose listener is signed in."""
    with running(database, Emulator()) as service:
        yield service


@pytest.fixture(scope="module")
def unmoved(module_database: Path | str) -> Iterator[Service]:
    """The same for all tests of a module that are about what is refused: it has no plays, and gets none."""
    with running(module_database, Emulator()) as service:
        yield service


@pytest.fixture(scope="module", params=DATABASES)
def crowded_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path | str]:
    """One for all tests of a module that are each about a listener of their own."""
    yield from for_a_module(request, tmp_path_factory)


@pytest.fixture(scope="module")
def crowded(crowded_database: Path | str) -> Iterator[Service]:
    """The service on it."""
    with running(crowded_database, Emulator()) as service:
        yield service


@pytest.fixture
def newcomer(crowded: Service) -> Iterator[Service]:
    """A service with a new listener, signed in as a `user` of their own."""
    user = f"listener-{next(NEW)}"
    with httpx2.Client(base_url=crowded.url, timeout=PATIENCE) as http:
        http.headers["Authorization"] = f"Bearer {crowded.token_of(user)}"
        crowded.sign_in(http, user)
        yield replace(crowded, http=http, user=user)


@pytest.fixture
def signed_out(database: Path | str) -> Iterator[Service]:
    """A service whose listener has never signed in."""
    with running(database, Emulator(), signed_in=False) as service:
        yield service


@pytest.fixture
def keyless(database: Path | str) -> Iterator[Service]:
    """A service without an API key."""
    with running(database, Emulator(), key="", signed_in=False) as service:
        yield service
