"""Jobs in the tables, for every engine: periodic tasks, paused kinds, failures, leases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, Table, and_, bindparam, delete, select, update

from tonearm.store import destination_queue, queue
from tonearm.store.db.dialect import insert_ignore
from tonearm.store.db.schema import account, destination, job_failure, paused_kind, periodic_task
from tonearm.store.line import Line

DELIVER = queue.DELIVER


@dataclass(frozen=True, slots=True)
class JobFailure:
    """A job that failed: how often in a row, why, and when it is tried again. Times are Unix seconds."""

    kind: str
    account: int
    tries: int
    at: float
    retry_at: float
    message: str


@dataclass(frozen=True, slots=True)
class Gate:
    """What may not start: the paused kinds, and by (kind, account) the failures with no success since."""

    paused: frozenset[str]
    failures: dict[tuple[str, int], JobFailure]


_DONE = and_(
    periodic_task.c.done_at > bindparam("before"), periodic_task.c.done_at <= bindparam("now")
)  # else a clock was set back
_TASK_IS_DONE = select(periodic_task.c.name).where(periodic_task.c.name == bindparam("task"), _DONE)
_TAKE_TASK = (
    update(periodic_task).where(periodic_task.c.name == bindparam("task"), ~_DONE).values(done_at=bindparam("now"))
)


def task_is_due(db: Connection, name: str, now: float, interval: float) -> bool:
    """Whether a periodic task was never done, or not within the last `interval` seconds."""
    return db.execute(_TASK_IS_DONE, {"task": name, "before": now - interval, "now": now}).first() is None


def take_task(db: Connection, name: str, now: float, interval: float) -> bool:
    """Claim a periodic task; True if this process does it now. Then no other process does it for `interval` seconds."""
    values = {"task": name, "before": now - interval, "now": now}
    if db.execute(_TAKE_TASK, values).rowcount:
        return True
    insert_ignore(db, periodic_task, [{"name": name}])  # nobody has ever done it, perhaps
    return db.execute(_TAKE_TASK, values).rowcount > 0


def return_task(db: Connection, name: str) -> None:
    """Note that a periodic task isn't finished: the next process continues it."""
    db.execute(update(periodic_task).where(periodic_task.c.name == name).values(done_at=0))


_PAUSED = select(paused_kind.c.kind)
_FAULTS = select(job_failure)


def gate(db: Connection) -> Gate:
    """What may not start."""
    broken = [JobFailure(*row) for row in db.execute(_FAULTS)]
    return Gate(paused(db), {(one.kind, one.account): one for one in broken})


def paused(db: Connection) -> frozenset[str]:
    """The paused kinds."""
    return frozenset(row.kind for row in db.execute(_PAUSED))


def failures(db: Connection, limit: int, account_id: int | None, destinations: Sequence[int] = ()) -> list[JobFailure]:
    """Failures with no success since, the first to be retried first: of all, or of an account and its destinations."""
    is_destination = job_failure.c.kind == destination_queue.KIND
    mine = (~is_destination & (job_failure.c.account == account_id)) | (
        is_destination & job_failure.c.account.in_(list(destinations))
    )
    wanted = _FAULTS if account_id is None else _FAULTS.where(mine)
    return [JobFailure(*row) for row in db.execute(wanted.order_by(job_failure.c.retry_at).limit(limit))]


SENDING_PAUSED = _PAUSED.where(paused_kind.c.kind == DELIVER)
"""Finds a row if deliveries are paused."""


def sending_paused(db: Connection) -> bool:
    """Whether deliveries are paused."""
    return db.execute(SENDING_PAUSED).first() is not None


def set_paused(db: Connection, kind: str, now: float | None) -> None:
    """Pause a kind from `now` on; None: resume it."""
    if now is None:
        db.execute(delete(paused_kind).where(paused_kind.c.kind == kind))
    else:
        insert_ignore(db, paused_kind, [{"kind": kind, "since": now}])


def remember_failure(db: Connection, failure: JobFailure) -> None:
    """Record that a job failed."""
    forget_failure(db, failure.kind, failure.account)
    insert_ignore(db, job_failure, [asdict(failure)])


def forget_failure(db: Connection, kind: str, account_id: int) -> None:
    """Clear the failure of a job."""
    db.execute(delete(job_failure).where(job_failure.c.kind == kind, job_failure.c.account == account_id))


def break_lease(db: Connection, account_id: int, now: float) -> bool:
    """End the lease of an account, so that its holder can write nothing more; False if nobody holds it."""
    return _break(db, account, queue.LINE, account_id, now)


def break_lease_of_destination(db: Connection, destination_id: int, now: float) -> bool:
    """As `break_lease`, for a destination."""
    return _break(db, destination, destination_queue.LINE, destination_id, now)


def _break(db: Connection, lines: Table, line: Line, owner_id: int, now: float) -> bool:
    taken = (
        update(lines)
        .where(lines.c.id == owner_id, lines.c.lease_until > now)
        .values(lease_id=lines.c.lease_id + 1, lease_until=0, lease_owner="")
    )
    if not db.execute(taken).rowcount:
        return False
    line.rescue(db, owner_id)
    return True


def names(db: Connection, account_ids: Sequence[int]) -> dict[int, str]:
    """The names of accounts."""
    found = db.execute(select(account.c.id, account.c.name).where(account.c.id.in_(list(account_ids))))
    return {row.id: row.name for row in found}
