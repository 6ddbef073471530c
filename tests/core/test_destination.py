"""What a destination accepts: its numbers are an argument of the rules, and nothing of Last.fm's is assumed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.core.test_delivery import HOUR, NOW, batch_of, waiting
from tonearm.core import breaker, delivery
from tonearm.core.delivery import DeliveryState, Idle, Ignored, Send
from tonearm.core.delivery_answer import next_step
from tonearm.core.destination import DestinationKind, Ignoring, Rules
from tonearm.core.verdict import Answered, Cause, ItemAnswer, Scope, Split, Throttled
from tonearm.lastfm.rules import LASTFM

YEARS = 10 * 365 * 86400.0
ANY = replace(
    LASTFM,
    batch=1000,
    oldest=None,
    daily_limit=False,
    account_ladder=(7.0,),
    address_ladder=(9.0,),
    codes={8: Ignoring.TOO_NEW},
)
"""One that accepts plays of any age, a thousand at once, and knows no daily limit."""


@pytest.mark.parametrize(("rules", "sent"), [(LASTFM, 50), (ANY, 60), (replace(ANY, batch=1), 1)])
def test_a_batch_is_as_large_as_its_destination_takes(rules: Rules, sent: int) -> None:
    move = delivery.next_move(DeliveryState(), batch_of(60), NOW, rules=rules)
    assert isinstance(move, Send)
    assert len(move.batch) == sent


def test_a_play_of_ten_years_ago_is_sent_to_a_destination_that_takes_it() -> None:
    old = waiting(1, YEARS)
    assert delivery.next_move(DeliveryState(), [old], NOW, rules=ANY) == Send((old,))
    assert isinstance(delivery.next_move(DeliveryState(), [old], NOW, rules=LASTFM), Idle)


def test_a_play_expires_where_its_destination_says() -> None:
    assert LASTFM.expires_at(1_000) == 1_000 + 14 * 86400
    assert LASTFM.expires_at(None) is None
    assert ANY.expires_at(1_000) is None


def test_a_backlog_is_held_for_a_budget_only_by_a_destination_that_has_one() -> None:
    backlog = [waiting(1, live=False)]
    state = DeliveryState(budget=100)
    assert isinstance(delivery.next_move(state, backlog, NOW, used=5000, rules=LASTFM), Idle)
    assert isinstance(delivery.next_move(state, backlog, NOW, used=5000, rules=ANY), Send)
    said = Throttled(Scope.ACCOUNT, Cause(29, "x"))
    assert next_step(DeliveryState(), batch_of(1), said, NOW, 0.5, used=700, rules=LASTFM).state.budget == 700
    assert next_step(DeliveryState(), batch_of(1), said, NOW, 0.5, used=700, rules=ANY).state.budget == 0


def test_a_throttle_is_as_long_as_its_destinations_ladder_says() -> None:
    account, address = (Throttled(scope, Cause(29, "x")) for scope in (Scope.ACCOUNT, Scope.ADDRESS))
    assert next_step(DeliveryState(), batch_of(1), account, NOW, 0.5, rules=ANY).state.wait_until == NOW + 7
    throttle = next_step(DeliveryState(), batch_of(1), address, NOW, 0.5, rules=ANY).key_throttle
    assert throttle is not None
    assert throttle.until == NOW + 9


def test_a_code_means_what_its_destination_says() -> None:
    ahead, answer = waiting(1, -HOUR), Answered((ItemAnswer(8),))
    [back] = next_step(DeliveryState(), [ahead], answer, NOW, 0.5, rules=ANY).back
    assert back.refused_ahead
    [settled] = next_step(DeliveryState(), [ahead], answer, NOW, 0.5, rules=LASTFM).settled
    assert settled.fate == Ignored(8, "Last.fm ignored it with code 8")
    assert ANY.meaning(waiting(1, YEARS).play, 8, NOW) is Ignoring.TOO_NEW


def test_which_errors_may_be_a_plays_own_its_destination_says() -> None:
    said = Split(Cause(6, "x"))
    assert not breaker.is_outage(said, LASTFM)
    assert breaker.proves_the_key(said, LASTFM)
    other = replace(LASTFM, errors={})
    assert breaker.is_outage(said, other)
    assert not breaker.proves_the_key(said, other)


def test_what_is_said_of_a_play_names_its_destination() -> None:
    rules = replace(ANY, service="Libre.fm")
    ahead = waiting(1, -HOUR)
    answered = Answered((ItemAnswer(8),))
    (back,) = next_step(DeliveryState(), [ahead], answered, NOW, 0.5, rules=rules).back
    assert back.error == "Libre.fm says that this play starts in the future"
    (unsure,) = next_step(DeliveryState(), [replace(ahead, off=None)], answered, NOW, 0.5, rules=rules).back
    assert unsure.error == "Libre.fm rejects this play's start time, and our clock may be wrong"
    assert str(Cause(9, "Invalid session key", "Libre.fm")) == "Libre.fm error 9: Invalid session key"


def test_each_kind_of_destination_has_a_name_for_people() -> None:
    assert {kind.value: kind.label for kind in DestinationKind} == {
        "lastfm": "Last.fm",
        "listenbrainz": "ListenBrainz",
        "librefm": "Libre.fm",
        "lastfm-like": "Last.fm-like server",
        "maloja": "Maloja",
        "koito": "Koito",
        "tealfm": "teal.fm",
        "rocksky": "Rocksky",
    }
