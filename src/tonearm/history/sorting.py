"""Sorting more plays by time than memory holds: sorted parts go to a temporary file, and are merged from there."""

from __future__ import annotations

import heapq
import marshal
from collections.abc import Iterator
from itertools import islice
from tempfile import TemporaryFile
from typing import IO

from tonearm.history.play import PastPlay

PART = 25_000
"""Plays that are sorted in memory, some 15 MiB."""

BLOCK = 250
"""Plays that are read back at a time, of each part."""


class SortedPlays:
    """Plays in the order of time, equal times in that in which they came; may be walked over repeatedly."""

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._parts: list[list[int]] = []
        self._fresh: list[PastPlay] = []
        self.number = 0

    def add(self, play: PastPlay) -> None:
        """Add a play, before any is read. Raises OSError if the disk is full."""
        self.number += 1
        self._fresh.append(play)
        if len(self._fresh) == PART:
            self._fresh.sort(key=_by_time)
            self._parts.append(self._put_aside(iter(self._fresh)))
            self._fresh = []

    def _put_aside(self, plays: Iterator[PastPlay]) -> list[int]:
        """Write these plays to the file; returns the positions of their blocks."""
        if self._file is None:
            self._file = TemporaryFile()  # noqa: SIM115 (closed by close)
        places = []
        while block := list(islice(plays, BLOCK)):
            places.append(self._file.tell())
            marshal.dump([tuple(one) for one in block], self._file)
        return places

    def __iter__(self) -> Iterator[PastPlay]:
        self._fresh.sort(key=_by_time)
        if not self._parts:
            return iter(self._fresh)
        return heapq.merge(*map(self._read, self._parts), self._fresh, key=_by_time)

    def _read(self, places: list[int]) -> Iterator[PastPlay]:
        assert self._file is not None
        for place in places:
            self._file.seek(place)
            yield from map(PastPlay._make, marshal.load(self._file))  # noqa: S302 (written above, by this process)

    def close(self) -> None:
        """Free the disk space."""
        if self._file is not None:
            self._file.close()


def _by_time(play: PastPlay) -> int:
    return play[0]
