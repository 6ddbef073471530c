"""Backup and restore: copies the database as of one moment, while plays are being written, and puts a copy back. The
copy is a SQLite file or, for PostgreSQL, what `pg_dump` writes. If either is interrupted, the old backup or the old
database is still intact.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import mkstemp
from typing import Any

from sqlalchemy import URL

from tonearm.store.db.database import BUSY_SECONDS, sqlite_file
from tonearm.store.db.file_lock import sole_sender
from tonearm.store.db.migrate import NEWEST
from tonearm.store.db.sqlite_writer import StoreUnavailable
from tonearm.store.secrets.seal import key_file
from tonearm.store.sqlite import driver

PAGES = 1000
"""Pages that are copied before writers get their turn."""

STARTS = 3
"""How often a copy starts over because of a write meanwhile, before writers have to wait for it."""

_BESIDE = ("-journal", "-wal", "-shm")
"""The files that SQLite keeps beside a database while it writes; they belong to that database only."""

_DUMP = b"PGDMP"
_SQLITE = b"SQLite format 3\0"

BackupProgress = Callable[[int, int], None]
"""Called with the number of pages copied, and the total."""


class CannotRestore(Exception):
    """The file is not a backup that can be restored; nothing was changed."""


class CannotWrite(Exception):
    """The file for a backup or an export cannot be written; an older one is unchanged."""


def back_up(url: URL, to: Path, progress: BackupProgress = lambda _, __: None) -> int:
    """Write the database as it is now to a file, with everything that was acknowledged before. Returns the file's size
    in bytes.

    Writers continue meanwhile. A file with that name is replaced once the new one is complete and on disk. Only its
    owner can read it. Raises StoreUnavailable, and CannotWrite.
    """
    file = sqlite_file(url)
    try:
        with _replacing(place_for(to, url)) as part:
            if file is None:
                _postgres("pg_dump", url, "--format=custom", "--no-owner", "--no-privileges", f"--file={part}")
            else:
                _copy(file, part, progress)
    except OSError as error:
        raise CannotWrite(f"{to}: {error.strerror}") from None
    except driver().Error as error:
        if getattr(error, "sqlite_errorname", "") in ("SQLITE_FULL", "SQLITE_IOERR_WRITE"):  # only the copy is written
            raise CannotWrite(f"{to}: {error}") from None
        raise StoreUnavailable(f"{file}: {error}") from None
    return to.stat().st_size


def place_for(to: Path, url: URL) -> Path:
    """The file to replace with a backup or an export: what a link leads to, not the link. Raises CannotWrite if it is
    no file, or the database itself or its key.
    """
    place = to.resolve()
    if place.exists() and not place.is_file():
        raise CannotWrite(f"{to}: {'is a folder' if place.is_dir() else 'is not a regular file'}")
    file = sqlite_file(url)
    if file and place in (file.resolve(), key_file(file).resolve()):
        raise CannotWrite(f"{to}: belongs to the database itself: use another file")
    return place


def restore(url: URL, backup: Path) -> None:
    """Replace the database with a backup. No process may have the database open meanwhile.

    Raises CannotRestore if the file is not such a backup, or damaged, AlreadyOpen if a process delivers from the SQLite
    file, StoreUnavailable. In each case the database is unchanged.
    """
    file = sqlite_file(url)
    if file:
        file = file.resolve()  # a link to the file stays a link
    try:
        with backup.open("rb") as opened:
            kind = opened.read(len(_SQLITE))
    except OSError as error:
        raise CannotRestore(f"{backup}: {error.strerror}") from None
    if file is None:
        if not kind.startswith(_DUMP):
            raise CannotRestore(f"{backup}: not a backup of a PostgreSQL database")
        _restore_postgres(url, backup)
        return
    if kind != _SQLITE:
        raise CannotRestore(f"{backup}: not a backup of a SQLite database")
    if file.exists() and file.samefile(backup):
        raise CannotRestore(f"{backup}: it is the database itself")
    _examine(backup)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with sole_sender(file):
            _put_back(file, backup)
    except OSError as error:
        raise StoreUnavailable(f"{file}: {error.strerror}") from None
    except driver().Error as error:
        raise StoreUnavailable(f"{file}: {error}") from None


class _StartedOver(Exception):
    """Another process wrote meanwhile, so SQLite started over."""


def _copy(file: Path, part: Path, progress: BackupProgress) -> None:
    if not file.is_file():
        raise StoreUnavailable(f"{file}: no such file")
    fewest_left = sys.maxsize
    starts = STARTS

    def note(_: int, left: int, total: int) -> None:
        nonlocal fewest_left, starts
        starts -= left > fewest_left
        fewest_left = left
        if not starts:
            raise _StartedOver
        progress(total - left, total)

    with closing(_opened(file, "rw")) as source, closing(driver().connect(part)) as target:
        [mode] = source.execute("PRAGMA journal_mode").fetchone()
        if mode == "wal":  # the state of one moment, and no writer waits for a reader
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        try:
            source.backup(target, pages=PAGES, progress=note)
        except _StartedOver:  # writers never pause: make them wait this once
            source.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")  # the file is complete by itself


def _opened(file: Path, mode: str) -> Any:
    return driver().connect(f"{file.absolute().as_uri()}?mode={mode}", uri=True, timeout=BUSY_SECONDS)


def _examine(backup: Path) -> None:
    """Raise CannotRestore unless it is whole, and its tables are ours."""
    try:
        with closing(_opened(backup, "ro")) as db:
            [found] = db.execute("PRAGMA integrity_check(1)").fetchone()
            [(revision,)] = db.execute("SELECT version_num FROM alembic_version").fetchall()
    except (driver().Error, ValueError):
        raise CannotRestore(f"{backup}: not a complete backup of a tonearm database") from None
    if found != "ok":
        raise CannotRestore(f"{backup}: damaged ({found})")
    if revision > NEWEST:
        raise CannotRestore(f"{backup}: made by a newer version of tonearm: update this one")


def _put_back(file: Path, backup: Path) -> None:
    """Replace the old file in one step."""
    with _replacing(file) as part:
        with closing(_opened(backup, "ro")) as source, closing(driver().connect(part)) as target:
            source.backup(target)  # with what is still in a write-ahead log beside it
            target.execute("PRAGMA journal_mode=DELETE")
        if file.exists():
            _finish(file)
        for ending in _BESIDE:
            file.with_name(file.name + ending).unlink(missing_ok=True)


def _finish(file: Path) -> None:
    """Recover what a crash has left beside the old file into that file, not into the new one."""
    try:
        with closing(_opened(file, "rw")) as old:
            old.execute("PRAGMA journal_mode=DELETE")
    except driver().OperationalError as error:
        raise StoreUnavailable(f"{file}: {error}") from None
    except driver().DatabaseError:  # it is damaged, which may be why it is being replaced
        return


@contextmanager
def _replacing(file: Path) -> Iterator[Path]:
    """A temporary file to write beside another; if the block succeeds, it is flushed to disk and replaces the other."""
    descriptor, name = mkstemp(prefix=f".{file.name}.", suffix=".part", dir=file.parent)
    os.close(descriptor)
    part = Path(name)
    try:
        yield part
        for written in (part, part.parent):  # the bytes first, then the name
            _flush(written)
        part.replace(file)
        _flush(file.parent)
    finally:
        for ending in ("", *_BESIDE):
            part.with_name(part.name + ending).unlink(missing_ok=True)


def _flush(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _restore_postgres(url: URL, backup: Path) -> None:
    """Restore in one transaction: an interruption leaves the database as it was."""
    from tonearm.store.db.database import connect
    from tonearm.store.db.postgres import in_number, server_info

    engine = connect(url, writes=True)
    try:
        with engine.connect() as db:
            if others := server_info(db).processes:
                raise CannotRestore(f"{in_number(others)} connected to the database: stop them all first")
    finally:
        engine.dispose()
    options = ("--clean", "--if-exists", "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error")
    _postgres("pg_restore", url, *options, str(backup))


def _postgres(program: str, url: URL, *arguments: str) -> None:
    """Run one of PostgreSQL's own programs on the database. The address is passed so that no other user can read it."""
    found = shutil.which(program)
    if found is None:
        raise StoreUnavailable(f"{program} is not installed; it is part of PostgreSQL's client programs")
    password = {"PGPASSWORD": str(url.password)} if url.password else {}
    address = url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    command = [found, f"--dbname={address}", *arguments]
    environment = {**os.environ, **password}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603  # ours
    if ended.returncode:
        output = ended.stderr.strip().splitlines() or [f"exit status {ended.returncode}"]
        raise StoreUnavailable(f"{output[-1].removeprefix(f'{program}: ').removeprefix('error: ')}")
