"""What to send next, and what Last.fm's answer means for each play: the rules, without a clock, a disk or a network."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonearm.core import breaker, delivery, delivery_answer
from tonearm.core.account import SESSION_LOST, Connection
from tonearm.core.delivery import (
    Accepted,
    DeliveryState,
    Expired,
    Idle,
    Ignored,
    KeyThrottle,
    QueuedPlay,
    Refused,
    Send,
    Settled,
    without_session,
)
from tonearm.core.play import Play, Track
from tonearm.core.verdict import (
    Answered,
    Cause,
    Correction,
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
from tonearm.lastfm.rules import LASTFM, OLDEST, true_reason

is_outage = partial(breaker.is_outage, rules=LASTFM)
proves_the_key = partial(breaker.proves_the_key, rules=LASTFM)
next_move = partial(delivery.next_move, rules=LASTFM)
next_step = partial(delivery_answer.next_step, rules=LASTFM)
step_without_time = partial(delivery_answer.step_without_time, rules=LASTFM)

NOW = 1_760_000_000.0
HOUR = 3600.0
WORDS = Cause(8, "Operation failed")
TROUBLED = DeliveryState(
    fails=3, soft_failures=2, throttle_level=2, answered_at=5.0, wait_until=NOW - 1, trouble="before"
)


def waiting(number: int, age: float = HOUR, **fields: object) -> QueuedPlay:
    play = Play(Track("Nina Simone", f"Song {number}", duration=200), int(NOW - age), 200.0)
    return replace(QueuedPlay(number, play), **fields)  # type: ignore[arg-type]  # names of fields, as the tests spell them


def batch_of(size: int) -> tuple[QueuedPlay, ...]:
    return tuple(waiting(number + 1, HOUR - number) for number in range(size))


def accepted(batch: Sequence[QueuedPlay]) -> Answered:
    return Answered(tuple(ItemAnswer(0, timestamp=w.play.timestamp) for w in batch))


def frozen(plays: Sequence[QueuedPlay]) -> list[tuple[int, Play]]:
    return [(w.id, w.play) for w in plays]


# What to send next


@pytest.mark.parametrize(
    ("line", "plays", "move"),
    [
        pytest.param(DeliveryState(), [], Idle(None), id="nothing waits"),
        pytest.param(DeliveryState(), [waiting(1)], Send((waiting(1),)), id="what waits is sent"),
        pytest.param(DeliveryState(Connection.NEEDS_SIGN_IN), [waiting(1)], Idle(None), id="nothing without a session"),
        pytest.param(DeliveryState(Connection.DISCONNECTED), [waiting(1)], Idle(None), id="nothing when signed out"),
        pytest.param(DeliveryState(Connection.SUSPENDED), [waiting(1)], Idle(None), id="nothing with a suspended key"),
        pytest.param(
            DeliveryState(wait_until=NOW + 9), [waiting(1)], Idle(NOW + 9), id="an account that backs off is left alone"
        ),
        pytest.param(DeliveryState(wait_until=NOW + 9), [], Idle(None), id="who has nothing to send waits for nothing"),
        pytest.param(
            DeliveryState(wait_until=NOW), [waiting(1)], Send((waiting(1),)), id="the back-off is over to the second"
        ),
        pytest.param(
            DeliveryState(),
            [waiting(1, not_before=NOW + 5), waiting(2, not_before=NOW + 3)],
            Idle(NOW + 3),
            id="held plays wait for the first of them",
        ),
        pytest.param(
            DeliveryState(),
            [waiting(1, not_before=NOW + 5), waiting(2, not_before=NOW)],
            Send((waiting(2, not_before=NOW),)),
            id="a held play does not stop the next",
        ),
        pytest.param(
            DeliveryState(),
            [waiting(1, OLDEST), waiting(2, OLDEST - 1)],
            Send((waiting(2, OLDEST - 1),), (Settled(1, Expired(LASTFM.too_old_reason)),)),
            id="what is 14 days old expires, to the second",
        ),
        pytest.param(
            DeliveryState(Connection.NEEDS_SIGN_IN),
            [waiting(1, OLDEST + 5)],
            Idle(None, (Settled(1, Expired(LASTFM.too_old_reason)),)),
            id="plays expire without a session too",
        ),
        pytest.param(
            DeliveryState(wait_until=NOW + 9),
            [waiting(1, OLDEST + 5)],
            Idle(None, (Settled(1, Expired(LASTFM.too_old_reason)),)),
            id="plays expire during a back-off too",
        ),
        pytest.param(
            DeliveryState(),
            [waiting(1, OLDEST + 5, not_before=NOW + 9)],
            Idle(None, (Settled(1, Expired(LASTFM.too_old_reason)),)),
            id="held plays expire too",
        ),
        pytest.param(
            DeliveryState(throttle_level=1),
            [waiting(1, 9), waiting(2, 8)],
            Send((waiting(1, 9),)),
            id="one play probes after throttling",
        ),
        pytest.param(
            DeliveryState(),
            [waiting(1, 9, group=1), waiting(2, 8, group=1), waiting(3, 7, group=3), waiting(4, 6, group=1)],
            Send((waiting(1, 9, group=1), waiting(2, 8, group=1), waiting(4, 6, group=1))),
            id="a group goes together and alone",
        ),
        pytest.param(
            DeliveryState(),
            [waiting(1, 9), waiting(2, 8), waiting(3, 7, group=3)],
            Send((waiting(1, 9), waiting(2, 8))),
            id="a group is not mixed with the rest",
        ),
    ],
)
def test_the_next_move(line: DeliveryState, plays: list[QueuedPlay], move: Send | Idle) -> None:
    assert next_move(line, plays, NOW) == move


@pytest.mark.parametrize(("number", "sent"), [(1, 1), (49, 49), (50, 50), (51, 50), (120, 50)])
def test_a_request_carries_up_to_50_plays_the_oldest_first(number: int, sent: int) -> None:
    plays = batch_of(number)
    assert next_move(DeliveryState(), plays, NOW) == Send(plays[:sent])


some_plays = st.lists(
    st.builds(
        waiting,
        st.integers(1, 10_000),
        age=st.floats(0, OLDEST * 1.1),
        not_before=st.sampled_from([0.0, NOW - 1, NOW, NOW + 1]),
        group=st.sampled_from([0, 0, 0, 7, 8]),
    ),
    max_size=120,
    unique_by=lambda w: w.id,
).map(lambda plays: sorted(plays, key=lambda w: (w.play.timestamp, w.id)))

lines = st.builds(
    DeliveryState,
    connection=st.sampled_from(Connection),
    wait_until=st.sampled_from([0.0, NOW - 1, NOW, NOW + 60]),
    fails=st.integers(0, 30),
    soft_failures=st.integers(0, 5),
    throttle_level=st.integers(0, 8),
    answered_at=st.sampled_from([0.0, NOW - 100]),
)


@given(lines, some_plays)
def test_a_move_sends_only_what_may_go_now(line: DeliveryState, plays: list[QueuedPlay]) -> None:
    move = next_move(line, plays, NOW)
    expired = {settled.id for settled in move.expired}
    assert expired == {w.id for w in plays if NOW - w.play.timestamp >= OLDEST}
    due = [w for w in plays if w.not_before <= NOW and w.id not in expired]
    if isinstance(move, Send):
        assert line.connection is Connection.CONNECTED
        assert line.wait_until <= NOW
        assert 1 <= len(move.batch) <= (1 if line.throttle_level else LASTFM.batch)
        assert len({w.group for w in move.batch}) == 1
        assert move.batch[0].group == due[0].group
        assert all(one.play.timestamp <= next_.play.timestamp for one, next_ in itertools.pairwise(move.batch))
        if not due[0].group:  # a group is gathered, what has none goes in order
            assert {w.id for w in move.batch} == {w.id for w in due[: len(move.batch)]}
    else:
        assert line.connection is not Connection.CONNECTED or line.wait_until > NOW or not due
        assert move.until is None or move.until > NOW


# What an answer means

VERDICTS: list[Verdict] = [
    Later(WORDS),
    Later(WORDS, 90.0),
    Unsure(Cause(None, "no answer in time")),
    Throttled(Scope.ACCOUNT, Cause(29, "Too many scrobbles")),
    Throttled(Scope.ADDRESS, Cause(29, "Your IP")),
    Split(Cause(6, "Invalid parameters")),
    Split(Cause(13, "Invalid method signature supplied")),
    SessionSuspect(Cause(4, "Authentication Failed")),
    SessionEnded(Cause(9, "Invalid session key")),
    KeyRefused(Cause(26, "API Key Suspended")),
    Answered(()),
]


jitters = st.floats(0, 1, exclude_max=True)
items = st.builds(ItemAnswer, st.sampled_from([0, 0, 1, 2, 3, 4, 5, 99]), timestamp=st.none())
verdicts = st.one_of(
    st.sampled_from(VERDICTS), st.lists(items, min_size=1, max_size=5).map(lambda a: Answered(tuple(a)))
)


@given(lines, st.sampled_from([1, 2, 3, 4, 5, 50]), verdicts, jitters)
def test_every_play_of_a_batch_comes_out_once_and_unchanged(
    line: DeliveryState, size: int, verdict: Verdict, jitter: float
) -> None:
    batch = batch_of(size)
    step = next_step(line, batch, verdict, NOW, jitter)
    out = [settled.id for settled in step.settled] + [w.id for w in step.back]
    assert sorted(out) == [w.id for w in batch]
    plays = dict(frozen(batch))
    assert all(w.play == plays[w.id] and w.tries == 1 and w.error for w in step.back)
    assert step.state.connection in (line.connection, Connection.NEEDS_SIGN_IN)


@given(lines, st.sampled_from([2, 3, 50]), st.sampled_from(VERDICTS), jitters)
def test_only_an_answer_about_the_play_itself_settles_it(
    line: DeliveryState, size: int, verdict: Verdict, jitter: float
) -> None:
    assert next_step(line, batch_of(size), verdict, NOW, jitter).settled == ()


@pytest.mark.parametrize("line", [DeliveryState(), TROUBLED], ids=["calm", "troubled"])
@pytest.mark.parametrize("size", [1, 2, 50])
@pytest.mark.parametrize("verdict", VERDICTS, ids=repr)
def test_what_comes_back_says_what_went_wrong(verdict: Verdict, size: int, line: DeliveryState) -> None:
    batch = batch_of(size)
    step = next_step(line, batch, verdict, NOW, 0.5)
    assert sorted([s.id for s in step.settled] + [w.id for w in step.back]) == [w.id for w in batch]
    said = f"the answer doesn't match the {size} plays that were sent"
    cause = Cause(None, said) if isinstance(verdict, Answered) else verdict.cause
    assert {w.error for w in step.back} <= {str(cause)}
    assert step.state.trouble.startswith(str(cause)) or step.settled


@pytest.mark.parametrize("number", [6, 7, 13, 15, 30, 0, -5])
def test_a_play_that_is_refused_alone_at_first_waits_longer_each_time(number: int) -> None:
    cause = Cause(number, "Invalid")
    line, [play], waits = DeliveryState(), batch_of(1), []
    for _ in range(4):
        step = next_step(line, [play], Split(cause), NOW, 0.5)
        line, [play] = step.state, step.back
        waits.append(play.not_before - NOW)
        assert (play.group, play.error, play.refused_at, step.settled) == (1, str(cause), NOW, ())
    assert waits == [5, 300, HOUR, HOUR]
    assert (play.tries, play.refusals) == (4, 4)
    assert (line.fails, line.soft_failures, line.wait_until) == (1, 0, 0.0), "it alone holds up no others"
    assert ("is the API secret right?" in line.trouble) == (number == 13)


def refused_before(number: int, times: int = 1) -> QueuedPlay:
    """A play that was rejected alone with this error, at first NOW."""
    return replace(waiting(1), group=1, refusals=times, refused_at=NOW, error=str(Cause(number, "x")))


@pytest.mark.parametrize("number", [6, 7, 13])
@pytest.mark.parametrize(("answered_at", "settled"), [(NOW - 1, 0), (NOW, 0), (NOW + 1, 1)])
def test_a_second_refusal_alone_is_believed_once_another_play_was_answered_since_the_first(
    number: int, answered_at: float, settled: int
) -> None:
    cause = Cause(number, "x")
    step = next_step(DeliveryState(answered_at=answered_at), [refused_before(number)], Split(cause), NOW + 9, 0.5)
    assert step.settled == (Settled(1, Refused(cause)),) * settled
    assert step.state.fails == 0, "what is refused again says nothing new about the server"


@pytest.mark.parametrize("number", [6, 7, 13])
def test_a_first_refusal_alone_is_not_believed_however_much_was_answered(number: int) -> None:
    """The server may have answered for all plays until now, and refuse every play from now on."""
    play = replace(waiting(1), group=1)
    step = next_step(DeliveryState(answered_at=NOW + 8), [play], Split(Cause(number, "x")), NOW + 9, 0.5)
    assert step.settled == ()
    assert [(w.refusals, w.refused_at) for w in step.back] == [(1, NOW + 9)]


@pytest.mark.parametrize("number", [6, 7, 13])
def test_a_refusal_is_not_believed_while_anything_else_fails(number: int) -> None:
    """The server did answer since the first one, but now it may refuse every play."""
    state = DeliveryState(answered_at=NOW + 1, fails=1)
    step = next_step(state, [refused_before(number)], Split(Cause(number, "x")), NOW + 9, 0.5)
    assert (step.settled, step.state.fails) == ((), 1)


def test_a_refusal_for_another_reason_is_the_first_one_for_it() -> None:
    """Two troubles of a server that each come once refuse no play."""
    state, [play] = DeliveryState(answered_at=NOW + 1), [refused_before(30)]
    step = next_step(state, [play], Split(Cause(7, "x")), NOW + 2, 0.5)
    assert (step.settled, step.back[0].refused_at) == ((), NOW + 2)
    again = next_step(state, step.back, Split(Cause(7, "x")), NOW + 9, 0.5)
    assert again.settled == (), "what was answered before that proves nothing about it"
    proven = next_step(replace(state, answered_at=NOW + 8), step.back, Split(Cause(7, "x")), NOW + 9, 0.5)
    assert [settled.id for settled in proven.settled] == [1]


def test_a_play_that_is_refused_in_other_words_each_time_is_refused_at_the_fifth() -> None:
    """Else a server that names the moment, say, would be sent a bad play for ever."""
    line, back, at = DeliveryState(answered_at=NOW), batch_of(1), NOW
    for _ in range(4):
        step = next_step(line, back, Split(Cause(6, f"bad, at {at}")), at, 0.5)
        line, back, at = replace(step.state, fails=0, answered_at=at + 1), step.back, at + 2
        assert step.settled == ()
    assert [settled.id for settled in next_step(line, back, Split(Cause(6, "bad")), at, 0.5).settled] == [1]


def rejected_after(causes: list[Cause]) -> tuple[int, Cause | None]:
    """After how many rejections alone a play is rejected, and why, if another play is accepted between any two."""
    line, back, at = DeliveryState(answered_at=NOW), batch_of(1), NOW
    for count, cause in enumerate(causes, 1):
        step = next_step(line, back, Split(cause), at, 0.5)
        if step.settled:
            [settled] = step.settled
            assert isinstance(settled.fate, Refused)
            return count, settled.fate.cause
        line, back, at = replace(step.state, fails=0, answered_at=at + 1), step.back, at + 2
    return 0, None


def test_a_play_is_not_rejected_with_the_reason_of_an_outage_that_has_just_begun() -> None:
    """The last reason is the one that the listener sees. The play was rejected five times, but nothing proved it."""
    bad, outage = Cause(13, "Invalid method signature"), Cause(28, "Error 28")
    play = replace(refused_before(13, 5), error=str(bad))
    step = next_step(DeliveryState(answered_at=NOW + 1), [play], Split(outage), NOW + 2, 0.5)
    assert (step.settled, step.back[0].refusals) == ((), 6)
    assert rejected_after([bad, outage, bad, outage, bad, bad]) == (6, bad)


@pytest.mark.parametrize("number", [13, 28])
@pytest.mark.parametrize("outage", [Cause(-5, "Error -5"), Cause(6, "Invalid parameters")])
def test_a_play_that_nothing_proved_for_days_is_not_rejected_with_the_reason_of_an_outage(
    number: int, outage: Cause
) -> None:
    """While nothing else is sent, rejections prove nothing, however many come: nor is the next one the play's own."""
    bad, line, back = Cause(number, "bad"), DeliveryState(answered_at=NOW), batch_of(1)
    for hour in range(18):
        step = next_step(line, back, Split(bad), NOW + hour * HOUR, 0.5)
        line, back = step.state, step.back
        assert step.settled == ()
    at = NOW + 18 * HOUR
    proven = replace(line, fails=0, answered_at=at)
    assert next_step(proven, back, Split(bad), at + 1, 0.5).settled == (Settled(1, Refused(bad)),)
    for cause in (outage, bad):
        step = next_step(replace(proven, answered_at=at), back, Split(cause), at + 1, 0.5)
        back, at = step.back, at + 2
        assert step.settled == ()
    step = next_step(replace(proven, answered_at=at), back, Split(bad), at + 1, 0.5)
    assert step.settled == (Settled(1, Refused(bad)),), "its own reason has come twice since"


def test_a_code_that_comes_twice_begins_the_count_of_those_that_differ_again() -> None:
    bad, other = Cause(13, "bad"), Cause(-5, "x")
    line, back = DeliveryState(), batch_of(1)
    counts = []
    for cause in [bad] * 7 + [other, bad, other, other, bad]:
        [play] = back = next_step(line, back, Split(cause), NOW, 0.5).back
        counts.append(play.refusals)
    assert counts == [1, 2, 3, 4, 5, 5, 5, 6, 7, 8, 5, 6]


@pytest.mark.parametrize(
    "verdict",
    [
        Later(Cause(16, "away")),
        Unsure(Cause(None, "no answer")),
        SessionEnded(Cause(9, "x")),
        KeyRefused(Cause(10, "x")),
    ],
)
@pytest.mark.parametrize(("number", "times"), [(13, 1), (28, 4)])
def test_what_fails_between_two_rejections_makes_them_no_less_alike(verdict: Verdict, number: int, times: int) -> None:
    bad = Cause(number, "x")
    play = refused_before(number, times)
    [back] = next_step(DeliveryState(), [play], verdict, NOW + 1, 0.5).back
    assert back.error == str(bad)
    step = next_step(DeliveryState(answered_at=NOW + 2), [back], Split(bad), NOW + 3, 0.5)
    assert [settled.id for settled in step.settled] == [1]


def test_a_play_that_is_rejected_with_another_number_each_time_is_rejected_at_the_tenth() -> None:
    """Else a destination that takes plays of any age would be sent it for ever."""
    causes = [Cause(code, "x") for code in range(20, 40)]
    assert rejected_after(causes) == (10, causes[9])
    assert rejected_after([Cause(None, f"bad, at {count}") for count in range(20)]) == (10, Cause(None, "bad, at 9"))
    assert rejected_after([Cause(None, "bad")] * 20) == (5, Cause(None, "bad"))


@pytest.mark.parametrize("code", [4, 5])
def test_an_answer_for_a_play_shows_that_it_was_not_what_was_refused(code: int) -> None:
    """An answer that it starts in the future, or is beyond the daily limit, is no rejection of the play."""
    play = replace(refused_before(6, 3), tries=9)
    answered = Answered((ItemAnswer(code),))
    step = next_step(DeliveryState(fails=1), [play], answered, NOW + 1, 0.5)
    assert [(w.refusals, w.refused_at) for w in step.back] == [(0, 0.0)]
    later = replace(step.state, wait_until=0.0, answered_at=NOW + 50)
    assert next_step(later, step.back, Split(Cause(6, "x")), NOW + 99, 0.5).settled == ()


def test_what_was_not_sent_proves_nothing_about_the_server() -> None:
    """A play that a destination can never accept is answered for without a request."""
    unsent = Answered((ItemAnswer(1),), from_server=False)
    state = replace(TROUBLED, connection=Connection.CONNECTED, answered_at=NOW - 9)
    step = next_step(state, batch_of(1), unsent, NOW, 0.5)
    assert (step.state, len(step.settled)) == (state, 1)
    assert not proves_the_key(unsent)
    assert proves_the_key(Answered((ItemAnswer(1),)))


def test_no_answer_in_a_time_yet_to_come_proves_a_refusal() -> None:
    """The clock was set back since: that answer may have come before the play was refused."""
    step = next_step(
        DeliveryState(answered_at=NOW + 20 * 86400), [refused_before(6)], Split(Cause(6, "x")), NOW + 9, 0.5
    )
    assert (step.settled, step.back[0].refused_at) == ((), NOW)
    again = next_step(step.state, step.back, Split(Cause(6, "x")), NOW + 21 * 86400, 0.5)
    assert again.settled == (), "nor does that answer prove anything when the clock is put forward again"


def test_a_refusal_in_a_time_yet_to_come_is_dated_again() -> None:
    """Else no answer would come after it for as long as the clock was fast, and a bad play would never be refused."""
    play = replace(refused_before(6), refused_at=NOW + 20 * 86400)
    step = next_step(DeliveryState(answered_at=NOW - 1), [play], Split(Cause(6, "x")), NOW, 0.5)
    assert [w.refused_at for w in step.back] == [NOW]


@pytest.mark.parametrize("number", [15, 30, 0, 19, 28, 99, -5])
def test_an_undocumented_code_is_believed_at_the_fifth_rejection_alone(number: int) -> None:
    play = replace(waiting(1), group=1)
    for refusals in range(4):
        step = next_step(DeliveryState(answered_at=NOW + 1), [play], Split(Cause(number, "x")), NOW + 2, 0.5)
        assert (step.settled, step.back[0].refusals) == ((), refusals + 1)
        play = replace(step.back[0], refused_at=NOW)
    unproven = next_step(DeliveryState(answered_at=NOW), [play], Split(Cause(number, "x")), NOW + 2, 0.5)
    assert unproven.settled == ()
    [settled] = next_step(DeliveryState(answered_at=NOW + 1), [play], Split(Cause(number, "x")), NOW + 2, 0.5).settled
    assert settled.fate == Refused(Cause(number, "x"))


def test_refusals_of_more_plays_than_one_bad_one_explains_make_the_account_wait() -> None:
    line, waits = DeliveryState(), []
    for number in range(9):
        line = next_step(line, [waiting(number)], Split(Cause(30, "x")), NOW, 0.5).state
        waits.append(max(0.0, line.wait_until - NOW))
    assert waits == [0, 0, 0, 0, 0, 2.5, 5, 10, 20]
    for _ in range(20):
        line = next_step(line, batch_of(2), Split(Cause(30, "x")), NOW, 0.5).state
    assert line.wait_until == NOW + HOUR / 2
    known = replace(waiting(1), refusals=1)
    assert next_step(line, [known], Split(Cause(30, "x")), NOW, 0.5).state.fails == line.fails + 1
    assert next_step(line, batch_of(1), accepted(batch_of(1)), NOW, 0.5).state.fails == 0


@pytest.mark.parametrize(("number", "proves"), [(6, True), (7, True), (13, True), (15, False), (30, False), (0, False)])
def test_an_undocumented_error_does_not_prove_that_a_key_is_valid(number: int, proves: bool) -> None:
    assert proves_the_key(Split(Cause(number, "x"))) is proves


def test_a_passing_fault_sends_everything_back_and_backs_off() -> None:
    step = next_step(DeliveryState(), batch_of(2), Later(WORDS), NOW, 0.5)
    said = "Last.fm error 8: Operation failed"
    assert step.state == DeliveryState(fails=1, wait_until=NOW + 2.5, trouble=said)
    assert step.back == tuple(replace(w, tries=1, error=said, unanswered=True) for w in batch_of(2))
    assert step.key_throttle is None


@pytest.mark.parametrize(("number", "may_be_there"), [(8, True), (11, False), (16, True), (None, False)])
def test_after_a_failure_of_its_backend_lastfm_may_have_the_plays(number: int | None, may_be_there: bool) -> None:
    step = next_step(DeliveryState(), batch_of(2), Later(Cause(number, "x")), NOW, 0.5)
    assert [w.unanswered for w in step.back] == [may_be_there] * 2


def test_faults_in_a_row_back_off_further_each_time() -> None:
    line, waits = DeliveryState(), []
    for _ in range(9):
        line = next_step(line, batch_of(1), Later(WORDS), NOW, 0.999).state
        waits.append(line.wait_until - NOW)
    assert waits == sorted(waits)
    assert waits[0] < 5 < waits[-1] < 600


@pytest.mark.parametrize(
    ("retry_after", "wait"),
    [
        pytest.param(None, 2.5, id="nothing named"),
        pytest.param(90.0, 90.0, id="longer than our own"),
        pytest.param(1.0, 2.5, id="shorter than our own"),
        pytest.param(0.0, 2.5, id="at once"),
    ],
)
def test_a_named_wait_is_the_least(retry_after: float | None, wait: float) -> None:
    assert next_step(DeliveryState(), batch_of(1), Later(WORDS, retry_after), NOW, 0.5).state.wait_until == NOW + wait


def test_a_passing_fault_says_nothing_about_the_session_or_the_cap() -> None:
    line = next_step(TROUBLED, batch_of(1), Later(WORDS), NOW, 0.5).state
    assert (line.connection, line.soft_failures, line.throttle_level, line.answered_at) == (
        Connection.CONNECTED,
        2,
        2,
        5.0,
    )


def test_no_answer_is_a_passing_fault_and_the_identical_play_goes_again() -> None:
    silence = Cause(None, "no answer in time")
    unsure = next_step(TROUBLED, batch_of(3), Unsure(silence, 99), NOW, 0.5)
    later = next_step(TROUBLED, batch_of(3), Later(silence, 99), NOW, 0.5)
    assert unsure == replace(later, back=tuple(replace(w, unanswered=True) for w in later.back))


@pytest.mark.parametrize(
    ("rung", "retry_after", "wait"),
    [
        (0, None, 300.0),
        (1, None, 900.0),
        (2, 60.0, 1800.0),
        (3, None, 3600.0),
        (4, None, 7200.0),
        (9, 9000.0, 9000.0),
    ],
)
def test_an_account_that_is_throttled_climbs_its_ladder(rung: int, retry_after: float | None, wait: float) -> None:
    cause = Cause(29, "Too many scrobbles")
    step = next_step(
        DeliveryState(throttle_level=rung, fails=1), batch_of(2), Throttled(Scope.ACCOUNT, cause, retry_after), NOW, 0.5
    )
    assert step.state == DeliveryState(throttle_level=rung + 1, fails=1, wait_until=NOW + wait, trouble=str(cause))
    assert step.key_throttle is None


def test_a_throttled_address_makes_everybody_wait() -> None:
    cause = Cause(29, "Your IP")
    step = next_step(DeliveryState(), batch_of(2), Throttled(Scope.ADDRESS, cause), NOW, 0.5)
    assert step.key_throttle == KeyThrottle(NOW + 60, str(cause), refused=False)
    assert step.state == DeliveryState(trouble=str(cause))
    again = next_step(step.state, batch_of(2), Throttled(Scope.ADDRESS, cause, 500.0), NOW, 0.5, key_level=1)
    assert again.key_throttle == KeyThrottle(NOW + 500, str(cause), refused=False, level=2)
    assert next_step(
        again.state, batch_of(2), Throttled(Scope.ADDRESS, cause), NOW, 0.5, key_level=2
    ).key_throttle == KeyThrottle(NOW + 300, str(cause), refused=False, level=3)


@pytest.mark.parametrize("number", [9, 14, 17])
def test_an_ended_session_keeps_every_play_and_asks_for_a_sign_in(number: int) -> None:
    cause = Cause(number, "no session")
    step = next_step(TROUBLED, batch_of(2), SessionEnded(cause), NOW, 0.5)
    assert step.state == replace(
        TROUBLED,
        connection=Connection.NEEDS_SIGN_IN,
        soft_failures=0,
        fails=0,
        trouble=f"Last.fm error {number}: no session",
    )
    assert frozen(step.back) == frozen(batch_of(2))
    assert (step.settled, step.key_throttle) == ((), None)


def test_a_session_that_cannot_be_opened_asks_for_a_sign_in_and_leaves_the_rest() -> None:
    lost = replace(TROUBLED, connection=Connection.NEEDS_SIGN_IN, soft_failures=0, fails=0, trouble=SESSION_LOST)
    assert without_session(TROUBLED) == lost


def test_error_4_is_believed_at_the_third_time_in_a_row() -> None:
    doubted = SessionSuspect(Cause(4, "Authentication Failed"))
    line, seen = DeliveryState(), []
    for _ in range(3):
        line = next_step(line, batch_of(1), doubted, NOW, 0.5).state
        seen.append((line.connection, line.soft_failures, line.fails))
    assert seen == [
        (Connection.CONNECTED, 1, 1),
        (Connection.CONNECTED, 2, 2),
        (Connection.NEEDS_SIGN_IN, 0, 0),
    ]


def test_an_answer_between_two_errors_4_ends_the_doubt() -> None:
    doubted = SessionSuspect(Cause(4, "Authentication Failed"))
    line = DeliveryState()
    for _ in range(6):
        line = next_step(line, batch_of(1), doubted, NOW, 0.5).state
        line = next_step(line, batch_of(1), doubted, NOW, 0.5).state
        line = next_step(line, batch_of(1), accepted(batch_of(1)), NOW, 0.5).state
    assert line.connection is Connection.CONNECTED


@pytest.mark.parametrize("number", [10, 26])
def test_a_refused_key_holds_everybody_for_an_hour_and_drops_nothing(number: int) -> None:
    cause = Cause(number, "API key")
    step = next_step(TROUBLED, batch_of(2), KeyRefused(cause), NOW, 0.5)
    assert step.key_throttle == KeyThrottle(NOW + HOUR, str(cause), refused=True)
    assert step.state == replace(TROUBLED, trouble=str(cause))
    assert frozen(step.back) == frozen(batch_of(2))


def test_a_refused_batch_is_divided_into_groups_of_its_order() -> None:
    step = next_step(DeliveryState(fails=4), batch_of(5), Split(Cause(6, "x")), NOW, 0.5)
    assert [(w.id, w.group, w.refusals) for w in step.back] == [
        (1, 1, 0),
        (2, 1, 0),
        (3, 3, 0),
        (4, 3, 0),
        (5, 5, 0),
    ]
    assert (step.state.fails, step.state.wait_until, step.state.trouble) == (5, 0.0, "Last.fm error 6: x")


def test_a_group_that_is_refused_again_is_divided_again() -> None:
    group = tuple(replace(w, group=1) for w in batch_of(2))
    step = next_step(DeliveryState(), group, Split(Cause(6, "x")), NOW, 0.5)
    assert [(w.id, w.group, w.refusals) for w in step.back] == [(1, 1, 0), (2, 2, 0)]


@pytest.mark.parametrize("size", [1, 5])
def test_a_server_that_breaks_off_may_have_stored_what_it_refuses(size: int) -> None:
    batch = [replace(w, unanswered=w.id == 1) for w in batch_of(size)]
    broke_off = next_step(DeliveryState(), batch, Split(Cause(500, "x"), may_be_there=True), NOW, 0.5)
    assert [w.unanswered for w in broke_off.back] == [True] * size
    refused = next_step(DeliveryState(), batch, Split(Cause(400, "x")), NOW, 0.5)
    assert [w.unanswered for w in refused.back] == [w.id == 1 for w in batch], "what was in doubt stays so"


def test_a_refusal_says_that_the_play_may_be_there() -> None:
    play = replace(waiting(1), group=1, refusals=9, refused_at=NOW)
    cause = Cause(500, "x", "ListenBrainz")
    step = next_step(DeliveryState(answered_at=NOW + 1), [play], Split(cause, may_be_there=True), NOW + 9, 0.5)
    [settled] = step.settled
    assert isinstance(settled.fate, Refused)
    assert str(settled.fate.cause) == "ListenBrainz error 500: x; it may be there"


# Item by item

CORRECTION = Correction("The Beatles", "Help!")


@pytest.mark.parametrize(
    ("answer", "fate"),
    [
        pytest.param(ItemAnswer(0), Accepted(), id="accepted, with no time in the answer"),
        pytest.param(ItemAnswer(0, correction=CORRECTION), Accepted(CORRECTION), id="accepted under other names"),
        pytest.param(
            ItemAnswer(1), Ignored(1, "Last.fm's filter ignored the artist 'Nina Simone'"), id="1 is the artist"
        ),
        pytest.param(
            ItemAnswer(2, "Bad"), Ignored(2, "Last.fm's filter ignored the track 'Song 1' (Bad)"), id="2 is the track"
        ),
        pytest.param(ItemAnswer(3), Ignored(3, "Last.fm says that the play is too old"), id="3 is too old"),
        pytest.param(ItemAnswer(6, "new"), Ignored(6, "Last.fm ignored it with code 6 (new)"), id="an unknown code"),
    ],
)
def test_each_item_has_its_own_fate(answer: ItemAnswer, fate: Accepted | Ignored) -> None:
    step = next_step(DeliveryState(), batch_of(2), Answered((answer, ItemAnswer(0))), NOW, 0.5)
    assert step.settled == (Settled(1, fate), Settled(2, Accepted()))
    assert step.back == ()


def test_an_answer_ends_every_trouble_of_the_account() -> None:
    step = next_step(TROUBLED, batch_of(1), accepted(batch_of(1)), NOW, 0.5)
    assert step.state == DeliveryState(answered_at=NOW)


def test_an_answer_does_not_sign_anybody_in() -> None:
    line = replace(TROUBLED, connection=Connection.DISCONNECTED)
    assert next_step(line, batch_of(1), accepted(batch_of(1)), NOW, 0.5).state.connection is Connection.DISCONNECTED


def test_the_daily_limit_settles_what_went_in_and_keeps_the_rest_for_later() -> None:
    items = (ItemAnswer(0), ItemAnswer(5), ItemAnswer(1), ItemAnswer(5))
    step = next_step(DeliveryState(throttle_level=1, fails=4, soft_failures=1), batch_of(4), Answered(items), NOW, 0.5)
    assert [s.id for s in step.settled] == [1, 3]
    assert [(w.id, w.tries, w.not_before) for w in step.back] == [(2, 1, 0.0), (4, 1, 0.0)]
    assert step.state == DeliveryState(
        throttle_level=2, wait_until=NOW + 900, answered_at=NOW, trouble="Last.fm's daily limit is reached"
    )


def test_a_play_from_the_future_is_sent_once_more_when_its_time_has_come() -> None:
    ahead = waiting(1, -5 * HOUR)
    first = next_step(DeliveryState(), [ahead], Answered((ItemAnswer(4),)), NOW, 0.5)
    assert first.settled == ()
    [back] = first.back
    assert (back.tries, back.too_new, back.not_before) == (1, 1, NOW + 5 * HOUR)
    second = next_step(DeliveryState(), [back], Answered((ItemAnswer(4),)), NOW + 5 * HOUR, 0.5)
    why = "Last.fm said twice that this play starts in the future; is a clock wrong?"
    assert (second.settled, second.back) == ((Settled(1, Ignored(4, why)),), ())


@pytest.mark.parametrize("code", [3, 4])
def test_a_play_that_is_in_the_future_by_the_servers_own_clock_is_too_new_whatever_the_number(code: int) -> None:
    """GNU FM says 3 for too new and 4 for too old."""
    answer = Answered((ItemAnswer(code),), NOW - 2 * HOUR)
    [back] = next_step(DeliveryState(), [waiting(1, HOUR)], answer, NOW, 0.5).back
    assert (back.too_new, back.not_before) == (1, NOW + HOUR)


@pytest.mark.parametrize("code", [3, 4])
def test_a_play_that_is_14_days_old_by_the_servers_own_clock_is_too_old_whatever_the_number(code: int) -> None:
    answer = Answered((ItemAnswer(code),), NOW + 72 * HOUR)
    [settled] = next_step(DeliveryState(), [waiting(1, 12 * 24 * HOUR)], answer, NOW, 0.5).settled
    assert settled.fate == Ignored(code, "older than 14 days: Last.fm doesn't accept plays that old")


def test_a_play_is_not_given_up_as_too_new_while_the_servers_own_clock_is_behind_it() -> None:
    play = replace(waiting(1, HOUR), too_new=1)
    for _ in range(3):
        [play] = next_step(DeliveryState(), [play], Answered((ItemAnswer(4),), NOW - 2 * HOUR), NOW, 0.5).back
        assert (play.not_before, play.refused_ahead) == (NOW + HOUR, False)
    [settled] = next_step(DeliveryState(), [play], Answered((ItemAnswer(4),), NOW), NOW, 0.5).settled
    assert isinstance(settled.fate, Ignored)


@pytest.mark.parametrize("code", [92, 93])
def test_a_play_that_the_servers_database_did_not_store_is_sent_again_after_a_while(code: int) -> None:
    """GNU FM's codes for it."""
    step = next_step(DeliveryState(fails=1), batch_of(2), Answered((ItemAnswer(0), ItemAnswer(code))), NOW, 0.5)
    assert [s.id for s in step.settled] == [1]
    assert [(w.id, w.tries, w.error) for w in step.back] == [(2, 1, "the server couldn't store the play")]
    assert (step.state.fails, step.state.wait_until, step.state.trouble) == (
        2,
        NOW + 5.0,
        "the server couldn't store the play",
    )


def test_a_play_of_now_that_is_called_too_new_waits_an_hour() -> None:
    step = next_step(DeliveryState(), [waiting(1, 5)], Answered((ItemAnswer(4),)), NOW, 0.5)
    assert step.back[0].not_before == NOW + HOUR


@pytest.mark.parametrize(
    "items",
    [
        pytest.param((), id="nothing"),
        pytest.param((ItemAnswer(0),), id="one too few"),
        pytest.param((ItemAnswer(0),) * 3, id="one too many"),
        pytest.param((ItemAnswer(0), ItemAnswer(0, timestamp=1)), id="another time"),
    ],
)
def test_an_answer_that_does_not_fit_settles_nothing(items: tuple[ItemAnswer, ...]) -> None:
    step = next_step(TROUBLED, batch_of(2), Answered(items), NOW, 0.5)
    said = Cause(None, "the answer doesn't match the 2 plays that were sent")
    assert step == next_step(TROUBLED, batch_of(2), Unsure(said), NOW, 0.5)
    assert step.state.trouble == said.message


@pytest.mark.parametrize(
    ("track", "age", "code", "reason"),
    [
        pytest.param(
            Track("a", "t"), OLDEST, 1, "older than 14 days: Last.fm doesn't accept plays that old", id="age first"
        ),
        pytest.param(Track("a", "t", duration=29.9), 0, 1, "the track is shorter than 30 seconds", id="a short track"),
        pytest.param(
            Track("a", "t", duration=30), 0, 1, "Last.fm's filter ignored the artist 'a'", id="30 s are not short"
        ),
        pytest.param(
            Track("Various", "t"),
            0,
            1,
            "Last.fm's filter ignores placeholders such as the artist 'Various': correct the tags",
            id="a compilation",
        ),
        pytest.param(
            Track("UNDEFINED", "t"),
            0,
            1,
            "Last.fm's filter ignores placeholders such as the artist 'UNDEFINED': correct the tags",
            id="a player that knows no name",
        ),
        pytest.param(
            Track("a", "t", album_artist="VA"),
            0,
            1,
            "Last.fm's filter ignores placeholders such as the album artist 'VA': correct the tags",
            id="an album artist",
        ),
        pytest.param(
            Track("a", "t", album="Unknown album"),
            0,
            1,
            "Last.fm's filter ignores placeholders such as the album 'Unknown album': correct the tags",
            id="an album",
        ),
        pytest.param(
            Track("a", "Track 9"),
            0,
            1,
            "Last.fm's filter ignores placeholders such as the track 'Track 9': correct the tags",
            id="a title from a ripper",
        ),
        pytest.param(
            Track("Various", "Track 9", "Unknown"),
            0,
            2,
            "Last.fm's filter ignores placeholders such as the artist 'Various': correct the tags",
            id="the artist first",
        ),
        pytest.param(
            Track("a", "Track 9"),
            0,
            3,
            "Last.fm says that the play is too old",
            id="a placeholder explains no code of time",
        ),
        pytest.param(
            Track("a", "t", album="Various"),
            0,
            2,
            "Last.fm's filter ignored the track 't'",
            id="an album may be so named",
        ),
    ],
)
def test_the_true_reason_is_worked_out_from_the_facts(track: Track, age: float, code: int, reason: str) -> None:
    assert true_reason(Play(track, int(NOW - age), 100.0), code, "", NOW) == reason


@pytest.mark.parametrize(
    ("verdict", "outage"),
    [
        (Later(Cause(8, "x")), True),
        (Later(Cause(None, "no route")), True),
        (Later(Cause(12, "subscribers only")), False),
        (Unsure(Cause(None, "no answer")), True),
        (Split(Cause(6, "x")), False),
        (Split(Cause(30, "x")), True),
        (SessionEnded(Cause(9, "x")), False),
        (Answered(()), False),
    ],
)
def test_an_outage_is_about_the_server_and_not_about_an_account_or_a_play(verdict: Verdict, outage: bool) -> None:
    assert is_outage(verdict) is outage
