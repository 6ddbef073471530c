"""Figures are sums of parts: whatever way a history is cut, they are those of the whole."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tonearm.core import days
from tonearm.core.figures import (
    PAUSE,
    QUARTER,
    TIED,
    FiguredPlay,
    FigurePart,
    ListeningSession,
    Measure,
    NameCounts,
    NameKind,
    Quarters,
    Renames,
    Sessions,
    Streak,
    Tally,
    Totals,
    by_local_hour,
    by_weekday_and_hour,
    month_of,
    month_start,
    numbers,
    parts_of,
    ranks,
    sessions_of,
    streaks,
    summed_up,
    top_parts,
    whole_hours,
)

START = 1_700_000_000
NAMES = (
    ("Sigur Rós", "Ágætis byrjun"),
    ("Sigur Ros", "Agaetis Byrjun"),
    ("Björk", ""),
    ("!!!", "Myth Takes"),
    ("???", ""),
)

plays_in_order = st.lists(
    st.builds(
        FiguredPlay,
        timestamp=st.integers(START, START + 40 * 86400),
        artist=st.sampled_from([artist for artist, _ in NAMES]),
        album=st.sampled_from([album for _, album in NAMES]),
        track=st.sampled_from(("One", "one", "Two (Live)")),
        heard=st.sampled_from((0, 30, 200, 4000)),
        counted=st.sampled_from((True, True, False)),
    ),
    max_size=40,
).map(lambda plays: sorted(plays, key=lambda play: play.timestamp))


SAME_SECOND = FiguredPlay(START, "Sigur Rós", "Ágætis byrjun", "One", 0, True)


@example(plays=[SAME_SECOND, SAME_SECOND], cut=1)
@given(plays=plays_in_order, cut=st.integers(0, 40))
def test_two_summaries_together_are_that_of_the_whole(plays: list[FiguredPlay], cut: int) -> None:
    whole, first, second = summed_up(plays), summed_up(plays[:cut]), summed_up(plays[cut:])
    assert first.totals + second.totals == whole.totals
    assert whole.totals - second.totals == first.totals
    for kind in NameKind:
        added, once = Tally(), Tally()
        added.add(first.names[kind])
        added.add(second.names[kind])
        once.add(whole.names[kind])
        for measure in Measure:
            assert added.by_group(measure) == once.by_group(measure)
        assert added.first_by_group() == once.first_by_group()
        assert sorted(zip(*_columns(added.counts()), strict=True)) == sorted(zip(*_columns(once.counts()), strict=True))
        once.take(second.names[kind])
        alone = Tally()
        alone.add(first.names[kind])
        assert once.by_group() == alone.by_group()
        assert once.heard == alone.heard
    if first.sessions and second.sessions:
        assert first.sessions.with_later(second.sessions) == whole.sessions
    else:
        assert whole.sessions == (first.sessions or second.sessions)


def _columns(counts: NameCounts) -> tuple[Sequence[int], ...]:
    return counts.spellings, counts.groups, counts.plays, counts.heard, counts.first


@given(plays=plays_in_order)
def test_what_is_stored_is_read_as_it_was(plays: list[FiguredPlay]) -> None:
    found = summed_up(plays)
    for counts in found.names.values():
        assert [list(column) for column in _columns(NameCounts.unpacked(counts.packed()))] == [
            list(column) for column in _columns(counts)
        ]
    again = Quarters.unpacked(found.quarters.packed())
    assert (list(again.at), list(again.plays), list(again.heard)) == (
        found.quarters.at,
        found.quarters.plays,
        found.quarters.heard,
    )
    if found.sessions:
        assert Sessions.unpacked(found.sessions.packed()) == found.sessions


@given(plays=plays_in_order, zone=st.sampled_from(("Europe/Berlin", "Asia/Kathmandu", "America/St_Johns")))
def test_hours_are_those_of_the_zone(plays: list[FiguredPlay], zone: str) -> None:
    here = ZoneInfo(zone)
    start, end = days.start_of(date(2023, 11, 16), here), days.start_of(date(2023, 12, 20), here)
    found, heard = by_local_hour([summed_up(plays).quarters, Quarters()], days.stretches(here, start, end))
    inside = [play for play in plays if play.counted and start <= play.timestamp < end]
    local = [datetime.fromtimestamp(play.timestamp, here) for play in inside]
    assert found == Counter(days.day_number(one.date()) * 24 + one.hour for one in local)
    assert heard.total() == sum(play.heard for play in inside)
    if whole_hours(days.stretches(here, start, end)):
        by_hour = by_local_hour([summed_up(plays).quarters.by_hour()], days.stretches(here, start, end), hours=True)
        assert by_hour == (found, heard)
    week = by_weekday_and_hour(found)
    assert {(d, h): n for d, hours in enumerate(week) for h, n in enumerate(hours) if n} == Counter(
        (one.weekday(), one.hour) for one in local
    )


@given(
    start=st.integers(START, START + 10**8),
    length=st.integers(0, 10**8),
    until=st.integers(START, START + 2 * 10**8),
    inside=st.booleans(),
)
def test_a_span_is_its_months_and_the_rest(start: int, length: int, until: int, inside: bool) -> None:
    end, until = start + length, until // days.DAY * days.DAY
    found = parts_of(start, end, until, inside=inside)
    sums: Counter[int] = Counter()
    for part in found:
        first, last = part.first, part.end
        if part.whole:
            first, last = month_start(part.first), min(month_start(part.end), until)
        assert first < last
        assert not part.whole or last <= until
        assert part.sign == 1 or (not inside and last - first <= 16 * days.DAY)
        sums[first] += part.sign
        sums[last] -= part.sign
    assert {at: change for at, change in sums.items() if change} == ({start: 1, end: -1} if length else {})


def test_months_are_those_of_the_calendar() -> None:
    for year, month in ((1970, 1), (2024, 2), (2024, 3), (2038, 12)):
        first = int(datetime(year, month, 1, tzinfo=UTC).timestamp())
        assert month_start(month_of(first)) == first
        assert month_of(first - 1) == month_of(first) - 1


@pytest.fixture
def server_in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("server_in_tokyo")
def test_months_and_days_are_not_those_of_the_servers_clock() -> None:
    new_year = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
    assert [month_of(at) for at in (new_year - 1, new_year)] == [2025 * 12 + 11, 2026 * 12]
    assert [days.day_of(at, UTC) for at in (new_year - 1, new_year)] == [date(2025, 12, 31), date(2026, 1, 1)]


def test_numbers_of_names_stay_those_that_summaries_have_stored() -> None:
    """If they have to change, a migration makes all summaries stale."""
    assert [numbers(kind, "Sigur Rós", "Ágætis") for kind in NameKind] == [
        (-573083799830509434, 3718210276520905873),
        (5905081811596828820, -7633015607157768190),
        (1091880868837456753, 3225320494612441786),
    ]
    assert numbers(NameKind.ARTIST, "\ud800", "")[0] == numbers(NameKind.ARTIST, "?", "")[0]


def test_a_name_is_added_up_from_all_its_spellings() -> None:
    plays = [
        _play(0, "Sigur Ros"),
        _play(5),
        _play(7, "Sigur Rós", 7),
        _play(9, "sigur ros"),
        _play(11, "Sigur Rós", 7),
    ]
    plays += [_play(13, "Björk", 30), _play(15, "Bjork", 40)]
    tally = Tally()
    tally.add(summed_up(plays).names[NameKind.ARTIST])
    sigur, low, bjork = (numbers(NameKind.ARTIST, name, "")[1] for name in ("Sigur Rós", "Low", "Björk"))
    assert tally.by_group() == {sigur: 4, low: 1, bjork: 2}
    assert tally.by_group(Measure.HEARD) == {sigur: 214, low: 100, bjork: 70}
    assert tally.first_by_group() == {sigur: START, low: START + 5, bjork: START + 13}


def test_spellings_that_fold_alike_are_one_name_and_signs_alone_are_names_too() -> None:
    def group(*name: str) -> int:
        return numbers(NameKind.ARTIST, name[0], "")[1]

    assert group("Sigur Rós") == group("sigur ros")
    assert group("!!!") != group("???")
    assert numbers(NameKind.ARTIST, "A", "")[0] != numbers(NameKind.TRACK, "A", "")[0]
    tally = Tally()
    tally.add(summed_up([_play(0, "Sigur Ros"), _play(1, "Sigur Rós"), _play(2, "Sigur Rós")]).names[NameKind.ARTIST])
    (spellings,) = tally.spellings_of({group("Sigur Rós")}).values()
    assert spellings[0] == numbers(NameKind.ARTIST, "Sigur Rós", "")[0]


def _play(at: int, artist: str = "Low", heard: int = 100) -> FiguredPlay:
    return FiguredPlay(START + at, artist, "", "One", heard, counted=True)


def test_a_session_lasts_while_no_pause_is_longer_than_half_an_hour() -> None:
    assert sessions_of([]) is None
    found = sessions_of([_play(0), _play(100 + PAUSE), _play(201 + 2 * PAUSE)])
    assert found == Sessions(
        ListeningSession(START, START + 200 + PAUSE, 2),
        ListeningSession(START + 201 + 2 * PAUSE, START + 301 + 2 * PAUSE, 1),
        ListeningSession(START, START + 200 + PAUSE, 2),
        one=False,
    )


def test_a_session_continues_from_one_month_to_the_next() -> None:
    first, second = sessions_of([_play(0), _play(100)]), sessions_of([_play(300), _play(9000)])
    assert first is not None
    assert second is not None
    joined = first.with_later(second)
    assert (joined.first, joined.longest, joined.last.plays) == (ListeningSession(START, START + 400, 3),) * 2 + (1,)


def test_ranks_are_shared_and_the_list_continues_behind_them() -> None:
    sums = {1: 5, 2: 9, 3: 5, 4: 1}
    assert ranks(sums, (1, 2, 3, 4, 77)) == {1: 2, 2: 1, 3: 2, 4: 4}
    assert [(part.start, part.groups) for part in top_parts(sums, 2, 0)] == [(0, (2,)), (1, (1, 3))]
    assert [(part.start, part.groups) for part in top_parts(sums, 2, 2)] == [(1, (1, 3)), (3, (4,))]
    assert top_parts(sums, 2, 4) == []
    assert [part.groups for part in top_parts(sums, 4, 0)] == [(2,), (1, 3), (4,)]
    assert [part.groups for part in top_parts(sums, 1, 0)] == [(2,)]
    for tied, many in ((TIED, False), (TIED + 1, True)):
        (part,) = top_parts(dict.fromkeys(range(tied), 3), 10, 5)
        assert (part.many, len(part.groups)) == (many, tied)


@given(st.sets(st.integers(0, 60)), st.integers(0, 60))
def test_a_streak_is_days_in_a_row(listened: set[int], today: int) -> None:
    found = streaks(listened, today)
    past = sorted(day for day in listened if day <= today)
    runs: list[list[int]] = [past[:1]] if past else []
    for one, other in pairwise(past):
        if other == one + 1:
            runs[-1].append(other)
        else:
            runs.append([other])
    assert (found.longest.days if found.longest else 0) == max(map(len, runs), default=0)
    current = runs[-1] if runs and runs[-1][-1] >= today - 1 else []
    assert found.current == (Streak(current[0], current[-1]) if current else None)


def test_of_equal_streaks_the_later_is_the_longest() -> None:
    assert streaks([1, 2, 4, 7, 8], 10).longest == Streak(7, 8)


def test_a_week_has_seven_days_of_24_hours() -> None:
    assert by_weekday_and_hour({0: 2, 23: 1, 24 * 3: 4}) == [
        *([0] * 24 for _ in range(3)),
        [2, *[0] * 22, 1],
        *([0] * 24 for _ in range(2)),
        [4, *[0] * 23],
    ]


def test_quarters_of_an_hour_are_added_up_by_the_hour() -> None:
    found = Quarters((4, 5, 7, 8), (1, 2, 3, 4), (10, 20, 30, 40))
    assert found.by_hour() == Quarters([1, 2], [6, 4], [60, 40])
    once = [days.Stretch(0, 4 * QUARTER, 0), days.Stretch(4 * QUARTER, 8 * QUARTER, 3600)]
    assert by_local_hour([found], once) == ({2: 6}, {2: 60})
    assert by_local_hour([found], [days.Stretch(8 * QUARTER, 9 * QUARTER, 0)]) == ({2: 4}, {2: 40})
    assert by_local_hour([found, found], [days.Stretch(0, 4 * QUARTER + 1, 0)]) == ({1: 2}, {1: 20})
    assert by_local_hour([found], [days.Stretch(4 * QUARTER + 1, 5 * QUARTER, 0)]) == ({}, {})


@pytest.mark.parametrize(
    ("start", "end", "offset", "whole"),
    [
        (0, 7200, 3600, True),
        (3600, 7200, -7200, True),
        (900, 7200, 0, False),
        (0, 900, 0, False),
        (0, 7200, 900, False),
    ],
)
def test_hours_are_whole_if_all_begin_end_and_shift_with_one(start: int, end: int, offset: int, whole: bool) -> None:
    assert whole_hours([days.Stretch(0, 3600, 0), days.Stretch(start, end, offset)]) is whole


@pytest.mark.parametrize(
    ("start", "end", "until", "inside", "parts"),
    [
        pytest.param("2026-01-01", "2026-03-01", "2027-01-01", True, ["+01..03"], id="whole months, inside"),
        pytest.param("2026-01-01", "2026-03-01", "2027-01-01", False, ["+01..03"], id="whole months"),
        pytest.param("2026-01-02", "2026-03-01", "2027-01-01", True, ["+02..03", "+01-02..02-01"], id="one inside"),
        pytest.param(
            *("2026-01-01T00:00:01", "2026-03-01", "2027-01-01", True),
            ["+02..03", "+01-01T00:00:01..02-01"],
            id="a second late",
        ),
        pytest.param("2026-01-02", "2026-03-01", "2027-01-01", False, ["+01..03", "-01-01..01-02"], id="nearest"),
        pytest.param("2026-01-30", "2026-03-02", "2027-01-01", False, ["+02..03", "+01-30..02-01", "+03-01..03-02"]),
        pytest.param("2026-01-01", "2026-03-10", "2026-03-10", False, ["+01..04"], id="until the present"),
        pytest.param("2026-01-01", "2026-03-10", "2026-03-10", True, ["+01..04"], id="the same, inside"),
        pytest.param("2026-01-01", "2026-03-25", "2026-03-10", True, ["+01..04", "+03-10..03-25"], id="and on"),
        pytest.param("2026-01-01", "2026-03-09", "2026-03-10", False, ["+01..03", "+03-01..03-09"], id="until before"),
        pytest.param("2026-01-01", "2026-05-01", "2026-03-01", False, ["+01..03", "+03-01..05-01"], id="no month yet"),
        pytest.param("2026-01-10", "2026-01-12", "2027-01-01", False, ["+01-10..01-12"], id="less than a month"),
        pytest.param("2026-01-10", "2026-01-10", "2027-01-01", False, [], id="nothing"),
    ],
)
def test_the_parts_of_a_span(start: str, end: str, until: str, inside: bool, parts: list[str]) -> None:
    def at(day: str) -> int:
        return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())

    def part(text: str) -> FigurePart:
        sign = -1 if text[0] == "-" else 1
        first, last = text[1:].split("..")
        if len(first) == 2:
            return FigurePart(2026 * 12 + int(first) - 1, 2026 * 12 + int(last) - 1, True, sign)
        return FigurePart(at(f"2026-{first}"), at(f"2026-{last}"), False, sign)

    assert parts_of(at(start), at(end), at(until), inside=inside) == [part(text) for text in parts]


def test_totals_begin_at_zero() -> None:
    assert summed_up([]).totals == Totals()


@pytest.mark.parametrize(
    ("renamed", "independent"),
    [
        ([], True),
        ([(NameKind.ARTIST, ("A", ""), ("B", "")), (NameKind.ARTIST, ("C", ""), ("B", ""))], True),
        ([(NameKind.ARTIST, ("Sigur Rós", ""), ("SIGUR ROS", ""))], True),
        ([(NameKind.TRACK, ("A", "x"), ("B", "x")), (NameKind.ALBUM, ("B", "x"), ("C", "x"))], True),
        ([(NameKind.ARTIST, ("A", ""), ("B", "")), (NameKind.ARTIST, ("B", ""), ("C", ""))], False),
        ([(NameKind.TRACK, ("A", "x"), ("B", "x")), (NameKind.TRACK, ("B", "x"), ("B", "y"))], False),
        ([(NameKind.ARTIST, ("A", ""), ("B", "")), (NameKind.TRACK, ("B", "x"), ("C", "x"))], False),
    ],
)
def test_renames_are_independent_if_none_leads_to_another(
    renamed: list[tuple[NameKind, tuple[str, str], tuple[str, str]]], independent: bool
) -> None:
    names = {(kind, numbers(kind, *name)[1]): to for kind, name, to in renamed}
    assert Renames(names).independent is independent


def test_names_that_are_renamed_in_a_circle_count_as_one_of_them() -> None:
    artist = NameKind.ARTIST
    circle = {"A": "B", "B": "C", "C": "A"}
    renames = Renames({(artist, numbers(artist, name, "")[1]): (to, "") for name, to in circle.items()})
    assert renames.applied(artist, "A", "")[0] in circle
    assert renames.applied(artist, "D", "") == ("D", "")


@pytest.mark.parametrize(
    ("kind", "name", "counts_as"),
    [
        (NameKind.ARTIST, ("a", ""), ("B", "")),
        (NameKind.ALBUM, ("A", "x"), ("B", "x")),
        (NameKind.TRACK, ("A", "x"), ("B", "x")),
        (NameKind.TRACK, ("A", "y"), ("C", "z")),
        (NameKind.ALBUM, ("A", "y"), ("B", "y")),
        (NameKind.TRACK, ("D", "y"), ("D", "y")),
        (NameKind.ARTIST, ("D", ""), ("D", "")),
    ],
)
def test_what_is_a_renamed_artists_is_renamed_with_it(
    kind: NameKind, name: tuple[str, str], counts_as: tuple[str, str]
) -> None:
    renames = Renames(
        {
            (NameKind.ARTIST, numbers(NameKind.ARTIST, "A", "")[1]): ("B", ""),
            (NameKind.TRACK, numbers(NameKind.TRACK, "A", "y")[1]): ("C", "z"),
        }
    )
    assert renames.applied(kind, *name) == counts_as
    assert renames.group(kind, *name) == numbers(kind, *counts_as)[1]


def test_the_spellings_of_a_name_are_read_from_what_is_stored() -> None:
    artists = ("Sigur Ros", "Low", "Sigur Rós", "Björk", "sigur ros", "!!!", "Bjork", "Can", "Nina Simone", "Muse")
    counts = summed_up([_play(at, artist) for at, artist in enumerate(artists)]).names[NameKind.ARTIST]
    for artist in artists:
        group = numbers(NameKind.ARTIST, artist, "")[1]
        found = NameCounts.packed_spellings(counts.packed(), group)
        assert found == [one for one, of in zip(counts.spellings, counts.groups, strict=True) if of == group]
    assert NameCounts.packed_spellings(counts.packed(), numbers(NameKind.ARTIST, "Neu!", "")[1]) == []


WANTED = 0x0202020202020202


@pytest.mark.parametrize(
    ("groups", "spellings"),
    [
        pytest.param((0x02020202_01010101, 0x01010101_02020202, WANTED), [9], id="between two numbers"),
        pytest.param((0x02000000_00000000, WANTED, 1), [8], id="a byte before the number"),
        pytest.param((WANTED, 1, 1), [WANTED], id="in the first place"),
        pytest.param((1, 1, 1), [], id="in other columns only"),
    ],
)
def test_a_number_is_a_name_only_in_its_place(groups: tuple[int, ...], spellings: list[int]) -> None:
    for more in (0, 5):
        columns = ((WANTED, 8, 9, *range(10, 10 + more)), (*groups, *[1] * more))
        counts = NameCounts(*columns, *([0x02020202] * (3 + more) for _ in range(3)))
        assert NameCounts.packed_spellings(counts.packed(), WANTED) == spellings
