"""The folder: an incremental scan of a listener's audio files, page by page."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

from tonearm.core.play import Track
from tonearm.library.answer import NotRead, Tags, Unfit
from tonearm.library.path import on_disk, stored
from tonearm.library.readers import ReaderFailed, ReaderPool
from tonearm.library.walk import AudioFile, Closed, FolderUnreadable, FolderWalk, walk

__all__ = [
    "Closed",
    "Fingerprint",
    "FolderUnreadable",
    "ReaderFailed",
    "ScannedPage",
    "Tagged",
    "UnreadableFile",
    "scan",
]

PAGE = 500
"""Files that are read for one page: what a caller writes in one transaction."""

_MANY = 20
"""With this many known tracks, a completely empty folder suggests a disk that isn't mounted."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What shows that a file is unchanged: the times of its last change in nanoseconds, and its size in bytes. Taggers
    may restore the modification time and use padding, so that the size stays the same; programs can't set `ctime_ns`.
    """

    mtime_ns: int
    ctime_ns: int
    size: int

    @classmethod
    def of(cls, file: AudioFile) -> Fingerprint:
        """The fingerprint as of the walk."""
        return cls(file.mtime_ns, file.ctime_ns, file.size)


@dataclass(frozen=True, slots=True)
class Tagged:
    """A file that was read, with its names cleaned; `artists` if it lists more than one for `track.artist`."""

    path: str
    track: Track
    fingerprint: Fingerprint
    artists: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UnreadableFile:
    """A file that can't be in the library, and why. Without a fingerprint, the next scan tries it again."""

    path: str
    reason: str
    fingerprint: Fingerprint | None


@dataclass(frozen=True, slots=True)
class ScannedPage:
    """The changes for one transaction; with it, `seen` of `total` files are done.

    `gone`, `closed` and `unsupported` come with the last page. All paths are as `library.path.stored` gives them.
    """

    new: tuple[Tagged, ...]
    changed: tuple[Tagged, ...]
    unreadable: tuple[UnreadableFile, ...]
    seen: int
    total: int
    gone: tuple[str, ...] = ()
    closed: tuple[Closed, ...] = ()
    unsupported: Mapping[str, int] = field(default_factory=dict)


def scan(
    folder: str | os.PathLike[str],
    known: Mapping[str, Fingerprint],
    *,
    page: int = PAGE,
    believe_empty: bool = False,
    everything: bool = False,
) -> Iterator[ScannedPage]:
    """Compare the folder with what is known, at once, and read new and changed files as the pages are consumed. With
    `everything`, all files are read. `known` has the fingerprint of every stored path, including unreadable ones, and
    may include other folders. There is always a last page. Raises FolderUnreadable if the folder can't be read, or if
    it is completely empty although it had many tracks, unless `believe_empty`; ImportError if mutagen is not installed;
    while a page is read, ReaderFailed if the reading process doesn't start.
    """
    top = os.path.abspath(os.fspath(folder))
    found = walk(top)
    paths = [stored(file.path) for file in found.files]
    lost = _lost(top, known.keys() - paths)
    if found.bare and len(lost) >= _MANY and not believe_empty:
        raise FolderUnreadable(
            f"{stored(top)}: the folder is empty, but {len(lost)} known tracks were in it; is its disk mounted?"
        )
    unknown = [
        (path, file)
        for path, file in zip(paths, found.files, strict=True)
        if everything or known.get(path) != Fingerprint.of(file)
    ]
    return _pages(ReaderPool(), unknown, known, found, lost, page)


def _lost(top: str, paths: set[str]) -> dict[str, str]:
    """Those of the stored paths that are below the folder, with their names for the operating system."""
    below = top.rstrip(os.sep) + os.sep
    return {path: disk for path in paths if (disk := on_disk(path)).startswith(below)}


def _pages(
    readers: ReaderPool,
    unknown: list[tuple[str, AudioFile]],
    known: Mapping[str, Fingerprint],
    found: FolderWalk,
    lost: dict[str, str],
    page: int,
) -> Iterator[ScannedPage]:
    total = len(found.files)
    unchanged = total - len(unknown)
    last = max(0, (len(unknown) - 1) // page * page)
    with readers:
        for start in range(0, last, page):
            yield _read(readers, unknown[start : start + page], known, unchanged + start + page, total)
        last_page = _read(readers, unknown[last:], known, total, total)
    gone, closed = _gone(lost, found.closed)
    yield replace(last_page, gone=gone, closed=closed, unsupported=dict(found.unsupported))


def _read(
    readers: ReaderPool, files: list[tuple[str, AudioFile]], known: Mapping[str, Fingerprint], seen: int, total: int
) -> ScannedPage:
    new: list[Tagged] = []
    changed: list[Tagged] = []
    unreadable: list[UnreadableFile] = []
    for (path, file), answer in zip(files, readers.read([file.path for _, file in files]), strict=True):
        # The walk came before the reading: a file that changes in between is read again by the next scan.
        print_ = Fingerprint.of(file)
        match answer:
            case NotRead(gone=True):
                pass  # it vanished after the walk; the next scan reports that
            case NotRead(reason):
                unreadable.append(UnreadableFile(path, reason, None))
            case Unfit(reason):
                unreadable.append(UnreadableFile(path, reason, print_))
            case Tags(track, artists):
                (changed if path in known else new).append(Tagged(path, track, print_, artists))
            case never:
                assert_never(never)
    return ScannedPage(tuple(new), tuple(changed), tuple(unreadable), seen, total)


def _gone(lost: dict[str, str], closed: list[Closed]) -> tuple[tuple[str, ...], tuple[Closed, ...]]:
    """The files that are really gone, and the folders that could not be opened."""
    shut = {closed_folder.path for closed_folder in closed}
    gone = sorted(path for path, disk in lost.items() if not _behind(disk, shut))
    return tuple(gone), tuple(Closed(stored(closed_folder.path), closed_folder.reason) for closed_folder in closed)


def _behind(path: str, shut: set[str]) -> bool:
    while shut and path not in shut:
        parent = os.path.dirname(path)
        if parent == path:
            return False
        path = parent
    return bool(shut)
