"""Pages of a listener's plays and loved tracks, as players read them back: by number, with a total."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, exists, func, select, union_all

from tonearm.core.play import Track
from tonearm.store.db.schema import heart, loved, play
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


def loved_tracks(db: Connection, account: int, limit: int, offset: int) -> tuple[list[LovedEntry], int]:
    """Loved tracks, the latest first, and how many there are: those at Last.fm, and what players have said since."""
    same = (heart.c.account == loved.c.account) & (heart.c.artist == loved.c.artist) & (heart.c.track == loved.c.track)
    said_since = exists().where(same, heart.c.recording == "", heart.c.said_at >= loved.c.loved_at)
    listed_since = exists().where(same, loved.c.loved_at > heart.c.said_at)
    listed = select(loved.c.artist, loved.c.track, loved.c.mbid, loved.c.loved_at).where(
        loved.c.account == account, ~said_since.correlate(loved)
    )
    said = select(heart.c.artist, heart.c.track, heart.c.mbid, heart.c.said_at.label("loved_at")).where(
        heart.c.account == account, heart.c.loved, heart.c.recording == "", ~listed_since.correlate(heart)
    )
    both = union_all(listed, said).subquery("both")
    total = db.execute(select(func.count()).select_from(both)).scalar_one()
    newest_first = select(both).order_by(both.c.loved_at.desc(), both.c.artist, both.c.track)
    rows = db.execute(newest_first.limit(limit).offset(offset))
    return [LovedEntry(Track(row.artist, row.track, mbid=row.mbid), row.loved_at) for row in rows], total
