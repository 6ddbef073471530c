"""What every engine promises, in real time: the same suite for each of them, and for any further one."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import AsyncExitStack

import pytest

from tests.engine.yards import PLACES, PostgresYard, Work, Yard, from_tables, running
from tests.patience import PATIENCE
from tonearm.engine import embedded, postgres
from tonearm.store.db.sqlite_writer import StoreUnavailable

pytestmark = pytest.mark.anyio


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


async def test_a_hint_while_the_handler_runs_makes_it_run_again_but_not_concurrently(yard: Yard) -> None:
    work, engine = Work(), yard.engine(pause=embedded.PAUSE)
    async with running(engine, {"deliver": work}, work.due):
        engine.hint("deliver", [7])
        await work.until(lambda: work.calls == [7])
        engine.hint("deliver", [7])
        engine.hint("deliver", [7])
        await at_rest_but(work, 1)
        assert work.calls == [7]
        work.gate.set()
        await work.until(lambda: work.done == [7, 7], within=3.0)  # no sweep finds it
        await at_rest(work)
    assert work.calls == [7, 7]


async def at_rest_but(work: Work, busy: int) -> None:
    """Return after two sweeps, with that many at work."""
    seen = work.sweeps
    await work.until(lambda: work.sweeps >= seen + 2)
    assert work.busy.total() == busy


async def test_each_kind_has_its_handler_and_takes_no_slots_from_another(yard: Yard, work: Work) -> None:
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


async def test_the_same_key_of_two_kinds_runs_concurrently(yard: Yard) -> None:
    work, other, engine = Work(), Work(), yard.engine()
    async with running(engine, {"deliver": work, "import": other}):
        engine.hint("deliver", [7])
        engine.hint("import", [7])
        await work.until(lambda: work.calls == [7])
        await other.until(lambda: other.calls == [7])
        work.gate.set()
        other.gate.set()


async def test_as_many_run_at_once_as_there_are_places(yard: Yard) -> None:
    work, engine = Work(), yard.engine()
    async with running(engine, {"deliver": work}, work.due):
        engine.hint("deliver", range(3 * PLACES))
        await work.until(lambda: len(work.calls) == PLACES)
        await at_rest_but(work, PLACES)
        work.gate.set()
        await work.until(lambda: len(work.done) == 3 * PLACES)
    assert work.most == PLACES
    assert sorted(work.calls) == list(range(3 * PLACES))


async def test_keys_have_their_turn_in_the_order_in_which_they_were_hinted(yard: Yard) -> None:
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


async def test_a_key_with_more_to_do_goes_to_the_end_of_the_queue(yard: Yard) -> None:
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


async def test_a_handler_that_returns_a_time_runs_again_then_and_not_before(yard: Yard, work: Work) -> None:
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


async def test_a_time_in_the_past_means_now(yard: Yard, work: Work) -> None:
    work.again = [time.time() - 60]
    engine = yard.engine()
    async with running(engine, {"deliver": work}, work.due):
        engine.hint("deliver", [7])
        await work.until(lambda: work.done == [7, 7])
        await at_rest(work)
    assert work.calls == [7, 7]


async def test_a_hint_runs_a_key_before_its_time(yard: Yard, work: Work) -> None:
    work.again = [time.time() + 3600]
    engine = yard.engine()
    async with running(engine, {"deliver": work}, work.due):
        engine.hint("deliver", [7])
        await work.until(lambda: work.done == [7])
        await at_rest(work)
        engine.hint("deliver", [7])
        await work.until(lambda: work.done == [7, 7])


FAULTS = [
    pytest.param(RuntimeError("a bug"), "failed; it will be retried", id="a fault of ours"),
    pytest.param(StoreUnavailable("the disk is full"), "waits for the database: the disk is full", id="no database"),
]


@pytest.mark.parametrize(("fault", "words"), FAULTS)
async def test_a_handler_that_raises_is_retried_and_other_jobs_continue(
    yard: Yard, work: Work, caplog: pytest.LogCaptureFixture, fault: Exception, words: str
) -> None:
    broken = Work(owed={1})
    broken.gate.set()

    def break_once(key: int) -> None:
        if len(broken.calls) == 1:
            broken.owed.add(key)
            raise fault

    broken.before = break_once
    engine = yard.engine()

    async def due() -> list[tuple[str, int]]:
        return [("broken", key) for key in broken.owed]

    async with running(engine, {"broken": broken, "deliver": work}, due):
        engine.hint("deliver", [7])
        await work.until(lambda: work.done == [7])
        await broken.until(lambda: 1 in broken.done)
    assert broken.calls[:2] == [1, 1]
    assert f"broken of 1 {words}" in caplog.text
    assert ("Traceback" in caplog.text) is isinstance(fault, RuntimeError)


@pytest.mark.parametrize(("fault", "words"), FAULTS)
async def test_a_sweep_that_raises_is_retried_and_jobs_continue(
    yard: Yard, work: Work, caplog: pytest.LogCaptureFixture, fault: Exception, words: str
) -> None:
    work.owed.add(7)

    async def due() -> Iterable[tuple[str, int]]:
        found = await work.due()
        if work.sweeps == 1:
            raise fault
        return found

    engine = yard.engine()
    async with running(engine, {"deliver": work}, due):
        engine.hint("deliver", [8])
        await work.until(lambda: {7, 8} <= set(work.done))
    assert f"looking for work {words}" in caplog.text
    assert ("Traceback" in caplog.text) is isinstance(fault, RuntimeError)


async def test_a_kind_without_a_handler_does_not_stop_others(yard: Yard, work: Work) -> None:
    engine = yard.engine()
    async with running(engine, {"deliver": work}):
        engine.hint("what is this", [1])
        engine.hint("deliver", [7])
        await work.until(lambda: work.done == [7])


async def test_the_first_sweep_is_at_the_start(yard: Yard, work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    for engine in (embedded, postgres):
        monkeypatch.setattr(engine, "SWEEP", 3600.0)
    work.owed.add(7)
    async with running(yard.engine(), {"deliver": work}, work.due):
        await work.until(lambda: work.done == [7])


async def test_the_sweep_keeps_finding_what_has_no_hint(yard: Yard, work: Work) -> None:
    async with running(yard.engine(), {"deliver": work}, work.due):
        await at_rest(work)
        for key in (7, 8):
            work.owed.add(key)
            await work.until(lambda key=key: key in work.done)  # type: ignore[misc]


async def test_what_the_sweep_finds_while_it_runs_does_not_run_concurrently(yard: Yard) -> None:
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


async def test_what_does_not_finish_is_cancelled_and_resumed_by_the_next(yard: Yard, work: Work) -> None:
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


@pytest.mark.parametrize("crashes", [True, False], ids=["crashed", "restarted"])
async def test_a_database_that_was_down_is_worked_on_again(
    yard: Yard, work: Work, caplog: pytest.LogCaptureFixture, crashes: bool
) -> None:
    hangs, engine = Work(), yard.engine(rescue=0.5)

    async def due() -> list[tuple[str, int]]:
        return [*await work.due(), *([("import", 1)] if len(hangs.done) < 2 else [])]

    async with running(engine, {"deliver": work, "import": hangs}, from_tables(yard, due)):
        engine.hint("deliver", [7])
        await work.until(lambda: work.done == [7])
        await hangs.until(lambda: hangs.calls == [1])
        async with yard.outage(crashes=crashes):
            engine.hint("deliver", [8])
            hangs.gate.set()
        work.owed.add(9)
        await work.until(lambda: {8, 9} <= set(work.done))
        engine.hint("deliver", [10])
        await work.until(lambda: 10 in work.done)
        await hangs.until(lambda: len(hangs.done) > 1)
    assert "Traceback" not in caplog.text


async def test_an_engine_stops_while_its_database_is_down(yard: Yard, caplog: pytest.LogCaptureFixture) -> None:
    hangs, engine = Work(), yard.engine()
    async with AsyncExitStack() as afterwards:
        async with running(engine, {"deliver": hangs}, from_tables(yard, hangs.due)):
            engine.hint("deliver", [7])
            await hangs.until(lambda: hangs.calls == [7])
            await afterwards.enter_async_context(yard.outage())
            engine.hint("deliver", [8])
        assert (hangs.calls, hangs.cancelled) == ([7], [7])
    assert "Traceback" not in caplog.text


CHILD = """
import asyncio, sys
from tests.engine.yards import YARDS

async def main():
    yard = YARDS[sys.argv[1]](url=sys.argv[2])
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


async def test_the_jobs_of_a_killed_process_are_resumed_by_another(yard: Yard, work: Work) -> None:
    url = yard.url if isinstance(yard, PostgresYard) else ""
    command = [sys.executable, "-c", CHILD, yard.name, url]
    child = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert await child.stdout.readline() == b"begun 7\n"
    child.kill()
    await child.wait()
    work.owed.add(7)
    async with running(yard.engine(rescue=0.5), {"deliver": work}, work.due):
        await work.until(lambda: work.done == [7])
