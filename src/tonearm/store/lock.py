"""One process delivers from a SQLite file; a second one is told so."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tonearm.store.writer import StoreUnavailable


class AlreadyOpen(Exception):
    """Another process delivers from this file."""


def holder(file: Path) -> str | None:
    """The number of the process that delivers from a SQLite file now; None where none does."""
    try:
        lock = os.open(file.with_name(file.name + ".lock"), os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.pread(lock, 32, 0).decode(errors="replace").strip() or "unknown"
    finally:
        os.close(lock)
    return None


@contextmanager
def sole_sender(file: Path | None) -> Iterator[None]:
    """Hold the file for delivering; raises AlreadyOpen. The system lets go of it whenever the process ends."""
    if file is None:
        yield
        return
    path = file.with_name(file.name + ".lock")
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StoreUnavailable(f"{path}: {error.strerror}") from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(lock, 32, 0).decode(errors="replace").strip() or "unknown"
            raise AlreadyOpen(
                f"{file} is in use by another tonearm (process {holder}): stop that one, or use another file"
            ) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(lock)
