"""One bad play must not block the rest: whole deliveries, simulated without a clock, a disk or a network."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.test_delivery import next_move, next_step
from tonearm.core.account import Connection
from tonearm.core.delivery import (
    Accepted,
    DeliveryState,
    Expired,
    Fate,
    Idle,
    QueuedPlay,
    Refused,
)
from tonearm.core.play import Play, Track
from tonearm.core.verdict import (
    Answered,
    Cause,
    ItemAnswer,
    Later,
    Scope,
    SessionSuspect,
    Split,
    Throttled,
    Unsure,
    Verdict,
)
from tonearm.lastfm.rules import LASTFM, OLDEST

START = 1_760_000_000.0
HOUR = 3600.0
BAD = Cause(6, "Invalid parameters")
BAD_SIGNATURE = Cause(13, "Invalid method signature supplied")

Batch = Sequence[QueuedPlay]


@dataclass
class World:
    """An account and its queue, as the tables would store them; a request takes a second."""

    waiting: dict[int, QueuedPlay]
    line: DeliveryState = field(default_factory=DeliveryState)
    now: float = START
    fates: dict[int, Fate] = field(default_factory=dict)
    sent: list[list[int]] = field(default_factory=list)
    held: list[float] = field(default_factory=list)

    def add(self, number: int, at: float | None = None) -> None:
        play = Play(Track("a", f"t{number}", duration=200), int(self.now if at is None else at), 200.0)
        self.waiting[number] = QueuedPlay(number, play)

    def run(self, until: float, answer: Callable[[Batch], Verdict]) -> None:
        """Send whatever is due, as long as there is something before that moment."""
        while self.now < until:
            due = sorted(
                (w for w in self.waiting.values() if w.not_before <= self.now), key=lambda w: (w.play.timestamp, w.id)
            )
            move = next_move(self.line, due[: LASTFM.batch], self.now)
            for settled in move.expired:
                self._settle(settled.id, settled.fate)
            if isinstance(move, Idle):
                later = [w.not_before for w in self.waiting.values() if w.not_before > self.now]
                self.now = min([until, *([move.until] if move.until else later)])
                continue
            self._send(move.batch, answer)

    def _send(self, batch: Batch, answer: Callable[[Batch], Verdict]) -> None:
        self.sent.append([w.id for w in batch])
        verdict = answer(batch)
        self.now += 1
        step = next_step(self.line, batch, verdict, self.now, 0.5)
        self.line = step.state
        for settled in step.settled:
            self._settle(settled.id, settled.fate)
        for back in step.back:
            assert back.play == self.waiting[back.id].play
            self.waiting[back.id] = back
        if step.key_throttle:
            self.held.append(self.now)
            self.now = max(self.now, step.key_throttle.until)

    def _settle(self, number: int, fate: Fate) -> None:
        del self.waiting[number]
        assert number not in self.fates
        self.fates[number] = fate


def queue_of(size: int) -> World:
    world = World({})
    for number in range(size):
        world.add(number, START - size + number)
    return world


def answered(batch: Batch) -> Answered:
    return Answered(tuple(ItemAnswer(0, timestamp=w.play.timestamp) for w in batch))


def refusing(bad: set[int], cause: Cause = BAD) -> Callable[[Batch], Verdict]:
    return lambda batch: Split(cause) if bad & {w.id for w in batch} else answered(batch)


def accepted(world: World) -> list[int]:
    return sorted(number for number, fate in world.fates.items() if fate == Accepted())


bad_ones = st.integers(1, LASTFM.batch).flatmap(
    lambda size: st.tuples(st.just(size), st.sets(st.integers(0, size - 1), max_size=size))
)


@given(bad_ones)
def test_bad_plays_are_found_and_all_others_are_sent(case: tuple[int, set[int]]) -> None:
    size, bad = case
    world = queue_of(size)
    world.run(START + 24 * HOUR, refusing(bad))
    assert accepted(world) == [number for number in range(size) if number not in bad]
    refused = {number for number, fate in world.fates.items() if fate == Refused(BAD)}
    assert refused <= (bad if len(bad) < size else set()), "if all are refused alike, it is not about them"
    assert refused == bad or size - 1 in bad, "the last ones may be what the server has refused since then"
    world.add(100)
    world.run(START + 28 * HOUR, refusing(bad))
    assert {number for number, fate in world.fates.items() if fate == Refused(BAD)} == bad


@pytest.mark.parametrize("size", [2, 3, 4, 5, 7, 17, 28, 49, 50])
def test_one_bad_play_is_found_in_14_requests_wherever_it_is(size: int) -> None:
    for bad in range(size):
        world = queue_of(size)
        world.run(START + 60, refusing({bad}))
        assert accepted(world) == [number for number in range(size) if number != bad]
        world.add(100)  # the last one of a batch is refused once a later play was answered
        world.run(START + HOUR, refusing({bad}))
        assert len(world.sent) - 1 <= 2 * math.log2(LASTFM.batch) + 3
        assert world.fates[bad] == Refused(BAD)
        assert len(world.fates) == size + 1


@pytest.mark.parametrize("number", [6, 7, 13, 15, 30, 0, 19, 28, 99, -5])
@pytest.mark.parametrize("lasts", [20.0, HOUR, 10 * HOUR])
def test_a_server_that_rejects_every_play_for_a_while_causes_no_rejection(number: int, lasts: float) -> None:
    world = queue_of(100)
    world.run(START + lasts, lambda batch: Split(Cause(number, "x")))
    assert world.fates == {}
    assert len(world.sent) <= 12 + 14 * lasts / HOUR
    world.run(world.now + 2 * HOUR, answered)
    assert accepted(world) == list(range(100))


@pytest.mark.parametrize("number", [15, 30, 0, 19, 28, 99, -5])
def test_an_undocumented_number_that_comes_and_goes_refuses_no_play_within_hours(number: int) -> None:
    world = queue_of(100)
    world.run(START + 3 * HOUR, lambda b: Split(Cause(number, "x")) if int(world.now) // 7 % 2 else answered(b))
    assert all(fate == Accepted() for fate in world.fates.values())
    world.run(START + 6 * HOUR, answered)
    assert accepted(world) == list(range(100))


def test_a_play_that_alone_causes_an_undocumented_number_is_rejected_after_hours_and_blocks_no_others() -> None:
    world = queue_of(50)
    odd = Cause(30, "x")
    for number in range(100, 130):
        world.add(number)
        world.run(world.now + HOUR / 6, refusing({17}, odd))
        assert number in world.fates
    assert world.fates.pop(17) == Refused(odd)
    assert set(world.fates.values()) == {Accepted()}


def test_a_batch_with_one_good_play_is_sorted_out_in_few_requests() -> None:
    world = queue_of(LASTFM.batch)
    world.run(START + 24 * HOUR, refusing(set(range(LASTFM.batch - 1))))
    assert len(world.sent) < 4 * LASTFM.batch
    assert len(world.fates) == LASTFM.batch


def test_a_request_never_carries_a_play_that_is_refused_already() -> None:
    world = queue_of(LASTFM.batch)
    world.run(START + 60, refusing({0, 17, 49}))
    world.add(100)
    world.run(START + 2 * HOUR, refusing({0, 17, 49}))
    last = {number: place for place, batch in enumerate(world.sent) for number in batch}
    alone = [batch[0] for place, batch in enumerate(world.sent) if len(batch) == 1 and last[batch[0]] == place]
    assert {0, 17, 49} <= set(alone)
    assert len(world.fates) == LASTFM.batch + 1


@pytest.mark.parametrize("lasts", [3.0, 60.0, HOUR, 10 * HOUR])
@pytest.mark.parametrize("bad", [0, 20, 49])
def test_a_server_that_begins_to_reject_every_play_causes_no_rejection_of_good_ones(bad: int, lasts: float) -> None:
    """It has answered for a part of a batch with a bad play: the rest of it isn't bad for that."""
    for begins in range(1, 20):
        world = queue_of(LASTFM.batch)
        world.run(START + begins, refusing({bad}))
        world.run(START + begins + lasts, lambda batch: Split(BAD))
        world.run(START + begins + lasts + 3 * HOUR, refusing({bad}))
        world.add(100)
        world.run(START + begins + lasts + 6 * HOUR, refusing({bad}))
        assert accepted(world) == [number for number in (*range(LASTFM.batch), 100) if number != bad]
        assert world.fates[bad] == Refused(BAD)


# Error 13: one badly encoded name, or a wrong secret


@pytest.mark.parametrize("bad", [0, 20, 49])
def test_one_play_with_a_bad_signature_among_good_ones_is_refused_alone(bad: int) -> None:
    world = queue_of(LASTFM.batch)
    world.run(START + 60, refusing({bad}, BAD_SIGNATURE))
    assert len(accepted(world)) == LASTFM.batch - 1
    world.add(100)
    world.run(START + HOUR, refusing({bad}, BAD_SIGNATURE))
    assert world.fates[bad] == Refused(BAD_SIGNATURE)
    assert len(accepted(world)) == LASTFM.batch
    assert len(world.sent) - 1 <= 2 * math.log2(LASTFM.batch) + 3


@pytest.mark.parametrize("size", [1, 2, 50, 300])
def test_a_wrong_secret_rejects_no_play_and_does_not_hammer(size: int) -> None:
    world = queue_of(size)
    world.run(START + 24 * HOUR, lambda batch: Split(BAD_SIGNATURE))
    assert world.fates == {}
    assert len(world.sent) <= 4 * 24
    assert "secret" in world.line.trouble
    world.run(START + 72 * HOUR, answered)
    assert accepted(world) == list(range(size))


def test_a_play_with_a_bad_signature_in_a_quiet_account_does_not_block_what_comes_after_it() -> None:
    world = queue_of(1)
    world.run(START + 10 * HOUR, refusing({0}, BAD_SIGNATURE))
    assert world.fates == {}
    world.add(1)
    world.run(START + 13 * HOUR, refusing({0}, BAD_SIGNATURE))
    assert world.fates == {0: Refused(BAD_SIGNATURE), 1: Accepted()}


def test_a_play_with_a_bad_signature_does_not_block_other_listeners() -> None:
    world = queue_of(1)
    world.run(START + 10 * HOUR, refusing({0}, BAD_SIGNATURE))
    assert world.held == []


def test_a_play_that_nothing_proves_bad_expires_in_the_end() -> None:
    world = queue_of(1)
    world.run(START + OLDEST + 3 * HOUR, lambda batch: Split(BAD_SIGNATURE))
    assert world.fates == {0: Expired(LASTFM.too_old_reason)}


# Bad days


passing = st.sampled_from(
    [
        Later(Cause(8, "Operation failed")),
        Later(Cause(11, "Service Offline"), 120.0),
        Unsure(Cause(None, "no answer in time")),
        Throttled(Scope.ACCOUNT, Cause(29, "Too many scrobbles")),
        Throttled(Scope.ADDRESS, Cause(29, "Your IP")),
        SessionSuspect(Cause(4, "Authentication Failed")),
        Answered((ItemAnswer(0),) * 60),
    ]
)


@given(st.integers(1, 120), st.lists(st.one_of(st.none(), passing), max_size=12), st.sets(st.integers(0, 119)))
def test_whatever_passes_every_play_is_settled_once_in_the_end(
    size: int, faults: list[Verdict | None], bad: set[int]
) -> None:
    world = queue_of(size)
    troubles = iter(faults)

    def answer(batch: Batch) -> Verdict:
        return next(troubles, None) or refusing(bad)(batch)

    while set(world.waiting) & set(range(size)):
        world.run(world.now + HOUR, answer)
        world.add(1000 + len(world.fates))  # who plays on brings the proof that the others were bad
        if world.line.connection is Connection.NEEDS_SIGN_IN:  # three errors 4 in a row
            world.line = DeliveryState()
    assert [number for number in accepted(world) if number < size] == [n for n in range(size) if n not in bad]
    assert {number for number in world.fates if number < size} == set(range(size))
    assert world.now < START + 24 * HOUR


@given(st.integers(51, 300))
def test_good_plays_go_oldest_first_in_as_few_requests_as_can_be(size: int) -> None:
    world = queue_of(size)
    world.run(START + HOUR, answered)
    assert [number for batch in world.sent for number in batch] == list(range(size))
    assert len(world.sent) == math.ceil(size / LASTFM.batch)


def test_after_throttling_one_play_probes_before_the_rest_follow() -> None:
    world = queue_of(120)
    answers = iter([Throttled(Scope.ACCOUNT, Cause(29, "Too many scrobbles"))] * 3)
    world.run(START + HOUR, lambda batch: next(answers, None) or answered(batch))
    assert [len(batch) for batch in world.sent] == [50, 1, 1, 1, 50, 50, 19]
