"""A circuit breaker: a server that is away is left alone for a growing while, then one request looks how it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

from tonearm.core import pacing
from tonearm.core.destination import Concern, Rules
from tonearm.core.verdict import (
    Answered,
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


@dataclass(frozen=True, slots=True)
class Circuit:
    """Whether a server is asked. `fails` counts failures in a row, 0 while it answers; `until` is in Unix seconds."""

    fails: int = 0
    until: float = 0.0
    reason: str = ""

    def is_open(self, now: float) -> bool:
        """Whether the server is left alone now; more than a day ahead, a clock has been put back since."""
        return bool(self.fails) and pacing.in_force(self.until, now)

    def probed(self, now: float) -> Circuit:
        """One request looks how the server is; all others wait for what it finds, or until it has had its time."""
        return replace(self, until=now + pacing.PROBE)

    def failed(
        self, now: float, chance: float, reason: str, retry_after: float | None = None, *, at_least: float = 0.0
    ) -> Circuit:
        """Once more there was no answer. `chance` is in [0, 1); `retry_after` and `at_least` are in seconds."""
        fails = self.fails + 1
        asked = min(retry_after or 0.0, pacing.LONGEST_THROTTLE)
        return Circuit(fails, now + max(pacing.backoff(fails, chance), asked, at_least), reason)


CLOSED = Circuit()
"""The server answers."""


def proves_the_key(verdict: Verdict, rules: Rules) -> bool:
    """Whether an answer shows that Last.fm serves this key and this address."""
    match verdict:
        case Split(cause):
            return rules.concern(cause.error_code).names_a_play
        case Answered() | SessionSuspect() | SessionEnded() | Throttled(Scope.ACCOUNT):
            return True
        case Later() | Unsure() | Throttled() | KeyRefused():
            return False
        case _:
            assert_never(verdict)


def is_outage(verdict: Verdict, rules: Rules) -> bool:
    """Whether an answer, or its absence, may be the server's state and not about this account or these plays."""
    match verdict:
        case Later(cause):
            return rules.concern(cause.error_code) is not Concern.ACCOUNT
        case Split(cause):
            return not rules.concern(cause.error_code).names_a_play
        case Unsure():
            return True
        case Answered() | SessionSuspect() | SessionEnded() | Throttled() | KeyRefused():
            return False
        case _:
            assert_never(verdict)
