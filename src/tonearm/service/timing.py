"""Timing: how far our clock is from Last.fm's, learnt from the `Date` of its answers; and a clock that many share."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from tonearm.clock import Clock, SharedClock
from tonearm.store.database import Store
from tonearm.store.writer import StoreUnavailable

log = logging.getLogger(__name__)

LOOK = 30.0
"""Seconds between two looks at the database's clock: what two good counters drift apart in them is next to nothing."""

EXACT = 5.0
"""Seconds; a `Date` is in whole seconds and the way takes its time, so less is no difference."""


@dataclass(slots=True)
class LastFmTime:
    """Last.fm's time as far as it is known. `skew`: seconds to add to our clock."""

    clock: Clock
    skew: float = 0.0

    def heard(self, server_time: float, round_trip: float) -> None:
        """An answer came that named the server's time (Unix seconds), after so many seconds."""
        skew = server_time + 0.5 - (self.clock.now() - round_trip / 2)
        self.skew = 0.0 if abs(skew) <= EXACT + round_trip else skew

    def now(self) -> float:
        """What Last.fm's clock shows."""
        return self.clock.now() + self.skew


async def look(store: Store, clock: SharedClock) -> None:
    """Set the clock by the database's. Raises StoreUnavailable."""
    theirs, at = await store.clock()
    clock.set(theirs, at)


async def keep_looking(store: Store, clock: SharedClock) -> None:
    """Set the clock by the database's now and then, until cancelled."""
    while True:
        await asyncio.sleep(LOOK)
        try:
            await look(store, clock)
        except StoreUnavailable as fault:
            log.warning("the database's clock cannot be read, so this machine's counter carries on: %s", fault)
