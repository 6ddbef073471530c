"""Imports from Last.fm that begin on request or every hour, as runs: one at a time for each account."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from sqlalchemy import Connection

from tonearm.clock import Clock
from tonearm.service.chores import Chores
from tonearm.service.events import EventHub
from tonearm.service.waiting import WaitingRun
from tonearm.store import accounts, runs
from tonearm.store.db.database import Store
from tonearm.store.runs import Run

RESUME_WITHIN = 86400.0
"""Seconds within which a failed run is continued; later the list has changed too much."""

EVERY = 3600.0
"""Seconds from one automatic import to the next."""

CHECKED = 60.0
"""Seconds between two checks for imports that are due."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The kind of an import's runs, and the periodic `task` that begins those of accounts whose hour has come."""

    kind: str
    task: str
    due: Callable[[Connection, float], list[int]]
    set_mirror: Callable[[Connection, int, float | None], None]


@dataclass(frozen=True, slots=True)
class HourlyImport:
    """What both imports from Last.fm have in common."""

    schedule: ClassVar[Schedule]

    store: Store
    clock: Clock
    event_hub: EventHub
    hint: Callable[[int], None]
    waiting: WaitingRun
    chores: Chores

    async def start(self, account: int) -> Run:
        """Begin an import, or join the unfinished one."""
        run = await self.store.write(partial(self._begin, account=account))
        self.hint(account)
        return run

    def _begin(self, db: Connection, account: int) -> Run:
        accounts.lock(db, [account])
        owner = accounts.by_id(db, [account])[account].username.casefold()
        return runs.begin(db, account, self.schedule.kind, owner, self.clock.now(), RESUME_WITHIN)

    async def job(self, account: int, run_id: int) -> Run | None:
        """An import; None if there is none with this id."""
        return await self.store.read(partial(runs.find, account=account, run_id=run_id, kind=self.schedule.kind))

    async def latest(self, account: int) -> Run | None:
        """The last import, finished or not."""
        return await self.store.read(partial(runs.latest, account=account, kind=self.schedule.kind))

    async def finished(self, account: int, run_id: int) -> Run:
        """The import when it is over, or if nothing runs it now: then `failure` says why."""
        return await self.waiting.ended(self.event_hub, account, partial(self.job, account, run_id))

    async def mirror(self, account: int, *, on: bool) -> None:
        """Import every hour from now on, or only on request."""
        await self.store.write(lambda db: self.schedule.set_mirror(db, account, 0.0 if on else None))

    async def begin_hourly(self) -> None:
        """Begin the imports whose hour has come."""
        if await self.chores.take(self.schedule.task, CHECKED):
            for account in await self.store.read(lambda db: self.schedule.due(db, self.clock.now())):
                await self.store.write(partial(self._begin_hourly, account=account))

    def due(self, db: Connection, _: float) -> list[int]:
        """Accounts with an unfinished import, also after a crash."""
        return runs.running(db, self.schedule.kind)

    def _begin_hourly(self, db: Connection, account: int) -> None:
        self._begin(db, account)
        self.schedule.set_mirror(db, account, self.clock.now() + EVERY)
