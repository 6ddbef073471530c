"""Figures of a history: equal to a recount of every play, whatever was written, and whenever they were asked for."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache, partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, func, select

from tests.history.files import write
from tests.service.conftest import DAY, House, Room
from tests.store.rows import history_row
from tonearm.core import days
from tonearm.core.figures import ListeningSession, Measure, NameKind, month_of
from tonearm.core.period import HistoryPeriod, PeriodKind, before
from tonearm.core.period import month as month_period
from tonearm.core.play import Play, Track
from tonearm.core.spelling import fold
from tonearm.history.play import ReadOptions
from tonearm.service.figure_queries import AWAY
from tonearm.service.figure_results import NameFigures, Span
from tonearm.service.report import ReportResult
from tonearm.store import plays, summaries
from tonearm.store.admin import erase
from tonearm.store.db.schema import month_part, month_summary, play, summary_name, year_summary
from tonearm.store.db.sqlite_writer import StoreUnavailable

pytestmark = pytest.mark.anyio

BERLIN = ZoneInfo("Europe/Berlin")
NEPAL = ZoneInfo("Asia/Kathmandu")  # 5 h 45 min ahead
ARTISTS = (("Sigur Rós", "Ágætis byrjun"), ("Sigur Ros", "Agaetis Byrjun"), ("Björk", "Homogenic"), ("!!!", ""))
ALL = {NameKind.ARTIST, NameKind.ALBUM, NameKind.TRACK}


@dataclass
class Heard:
    """A play as the recount sees it."""

    at: int
    artist: str
    album: str
    track: str
    seconds: int

    def name(self, kind: NameKind) -> tuple[str, str] | None:
        match kind:
            case NameKind.ARTIST:
                return self.artist, ""
            case NameKind.ALBUM:
                return (self.artist, self.album) if self.album else None
            case _:
                return self.artist, self.track


@cache
def folded(name: tuple[str, str]) -> tuple[str, str]:
    artist, title = (fold(part) or part.casefold() for part in name)
    return artist, title


async def recount(room: Room) -> list[Heard]:
    """Every play that counts, in the order of time, by reading them all."""

    def read(db: Connection) -> list[Heard]:
        rows = db.execute(select(play).where(play.c.account == room.me.id).order_by(play.c.timestamp))
        return [
            Heard(row.timestamp, row.artist, row.album, row.track, round(row.played or row.duration or 0))
            for row in rows
            if row.counted and row.fate not in ("discarded", "suspected")
        ]

    return await room.deck.store.read(read)


def span(first: str, last: str, zone: tzinfo = BERLIN, kind: PeriodKind = PeriodKind.SPAN) -> Span:
    return Span(HistoryPeriod(kind, date.fromisoformat(first), date.fromisoformat(last)), zone)


def within(heard: Iterable[Heard], wanted: Span) -> list[Heard]:
    start, end = wanted.start, wanted.end
    return [one for one in heard if start <= one.at < end]


def most(heard: Iterable[Heard], kind: NameKind, by: Measure = Measure.PLAYS) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for one in heard:
        if (name := one.name(kind)) is not None:
            found[folded(name)] += 1 if by is Measure.PLAYS else one.seconds
    return found


def longest(heard: Iterable[Heard]) -> ListeningSession | None:
    found: list[list[int]] = []
    for one in heard:
        if found and one.at - found[-1][1] <= 1800:
            found[-1] = [found[-1][0], max(found[-1][1], one.at + one.seconds), found[-1][2] + 1]
        else:
            found.append([one.at, one.at + one.seconds, 1])
    return max((ListeningSession(*one) for one in found), key=lambda one: (one.seconds, -one.start), default=None)


async def check(room: Room, wanted: Span) -> None:
    """All figures of a span against a recount."""
    deck, me = room.deck.figures, room.me.id
    everything = await recount(room)
    here = within(everything, wanted)
    times = await deck.times(me, wanted)
    assert times.totals.plays == len(here)
    assert times.totals.heard == sum(one.seconds for one in here)
    assert times.totals.untimed == sum(not one.seconds for one in here)
    by_day: Counter[date] = Counter(datetime.fromtimestamp(one.at, wanted.zone).date() for one in here)
    assert {day.day: day.plays for day in times.days} == by_day
    assert sum(day.heard for day in times.days) == times.totals.heard
    week = Counter((moment.weekday(), moment.hour) for one in here for moment in (_local(one, wanted.zone),))
    assert {(d, h): n for d, hours in enumerate(times.week) for h, n in enumerate(hours) if n} == week
    assert await deck.longest_session(me, wanted) == longest(here)
    earlier = before(wanted.period)
    past = within(everything, Span(earlier, wanted.zone)) if earlier else []
    for kind in NameKind:
        plays_before, spellings = most(past, kind), Counter(one.name(kind) for one in here)
        for by in Measure:
            expected, then = most(here, kind, by), most(past, kind, by)
            top = await deck.top(me, kind, wanted, 5, 1, by)
            assert top.total == len(expected)
            values = sorted(expected.values(), reverse=True)
            assert [one.plays if by is Measure.PLAYS else one.heard for one in top.names] == values[1:6]
            for one in top.names:
                name = folded((one.artist, one.title))
                assert one.rank == 1 + sum(value > expected[name] for value in values)
                assert one.plays_before == plays_before[name]
                rank_before = 1 + sum(value > then[name] for value in then.values()) if name in then else None
                assert one.rank_before == rank_before
                assert spellings[(one.artist, one.title)] == max(
                    n for spelt, n in spellings.items() if spelt and folded(spelt) == name
                )
        await check_firsts(room, wanted, kind, everything)


async def check_firsts(room: Room, wanted: Span, kind: NameKind, everything: list[Heard]) -> None:
    start, end = wanted.start, wanted.end
    firsts: dict[tuple[str, str], int] = {}
    starts = defaultdict[tuple[str, str], list[int]](list)
    for one in everything:
        if (name := one.name(kind)) is not None:
            firsts.setdefault(folded(name), one.at)
            starts[folded(name)].append(one.at)
    fresh = await room.deck.figures.discoveries(room.me.id, kind, wanted, 1000)
    found = {folded((one.artist, one.title)): one.at for one in fresh.names}
    assert found == {name: at for name, at in firsts.items() if start <= at < end}
    assert fresh.total == len(found)
    assert [one.at for one in fresh.names] == sorted(found.values(), reverse=True)
    away = start - int(
        (datetime.combine(wanted.period.first, datetime.min.time(), wanted.zone)).timestamp()
        - datetime.combine(wanted.period.first - timedelta(AWAY), datetime.min.time(), wanted.zone).timestamp()
    )
    again = {
        name
        for name, of_name in starts.items()
        if any(start <= at < end for at in of_name)
        and any(at < away for at in of_name)
        and not any(away <= at < start for at in of_name)
    }
    rediscovered = await room.deck.figures.rediscovered(room.me.id, kind, wanted, 1000)
    assert {folded((one.artist, one.title)) for one in rediscovered.names} == again


async def check_names(room: Room, zone: tzinfo = BERLIN) -> None:
    """What is said of single names against a recount."""
    everything = await recount(room)
    for kind in NameKind:
        counts = most(everything, kind)
        names = sorted({name for one in everything if (name := one.name(kind)) is not None})
        for name in names[:: len(names) // 5 or 1]:
            of_it = [one for one in everything if (spelt := one.name(kind)) and folded(spelt) == folded(name)]
            found = await room.deck.figures.of_name(room.me.id, kind, name, zone, 5, 3)
            assert (found.plays, found.first, found.last) == (len(of_it), of_it[0].at, of_it[-1].at)
            assert found.heard == sum(one.seconds for one in of_it)
            assert found.rank == 1 + sum(number > counts[folded(name)] for number in counts.values())
            assert found.total == len(counts)
            assert found.names == {one.name(kind) for one in of_it}
            assert found.names == await room.deck.figures.spellings(room.me.id, kind, name)
            local = Counter(_local(one, zone).date() for one in of_it)
            assert {days.date_of(day): number for day, number in found.by_day.items()} == local
            rows = await room.deck.store.read(partial(plays.by_id, account=room.me.id, ids=found.ids))
            assert [rows[id_].play.timestamp for id_ in found.ids] == [one.at for one in of_it[:-4:-1]]
            for other, top in found.tops.items():
                expected = most(of_it, other)
                assert (top.total, [one.plays for one in top.names]) == (
                    len(expected),
                    sorted(expected.values(), reverse=True)[:5],
                )


def _local(one: Heard, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(one.at, zone)


SPANS = (
    span("2022-01-01", "2025-12-31", kind=PeriodKind.ALL),
    span("2023-01-01", "2023-12-31", kind=PeriodKind.YEAR),
    span("2024-03-01", "2024-03-31", NEPAL, kind=PeriodKind.MONTH),
    span("2023-11-08", "2024-02-20"),
    span("2024-05-05", "2024-05-05", kind=PeriodKind.DAY),
    span("2025-09-01", "2025-12-31", UTC),
    span("2001-01-01", "2001-12-31", kind=PeriodKind.YEAR),
)


async def fill(room: Room, number: int = 1500, seed: int = 1) -> None:
    """Plays of three years up to now, with pauses of weeks, several spellings, and some that do not count."""
    chance = random.Random(seed)
    at = int(datetime(2022, 12, 30, tzinfo=UTC).timestamp())
    rows = []
    step = (room.now - at) / number
    for n in range(number):
        at += int(chance.choice((0.01, 0.02, 0.1, 1, 4)) * step / 1.03) + 1
        if at > room.now:
            break
        artist, album = chance.choice(ARTISTS)
        fate = chance.choices(("imported", "accepted", "discarded", "suspected", "threshold_not_met"), (9, 9, 1, 1, 1))
        seconds = chance.choice((0.0, 180.4, 2400.0))
        said = Play(
            Track(artist, f"Song {n % 17} ({n % 3})", album, duration=chance.choice((None, 200.0))), at, seconds
        )
        rows.append(
            history_row(room.me.id, said, fate=fate[0], counted=fate[0] != "threshold_not_met", reported_timestamp=at)
        )
    await room.deck.store.write(lambda db: plays.insert(db, rows) and None)


async def test_all_figures_are_those_of_a_recount(room: Room) -> None:
    await fill(room)
    for wanted in SPANS:
        await check(room, wanted)
        await check(room, wanted)
    whole = await room.deck.figures.span(room.me.id, "all", BERLIN)
    assert whole is not None
    everything = await recount(room)
    overview = await room.deck.figures.overview(room.me.id, whole, 3)
    assert overview.totals.plays == len(everything)
    assert overview.totals.skipped > 0
    assert overview.before is None
    assert overview.names[NameKind.ARTIST] == overview.fresh == 3
    assert overview.session == longest(everything)
    assert [len(top.names) for top in overview.tops.values()] == [3, 2, 3]
    await check_names(room)
    nobody = await room.deck.figures.of_name(room.me.id, NameKind.TRACK, ("Nobody", "Nothing"), BERLIN, 5, 3)
    assert nobody == NameFigures(frozenset({("Nobody", "Nothing")}))
    first = await room.deck.figures.first_play(room.me.id)
    assert first is not None
    assert (first.at, first.artist, first.track) == (everything[0].at, everything[0].artist, everything[0].track)


@pytest.mark.slow
async def test_whatever_is_written_into_a_month_that_is_summed_up_counts_at_once(room: Room, tmp_path: Path) -> None:
    await fill(room, 400)
    deck, me = room.deck, room.me.id

    async def agree() -> None:
        await check(room, SPANS[0])
        await check(room, SPANS[3])
        await check_names(room, NEPAL)
        await deck.figures.close()
        await check(room, SPANS[0])
        stored = await deck.store.read(partial(summaries.made, account=me, until=int(room.now) // 86400 * 86400))
        assert len(stored) > 30

    await agree()
    long_ago = int(datetime(2024, 1, 10, 12, tzinfo=UTC).timestamp())
    late = await room.me.scrobble(Track("Björk", "Jóga", duration=200), started_at=long_ago, played=200)
    assert late.status == "too_old"
    await agree()
    assert (await deck.play_actions.discard(me, late.id)).__class__.__name__ == "ActionRefused"
    few = await room.me.scrobble(Track("Björk", "Bachelorette", duration=200), started_at=long_ago + 999, played=9)
    assert few.status == "threshold_not_met"
    await agree()
    whole = await room.me.scrobble(Track("Björk", "Bachelorette", duration=200), started_at=long_ago + 999, played=200)
    assert whole.id == few.id
    await agree()
    path = write(tmp_path, f"uts,artist,track\n{long_ago + 5000},Sigur Ros,Popplagið\n{long_ago - 9**8},Low,Words\n")
    (brought,) = await deck.history_import.run(me, [path], ReadOptions(), lambda done, total: None, apply=True)
    assert brought.new == 2
    assert brought.id is not None
    await agree()
    await deck.history_import.undo(me, brought.id, lambda done, total: None)
    await agree()


async def test_what_the_listener_does_with_plays_of_last_month_counts_at_once(room: Room) -> None:
    deck, me = room.deck, room.me.id
    room.house.clock.advance(datetime(2025, 11, 3, tzinfo=UTC).timestamp() - room.now)
    age = 3 * DAY + 3600
    for number in range(4):
        await room.play(number, age, played=150 if number else 5)
    await room.until_empty()
    wanted = await deck.figures.span(me, "all", UTC)
    assert wanted is not None

    async def agree(number: int) -> None:
        assert wanted is not None
        whole = Span(HistoryPeriod(PeriodKind.SPAN, wanted.period.first - timedelta(40), wanted.period.last), UTC)
        await check(room, whole)
        await deck.figures.close()
        await check(room, whole)
        assert len(await recount(room)) == number

    await agree(3)
    await deck.accounts.change_settings(me, enabled=False, threshold=None)
    unsent = await room.play(9, age)
    await deck.accounts.change_settings(me, enabled=True, threshold=None)
    await agree(4)
    await deck.play_actions.discard(me, unsent.id)
    await agree(3)
    await deck.play_actions.undo_discard(me, unsent.id)
    await agree(4)
    await deck.play_actions.discard(me, unsent.id)
    skipped = (await room.history())[0]
    await deck.play_actions.retry(me, skipped.id)
    await room.until_empty()
    await agree(4)
    double = await room.me.scrobble(
        Track("Nina Simone", "Song 002", duration=200), started_at=room.now - age + 4, played=150, reporter="another"
    )
    assert (await room.history())[-1].fate == "suspected" or double.status == "duplicate"
    await agree(4)
    suspected = next(one for one in await room.history() if one.fate == "suspected")
    await deck.play_actions.discard(me, suspected.id)
    await agree(4)
    await deck.play_actions.undo_discard(me, suspected.id)
    await agree(4)
    await deck.play_actions.correct(me, suspected.id, lambda track: Track("Nina Simone", "Song 777", duration=200))
    await room.until_empty()
    await agree(5)


async def test_a_play_written_while_its_month_is_summed_up_is_not_lost(room: Room) -> None:
    await fill(room, 60)
    deck, me = room.deck, room.me.id
    read_long = deck.store.read_long
    at = int(datetime(2024, 1, 10, 12, tzinfo=UTC).timestamp())
    written: list[ReportResult] = []

    async def meanwhile(questions: Any, **options: Any) -> Any:
        answer = await read_long(questions, **options)
        if not written:
            written.append(await room.me.scrobble(Track("Low", "Words", duration=200), started_at=at, played=200))
        return answer

    object.__setattr__(deck.store, "read_long", meanwhile)
    await deck.figures.make_all(me)
    object.__setattr__(deck.store, "read_long", read_long)
    assert written
    await check(room, SPANS[0])


async def test_figures_are_true_if_nothing_can_be_written(room: Room) -> None:
    await fill(room, 300)

    async def full(*_: Any, **__: Any) -> Any:
        raise StoreUnavailable("the disk is full")

    write_ = room.deck.store.write
    object.__setattr__(room.deck.store, "write", full)
    for wanted in SPANS:
        await check(room, wanted)
    object.__setattr__(room.deck.store, "write", write_)
    await check(room, SPANS[0])


async def test_a_month_is_requested_once_and_no_play_of_it_is_read_again(room: Room) -> None:
    await fill(room, 800)
    wanted = span("2024-01-01", "2024-12-31", UTC, PeriodKind.YEAR)
    await room.deck.figures.top(room.me.id, NameKind.TRACK, wanted, 10)
    asked: list[tuple[int, int]] = []
    original = summaries.plays

    def noted(db: Connection, account: int, start: int, end: int) -> Any:
        asked.append((start, end))
        return original(db, account, start, end)

    summaries.plays = noted
    try:
        await room.deck.figures.top(room.me.id, NameKind.TRACK, wanted, 10)
        assert asked == []
        await room.deck.figures.top(room.me.id, NameKind.TRACK, Span(wanted.period, BERLIN), 10)
        assert sum(end - start for start, end in asked) <= 4 * 3600
    finally:
        summaries.plays = original


async def test_an_answer_does_not_wait_for_the_sums_of_a_few_months(room: Room) -> None:
    await fill(room, 800)
    figures, me, store = room.deck.figures, room.me.id, room.deck.store
    await figures.make_all(me)
    last_month = datetime.fromtimestamp(room.now, UTC).replace(day=1) - timedelta(days=1)
    await room.me.scrobble(Track("Low", "Words", duration=200), started_at=last_month, played=200)
    write_, freed = store.write, asyncio.Event()

    async def slow(work: Any) -> Any:
        await freed.wait()
        return await write_(work)

    async def missing() -> bool:
        made = await store.read(partial(summaries.made, account=me, until=int(room.now) // days.DAY * days.DAY))
        return month_of(int(last_month.timestamp())) not in made

    object.__setattr__(store, "write", slow)
    await check(room, SPANS[0])
    assert await missing()
    freed.set()
    await figures.close()
    assert not await missing()
    object.__setattr__(store, "write", write_)
    await check(room, SPANS[0])


async def test_a_fault_in_the_sums_is_logged_and_the_figures_are_true(
    room: Room, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(room, 800)
    await room.deck.figures.make_all(room.me.id)
    last_month = datetime.fromtimestamp(room.now, UTC).replace(day=1) - timedelta(days=1)
    await room.me.scrobble(Track("Low", "Words", duration=200), started_at=last_month, played=200)

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("a fault of ours")

    with monkeypatch.context() as patched:
        patched.setattr(summaries, "claim", broken)
        await room.deck.figures.top(room.me.id, NameKind.TRACK, SPANS[0], 10)
        await room.deck.figures.close()
    assert "months could not be summed up" in caplog.text
    await check(room, SPANS[0])


async def test_a_command_that_ends_leaves_its_sums_to_the_next(house: House) -> None:
    async with house.open() as room:
        await fill(room, 800)
        month = datetime.fromtimestamp(room.now - 40 * DAY, UTC)
        wanted = Span(month_period(month.month, month.year), UTC)
        assert (await room.deck.figures.top(room.me.id, NameKind.TRACK, wanted, 10)).total
    async with house.open() as room:
        made = await room.deck.store.read(
            partial(summaries.made, account=room.me.id, until=int(room.now) // days.DAY * days.DAY)
        )
        assert month_of(wanted.start) in made


async def test_a_play_that_comes_late_for_last_month_leaves_the_sums_of_years(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(room, 800)
    figures, me = room.deck.figures, room.me.id

    async def tracks() -> int:
        everything = await figures.span(me, "all", UTC)
        assert everything is not None
        total = (await figures.top(me, NameKind.TRACK, everything, 10)).total
        await figures.close()
        return total

    before = await tracks()
    rewritten: list[int] = []
    original = summaries.write_year

    def noted(db: Connection, account: int, year: int, *rest: Any) -> None:
        rewritten.append(year)
        original(db, account, year, *rest)

    monkeypatch.setattr(summaries, "write_year", noted)
    last_month = datetime.fromtimestamp(room.now, UTC).replace(day=1) - timedelta(days=1)
    await room.me.scrobble(Track("Low", "Words", duration=200), started_at=last_month, played=200)
    assert await tracks() == before + 1
    assert rewritten == []
    long_ago = datetime(2024, 1, 10, 12, tzinfo=UTC)
    await room.me.scrobble(Track("Low", "Sunflower", duration=200), started_at=long_ago, played=200)
    assert await tracks() == before + 2
    assert 2024 in rewritten
    assert summaries.ALL in rewritten


async def test_streaks_and_days_of_earlier_years(room: Room) -> None:
    deck, me = room.deck.figures, room.me.id
    today = datetime.fromtimestamp(room.now, BERLIN).date()
    assert (await deck.streaks(me, BERLIN)).longest is None
    assert await deck.first_play(me) is None
    assert (await deck.overview(me, span("2024-01-01", "2024-12-31"), 3)).totals.plays == 0
    rows = []
    for back in (1, 2, 3, 365, 366, 730, 731, 732, 733, 734):
        day = datetime.combine(today - timedelta(back), datetime.min.time(), BERLIN)
        said = Play(Track("Low", f"Song {back}"), int(day.timestamp()) + 60, 200.0)
        rows.append(history_row(me, said, fate="imported"))
    await room.deck.store.write(lambda db: plays.insert(db, rows) and None)
    found = await deck.streaks(me, BERLIN)
    assert found.longest is not None
    assert found.current is not None
    assert (found.longest.days, found.current.days) == (5, 3)
    years = await deck.on_this_day(me, today, BERLIN)
    assert [year.day for year in years] == [today.replace(year=today.year - n) for n in (1, 2)]
    assert [(year.totals.plays, year.tracks[0].artist) for year in years] == [(1, "Low"), (1, "Low")]
    assert await deck.on_this_day(me, date(2024, 2, 29), BERLIN) == []


async def test_names_with_as_many_plays_are_listed_by_the_alphabet_on_every_page(room: Room) -> None:
    names = [f"Artist {letter}" for letter in "bdace"]
    start = int(room.now - DAY)
    rows = [
        history_row(room.me.id, Play(Track(name, "One"), start + n * 400, 100.0), fate="imported")
        for n, name in enumerate(names)
    ]
    await room.deck.store.write(lambda db: plays.insert(db, rows) and None)
    whole = await room.deck.figures.span(room.me.id, "all", UTC)
    assert whole is not None
    pages = [await room.deck.figures.top(room.me.id, NameKind.ARTIST, whole, 2, offset) for offset in (0, 2, 4, 6)]
    assert [one.artist for page in pages for one in page.names] == sorted(names)
    assert {one.rank for page in pages for one in page.names} == {1}
    assert await room.deck.figures.span(room.me.id, "2014-13", UTC) is None
    assert await room.deck.figures.span(room.me.id, "1900", UTC) is None


async def test_deliveries_say_how_long_it_took_and_what_was_left_out(room: Room) -> None:
    await room.plays(1, 2, 3)
    await room.until_empty()
    await room.me.scrobble(Track("Unknown", "Unknown", duration=200), started_at=room.now - 3600, played=150)
    await room.until_empty()
    whole = await room.deck.figures.span(room.me.id, "all", UTC)
    assert whole is not None
    wanted = Span(HistoryPeriod(PeriodKind.SPAN, whole.period.first, whole.period.last + timedelta(1)), UTC)
    found = await room.deck.figures.deliveries(room.me.id, wanted)
    assert found.sample >= 3
    assert found.median is not None
    assert found.slow is not None
    assert 0 <= found.median <= found.slow
    nothing = await room.deck.figures.deliveries(room.me.id, SPANS[-1])
    assert (nothing.sample, nothing.median, nothing.left_out) == (0, None, ())


async def test_nothing_of_a_listener_is_left_in_summaries_when_all_is_erased(house: House) -> None:
    async with house.open() as room:
        await fill(room, 300)
        await room.deck.figures.make_all(room.me.id)
        await check(room, SPANS[0])
        me = room.me.id
        await room.deck.store.write(partial(erase.begin, account_id=me, kept_session=""))
        while await room.deck.store.write(partial(erase.erase_part, account_id=me)) is not None:
            await check(room, SPANS[1])
        counts = [
            select(func.count()).select_from(table) for table in (month_part, month_summary, year_summary, summary_name)
        ]
        assert await room.deck.store.read(lambda db: [db.execute(count).scalar() for count in counts]) == [0, 0, 0, 0]
        await check(room, SPANS[0])
