"""The disk of a run: the real SQLite file, with a writer whose work is done in the event loop.

The product's `Writer` gathers what waits into one transaction in a thread of its own. Here the same code settles the
same groups, when the loop comes to it: so a seed decides what is written together, and a crash may come before a commit
(everything since the last one is rolled back) or after it (without an answer).
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import URL, Connection, Engine

from benchmarks.simulation.crash_points import Died, Doom, End
from benchmarks.simulation.timeline import Timeline
from tonearm.store.db import database, sqlite_writer
from tonearm.store.db.sqlite_writer import CLOSED, GroupWrite, StoreUnavailable, Write


class Disk:
    """A file that may fail. `refused` is called for each commit that it rejects, with the error `full`. `database` is
    what the process opens.
    """

    def __init__(self, file: Path, timeline: Timeline, chance: Random, refused: Callable[[], None]) -> None:
        self.file = file
        self.database = str(file)
        self.full: Exception = sqlite3.OperationalError("database or disk is full")
        self.doom = Doom()
        self.full_until = 0.0
        self.slow_until = 0.0
        self._timeline = timeline
        self._chance = chance
        self._refused = refused
        self._eyes: sqlite3.Connection | None = None

    def latency(self) -> float:
        """Seconds that the next commit takes."""
        slow = self._timeline.elapsed < self.slow_until
        return self._chance.choice((0.2, 1.0, 5.0)) if slow else self._chance.choice((0.0, 0.0, 0.001, 0.02))

    def look(self, question: str, *values: object) -> list[Any]:
        """The content of the file now, as another process sees it."""
        if self._eyes is None:
            self._eyes = sqlite3.connect(self.file)
        return self._eyes.execute(question, values).fetchall()

    def look_away(self) -> None:
        """Close the file."""
        if self._eyes is not None:
            self._eyes.close()
            self._eyes = None

    def commits(self) -> None:
        """A transaction is about to be committed."""
        if self.doom.strikes(End.BEFORE_COMMIT):
            raise Died
        if self._timeline.elapsed < self.full_until:
            self._refused()
            raise self.full


_Kind = tuple[URL, bool]
"""Of an engine: where it connects to (any file, or a server), and whether it writes."""


class Drive:
    """Engines that are reused by one run after another, each with new connections, so that statements stay compiled."""

    def __init__(self) -> None:
        self.disk: Disk | None = None
        self._engines: dict[_Kind, Engine] = {}
        self._kept: dict[int, Connection] = {}
        self._apart: list[Engine] = []
        self._connect = database.connect

    def connect(self, url: URL, *, writes: bool) -> Engine:
        """In place of `tonearm.store.db.database.connect`, which makes the engines."""
        kind = (url if url.host else url.set(database=None), writes)
        if kind not in self._engines:
            engine = self._engines[kind] = self._connect(url, writes=writes)
            dialect = engine.dialect
            if not url.host:
                dialect.connect = partial(self._lead, dialect.connect)  # type: ignore[method-assign]
            if writes:
                dialect.do_commit = partial(self._commits, dialect.do_commit)  # type: ignore[method-assign]
            kept = partial(self._kept_open, engine.connect, len(self._engines))
            engine.connect = kept  # type: ignore[method-assign, assignment]
        return self._engines[kind]

    def connect_apart(self, url: URL, *, writes: bool) -> Engine:
        """An engine of one life alone, whose threads may write at any moment: what they write decides nothing."""
        engine = self._connect(url, writes=writes)
        self._apart.append(engine)
        return engine

    @contextmanager
    def _kept_open(self, connect: Callable[[], Connection], number: int) -> Iterator[Connection]:
        """A connection of the engine with that number, used only by one life: opening and closing one costs as much as
        a statement, and so does comparing addresses.
        """
        if number not in self._kept:
            self._kept[number] = connect()
        connection = self._kept[number]
        try:
            yield connection
        finally:
            if connection.in_transaction():
                connection.rollback()

    def writer(self, engine: Engine, turn: Any) -> Writer:
        """In place of `tonearm.store.db.database._writer`."""
        assert self.disk is not None
        return Writer(engine, self.disk, turn)

    def let_go(self) -> None:
        """Close every connection, as the end of a process does."""
        for connection in self._kept.values():
            if not connection.closed and not connection.invalidated:
                connection.detach()  # its pool may be gone: then nobody else would close it
            connection.close()
        self._kept.clear()
        for engine in (*self._engines.values(), *self._apart):
            engine.dispose()
        self._apart.clear()

    def _lead(self, connect: Callable[..., Any], _: str, **arguments: Any) -> Any:
        assert self.disk is not None
        return connect(str(self.disk.file), **arguments)

    def _commits(self, commit: Callable[[Any], None], connection: Any) -> None:
        assert self.disk is not None
        self.disk.commits()
        commit(connection)


class Writer(sqlite_writer.Writer):
    """The product's writer without its thread."""

    def __init__(self, engine: Engine, disk: Disk, turn: Any) -> None:
        self._engine = engine
        self._turn = turn or sqlite_writer.WriterTurn()
        self._disk = disk
        self._waiting: list[sqlite_writer._PendingWrite] = []
        self._closed = False

    def _put(self, write: Write | None, group: GroupWrite | None, item: Any) -> asyncio.Future[Any]:
        if self._closed:
            raise StoreUnavailable(CLOSED)
        loop = asyncio.get_running_loop()
        job = sqlite_writer._PendingWrite(write, group, item, loop.create_future(), loop)
        self._waiting.append(job)
        if len(self._waiting) == 1:
            loop.call_later(self._disk.latency(), self.settle_all)
        return job.future

    def settle_all(self) -> None:
        """Write all that waits in one transaction."""
        jobs, self._waiting = self._waiting[: sqlite_writer.GROUP], self._waiting[sqlite_writer.GROUP :]
        try:
            self._settle(jobs)
        except Died:
            return  # the loop looks after every step whether the process is still there
        self._disk.doom.strikes(End.AFTER_COMMIT)
        if self._waiting:
            asyncio.get_running_loop().call_soon(self.settle_all)

    def close(self) -> None:
        self._closed = True
        if self._waiting:
            self._settle(self._waiting)
