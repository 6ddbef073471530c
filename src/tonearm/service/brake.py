"""A brake for requests that anybody may send: the first are answered at once, those of a flood slowly."""

from __future__ import annotations

from dataclasses import dataclass, field

from tonearm.clock import Clock

LONGEST_DELAY = 5.0
"""Seconds that a request waits for its answer at most."""


@dataclass(slots=True)
class Brake:
    """Lets `free` requests through at once, and then `per_second`."""

    clock: Clock
    free: int
    per_second: float
    _booked: float = field(default=0.0, init=False)

    async def wait(self) -> bool:
        """Return when it is this request's turn, or after LONGEST_DELAY. True if it had to wait."""
        now = self.clock.now()
        self._booked = max(self._booked, now) + 1 / self.per_second
        delay = self._booked - now - self.free / self.per_second
        if delay <= 0:
            return False
        await self.clock.sleep(min(delay, LONGEST_DELAY))
        return True
