"""When a server that is down is left alone, and when one request probes it."""

from __future__ import annotations

from tonearm.core import pacing
from tonearm.core.breaker import CLOSED, Circuit

NOW = 1_760_000_000.0


def test_a_server_that_answers_is_asked() -> None:
    assert not CLOSED.is_open(NOW)


def test_one_that_is_away_is_left_alone_until_its_wait_is_over() -> None:
    away = CLOSED.failed(NOW, 0.5, "no connection")
    assert away == Circuit(1, NOW + 0.5 * pacing.FIRST_WAIT, "no connection")
    assert away.is_open(away.until - 0.1)
    assert not away.is_open(away.until)


def test_one_request_looks_and_the_others_wait_for_what_it_finds() -> None:
    probed = CLOSED.failed(NOW, 0.5, "no connection").probed(NOW + 10)
    assert probed.is_open(NOW + 10 + pacing.PROBE - 0.1)
    assert not probed.is_open(NOW + 10 + pacing.PROBE)


def test_an_outage_of_all_is_tried_by_one_after_40_seconds_and_up_to_ten_minutes() -> None:
    waits = [Circuit(fails).failed(NOW, 0.5, "", at_least=pacing.PROBE).until - NOW for fails in (0, 3, 5, 20)]
    assert waits == [40, 40, 80, 300]


def test_it_waits_as_long_as_the_server_asks_and_never_longer_than_a_day() -> None:
    waits = [CLOSED.failed(NOW, 0.5, "", retry_after).until - NOW for retry_after in (None, 1.0, 120.0, 1e9)]
    assert waits == [2.5, 2.5, 120, pacing.LONGEST_THROTTLE]


def test_a_clock_set_back_does_not_throttle_a_service_for_years() -> None:
    assert not CLOSED.failed(NOW, 0.5, "").is_open(NOW - 10 * pacing.LONGEST_THROTTLE)
