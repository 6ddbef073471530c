"""A process's connections to pgqueuer's tables: one for queries, and one to listen if it takes jobs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from pgqueuer.db import PsycopgDriver
from psycopg import AsyncConnection, sql
from psycopg.conninfo import make_conninfo

from tonearm.engine import tables
from tonearm.store.db import processes

TOGETHER = 0.1
"""Seconds in which notifications of changed tables count as one, except the first after a silence, which is passed on
at once: pgqueuer runs four queries for each."""

_CHANGED = '"table_changed_event"'

# A server that can no longer be reached is noticed within some seconds. Ours, not the system's two hours:
# https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-KEEPALIVES
_PATIENCE = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}

Callback = Callable[[str | bytes | bytearray], None]


class JobDriver(PsycopgDriver):
    """A driver for the manager of one kind of job, over a process's connections."""

    def __init__(self, connection: PgConnection, kind: str) -> None:
        super().__init__(connection.asks)
        self._session = connection
        self._kind = kind

    async def add_listener(self, channel: str, callback: Callback) -> None:
        """Call `callback` with notifications on our channel, at once: pgqueuer notifies itself before it listens."""
        self._session.callbacks[self._kind] = callback


class PgConnection(PsycopgDriver):
    """A driver for pgqueuer that can query while it listens, for managers of several kinds of jobs. pgqueuer's own
    driver waits for notifications with the connection locked, so that each query takes up to a second.
    """

    def __init__(self, asks: AsyncConnection, listening: AsyncConnection | None) -> None:
        super().__init__(asks)
        self.asks = asks
        self.callbacks: dict[str, Callback] = {}
        self._listening = listening

    async def listen(self) -> None:
        """Pass on notifications, until a connection ends (psycopg.Error)."""
        assert self._listening is not None
        while True:
            payloads = [note.payload async for note in self._listening.notifies(stop_after=1)]
            while payloads:
                await self._dispatch(payloads)
                payloads = [note.payload async for note in self._listening.notifies(timeout=TOGETHER)]

    async def _dispatch(self, payloads: list[str]) -> None:
        """Pass everything but table changes to all kinds; a change once, to the kinds with a job that waits."""
        changes = [payload for payload in payloads if _CHANGED in payload]
        for payload in payloads:
            if _CHANGED not in payload:
                for callback in self.callbacks.values():
                    callback(payload)
        if changes:
            for row in await self.fetch(tables.WAITING, list(self.callbacks)):
                self.callbacks[str(row["kind"])](changes[-1])


def patient(address: str, *, delivers: bool = False) -> str:
    """The address with settings that end a connection when its server can no longer be reached, and with this process's
    name.
    """
    return make_conninfo(address, application_name=processes.name(delivers=delivers), **_PATIENCE)


@asynccontextmanager
async def connections(address: str, *, listens: bool) -> AsyncIterator[PgConnection]:
    """The connections while the block lasts; raises psycopg.Error.

    If it `listens`, call `PgConnection.listen`: unread notifications fill the server's queue for everybody.
    """
    known = patient(address, delivers=listens)
    async with await AsyncConnection.connect(known, autocommit=True) as asks:
        if not listens:
            yield PgConnection(asks, None)
            return
        async with await AsyncConnection.connect(known, autocommit=True) as listening:
            await listening.execute(sql.SQL("LISTEN {}").format(sql.Identifier(tables.SETTINGS.channel)))
            yield PgConnection(asks, listening)
