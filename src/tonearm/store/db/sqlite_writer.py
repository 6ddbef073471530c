"""One writer thread with group commit: many writes, one transaction, one flush to the disk.

A durable commit costs a flush whatever it holds, so all writes that wait share the next one. A write is
acknowledged after its commit, never before.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

Write = Callable[[Connection], Any]
GroupWrite = Callable[[Connection, Sequence[Any]], Sequence[Any]]

GROUP = 1000
"""Writes that share a commit at most: limits a transaction to a few tens of milliseconds."""


CLOSED = "the database is closed"


class StoreUnavailable(Exception):
    """The database cannot be used: disk full, read-only, locked, gone. Nothing was written."""


class DiskFull(StoreUnavailable):
    """PostgreSQL has found no room for what was to be written."""


class DataFault(Exception):
    """The database rejects the data: this isn't an outage, and a retry doesn't help. The message names the kind of
    error, without any value.
    """


_TABLES = ("42501", "42703", "42710", "42P01", "42P05", "42P07")
_OUTAGES = ("08", "25", "26", "28", "3D", "40", *_TABLES, "53", "55P03", "57", "58")
"""Beginnings of PostgreSQL's codes for what is about the server, its tables, the connection or this user's rights."""

_BROKEN_FILES = ("SQLITE_CORRUPT", "SQLITE_NOTADB")

_DISK_FULL = "53100"
"""https://www.postgresql.org/docs/current/errcodes-appendix.html"""


@dataclass(slots=True, eq=False)
class _PendingWrite:
    """A write with the future that waits for its commit; `item` belongs to a GroupWrite."""

    write: Write | None
    group: GroupWrite | None
    item: Any
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop
    result: Any = None
    error: BaseException | None = None


class WriterTurn:
    """Says whether a commit waits for readers: with SQLite's rollback journal, a commit needs the file to itself."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._over.set()

    @property
    def taken(self) -> bool:
        """Whether a commit waits or is under way."""
        return not self._over.is_set()

    def take(self) -> None:
        """Announce a commit."""
        self._over.clear()

    def give(self) -> None:
        """Note that the commit is over."""
        self._over.set()

    def wait(self, seconds: float) -> None:
        """Return once no commit waits, or after that many seconds."""
        self._over.wait(seconds)


class Writer:
    """The only thread that writes. If a shared transaction fails, its writes run again one by one, so they must not
    touch anything but their connection.
    """

    def __init__(self, engine: Engine, turn: WriterTurn | None = None) -> None:
        self._engine = engine
        self._turn = turn or WriterTurn()
        self._jobs: queue.SimpleQueue[_PendingWrite | None] = queue.SimpleQueue()
        self._gathered: dict[asyncio.AbstractEventLoop, list[_PendingWrite]] = {}
        self._lock = threading.Lock()  # so that no write comes after the end of the queue
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="tonearm-writer", daemon=True)
        self._thread.start()

    def write(self, write: Write) -> asyncio.Future[Any]:
        """Run one write; the future's result is there after the commit."""
        return self._put(write, None, None)

    def group(self, group: GroupWrite, item: Any, account: int | None = None) -> asyncio.Future[Any]:
        """Run a write together with all others of its kind that wait: `group` gets all their items and returns a result
        for each.

        `account` makes no difference here: a writer has the whole database.
        """
        return self._put(None, group, item)

    def _put(self, write: Write | None, group: GroupWrite | None, item: Any) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        with self._lock:
            if self._closed:
                raise StoreUnavailable(CLOSED)
            job = _PendingWrite(write, group, item, loop.create_future(), loop)
            if loop not in self._gathered:  # waking a thread costs as much as a play: once for all concurrent writes
                self._gathered[loop] = []
                loop.call_soon(self._hand_over, loop)
            self._gathered[loop].append(job)
        return job.future

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            for job in self._gathered.pop(loop, ()):
                self._jobs.put(job)

    def close(self) -> None:
        """Finish what waits, then stop."""
        with self._lock:
            if not self._closed:
                self._closed = True
                for job in chain(*self._gathered.values()):
                    self._jobs.put(job)
                self._gathered.clear()
                self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            jobs = [job]
            ending = False
            while len(jobs) < GROUP and not self._jobs.empty():
                more = self._jobs.get()
                if more is None:
                    ending = True
                    break
                jobs.append(more)
            self._settle(jobs)
            if ending:
                return

    def _settle(self, jobs: list[_PendingWrite]) -> None:
        left = jobs
        try:
            with self._engine.connect() as connection:
                if not self._commit(connection, jobs) and len(jobs) > 1:
                    while left:
                        self._commit(connection, left[:1])
                        left = left[1:]
        except Exception as error:  # no connection, or no lock: each alone would wait as long again, and fail, too
            _fail(left, error)
        for loop, of_loop in groupby(jobs, key=lambda job: job.loop):
            answered = list(of_loop)
            try:
                loop.call_soon_threadsafe(_answer, answered)
            except RuntimeError:  # the caller's event loop is closed: nobody waits
                continue

    def _commit(self, connection: Connection, jobs: list[_PendingWrite]) -> bool:
        transaction = connection.begin()
        try:
            with transaction:
                for group, of_group in groupby(jobs, key=lambda job: job.group):
                    _run(connection, group, list(of_group))
                self._turn.take()
        except Exception as error:  # whatever a write raises goes to its caller
            _fail(jobs, error)
            connection.connection.rollback()  # a COMMIT that fails leaves its transaction open
            return False
        finally:
            self._turn.give()
        for job in jobs:
            job.error = None
        return True


def _fail(jobs: list[_PendingWrite], error: Exception) -> None:
    fault = plain(error)
    for job in jobs:
        job.error = fault


def _run(connection: Connection, group: GroupWrite | None, jobs: list[_PendingWrite]) -> None:
    if group is not None:
        results = group(connection, [job.item for job in jobs])
        for job, result in zip(jobs, results, strict=True):
            job.result = result
        return
    for job in jobs:
        assert job.write is not None
        job.result = job.write(connection)


def _answer(jobs: list[_PendingWrite]) -> None:
    for job in jobs:
        if job.future.cancelled():
            continue
        if job.error is not None:
            job.future.set_exception(job.error)
        else:
            job.future.set_result(job.result)


_SAID_OF_BROKEN_FILES = ("database disk image is malformed", "file is not a database")
"""As https://sqlite.org/rescode.html has them: the driver of a wheel gives no codes."""


def _is_outage(error: DBAPIError) -> bool:
    if error.connection_invalidated or isinstance(error, OperationalError | InterfaceError):
        return True
    if getattr(error.orig, "sqlite_errorname", None) in _BROKEN_FILES or str(error.orig) in _SAID_OF_BROKEN_FILES:
        return True
    return str(getattr(error.orig, "sqlstate", None)).startswith(_OUTAGES)


_ADVICE = (
    ("file is not a database", "the file is damaged or isn't a database: restore a backup"),
    ("malformed", "the file is damaged: stop tonearm and restore a backup"),
    ("out of memory", "this machine is out of memory"),
    ("already exists", "something else uses this database: give tonearm one of its own"),
    ("permission denied for schema", "make this user the owner of the database, or GRANT it CREATE on the schema"),
    ("permission denied", "the tables belong to another user: connect as that user"),
    ("remaining connection slots", "a tonearm process uses up to 15: raise max_connections or run fewer processes"),
    ("too many c", "a tonearm process uses up to 15: raise max_connections or run fewer processes"),
    ("password", "the address is postgresql://USER:PASSWORD@HOST/DATABASE"),
    ("No space left on device", "the disk of the database server is full"),
    ("read-only transaction", "the server is a standby or read-only: use the primary"),
    ("pooling mode", "a pooler in front of the server has to keep sessions: set pool_mode = session"),
    ("query_wait_timeout", "the pooler has no connection left: raise default_pool_size"),
    ("prepared statement", "a pooler in front of the server has to keep sessions: set pool_mode = session"),
)
"""What to do about a database's error message; PostgreSQL's, if it is in English."""


def plain(error: Exception) -> Exception:
    """A StoreUnavailable or DataFault for a database error: one line, without the statement and its values."""
    if not isinstance(error, DBAPIError):
        return error
    message = str(error.orig).strip().splitlines()[0] if error.orig else "it failed"
    if not _is_outage(error):
        code = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "sqlite_errorname", None)
        if code and not code.startswith(("SQLITE_", "23")):  # others may contain the value
            message = code
        return DataFault(f"the database rejects the data ({message})")
    if type(error.orig).__module__.startswith(("psycopg", "sqlite3", "pysqlite3")):
        message += next((f" ({advice})" for said, advice in _ADVICE if said in message), "")
    return DiskFull(message) if getattr(error.orig, "sqlstate", None) == _DISK_FULL else StoreUnavailable(message)
