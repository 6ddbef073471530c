"""An account that another transaction has locked: writes about it wait, up to a limit, and no others do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import pytest
from sqlalchemy import URL, Connection
from sqlalchemy.exc import OperationalError

from tests.databases import only_postgres
from tests.store.held import held
from tests.store.rows import a_play, history_row, listener
from tonearm.store import accounts, plays
from tonearm.store.db import postgres_writers
from tonearm.store.db.database import Store
from tonearm.store.db.postgres import WRITERS, run
from tonearm.store.db.sqlite_writer import StoreUnavailable

pytestmark = [pytest.mark.anyio, only_postgres]

Report = tuple[int, int]


@pytest.fixture
async def hasty(
    store: Store, database_url_for_tests: URL, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Store, list[int]]]:
    """A process that waits for no lock longer than a moment, with three listeners."""
    monkeypatch.setattr(postgres_writers, "LOCKED", 0.1)
    me = await store.write(lambda db: [listener(db, name) for name in ("me", "two", "three")])
    opened = Store(database_url_for_tests)
    yield opened, me
    opened.close()


@asynccontextmanager
async def locked(store: Store, account_id: int) -> AsyncIterator[None]:
    """Another process has an account locked while the block lasts."""
    async with held(store, lambda db: accounts.lock(db, [account_id])):
        yield


def take(db: Connection, reports: Sequence[Report]) -> list[int]:
    """Write plays, (account, number), as reports of plays are written; a negative number is wrong."""
    accounts.lock(db, {account for account, _ in reports})
    if any(number < 0 for _, number in reports):
        raise LookupError("one of them is wrong")
    return [one for report in reports for one in plays.insert(db, [history_row(report[0], a_play(report[1]))]).values()]


def reported(store: Store, *reports: Report) -> list[asyncio.Task[int]]:
    """Reports that are made together."""
    return [asyncio.create_task(store.write_together(take, report, report[0])) for report in reports]


def titles(account: int, db: Connection) -> list[str]:
    """The plays of an account in the order in which they were written."""
    found = plays.latest(db, account, 100)
    return [stored.play.track.title for stored in sorted(found, key=lambda stored: stored.id)]


async def test_who_reports_beside_a_locked_account_does_not_wait_for_it(
    store: Store, hasty: tuple[Store, list[int]]
) -> None:
    opened, [one, two, three] = hasty
    async with locked(store, two):
        first = reported(opened, (two, 9), (one, 1), (two, 3), (three, 1), (two, 5))
        await asyncio.gather(first[1], first[3])
        later = reported(opened, (two, 1), (one, 2), (two, 2))
        await later[1]
        assert not any(of_two.done() for of_two in (first[0], first[2], first[4], later[0], later[2]))
    await asyncio.gather(*first, *later)
    songs = [a_play(number).track.title for number in (9, 3, 5, 1, 2)]
    assert await store.read(partial(titles, two)) == songs, "each once, in the order in which they were reported"
    assert len(await store.read(partial(titles, one))) == 2
    assert opened._writer._waiting == {}  # type: ignore[attr-defined]


async def test_who_is_locked_for_too_long_gets_an_error_and_nothing_of_it_is_written(
    store: Store, hasty: tuple[Store, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, [one, two, _] = hasty
    monkeypatch.setattr(postgres_writers, "PATIENCE", 0.5)
    async with locked(store, two):
        mine, *others = reported(opened, (one, 1), (two, 1), (two, 2))
        await mine
        for told in (*others, asyncio.create_task(opened.write(partial(take, reports=[(two, 3)])))):
            with pytest.raises(StoreUnavailable, match="lock timeout"):
                await told
    assert await store.read(partial(titles, two)) == []
    await asyncio.gather(*reported(opened, (two, 1)))
    assert len(await store.read(partial(titles, two))) == 1


async def test_any_number_of_locked_writes_leaves_a_thread_to_the_others(
    store: Store, hasty: tuple[Store, list[int]]
) -> None:
    opened, [one, two, three] = hasty
    async with locked(store, two), locked(store, three):
        wait = [asyncio.create_task(opened.write(partial(take, reports=[(two, n)]))) for n in range(2 * WRITERS)]
        wait += reported(opened, (two, 50), (three, 50))  # type: ignore[arg-type]
        await asyncio.gather(*reported(opened, (one, 1)))
        await opened.write(partial(take, reports=[(one, 2)]))
        assert not any(task.done() for task in wait)
    await asyncio.gather(*wait)
    assert len(await store.read(partial(titles, two))) == 2 * WRITERS + 1


@pytest.mark.parametrize("wrong", [(1, -1), (2, -1)])
async def test_a_wrong_report_beside_a_locked_account_fails_alone(
    store: Store, hasty: tuple[Store, list[int]], wrong: Report
) -> None:
    opened, numbers = hasty
    assert numbers == [1, 2, 3]
    async with locked(store, 2):
        first, third, bad, *second = reported(opened, (1, 1), (3, 1), wrong, (2, 1), (2, 2))
        await asyncio.gather(first, third)
    with pytest.raises(LookupError):
        await bad
    await asyncio.gather(*second)
    assert await store.read(partial(titles, 2)) == [a_play(1).track.title, a_play(2).track.title]


async def test_a_table_that_is_locked_is_waited_for(store: Store, hasty: tuple[Store, list[int]]) -> None:
    opened, [one, *_] = hasty
    async with held(store, lambda db: db.exec_driver_sql("LOCK TABLE account IN ACCESS EXCLUSIVE MODE")):
        both = reported(opened, (one, 1), (one, 2))
        for _ in range(2):  # each of which waits and fails as often as those do
            with pytest.raises(OperationalError):
                await asyncio.to_thread(run, opened._writes, partial(accounts.lock, account_ids=[one]))
    await asyncio.gather(*both)
    assert len(await store.read(partial(titles, one))) == 2


async def test_closing_answers_those_who_wait_for_a_locked_account(
    store: Store, hasty: tuple[Store, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, [one, two, _] = hasty
    monkeypatch.setattr(postgres_writers, "PATIENCE", 0.5)
    async with locked(store, two):
        mine, *others = reported(opened, (one, 1), (two, 1), (two, 2))
        await mine
        await asyncio.to_thread(opened.close)
        for told in others:
            with pytest.raises(StoreUnavailable):
                await told
    assert await store.read(partial(titles, two)) == []
