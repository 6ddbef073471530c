"""Throttles of a key, and clocks that were wrong when they were written."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Connection

from tests.store.rows import NOW
from tonearm.core.pacing import PROBE
from tonearm.store import pace
from tonearm.store.db.database import Store
from tonearm.store.pace import KeyThrottled

pytestmark = pytest.mark.anyio

DAY = 86400.0
KEY = "key"


@pytest.mark.parametrize("ahead", [DAY + 60, 20 * DAY])
@pytest.mark.parametrize("wait", [60.0, 3600.0, DAY])
async def test_what_a_probe_by_a_fast_clock_wrote_keeps_no_later_throttle_from_its_effect(
    store: Store, ahead: float, wait: float
) -> None:
    def work(db: Connection) -> None:
        pace.begin(db, KEY)
        first = KeyThrottled(NOW + 60, "too many requests", False, since=NOW)
        pace.begin_throttle(db, KEY, first)
        pace.begin_throttle(db, KEY, replace(first, until=NOW + ahead + PROBE))  # its beginning stays as it was
        assert pace.current_throttle(db, KEY, NOW + 1) is None
        later = KeyThrottled(NOW + 1 + wait, "again", False, 2, NOW + 1)
        pace.begin_throttle(db, KEY, later)
        assert pace.current_throttle(db, KEY, NOW + 2) == later

    await store.write(work)


async def test_a_longer_throttle_stays(store: Store) -> None:
    def work(db: Connection) -> None:
        pace.begin(db, KEY)
        longer = KeyThrottled(NOW + 3600, "the key is refused", True, since=NOW)
        pace.begin_throttle(db, KEY, longer)
        pace.begin_throttle(db, KEY, KeyThrottled(NOW + 61, "too many requests", False, since=NOW + 1))
        assert pace.current_throttle(db, KEY, NOW + 2) == longer

    await store.write(work)
