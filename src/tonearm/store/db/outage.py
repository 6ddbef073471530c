"""Outages of the database: each is logged once when it begins and once when it is over."""

from __future__ import annotations

from dataclasses import dataclass
from logging import Logger


@dataclass(slots=True)
class Outage:
    """Logs an outage for one part of a process: `begin_message` with the error, and `end_message`."""

    log: Logger
    begin_message: str
    end_message: str
    _lasts: bool = False

    def met(self, error: object) -> None:
        """Note that the database has failed."""
        if not self._lasts:
            self._lasts = True
            self.log.warning("%s: %s", self.begin_message, error)

    def over(self) -> None:
        """Note that the database answers again."""
        if self._lasts:
            self._lasts = False
            self.log.info("%s", self.end_message)
