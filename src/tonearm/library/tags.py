"""Reads the tags of an audio file with mutagen. It runs in a process of its own (`library.reader`), which alone imports
it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator

from tonearm.core.cleaning import clean
from tonearm.core.play import MBID, MissingName, Track, cleaned
from tonearm.library.answer import Tags, Unfit
from tonearm.library.bounded import BoundedFile
from tonearm.library.formats import Audio, Fields, opened

_LEADING_NUMBER = re.compile(r"\s*(\d{1,9})").match
_NO_TAG = {"artist": "no artist tag", "track": "no title tag"}
_LONGEST_NAME = 10_000
"""Characters; no name is longer, but a damaged or hostile file may have one of megabytes."""


def read_tags(path: str) -> Tags | Unfit:
    """The track with its names cleaned, or why it can't be scrobbled.

    Without an artist the album artist is used; nothing is guessed from the name of the file. Raises OSError if the disk
    fails, MemoryError if the file needs more than is allowed.
    """
    with BoundedFile(path) as file:
        if not file.size:
            return Unfit("the file is empty")
        audio = opened(file)
        if file.failure is not None:
            raise file.failure
    if audio is None:
        return Unfit(f"damaged, or not really {os.path.splitext(path)[1].lower()}")
    if audio.video:
        return Unfit("a video, not music")
    return _tags(audio)


def _tags(audio: Audio) -> Tags | Unfit:
    fields = [table for table in audio.fields if table]
    artist, artists = _credit(_names(fields, "artist"), _names(fields, "artists"))
    title, album_artist = _first(_names(fields, "title")), _first(_names(fields, "album_artist"))
    if not artist and not album_artist and not title:
        return Unfit("no tags")
    try:
        track = cleaned(
            Track(
                artist or album_artist,
                title,
                _first(_names(fields, "album")),
                album_artist,
                round(audio.seconds, 3) if audio.seconds else None,
                _number(_names(fields, "track_number")),
                _recording(fields),
            )
        )
    except MissingName as nameless:
        return Unfit(_NO_TAG[nameless.field])
    return Tags(track, artists if artist else ())


def _values(fields: Iterable[Fields], name: str) -> Iterator[list[str]]:
    """The non-empty values of a field under each of its names, in the order in which they count."""
    for table in fields:
        for values in table.get(name, ()):
            if present := [text[:_LONGEST_NAME] for text in values if clean(text[:_LONGEST_NAME])]:
                yield present


def _names(fields: Iterable[Fields], name: str) -> list[str]:
    return next(_values(fields, name), [])


def _first(values: list[str]) -> str:
    return values[0] if values else ""


def _credit(artist: list[str], listed: list[str]) -> tuple[str, tuple[str, ...]]:
    """The artist as credited, and the artists in the credit if there are several."""
    each = tuple(dict.fromkeys(clean(name) for name in listed or artist))
    names = list(dict.fromkeys(artist or each))
    credit = " & ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
    return credit, each if len(each) > 1 else ()


def _number(values: list[str]) -> int | None:
    """The number of "3", "03" and "3/12"."""
    found = _LEADING_NUMBER(_first(values))
    return int(found[1]) if found and 0 < int(found[1]) < 10_000 else None


def _recording(fields: Iterable[Fields]) -> str:
    """The MusicBrainz recording: the first value that is an identifier."""
    for values in _values(fields, "recording"):
        for text in values:
            if mbid := MBID.search(text):
                return mbid[0].lower()
    return ""
