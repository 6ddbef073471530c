"""What may be concluded from refusals: about a play, about its account, and about Last.fm as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from benchmarks.simulation.ledger import Flight, Suspicion

ABOUT_A_PLAY = frozenset({6, 7, 13})
"""Errors that a single play causes for all that are sent with it."""

PASSING = frozenset({2, 3, 5, 8, 11, 16, 27})
"""Errors after which the plays simply wait."""

SESSION = frozenset({4, 9, 14, 17})

BELIEVED = 5
"""Refusals of a lone play with a number that nobody has documented, or always in other words, before it may be refused
for good.
"""

FREE_REFUSALS = 5
"""So many refusals in a row may follow each other without a wait."""

OUTAGE_ACCOUNTS = 3
"""Accounts that meet an outage, with no answer in between, before a single play tries for all of them."""


class Sent(Protocol):
    """What is sent, as seen on the wire."""

    flight: Flight


@dataclass(slots=True)
class Refusals:
    """What has arrived so far. All of it errs on the side of the process, which may have died before it wrote it."""

    away_from: set[str] = field(default_factory=set)
    may_be_away_from: set[str] = field(default_factory=set)
    about_a_play: frozenset[int] = ABOUT_A_PLAY
    _in_a_row: Counter[str] = field(default_factory=Counter)
    _cleared: dict[str, tuple[Flight, Suspicion]] = field(default_factory=dict)
    _answered_at: dict[str, float] = field(default_factory=dict)
    _refused_at: dict[str, float] = field(default_factory=dict)

    def forget(self) -> None:
        """The process died, or couldn't write, or its clock was changed: it may have forgotten."""
        self.away_from.clear()
        self._in_a_row.clear()
        for flight, suspicion in self._cleared.values():
            flight.suspicion = suspicion
        self._cleared.clear()

    def may_rest(self, accounts: set[str]) -> bool:
        """Whether, with these accounts, enough may have met an outage for all accounts to wait.

        The process may remember what it had written before it died.
        """
        self.may_be_away_from |= accounts
        return len(self.may_be_away_from) >= OUTAGE_ACCOUNTS

    def answered(self, account: str, at: float) -> None:
        """Last.fm answered for plays of this account."""
        self._answered_at[account] = at
        self._in_a_row.pop(account, None)
        self._cleared.pop(account, None)  # it was written, or another request would not have been sent

    def clears(self, account: str, play: Sent) -> None:
        """That answer was for this play, so what refused it before was not about it."""
        self._cleared[account] = play.flight, play.flight.suspicion
        play.flight.suspicion = Suspicion()

    def calm(self, account: str, since: float = float("inf")) -> None:
        """Its count of refusals in a row may have begun again, if the last one was before that."""
        if self._refused_at.get(account, 0.0) <= since:
            self._in_a_row.pop(account, None)

    def refused(self, account: str, plays: Sequence[Sent], number: int, words: str, at: float) -> int:
        """Plays of an account were rejected together; returns how many of its requests were, in a row."""
        self._refused_at[account] = at
        self._cleared.pop(account, None)
        news = True
        if len(plays) == 1:
            flight, suspicion = plays[0].flight, plays[0].flight.suspicion
            about_a_play = number in self.about_a_play
            if self._may_be_believed(account, suspicion, number if about_a_play else None, words):
                flight.believable.add(number)
                self.calm(account)
                return 0
            suspicion.refused_alone += 1
            suspicion.last = at
            if about_a_play:
                suspicion.first.setdefault((number, words), at)
            news = suspicion.refused_alone == 1 or self._in_a_row[account] > FREE_REFUSALS
        self._in_a_row[account] += news
        return self._in_a_row[account]

    def _may_be_believed(self, account: str, suspicion: Suspicion, number: int | None, words: str) -> bool:
        """Whether a play that is refused alone may be bad itself: it was refused before, in these words or often
        enough, another play was answered for since, and nothing was refused after that, except what had been before.
        `number` is None if nobody has documented it.
        """
        answered_at = self._answered_at.get(account, -1.0)
        if self._in_a_row[account]:
            return False
        same = number is not None and answered_at > suspicion.first.get((number, words), float("inf"))
        return same or (suspicion.refused_alone + 1 >= BELIEVED and answered_at > suspicion.last)
