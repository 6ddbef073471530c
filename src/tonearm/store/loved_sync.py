"""How a listener's hearts are merged with Last.fm's: hourly or on demand, and which side wins a conflict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, select

from tonearm.core.account import Connection as Connected
from tonearm.core.hearts import ConflictRule
from tonearm.store.db.dialect import insert_or_change
from tonearm.store.db.schema import account, loved_sync


@dataclass(frozen=True, slots=True)
class LovedSync:
    """`mirror_at` (Unix seconds, 0 for now): when both sides are merged next; None if only on demand."""

    mirror_at: float | None = None
    rule: ConflictRule = ConflictRule.LATEST


def read(db: Connection, account_id: int) -> LovedSync:
    """The settings of an account."""
    row = db.execute(select(loved_sync).where(loved_sync.c.account == account_id)).first()
    return LovedSync(row.mirror_at, ConflictRule(row.rule)) if row else LovedSync()


def set_mirror(db: Connection, account_id: int, at: float | None) -> None:
    """Merge both sides at that time (Unix seconds), or (None) only on demand."""
    _change(db, account_id, mirror_at=at)


def set_rule(db: Connection, account_id: int, rule: ConflictRule) -> None:
    """Set which side wins for a track that was unloved here and loved at Last.fm."""
    _change(db, account_id, rule=rule)


def _change(db: Connection, account_id: int, **changed: Any) -> None:
    before = read(db, account_id)
    row = {"account": account_id, "mirror_at": before.mirror_at, "rule": before.rule, **changed}
    insert_or_change(db, loved_sync, [row], ("account",), tuple(changed))


_DUE = (
    select(loved_sync.c.account)
    .join(account, account.c.id == loved_sync.c.account)
    .where(loved_sync.c.mirror_at <= bindparam("now"), account.c.connection == Connected.CONNECTED)
    .order_by(loved_sync.c.account)
)


def due(db: Connection, now: float) -> list[int]:
    """Accounts whose hearts are to be merged now."""
    return list(db.execute(_DUE, {"now": now}).scalars())
