"""A play: its names cleaned, its time, and whether it counts."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonearm.core.play import (
    EARLIEST_PLAY,
    FURTHEST_AHEAD,
    MissingName,
    Track,
    When,
    cleaned,
    cleaned_changes,
    counts,
    is_a_length_of_time,
    length,
    lengths,
    start_of_play,
    when,
)
from tonearm.lastfm.rules import OLDEST

NOW = 1_760_000_000.0
DAY = 86_400

seconds = st.floats(0, 100_000, allow_nan=False)


@pytest.mark.parametrize(
    ("duration", "threshold", "played", "counted"),
    [
        pytest.param(200, 50, 100, True, id="half of a track is enough"),
        pytest.param(200, 50, 99.9, False, id="a tenth of a second short of half is not enough"),
        pytest.param(30, 50, 30, False, id="a track of 30 s is too short, heard to the end"),
        pytest.param(30.1, 50, 15.05, True, id="a track of more than 30 s counts at half"),
        pytest.param(30.1, 50, 15.0, False, id="a track of more than 30 s does not count before half"),
        pytest.param(12, 100, 12, False, id="a jingle never counts"),
        pytest.param(480, 50, 239.9, False, id="half of eight minutes is four"),
        pytest.param(480, 50, 240, True, id="four minutes of eight are enough"),
        pytest.param(3600, 50, 240, True, id="four minutes of an hour are enough"),
        pytest.param(3600, 100, 240, True, id="four minutes are enough where all is wanted"),
        pytest.param(3600, 100, 239.9, False, id="less than four minutes of an hour are not enough"),
        pytest.param(200, 25, 50, True, id="a quarter is enough at 25 percent"),
        pytest.param(200, 25, 49, False, id="less than a quarter is not enough at 25 percent"),
        pytest.param(200, 100, 199, False, id="all but a second is not enough at 100 percent"),
        pytest.param(200, 100, 200, True, id="all is enough at 100 percent"),
        pytest.param(None, 50, 240, True, id="four minutes of an unknown length are enough"),
        pytest.param(None, 25, 239, False, id="an unknown length needs four minutes at every threshold"),
        pytest.param(0, 50, 240, True, id="a length of 0 is an unknown length"),
        pytest.param(0, 50, 120, False, id="a length of 0 is not a short track"),
    ],
)
def test_the_rule_of_what_counts(duration: float | None, threshold: int, played: float, counted: bool) -> None:
    assert counts(duration, played, threshold).counts is counted


@pytest.mark.parametrize(("shortest", "counted"), [(0.0, True), (11.9, True), (12.0, False), (30.0, False)])
def test_a_jingle_counts_at_a_service_that_accepts_it(shortest: float, counted: bool) -> None:
    assert counts(12, 12, 50, shortest).counts is counted


@pytest.mark.parametrize(
    ("duration", "played", "needed", "why"),
    [
        (240, 71, 120, "heard 71 s of 240 s, needs 120 s"),
        (200.5, 10.25, 100.25, "heard 10.2 s of 200.5 s, needs 100.2 s"),
        (None, 100, 240, "heard 100 s of an unknown length, needs 240 s"),
        (30, 30, 15, "the track is 30 s long; Last.fm only accepts tracks longer than 30 s"),
        (600, 0, 240, "heard 0 s of 600 s, needs 240 s"),
        (600, 239.99, 240, "heard 239.9 s of 600 s, needs 240 s"),
        (600, 239.9, 240, "heard 239.9 s of 600 s, needs 240 s"),
        (600, 240, 240, "heard 240 s of 600 s, needs 240 s"),
        (600, 300, 240, "heard 300 s of 600 s, needs 240 s"),
    ],
)
def test_the_decision_says_what_was_heard_and_what_is_needed(
    duration: float | None, played: float, needed: float, why: str
) -> None:
    decision = counts(duration, played)
    assert (decision.played, decision.needed, decision.reason) == (played, needed, why)


@given(st.floats(30.001, 100_000), seconds, st.integers(25, 100))
def test_a_long_enough_track_counts_exactly_from_what_is_needed_on(
    duration: float, played: float, threshold: int
) -> None:
    decision = counts(duration, played, threshold)
    assert decision.counts == (played >= duration * threshold / 100 or played >= 240)
    assert decision.needed <= 240


@given(st.one_of(st.none(), st.floats(0, 100_000)), seconds, seconds, st.integers(25, 100), st.integers(25, 100))
def test_hearing_more_or_asking_less_never_makes_a_play_count_less(
    duration: float | None, played: float, more: float, one: int, other: int
) -> None:
    if counts(duration, played, max(one, other)).counts:
        assert counts(duration, played + more, min(one, other)).counts


def test_every_name_of_a_track_is_cleaned() -> None:
    dirty = Track(" a\x00", "\tt ", "al\x07bum", " aa\n", 200.5, 3, "mb\x00id ")
    assert cleaned(dirty) == Track("a", "t", "album", "aa", 200.5, 3, "mbid")


@pytest.mark.parametrize(
    ("track", "field", "message"),
    [
        (Track(" \x00", "t"), "artist", "enter an artist"),
        (Track("a", "\ud800\n"), "track", "enter a track"),
        (Track("", ""), "artist", "enter an artist"),
        (Track("\u200b\ufeff", "t"), "artist", "enter an artist"),
        (Track("a", "\u3164"), "track", "enter a track"),
    ],
)
def test_a_play_without_artist_or_title_is_skipped(track: Track, field: str, message: str) -> None:
    with pytest.raises(MissingName, match=f"^{message}$") as refused:
        cleaned(track)
    assert refused.value.field == field


def test_a_change_of_the_album_leaves_the_other_names_to_the_letter() -> None:
    frozen = Track("\ufeffSelah Sue", "Raggamuffin ", "Selah  Sue", mbid="x ")
    changed = replace(frozen, album=" \ufeffSelah Sue ", duration=-1.0)
    assert cleaned_changes(frozen, changed) == replace(frozen, album="Selah Sue")


@pytest.mark.parametrize("duration", [None, 0, -1.0, math.nan, math.inf, 1e9])
def test_an_impossible_duration_is_an_unknown_one(duration: float | None) -> None:
    assert cleaned(Track("a", "t", duration=duration)).duration is None


@pytest.mark.parametrize("duration", [0.5, 30.0, 86_400.0, 1e9 - 1])
def test_a_possible_duration_is_kept(duration: float) -> None:
    assert cleaned(Track("a", "t", duration=duration)).duration == duration


@pytest.mark.parametrize(
    ("number", "stored"), [(None, None), (0, None), (-3, None), (2**31, None), (2**31 - 1, 2**31 - 1), (1, 1)]
)
def test_a_track_number_that_no_database_keeps_is_unknown(number: int | None, stored: int | None) -> None:
    assert cleaned(Track("a", "t", track_number=number)).track_number == stored


@pytest.mark.parametrize(
    ("reported", "start"),
    [
        pytest.param(1_760_000_000, 1_760_000_000, id="seconds"),
        pytest.param(1_760_000_000.9, 1_760_000_000, id="fractions are dropped"),
        pytest.param(1_760_000_000_000, 1_760_000_000, id="milliseconds"),
        pytest.param(1_760_000_000_999.5, 1_760_000_000, id="fractions of milliseconds"),
        pytest.param(100_000_000_000, 100_000_000, id="the first number that is taken for milliseconds"),
        pytest.param(99_999_999_999, 99_999_999_999, id="the last number that is taken for seconds"),
        pytest.param(-100_000_000_000, -100_000_000, id="milliseconds before 1970"),
        pytest.param(99_999_999_999_999, 99_999_999_999, id="the last number of milliseconds"),
        pytest.param(100_000_000_000_000, 0, id="microseconds are no time of a play"),
        pytest.param(math.inf, 0, id="infinity"),
        pytest.param(-math.inf, 0, id="minus infinity"),
        pytest.param(math.nan, 0, id="not a number"),
        pytest.param(10**400, 0, id="more than a float holds"),
    ],
)
def test_the_start_of_a_play_in_whole_seconds(reported: float, start: int) -> None:
    assert start_of_play(reported) == start


@given(st.integers(EARLIEST_PLAY, 4_000_000_000), st.integers(0, 999))
def test_milliseconds_and_seconds_give_the_same_time(second: int, milli: int) -> None:
    assert start_of_play(second) == start_of_play(second * 1000 + milli) == second


@pytest.mark.parametrize(
    ("start", "stands"),
    [
        pytest.param(NOW, When.TIMELY, id="now"),
        pytest.param(NOW - 1, When.TIMELY, id="a second ago"),
        pytest.param(NOW + 1, When.AHEAD, id="in a second"),
        pytest.param(NOW - OLDEST + 1, When.TIMELY, id="14 days less a second ago"),
        pytest.param(NOW - OLDEST, When.TOO_OLD, id="14 days ago to the second"),
        pytest.param(NOW - 15 * DAY, When.TOO_OLD, id="15 days ago"),
        pytest.param(EARLIEST_PLAY, When.TOO_OLD, id="the first scrobble there was"),
        pytest.param(EARLIEST_PLAY - 1, When.NONSENSE, id="before the first scrobble"),
        pytest.param(0, When.NONSENSE, id="1970"),
        pytest.param(NOW + FURTHEST_AHEAD, When.AHEAD, id="30 days ahead"),
        pytest.param(NOW + FURTHEST_AHEAD + 1, When.NONSENSE, id="more than 30 days ahead"),
    ],
)
def test_how_a_start_relates_to_the_present(start: float, stands: When) -> None:
    assert when(int(start), NOW, OLDEST) is stands


def test_nothing_is_too_old_for_a_destination_that_takes_any_age() -> None:
    assert when(EARLIEST_PLAY, NOW) is When.TIMELY


def test_the_first_play_there_could_be_was_in_october_2002() -> None:
    assert when(EARLIEST_PLAY, EARLIEST_PLAY + 1) is When.TIMELY
    assert EARLIEST_PLAY == 1_033_430_400


@pytest.mark.parametrize(
    ("duration", "played", "elapsed", "start_in_ms", "found"),
    [
        pytest.param(247.0, 247.0, 247.0, False, (247.0, 247.0), id="seconds"),
        pytest.param(247_000.0, 247_000.0, 247.0, True, (247.0, 247.0), id="milliseconds"),
        pytest.param(247_000.0, 10_000.0, 10.0, True, (247.0, 10.0), id="a skip after ten seconds"),
        pytest.param(247_000.0, 10_000.0, 90_000.0, True, (247.0, 10.0), id="the same, reported a day later"),
        pytest.param(60_000.0, 60_000.0, 90_000.0, True, (60.0, 60.0), id="a short track, with a start in ms"),
        pytest.param(60_000.0, 60_000.0, 60.0, False, (60.0, 60.0), id="a short track, with a start in seconds"),
        pytest.param(None, 10_000.0, 10.0, False, (None, 10.0), id="of unknown length"),
        pytest.param(247.0, 10_000.0, 10.0, False, (247.0, 10.0), id="milliseconds only of what was heard"),
        pytest.param(300.0, 5_000.0, 5.0, False, (300.0, 5.0), id="a few of them"),
        pytest.param(247.0, 200.0, 200.0, True, (247.0, 200.0), id="only the start in milliseconds"),
        pytest.param(10_800.0, 10_800.0, 10_830.0, True, (10_800.0, 10_800.0), id="a mix of three hours"),
        pytest.param(10_800.0, 10_800.0, 5_400.0, False, (10_800.0, 10_800.0), id="the same, reported early"),
        pytest.param(14_400.0, 14_400.0, 1.0, False, (14_400.0, 14_400.0), id="the same, with its end for its start"),
        pytest.param(172_800.0, 3_600.0, 3_610.0, False, (172_800.0, 3_600.0), id="an hour of an audiobook"),
        pytest.param(0.0, 240.0, 240.0, False, (0.0, 240.0), id="no length"),
        pytest.param(622_000.0, 400.0, 9_000.0, False, (622.0, 400.0), id="only the length in milliseconds"),
        pytest.param(622_000.0, 622.0, 9_000.0, False, (622.0, 622.0), id="the same, heard to its end"),
        pytest.param(622_000.0, 623.0, 9_000.0, False, (622.0, 0.623), id="longer than the track: a skip"),
        pytest.param(622_000.0, 400.0, 9_000.0, True, (622.0, 0.4), id="a skip, with a start in ms"),
        pytest.param(247_000.0, 120.0, 110.0, False, (247.0, 120.0), id="as much as can have been heard"),
        pytest.param(247_000.0, 120.5, 110.0, False, (247.0, 0.1205), id="more than can have been heard: a skip"),
        pytest.param(86_400.0, 80.0, 9_000.0, False, (86_400.0, 80.0), id="a day of rain"),
        pytest.param(86_401.0, 80.0, 9_000.0, False, (86.401, 80.0), id="more than a day: milliseconds"),
        pytest.param(622_000.0, 400.0, 400.0, False, (622.0, 400.0), id="the length in milliseconds, reported at once"),
        pytest.param(622_000.0, 622.0, 622.0, True, (622.0, 622.0), id="the same, with a start in ms"),
        pytest.param(300.0, 300_000.0, 300.0, False, (300.0, 300.0), id="milliseconds of what was heard to the end"),
        pytest.param(247.0, 247_600.0, 248.0, False, (247.0, 247.6), id="the length in seconds is rounded down"),
        pytest.param(247.0, 300_000.0, 300.0, True, (247.0, 300.0), id="the same, with a pause"),
        pytest.param(300.0, 1_200.0, 100.0, False, (300.0, 1_200.0), id="seconds, as far as pauses are counted"),
        pytest.param(300.0, 1_200_000.0, 1_200.0, False, (300.0, 1_200.0), id="the same in milliseconds"),
        pytest.param(247.0, 248_000.0, 0.0, False, (247.0, 248.0), id="a rounded length, by a clock that is behind"),
        pytest.param(247.0, 900_000.0, 300.0, False, (0.247, 900.0), id="more than has passed is no time heard"),
        pytest.param(300.0, 1_200.5, 100.0, False, (300.0, 1.2005), id="more than that are milliseconds"),
        pytest.param(None, 12_000.0, 11_940.0, True, (None, 12_000.0), id="seconds that end a minute later"),
        pytest.param(None, 12_000.0, 12_060.0, True, (None, 12_000.0), id="seconds that ended a minute ago"),
        pytest.param(None, 12_000.0, 11_939.0, True, (None, 12.0), id="more than a minute earlier: milliseconds"),
        pytest.param(247_000.0, 240.0, 240.0, True, (247.0, 240.0), id="as long as every track needs at most"),
        pytest.param(None, 20_000.0, 10.0, False, (None, 20.0), id="ten seconds more than have passed"),
        pytest.param(None, 20_010.0, 10.0, False, (None, 20_010.0), id="more than that, even in milliseconds"),
        pytest.param(None, 30_000.0, 999.0, False, (None, 30.0), id="far more than have passed"),
        pytest.param(None, 30_000.0, 1_000.0, False, (None, 30_000.0), id="a thirtieth has passed: seconds"),
    ],
)
def test_lengths_in_milliseconds_are_recognised(
    duration: float | None,
    played: float,
    elapsed: float,
    start_in_ms: bool,
    found: tuple[float | None, float],
) -> None:
    assert lengths(duration, played, elapsed, start_in_ms) == found


@pytest.mark.parametrize(
    ("duration", "played", "elapsed", "possible"),
    [
        (247.0, 247.0, 247.0, True),
        (247.0, 900.0, 900.0, True),  # with pauses
        (247.0, 7_200.0, 7_200.0, True),  # with a long one
        (247.0, 7_200.0, 300.0, False),
        (None, 7_200.0, 300.0, True),
        (247.0, 1_094.0, 300.0, True),  # twice the length and ten minutes
        (247.0, 1_094.5, 300.0, False),
        (247.0, 1_260.0, 1_200.0, True),  # reported a minute early
        (247.0, 1_261.0, 1_200.0, False),
        (None, 0.0, 0.0, True),
        (None, 999_999_999.0, 300.0, True),
        (None, 1_000_000_000.0, 300.0, False),
        (247.0, -1.0, 300.0, False),
        (None, float("inf"), 300.0, False),
        (None, float("nan"), 300.0, False),
    ],
)
def test_more_than_has_gone_by_was_not_heard(
    duration: float | None, played: float, elapsed: float, possible: bool
) -> None:
    assert is_a_length_of_time(duration, played, elapsed) is possible


def test_the_length_of_what_plays_now_may_be_in_milliseconds() -> None:
    reported = (None, 0.0, 247.0, 86_400.0, 247_000.0)
    assert [length(seconds) for seconds in reported] == [None, 0.0, 247.0, 86_400.0, 247.0]


@pytest.mark.parametrize(
    ("duration", "known"),
    [(None, 0.0), (0.0, 0.0), (0.9, 0.0), (1.0, 1.0), (214.5, 214.5), (-5.0, 0.0), (math.inf, 0.0), (math.nan, 0.0)],
)
def test_a_length_is_known_if_a_track_can_have_it(duration: float | None, known: float) -> None:
    assert Track("Can", "Spoon", duration=duration).known_length == known
