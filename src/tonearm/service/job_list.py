"""The board: all jobs as they stand now, with what those wait for that do not run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from sqlalchemy import Connection

from tonearm.core.account import KEY_NOT_SET
from tonearm.core.account import Connection as Connected
from tonearm.core.pacing import in_force, soonest
from tonearm.service import enrichment, loved_import
from tonearm.service.accounts import PAUSED
from tonearm.store import jobs, pace, runs
from tonearm.store.jobs import JobFailure
from tonearm.store.pace import KeyThrottled
from tonearm.store.queries import deliveries
from tonearm.store.queries.deliveries import AccountDelivery
from tonearm.store.runs import Run, RunState

DELIVER, IMPORT, ENRICH = jobs.DELIVER, "import", "enrich"
RUNS = {IMPORT: loved_import.KIND, ENRICH: enrichment.KIND}
"""What runs of a kind are called in their table."""

KINDS = (DELIVER, *RUNS)

KEPT = 86400.0
"""Seconds for which a run that is over is shown."""

MOST = 200
"""Jobs of each sort that are shown."""

NO_KEY = "no API key is configured"
SIGNED_OUT = "nobody is signed in: it waits for a sign-in to Last.fm"
ENDED = "Last.fm has ended the session: it waits for a new sign-in"
OTHERS = "what waits is another Last.fm user's: it waits until that one signs in"
LIMITED = "the daily limit leaves no room for what was reported late"
ITS_TIME = "its time lies ahead"


class JobState(StrEnum):
    """`waiting` waits for its turn, `broken` for the next try after a fault of ours.

    `resting` waits for a moment, or where none is known for what only people can bring, such as a sign-in.
    """

    RUNNING = "running"
    WAITING = "waiting"
    RESTING = "resting"
    BROKEN = "broken"
    FAILED = "failed"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class ListedJob:
    """A job as it stands: `owner` is the process that runs it, `until` when its lease ends or it is tried again."""

    kind: str
    account: int
    listener: str
    state: JobState
    owner: str = ""
    until: float | None = None
    tries: int = 0
    why: str = ""
    done: int = 0
    total: int = 0

    @property
    def id(self) -> str:
        """The name by which it is retried and cancelled."""
        return f"{self.kind}-{self.account}"


@dataclass(frozen=True, slots=True)
class JobList:
    """The jobs, and the kinds of which nothing begins."""

    jobs: tuple[ListedJob, ...]
    paused: frozenset[str]


def seen(db: Connection, keys: Sequence[str], now: float, account: int | None) -> JobList:
    """The jobs of one account, or of all: what runs, and of all else the first of each sort. `keys` are those set."""
    paused = jobs.paused(db)
    found: dict[tuple[str, int], ListedJob] = {}
    for run in reversed(runs.recent(db, now - KEPT, MOST, account)):
        job = _of_run(run, paused)
        found[job.kind, run.account] = job
    for job in _deliveries(db, keys, now, account, paused):
        found[DELIVER, job.account] = job
    for broken in jobs.failures(db, MOST, account):
        there = found.get((broken.kind, broken.account))
        if there is None or not there.owner:
            found[broken.kind, broken.account] = _of_fault(broken)
    names = jobs.names(db, sorted({job.account for job in found.values()}))
    order = list(JobState)
    shown = (replace(job, listener=names[job.account]) for job in found.values())
    ordered = sorted(shown, key=lambda job: (order.index(job.state), job.until or 0, job.kind, job.account))
    return JobList(tuple(ordered), paused)


def _deliveries(
    db: Connection, keys: Sequence[str], now: float, account: int | None, paused: frozenset[str]
) -> Iterator[ListedJob]:
    rests = {key: held for key in keys if (held := pace.current_throttle(db, key, now))}
    if account is None:
        served = [key for key in keys if key not in rests]
        all_ = deliveries.of_all(db, served, now, MOST)
    else:
        one = deliveries.of_account(db, account, now)
        all_ = [one] if one else []
    for delivery in all_:
        if in_force(delivery.leased_until, now):
            runs_until = delivery.leased_until
            yield ListedJob(DELIVER, delivery.account, "", JobState.RUNNING, owner=delivery.owner, until=runs_until)
        else:
            yield _that_waits(db, delivery, keys, rests.get(delivery.api_key), now, paused)


def _that_waits(
    db: Connection,
    seen: AccountDelivery,
    keys: Sequence[str],
    rest: KeyThrottled | None,
    now: float,
    paused: frozenset[str],
) -> ListedJob:
    if why := _stopped(seen, keys):
        return ListedJob(DELIVER, seen.account, "", JobState.RESTING, why=why)
    if DELIVER in paused:
        return ListedJob(DELIVER, seen.account, "", JobState.WAITING, why=PAUSED)
    until, why = _rests(db, seen, now)
    if rest and rest.until >= until:
        until, why = rest.until, f"Last.fm refuses the API key: {rest.reason}" if rest.refused else rest.reason
    if until <= now:
        return ListedJob(DELIVER, seen.account, "", JobState.WAITING)
    return ListedJob(DELIVER, seen.account, "", JobState.RESTING, until=until, why=why)


def _stopped(seen: AccountDelivery, keys: Sequence[str]) -> str:
    """What no moment brings; "" where only time goes by."""
    if not any(keys):
        return NO_KEY
    if seen.connection is Connected.DISCONNECTED:
        return SIGNED_OUT
    if seen.connection is not Connected.CONNECTED:
        return f"{ENDED} ({seen.trouble})" if seen.trouble else ENDED
    if seen.api_key not in keys:
        return KEY_NOT_SET
    return "" if seen.sending or seen.next_at is not None else OTHERS


def _rests(db: Connection, seen: AccountDelivery, now: float) -> tuple[float, str]:
    """Until when nothing of an account is due, and why; a moment that is over where something is."""
    if in_force(seen.wait_until, now):
        return seen.wait_until, seen.trouble
    if seen.sending or seen.next_at is None:  # who sent it is gone
        return 0.0, ""
    backlog_until = seen.backlog_until if in_force(seen.backlog_until, now) else 0.0
    first = soonest(seen.next_at, seen.next_live_at, backlog_until)
    if first <= now:
        return 0.0, ""
    if first == backlog_until:
        return first, LIMITED
    return first, deliveries.why(db, seen) or ITS_TIME


def _of_fault(fault: JobFailure) -> ListedJob:
    state = JobState.BROKEN
    return ListedJob(fault.kind, fault.account, "", state, until=fault.retry_at, tries=fault.tries, why=fault.message)


_STATES = {RunState.RUNNING: JobState.RUNNING, RunState.FAILED: JobState.FAILED, RunState.DONE: JobState.DONE}
_KIND_OF = {run: kind for kind, run in RUNS.items()}


def _of_run(run: Run, paused: frozenset[str]) -> ListedJob:
    kind, state, why = _KIND_OF.get(run.kind, run.kind), _STATES[run.state], run.failure
    if state is JobState.RUNNING and kind in paused:
        state, why = JobState.WAITING, f"it goes on when {kind} is resumed"
    return ListedJob(kind, run.account, "", state, why=why, done=run.done, total=run.total)
