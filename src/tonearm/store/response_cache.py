"""A cache of Last.fm's answers that outlives the process, in a file of its own beside a SQLite database.

It may be lost at any time: it never waits for the disk, nothing waits for it, and a damaged file is replaced by an
empty one. It shares no file, writer or lock with plays (docs/decisions/0013-the-cache.md).
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TypeVar

from sqlalchemy import (
    DDL,
    URL,
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    bindparam,
    create_engine,
    delete,
    event,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from tonearm.store.db.database import connect, sqlite_file
from tonearm.store.db.dialect import insert_or_change
from tonearm.store.db.sqlite_writer import StoreUnavailable, plain

T = TypeVar("T")

log = logging.getLogger(__name__)

MAX_BYTES = 64 * 2**20
"""Bytes, packed: Last.fm's terms allow storing 100 MB. https://www.last.fm/api/tos"""

AFTER_EVICTION = 0.9
"""The part of the largest size that is left after the longest unused answers were removed."""

CHECK_SIZE_EVERY = 2**20
"""Bytes written by this process until the size is checked again."""

TOUCH = 86400.0
"""Seconds between two records of a use: often enough to know what is in use."""

UNUSED = 90 * 86400.0
"""Seconds without use after which an answer is deleted."""

RETRY_AFTER = 30.0
"""Seconds until a store that could not be opened is tried again."""

BUSY_SECONDS = 1.0
SUFFIX = ".cache"

metadata = MetaData()

answer = Table(
    "answer_1",  # a new schema gets a new number: cached answers are not worth a migration
    metadata,
    Column("key", String(32), primary_key=True),
    Column("artist", Text, nullable=False),
    Column("listener", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("packed", Boolean, nullable=False),
    Column("size", Integer, nullable=False),
    Column("fetched_at", Float(53), nullable=False),
    Column("fresh_until", Float(53), nullable=False),
    Column("used_at", Float(53), nullable=False),
    Index("answer_1_by_artist", "artist"),
    Index("answer_1_by_listener", "listener"),
    Index("answer_1_by_use", "used_at", "size"),
)
# What a crash of the server loses is fetched again; in return no write waits for its disk.
_UNLOGGED = DDL("ALTER TABLE answer_1 SET UNLOGGED")  # type: ignore[no-untyped-call]  # SQLAlchemy's
event.listen(answer, "after_create", _UNLOGGED.execute_if(dialect="postgresql"))
_CHANGED = tuple(c.name for c in answer.c if c.name != "key")
_FIND = select(answer.c.body, answer.c.packed, answer.c.fetched_at, answer.c.fresh_until, answer.c.used_at).where(
    answer.c.key == bindparam("named")
)
_TOUCHED = update(answer).where(answer.c.key == bindparam("named")).values(used_at=bindparam("at"))


@dataclass(frozen=True, slots=True)
class CachedResponse:
    """A stored answer, unparsed. Times are Unix seconds UTC."""

    body: bytes
    fetched_at: float
    fresh_until: float


class AnswerStore:
    """Answers by their key, for all processes that use the same database.

    It is opened when first used. Any failure is logged, and then nothing is stored. `now` returns Unix seconds,
    `largest` is in bytes.
    """

    def __init__(self, url: URL, now: Callable[[], float], max_bytes: int = MAX_BYTES) -> None:
        file = sqlite_file(url)
        self.file = file.with_name(file.name + SUFFIX) if file else None
        self._url = URL.create("sqlite", database=str(self.file)) if self.file else url
        self._now = now
        self._max_bytes = max_bytes
        self._engine: Engine | None = None
        self._opening = Lock()
        self._shut_until = 0.0
        self._written = CHECK_SIZE_EVERY  # by earlier processes: the size is checked with the first write
        self._finds = ThreadPoolExecutor(2, thread_name_prefix="tonearm-answers")
        self._writes = ThreadPoolExecutor(1, thread_name_prefix="tonearm-keeps")

    async def find(self, key: str) -> CachedResponse | None:
        """The answer stored under a key; None if there is none. Raises OSError if nothing can be read now."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._finds, self._find, key)
        except RuntimeError:
            raise OSError("the response cache is closed") from None

    def save(
        self, key: str, body: bytes, *, fetched_at: float, fresh_until: float, artist: str = "", listener: str = ""
    ) -> None:
        """Store an answer soon, in a thread of its own; what isn't written when the process ends is lost."""
        with suppress(RuntimeError):  # the store is closed
            self._writes.submit(self._save, key, body, fetched_at, fresh_until, artist, listener)

    async def forget(self, *, artist: str = "", listener: str = "") -> None:
        """Forget what is about an artist or about a Last.fm user ("*": any), including what is still to be written."""
        await asyncio.get_running_loop().run_in_executor(self._writes, self._forget, artist, listener)

    async def written(self) -> None:
        """Return when everything saved so far is written."""
        await asyncio.get_running_loop().run_in_executor(self._writes, int)

    def close(self) -> None:
        """Write what is still to be written, and close the file."""
        self._writes.shutdown()
        self._finds.shutdown()
        if self._engine:
            self._engine.dispose()

    def _find(self, key: str) -> CachedResponse | None:
        found = self._with(lambda db: [*db.execute(_FIND, {"named": key})])
        if found is None:
            raise OSError("the response cache can't be read")
        if not found:
            return None
        [row] = found
        try:
            body = zlib.decompress(row.body) if row.packed else row.body
        except zlib.error:
            return None
        if not row.used_at <= self._now() < row.used_at + TOUCH:
            with suppress(RuntimeError):
                self._writes.submit(self._touch, key)
        return CachedResponse(body, row.fetched_at, row.fresh_until)

    def _save(self, key: str, body: bytes, fetched_at: float, fresh_until: float, artist: str, listener: str) -> None:
        packed = zlib.compress(body, 1)
        small = len(packed) < len(body)
        size = len(packed) if small else len(body)
        row = {
            "key": key,
            "artist": artist,
            "listener": listener,
            "body": packed if small else body,
            "packed": small,
            "size": size,
            "fetched_at": fetched_at,
            "fresh_until": fresh_until,
            "used_at": self._now(),
        }
        self._with(lambda db: insert_or_change(db, answer, [row], ("key",), _CHANGED))
        self._written += size
        if self._written >= CHECK_SIZE_EVERY:
            self._written = 0
            self._with(self._evict)

    def _touch(self, key: str) -> None:
        self._with(lambda db: db.execute(_TOUCHED, {"named": key, "at": self._now()}))

    def _forget(self, artist: str, listener: str) -> None:
        conditions = [answer.c.artist == artist] if artist else []
        if listener:
            conditions.append(answer.c.listener != "" if listener == "*" else answer.c.listener == listener)
        if conditions:
            self._with(lambda db: db.execute(delete(answer).where(or_(*conditions))))

    def _evict(self, db: Connection) -> None:
        """Delete unused answers and, beyond the largest size, those used longest ago."""
        db.execute(delete(answer).where(answer.c.used_at < self._now() - UNUSED))
        size = db.execute(select(func.coalesce(func.sum(answer.c.size), 0))).scalar_one()
        if size <= self._max_bytes:
            return
        spare, last = size - int(self._max_bytes * AFTER_EVICTION), 0.0
        for used_at, bytes_ in db.execute(select(answer.c.used_at, answer.c.size).order_by(answer.c.used_at)):
            spare, last = spare - bytes_, used_at
            if spare <= 0:
                break
        db.execute(delete(answer).where(answer.c.used_at <= last))

    def _with(self, work: Callable[[Connection], T]) -> T | None:
        """The result of the work; None if the store is unavailable now."""
        engine = self._opened()
        if engine is None:
            return None
        try:
            with engine.begin() as db:
                return work(db)
        except SQLAlchemyError as error:
            self._broken(error)
            return None

    def _opened(self) -> Engine | None:
        with self._opening:
            if self._engine or self._now() < self._shut_until:
                return self._engine
            try:
                if self.file:  # like the plays, it shows what people listen to: private to this user of the machine
                    os.close(os.open(self.file, os.O_CREAT | os.O_RDWR, 0o600))
                self._engine = _open(self._url)
            except (SQLAlchemyError, StoreUnavailable, OSError) as error:
                self._recreate(error)
            return self._engine

    def _broken(self, error: SQLAlchemyError) -> None:
        if not _is_damaged(error):
            log.warning("response cache: %s", plain(error))
            return
        with self._opening:
            self._recreate(error)

    def _recreate(self, error: Exception) -> None:
        log.warning("the response cache can't be used: %s", plain(error))
        if self._engine:
            self._engine.dispose()
        self._engine = None
        self._shut_until = self._now() + RETRY_AFTER
        if self.file and _is_damaged(error):
            _remove(self.file)
            self._shut_until = 0.0


def _open(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False}, pool_size=3)
        event.listen(engine, "connect", _quick)
    else:
        engine = connect(url, writes=True)
    try:
        metadata.create_all(engine)
    except SQLAlchemyError:
        engine.dispose()
        raise
    return engine


def _quick(connection: sqlite3.Connection, _: object) -> None:
    # No flush to the disk at a commit, and readers that wait for nothing: that risks only this file.
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA cache_size=-1024")


def _is_damaged(error: Exception) -> bool:
    return (
        isinstance(error, DBAPIError)
        and isinstance(error.orig, sqlite3.DatabaseError)
        and getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    )


def _remove(file: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        with suppress(OSError):
            file.with_name(file.name + suffix).unlink(missing_ok=True)
