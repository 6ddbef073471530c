"""Pages of a listener's plays and loved tracks, as players read them back: by number, with a total."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from tonearm.core.play import Track
from tonearm.store.db.schema import HEART_LISTED, heart, play
from tonearm.store.plays import StoredPlay, stored_play
from tonearm.store.summaries import NOT_COUNTED


@dataclass(frozen=True, slots=True)
class LovedEntry:
    """A track that is loved since `loved_at` (Unix seconds)."""

    track: Track
    loved_at: float


def played(
    db: Connection, account: int, limit: int, offset: int, after: int | None = None, before: int | None = None
) -> tuple[list[StoredPlay], int]:
    """Plays from `after` to `before` (Unix seconds, both included), latest first, and how many there are."""
    conditions = [play.c.account == account, play.c.fate.not_in(NOT_COUNTED)]
    if after is not None:
        conditions.append(play.c.timestamp >= after)
    if before is not None:
        conditions.append(play.c.timestamp <= before)
    total = db.execute(select(func.count()).select_from(play).where(*conditions)).scalar_one()
    newest_first = select(play).where(*conditions).order_by(play.c.timestamp.desc(), play.c.id.desc())
    return [stored_play(row) for row in db.execute(newest_first.limit(limit).offset(offset))], total


def between(db: Connection, account: int, limit: int, after: int | None, before: int | None) -> list[StoredPlay]:
    """Plays between two times (Unix seconds, both excluded), latest first: as ListenBrainz does, those that follow on
    `after` if it is given, otherwise the latest.
    """
    conditions = [play.c.account == account, play.c.fate.not_in(NOT_COUNTED)]
    if before is not None:
        conditions.append(play.c.timestamp < before)
    if after is None:
        latest = select(play).where(*conditions).order_by(play.c.timestamp.desc(), play.c.id.desc())
        return [stored_play(row) for row in db.execute(latest.limit(limit))]
    earliest = select(play).where(*conditions, play.c.timestamp > after).order_by(play.c.timestamp, play.c.id)
    return [stored_play(row) for row in db.execute(earliest.limit(limit))][::-1]


def loved_tracks(db: Connection, account: int, limit: int, offset: int) -> tuple[list[LovedEntry], int]:
    """Loved tracks, the latest first, and how many there are."""
    listed = heart.c.account == account, HEART_LISTED
    total = db.execute(select(func.count()).select_from(heart).where(*listed)).scalar_one()
    newest_first = select(heart).where(*listed).order_by(heart.c.said_at.desc(), heart.c.id.desc())
    rows = db.execute(newest_first.limit(limit).offset(offset))
    return [LovedEntry(Track(row.artist, row.track, mbid=row.mbid), row.said_at) for row in rows], total
