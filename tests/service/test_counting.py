"""The length of a queue is announced whenever it has changed, and not for each play of many."""

from __future__ import annotations

from itertools import pairwise

import pytest
from sqlalchemy import Connection

from tests.service.conftest import House
from tonearm.core.event import QueueUpdated
from tonearm.service.queue_length import PAUSE
from tonearm.store import queue

pytestmark = pytest.mark.anyio


async def test_a_queue_that_has_changed_is_counted_for_who_listens(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted_at: list[float] = []
    length = queue.length

    def noted(db: Connection, account_id: int) -> int:
        counted_at.append(house.clock.now())
        return length(db, account_id)

    monkeypatch.setattr(queue, "length", noted)
    async with house.open(deliver=False) as room:
        await room.sign_in()
        with room.deck.event_hub.subscribe(room.me.id) as (subscription, _):
            counted: list[int] = []
            await room.play(0)
            async for published in subscription:
                if isinstance(published.event, QueueUpdated) and published.event.queued_count:
                    counted.append(published.event.queued_count)
                    if len(counted) == 3:
                        break
                    await room.plays(*range(10 * len(counted), 10 * len(counted) + 3))
        assert counted == [1, 4, 7]
        assert len(counted_at) >= 3
        assert all(later - sooner > PAUSE - 1e-6 for sooner, later in pairwise(counted_at))
