"""A breaker for reads: where Last.fm is surely away, it is left alone for a while, and one call looks how it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, assert_never

from tonearm.core import pacing
from tonearm.core.verdict import Cause
from tonearm.lastfm.error import Unavailable
from tonearm.lastfm.response import Answer, Failure, Nonsense, Refusal, Reply, TransportError

DOUBTS = 3
"""Answers in a row that may be about one call alone, such as a deep page's, until they are taken for an outage."""

_AWAY = frozenset({11, 16, 29})
_DOUBTFUL = frozenset({8})
_UNAVAILABLE = (429, 502, 503, 504)


class Resting(Unavailable):
    """Not asked: Last.fm is left alone for now. `retry_after` is in seconds."""


class BreakerState(Enum):
    """What an outcome says about Last.fm."""

    THERE = "there"
    DOUBTFUL = "doubtful"
    AWAY = "away"


def state_of(reply: Reply | TransportError, outcome: Answer[Any] | Failure) -> BreakerState:
    """Whether Last.fm is there. Most errors are about the call: whoever says so is there."""
    away = isinstance(reply, TransportError) or reply.status in _UNAVAILABLE
    match outcome:
        case Answer():
            return BreakerState.THERE
        case Refusal(Cause(number)):
            if number in _AWAY or (away and number in _DOUBTFUL):
                return BreakerState.AWAY
            return BreakerState.DOUBTFUL if number in _DOUBTFUL else BreakerState.THERE
        case Nonsense() | TransportError():
            return BreakerState.AWAY if away else BreakerState.DOUBTFUL
        case _:
            assert_never(outcome)


@dataclass(slots=True)
class Breaker:
    """Closed while Last.fm answers; open for a growing while after it was away; then one call tries.

    Times are seconds of one clock, chances in [0, 1).
    """

    fails: int = 0
    doubts: int = 0
    until: float = 0.0
    why: str = ""

    def enter(self, now: float) -> None:
        """A call wants to go out. Raises Resting while it must not; the first after a rest is the probe."""
        if not self.fails:
            return
        if now < self.until <= now + pacing.LONGEST_THROTTLE:
            raise Resting(
                Cause(None, f"Last.fm can't be reached ({self.why}); trying again soon"), self.until - now, False
            )
        self.until = now + pacing.PROBE

    def leave(
        self, state: BreakerState, now: float, chance: float, why: str = "", retry_after: float | None = None
    ) -> None:
        """How a call ended."""
        if state is BreakerState.THERE:
            self.fails = self.doubts = 0
            return
        self.doubts += 1
        if state is BreakerState.AWAY or self.fails or self.doubts >= DOUBTS:
            self.fails += 1
            wait = max(pacing.backoff(self.fails, chance), min(retry_after or 0.0, pacing.LONGEST_THROTTLE))
            self.until, self.why = now + wait, why
