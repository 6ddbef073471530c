"""The service of `bench day`, in a process of its own that loads nothing else."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import uvloop

import tonearm
from tonearm.clock import SystemClock
from tonearm.port import listening_socket
from tonearm.serving import serving, stop_requested
from tonearm.web.options import WebOptions

DAY = 86400


class QuickClock(SystemClock):
    """A clock that showed the time of a day before `begun` at `begun`, and is `speed` times as quick as others."""

    def __init__(self, begun: float, speed: float) -> None:
        self._begun = begun
        self._speed = speed

    def now(self) -> float:
        """Unix seconds of the simulated day."""
        return self._begun - DAY + (time.time() - self._begun) * self._speed

    def steady(self) -> float:
        """Seconds that only increase."""
        return super().steady() * self._speed

    async def sleep(self, seconds: float) -> None:
        """Return after that many simulated seconds."""
        await super().sleep(seconds / self._speed)


def live() -> None:
    """The service, in a process of its own, until it is told to stop."""
    uvloop.run(_live(json.loads(sys.argv[1])))


async def _live(facts: dict[str, Any]) -> None:
    opened = tonearm.open(
        Path(facts["database"]),
        api_key=facts["api_key"],
        api_secret=facts["api_secret"],
        api_url=facts["api_url"],
        requests_per_second=0,
        clock=QuickClock(facts["begun"], facts["speed"]),
    )
    with listening_socket("127.0.0.1", facts["port"]) as sock, stop_requested() as stop:
        async with opened as deck, serving(deck, sock, WebOptions()):
            await stop.wait()
