"""Histories in formats that other services read, and that tonearm reads back without loss."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from io import StringIO
from itertools import groupby
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZipFile

from tonearm.history.play import PastPlay

COLUMNS = (
    *("uts", "utc_time", "artist", "track", "album", "album_artist", "duration", "played", "track_number"),
    *("recording_mbid", "precision", "stamp", "earliest"),
)

_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _number(value: float | None) -> float | int | None:
    """Whole seconds without a fraction."""
    return int(value) if value is not None and value == int(value) else value


def _values(play: PastPlay) -> tuple[Any, ...]:
    return (
        play.timestamp,
        f"{datetime.fromtimestamp(play.timestamp, UTC):%Y-%m-%d %H:%M:%S}",
        play.artist,
        play.title,
        play.album,
        play.album_artist,
        _number(play.duration),
        _number(play.played),
        play.track_number,
        play.mbid,
        play.precision,
        play.stamp,
        play.earliest or None,
    )


_FORMULAS = ("=", "+", "-", "@")


def with_apostrophe(value: str) -> str:
    """A value that a spreadsheet doesn't read as a formula: https://owasp.org/www-community/attacks/CSV_Injection"""
    return f"'{value}" if value.lstrip("'").startswith(_FORMULAS) else value


def without_apostrophe(value: str) -> str:
    """A value as it was before `with_apostrophe`."""
    return value[1:] if value.startswith("'") and with_apostrophe(value) != value else value


def as_csv(plays: Iterable[PastPlay], *, head: bool) -> str:
    """Rows with every value quoted, after a header if it is the beginning."""
    text = StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    if head:
        writer.writerow(COLUMNS)
    writer.writerows(map(_values, plays))
    return text.getvalue()


def as_json_lines(plays: Iterable[PastPlay]) -> str:
    """A line for each play, without unknown fields."""
    return "".join(
        _compact({name: value for name, value in zip(COLUMNS, _values(play), strict=True) if value not in (None, "")})
        + "\n"
        for play in plays
    )


def as_maloja(plays: Iterable[PastPlay], *, first: bool) -> str:
    """Scrobbles in Maloja's export format, each after a comma except the first."""
    rows = (_compact(_scrobble(play)) for play in plays)
    return ("" if first else ",\n") + ",\n".join(rows)


MALOJA_HEAD, MALOJA_TAIL = '{"maloja":{"exported_by":"tonearm"},"scrobbles":[\n', "\n]}\n"


def _scrobble(play: PastPlay) -> dict[str, Any]:
    album = {"artists": [play.album_artist] if play.album_artist else None, "albumtitle": play.album}
    length = _number(play.duration)
    track = {"artists": [play.artist], "title": play.title, "album": album if play.album else None, "length": length}
    return {"time": play.timestamp, "track": track, "duration": _number(play.played), "origin": "client:tonearm"}


def listen(play: PastPlay) -> dict[str, Any]:
    """A listen as in ListenBrainz's own export; fields that ListenBrainz doesn't have are in `additional_info`."""
    info = {
        "media_player": "tonearm",
        "submission_client": "tonearm",
        "duration_ms": round(play.duration * 1000) if play.duration else None,
        "duration_played": _number(play.played),
        "tracknumber": play.track_number,
        "recording_mbid": play.mbid,
        "release_artist_name": play.album_artist,
        "tonearm_precision": play.precision if play.precision > 1 else None,
        "tonearm_stamp": play.stamp if play.stamp != "start" else None,
        "tonearm_earliest": play.earliest or None,
    }
    known = {name: value for name, value in info.items() if value not in (None, "")}
    track: dict[str, Any] = {"artist_name": play.artist, "track_name": play.title, "additional_info": known}
    if play.album:
        track["release_name"] = play.album
    return {"listened_at": play.timestamp, "track_metadata": track}


def write_listenbrainz(file: IO[bytes], plays: Iterator[PastPlay], user: str) -> int:
    """Write ListenBrainz's archive of plays in the order of time, with a file of lines for each month; returns how many
    plays.
    """
    written = 0
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        archive.writestr("user.json", _compact({"username": user}))
        for (year, month), of_month in groupby(plays, _month):
            with archive.open(f"listens/{year}/{month}.jsonl", "w") as lines:
                for play in of_month:
                    lines.write(_compact(listen(play)).encode() + b"\n")
                    written += 1
    return written


def _month(play: PastPlay) -> tuple[int, int]:
    at = datetime.fromtimestamp(play.timestamp, UTC)
    return at.year, at.month
