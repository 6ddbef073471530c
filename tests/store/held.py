"""A write that is not over yet, and what waits for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from sqlalchemy import Connection

from tonearm.store.db.database import Store


@asynccontextmanager
async def held(store: Store, work: Callable[[Connection], object]) -> AsyncIterator[None]:
    """The work is done, and its transaction stays open while the block lasts."""
    entered, leave = threading.Event(), threading.Event()

    def hold(db: Connection) -> None:
        work(db)
        entered.set()
        assert leave.wait(30)

    writes = asyncio.create_task(store.write(hold))
    assert await asyncio.to_thread(entered.wait, 10)
    try:
        yield
    finally:
        leave.set()
        await writes
