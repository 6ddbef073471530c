"""Publishes how many plays wait, counted from the rows, and not more often than a person can follow."""

from __future__ import annotations

import asyncio
import logging
from functools import partial

from tonearm.clock import Clock
from tonearm.core.event import QueueUpdated
from tonearm.service.events import EventHub
from tonearm.store import queue
from tonearm.store.db.database import Store
from tonearm.store.db.sqlite_writer import StoreUnavailable

log = logging.getLogger(__name__)

PAUSE = 0.25
"""Seconds between two counts of one queue."""


class QueueLengths:
    """Publishes the length of queues that have changed, for accounts that have subscribers."""

    def __init__(self, store: Store, clock: Clock, event_hub: EventHub) -> None:
        self._store = store
        self._clock = clock
        self._event_hub = event_hub
        self._changed: set[int] = set()
        self._wake = asyncio.Event()

    def note(self, account: int) -> None:
        """Request a count of an account's queue, soon."""
        self._changed.add(account)
        self._wake.set()

    async def run(self) -> None:
        """Count and publish, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            accounts, self._changed = self._changed, set()
            for account in accounts:
                await self._publish(account)
            await self._clock.sleep(PAUSE)

    async def _publish(self, account: int) -> None:
        try:
            length = await self._store.read(partial(queue.length, account_id=account))
        except StoreUnavailable as error:
            log.warning("the queue could not be counted: %s", error)
        else:
            self._event_hub.publish_here(account, QueueUpdated(length))
