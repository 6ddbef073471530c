"""What the embedded engine promises to the moment, in a time that tests move; `test_promises` has what all promise."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from tests.engine.yards import PLACES, Work, running
from tests.fake_clock import FakeClock, settle
from tonearm.engine.embedded import EmbeddedEngine
from tonearm.engine.engine import SWEEP, Engine

pytestmark = pytest.mark.anyio

PAUSE = 5.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def engine(clock: FakeClock) -> Engine:
    return EmbeddedEngine(clock, PLACES, grace=0.01)


async def test_keys_have_their_turn_exactly_in_the_order_in_which_they_were_hinted(engine: Engine, work: Work) -> None:
    work.gate.clear()
    async with running(engine, {"deliver": work}):
        engine.hint("deliver", [1, 2, 3, 9, 4, 8])
        await settle()
        engine.hint("deliver", [8, 4, 7, 9])
        work.gate.set()
        await work.until(lambda: len(work.done) == 7)
    assert work.calls == [1, 2, 3, 9, 4, 8, 7]


async def test_a_kind_may_have_slots_of_its_own(clock: FakeClock, work: Work) -> None:
    engine = EmbeddedEngine(clock, PLACES, grace=0.01, slots={"destination": PLACES + 2})
    few = Work()
    for one in (work, few):
        one.gate.clear()
    async with running(engine, {"destination": work, "deliver": few}):
        for kind in ("destination", "deliver"):
            engine.hint(kind, range(2 * PLACES))
        await settle()
        assert (work.busy.total(), few.busy.total()) == (PLACES + 2, PLACES)
        assert engine.crowded("destination")
        for one in (work, few):
            one.gate.set()
        await work.until(lambda: len(work.done) == len(few.done) == 2 * PLACES)


async def test_what_waits_for_its_turn_has_it_once_however_often_it_is_found(
    engine: Engine, clock: FakeClock, work: Work
) -> None:
    work.gate.clear()

    async def due() -> Iterable[tuple[str, int]]:
        return [("deliver", key) for key in (4, 5)] if work.busy.total() else []

    async with running(engine, {"deliver": work}, due):
        engine.hint("deliver", [1, 2, 3, 4, 5])
        for _ in range(3):
            await settle()
            clock.advance(SWEEP)
        work.gate.set()
        await settle()
    assert work.calls == [1, 2, 3, 4, 5]


async def test_a_key_with_more_to_do_goes_to_the_end_of_the_queue(engine: Engine, clock: FakeClock, work: Work) -> None:
    work.gate.clear()
    work.again = [clock.now()]
    async with running(engine, {"deliver": work}):
        engine.hint("deliver", [1, 2, 3, 4, 5])
        await settle()
        work.gate.set()
        await work.until(lambda: len(work.done) == 6)
    assert work.calls == [1, 2, 3, 4, 5, 1]


async def test_it_is_not_crowded_by_a_key_that_runs_already(engine: Engine, work: Work) -> None:
    work.gate.clear()
    async with running(engine, {"deliver": work}):
        engine.hint("deliver", range(PLACES))
        await settle()
        engine.hint("deliver", [1])  # it is not beside itself, so no place would help it
        assert not engine.crowded("deliver")
        engine.hint("deliver", [PLACES])
        assert engine.crowded("deliver")
        work.gate.set()


async def test_a_moment_that_was_named_is_kept_to_the_second(engine: Engine, clock: FakeClock, work: Work) -> None:
    work.again = [clock.now() + 60]
    async with running(engine, {"deliver": work}):
        engine.hint("deliver", [7])
        await settle()
        for _ in range(59):
            clock.advance(1)
            await settle()
        assert work.calls == [7]
        clock.advance(1)
        await settle()
        assert work.calls == [7, 7]


async def test_the_sweep_comes_at_its_time_and_not_before(engine: Engine, clock: FakeClock, work: Work) -> None:
    async with running(engine, {"deliver": work}, work.due):
        await settle()
        work.owed.add(7)
        clock.advance(SWEEP - 0.1)
        await settle()
        assert work.calls == []
        clock.advance(0.1)
        await settle()
        assert work.calls == [7]


async def test_a_key_that_has_nothing_more_to_do_is_resumed_again_after_a_pause(clock: FakeClock, work: Work) -> None:
    """Hints of many plays come together."""
    engine = EmbeddedEngine(clock, PLACES, grace=0.01, pause=PAUSE)
    async with running(engine, {"deliver": work}):
        engine.hint("deliver", [7])
        await settle()
        engine.hint("deliver", [7])
        clock.advance(PAUSE - 0.1)
        await settle()
        assert work.calls == [7]
        clock.advance(0.1)
        await settle()
        assert work.calls == [7, 7]


async def test_a_key_due_later_waits_for_the_pause_and_one_that_is_due_does_not(clock: FakeClock, work: Work) -> None:
    engine = EmbeddedEngine(clock, PLACES, grace=0.01, pause=PAUSE)
    work.again = [clock.now() + 60, clock.now()]
    async with running(engine, {"deliver": work}):
        engine.hint("deliver", [7])
        await settle()
        engine.hint("deliver", [7])
        await settle()
        assert work.calls == [7]
        clock.advance(PAUSE)
        await settle()
        assert work.calls == [7, 7, 7]


async def test_a_moment_before_the_next_sweep_is_kept(engine: Engine, clock: FakeClock, work: Work) -> None:
    work.again = [clock.now() + SWEEP / 4]
    async with running(engine, {"deliver": work}):
        engine.hint("deliver", [7])
        await settle()
        clock.advance(SWEEP / 4)
        await settle()
        assert work.calls == [7, 7]


async def test_a_kind_without_a_handler_is_logged(engine: Engine, work: Work, caplog: pytest.LogCaptureFixture) -> None:
    async with running(engine, {"deliver": work}):
        engine.hint("what is this", [1])
        await settle()
    assert "what is this of 1 failed" in caplog.text


async def test_a_clock_set_back_does_not_stop_sweeps(engine: Engine, clock: FakeClock, work: Work) -> None:
    async with running(engine, {"deliver": work}, work.due):
        await settle()
        clock.put(-86400.0)
        clock.advance(SWEEP)
        await settle()
        work.owed.add(7)
        clock.advance(SWEEP)
        await settle()
        assert work.calls == [7]


async def test_it_leaves_no_task_behind_if_a_job_did_not_come_to_its_end(engine: Engine) -> None:
    before, hangs = asyncio.all_tasks(), Work()
    async with running(engine, {"deliver": hangs}):
        engine.hint("deliver", [7])
        await settle()
    await settle()
    assert hangs.cancelled == [7]
    assert asyncio.all_tasks() == before
