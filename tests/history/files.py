"""Small history files of each kind, as their programs write them, and what is read of them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from tonearm.history.play import Entry, PastPlay, ReadOptions, SkippedLine, Unreadable
from tonearm.history.reading import Section, read

AT = 1_600_000_000
"""2020-09-13 12:26:40 UTC."""

MBID = "8f3471b5-7e6a-48da-86a9-c1c07a0f47ae"


def entries(path: Path, **options: Any) -> tuple[list[Section], list[Entry]]:
    """The sections of a file, and its entries."""
    found = list(read(path, ReadOptions(**options), time.time()))
    sections = [one for one in found if isinstance(one, Section)]
    return sections, [one for one in found if not isinstance(one, Section)]


def plays(path: Path, **options: Any) -> list[PastPlay]:
    """The plays of a file in which all else would be a mistake."""
    _, found = entries(path, **options)
    assert all(isinstance(one, PastPlay) for one in found), found
    return [one for one in found if isinstance(one, PastPlay)]


def skipped(found: list[Entry]) -> list[tuple[int, str]]:
    return [(one.line, one.reason) for one in found if isinstance(one, SkippedLine)]


def unreadable(found: list[Entry]) -> list[tuple[int, str]]:
    return [(one.line, one.reason) for one in found if isinstance(one, Unreadable)]


def write(folder: Path, text: str | bytes, name: str = "history") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def write_json(folder: Path, document: object, name: str = "history.json") -> Path:
    return write(folder, json.dumps(document, ensure_ascii=False, indent=1), name)


def write_zip(folder: Path, members: dict[str, str | bytes], name: str = "history.zip") -> Path:
    with ZipFile(folder / name, "w", ZIP_DEFLATED) as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return folder / name


def listen(at: float, artist: str, track: str, **more: Any) -> dict[str, Any]:
    """A line of ListenBrainz' export."""
    info = more.pop("additional_info", {})
    return {
        "inserted_at": at + 5,
        "listened_at": at,
        "track_metadata": {
            "artist_name": artist,
            "track_name": track,
            "release_name": "Pastel Blues",
            "mbid_mapping": None,
            "additional_info": {"recording_msid": "x", **info},
            **more,
        },
    }


def jsonl(*rows: object) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)
