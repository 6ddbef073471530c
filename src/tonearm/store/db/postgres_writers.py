"""Writers for PostgreSQL: threads that write concurrently; writes that wait for a locked account wait apart.

An account may stay locked for long: while a long history is erased, or if a process was cut off in the middle of a
transaction. Writes about that account then wait up to PATIENCE, and no other write waits longer than about LOCKED: no
thread waits for a lock longer than that, and a group is then written without that account.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError, OperationalError

from tonearm.clock import steady
from tonearm.store import accounts
from tonearm.store.db.postgres import WRITERS, met_a_lock, run, set_for_session
from tonearm.store.db.sqlite_writer import CLOSED, GROUP, GroupWrite, StoreUnavailable, Write, plain

LOCKED = 1.0
"""Seconds that a thread waits for a lock."""

PATIENCE = 10.0
"""Seconds that a write waits for what somebody else has locked."""

_Lane = tuple[GroupWrite, int | None]
"""Where writes of a kind wait: all together, or those that wait for one account."""


@dataclass(slots=True, eq=False)
class _QueuedWrite:
    """A member of a group, with the future that waits for its commit. `patience`: until when it waits for a lock."""

    item: Any
    account: int | None
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop
    patience: float
    result: Any = None
    error: BaseException | None = None


class Writers:
    """Threads that write concurrently. Concurrent writes of one kind share a transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(WRITERS, thread_name_prefix="tonearm-writer")
        self._waiting: dict[_Lane, list[_QueuedWrite]] = {}
        self._lock = threading.Lock()

        @event.listens_for(engine, "connect")
        def hurry(connection: Any, _: object) -> None:
            set_for_session(connection, f"SET lock_timeout = '{LOCKED:g}s'")

    async def write(self, write: Write) -> Any:
        """Run one write; its result is there after the commit."""
        loop, patience = asyncio.get_running_loop(), steady() + PATIENCE
        while True:
            try:
                ran = loop.run_in_executor(self._threads, partial(run, self._engine, write))
            except RuntimeError:  # the threads accept no more work
                raise StoreUnavailable(CLOSED) from None
            try:
                return await ran
            except DBAPIError as error:
                if not met_a_lock(error) or steady() >= patience:
                    raise plain(error) from None

    def group(self, group: GroupWrite, item: Any, account: int | None) -> asyncio.Future[Any]:
        """Run a write together with all others of its kind that wait: `group` gets all their items and returns a result
        for each.

        `account` is the one that it locks; writes for one account happen in the order of the calls.
        """
        loop = asyncio.get_running_loop()
        asked = _QueuedWrite(item, account, loop.create_future(), loop, steady() + PATIENCE)
        with self._lock:
            lane = (group, account) if (group, account) in self._waiting else (group, None)
            waiting = self._waiting.get(lane)
            if waiting is not None:  # a thread is at work, and takes this one with the next batch
                waiting.append(asked)
                return asked.future
            if not self._begins(lane, [asked]):
                raise StoreUnavailable(CLOSED)
        return asked.future

    def _begins(self, lane: _Lane, batch: list[_QueuedWrite]) -> bool:
        """Start a thread on a new lane (call this holding `_lock`); False if the threads accept no more work."""
        try:
            self._threads.submit(self._settle_all, lane)
        except RuntimeError:
            return False
        self._waiting[lane] = batch
        return True

    def close(self) -> None:
        """Finish what waits, then stop."""
        self._threads.shutdown()

    def _settle_all(self, lane: _Lane) -> None:
        while batch := self._next(lane):
            if left := self._settle(lane, batch):
                with self._lock:
                    left += self._waiting[lane]
                    self._waiting[lane] = left
                    if lane[1] is not None and self._begins(lane, left):  # after other lanes have had a thread
                        return

    def _next(self, lane: _Lane) -> list[_QueuedWrite]:
        with self._lock:
            waiting = self._waiting[lane]
            batch, self._waiting[lane] = waiting[:GROUP], waiting[GROUP:]
            if not batch:
                del self._waiting[lane]
        return batch

    def _settle(self, lane: _Lane, batch: list[_QueuedWrite]) -> list[_QueuedWrite]:
        """Write them and complete each one's future; returns those that met a lock and may try again."""

        def write(db: Connection) -> None:
            results = lane[0](db, [asked.item for asked in batch])
            for asked, result in zip(batch, results, strict=True):
                asked.result, asked.error = result, None

        try:
            run(self._engine, write)
        except (StoreUnavailable, OperationalError) as error:  # each alone would wait as long again, and fail, too
            if met_a_lock(error):
                return self._without_locked(lane, batch, error)
            _fail(batch, error)
        except Exception as error:  # whatever a write raises goes to its caller
            if len(batch) > 1:
                self._settle_each(lane, batch)
                return []
            _fail(batch, error)
        _answer(batch)
        return []

    def _settle_each(self, lane: _Lane, batch: list[_QueuedWrite]) -> None:
        for one in batch:
            left = [] if self._joins_those_aside(lane, one) else [one]
            while left:
                left = self._settle(lane, left)

    def _joins_those_aside(self, lane: _Lane, one: _QueuedWrite) -> bool:
        """Add a write to the lane of its account, if others of that account wait aside."""
        aside = (lane[0], one.account)
        with self._lock:
            joins = aside != lane and aside in self._waiting
            if joins:
                self._waiting[aside].append(one)
        return joins

    def _without_locked(self, lane: _Lane, batch: list[_QueuedWrite], error: Exception) -> list[_QueuedWrite]:
        """Move writes whose account is locked aside, into one lane per account, with all that follow them."""
        group, alone = lane
        account_ids = {asked.account for asked in batch if asked.account is not None and alone is None}
        locked = self._locked(account_ids) if account_ids else set()
        if not locked:
            return _patient(batch, error)
        with self._lock:
            waiting = self._waiting[lane]
            self._waiting[lane] = [asked for asked in waiting if asked.account not in locked]
            for account in locked:
                aside = [asked for asked in (*batch, *waiting) if asked.account == account]
                if not self._begins((group, account), aside):
                    _fail(aside, error)
                    _answer(aside)
        return [asked for asked in batch if asked.account not in locked]

    def _locked(self, account_ids: set[int]) -> set[int]:
        """Those of these accounts that another transaction has locked."""
        try:
            return account_ids - run(self._engine, partial(accounts.free, account_ids=account_ids))
        except (StoreUnavailable, DBAPIError):  # something else is locked
            return set()


def _patient(batch: list[_QueuedWrite], error: Exception) -> list[_QueuedWrite]:
    """The writes that may still wait for the lock; the others get the error."""
    now = steady()
    late = [asked for asked in batch if asked.patience <= now]
    _fail(late, error)
    _answer(late)
    return [asked for asked in batch if asked.patience > now]


def _fail(batch: list[_QueuedWrite], error: Exception) -> None:
    error = plain(error)
    for asked in batch:
        asked.error = error


def _answer(batch: list[_QueuedWrite]) -> None:
    for loop in {asked.loop for asked in batch}:
        try:
            loop.call_soon_threadsafe(_hand_over, [asked for asked in batch if asked.loop is loop])
        except RuntimeError:  # the caller's event loop is closed: nobody waits
            continue


def _hand_over(batch: list[_QueuedWrite]) -> None:
    for asked in batch:
        if asked.future.cancelled():
            continue
        if asked.error is not None:
            asked.future.set_exception(asked.error)
        else:
            asked.future.set_result(asked.result)
