"""Imports of listening histories: each adds plays, and can be undone with all that it added."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Select,
    Text,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from tonearm.core.search import searchable
from tonearm.store import accounts, destination_queue, summaries
from tonearm.store.db.dialect import asked_rows, insert_ignore, parts, rows_as_json, same_texts
from tonearm.store.db.schema import history_import, import_share, play
from tonearm.store.plays import IMPORTED

UNDO_PART = 1000
"""Plays that one transaction removes."""


class ImportState(StrEnum):
    """The state of an import. An interrupted one stays RUNNING until it is continued or undone."""

    RUNNING = "running"
    DONE = "done"
    UNDOING = "undoing"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class StoredImport:
    """An import: `source` is where it came from, `name` the files or the Last.fm user, times in Unix seconds."""

    id: int
    account: int
    source: str
    name: str
    digest: str
    state: ImportState
    counts: dict[str, int]
    first_play: int
    started_at: float
    updated_at: float


def _read(row: Any) -> StoredImport:
    facts = row._asdict()
    return StoredImport(**{**facts, "state": ImportState(row.state), "counts": dict(row.counts)})


def begin(db: Connection, account: int, source: str, name: str, digest: str, now: float) -> StoredImport:
    """A new import, or the interrupted import of the same files."""
    query = select(history_import).where(history_import.c.account == account, history_import.c.digest == digest)
    unfinished = query.where(history_import.c.state == ImportState.RUNNING).order_by(history_import.c.id.desc())
    if row := db.execute(unfinished.limit(1)).first():
        return _read(row)
    fresh = insert(history_import).values(
        account=account,
        source=source,
        name=name,
        digest=digest,
        state=ImportState.RUNNING,
        counts={},
        first_play=db.execute(select(func.coalesce(func.max(play.c.id), 0))).scalar_one(),
        started_at=now,
        updated_at=now,
    )
    return _read(db.execute(fresh.returning(*history_import.c)).one())


def write(db: Connection, import_id: int, state: ImportState, counts: Mapping[str, int], now: float) -> bool:
    """Write the progress of an import; False if it is no longer running, because it is being undone."""
    changed = {"state": state, "counts": dict(counts), "updated_at": now}
    running = (history_import.c.id == import_id, history_import.c.state == ImportState.RUNNING)
    return bool(db.execute(update(history_import).where(*running).values(**changed)).rowcount)


def finish(db: Connection, begun: StoredImport, counts: Mapping[str, int], now: float) -> int | None:
    """Finish an import; returns its id. If it has found nothing new, its counts are added to the import before it, and
    it is deleted. Otherwise hourly imports would give a list of imports without plays.
    """
    accounts.lock(db, [begun.account])
    counts = _with_given(db, begun, counts)
    earlier = (
        history_import.c.account == begun.account,
        history_import.c.digest == begun.digest,
        history_import.c.state == ImportState.DONE,
        history_import.c.id < begun.id,
    )
    before = db.execute(select(history_import).where(*earlier).order_by(history_import.c.id.desc()).limit(1)).first()
    if before is None or counts.get("new"):
        write(db, begun.id, ImportState.DONE, counts, now)
        return begun.id
    known = {**before.counts, "until": max(before.counts.get("until", 0), counts.get("until", 0))}
    db.execute(update(history_import).where(history_import.c.id == before.id).values(counts=known, updated_at=now))
    found = list(db.execute(select(import_share.c.play).where(import_share.c.import_id == begun.id)).scalars())
    share(db, before.id, found)
    _forget_shares(db, begun.id)
    db.execute(delete(history_import).where(history_import.c.id == begun.id))
    return None


def _with_given(db: Connection, begun: StoredImport, counts: Mapping[str, int]) -> dict[str, int]:
    """The counts of an import, including plays handed over from one that was undone meanwhile."""
    new, known = counts.get("new", 0), counts.get("known", 0)
    first = db.execute(select(history_import.c.first_play).where(history_import.c.id == begun.id)).scalar()
    if first is None or (new and first == begun.first_play):
        return dict(counts)
    brought = select(func.count()).where(play.c.import_id == begun.id, play.c.id > first)
    total: int = db.execute(brought).scalar_one()
    return {**counts, "new": total, "known": max(0, known - (total - new))}


def turn(db: Connection, import_id: int, state: ImportState, now: float) -> None:
    """Note that an import is being undone, or is undone: it shares no plays with others any more."""
    _forget_shares(db, import_id)
    changed = {"state": state, "updated_at": now}
    db.execute(update(history_import).where(history_import.c.id == import_id).values(**changed))


def find(db: Connection, account: int, import_id: int) -> StoredImport | None:
    """One import of an account."""
    row = db.execute(
        select(history_import).where(history_import.c.account == account, history_import.c.id == import_id)
    ).first()
    return _read(row) if row else None


def listed(db: Connection, account: int) -> list[StoredImport]:
    """All imports of an account, the latest first."""
    query = select(history_import).where(history_import.c.account == account)
    return [_read(row) for row in db.execute(query.order_by(history_import.c.id.desc()))]


def add(db: Connection, account: int, rows: Sequence[dict[str, Any]]) -> None:
    """Write past plays of an account; identical ones that are there already stay as they are. Later reports are
    compared with them as with another player's plays.
    """
    accounts.compare_reports(db, account)
    summaries.make_stale(db, account, [row["timestamp"] for row in rows])
    for row in rows:
        row["searched"] = searchable((row["artist"], row["track"], row["album"]))
    insert_ignore(db, play, rows)


_SPAN = (Column("earliest", BigInteger), Column("latest", BigInteger))
_COMPARED = (
    *(play.c.id, play.c.timestamp, play.c.artist, play.c.track, play.c.correction, play.c.duration),
    *(play.c.played, play.c.precision, play.c.stamp, play.c.earliest, play.c.import_id, play.c.owner),
)


@cache
def _around(dialect: str, of_one: bool) -> Select[Any]:
    asked = asked_rows(dialect, _SPAN)
    owners = [or_(play.c.owner == "", play.c.owner == bindparam("owner"))] if of_one else []
    return select(*_COMPARED).where(
        play.c.account == bindparam("of"),
        play.c.timestamp.between(asked.c.earliest, asked.c.latest),
        or_(play.c.import_id.is_(None), play.c.import_id != bindparam("but"), play.c.id <= bindparam("before")),
        *owners,
    )


def around(
    db: Connection, account: int, spans: Sequence[tuple[int, int]], import_id: int, before: int, owner: str
) -> list[Any]:
    """Plays of an account in these spans of time (from, to), without those that an import has written after play
    `before`.

    With an `owner`, those of other Last.fm users (case folded) are left out.
    """
    rows = rows_as_json([{"earliest": earliest, "latest": latest} for earliest, latest in spans])
    values = {"of": account, "but": import_id, "before": before, "rows": rows} | ({"owner": owner} if owner else {})
    return list(db.execute(_around(db.dialect.name, bool(owner)), values))


_SONG = (Column("timestamp", BigInteger), Column("artist", Text), Column("track", Text))
_NAMES = ("artist", "track")


@cache
def _exactly(dialect: str) -> Select[Any]:
    asked = asked_rows(dialect, _SONG)
    same = and_(play.c.timestamp == asked.c.timestamp, *same_texts(dialect, play, asked, _NAMES))
    columns = (play.c.id, play.c.import_id, play.c.owner, play.c.timestamp, *(play.c[name] for name in _NAMES))
    return select(*columns).join(asked, same).where(play.c.account == bindparam("of"))


def exactly(db: Connection, account: int, songs: Sequence[tuple[int, str, str]]) -> list[Any]:
    """The plays of an account with exactly these times, artists and tracks, of any Last.fm user."""
    rows = rows_as_json([{"timestamp": at, "artist": artist, "track": track} for at, artist, track in songs])
    return list(db.execute(_exactly(db.dialect.name), {"of": account, "rows": rows})) if songs else []


def share(db: Connection, import_id: int, play_ids: Iterable[int]) -> None:
    """Note that an import has found plays that another one has added: they stay if that one is undone."""
    insert_ignore(db, import_share, [{"import_id": import_id, "play": play_id} for play_id in play_ids])


def _forget_shares(db: Connection, import_id: int) -> None:
    db.execute(delete(import_share).where(import_share.c.import_id == import_id))


def forget_all_shares(db: Connection, account: int) -> None:
    """Forget which plays an account's imports share; to be called before the imports are deleted."""
    mine = select(history_import.c.id).where(history_import.c.account == account)
    db.execute(delete(import_share).where(import_share.c.import_id.in_(mine)))


def _hand_over(db: Connection, ids: Sequence[int]) -> set[int]:
    """Hand plays over to imports that have found them, too; returns which plays."""
    living = history_import.c.state.in_([ImportState.RUNNING, ImportState.DONE])
    wanted = select(import_share.c.play, func.max(import_share.c.import_id).label("import_id")).group_by(
        import_share.c.play
    )
    rows = db.execute(
        wanted.join(history_import, history_import.c.id == import_share.c.import_id).where(
            living, import_share.c.play.in_(ids)
        )
    )
    heirs: dict[int, list[int]] = {}
    for row in rows:
        heirs.setdefault(row.import_id, []).append(row.play)
    for import_id, given in heirs.items():
        heir = _read(db.execute(select(history_import).where(history_import.c.id == import_id)).one())
        moved = {"import_id": import_id, "owner": heir.name.casefold()}
        db.execute(update(play).where(play.c.id.in_(given)).values(**moved))
        counts = heir.counts | {"new": heir.counts.get("new", 0) + len(given)}
        counts["known"] = max(0, counts.get("known", 0) - len(given))
        facts = {"first_play": min(heir.first_play, min(given) - 1), "counts": counts}
        db.execute(update(history_import).where(history_import.c.id == import_id).values(**facts))
        db.execute(delete(import_share).where(import_share.c.import_id == import_id, import_share.c.play.in_(given)))
    return {play_id for given in heirs.values() for play_id in given}


def undo_part(db: Connection, undone: StoredImport, after: int) -> tuple[int, int] | None:
    """Remove some plays of an import after play `after`; returns how many, and the last of them, or None if there are
    none. Plays that have been sent since then stay, and so do those that the import of a Last.fm user has found, too:
    that import owns them then.
    """
    accounts.lock(db, [undone.account])
    others = destination_queue.ids_of(db, undone.account)
    added: list[Any] = [play.c.id > after, play.c.import_id == undone.id, play.c.fate == IMPORTED]
    if others:
        added.append(~destination_queue.has_had(play.c.id, others))
    ids = list(db.execute(select(play.c.id).where(*added).order_by(play.c.id).limit(UNDO_PART)).scalars())
    if not ids:
        return None
    kept = set[int]().union(*(_hand_over(db, some) for some in parts(ids)))
    gone = [play_id for play_id in ids if play_id not in kept]
    summaries.make_stale_of(db, gone)
    db.execute(delete(play).where(*added, play.c.id <= ids[-1]))
    for some in parts(gone):
        db.execute(delete(import_share).where(import_share.c.play.in_(some)))
    destination_queue.forget(db, gone, others)
    return len(gone), ids[-1]
