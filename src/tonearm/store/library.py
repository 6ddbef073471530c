"""The listener's library: tagged files, and which of them are loved on Last.fm."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, literal, null, select, update

from tonearm.core.name_keys import keys_of_file
from tonearm.store.db.dialect import Among, insert_ignore, insert_or_change, parts
from tonearm.store.db.schema import library, library_key

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
_READABLE = library.c.unreadable_reason == literal("", literal_execute=True)  # in the form of the index


def fingerprints(db: Connection, account: int) -> dict[str, tuple[int, int, int]]:
    """(mtime and ctime in ns, size) of every file that was read before, by path, including unreadable ones."""
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
    rows = [{**_OPTIONAL, **file, "account": account, "lastfm_loved": False, "keyed": False} for file in files]
    insert_or_change(db, library, rows, ("account", "path"), (*_OF_FILE, "keyed"))
    key_some(db, account, len(rows) + KEYED_AT_ONCE)


KEYED_AT_ONCE = 1000
"""Rows that get their keys in one transaction: a few tens of milliseconds."""

_KEYED = update(library).where(Among(library.c.id, "ids")).values(keyed=True)
_FORGET_KEYS = delete(library_key).where(Among(library_key.c.file, "ids"))


def key_some(db: Connection, account: int, limit: int = KEYED_AT_ONCE) -> bool:
    """Write the keys of files that have none yet; True if there were as many as `limit`."""
    columns = (library.c.id, library.c.artist, library.c.artists, library.c.title, library.c.mbid)
    wanted = select(*columns, library.c.unreadable_reason).where(library.c.account == account, ~library.c.keyed)
    rows = list(db.execute(wanted.limit(limit)))
    keys = [
        {"account": account, "key": key, "file": row.id}
        for row in rows
        if not row.unreadable_reason
        for key in sorted(keys_of_file(row.artist, row.artists or (), row.title, row.mbid))
    ]
    for ids in parts([row.id for row in rows]):
        db.execute(_FORGET_KEYS, {"ids": ids})
        db.execute(_KEYED, {"ids": ids})
    insert_ignore(db, library_key, keys)
    return len(rows) == limit


def forget(db: Connection, account: int, paths: Iterable[str]) -> None:
    """Delete the rows of files that are gone."""
    for some in parts(paths):
        gone = select(library.c.id).where(library.c.account == account, library.c.path.in_(some))
        ids = list(db.execute(gone).scalars())
        db.execute(_FORGET_KEYS, {"ids": ids})
        db.execute(delete(library).where(library.c.id.in_(ids)))


def names(db: Connection, account: int) -> list[tuple[int, str, str, str]]:
    """(id, artist, title, mbid) of every readable file, by id."""
    wanted = select(library.c.id, library.c.artist, library.c.title, library.c.mbid)
    rows = db.execute(wanted.where(library.c.account == account, _READABLE).order_by(library.c.id))
    return [(file_id, artist, title, mbid) for file_id, artist, title, mbid in rows]


_WITH_KEYS = (
    select(library.c.id, library.c.artist, library.c.title, library.c.mbid, library.c.artists)
    .join(library_key, library_key.c.file == library.c.id)
    .where(library_key.c.account == bindparam("account_id"), Among(library_key.c.key, "keys"), _READABLE)
)

NamesWithArtists = tuple[int, str, str, str, list[str] | None]
"""(id, artist, title, mbid, artists) of a file; the artists if it lists several."""


def unkeyed(db: Connection, account: int) -> bool:
    """Whether there are files that `key_some` has yet to key."""
    wanted = select(library.c.id).where(library.c.account == account, ~library.c.keyed)
    return db.execute(wanted.limit(1)).first() is not None


def with_keys(db: Connection, account: int, keys: Iterable[int]) -> list[NamesWithArtists]:
    """The readable files with any of these `core.name_keys`, by id; `unkeyed` files are not found."""
    found = dict[int, NamesWithArtists]()
    for some in parts(sorted(keys)):
        found |= {row.id: tuple(row) for row in db.execute(_WITH_KEYS, {"account_id": account, "keys": some})}
    return [found[file_id] for file_id in sorted(found)]


PathAndNames = tuple[str, str, str, str, str, float | None, str]


def by_path(db: Connection, account: int) -> list[PathAndNames]:
    """(path, artist, title, album, album artist, duration, mbid) of every readable file."""
    columns = (library.c.path, library.c.artist, library.c.title, library.c.album, library.c.album_artist)
    wanted = select(*columns, library.c.duration, library.c.mbid)
    rows = db.execute(wanted.where(library.c.account == account, _READABLE))
    return list(rows)


def several_artists(db: Connection, account: int) -> dict[int, tuple[str, ...]]:
    """The artists by id of every readable file that lists more than one; `names` has the whole credit."""
    listed = select(library.c.id, library.c.artists).where(library.c.artists.is_not(null()))
    rows = db.execute(listed.where(library.c.account == account, _READABLE))
    return {file: tuple(artists) for file, artists in rows}


def readable(db: Connection, account: int, ids: Iterable[int]) -> set[int]:
    """Those of these files that are there and readable."""
    found = set[int]()
    for some in parts(ids):
        wanted = select(library.c.id).where(library.c.account == account, library.c.id.in_(some), _READABLE)
        found |= set(db.execute(wanted).scalars())
    return found


def paths(db: Connection, ids: Iterable[int]) -> dict[int, str]:
    """The paths of these files, by id."""
    found = dict[int, str]()
    for some in parts(sorted(ids)):
        found |= {row.id: row.path for row in db.execute(_PATHS, {"ids": some})}
    return found


_PATHS = select(library.c.id, library.c.path).where(Among(library.c.id, "ids"))


def loved(db: Connection, account: int) -> set[int]:
    """The ids of the loved files."""
    wanted = select(library.c.id).where(library.c.account == account, library.c.lastfm_loved)
    return set(db.execute(wanted).scalars())


_LOVE = update(library).where(library.c.id == bindparam("file_id")).values(lastfm_loved=True)


def love(db: Connection, ids: Iterable[int]) -> None:
    """Mark files as loved."""
    rows = [{"file_id": file_id} for file_id in ids]
    if rows:
        db.execute(_LOVE, rows)


_UNLOVE = update(library).where(library.c.id == bindparam("file_id")).values(lastfm_loved=False)


def unlove(db: Connection, ids: Iterable[int]) -> None:
    """Remove the mark from files."""
    rows = [{"file_id": file_id} for file_id in ids]
    if rows:
        db.execute(_UNLOVE, rows)


def love_only(db: Connection, account: int, ids: Set[int]) -> None:
    """Remove the mark from all other files of an account."""
    unlove(db, loved(db, account) - ids)


def size(db: Connection, account: int) -> int:
    """How many readable files the library has."""
    wanted = select(func.count()).where(library.c.account == account, _READABLE)
    return db.execute(wanted).scalar_one()
