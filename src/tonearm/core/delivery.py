"""The delivery of plays: what to send next, and what an answer means for each play.

The service reads a DeliveryState and the waiting plays, calls `next_move`, sends, and writes what `next_step` returns.
What the destination takes is in the `Rules` that it is given.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from tonearm.core import pacing
from tonearm.core.account import SESSION_LOST, Connection
from tonearm.core.destination import Ignoring, Rules
from tonearm.core.play import Play
from tonearm.core.report import made_just_now, queued_by_a_fast_clock, stamped_by_our_clock, too_old
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

MAX_SOFT_FAILURES = 3
"""Errors 4 in a row that end a session; fewer may be Last.fm's load."""

FREE_REFUSALS = 5
"""Refusals in a row without a wait: so many it takes until the first of 50 plays is alone."""

REFUSALS_BELIEVED = 5
"""Refusals of a lone play with an undocumented error code until it is believed: they take three hours."""

BACKEND_FAILED = frozenset({8, 16})
"""Its backend failed, perhaps after it had stored some: 16 was seen with the message of the database below."""

ABOUT_AN_ACCOUNT = frozenset({12, 18})
BAD_SIGNATURE = 13
ABOUT_A_PLAY = frozenset({6, 7, BAD_SIGNATURE})
"""The errors that a single play is known to cause for the whole batch."""


@dataclass(frozen=True, slots=True)
class DeliveryState:
    """The state of an account's delivery. Times are Unix seconds; the counters are of failures in a row.

    `budget` is the daily limit of scrobbles as far as it was met (0: never met), since `budget_at`.
    """

    connection: Connection = Connection.CONNECTED
    wait_until: float = 0.0
    fails: int = 0
    soft_failures: int = 0
    throttle_level: int = 0
    answered_at: float = 0.0
    trouble: str = ""
    budget: int = 0
    budget_at: float = 0.0


@dataclass(frozen=True, slots=True)
class QueuedPlay:
    """A frozen play in the queue. A `group` (after a split) is sent together, without other plays; 0 is none.

    `split_at` is when it was first part of a refused batch, `refusals` counts refused requests with it alone.

    `live`: it was reported when it was played; all others are backlog, which goes after live plays.

    After an answer: `refused_ahead` if that answer refused it as being in the future, `unanswered` if Last.fm
    may or may not have the play.

    `off`: the seconds that have to be added to our clock as it was when the play was reported, if Last.fm's time was
    not known then; None while it is still not known.
    """

    id: int
    play: Play
    tries: int = 0
    not_before: float = 0.0
    group: int = 0
    split_at: float = 0.0
    too_new: int = 0
    refusals: int = 0
    error: str = ""
    live: bool = True
    enqueued_at: float = 0.0
    counter: float | None = None
    boot: str = ""
    off: float | None = 0.0
    refused_ahead: bool = False
    unanswered: bool = False


@dataclass(frozen=True, slots=True)
class Accepted:
    """Last.fm has it. `correction` holds the names it is filed under, where they differ."""

    correction: Correction | None = None


@dataclass(frozen=True, slots=True)
class Ignored:
    """Last.fm accepted the request and left the play out; `reason` is worked out here."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Last.fm refuses this play, alone as well."""

    cause: Cause


@dataclass(frozen=True, slots=True)
class Expired:
    """It grew older than Last.fm takes while it waited."""

    reason: str


Fate = Accepted | Ignored | Refused | Expired


@dataclass(frozen=True, slots=True)
class Settled:
    """A play that leaves the queue."""

    id: int
    fate: Fate


@dataclass(frozen=True, slots=True)
class Send:
    """Send these, oldest first; the expired ones are settled first.

    `ask`: ask Last.fm for its time first, since it is not known yet whether the clock that timed these was right.
    """

    batch: tuple[QueuedPlay, ...]
    expired: tuple[Settled, ...] = ()
    ask: bool = False


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing to send now; check again at `until` (Unix seconds; None: when something changes).

    `backlog_until`: the day's budget is used up, so until then only live plays are sent.
    """

    until: float | None
    expired: tuple[Settled, ...] = ()
    backlog_until: float = 0.0


@dataclass(frozen=True, slots=True)
class KeyThrottle:
    """Everything that uses this API key from this address waits until then; `level` counts throttles in a row."""

    until: float
    reason: str
    refused: bool
    level: int = 1


@dataclass(frozen=True, slots=True)
class Step:
    """What to write after an answer, in one transaction."""

    state: DeliveryState
    settled: tuple[Settled, ...] = ()
    back: tuple[QueuedPlay, ...] = ()
    key_throttle: KeyThrottle | None = None


def next_move(
    state: DeliveryState,
    waiting: Sequence[QueuedPlay],
    now: float,
    *,
    rules: Rules,
    used: int = 0,
    probe: bool = False,
    skew: float = 0.0,
    known: bool = True,
    unchecked_until: float = 0.0,
    ask: bool = False,
) -> Send | Idle:
    """What to do for an account: `waiting` has its live plays first, then its backlog, each oldest first.

    `used` counts its plays of the last day; `probe` sends a single play to see whether a throttle is over; `skew` is
    what our clock is behind Last.fm's, and `known` whether that is known: if not, no play expires, and those that
    are too old by our clock alone are sent last, one by one. Plays timed by an unchecked clock are sent last, too,
    since other plays' answers may show whether the clock was right; if there are no others, they wait for that
    until `unchecked_until`. `ask`: Last.fm may be asked for nothing but its time.
    """
    old = {w.id for w in waiting if too_old(w.play.timestamp, now, skew, rules.oldest)}
    expired = tuple(Settled(w.id, Expired(rules.too_old_reason)) for w in waiting if known and w.id in old)
    gone = {s.id for s in expired}
    alive = [w for w in waiting if w.id not in gone]
    if state.connection is not Connection.CONNECTED:
        return Idle(None, expired)
    if pacing.in_force(state.wait_until, now):
        return Idle(state.wait_until if alive else None, expired)
    due = [w for w in alive if w.not_before <= now]
    if not due:
        return Idle(min((w.not_before for w in alive), default=None), expired)
    if checked := [w for w in due if w.off is not None or not timed_by_our_clock(w)]:
        due = checked
    elif now < unchecked_until:
        return Idle(unchecked_until, expired)
    if any(w.id in old for w in due):
        young = [w for w in due if w.id not in old]
        probe, due = probe or not young, young or due
    room = pacing.backlog_room(state.budget, used) if rules.daily_limit else None
    allowed = list(due) if room is None else _within(due, room)
    if not allowed:
        next_check = now + pacing.BUDGET_CHECK
        return Idle(next_check, expired, backlog_until=next_check)
    allowed.sort(
        key=lambda w: w.refusals > 0
    )  # what was refused alone goes last: another play may prove that the server works
    return Send(_batch(allowed, 1 if state.throttle_level or probe else rules.batch), expired, ask=ask and not checked)


def _within(due: list[QueuedPlay], room: int) -> list[QueuedPlay]:
    """The live plays, and as much of the backlog as there is room for."""
    backlog = [w for w in due if not w.live]
    return [w for w in due if w.live] + backlog[:room]


def _batch(due: list[QueuedPlay], size: int) -> tuple[QueuedPlay, ...]:
    """The first plays up to the next group, or the whole of the first one's group; in order of time."""
    group = due[0].group
    together = (w for w in due if w.group == group) if group else itertools.takewhile(lambda w: not w.group, due)
    return tuple(sorted(itertools.islice(together, size), key=lambda w: (w.play.timestamp, w.id)))


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
    """What Last.fm's answer to a batch means. `jitter` is a chance in [0, 1), `skew` what our clock is behind.

    `doubtful`: its last answer showed another time than is known; what it says about times is then not final.

    `used` counts the account's plays of the last day, `key_level` the throttles in a row of this key and address.
    """
    match verdict:
        case Answered(items, at):
            theirs = now + skew if at is None else at
            return _answered(state, batch, items, now, jitter, rules, used, theirs, skew, doubtful)
        case Later(Cause(error_code) as cause, retry_after) if error_code in BACKEND_FAILED:
            return _unanswered(state, batch, cause, now, jitter, retry_after)
        case Later(cause, retry_after):
            return _later(state, batch, cause, now, jitter, retry_after)
        case Unsure(cause, retry_after):
            return _unanswered(state, batch, cause, now, jitter, retry_after)
        case Throttled(scope, cause, retry_after):
            return _throttled(state, batch, scope, cause, now, rules, retry_after, used, key_level)
        case Split(cause) if len(batch) > 1:
            return _divided(state, batch, cause, now, jitter)
        case Split(cause):
            return _refused_alone(state, batch[0], cause, now, jitter)
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
    return tuple(replace(w, tries=w.tries + 1, error=str(cause)) for w in batch)


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
    """Last.fm may have these plays. Sending them again doubles none: it drops identical repeats."""
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


def _divided(state: DeliveryState, batch: Sequence[QueuedPlay], cause: Cause, now: float, jitter: float) -> Step:
    """Thirds, not halves: one bad play among 50 is then isolated after at most 12 requests, with halves after 13."""
    size = -(-len(batch) // 3)
    back = tuple(
        replace(w, group=part[0].id, split_at=_suspected_since(w, now))
        for part in (batch[i : i + size] for i in range(0, len(batch), size))
        for w in _back(part, cause)
    )
    return Step(_refused(state, state.fails + 1, cause, now, jitter), back=back)


def _refused_alone(state: DeliveryState, guilty: QueuedPlay, cause: Cause, now: float, jitter: float) -> Step:
    """A play refused alone. It is believed only if the server has answered for another play since it was refused first.

    A server that refuses every play says nothing about this one. Nor is an undocumented error code believed at once:
    it may mean an outage that comes and goes.
    """
    proven, known = 0 < guilty.split_at < state.answered_at <= now, cause.error_code in ABOUT_A_PLAY
    if proven and (known or guilty.refusals + 1 >= REFUSALS_BELIEVED):
        return Step(replace(state, fails=0, soft_failures=0), settled=(Settled(guilty.id, Refused(cause)),))
    # The same play again says nothing new about the server, so it alone delays no others.
    news = not guilty.refusals or state.fails > FREE_REFUSALS
    back = replace(
        guilty,
        tries=guilty.tries + 1,
        error=str(cause),
        not_before=now + pacing.ladder_wait(pacing.REFUSED_LADDER, guilty.refusals),
        split_at=_suspected_since(guilty, now) if known else now,
        refusals=guilty.refusals + 1,
        group=guilty.id,
    )
    return Step(_refused(state, state.fails + news, cause, now, jitter, alone=True), back=(back,))


def _suspected_since(play: QueuedPlay, now: float) -> float:
    """Since when requests with a play are refused; a time yet to come was written by a clock put back since."""
    return play.split_at if 0.0 < play.split_at <= now else now


def _refused(
    state: DeliveryState, fails: int, cause: Cause, now: float, jitter: float, *, alone: bool = False
) -> DeliveryState:
    """The account after refusals in a row. More of them than one bad play explains are not about the plays."""
    many = fails > FREE_REFUSALS
    hint = " (is the API secret right?)" if cause.error_code == BAD_SIGNATURE and (many or alone) else ""
    refused = replace(state, fails=fails, trouble=f"{cause}{hint}")
    if not many:
        return refused
    longest = pacing.LONGEST_WAIT if cause.error_code in (6, 7) else pacing.KEY_PROBE
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
        outcome = _outcome(waiting, answer, now, lastfm_now, skew, doubtful, rules)
        if isinstance(outcome, QueuedPlay):
            back.append(outcome)
        else:
            settled.append(Settled(waiting.id, outcome))
    calm = replace(state, fails=0, soft_failures=0, throttle_level=0, wait_until=0.0, answered_at=now, trouble="")
    meant = {rules.codes.get(a.ignored_code) for a in items}
    if Ignoring.DAILY_LIMIT in meant:
        cause = Cause(None, "Last.fm's daily limit is reached")
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
    """What Last.fm's answer to a question for its time means for the plays that are due, which were not sent."""
    match verdict:
        case Unsure(cause, retry_after):
            return _later(state, batch, cause, now, jitter, retry_after)
        case Later() | Throttled(Scope.ADDRESS) | KeyRefused():
            step = next_step(state, batch, verdict, now, jitter, rules=rules, key_level=key_level)
            return replace(step, back=tuple(replace(w, unanswered=False) for w in step.back))
        case _:  # any of these is an answer
            return Step(state)


def without_session(state: DeliveryState) -> DeliveryState:
    """The state of an account whose session cannot be opened: it waits for a sign-in; Last.fm was not asked."""
    return replace(state, connection=Connection.NEEDS_SIGN_IN, soft_failures=0, fails=0, trouble=SESSION_LOST)


def proves_the_key(verdict: Verdict) -> bool:
    """Whether an answer shows that Last.fm serves this key and this address."""
    match verdict:
        case Split(cause):
            return cause.error_code in ABOUT_A_PLAY
        case Answered() | SessionSuspect() | SessionEnded() | Throttled(Scope.ACCOUNT):
            return True
        case Later() | Unsure() | Throttled() | KeyRefused():
            return False
        case _:
            assert_never(verdict)


_NOT_STORED = "the server couldn't store the play"


def is_outage(verdict: Verdict) -> bool:
    """Whether an answer, or its absence, may be the server's state and not about this account or these plays."""
    match verdict:
        case Later(cause):
            return cause.error_code not in ABOUT_AN_ACCOUNT
        case Split(cause):
            return cause.error_code not in ABOUT_A_PLAY
        case Unsure():
            return True
        case Answered() | SessionSuspect() | SessionEnded() | Throttled() | KeyRefused():
            return False
        case _:
            assert_never(verdict)


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
    code, again = answer.ignored_code, replace(waiting, tries=waiting.tries + 1)
    if not code:
        return Accepted(answer.correction)
    match rules.codes.get(code, Ignoring.OTHER):
        case Ignoring.DAILY_LIMIT:
            return replace(again, error="daily limit of scrobbles")
        case Ignoring.NOT_STORED:
            return replace(again, error=_NOT_STORED)
        case Ignoring.TOO_OLD | Ignoring.TOO_NEW if _unchecked(waiting, doubtful):
            error = "Last.fm rejects this play's start time, and our clock may be wrong"
            return replace(again, not_before=now + UNCHECKED, error=error)
        case Ignoring.TOO_OLD | Ignoring.TOO_NEW if not waiting.too_new and start_moves_by(waiting):
            error = "Last.fm rejects this play's start time, and our clock was wrong"
            return replace(again, too_new=1, not_before=now, error=error)
    ahead = not waiting.too_new or waiting.play.timestamp > lastfm_now
    if ahead and rules.meaning(waiting.play, code, lastfm_now) is Ignoring.TOO_NEW:
        return _ahead(waiting, now, skew)
    return Ignored(code, rules.reason(waiting.play, code, answer.message, lastfm_now))


def _ahead(waiting: QueuedPlay, now: float, skew: float) -> QueuedPlay:
    """A play in the future waits until then, or is sent at once if our fast clock has queued it."""
    later, first = its_time(waiting, now, skew), not waiting.too_new
    if first and queued_by_a_fast_clock(waiting.enqueued_at, now, skew):
        later = now  # our clock was wrong, as is known by now: its start is corrected, and it is sent at once
    error = "Last.fm says that this play starts in the future"
    return replace(waiting, tries=waiting.tries + 1, too_new=1, not_before=later, error=error, refused_ahead=first)


UNCHECKED = 31.0
"""Seconds after which Last.fm is asked again whether our clock is right."""

UNCHECKED_TRIES = 10


def _unchecked(waiting: QueuedPlay, doubtful: bool) -> bool:
    """Whether it is still unknown which clock is wrong."""
    return (waiting.off is None or doubtful) and waiting.tries < UNCHECKED_TRIES


def timed_by_our_clock(waiting: QueuedPlay) -> bool:
    """Whether our clock has timed a play, as it was when the play was reported."""
    return made_just_now(waiting.play.timestamp, waiting.play.played, waiting.enqueued_at)


def start_moves_by(waiting: QueuedPlay) -> int:
    """Seconds by which the start of a play is to be moved, since our clock is known by now to have been wrong then."""
    off = waiting.off or 0.0
    play = waiting.play
    return round(off) if stamped_by_our_clock(play.timestamp, play.played, waiting.enqueued_at, off) else 0


def its_time(waiting: QueuedPlay, now: float, skew: float) -> float:
    """When the time of a play that lies ahead has surely come: somebody's clock is wrong, perhaps ours."""
    return max(now + pacing.KEY_PROBE, waiting.play.timestamp - skew)
