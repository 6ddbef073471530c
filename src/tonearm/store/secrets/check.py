"""Checks the secret that the sessions in a database are encrypted with: a process with another one may not open it.

With another secret, a process could decrypt no session, and would encrypt new ones that no other process can decrypt.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, delete, select

from tonearm.store.db.database import Store
from tonearm.store.db.dialect import insert_ignore
from tonearm.store.db.schema import account, secret_check
from tonearm.store.db.sqlite_writer import StoreUnavailable
from tonearm.store.secrets.seal import SessionCipher, key_file, seal_beside

_OF = "sessions"
_OR_CHANGE = "or change it ('tonearm change-secret --help')"


class WrongSecret(Exception):
    """The secret is not the one that the sessions in this database are encrypted with. Nothing was changed."""


async def seal_of(store: Store, file: Path | None, secret: str) -> SessionCipher:
    """The cipher of a database, with the given secret, or with the key file beside it, which is created for a new
    database.

    Raises WrongSecret, and StoreUnavailable if the key file can be neither read nor made.
    """
    known = await store.read(partial(check, file=file, secret=secret))
    seal = _seal(file, secret)
    if not known and not await store.write(partial(prove, seal=seal)):  # another process has begun meanwhile
        await store.read(partial(check, file=file, secret=secret))
    return seal


def check(db: Connection, file: Path | None, secret: str) -> bool:
    """Whether the secret is known to be the right one; False if the database is still unused. It only reads. Raises
    WrongSecret if the secret is wrong or missing.
    """
    if file and not secret and not key_file(file).exists():
        if not _begun(db):
            return False
        raise WrongSecret(
            f"{key_file(file)}: the key file for the stored sessions is missing: put it back, set the"
            f" TONEARM_SECRET_KEY that encrypted them, {_OR_CHANGE}"
        )
    seal = _seal(file, secret)
    if not opens(db, seal):
        raise WrongSecret(_wrong(db, file, given=bool(secret)))
    return proven(db, seal) is not None


_PROOF = select(secret_check.c.nonce, secret_check.c.digest)


def proven(db: Connection, seal: SessionCipher) -> bool | None:
    """Whether the cipher has the right secret; None if there is no check yet."""
    row = db.execute(_PROOF).first()
    return seal.proves(row.nonce, row.digest) if row else None


def opens(db: Connection, seal: SessionCipher) -> bool:
    """Whether the cipher has the right secret; without a proof, one session that can be decrypted is enough."""
    right = proven(db, seal)
    if right is None:
        sessions = _sessions(db)
        return not sessions or any(map(seal.opens, sessions))
    return right


def prove(db: Connection, seal: SessionCipher) -> bool:
    """Write a proof if there is none; True if the cipher has the right secret: of several secrets, the first counts."""
    if opens(db, seal):
        _write(db, seal)
    return bool(proven(db, seal))


def change(db: Connection, seal: SessionCipher) -> None:
    """Make the cipher's first secret the right one from now on."""
    db.execute(delete(secret_check))
    _write(db, seal)


def _write(db: Connection, seal: SessionCipher) -> None:
    nonce = os.urandom(16).hex()
    insert_ignore(db, secret_check, [{"name": _OF, "nonce": nonce, "digest": seal.proof(nonce)}])


def _seal(file: Path | None, secret: str) -> SessionCipher:
    return seal_beside(file) if file and not secret else SessionCipher((secret,))


def _begun(db: Connection) -> bool:
    return db.execute(select(secret_check.c.name)).first() is not None or bool(_sessions(db))


def _sessions(db: Connection) -> list[str]:
    sealed = select(account.c.lastfm_session_key).where(account.c.lastfm_session_key != "")
    return list(db.execute(sealed.order_by(account.c.id)).scalars())


def _wrong(db: Connection, file: Path | None, *, given: bool) -> str:
    """The error for a wrong secret, saying what to do."""
    if file and not given:
        message = f"{key_file(file)} isn't the key file for the stored sessions: put that one back, set the"
        return f"{message} TONEARM_SECRET_KEY that encrypted them, {_OR_CHANGE}"
    message = "TONEARM_SECRET_KEY isn't the key that encrypted the sessions in this database"
    if file and _lies_beside(db, file):
        return f"{message}: unset it, because the right key is in {key_file(file)}, {_OR_CHANGE}"
    return f"{message}: give every process the same, {_OR_CHANGE}"


def _lies_beside(db: Connection, file: Path) -> bool:
    try:
        return key_file(file).exists() and opens(db, seal_beside(file))
    except StoreUnavailable:  # it cannot be read
        return False
