"""The queue: plays to be sent to Last.fm."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    Select,
    bindparam,
    case,
    delete,
    func,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)

from tonearm.core.account import Connection as Connected
from tonearm.core.delivery import QueuedPlay
from tonearm.store import plays
from tonearm.store.db.dialect import Among, insert_copies, parts
from tonearm.store.db.schema import account, job_failure, scrobble_queue
from tonearm.store.db.schema import play as history
from tonearm.store.due_times import PutBack, at_once
from tonearm.store.line import Lease, Line, Off, QueueState, not_off, over, waiting_columns, waiting_play
from tonearm.store.plays import frozen_columns

DELIVER = "deliver"
"""The kind of job that delivers an account's plays."""

DUE_AT_ONCE = 1000
"""Accounts that one query finds; the next one finds the others."""


@dataclass(frozen=True, slots=True)
class Others:
    """Plays in an account's queue that wait for a Last.fm user (case folded) who is not the account's own now."""

    user: str
    plays: int


@dataclass(frozen=True, slots=True)
class Count:
    """True counts of an account's queue. Times are Unix seconds; a due time in the past only means that it is over.

    `held_for_others` is the total of `others`, `held_late` counts a backlog that waits for the daily limit;
    `next_live_at` and `next_late_at` are when the first live play and the first of the backlog are due.
    """

    queued: int
    sending: int
    held_for_others: int
    held_ahead: int
    next_live_at: float | None
    next_late_at: float | None
    oldest: int | None
    others: tuple[Others, ...] = ()
    held_late: int = 0


_ROW = scrobble_queue.c


def owing() -> Any:
    """The accounts that have plays in the queue: it skips along the index from one to the next."""
    found = select(func.min(_ROW.account).label("account")).cte("owing", recursive=True)
    following = select(func.min(_ROW.account)).where(_ROW.account > found.c.account).scalar_subquery()
    found = found.union_all(select(following).where(found.c.account.is_not(None)))
    return select(found.c.account).where(found.c.account.is_not(None))


_OF_ANYBODY = _ROW.account.in_(owing())  # every index begins with the account: this looks one up for each
# Rows are stored by account, so the plays, which are found by id, say which account they belong to.
_THOSE = tuple_(_ROW.account, _ROW.id).in_(select(history.c.account, history.c.id).where(Among(history.c.id, "ids")))


def _row(play_id: Any) -> tuple[Any, Any]:
    """The row of a play."""
    return _ROW.account == select(history.c.account).where(
        history.c.id == play_id
    ).scalar_subquery(), _ROW.id == play_id


_OF_HISTORY = ("id", "account", *(column.name for column in frozen_columns(history)))


def enqueue(db: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Copy plays from the history into the queue; plays that are in it already stay as they are.

    Each row has the play's `id` and columns of the queue's own.
    """
    insert_copies(db, scrobble_queue, history, _OF_HISTORY, rows)


def _mark_unanswered(db: Connection, _: int, ids: Iterable[int]) -> None:
    plays.mark_unanswered(db, ids)


LINE = Line(
    account,
    _ROW.account,
    account="id",
    user="lastfm_user",
    secret="lastfm_session_key",  # noqa: S106  # the name of a column
    key="lastfm_api_key",
    unanswered=_mark_unanswered,
)
"""The lines of accounts: plays that wait for Last.fm."""

claim, renew, release, rescue = LINE.claim, LINE.renew, LINE.release, LINE.rescue
leased_until, lock_lease = LINE.leased_until, LINE.lock_lease
set_delivery_state, delivery_state, pause_backlog = LINE.set_delivery_state, LINE.delivery_state, LINE.pause_backlog


def free_all(db: Connection) -> None:
    """End every lease and requeue what was being sent: for the only sending process, at its start."""
    db.execute(update(account).where(account.c.lease_until > 0).values(lease_until=0, lease_owner=""))
    sending = _ROW.state == QueueState.SENDING
    freed = update(scrobble_queue).where(_OF_ANYBODY, sending).values(state=QueueState.QUEUED).returning(_ROW.id)
    plays.mark_unanswered(db, db.execute(freed).scalars())


_WAITING = (
    select(*waiting_columns(scrobble_queue))
    .where(
        _ROW.account == bindparam("account_id"),
        _ROW.owner == bindparam("user"),
        _ROW.state == QueueState.QUEUED,
        _ROW.next_attempt_at <= bindparam("now"),
    )
    .order_by(_ROW.live.desc(), _ROW.timestamp, _ROW.id)
    .limit(bindparam("limit"))
)


_NOT_REFUSED = _WAITING.where(_ROW.refusals == 0)


def waiting(db: Connection, account_id: int, user: str, now: float, limit: int, off: Off = not_off) -> list[QueuedPlay]:
    """The plays of an account that are due for its Last.fm user: live ones, then its backlog, oldest first. If all of
    these were rejected alone, they are those after them that were not, if there are any.
    """
    wanted = {"account_id": account_id, "user": user, "now": now, "limit": limit}
    found = _queued(db.execute(_WAITING, wanted).all(), off)
    refused = len(found) == limit and all(w.refusals for w in found)
    return (_queued(db.execute(_NOT_REFUSED, wanted).all(), off) or found) if refused else found


def _queued(rows: Sequence[Sequence[Any]], off: Off) -> list[QueuedPlay]:
    return [waiting_play(row, off) for row in rows]


_SENDING = (
    update(scrobble_queue)
    .where(_ROW.account == bindparam("account_id"), Among(_ROW.id, "ids"))
    .values(state=QueueState.SENDING, batch=bindparam("lease"))
)


def mark_sending(db: Connection, lease: Lease, ids: Iterable[int]) -> None:
    """Mark plays as being sent; committed before the request."""
    db.execute(_SENDING, {"account_id": lease.account, "ids": list(ids), "lease": lease.lease_id})


_REMOVE = delete(scrobble_queue).where(_THOSE)


def remove(db: Connection, ids: Iterable[int]) -> None:
    """Delete plays from the queue; their fate is in the history."""
    for play_ids in parts(ids):
        db.execute(_REMOVE, {"ids": play_ids})


_BACK = (
    update(scrobble_queue)
    .where(*_row(bindparam("row")))
    .values(
        state=QueueState.QUEUED,
        retry_count=bindparam("tries"),
        next_attempt_at=bindparam("at"),
        split_group=bindparam("group"),
        split_at=bindparam("refused_at"),
        too_new=bindparam("new"),
        refusals=bindparam("refused"),
        last_error=bindparam("error"),
    )
)


def put_back(db: Connection, back: Sequence[QueuedPlay]) -> None:
    """Queue plays again, with the reason."""
    plays.mark_unanswered(db, (w.id for w in back if w.unanswered))
    if back:
        db.execute(
            _BACK,
            [
                {
                    "row": w.id,
                    "tries": w.tries,
                    "at": w.not_before,
                    "group": w.group,
                    "refused_at": w.refused_at,
                    "new": w.too_new,
                    "refused": w.refusals,
                    "error": w.error,
                }
                for w in back
            ],
        )


NOW: BindParameter[Any] = bindparam("now")


def there_is(*conditions: Any) -> Any:
    """SQL for whether an account has such a row. It selects no column, so that the index alone answers. It doesn't use
    EXISTS, for which PostgreSQL would read the whole queue, once for all accounts.
    """
    of_account = _ROW.account == account.c.id
    one: Select[Any] = select(literal_column("1")).where(of_account, *conditions).limit(1).correlate(account)
    return one.scalar_subquery().is_not(None)


DUE_ROW = (_ROW.owner == account.c.lastfm_user, _ROW.state == QueueState.QUEUED, _ROW.next_attempt_at <= NOW)
# Two queries instead of one with `live OR backlog_until <= now`, which would read a whole waiting backlog.
HAS_DUE = case(
    (over(account.c.backlog_until, NOW), there_is(*DUE_ROW)),
    else_=there_is(*DUE_ROW, _ROW.live),
)
_WAITS_FOR_RETRY = (
    select(job_failure.c.account)
    .where(
        job_failure.c.kind == DELIVER,
        job_failure.c.account == account.c.id,
        job_failure.c.at <= NOW,
        job_failure.c.retry_at > NOW,
    )
    .correlate(account)
    .exists()
)
_DUE = (
    select(account.c.id)
    .where(
        account.c.id.in_(owing()),
        account.c.connection == Connected.CONNECTED,
        account.c.lastfm_api_key == bindparam("key"),
        over(account.c.wait_until, NOW),
        over(account.c.lease_until, NOW),
        or_(HAS_DUE, there_is(_ROW.state == QueueState.SENDING)),
        ~_WAITS_FOR_RETRY,
    )
    .order_by(account.c.answered_at)
    .limit(DUE_AT_ONCE)
)


def due(db: Connection, now: float, key: str) -> list[int]:
    """Accounts of an API key that have something to send now, the longest waiting first; not those that wait to
    retry.
    """
    return [row.id for row in db.execute(_DUE, {"now": now, "key": key})]


_TOO_OLD = (
    select(_ROW.id, _ROW.account)
    .where(
        _OF_ANYBODY,
        _ROW.timestamp <= bindparam("before"),
        _ROW.state == QueueState.QUEUED,
        or_(_ROW.counter.is_(None), _ROW.boot != bindparam("boot")),
    )
    .order_by(_ROW.timestamp)
    .limit(bindparam("limit"))
)


def too_old(db: Connection, before: float, limit: int, boot: str) -> list[tuple[int, int]]:
    """(play, account) of plays that wait, for whatever reason, and are older than Last.fm accepts. Without plays
    reported in this boot of the machine before Last.fm's time was known: their start may still be corrected.
    """
    values = {"before": before, "limit": limit, "boot": boot}
    return [(row.id, row.account) for row in db.execute(_TOO_OLD, values)]


PUT_BACK = PutBack(scrobble_queue, _OF_ANYBODY)
"""Plays that a wrong clock has postponed."""


def retry_all(db: Connection, account_id: int, now: float, skew: float = 0.0) -> None:
    """Make everything that waits due now, except plays in the future; a learned daily limit is tried again."""
    db.execute(at_once(scrobble_queue, now, skew).where(_ROW.account == account_id))
    db.execute(update(account).where(account.c.id == account_id).values(wait_until=0, backlog_until=0, budget=0))


def waiting_for(db: Connection, account_id: int, user: str) -> int:
    """How many plays of an account wait for a Last.fm user, including those being sent."""
    return db.execute(select(func.count()).where(_ROW.account == account_id, _ROW.owner == user)).scalar_one()


def in_queue(
    db: Connection, account_id: int, user: str, after: int = 0, last: int = 2**63 - 1, limit: int = -1
) -> list[int]:
    """The ids of plays of an account that wait for a Last.fm user, including those being sent, in order: after the id
    `after`, up to the id `last`, and at most `limit`, if given.
    """
    wanted = select(_ROW.id).where(_ROW.account == account_id, _ROW.owner == user, _ROW.id > after, _ROW.id <= last)
    return list(db.execute(wanted.order_by(_ROW.id).limit(limit if limit >= 0 else None)).scalars())


_OTHERS = (
    select(_ROW.owner, func.count().label("plays"))
    .where(_ROW.account == bindparam("account_id"), _ROW.owner != bindparam("user"))
    .group_by(_ROW.owner)
    .order_by(_ROW.owner)
)


def others(db: Connection, account_id: int, user: str) -> tuple[Others, ...]:
    """What an account's queue holds for Last.fm users other than this one, by their names."""
    return tuple(Others(row.owner, row.plays) for row in db.execute(_OTHERS, {"account_id": account_id, "user": user}))


@dataclass(frozen=True, slots=True)
class QueueRow:
    """How a play waits: tries so far, the next attempt (Unix seconds, 0: at once), and what went wrong last."""

    state: QueueState
    owner: str
    tries: int
    next_attempt_at: float
    error: str
    live: bool


def rows(db: Connection, ids: Sequence[int]) -> dict[int, QueueRow]:
    """How these plays wait; those that are not in the queue are left out."""
    if not ids:
        return {}
    how = (_ROW.state, _ROW.owner, _ROW.retry_count, _ROW.next_attempt_at, _ROW.last_error, _ROW.live)
    rows = db.execute(select(_ROW.id, *how).where(_THOSE), {"ids": list(ids)})
    return {play_id: QueueRow(QueueState(state), *columns) for play_id, state, *columns in rows}


_RESTAMP = (
    update(scrobble_queue)
    .where(*_row(bindparam("play")))
    .values(
        timestamp=bindparam("to"),
        enqueued_at=_ROW.enqueued_at + bindparam("by"),
        next_attempt_at=bindparam("at"),
    )
)


def restamp(db: Connection, play: int, timestamp: int, by: int, not_before: float) -> None:
    """Correct the start of a play that Last.fm certainly doesn't have, and the time of its report with it."""
    db.execute(_RESTAMP, {"play": play, "to": timestamp, "by": by, "at": not_before})


def rewrite(db: Connection, play: int, facts: dict[str, Any]) -> None:
    """Overwrite the facts of a play, as they are now in the history."""
    db.execute(update(scrobble_queue).where(*_row(play)).values(**facts))


def due_now(db: Connection, account_id: int, play: int, now: float, skew: float = 0.0) -> None:
    """Make one play due now, unless it is in the future, and end its account's wait."""
    db.execute(at_once(scrobble_queue, now, skew).where(_ROW.account == account_id, _ROW.id == play))
    db.execute(update(account).where(account.c.id == account_id).values(wait_until=0, backlog_until=0))


def oldest(db: Connection, account_id: int, limit: int) -> list[int]:
    """The ids of the plays in an account's queue, oldest play first."""
    wanted = select(_ROW.id).where(_ROW.account == account_id)
    return list(db.execute(wanted.order_by(_ROW.timestamp, _ROW.id).limit(limit)).scalars())


def _counted() -> Any:
    """Several queries that indexes answer, instead of one that reads every waiting row."""
    of_account = _ROW.account == bindparam("account_id")
    user: BindParameter[Any] = bindparam("user")
    of_user, waits = (of_account, _ROW.owner == user), _ROW.state == QueueState.QUEUED

    def number_of(*conditions: Any) -> Any:
        return select(func.count()).where(of_account, *conditions).scalar_subquery()

    def next_of(*conditions: Any) -> Any:
        rows = select(_ROW.next_attempt_at).where(*of_user, waits, *conditions)
        due = rows.where(_ROW.next_attempt_at <= NOW).limit(1)
        first = select(func.min(_ROW.next_attempt_at)).where(*of_user, waits, *conditions)
        return func.coalesce(due.scalar_subquery(), first.scalar_subquery())

    return select(
        number_of(),
        number_of(_ROW.state == QueueState.SENDING),
        number_of(_ROW.state.in_(QueueState), _ROW.owner < user)
        + number_of(_ROW.state.in_(QueueState), _ROW.owner > user),
        number_of(_ROW.owner == user, _ROW.timestamp > bindparam("ahead")),
        next_of(_ROW.live),
        next_of(~_ROW.live),
        select(func.min(_ROW.timestamp)).where(of_account).scalar_subquery(),
    )


_COUNTED = _counted()
_LATE = select(func.count()).where(
    _ROW.account == bindparam("account_id"),
    _ROW.state == QueueState.QUEUED,
    _ROW.owner == bindparam("user"),
    ~_ROW.live,
    _ROW.timestamp <= bindparam("ahead"),
)


def count(
    db: Connection, account_id: int, user: str, now: float, *, lastfm_now: float | None = None, limited: bool = False
) -> Count:
    """The true counts of an account's queue. `limited`: its backlog waits for the daily limit."""
    asked = {"account_id": account_id, "user": user, "now": now, "ahead": now if lastfm_now is None else lastfm_now}
    total, sending, for_others, ahead, next_live_at, next_late_at, oldest = db.execute(_COUNTED, asked).one()
    waiting_users = others(db, account_id, user) if for_others else ()
    late = db.execute(_LATE, asked).scalar_one() if limited else 0
    return Count(total - sending, sending, for_others, ahead, next_live_at, next_late_at, oldest, waiting_users, late)


def length(db: Connection, account_id: int) -> int:
    """How many plays of an account are in the queue."""
    return db.execute(select(func.count()).where(_ROW.account == account_id)).scalar_one()


def length_of_all(db: Connection) -> int:
    """How many plays of all accounts are in the queue."""
    return db.execute(select(func.count()).select_from(scrobble_queue)).scalar_one()
