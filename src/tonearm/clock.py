"""Time and chance as the program gets them: the one place that asks the machine for either."""

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
    """What the shell needs of time and chance; a simulation brings its own.

    `boot` names the run of the machine in which `steady` counts: two counts can be compared only within one.
    """

    @property
    def boot(self) -> str:
        """Another one after each start of the machine."""

    def now(self) -> float:
        """Unix seconds UTC; whoever sets the machine's clock changes it."""

    def steady(self) -> float:
        """Seconds that only grow, whatever is done to the clock; they grow while the machine sleeps, too."""

    async def sleep(self, seconds: float) -> None:
        """Return when the seconds are over."""

    def chance(self) -> float:
        """A number in [0, 1)."""


_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # Linux: random(4)


def steady() -> float:
    """Seconds that only grow, and grow while the machine sleeps, too, where it says so."""
    if hasattr(time, "CLOCK_BOOTTIME"):  # Linux
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    if sys.platform == "darwin":  # unlike time.monotonic() there, it counts while the machine sleeps
        return time.clock_gettime(time.CLOCK_MONOTONIC)
    return time.monotonic()


@cache
def boot() -> str:
    """A name for this run of the machine; of this process, where the machine has none."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return secrets.token_hex(16)


class SystemClock:
    """The machine's clock and chance."""

    @property
    def boot(self) -> str:
        """Another one after each start of the machine."""
        return boot()

    def now(self) -> float:
        """Unix seconds UTC."""
        return time.time()

    def steady(self) -> float:
        """Seconds that only grow, whatever is done to the clock."""
        return steady()

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
