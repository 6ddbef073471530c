"""What is known about Last.fm's time: setting our clock doesn't change it, and one wrong answer isn't believed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tonearm.core.server_time import (
    APART,
    DRIFT,
    EXACT,
    FURTHEST_OFF,
    LONGEST_UNCONFIRMED,
    UNSURE,
    ClockReading,
    ServerTime,
)

START = 1_760_000_000.0
"""Last.fm's time (Unix seconds) when the counter is at 0."""

HOUR = 3600.0
DAY = 24 * HOUR


def heard(*answers: tuple[float, float, float]) -> ServerTime:
    """What is known after answers: (counter, what Last.fm's clock is wrong by, what ours is wrong by)."""
    known = ServerTime()
    for at, theirs, ours in answers:
        known = known.updated(ClockReading(START + at + theirs, at, 0.1), START + at + ours)
    return known


def test_nothing_is_known_before_the_first_answer() -> None:
    assert ServerTime().known is None
    assert ServerTime().skew(10.0, START) == 0.0
    assert not ServerTime().doubtful(10.0)


def test_an_answer_that_agrees_with_our_clock_is_believed_at_once() -> None:
    known = heard((0, 0, 3))
    assert known.known is not None
    assert known.skew(HOUR, START + HOUR + 3) == 0.0


@pytest.mark.parametrize("off", [-20 * DAY, 20 * DAY, -400 * DAY, 400 * DAY, -2 * HOUR, 10 * 365 * DAY])
def test_whatever_our_clock_is_put_to_lastfms_time_stays_known(off: float) -> None:
    known = heard((0, 0, 0))
    assert known.skew(DAY, START + DAY + off) == pytest.approx(-off)
    assert known.updated(ClockReading(START + DAY, DAY, 0.1), START + DAY + off).skew(DAY, START + DAY + off) == -off


@pytest.mark.parametrize("lie", [20 * DAY, 10 * 365 * DAY, -2 * HOUR])
def test_one_wrong_answer_changes_nothing(lie: float) -> None:
    known = heard((0, 0, 0), (100, lie, 0))
    assert known.skew(200.0, START + 200) == 0.0
    assert heard((0, lie, 0)).skew(10.0, START + 10) == 0.0
    assert heard((0, lie, 0)).known is None


def test_two_answers_that_agree_are_believed_if_time_lies_between_them() -> None:
    assert heard((0, DAY, 0), (APART - 1, DAY, 0)).known is None
    assert heard((0, DAY, 0), (APART - 1, DAY, 0), (APART, DAY, 0)).skew(40.0, START + 40) == pytest.approx(DAY)
    assert heard((0, 0, 0), (60, DAY, 0), (100, DAY, 0)).skew(200.0, START + 200) == pytest.approx(DAY)


def test_answers_that_contradict_each_other_are_not_believed() -> None:
    """The clocks of two servers, one of which is right; ours is wrong."""
    assert heard(*((60.0 * n, HOUR * (n % 2), -DAY) for n in range(9))).known is None
    assert heard((0, 0, 0), *((60.0 * n, HOUR * (n % 2), 0) for n in range(9))).skew(600.0, START + 600) == 0.0


def test_a_reading_is_as_exact_as_its_request_was_short_and_as_it_is_new() -> None:
    reading = ClockReading(START, 100.0, 2.0)
    assert reading.error_at(100.0) == EXACT + 2.0
    assert reading.error_at(100.0 + DAY) == pytest.approx(EXACT + 2.0 + DAY * DRIFT)
    for off, agrees in ((EXACT + 3.0, True), (EXACT + 3.1, False)):
        assert reading.agrees(ClockReading(START + off, 100.0, 1.0)) is agrees


@pytest.mark.parametrize(("off", "agrees"), [(EXACT + 1.0, True), (-EXACT - 1.0, True), (EXACT + 1.1, False)])
def test_an_answer_agrees_with_our_clock_within_its_error(off: float, agrees: bool) -> None:
    known = ServerTime().updated(ClockReading(START, 0.0, 1.0), START + off)
    assert (known.known is not None) is agrees


def test_a_difference_within_the_error_of_a_reading_is_none() -> None:
    known = ServerTime(ClockReading(START, 0.0, 1.0))
    assert known.skew(0.0, START - EXACT - 1.0) == 0.0
    assert known.skew(0.0, START - EXACT - 1.5) == EXACT + 1.5


def test_the_furthest_clock_that_is_learned_is_two_years_off() -> None:
    reading, ours = ClockReading(START + FURTHEST_OFF, 0.0, 0.0), START
    assert ServerTime().updated(reading, ours).unconfirmed == reading
    assert ServerTime().updated(replace(reading, time=reading.time + 1), ours).unconfirmed is None


def test_the_counter_may_have_any_value_at_first() -> None:
    """It counts the seconds since the machine was started, or is negative."""
    for begin in (-DAY, 50 * DAY):
        first = heard((begin, HOUR, 0))
        assert first.unconfirmed_since == begin
        assert first.doubtful(begin + LONGEST_UNCONFIRMED - 1)
        assert not first.doubtful(begin + LONGEST_UNCONFIRMED)
        early = first.updated(ClockReading(START + begin + APART - 1 + HOUR, begin + APART - 1, 0.1), START + begin)
        assert early.known is None


def test_a_clock_that_no_certificate_is_valid_with_is_not_learned() -> None:
    assert heard((0, FURTHEST_OFF + DAY, 0), (60, FURTHEST_OFF + DAY, 0)).known is None


def test_doubt_ends_with_a_second_answer_or_by_itself() -> None:
    first = heard((0, 0, 0), (100, DAY, 0))
    assert first.doubtful(110.0)
    assert not first.doubtful(100 + LONGEST_UNCONFIRMED)
    assert not first.updated(ClockReading(START + 120, 120, 0.1), START + 120).doubtful(121.0)
    assert not first.updated(ClockReading(START + DAY + 140, 140, 0.1), START + 140).doubtful(141.0)
    contradicted = first.updated(ClockReading(START + 120 + HOUR, 120, 0.1), START + 120)
    assert contradicted.doubtful(130.0)
    assert not contradicted.doubtful(100 + LONGEST_UNCONFIRMED)  # since the first, not since the last


def test_lastfms_time_has_a_bound_while_it_is_known_for_sure() -> None:
    assert ServerTime().latest(0.0, START) == START + UNSURE
    assert heard((0, 0, -DAY)).latest(10.0, START - DAY) == START - DAY + UNSURE  # one answer alone
    for known in (heard((0, 0, 3)), heard((0, 0, -DAY), (APART, 0, -DAY))):
        assert START + DAY < known.latest(DAY, START - DAY) < START + DAY + 60
    contradicted = heard((0, 0, 0), (100, HOUR, 0))
    assert contradicted.latest(200.0, START) == START + UNSURE
    assert contradicted.latest(100.0 + LONGEST_UNCONFIRMED, START) < START + HOUR
