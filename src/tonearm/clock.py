"""Time and randomness: the only module that asks the machine for either."""

from __future__ import annotations

import asyncio
import random
import secrets
import sys
import time
from functools import cache
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """What the program needs of time and randomness; a simulation brings its own.

    `boot` names the current boot of the machine: two values of `steady` can be compared only within the same boot.
    """

    @property
    def boot(self) -> str:
        """A different name after each boot of the machine."""

    def now(self) -> float:
        """Unix seconds UTC; jumps when somebody sets the machine's clock."""

    def steady(self) -> float:
        """Seconds that only increase, whatever happens to the clock; they count while the machine sleeps, too."""

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""

    def chance(self) -> float:
        """A number in [0, 1)."""


_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # Linux: random(4)


def steady() -> float:
    """Seconds that only increase; they count while the machine sleeps, too, if the system offers such a clock."""
    if hasattr(time, "CLOCK_BOOTTIME"):  # Linux
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    if sys.platform == "darwin":  # unlike time.monotonic() there, it counts while the machine sleeps
        return time.clock_gettime(time.CLOCK_MONOTONIC)
    return time.monotonic()


@cache
def boot() -> str:
    """A name for this boot of the machine; for this process, if the machine provides none."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return secrets.token_hex(16)


class SystemClock:
    """The machine's clock and random numbers."""

    @property
    def boot(self) -> str:
        """A different name after each boot of the machine."""
        return boot()

    def now(self) -> float:
        """Unix seconds UTC."""
        return time.time()

    def steady(self) -> float:
        """Seconds that only increase, whatever happens to the clock."""
        return steady()

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""
        await asyncio.sleep(seconds)

    def chance(self) -> float:
        """A number in [0, 1)."""
        return random.random()  # noqa: S311  # spreads retries; guards nothing


class SharedClock(SystemClock):
    """The clock of a server that several processes share, extrapolated with this machine's counter between two
    readings.

    So this machine's own time of day doesn't matter. Until the first reading, it is used.
    """

    def __init__(self) -> None:
        self._ahead: float | None = None

    def set(self, theirs: float, at: float) -> None:
        """The server's clock showed `theirs` (Unix seconds) when `steady()` was `at`."""
        self._ahead = theirs - at

    def now(self) -> float:
        """Unix seconds UTC, as the server counts them."""
        return super().now() if self._ahead is None else steady() + self._ahead
