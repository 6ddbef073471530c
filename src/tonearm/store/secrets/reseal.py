"""Changes the secret that the sessions in a database are encrypted with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, Column, Connection, Table, bindparam, select, text, update

from tonearm.core.account import SESSION_LOST
from tonearm.core.account import Connection as Connected
from tonearm.store.db import postgres
from tonearm.store.db.schema import account, app_key, destination, player
from tonearm.store.secrets import check
from tonearm.store.secrets.check import WrongSecret
from tonearm.store.secrets.seal import SessionCipher


class StillOpen(Exception):
    """Other processes have this database open, with the old secret."""


@dataclass(frozen=True, slots=True)
class Resealed:
    """How many sessions were encrypted again (`sealed`), and how many `lost`: their listeners have to sign in again."""

    sealed: int
    lost: int


_ID: BindParameter[int] = bindparam("account_id")
_SEALED = update(account).where(account.c.id == _ID).values(lastfm_session_key=bindparam("sealed"))
_LOST = (
    update(account)
    .where(account.c.id == _ID, account.c.connection != Connected.DISCONNECTED)
    .values(connection=Connected.NEEDS_SIGN_IN, trouble=SESSION_LOST)
)


def reseal(db: Connection, seal: SessionCipher, *, lost: bool) -> Resealed:
    """Encrypt each session with the first secret of the cipher, which becomes the database's. Raises WrongSecret if the
    cipher doesn't have the present one, unless that is `lost`; StillOpen if other processes are connected to
    PostgreSQL. For a SQLite file the caller has to check that.
    """
    if db.dialect.name != "sqlite":
        db.execute(text("LOCK TABLE secret_check"))  # a process that starts now waits, and is then refused
        if others := postgres.server_info(db).processes:
            raise StillOpen(f"{postgres.in_number(others)} connected to this database: stop them all first")
    if not lost and not check.opens(db, seal):
        raise WrongSecret("neither the new secret nor the old one can decrypt the sessions")
    resealed, unreadable = [], []
    sessions = select(account.c.id, account.c.lastfm_session_key).where(account.c.lastfm_session_key != "")
    for account_id, sealed in db.execute(sessions.with_for_update()).all():
        if seal.opens(sealed):
            resealed.append({"account_id": account_id, "sealed": seal.close(seal.open(sealed))})
        else:
            unreadable.append({"account_id": account_id, "sealed": ""})
    if resealed or unreadable:
        db.execute(_SEALED, resealed + unreadable)
    if unreadable:
        db.execute(_LOST, unreadable)
    _reseal_destinations(db, seal)
    for table, key in ((player, player.c.id), (app_key, app_key.c.api_key)):
        _reseal_column(db, seal, table, key)
    check.change(db, seal)
    return Resealed(len(resealed), len(unreadable))


def _reseal_destinations(db: Connection, seal: SessionCipher) -> None:
    """As for Last.fm's sessions: a token that can't be decrypted any more has to be entered again."""
    here = select(destination.c.id, destination.c.secret_sealed).where(destination.c.secret_sealed != "")
    for destination_id, sealed in db.execute(here.with_for_update()).all():
        opens = seal.opens(sealed)
        values: dict[str, Any] = {"secret_sealed": seal.close(seal.open(sealed)) if opens else ""}
        if not opens:
            values |= {"connection": Connected.NEEDS_SIGN_IN, "trouble": SESSION_LOST}
        db.execute(update(destination).where(destination.c.id == destination_id).values(**values))


def _reseal_column(db: Connection, seal: SessionCipher, table: Table, key: Column[Any]) -> None:
    """Encrypt what players' secrets are checked with. What can't be decrypted any more is lost: such a player needs a
    new secret.
    """
    sealed = table.c.secret_sealed
    for row in db.execute(select(key, sealed).where(sealed != "").with_for_update()).all():
        again = seal.close(seal.open(row[1])) if seal.opens(row[1]) else ""
        db.execute(update(table).where(key == row[0]).values(secret_sealed=again))
