"""Expiry: settles plays that have become too old for Last.fm, and deletes old attempts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from tonearm.clock import Clock
from tonearm.core.delivery import Expired, QueuedPlay, Settled
from tonearm.core.destination import Rules
from tonearm.core.event import ScrobbleStatus
from tonearm.service.chores import Chores
from tonearm.service.clock_skew import LastFmTime
from tonearm.service.delivery_events import DeliveryEvents
from tonearm.service.requeue import AfterAll
from tonearm.service.settle import settle_one
from tonearm.store import accounts, attempts, destination_queue, destinations, plays, queue
from tonearm.store.db.database import Store

EVERY = 60.0
"""Seconds between two searches for plays that have become too old. Meanwhile each batch leaves them out."""

EXPIRED_AT_ONCE = 500

ATTEMPTS_KEPT = 90 * 86400.0
"""Seconds for which attempts are stored after the fate of a play is known."""


@dataclass(frozen=True, slots=True)
class Expiry:
    """Settles what has become too old; of all processes on a database, one does it."""

    store: Store
    clock: Clock
    time: LastFmTime
    chores: Chores
    after_all: AfterAll
    events: DeliveryEvents
    rules: Rules

    async def if_due(self) -> None:
        """Settle what has become too old, if it is time and this process's turn."""
        if await self.chores.take("tidy", EVERY):
            await self._look(self.clock.now())

    async def _look(self, now: float) -> None:
        forgotten = now - ATTEMPTS_KEPT
        # Both clocks have to call a play too old, and Last.fm's has to be known.
        oldest = self.rules.oldest
        before = min(now, self.time.now()) - oldest if oldest is not None and self.time.known else 0.0
        old = partial(queue.too_old, before=before, limit=1, boot=self.clock.boot)
        expires, forgets = await self.store.read(lambda db: (old(db), attempts.forgettable(db, forgotten)))
        if expires:
            for account, event in await self.store.write(partial(self._expire, before=before)):
                self.events.publish(account, (event,))
        if forgets:
            await self.store.write(partial(attempts.forget, before=forgotten))
        if expires or forgets:
            await self.chores.unfinished("tidy")
        await self._put_forward()
        await self.after_all.by_themselves()

    async def _put_forward(self) -> None:
        """Plays that a wrong clock delayed further than a right one would are sent when their own time has come."""
        if not self.time.settled:
            return
        if any(await self.store.read(self._put_back)):
            await self.store.write(self._due_at_their_time)

    def _put_back(self, db: Connection) -> tuple[list[int], list[int]]:
        """Accounts with such plays in their queue, and those with some that wait for other destinations."""
        now, skew = self.clock.now(), self.time.skew
        return queue.PUT_BACK.accounts(db, now, skew), destination_queue.PUT_BACK.accounts(db, now, skew)

    def _due_at_their_time(self, db: Connection) -> None:
        now, skew = self.clock.now(), self.time.skew
        here, elsewhere = self._put_back(db)
        accounts.lock(db, {*here, *elsewhere})
        for account in sorted(elsewhere):
            destinations.lock(db, account)
        queue.PUT_BACK.due_at_their_time(db, here, now, skew)
        destination_queue.PUT_BACK.due_at_their_time(db, elsewhere, now, skew)

    def _expire(self, db: Connection, before: float) -> list[tuple[int, ScrobbleStatus]]:
        now = self.clock.now()
        # First the accounts that own them, to lock those; then which of them are still there.
        old = partial(queue.too_old, db, before, EXPIRED_AT_ONCE, self.clock.boot)
        accounts.lock(db, {account for _, account in old()})
        expired = []
        for play_id, account in old():
            stored = plays.find(db, account, play_id)
            if stored is not None:
                settled = Settled(play_id, Expired(self.rules.too_old_reason))
                event = settle_one(db, settled, QueuedPlay(play_id, stored.play), now)
                expired.append((account, event))
        queue.remove(db, [event.id for _, event in expired])
        return expired
