"""Plays to measure with: made up, or the real ones of one listener over ten years."""

from __future__ import annotations

import csv
import gzip
import json
import os
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.report import Missing
from benchmarks.rig import ROOT

Play = dict[str, Any]
"""The body of `POST /lastfm/scrobble`."""

DAYS = 13 * 86400
"""Last.fm accepts plays of the last 14 days; one day is reserved for the benchmark."""

PLAYER = "a player"
"""The name of the player that reports."""

LENGTH, PLAYED = 31, 8
"""Seconds of each play of the real history: ten years in 13 days leave ten seconds between one play and the next.

It counts with a threshold of 25 %. A longer overlap with a play of the same song makes a suspected duplicate.
"""

LATEST = 600
"""Seconds before now at which the last play begins: none may end after its own report."""

_ARTISTS = ("Nina Simone", "Sigur Rós", "やくしまるえつこ", "The Smashing Pumpkins", "Мумий Тролль", "Mogwai")


def made_up(number: int, now: float, series: int = 0) -> Iterator[Play]:
    """That many different plays, spread over 13 days; another series has none of them."""
    start, step = now - DAYS, DAYS / number
    for n in range(number):
        artist = _ARTISTS[n % len(_ARTISTS)]
        yield {
            "artist": f"{artist} {n // 120 % 300}",
            "track": f"Song {series}.{n} (Remastered)",
            "album": f"Album {n // 12} & More",
            "album_artist": artist,
            "duration": 215.4,
            "played_time": 180.5,
            "track_number": n % 12 + 1,
            "timestamp": int(start + n * step),
        }


def real(now: float) -> list[Play]:
    """The real history moved into the last 13 days: in order; equal times stay equal. Raises Missing if the file is not
    there: it is test data and not part of tonearm.
    """
    folder = Path(os.environ.get("TONEARM_TEST_DATA", ROOT.parent / "shared"))
    file = folder / "data" / "plays-104k.csv.gz"
    if not file.is_file():
        raise Missing(f"there is no {file.name} in {folder / 'data'} (set TONEARM_TEST_DATA)")
    with gzip.open(file, "rt", encoding="utf-8", newline="") as lines:
        return list(restamped(csv.DictReader(lines), now - LATEST))


def restamped(rows: Iterable[dict[str, str]], now: float) -> Iterator[Play]:
    """Rows in order of time as plays of the last 13 days: equal times stay equal, different ones different."""
    rows = list(rows)
    places = dict(zip(sorted({int(row["timestamp"]) for row in rows}), count(), strict=False))
    step = DAYS / len(places)
    if step < PLAYED:
        raise ValueError("too many moments: plays of the same song would overlap")
    for row in rows:
        yield {
            "artist": row["artist"],
            "track": row["track"],
            "album": row["album"],
            "mbid": row["track_mbid"],
            "duration": LENGTH,
            "played_time": PLAYED,
            "timestamp": int(now - DAYS + places[int(row["timestamp"])] * step),
        }


def requests(plays: Iterable[Play], port: int, token: str) -> list[bytes]:
    """The plays as complete HTTP requests, built before the clock starts."""
    head = (
        f"POST /lastfm/scrobble HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        f"User-Agent: {PLAYER}\r\nContent-Type: application/json\r\nContent-Length: "
    )
    bodies = (json.dumps(play).encode() for play in plays)
    return [f"{head}{len(body)}\r\n\r\n".encode() + body for body in bodies]
