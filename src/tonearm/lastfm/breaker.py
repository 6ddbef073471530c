"""A circuit breaker for reads: while Last.fm is clearly down, it admits no calls for a while, and then one that
probes.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, assert_never

from tonearm.core.breaker import CLOSED
from tonearm.core.verdict import Cause
from tonearm.http_exchange import Reply, TransportError
from tonearm.lastfm.error import LastFmError, Unavailable, error_of
from tonearm.lastfm.response import Answer, Exchange, Failure, Nonsense, Refusal

MAX_SOFT_FAILURES = 3
"""Failures in a row that may be about a single call, such as a deep page, before they count as an outage."""

_AWAY = frozenset({11, 16, 29})
_SOFT_FAILURES = frozenset({8})
_UNAVAILABLE = (429, 502, 503, 504)


class Resting(Unavailable):
    """No request was made: Last.fm is being left alone for now. `retry_after` is in seconds."""


class BreakerState(Enum):
    """What an outcome says about Last.fm's state."""

    THERE = "there"
    SOFT_FAILURE = "doubtful"
    AWAY = "away"


def state_of(reply: Reply | TransportError, outcome: Answer[Any] | Failure) -> BreakerState:
    """Whether Last.fm is up. Most errors are about the call, and a server that sends one is up."""
    away = isinstance(reply, TransportError) or reply.status in _UNAVAILABLE
    match outcome:
        case Answer():
            return BreakerState.THERE
        case Refusal(Cause(error_code)):
            if error_code in _AWAY or (away and error_code in _SOFT_FAILURES):
                return BreakerState.AWAY
            return BreakerState.SOFT_FAILURE if error_code in _SOFT_FAILURES else BreakerState.THERE
        case Nonsense() | TransportError():
            return BreakerState.AWAY if away else BreakerState.SOFT_FAILURE
        case _:
            assert_never(outcome)


class Breaker:
    """Admits calls while Last.fm answers. After a failure it admits none for a growing time, then one as a probe. Times
    are seconds of one clock, chances are in [0, 1).
    """

    def __init__(self) -> None:
        self._circuit = CLOSED
        self._soft_failures = 0

    @property
    def until(self) -> float:
        """Until when no call is admitted, if Last.fm was down."""
        return self._circuit.until

    def enter(self, now: float) -> None:
        """Admit a call. Raises Resting while none may be made; the first call after that is the probe."""
        circuit = self._circuit
        if circuit.is_open(now):
            message = f"Last.fm can't be reached ({circuit.reason}); trying again soon"
            raise Resting(Cause(None, message), circuit.until - now, False)
        if circuit.fails:
            self._circuit = circuit.probed(now)

    def record(self, exchange: Exchange[Any], method: str, now: float, chance: float) -> LastFmError | None:
        """Record how a call went; returns its error, if any."""
        state, outcome = state_of(exchange.reply, exchange.outcome), exchange.outcome
        if isinstance(outcome, Answer):
            self.leave(state, now, chance)
            return None
        error = error_of(outcome, method)
        self.leave(state, now, chance, str(error), error.retry_after)
        return error

    def leave(
        self, state: BreakerState, now: float, chance: float, reason: str = "", retry_after: float | None = None
    ) -> None:
        """Record how a call ended."""
        if state is BreakerState.THERE:
            self._circuit, self._soft_failures = CLOSED, 0
            return
        self._soft_failures += 1
        if state is BreakerState.AWAY or self._circuit.fails or self._soft_failures >= MAX_SOFT_FAILURES:
            self._circuit = self._circuit.failed(now, chance, reason, retry_after)
