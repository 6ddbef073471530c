"""Last.fm's time, from its answers: stored relative to a steady counter, so that setting our clock doesn't change it.

One answer may be wrong, since a proxy or a single server may have a clock of its own. So a time that differs from our
clock counts only once two answers agree on it.
"""

from __future__ import annotations

from dataclasses import dataclass

EXACT = 5.0
"""Seconds; a `Date` is in whole seconds and takes its time to arrive, so a smaller difference is none."""

APART = 30.0
"""Seconds between two answers that confirm each other, so that a short disturbance confirms nothing."""

LONGEST_UNCONFIRMED = 600.0
"""Seconds for which anything waits for a second answer that confirms the first."""

FURTHEST_OFF = 2 * 365 * 86400.0
"""Seconds; with a clock that is more than two years off, no certificate is valid, so no answer of Last.fm arrives."""

DRIFT = 2e-4
"""Seconds by which two good counters drift apart in a second, at the most."""

UNSURE = 1e10
"""Seconds added to a time that our own clock alone has shown, to make it later than any that Last.fm will show."""


@dataclass(frozen=True, slots=True)
class ClockReading:
    """Last.fm's clock showed `time` (Unix seconds) when our counter was at `at`, with an error of at most `error`
    seconds.
    """

    time: float
    at: float
    within: float

    def time_at(self, at: float) -> float:
        """Last.fm's time when the counter is at `at`."""
        return self.time + (at - self.at)

    def error_at(self, at: float) -> float:
        """Seconds by which `time_at` may be wrong."""
        return EXACT + self.within + abs(at - self.at) * DRIFT

    def agrees(self, later: ClockReading) -> bool:
        """Whether both readings may come from one clock."""
        return abs(self.time_at(later.at) - later.time) <= self.error_at(later.at) + later.within


@dataclass(frozen=True, slots=True)
class ServerTime:
    """What is known about Last.fm's time: `known` is used, `unconfirmed` differs from it and waits for a second answer.

    `unconfirmed_since` is where the counter was when the first of such answers came.
    """

    known: ClockReading | None = None
    unconfirmed: ClockReading | None = None
    unconfirmed_since: float = 0.0

    def updated(self, reading: ClockReading, ours: float) -> ServerTime:
        """What is known once an answer has shown a time; our own clock showed `ours` (Unix seconds) at that moment.

        A time that agrees with our clock, or with what is known, counts at once: two independent sources agree. Any
        other has to be confirmed, at least 30 s later.
        """
        if abs(reading.time - ours) <= EXACT + reading.within or (self.known and self.known.agrees(reading)):
            return ServerTime(reading)
        if abs(reading.time - ours) > FURTHEST_OFF:
            return self
        before = self.unconfirmed
        if before is None or not before.agrees(reading):
            return ServerTime(self.known, reading, self.unconfirmed_since if before else reading.at)
        return ServerTime(reading) if reading.at - before.at >= APART else self

    def doubtful(self, at: float) -> bool:
        """Whether the last answer contradicts what is known, or our clock, and a second one may still decide."""
        return self.unconfirmed is not None and at - self.unconfirmed_since < LONGEST_UNCONFIRMED

    def latest(self, at: float, ours: float) -> float:
        """The latest that Last.fm's time may be when the counter is at `at` and our clock shows `ours`: UNSURE seconds
        after that unless Last.fm's time is known for sure.
        """
        if self.known is None or self.doubtful(at):
            return ours + UNSURE
        return self.known.time_at(at) + self.known.error_at(at)

    def skew(self, at: float, ours: float) -> float:
        """Seconds to add to our clock, which shows `ours` while the counter is at `at`; 0 if nothing is known."""
        if self.known is None:
            return 0.0
        skew = self.known.time_at(at) - ours
        return skew if abs(skew) > self.known.error_at(at) else 0.0
