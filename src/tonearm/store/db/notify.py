"""Notices from one process to all others on the same PostgreSQL: https://www.postgresql.org/docs/current/sql-notify.html

They are not stored: a process that isn't listening at that moment misses them, and detects that it did.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sqlalchemy import URL, Connection, text

from tonearm.store.db.outage import Outage
from tonearm.store.db.sqlite_writer import StoreUnavailable

if TYPE_CHECKING:
    import psycopg

log = logging.getLogger(__name__)

MAX_NOTICE_BYTES = 7900
"""Bytes of one notice: PostgreSQL takes less than 8000."""

RETRY_AFTER = 1.0
"""Seconds until a lost connection is tried again."""

_CHANNEL = "tonearm_events"
# What is published is in the tables as well, so it needs no flush of its own.
_UNFLUSHED = text("SET LOCAL synchronous_commit = off")
_NOTIFY = text("SELECT pg_notify(:channel, :payload)")


def publish(db: Connection, notices: Sequence[str]) -> None:
    """Send notices to all processes, this one included; all of them receive the notices in the same order."""
    db.execute(_UNFLUSHED)
    for payload in notices:
        db.execute(_NOTIFY, {"channel": _CHANNEL, "payload": payload})


@asynccontextmanager
async def subscription(url: URL, receive: Callable[[str], None], missed: Callable[[], None]) -> AsyncIterator[None]:
    """Receive every notice while the block lasts; `missed` is called if some may have been lost.

    Raises StoreUnavailable if the first connection fails.
    """
    listening = asyncio.Event()
    task = asyncio.create_task(_listen(url, receive, missed, listening))
    ready = asyncio.create_task(listening.wait())
    try:
        await asyncio.wait((task, ready), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
        yield
    finally:
        for each in (task, ready):
            each.cancel()
        await asyncio.gather(task, ready, return_exceptions=True)


async def _listen(
    url: URL, receive: Callable[[str], None], missed: Callable[[], None], listening: asyncio.Event
) -> None:
    """Listen, and reconnect whenever the server has gone; only the first connection may fail."""
    import psycopg

    outage = Outage(log, "can't receive events from other processes", "receiving events from other processes again")
    while True:
        try:
            async with await _connect(url) as connection:
                await connection.execute(f"LISTEN {_CHANNEL}")
                if listening.is_set():
                    missed()
                listening.set()
                outage.over()
                async for notice in connection.notifies():
                    receive(notice.payload)
        except psycopg.Error as error:
            message = str(error).strip().partition("\n")[0]
            if not listening.is_set():
                raise StoreUnavailable(message) from None
            outage.met(message)
        await asyncio.sleep(RETRY_AFTER)


async def _connect(url: URL) -> psycopg.AsyncConnection[tuple[object, ...]]:
    import psycopg

    from tonearm.store.db.postgres import connect_args

    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return await psycopg.AsyncConnection.connect(address, autocommit=True, **connect_args())
