"""When reads leave Last.fm alone, and for how long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonearm.core import pacing
from tonearm.core.verdict import Cause
from tonearm.lastfm.breaker import DOUBTS, Breaker, Resting, State, state_of
from tonearm.lastfm.response import Answer, Failure, Fault, Nonsense, Refusal, Reply

NOW = 1_760_000_000.0


def refusal(number: int) -> Refusal:
    return Refusal(Cause(number, "words"))


SAID: list[tuple[int | None, Answer[int] | Failure, State]] = [
    (200, Answer(1), State.THERE),
    (404, refusal(6), State.THERE),
    (403, refusal(10), State.THERE),
    (429, refusal(29), State.AWAY),
    (200, refusal(11), State.AWAY),
    (503, refusal(16), State.AWAY),
    (503, refusal(8), State.AWAY),
    (500, refusal(8), State.DOUBTFUL),
    (503, refusal(6), State.THERE),
    (503, Nonsense(503, "a page"), State.AWAY),
    (429, Nonsense(429, "a page"), State.AWAY),
    (200, Nonsense(200, "nothing"), State.DOUBTFUL),
    (500, Nonsense(500, "a page"), State.DOUBTFUL),
    (None, Fault(False, "nobody"), State.AWAY),
    (None, Fault(True, "no answer in time"), State.AWAY),
]


@pytest.mark.parametrize(("status", "outcome", "state"), SAID)
def test_what_an_answer_says_about_lastfm(status: int | None, outcome: Answer[int] | Failure, state: State) -> None:
    reply = outcome if isinstance(outcome, Fault) else Reply(status or 0, {}, b"")
    assert state_of(reply, outcome) is state


def test_while_it_is_away_nobody_asks_and_then_one_alone() -> None:
    breaker = Breaker()
    breaker.enter(NOW)
    breaker.leave(State.AWAY, NOW, 0.5, "no connection")
    with pytest.raises(Resting, match="no connection") as rests:
        breaker.enter(NOW + 1)
    assert rests.value.retry_after == 0.5 * pacing.FIRST_WAIT - 1
    breaker.enter(NOW + 3)
    with pytest.raises(Resting):  # the others wait for what it finds
        breaker.enter(NOW + 3)
    breaker.leave(State.THERE, NOW + 4, 0.5)
    for _ in range(3):
        breaker.enter(NOW + 4)


def test_a_probe_that_never_came_back_makes_room_for_another() -> None:
    breaker = Breaker()
    breaker.leave(State.AWAY, NOW, 0.5)
    breaker.enter(NOW + 10)
    breaker.enter(NOW + 10 + pacing.PROBE)


def test_a_few_calls_that_fail_each_for_itself_are_no_outage_and_more_are() -> None:
    breaker = Breaker()
    for _ in range(DOUBTS - 1):
        breaker.leave(State.DOUBTFUL, NOW, 0.5)
        breaker.enter(NOW)
    breaker.leave(State.THERE, NOW, 0.5)
    for _ in range(DOUBTS):
        breaker.enter(NOW)
        breaker.leave(State.DOUBTFUL, NOW, 0.5)
    with pytest.raises(Resting):
        breaker.enter(NOW)


def test_it_waits_as_long_as_it_was_told_to_and_never_longer_than_a_day() -> None:
    breaker = Breaker()
    breaker.leave(State.AWAY, NOW, 0.5, retry_after=120.0)
    with pytest.raises(Resting):
        breaker.enter(NOW + 119)
    breaker.enter(NOW + 120)
    breaker.leave(State.AWAY, NOW, 0.5, retry_after=1e9)
    breaker.enter(NOW + pacing.LONGEST_REST)


def test_a_clock_that_is_put_back_by_years_stops_nothing() -> None:
    breaker = Breaker()
    breaker.leave(State.AWAY, NOW, 0.5)
    breaker.enter(NOW - 10 * pacing.LONGEST_REST)


@given(st.lists(st.floats(0, 0.999), min_size=1, max_size=40))
def test_the_wait_grows_and_is_never_longer_than_ten_minutes(chances: list[float]) -> None:
    breaker, now = Breaker(), NOW
    for fails, chance in enumerate(chances, 1):
        breaker.enter(now)
        breaker.leave(State.AWAY, now, chance)
        wait = breaker.until - now
        assert pacing.SHORTEST_WAIT - 1e-6 <= wait <= min(pacing.LONGEST_WAIT, pacing.FIRST_WAIT * 2 ** (fails - 1))
        now = breaker.until
