"""The behaviour that every engine owes its handlers. Another engine joins by a name in `ENGINES`."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from tests.fake_clock import FakeClock, settle
from tonearm.engine.embedded import EmbeddedEngine
from tonearm.engine.engine import SWEEP, Due, Engine, Handler

pytestmark = pytest.mark.anyio

ENGINES: dict[str, Callable[[FakeClock], Engine]] = {"embedded": lambda clock: EmbeddedEngine(clock, 3, grace=0.01)}
PATIENCE = 10.0


@dataclass
class Work:
    """A handler that notes its calls, and works until it is let go."""

    calls: list[int] = field(default_factory=list)
    busy: Counter[int] = field(default_factory=Counter)
    most: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    again: list[float | None] = field(default_factory=list)
    cancelled: list[int] = field(default_factory=list)

    async def __call__(self, key: int) -> float | None:
        self.calls.append(key)
        self.busy[key] += 1
        assert self.busy[key] == 1, "two at once for one key"
        self.most = max(self.most, self.busy.total())
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled.append(key)
            raise
        finally:
            self.busy[key] -= 1
        return self.again.pop(0) if self.again else None


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, clock: FakeClock) -> Engine:
    return ENGINES[request.param](clock)


@pytest.fixture
def work() -> Work:
    open_gate = Work()
    open_gate.gate.set()
    return open_gate


async def nothing_due() -> list[tuple[str, int]]:
    return []


@asynccontextmanager
async def running(
    engine: Engine, handlers: Mapping[str, Handler], due: Due = nothing_due
) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    runs = asyncio.create_task(engine.run(handlers, due, stop))
    try:
        await settle()
        yield stop
        await settle()
    finally:
        stop.set()
        await asyncio.wait_for(runs, PATIENCE)


async def test_a_hint_runs_its_handler_once(engine: Engine, work: Work) -> None:
    async with running(engine, {"deliver": work}):
        engine.hint("deliver", [7])
    assert work.calls == [7]


async def test_hints_that_come_together_are_one(engine: Engine, work: Work) -> None:
    async with running(engine, {"deliver": work}):
        engine.hint("deliver", [7, 7])
        engine.hint("deliver", [7])
    assert work.calls == [7]


async def test_a_hint_before_the_start_is_not_lost(engine: Engine, work: Work) -> None:
    engine.hint("deliver", [7])
    async with running(engine, {"deliver": work}):
        pass
    assert work.calls == [7]


async def test_a_hint_while_the_handler_runs_lets_it_run_again_but_not_beside_itself(
    engine: Engine, work: Work
) -> None:
    work.gate.clear()
    async with running(engine, {"deliver": work}):
        engine.hint("deliver", [7])
        await settle()
        engine.hint("deliver", [7])
        engine.hint("deliver", [7])
        await settle()
        assert work.calls == [7]
        work.gate.set()
    assert work.calls == [7, 7]


async def test_each_kind_has_its_handler(engine: Engine, work: Work) -> None:
    other = Work()
    other.gate.set()
    async with running(engine, {"deliver": work, "import": other}):
        engine.hint("import", [7])
        engine.hint("deliver", [8])
    assert (work.calls, other.calls) == ([8], [7])


async def test_the_same_key_of_two_kinds_runs_beside_itself(engine: Engine, work: Work) -> None:
    other = Work()
    work.gate.clear()
    async with running(engine, {"deliver": work, "import": other}):
        engine.hint("deliver", [7])
        engine.hint("import", [7])
        await settle()
        assert (work.calls, other.calls) == ([7], [7])
        work.gate.set()
        other.gate.set()


async def test_keys_run_beside_each_other_up_to_a_number(engine: Engine, work: Work) -> None:
    work.gate.clear()
    async with running(engine, {"deliver": work}):
        engine.hint("deliver", range(10))
        await settle()
        assert work.most == 3
        work.gate.set()
    assert sorted(work.calls) == list(range(10))
    assert work.most == 3


async def test_keys_have_their_turn_in_the_order_in_which_they_were_rung(engine: Engine, work: Work) -> None:
    work.gate.clear()
    async with running(engine, {"deliver": work}):
        engine.hint("deliver", [1, 2, 3, 9, 4, 8])
        await settle()
        engine.hint("deliver", [8, 4, 7, 9])
        work.gate.set()
    assert work.calls == [1, 2, 3, 9, 4, 8, 7]


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
    assert work.calls == [1, 2, 3, 4, 5]


async def test_whoever_has_more_to_do_goes_to_the_end_of_the_line(engine: Engine, clock: FakeClock, work: Work) -> None:
    work.gate.clear()
    work.again = [clock.now()]
    async with running(engine, {"deliver": work}):
        engine.hint("deliver", [1, 2, 3, 4, 5])
        await settle()
        work.gate.set()
    assert work.calls == [1, 2, 3, 4, 5, 1]


async def test_one_kind_takes_no_places_from_another(engine: Engine, work: Work) -> None:
    other = Work()
    work.gate.clear()
    other.gate.set()
    async with running(engine, {"import": work, "deliver": other}):
        engine.hint("import", range(10))
        await settle()
        engine.hint("deliver", [7])
        await settle()
        assert (work.calls, other.calls) == ([0, 1, 2], [7])
        work.gate.set()


async def test_it_is_crowded_while_keys_wait_for_others_to_be_done(engine: Engine, work: Work) -> None:
    work.gate.clear()
    async with running(engine, {"deliver": work}):
        engine.hint("deliver", [1, 2, 3])
        await settle()
        assert not engine.crowded("deliver")
        engine.hint("deliver", [3])  # it is not beside itself, so no place would help it
        assert not engine.crowded("deliver")
        engine.hint("deliver", [4])
        assert engine.crowded("deliver")
        assert not engine.crowded("import")
        work.gate.set()
        await settle()
        assert not engine.crowded("deliver")


async def test_a_handler_that_names_a_moment_runs_again_then_and_not_before(
    engine: Engine, clock: FakeClock, work: Work
) -> None:
    work.again = [clock.now() + 60]
    async with running(engine, {"deliver": work}):
        engine.hint("deliver", [7])
        await settle()
        for _ in range(59):
            clock.advance(1)
            await settle()
        assert work.calls == [7]
        clock.advance(1)
    assert work.calls == [7, 7]


async def test_a_moment_that_is_over_already_is_now(engine: Engine, clock: FakeClock, work: Work) -> None:
    work.again = [clock.now() - 60]
    async with running(engine, {"deliver": work}):
        engine.hint("deliver", [7])
    assert work.calls == [7, 7]


async def test_a_hint_rings_before_the_moment_that_was_named(engine: Engine, clock: FakeClock, work: Work) -> None:
    work.again = [clock.now() + 60]
    async with running(engine, {"deliver": work}):
        engine.hint("deliver", [7])
        await settle()
        engine.hint("deliver", [7])
        await settle()
        assert work.calls == [7, 7]


async def test_a_handler_that_raises_stops_nobody_and_is_tried_again_by_the_sweep(
    engine: Engine, clock: FakeClock, work: Work, caplog: pytest.LogCaptureFixture
) -> None:
    broken: list[int] = []

    async def breaks_once(key: int) -> None:
        broken.append(key)
        if len(broken) == 1:
            raise RuntimeError("a bug")

    async def due() -> Iterable[tuple[str, int]]:
        return [("broken", 1)] if len(broken) < 2 else []

    with caplog.at_level(logging.ERROR):
        async with running(engine, {"broken": breaks_once, "deliver": work}, due):
            engine.hint("deliver", [7])
            await settle()
            assert (broken, work.calls) == ([1], [7])
            clock.advance(SWEEP)
    assert broken == [1, 1]
    assert "broken of 1 failed" in caplog.text


async def test_a_kind_that_nobody_handles_stops_nobody(
    engine: Engine, work: Work, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(engine, {"deliver": work}):
        engine.hint("what is this", [1])
        await settle()
        engine.hint("deliver", [7])
    assert work.calls == [7]
    assert "what is this of 1 failed" in caplog.text


async def test_the_sweep_finds_what_nobody_hinted_at(engine: Engine, clock: FakeClock, work: Work) -> None:
    found: list[tuple[str, int]] = []

    async def due() -> Iterable[tuple[str, int]]:
        return found

    async with running(engine, {"deliver": work}, due):
        found.append(("deliver", 7))
        clock.advance(SWEEP - 0.1)
        await settle()
        assert work.calls == []
        clock.advance(0.1)
        await settle()
        found.clear()
        clock.advance(SWEEP)
    assert work.calls == [7]


async def test_the_first_sweep_is_at_the_start(engine: Engine, work: Work) -> None:
    async def due() -> Iterable[tuple[str, int]]:
        return [("deliver", 7)]

    async with running(engine, {"deliver": work}, due):
        pass
    assert work.calls == [7]


async def test_a_sweep_that_fails_is_tried_again(
    engine: Engine, clock: FakeClock, work: Work, caplog: pytest.LogCaptureFixture
) -> None:
    looks: list[int] = []

    async def due() -> Iterable[tuple[str, int]]:
        looks.append(1)
        if len(looks) == 1:
            raise RuntimeError("the database is away")
        return [("deliver", 7)] if len(looks) == 2 else []

    async with running(engine, {"deliver": work}, due):
        engine.hint("deliver", [8])
        await settle()
        clock.advance(SWEEP)
    assert work.calls == [8, 7]
    assert "looking for work failed" in caplog.text


async def test_what_is_found_while_it_runs_does_not_run_beside_itself(
    engine: Engine, clock: FakeClock, work: Work
) -> None:
    work.gate.clear()

    async def due() -> Iterable[tuple[str, int]]:
        return [("deliver", 7)] if clock.now() < 1_760_000_000.0 + 3 * SWEEP else []

    async with running(engine, {"deliver": work}, due):
        for _ in range(5):
            clock.advance(SWEEP)
            await settle()
        assert work.calls == [7]
        work.gate.set()
    assert work.calls == [7, 7]


async def test_stopping_waits_for_what_runs_and_starts_nothing_more(engine: Engine, work: Work) -> None:
    work.gate.clear()
    stop = asyncio.Event()
    runs = asyncio.create_task(engine.run({"deliver": work}, nothing_due, stop))
    engine.hint("deliver", [7])
    await settle()
    stop.set()
    await settle()
    engine.hint("deliver", [8])
    work.gate.set()
    await asyncio.wait_for(runs, PATIENCE)
    assert work.calls == [7]
    assert work.cancelled == []


async def test_what_does_not_come_to_its_end_is_cancelled_and_waited_for(engine: Engine, work: Work) -> None:
    work.gate.clear()
    async with running(engine, {"deliver": work}):
        engine.hint("deliver", [7, 8])
        await settle()
    assert sorted(work.cancelled) == [7, 8]


async def test_an_engine_that_was_stopped_starts_again(engine: Engine, work: Work) -> None:
    async with running(engine, {"deliver": work}):
        engine.hint("deliver", [7])
    engine.hint("deliver", [8])
    async with running(engine, {"deliver": work}):
        pass
    assert work.calls == [7, 8]


async def test_an_engine_leaves_no_task_behind(engine: Engine, work: Work) -> None:
    before = asyncio.all_tasks()
    async with running(engine, {"deliver": work}):
        engine.hint("deliver", [7])
    await settle()
    assert asyncio.all_tasks() == before
