"""Readers beside the writer: a page that is looked at keeps no play from being written."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from functools import partial
from itertools import pairwise

import pytest
from sqlalchemy import Connection, text

from tests.databases import only_sqlite
from tests.patience import PATIENCE
from tests.store.rows import NOW, history_row, listener, names
from tonearm.core.days import Stretch
from tonearm.core.play import Play, Track
from tonearm.store import accounts, plays
from tonearm.store.db import readers, slices
from tonearm.store.db.database import Store, journal_mode
from tonearm.store.db.readers import LONG_READERS, WAITING, ReadQuestion, TooLong
from tonearm.store.db.sqlite_writer import StoreUnavailable
from tonearm.store.plays import PlayQuery
from tonearm.store.queries import stats
from tonearm.store.queries.stats import StatsScope, TopLists

pytestmark = pytest.mark.anyio

ENDLESS = text("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n")


@only_sqlite
@pytest.mark.skipif(journal_mode() == "WAL", reason="a write-ahead log has no reader in a writer's way")
async def test_a_read_that_keeps_a_write_waiting_is_interrupted_and_asked_again(store: Store) -> None:
    begun, asked = threading.Event(), Counter[str]()

    def read(db: Connection) -> list[str]:
        asked["times"] += 1
        found = names(db)
        if not found:  # the first time, before the write
            begun.set()
            db.execute(ENDLESS)
        return found

    reading = asyncio.ensure_future(store.read(read))
    assert await asyncio.to_thread(begun.wait, 10)
    await store.write(lambda db: accounts.add(db, "me", NOW))
    assert await reading == ["me"]
    assert asked["times"] == 2


@only_sqlite
@pytest.mark.skipif(journal_mode() == "WAL", reason="a write-ahead log has no reader in a writer's way")
async def test_figures_that_are_interrupted_while_their_rows_come_are_asked_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    me = await store.write(history)
    monkeypatch.setattr(readers, "STEPS", 1)
    monkeypatch.setattr(readers, "PATIENCE", 0.0)
    span = {"start": int(NOW), "end": int(NOW) + 100_000}
    begun = threading.Event()

    def figures(ask: ReadQuestion) -> TopLists:
        begun.set()
        while len(ask(names)) == 1:  # until the write is there
            found = stats.most(ask, StatsScope(me), **span, limit=3)
        return found

    reading = asyncio.ensure_future(store.read_long(figures))
    assert await asyncio.to_thread(begun.wait, 10)
    for _ in range(50):
        await store.write(lambda db: db.execute(text("UPDATE account SET fails = fails + 1")))
    await store.write(lambda db: accounts.add(db, "another", NOW))
    assert [top.plays for top in (await reading).artists] == [14, 13, 13]


@only_sqlite
async def test_a_query_without_end_is_given_up(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "MAX_SECONDS", 0.02)
    with pytest.raises(TooLong, match="takes too long"):
        await store.read(lambda db: db.execute(ENDLESS).scalar())
    assert await store.read(names) == []


@only_sqlite
async def test_closing_does_not_wait_for_a_question_without_end(store: Store) -> None:
    begun = threading.Event()

    def read(db: Connection) -> None:
        begun.set()
        db.execute(ENDLESS)

    reading = asyncio.ensure_future(store.read_long(lambda ask: ask(read)))
    assert await asyncio.to_thread(begun.wait, 10)
    await asyncio.to_thread(store.close)
    with pytest.raises(StoreUnavailable):
        await reading


async def test_long_questions_wait_for_each_other_and_short_ones_for_none_of_them(store: Store) -> None:
    leave = threading.Event()

    def wait(_: object) -> None:
        assert leave.wait(PATIENCE)

    long = [asyncio.ensure_future(store.read_long(wait)) for _ in range(LONG_READERS + WAITING)]
    await asyncio.sleep(0)  # each has asked
    with pytest.raises(TooLong, match="too many"):
        await store.read_long(wait)
    assert await store.read(names) == []
    leave.set()
    await asyncio.gather(*long)
    assert await store.read_long(lambda ask: ask(names)) == []


def history(db: Connection) -> int:
    """A hundred plays, of which some began in the same second."""
    me = listener(db)
    for number in range(100):
        said = Play(Track(f"Artist {number % 7}", f"Song {number}"), int(NOW) + number // 4 * 1000, 240.0)
        plays.insert(db, [history_row(me, said, fate="accepted", counted=number % 10 != 0)])
    return me


async def test_slices_of_a_history_add_up_to_all_of_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    me = await store.write(history)
    monkeypatch.setattr(slices, "SLICE", 3)
    start, end = int(NOW) - 5, int(NOW) + 100_000
    for cut in (slices.forward, slices.backward):
        found = await store.read_long(lambda ask, cut=cut: sorted(cut(ask, me, start, end)))  # type: ignore[misc]
        assert len(found) > 20
        assert (found[0][0], found[-1][1]) == (start, end)
        assert all(here[1] == there[0] for here, there in pairwise(found))
    hours = await store.read_long(partial(stats.hours, scope=StatsScope(me), stretches=[Stretch(start, end, 0)]))
    assert (hours.counts.total(), hours.skipped) == (90, 10)
    most = await store.read_long(partial(stats.most, scope=StatsScope(me), start=start, end=end, limit=3))
    assert [top.plays for top in most.artists] == [14, 13, 13]
    pages, before = list[int](), None
    while page := await store.read_long(partial(plays.found, query=PlayQuery(me), limit=7, before=before)):
        pages += [one.id for one in page]
        before = (page[-1].play.timestamp, page[-1].id)
    assert len(pages) == len(set(pages)) == 100
    assert await store.read_long(partial(plays.found, query=PlayQuery(me + 1), limit=7)) == []


async def test_a_skip_that_is_sent_by_hand_counts(store: Store) -> None:
    def work(db: Connection) -> int:
        me = listener(db)
        said = Play(Track("Nina Simone", "Sinnerman"), int(NOW), 5.0)
        (play_id,) = plays.insert(db, [history_row(me, said, fate="threshold_not_met", counted=False)]).values()
        plays.count(db, play_id)
        return me

    me = await store.write(work)
    day = [Stretch(int(NOW) - 10, int(NOW) + 10, 0)]
    hours = await store.read_long(partial(stats.hours, scope=StatsScope(me), stretches=day))
    assert (hours.counts.total(), hours.skipped) == (1, 0)
