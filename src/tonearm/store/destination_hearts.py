"""Hearts for destinations: the latest change of each track, and what each destination doesn't have yet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select

from tonearm.core.account import Connection as Connected
from tonearm.core.hearts import HeartState, OwedHeart, heart_key
from tonearm.core.play import Track
from tonearm.store.db.dialect import Among, insert_or_change
from tonearm.store.db.schema import destination, destination_heart, pace
from tonearm.store.destination_queue import FAILING, KIND
from tonearm.store.line import over
from tonearm.store.owed_hearts import OwedHearts, owed_facts, owed_row
from tonearm.store.pace import no_throttle


@dataclass(frozen=True, slots=True)
class HeartThere(OwedHeart):
    """A heart that a destination has, or that has to be sent to it. Times are Unix seconds.

    `recording` is the id of the recording if its names are not known: then the track has none. It waits until `due_at`,
    or was rejected for a `reason`; without a state, the destination has it.
    """

    destination: int
    track: Track
    loved: bool
    said_at: float
    recording: str = ""

    @property
    def status(self) -> str:
        """Its status: `waiting`, `rejected` or `accepted`."""
        return self.state.status


_ROW = destination_heart.c
_UNIQUE = ("destination", "artist_key", "track_key", "recording")


def _stored(row: Any) -> HeartThere:
    return HeartThere(
        row.destination,
        Track(row.artist, row.track, mbid=row.mbid),
        row.loved,
        row.said_at,
        row.recording,
        **owed_facts(row),
    )


def _row(one: HeartThere) -> dict[str, Any]:
    return {
        "destination": one.destination,
        "artist": one.track.artist,
        "track": one.track.title,
        "artist_key": heart_key(one.track.artist),
        "track_key": heart_key(one.track.title),
        "recording": one.recording,
        "mbid": one.track.mbid,
        "loved": one.loved,
        "said_at": one.said_at,
        **owed_row(one),
    }


def write(db: Connection, hearts: Iterable[HeartThere]) -> None:
    """Write hearts, in order; each replaces its track's earlier one at that destination."""
    for row in map(_row, hearts):  # one by one: a track may occur twice
        insert_or_change(db, destination_heart, [row], _UNIQUE, tuple(name for name in row if name not in _UNIQUE))


_FIND = select(destination_heart).where(
    _ROW.destination == bindparam("of"),
    _ROW.artist_key == bindparam("artist"),
    _ROW.track_key == bindparam("title"),
    _ROW.recording == bindparam("recorded"),
)


def find(db: Connection, destination_id: int, track: Track, recording: str) -> HeartThere | None:
    """The heart of a track at a destination."""
    key = {"artist": heart_key(track.artist), "title": heart_key(track.title), "recorded": recording}
    row = db.execute(_FIND, {"of": destination_id, **key}).first()
    return _stored(row) if row else None


OWED = OwedHearts(destination_heart, _ROW.destination, _stored)
"""Hearts for destinations, by the id of the destination."""

_DUE = (
    select(destination.c.id, func.max(_ROW.tries))
    .join(destination_heart, _ROW.destination == destination.c.id)
    .outerjoin(pace, pace.c.key == destination.c.pace_key)
    .where(
        OWED.may_go,
        OWED.ready,
        destination.c.connection == Connected.CONNECTED,
        destination.c.removed_at.is_(None),
        destination.c.paused_at.is_(None),
        over(destination.c.wait_until, bindparam("now")),
        no_throttle(bindparam("now")),
    )
    .group_by(destination.c.id)
    .limit(1000)
)


def due(db: Connection, now: float) -> dict[str, list[int]]:
    """Destinations that have hearts to send now; those that have failed are listed separately, as with plays."""
    found: dict[str, list[int]] = {}
    for destination_id, tries in db.execute(_DUE, {"now": now}):
        found.setdefault(FAILING if tries else KIND, []).append(destination_id)
    return found


_COUNT = (
    select(_ROW.destination, _ROW.state, func.count())
    .where(Among(_ROW.destination, "destinations"), OWED.owed)
    .group_by(_ROW.destination, _ROW.state)
)


def counts(db: Connection, destination_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """How many hearts wait for destinations, and how many they have rejected."""
    found: dict[int, list[int]] = {}
    for destination_id, state, total in (
        db.execute(_COUNT, {"destinations": list(destination_ids)}) if destination_ids else ()
    ):
        found.setdefault(destination_id, [0, 0])[state == HeartState.REJECTED] += total
    return {destination_id: (waiting, rejected) for destination_id, (waiting, rejected) in found.items()}


def discard(db: Connection, destination_id: int) -> None:
    """Discard the hearts that still wait for a destination."""
    db.execute(delete(destination_heart).where(_ROW.destination == destination_id, OWED.owed))


def forget(db: Connection, destination_ids: Sequence[int]) -> None:
    """Delete everything that is known about hearts at these destinations."""
    db.execute(delete(destination_heart).where(_ROW.destination.in_(list(destination_ids))))
