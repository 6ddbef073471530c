"""A service in a thread of its own, for tests that talk to it from without."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.patience import PATIENCE

Started = Callable[[Any], None]


@contextmanager
def in_a_thread(service: Callable[[Started, asyncio.Event], Awaitable[None]]) -> Iterator[Any]:
    """What `service` reports as started, while the block lasts; then it is asked to stop, and waited for.

    It is called with a function to say that it has started, and an event that is set when it is to end. What it raises
    before it has started is raised here.
    """
    ready, over = threading.Event(), asyncio.Event()
    found: list[tuple[Any, asyncio.AbstractEventLoop]] = []
    failure: list[BaseException] = []

    def started(what: Any) -> None:
        found.append((what, asyncio.get_running_loop()))
        ready.set()

    def run() -> None:
        try:
            asyncio.run(_done(service(started, over)))
        except BaseException as error:
            failure.append(error)
            raise
        finally:
            ready.set()

    thread = threading.Thread(
        target=run, name="service", daemon=True
    )  # what starts too late keeps no test run from its end
    thread.start()
    assert ready.wait(PATIENCE)
    if not found:
        thread.join(PATIENCE)
        raise failure[0]
    [(what, loop)] = found
    try:
        yield what
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(PATIENCE)


async def _done(work: Awaitable[None]) -> None:
    await work
