"""Pacing: every request of this API key takes its turn, whoever makes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from tonearm.clock import Clock
from tonearm.core import pacing
from tonearm.core.verdict import Cause
from tonearm.store import pace
from tonearm.store.database import Store


@dataclass(frozen=True, slots=True)
class Pace:
    """The rate limit of one API key, kept in the database. `per_second` 0 lifts it."""

    store: Store
    clock: Clock
    key: str
    per_second: float

    async def begin(self) -> None:
        """Make the key's row."""
        await self.store.write(lambda db: pace.begin(db, self.key))

    def book(self, db: Connection) -> float:
        """Take a slot within a transaction that is written anyway; the seconds to wait."""
        return pace.book(db, self.key, self.clock.now(), self.per_second) if self.per_second > 0 else 0.0

    async def rest(self) -> pace.Held | None:
        """What rests this key now; scrobbles look for themselves, everybody else asks here first."""
        return await self.store.read(lambda db: pace.held(db, self.key, self.clock.now()))

    async def throttled(self, cause: Cause, retry_after: float | None = None) -> None:
        """Last.fm says that this address asks too much: everybody rests, a rung longer each time."""
        await self.store.write(lambda db: self._rest(db, cause, retry_after))

    def _rest(self, db: Connection, cause: Cause, retry_after: float | None) -> None:
        last, now = pace.rest(db, self.key, keep=True), self.clock.now()
        rung = last.rung if last else 0
        wait = max(pacing.rung(pacing.ADDRESS_LADDER, rung), retry_after or 0.0)
        pace.hold(db, self.key, pace.Held(now + wait, str(cause), False, rung + 1, now))

    async def turn(self) -> None:
        """Return when this caller's turn has come."""
        if self.per_second > 0:
            wait = await self.store.write_together(self._book_each, None)
            if wait > 0:
                await self.clock.sleep(wait)

    def _book_each(self, db: Connection, callers: Sequence[None]) -> list[float]:
        return [self.book(db) for _ in callers]
