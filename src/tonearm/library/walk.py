"""Finds the audio files below a folder, before any of them is read."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from stat import S_ISREG

from tonearm.library.path import stored
from tonearm.library.suffixes import NOT_READ, READ

_NOT_MUSIC = frozenset({"@eaDir", "#recycle", "$RECYCLE.BIN", "lost+found", "System Volume Information"})
"""Folders in which network drives and systems keep thumbnails and rubbish."""


class FolderUnreadable(Exception):
    """The folder itself can't be read, so nothing is known about its content, and no track counts as gone."""


@dataclass(frozen=True, slots=True)
class Closed:
    """A folder or a link that could not be opened. The tracks known below it are neither seen nor gone."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class AudioFile:
    """A file that looks like music, by its name; `path` as the operating system has it."""

    path: str
    mtime_ns: int
    ctime_ns: int
    size: int


@dataclass(slots=True)
class FolderWalk:
    """What was found, in order of the paths. `bare`: the folder is completely empty. `unsupported` counts audio files
    that can't be read, by suffix.
    """

    files: list[AudioFile] = field(default_factory=list)
    closed: list[Closed] = field(default_factory=list)
    unsupported: Counter[str] = field(default_factory=Counter)
    bare: bool = True


def walk(folder: str) -> FolderWalk:
    """All audio files below an absolute path. Hidden files and folders are left out.

    Links are followed, but each folder is visited only once: directly if it is below the folder, otherwise under the
    first of its links. So loops end, and a file keeps its path from one walk to the next.
    """
    found = FolderWalk()
    visited: set[tuple[int, int]] = set()
    folders, links = [folder], list[str]()
    while folders or links:
        if not folders:
            links.sort(reverse=True)
            folders.append(links.pop())
        here = folders.pop()
        try:
            status = os.stat(here)
            if (status.st_dev, status.st_ino) in visited:
                continue
            visited.add((status.st_dev, status.st_ino))
            with os.scandir(here) as entries:
                for entry in entries:
                    found.bare = False
                    _add_entry(entry, found, folders, links)
        except OSError as fault:
            if here == folder:
                raise FolderUnreadable(f"{stored(folder)}: {fault.strerror or 'cannot be read'}") from fault
            found.closed.append(Closed(here, fault.strerror or "cannot be read"))
    found.files.sort(key=lambda file: file.path)
    return found


def _add_entry(entry: os.DirEntry[str], found: FolderWalk, folders: list[str], links: list[str]) -> None:
    if entry.name.startswith(".") or entry.name in _NOT_MUSIC:
        return
    try:
        if entry.is_dir():
            (links if entry.is_symlink() else folders).append(entry.path)
        elif entry.name.lower().endswith((*READ, *NOT_READ)) or entry.is_symlink():
            status = entry.stat()
            if not S_ISREG(status.st_mode):
                return
            if entry.name.lower().endswith(READ):
                times = (status.st_mtime_ns, status.st_ctime_ns)
                found.files.append(AudioFile(entry.path, *times, status.st_size))
            elif entry.name.lower().endswith(NOT_READ):
                found.unsupported[os.path.splitext(entry.name)[1].lower()] += 1
    except FileNotFoundError:
        if entry.is_symlink():  # a link to a disk that isn't mounted; a file that vanished is just gone
            found.closed.append(Closed(entry.path, "broken link"))
    except OSError as fault:
        found.closed.append(Closed(entry.path, fault.strerror or "cannot be read"))
