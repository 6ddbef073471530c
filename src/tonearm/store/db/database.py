"""The database: opening it safely, reading in worker threads, writing through one writer."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sqlalchemy import URL, Connection, Engine, PoolProxiedConnection, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError

from tonearm.store.db.file_lock import holder
from tonearm.store.db.readers import LONG_READERS, READERS, Readers, ReadQuestion
from tonearm.store.db.sqlite_writer import DiskFull, GroupWrite, StoreUnavailable, Write, Writer, WriterTurn
from tonearm.store.sqlite import driver

T = TypeVar("T")
ItemT = TypeVar("ItemT")

WAL_SAFE_FROM = (3, 51, 3)
"""SQLite 3.7.0 to 3.51.2 can lose committed writes when a WAL file is reset: https://sqlite.org/wal.html#walresetbug"""

MAX_JOURNAL_BYTES = 4 * 2**20
"""Bytes that a journal keeps on the disk between transactions."""

MIN_FREE_BYTES = 2**20
"""Free bytes on the disk below which the next plays may find none: a table grows, and its journal with it."""

BUSY_SECONDS = 10.0


_A_URL = re.compile(r"[^:]*://|(?:postgres(?:ql)?|sqlite)(?:\+\w+)?:")
"""How a URL begins, also one whose slashes were forgotten: it is not the name of a file."""

_SQLITE_OPTIONS = {"cached_statements", "check_same_thread", "detect_types", "isolation_level", "timeout"}


def database_url(database: str | Path) -> URL:
    """The URL of a database from what a host or a setting names: a URL, or the path of a SQLite file."""
    text = str(database)
    try:
        url = make_url(text) if _A_URL.match(text) else URL.create("sqlite", database=text)
    except (ArgumentError, ValueError):
        raise ValueError("use a path or a URL such as sqlite:///plays.db") from None
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise ValueError("the database needs a file: plays kept only in memory would be lost")
    if url.host and "@" in url.host:  # errors would show it as the server's name
        raise ValueError("write an @ in the password as %40")
    if url.get_backend_name() in (
        "postgresql",
        "postgres",
    ):  # hosts use the short form, others name a driver
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() != "sqlite":
        raise ValueError(f"{url.get_backend_name()} isn't supported: use sqlite or postgresql")
    if unknown := set(url.query) - _SQLITE_OPTIONS:  # SQLAlchemy would ignore it
        raise ValueError(f"?{min(unknown)} isn't an option of a SQLite file")
    return url.set(drivername="sqlite")


def sqlite_file(url: URL) -> Path | None:
    """The file of a SQLite database; None for any other database."""
    return Path(str(url.database)).absolute() if url.get_backend_name() == "sqlite" else None


def journal_mode(version: tuple[int, ...] | None = None) -> str:
    """WAL if it cannot lose a committed write, the rollback journal otherwise. The journal file is kept, since
    truncating it takes longer than the rest of a commit; overwriting its header and flushing that ends a transaction:
    https://sqlite.org/pragma.html#pragma_journal_mode
    """
    return "WAL" if (version or driver().sqlite_version_info) >= WAL_SAFE_FROM else "PERSIST"


WRITER_CACHE, READER_CACHE = 4096, 512
"""KiB of the file that a connection keeps in memory for itself. There are many that read, and what they miss is mostly
still in the system's own cache.
"""


def connect(url: URL, *, writes: bool) -> Engine:
    """An engine with real transactions: a writer takes the lock when it begins."""
    if url.get_backend_name() != "sqlite":
        from tonearm.store.db import postgres  # not needed for a SQLite file

        return postgres.connect(url, writes=writes)
    engine = create_engine(
        url,
        module=driver(),
        connect_args={"isolation_level": None, "timeout": BUSY_SECONDS, "check_same_thread": False},
        pool_size=1 if writes else READERS + LONG_READERS,
        max_overflow=0,
        pool_use_lifo=True,  # those that are not needed at the same time stay closed or small
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: object) -> None:
        if writes:  # a reader uses the mode that the file has: changing it needs a lock
            connection.execute(f"PRAGMA journal_mode={journal_mode()}")
            connection.execute(f"PRAGMA journal_size_limit={MAX_JOURNAL_BYTES}")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute(f"PRAGMA cache_size=-{WRITER_CACHE if writes else READER_CACHE}")

    def begin(dbapi_connection: PoolProxiedConnection) -> None:
        if writes:
            _begin_to_write(dbapi_connection.cursor())
        else:
            dbapi_connection.cursor().execute("BEGIN")

    # Not an event: an engine with an event looks for more at every statement, which costs a fifth of its time.
    engine.dialect.do_begin = begin  # type: ignore[method-assign]  # deliberate, see above
    return engine


LOOKS = 0.001
"""Seconds between two looks whether another process still writes. SQLite itself looks every tenth of a second in the
end, and so would meet a process that writes again and again for seconds."""


def _begin_to_write(cursor: Any) -> None:
    """Begin a transaction once no other process writes. Raises OperationalError after `BUSY_SECONDS`."""
    cursor.execute("PRAGMA busy_timeout=0")
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute("BEGIN IMMEDIATE")
        except driver().OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(LOOKS)
        else:
            cursor.execute(f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}")
            return


_WRITABLE = "SELECT pg_current_xact_id()"
"""Refused where nothing can be written, on a standby for one."""


class Writes(Protocol):
    """Runs writes: one after another on SQLite, concurrently on PostgreSQL."""

    def write(self, write: Write) -> Awaitable[Any]:
        """Run one write; the future's result is there after the commit."""

    def group(self, group: GroupWrite, item: Any, account: int | None) -> Awaitable[Any]:
        """Run a write together with all others of its kind that wait: `group` gets all their items and returns a result
        for each.
        """

    def close(self) -> None:
        """Finish what waits, then stop."""


def _writer(engine: Engine, turn: WriterTurn | None) -> Writes:
    if engine.dialect.name == "sqlite":
        return Writer(engine, turn)
    from tonearm.store.db.postgres_writers import Writers

    return Writers(engine)


class Store:
    """An open database whose tables are up to date (`tonearm.store.db.migrate`)."""

    def __init__(self, url: URL) -> None:
        self.url = url
        self._writes = connect(url, writes=True)
        self._reads = connect(url, writes=False)
        turn = WriterTurn() if self.one_process and journal_mode() != "WAL" else None
        self._writer = _writer(self._writes, turn)
        self._readers = Readers(self._reads, turn)
        self._full = False

    @property
    def one_process(self) -> bool:
        """Whether one process alone may deliver from this database."""
        return self.url.get_backend_name() == "sqlite"

    async def read(self, ask: Callable[[Connection], T]) -> T:
        """Run `ask` in a worker thread and return its result. Raises StoreUnavailable. On SQLite it is interrupted if a
        commit waits for it, and then run again, so it must only read.
        """
        return await self._readers.read(ask)

    async def read_parts(self, questions: Callable[[ReadQuestion], T]) -> T:
        """Run `questions`, which makes several short queries, in one worker thread. Raises StoreUnavailable."""
        return await self._readers.read_parts(questions)

    async def read_long(self, questions: Callable[[ReadQuestion], T], *, begun: bool = False) -> T:
        """As `read_parts`, for queries over a whole history: only others of this kind wait for it. Raises
        StoreUnavailable. Too many at once are refused, except for the rest of what has `begun`.
        """
        return await self._readers.read_long(questions, begun=begun)

    async def write(self, write: Callable[[Connection], T]) -> T:
        """Run a write and return after its commit. Raises StoreUnavailable: then nothing was written."""
        result: T = await self._noted(self._writer.write(write))
        return result

    async def write_together(
        self,
        group: Callable[[Connection, Sequence[ItemT]], Sequence[T]],
        item: ItemT,
        account: int | None = None,
    ) -> T:
        """As `write`, but all waiting items of one kind are passed to `group` at once. If another transaction has
        locked the item's `account`, the other items don't wait for that.
        """
        result: T = await self._noted(self._writer.group(group, item, account))
        return result

    async def _noted(self, written: Awaitable[T]) -> T:
        try:
            return await written
        except DiskFull:
            self._full = True
            raise

    async def prove(self) -> None:
        """Return if plays can be written now, as far as is known. Raises StoreUnavailable. Once a write of this process
        has met a full disk on PostgreSQL, this checks for free space each time, until there is some.
        """
        if file := sqlite_file(self.url):
            room = await asyncio.to_thread(shutil.disk_usage, file.parent)
            if room.free < MIN_FREE_BYTES:
                raise StoreUnavailable("the disk is full")
        await self.write(lambda db: db.execute(text("SELECT 1" if self.one_process else _WRITABLE)).scalar())
        if self._full:  # updates in place succeed on a full disk: it is over once there is room for more
            from tonearm.store.db.postgres import take_room

            await self.write(partial(take_room, size=MIN_FREE_BYTES))
            self._full = False

    async def senders(self) -> int:
        """How many other processes deliver from this database now. Raises StoreUnavailable."""
        if file := sqlite_file(self.url):
            return int(await asyncio.to_thread(holder, file) not in (None, str(os.getpid())))
        from tonearm.store.db.processes import others

        return (await self.read(others))[1]

    async def anybody_delivers(self) -> bool:
        """Whether any process delivers from this database now, this one included. Raises StoreUnavailable."""
        if file := sqlite_file(self.url):
            return await asyncio.to_thread(holder, file) is not None
        from tonearm.store.db.processes import anybody_delivers

        return await self.read(anybody_delivers)

    async def clock(self) -> tuple[float, float]:
        """The time of the database server's clock, and the value of `steady()` at that moment. Raises
        StoreUnavailable.
        """
        from tonearm.store.db.postgres import clock

        return await self.read(clock)

    def close(self) -> None:
        """Finish what is being written, and close the database."""
        self._writer.close()
        self._readers.close()
        self._reads.dispose()
        self._writes.dispose()
