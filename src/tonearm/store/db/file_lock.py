"""One process delivers from a SQLite file; a second one gets an error."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tonearm.store.db.sqlite_writer import StoreUnavailable


class AlreadyOpen(Exception):
    """Another process delivers from this file."""


def holder(file: Path) -> str | None:
    """The id of the process that delivers from a SQLite file now; None if none does."""
    try:
        lock = os.open(_beside(file), os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _noted(lock)[0] or "unknown"
    finally:
        os.close(lock)
    return None


def note_address(file: Path, address: str) -> None:
    """Note the address of the service that delivers from a SQLite file, which is this process."""
    lock = os.open(_beside(file), os.O_WRONLY)
    try:
        os.pwrite(lock, f"{os.getpid()}\n{address}\n".encode(), 0)
    finally:
        os.close(lock)


def address(file: Path) -> str:
    """The address of the service that delivers from a SQLite file now; "" if none does, or if it has no address."""
    if holder(file) is None:
        return ""
    try:
        lock = os.open(_beside(file), os.O_RDONLY)
    except OSError:
        return ""
    try:
        return _noted(lock)[1]
    finally:
        os.close(lock)


def _noted(lock: int) -> tuple[str, str]:
    """The process id and the address in a lock file."""
    process, _, rest = os.pread(lock, 1024, 0).decode(errors="replace").partition("\n")
    return process.strip(), rest.partition("\n")[0]


def _beside(file: Path) -> Path:
    """The lock file of a database, whatever name is used for it: a link and its target have the same one."""
    real = file.resolve()
    return real.with_name(real.name + ".lock")


@contextmanager
def sole_sender(file: Path | None) -> Iterator[None]:
    """Hold the lock for delivering from the file; raises AlreadyOpen. The system releases it whenever the process
    ends.
    """
    if file is None:
        yield
        return
    path = _beside(file)
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StoreUnavailable(f"{path}: {error.strerror}") from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = _noted(lock)[0] or "unknown"
            raise AlreadyOpen(
                f"{file} is in use by another tonearm (process {other}): stop that one, or use another file"
            ) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(lock)
