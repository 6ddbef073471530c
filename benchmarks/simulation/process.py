"""The process under test: one life of it, from `tonearm.open` to a clean end or a crash."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import httpx2

import tonearm
from benchmarks.simulation.crash_points import Died, Doom
from benchmarks.simulation.disk import Disk, Drive
from benchmarks.simulation.timeline import Loop, Timeline
from benchmarks.simulation.wire import Network, Wire
from lastfm_emulator import API_KEY, API_SECRET
from tonearm import app, http_exchange
from tonearm.deck import Deck
from tonearm.engine import embedded
from tonearm.store import response_cache
from tonearm.store.db import database
from tonearm.store.db.sqlite_writer import StoreUnavailable

Live = Callable[[list[Deck]], Awaitable[None]]
"""What happens with the decks of a life."""

SECRET = "simulated"
"""Encrypts what isn't secret."""

_DRIVE = Drive()


class Clock:
    """The clock of one worker: it may be wrong, and the worker may be stopped for a while, as a laptop is."""

    def __init__(self, timeline: Timeline, chance: Random, ahead: float) -> None:
        self._timeline = timeline
        self._chance = chance
        self._ahead = ahead
        self.stopped_until = 0.0

    @property
    def boot(self) -> str:
        return "simulated"

    def now(self) -> float:
        return self._timeline.now + self._ahead

    def step(self, seconds: float) -> None:
        """Set the clock forward or back."""
        self._ahead += seconds

    def steady(self) -> float:
        return self._timeline.elapsed

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await asyncio.sleep(max(0.0, self.stopped_until - self._timeline.elapsed))

    def chance(self) -> float:
        return self._chance.random()


@dataclass(slots=True)
class Process:
    """What all its lives share. `mishap` is called with what should never happen, `workers` deliver side by side."""

    timeline: Timeline
    network: Network
    disk: Disk
    clocks: list[Clock]
    per_second: float
    mishap: Callable[[str], None]
    say: Callable[[str, str], None]
    keys: Sequence[tuple[str, str]] = ((API_KEY, API_SECRET),)
    dead: bool = field(default=False, init=False)

    def live(self, doom: Doom, sweep: float, live: Live) -> bool:
        """One life, which sweeps its tables every `sweep` seconds; returns whether it ended cleanly."""
        self.disk.doom, self.dead = doom, False
        loop = Loop(self.timeline, doom, self.mishap)
        try:
            with replaced(embedded, "SWEEP", sweep):
                loop.run_until_complete(self._main(doom, live))
        except Died:
            self.say("PROCESS", str(doom))
            return False
        except StoreUnavailable as fault:
            self.say("PROCESS", f"cannot start: {fault}")
            return False
        else:
            return True
        finally:
            self.dead = True
            loop.bury()
            _DRIVE.let_go()

    async def _main(self, doom: Doom, live: Live) -> None:
        async with AsyncExitStack() as stack:
            decks = []
            for number, clock in enumerate(self.clocks):
                wire = Wire(self.network, doom, number)
                http = await stack.enter_async_context(httpx2.AsyncClient(transport=wire, trust_env=False))
                deck = tonearm.open(
                    self.disk.database,
                    api_key=",".join(key for key, _ in self.keys),
                    api_secret=",".join(secret for _, secret in self.keys),
                    requests_per_second=self.per_second,
                    secret_key=SECRET,
                    http=http,
                    clock=clock,
                )
                decks.append(await stack.enter_async_context(deck))
            await live(decks)


@contextmanager
def replaced(place: Any, name: str, value: object) -> Iterator[None]:
    """Replace a value in a module or class while the block lasts."""
    before = vars(place)[name]
    setattr(place, name, value)
    try:
        yield
    finally:
        setattr(place, name, before)


@contextmanager
def _nobody_else(_: Path | None) -> Iterator[None]:
    """Replaces the lock on the file, which the system would release with the process."""
    yield


class _Ears(logging.Handler):
    """Receives the service's log: anything unexpected is a mishap."""

    def __init__(self, process: Process) -> None:
        super().__init__()
        self._process = process

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if self._process.dead:
            return
        self._process.say("log", f"{record.getMessage()} {error!r}")
        if error is not None and not isinstance(error, StoreUnavailable):
            self._process.mishap(f"{record.getMessage()}: {type(error).__name__}: {error}")


@contextmanager
def surroundings(process: Process) -> Iterator[None]:
    """Replaces threads, locks and real time around the process, for the length of a run."""
    log = logging.getLogger("tonearm")
    ears, before = _Ears(process), (log.propagate, log.level)
    with ExitStack() as stack:
        _DRIVE.disk = process.disk
        for place, name, value in (
            (database, "connect", _DRIVE.connect),
            (database, "_writer", _DRIVE.writer),
            (response_cache, "connect", _DRIVE.connect_apart),
            (app, "migrate", lambda _: None),  # the file comes with its tables
            (app, "sole_sender", _nobody_else),
            (http_exchange, "perf_counter", lambda: process.timeline.elapsed),
        ):
            stack.enter_context(replaced(place, name, value))
        if len(process.clocks) > 1:
            stack.enter_context(replaced(database.Store, "one_process", property(lambda _: False)))
        log.addHandler(ears)
        log.propagate = False
        log.setLevel(logging.WARNING)
        try:
            yield
        finally:
            log.removeHandler(ears)
            log.propagate, log.level = before
            _DRIVE.let_go()
