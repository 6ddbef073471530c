"""Chores: each has its turn after its time, and at once where the clock was set back."""

from __future__ import annotations

import pytest

from tests.service.conftest import HOUR, Room

pytestmark = pytest.mark.anyio


async def test_a_periodic_task_is_due_after_its_time_and_if_the_clock_was_put_back(room: Room) -> None:
    chores, clock = room.deck.jobs.chores, room.house.clock
    assert await chores.take("test", 60.0)
    assert not await chores.take("test", 60.0)
    clock.put(60.0)
    assert await chores.take("test", 60.0)
    clock.put(-HOUR)
    assert await chores.take("test", 60.0)
