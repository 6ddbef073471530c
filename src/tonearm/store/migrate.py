"""Bringing the tables up to date at start: under a lock, with a copy of the file kept first."""

from __future__ import annotations

import fcntl
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from tonearm.store.database import connect, sqlite_file
from tonearm.store.writer import StoreUnavailable, plain

NEWEST = "0001"
"""The revision that this program works with; a test holds it against the migrations."""

_ADVISORY_LOCK = 0x746F6E65


class DatabaseTooNew(Exception):
    """The database was written by a newer tonearm."""


def revision(connection: Connection) -> str | None:
    """The revision of the tables; None where there are none yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return str(found) if found else None


def migrate(url: URL) -> Path | None:
    """Bring the tables up to date; returns the copy that was kept, if one was needed.

    Raises StoreUnavailable where the database cannot be opened or written, DatabaseTooNew where a newer
    tonearm has written it. Safe with any number of processes starting at once.
    """
    file = sqlite_file(url)
    try:
        with _locked(file):
            engine = connect(url, writes=True)
            try:
                with engine.connect() as connection:
                    found = revision(connection)
                if found == NEWEST:
                    return None
                copy = _copy(file, found) if file and found else None
                _upgrade(url)
                return copy
            finally:
                engine.dispose()
    except DBAPIError as error:
        raise plain(error) from None
    except OSError as error:
        raise StoreUnavailable(f"{error.filename or file}: {error.strerror}") from None


@contextmanager
def _locked(file: Path | None) -> Iterator[None]:
    if file is None:  # PostgreSQL locks inside the migration
        yield
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.with_name(file.name + ".migrating").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _copy(file: Path, found: str) -> Path:
    copy = file.with_name(f"{file.name}.before-{found}-to-{NEWEST}")
    part = copy.with_name(copy.name + ".part")
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(part)) as target:
        source.backup(target)
    shutil.copymode(file, part)
    part.replace(copy)
    return copy


def _upgrade(url: URL) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    engine = connect(url, writes=True)
    try:
        with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError as error:
        raise DatabaseTooNew(f"the database was written by a newer tonearm ({error}): update this one") from None
    finally:
        engine.dispose()
