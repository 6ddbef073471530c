"""The listener's library: tagged files, and which of them are loved on Last.fm."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, null, select, update

from tonearm.store.db.dialect import insert_or_change
from tonearm.store.db.schema import library

_OF_FILE = (
    "artist",
    "artists",
    "title",
    "album",
    "album_artist",
    "duration",
    "track_number",
    "mbid",
    "mtime_ns",
    "ctime_ns",
    "size",
    "unreadable_reason",
)
_OPTIONAL = {"artists": None, "ctime_ns": 0}


def fingerprints(db: Connection, account: int) -> dict[str, tuple[int, int, int]]:
    """(mtime and ctime in ns, size) of every file that was read before, by path; of unreadable ones too."""
    columns = (library.c.path, library.c.mtime_ns, library.c.ctime_ns, library.c.size)
    rows = db.execute(select(*columns).where(library.c.account == account))
    return {path: (mtime_ns, ctime_ns, size) for path, mtime_ns, ctime_ns, size in rows}


def unreadable_reasons(db: Connection, account: int) -> dict[str, str]:
    """Why files could not be read, by path."""
    broken = select(library.c.path, library.c.unreadable_reason).where(
        library.c.account == account, library.c.unreadable_reason != ""
    )
    return {row.path: row.unreadable_reason for row in db.execute(broken)}


def write(db: Connection, account: int, files: Sequence[dict[str, Any]]) -> None:
    """Write the tags of files. Hearts stay: they belong to the song, not to the last edit of its tags."""
    rows = [{**_OPTIONAL, **file, "account": account, "lastfm_loved": False} for file in files]
    insert_or_change(db, library, rows, ("account", "path"), _OF_FILE)


_GONE = delete(library).where(library.c.account == bindparam("of_account"), library.c.path == bindparam("where"))


def forget(db: Connection, account: int, paths: Iterable[str]) -> None:
    """Delete the rows of files that are gone."""
    rows = [{"of_account": account, "where": path} for path in paths]
    if rows:
        db.execute(_GONE, rows)


def names(db: Connection, account: int) -> list[tuple[int, str, str, str]]:
    """(id, artist, title, mbid) of every readable file."""
    wanted = select(library.c.id, library.c.artist, library.c.title, library.c.mbid)
    rows = db.execute(wanted.where(library.c.account == account, library.c.unreadable_reason == ""))
    return [(file_id, artist, title, mbid) for file_id, artist, title, mbid in rows]


PathAndNames = tuple[str, str, str, str, str, float | None, str]


def by_path(db: Connection, account: int) -> list[PathAndNames]:
    """(path, artist, title, album, album artist, duration, mbid) of every readable file."""
    columns = (library.c.path, library.c.artist, library.c.title, library.c.album, library.c.album_artist)
    wanted = select(*columns, library.c.duration, library.c.mbid)
    rows = db.execute(wanted.where(library.c.account == account, library.c.unreadable_reason == ""))
    return list(rows)


def several_artists(db: Connection, account: int) -> dict[int, tuple[str, ...]]:
    """The artists by id of every readable file that lists more than one; `names` has the whole credit."""
    listed = select(library.c.id, library.c.artists).where(library.c.artists.is_not(null()))
    rows = db.execute(listed.where(library.c.account == account, library.c.unreadable_reason == ""))
    return {file: tuple(artists) for file, artists in rows}


def loved(db: Connection, account: int) -> set[int]:
    """The ids of the loved ones."""
    wanted = select(library.c.id).where(library.c.account == account, library.c.lastfm_loved)
    return set(db.execute(wanted).scalars())


_LOVE = update(library).where(library.c.id == bindparam("file_id")).values(lastfm_loved=True)


def love(db: Connection, ids: Iterable[int]) -> None:
    """Mark as loved."""
    rows = [{"file_id": file_id} for file_id in ids]
    if rows:
        db.execute(_LOVE, rows)


_UNLOVE = update(library).where(library.c.id == bindparam("file_id")).values(lastfm_loved=False)


def unlove(db: Connection, ids: Iterable[int]) -> None:
    """Take the mark away."""
    rows = [{"file_id": file_id} for file_id in ids]
    if rows:
        db.execute(_UNLOVE, rows)


def love_only(db: Connection, account: int, ids: Set[int]) -> None:
    """Remove the hearts of all other files of an account."""
    unlove(db, loved(db, account) - ids)


def size(db: Connection, account: int) -> int:
    """How many readable files the library has."""
    wanted = select(func.count()).where(library.c.account == account, library.c.unreadable_reason == "")
    return db.execute(wanted).scalar_one()
