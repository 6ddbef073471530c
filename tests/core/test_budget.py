"""The daily limit: learned when it is reached, partly reserved for what is played today, raised again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.test_delivery import (
    HOUR,
    NOW,
    accepted,
    batch_of,
    next_move,
    next_step,
    step_without_time,
    waiting,
)
from tonearm.core import breaker, pacing
from tonearm.core.delivery import (
    Accepted,
    DeliveryState,
    Idle,
    Ignored,
    QueuedPlay,
    Send,
    Settled,
    Step,
    start_moves_by,
)
from tonearm.core.delivery_answer import UNCHECKED, UNCHECKED_TRIES, may_be_limited
from tonearm.core.destination import Rules
from tonearm.core.verdict import (
    Answered,
    Cause,
    ItemAnswer,
    KeyRefused,
    Later,
    Scope,
    SessionEnded,
    SessionSuspect,
    Split,
    Throttled,
    Unsure,
    Verdict,
)
from tonearm.lastfm.rules import LASTFM

TOO_MANY = Throttled(Scope.ACCOUNT, Cause(29, "Too many scrobbles"))
DAY = pacing.BUDGET_DAY

budgets = st.integers(0, 5000)
used_up = st.integers(0, 5000)


# Numbers


@pytest.mark.parametrize(
    ("used", "known", "budget"),
    [
        pytest.param(700, 0, 700, id="the first limit that is met is the budget"),
        pytest.param(600, 700, 600, id="a lower one lowers it"),
        pytest.param(900, 700, 700, id="a higher one does not raise it"),
        pytest.param(299, 0, 0, id="a burst's limit is no daily one"),
        pytest.param(299, 700, 700, id="a burst's limit changes nothing"),
        pytest.param(300, 0, 300, id="three hundred plays may be a day's"),
    ],
)
def test_a_limit_that_is_met_teaches_the_budget(used: int, known: int, budget: int) -> None:
    assert pacing.budget_met(used, known) == budget


@pytest.mark.parametrize(("known", "later"), [(700, 770), (55, 60), (50, 55), (5, 6), (0, 0)])
def test_a_day_without_the_limit_raises_the_budget_by_a_tenth(known: int, later: int) -> None:
    assert pacing.budget_after_a_day(known) == later


@pytest.mark.parametrize(
    ("budget", "used", "room"), [(0, 99, None), (700, 0, 630), (700, 600, 30), (700, 630, 0), (700, 699, 0)]
)
def test_a_backlog_leaves_a_tenth_of_the_budget_to_the_day(budget: int, used: int, room: int | None) -> None:
    assert pacing.backlog_room(budget, used) == room


@pytest.mark.parametrize(
    ("backlog", "budget", "used", "days"),
    [
        pytest.param(5, 0, 0, None, id="nobody knows without a budget"),
        pytest.param(100, 700, 0, 0.0, id="today, where there is room"),
        pytest.param(630, 700, 0, 0.0, id="today, to the last of it"),
        pytest.param(630 + 315, 700, 0, 0.5, id="half a day's budget more"),
        pytest.param(1260, 700, 630, 2.0, id="two days, where today is used up"),
        pytest.param(0, 700, 700, 0.0, id="nothing waits"),
        pytest.param(10, 1, 0, 10.0, id="one a day, however small the budget"),
    ],
)
def test_when_a_backlog_is_gone(backlog: int, budget: int, used: int, days: float | None) -> None:
    at = pacing.clear_at(backlog, budget, used, NOW)
    assert at == (None if days is None else NOW + days * DAY)


@given(st.integers(0, 10_000), budgets, used_up)
def test_a_larger_backlog_is_never_gone_sooner(backlog: int, budget: int, used: int) -> None:
    sooner, later = (pacing.clear_at(number, budget, used, NOW) for number in (backlog, backlog + 1))
    if sooner is not None and later is not None:
        assert NOW <= sooner <= later


# What goes and what waits


def test_without_a_budget_a_backlog_is_sent_as_it_is() -> None:
    plays = [waiting(1, live=False), waiting(2, live=False)]
    assert next_move(DeliveryState(), plays, NOW, used=9999) == Send(tuple(plays))


def test_live_plays_go_whatever_is_used_and_the_backlog_waits() -> None:
    live, old = waiting(1, 60.0), waiting(2, live=False)
    assert next_move(DeliveryState(budget=100), [live, old], NOW, used=5000) == Send((live,))


def test_a_backlog_uses_what_room_there_is() -> None:
    plays = [waiting(n, HOUR - n, live=False) for n in range(1, 50)]
    assert next_move(DeliveryState(budget=100), plays, NOW, used=80) == Send(tuple(plays[:10]))


def test_a_backlog_without_room_looks_again_in_a_quarter_of_an_hour() -> None:
    gone = waiting(1, 15 * DAY, live=False)
    move = next_move(DeliveryState(budget=100), [gone, waiting(2, live=False)], NOW, used=90)
    assert isinstance(move, Idle)
    assert (move.until, move.backlog_until) == (NOW + 900, NOW + 900)
    assert [settled.id for settled in move.expired] == [1]


def test_a_batch_is_in_order_of_time_whatever_is_live() -> None:
    live, old = waiting(1, 60.0), waiting(2, HOUR, live=False)
    assert next_move(DeliveryState(), [live, old], NOW) == Send((old, live))


def test_a_throttle_of_the_key_is_probed_with_one_play() -> None:
    assert next_move(DeliveryState(), batch_of(5), NOW, probe=True) == Send(batch_of(5)[:1])


def test_a_group_is_sent_whole_wherever_its_plays_stand() -> None:
    plays = [waiting(1, 9, group=1), waiting(2, 8), waiting(3, 7, group=1)]
    assert next_move(DeliveryState(), plays, NOW) == Send((plays[0], plays[2]))


def test_plays_without_a_group_go_up_to_the_first_group() -> None:
    plays = [waiting(1, 9), waiting(2, 8, group=2), waiting(3, 7)]
    assert next_move(DeliveryState(), plays, NOW) == Send((plays[0],))


# What answers teach


def test_an_account_that_is_throttled_learns_its_budget() -> None:
    step = next_step(DeliveryState(budget=800, budget_at=5.0), batch_of(2), TOO_MANY, NOW, 0.5, used=700)
    assert (step.state.budget, step.state.budget_at, step.state.throttle_level) == (700, NOW, 1)
    assert len(step.back) == 2


def test_a_burst_that_is_throttled_teaches_nothing() -> None:
    step = next_step(DeliveryState(), batch_of(2), TOO_MANY, NOW, 0.5, used=10)
    assert (step.state.budget, step.state.budget_at) == (0, 0.0)


def test_the_ignored_code_of_the_limit_teaches_the_budget_too() -> None:
    said = Answered((ItemAnswer(0), ItemAnswer(5)))
    step = next_step(DeliveryState(), batch_of(2), said, NOW, 0.5, used=700)
    assert (step.state.budget, step.state.budget_at) == (700, NOW)
    assert step.settled == (Settled(1, Accepted()),)
    assert [(w.id, w.error) for w in step.back] == [(2, "daily limit of scrobbles")]


@pytest.mark.parametrize(("age", "budget"), [(DAY, 110), (DAY - 1, 100)])
def test_a_budget_grows_with_each_day_that_did_not_meet_it(age: float, budget: int) -> None:
    line = DeliveryState(budget=100, budget_at=NOW - age)
    later = next_step(line, batch_of(1), accepted(batch_of(1)), NOW, 0.5).state
    assert (later.budget, later.budget_at) == (budget, NOW if age == DAY else NOW - age)


def test_no_budget_does_not_grow() -> None:
    assert next_step(DeliveryState(), batch_of(1), accepted(batch_of(1)), NOW, 0.5).state == DeliveryState(
        answered_at=NOW
    )


@pytest.mark.parametrize(
    ("verdict", "proof"),
    [
        (accepted(batch_of(1)), True),
        (Split(Cause(6, "x")), True),
        (SessionSuspect(Cause(4, "x")), True),
        (SessionEnded(Cause(9, "x")), True),
        (TOO_MANY, True),
        (Throttled(Scope.ADDRESS, Cause(29, "Your IP")), False),
        (Later(Cause(8, "x")), False),
        (Unsure(Cause(None, "x")), False),
        (KeyRefused(Cause(26, "x")), False),
    ],
    ids=repr,
)
def test_which_answers_prove_that_the_key_is_served(verdict: Verdict, proof: bool) -> None:
    assert breaker.proves_the_key(verdict, LASTFM) is proof


@pytest.mark.parametrize(("rung", "wait"), [(0, 60), (1, 120), (2, 300), (3, 600), (9, 600)])
def test_throttles_of_an_address_in_a_row_grow_for_everybody(rung: int, wait: int) -> None:
    said = Throttled(Scope.ADDRESS, Cause(29, "Your IP"))
    hold = next_step(DeliveryState(), batch_of(1), said, NOW, 0.5, key_level=rung).key_throttle
    assert hold is not None
    assert (hold.until, hold.level) == (NOW + wait, rung + 1)


# Clocks


@pytest.mark.parametrize(("skew", "sent"), [(0.0, False), (-60.0, True), (60.0, False)])
def test_a_play_is_too_old_only_if_both_clocks_say_so(skew: float, sent: bool) -> None:
    move = next_move(DeliveryState(), [waiting(1, 14 * DAY + 30)], NOW, skew=skew)
    assert isinstance(move, Send) is sent


@pytest.mark.parametrize(("skew", "sent"), [(0.0, True), (60.0, True), (-60.0, True)])
def test_a_play_that_our_clock_calls_young_is_not_too_old(skew: float, sent: bool) -> None:
    move = next_move(DeliveryState(), [waiting(1, 14 * DAY - 30)], NOW, skew=skew)
    assert isinstance(move, Send) is sent


def test_nothing_is_too_old_while_lastfms_time_is_not_known() -> None:
    """What our clock alone calls too old goes after all others, one by one: Last.fm's answer shows what is right."""
    old, older, young = waiting(1, 15 * DAY), waiting(2, 16 * DAY), waiting(3, DAY)
    assert next_move(DeliveryState(), [older, old, young], NOW, known=False) == Send((young,))
    assert next_move(DeliveryState(), [older, old], NOW, known=False) == Send((older,))


def unchecked(number: int, age: float = 300.0) -> QueuedPlay:
    return replace(waiting(number, age), enqueued_at=NOW - age + 200, off=None)


def test_what_an_unchecked_clock_has_timed_waits_for_a_second_answer() -> None:
    plays = [unchecked(1), waiting(2, DAY)]
    assert next_move(DeliveryState(), plays, NOW, unchecked_until=NOW + 30, ask=True) == Send((plays[1],))
    assert next_move(DeliveryState(), plays[:1], NOW, unchecked_until=NOW + 30) == Idle(NOW + 30)


def test_lastfm_is_asked_for_its_time_before_such_plays_are_sent() -> None:
    assert next_move(DeliveryState(), [unchecked(1)], NOW, ask=True) == Send((unchecked(1),), ask=True)
    assert next_move(DeliveryState(), [unchecked(1)], NOW) == Send((unchecked(1),))


CAUSE = Cause(11, "away")


@pytest.mark.parametrize(
    "verdict",
    [Unsure(CAUSE), Later(CAUSE), Later(Cause(8, "failed")), Throttled(Scope.ADDRESS, CAUSE), KeyRefused(CAUSE)],
)
def test_what_was_not_sent_since_lastfm_did_not_say_its_time_waits_and_is_not_in_doubt(verdict: Verdict) -> None:
    step = step_without_time(DeliveryState(), [unchecked(1)], verdict, NOW, 0.5, 0)
    [back] = step.back
    assert (back.tries, back.unanswered) == (1, False)
    assert step.state.wait_until > NOW or step.key_throttle is not None


def test_the_wait_for_lastfms_time_is_as_long_as_it_says_and_says_why() -> None:
    step = step_without_time(DeliveryState(), [unchecked(1)], Unsure(CAUSE, 777.0), NOW, 0.5, 0)
    assert (step.state.wait_until, step.state.trouble) == (NOW + 777.0, str(CAUSE))
    for level, wait in enumerate(LASTFM.address_ladder):
        step = step_without_time(DeliveryState(), [unchecked(1)], Throttled(Scope.ADDRESS, CAUSE), NOW, 0.5, level)
        assert step.key_throttle is not None
        assert step.key_throttle.until == NOW + wait


@pytest.mark.parametrize(
    ("verdict", "rules", "limited"),
    [
        (Throttled(Scope.ACCOUNT, CAUSE), LASTFM, True),
        (Throttled(Scope.ACCOUNT, CAUSE), replace(LASTFM, daily_limit=False), False),
        (Answered((ItemAnswer(0), ItemAnswer(5))), LASTFM, True),
        (Answered((ItemAnswer(0), ItemAnswer(1))), LASTFM, False),
        (Later(CAUSE), LASTFM, False),
    ],
)
def test_an_answer_may_be_about_a_daily_limit(verdict: Verdict, rules: Rules, limited: bool) -> None:
    assert may_be_limited(verdict, rules) is limited


@pytest.mark.parametrize("verdict", [Answered(()), Split(CAUSE), SessionEnded(CAUSE), Throttled(Scope.ACCOUNT, CAUSE)])
def test_any_answer_to_that_releases_the_plays(verdict: Verdict) -> None:
    assert step_without_time(DeliveryState(fails=3), [unchecked(1)], verdict, NOW, 0.5, 0) == Step(
        DeliveryState(fails=3)
    )


@pytest.mark.parametrize("code", [3, 4])
@pytest.mark.parametrize(("off", "doubtful"), [(None, False), (0.0, True)], ids=["unknown", "contradicted"])
def test_a_word_on_the_time_of_a_play_is_not_final_while_a_clock_may_be_wrong(
    code: int, off: float | None, doubtful: bool
) -> None:
    play = replace(unchecked(1), off=off)
    [back] = next_step(DeliveryState(), [play], Answered((ItemAnswer(code),)), NOW, 0.5, doubtful=doubtful).back
    assert (back.not_before, back.too_new) == (NOW + UNCHECKED, 0)
    often = replace(play, tries=UNCHECKED_TRIES, too_new=1)
    [settled] = next_step(DeliveryState(), [often], Answered((ItemAnswer(code),)), NOW, 0.5, doubtful=doubtful).settled
    assert isinstance(settled.fate, Ignored)


@pytest.mark.parametrize("shown", [-300.0, 300.0])
def test_a_play_that_is_in_the_future_by_both_clocks_waits_until_one_has_reached_it(shown: float) -> None:
    play = replace(waiting(1, -5 * HOUR), enqueued_at=NOW - HOUR)
    answered = Answered((ItemAnswer(4),), NOW + shown)
    [back] = next_step(DeliveryState(), [play], answered, NOW, 0.5, doubtful=True).back
    assert (back.not_before, back.too_new) == (NOW + 5 * HOUR - max(0.0, shown), 0)


@pytest.mark.parametrize(
    ("enqueued_at", "shown"),
    [(NOW - HOUR, 6 * HOUR), (NOW + 5 * HOUR, 300.0), (NOW + DAY, 300.0)],
    ids=["past by the other clock", "timed by ours, put back since", "past when it was reported"],
)
def test_a_play_that_only_one_clock_calls_future_or_that_ours_may_have_timed_is_tried_again(
    enqueued_at: float, shown: float
) -> None:
    play = replace(waiting(1, -5 * HOUR), enqueued_at=enqueued_at)
    answered = Answered((ItemAnswer(4),), NOW + shown)
    [back] = next_step(DeliveryState(), [play], answered, NOW, 0.5, doubtful=True).back
    assert back.not_before == NOW + UNCHECKED


@pytest.mark.parametrize(("code", "off"), [(3, 20.0 * DAY), (4, -20.0 * DAY)])
def test_a_play_that_a_wrong_clock_has_timed_is_sent_once_more(code: int, off: float) -> None:
    play = replace(unchecked(1), off=off)
    [back] = next_step(DeliveryState(), [play], Answered((ItemAnswer(code),)), NOW, 0.5).back
    assert (back.not_before, back.too_new) == (NOW, 1)
    [settled] = next_step(DeliveryState(), [back], Answered((ItemAnswer(code),)), NOW, 0.5).settled
    assert isinstance(settled.fate, Ignored)


def test_a_start_moves_by_what_our_clock_was_wrong_by_when_it_was_reported() -> None:
    assert start_moves_by(replace(unchecked(1), off=20.0 * DAY)) == 20 * DAY
    assert start_moves_by(replace(unchecked(1), off=30.0)) == 0
    assert start_moves_by(replace(unchecked(1), enqueued_at=NOW + DAY, off=20.0 * DAY)) == 0
    assert start_moves_by(unchecked(1)) == 0


def test_a_back_off_that_a_clock_put_back_has_left_is_over() -> None:
    play = waiting(1)
    assert next_move(DeliveryState(wait_until=NOW + pacing.LONGEST_THROTTLE), [play], NOW) == Idle(
        NOW + pacing.LONGEST_THROTTLE
    )
    assert next_move(DeliveryState(wait_until=NOW + pacing.LONGEST_THROTTLE + 1), [play], NOW) == Send((play,))


def test_a_play_that_is_in_the_future_waits_for_lastfms_clock() -> None:
    ahead = waiting(1, -5 * HOUR)
    [back] = next_step(DeliveryState(), [ahead], Answered((ItemAnswer(4),)), NOW, 0.5, skew=-2 * HOUR).back
    assert (back.not_before, back.refused_ahead) == (NOW + 7 * HOUR, True)


def test_a_play_that_a_fast_clock_of_ours_has_queued_goes_out_at_once() -> None:
    ahead = replace(waiting(1, 60.0), enqueued_at=NOW)
    [back] = next_step(DeliveryState(), [ahead], Answered((ItemAnswer(4),)), NOW, 0.5, skew=-2 * HOUR).back
    assert (back.not_before, back.refused_ahead) == (NOW, True)


def test_the_true_reason_knows_lastfms_clock() -> None:
    old = waiting(1, 14 * DAY - 30)
    [settled] = next_step(DeliveryState(), [old], Answered((ItemAnswer(1),)), NOW, 0.5, skew=60.0).settled
    assert "older than 14 days" in str(settled.fate)
    [settled] = next_step(DeliveryState(), [old], Answered((ItemAnswer(1),)), NOW, 0.5, skew=-60.0).settled
    assert "older than 14 days" not in str(settled.fate)
