"""A listener's loved tracks on Last.fm, as of the last import, and the outcome for each in the library."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Text, bindparam, cast, delete, func, select, tuple_, update

from tonearm.core.loved import ImportPlan, Loved
from tonearm.core.name_keys import learning_key
from tonearm.store import library
from tonearm.store.db.dialect import insert_or_change
from tonearm.store.db.schema import library as files
from tonearm.store.db.schema import loved

NONE_OF_THEM = 0
"""Stored as the choice if no file is the song."""

NOT_LISTED = 0
"""Stored as the last import of a track that was loved here and that no import has listed yet."""


@dataclass(frozen=True, slots=True)
class File:
    """A file that is or may be a loved track: how it was matched, or how its names differ."""

    id: int
    artist: str
    title: str
    album: str
    path: str
    duration: float | None
    ambiguity: str


@dataclass(frozen=True, slots=True)
class LovedRow:
    """A loved track with its outcome; `files` are those it was matched with, or the candidates if it was ambiguous."""

    id: int
    artist: str
    title: str
    loved_at: float
    outcome: str
    chosen: int | None
    files: tuple[File, ...]


def write(db: Connection, account: int, rows: Sequence[dict[str, Any]]) -> None:
    """Write loved tracks with their outcomes: matched, doubtful or missing. The listener's choices stay."""
    of_account = [
        {"candidates": [], **row, "account": account, "artist_key": learning_key(row["artist"])} for row in rows
    ]
    changed = ("mbid", "loved_at", "outcome", "candidates", "last_import", "artist_key")
    insert_or_change(db, loved, of_account, ("account", "artist", "track"), changed)


def write_plan(db: Connection, account: int, tracks: Iterable[Loved], plan: ImportPlan, run_id: int) -> None:
    """Write loved tracks that this import has listed (NOT_LISTED: no import has), with what the plan found for each."""
    outcomes = outcomes_of(plan)
    rows = []
    for track in tracks:
        outcome, files = outcomes.get((track.artist, track.title), ("missing", []))
        facts = {"artist": track.artist, "track": track.title, "mbid": track.mbid, "loved_at": track.loved_at}
        rows.append({**facts, "outcome": outcome, "candidates": files, "last_import": run_id})
    write(db, account, rows)


StoredOutcome = tuple[str, list[list[int | str]]]
"""matched, doubtful or missing, and the files: [id, how it was matched, or how its names differ]."""

SHOWN_FILES = 12
"""Files of a matched track that are stored with it for display."""


def outcomes_of(plan: ImportPlan) -> dict[tuple[str, str], StoredOutcome]:
    """What a plan has found for each (artist, track)."""
    found: dict[tuple[str, str], StoredOutcome] = {(one.artist, one.title): ("missing", []) for one in plan.missing}
    for matched in plan.matched:
        files: list[list[int | str]] = [[file_id, matched.by] for file_id in matched.ids[:SHOWN_FILES]]
        found[matched.loved.artist, matched.loved.title] = "matched", files
    for one in plan.doubtful:
        found[one.loved.artist, one.loved.title] = "doubtful", [[c.id, c.ambiguity] for c in one.candidates]
    return found


LovedState = list[tuple[Any, ...]]
"""Everything stored about loved tracks: two are equal if and only if nothing has changed."""

READ_AT_ONCE = 5000
"""Loved tracks that one query reads, in a few tens of milliseconds."""


def state(db: Connection, account: int, after: int = 0, limit: int | None = None) -> LovedState:
    """The loved tracks after an id, at most `limit`. It takes a quarter of the time that `entries` takes for them."""
    columns = (loved.c.artist, loved.c.track, loved.c.mbid, loved.c.loved_at, loved.c.outcome, loved.c.chosen)
    wanted = select(loved.c.id, *columns, cast(loved.c.candidates, Text))
    wanted = wanted.where(loved.c.account == account, loved.c.id > after).order_by(loved.c.id)
    return [tuple(row) for row in db.execute(wanted.limit(limit))]


def entries(state: LovedState) -> dict[tuple[str, str], tuple[Loved, StoredOutcome]]:
    """Loved tracks with what was found for them, by (artist, track)."""
    return {
        (artist, track): (Loved(artist, track, mbid, int(loved_at)), (outcome, json.loads(candidates or "[]") or []))
        for _, artist, track, mbid, loved_at, outcome, _, candidates in state
    }


def write_outcomes(db: Connection, account: int, outcomes: Mapping[tuple[str, str], StoredOutcome]) -> None:
    """Write what was found for existing loved tracks, and nothing else about them."""
    rows = [
        {"account": account, "artist": artist, "track": track, "outcome": outcome, "candidates": files}
        for (artist, track), (outcome, files) in outcomes.items()
    ]
    if rows:
        insert_or_change(db, loved, rows, ("account", "artist", "track"), ("outcome", "candidates"))


def chosen(db: Connection, account: int) -> set[int]:
    """The files that the listener chose for loved tracks."""
    return {file for file, _, _ in choices(db, account) if file}


def forget(db: Connection, account: int, names: Iterable[tuple[str, str]]) -> None:
    """Delete loved tracks, by their (artist, track)."""
    for artist, track in names:
        db.execute(delete(loved).where(loved.c.account == account, loved.c.artist == artist, loved.c.track == track))


def keep_listed(db: Connection, account: int, names: Iterable[tuple[str, str]], run_id: int) -> None:
    """Keep loved tracks that an import has not listed, since Last.fm doesn't have them yet."""
    for artist, track in names:
        one = loved.c.account == account, loved.c.artist == artist, loved.c.track == track
        db.execute(update(loved).where(*one).values(last_import=run_id))


def listed_in(db: Connection, account: int, run_id: int) -> list[tuple[str, str, str]]:
    """(artist, track, mbid) of the loved tracks that an import has listed."""
    rows = db.execute(select(loved.c.artist, loved.c.track, loved.c.mbid).where(*_listed_in(account, run_id)))
    return [(artist, track, mbid) for artist, track, mbid in rows]


def forget_unlisted(db: Connection, account: int, run_id: int) -> set[int]:
    """Delete loved tracks that a complete import has not listed; returns the files that were chosen for the others."""
    db.execute(delete(loved).where(loved.c.account == account, loved.c.last_import != run_id))
    chosen = select(loved.c.chosen).where(*_listed_in(account, run_id), loved.c.chosen.is_not(None))
    return set(db.execute(chosen).scalars())


def _listed_in(account: int, run_id: int) -> tuple[Any, Any]:
    return loved.c.account == account, loved.c.last_import == run_id


def counts(db: Connection, account: int) -> dict[str, int]:
    """How many loved tracks have each outcome."""
    wanted = select(loved.c.outcome, func.count().label("total")).where(loved.c.account == account)
    return {row.outcome: row.total for row in db.execute(wanted.group_by(loved.c.outcome))}


Place = tuple[float, int]
"""The (loved_at, id) of a loved track, after which a page continues."""


def listing(db: Connection, account: int, outcome: str, limit: int, after: Place | None = None) -> list[LovedRow]:
    """Loved tracks with one outcome, the last loved first, optionally after one of them."""
    wanted = select(loved).where(loved.c.account == account, loved.c.outcome == outcome)
    if after is not None:
        wanted = wanted.where(tuple_(loved.c.loved_at, loved.c.id) < after)
    rows = list(db.execute(wanted.order_by(loved.c.loved_at.desc(), loved.c.id.desc()).limit(limit)))
    file_ids = {file_id for row in rows for file_id, _ in row.candidates or ()}
    found = {
        row.id: row for row in db.execute(select(files).where(files.c.account == account, files.c.id.in_(file_ids)))
    }
    return [
        LovedRow(
            row.id,
            row.artist,
            row.track,
            row.loved_at,
            row.outcome,
            row.chosen,
            tuple(_file(found[file_id], ambiguity) for file_id, ambiguity in row.candidates or () if file_id in found),
        )
        for row in rows
    ]


def _file(row: Any, ambiguity: str) -> File:
    return File(row.id, row.artist, row.title, row.album, row.path, row.duration, ambiguity)


def names(db: Connection, account: int, limit: int) -> list[tuple[str, str]]:
    """(artist, track) of the loved tracks that were added last."""
    wanted = select(loved.c.artist, loved.c.track).where(loved.c.account == account)
    rows = db.execute(wanted.order_by(loved.c.id.desc()).limit(limit))
    return [(artist, track) for artist, track in rows]


LEARNT_OF_AN_ARTIST = 1000
"""The number of an artist's latest loved tracks from which other names of the artist are learned."""


def of_artists(db: Connection, account: int, artist_keys: Iterable[int]) -> list[tuple[str, str]]:
    """(artist, track) of the loved tracks of artists by their `learning_key`; `unkeyed` tracks are not found."""
    found = list[tuple[str, str]]()
    for key in sorted(artist_keys):
        wanted = select(loved.c.artist, loved.c.track).where(loved.c.account == account, loved.c.artist_key == key)
        rows = db.execute(wanted.order_by(loved.c.id.desc()).limit(LEARNT_OF_AN_ARTIST))
        found += [(artist, track) for artist, track in rows]
    return found


_KEY = update(loved).where(loved.c.id == bindparam("loved_id")).values(artist_key=bindparam("key"))


def unkeyed(db: Connection, account: int) -> bool:
    """Whether there are loved tracks that `key_some` has yet to key."""
    wanted = select(loved.c.id).where(loved.c.account == account, loved.c.artist_key.is_(None))
    return db.execute(wanted.limit(1)).first() is not None


def key_some(db: Connection, account: int, limit: int = library.KEYED_AT_ONCE) -> bool:
    """Write the `artist_key` of loved tracks that have none yet; True if there were as many as `limit`."""
    wanted = select(loved.c.id, loved.c.artist).where(loved.c.account == account, loved.c.artist_key.is_(None))
    rows = [{"loved_id": id_, "key": learning_key(artist)} for id_, artist in db.execute(wanted.limit(limit))]
    if rows:
        db.execute(_KEY, rows)
    return len(rows) == limit


def choices(db: Connection, account: int) -> list[tuple[int, str, str]]:
    """(file or NONE_OF_THEM, artist, track) of the listener's choices."""
    wanted = select(loved.c.chosen, loved.c.artist, loved.c.track)
    rows = db.execute(wanted.where(loved.c.account == account, loved.c.chosen.is_not(None)))
    return [(file, artist, track) for file, artist, track in rows]


def choose(db: Connection, account: int, loved_id: int, file: int | None) -> bool:
    """Choose a file for a loved track, which then gets the heart, or (None) no file; False if it is not a candidate."""
    of_account = loved.c.account == account, loved.c.id == loved_id
    row = db.execute(select(loved.c.candidates).where(*of_account)).first()
    if row is None or (file is not None and file not in {candidate for candidate, _ in row.candidates or ()}):
        return False
    outcome = "missing" if file is None else "matched"
    db.execute(update(loved).where(*of_account).values(chosen=NONE_OF_THEM if file is None else file, outcome=outcome))
    if file is not None:
        library.love(db, [file])
    return True
