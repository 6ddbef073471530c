"""The engine for one process: a queue of hinted keys, a set of busy ones, timers, and the sweep."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from tonearm.clock import Clock
from tonearm.engine.engine import SWEEP, Due, Handler
from tonearm.store.db.sqlite_writer import StoreUnavailable

log = logging.getLogger(__name__)

JobKey = tuple[str, int]

PAUSE = 0.1
"""Seconds: long enough for the hints of many plays to be combined, and too short to be noticed."""

GRACE = 5.0
"""Seconds of real time that running handlers get when the engine stops, before they are cancelled."""


class EmbeddedEngine:
    """Runs up to `at_once` handlers of each kind concurrently in the caller's event loop, or as many as `slots` has for
    the kind.

    Keys run in the order in which they were hinted; a waiting one keeps its place, however often it is hinted.
    One that has nothing more to do runs again after `pause` seconds at the earliest.
    """

    def __init__(
        self,
        clock: Clock,
        at_once: int = 8,
        grace: float = GRACE,
        pause: float = 0.0,
        slots: Mapping[str, int] | None = None,
    ) -> None:
        self._clock = clock
        self._grace = grace
        self._pause = pause
        self._slots = defaultdict(lambda: at_once, slots or {})
        self._hinted: defaultdict[str, dict[int, None]] = defaultdict(dict)
        self._busy: set[JobKey] = set()
        self._running: Counter[str] = Counter()
        self._paused: dict[JobKey, float] = {}
        self._alarms: dict[JobKey, float] = {}
        self._wake = asyncio.Event()

    def hint(self, kind: str, keys: Iterable[int]) -> None:
        """Wake the handler for these keys; keys that are running run again."""
        hinted = self._hinted[kind]
        new = [key for key in keys if key not in hinted]
        if new:
            hinted.update(dict.fromkeys(new))
            self._wake.set()

    def crowded(self, kind: str) -> bool:
        """Whether keys of a kind wait for a free slot."""
        return self._running[kind] >= self._slots[kind] and self._first(kind) is not None

    async def run(self, handlers: Mapping[str, Handler], due: Due, stop: asyncio.Event) -> None:
        """Work until `stop` is set; handlers running then get `grace` seconds to finish."""
        stopping = asyncio.create_task(self._wake_at(stop))
        tasks: set[asyncio.Task[None]] = set()
        swept = -SWEEP
        try:
            while not stop.is_set():
                self._wake.clear()  # first, so that no later hint is missed
                now = self._clock.now()
                if not swept <= now < swept + SWEEP:  # the clock may have been set back
                    await self._sweep(due)
                    swept = now
                for job in [job for job, at in self._alarms.items() if at <= now]:
                    del self._alarms[job]
                    self._add_hint(job)
                self._paused = {job: until for job, until in self._paused.items() if now < until <= now + self._pause}
                for job in self._admitted():
                    task = asyncio.create_task(self._work(job, handlers))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
                soonest = min((swept + SWEEP, *self._alarms.values(), *self._paused.values()))
                await self._until_hinted(min(SWEEP, max(0.0, soonest - self._clock.now())))
        finally:
            stopping.cancel()
            await _end(tasks, self._grace)

    def _add_hint(self, job: JobKey) -> None:
        kind, key = job
        self._hinted[kind][key] = None

    def _admitted(self) -> list[JobKey]:
        """Start as many keys as there are free slots, in the order of their hints."""
        admitted = []
        for kind, hinted in self._hinted.items():
            while self._running[kind] < self._slots[kind] and (key := self._first(kind)) is not None:
                del hinted[key]
                self._busy.add((kind, key))
                self._running[kind] += 1
                admitted.append((kind, key))
        return admitted

    def _first(self, kind: str) -> int | None:
        """The key that was hinted first, among those that may run now."""
        for key in self._hinted[kind]:
            job = (kind, key)
            if job not in self._busy and job not in self._paused:
                return key
        return None

    async def _work(self, job: JobKey, handlers: Mapping[str, Handler]) -> None:
        kind, key = job
        try:
            again_at = await handlers[kind](key)
            if again_at is not None:
                self._alarms[job] = again_at
            now = self._clock.now()
            if again_at is None or again_at > now:  # otherwise it has only given others their turn
                self._paused[job] = now + self._pause
        except StoreUnavailable as fault:
            log.warning("%s of %s waits for the database: %s", kind, key, fault)
        except Exception:  # the queue continues whatever happens to one account; the sweep finds it again
            log.exception("%s of %s failed; it will be retried", *job)
        finally:
            self._busy.discard(job)
            self._running[kind] -= 1
            self._wake.set()

    async def _sweep(self, due: Due) -> None:
        try:
            for job in await due():
                self._add_hint(job)
        except StoreUnavailable as fault:
            log.warning("looking for work waits for the database: %s", fault)
        except Exception:
            log.exception("looking for work failed; it will be retried")

    async def _until_hinted(self, seconds: float) -> None:
        bell = asyncio.create_task(self._wake.wait())
        timer = asyncio.create_task(self._clock.sleep(seconds))
        _, left = await asyncio.wait((bell, timer), return_when=asyncio.FIRST_COMPLETED)
        for task in left:
            task.cancel()

    async def _wake_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake.set()


async def _end(tasks: set[asyncio.Task[None]], grace: float) -> None:
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=grace)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
