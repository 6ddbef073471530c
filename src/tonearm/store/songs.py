"""What Last.fm knows about the songs of libraries, by the names in their files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, and_, func, or_, select

from tonearm.store.db.dialect import insert_or_change
from tonearm.store.db.schema import library, song


@dataclass(frozen=True, slots=True)
class Song:
    """A song's facts. `known` is False if Last.fm knows no such song; `fetched_at` is in Unix seconds."""

    artist: str
    title: str
    known: bool
    fetched_at: float
    mbid: str = ""
    artist_mbid: str = ""
    album_mbid: str = ""
    listeners: int | None = None
    playcount: int | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LibraryTrack:
    """A file of a library, and what Last.fm knows of its song: `facts` is None if it was not looked up yet."""

    id: int
    path: str
    artist: str
    title: str
    album: str
    loved: bool
    facts: Song | None


_ABOUT = and_(song.c.artist == library.c.artist, song.c.title == library.c.title)
_CHANGED = ("known", "fetched_at", "mbid", "artist_mbid", "album_mbid", "listeners", "playcount", "tags")


def write(db: Connection, songs: Sequence[Song]) -> None:
    """Write what was found; each song once."""
    rows = [{**asdict(replace(one, tags=())), "tags": list(one.tags)} for one in songs]
    insert_or_change(db, song, rows, ("artist", "title"), _CHANGED)


def of_library(db: Connection, account: int, start: int, limit: int) -> list[LibraryTrack]:
    """The readable files from the id `start` on, in the order of their ids, with what is known about their songs."""
    facts = [song.c[name] for name in _CHANGED]
    wanted = (
        select(library.c.id, library.c.path, library.c.album, library.c.lastfm_loved)
        .add_columns(library.c.artist, library.c.title, *[column.label(f"song_{column.name}") for column in facts])
        .select_from(library.outerjoin(song, _ABOUT))
        .where(library.c.account == account, library.c.unreadable_reason == "", library.c.id >= start)
        .order_by(library.c.id)
        .limit(limit)
    )
    return [_track(row) for row in db.execute(wanted)]


def _track(row: Row[Any]) -> LibraryTrack:
    facts = None
    if row.song_fetched_at is not None:
        found = {name: getattr(row, f"song_{name}") for name in _CHANGED}
        facts = Song(row.artist, row.title, **{**found, "tags": tuple(found["tags"] or ())})
    return LibraryTrack(row.id, row.path, row.artist, row.title, row.album, row.lastfm_loved, facts)


def to_look_up(db: Connection, account: int, start: int, before: float, limit: int) -> list[tuple[int, str, str]]:
    """(id, artist, title) of files from the id `start` on that were not looked up since `before`."""
    wanted = (
        select(library.c.id, library.c.artist, library.c.title)
        .select_from(library.outerjoin(song, _ABOUT))
        .where(
            library.c.account == account,
            library.c.unreadable_reason == "",
            library.c.id >= start,
            or_(song.c.fetched_at.is_(None), song.c.fetched_at < before),
        )
        .order_by(library.c.id)
        .limit(limit)
    )
    return [(file_id, artist, title) for file_id, artist, title in db.execute(wanted)]


def passed(db: Connection, account: int, start: int) -> int:
    """How many readable files have an id below `start`."""
    counted = select(func.count()).where(
        library.c.account == account, library.c.unreadable_reason == "", library.c.id < start
    )
    return db.execute(counted).scalar_one()
