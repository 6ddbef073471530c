"""What Last.fm knows about the songs of libraries, by the names that stand in their files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from sqlalchemy import Connection, and_, func, or_, select

from tonearm.store.dialect import insert_or_change
from tonearm.store.schema import library, song


@dataclass(frozen=True, slots=True)
class Song:
    """A song's facts. `known` is False where Last.fm knows no such song; `looked_at` is in Unix seconds."""

    artist: str
    title: str
    known: bool
    looked_at: float
    mbid: str = ""
    artist_mbid: str = ""
    album_mbid: str = ""
    listeners: int | None = None
    playcount: int | None = None
    tags: tuple[str, ...] = ()


_CHANGED = ("known", "looked_at", "mbid", "artist_mbid", "album_mbid", "listeners", "playcount", "tags")


def write(db: Connection, songs: Sequence[Song]) -> None:
    """Write what was found; each song once."""
    rows = [{**asdict(replace(one, tags=())), "tags": list(one.tags)} for one in songs]
    insert_or_change(db, song, rows, ("artist", "title"), _CHANGED)


def find(db: Connection, artist: str, title: str) -> Song | None:
    """What is known about a song; None where nobody has looked yet."""
    row = db.execute(select(song).where(song.c.artist == artist, song.c.title == title)).first()
    if row is None:
        return None
    facts = {name: getattr(row, name) for name in _CHANGED}
    return Song(row.artist, row.title, **{**facts, "tags": tuple(row.tags or ())})


def to_look_up(db: Connection, account: int, start: int, before: float, limit: int) -> list[tuple[int, str, str]]:
    """(id, artist, title) of files from the id `start` on that nobody has looked up since `before`."""
    about = and_(song.c.artist == library.c.artist, song.c.title == library.c.title)
    wanted = (
        select(library.c.id, library.c.artist, library.c.title)
        .select_from(library.outerjoin(song, about))
        .where(
            library.c.account == account,
            library.c.fault == "",
            library.c.id >= start,
            or_(song.c.looked_at.is_(None), song.c.looked_at < before),
        )
        .order_by(library.c.id)
        .limit(limit)
    )
    return [(number, artist, title) for number, artist, title in db.execute(wanted)]


def passed(db: Connection, account: int, start: int) -> int:
    """How many readable files have an id below `start`."""
    counted = select(func.count()).where(library.c.account == account, library.c.fault == "", library.c.id < start)
    return db.execute(counted).scalar_one()
