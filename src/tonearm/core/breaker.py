"""A circuit breaker: a server that is down is left alone for a growing time, then one request probes it."""

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
    """Whether requests to a server are made. `fails` counts failures in a row, 0 while it answers; `until` is in Unix
    seconds.
    """

    fails: int = 0
    until: float = 0.0
    reason: str = ""

    def is_open(self, now: float) -> bool:
        """Whether the server is left alone now; if `until` is more than a day ahead, a clock has been set back since,
        and it isn't.
        """
        return bool(self.fails) and pacing.in_force(self.until, now)

    def probed(self, now: float) -> Circuit:
        """The circuit while one request probes the server; all others wait for its result, or until it times out."""
        return replace(self, until=now + pacing.PROBE)

    def failed(
        self, now: float, chance: float, reason: str, retry_after: float | None = None, *, at_least: float = 0.0
    ) -> Circuit:
        """The circuit after another failure. `chance` is in [0, 1); `retry_after` and `at_least` are in seconds."""
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
        case Answered():
            return verdict.from_server
        case SessionSuspect() | SessionEnded() | Throttled(Scope.ACCOUNT):
            return True
        case Later() | Unsure() | Throttled() | KeyRefused():
            return False
        case _:
            assert_never(verdict)


def is_outage(verdict: Verdict, rules: Rules) -> bool:
    """Whether an answer, or its absence, may be due to the server's state and not to this account or these plays."""
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
