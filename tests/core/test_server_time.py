"""What is known about Last.fm's time: setting our clock doesn't change it, and one wrong answer isn't believed."""

from __future__ import annotations

import pytest

from tonearm.core.server_time import APART, FURTHEST_OFF, LONGEST_UNCONFIRMED, UNSURE, ClockReading, ServerTime

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
