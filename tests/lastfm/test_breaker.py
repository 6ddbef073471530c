"""When reads leave Last.fm alone, and for how long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonearm.core import pacing
from tonearm.core.verdict import Cause
from tonearm.http_exchange import Reply, TransportError
from tonearm.lastfm.breaker import MAX_SOFT_FAILURES, Breaker, BreakerState, Resting, state_of
from tonearm.lastfm.response import Answer, Failure, Nonsense, Refusal

NOW = 1_760_000_000.0


def refusal(number: int) -> Refusal:
    return Refusal(Cause(number, "words"))


SAID: list[tuple[int | None, Answer[int] | Failure, BreakerState]] = [
    (200, Answer(1), BreakerState.THERE),
    (404, refusal(6), BreakerState.THERE),
    (403, refusal(10), BreakerState.THERE),
    (429, refusal(29), BreakerState.AWAY),
    (200, refusal(11), BreakerState.AWAY),
    (503, refusal(16), BreakerState.AWAY),
    (503, refusal(8), BreakerState.AWAY),
    (500, refusal(8), BreakerState.SOFT_FAILURE),
    (503, refusal(6), BreakerState.THERE),
    (503, Nonsense(503, "a page"), BreakerState.AWAY),
    (429, Nonsense(429, "a page"), BreakerState.AWAY),
    (200, Nonsense(200, "nothing"), BreakerState.SOFT_FAILURE),
    (500, Nonsense(500, "a page"), BreakerState.SOFT_FAILURE),
    (None, TransportError(False, "nobody"), BreakerState.AWAY),
    (None, TransportError(True, "no answer in time"), BreakerState.AWAY),
]


@pytest.mark.parametrize(("status", "outcome", "state"), SAID)
def test_what_an_answer_says_about_lastfm(
    status: int | None, outcome: Answer[int] | Failure, state: BreakerState
) -> None:
    reply = outcome if isinstance(outcome, TransportError) else Reply(status or 0, {}, b"")
    assert state_of(reply, outcome) is state


def test_while_it_is_down_no_call_is_made_and_then_only_one() -> None:
    breaker = Breaker()
    breaker.enter(NOW)
    breaker.leave(BreakerState.AWAY, NOW, 0.5, "no connection")
    with pytest.raises(Resting, match="no connection") as rests:
        breaker.enter(NOW + 1)
    assert rests.value.retry_after == 0.5 * pacing.FIRST_WAIT - 1
    breaker.enter(NOW + 3)
    with pytest.raises(Resting):  # the others wait for what it finds
        breaker.enter(NOW + 3)
    breaker.leave(BreakerState.THERE, NOW + 4, 0.5)
    for _ in range(3):
        breaker.enter(NOW + 4)


def test_a_probe_that_never_came_back_makes_room_for_another() -> None:
    breaker = Breaker()
    breaker.leave(BreakerState.AWAY, NOW, 0.5)
    breaker.enter(NOW + 10)
    breaker.enter(NOW + 10 + pacing.PROBE)


def test_a_few_separate_failures_are_not_an_outage_and_more_are() -> None:
    breaker = Breaker()
    for _ in range(MAX_SOFT_FAILURES - 1):
        breaker.leave(BreakerState.SOFT_FAILURE, NOW, 0.5)
        breaker.enter(NOW)
    breaker.leave(BreakerState.THERE, NOW, 0.5)
    for _ in range(MAX_SOFT_FAILURES):
        breaker.enter(NOW)
        breaker.leave(BreakerState.SOFT_FAILURE, NOW, 0.5)
    with pytest.raises(Resting):
        breaker.enter(NOW)


def test_it_waits_as_long_as_the_server_asked_and_never_longer_than_a_day() -> None:
    breaker = Breaker()
    breaker.leave(BreakerState.AWAY, NOW, 0.5, retry_after=120.0)
    with pytest.raises(Resting):
        breaker.enter(NOW + 119)
    breaker.enter(NOW + 120)
    breaker.leave(BreakerState.AWAY, NOW, 0.5, retry_after=1e9)
    breaker.enter(NOW + pacing.LONGEST_THROTTLE)


def test_a_clock_set_back_by_years_does_not_stop_delivery() -> None:
    breaker = Breaker()
    breaker.leave(BreakerState.AWAY, NOW, 0.5)
    breaker.enter(NOW - 10 * pacing.LONGEST_THROTTLE)


@given(st.lists(st.floats(0, 0.999), min_size=1, max_size=40))
def test_the_wait_grows_and_is_never_longer_than_ten_minutes(chances: list[float]) -> None:
    breaker, now = Breaker(), NOW
    for fails, chance in enumerate(chances, 1):
        breaker.enter(now)
        breaker.leave(BreakerState.AWAY, now, chance)
        wait = breaker.until - now
        assert pacing.SHORTEST_WAIT - 1e-6 <= wait <= min(pacing.LONGEST_WAIT, pacing.FIRST_WAIT * 2 ** (fails - 1))
        now = breaker.until
