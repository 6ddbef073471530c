"""Leases: the right to send what waits in a line, claimed by one sender, renewed while it works, released at the
end.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import Connection

from tonearm.clock import Clock
from tonearm.store.db.database import Store
from tonearm.store.db.sqlite_writer import StoreUnavailable
from tonearm.store.line import Fenced, Lease, Line

LEASE = 30.0
"""Seconds that a lease lasts without a renewal."""

HEARTBEAT = 10.0


@dataclass(frozen=True, slots=True)
class Leases:
    """The leases of one process (`owner`), on the lines to Last.fm or those to destinations."""

    store: Store
    clock: Clock
    owner: str
    lines: Line
    _endings: set[asyncio.Task[None]] = field(default_factory=set)

    def claim(self, db: Connection, line: int) -> Lease | None:
        """Lease a line; None if another sender has it."""
        now = self.clock.now()
        return self.lines.claim(db, line, self.owner, now, now + LEASE)

    @asynccontextmanager
    async def renewed(self, lease: Lease) -> AsyncIterator[None]:
        """Renew a lease for as long as the block lasts."""
        beat = asyncio.create_task(self._renew(lease))
        try:
            yield
        finally:
            beat.cancel()

    async def _renew(self, lease: Lease) -> None:
        with suppress(Fenced):
            while True:
                await self.clock.sleep(HEARTBEAT)
                with suppress(StoreUnavailable):
                    await self.store.write(partial(self.lines.renew, lease=lease, until=self.clock.now() + LEASE))

    async def give_back(self, lease: Lease) -> None:
        """Release a line at once; if that can't be written, the lease expires anyway."""
        with suppress(StoreUnavailable):
            await self.store.write(partial(self.lines.release, lease=lease))

    async def to_its_end(self, work: Coroutine[None, None, None]) -> None:
        """Finish some work although the caller was cancelled. If it is cancelled again meanwhile, it no longer waits;
        `ended` does.
        """
        task = asyncio.create_task(work)
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)
        await asyncio.shield(task)

    async def ended(self) -> None:
        """Return when all lines are released, after the deliveries have stopped."""
        await asyncio.gather(*self._endings, return_exceptions=True)
