"""Export of a listening history: the plays that count, in the order of time, streamed in a format that other programs
read.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import IO, Any

from tonearm.history import exports
from tonearm.history.play import PastPlay
from tonearm.store import plays
from tonearm.store.db.database import Store
from tonearm.store.db.readers import ReadQuestion

AT_ONCE = 1000
"""Plays that are read at a time."""


class ExportFormat(StrEnum):
    """The formats of an export."""

    CSV = "csv"
    JSONL = "jsonl"
    LISTENBRAINZ = "listenbrainz"
    MALOJA = "maloja"


@dataclass(frozen=True, slots=True)
class HistoryExport:
    """Exports of accounts' histories."""

    store: Store

    async def write(
        self, account: int, user: str, form: ExportFormat, file: IO[bytes], progress: Callable[[int], None]
    ) -> int:
        """Write the history to a file; returns how many plays. `progress` is called with the number of plays written so
        far. Raises StoreUnavailable and OSError: then the file is incomplete.
        """
        done = 0
        if form is ExportFormat.LISTENBRAINZ:
            loop = asyncio.get_running_loop()
            parts = self.parts(account)

            def each() -> Iterator[PastPlay]:
                nonlocal done
                while (part := asyncio.run_coroutine_threadsafe(anext(parts, None), loop).result()) is not None:
                    yield from part
                    done += len(part)
                    progress(done)

            return await asyncio.to_thread(exports.write_listenbrainz, file, each(), user)
        if form is ExportFormat.MALOJA:
            file.write(exports.MALOJA_HEAD.encode())
        elif form is ExportFormat.CSV:
            file.write(exports.as_csv((), head=True).encode())
        async for part in self.parts(account):
            text = await asyncio.to_thread(_written, form, part, done == 0)
            await asyncio.to_thread(file.write, text.encode("utf-8", "replace"))
            done += len(part)
            progress(done)
        if form is ExportFormat.MALOJA:
            file.write(exports.MALOJA_TAIL.encode())
        return done

    async def text(self, account: int, form: ExportFormat) -> AsyncIterator[bytes]:
        """The history in a text format, piece by piece: every format but LISTENBRAINZ. Raises StoreUnavailable."""
        yield {ExportFormat.CSV: exports.as_csv((), head=True), ExportFormat.MALOJA: exports.MALOJA_HEAD}.get(
            form, ""
        ).encode()
        first = True
        async for part in self.parts(account):
            yield (await asyncio.to_thread(_written, form, part, first)).encode("utf-8", "replace")
            first = False
        if form is ExportFormat.MALOJA:
            yield exports.MALOJA_TAIL.encode()

    async def parts(self, account: int) -> AsyncIterator[list[PastPlay]]:
        """The plays that count, in the order of time."""
        after: tuple[int, int] | None = (0, 0)
        begun = False
        while after is not None:
            part, after = await self.store.read_long(partial(_part, account=account, after=after), begun=begun)
            begun = True
            if part:
                yield part


def _written(form: ExportFormat, part: list[PastPlay], first: bool) -> str:
    match form:
        case ExportFormat.CSV:
            return exports.as_csv(part, head=False)
        case ExportFormat.MALOJA:
            return exports.as_maloja(part, first=first)
        case _:
            return exports.as_json_lines(part)


def _part(ask: ReadQuestion, account: int, after: tuple[int, int]) -> tuple[list[PastPlay], tuple[int, int] | None]:
    rows = ask(partial(plays.past, account=account, limit=AT_ONCE, after=after))
    return [_play(row) for row in rows], (rows[-1].timestamp, rows[-1].id) if len(rows) == AT_ONCE else None


def _play(row: Any) -> PastPlay:
    return PastPlay(
        row.timestamp,
        row.artist,
        row.track,
        row.album,
        row.album_artist,
        row.duration,
        row.track_number,
        row.mbid,
        row.played or None,
        row.precision or 1,
        row.stamp or "start",
        earliest=row.earliest or 0,
    )
