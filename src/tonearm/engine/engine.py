"""The seam between use cases and whatever wakes them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Protocol

Handler = Callable[[int], Awaitable[float | None]]
"""Does the work for a key; returns when to run again (Unix seconds), if that is known."""

Due = Callable[[], Awaitable[Iterable[tuple[str, int]]]]
"""The sweep over the tables: every (kind, key) that has something to do now."""

SWEEP = 2.0
"""Seconds between sweeps, which find the work of lost hints."""


class Engine(Protocol):
    """Runs handlers: one at a time for each (kind, key), again if it is hinted while it runs."""

    def hint(self, kind: str, keys: Iterable[int]) -> None:
        """Wake the handler for these keys, best effort. Call it after the commit, from the event loop."""

    def crowded(self, kind: str) -> bool:
        """Whether keys of a kind wait until others are done: then a handler that has done its share gives way."""

    async def run(self, handlers: Mapping[str, Handler], due: Due, stop: asyncio.Event) -> None:
        """Work until `stop` is set; handlers running then get a few seconds to finish."""
