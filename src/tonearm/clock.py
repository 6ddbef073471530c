"""Time and chance as the program gets them: the one place that asks the machine for either."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Protocol


class Clock(Protocol):
    """What the shell needs of time and chance; a simulation brings its own."""

    def now(self) -> float:
        """Unix seconds UTC."""

    async def sleep(self, seconds: float) -> None:
        """Return when the seconds are over."""

    def chance(self) -> float:
        """A number in [0, 1)."""


def steady() -> float:
    """Seconds that only grow, and grow while the machine sleeps, too, where it says so."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class SystemClock:
    """The machine's clock and chance."""

    def now(self) -> float:
        """Unix seconds UTC."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Return when the seconds are over."""
        await asyncio.sleep(seconds)

    def chance(self) -> float:
        """A number in [0, 1)."""
        return random.random()  # noqa: S311  # spreads retries; guards nothing


class SharedClock(SystemClock):
    """The clock of a server that several processes share, carried on by this machine's counter between two looks.

    So what this machine takes for the time of day does not matter. It shows this until the first look.
    """

    def __init__(self) -> None:
        self._ahead: float | None = None

    def set(self, theirs: float, at: float) -> None:
        """The server's clock showed `theirs` (Unix seconds) when `steady()` was `at`."""
        self._ahead = theirs - at

    def now(self) -> float:
        """Unix seconds UTC, as the server counts them."""
        return super().now() if self._ahead is None else steady() + self._ahead
