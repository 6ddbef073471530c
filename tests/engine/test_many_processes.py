"""What an engine promises that shares its database with other processes. A SQLite file allows only one process."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack

import pytest
from psycopg import AsyncConnection

from tests.engine.yards import PLACES, RESCUE, SWEEP, PostgresYard, Work, from_tables, running
from tests.patience import PATIENCE
from tonearm.engine import postgres, tables
from tonearm.engine.connection import JobDriver, PgConnection, connections
from tonearm.engine.postgres import prepare
from tonearm.store.db.sqlite_writer import StoreUnavailable

pytestmark = pytest.mark.anyio

connect = AsyncConnection.connect
CHANGE = "table_changed_event"
LISTENS = "query LIKE 'LISTEN%'"
LINES = "FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'tonearm %'"


async def test_engines_on_one_database_share_the_work_and_never_run_one_key_at_once(shared: PostgresYard) -> None:
    """`Work` refuses a key that runs beside itself, whichever engine it is that runs it."""
    works = Work()
    by_engine: list[Counter[int]] = [Counter(), Counter()]

    def of(engine: int):  # type: ignore[no-untyped-def]
        async def handler(key: int) -> float | None:
            by_engine[engine][key] += 1
            return await works(key)

        return handler

    async with AsyncExitStack() as stack:
        engines = [shared.engine(), shared.engine()]
        for number, engine in enumerate(engines):
            await stack.enter_async_context(running(engine, {"deliver": of(number)}))
        engines[0].hint("deliver", range(20))
        await works.until(lambda: works.busy.total() == 2 * PLACES)
        assert [found.total() for found in by_engine] == [PLACES, PLACES]
        works.gate.set()
        for _ in range(20):
            for engine in engines:
                engine.hint("deliver", range(20))
            seen = len(works.done)
            await works.until(lambda seen=seen: len(works.done) > seen)  # type: ignore[misc]
        await works.until(lambda: set(works.done) == set(range(20)) and not works.busy.total())


async def test_a_hint_reaches_whichever_process_works(shared: PostgresYard, work: Work) -> None:
    only_rings = shared.engine()
    async with running(only_rings, {}), running(shared.engine(), {"deliver": work}):
        only_rings.hint("deliver", [7])
        await work.until(lambda: work.done == [7])


async def test_who_only_passes_hints_on_does_not_listen(shared: PostgresYard, work: Work) -> None:
    """Unread notifications would stay in the server's queue until it is full."""
    only_rings = shared.engine()
    async with running(only_rings, {}), running(shared.engine(), {"deliver": work}):
        only_rings.hint("deliver", [7])
        await work.until(lambda: work.done == [7])
        async with await connect(shared.url) as db:
            assert await (await db.execute(f"SELECT count(*) {LINES} AND {LISTENS}")).fetchone() == (1,)


async def test_what_has_waited_for_its_moment_goes_before_those_that_wait_for_their_turn(shared: PostgresYard) -> None:
    """An account whose sender was killed waits for the end of the lease: then it does not wait for a whole round."""
    work = Work()
    work.before = lambda _: work.again.extend([time.time() + 0.5] if len(work.calls) == 1 else [])
    work.gate.set()
    engine = shared.engine()
    async with running(engine, {"deliver": work}, work.due):
        engine.hint("deliver", [0])
        await work.until(lambda: work.done == [0])
        work.gate, seen = asyncio.Event(), work.sweeps
        engine.hint("deliver", range(1, 3 * PLACES + 1))
        await work.until(lambda: work.busy.total() == PLACES and work.sweeps > seen + 1.0 / SWEEP)
        work.gate.set()
        await work.until(lambda: len(work.done) == 3 * PLACES + 2)
    assert 0 in work.calls[PLACES + 1 : 2 * PLACES + 1]


async def test_a_live_long_job_is_never_started_by_another(shared: PostgresYard) -> None:
    long, other = Work(), Work()
    engine = shared.engine()
    async with running(engine, {"deliver": long}, long.due):
        engine.hint("deliver", [7])
        await long.until(lambda: long.calls == [7])
        async with running(shared.engine(), {"deliver": other}, other.due):
            await other.until(lambda: other.sweeps > 1.2 * RESCUE / SWEEP)  # a silent one would have lost it
        assert other.calls == []
        long.gate.set()


async def test_processes_that_start_at_once_make_the_tables_once(postgres_url: str) -> None:
    await asyncio.gather(*(tables.prepare(postgres_url, 1) for _ in range(5)))
    await tables.prepare(postgres_url, 1)


async def test_a_table_that_somebody_has_changed_is_reported_with_what_to_do(postgres_url: str) -> None:
    await prepare(postgres_url, 1)
    async with await connect(postgres_url, autocommit=True) as db:
        await db.execute("ALTER TABLE tonearm_pgqueuer ALTER COLUMN priority TYPE numeric")
    with pytest.raises(StoreUnavailable, match=r"pgqueuer\.priority is numeric, .* needs integer: .* ALTER TABLE$"):
        await prepare(postgres_url, 1)


@pytest.mark.parametrize("which", [LISTENS, f"NOT {LISTENS}"], ids=["the one it hears by", "the one it asks by"])
async def test_an_engine_that_has_lost_one_of_its_two_lines_makes_both_again(
    shared: PostgresYard, work: Work, caplog: pytest.LogCaptureFixture, which: str
) -> None:
    engine = shared.engine()
    async with running(engine, {"deliver": work}), await connect(shared.url, autocommit=True) as db:
        engine.hint("deliver", [7])
        await work.until(lambda: work.done == [7])
        cut = await (await db.execute(f"SELECT pid, pg_terminate_backend(pid, 10000) {LINES} AND {which}")).fetchall()
        engine.hint("deliver", [8])
        await work.until(lambda: work.done == [7, 8])
        left = await (await db.execute(f"SELECT pid {LINES}")).fetchall()
    assert (len(cut), len(left)) == (1, 2)
    assert cut[0][0] not in {pid for (pid,) in left}
    assert caplog.text.count("the engine waits for the database") == 1
    assert "Traceback" not in caplog.text


async def test_a_change_is_passed_only_to_the_manager_of_a_kind_of_which_a_job_waits(shared: PostgresYard) -> None:
    reported: dict[str, list[str]] = {"deliver": [], "import": []}
    something = asyncio.Event()

    def listener(kind: str) -> Callable[[str | bytes | bytearray], None]:
        def hear(payload: str | bytes | bytearray) -> None:
            reported[kind].append(json.loads(payload)["type"])
            something.set()

        return hear

    async def until(kind: str, said: str) -> None:
        async with asyncio.timeout(PATIENCE):
            while said not in reported[kind]:
                something.clear()
                await something.wait()

    async with connections(shared.url, listens=True) as line, connections(shared.url, listens=False) as other:
        for kind in reported:
            await JobDriver(line, kind).add_listener(tables.SETTINGS.channel, listener(kind))
        listens = asyncio.create_task(line.listen())
        await other.execute(tables.HINT, ["deliver"], [7])
        await until("deliver", CHANGE)
        await other.execute("SELECT pg_notify($1, $2)", tables.SETTINGS.channel, json.dumps({"type": "another"}))
        await until("import", "another")
        assert reported["import"] == ["another"]  # what is no change is for all
        await other.execute("DELETE FROM tonearm_pgqueuer")
        await other.execute(tables.HINT, ["import"], [7])
        reported["deliver"].clear()
        await until("import", CHANGE)
        assert reported["deliver"] == []
        listens.cancel()
        await asyncio.gather(listens, return_exceptions=True)


async def test_an_outage_is_logged_once_and_once_that_it_is_over(
    shared: PostgresYard, work: Work, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries, tried = Counter[str](), asyncio.Event()

    def counted(address: str, *, listens: bool) -> AbstractAsyncContextManager[PgConnection]:
        tries["session"] += 1
        if tries["session"] > 4:
            tried.set()
        return connections(address, listens=listens)

    caplog.set_level(logging.INFO, "tonearm.engine")
    monkeypatch.setattr(postgres, "connections", counted)
    async with running(shared.engine(), {"deliver": work}, from_tables(shared, work.due)):
        async with shared.outage():
            await asyncio.wait_for(tried.wait(), PATIENCE)
        async with asyncio.timeout(PATIENCE):
            while "reaches the database again" not in caplog.text:
                work.owed.add(7)
                await work.until(lambda: not work.owed)
    assert caplog.text.count("the engine waits for the database") == 1
    assert caplog.text.count("the engine reaches the database again") == 1
    assert caplog.text.count("looking for work waits") <= 1
