"""All jobs as they are now, and what those that aren't running wait for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from sqlalchemy import Connection

from tonearm.core.account import Account
from tonearm.core.delivery import DeliveryState
from tonearm.core.destination import DestinationKind
from tonearm.core.pacing import in_force
from tonearm.core.waits import DeliveryFacts, WaitingPlay, WaitKind, Waits, explanation, queue_waits
from tonearm.service import destination_waits, enrichment, hearts, history_mirror, loved_import
from tonearm.store import accounts, destination_queue, destinations, jobs, pace, queue, runs
from tonearm.store.jobs import JobFailure
from tonearm.store.pace import KeyThrottled
from tonearm.store.queries import deliveries, waiting
from tonearm.store.queries.deliveries import AccountDelivery
from tonearm.store.runs import Run, RunState

DELIVER, LOVE, IMPORT, ENRICH, HISTORY = jobs.DELIVER, hearts.KIND, "import", "enrich", "history"
DESTINATION = destination_queue.KIND
RUNS = {IMPORT: loved_import.KIND, ENRICH: enrichment.KIND, HISTORY: history_mirror.KIND}
"""The names of the kinds of runs in their table."""

KINDS = (DELIVER, LOVE, *RUNS, DESTINATION)

SHOWN_FOR = 86400.0
"""Seconds for which a run that is over is shown."""

LIMIT = 200
"""Jobs of each kind that are shown."""


class JobState(StrEnum):
    """`waiting` waits for its turn, `broken` for the next try after an internal error. `resting` waits for a known
    time, or for something that only people can do, such as a sign-in.
    """

    RUNNING = "running"
    WAITING = "waiting"
    RESTING = "resting"
    BROKEN = "broken"
    FAILED = "failed"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class ListedJob:
    """A job: `owner` is the process that runs it, `until` when its lease ends or it is tried again.

    A job of kind `destination` belongs to one `destination` of the listener.
    """

    kind: str
    account: int
    listener: str
    state: JobState
    owner: str = ""
    until: float | None = None
    tries: int = 0
    reason: str = ""
    done: int = 0
    total: int = 0
    destination: int | None = None

    @property
    def key(self) -> int:
        """The engine's key for it: the listener, or the destination."""
        return self.account if self.destination is None else self.destination

    @property
    def id(self) -> str:
        """The id by which it is retried and cancelled."""
        return f"{self.kind}-{self.key}"


@dataclass(frozen=True, slots=True)
class JobList:
    """The jobs, and the paused kinds."""

    jobs: tuple[ListedJob, ...]
    paused: frozenset[str]


@dataclass(frozen=True, slots=True)
class ThisProcess:
    """What the listing process knows: the configured API keys, whether they have their secrets, and the time."""

    keys: Sequence[str]
    configured: bool
    now: float
    lastfm_now: float


def load(db: Connection, here: ThisProcess, account: int | None) -> JobList:
    """The jobs of one account, or of all: those that run, and the first of each other kind."""
    now = here.now
    paused = jobs.paused(db)
    found: dict[tuple[str, int], ListedJob] = {}
    for run in reversed(runs.recent(db, now - SHOWN_FOR, LIMIT, account)):
        job = _of_run(run, paused)
        found[job.kind, run.account] = job
    for job in _deliveries(db, here, account, paused):
        found[DELIVER, job.account] = job
    owners = destinations.owner_of_each(db, account)
    for job in _destinations(db, here, account, paused):
        found[DESTINATION, job.key] = job
    for broken in jobs.failures(db, LIMIT, account, sorted(owners)):
        there = found.get((broken.kind, broken.account))
        if there is None or not there.owner:
            found[broken.kind, broken.account] = _of_fault(broken, owners)
    found = {key: job for key, job in found.items() if job.account}
    names = jobs.names(db, sorted({job.account for job in found.values()}))
    order = list(JobState)
    shown = (replace(job, listener=names[job.account]) for job in found.values())
    ordered = sorted(shown, key=lambda job: (order.index(job.state), job.until or 0, job.kind, job.account, job.key))
    return JobList(tuple(ordered), paused)


def _deliveries(db: Connection, here: ThisProcess, account: int | None, paused: frozenset[str]) -> Iterator[ListedJob]:
    keys, now = here.keys, here.now
    throttles = {key: throttle for key in keys if (throttle := pace.current_throttle(db, key, now))}
    if account is None:
        served = [key for key in keys if key not in throttles]
        all_ = deliveries.of_all(db, served, now, LIMIT)
    else:
        one = deliveries.of_account(db, account, now)
        all_ = [one] if one else []
    owners = accounts.by_id(db, [delivery.account for delivery in all_])
    for delivery in all_:
        if in_force(delivery.leased_until, now):
            runs_until = delivery.leased_until
            yield ListedJob(DELIVER, delivery.account, "", JobState.RUNNING, owner=delivery.owner, until=runs_until)
        else:
            throttle = throttles.get(delivery.api_key)
            facts = _facts(delivery, owners[delivery.account], here, throttle, DELIVER in paused)
            yield _that_waits(delivery, _waits(db, delivery, facts))


def _facts(
    delivery: AccountDelivery, account: Account, here: ThisProcess, throttle: KeyThrottled | None, paused: bool
) -> DeliveryFacts:
    return DeliveryFacts(
        account.under(here.keys),
        DeliveryState(delivery.connection, delivery.wait_until, trouble=delivery.trouble),
        here.now,
        here.lastfm_now,
        backlog_until=delivery.backlog_until,
        throttle=waiting.key_throttle(throttle),
        paused=paused,
        configured=here.configured,
    )


def _waits(db: Connection, delivery: AccountDelivery, facts: DeliveryFacts) -> Waits:
    """Why an account's plays have not been sent yet; plays still marked as being sent were left by a process that has
    died.
    """
    others = [other.user for other in queue.others(db, delivery.account, delivery.user)]
    first = waiting.first_plays(db, facts, delivery.next_live_at, delivery.next_late_at, others)
    left = (WaitingPlay(facts.user, 0),) if delivery.sending else ()
    return queue_waits((*left, *first), facts) or Waits(WaitKind.NEXT_BATCH)


def _that_waits(delivery: AccountDelivery, waits: Waits) -> ListedJob:
    if waits.kind in (WaitKind.SENDING, WaitKind.NEXT_BATCH):
        return ListedJob(DELIVER, delivery.account, "", JobState.WAITING)
    state = JobState.WAITING if waits.kind is WaitKind.PAUSED or not (waits.held or waits.until) else JobState.RESTING
    return ListedJob(DELIVER, delivery.account, "", state, until=waits.until, reason=explanation(waits))


def _destinations(
    db: Connection, here: ThisProcess, account: int | None, paused: frozenset[str]
) -> Iterator[ListedJob]:
    """Jobs of destinations: those that are sending, and those that wait."""
    destination_ids = destination_queue.at_work(db, account, here.now, LIMIT)
    counts = destination_queue.counts(db, destination_ids)
    for one in (found for destination_id in destination_ids if (found := destinations.find(db, destination_id))):
        if in_force(one.lease_until, here.now):
            until: float | None = one.lease_until
            state, reason, owner = JobState.RUNNING, "", one.lease_owner
        else:
            facts = destination_waits.facts(db, one, here.now, here.lastfm_now, paused=DESTINATION in paused)
            waits = destination_waits.of_queue(db, one, counts.get(one.id), facts) or Waits(WaitKind.NEXT_BATCH)
            moves = waits.kind is WaitKind.PAUSED or not (waits.held or waits.until)
            state, owner, until = JobState.WAITING if moves else JobState.RESTING, "", waits.until
            next_ = waits.kind in (WaitKind.SENDING, WaitKind.NEXT_BATCH)
            reason = "" if next_ else destination_waits.explained(waits, DestinationKind(one.kind))
        yield ListedJob(
            DESTINATION, one.account, "", state, owner=owner, until=until, reason=reason, destination=one.id
        )


def _of_fault(failure: JobFailure, owners: Mapping[int, int]) -> ListedJob:
    account, destination = failure.account, None
    if failure.kind == DESTINATION:
        account, destination = owners.get(failure.account, 0), failure.account
    state = JobState.BROKEN
    return ListedJob(
        failure.kind,
        account,
        "",
        state,
        until=failure.retry_at,
        tries=failure.tries,
        reason=failure.message,
        destination=destination,
    )


_STATES = {RunState.RUNNING: JobState.RUNNING, RunState.FAILED: JobState.FAILED, RunState.DONE: JobState.DONE}
_KIND_OF = {run: kind for kind, run in RUNS.items()}


def _of_run(run: Run, paused: frozenset[str]) -> ListedJob:
    kind, state, reason = _KIND_OF.get(run.kind, run.kind), _STATES[run.state], run.failure
    if state is JobState.RUNNING and kind in paused:
        state, reason = JobState.WAITING, f"it continues when {kind} is resumed"
    return ListedJob(kind, run.account, "", state, reason=reason, done=run.done, total=run.total)
