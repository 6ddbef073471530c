"""The queue: plays that Last.fm is owed, and the fenced lease under which one sender takes an account's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, and_, bindparam, case, delete, exists, func, or_, select, update

from tonearm.core.account import Connection as Connected
from tonearm.core.delivery import Line, Waiting
from tonearm.core.pacing import LONGEST_REST
from tonearm.store import plays
from tonearm.store.dialect import insert_ignore
from tonearm.store.plays import frozen
from tonearm.store.schema import account, scrobble_queue

DUE_AT_ONCE = 1000
"""Accounts that one look at the tables finds; the next look finds the others."""


class State(StrEnum):
    """Where a row of the queue stands; one whose fate is known is no longer in the queue."""

    QUEUED = "queued"
    SENDING = "sending"


class Fenced(Exception):
    """The lease went to somebody else: this sender's word on the account no longer counts."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to send an account's plays, with what is needed for it."""

    account: int
    number: int
    user: str
    sealed_session: str
    line: Line


@dataclass(frozen=True, slots=True)
class Count:
    """True counts of an account's queue. Times are Unix seconds."""

    queued: int
    sending: int
    held_for_others: int
    held_ahead: int
    next_attempt_at: float | None
    next_live_at: float | None
    oldest: int | None


_ROW = scrobble_queue.c
_LINE = (
    account.c.connection,
    account.c.wait_until,
    account.c.fails,
    account.c.doubts,
    account.c.rung,
    account.c.answered_at,
    account.c.trouble,
    account.c.budget,
    account.c.budget_at,
)


def _line(row: Any) -> Line:
    return Line(
        Connected(row.connection),
        row.wait_until,
        row.fails,
        row.doubts,
        row.rung,
        row.answered_at,
        row.trouble,
        row.budget,
        row.budget_at,
    )


def enqueue(db: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Put plays into the queue; a play that is in it already stays as it is."""
    insert_ignore(db, scrobble_queue, rows)


def _over(until: Any, now: Any) -> Any:
    """Whether a wait is over, or was written by a clock that has been put back since."""
    return or_(until <= now, until > now + LONGEST_REST)


_CLAIM = (
    update(account)
    .where(account.c.id == bindparam("number"), _over(account.c.lease_until, bindparam("now")))
    .values(
        lease_owner=bindparam("owner"),
        lease_until=bindparam("until"),
        lease_number=account.c.lease_number + 1,
    )
    .returning(account.c.lease_number, account.c.lastfm_user, account.c.lastfm_session_key, *_LINE)
)
_RESCUE = (
    update(scrobble_queue)
    .where(_ROW.account == bindparam("number"), _ROW.state == State.SENDING)
    .values(state=State.QUEUED)
    .returning(_ROW.id)
)


def claim(db: Connection, number: int, owner: str, now: float, until: float) -> Lease | None:
    """Take an account for sending; None while another has it.

    What is found `sending` was left by a sender that died: it waits again, unchanged, since Last.fm drops an
    identical repeat.
    """
    row = db.execute(_CLAIM, {"number": number, "now": now, "owner": owner, "until": until}).first()
    if row is None:
        return None
    _rescue(db, number)
    return Lease(number, row.lease_number, row.lastfm_user, row.lastfm_session_key, _line(row))


_RENEW = (
    update(account)
    .where(account.c.id == bindparam("number"), account.c.lease_number == bindparam("lease"))
    .values(lease_until=bindparam("until"))
    .returning(account.c.lastfm_user, account.c.lastfm_session_key, *_LINE)
)


def renew(db: Connection, lease: Lease, until: float) -> Lease:
    """The lease, longer, with the account as it is now; raises Fenced when it went to somebody else."""
    row = db.execute(_RENEW, {"number": lease.account, "lease": lease.number, "until": until}).first()
    if row is None:
        raise Fenced
    return Lease(lease.account, lease.number, row.lastfm_user, row.lastfm_session_key, _line(row))


_LEASED = (account.c.id == bindparam("number"), account.c.lease_number == bindparam("lease"))
_RELEASE = update(account).where(*_LEASED).values(lease_until=0, lease_owner="")


def release(db: Connection, lease: Lease) -> None:
    """Give the account back; what was still marked as being sent waits again. Does nothing once fenced."""
    if db.execute(_RELEASE, {"number": lease.account, "lease": lease.number}).rowcount:
        _rescue(db, lease.account)


def _rescue(db: Connection, number: int) -> None:
    plays.doubt(db, db.execute(_RESCUE, {"number": number}).scalars())


def free_all(db: Connection) -> None:
    """End every lease, and let wait what was being sent: for the only process that sends, at its start."""
    db.execute(update(account).where(account.c.lease_until > 0).values(lease_until=0, lease_owner=""))
    freed = update(scrobble_queue).where(_ROW.state == State.SENDING).values(state=State.QUEUED).returning(_ROW.id)
    plays.doubt(db, db.execute(freed).scalars())


_WAITING = (
    select(scrobble_queue)
    .where(
        _ROW.account == bindparam("number"),
        _ROW.owner == bindparam("user"),
        _ROW.state == State.QUEUED,
        _ROW.next_attempt_at <= bindparam("now"),
    )
    .order_by(_ROW.live.desc(), _ROW.timestamp, _ROW.id)
    .limit(bindparam("limit"))
)


def waiting(db: Connection, number: int, user: str, now: float, limit: int) -> list[Waiting]:
    """The plays of an account that are due for its Last.fm user: live ones, then its backlog, oldest first."""
    rows = db.execute(_WAITING, {"number": number, "user": user, "now": now, "limit": limit})
    return [
        Waiting(
            row.id,
            frozen(row),
            row.retry_count,
            row.next_attempt_at,
            row.split_group,
            row.split_at,
            row.too_new,
            row.last_error,
            bool(row.live),
            row.enqueued_at,
        )
        for row in rows
    ]


_SENDING = (
    update(scrobble_queue)
    .where(_ROW.id.in_(bindparam("ids", expanding=True)))
    .values(state=State.SENDING, batch=bindparam("lease"))
)


def mark_sending(db: Connection, lease: Lease, ids: Iterable[int]) -> None:
    """These are about to be sent: committed before the request."""
    db.execute(_SENDING, {"ids": list(ids), "lease": lease.number})


_REMOVE = delete(scrobble_queue).where(_ROW.id.in_(bindparam("ids", expanding=True)))


def remove(db: Connection, ids: Iterable[int]) -> None:
    """Take plays out of the queue: their fate is in the history."""
    db.execute(_REMOVE, {"ids": list(ids)})


_BACK = (
    update(scrobble_queue)
    .where(_ROW.id == bindparam("row"))
    .values(
        state=State.QUEUED,
        retry_count=bindparam("tries"),
        next_attempt_at=bindparam("at"),
        split_group=bindparam("group"),
        split_at=bindparam("divided"),
        too_new=bindparam("new"),
        last_error=bindparam("error"),
    )
)


def put_back(db: Connection, back: Sequence[Waiting]) -> None:
    """Plays that wait again, with why."""
    plays.doubt(db, (w.id for w in back if w.unanswered))
    if back:
        db.execute(
            _BACK,
            [
                {
                    "row": w.id,
                    "tries": w.tries,
                    "at": w.not_before,
                    "group": w.group,
                    "divided": w.split_at,
                    "new": w.too_new,
                    "error": w.error,
                }
                for w in back
            ],
        )


_SET_LINE = update(account).where(*_LEASED).values({column: bindparam(f"new_{column.name}") for column in _LINE})


def set_line(db: Connection, lease: Lease, line: Line) -> None:
    """Write where an account's delivery stands; raises Fenced when the lease went to somebody else."""
    new = {f"new_{column.name}": getattr(line, column.name) for column in _LINE}
    if not db.execute(_SET_LINE, {"number": lease.account, "lease": lease.number, **new}).rowcount:
        raise Fenced


_MINE = and_(_ROW.account == account.c.id, _ROW.owner == account.c.lastfm_user)


def due(db: Connection, now: float) -> list[int]:
    """Accounts that have something to send now, the longest waiting first."""
    may_go = or_(_ROW.live, _over(account.c.backlog_until, now))
    has_due = exists().where(_MINE, _ROW.state == State.QUEUED, _ROW.next_attempt_at <= now, may_go)
    left_sending = exists().where(_ROW.account == account.c.id, _ROW.state == State.SENDING)
    wanted = (
        select(account.c.id)
        .where(
            account.c.connection == Connected.CONNECTED,
            _over(account.c.wait_until, now),
            _over(account.c.lease_until, now),
            or_(has_due, left_sending),
        )
        .order_by(account.c.answered_at)
        .limit(DUE_AT_ONCE)
    )
    return list(db.execute(wanted).scalars())


def too_old(db: Connection, before: float, limit: int) -> list[tuple[int, int]]:
    """(play, account) of what waits, for whatever reason, and is older than Last.fm takes."""
    wanted = select(_ROW.id, _ROW.account).where(_ROW.timestamp <= before, _ROW.state == State.QUEUED)
    return [(row.id, row.account) for row in db.execute(wanted.order_by(_ROW.timestamp).limit(limit))]


def retry_all(db: Connection, number: int, now: float) -> None:
    """Everything that waits is due now, save what was played ahead of our clock."""
    db.execute(
        update(scrobble_queue)
        .where(_ROW.account == number, _ROW.state == State.QUEUED, _ROW.timestamp <= now)
        .values(next_attempt_at=0)
    )
    db.execute(update(account).where(account.c.id == number).values(wait_until=0, backlog_until=0))


def rest_backlog(db: Connection, lease: Lease, until: float) -> None:
    """The budget is used up: only live plays are due until then."""
    db.execute(
        update(account)
        .where(account.c.id == lease.account, account.c.lease_number == lease.number)
        .values(backlog_until=until)
    )


def in_queue(db: Connection, number: int) -> list[int]:
    """The numbers of all plays of an account that are in the queue, those on their way included."""
    return list(db.execute(select(_ROW.id).where(_ROW.account == number)).scalars())


@dataclass(frozen=True, slots=True)
class Standing:
    """How a play waits: tries so far, the next attempt (Unix seconds, 0: at once), and what went wrong last."""

    state: State
    owner: str
    tries: int
    next_attempt_at: float
    error: str


def standings(db: Connection, ids: Sequence[int]) -> dict[int, Standing]:
    """How these plays wait; those that are not in the queue are left out."""
    if not ids:
        return {}
    wanted = select(_ROW.id, _ROW.state, _ROW.owner, _ROW.retry_count, _ROW.next_attempt_at, _ROW.last_error)
    rows = db.execute(wanted.where(_ROW.id.in_(list(ids))))
    return {number: Standing(State(state), *rest) for number, state, *rest in rows}


def restamp(db: Connection, play: int, timestamp: int) -> None:
    """Move the start of a play that Last.fm surely does not have."""
    db.execute(update(scrobble_queue).where(_ROW.id == play).values(timestamp=timestamp))


def due_now(db: Connection, number: int, play: int, now: float) -> None:
    """One play is due now, and its account no longer rests."""
    db.execute(
        update(scrobble_queue)
        .where(_ROW.id == play, _ROW.state == State.QUEUED, _ROW.timestamp <= now)
        .values(next_attempt_at=0)
    )
    db.execute(update(account).where(account.c.id == number).values(wait_until=0, backlog_until=0))


def listing(db: Connection, number: int, limit: int) -> list[Any]:
    """Rows of an account's queue, oldest first."""
    wanted = select(scrobble_queue).where(_ROW.account == number)
    return list(db.execute(wanted.order_by(_ROW.timestamp, _ROW.id).limit(limit)))


def line(db: Connection, number: int) -> Line:
    """Where the delivery of an account stands."""
    return _line(db.execute(select(*_LINE).where(account.c.id == number)).one())


def count(db: Connection, number: int, user: str, now: float) -> Count:
    """The true counts of an account's queue."""
    mine = _ROW.owner == user
    ahead = and_(mine, _ROW.timestamp > now)
    sending = _ROW.state == State.SENDING

    def number_of(condition: Any) -> Any:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    row = db.execute(
        select(
            func.count(),
            number_of(sending),
            number_of(~mine),
            number_of(ahead),
            func.min(case((and_(mine, ~sending), _ROW.next_attempt_at))),
            func.min(case((and_(mine, ~sending, _ROW.live), _ROW.next_attempt_at))),
            func.min(_ROW.timestamp),
        ).where(_ROW.account == number)
    ).one()
    total, now_sending, others, waits_ahead, next_at, next_live_at, oldest = row
    return Count(total - now_sending, now_sending, others, waits_ahead, next_at, next_live_at, oldest)


def backlog_until(db: Connection, number: int) -> float:
    """Until when (Unix seconds) only live plays of an account are due."""
    until: float = db.execute(select(account.c.backlog_until).where(account.c.id == number)).scalar_one()
    return until


def length(db: Connection, number: int) -> int:
    """How many plays of an account are in the queue."""
    return db.execute(select(func.count()).where(_ROW.account == number)).scalar_one()


def length_of_all(db: Connection) -> int:
    """How many plays of all accounts are in the queue."""
    return db.execute(select(func.count()).select_from(scrobble_queue)).scalar_one()
