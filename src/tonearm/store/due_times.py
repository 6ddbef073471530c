"""Corrects due times that a wrong clock has written: SQL for all tables in which plays wait."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Float, Select, Table, Update, bindparam, case, literal, select, update

from tonearm.core.pacing import LONGEST_APART
from tonearm.store.line import QueueState


def at_once(queue: Table, now: float, skew: float) -> Update:
    """Make waiting plays due now, except those in the future. Our clock shows `now`, and is `skew` seconds behind
    Last.fm's. A play reported before its start gets its start as due time: if our clock is set back later, it waits for
    its start again.
    """
    row = queue.c
    when = case((row.timestamp > row.enqueued_at, row.timestamp - literal(skew, Float(53))), else_=0.0)
    past = (row.state == QueueState.QUEUED, row.timestamp <= now + skew)
    return update(queue).where(*past).values(next_attempt_at=when)


class PutBack:
    """The plays of a queue that a wrong clock has postponed: beyond their start, and further than anything else
    postpones plays. Our clock shows `now`, and is `skew` seconds behind Last.fm's. `where` narrows the search.
    """

    def __init__(self, queue: Table, *where: Any) -> None:
        row, its_time = queue.c, queue.c.timestamp - bindparam("skew", type_=Float(53))
        past = (
            row.state == QueueState.QUEUED,
            row.next_attempt_at - LONGEST_APART > bindparam("now", type_=Float(53)),
            row.next_attempt_at - LONGEST_APART > its_time,
        )
        self._found: Select[Any] = select(row.account).where(*where, *past).distinct()
        mine = row.account.in_(bindparam("accounts", expanding=True))
        self._at_its_time = update(queue).where(mine, *past).values(next_attempt_at=its_time)

    def accounts(self, db: Connection, now: float, skew: float) -> list[int]:
        """The accounts of these plays."""
        return list(db.execute(self._found, {"now": now, "skew": skew}).scalars())

    def due_at_their_time(self, db: Connection, account_ids: Sequence[int], now: float, skew: float) -> None:
        """Make those of these accounts due when their start has come."""
        db.execute(self._at_its_time, {"accounts": list(account_ids), "now": now, "skew": skew})
