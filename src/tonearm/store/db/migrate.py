"""Migrates the tables at start: under a lock, after copying the file."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import URL, Column, Connection, Engine, MetaData, String, Table, inspect, text
from sqlalchemy.exc import DBAPIError

from tonearm.store.db import postgres
from tonearm.store.db.database import connect, sqlite_file
from tonearm.store.db.schema import metadata
from tonearm.store.db.sqlite_writer import StoreUnavailable, plain
from tonearm.store.sqlite import driver

if TYPE_CHECKING:  # imported only when needed: it takes a quarter of a second
    from alembic.config import Config

NEWEST = "0012"
"""The revision that this program works with; a test holds it against the migrations."""

ADVISORY_LOCK = 0x746F6E65
"""Held on PostgreSQL by whoever makes tables or brings them up to date."""

_VERSION = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))


class DatabaseTooNew(Exception):
    """The database was written by a newer tonearm."""


def revision(connection: Connection) -> str | None:
    """The revision of the tables; None if there are none yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return str(found) if found else None


def migrate(url: URL) -> Path | None:
    """Migrate the tables; returns the copy of the file that was made first, if one was needed.

    Raises StoreUnavailable if the database cannot be opened or written, DatabaseTooNew if a newer
    tonearm has written it. Safe with any number of processes starting at once.
    """
    file = sqlite_file(url)
    try:
        with _locked(file):
            engine = connect(url, writes=True)
            try:
                if file is None:
                    postgres.examine(engine)
                with engine.connect() as connection:
                    found = revision(connection)
                if found == NEWEST:
                    return None
                if found is None:
                    _create(engine)
                    return None
                config = _config(found)
                copy = _copy(file, found) if file else None
                _upgrade(url, config)
                return copy
            finally:
                engine.dispose()
    except (DBAPIError, driver().Error) as error:
        message = plain(error)
        raise StoreUnavailable(f"{file}: {message}" if file else str(message)) from None
    except OSError as error:
        where = f"{file}: its folder isn't writable" if file else "the database cannot be opened"
        raise StoreUnavailable(f"{where} ({error.strerror})") from None


@contextmanager
def _locked(file: Path | None) -> Iterator[None]:
    if file is None:  # PostgreSQL locks inside the migration
        yield
        return
    file = file.resolve()  # whatever name is used for it
    file.parent.mkdir(0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):  # listening histories are private
        os.close(os.open(file, os.O_CREAT | os.O_EXCL, 0o600))
    lock = os.open(file.with_name(file.name + ".migrating"), os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _create(engine: Engine) -> None:
    """Create the tables of a new database, at once; a test compares them with those that the migrations create. This
    avoids Alembic, which would take a third of a second and 10 MiB.
    """
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            _lock(connection)
            if revision(connection):
                return
            postgres.create(connection, metadata)
        else:
            metadata.create_all(connection, checkfirst=False)  # tables that are there already aren't ours
        _VERSION.create(connection)
        connection.execute(_VERSION.insert().values(version_num=NEWEST))


def _lock(connection: Connection) -> None:
    """Let one process at a time migrate the tables; the others wait for it, however long it takes."""
    connection.execute(text("SET LOCAL lock_timeout = 0"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ADVISORY_LOCK})


def _copy(file: Path, found: str) -> Path:
    copy = file.with_name(f"{file.name}.before-{found}-to-{NEWEST}")
    part = copy.with_name(copy.name + ".part")
    with closing(driver().connect(file)) as source, closing(driver().connect(part)) as target:
        source.backup(target)
    shutil.copymode(file, part)
    part.replace(copy)
    return copy


def _config(found: str) -> Config:
    """Where the migrations are; raises DatabaseTooNew if `found` is not one of them."""
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parents[1] / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    try:
        ScriptDirectory.from_config(config).get_revision(found)
    except CommandError:
        raise DatabaseTooNew(
            f"the database was written by a newer version of tonearm (its tables have revision {found},"
            f" this one knows {NEWEST}): update this one"
        ) from None
    return config


def _upgrade(url: URL, config: Config) -> None:
    from alembic import command

    engine = connect(url, writes=True)
    try:
        with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                _lock(connection)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()
