"""Single fields as players send them: numbers as text, lengths in milliseconds, times as text.

What can't be read is left out and named; it doesn't cost the play.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

from tonearm.core.cleaning import clean
from tonearm.core.play import MBID, MissingName, Track, When, cleaned, start_of_play, when
from tonearm.ingest.incoming import Skipped

MILLISECONDS_FROM = 86400.0
"""Lengths from here on are in milliseconds: as seconds they would be a day or more. qmmp sends them."""

_LONGEST_QUOTE = 40
_LONGEST_NUMBER = 10**15
_LONGEST_LABEL = 200

LONGEST_NAME = 1000
"""Characters of an artist, a title or an album; the rest is cut off. Cleaning megabytes would take seconds."""

_DECIMAL = re.compile(r"[+-]?[0-9]{1,15}(?:\.[0-9]{0,25})?", re.ASCII).fullmatch
_TRACK_NUMBER = re.compile(r"([0-9]{1,7})(?:\.0+)?(?:\s*/\s*[0-9]*)?").fullmatch  # "7", "07", "7.0" and "7/12"


def text(sent: object) -> str:
    """The text, or a whole number as text (an album may be called 1989); "" for anything else."""
    if type(sent) is str:
        return sent
    return str(sent) if type(sent) is int and abs(sent) < _LONGEST_NUMBER else ""


def number(sent: object) -> float | None:
    """A finite number, also one sent as text; None for anything else."""
    if type(sent) is int or type(sent) is float:
        return float(sent) if -_LONGEST_NUMBER < sent < _LONGEST_NUMBER else None
    if type(sent) is str and _DECIMAL(trimmed := sent.strip()):
        return float(trimmed)
    return None


def seconds(sent: object) -> float | None:
    """A length of time that is not negative, in the unit it was sent in; None for anything else."""
    found = number(sent)
    return found if found is not None and found >= 0 else None


def unix_time(sent: object) -> float | None:
    """A moment in Unix seconds: a number, also as text, or a date and time as text, in UTC unless it names another
    zone.
    """
    found = number(sent)
    if found is not None or type(sent) is not str or not 10 <= len(sent) <= _LONGEST_QUOTE:
        return found
    try:
        moment = datetime.fromisoformat(sent.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except ValueError:
        return None


def whole_number(sent: object) -> int | None:
    """A whole number such as a track's: 7, 7.0, "7" or "7/12"; None for anything else."""
    if type(sent) is int:
        return sent
    if type(sent) is str and (found := _TRACK_NUMBER(sent.strip())):
        return int(found[1])
    return int(sent) if type(sent) is float and sent.is_integer() else None


def moment_of_play(sent: object, now: float) -> int | Skipped:
    """The time of a play in whole Unix seconds; milliseconds are recognised by their size."""
    found = unix_time(sent)
    if found is None:
        return Skipped(f"not the time of a play: {quoted(sent)}")
    timestamp = start_of_play(found)
    if when(timestamp, now) is When.NONSENSE:
        return Skipped(f"not the time of a play: {quoted(sent)} (needed: between 2002-10-01 and 30 days from now)")
    return timestamp


def read_track(
    artist: object,
    title: object,
    album: object = "",
    album_artist: object = "",
    duration: object = None,
    track_number: object = None,
    mbid: object = "",
    *,
    left_out: list[str],
) -> Track | Skipped:
    """A clean track from fields as they were sent; Skipped without a visible artist or title. `duration` is in seconds,
    or in milliseconds if it would be a day or more in seconds. Optional fields that cannot be read are added to
    `left_out`.
    """
    length = _length(duration, left_out) if duration else None
    position = _track_number(track_number, left_out) if track_number else None
    identifier = _mbid(mbid, left_out) if mbid else ""
    named, called = _name("artist", artist, left_out), _name("title", title, left_out)
    on, by = _name("album", album, left_out), _name("album artist", album_artist, left_out)
    try:
        return cleaned(Track(named, called, on, by, length, position, identifier))
    except MissingName as missing:
        return Skipped(f"the {'title' if missing.field == 'track' else missing.field} is missing")


def explained(left_out: list[str]) -> str:
    """Which fields could not be read, in words; "" if all could."""
    return f"ignored because unreadable: {', '.join(left_out)}" if left_out else ""


def program(name: object, version: object = "") -> str:
    """A program's name and version for people; "" if it has no name."""
    named = label(name)
    return f"{named} {label(version)}".rstrip()[:_LONGEST_LABEL] if named else ""


def label(sent: object) -> str:
    """A short name for people: of a user, a device or a program."""
    return clean(text(sent)[:_LONGEST_LABEL])


def program_of(user_agent: str) -> str:
    """A program's name from its User-Agent, without what is in brackets; "" if there is none."""
    return program(user_agent.partition("(")[0].strip())


def quoted(sent: object) -> str:
    """What was sent, for people: as JSON, shortened."""
    if type(sent) is str:
        shown = json.dumps(clean(sent[:_LONGEST_QUOTE]), ensure_ascii=False)
        return shown if len(sent) <= _LONGEST_QUOTE else f'{shown[:-1]}…"'
    if type(sent) is int and abs(sent) >= _LONGEST_NUMBER:
        return "(a very long number)"  # Python itself can't convert some to text
    if sent is None or type(sent) in (bool, int, float):
        return json.dumps(sent)
    return "[…]" if type(sent) is list else "{…}"


def _name(name: str, sent: object, left_out: list[str]) -> str:
    if type(sent) is str and len(sent) <= LONGEST_NAME:  # nearly always
        return sent
    found = text(sent)
    if sent and not found:
        left_out.append(f"{name} {quoted(sent)}")
    elif len(found) > LONGEST_NAME:
        left_out.append(f"the end of the {name} (longer than {LONGEST_NAME} characters)")
    return found[:LONGEST_NAME]


def _length(sent: object, left_out: list[str]) -> float | None:
    found = seconds(sent)
    if found is None:
        _unreadable("duration", sent, left_out)
        return None
    return found / 1000 if found >= MILLISECONDS_FROM else found


def _track_number(sent: object, left_out: list[str]) -> int | None:
    found = whole_number(sent)
    if found is None:
        _unreadable("track number", sent, left_out)
    return found


def _mbid(sent: object, left_out: list[str]) -> str:
    if type(sent) is str and MBID.fullmatch(sent):  # nearly always
        return sent
    trimmed = clean(text(sent)[:_LONGEST_LABEL])
    if MBID.fullmatch(trimmed):
        return trimmed
    if trimmed or type(sent) is not str:
        _unreadable("mbid", sent, left_out)
    return ""


def _unreadable(name: str, sent: object, left_out: list[str]) -> None:
    if not (type(sent) is str and not clean(sent[:_LONGEST_LABEL])):
        left_out.append(f"{name} {quoted(sent)}")
