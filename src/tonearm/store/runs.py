"""Runs: long jobs with a cursor, at which they continue after a restart."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, bindparam, insert, or_, select, update

from tonearm.store.db.schema import job_run

LEFT = "the Last.fm user whose list it was reading is no longer signed in"
"""Why a run was ended when somebody signed out, or somebody else signed in."""


class RunState(StrEnum):
    """The state of a run."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Run:
    """A run: `cursor` is where to continue, `done` of `total` in tracks, times in Unix seconds.

    `owner` is the Last.fm user (case folded) whose list it reads; "" if it reads none.
    `failure` is why it failed, and `error_code` Last.fm's code for that, if there was one.
    """

    id: int
    account: int
    kind: str
    state: RunState
    cursor: int
    done: int
    total: int
    counts: dict[str, int] = field(default_factory=dict)
    failure: str = ""
    started_at: float = 0.0
    updated_at: float = 0.0
    owner: str = ""
    error_code: int | None = None


def _read(row: Any) -> Run:
    return Run(
        row.id,
        row.account,
        row.kind,
        RunState(row.state),
        row.cursor,
        row.done,
        row.total,
        row.counts or {},
        row.failure,
        row.started_at,
        row.updated_at,
        row.owner,
        row.error_code,
    )


def begin(db: Connection, account: int, kind: str, owner: str, now: float, resume_within: float) -> Run:
    """The unfinished run of that kind, one that failed recently, or a new one; running when this returns.

    Only a run over the same Last.fm user's list (`owner`) is continued; one over another's is ended.
    """
    end_others(db, account, owner, now)
    row = db.execute(
        select(job_run)
        .where(job_run.c.account == account, job_run.c.kind == kind, job_run.c.owner == owner)
        .order_by(job_run.c.id.desc())
        .limit(1)
    ).first()
    last = _read(row) if row else None
    if last and last.state is RunState.RUNNING:
        return last
    if last and last.state is RunState.FAILED and now - last.updated_at < resume_within:
        resumed = {"state": RunState.RUNNING, "failure": "", "error_code": None, "updated_at": now}
        db.execute(update(job_run).where(job_run.c.id == last.id).values(resumed))
        return find(db, account, last.id, kind) or last
    fresh = insert(job_run).values(
        account=account,
        kind=kind,
        owner=owner,
        state=RunState.RUNNING,
        cursor=1,
        counts={},
        started_at=now,
        updated_at=now,
    )
    run_id = db.execute(fresh.returning(job_run.c.id)).scalar_one()
    return Run(run_id, account, kind, RunState.RUNNING, 1, 0, 0, {}, "", now, now, owner)


def end_others(db: Connection, account: int, owner: str, now: float) -> None:
    """End runs over the list of another Last.fm user than this one; begun again, they start from the beginning."""
    others = (job_run.c.account == account, job_run.c.state == RunState.RUNNING, job_run.c.owner.not_in(("", owner)))
    ended = {"state": RunState.FAILED, "failure": LEFT, "cursor": 1, "done": 0, "counts": {}, "updated_at": now}
    db.execute(update(job_run).where(*others).values(**ended))


def find(db: Connection, account: int, run_id: int, kind: str) -> Run | None:
    """One run of an account, if it is of that kind."""
    row = db.execute(
        select(job_run).where(job_run.c.account == account, job_run.c.id == run_id, job_run.c.kind == kind)
    ).first()
    return _read(row) if row else None


_LATEST = (
    select(job_run)
    .where(job_run.c.account == bindparam("of"), job_run.c.kind == bindparam("named"))
    .order_by(job_run.c.id.desc())
    .limit(1)
)


def latest(db: Connection, account: int, kind: str) -> Run | None:
    """The last run of that kind."""
    row = db.execute(_LATEST, {"of": account, "named": kind}).first()
    return _read(row) if row else None


def write(db: Connection, run: Run, cursor: int) -> bool:
    """Write a run that was at `cursor`; False if another process has continued it."""
    written = db.execute(
        update(job_run)
        .where(job_run.c.id == run.id, job_run.c.state == RunState.RUNNING, job_run.c.cursor == cursor)
        .values(
            state=run.state,
            cursor=run.cursor,
            done=run.done,
            total=run.total,
            counts=run.counts,
            failure=run.failure,
            error_code=run.error_code,
            updated_at=run.updated_at,
        )
    )
    return bool(written.rowcount)


_RUNNING = select(job_run.c.account).where(job_run.c.kind == bindparam("named"), job_run.c.state == RunState.RUNNING)


def running(db: Connection, kind: str) -> list[int]:
    """Accounts with an unfinished run of that kind."""
    return [row.account for row in db.execute(_RUNNING, {"named": kind})]


def unfinished(db: Connection, account: int, kind: str) -> Run | None:
    """The unfinished run of that kind of an account."""
    row = db.execute(
        select(job_run).where(job_run.c.account == account, job_run.c.kind == kind, job_run.c.state == RunState.RUNNING)
    ).first()
    return _read(row) if row else None


def recent(db: Connection, since: float, limit: int, account: int | None) -> list[Run]:
    """Unfinished runs of all accounts, or of one, and those that have ended since `since`, latest first."""
    shown = select(job_run).where(or_(job_run.c.state == RunState.RUNNING, job_run.c.updated_at > since))
    if account is not None:
        shown = shown.where(job_run.c.account == account)
    return [_read(row) for row in db.execute(shown.order_by(job_run.c.updated_at.desc()).limit(limit))]


def give_up(db: Connection, account: int, kind: str, failure: str, now: float) -> bool:
    """End the unfinished run of that kind, which may be resumed later; False if there is none."""
    ended = (
        update(job_run)
        .where(job_run.c.account == account, job_run.c.kind == kind, job_run.c.state == RunState.RUNNING)
        .values(state=RunState.FAILED, failure=failure, error_code=None, updated_at=now)
    )
    return db.execute(ended).rowcount > 0
