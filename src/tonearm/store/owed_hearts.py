"""Hearts that a service doesn't have yet: the statements shared by those for Last.fm and for destinations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Generic, TypeVar

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Table,
    and_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    update,
)

from tonearm.core.hearts import LONGEST_WAIT, ON_ITS_WAY, HeartState, OwedHeart

H = TypeVar("H", bound=OwedHeart)


_FACTS = ("tries", "refusals", "due_at", "reason")


def owed_facts(row: Any) -> dict[str, Any]:
    """The fields of an OwedHeart from a row."""
    return {"state": HeartState(row.state), "id": row.id, **{name: getattr(row, name) for name in _FACTS}}


def owed_row(one: OwedHeart) -> dict[str, Any]:
    """The columns of an OwedHeart's row, without its `id`."""
    return {"state": one.state, **{name: getattr(one, name) for name in _FACTS}}


class OwedHearts(Generic[H]):
    """The statements for a table of hearts; `line` is the column that names their account or destination. `read` makes
    a heart from a row. `meant` are further conditions for a heart to be sent, with the table joined as `within`.
    """

    def __init__(
        self,
        hearts: Table,
        line: Column[Any],
        read: Callable[[Any], H],
        *meant: ColumnElement[bool],
        within: Any = None,
    ) -> None:
        row = hearts.c
        self._hearts, self._line, self._read = hearts, line, read
        self.owed = row.state != literal("", literal_execute=True)  # in the form of the index
        """Hearts that are owed, or were rejected."""
        self.may_go = and_(self.owed, row.state != HeartState.REJECTED)
        """Hearts that are owed and were not rejected."""
        self.ready = or_(
            row.due_at <= bindparam("now"),
            row.due_at > bindparam("now") + LONGEST_WAIT,
            and_(row.state == HeartState.SENDING, row.due_at > bindparam("now") + ON_ITS_WAY),
        )
        """Hearts that are due `now`, also if a clock that has been set back has timed them."""
        self._next = (
            select(hearts)
            .select_from(hearts if within is None else within)
            .where(line == bindparam("line"), self.may_go, *meant)
            .order_by(case((self.ready, 0), else_=1), row.due_at, row.id)
            .limit(1)
        )
        self._waiting = (self.owed, row.state == HeartState.WAITING)

    def next(self, db: Connection, line: int, now: float) -> H | None:
        """The heart that is sent next; if it is due now, its `due_at` is at most `now`."""
        row = db.execute(self._next, {"line": line, "now": now}).first()
        if row is None:
            return None
        one = self._read(row)
        latest = ON_ITS_WAY if one.state is HeartState.SENDING else LONGEST_WAIT
        return one if one.due_at <= now + latest else replace(one, due_at=now)

    def listed(self, db: Connection, line: int, limit: int) -> list[H]:
        """The hearts that wait or were rejected, the latest first."""
        row = self._hearts.c
        wanted = select(self._hearts).where(self._line == line, self.owed)
        return [self._read(one) for one in db.execute(wanted.order_by(row.said_at.desc(), row.id.desc()).limit(limit))]

    def retry(self, db: Connection, line: int, now: float) -> None:
        """Make everything that waits or was rejected due now."""
        unsent = (self._line == line, self.owed, self._hearts.c.state != HeartState.SENDING)
        again = {"state": HeartState.WAITING, "due_at": now, "tries": 0, "refusals": 0, "reason": ""}
        db.execute(update(self._hearts).where(*unsent).values(**again))

    def postpone(self, db: Connection, line: int, until: float, *of: ColumnElement[bool]) -> None:
        """Make nothing that waits due before `until`."""
        waiting = (self._line == line, *self._waiting, *of, self._hearts.c.due_at < until)
        db.execute(update(self._hearts).where(*waiting).values(due_at=until))

    def wait_until(self, db: Connection, line: int, now: float, *of: ColumnElement[bool]) -> float:
        """When a failed but not rejected heart is due again; 0 if there is none."""
        row = self._hearts.c
        failed = (*self._waiting, row.tries > 0, row.refusals == 0, row.due_at <= now + LONGEST_WAIT)
        return db.execute(select(func.min(row.due_at)).where(self._line == line, *failed, *of)).scalar() or 0.0
