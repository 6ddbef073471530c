"""The import of the history at Last.fm as a job: on request, or every hour, so that plays scrobbled by other apps are
here, too.

A run's progress is saved after each page. It continues there after a crash, and now and then gives its slot to other
jobs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from tonearm.clock import Clock
from tonearm.core.event import ImportProgress
from tonearm.service.chores import Chores
from tonearm.service.events import EventHub
from tonearm.service.loved_import import RESUME_WITHIN
from tonearm.service.waiting import WaitingRun
from tonearm.store import accounts, runs
from tonearm.store.db.database import Store
from tonearm.store.runs import Run, RunState

if TYPE_CHECKING:
    from tonearm.service.history_from_lastfm import HistoryFromLastFm
    from tonearm.service.history_import import ImportResult

KIND = "import-history"

EVERY = 3600.0
"""Seconds from one run of a mirror to the next."""

CHECKED = 60.0
"""Seconds between two checks for mirrors that are due."""

CHUNK = 60.0
"""Seconds after which a run gives its slot to others."""


@dataclass(frozen=True, slots=True)
class HistoryMirror:
    """Imports from Last.fm as runs: one at a time for each account.

    `figure` sums up a history that has grown, so that its figures are quick.
    """

    store: Store
    clock: Clock
    event_hub: EventHub
    source: Callable[[], HistoryFromLastFm]
    chores: Chores
    hint: Callable[[int], None]
    waiting: WaitingRun
    figure: Callable[[int], Awaitable[None]]

    async def start(self, account: int) -> Run:
        """Begin an import, or join the unfinished one."""
        run = await self.store.write(partial(self._begin, account=account))
        self.hint(account)
        return run

    def _begin(self, db: Connection, account: int) -> Run:
        accounts.lock(db, [account])
        owner = accounts.by_id(db, [account])[account].username.casefold()
        return runs.begin(db, account, KIND, owner, self.clock.now(), RESUME_WITHIN)

    async def job(self, account: int, run_id: int) -> Run | None:
        """An import; None if there is none with this id."""
        return await self.store.read(partial(runs.find, account=account, run_id=run_id, kind=KIND))

    async def latest(self, account: int) -> Run | None:
        """The last import, finished or not."""
        return await self.store.read(partial(runs.latest, account=account, kind=KIND))

    async def finished(self, account: int, run_id: int) -> Run:
        """The import when it is over, or if nothing runs it now: then `failure` says why."""
        return await self.waiting.ended(self.event_hub, account, partial(self.job, account, run_id))

    async def mirrored(self, account: int) -> float | None:
        """When the next hourly import is due (Unix seconds, 0 for now); None if there is none."""
        return await self.store.read(partial(accounts.mirror_at, account_id=account))

    async def mirror(self, account: int, *, on: bool) -> None:
        """Import every hour, or stop doing so."""
        await self.store.write(partial(accounts.set_mirror, account_id=account, at=0.0 if on else None))

    async def begin_hourly(self) -> None:
        """Begin the imports whose hour has come."""
        if await self.chores.take("mirrors", CHECKED):
            for account in await self.store.read(partial(accounts.mirrors_due, now=self.clock.now())):
                await self.store.write(partial(self._begin_hourly, account=account))

    def due(self, db: Connection, _: float) -> list[int]:
        """Accounts with an unfinished import, also after a crash."""
        return runs.running(db, KIND)

    def _begin_hourly(self, db: Connection, account: int) -> None:
        now = self.clock.now()
        self._begin(db, account)
        accounts.set_mirror(db, account, now + EVERY)

    async def continue_run(self, account: int) -> float | None:
        """Import page after page for a minute, or until everything is there, or Last.fm has failed too often."""
        run = await self.store.read(partial(runs.unfinished, account=account, kind=KIND))
        if run is None:
            return None
        from tonearm.service.history_from_lastfm import NotImported, Paused
        from tonearm.service.history_import import Undone

        step = _Step(self, run, self.clock.now() + CHUNK)
        try:
            found = await self.source().run(account, lambda done, total: None, step=step)
        except Paused:
            return None if step.lost else self.clock.now()
        except (NotImported, Undone) as error:
            await step.write(replace(step.run, state=RunState.FAILED, failure=str(error)))
            return None
        done = max(step.run.total, found.new + found.known)
        await step.write(replace(step.run, state=RunState.DONE, done=done, total=done, counts=_counts(found)))
        if found.new:
            await self.figure(account)
        return None


def _counts(found: ImportResult) -> dict[str, int]:
    return {"new": found.new, "known": found.known, "doubtful": found.doubtful, "import": found.id or 0}


@dataclass(slots=True)
class _Step:
    """Saves a run's progress; called after each page, it returns whether to continue. `lost`: another process has ended
    the run.
    """

    mirror: HistoryMirror
    run: Run
    ends: float
    lost: bool = False

    async def __call__(self, done: int, total: int) -> bool:
        return await self.write(replace(self.run, done=done, total=total)) and self.mirror.clock.now() < self.ends

    async def write(self, run: Run) -> bool:
        """Write the run; False if another process has ended it."""
        mirror, before = self.mirror, self.run.cursor
        run = replace(run, cursor=before + 1, updated_at=mirror.clock.now())
        self.lost = not await mirror.store.write(partial(runs.write, run=run, cursor=before))
        self.run = run
        mirror.event_hub.publish(run.account, ImportProgress(run.id, run.done, run.total))
        return not self.lost
