"""Logs of devices, and journals in which other scrobblers keep the plays that they have not sent yet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, tzinfo
from urllib.parse import parse_qsl

from tonearm.core.play import EARLIEST_PLAY, counts
from tonearm.history.play import (
    PLACEHOLDER,
    Entry,
    HistoryFileError,
    PastPlay,
    ReadOptions,
    SkippedLine,
    Unreadable,
    ZoneNeeded,
    placeholder,
)
from tonearm.history.tables import TOO_LONG, Numbered
from tonearm.history.text import from_wall_clock, mbid, seconds, shown, unix, whole

NO_TIME = "has no time that can be read"
SKIPPED = "skipped by its player"
COMMENT = "is a comment to the program that wrote it, since it begins with #"
LARGEST_XML = 2**26

_RATED = re.compile(r"[LS]").fullmatch


def scrobbler_log(lines: Numbered, name: str, options: ReadOptions, device: bool) -> Iterator[Entry]:
    """`.scrobbler.log` of players without a network, a `device`, and Audacious' `scrobbler.log`: tabs, and no
    quoting.
    """
    zone = options.zone if device else UTC  # Audacious has no header, and always UTC
    half: tuple[int, str] | None = None
    for number, line in lines:
        if line is None:
            yield Unreadable(number, TOO_LONG)
        elif line.startswith("#"):
            zone = _zone(line, zone, options)
            if line.count("\t") >= 6:
                yield SkippedLine(number, COMMENT)
        elif half and len((joined := f"{half[1]} {line}").split("\t")) <= 9:  # a name with a line break in it
            begun, half = half[0], None
            yield _logged(begun, joined, zone, name, device)
        else:
            if half:
                yield _half(*half)
            half = (number, line) if line and line.count("\t") < 6 else None
            if line and not half:
                yield _logged(number, line, zone, name, device)
    if half:
        yield _half(*half)


def _half(number: int, line: str) -> Unreadable:
    return Unreadable(number, "has too few columns", shown(line))


def _zone(line: str, zone: tzinfo | None, options: ReadOptions) -> tzinfo | None:
    if line.startswith("#TZ/"):
        return UTC if line[4:].strip().upper() == "UTC" else options.zone
    if line.startswith("#AUDIOSCROBBLER"):
        return options.zone
    return zone


def _logged(number: int, line: str, zone: tzinfo | None, name: str, device: bool) -> Entry:
    fields = line.split("\t")
    if len(fields) < 7:
        return _half(number, line)
    artist, album, title, place, length, rating, time, *rest = fields
    if not _RATED(rating):
        return Unreadable(number, "doesn't have the columns of a .scrobbler.log", shown(line))
    if rating == "S":
        return SkippedLine(number, SKIPPED)
    at = unix(time) or 0
    if at < EARLIEST_PLAY:
        return SkippedLine(number, "has no time: the clock of the device wasn't set")
    if title.startswith("/"):
        return SkippedLine(number, "has a path for a title")
    if placeholder(artist, title):
        return SkippedLine(number, PLACEHOLDER)
    if zone is None:
        raise ZoneNeeded(name)
    last = rest[0] if rest else ""
    known = mbid(last)
    start = at if zone is UTC else from_wall_clock(at, zone)
    artist_of_album = "" if known or device else last
    return PastPlay(start, artist, title, album, artist_of_album, seconds(length), whole(place), known, line=number)


_PLAYBACK = re.compile(r"(\d+):(\d+):(\d+):(.+)").fullmatch


def playback_log(lines: Numbered, name: str, options: ReadOptions) -> Iterator[Entry]:
    """Rockbox's `playback.log`: wall-clock time, time heard and length in ms, and a path, for which the library has the
    names.
    """
    for number, line in lines:
        if not line or line.startswith("#"):
            if line is None:
                yield Unreadable(number, TOO_LONG)
            continue
        found = _PLAYBACK(line)
        if not found:
            yield Unreadable(number, "isn't a line of a playback.log", shown(line))
            continue
        at, played, length = int(found[1]), int(found[2]) / 1000, int(found[3]) / 1000
        if not counts(length, played).counts:
            yield SkippedLine(number, "not played for long enough")
        elif not EARLIEST_PLAY <= at < 2**33:
            yield SkippedLine(number, "has no time: the clock of the device wasn't set")
        elif options.zone is None:
            raise ZoneNeeded(name)
        elif (names := options.by_path and options.by_path(found[4])) is None:
            yield SkippedLine(number, "the library has no such file: run 'tonearm scan' on the device's music first")
        else:
            start = from_wall_clock(at, options.zone)
            known = names.artist, names.title, names.album, names.album_artist
            yield PastPlay(start, *known, length or names.duration, mbid=names.mbid, played=played, line=number)


def mpdscribble(lines: Numbered) -> Iterator[Entry]:
    """mpdscribble's journal: `a = artist` begins a play. Its times are the end: it takes the time when it submits a
    play.
    """
    keys = {"a": "artist", "t": "title", "b": "album", "n": "number", "m": "mbid", "i": "time", "l": "seconds"}
    for number, fields in _blocks(lines, " = ", "a"):
        yield _from_fields(number, {keys.get(key, key): value for key, value in fields.items()}, stamp="unknown")


def qmmp(lines: Numbered) -> Iterator[Entry]:
    """qmmp's waiting plays: `title=` begins a play, lengths are milliseconds."""
    keys = {"track": "number", "duration": "milliseconds"}
    for number, fields in _blocks(lines, "=", "title"):
        yield _from_fields(number, {keys.get(key, key): value for key, value in fields.items()})


def rhythmbox(lines: Numbered) -> Iterator[Entry]:
    """Rhythmbox's waiting plays: a form on each line."""
    keys = {"a": "artist", "t": "title", "b": "album", "m": "mbid", "l": "seconds", "i": "time", "n": "number"}
    for number, line in lines:
        if line is None:
            yield Unreadable(number, TOO_LONG)
        elif line and not line.startswith("#"):
            fields = parse_qsl(line, keep_blank_values=True)
            yield _from_fields(number, {keys.get(key, key): value for key, value in fields})


def _blocks(lines: Numbered, sign: str, first: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Blocks of `key = value`; a bare line belongs to the value before it."""
    begun, fields, last = 0, dict[str, str](), ""
    for number, line in lines:
        key, found, value = (line or "").partition(sign)
        if key == first and found:
            if fields:
                yield begun, fields
            begun, fields, last = number, {}, ""
        if found and key.isalnum():
            fields[key], last = value, key
        elif last and line:
            fields[last] += f" {line}"
    if fields:
        yield begun, fields


def _from_fields(number: int, fields: dict[str, str], stamp: str = "start") -> Entry:
    at = unix(fields.get("time", ""))
    if at is None:
        return Unreadable(number, NO_TIME, shown(fields.get("time", "")))
    return PastPlay(
        at,
        fields.get("artist", ""),
        fields.get("title", ""),
        fields.get("album", ""),
        duration=seconds(fields.get("seconds")) or seconds(fields.get("milliseconds"), 1000),
        track_number=whole(fields.get("number")),
        mbid=mbid(fields.get("mbid")),
        stamp=stamp,
        line=number,
    )


def liblastfm(text: str, name: str) -> Iterator[Entry]:
    """Waiting plays of Clementine and of everything built with liblastfm; the title is a `track` inside a `track`."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise HistoryFileError(f"{name} declares XML entities, which no scrobbler writes")
    from xml.etree import ElementTree  # only for this kind of file

    try:
        root = ElementTree.fromstring(text)  # noqa: S314 (without entities, and bounded)
    except ElementTree.ParseError as error:
        yield Unreadable(error.position[0], "this is not valid XML")
        return
    for place, track in enumerate(root.findall("track"), start=1):
        fields = {child.tag.lower(): child.text or "" for child in track}
        names = {"title": fields.get("track", ""), "time": fields.get("timestamp", "")}
        entry = _from_fields(place, fields | names | {"seconds": fields.get("duration", "")})
        yield entry._replace(album_artist=fields.get("albumartist", "")) if isinstance(entry, PastPlay) else entry
