"""Pacing: every request of this API key takes its turn, whoever makes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from tonearm.clock import Clock
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

    async def turn(self) -> None:
        """Return when this caller's turn has come."""
        if self.per_second > 0:
            wait = await self.store.write_together(self._book_each, None)
            if wait > 0:
                await self.clock.sleep(wait)

    def _book_each(self, db: Connection, callers: Sequence[None]) -> list[float]:
        return [self.book(db) for _ in callers]
