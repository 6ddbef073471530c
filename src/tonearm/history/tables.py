"""Tables of plays: CSV with or without a header."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator, Mapping
from typing import TypeVar

from tonearm.history.exports import without_apostrophe
from tonearm.history.play import DID_NOT_COUNT, NOT_COUNTED, Entry, PastPlay, SkippedLine, Unreadable
from tonearm.history.text import Unended, mbid, moment, seconds, shown, unix, whole

MAX_LINES = 20
"""Lines that one row may have, because a name has line breaks in it."""

TOO_LONG = "the line is too long"
CUT_OFF = "the file ends in the middle of this line"

_PANO = (
    *("timehuman", "timems", "artist", "track", "album", "albumartist", "durationms"),
    *("mediaplayerpackage", "mediaplayername", "mediaplayerversion", "event"),
)
"""The columns of Pano Scrobbler. Newer versions have more, also in rows of a file that an older one began."""

_NAMES = {
    "time": ("uts", "timestamp", "listened_at", "time", "timems", "played_at", "date", "utc_time"),
    "artist": ("artist", "artist_name"),
    "title": ("track", "title", "track_name", "song", "name"),
    "album": ("album", "album_name", "release_name"),
    "album_artist": ("album_artist", "albumartist"),
    "mbid": ("track_mbid", "recording_mbid", "mbid"),
    "duration": ("duration", "length", "durationms"),
    "played": ("played",),
    "track_number": ("track_number", "tracknumber"),
    "precision": ("precision",),
    "stamp": ("stamp",),
    "earliest": ("earliest",),
    "event": ("event",),
    "fate": ("fate",),
}

Numbered = Iterator[tuple[int, str | None]]
T = TypeVar("T")


def columns(header: list[str]) -> dict[str, int]:
    """The positions of the columns with known names; {} if this isn't a header of plays."""
    names = [name.strip().strip("\ufeff").lower().replace(" ", "_") for name in header]
    found = {
        what: names.index(known)
        for what, alike in _NAMES.items()
        if (known := next((name for name in alike if name in names), None)) is not None
    }
    return found if {"time", "artist", "title"} <= found.keys() else {}


def delimiter(header: str) -> str:
    """What separates the columns of a header."""
    return max(",\t;", key=header.count)


def rows(lines: Numbered, separator: str, needed: int, full: int) -> Iterator[tuple[int, list[str]] | Unreadable]:
    """The rows of a CSV file with the line each begins on. A quote that is never closed affects only its own line.

    `needed` is the number of columns that a play has at least: a line with fewer that begins with # is a comment, and
    one with as many is a play, as of the band #1 Dads. `full` is the number of columns of a row that isn't cut off.
    """
    back: deque[tuple[int, str | None]] = deque()
    while (first := _next(back, lines)) is not None:
        number, line = first
        if line is None:
            yield Unreadable(number, TOO_LONG)
        elif line and not (line.startswith("#") and line.count(separator) < needed - 1):
            row = _quoted(number, line, separator, back, lines) if '"' in line else (number, line.split(separator))
            if isinstance(line, Unended) and not isinstance(row, Unreadable) and needed <= len(row[1]) < full:
                row = Unreadable(number, CUT_OFF, shown(line))
            yield row


def _quoted(
    number: int, line: str, separator: str, back: deque[tuple[int, str | None]], lines: Numbered
) -> tuple[int, list[str]] | Unreadable:
    taken: list[tuple[int, str | None]] = []
    text = line
    while (found := _strict(text, separator)) is None:
        more = _next(back, lines) if len(taken) < MAX_LINES else None
        if more is not None:
            taken.append(more)
        if more is None or more[1] is None:
            back.extendleft(reversed(taken))
            return Unreadable(number, "a quotation mark is never closed", shown(line))
        text = f"{text}\n{more[1]}"
    return number, found


def _strict(text: str, separator: str) -> list[str] | None:
    """The row; None if a quote is still open at its end."""
    try:
        return next(csv.reader([text], delimiter=separator, strict=True))
    except csv.Error as error:
        if str(error) == "unexpected end of data":
            return None
    try:
        return next(csv.reader([text], delimiter=separator), [])
    except csv.Error:  # a field of more than 131,072 characters
        return []


def _next(back: deque[T], remaining: Iterator[T]) -> T | None:
    return back.popleft() if back else next(remaining, None)


def with_header(lines: Numbered) -> Iterator[Entry]:
    """Plays of a table with a header that names the columns; comment lines may come before it."""
    number, header = next((n, line) for n, line in lines if line and not line.startswith("#"))
    separator = delimiter(header)
    head = next(csv.reader([header], delimiter=separator))
    known = tuple(name.strip().lower() for name in head)
    pano = known == _PANO[: len(known)]
    places = columns(list(_PANO) if pano else head)
    in_milliseconds = "durationms" in header.lower()
    needed = 1 + max(places["time"], places["artist"], places["title"])
    for row in rows(lines, separator, needed, len(_PANO) if pano else len(head)):
        if isinstance(row, Unreadable):
            yield row
            continue
        number, values = row
        if len(values) < needed:
            yield Unreadable(number, f"has only {_columns(len(values))}", shown(separator.join(values)))
        elif pano and values[len(_PANO) - 1 :] == [""]:
            yield Unreadable(number, CUT_OFF, shown(separator.join(values)))
        elif values != head:  # the header is repeated where two files were joined
            fields = {what: values[place] for what, place in places.items() if place < len(values)}
            if "fate" in fields:  # our own export of everything, written for spreadsheets
                fields = {what: without_apostrophe(value) for what, value in fields.items()}
            yield _play(number, fields, in_milliseconds)


def _play(number: int, fields: Mapping[str, str], in_milliseconds: bool) -> Entry:
    if fields.get("event", "scrobble") not in ("scrobble", ""):
        return SkippedLine(number, "not a play")
    if fields.get("fate") in NOT_COUNTED:
        return SkippedLine(number, DID_NOT_COUNT)
    if not fields["time"].strip():
        return SkippedLine(number, "has no time")
    text = fields["time"]
    found = (at, 1) if (at := unix(text)) is not None else moment(text)
    if found is None:
        return Unreadable(number, "has no time that can be read", shown(text))
    return PastPlay(
        found[0],
        fields["artist"],
        fields["title"],
        fields.get("album", ""),
        fields.get("album_artist", ""),
        seconds(fields.get("duration"), 1000 if in_milliseconds else 1),
        whole(fields.get("track_number")),
        mbid(fields.get("mbid")),
        seconds(fields.get("played")),
        60 if fields.get("precision") == "60" else found[1],
        stamp if (stamp := fields.get("stamp")) in ("end", "unknown") else "start",
        number,
        earliest=unix(fields.get("earliest")) or 0,
    )


def artist_album_title_time(lines: Numbered, separator: str) -> Iterator[Entry]:
    """Four columns without a header, times in minutes UTC: https://benjaminbenben.com/lastfm-to-csv/"""
    for row in rows(lines, separator, 4, 4):
        if isinstance(row, Unreadable):
            yield row
            continue
        number, values = row
        if len(values) != 4:
            yield Unreadable(number, f"has {_columns(len(values))} instead of 4", shown(separator.join(values)))
        elif not values[3].strip():
            yield SkippedLine(number, "has no time")
        elif (found := moment(values[3])) is None:
            yield Unreadable(number, "has no time that can be read", shown(values[3]))
        else:
            artist, album, title, _ = values
            yield PastPlay(found[0], artist, title, album, precision=found[1], line=number)


def artist_title_time(lines: Numbered) -> Iterator[Entry]:
    """Artist, track and time with tabs between them, as lastscrape wrote them from Libre.fm's pages."""
    for number, line in lines:
        values = (line or "").split("\t")
        if line is None or (len(values) != 3 and line):
            yield Unreadable(number, TOO_LONG if line is None else f"has {_columns(len(values))} instead of 3")
        elif line:
            found = moment(values[2])
            if found is None:
                yield Unreadable(number, "has no time that can be read", shown(line))
            else:
                yield PastPlay(found[0], values[0], values[1], precision=found[1], line=number)


def _columns(number: int) -> str:
    return "1 column" if number == 1 else f"{number} columns"
