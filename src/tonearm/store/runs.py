"""Runs: long work with a cursor, so that a restart goes on where it was."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, bindparam, insert, or_, select, update

from tonearm.store.db.schema import job_run

LEFT = "the Last.fm user whose list it read is no longer signed in here"
"""Why a run was ended when somebody signed out, or somebody else signed in."""


class RunState(StrEnum):
    """Whether a run goes on."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it stands: `cursor` is where to go on, `done` of `total` in tracks, times in Unix seconds.

    `owner` is the Last.fm user (case folded) whose list it reads; "" where it reads none.
    `fault` is why it failed, and `error` Last.fm's number of that, if it had one.
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
    """The run of that kind that goes on, one that failed lately, or a new one; running when this returns.

    Only a run over the same Last.fm user's list (`owner`) goes on; one over another's is ended.
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
    """End what goes on over the list of another Last.fm user than this one; begun again, it starts anew."""
    others = (job_run.c.account == account, job_run.c.state == RunState.RUNNING, job_run.c.owner.not_in(("", owner)))
    ended = {"state": RunState.FAILED, "failure": LEFT, "cursor": 1, "done": 0, "counts": {}, "updated_at": now}
    db.execute(update(job_run).where(*others).values(**ended))


def find(db: Connection, account: int, run_id: int, kind: str) -> Run | None:
    """One run of an account, if it is of that kind."""
    row = db.execute(
        select(job_run).where(job_run.c.account == account, job_run.c.id == run_id, job_run.c.kind == kind)
    ).first()
    return _read(row) if row else None


def latest(db: Connection, account: int, kind: str) -> Run | None:
    """The last run of that kind."""
    wanted = select(job_run).where(job_run.c.account == account, job_run.c.kind == kind)
    row = db.execute(wanted.order_by(job_run.c.id.desc()).limit(1)).first()
    return _read(row) if row else None


def write(db: Connection, run: Run, cursor: int) -> bool:
    """Write how a run stands that stood at `cursor`; False where it goes on elsewhere."""
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
    """Accounts with a run of that kind that goes on."""
    return [row.account for row in db.execute(_RUNNING, {"named": kind})]


def unfinished(db: Connection, account: int, kind: str) -> Run | None:
    """The run of that kind that goes on for an account."""
    row = db.execute(
        select(job_run).where(job_run.c.account == account, job_run.c.kind == kind, job_run.c.state == RunState.RUNNING)
    ).first()
    return _read(row) if row else None


def recent(db: Connection, since: float, limit: int, account: int | None) -> list[Run]:
    """Runs of all accounts, or of one, that go on, and those that have ended since then, latest first."""
    shown = select(job_run).where(or_(job_run.c.state == RunState.RUNNING, job_run.c.updated_at > since))
    if account is not None:
        shown = shown.where(job_run.c.account == account)
    return [_read(row) for row in db.execute(shown.order_by(job_run.c.updated_at.desc()).limit(limit))]


def give_up(db: Connection, account: int, kind: str, failure: str, now: float) -> bool:
    """End the run of that kind that goes on, which may be taken up again; False where none does."""
    ended = (
        update(job_run)
        .where(job_run.c.account == account, job_run.c.kind == kind, job_run.c.state == RunState.RUNNING)
        .values(state=RunState.FAILED, failure=failure, error_code=None, updated_at=now)
    )
    return db.execute(ended).rowcount > 0
