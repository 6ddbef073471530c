"""Hearts for destinations: the last word on each track, and what each destination has still to be told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, and_, bindparam, case, delete, func, literal, or_, select, update

from tonearm.core.account import Connection as Connected
from tonearm.core.hearts import heart_key
from tonearm.core.play import Track
from tonearm.store.db.dialect import Among, insert_or_change
from tonearm.store.db.schema import destination, destination_heart, pace
from tonearm.store.destination_queue import FAILING, KIND
from tonearm.store.hearts import LONGEST_REST, ON_ITS_WAY, HeartState
from tonearm.store.line import over
from tonearm.store.pace import no_throttle


@dataclass(frozen=True, slots=True)
class HeartThere:
    """A heart as a destination has it, or has to be told. Times are Unix seconds.

    `recording` is the id of the recording if its names are not known: then the track has none. It waits until `due_at`,
    or was rejected for a `reason`; without a state it is there.
    """

    destination: int
    track: Track
    loved: bool
    said_at: float
    recording: str = ""
    state: HeartState = HeartState.WAITING
    tries: int = 0
    refusals: int = 0
    due_at: float = 0.0
    reason: str = ""
    id: int = 0

    @property
    def status(self) -> str:
        """What became of it: `waiting`, `rejected` or `accepted`."""
        if self.state is HeartState.NONE:
            return "accepted"
        return HeartState.WAITING if self.state is HeartState.SENDING else self.state


_ROW = destination_heart.c
_UNIQUE = ("destination", "artist_key", "track_key", "recording")


def _stored(row: Any) -> HeartThere:
    return HeartThere(
        row.destination,
        Track(row.artist, row.track, mbid=row.mbid),
        row.loved,
        row.said_at,
        row.recording,
        HeartState(row.state),
        row.tries,
        row.refusals,
        row.due_at,
        row.reason,
        row.id,
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
        "state": one.state,
        "tries": one.tries,
        "refusals": one.refusals,
        "due_at": one.due_at,
        "reason": one.reason,
    }


def write(db: Connection, hearts: Iterable[HeartThere]) -> None:
    """Write hearts, in order; each replaces the one that its track had before there."""
    for row in map(_row, hearts):  # one by one: a track may be among them twice
        insert_or_change(db, destination_heart, [row], _UNIQUE, tuple(name for name in row if name not in _UNIQUE))


_SAID = (
    _ROW.destination == bindparam("of"),
    _ROW.artist_key == bindparam("artist"),
    _ROW.track_key == bindparam("title"),
    _ROW.recording == bindparam("recorded"),
)


def find(db: Connection, number: int, track: Track, recording: str) -> HeartThere | None:
    """The heart of a track at a destination."""
    key = {"artist": heart_key(track.artist), "title": heart_key(track.title), "recorded": recording}
    row = db.execute(select(destination_heart).where(*_SAID), {"of": number, **key}).first()
    return _stored(row) if row else None


_OWED = _ROW.state != literal("", literal_execute=True)  # as the index has it
_MAY_GO = (_OWED, _ROW.state != HeartState.REJECTED)
_READY = or_(
    _ROW.due_at <= bindparam("now"),
    _ROW.due_at > bindparam("now") + LONGEST_REST,
    and_(_ROW.state == HeartState.SENDING, _ROW.due_at > bindparam("now") + ON_ITS_WAY),
)
_DUE = (
    select(destination.c.id, func.max(_ROW.tries))
    .join(destination_heart, _ROW.destination == destination.c.id)
    .outerjoin(pace, pace.c.key == destination.c.pace_key)
    .where(
        *_MAY_GO,
        _READY,
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
    """Destinations that have hearts to be told now; those that were tried before are by themselves, as with plays."""
    found: dict[str, list[int]] = {}
    for number, tries in db.execute(_DUE, {"now": now}):
        found.setdefault(FAILING if tries else KIND, []).append(number)
    return found


_NEXT = (
    select(destination_heart)
    .where(_ROW.destination == bindparam("of"), *_MAY_GO)
    .order_by(case((_READY, 0), else_=1), _ROW.due_at, _ROW.id)
    .limit(1)
)


def next_owed(db: Connection, number: int, now: float) -> HeartThere | None:
    """The heart that a destination is told next; one that is due has a `due_at` of now at the latest."""
    row = db.execute(_NEXT, {"of": number, "now": now}).first()
    if row is None:
        return None
    one = _stored(row)
    latest = ON_ITS_WAY if one.state is HeartState.SENDING else LONGEST_REST
    return one if one.due_at <= now + latest else replace(one, due_at=now)


def owed(db: Connection, number: int, limit: int) -> list[HeartThere]:
    """The hearts that a destination has still to be told, or has rejected, the latest first."""
    wanted = select(destination_heart).where(_ROW.destination == number, _OWED)
    return [_stored(row) for row in db.execute(wanted.order_by(_ROW.said_at.desc(), _ROW.id.desc()).limit(limit))]


_COUNT = (
    select(_ROW.destination, _ROW.state, func.count())
    .where(Among(_ROW.destination, "destinations"), _OWED)
    .group_by(_ROW.destination, _ROW.state)
)


def counts(db: Connection, numbers: Sequence[int]) -> dict[int, tuple[int, int]]:
    """How many hearts wait for destinations, and how many they have rejected."""
    found: dict[int, list[int]] = {}
    for number, state, total in db.execute(_COUNT, {"destinations": list(numbers)}) if numbers else ():
        found.setdefault(number, [0, 0])[state == HeartState.REJECTED] += total
    return {number: (waiting, rejected) for number, (waiting, rejected) in found.items()}


def rest(db: Connection, number: int, until: float) -> None:
    """Nothing that waits for a destination is due before then."""
    waiting = (_ROW.destination == number, _OWED, _ROW.state == HeartState.WAITING, _ROW.due_at < until)
    db.execute(update(destination_heart).where(*waiting).values(due_at=until))


def retry(db: Connection, number: int, now: float) -> None:
    """Everything that waits or was rejected is due now."""
    resting = (_ROW.destination == number, _OWED, _ROW.state != HeartState.SENDING)
    again = {"state": HeartState.WAITING, "due_at": now, "tries": 0, "refusals": 0, "reason": ""}
    db.execute(update(destination_heart).where(*resting).values(**again))


def discard(db: Connection, number: int) -> None:
    """What a destination has still to be told is not told it any more."""
    db.execute(delete(destination_heart).where(_ROW.destination == number, _OWED))


def forget(db: Connection, numbers: Sequence[int]) -> None:
    """Everything that is known of hearts at these destinations is deleted."""
    db.execute(delete(destination_heart).where(_ROW.destination.in_(list(numbers))))
