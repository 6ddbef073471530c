"""Why a run that was begun makes no progress now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tonearm.clock import Clock
from tonearm.store import jobs
from tonearm.store.db.database import Store

NOBODY = "no process delivers now: it goes on when 'tonearm serve' runs (on PostgreSQL also 'tonearm worker')"


@dataclass(frozen=True, slots=True)
class WaitingRun:
    """Runs of one kind of job. `delivers`: this process does; another may as well."""

    store: Store
    clock: Clock
    kind: str
    delivers: Callable[[], bool]

    async def paused(self) -> bool:
        """Whether nothing of the kind begins."""
        return self.kind in await self.store.read(jobs.paused)

    async def reason(self, account: int) -> str:
        """What the run of an account waits for, whatever time goes by; "" if it makes progress."""
        gate, now = await self.store.read(jobs.gate), self.clock.now()
        if self.kind in gate.paused:
            return f"{self.kind} is paused: it goes on after 'tonearm jobs resume {self.kind}'"
        broken = gate.failures.get((self.kind, account))
        if broken and broken.at <= now < broken.retry_at:
            return f"it broke ({broken.message}), and is tried again later: 'tonearm jobs' shows when"
        if not self.delivers() and not await self.store.anybody_delivers():
            return NOBODY
        return ""
