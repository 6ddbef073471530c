"""What a run found wrong."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The promises: nothing lost, nothing doubled, everything explained; and how a good citizen behaves."""

    LOST = "lost"
    DOUBLED = "doubled"
    UNEXPLAINED = "unexplained"
    MISBEHAVED = "misbehaved"


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken promise, in words that say which play or request."""

    kind: Kind
    words: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.words}"
