"""Why a run that has begun makes no progress now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from tonearm.clock import Clock
from tonearm.service.events import EventHub
from tonearm.store import jobs
from tonearm.store.db.database import Store
from tonearm.store.runs import Run, RunState

NOBODY = "no process is sending: it continues when 'tonearm serve' runs (on PostgreSQL also 'tonearm worker')"


CHECK_EVERY = 1.0
"""Seconds after which a run is checked without an event: another process may run it."""


@dataclass(frozen=True, slots=True)
class WaitingRun:
    """Runs of one kind of job. `delivers`: this process runs them; another may, too."""

    store: Store
    clock: Clock
    kind: str
    delivers: Callable[[], bool]

    async def paused(self) -> bool:
        """Whether no run of the kind starts."""
        return self.kind in await self.store.read(jobs.paused)

    async def reason(self, account: int) -> str:
        """What an account's run waits for, if time alone won't help; "" if it makes progress."""
        gate, now = await self.store.read(jobs.gate), self.clock.now()
        if self.kind in gate.paused:
            return f"{self.kind} is paused: it continues after 'tonearm jobs resume {self.kind}'"
        broken = gate.failures.get((self.kind, account))
        if broken and broken.at <= now < broken.retry_at:
            return f"it failed ({broken.message}) and will be retried: 'tonearm jobs' shows when"
        if not self.delivers() and not await self.store.anybody_delivers():
            return NOBODY
        return ""

    async def ended(self, event_hub: EventHub, account: int, job: Callable[[], Awaitable[Run | None]]) -> Run:
        """Wait for the run to end. Returns it then, or when Last.fm is unavailable or nothing runs it now: then
        `failure` says why. That nobody runs it is said only if it is so twice: a process may just be starting.
        """
        nobody = False
        with event_hub.subscribe(account) as (subscription, _):
            while True:
                run = await job()
                assert run is not None
                if run.state is not RunState.RUNNING or run.failure:
                    return run
                reason = await self.reason(account)
                if reason and (nobody or reason != NOBODY):
                    return replace(run, failure=reason)
                nobody = reason == NOBODY
                await subscription.within(CHECK_EVERY)
