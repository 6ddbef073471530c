"""Programs that ask to report for somebody, each known by the hash of its token until it fetches its session."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from tonearm.store import players
from tonearm.store.db.schema import approval
from tonearm.store.players import StoredPlayer

MAX_WAITING = 1000
"""The number of programs that wait at most; the oldest request is dropped for a new one."""

KEPT = 86400.0
"""Seconds after which a program's request is deleted."""


@dataclass(frozen=True, slots=True)
class Approval:
    """A program's request for approval, made at `asked_at` (Unix seconds); `player` is the player that it may report
    as, None until it is approved.
    """

    asked_at: float
    program: str
    player: StoredPlayer | None = None


def ask(db: Connection, token_hash: str, program: str, now: float) -> None:
    """Record a program's request."""
    db.execute(insert(approval).values(hash=token_hash, program=program, asked_at=now))
    newest = select(approval.c.hash).order_by(approval.c.asked_at.desc(), approval.c.hash).limit(MAX_WAITING)
    db.execute(delete(approval).where((approval.c.asked_at < now - KEPT) | approval.c.hash.not_in(newest)))


def find(db: Connection, token_hash: str) -> Approval | None:
    """The request made with a token; None for an unknown token."""
    row = db.execute(select(approval).where(approval.c.hash == token_hash)).first()
    if row is None:
        return None
    player = players.by_id(db, row.player) if row.player is not None else None
    return Approval(row.asked_at, row.program, player if player and player.revoked_at is None else None)


def allow(db: Connection, token_hash: str, player_id: int) -> bool:
    """Let the program report as this player; False if it was allowed already, or is unknown."""
    waits = (approval.c.hash == token_hash) & approval.c.player.is_(None)
    return db.execute(update(approval).where(waits).values(player=player_id)).rowcount == 1


def spend(db: Connection, token_hash: str) -> bool:
    """Use up a token; False if it is unknown."""
    return db.execute(delete(approval).where(approval.c.hash == token_hash)).rowcount == 1
