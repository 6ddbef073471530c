"""What a run found wrong."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

CRASH = "the process: "
"""The beginning of the message of a finding that is only a crash."""


class Kind(StrEnum):
    """The promises: nothing lost, nothing doubled, everything explained, also for hearts; and good behaviour towards
    Last.fm.
    """

    LOST = "lost"
    DOUBLED = "doubled"
    UNEXPLAINED = "unexplained"
    MISBEHAVED = "misbehaved"
    HEARTS_LOST = "hearts_lost"
    HEARTS_INVENTED = "hearts_invented"


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken promise, in words that say which play or request."""

    kind: Kind
    words: str

    @property
    def about_plays(self) -> bool:
        """Whether it is about plays and requests, and not that the process broke down."""
        return not self.words.startswith(CRASH)

    def __str__(self) -> str:
        return f"{self.kind}: {self.words}"
