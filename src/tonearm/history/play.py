"""A play from a history file, and what else its lines may contain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from typing import NamedTuple, Self

MINUTE = 60


class EntryLine(int):
    """The line of an entry of a document, with the entry's `number` in it: a whole document may be one line."""

    number: int

    def __new__(cls, line: int, number: int = 0) -> Self:
        """An entry that begins on this line."""
        entry = super().__new__(cls, line)
        entry.number = number
        return entry


def where(line: int) -> str:
    """A place in a file, in words: `line 12`, or `entry 1,204` of a document."""
    if not isinstance(line, EntryLine):
        return f"line {line:,}"
    return f"entry {line.number:,} (line {line:,})" if line > 1 else f"entry {line.number:,}"


class PastPlay(NamedTuple):
    """A play from a file. `timestamp` is its start in Unix seconds UTC, `line` its place in the file.

    `stamp` is which moment the file names: `start`, `end` (then `timestamp` is that minus the time heard, if the file
    says how long that was) or `unknown`. `precision` is 1 for seconds, 60 if the file has minutes only. `duration` and
    `played` are seconds, None if the file doesn't say. `file` is its place among the files of an import.
    `earliest` is when it may have begun already, if it was paused; 0 if the file doesn't say.
    """

    timestamp: int
    artist: str
    title: str
    album: str = ""
    album_artist: str = ""
    duration: float | None = None
    track_number: int | None = None
    mbid: str = ""
    played: float | None = None
    precision: int = 1
    stamp: str = "start"
    line: int = 0
    file: int = 0
    earliest: int = 0

    @property
    def loose(self) -> bool:
        """Whether its start is only known to the minute."""
        return self.precision > 1 or self.stamp != "start"


class SkippedLine(NamedTuple):
    """A line that isn't a play to import, and why: `not played for long enough`, `not a play`."""

    line: int
    reason: str


class Unreadable(NamedTuple):
    """A line that can't be read, with the reason and the beginning of its text."""

    line: int
    reason: str
    text: str = ""


Entry = PastPlay | SkippedLine | Unreadable


NOT_COUNTED = ("discarded", "suspected", "threshold_not_met")
"""States of plays in our own export of everything that are no plays in a history."""

DID_NOT_COUNT = "didn't count in the history that it comes from"

PLACEHOLDER = "has a placeholder instead of a name"
_PLACEHOLDERS = frozenset({"<untagged>", "untagged", "unknown artist", "unknown track"})


def placeholder(*names: str) -> bool:
    """Whether one of the names is a placeholder that devices or Spotify write if they don't know the name."""
    return not _PLACEHOLDERS.isdisjoint(name.casefold() for name in names)


class NamedFile(NamedTuple):
    """Names of a song that a log knows only by its file."""

    artist: str
    title: str
    album: str = ""
    album_artist: str = ""
    duration: float | None = None
    mbid: str = ""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read. `zone` is the time zone of a device that logs local times; `by_path` finds a song by its file's
    path.
    """

    zone: tzinfo | None = None
    private: bool = False
    by_path: Callable[[str], NamedFile | None] | None = None


class HistoryFileError(ValueError):
    """A file that can't be imported; the message says what is wrong and what to do."""


class ZoneNeeded(HistoryFileError):
    """A log has local times, and no time zone was given."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} has local times without a time zone: say which one the device was set to,"
            " for example --zone Europe/Berlin"
        )
