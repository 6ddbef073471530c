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
