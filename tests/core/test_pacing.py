"""How fast and how long to wait."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonearm.core import pacing
from tonearm.lastfm.rules import LASTFM

rates = st.floats(0.1, 100)
gaps = st.lists(st.floats(0, 30), min_size=2, max_size=60)


def _starts(gaps: list[float], rate: float) -> list[float]:
    """When each caller's request is sent, if callers come after these gaps and wait for their slots."""
    now, tat, starts = 1000.0, 0.0, []
    for gap in gaps:
        now += gap
        slot = pacing.book(tat, now, rate)
        tat = slot.tat
        starts.append(now + slot.wait)
    return starts


@given(gaps, rates)
def test_no_two_requests_are_closer_than_the_rate_allows(gaps: list[float], rate: float) -> None:
    starts = _starts(gaps, rate)
    assert all(later - earlier >= 1 / rate - 1e-6 for earlier, later in pairwise(starts))


@given(gaps, rates, st.floats(0.1, 20))
def test_no_window_holds_more_requests_than_the_rate(gaps: list[float], rate: float, width: float) -> None:
    starts = _starts(gaps, rate)
    for first in starts:
        inside = sum(first <= start < first + width - 1e-6 for start in starts)
        assert inside <= width * rate + 1


@given(st.integers(2, 500), rates)
def test_who_always_has_something_to_send_gets_exactly_the_rate(number: int, rate: float) -> None:
    number = min(number, int(pacing.FURTHEST_SLOT * rate))
    starts = _starts([0.0] * number, rate)
    assert (starts[-1] - starts[0]) * rate == pytest.approx(number - 1)


@given(st.floats(-1e9, pacing.FURTHEST_SLOT), st.integers(0, 10**9), rates)
def test_a_caller_waits_for_nothing_but_its_slot(ahead: float, now: int, rate: float) -> None:
    tat = now + ahead
    slot = pacing.book(tat, now, rate)
    assert slot.wait == max(0.0, tat - now)
    assert slot.tat == max(tat, now) + 1 / rate


def test_a_slot_booked_by_a_wrong_clock_delays_no_request() -> None:
    assert pacing.book(1000.0 + 86400, 1000.0, 4.0) == pacing.Slot(0.0, 1000.25)


@pytest.mark.parametrize("rate", [0, 0.0, -1])
def test_a_rate_of_0_lifts_the_limit(rate: float) -> None:
    assert pacing.book(5000.0, 1000.0, rate) == pacing.Slot(0.0, 5000.0)


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_back_off_lies_between_a_second_and_ten_minutes(fails: int, jitter: float) -> None:
    assert 1.0 <= pacing.backoff(fails, jitter) <= 600.0


@pytest.mark.parametrize(
    ("fails", "longest"), [(1, 5), (2, 10), (3, 20), (4, 40), (5, 80), (6, 160), (7, 320), (8, 600), (100, 600)]
)
def test_the_longest_back_off_doubles_from_5_s_to_10_minutes(fails: int, longest: float) -> None:
    assert pacing.backoff(fails, 1.0) == longest
    assert pacing.backoff(fails, 0.5) == longest / 2


def test_chance_spreads_a_back_off_down_to_a_second() -> None:
    assert pacing.backoff(8, 0.0) == 1.0


@pytest.mark.parametrize(("step", "minutes"), [(0, 5), (1, 15), (2, 30), (3, 60), (4, 120), (5, 120), (99, 120)])
def test_a_throttled_account_waits_longer_each_time(step: int, minutes: int) -> None:
    assert pacing.ladder_wait(LASTFM.account_ladder, step) == minutes * 60


@pytest.mark.parametrize(("step", "minutes"), [(0, 1), (1, 2), (2, 5), (3, 10), (4, 10)])
def test_a_throttled_address_waits_for_minutes(step: int, minutes: int) -> None:
    assert pacing.ladder_wait(LASTFM.address_ladder, step) == minutes * 60


def test_a_refused_key_is_probed_once_an_hour() -> None:
    assert pacing.KEY_PROBE == 3600


def test_a_job_that_fails_is_retried_later_each_time_and_at_least_every_hour() -> None:
    assert [pacing.retry_wait(tries) for tries in (1, 2, 3, 11)] == [2, 4, 8, 2048]
    assert [pacing.retry_wait(tries) for tries in (12, 5000)] == [3600, 3600]


def test_a_throttle_is_in_force_until_it_is_over_and_never_longer_than_a_day() -> None:
    now = 1000.0
    in_force = [
        pacing.in_force(now + left, now) for left in (-1, 0, 1, pacing.LONGEST_THROTTLE, pacing.LONGEST_THROTTLE + 1)
    ]
    assert in_force == [False, False, True, True, False]
