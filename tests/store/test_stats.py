"""Statistics and shelves of a history, over both databases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from typing import TypeVar
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection

from tests.listening import library_row
from tests.store.rows import NOW, enqueue, history_row, listener
from tonearm.core import days
from tonearm.core.account import Connection as Connected
from tonearm.core.days import Stretch
from tonearm.core.play import Play, Track
from tonearm.lastfm.rules import OLDEST
from tonearm.store import library, loved, plays
from tonearm.store.admin import erase
from tonearm.store.db.database import Store
from tonearm.store.db.readers import ReadQuestion
from tonearm.store.plays import PlayQuery
from tonearm.store.queries import account_overview, stats
from tonearm.store.queries.account_overview import PlayFilter
from tonearm.store.queries.stats import StatsScope, Top
from tonearm.store.queries.waiting import delivery_facts

T = TypeVar("T")

pytestmark = pytest.mark.anyio

BERLIN = ZoneInfo("Europe/Berlin")


def asking(db: Connection) -> ReadQuestion:
    """Asks in a transaction that has begun."""

    def ask(question: Callable[[Connection], T]) -> T:
        return question(db)

    return ask


def stored(
    db: Connection, me: int, at: datetime, title: str = "Sinnerman", fate: str = "accepted", **names: str
) -> int:
    """A play in the history; its id."""
    said = Play(
        Track(names.get("artist", "Nina Simone"), title, names.get("album", "Pastel Blues")), int(at.timestamp()), 240.0
    )
    [play_id] = plays.insert(db, [history_row(me, said, fate=fate)]).values()
    return play_id


async def test_days_and_hours_are_those_of_the_zone_on_both_sides_of_a_change_of_clocks(store: Store) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        for hour in (0, 1, 21, 22, 23):  # in UTC, where the clocks go forth at 1:00
            stored(db, me, datetime(2026, 3, 29, hour, 30, tzinfo=UTC), f"Song {hour}")
        start = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp())
        found = days.stretches(BERLIN, start, start + 60 * days.DAY)
        hours = stats.hours(asking(db), StatsScope(me), found)
        assert {days.date_of(number).isoformat(): count for number, count in hours.by_day.items()} == {
            "2026-03-29": 3,
            "2026-03-30": 2,
        }
        assert hours.by_hour == {0: 1, 1: 2, 3: 1, 23: 1}
        assert (hours.counts.total(), hours.skipped) == (5, 0)
        assert stats.hours(asking(db), StatsScope(me), []).by_day == {}

    await store.write(work)


async def test_what_was_played_most_counts_nothing_twice(store: Store) -> None:
    def work(db: Connection) -> None:
        me, other = listener(db), listener(db, "other")
        for day in (1, 2, 3):
            stored(db, me, datetime(2014, 5, day, tzinfo=UTC))
            stored(db, other, datetime(2014, 5, day, tzinfo=UTC))
        stored(db, me, datetime(2014, 5, 4, tzinfo=UTC), "Jóga", artist="Björk", album="")
        span = (int(datetime(2014, 1, 1, tzinfo=UTC).timestamp()), int(datetime(2015, 1, 1, tzinfo=UTC).timestamp()))
        ask = asking(db)
        most = stats.most(ask, StatsScope(me), *span, 10)
        assert most.artists == [Top("Nina Simone", "", 3), Top("Björk", "", 1)]
        assert most.albums == [Top("Nina Simone", "Pastel Blues", 3)]
        assert stats.most(ask, StatsScope(me), *span, 1).tracks == [Top("Nina Simone", "Sinnerman", 3)]
        assert stats.most(ask, StatsScope(me, "Björk"), *span, 10).tracks == [Top("Björk", "Jóga", 1)]
        stored(db, me, datetime(2014, 5, 5, tzinfo=UTC), fate="discarded")
        stored(db, me, datetime(2014, 5, 6, tzinfo=UTC), fate="suspected")
        album = StatsScope(me, "Nina Simone", "Pastel Blues")
        assert stats.most(ask, album, *span, 10).tracks == [Top("Nina Simone", "Sinnerman", 3)]
        assert stats.hours(ask, album, [Stretch(*span, 0)]).by_hour == {0: 3}
        first, last = stats.first_and_last(db, me) or (0, 0)
        assert (last - first) // days.DAY == 5
        assert stats.first_and_last(db, listener(db, "nobody")) is None

    await store.write(work)


async def test_each_shelf_has_its_plays_in_pages_and_its_true_count(store: Store) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        fates = ("accepted", "refused", "ignored", "suspected", "expired", "discarded", "disabled", "threshold_not_met")
        for place, fate in enumerate(fates):
            stored(db, me, datetime(2014, 5, 1 + place, tzinfo=UTC), fate=fate)
        for number in range(5):
            enqueue(db, me, number, retry_count=number % 2)
        enqueue(db, me, 7, owner="somebody_else")
        enqueue(db, me, 8, age=-3600)
        enqueue(db, me, 9, owner="somebody_else", retry_count=1)
        enqueue(db, me, 10, live=False, retry_count=1)
        facts = delivery_facts(db, me, ["key"], NOW, NOW, configured=True)
        signed_out = replace(facts, account=replace(facts.account, connection=Connected.NEEDS_SIGN_IN))
        seen = account_overview.load(db, facts, OLDEST)
        counts = account_overview.filters(db, seen)
        everything_held = account_overview.load(db, signed_out, OLDEST)
        backlog_rests = account_overview.load(db, replace(facts, backlog_until=NOW + 60), OLDEST)
        for look, shelf in product((seen, everything_held, backlog_rests), PlayFilter):
            of_each, found, after = account_overview.filters(db, look), list[int](), None
            while True:
                leaf = account_overview.page(db, look, shelf, 3, after)
                found += [entry.id for entry in leaf.entries]
                after = leaf.after
                if after is None:
                    break
            assert len(found) == len(set(found))
            assert shelf not in of_each or len(found) == of_each[shelf], shelf
        assert (counts[PlayFilter.WAITING], counts[PlayFilter.RETRYING], counts[PlayFilter.HELD]) == (9, 3, 3)
        counts = account_overview.filters(db, everything_held)
        assert (counts[PlayFilter.WAITING], counts[PlayFilter.RETRYING], counts[PlayFilter.HELD]) == (9, 0, 9)
        counts = account_overview.filters(db, backlog_rests)
        assert (counts[PlayFilter.WAITING], counts[PlayFilter.RETRYING], counts[PlayFilter.HELD]) == (9, 2, 4)
        ask = asking(db)
        assert len(account_overview.history(ask, PlayQuery(me, "nina SONG"), 50).entries) == 9
        assert len(account_overview.history(ask, PlayQuery(me, "nina missing"), 50).entries) == 0
        pastel_blues = PlayQuery(me, artist="Nina Simone", album="Pastel Blues")
        assert len(account_overview.history(ask, pastel_blues, 50).entries) == len(fates)

    await store.write(work)


async def test_what_was_chosen_stays_when_the_list_is_written_again(store: Store) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        library.write(db, me, [library_row("/1.mp3", "Oasis", "Wonderwall")])
        (file_id,) = (row[0] for row in library.names(db, me))
        row = {
            "artist": "Oasis",
            "track": "Wonderwall (Remastered)",
            "mbid": "",
            "loved_at": 1.0,
            "outcome": "doubtful",
        }
        loved.write(db, me, [{**row, "candidates": [[file_id, "version"]]}])
        (track,) = loved.listing(db, me, "doubtful", 10)
        assert loved.choose(db, me, track.id, file_id)
        loved.write(db, me, [{**row, "outcome": "matched"}])
        assert loved.choices(db, me) == [(file_id, "Oasis", "Wonderwall (Remastered)")]
        assert loved.counts(db, me) == {"matched": 1}

    await store.write(work)


async def test_all_of_a_listener_is_erased_and_nothing_of_another(store: Store) -> None:
    def work(db: Connection) -> None:
        me, other = listener(db), listener(db, "other")
        for account_id in (me, other):
            enqueue(db, account_id, 1)
            stored(db, account_id, datetime(2014, 5, 1, tzinfo=UTC))
        erase.begin(db, me, "nobody's browser")
        assert erase.unfinished(db) == [me]
        stored(db, me, datetime(2014, 5, 2, tzinfo=UTC), "reported since")
        parts = list(iter(lambda: erase.erase_part(db, me), None))
        assert (sum(parts), erase.unfinished(db)) == (2, [])
        assert [one.play.track.title for one in plays.latest(db, me, 10)] == ["reported since"]
        erase.begin(db, me, "nobody's browser")
        assert list(iter(lambda: erase.erase_part(db, me), None)) == [1]
        assert stats.first_and_last(db, me) is None
        assert len(plays.latest(db, other, 10)) == 2

    await store.write(work)
