"""The rate limit and the steps of back-off. Pure functions over seconds.

Last.fm names no figure for its limit and sends no `Retry-After`; the ladders follow what users measured
(docs/decisions/0006-pace-and-back-off.md).
"""

from __future__ import annotations

from dataclasses import dataclass

FIRST_WAIT = 5.0
LONGEST_WAIT = 600.0
SHORTEST_WAIT = 1.0

REFUSED_LADDER = (5.0, 300.0, 3600.0)
"""Seconds until a play that was refused alone, and not believed to be bad, is sent again."""

PROBE = 40.0
"""Seconds that one probing request gets to show whether a throttle is over, before another may try."""

OUTAGE_ACCOUNTS = 3
"""Different accounts that meet an outage with no answer in between, until all others leave Last.fm alone."""

BUDGET_DAY = 86400.0
"""Seconds over which a daily limit counts; a rolling day is the usual guess."""

MIN_BUDGET = 300
"""A limit reached before this many plays is for bursts: the smallest daily limit that users quote is twice as high."""

RESERVE = 0.1
"""Part of a daily budget that a backlog leaves for what is played today."""

BUDGET_CHECK = 900.0
"""Seconds until a backlog that has used up the budget is checked again."""

LONGEST_THROTTLE = 86400.0
"""Seconds; a longer throttle was written by a clock that has been set back since."""

FURTHEST_SLOT = 3600.0
"""Seconds; a slot further ahead was booked by a clock that has been set back since."""

KEY_PROBE = 3600.0
"""Seconds between probes of a refused API key; a suspension is lifted by people, not by retries."""

LONGEST_APART = 3660.0
"""Seconds; a play that waits longer, and past its own time, was put back by a clock that was wrong."""

FIRST_RETRY, LONGEST_RETRY = 2.0, 3600.0


def retry_wait(tries: int) -> float:
    """Seconds until a job that failed `tries` times in a row is retried: retrying does not fix a bug."""
    return min(LONGEST_RETRY, FIRST_RETRY * 2.0 ** min(tries - 1, 20))


@dataclass(frozen=True, slots=True)
class Slot:
    """A booked place in the stream of requests: wait this long (seconds); `tat` is the state to keep."""

    wait: float
    tat: float


def book(tat: float, now: float, per_second: float) -> Slot:
    """The next free slot of a stream that never exceeds `per_second` (GCRA without burst).

    `tat` is the theoretical arrival time stored at the last booking. With `per_second` 0 there is no limit.
    """
    if per_second <= 0:
        return Slot(0.0, tat)
    start = max(tat, now) if tat <= now + FURTHEST_SLOT else now
    return Slot(start - now, start + 1.0 / per_second)


def backoff(fails: int, jitter: float, *, longest: float = LONGEST_WAIT) -> float:
    """Seconds to wait after the `fails`-th failure in a row (from 1): full jitter under a cap that doubles.

    The cap is at most `longest`, `jitter` is a random number in [0, 1). Full jitter:
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    cap = min(longest, FIRST_WAIT * 2.0 ** min(fails - 1, 16))
    return max(SHORTEST_WAIT, cap * jitter)


def ladder_wait(ladder: tuple[float, ...], step: int) -> float:
    """Seconds of a ladder's step, counted from 0; the last step repeats."""
    return ladder[min(step, len(ladder) - 1)]


def budget_met(used: int, known: int) -> int:
    """The daily limit after it was reached with `used` plays in a day; 0 means unknown."""
    if used < MIN_BUDGET:
        return known
    return min(used, known) if known else used


def budget_after_a_day(known: int) -> int:
    """The daily limit after a day on which it wasn't reached: a tenth more, since it may have been raised."""
    return known + max(1, known // 10) if known else 0


def backlog_room(budget: int, used: int) -> int | None:
    """How many plays of a backlog the daily limit still has room for; None while no limit is known."""
    return max(0, int(budget * (1 - RESERVE)) - used) if budget else None


def clear_at(backlog: int, budget: int, used: int, now: float) -> float | None:
    """About when a backlog will be sent (Unix seconds); None while no limit is known."""
    room = backlog_room(budget, used)
    if room is None:
        return None
    days = max(0, backlog - room) / max(1.0, budget * (1 - RESERVE))
    return now + days * BUDGET_DAY


def in_force(until: float, now: float) -> bool:
    """Whether a throttle until `until` is in force; one longer than a day comes from a clock that has been set back
    since.
    """
    return now < until <= now + LONGEST_THROTTLE
