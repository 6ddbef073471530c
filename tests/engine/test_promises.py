"""What every engine promises, in real time: the same suite for each of them, and for any further one."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import time
from collections import Counter
from contextlib import AsyncExitStack

import psycopg
import pytest

from tests.engine.yards import PATIENCE, PLACES, YARDS, PostgresYard, Work, Yard, from_tables, running
from tests.postgres import Server
from tonearm.engine import embedded, postgres

pytestmark = pytest.mark.anyio

SWEEP = 0.2


@pytest.fixture(params=YARDS)
async def yard(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Yard:
    monkeypatch.setattr(embedded, "SWEEP", SWEEP)
    monkeypatch.setattr(postgres, "SWEEP", SWEEP)
    monkeypatch.setattr(postgres, "AGAIN", 0.05)
    if request.param == "embedded":
        return YARDS["embedded"](None, "")  # type: ignore[arg-type]  # it has no server
    made = PostgresYard(request.getfixturevalue("postgres"), request.getfixturevalue("postgres_url"))
    await made.prepare()
    return made


@pytest.fixture
def work() -> Work:
    """A handler that does not wait."""
    open_gate = Work()
    open_gate.gate.set()
    return open_gate


async def at_rest(work: Work) -> None:
    """Return when a whole sweep has begun and ended without anything to do."""
    seen = work.sweeps
    await work.until(lambda: work.sweeps >= seen + 2 and not work.busy.total())


async def test_a_hint_runs_its_handler_once(yard: Yard, work: Work) -> None:
    engine = yard.engine()
    async with running(engine, {"deliver": work}, work.due):
        engine.hint("deliver", [7])
        engine.hint("deliver", [7, 7])
        await work.until(lambda: work.done == [7])
        await at_rest(work)
    assert work.calls == [7]


async def test_a_hint_before_the_start_is_not_lost(yard: Yard, work: Work) -> None:
    engine = yard.engine()
    engine.hint("deliver", [7])
    async with running(engine, {"deliver": work}):
        await work.until(lambda: work.done == [7])


async def test_a_hint_while_the_handler_runs_lets_it_run_again_but_not_beside_itself(yard: Yard) -> None:
    work, engine = Work(), yard.engine()
    async with running(engine, {"deliver": work}, work.due):
        engine.hint("deliver", [7])
        await work.until(lambda: work.calls == [7])
        engine.hint("deliver", [7])
        engine.hint("deliver", [7])
        await at_rest_but(work, 1)
        assert work.calls == [7]
        work.gate.set()
        await work.until(lambda: work.done == [7, 7])
        await at_rest(work)
    assert work.calls == [7, 7]


async def at_rest_but(work: Work, busy: int) -> None:
    """Return after two sweeps, with so many at work."""
    seen = work.sweeps
    await work.until(lambda: work.sweeps >= seen + 2)
    assert work.busy.total() == busy


async def test_each_kind_has_its_handler_and_takes_no_places_from_another(yard: Yard, work: Work) -> None:
    other, engine = Work(), yard.engine()
    async with running(engine, {"deliver": work, "import": other}, work.due):
        engine.hint("import", range(PLACES + 2))
        await other.until(lambda: len(other.calls) == PLACES)
        engine.hint("deliver", [1])
        await work.until(lambda: work.done == [1])
        await at_rest_but(work, 0)
        assert len(other.calls) == PLACES
        other.gate.set()
        await other.until(lambda: sorted(other.done) == list(range(PLACES + 2)))


async def test_keys_have_their_turn_in_the_order_in_which_they_were_rung(yard: Yard) -> None:
    work, engine = Work(), yard.engine()
    async with running(engine, {"deliver": work}, work.due):
        engine.hint("deliver", [1, 2, 3, 9, 4, 8])
        await work.until(lambda: len(work.calls) == PLACES)
        engine.hint("deliver", [8, 4, 7, 9])
        await at_rest_but(work, PLACES)
        work.gate.set()
        await work.until(lambda: len(work.done) == 7)
    assert sorted(work.calls[:3]) == [1, 2, 3]
    assert {9, 4, 8} == set(work.calls[3:6])
    assert work.calls[6:] == [7]


async def test_whoever_has_more_to_do_goes_to_the_end_of_the_line(yard: Yard) -> None:
    work, engine = Work(again=[time.time()]), yard.engine()
    async with running(engine, {"deliver": work}, work.due):
        engine.hint("deliver", range(1, 10))
        await work.until(lambda: len(work.calls) == PLACES)
        first = work.calls[0]
        await at_rest_but(work, PLACES)
        work.gate.set()
        await work.until(lambda: len(work.done) == 10)
    assert set(work.calls[: PLACES * 2]) >= {1, 2, 3, 4}
    assert Counter(work.calls) == Counter([*range(1, 10), first])
    assert work.calls[-1] == first or work.calls.index(first, PLACES) > PLACES * 2


async def test_it_is_crowded_while_keys_wait_for_others_to_be_done(yard: Yard) -> None:
    engine, work = yard.engine(), Work()
    async with running(engine, {"deliver": work}, work.due):
        engine.hint("deliver", range(PLACES))
        await work.until(lambda: len(work.calls) == PLACES)
        assert not engine.crowded("deliver")
        engine.hint("deliver", range(PLACES, 3 * PLACES))
        await at_rest_but(work, PLACES)
        first, work.gate = work.gate, asyncio.Event()
        first.set()
        await work.until(lambda: len(work.calls) == 2 * PLACES)
        assert engine.crowded("deliver")
        assert not engine.crowded("import")
        work.gate.set()
        await work.until(lambda: len(work.done) == 3 * PLACES)
        await at_rest(work)
        assert not engine.crowded("deliver")


async def test_a_handler_that_names_a_moment_runs_again_then_and_not_before(yard: Yard, work: Work) -> None:
    then = time.time() + 0.7
    work.again = [then]
    ran_at: list[float] = []
    work.before = lambda key: ran_at.append(time.time())
    engine = yard.engine()
    async with running(engine, {"deliver": work}, work.due):
        engine.hint("deliver", [7])
        await work.until(lambda: work.done == [7, 7])
        await at_rest(work)
    assert work.calls == [7, 7]
    assert ran_at[1] >= then - 0.01


async def test_a_hint_rings_before_the_moment_that_was_named(yard: Yard, work: Work) -> None:
    work.again = [time.time() + 3600]
    engine = yard.engine()
    async with running(engine, {"deliver": work}, work.due):
        engine.hint("deliver", [7])
        await work.until(lambda: work.done == [7])
        await at_rest(work)
        engine.hint("deliver", [7])
        await work.until(lambda: work.done == [7, 7])


async def test_a_handler_that_raises_stops_nobody_and_is_tried_again(
    yard: Yard, work: Work, caplog: pytest.LogCaptureFixture
) -> None:
    broken = Work(owed={1})
    broken.gate.set()

    def break_once(key: int) -> None:
        if len(broken.calls) == 1:
            broken.owed.add(key)
            raise RuntimeError("a bug")

    broken.before = break_once
    engine = yard.engine()

    async def due() -> list[tuple[str, int]]:
        return [("broken", key) for key in broken.owed]

    with caplog.at_level(logging.ERROR):
        async with running(engine, {"broken": broken, "deliver": work}, due):
            engine.hint("deliver", [7])
            await work.until(lambda: work.done == [7])
            await broken.until(lambda: broken.done == [1])
    assert broken.calls == [1, 1]
    assert "broken of 1 failed" in caplog.text


async def test_a_kind_that_nobody_handles_stops_nobody(yard: Yard, work: Work) -> None:
    engine = yard.engine()
    async with running(engine, {"deliver": work}):
        engine.hint("what is this", [1])
        engine.hint("deliver", [7])
        await work.until(lambda: work.done == [7])


async def test_the_sweep_finds_what_nobody_hinted_at_again_and_again(yard: Yard, work: Work) -> None:
    async with running(yard.engine(), {"deliver": work}, work.due):
        await at_rest(work)
        work.owed.add(7)
        await work.until(lambda: work.done == [7])
        work.owed.add(8)
        await work.until(lambda: work.done == [7, 8])


async def test_what_the_sweep_finds_while_it_runs_does_not_run_beside_itself(yard: Yard) -> None:
    work = Work(owed={7})

    async def still_due() -> list[tuple[str, int]]:
        await work.due()
        return [("deliver", 7)] if not work.done else []

    async with running(yard.engine(), {"deliver": work}, still_due):
        await work.until(lambda: work.calls == [7] and work.sweeps > 3)
        work.gate.set()
        await work.until(lambda: work.done[:1] == [7])
    assert set(work.calls) == {7}


async def test_stopping_waits_for_what_runs_and_starts_nothing_more(yard: Yard) -> None:
    work, engine = Work(), yard.engine(grace=PATIENCE)
    async with running(engine, {"deliver": work}) as stop:
        engine.hint("deliver", [7])
        await work.until(lambda: work.calls == [7])
        stop.set()
        await asyncio.sleep(0)
        engine.hint("deliver", [8])
        work.gate.set()
    assert work.done == [7]
    assert work.cancelled == []
    assert work.calls == [7]


async def test_what_does_not_come_to_its_end_is_cancelled_and_taken_up_by_the_next(yard: Yard, work: Work) -> None:
    hangs, engine = Work(), yard.engine()
    async with running(engine, {"deliver": hangs}):
        engine.hint("deliver", [7, 8])
        await hangs.until(lambda: len(hangs.calls) == 2)
    assert sorted(hangs.cancelled) == [7, 8]
    work.owed = {7, 8}
    async with running(yard.engine(), {"deliver": work}, work.due):
        await work.until(lambda: {7, 8} <= set(work.done))


async def test_an_engine_that_was_stopped_starts_again_and_leaves_no_task_behind(yard: Yard, work: Work) -> None:
    before, engine = asyncio.all_tasks(), yard.engine()
    async with running(engine, {"deliver": work}):
        engine.hint("deliver", [7])
        await work.until(lambda: work.done == [7])
    engine.hint("deliver", [8])
    async with running(engine, {"deliver": work}):
        await work.until(lambda: work.done == [7, 8])
    assert asyncio.all_tasks() == before


async def test_a_database_that_was_away_is_worked_on_again(
    yard: Yard, work: Work, caplog: pytest.LogCaptureFixture
) -> None:
    engine = yard.engine()
    async with running(engine, {"deliver": work}, from_tables(yard, work.due)):
        engine.hint("deliver", [7])
        await work.until(lambda: work.done == [7])
        async with yard.outage():
            engine.hint("deliver", [8])
        work.owed.add(9)
        await work.until(lambda: {8, 9} <= set(work.done))
        engine.hint("deliver", [10])
        await work.until(lambda: 10 in work.done)
    assert "Traceback" not in caplog.text


CHILD = """
import asyncio, sys
from tests.engine.yards import YARDS

async def main():
    yard = YARDS[sys.argv[1]](None, sys.argv[2])
    engine = yard.engine()

    async def handler(key):
        print("begun", key, flush=True)
        await asyncio.Event().wait()

    async def due():
        return []

    engine.hint("deliver", [7])
    await engine.run({"deliver": handler}, due, asyncio.Event())

asyncio.run(main())
"""


async def test_what_a_killed_process_was_at_is_taken_up_by_another(yard: Yard, work: Work) -> None:
    url = yard.url if isinstance(yard, PostgresYard) else ""
    command = [sys.executable, "-c", CHILD, yard.name, url]
    child = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert await child.stdout.readline() == b"begun 7\n"
    child.kill()
    await child.wait()
    work.owed.add(7)
    async with running(yard.engine(), {"deliver": work}, work.due):
        await work.until(lambda: work.done == [7])


@pytest.fixture
async def shared(postgres_url: str, postgres: Server, monkeypatch: pytest.MonkeyPatch) -> PostgresYard:
    """A database that takes several engines. A SQLite file takes one process: see tests/store/test_lock.py."""
    monkeypatch.setattr("tonearm.engine.postgres.SWEEP", SWEEP)
    yard = PostgresYard(postgres, postgres_url)
    await yard.prepare()
    return yard


async def test_engines_on_one_database_share_the_work_and_never_run_one_key_at_once(shared: PostgresYard) -> None:
    """`Work` refuses a key that runs beside itself, whichever engine it is that runs it."""
    works = Work()
    by_engine: list[Counter[int]] = [Counter(), Counter()]
    works.gate.set()

    def of(engine: int):  # type: ignore[no-untyped-def]
        async def handler(key: int) -> float | None:
            by_engine[engine][key] += 1
            return await works(key)

        return handler

    async with AsyncExitStack() as stack:
        engines = [shared.engine(), shared.engine()]
        for number, engine in enumerate(engines):
            await stack.enter_async_context(running(engine, {"deliver": of(number)}))
        for _ in range(20):
            for engine in engines:
                engine.hint("deliver", range(20))
            seen = len(works.done)
            await works.until(lambda seen=seen: len(works.done) > seen)  # type: ignore[misc]
        await works.until(lambda: set(works.done) == set(range(20)) and not works.busy.total())
    assert all(by_engine)


async def test_a_hint_is_heard_by_whoever_works_wherever_it_was_given(shared: PostgresYard, work: Work) -> None:
    only_rings = shared.engine()
    async with running(only_rings, {}), running(shared.engine(), {"deliver": work}):
        only_rings.hint("deliver", [7])
        await work.until(lambda: work.done == [7])


async def test_who_only_passes_hints_on_does_not_listen(shared: PostgresYard, work: Work) -> None:
    """What is told to one who does not hear it would stay in the server's queue until no NOTIFY goes into that."""
    only_rings = shared.engine()
    listen = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
    async with running(only_rings, {}), running(shared.engine(), {"deliver": work}):
        only_rings.hint("deliver", [7])
        await work.until(lambda: work.done == [7])
        async with await psycopg.AsyncConnection.connect(shared.url) as db:
            assert await (await db.execute(listen)).fetchone() == (1,)


async def test_what_has_waited_for_its_moment_goes_before_those_that_wait_for_their_turn(shared: PostgresYard) -> None:
    """An account whose sender was killed waits for the end of the lease: then it does not wait for a whole round."""
    work = Work(again=[time.time() + 0.5])
    work.gate.set()
    engine = shared.engine()
    async with running(engine, {"deliver": work}, work.due):
        engine.hint("deliver", [0])
        await work.until(lambda: work.done == [0])
        work.gate = asyncio.Event()
        engine.hint("deliver", range(1, 3 * PLACES + 1))
        await work.until(lambda: work.busy.total() == PLACES and work.sweeps > 1.0 / SWEEP)
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
            await other.until(lambda: other.sweeps > 3 / SWEEP)  # longer than a silent one would keep it
        assert other.calls == []
        long.gate.set()


async def test_processes_that_start_at_once_make_the_tables_once(postgres_url: str, postgres: Server) -> None:
    yard = PostgresYard(postgres, postgres_url)
    await asyncio.gather(*(yard.prepare() for _ in range(5)))
    await yard.prepare()
