"""Outages of the database: each is told of when it begins and when it is over, however often it is met."""

from __future__ import annotations

from dataclasses import dataclass
from logging import Logger


@dataclass(slots=True)
class Outage:
    """What one part of a process tells of an outage: `waits` when it begins, with the fault, `goes_on` at its end."""

    log: Logger
    begin_message: str
    end_message: str
    _lasts: bool = False

    def met(self, error: object) -> None:
        """The database does not answer as it should."""
        if not self._lasts:
            self._lasts = True
            self.log.warning("%s: %s", self.begin_message, error)

    def over(self) -> None:
        """It does."""
        if self._lasts:
            self._lasts = False
            self.log.info("%s", self.end_message)
