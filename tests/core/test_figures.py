"""Figures are sums of parts: whatever way a history is cut, they are those of the whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tonearm.core import days
from tonearm.core.figures import (
    PAUSE,
    TIED,
    FiguredPlay,
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
    (part,) = top_parts(dict.fromkeys(range(TIED + 1), 3), 10, 5)
    assert (part.many, len(part.groups)) == (True, TIED + 1)


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


def test_a_number_between_two_columns_is_no_name() -> None:
    wanted = 0x0202020202020202
    counts = NameCounts((7, 8, 9), (0x02020202_01010101, 0x01010101_02020202, wanted), (1, 1, 1), (1, 1, 1), (1, 1, 1))
    assert NameCounts.packed_spellings(counts.packed(), wanted) == [9]
