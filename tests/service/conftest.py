"""A whole deck on a real file, against the emulator, in a time that passes by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

import tonearm
from lastfm_emulator import API_KEY, API_SECRET, Emulator
from lastfm_emulator.transport import Direct
from tests.databases import secret_for, with_tables
from tests.fake_clock import FakeClock
from tests.listening import connect
from tests.patience import PATIENCE
from tonearm.core.event import Event
from tonearm.core.play import Track
from tonearm.deck import Deck, Listener
from tonearm.engine import embedded
from tonearm.service.report import ReportResult
from tonearm.service.sign_in import SignedIn
from tonearm.store import plays, queue
from tonearm.store.plays import StoredPlay

HOUR = 3600.0
DAY = 24 * HOUR


class During(Direct):
    """The emulator, and something that happens once while a method is asked, before Last.fm has heard of it."""

    def __init__(self, emulator: Emulator, method: str) -> None:
        super().__init__(emulator)
        self.method = method.encode()
        self.happens: list[Callable[[], Awaitable[object]]] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self.happens and self.method in request.content + request.url.query:
            await self.happens.pop()()
        return await super().handle_async_request(request)


@dataclass
class House:
    """A database, a Last.fm and a clock; `open` opens a deck on them."""

    database: Path | str
    emulator: Emulator
    clock: FakeClock

    @asynccontextmanager
    async def open(self, **options: Any) -> AsyncIterator[Room]:
        known = {
            "api_key": API_KEY,
            "api_secret": API_SECRET,
            "api_url": "http://lastfm.test/2.0/",
            "auth_url": "http://lastfm.test/api/auth/",
            "requests_per_second": 0,
            "clock": self.clock,
            "secret_key": secret_for(self.database),
        }
        async with (
            asyncio.timeout(PATIENCE),
            httpx2.AsyncClient(transport=Direct(self.emulator)) as http,
            tonearm.open(self.database, **{"http": http, **known, **options}) as deck,
            self.clock.flowing(),
        ):
            for name in ("read", "read_parts", "read_long", "write", "write_together"):
                setattr(deck.store, name, self.clock.watched(getattr(deck.store, name)))
            answers: Any = deck.metadata.cache._answers
            answers.find = self.clock.watched(answers.find)
            me = await deck.listener("me")
            with deck.event_hub.subscribe(me.id) as (subscription, _):
                room = Room(self, deck, me)
                listens = asyncio.create_task(room.note(subscription))
                try:
                    yield room
                finally:
                    listens.cancel()

    def calls(self, method: str = "track.scrobble") -> list[Any]:
        """What the emulator answered to calls of a method."""
        return [entry for entry in self.emulator.journal if entry.method == method]


@dataclass
class Room:
    """An open deck with the listener `me`."""

    house: House
    deck: Deck
    me: Listener
    events: list[Event] = field(default_factory=list)

    async def note(self, subscription: Any) -> None:
        async for published in subscription:
            self.events.append(published.event)

    @property
    def emulator(self) -> Emulator:
        return self.house.emulator

    @property
    def now(self) -> float:
        return self.house.clock.now()

    async def wait(self, seconds: float) -> None:
        """Let time pass at once, and everything that waited for it run."""
        await self.house.clock.still()  # who is about to sleep does so before the time is over, not from then on
        last = min(seconds, 1.0)
        for step in (seconds - last, *[last / 4] * 4):  # what begins when others wake has its pause within the time
            self.house.clock.advance(step)
            await self.house.clock.still()

    async def sign_in(self, user: str = "RJ", listener: Listener | None = None) -> SignedIn:
        signed_in = await connect(listener or self.me, self.emulator, user)
        await self.house.clock.still()  # the delivery that this has rung for is over, and meets no play of the test's
        return signed_in

    async def play(
        self, number: int, age: float = HOUR, listener: Listener | None = None, **facts: Any
    ) -> ReportResult:
        """Report one play; the higher the number the later it was."""
        track = Track("Nina Simone", f"Song {number:03}", duration=200)
        played = facts.pop("played", 150)
        at = int(self.now - age) + number
        return await (listener or self.me).scrobble(track, started_at=at, played=played, **facts)

    async def plays(self, *numbers: int, age: float = HOUR) -> list[ReportResult]:
        return list(await asyncio.gather(*(self.play(number, age) for number in numbers)))

    async def until_empty(self, within: float = DAY) -> None:
        """Return when nothing is waiting, at most a tenth of that time too late, and all events are out."""
        begun = self.now
        while await self.length():
            assert self.now < begun + within, await self.me.queue()
            await self.house.clock.sleep(max(1.0, (self.now - begun) / 10))
        await self.house.clock.still()

    async def until_calls(self, number: int, method: str = "track.scrobble") -> None:
        """Return after that many requests to Last.fm, when the answer is written."""
        while len(self.house.calls(method)) < number or (await self.me.queue()).sending:
            await self.house.clock.sleep(1)

    async def length(self) -> int:
        return await self.deck.store.read(lambda db: queue.length(db, self.me.id))

    async def history(self) -> list[StoredPlay]:
        """All plays of the listener, oldest first."""
        return (await self.deck.store.read(lambda db: plays.latest(db, self.me.id, 1000)))[::-1]

    async def fates(self) -> list[str]:
        return [kept.fate for kept in await self.history()]

    def arrived(self, user: str = "RJ") -> list[str]:
        """The titles on Last.fm, in the order of arrival."""
        return [play.track for play in sorted(self.emulator.plays(user), key=lambda play: play.received)]


def songs(*numbers: int) -> list[str]:
    return [f"Song {number:03}" for number in numbers]


@pytest.fixture
def database(database: Path | str, tables: Path) -> Path | str:
    """A database of its own for each test."""
    return with_tables(database, tables)


@pytest.fixture
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests in which hours pass: no sweep every two seconds."""
    monkeypatch.setattr(embedded, "SWEEP", 1800.0)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def emulator(clock: FakeClock) -> Emulator:
    return Emulator(clock=clock.true)


@pytest.fixture
def house(database: Path | str, emulator: Emulator, clock: FakeClock) -> House:
    return House(database, emulator, clock)


@pytest.fixture
async def room(house: House) -> AsyncIterator[Room]:
    """An open deck whose listener is signed in as RJ."""
    async with house.open() as opened:
        await opened.sign_in()
        yield opened


@pytest.fixture(autouse=True)
def no_job_fails(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A job that meets a bug of ours is retried and may then succeed, so no test would notice."""
    yield
    failed = [line for line in caplog.get_records("call") if "failed; it will be retried" in line.getMessage()]
    assert not failed or request.node.get_closest_marker("failing_jobs"), failed
