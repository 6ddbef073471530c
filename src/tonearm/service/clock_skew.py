"""Last.fm's time, learned from the `Date` of its answers, and a clock that many processes share."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from math import inf

from tonearm.clock import Clock, SharedClock
from tonearm.core.server_time import APART, ClockReading, ServerTime
from tonearm.store.db.database import Store
from tonearm.store.db.sqlite_writer import StoreUnavailable

log = logging.getLogger(__name__)

SET_EVERY = 30.0
"""Seconds between two readings of the database's clock: in that time two good counters hardly drift apart."""


@dataclass(slots=True)
class LastFmTime:
    """Last.fm's time, as far as this process knows it; nothing that happens to the machine's clock changes it."""

    clock: Clock
    _server: ServerTime = field(default_factory=ServerTime)
    _asked_at: float = -inf

    def note_reading(self, server_time: float, round_trip: float) -> None:
        """Note the server's time (Unix seconds) from an answer that came after a round trip of that many seconds."""
        underway = round_trip / 2
        reading = ClockReading(server_time + 0.5, self.clock.steady() - underway, round_trip)
        self._server = self._server.updated(reading, self.clock.now() - underway)

    @property
    def known(self) -> bool:
        """Whether this process knows Last.fm's time, and no later answer has contradicted it."""
        return self._server.known is not None

    @property
    def doubtful(self) -> bool:
        """Whether the last answer showed a time that no other answer has confirmed yet, though one may soon."""
        return self._server.doubtful(self.clock.steady())

    @property
    def settled(self) -> bool:
        """Whether plays reported now get a start that needs no later correction."""
        return self.known and not self.doubtful

    @property
    def confirmed_in(self) -> float:
        """Seconds until an answer can confirm what the last one has shown; 0 if there is nothing to confirm."""
        first = self._server.unconfirmed if self.doubtful else None
        return max(0.0, first.at + APART + 1.0 - self.clock.steady()) if first else 0.0

    @property
    def worth_asking(self) -> bool:
        """Whether one more answer may settle what Last.fm's time is, and none was requested in the last 30 s."""
        return not self.settled and not self.confirmed_in and self.clock.steady() - self._asked_at >= APART

    def asked(self) -> None:
        """Note that Last.fm was asked for its time and answered."""
        self._asked_at = self.clock.steady()

    @property
    def skew(self) -> float:
        """Seconds to add to our clock as it is now; 0 while Last.fm's time is not known."""
        return self._server.skew(self.clock.steady(), self.clock.now())

    def now(self) -> float:
        """Last.fm's time; our clock's, while Last.fm's time is not known."""
        return self.clock.now() + self.skew

    @property
    def latest(self) -> float:
        """The latest that Last.fm's time may be now: UNSURE seconds after our clock's unless it is known for sure."""
        return self._server.latest(self.clock.steady(), self.clock.now())

    def at(self, counter: float) -> float | None:
        """Last.fm's time when `steady()` was at `counter`, in this boot of the machine; None: unknown."""
        known = self._server.known
        return known.time_at(counter) if known else None


async def set_clock(store: Store, clock: SharedClock) -> None:
    """Set the clock by the database's. Raises StoreUnavailable."""
    theirs, at = await store.clock()
    clock.set(theirs, at)


async def keep_clock_set(store: Store, clock: SharedClock) -> None:
    """Set the clock by the database's now and then, until cancelled."""
    while True:
        await asyncio.sleep(SET_EVERY)
        try:
            await set_clock(store, clock)
        except StoreUnavailable as fault:
            log.warning("the database's clock cannot be read, so this machine's counter carries on: %s", fault)
