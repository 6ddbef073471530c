"""Where the database is, who has it open, and what server or library stores it: for commands, before and beside an open
deck.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError

from tonearm.store import queue
from tonearm.store.db.database import WAL_SAFE_FROM, Store, connect, database_url, journal_mode, sqlite_file
from tonearm.store.db.file_lock import AlreadyOpen, address, holder, note_address
from tonearm.store.db.migrate import DatabaseTooNew, revision
from tonearm.store.db.sqlite_writer import StoreUnavailable, plain
from tonearm.store.secrets.check import WrongSecret
from tonearm.store.secrets.seal import key_file
from tonearm.store.sqlite import driver

if TYPE_CHECKING:
    from tonearm.store.db.postgres import ServerInfo

__all__ = [
    "AlreadyOpen",
    "DatabaseTooNew",
    "ServerInfo",
    "SqliteInfo",
    "WrongSecret",
    "address",
    "database_url",
    "has_tables",
    "holder",
    "key_file",
    "note_address",
    "plays_waiting",
    "server_info",
    "sqlite_file",
    "sqlite_info",
    "still_starting",
]


@dataclass(frozen=True, slots=True)
class SqliteInfo:
    """The SQLite library in use. `wal_is_safe`: it doesn't have the WAL-reset bug."""

    version: str
    journal_mode: str
    wal_is_safe: bool


def sqlite_info() -> SqliteInfo:
    """The SQLite library in use, and the journal mode that it is used with."""
    sqlite = driver()
    return SqliteInfo(sqlite.sqlite_version, journal_mode(), sqlite.sqlite_version_info >= WAL_SAFE_FROM)


async def server_info(store: Store) -> ServerInfo | None:
    """What is known about the database server; None for a SQLite file. Raises StoreUnavailable."""
    if store.one_process:
        return None
    from tonearm.store.db import postgres

    return await store.read(postgres.server_info)


def has_tables(url: URL) -> bool:
    """Whether there is a database with tonearm's tables; creates nothing. Raises StoreUnavailable."""
    file = sqlite_file(url)
    try:
        return (file is None or file.exists()) and _has_tables(url)
    except DBAPIError as error:
        raise StoreUnavailable(f"{file}: {plain(error)}" if file else str(plain(error))) from None
    except OSError as error:
        raise StoreUnavailable(f"{file}: {error.strerror}") from None


def _has_tables(url: URL) -> bool:
    engine = connect(url, writes=False)
    try:
        with engine.connect() as db:
            found = revision(db)
        if found is None and engine.dialect.name != "sqlite":
            from tonearm.store.db import postgres

            postgres.examine(engine)  # an installation may be being moved there
        return found is not None
    finally:
        engine.dispose()


def still_starting(url: URL) -> str:
    """Why a PostgreSQL server doesn't answer yet but may soon; "" if it answers, or isn't starting."""
    from tonearm.store.db import postgres

    return postgres.still_starting(url)


async def plays_waiting(store: Store) -> int:
    """How many plays of all listeners are in the queue. Raises StoreUnavailable."""
    return await store.read(queue.length_of_all)
