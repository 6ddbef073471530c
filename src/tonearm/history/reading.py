"""Reads history files: the content of a file or an archive, entry by entry, with limits against hostile files."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from io import BufferedIOBase
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, BinaryIO, NamedTuple, cast
from zipfile import BadZipFile, ZipFile, ZipInfo

from tonearm.core.cleaning import clean
from tonearm.core.name_caches import remembering
from tonearm.core.play import When, when
from tonearm.history.play import Entry, HistoryFileError, PastPlay, ReadOptions, Unreadable
from tonearm.history.recognise import HEAD, NOTHING, kind_of
from tonearm.history.text import as_text, encoding_of, only_returns

MAX_ENTRIES = 10_000
"""Files of an archive; ListenBrainz has one for each month."""

LARGEST_RATIO = 200
"""The number of bytes that a compressed byte may expand to; histories become 5 to 30, zip bombs 1,000."""

DEEPEST = 2
"""How deep archives may be in archives."""

SLACK = 2**20
"""Bytes up to which no ratio is suspicious."""


class Section(NamedTuple):
    """A file, or a file in an archive, to which the entries after it belong."""

    name: str
    kind: str
    journal: bool
    layout: str = ""


class _ForwardStream(BufferedIOBase):
    """A stream that is read from beginning to end, as a text wrapper reads it."""

    def readable(self) -> bool:
        return True

    def read1(self, size: int = -1) -> bytes:
        return self.read(size)


class _Bounded(_ForwardStream):
    """A compressed stream, read no further than its size allows: `packed` is how many bytes of the outermost file it
    takes.
    """

    def __init__(self, file: IO[bytes], packed: Callable[[], float], name: str) -> None:
        self._file = file
        self.packed = packed
        self._name = name
        self._read = 0

    def close(self) -> None:
        super().close()
        self._file.close()

    def read(self, size: int | None = -1) -> bytes:
        try:
            found = self._file.read(HEAD if size is None or size < 0 else size)
        except (BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError) as broken:
            raise HistoryFileError(f"{self._name} is damaged, or encrypted") from broken
        self._read += len(found)
        if self._read > SLACK + LARGEST_RATIO * self.packed():
            raise HistoryFileError(f"{self._name} unpacks to far more than a history has: it may be a zip bomb")
        return found


def read(path: Path, options: ReadOptions, now: float, name: str = "") -> Iterator[Section | Entry]:
    """The content of a file: a Section first, then its entries; an archive has several. Names are cleaned. Raises
    HistoryFileError for a file that isn't a history, ZoneNeeded if times are local, and OSError.
    """
    with path.open("rb") as file:
        yield from _unpacked(file, name or path.name, options, now, DEEPEST)


def _unpacked(
    file: BinaryIO, name: str, options: ReadOptions, now: float, depth: int, share: float = 1.0
) -> Iterator[Section | Entry]:
    """The content of a file that may be packed; archives in archives are unpacked `depth` times. `share` is how many
    bytes of the outermost file there are for each of its bytes.
    """
    mark = file.read(4)
    file.seek(0)
    if mark == b"PK\x03\x04":
        yield from _archive(file, name, options, now, depth, share)
    elif mark[:2] == b"\x1f\x8b":
        import gzip

        bounded = _Bounded(cast(IO[bytes], gzip.GzipFile(fileobj=file)), lambda: file.tell() * share, name)
        yield from _file(bounded, name, options, now)
    else:
        yield from _file(file, name, options, now)


def _archive(
    file: BinaryIO, name: str, options: ReadOptions, now: float, depth: int, share: float
) -> Iterator[Section | Entry]:
    try:
        archive = ZipFile(file)
    except (BadZipFile, NotImplementedError, OSError, ValueError) as broken:
        raise HistoryFileError(f"{name} is a damaged zip file: download it again") from broken
    with closing(archive):
        members = [info for info in archive.infolist() if _may_hold_plays(info, depth)]
        if len(members) > MAX_ENTRIES:
            raise HistoryFileError(f"{name} has more than {MAX_ENTRIES} files: no history does")
        found = 0
        for info in members:
            try:
                opened = archive.open(info)
            except (BadZipFile, RuntimeError, NotImplementedError, OSError) as broken:
                raise HistoryFileError(f"{info.filename} in {name} is damaged, or encrypted") from broken
            bounded = _Bounded(opened, lambda size=info.compress_size: size * share, f"{info.filename} in {name}")  # type: ignore[misc]
            try:
                for entry in _member(bounded, info.filename, options, now, depth):
                    if isinstance(entry, Section):
                        if entry.kind == NOTHING.name:
                            break
                        found += 1
                    yield entry
            except NotAHistory:
                continue
        if not found:
            raise NotAHistory(f"{name} has no listening history in it")


def _member(file: _Bounded, name: str, options: ReadOptions, now: float, depth: int) -> Iterator[Section | Entry]:
    """The content of a file in an archive, which may be an archive, too."""
    if not name.lower().endswith(_PACKED):
        yield from _file(file, name, options, now)
        return
    with file, TemporaryFile() as whole:
        while part := file.read(HEAD):
            whole.write(part)
        share = file.packed() / max(1, whole.tell())
        whole.seek(0)
        for entry in _unpacked(cast(BinaryIO, whole), name, options, now, depth - 1, share):
            named = isinstance(entry, Section) and entry.name != name
            yield entry._replace(name=f"{name}: {entry.name}") if isinstance(entry, Section) and named else entry


_PACKED = (".zip", ".gz")
_TEXT = (".json", ".jsonl", ".csv", ".tsv", ".txt", ".log", ".cache", ".xml")


def _may_hold_plays(info: ZipInfo, depth: int) -> bool:
    """Whether a file in an archive may contain plays: ListenBrainz has pins and feedback beside the listens, Spotify
    its videos and a leaflet. Rhythmbox's files have no suffix; of hidden files, only a device's log may.
    """
    path = info.filename.lower()
    name = path.rpartition("/")[2]
    if info.is_dir() or (name.startswith(".") and not name.startswith(".scrobbler")) or "_video_" in name:
        return False
    if "." in name and not name.endswith(_TEXT + _PACKED if depth else _TEXT):
        return False
    return name not in ("user.json", "feedback.jsonl", "pinned_recording.jsonl")


class NotAHistory(HistoryFileError):
    """A file whose content isn't a history; others in the archive may be."""


def _file(file: object, name: str, options: ReadOptions, now: float) -> Iterator[Section | Entry]:
    again = _Again(file)
    head = again.head()
    encoding = encoding_of(head)
    try:
        kind = kind_of(head, encoding, name)
    except HistoryFileError as error:
        raise NotAHistory(str(error)) from None
    yield Section(name, kind.name, kind.journal, kind.layout)
    newline = None if only_returns(head.decode(encoding, "replace")) else "\n"
    with as_text(cast(BinaryIO, again), encoding, newline) as text:
        for entry in kind.parse(text, options):
            yield _play(entry, now) if isinstance(entry, PastPlay) else entry


class _Again(_ForwardStream):
    """A file whose beginning can be examined before it is read from the start."""

    def __init__(self, file: object) -> None:
        self._file = cast(BinaryIO, file)
        self._ahead = b""

    def head(self) -> bytes:
        while len(self._ahead) < HEAD and (more := self._file.read(HEAD - len(self._ahead))):
            self._ahead += more
        return self._ahead

    def read(self, size: int | None = -1) -> bytes:
        if self._ahead:
            found, self._ahead = self._ahead, b""
            return found
        return self._file.read(-1 if size is None else size)


_clean = remembering(2**15)(clean)


def _play(entry: PastPlay, now: float) -> Entry:
    """The play with cleaned names, or why it can't be a play."""
    artist, title, album, by = entry.artist, entry.title, entry.album, entry.album_artist
    if not all(map(str.isascii, (artist, title, album, by))) and any(map(_broken, (artist, title, album, by))):
        text = " – ".join(filter(None, (artist, title, album)))
        return Unreadable(entry.line, "isn't UTF-8", text.encode("utf-8", "replace").decode())
    artist, title = _clean(artist), _clean(title)
    if not artist or not title:
        return Unreadable(entry.line, f"has no {'track' if artist else 'artist'}", artist or title)
    if when(entry.timestamp, now) is When.NONSENSE:
        return Unreadable(entry.line, f"its time is {_day(entry.timestamp)}", f"{artist} – {title}")
    return entry._replace(
        artist=artist, title=title, album=_clean(album), album_artist=_clean(by), line=int(entry.line)
    )


def _broken(name: str) -> bool:
    return any("\udc80" <= character <= "\udcff" for character in name)


def _day(timestamp: int) -> str:
    try:
        return f"{datetime.fromtimestamp(timestamp, UTC):%Y-%m-%d}, which can't be right"
    except (ValueError, OverflowError, OSError):
        return "none that can be right"
