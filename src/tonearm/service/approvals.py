"""Programs that ask to report for somebody, and wait until that listener allows it in a browser."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass, replace

from tonearm.clock import Clock
from tonearm.store.players import StoredPlayer

LIFE = 3600.0
"""Seconds for which a token may be approved, as at Last.fm."""

MOST_WAITING = 1000


@dataclass(frozen=True, slots=True)
class Approval:
    """A program that asked at `asked_at` (Unix seconds); `player` is what it may report as, None until then."""

    asked_at: float
    program: str
    player: StoredPlayer | None = None


class Approvals:
    """The tokens of this process that wait. A program asks again if it is lost."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: OrderedDict[str, Approval] = OrderedDict()

    def ask(self, program: str) -> str:
        """A new token; `program` is what the request calls itself, "" if it doesn't."""
        token = secrets.token_hex(16)
        self._waiting[token] = Approval(self._clock.now(), program)
        while len(self._waiting) > MOST_WAITING:
            self._waiting.popitem(last=False)
        return token

    def find(self, token: str) -> Approval | None:
        """What was asked for with a token; None for an unknown one."""
        return self._waiting.get(token)

    def is_expired(self, approval: Approval) -> bool:
        """Whether it is too late for that one."""
        return self._clock.now() - approval.asked_at > LIFE

    def allow(self, token: str, player: StoredPlayer) -> None:
        """Let the program report as this player."""
        if token in self._waiting:
            self._waiting[token] = replace(self._waiting[token], player=player)

    def spend(self, token: str) -> None:
        """A token is good for one session."""
        self._waiting.pop(token, None)
