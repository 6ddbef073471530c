"""The true time of a run, and the event loop of one life of the process. Nothing ever waits."""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable
from itertools import count
from typing import Any, TypeVarTuple, Unpack

from benchmarks.simulation.crash_points import Died, Doom, End

Ts = TypeVarTuple("Ts")

EPOCH = 1_760_000_000.0
"""Unix seconds at the beginning of every run."""

_RESTLESS = 400_000
"""Steps without time passing after which the process counts as spinning."""


class Timeline:
    """Seconds since the beginning, and what happens in the world outside the process, which its death does not end."""

    def __init__(self) -> None:
        self.elapsed = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = count()

    @property
    def now(self) -> float:
        """True time in Unix seconds."""
        return EPOCH + self.elapsed

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        """Let something happen."""
        heapq.heappush(self._events, (self.elapsed + seconds, next(self._count), do))

    @property
    def next(self) -> float | None:
        """When the next thing happens."""
        return self._events[0][0] if self._events else None

    def pass_until(self, elapsed: float) -> None:
        """Let time pass, and happen what happens until then."""
        while self._events and self._events[0][0] <= elapsed:
            at, _, do = heapq.heappop(self._events)
            self.elapsed = max(self.elapsed, at)
            do()
        self.elapsed = max(self.elapsed, elapsed)


class Loop(asyncio.BaseEventLoop):
    """The event loop of one life: between two steps the process may die, and no step takes time.

    A step is what runs between two awaits. Work for a thread is done at once, as a step of its own.
    """

    _ready: deque[asyncio.Handle]
    _scheduled: list[Any]

    def __init__(self, timeline: Timeline, doom: Doom, mishap: Callable[[str], None]) -> None:
        super().__init__()
        self._timeline = timeline
        self._doom = doom
        self._at_once = 0
        self.set_exception_handler(lambda _, context: mishap(_told(context)))

    def time(self) -> float:
        """Seconds of the run."""
        return self._timeline.elapsed

    def _run_once(self) -> None:
        scheduled = self._scheduled
        while scheduled and scheduled[0]._cancelled:
            heapq.heappop(scheduled)._scheduled = False
        if not self._ready:
            self._pass_time()
        while scheduled and scheduled[0]._when <= self._timeline.elapsed:
            timer = heapq.heappop(scheduled)
            timer._scheduled = False
            self._ready.append(timer)
        if self._ready:
            self._step(self._ready.popleft())

    def _step(self, handle: asyncio.Handle) -> None:
        if handle.cancelled():
            return
        self._at_once += 1
        if self._at_once > _RESTLESS:
            raise RuntimeError("the process spins: it never waits for anything")
        handle._run()
        if self._doom.strikes(End.STEP) or self._doom.met:
            raise Died

    def _pass_time(self) -> None:
        mine = self._scheduled[0]._when if self._scheduled else None
        others = self._timeline.next
        moments = [at for at in (mine, others) if at is not None]
        if not moments:
            raise RuntimeError("the process waits for something that will never come")
        if min(moments) > self._timeline.elapsed:
            self._at_once = 0
        self._timeline.pass_until(min(moments))

    def run_in_executor(self, executor: Any, func: Callable[[Unpack[Ts]], Any], *args: *Ts) -> asyncio.Future[Any]:
        """Done at once."""
        future = self.create_future()
        try:
            result = func(*args)
        except Exception as error:
            future.set_exception(error)
        else:
            future.set_result(result)
        return future

    def _write_to_self(self) -> None:
        """Do nothing: no thread sleeps that would have to be woken."""

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Cancelled timers are left out when their time comes."""

    def bury(self) -> None:
        """Drop everything that was running, without letting it do anything any more."""
        self.set_exception_handler(lambda _, __: None)
        buried: set[asyncio.Task[Any]] = set()
        asyncio._set_running_loop(self)  # theirs until the end: what a `finally` begins is found, too
        while left := asyncio.all_tasks(self) - buried:  # the end of one may be the begin of others
            for task in left:
                task._log_destroy_pending = False  # type: ignore[attr-defined]  # a dead process says nothing
                _end(task.get_coro())
            buried |= left
        asyncio._set_running_loop(None)
        self._ready.clear()
        self._scheduled.clear()
        self.close()


def _end(coroutine: Any) -> None:
    """Close it, whatever it tries on the way: the store and the wire are gone, so all of it fails."""
    for _ in range(100):
        try:
            coroutine.close()
        except (Exception, asyncio.CancelledError, Died):  # a `finally` that awaits: the next one
            continue
        return


def _told(context: dict[str, Any]) -> str:
    error = context.get("exception")
    return f"{context.get('message')}: {type(error).__name__}: {error}" if error else str(context.get("message"))
