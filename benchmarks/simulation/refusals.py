"""What may be concluded from refusals: about a play, about its account, and about Last.fm as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from benchmarks.simulation.ledger import Flight

ABOUT_A_PLAY = frozenset({6, 7, 13})
"""Errors that a single play causes for all that are sent with it."""

PASSING = frozenset({2, 3, 5, 8, 11, 16, 27})
"""Errors after which the plays simply wait."""

SESSION = frozenset({4, 9, 14, 17})

BELIEVED = 5
"""Refusals of a lone play with a number that nobody has documented, before it may be refused for good."""

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
    _answered_at: dict[str, float] = field(default_factory=dict)
    _refused_at: dict[str, float] = field(default_factory=dict)

    def forget(self) -> None:
        """The process died, or couldn't write, or its clock was changed: it may have forgotten."""
        self.away_from.clear()
        self._in_a_row.clear()

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

    def calm(self, account: str, since: float = float("inf")) -> None:
        """Its count of refusals in a row may have begun again, if the last one was before that."""
        if self._refused_at.get(account, 0.0) <= since:
            self._in_a_row.pop(account, None)

    def refused(self, account: str, plays: Sequence[Sent], number: int, at: float) -> int:
        """Plays of an account were rejected together; returns how many of its requests were, in a row."""
        self._refused_at[account] = at
        flights = [play.flight for play in plays]
        for flight in flights:
            flight.suspected_at = at if flight.suspected_at is None else flight.suspected_at
        news = True
        if len(flights) == 1:
            [flight] = flights
            flight.refused_alone += 1
            proven = self._answered_at.get(account, -1.0) > (flight.suspected_at or 0.0)
            if proven and (number in self.about_a_play or flight.refused_alone >= BELIEVED):
                flight.believable.add(number)
                self.calm(account)
                return 0
            news = flight.refused_alone == 1 or self._in_a_row[account] > FREE_REFUSALS
            if number not in self.about_a_play:
                flight.suspected_at = at
        self._in_a_row[account] += news
        return self._in_a_row[account]
