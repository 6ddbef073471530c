"""Periodic tasks, each done by one of all processes on a database."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from tonearm.clock import Clock
from tonearm.store import jobs
from tonearm.store.db.database import Store


@dataclass(slots=True)
class Chores:
    """Decides which of all processes on the database does a periodic task."""

    store: Store
    clock: Clock
    done: dict[str, float] = field(default_factory=dict)

    async def take(self, name: str, interval: float) -> bool:
        """Claim a task; True if this process does it now. After that no process does it for `interval` seconds."""
        now = self.clock.now()
        if not self.store.one_process:
            is_due, take = (
                partial(ask, name=name, now=now, interval=interval) for ask in (jobs.task_is_due, jobs.take_task)
            )
            return await self.store.read(is_due) and await self.store.write(take)
        last = self.done.get(name, -interval)
        if last <= now < last + interval:  # the clock may have been set back
            return False
        self.done[name] = now
        return True

    async def unfinished(self, name: str) -> None:
        """Note that the task isn't finished: the next process continues it."""
        self.done.pop(name, None)
        if not self.store.one_process:
            await self.store.write(partial(jobs.return_task, name=name))
