"""The engine for many processes on one PostgreSQL: pgqueuer, with one job for each key that may have something to do.

pgqueuer stores a job once, wakes the processes, hands each job to one of them, and reassigns the jobs of a killed one.
This module adds: a key hinted at while it runs runs again, and one with more to do goes to the end of the queue.
Nothing here has to survive a crash of the database: the sweep finds again what is due.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Coroutine, Iterable, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import Any

import psycopg
from pgqueuer.domain.errors import SchemaDriftError
from pgqueuer.models import Job
from pgqueuer.qm import QueueManager

from tonearm.clock import Clock
from tonearm.engine import tables
from tonearm.engine.connection import JobDriver, PgConnection, connections, patient
from tonearm.engine.embedded import PAUSE
from tonearm.engine.engine import SWEEP, Due, Handler
from tonearm.store.db.outage import Outage
from tonearm.store.db.sqlite_writer import StoreUnavailable

log = logging.getLogger(__name__)
logging.getLogger("pgqueuer").setLevel(logging.CRITICAL)  # a database outage is logged once, and here

RESCUE = 20.0
"""Seconds without a heartbeat after which a job goes to another process: less than the lease of an account."""

GRACE = 3.0
"""Seconds that running handlers get when the engine stops, before they are cancelled and their keys go to other
processes. Most of them are only waiting for their turn then, which another process can do as well.
"""

LAST_WORDS = 1.0
"""Seconds that pgqueuer gets to stop."""

POLL = timedelta(seconds=2)
"""How long a job may wait if its notification got lost."""

AGAIN = 1.0
"""Seconds until a lost connection is tried again."""

AT_ONCE = 1000
"""Keys that are hinted in one statement."""

FORGET = 60.0
"""Seconds between two deletions of pgqueuer's log, which nobody reads."""


async def prepare(address: str, lock: int) -> None:
    """Create or migrate the engine's tables; raises StoreUnavailable."""
    try:
        await tables.prepare(patient(address), lock)
    except (psycopg.Error, OSError) as error:
        raise StoreUnavailable(_first_line(error)) from None
    except SchemaDriftError as drift:
        column = f"{drift.table}.{drift.column} is {drift.installed}"
        raise StoreUnavailable(f"{column}, and pgqueuer needs {drift.declared}: change it, with ALTER TABLE") from None


class _Manager(QueueManager):
    """pgqueuer's manager of the jobs of one kind."""

    async def verify_structure(self) -> None:
        """Do nothing: `prepare` has checked the tables. For each kind this would be more than 100 queries at each
        start.
        """


class PostgresEngine:
    """Runs up to `at_once` handlers of each kind in this process, or as many as `slots` has for the kind, together with
    other processes on the same database.

    Keys run in the order in which they were hinted, in whichever process. `rescue` is how long (in seconds)
    a process may be silent until its jobs are taken from it.
    """

    def __init__(
        self,
        address: str,
        clock: Clock,
        at_once: int = 8,
        grace: float = GRACE,
        pause: float = PAUSE,
        rescue: float = RESCUE,
        slots: Mapping[str, int] | None = None,
    ) -> None:
        self._address = address
        self._clock = clock
        self._slots = defaultdict(lambda: at_once, slots or {})
        self._grace = grace
        self._pause = pause
        self._rescue = timedelta(seconds=rescue)
        self._hinted: dict[tuple[str, int], None] = {}
        self._wake = asyncio.Event()
        self._running: Counter[str] = Counter()
        self._others_wait: set[str] = set()
        self._work: set[asyncio.Task[Any]] = set()
        self._outage = Outage(log, "the engine waits for the database", "the engine reaches the database again")
        self._blind = Outage(log, "looking for work waits for the database", "looking for work continues")

    def hint(self, kind: str, keys: Iterable[int]) -> None:
        """Wake the handler for these keys, here or in another process; keys that are running run again."""
        self._hinted.update(dict.fromkeys((kind, key) for key in keys))
        self._wake.set()

    def crowded(self, kind: str) -> bool:
        """Whether all slots here are in use, and keys of a kind were waiting when the last one began."""
        return self._running[kind] >= self._slots[kind] and kind in self._others_wait

    async def run(self, handlers: Mapping[str, Handler], due: Due, stop: asyncio.Event) -> None:
        """Work until `stop` is set, through every outage of the database. Without handlers it only passes hints on."""
        while not stop.is_set():
            try:
                await self._session(handlers, due, stop)
            except Exception as error:
                if isinstance(error, psycopg.Error | OSError):
                    self._outage.met(_first_line(error))
                else:
                    log.warning("the engine restarts: %s", _first_line(error), exc_info=error)
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), AGAIN)

    async def _session(self, handlers: Mapping[str, Handler], due: Due, stop: asyncio.Event) -> None:
        """Work until `stop` is set. Raises if something is wrong with the database."""
        async with connections(self._address, listens=bool(handlers)) as connection:
            channel = tables.SETTINGS.channel
            managers = {kind: _Manager(tables.queries(JobDriver(connection, kind)), channel) for kind in handlers}
            life: list[Coroutine[Any, Any, None]] = [self._send_hints(connection)]
            if handlers:
                life += [connection.listen(), self._sweep(due), _forget(connection)]
            for kind, manager in managers.items():
                manager.entrypoint(kind, accepts_context=False)(partial(self._job, connection, manager, handlers[kind]))
                life.append(self._manage(manager, self._slots[kind]))
            tasks = [asyncio.create_task(part) for part in life]
            stopping = asyncio.create_task(stop.wait())
            try:
                ends, _ = await asyncio.wait((*tasks, stopping), timeout=AGAIN, return_when=asyncio.FIRST_COMPLETED)
                if not ends:  # one that lasts this long is not another attempt
                    self._outage.over()
                    await asyncio.wait((*tasks, stopping), return_when=asyncio.FIRST_COMPLETED)
            finally:
                stopping.cancel()
                await self._end(list(managers.values()), tasks)
                await self._pass_on(connection)
            for task in tasks:
                if not task.cancelled() and (error := task.exception()):
                    raise error

    async def _manage(self, manager: _Manager, slots: int) -> None:
        await manager.run(
            dequeue_timeout=POLL,
            batch_size=max(1, slots // 2),
            max_concurrent_tasks=slots,
            shutdown_on_listener_failure=True,
            heartbeat_timeout=self._rescue,
            log_aggregation_interval=timedelta(0),
        )

    async def _end(self, managers: list[QueueManager], tasks: list[asyncio.Task[None]]) -> None:
        """Start no more jobs; running ones get a few seconds, and what is left then goes back into the queue."""
        for manager in managers:
            manager.shutdown.set()
        if self._work:
            await asyncio.wait(self._work, timeout=self._grace)
        for job in self._work:
            job.cancel()
        others, managing = tasks[: len(tasks) - len(managers)], tasks[len(tasks) - len(managers) :]
        if managing:
            await asyncio.wait(managing, timeout=LAST_WORDS)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*others, *managing, return_exceptions=True)

    async def _job(self, connection: PgConnection, manager: _Manager, handler: Handler, job: Job) -> None:
        kind, key = job.entrypoint, int(job.payload or b"0")
        wait: float | None = None
        task = asyncio.current_task()
        assert task is not None
        self._work.add(task)
        self._running[kind] += 1
        try:
            await self._look(connection, kind)
            again_at = await handler(key)
            wait = None if again_at is None else max(0.0, again_at - self._clock.now())
        except asyncio.CancelledError:
            wait = 0.0
            raise
        except StoreUnavailable as error:
            log.warning("%s of %s waits for the database: %s", kind, key, error)
        except Exception:  # one account's error stops no others; the sweep retries it
            log.exception("%s of %s failed; it will be retried", kind, key)
        finally:
            self._running[kind] -= 1
            self._work.discard(task)
            await asyncio.shield(self._done(connection, manager, job, wait))

    async def _done(self, connection: PgConnection, manager: _Manager, job: Job, wait: float | None) -> None:
        with suppress(psycopg.Error, OSError):  # then another process gets it after a while
            await connection.execute(tables.DONE, job.id, manager.queue_manager_id, wait, self._pause)

    async def _look(self, connection: PgConnection, kind: str) -> None:
        with suppress(psycopg.Error, OSError):
            waits = await connection.fetch(tables.WAITS, kind)
            (self._others_wait.add if waits else self._others_wait.discard)(kind)

    async def _send_hints(self, connection: PgConnection) -> None:
        while True:
            await self._pass_on(connection)
            await self._wake.wait()
            self._wake.clear()

    async def _pass_on(self, connection: PgConnection) -> None:
        while self._hinted:
            jobs = list(islice(self._hinted, AT_ONCE))
            for job in jobs:  # first, so that no later hint is missed
                del self._hinted[job]
            try:
                await connection.execute(tables.HINT, [kind for kind, _ in jobs], [key for _, key in jobs])
            except psycopg.errors.DeadlockDetected:  # another process hinted at the same keys in another order
                self._hinted.update(dict.fromkeys(jobs))
            except BaseException:
                self._hinted.update(dict.fromkeys(jobs))
                raise

    async def _sweep(self, due: Due) -> None:
        while True:
            try:
                for kind, key in await due():
                    self.hint(kind, [key])
                self._blind.over()
            except StoreUnavailable as error:
                self._blind.met(error)
            except Exception:
                log.exception("looking for work failed; it will be retried")
            await asyncio.sleep(SWEEP)


async def _forget(connection: PgConnection) -> None:
    while True:
        await connection.execute(tables.FORGET)
        await asyncio.sleep(FORGET)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
