"""Where engines of each kind are run in real time, and a handler to watch them by. Another engine joins in `YARDS`."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from tests.patience import PATIENCE
from tests.postgres import Server
from tonearm.clock import SystemClock
from tonearm.engine.embedded import EmbeddedEngine
from tonearm.engine.engine import Due, Engine, Handler
from tonearm.engine.postgres import PostgresEngine
from tonearm.store.db.sqlite_writer import StoreUnavailable

PLACES = 3
RESCUE = 2.0
SWEEP = 0.1


@dataclass
class Work:
    """A handler that notes its calls, works until it is let go, and sees to it that no key runs beside itself.

    `owed` is what the tables would say: keys that have something to do, which a call does.
    """

    calls: list[int] = field(default_factory=list)
    done: list[int] = field(default_factory=list)
    cancelled: list[int] = field(default_factory=list)
    again: list[float | None] = field(default_factory=list)
    owed: set[int] = field(default_factory=set)
    busy: Counter[int] = field(default_factory=Counter)
    most: int = 0
    sweeps: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    before: Callable[[int], None] = lambda key: None

    async def __call__(self, key: int) -> float | None:
        self.calls.append(key)
        self.busy[key] += 1
        assert self.busy[key] == 1, "two at once for one key"
        self.most = max(self.most, self.busy.total())
        self.owed.discard(key)
        self.changed.set()
        try:
            self.before(key)
            await self.gate.wait()
            self.done.append(key)
        except asyncio.CancelledError:
            self.cancelled.append(key)
            raise
        finally:
            self.busy[key] -= 1
            self.changed.set()
        return self.again.pop(0) if self.again else None

    async def due(self) -> Iterable[tuple[str, int]]:
        """What the tables would say."""
        self.sweeps += 1
        self.changed.set()
        return [("deliver", key) for key in sorted(self.owed)]

    async def until(self, seen: Callable[[], bool], within: float = PATIENCE) -> None:
        """Return when the condition is true; raises TimeoutError if it isn't within that many seconds."""
        async with asyncio.timeout(within):
            while not seen():
                self.changed.clear()
                await self.changed.wait()


class Yard(Protocol):
    """A database with engines on it."""

    name: str
    away: bool

    def engine(self, grace: float = 0.05, pause: float = 0.0, rescue: float = RESCUE) -> Engine:
        """Another engine on this database, which belongs to the running loop."""

    @asynccontextmanager
    def outage(self, *, crashes: bool = True) -> AsyncIterator[None]:
        """The database is down while the block lasts: it crashes, or is stopped as for a restart."""


class EmbeddedYard:
    """The database of the embedded engine is known to its handlers and its sweep alone."""

    name = "embedded"

    def __init__(self, server: Server | None = None, url: str = "") -> None:
        self.away = False

    def engine(self, grace: float = 0.05, pause: float = 0.0, rescue: float = RESCUE) -> Engine:
        return EmbeddedEngine(SystemClock(), PLACES, grace=grace, pause=pause)

    @asynccontextmanager
    async def outage(self, *, crashes: bool = True) -> AsyncIterator[None]:
        self.away = True
        yield
        self.away = False


class PostgresYard:
    """A real PostgreSQL with the engine's tables; one without a server can't be down."""

    name = "postgres"

    def __init__(self, server: Server | None = None, url: str = "") -> None:
        self.away = False
        self.url = url
        self._server = server

    def engine(self, grace: float = 0.05, pause: float = 0.0, rescue: float = RESCUE) -> Engine:
        return PostgresEngine(self.url, SystemClock(), PLACES, grace=grace, pause=pause, rescue=rescue)

    @asynccontextmanager
    async def outage(self, *, crashes: bool = True) -> AsyncIterator[None]:
        assert self._server is not None
        self.away = True
        await asyncio.to_thread(self._server.crash if crashes else self._server.stop)
        yield
        self._server.start()  # from the main thread, with which it is to end
        self.away = False


YARDS: Mapping[str, type[EmbeddedYard] | type[PostgresYard]] = {"embedded": EmbeddedYard, "postgres": PostgresYard}


async def nothing_due() -> list[tuple[str, int]]:
    return []


@asynccontextmanager
async def running(
    engine: Engine, handlers: Mapping[str, Handler], due: Due = nothing_due
) -> AsyncIterator[asyncio.Event]:
    """An engine at work while the block lasts."""
    stop = asyncio.Event()
    runs = asyncio.create_task(engine.run(handlers, due, stop))
    try:
        yield stop
    finally:
        stop.set()
        await asyncio.wait_for(runs, PATIENCE)


def from_tables(yard: Yard, ask: Due) -> Due:
    """A sweep that finds nothing while the database is down."""

    async def due() -> Iterable[tuple[str, int]]:
        if yard.away:
            raise StoreUnavailable("the database is away")
        return await ask()

    return due
