"""A line: plays that wait for one service, and the fenced lease under which one sender sends them.

An account's line leads to its Last.fm; each destination has a line of its own. `Line` has the statements that both
share, for a table of lines and a table of their plays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, Connection, Table, bindparam, or_, select, update

from tonearm.core.account import Connection as Connected
from tonearm.core.delivery import DeliveryState, QueuedPlay
from tonearm.core.pacing import LONGEST_THROTTLE
from tonearm.store.plays import frozen_columns, play_from_tuple


class QueueState(StrEnum):
    """The state of a row in the queue; a play whose fate is known is no longer in it."""

    QUEUED = "queued"
    SENDING = "sending"


class Fenced(Exception):
    """The lease was released or belongs to another sender: this one may write nothing more."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to send an account's plays, with what is needed for it: to Last.fm, or to another `destination`.

    `api_key` is the row of `pace` that limits its requests. A `closed` destination gets nothing now; one that is
    `behind` has part of the history still to be queued.
    """

    account: int
    lease_id: int
    user: str
    sealed_session: str
    api_key: str
    state: DeliveryState
    destination: int | None = None
    closed: bool = False
    behind: bool = False

    @property
    def line(self) -> int:
        """The id of the line: of the destination, or of the account."""
        return self.account if self.destination is None else self.destination


Off = Callable[[float | None, str, float], float | None]
"""`QueuedPlay.off` of a play, from its `counter`, `boot` and `enqueued_at`."""


def not_off(counter: float | None, boot: str, enqueued_at: float) -> float | None:
    """As if Last.fm's time had been known at every report."""
    return 0.0


_HOW = (
    *("retry_count", "next_attempt_at", "split_group", "split_at", "too_new", "refusals", "last_error", "live"),
    *("enqueued_at", "counter", "boot"),
)
_END = 1 + len(_HOW)


def waiting_columns(plays: Table) -> tuple[Column[Any], ...]:
    """The columns that `waiting_play` reads, of the queue of plays for Last.fm or of the one for destinations."""
    return (plays.c.id, *(plays.c[name] for name in _HOW), *frozen_columns(plays))


def waiting_play(row: Sequence[Any], off: Off, *, unanswered: bool = False) -> QueuedPlay:
    """The play in a row with these columns."""
    how = row[1:_END]
    since, counter, boot = how[-3:]
    known_now: tuple[Any, ...] = (off(counter, boot, since), False, unanswered)  # off, refused_ahead and unanswered
    return QueuedPlay(row[0], play_from_tuple(row[_END:]), *how, *known_now)


def over(until: Any, now: Any) -> Any:
    """Whether a wait is over, or was written by a clock that has been set back since."""
    return or_(until <= now, until > now + LONGEST_THROTTLE)


def state_columns(lines: Table) -> tuple[Column[Any], ...]:
    """The columns of a DeliveryState, by the names of its fields."""
    names = ("connection", "wait_until", "fails", "soft_failures", "throttle_level", "answered_at", "trouble")
    return tuple(lines.c[name] for name in (*names, "budget", "budget_at"))


def state_of(values: Sequence[Any]) -> DeliveryState:
    """The state in the values of `state_columns`."""
    connection, *others = values
    return DeliveryState(Connected(connection), *others)


Unanswered = Callable[[Connection, int, Iterable[int]], None]
"""Records that the answer to a request with these plays of a line was lost."""


class Line:
    """The statements of lines, for a table that has a row for each of them and one that has the plays of all.

    `line_of` is the column of the plays that names their line; `user`, `secret` and `key` are columns of the line;
    `account` is the column that names its account. While one of the columns `closed` has a value, the line is closed;
    while the column `behind` has one, it is behind.
    """

    def __init__(
        self,
        lines: Table,
        line_of: Column[Any],
        *,
        account: str,
        user: str,
        secret: str,
        key: str,
        unanswered: Unanswered,
        closed: Sequence[str] = (),
        behind: str = "",
    ) -> None:
        self._unanswered = unanswered
        self._is_account = account == "id"
        plays = line_of.table
        assert isinstance(plays, Table)
        state = state_columns(lines)
        facts = [*(lines.c[name] for name in (account, user, secret, key)), *state]
        facts += [lines.c[name] for name in (*closed, behind) if name]
        # A released lease belongs to nobody; a renewal may still arrive after that.
        leased = (lines.c.id == bindparam("line"), lines.c.lease_id == bindparam("lease"), lines.c.lease_until > 0)
        self._claim = (
            update(lines)
            .where(lines.c.id == bindparam("line"), over(lines.c.lease_until, bindparam("now")))
            .values(lease_owner=bindparam("owner"), lease_until=bindparam("until"), lease_id=lines.c.lease_id + 1)
            .returning(lines.c.lease_id, *facts)
        )
        sending = plays.c.state == QueueState.SENDING
        self._rescue = (
            update(plays)
            .where(line_of == bindparam("of_line"), sending)
            .values(state=QueueState.QUEUED)
            .returning(plays.c.id)
        )
        self._leased_until = select(lines.c.lease_until).where(lines.c.id == bindparam("line"))
        self._renew = update(lines).where(*leased).values(lease_until=bindparam("until"))
        self._lock = select(*facts).where(*leased).with_for_update(key_share=not self._is_account)
        self._release = update(lines).where(*leased).values(lease_until=0, lease_owner="")
        self._set_state = (
            update(lines)
            .where(*leased)
            .values({column: bindparam(f"new_{column.name}") for column in (*state, lines.c.lease_until)})
        )
        self._pause_backlog = update(lines).where(*leased).values(backlog_until=bindparam("until"))
        self._state = select(*state).where(lines.c.id == bindparam("line"))
        self._names = tuple(column.name for column in state)

    def claim(self, db: Connection, line: int, owner: str, now: float, until: float) -> Lease | None:
        """Take the lease of a line; None while another sender has it. Plays found `sending` were left by a sender that
        died: they are queued again, unchanged, since services drop identical repeats.
        """
        row = db.execute(self._claim, {"line": line, "now": now, "owner": owner, "until": until}).first()
        if row is None:
            return None
        self.rescue(db, line)
        lease_id, *facts = row
        return self._lease(line, lease_id, facts)

    def _lease(self, line: int, lease_id: int, facts: Sequence[Any]) -> Lease:
        account, user, secret, key, *others = facts
        state = state_of(others[: len(self._names)])
        if self._is_account:
            return Lease(account, lease_id, user, secret, key, state)
        *closed, behind = (value is not None for value in others[len(self._names) :])
        return Lease(account, lease_id, user, secret, key, state, line, any(closed), behind)

    def leased_until(self, db: Connection, line: int) -> float | None:
        """When (Unix seconds) the lease of a line ends, if its holder does not renew it."""
        until: float | None = db.execute(self._leased_until, {"line": line}).scalar()
        return until

    def renew(self, db: Connection, lease: Lease, until: float) -> None:
        """Extend the lease to `until`; raises Fenced if it no longer belongs to this sender."""
        if not db.execute(self._renew, {"line": lease.line, "lease": lease.lease_id, "until": until}).rowcount:
            raise Fenced

    def lock_lease(self, db: Connection, lease: Lease) -> Lease:
        """Lock the lease until the transaction ends, and return it with the line's state; raises Fenced as `renew`
        does.
        """
        row = db.execute(self._lock, {"line": lease.line, "lease": lease.lease_id}).first()
        if row is None:
            raise Fenced
        return self._lease(lease.line, lease.lease_id, row)

    def release(self, db: Connection, lease: Lease) -> None:
        """Release the lease; plays that were still being sent are queued again. Does nothing once fenced."""
        if db.execute(self._release, {"line": lease.line, "lease": lease.lease_id}).rowcount:
            self.rescue(db, lease.line)

    def rescue(self, db: Connection, line: int) -> None:
        """Requeue what was being sent, marked as unanswered: its sender has lost the lease."""
        self._unanswered(db, line, [row.id for row in db.execute(self._rescue, {"of_line": line})])

    def set_delivery_state(self, db: Connection, lease: Lease, state: DeliveryState, until: float) -> None:
        """Write the state of a line and extend its lease to `until`; raises Fenced as `renew` does."""
        new = {f"new_{name}": getattr(state, name) for name in self._names} | {"new_lease_until": until}
        if not db.execute(self._set_state, {"line": lease.line, "lease": lease.lease_id, **new}).rowcount:
            raise Fenced

    def pause_backlog(self, db: Connection, lease: Lease, until: float) -> None:
        """Note that the daily limit is used up: only live plays are due before `until`."""
        db.execute(self._pause_backlog, {"line": lease.line, "lease": lease.lease_id, "until": until})

    def delivery_state(self, db: Connection, line: int) -> DeliveryState:
        """The state of a line."""
        return state_of(db.execute(self._state, {"line": line}).one())
