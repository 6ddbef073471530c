"""Jobs: lists and controls what runs, waits and failed, across all processes and for every engine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from traceback import extract_tb
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection

from tonearm.clock import Clock
from tonearm.core import pacing
from tonearm.service import job_list
from tonearm.service.accounts import Accounts
from tonearm.service.chores import Chores
from tonearm.service.destinations import Destinations
from tonearm.service.job_list import DELIVER, DESTINATION, LOVE, RUNS, JobList
from tonearm.store import destinations, jobs, runs
from tonearm.store.db.database import Store
from tonearm.store.db.sqlite_writer import StoreUnavailable
from tonearm.store.jobs import Gate, JobFailure
from tonearm.store.runs import Run, RunState

SWEPT = 1.5
"""Seconds for which no other process has to sweep. Less than an engine's interval, or every second sweep would be
skipped.
"""

CANCELLED = "cancelled; a retry continues from there"

JobHandler = Callable[[int], Awaitable[float | None]]
FoundT = TypeVar("FoundT")


@dataclass(frozen=True, slots=True)
class Finder(Generic[FoundT]):
    """Finds the jobs of a kind that are due.

    `before` is awaited first. `ask` gets a database connection and the time: it runs in one transaction with the
    finders of all kinds, perhaps more than once, and only reads. `keys` are the keys in what it has found.
    """

    ask: Callable[[Connection, float], FoundT]
    keys: Callable[[FoundT], Iterable[int]]
    before: Callable[[], Awaitable[object]] | None = None


@dataclass(frozen=True, slots=True)
class JobDone:
    """The action is done; `message` says what happens next."""

    message: str


@dataclass(frozen=True, slots=True)
class JobBusy:
    """Nothing was done."""

    reason: str


@dataclass(slots=True)
class _Known:
    """What may not start, as found by this process's last sweep; `changes` counts the changes that this process has
    made.
    """

    gate: Gate | None = None
    changes: int = 0


@dataclass(frozen=True, slots=True)
class Jobs:
    """Guards each job, lists all of them, and controls them.

    `begin` starts or continues a run of a kind, `hint` wakes the engine for an account that has something to deliver,
    `send_hearts` sends an account's hearts now. A destination's job is identified by the destination's id.
    """

    store: Store
    clock: Clock
    chores: Chores
    listeners: Accounts
    begin: Mapping[str, Callable[[int], Awaitable[Run]]]
    hint: Callable[[int], None]
    send_hearts: Callable[[int], Awaitable[None]]
    destinations: Destinations
    known: _Known = field(default_factory=_Known)

    def guarded(self, kind: str, handler: JobHandler) -> JobHandler:
        """Wrap a handler so that it does nothing while its kind is paused, and waits longer after each failure."""

        async def run(account: int) -> float | None:
            gate = self.known.gate or await self._load_gate()
            broken, now = gate.failures.get((kind, account)), self.clock.now()
            if kind in gate.paused:
                return None
            if broken and broken.at <= now < broken.retry_at:
                return broken.retry_at
            try:
                retry_at = await handler(account)
            except StoreUnavailable:
                raise
            except Exception as error:
                await self._remember_failure(kind, account, broken.tries if broken else 0, error)
                raise
            if broken:
                await self._forget_failure(kind, account)
            return retry_at

        return run

    async def _load_gate(self) -> Gate:
        changes = self.known.changes
        gate = await self.store.read(jobs.gate)
        if self.known.changes == changes:  # otherwise it may have been read before the change
            self.known.gate = gate
        return gate

    def _changed(self) -> None:
        self.known.gate = None
        self.known.changes += 1

    async def _forget_failure(self, kind: str, account: int) -> None:
        await self.store.write(partial(jobs.forget_failure, kind=kind, account_id=account))
        self._changed()

    async def _remember_failure(self, kind: str, account: int, before: int, error: Exception) -> None:
        # Never the error's message: it may contain private data.
        place, now = extract_tb(error.__traceback__)[-1], self.clock.now()
        message = f"{type(error).__name__} at {place.filename.rpartition('/')[2]}:{place.lineno}"
        retry_at = now + pacing.retry_wait(before + 1)
        failure = JobFailure(kind, account, before + 1, now, retry_at, message)
        await self.store.write(partial(jobs.remember_failure, failure=failure))
        self._changed()

    async def due(self, finders: Mapping[str, Finder[Any]]) -> list[tuple[str, int]]:
        """What the finders find, and what failed, except what is paused or has to wait. Only one of all processes does
        this.
        """
        gate = await self._load_gate()
        if not self.store.one_process and not await self.chores.take("sweep", SWEPT):
            return []
        open_to = {kind: finder for kind, finder in finders.items() if kind not in gate.paused}
        found = await self._found(open_to) if open_to else []
        now = self.clock.now()
        waiting = {job for job, error in gate.failures.items() if error.at <= now < error.retry_at}
        broken = [
            job for job in gate.failures if job[0] in open_to
        ]  # with nothing left to do, it would stay broken for ever
        return [job for job in dict.fromkeys((*found, *broken)) if job not in waiting]

    async def _found(self, finders: Mapping[str, Finder[Any]]) -> list[tuple[str, int]]:
        for finder in finders.values():
            if finder.before is not None:
                await finder.before()
        now = self.clock.now()

        def ask(db: Connection) -> dict[str, Any]:
            return {kind: finder.ask(db, now) for kind, finder in finders.items()}

        found = await self.store.read(ask)
        return [(kind, key) for kind, finder in finders.items() for key in finder.keys(found[kind])]

    async def overview(self, account: int | None = None) -> JobList:
        """All jobs, or those of one account."""
        keyring, time = self.listeners.keyring, self.listeners.time
        here = job_list.ThisProcess(keyring.names, keyring.configured, self.clock.now(), time.now())
        return await self.store.read(partial(job_list.load, here=here, account=account))

    async def retry(self, kind: str, account: int) -> JobDone | JobBusy:
        """Retry a waiting or failed job now. Raises UnknownListener."""
        if kind == DESTINATION:
            return await self._retry_destination(account)
        await self.listeners.account(account)
        await self._forget_failure(kind, account)
        if kind == DELIVER:
            await self.listeners.retry(account, self.hint)
            return JobDone("all waiting plays are due now" + await self._paused_note(kind))
        if kind == LOVE:
            await self.send_hearts(account)
            return JobDone("all waiting hearts are due now" + await self._paused_note(kind))
        last = await self.store.read(partial(runs.latest, account=account, kind=RUNS[kind]))
        if last is None or last.state is RunState.DONE:
            return JobBusy(f"there's no unfinished {kind} job")
        await self.begin[kind](account)
        return JobDone(f"{kind} resumed" + await self._paused_note(kind))

    async def owner(self, kind: str, key: int) -> int | None:
        """The account that the job belongs to; None if there is no such destination."""
        if kind != DESTINATION:
            return key
        return (await self.store.read(partial(destinations.owner_of_each, account_id=None))).get(key)

    async def _retry_destination(self, destination_id: int) -> JobDone | JobBusy:
        owner = await self.owner(DESTINATION, destination_id)
        if owner is None:
            return JobBusy("there's no such destination")
        await self._forget_failure(DESTINATION, destination_id)
        await self.destinations.retry(owner, destination_id)
        return JobDone("all waiting plays are due now" + await self._paused_note(DESTINATION))

    async def _paused_note(self, kind: str) -> str:
        """A note if the kind is paused; "" if it is not."""
        paused = kind in await self.store.read(jobs.paused)
        return f", but {kind} is paused: nothing starts until it is resumed" if paused else ""

    async def cancel(self, kind: str, account: int) -> JobDone | JobBusy:
        """Stop a job, whichever process runs it. The next sweep resumes a delivery, unless its kind is paused.

        Raises UnknownListener.
        """
        now = self.clock.now()
        if kind == DESTINATION:
            if not await self.store.write(partial(jobs.break_lease_of_destination, destination_id=account, now=now)):
                return JobBusy("not running")
            return JobDone("stopping; its plays stay queued and are sent again unless it is paused")
        await self.listeners.account(account)
        if kind == DELIVER:
            if not await self.store.write(partial(jobs.break_lease, account_id=account, now=now)):
                return JobBusy("not running")
            return JobDone("stopping; its plays stay queued and are sent again unless sending is paused")
        if kind == LOVE:
            return JobBusy("each heart is one short request: pause 'love' to stop sending them")
        give_up = partial(runs.give_up, account=account, kind=RUNS[kind], failure=CANCELLED, now=now)
        if not await self.store.write(give_up):
            return JobBusy("not running")
        return JobDone("stopping at its next step; a retry continues from there")

    async def pause(self, kind: str) -> None:
        """Pause a kind: no job of it starts, in other processes from their next sweep on; running ones finish."""
        await self.store.write(partial(jobs.set_paused, kind=kind, now=self.clock.now()))
        self._changed()

    async def resume(self, kind: str) -> None:
        """Resume a kind: its jobs start again with the next sweep."""
        await self.store.write(partial(jobs.set_paused, kind=kind, now=None))
        self._changed()
