"""Maintenance of a whole database while no service uses it: backups, a new secret, the move to PostgreSQL."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError

from tonearm.store.admin.backup import CannotRestore, CannotWrite, back_up, place_for, restore
from tonearm.store.db.database import Store, connect, sqlite_file
from tonearm.store.db.file_lock import sole_sender
from tonearm.store.db.migrate import migrate
from tonearm.store.db.sqlite_writer import StoreUnavailable
from tonearm.store.secrets import reseal
from tonearm.store.secrets.check import WrongSecret, check
from tonearm.store.secrets.reseal import Resealed, StillOpen
from tonearm.store.secrets.seal import SessionCipher, key_file, seal_beside

if TYPE_CHECKING:
    from collections.abc import Callable

    from tonearm.store.admin.move_to_postgres import MoveResult

__all__ = [
    "CannotMoveDatabase",
    "CannotRestore",
    "CannotWrite",
    "MoveResult",
    "Resealed",
    "StillOpen",
    "back_up",
    "change_secret",
    "key_problem",
    "key_to_move",
    "move",
    "place_for",
    "restore",
]


class CannotMoveDatabase(Exception):
    """A database cannot be moved, and why."""


async def change_secret(url: URL, given: str, old: list[str]) -> Resealed:
    """Encrypt the sessions with the given secret, or with the key file beside the SQLite file if it is "". `old`
    secrets decrypt them; without any, the sessions are lost. Raises StillOpen while another process has the database
    open.
    """
    file = sqlite_file(url)
    with sole_sender(file):
        migrate(url)
        new = seal_beside(file) if file and not given else SessionCipher((given,))
        store = Store(url)
        try:
            seal = SessionCipher((*new.secrets, *old))
            return await store.write(partial(reseal.reseal, seal=seal, lost=not old))
        finally:
            store.close()


def key_problem(url: URL, secret: str) -> str:
    """Why the sessions in a database can't be decrypted with the secret from the settings or the key file, and what to
    do; "" if they can, or if it is from a version that had other tables.
    """
    engine = connect(url, writes=False)
    try:
        with engine.connect() as db:
            check(db, sqlite_file(url), secret)
    except (StoreUnavailable, WrongSecret) as problem:
        return str(problem)
    except DBAPIError:
        return ""
    finally:
        engine.dispose()
    return ""


def key_to_move(source: URL, secret: str) -> Path | None:
    """The key file that encrypts the sessions of a SQLite file; None if a secret from the settings does. Raises
    CannotMoveDatabase, and WrongSecret if that secret doesn't decrypt them.
    """
    from tonearm.store.admin.move_to_postgres import CannotMove, ask

    file = sqlite_file(source)
    try:
        ask(source, lambda db: check(db, file, secret))
    except CannotMove as refused:
        raise CannotMoveDatabase(str(refused)) from None
    assert file is not None
    return None if secret or not key_file(file).exists() else key_file(file)


def move(source: URL, target: URL, progress: Callable[[int, int], None]) -> MoveResult:
    """Copy a SQLite file to an empty PostgreSQL database. `progress` is called with (rows done, rows in all).

    Raises CannotMoveDatabase, and AlreadyOpen while a process delivers from the file.
    """
    from tonearm.store.admin import move_to_postgres

    with sole_sender(sqlite_file(source)):
        try:
            return move_to_postgres.move(source, target, lambda _, done, total: progress(done, total))
        except move_to_postgres.CannotMove as refused:
            raise CannotMoveDatabase(str(refused)) from None
