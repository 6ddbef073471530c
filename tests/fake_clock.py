"""Time for tests: it passes only on request, or when everything waits for it."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

TICK = 0.001
"""Real seconds for a virtual one in which nobody waits for the clock."""

MOMENT = 1e-6
"""Virtual seconds between two looks at the clock."""

STEPS = 100
"""Turns of the event loop after which time goes on although tasks are ready: some wake each other for ever."""

LOOKS = 2
"""Turns of the event loop in which nobody else has anything to do: then nobody will."""


class FakeClock:
    """A `tonearm.clock.Clock` whose time stands still until `advance` is called, or while it is `flowing`."""

    def __init__(self, start: float = 1_760_000_000.0, seed: int = 0) -> None:
        self._now = start
        self._off = 0.0
        self._chance = random.Random(seed)
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._at_work = 0
        self._idle = asyncio.Event()
        self._looking = 0

    def now(self) -> float:
        """Never the same twice: what happens later is seen to be later."""
        return self.true() + self._off

    def true(self) -> float:
        """The time of a clock that was never set, such as Last.fm's."""
        self._now += MOMENT
        return self._now

    @property
    def boot(self) -> str:
        return "one run of the machine"

    def steady(self) -> float:
        """The counter, which can't be set."""
        return self._now

    def put(self, seconds: float) -> None:
        """Set the clock forward by that much (below 0: back); sleeps don't change."""
        self._off += seconds

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        awake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._order), awake))
        await awake

    def chance(self) -> float:
        return self._chance.random()

    def advance(self, seconds: float) -> None:
        """Let that many seconds pass at once; sleepers whose time has come wake, in order of time."""
        self._now += seconds
        while self._sleepers and self._sleepers[0][0] <= self._now:
            _, _, awake = heapq.heappop(self._sleepers)
            if not awake.done():
                awake.set_result(None)

    def jump(self) -> bool:
        """Go to the time at which the next sleeper wakes; False if nobody sleeps."""
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        if not self._sleepers:
            return False
        self.advance(max(0.0, self._sleepers[0][0] - self._now))
        return True

    def watched(self, work: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """The same work, which threads do; time does not flow while it is done."""

        async def do(*args: Any, **options: Any) -> Any:
            self._begin()
            try:
                return await work(*args, **options)
            finally:
                self._end()

        return do

    def _begin(self) -> None:
        self._at_work += 1
        self._idle.clear()

    def _end(self, *_: object) -> None:
        self._at_work -= 1
        if not self._at_work:
            self._idle.set()

    async def still(self) -> None:
        """Return when all that can be done at this moment is done; time does not flow meanwhile."""
        self._looking += 1
        try:
            await self._settled()
        finally:
            self._looking -= 1

    async def _settled(self) -> None:
        await settle()
        while self._at_work:
            await self._idle.wait()
            await settle()

    @asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        """Within the block time jumps from sleeper to sleeper, whenever all is still and no thread is at work."""
        loop = asyncio.get_running_loop()
        in_executor = loop.run_in_executor

        def counted(*work: Any) -> asyncio.Future[Any]:
            running = in_executor(*work)
            self._begin()
            running.add_done_callback(self._end)
            return running

        async def flow() -> None:
            while True:
                await self._settled()
                if self._looking:
                    continue
                if not self.jump():
                    await asyncio.sleep(TICK)
                    self.advance(1.0)

        loop.run_in_executor = counted  # type: ignore[assignment, method-assign]
        task = asyncio.create_task(flow())
        try:
            yield
        finally:
            loop.run_in_executor = in_executor  # type: ignore[method-assign]
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


_settling: Counter[asyncio.AbstractEventLoop] = Counter()


async def settle(steps: int = STEPS) -> None:
    """Give every task that can go on without time or threads the chance to do so. It returns as soon as there is none
    but others that settle, and none comes with what sockets have received meanwhile.
    """
    loop = asyncio.get_running_loop()
    ready = loop._ready  # type: ignore[attr-defined]
    alone = 0
    _settling[loop] += 1
    try:
        for _ in range(steps):
            await asyncio.sleep(0)
            alone = alone + 1 if len(ready) < _settling[loop] else 0
            if alone == LOOKS:
                return
    finally:
        _settling[loop] -= 1
