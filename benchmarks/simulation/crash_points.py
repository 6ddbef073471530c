"""How a life of the process ends."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from random import Random


class Died(BaseException):
    """The process has died: kill -9, power cut, out of memory. Nothing of it runs any more."""


class End(Enum):
    """Where the process dies."""

    NEVER = "stops cleanly"
    STEP = "dies between two awaits"
    BEFORE_COMMIT = "dies before a commit"
    AFTER_COMMIT = "dies after a commit, before anybody hears of it"
    REQUEST_HELD = "dies with a request ready that never leaves"
    REQUEST_SENT = "dies with a request under way"


_MAX = {End.STEP: 4000, End.BEFORE_COMMIT: 120, End.AFTER_COMMIT: 120, End.REQUEST_HELD: 40, End.REQUEST_SENT: 40}


@dataclass(slots=True)
class Doom:
    """The process dies the `left`-th time that it reaches this point. `met`: it has."""

    end: End = End.NEVER
    left: int = 0
    met: bool = False

    def __str__(self) -> str:
        return f"{self.end.value} (at {self.left})" if self.left else self.end.value

    def strikes(self, at: End) -> bool:
        """Whether the process dies here."""
        if at is not self.end or self.met:
            return False
        self.left -= 1
        self.met = self.left <= 0
        return self.met


def drawn(chance: Random) -> Doom:
    """A random crash point, sooner rather than later."""
    end = chance.choice(list(End))
    most = _MAX.get(end)
    return Doom(end, int(most ** chance.random()) if most else 0)
