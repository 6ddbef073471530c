"""The rate limit: requests with the same API key take turns, whichever process makes them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from tonearm.clock import Clock
from tonearm.core import pacing
from tonearm.core.destination import Rules
from tonearm.core.verdict import Cause
from tonearm.store import pace
from tonearm.store.db.database import Store

YIELDS = 10.0
"""Seconds for which a read lets all other requests go first; then it takes its turn."""


@dataclass(frozen=True, slots=True)
class Booked:
    """A slot that was booked at a time (Unix seconds), and comes that many seconds later."""

    at: float
    wait: float


REBOOKINGS = 5
"""Slots that one request may miss, and how often it then tries for one that is free at once, before it is sent
anyway.
"""


@dataclass(frozen=True, slots=True)
class Pace:
    """The rate limit of one API key, stored in the database; with `per_second` 0 there is none. `rules` has the
    throttle times.
    """

    store: Store
    clock: Clock
    key: str
    per_second: float
    rules: Rules
    _reads: asyncio.Lock = field(default_factory=asyncio.Lock)

    def book(self, db: Connection) -> Booked:
        """Book a slot within a transaction that is written anyway."""
        now = self.clock.now()
        return Booked(now, pace.book(db, self.key, now, self.per_second) if self.per_second > 0 else 0.0)

    async def slot(self, booked: Booked) -> None:
        """Return when a booked slot has come. If it is missed by half an interval, because the machine is busy or was
        suspended, another one is booked: a late request would coincide with others that are on time. A caller that is
        always late takes whichever slot is free.
        """
        for _ in range(REBOOKINGS):
            await self._until(booked)
            if self.per_second <= 0 or self.clock.now() < booked.at + booked.wait + 0.5 / self.per_second:
                return
            booked = await self.store.write_together(self._book_each, None)
        for _ in range(REBOOKINGS):
            wait = await self.store.write(self._book_if_free)
            if wait <= 0:
                return
            await self.clock.sleep(wait)

    async def _until(self, booked: Booked) -> None:
        left = booked.at + booked.wait - self.clock.now()
        if left > 0:
            await self.clock.sleep(min(left, booked.wait))  # the clock may have been set back meanwhile

    async def current_throttle(self) -> pace.KeyThrottled | None:
        """The throttle of this key that is in force now. Deliveries check it themselves; all other callers call this
        first.
        """
        return await self.store.read(lambda db: pace.current_throttle(db, self.key, self.clock.now()))

    async def throttled(self, cause: Cause, retry_after: float | None = None) -> None:
        """Record that Last.fm has rejected a request because this address sends too many: everybody waits, longer each
        time.
        """
        await self.store.write(lambda db: self._begin_throttle(db, cause, retry_after))

    def _begin_throttle(self, db: Connection, cause: Cause, retry_after: float | None) -> None:
        now = self.clock.now()
        last = pace.last_throttle(db, self.key, lock=True, now=now)
        level = last.level if last and not last.outage else 0
        wait = max(pacing.ladder_wait(self.rules.address_ladder, level), retry_after or 0.0)
        pace.begin_throttle(db, self.key, pace.KeyThrottled(now + wait, str(cause), False, level + 1, now))

    async def turn(self) -> None:
        """Return when this caller's turn has come."""
        if self.per_second > 0:
            await self.slot(await self.store.write_together(self._book_each, None))

    async def spare_turn(self) -> None:
        """Return when no scrobble needs the slot. Reads book no slots ahead, so a scrobble waits for at most one of
        them.
        """
        if self.per_second <= 0:
            return
        async with self._reads:  # one after the other, in the order in which they came
            tired = self.clock.now() + YIELDS
            while (now := self.clock.now()) < tired:
                wait = await self.store.write(self._book_if_free)
                if wait <= 0:
                    return
                await self.clock.sleep(min(wait, max(0.0, tired - now)))
        await self.turn()

    async def last_throttle(self) -> pace.KeyThrottled | None:
        """The last throttle, over or not, until an answer shows that this key is served again."""
        return await self.store.read(lambda db: pace.last_throttle(db, self.key, now=self.clock.now()))

    async def served(self) -> None:
        """Record that a request that began after the last throttle was answered: that throttle is over."""
        await self.store.write(lambda db: pace.end_throttle(db, self.key))

    def _book_if_free(self, db: Connection) -> float:
        return pace.book_if_free(db, self.key, self.clock.now(), self.per_second)

    def _book_each(self, db: Connection, callers: Sequence[None]) -> list[Booked]:
        return [self.book(db) for _ in callers]
