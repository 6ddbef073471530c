"""What an answer to a batch of plays means: for each play, for the account, and for everybody with its API key.

`next_step` takes the verdict on a batch and returns what to write.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import assert_never

from tonearm.core import pacing
from tonearm.core.account import Connection
from tonearm.core.delivery import (
    Accepted,
    DeliveryState,
    Fate,
    Ignored,
    KeyThrottle,
    QueuedPlay,
    Refused,
    Settled,
    Step,
    its_time,
    start_moves_by,
    timed_by_our_clock,
)
from tonearm.core.destination import Concern, Ignoring, Rules
from tonearm.core.report import queued_by_a_fast_clock
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

MAX_SOFT_FAILURES = 3
"""Errors 4 in a row that end a session; fewer may be Last.fm's load."""

FREE_REFUSALS = 5
"""Rejections in a row without a wait: a batch of 50 is divided this often until its first play is alone."""

REFUSALS_BELIEVED = 5
"""Rejections of a lone play until one is believed that has an undocumented error code, or another message each time:
they take two hours.
"""

ANY_REFUSAL_BELIEVED = 10
"""The same number if the code keeps changing: they take seven hours. A code that comes twice running begins that count
again, at `REFUSALS_BELIEVED`. An outage may begin while a bad play waits, however long, and is not why it is rejected.
"""

UNCHECKED = 31.0
"""Seconds after which Last.fm is asked again whether our clock is right."""

UNCHECKED_TRIES = 10

_NOT_STORED = "the server couldn't store the play"


def next_step(
    state: DeliveryState,
    batch: Sequence[QueuedPlay],
    verdict: Verdict,
    now: float,
    jitter: float,
    *,
    rules: Rules,
    used: int = 0,
    key_level: int = 0,
    skew: float = 0.0,
    doubtful: bool = False,
) -> Step:
    """What Last.fm's answer to a batch means. `jitter` is a random number in [0, 1), `skew` how many seconds our clock
    is behind. `doubtful`: Last.fm's last answer showed a time that contradicts what is known; then what it says about
    times is not final.

    `used` counts the account's plays of the last day, `key_level` the throttles in a row of this key and address.
    """
    match verdict:
        case Answered(items, at, from_server):
            theirs = now + skew if at is None else at
            step = _answered(state, batch, items, now, jitter, rules, used, theirs, skew, doubtful)
            return step if from_server else replace(step, state=state)
        case Later(cause, retry_after) if rules.concern(cause.error_code) is Concern.BACKEND:  # it may have stored some
            return _unanswered(state, batch, cause, now, jitter, retry_after)
        case Later(cause, retry_after):
            return _later(state, batch, cause, now, jitter, retry_after)
        case Unsure(cause, retry_after):
            return _unanswered(state, batch, cause, now, jitter, retry_after)
        case Throttled(scope, cause, retry_after):
            return _throttled(state, batch, scope, cause, now, rules, retry_after, used, key_level)
        case Split(cause, may_be_there):
            split = [replace(w, unanswered=w.unanswered or may_be_there) for w in batch]
            if len(split) > 1:
                return _divided(state, split, cause, now, jitter, rules)
            return _refused_alone(state, split[0], cause, now, jitter, rules)
        case SessionSuspect(cause) if state.soft_failures + 1 < MAX_SOFT_FAILURES:
            return _later(replace(state, soft_failures=state.soft_failures + 1), batch, cause, now, jitter)
        case SessionSuspect(cause) | SessionEnded(cause):
            ended = replace(state, connection=Connection.NEEDS_SIGN_IN, soft_failures=0, fails=0, trouble=str(cause))
            return Step(ended, back=_back(batch, cause))
        case KeyRefused(cause):
            throttle = KeyThrottle(now + pacing.KEY_PROBE, str(cause), refused=True)
            return Step(replace(state, trouble=str(cause)), back=_back(batch, cause), key_throttle=throttle)
        case _:
            assert_never(verdict)


def _back(batch: Sequence[QueuedPlay], cause: Cause) -> tuple[QueuedPlay, ...]:
    """The plays, to be sent again. The rejection of a play alone is told, and compared, until it is rejected again."""
    return tuple(replace(w, tries=w.tries + 1, error=w.error if w.refusals else str(cause)) for w in batch)


def _later(
    state: DeliveryState,
    batch: Sequence[QueuedPlay],
    cause: Cause,
    now: float,
    jitter: float,
    min_wait: float | None = None,
) -> Step:
    fails = state.fails + 1
    wait = max(pacing.backoff(fails, jitter), min_wait or 0.0)
    return Step(replace(state, fails=fails, wait_until=now + wait, trouble=str(cause)), back=_back(batch, cause))


def _unanswered(
    state: DeliveryState,
    batch: Sequence[QueuedPlay],
    cause: Cause,
    now: float,
    jitter: float,
    min_wait: float | None = None,
) -> Step:
    """The step if Last.fm may have these plays. Sending them again doubles none: it drops identical repeats."""
    step = _later(state, batch, cause, now, jitter, min_wait)
    return replace(step, back=tuple(replace(w, unanswered=True) for w in step.back))


def _throttled(
    state: DeliveryState,
    batch: Sequence[QueuedPlay],
    scope: Scope,
    cause: Cause,
    now: float,
    rules: Rules,
    min_wait: float | None = None,
    used: int = 0,
    key_level: int = 0,
) -> Step:
    match scope:
        case Scope.ACCOUNT:
            wait = max(pacing.ladder_wait(rules.account_ladder, state.throttle_level), min_wait or 0.0)
            throttled = replace(
                state, throttle_level=state.throttle_level + 1, wait_until=now + wait, trouble=str(cause)
            )
            if rules.daily_limit and (budget := pacing.budget_met(used, state.budget)):
                throttled = replace(throttled, budget=budget, budget_at=now)
            return Step(throttled, back=_back(batch, cause))
        case Scope.ADDRESS:
            wait = max(pacing.ladder_wait(rules.address_ladder, key_level), min_wait or 0.0)
            throttle = KeyThrottle(now + wait, str(cause), refused=False, level=key_level + 1)
            return Step(replace(state, trouble=str(cause)), back=_back(batch, cause), key_throttle=throttle)
        case _:
            assert_never(scope)


def _divided(
    state: DeliveryState, batch: Sequence[QueuedPlay], cause: Cause, now: float, jitter: float, rules: Rules
) -> Step:
    """The step that splits a batch. Into thirds, not halves: one bad play among 50 is then isolated after at most 12
    requests, with halves after 13.
    """
    size = -(-len(batch) // 3)
    back = tuple(
        replace(w, group=part[0].id)
        for part in (batch[i : i + size] for i in range(0, len(batch), size))
        for w in _back(part, cause)
    )
    return Step(_refused(state, state.fails + 1, cause, now, jitter, rules), back=back)


def _refused_alone(
    state: DeliveryState, guilty: QueuedPlay, cause: Cause, now: float, jitter: float, rules: Rules
) -> Step:
    """The step after a play was rejected alone. The rejection is believed only if the play was rejected alone before
    for the same reason, the server has answered for another play in between, and nothing has failed since that answer.

    A server that rejects every play proves nothing about this one, even if it has answered before. Nor is an
    undocumented error code believed at once, or one reason after another: it may mean an outage that comes and goes.
    The last reason is the one that the listener sees, so it has to be the play's own.
    """
    since = guilty.refused_at if guilty.refusals and 0.0 < guilty.refused_at <= now else now  # a clock was set back
    proven = since < state.answered_at <= now and not state.fails
    known = rules.concern(cause.error_code).names_a_play
    repeated = known and guilty.error == str(cause)
    alike, refusals = cause.repeats(guilty.error), guilty.refusals + 1
    if proven and (repeated or refusals >= (REFUSALS_BELIEVED if alike else ANY_REFUSAL_BELIEVED)):
        why = replace(cause, message=f"{cause.message}; it may be there") if guilty.unanswered else cause
        return Step(
            replace(state, fails=0, soft_failures=0), settled=(Settled(guilty.id, Refused(why, guilty.unanswered)),)
        )
    # The same play again proves nothing new about the server, so it alone doesn't delay others.
    news = not guilty.refusals or state.fails > FREE_REFUSALS
    back = replace(
        guilty,
        tries=guilty.tries + 1,
        error=str(cause),
        not_before=now + pacing.ladder_wait(pacing.REFUSED_LADDER, guilty.refusals),
        refused_at=since if repeated else now,
        refusals=min(refusals, REFUSALS_BELIEVED) if alike else refusals,
        group=guilty.id,
    )
    return Step(_refused(state, state.fails + news, cause, now, jitter, rules, alone=True), back=(back,))


def _refused(
    state: DeliveryState, fails: int, cause: Cause, now: float, jitter: float, rules: Rules, *, alone: bool = False
) -> DeliveryState:
    """The state of an account after rejections in a row. More of them than one bad play explains are not about the
    plays.
    """
    many, concern = fails > FREE_REFUSALS, rules.concern(cause.error_code)
    hint = " (is the API secret right?)" if concern is Concern.SIGNATURE and (many or alone) else ""
    answered_at = state.answered_at if state.answered_at <= now else 0.0  # else written by a fast clock
    refused = replace(state, fails=fails, trouble=f"{cause}{hint}", answered_at=answered_at)
    if not many:
        return refused
    longest = pacing.LONGEST_WAIT if concern is Concern.PLAY else pacing.KEY_PROBE
    return replace(refused, wait_until=now + pacing.backoff(fails - FREE_REFUSALS, jitter, longest=longest))


def _answered(
    state: DeliveryState,
    batch: Sequence[QueuedPlay],
    items: Sequence[ItemAnswer],
    now: float,
    jitter: float,
    rules: Rules,
    used: int,
    lastfm_now: float,
    skew: float,
    doubtful: bool,
) -> Step:
    if len(items) != len(batch) or any(
        a.timestamp not in (None, w.play.timestamp) for a, w in zip(items, batch, strict=True)
    ):
        cause = Cause(None, f"the answer doesn't match the {len(batch)} plays that were sent")
        return _unanswered(state, batch, cause, now, jitter)
    settled: list[Settled] = []
    back: list[QueuedPlay] = []
    for waiting, answer in zip(batch, items, strict=True):
        # What rejected it before was not about it.
        innocent = replace(waiting, refusals=0, refused_at=0.0) if waiting.refusals else waiting
        outcome = _outcome(innocent, answer, now, lastfm_now, skew, doubtful, rules)
        if isinstance(outcome, QueuedPlay):
            back.append(outcome)
        else:
            settled.append(Settled(waiting.id, outcome))
    calm = replace(state, fails=0, soft_failures=0, throttle_level=0, wait_until=0.0, answered_at=now, trouble="")
    meant = {rules.codes.get(a.ignored_code) for a in items}
    if Ignoring.DAILY_LIMIT in meant:
        cause = Cause(None, f"{rules.service}'s daily limit is reached")
        throttled = _throttled(
            replace(calm, throttle_level=state.throttle_level), (), Scope.ACCOUNT, cause, now, rules, used=used
        )
        return Step(throttled.state, tuple(settled), tuple(back))
    if Ignoring.NOT_STORED in meant:
        fails = state.fails + 1
        cause = Cause(None, _NOT_STORED)
        calm = replace(calm, fails=fails, wait_until=now + pacing.backoff(fails, jitter), trouble=str(cause))
    if calm.budget and now - calm.budget_at >= pacing.BUDGET_DAY:
        calm = replace(calm, budget=pacing.budget_after_a_day(calm.budget), budget_at=now)
    return Step(calm, tuple(settled), tuple(back))


def may_be_limited(verdict: Verdict, rules: Rules) -> bool:
    """Whether an answer may be about a daily limit, so that the day's plays have to be counted."""
    match verdict:
        case Throttled():
            return rules.daily_limit
        case Answered(items):
            return any(rules.codes.get(item.ignored_code) is Ignoring.DAILY_LIMIT for item in items)
        case _:
            return False


def step_without_time(
    state: DeliveryState,
    batch: Sequence[QueuedPlay],
    verdict: Verdict,
    now: float,
    jitter: float,
    key_level: int,
    *,
    rules: Rules,
) -> Step:
    """What Last.fm's answer means for the due plays if only its time was requested, and they were not sent."""
    match verdict:
        case Unsure(cause, retry_after):
            return _later(state, batch, cause, now, jitter, retry_after)
        case Later() | Throttled(Scope.ADDRESS) | KeyRefused():
            step = next_step(state, batch, verdict, now, jitter, rules=rules, key_level=key_level)
            return replace(step, back=tuple(replace(w, unanswered=False) for w in step.back))
        case _:  # each of these is an answer
            return Step(state)


def _outcome(
    waiting: QueuedPlay,
    answer: ItemAnswer,
    now: float,
    lastfm_now: float,
    skew: float,
    doubtful: bool,
    rules: Rules,
) -> Fate | QueuedPlay:
    """What an answer means for one play. `lastfm_now` is the time of the server that gave it."""
    code = answer.ignored_code
    if not code:
        return Accepted(answer.correction)
    again = replace(waiting, tries=waiting.tries + 1)
    match rules.codes.get(code, Ignoring.OTHER):
        case Ignoring.DAILY_LIMIT:
            return replace(again, error="daily limit of scrobbles")
        case Ignoring.NOT_STORED:
            return replace(again, error=_NOT_STORED)
        case Ignoring.TOO_OLD | Ignoring.TOO_NEW if _unchecked(waiting, doubtful):
            error = f"{rules.service} rejects this play's start time, and our clock may be wrong"
            wait = max(UNCHECKED, _surely_ahead(waiting, now, lastfm_now))
            return replace(again, not_before=now + wait, error=error)
        case Ignoring.TOO_OLD | Ignoring.TOO_NEW if not waiting.too_new and start_moves_by(waiting):
            error = f"{rules.service} rejects this play's start time, and our clock was wrong"
            return replace(again, too_new=1, not_before=now, error=error)
    ahead = not waiting.too_new or waiting.play.timestamp > lastfm_now
    if ahead and rules.meaning(waiting.play, code, lastfm_now) is Ignoring.TOO_NEW:
        return _ahead(waiting, now, skew, rules)
    return Ignored(code, rules.reason(waiting.play, code, answer.message, lastfm_now))


def _ahead(waiting: QueuedPlay, now: float, skew: float, rules: Rules) -> QueuedPlay:
    """The outcome for a play in the future: it waits until then, or is sent at once if our fast clock queued it."""
    later, first = its_time(waiting, now, skew), not waiting.too_new
    if first and queued_by_a_fast_clock(waiting.enqueued_at, now, skew):
        later = now  # our clock was wrong, as is now known: the start is corrected, and the play is sent at once
    error = f"{rules.service} says that this play starts in the future"
    return replace(waiting, tries=waiting.tries + 1, too_new=1, not_before=later, error=error, refused_ahead=first)


def _surely_ahead(waiting: QueuedPlay, now: float, lastfm_now: float) -> float:
    """Seconds until a start has come by one of the clocks, whichever is wrong; 0 if our clock may have timed it."""
    start = waiting.play.timestamp
    ours = start <= waiting.enqueued_at or timed_by_our_clock(waiting)
    return 0.0 if ours else start - max(now, lastfm_now)


def _unchecked(waiting: QueuedPlay, doubtful: bool) -> bool:
    """Whether it is still unknown which clock is wrong."""
    return (waiting.off is None or doubtful) and waiting.tries < UNCHECKED_TRIES
