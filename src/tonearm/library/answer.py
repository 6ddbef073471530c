"""The results of reading a file, and how they are sent from one process to another."""

from __future__ import annotations

import errno
from dataclasses import astuple, dataclass
from typing import Any, assert_never

from tonearm.core.play import Track

OUT_OF_MEMORY = 3
"""Exit status of a process after a file that needs more memory than it may have."""


@dataclass(frozen=True, slots=True)
class Tags:
    """The tags that were read, with names cleaned; `artists` if the file lists more than one for `track.artist`."""

    track: Track
    artists: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why the content of a file can't be in the library, in words for the listener."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotRead:
    """Why a file could not be read now; it is worth another try. `gone`: it no longer exists."""

    reason: str
    gone: bool = False

    @classmethod
    def after(cls, failure: OSError) -> NotRead:
        """The result for an error of the operating system."""
        return cls(failure.strerror or "cannot be read", failure.errno == errno.ENOENT)


ReadResult = Tags | Unfit | NotRead


def to_json(answer: ReadResult) -> list[Any]:
    """An answer as JSON."""
    match answer:
        case Tags(track, artists):
            return ["tags", astuple(track), artists]
        case Unfit(reason):
            return ["unfit", reason]
        case NotRead(reason, gone):
            return ["not read", reason, gone]
        case never:
            assert_never(never)


def from_json(values: list[Any]) -> ReadResult:
    """The answer that was written with `to_json`."""
    match values:
        case ["tags", track, artists]:
            return Tags(Track(*track), tuple(artists))
        case ["unfit", reason]:
            return Unfit(reason)
        case [_, reason, gone]:
            return NotRead(reason, gone)
        case _:
            raise ValueError("no answer of a reader")
