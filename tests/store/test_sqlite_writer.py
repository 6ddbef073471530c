"""Group commit: many writes share a flush, none is acknowledged before it, and none spoils another."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from functools import partial

import pytest
from sqlalchemy import URL, Connection, event
from sqlalchemy.exc import DBAPIError, OperationalError

from tests.databases import only_sqlite
from tests.store.held import held
from tests.store.rows import NOW, a_play, history_row, listener, names
from tonearm.core.account import Account
from tonearm.store import accounts, plays
from tonearm.store.db import database as database_module
from tonearm.store.db.database import Store, connect
from tonearm.store.db.schema import play
from tonearm.store.db.sqlite_writer import GROUP, DataFault, StoreUnavailable, plain
from tonearm.store.sqlite import driver

pytestmark = pytest.mark.anyio


def adding(name: str) -> Callable[[Connection], object]:
    return lambda db: accounts.add(db, name, NOW)


def wrong(db: Connection) -> None:
    accounts.add(db, "half done", NOW)
    raise LookupError("this write is wrong")


@contextmanager
def counted(store: Store) -> Iterator[Counter[str]]:
    """What the writer does, by kind: begin, commit, rollback."""
    seen: Counter[str] = Counter()
    engine = store._writes
    for kind in ("begin", "commit", "rollback"):
        event.listen(engine, kind, lambda _, kind=kind: seen.update([kind]), insert=True)
    yield seen


@asynccontextmanager
async def busy(store: Store) -> AsyncIterator[None]:
    """Keep the writer in a transaction, so that what is written meanwhile waits together."""
    async with held(store, lambda _: None):
        yield


async def together(store: Store, *writes: Callable[[Connection], object]) -> list[object]:
    """The results, or the exceptions, of writes that wait for each other."""
    async with busy(store):
        waiting = [asyncio.ensure_future(store.write(write)) for write in writes]
        await asyncio.sleep(0)  # each has asked
    return list(await asyncio.gather(*waiting, return_exceptions=True))


async def test_a_write_is_seen_by_another_connection_when_it_is_acknowledged(
    store: Store, database_url_for_tests: URL
) -> None:
    other = connect(database_url_for_tests, writes=False)
    for number in range(10):
        await store.write(adding(f"listener{number}"))
        with other.begin() as db:
            assert len(names(db)) == number + 1
    other.dispose()


async def test_a_write_is_not_acknowledged_before_its_commit(store: Store, database_url_for_tests: URL) -> None:
    reached, proceed = threading.Event(), threading.Event()

    def pause(_: Connection) -> None:
        reached.set()
        assert proceed.wait(10)

    event.listen(store._writes, "commit", pause)
    write = asyncio.ensure_future(store.write(adding("me")))
    assert await asyncio.to_thread(reached.wait, 10)
    assert not write.done()
    assert await store.read(names) == []
    proceed.set()
    await write
    assert await store.read(names) == ["me"]


@only_sqlite
async def test_writes_that_wait_share_one_commit(store: Store) -> None:
    with counted(store) as seen:
        results = await together(store, *(adding(f"listener{number}") for number in range(200)))
    assert len({account.id for account in results if isinstance(account, Account)}) == 200
    assert seen == {"begin": 2, "commit": 2}


@only_sqlite
async def test_a_transaction_writes_no_more_than_its_share(store: Store) -> None:
    with counted(store) as seen:
        results = await together(store, *([lambda db: 1] * (2 * GROUP + 1)))
    assert results == [1] * (2 * GROUP + 1)
    assert seen["commit"] == 1 + 3


async def test_a_wrong_write_fails_alone_and_leaves_nothing(store: Store) -> None:
    results = await together(store, adding("one"), wrong, adding("two"))
    assert isinstance(results[1], LookupError)
    assert await store.read(names) == ["one", "two"]
    assert [isinstance(result, Account) for result in results] == [True, False, True]


async def test_a_broken_statement_fails_alone_in_words_without_its_values(store: Store) -> None:
    def twice(db: Connection) -> None:
        row = history_row(listener(db), a_play(1))
        db.execute(play.insert(), [row, row])

    results = await together(store, adding("one"), twice, adding("two"))
    assert await store.read(names) == ["one", "two"]
    fault = results[1]
    assert isinstance(fault, DataFault)
    assert "unique" in str(fault).lower()
    assert "Nina" not in str(fault)
    assert "INSERT" not in str(fault)
    assert "\n" not in str(fault)


def all_or_none(db: Connection, items: Sequence[str]) -> list[str]:
    if "wrong" in items:
        raise LookupError("one of them is wrong")
    for name in items:
        accounts.add(db, name, NOW)
    return [f"{name} of {len(items)}" for name in items]


@only_sqlite
async def test_what_belongs_together_is_written_together_and_answered_each(store: Store) -> None:
    async with busy(store):
        waiting = [asyncio.ensure_future(store.write_together(all_or_none, name)) for name in "abc"]
        await asyncio.sleep(0)
    assert await asyncio.gather(*waiting) == ["a of 3", "b of 3", "c of 3"]


async def test_one_that_does_not_belong_fails_alone(store: Store) -> None:
    async with busy(store):
        waiting = [asyncio.ensure_future(store.write_together(all_or_none, name)) for name in ("a", "wrong", "c")]
        await asyncio.sleep(0)
    a, bad, c = await asyncio.gather(*waiting, return_exceptions=True)
    assert (a, c) == ("a of 1", "c of 1")
    assert isinstance(bad, LookupError)
    assert await store.read(names) == ["a", "c"]


async def test_a_group_that_answers_too_few_is_a_fault_and_nothing_is_written(store: Store) -> None:
    def short(db: Connection, items: Sequence[str]) -> list[str]:
        accounts.add(db, "me", NOW)
        return []

    with pytest.raises(ValueError, match="zip"):
        await store.write_together(short, "x")
    assert await store.read(names) == []


async def test_a_caller_that_stops_waiting_does_not_affect_others(store: Store) -> None:
    async with busy(store):
        gone = asyncio.ensure_future(store.write(adding("gone")))
        stays = asyncio.ensure_future(store.write(adding("stays")))
        await asyncio.sleep(0)
        gone.cancel()
    await stays
    assert "stays" in await store.read(names)


async def test_writes_from_several_event_loops_are_answered_each_in_its_own(store: Store) -> None:
    def from_elsewhere(name: str) -> str:
        async def write() -> str:
            return (await store.write(lambda db: accounts.add(db, name, NOW))).name

        return asyncio.run(write())

    elsewhere = [asyncio.to_thread(from_elsewhere, name) for name in "abc"]
    here = [store.write(adding(name)) for name in "def"]
    await asyncio.gather(*elsewhere, *here)
    assert await store.read(names) == list("abcdef")


async def test_a_loop_that_is_gone_does_not_stop_the_writer(store: Store) -> None:
    async with busy(store):

        async def leave() -> None:
            asyncio.ensure_future(store.write(adding("left alone"))).add_done_callback(lambda done: done.cancelled())
            await asyncio.sleep(0)

        await asyncio.to_thread(asyncio.run, leave())
    await store.write(adding("me"))
    assert "me" in await store.read(names)


async def test_closing_finishes_what_was_requested_and_accepts_no_more(store: Store) -> None:
    asked = [asyncio.ensure_future(store.write(adding(f"listener{number}"))) for number in range(50)]
    await asyncio.sleep(0)
    await asyncio.to_thread(store.close)
    assert len(await asyncio.gather(*asked)) == 50
    with pytest.raises(StoreUnavailable, match="closed"):
        await store.write(adding("late"))
    with pytest.raises(StoreUnavailable, match="closed"):
        await store.read(names)
    store.close()


# What the disk and other programs do


@only_sqlite
async def test_a_full_disk_acknowledges_nothing_and_says_so(store: Store, database_url_for_tests: URL) -> None:
    me = await store.write(listener)

    def limit(db: Connection, spare: int) -> None:
        pages = db.exec_driver_sql("PRAGMA page_count").scalar_one()
        db.exec_driver_sql(f"PRAGMA max_page_count={pages + spare}")

    await store.write(lambda db: limit(db, 3))
    row = history_row(me, a_play(0), reason="x" * 300)
    writes = [store.write(partial(plays.insert, rows=[{**row, "timestamp": n}])) for n in range(400)]
    results = await asyncio.gather(*writes, return_exceptions=True)
    stored = [result for result in results if isinstance(result, dict)]
    refused = [result for result in results if not isinstance(result, dict)]
    assert {str(fault) for fault in refused} == {"database or disk is full"}
    assert all(isinstance(fault, StoreUnavailable) for fault in refused)
    with closing(sqlite3.connect(str(database_url_for_tests.database))) as db:
        assert db.execute("SELECT count(*) FROM play").fetchone() == (len(stored),)
    await store.write(lambda db: limit(db, 1000))
    assert await store.write(lambda db: plays.insert(db, [row]))


@only_sqlite
async def test_a_read_only_database_says_so_and_comes_back(store: Store) -> None:
    await store.write(adding("before"))
    _pragma(store, "query_only=ON")
    with pytest.raises(StoreUnavailable, match="readonly database"):
        await store.write(adding("me"))
    assert await store.read(names) == ["before"]
    _pragma(store, "query_only=OFF")
    await store.write(adding("me"))


def _pragma(store: Store, setting: str) -> None:
    """Change the writer's own connection, of which there is one."""
    connection = store._writes.raw_connection()
    connection.cursor().execute(f"PRAGMA {setting}")
    connection.close()


@only_sqlite
async def test_a_commit_that_fails_is_reported_to_its_own_write_alone(store: Store) -> None:
    def fails_at_the_commit(db: Connection) -> None:
        db.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        db.exec_driver_sql("INSERT INTO token (hash, account, kind) VALUES ('a', 99, 'api')")

    writes = [store.write(adding("one")), store.write(fails_at_the_commit), store.write(adding("two"))]
    results = await asyncio.gather(*writes, return_exceptions=True)
    faults = [str(result) for result in results if isinstance(result, Exception)]
    assert faults == ["the database rejects the data (FOREIGN KEY constraint failed)"]
    assert await store.read(names) == ["one", "two"]


@only_sqlite
async def test_a_locked_database_is_not_waited_for_by_each_write_again(
    store: Store, database_url_for_tests: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    _pragma(store, "busy_timeout=50")
    monkeypatch.setattr(database_module, "BUSY_SECONDS", 0.05)
    with closing(driver().connect(str(database_url_for_tests.database), isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with counted(store) as seen:
            writes = [store.write(adding(f"listener{n}")) for n in range(50)]
            results = await asyncio.gather(*writes, return_exceptions=True)
        assert {str(result) for result in results} == {"database is locked"}
        assert all(isinstance(result, StoreUnavailable) for result in results)
        assert seen["begin"] <= 2
        other.execute("ROLLBACK")
    await store.write(adding("me"))
    assert await store.read(names) == ["me"]


async def test_a_database_that_is_down_comes_back(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("away") / "not there yet"
    store = Store(URL.create("sqlite", database=str(folder / "plays.db")))
    with pytest.raises(StoreUnavailable, match="unable to open database file"):
        await store.write(lambda db: db.exec_driver_sql("SELECT 1").scalar())
    with pytest.raises(StoreUnavailable, match="unable to open database file"):
        await store.read(lambda db: db.exec_driver_sql("SELECT 1").scalar())
    folder.mkdir()
    assert await store.write(lambda db: db.exec_driver_sql("SELECT 1").scalar()) == 1
    store.close()


async def test_data_that_the_database_does_not_accept_is_not_an_outage(store: Store) -> None:
    """An outage is waited for, and what is tried again for ever stays unseen."""

    def of_nobody(db: Connection) -> None:
        db.exec_driver_sql("INSERT INTO token (hash, account, kind) VALUES ('a', 99, 'secret')")

    with pytest.raises(DataFault) as found:
        await store.write(of_nobody)
    assert "(" in str(found.value)
    assert "secret" not in str(found.value)


@pytest.mark.parametrize(
    ("code", "outage"),
    [
        ("53100", True),
        ("57P01", True),
        ("55P03", True),
        ("08006", True),
        ("42501", True),
        ("22003", False),
        ("42P01", True),
    ],
)
def test_an_outage_is_what_is_about_the_server_and_not_about_the_data(code: str, outage: bool) -> None:
    class Said(Exception):
        sqlstate = code

    assert isinstance(plain(DBAPIError("INSERT", {}, Said("words"))), StoreUnavailable) is outage
    assert isinstance(plain(DBAPIError("INSERT", {}, Said("words"))), DataFault) is not outage
    assert isinstance(plain(OperationalError("INSERT", {}, Said("words"))), StoreUnavailable)
