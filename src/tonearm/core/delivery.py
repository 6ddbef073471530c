"""The delivery of plays: what waits, and what to send next.

The service reads a DeliveryState and the waiting plays, calls `next_move`, and sends. `tonearm.core.delivery_answer`
says what the answer means. The `Rules` that are passed in say what the destination accepts.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tonearm.core import pacing
from tonearm.core.account import SESSION_LOST, Connection
from tonearm.core.destination import Rules
from tonearm.core.play import Play
from tonearm.core.report import made_just_now, stamped_by_our_clock, too_old
from tonearm.core.verdict import Cause, Correction


@dataclass(frozen=True, slots=True)
class DeliveryState:
    """The state of an account's delivery. Times are Unix seconds; the counters are of failures in a row.

    `budget` is the daily limit of scrobbles, as learned when it was reached (0: never), since `budget_at`.
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

    `refusals` counts rejected requests with it alone since there was last an answer for it; `refused_at` is when the
    first of them was that had the latest reason (Unix seconds).

    `live`: it was reported while it was played; all others are backlog, which is sent after live plays.

    After an answer: `refused_ahead` if that answer rejected it as being in the future, `unanswered` if Last.fm may or
    may not have the play.

    `off`: the seconds to add to our clock's time when the play was reported, if Last.fm's time was not known then; None
    while they are still unknown.
    """

    id: int
    play: Play
    tries: int = 0
    not_before: float = 0.0
    group: int = 0
    refused_at: float = 0.0
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
    """Last.fm has it. `correction` holds the names that it is filed under, if they differ."""

    correction: Correction | None = None


@dataclass(frozen=True, slots=True)
class Ignored:
    """Last.fm accepted the request but ignored the play; `reason` is worked out here."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Last.fm rejects this play, even alone. `in_doubt`: it may have it, because an answer was lost before."""

    cause: Cause
    in_doubt: bool = False


@dataclass(frozen=True, slots=True)
class Expired:
    """It became older than Last.fm accepts while it waited."""

    reason: str


Fate = Accepted | Ignored | Refused | Expired


@dataclass(frozen=True, slots=True)
class Settled:
    """A play that leaves the queue."""

    id: int
    fate: Fate


@dataclass(frozen=True, slots=True)
class Send:
    """Send these, oldest first; the expired ones are settled before that.

    `ask`: ask Last.fm for its time first, since it is not known yet whether the clock that timed these was right.
    """

    batch: tuple[QueuedPlay, ...]
    expired: tuple[Settled, ...] = ()
    ask: bool = False


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing to send now; check again at `until` (Unix seconds; None: when something changes).

    `backlog_until`: the daily limit is used up, so until then only live plays are sent.
    """

    until: float | None
    expired: tuple[Settled, ...] = ()
    backlog_until: float = 0.0


@dataclass(frozen=True, slots=True)
class KeyThrottle:
    """Everything that uses this API key from this address waits until `until`; `level` counts throttles in a row."""

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
    how many seconds our clock is behind Last.fm's, and `known` whether that is known: if not, no play expires, and
    those that are too old by our clock alone are sent last, one by one. Plays timed by an unchecked clock are sent
    last, too, since other plays' answers may show whether the clock was right; if there are no others, they wait for
    that until `unchecked_until`. `ask`: Last.fm may be asked for its time only.
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
    checked = [w for w in due if w.off is not None or not timed_by_our_clock(w)]
    if not checked and now < unchecked_until:
        return Idle(unchecked_until, expired)
    surely = [w for w in checked or due if w.id not in old]
    allowed = _within(surely or checked or due, pacing.backlog_room(state.budget, used) if rules.daily_limit else None)
    if not allowed:
        next_check = now + pacing.BUDGET_CHECK
        return Idle(next_check, expired, backlog_until=next_check)
    size = 1 if state.throttle_level or probe or not surely else rules.batch
    return Send(_batch(allowed, size), expired, ask=ask and not checked)


def _within(due: list[QueuedPlay], room: int | None) -> list[QueuedPlay]:
    """The live plays, and as much of the backlog as there is room for (None: any)."""
    if room is None:
        return due
    backlog = [w for w in due if not w.live]
    return [w for w in due if w.live] + backlog[:room]


def _batch(allowed: list[QueuedPlay], size: int) -> tuple[QueuedPlay, ...]:
    """The first plays up to the next group, or the whole group of the first one; in order of time. Plays that were
    rejected alone go last: another play may prove that the server works.
    """
    due = sorted(allowed, key=lambda w: w.refusals > 0)
    group = due[0].group
    together = (w for w in due if w.group == group) if group else itertools.takewhile(lambda w: not w.group, due)
    return tuple(sorted(itertools.islice(together, size), key=lambda w: (w.play.timestamp, w.id)))


def without_session(state: DeliveryState) -> DeliveryState:
    """The state of an account whose session can't be decrypted: it waits for a sign-in; no request was made."""
    return replace(state, connection=Connection.NEEDS_SIGN_IN, soft_failures=0, fails=0, trouble=SESSION_LOST)


def timed_by_our_clock(waiting: QueuedPlay) -> bool:
    """Whether a play's start came from our clock as it was at the report."""
    return made_just_now(waiting.play.timestamp, waiting.play.played, waiting.enqueued_at)


def start_moves_by(waiting: QueuedPlay) -> int:
    """Seconds by which the start of a play has to be moved, now that our clock is known to have been wrong then."""
    off = waiting.off or 0.0
    play = waiting.play
    return round(off) if stamped_by_our_clock(play.timestamp, play.played, waiting.enqueued_at, off) else 0


def its_time(waiting: QueuedPlay, now: float, skew: float) -> float:
    """When the start of a play in the future has certainly come, since some clock is wrong, perhaps ours."""
    return max(now + pacing.KEY_PROBE, waiting.play.timestamp - skew)
