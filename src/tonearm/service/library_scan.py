"""Scanning: the tagged files of a folder become the listener's library; later scans read only what has changed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from tonearm.core.play import Track
from tonearm.library.folder import Fingerprint, ScannedPage, Tagged, UnreadableFile, scan
from tonearm.library.path import on_disk
from tonearm.service.scan_result import ScanResult
from tonearm.store import library
from tonearm.store.db.database import Store

FAULTS_SHOWN = 20

_NO_TRACK = Track("", "")


@dataclass(frozen=True, slots=True)
class LibraryScan:
    """Scans of folders into accounts' libraries. `match` matches loved tracks with a library that has changed."""

    store: Store
    match: Callable[[int], Awaitable[object]]

    async def scan(
        self,
        account: int,
        folder: Path,
        progress: Callable[[int, int], None] | None = None,
        *,
        believe_empty: bool = False,
        everything: bool = False,
    ) -> ScanResult:
        """Read what is new or changed below a folder; `progress` is called with (seen, total) after each page.

        If anything has changed, loved tracks are matched with the library again. With `everything`, files that seem
        unchanged are read again, too.

        Raises FolderUnreadable (nothing is changed then; also for an empty folder where many tracks were, unless
        `believe_empty`: a disk may not be mounted), ImportError without `tonearm[library]`, ReaderFailed if the process
        that reads tags doesn't start, and StoreUnavailable (what was written before is kept).
        """
        known = await self.store.read(partial(library.fingerprints, account=account))
        fingerprints = {path: Fingerprint(*fingerprint) for path, fingerprint in known.items()}
        pages = await asyncio.to_thread(scan, folder, fingerprints, believe_empty=believe_empty, everything=everything)
        broken = await self.store.read(partial(library.unreadable_reasons, account=account))
        still = _inside(folder, broken)
        found = ScanResult()
        while (page := await asyncio.to_thread(_next, pages)) is not None:
            await self.store.write(partial(_write, account=account, page=page))
            found = _counted(found, page)
            for path in _paths_of(page):
                still.pop(path, None)
            if progress is not None:
                progress(page.seen, page.total)
        if found.new or found.changed or found.gone:
            await self.match(account)
        faults = [f"{path}: {reason}" for path, reason in still.items()]
        return replace(found, unreadable=found.unreadable + len(still), faults=(*found.faults, *faults)[:FAULTS_SHOWN])


def _inside(folder: Path, faults: dict[str, str]) -> dict[str, str]:
    top = os.path.join(os.path.abspath(folder), "")
    return {path: reason for path, reason in faults.items() if on_disk(path).startswith(top)}


def _paths_of(page: ScannedPage) -> Iterator[str]:
    """The paths of a page's files."""
    yield from (file.path for file in (*page.new, *page.changed))
    yield from (file.path for file in page.unreadable)
    yield from page.gone


def _next(pages: Iterator[ScannedPage]) -> ScannedPage | None:
    return next(pages, None)


def _write(db: Connection, account: int, page: ScannedPage) -> None:
    library.write(db, account, [_tagged(file) for file in (*page.new, *page.changed)])
    # What can't be read now (missing permission, a failing disk) is left as it was, and the next scan tries again.
    library.write(db, account, [_unreadable(file, file.fingerprint) for file in page.unreadable if file.fingerprint])
    library.forget(db, account, page.gone)


def _tagged(file: Tagged) -> dict[str, Any]:
    track = file.track
    return {
        "path": file.path,
        "artist": track.artist,
        "artists": list(file.artists) or None,
        "title": track.title,
        "album": track.album,
        "album_artist": track.album_artist,
        "duration": track.duration,
        "track_number": track.track_number,
        "mbid": track.mbid,
        "mtime_ns": file.fingerprint.mtime_ns,
        "ctime_ns": file.fingerprint.ctime_ns,
        "size": file.fingerprint.size,
        "unreadable_reason": "",
    }


def _unreadable(file: UnreadableFile, fingerprint: Fingerprint) -> dict[str, Any]:
    return {**_tagged(Tagged(file.path, _NO_TRACK, fingerprint)), "unreadable_reason": file.reason}


def _counted(found: ScanResult, page: ScannedPage) -> ScanResult:
    faults = [f"{file.path}: {file.reason}" for file in page.unreadable]
    faults += [f"{folder.path}: {folder.reason}" for folder in page.closed]
    return replace(
        found,
        new=found.new + len(page.new),
        changed=found.changed + len(page.changed),
        gone=found.gone + len(page.gone),
        unreadable=found.unreadable + len(page.unreadable),
        total=page.total,
        unsupported=dict(page.unsupported),
        faults=(*found.faults, *faults)[:FAULTS_SHOWN],
    )
