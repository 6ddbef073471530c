"""Attempts: kept while their plays wait and for a time after, and then forgotten."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, func, select

from tests.store.rows import NOW, enqueue, listener
from tonearm.core.verdict import Cause
from tonearm.store import attempts, plays
from tonearm.store.attempts import FORGOTTEN_AT_ONCE, REMEMBERED
from tonearm.store.db.database import Store
from tonearm.store.db.schema import attempt, attempt_play

pytestmark = pytest.mark.anyio

LATER = Cause(8, "try again")


def tell(db: Connection, account: int, at: float, *plays_tried: int) -> None:
    attempts.write(db, account, at, "Later", LATER, plays_tried)


def left(db: Connection) -> tuple[int, int]:
    """How many attempts there are, and for how many plays."""
    numbers, of_plays = (select(func.count()).select_from(table).scalar_subquery() for table in (attempt, attempt_play))
    one, other = db.execute(select(numbers, of_plays)).one()
    return one, other


@pytest.mark.parametrize(
    ("at", "settled", "expected"),
    [
        pytest.param(NOW - 1, (NOW - 1, NOW - 1), (0, 0), id="all settled long ago"),
        pytest.param(NOW - 1, (NOW - 1, NOW), (1, 2), id="one settled lately"),
        pytest.param(NOW - 1, (NOW - 1, None), (1, 2), id="one still waits"),
        pytest.param(NOW, (NOW - 1, NOW - 1), (1, 2), id="tried lately, as the clock has it"),
    ],
)
async def test_an_attempt_is_forgotten_when_all_of_its_plays_were_settled_long_ago(
    store: Store, at: float, settled: tuple[float | None, ...], expected: tuple[int, int]
) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        numbers = [enqueue(db, me, n) for n in range(len(settled))]
        tell(db, me, at, *numbers)
        for play_id, when in zip(numbers, settled, strict=True):
            plays.settle(db, [play_id], "accepted" if when else "queued", when)
        attempts.forget(db, NOW)
        assert left(db) == expected
        assert all(plays.find(db, me, play_id) for play_id in numbers)

    await store.write(work)


async def test_of_many_attempts_the_oldest_are_forgotten_first_and_not_all_at_once(store: Store) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        numbers = [enqueue(db, me, age) for age in range(FORGOTTEN_AT_ONCE + 2)]
        for age, play_id in enumerate(numbers):
            tell(db, me, NOW - 1 - age, play_id)
        plays.settle(db, numbers, "accepted", NOW - 1)
        attempts.forget(db, NOW)
        assert [[one.at for one in attempts.of_play(db, play_id)] for play_id in numbers[:3]] == [
            [NOW - 1],
            [NOW - 2],
            [],
        ]
        attempts.forget(db, NOW)
        assert left(db) == (0, 0)

    await store.write(work)


async def test_the_latest_attempts_of_a_play_come_oldest_first(store: Store) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        play_id, other = enqueue(db, me, 0), enqueue(db, me, 1)
        for age in range(REMEMBERED + 2):
            tell(db, me, NOW + age, play_id)
        tell(db, me, NOW + 1000, other)
        assert [one.at for one in attempts.of_play(db, play_id)] == [NOW + age for age in range(2, REMEMBERED + 2)]
        assert [one.at for one in attempts.of_play(db, other)] == [NOW + 1000]

    await store.write(work)


async def test_the_last_attempts_of_a_play_are_kept_and_those_of_others_stay(store: Store) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        one, other = enqueue(db, me, 0), enqueue(db, me, 1)
        tell(db, me, NOW, one, other)
        tell(db, me, NOW + 1, one)
        for n in range(REMEMBERED):
            tell(db, me, NOW + 2 + n, one)
        assert [plays_tried.at for plays_tried in attempts.of_play(db, one)] == [NOW + 2 + n for n in range(REMEMBERED)]
        assert [plays_tried.at for plays_tried in attempts.of_play(db, other)] == [NOW]
        assert left(db) == (REMEMBERED + 1, REMEMBERED + 1)

    await store.write(work)
