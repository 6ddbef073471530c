"""Players: programs that report plays with a secret of their own, their sessions, and whose plays they report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Select, delete, func, insert, select, update

from tonearm.store.db.dialect import insert_ignore
from tonearm.store.db.schema import account as account_table
from tonearm.store.db.schema import app_key, device_clock, player, player_session, player_user

MAX_SESSIONS = 100
"""The number of latest sessions that a player keeps. Each start of a player may make another one."""


LENT = 600.0
"""Seconds after which a trial player that was not removed is deleted."""


@dataclass(frozen=True, slots=True)
class StoredPlayer:
    """A player of an account. Times are Unix seconds, 0 for never; `revoked_at` is None while it may report.

    `user` is the name that it signs in with, which is its listener's. `refused_reason` says why a request was last
    rejected. `secret_sealed` is the encrypted MD5 of its secret. What a `trial` player reports is answered, but not
    saved.
    """

    id: int
    account: int
    user: str
    name: str
    kind: str
    created_at: float
    revoked_at: float | None
    heard_at: float
    program: str
    refused_at: float
    refused_reason: str
    secret_sealed: str = field(repr=False)
    trial: bool = False


_FIND: Select[Any] = select(
    player.c.id,
    player.c.account,
    account_table.c.name.label("user"),
    player.c.name,
    player.c.kind,
    player.c.created_at,
    player.c.revoked_at,
    player.c.heard_at,
    player.c.program,
    player.c.refused_at,
    player.c.refused_reason,
    player.c.secret_sealed,
    player.c.trial,
).join(account_table, account_table.c.id == player.c.account)


def _all(db: Connection, wanted: Select[Any]) -> list[StoredPlayer]:
    return [StoredPlayer(*row) for row in db.execute(wanted)]


def _one(db: Connection, wanted: Select[Any]) -> StoredPlayer | None:
    return next(iter(_all(db, wanted)), None)


def add(
    db: Connection, account: int, name: str, kind: str, secret_hash: str, secret_sealed: str, now: float
) -> StoredPlayer | None:
    """A new player, or one that was revoked, with a new secret; None if there is one with that name."""
    known = _one(db, _FIND.where(player.c.account == account, player.c.name == name))
    if known is not None and known.revoked_at is None:
        return None
    values = {"kind": kind, "secret_hash": secret_hash, "secret_sealed": secret_sealed, "created_at": now}
    if known is not None:
        fresh = {"revoked_at": None, "heard_at": 0.0, "program": "", "refused_at": 0.0, "refused_reason": ""}
        db.execute(update(player).where(player.c.id == known.id).values(**values, **fresh))
    else:
        db.execute(insert(player).values(account=account, name=name, **values))
    return by_secret(db, secret_hash)


def of_account(db: Connection, account: int) -> list[StoredPlayer]:
    """The players of an account that may report, by their names."""
    may_report = player.c.revoked_at.is_(None) & ~player.c.trial
    return _all(db, _FIND.where(player.c.account == account, may_report).order_by(player.c.name))


def lend(
    db: Connection, beside: StoredPlayer, name: str, secret_hash: str, secret_sealed: str, their_user: str, now: float
) -> StoredPlayer:
    """A trial player of the same kind, with `their_user` mapped to its listener; other trial players are removed."""
    trials = select(player.c.id).where(player.c.account == beside.account, player.c.trial)
    take_back(db, list(db.execute(trials.where(player.c.created_at < now - LENT)).scalars()))
    values = {"kind": beside.kind, "secret_hash": secret_hash, "secret_sealed": secret_sealed, "created_at": now}
    db.execute(insert(player).values(account=beside.account, name=name, trial=True, **values))
    lent = by_secret(db, secret_hash)
    assert lent is not None
    map_user(db, lent.id, their_user, beside.account)
    return lent


def take_back(db: Connection, trials: Sequence[int]) -> None:
    """Remove these trial players."""
    for table in (player_session, player_user, device_clock):
        db.execute(delete(table).where(table.c.player.in_(trials)))
    db.execute(delete(player).where(player.c.id.in_(trials), player.c.trial))


def by_secret(db: Connection, secret_hash: str) -> StoredPlayer | None:
    """The player with that secret; it may be revoked."""
    return _one(db, _FIND.where(player.c.secret_hash == secret_hash))


def by_id(db: Connection, player_id: int) -> StoredPlayer | None:
    """The player with that id; it may be revoked."""
    return _one(db, _FIND.where(player.c.id == player_id))


def by_user(db: Connection, user: str) -> list[StoredPlayer]:
    """The players that sign in with that name, in upper or lower case."""
    named = func.lower(account_table.c.name) == user.lower()
    return _all(db, _FIND.where(named, player.c.revoked_at.is_(None)).order_by(player.c.id))


def revoke(db: Connection, account: int, name: str, now: float) -> StoredPlayer | None:
    """Revoke its secret and forget its sessions and its API keys; None if there is no such player."""
    found = _one(db, _FIND.where(player.c.account == account, player.c.name == name, player.c.revoked_at.is_(None)))
    if found is not None:
        db.execute(delete(player_session).where(player_session.c.player == found.id))
        db.execute(delete(player_user).where(player_user.c.player == found.id))
        db.execute(delete(app_key).where(app_key.c.player == found.id))
        db.execute(update(player).where(player.c.id == found.id).values(revoked_at=now, secret_sealed=""))
    return found


def note_report(db: Connection, player_id: int, now: float, program: str) -> None:
    """Record that a player has reported something; `program` is "" if the request doesn't name one."""
    values: dict[str, Any] = {"heard_at": now} | ({"program": program} if program else {})
    db.execute(update(player).where(player.c.id == player_id).values(**values))


def note_refused(db: Connection, player_ids: Sequence[int], now: float, reason: str) -> None:
    """Record that a request was rejected that may have come from one of these players."""
    db.execute(update(player).where(player.c.id.in_(player_ids)).values(refused_at=now, refused_reason=reason))


def add_session(db: Connection, player_id: int, session_hash: str, protocol: str, now: float) -> None:
    """Add a session of a player to those that it has."""
    session = {"hash": session_hash, "player": player_id, "protocol": protocol, "created_at": now}
    insert_ignore(db, player_session, [session])  # two processes may accept the same answer to a challenge
    newest = (
        select(player_session.c.hash)
        .where(player_session.c.player == player_id)
        .order_by(player_session.c.created_at.desc(), player_session.c.hash)
        .limit(MAX_SESSIONS)
    )
    of_player = player_session.c.player == player_id
    db.execute(delete(player_session).where(of_player, player_session.c.hash.not_in(newest)))


def by_session(db: Connection, session_hash: str) -> tuple[StoredPlayer, str] | None:
    """The player of a session, and the protocol that the session was created with."""
    row = db.execute(
        select(player_session.c.player, player_session.c.protocol).where(player_session.c.hash == session_hash)
    ).first()
    found = by_id(db, row.player) if row else None
    return (found, row.protocol) if row and found else None


def users(db: Connection, player_id: int) -> dict[str, int]:
    """Which users of a media server are which accounts."""
    rows = db.execute(select(player_user.c.their_user, player_user.c.account).where(player_user.c.player == player_id))
    return {row.their_user: row.account for row in rows}


def map_user(db: Connection, player_id: int, their_user: str, account: int | None) -> None:
    """Map a user of a media server to this account from now on; None removes the mapping."""
    of_user = (player_user.c.player == player_id) & (player_user.c.their_user == their_user)
    db.execute(delete(player_user).where(of_user))
    if account is not None:
        db.execute(insert(player_user).values(player=player_id, their_user=their_user, account=account))


def add_app_key(db: Connection, owner: StoredPlayer, api_key: str, secret_sealed: str) -> None:
    """Store an API key issued here, for a player."""
    values = {"player": owner.id, "account": owner.account, "secret_sealed": secret_sealed}
    db.execute(insert(app_key).values(api_key=api_key, **values))


def app_secret(db: Connection, api_key: str) -> str | None:
    """The encrypted secret of an API key that was issued here; None for a foreign one."""
    return db.execute(select(app_key.c.secret_sealed).where(app_key.c.api_key == api_key)).scalar()


def by_app_key(db: Connection, api_key: str) -> StoredPlayer | None:
    """The player that an API key was issued for; None for a foreign one."""
    owner = select(app_key.c.player).where(app_key.c.api_key == api_key).scalar_subquery()
    return _one(db, _FIND.where(player.c.id == owner))
