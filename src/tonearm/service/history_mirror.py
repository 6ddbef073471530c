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

from tonearm.core.event import ImportProgress
from tonearm.service.hourly_import import HourlyImport, Schedule
from tonearm.store import accounts, runs
from tonearm.store.runs import Run, RunState

if TYPE_CHECKING:
    from tonearm.service.history_from_lastfm import HistoryFromLastFm
    from tonearm.service.history_import import ImportResult

KIND = "import-history"

CHUNK = 60.0
"""Seconds after which a run gives its slot to others."""


@dataclass(frozen=True, slots=True)
class HistoryMirror(HourlyImport):
    """Imports from Last.fm. `figure` sums up a history that has grown, so that its figures are quick."""

    schedule = Schedule(KIND, "mirrors", accounts.mirrors_due, accounts.set_mirror)

    source: Callable[[], HistoryFromLastFm]
    figure: Callable[[int], Awaitable[None]]

    async def mirrored(self, account: int) -> float | None:
        """When the next hourly import is due (Unix seconds, 0 for now); None if there is none."""
        return await self.store.read(partial(accounts.mirror_at, account_id=account))

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
