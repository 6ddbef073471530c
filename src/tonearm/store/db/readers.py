"""Reads run in worker threads, and never block a writer for long.

With SQLite's rollback journal a commit waits until every reader is done: https://sqlite.org/lockingv3.html. So a read
that keeps a commit waiting is interrupted, and repeated after the commit. A query over a whole history runs in slices,
each in a transaction of its own, in threads that no short query waits for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from tonearm.clock import steady
from tonearm.store.db.sqlite_writer import CLOSED, StoreUnavailable, WriterTurn, plain

T = TypeVar("T")
ReadT = TypeVar("ReadT")

READERS = 4
LONG_READERS = 2

WAITING = 16
"""Long questions that may wait for a thread: another site's page can make a browser ask for hundreds of ours."""

PATIENCE = 0.03
"""Seconds that a read may take while a commit waits for it; longer each time that it is asked again."""

MAX_PATIENCE = 0.12
LAST_PATIENCE = 0.5
"""As long as that for the last try: on a machine that is too busy for any answer, a page is better late than never."""

TRIES = 25

COMMIT = 0.5
"""Seconds that a read waits for a commit to be over before it tries all the same, and SQLite has it wait."""

MAX_SECONDS = 10.0
"""Seconds after which a single question is given up, whether or not anybody waits for it."""

STEPS = 20_000
"""Steps of SQLite's machine, about a millisecond, from one reading of the clock to the next."""


class ReadQuestion(Protocol):
    """Runs a short query in a transaction of its own. It may run several times until it succeeds."""

    def __call__(self, question: Callable[[Connection], ReadT], /) -> ReadT:
        """The result; raises StoreUnavailable."""


class TooLong(StoreUnavailable):
    """The query takes too long for a database that others write to; nothing was written."""


class Readers:
    """The threads that read. `turn` says when a commit waits for readers; None if commits never do."""

    def __init__(self, engine: Engine, turn: WriterTurn | None) -> None:
        self._engine = engine
        self._turn = turn
        self._sqlite = engine.dialect.name == "sqlite"
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="tonearm-reader")
        self._long_threads = ThreadPoolExecutor(LONG_READERS, thread_name_prefix="tonearm-long-reader")
        self._long = 0
        self._closed = False

    async def read(self, question: Callable[[Connection], T]) -> T:
        """The result of a short query."""
        return await self._run(self._threads, lambda: self.ask(question))

    async def read_parts(self, questions: Callable[[ReadQuestion], T]) -> T:
        """The result of `questions`, which makes several short queries; each sees the state of its own moment."""
        return await self._run(self._threads, lambda: questions(self.ask))

    async def read_long(self, questions: Callable[[ReadQuestion], T], *, begun: bool = False) -> T:
        """As `read_parts`, for queries over a whole history: only others of this kind wait for it. Raises TooLong if
        too many wait already, unless it is the rest of what has `begun`.
        """
        if not begun and self._long >= LONG_READERS + WAITING:
            raise TooLong("too many long queries are running: try again in a moment")
        self._long += 1
        try:
            return await self._run(self._long_threads, lambda: questions(self.ask))
        finally:
            self._long -= 1

    async def _run(self, threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        try:
            running = loop.run_in_executor(threads, work)
        except RuntimeError:  # the threads take no more work
            raise StoreUnavailable(CLOSED) from None
        return await running

    def ask(self, question: Callable[[Connection], T]) -> T:
        """The result, in this thread."""
        if not self._sqlite:
            from tonearm.store.db.postgres import transact

            return transact(self._engine, question)
        patience = PATIENCE
        for left in range(TRIES - 1, -1, -1):
            if self._turn:
                self._turn.wait(COMMIT)
            over = _Over(self._turn, patience, lambda: self._closed)
            try:
                with self._engine.connect() as connection:
                    return _answer(connection, question, over)
            except DBAPIError as error:
                if not over.interrupted:
                    raise plain(error) from None
            if self._closed:
                raise StoreUnavailable(CLOSED)
            if over.too_long:
                break
            patience = min(patience * 1.5, MAX_PATIENCE) if left > 1 else LAST_PATIENCE
        raise TooLong("the query takes too long: ask for less, or try again in a moment")

    def close(self) -> None:
        """Cancel the reads under way, and accept no more."""
        self._closed = True
        self._threads.shutdown()
        self._long_threads.shutdown(cancel_futures=True)


class _Over:
    """Whether a read has to end; SQLite calls this now and then, and interrupts the statement if so."""

    def __init__(self, turn: WriterTurn | None, patience: float, closed: Callable[[], bool]) -> None:
        self._turn = turn
        self._begun = steady()
        self._patience = patience
        self._closed = closed
        self.interrupted = False
        self.too_long = False

    def __call__(self) -> bool:
        spent = steady() - self._begun
        self.too_long = spent > MAX_SECONDS
        in_the_way = self._turn is not None and self._turn.taken and spent > self._patience
        self.interrupted = self.too_long or in_the_way or (self._closed() and spent > self._patience)
        return self.interrupted


def _answer(connection: Connection, question: Callable[[Connection], T], over: _Over) -> T:
    driver = connection.connection.dbapi_connection
    assert driver is not None
    driver.set_progress_handler(over, STEPS)
    try:
        with connection.begin():
            return question(connection)
    finally:
        driver.set_progress_handler(None, STEPS)
