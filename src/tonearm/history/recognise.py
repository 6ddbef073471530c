"""Recognises the kind of a history file by its content, since file names say little."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from functools import partial
from io import TextIOWrapper
from typing import NamedTuple

from tonearm.history import journals, services, tables
from tonearm.history.json_stream import JsonStream
from tonearm.history.play import Entry, HistoryFileError, ReadOptions, Unreadable
from tonearm.history.text import lines, moment, only_returns, shown

HEAD = 2**16
"""Bytes from the beginning that a file is recognised by."""

Parse = Callable[[TextIOWrapper, ReadOptions], Iterator[Entry]]


class Kind(NamedTuple):
    """A kind of history file: what it is called, how it is read, and whether its plays may still wait to be sent.

    Several programs may write a kind, each with its own `layout`.
    """

    name: str
    parse: Parse
    journal: bool = False
    layout: str = ""


def kind_of(head: bytes, encoding: str, name: str) -> Kind:
    """The kind of a file by its first bytes. Raises HistoryFileError if it is none of those that can be read."""
    text = head.decode(encoding, "replace").lstrip("\ufeff").lstrip()
    for found, what in _NOT_HISTORIES:
        if found(head, text):
            raise HistoryFileError(f"{name} {what}")
    kind = _json(text) if text[:1] in ("[", "{") else _xml(text, name) or _text(text, name)
    if kind is None:
        raise HistoryFileError(
            f"{name} isn't a listening history that we can read: use the file as the other service exported it"
        )
    return kind


def _starts(*marks: bytes) -> Callable[[bytes, str], bool]:
    return lambda head, text: head.startswith(marks)


_NOT_HISTORIES: tuple[tuple[Callable[[bytes, str], bool], str], ...] = (
    (lambda head, text: not text, "is empty"),
    (
        lambda head, text: text[:200].lower().startswith(("<!doctype html", "<html", "<head", "<body")),
        "is a web page (HTML) and not an export: the page may want you to sign in first",
    ),
    (_starts(b"SQLite format 3\0"), "is a SQLite database: export the plays from the program that it belongs to"),
    (
        _starts(b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"),
        "is a Python pickle, which is never opened: it can run programs",
    ),
    (
        lambda head, text: text.startswith("<?xml") and "<submissions" not in text[:1000],
        "is XML, which we can't read: choose CSV or JSON in the exporter",
    ),
    (_starts(b"%PDF"), "is a PDF"),
    (_starts(b"\x89PNG", b"\xff\xd8\xff", b"ID3", b"fLaC", b"OggS"), "is a picture or music, not a history"),
    (lambda head, text: b"\0" in head[:1024] and not head.startswith((b"\xff\xfe", b"\xfe\xff")), "is a binary file"),
)


def _keys(text: str) -> set[str]:
    return set(re.findall(r'"([A-Za-z_#@]{1,40})"\s*:', text))


def _document(name: str, read: services.Read, *names: str, journal: bool = False) -> Kind:
    def parse(text: TextIOWrapper, options: ReadOptions) -> Iterator[Entry]:
        return services.entries(JsonStream(text.read), read, *names)

    return Kind(name, parse, journal)


def _each_line(name: str, read: services.Read) -> Kind:
    def parse(text: TextIOWrapper, options: ReadOptions) -> Iterator[Entry]:
        from json import loads

        for number, line in lines(text):
            if line is None:
                yield Unreadable(number, tables.TOO_LONG)
            elif line.strip():
                try:
                    entry = loads(line)
                except (ValueError, RecursionError):
                    yield Unreadable(number, "this is not valid JSON", shown(line))
                else:
                    yield from services.one(number, entry, read)

    return Kind(name, parse)


def _spotify(text: TextIOWrapper, options: ReadOptions) -> Iterator[Entry]:
    return services.entries(JsonStream(text.read), services.spotify(options.private))


def _waiting_listens(text: TextIOWrapper, options: ReadOptions) -> Iterator[Entry]:
    return services.rhythmbox_listens(JsonStream(text.read))


_SPOTIFY = Kind("Spotify, extended history", _spotify)
_SPOTIFY_ACCOUNT = _document("Spotify, account data", services.spotify_account)
_MALOJA = _document("Maloja", services.maloja, "scrobbles")
_KOITO = _document("Koito", services.koito, "listens")
_STRAWBERRY = _document("Strawberry, waiting plays", services.strawberry, "tracks", journal=True)
_RHYTHMBOX_LISTENS = Kind("Rhythmbox, waiting listens", _waiting_listens, journal=True)
_LASTFM_PAGES = _document("Last.fm, pages of an exporter", services.lastfm, "track", "recenttracks")
_LISTENBRAINZ = _document("ListenBrainz", services.listenbrainz, "listens", "payload")
_LISTENBRAINZ_LINES = _each_line("ListenBrainz", services.listenbrainz)
_PANO_LINES = _each_line("Pano Scrobbler", services.pano)
_PANO = _document("Pano Scrobbler", services.pano)
_TONEARM_LINES = _each_line("tonearm", services.tonearm)
_TONEARM = _document("tonearm", services.tonearm)
NOTHING = _document("an empty list", services.tonearm, "")

_RHYTHMBOX_PAIR = re.compile(r"\[\s*\[\s*\d+(?:\.\d+)?\s*,\s*\{").match


def _json(text: str) -> Kind | None:
    keys, listed = _keys(text), text[0] == "["
    if _RHYTHMBOX_PAIR(text) and "track_name" in keys:
        return _RHYTHMBOX_LISTENS
    table: tuple[tuple[bool, Kind], ...] = (
        ("master_metadata_track_name" in keys, _SPOTIFY),
        ({"endTime", "msPlayed"} <= keys, _SPOTIFY_ACCOUNT),
        ("scrobbles" in keys and not listed, _MALOJA),
        ({"listens", "aliases"} <= keys or {"listens", "exported_at"} <= keys, _KOITO),
        ("tracks" in keys and not listed and ("song" in keys or keys <= {"tracks", "version"}), _STRAWBERRY),
        ({"track_metadata", "listened_at"} <= keys and (listed or "listens" in keys), _LISTENBRAINZ),
        ({"track_metadata", "listened_at"} <= keys, _LISTENBRAINZ_LINES),
        ("timeMs" in keys, _PANO if listed else _PANO_LINES),
        ({"artist", "date", "name"} <= keys or {"recenttracks", "track"} <= keys, _LASTFM_PAGES),
        ({"artist", "track"} <= keys and bool({"uts", "timestamp"} & keys), _TONEARM if listed else _TONEARM_LINES),
        (not text.strip("[]{} \t\r\n"), NOTHING),
    )
    return next((kind for fits, kind in table if fits), None)


def _xml(text: str, name: str) -> Kind | None:
    if "<submissions" not in text[:1000]:
        return None

    def parse(whole: TextIOWrapper, options: ReadOptions) -> Iterator[Entry]:
        content = whole.read(journals.LARGEST_XML)
        if len(content) == journals.LARGEST_XML:
            raise HistoryFileError(f"{name} is too large for a journal of waiting plays")
        return journals.liblastfm(content, name)

    return Kind("liblastfm (Clementine and others), waiting plays", parse, journal=True)


def _by_lines(name: str, read: Callable[[tables.Numbered], Iterator[Entry]], *, journal: bool = False) -> Kind:
    return Kind(name, lambda text, options: read(lines(text)), journal)


_LOG_LINE = re.compile(r"[^\t]*(?:\t[^\t]*){4}\t[LS]\t\d+(?:\t[^\t]*){0,2}").fullmatch
_PLAYBACK_LINE = re.compile(r"\d+:\d+:\d+:/.*").fullmatch
_FORM_LINE = re.compile(r"(?:[a-z]+=[^&\s]*&){3,}[a-z]+=[^&\s]*").fullmatch


def _text(text: str, name: str) -> Kind | None:
    ends = "\r" if only_returns(text) else "\n"
    every = [line.rstrip("\r") for line in text.split(ends) if line.strip()][:50]
    data_lines = [line for line in every if not line.startswith("#")]
    if every[0].startswith("#AUDIOSCROBBLER") or any(map(_LOG_LINE, data_lines)):
        device = every[0].startswith("#AUDIOSCROBBLER") or name.rpartition("/")[2].startswith(".scrobbler")
        parse = partial(_scrobbler_log, name=name, device=device)
        return Kind(".scrobbler.log" if device else "Audacious, waiting plays", parse, journal=not device)
    if not data_lines:
        return None
    first = data_lines[0]
    if _PLAYBACK_LINE(first):
        return Kind("Rockbox, playback.log", lambda text, options: journals.playback_log(lines(text), name, options))
    if first.startswith("a = ") and any(line.startswith("i = ") for line in data_lines):
        return _by_lines("mpdscribble, waiting plays", journals.mpdscribble, journal=True)
    if first.startswith("title=") and any(line.startswith("time=") for line in data_lines):
        return _by_lines("qmmp, waiting plays", journals.qmmp, journal=True)
    if _FORM_LINE(first) and "a=" in first and "i=" in first:
        return _by_lines("Rhythmbox, waiting plays", journals.rhythmbox, journal=True)
    return _table(first)


def _scrobbler_log(text: TextIOWrapper, options: ReadOptions, name: str, device: bool) -> Iterator[Entry]:
    return journals.scrobbler_log(lines(text), name, options, device)


def _table(first: str) -> Kind | None:
    separator = tables.delimiter(first)
    try:
        row = next(csv.reader([first], delimiter=separator))
    except csv.Error:
        return None
    if tables.columns(row):
        layout = ",".join(sorted(name.strip().lower() for name in row))
        return _by_lines("a table (CSV)", tables.with_header)._replace(layout=layout)
    if len(row) == 4 and ((separator == "," and not row[3].strip()) or moment(row[3])):
        read = partial(tables.artist_album_title_time, separator=separator)
        return _by_lines("Last.fm to CSV, in minutes", read)
    if len(row) == 3 and "\t" in first and moment(row[2]):
        return _by_lines("lastscrape", tables.artist_title_time)
    return None
