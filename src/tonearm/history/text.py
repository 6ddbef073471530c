"""Text from files that may be broken: bounded lines, numbers and times."""

from __future__ import annotations

import re
from calendar import timegm
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from io import TextIOWrapper
from typing import BinaryIO

from tonearm.core.play import start_of_play

LONGEST_LINE = 2**20
"""Characters of a line; a longer one is not read into memory."""

SHOWN = 120
"""Characters of an unreadable line that are stored for display."""

_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"+ACM-", "utf-7"))


def encoding_of(head: bytes) -> str:
    """The encoding of a file, by its beginning. Libre.fm has exported files in UTF-7, in which comments begin with
    `+ACM-`.
    """
    return next((name for mark, name in _MARKS if head.startswith(mark)), "utf-8")


def as_text(file: BinaryIO, encoding: str, newline: str | None = "\n") -> TextIOWrapper:
    """The text of a file; bytes that don't belong there stay visible as lone surrogates. Without a `newline`, carriage
    returns end lines, too.
    """
    errors = "surrogateescape" if encoding.startswith("utf-8") else "replace"
    return TextIOWrapper(file, encoding, errors, newline=newline)


def only_returns(text: str) -> bool:
    """Whether the lines of a file end in carriage returns, as spreadsheets on a Mac write them."""
    return "\r" in text and "\n" not in text


class Unended(str):
    """The last line of a file, without a line end: the file may have been cut off there."""

    __slots__ = ()


def lines(text: TextIOWrapper) -> Iterator[tuple[int, str | None]]:
    """The lines with their numbers, without line ends; None for one that is too long."""
    number = 0
    while line := text.readline(LONGEST_LINE):
        number += 1
        if line[0] == "\ufeff":  # the beginning of a file that was joined to another
            line = line[1:]
        if line[-1:] == "\n":
            yield number, line.rstrip("\r\n")
        elif len(line) < LONGEST_LINE:
            yield number, Unended(line)
        else:
            while line and line[-1] != "\n":
                line = text.readline(LONGEST_LINE)
            yield number, None


def shown(text: str) -> str:
    """The beginning of a line that can't be read."""
    return text[:SHOWN].encode("utf-8", "replace").decode()


def number(value: object) -> float | None:
    """A finite number that is not negative, also from text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if 0 <= found < float("inf") else None


def seconds(value: object, unit: float = 1.0) -> float | None:
    """A length in seconds from a number of `unit`s a second; None for 0, nonsense, or more than a day."""
    found = number(value)
    return found / unit if found and found / unit <= 86400 else None


def whole(value: object) -> int | None:
    """A track number; None if it isn't one."""
    found = number(value)
    return int(found) if found and found < 2**31 else None


def text_of(value: object) -> str:
    """A name; "" if it isn't text."""
    return value if isinstance(value, str) else ""


_MBID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}").fullmatch


def mbid(value: object) -> str:
    """A MusicBrainz ID in lower case; "" for anything else."""
    return value.lower() if isinstance(value, str) and _MBID(value) else ""


_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}
_DAY_MONTH = re.compile(r"(\d{1,2}) ([A-Za-z]{3})[a-z]* (\d{4}),? (\d{1,2}):(\d{2})").fullmatch
_MINUTE = re.compile(r"(\d{4})-(\d{2})-(\d{2})[ T](\d{2}):(\d{2})").fullmatch


def unix(value: object) -> int | None:
    """Unix seconds from a number or its text, also in milliseconds; None for anything else and for 0."""
    found = number(value)
    return start_of_play(found) or None if found else None


@lru_cache(maxsize=1024)
def moment(text: str) -> tuple[int, int] | None:
    """Unix seconds and the precision of a time in digits, in words (UTC) or in ISO 8601; None for anything else."""
    text = text.strip()
    if (digits := unix(text)) is not None:
        return digits, 1
    if found := _DAY_MONTH(text):
        day, month, year, hour, minute = found.groups()
        return _minute(int(year), _MONTHS.get(month.lower(), 0), int(day), int(hour), int(minute))
    if found := _MINUTE(text):
        return _minute(*(int(part) for part in found.groups()))
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (timegm(at.utctimetuple()), 1) if at.year > 1 and ":" in text else None


def _minute(year: int, month: int, day: int, hour: int, minute: int) -> tuple[int, int] | None:
    try:
        return timegm(datetime(year, month, day, hour, minute, tzinfo=UTC).timetuple()), 60
    except ValueError:
        return None


def from_wall_clock(seconds: int, zone: tzinfo) -> int:
    """Unix seconds of a local time in a time zone that was written as if it were UTC."""
    shown = datetime(1970, 1, 1) + timedelta(seconds=seconds)  # noqa: DTZ001 (the zone comes with the next step)
    return int(shown.replace(tzinfo=zone).timestamp())
