"""The pace: what comes late does not come in a crowd."""

from __future__ import annotations

import asyncio
from bisect import bisect_right

import pytest

from tests.fake_clock import FakeClock
from tests.service.conftest import House
from tonearm.lastfm.rules import LASTFM
from tonearm.service.rate_limit import Pace
from tonearm.store import pace as rows

pytestmark = pytest.mark.anyio

LIMIT = 4.0


class Stalling(FakeClock):
    """A machine that hangs for some seconds whenever something has slept for a moment."""

    stall = 0.0

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        if seconds < 1 and self.stall:
            self.advance(self.stall)


def most_in_a_second(times: list[float]) -> int:
    """The largest number of moments in any second."""
    return max(bisect_right(times, at + 1.0 - 1e-6) - place for place, at in enumerate(times))


@pytest.mark.parametrize("stall", [0.0, 0.2, 1.5])
async def test_after_a_standstill_requests_keep_their_distance(house: House, stall: float) -> None:
    clock = house.clock = Stalling()
    async with house.open(deliver=False) as room:
        pace = Pace(room.deck.store, clock, "a key", LIMIT, LASTFM)
        await room.deck.store.write(lambda db: rows.begin(db, pace.key))
        gone: list[float] = []

        async def goes() -> None:
            await pace.turn()
            gone.append(clock.now())

        clock.stall = stall
        await asyncio.gather(*(goes() for _ in range(12)))
        assert len(gone) == 12
        assert most_in_a_second(sorted(gone)) <= LIMIT + 1
