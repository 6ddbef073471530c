"""Hearts: what is loved here and at Last.fm, track by track, and what Last.fm has still to be told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Text, and_, bindparam, case, column, func, literal, or_, select, update

from tonearm.core.account import Connection as Connected
from tonearm.core.hearts import SyncedHeart, heart_key
from tonearm.core.play import Track
from tonearm.store.db.dialect import Among, asked_rows, insert_or_change, parts, rows_as_json, same_texts
from tonearm.store.db.schema import account, heart


class HeartState(StrEnum):
    """The state of what is owed to Last.fm. What is not owed has none; one that is being sent has it until `due_at`."""

    NONE = ""
    WAITING = "waiting"
    SENDING = "sending"
    REJECTED = "rejected"


HeartKey = tuple[str, str, str]
"""The keys of artist and track, and the recording: what one heart is found by."""


@dataclass(frozen=True, slots=True)
class StoredHeart:
    """A heart with its track and what became of it. Times are Unix seconds.

    `recording` is the id of the recording if its names are not known: then the track has none. `player` is the id of
    the player that said it, None for no player. `owner` is the Last.fm user, case folded, that it is meant for.
    `state` says what is owed to that user: it waits until `due_at`, or was rejected for a `reason`.
    """

    track: Track
    heart: SyncedHeart
    recording: str = ""
    player: int | None = None
    owner: str = ""
    state: HeartState = HeartState.NONE
    tries: int = 0
    refusals: int = 0
    due_at: float = 0.0
    reason: str = ""
    listed_in: int = 0
    id: int = 0

    @property
    def key(self) -> HeartKey:
        """What it is found by."""
        return key_of(self.track, self.recording)

    @property
    def status(self) -> str:
        """What became of it: `waiting`, `rejected`, `accepted`, or `kept` here alone if nobody is signed in."""
        if self.state is not HeartState.NONE:
            return HeartState.WAITING if self.state is HeartState.SENDING else self.state
        return "kept" if self.heart.owed else "accepted"


def key_of(track: Track, recording: str = "") -> HeartKey:
    """What the heart of a track is found by."""
    return heart_key(track.artist), heart_key(track.title), recording


def _stored(row: Any) -> StoredHeart:
    return StoredHeart(
        Track(row.artist, row.track, mbid=row.mbid),
        SyncedHeart(row.loved, row.said_at, row.there, row.loved_there_at, row.walk),
        row.recording,
        row.player,
        row.owner,
        HeartState(row.state),
        row.tries,
        row.refusals,
        row.due_at,
        row.reason,
        row.listed_in,
        row.id,
    )


_UNIQUE = ("account", "artist_key", "track_key", "recording")


def _row(account_id: int, one: StoredHeart) -> dict[str, Any]:
    artist_key, track_key, recording = one.key
    return {
        "account": account_id,
        "artist": one.track.artist,
        "track": one.track.title,
        "artist_key": artist_key,
        "track_key": track_key,
        "recording": recording,
        "mbid": one.track.mbid,
        "loved": one.heart.loved,
        "said_at": one.heart.said_at,
        "there": one.heart.there,
        "loved_there_at": one.heart.loved_there_at,
        "walk": one.heart.walk,
        "player": one.player,
        "owner": one.owner,
        "state": one.state,
        "tries": one.tries,
        "refusals": one.refusals,
        "due_at": one.due_at,
        "reason": one.reason,
        "listed_in": one.listed_in,
    }


def write(db: Connection, account_id: int, hearts: Iterable[StoredHeart]) -> None:
    """Write hearts, in order; each replaces the one that its track had before."""
    rows = [_row(account_id, one) for one in hearts]
    if rows:
        insert_or_change(db, heart, rows, _UNIQUE, tuple(name for name in rows[0] if name not in _UNIQUE))


def find(db: Connection, account_id: int, keys: Iterable[HeartKey]) -> dict[HeartKey, StoredHeart]:
    """The hearts of an account's tracks, by their keys; tracks that have none are left out."""
    names = ("artist_key", "track_key", "recording")
    asked = asked_rows(db.dialect.name, [column(name, Text) for name in names])
    same = same_texts(db.dialect.name, heart, asked, names)
    wanted = select(heart).join(asked, and_(*same)).where(heart.c.account == account_id)
    found = [
        _stored(row)
        for part in parts(dict.fromkeys(keys))
        for row in db.execute(wanted, {"rows": rows_as_json([dict(zip(names, key, strict=True)) for key in part])})
    ]
    return {one.key: one for one in found}


ON_ITS_WAY = 60.0
"""Seconds for which a heart that is being sent is left to its sender; a request takes half of that at the most."""

LONGEST_REST = 86400.0
"""Seconds that a heart may wait; one that is due later was timed by a clock that has been put back since."""

_READY = or_(
    heart.c.due_at <= bindparam("now"),
    heart.c.due_at > bindparam("now") + LONGEST_REST,
    and_(heart.c.state == HeartState.SENDING, heart.c.due_at > bindparam("now") + ON_ITS_WAY),
)

_OWED = heart.c.state != literal("", literal_execute=True)  # as the index has it

_DUE = (
    select(heart.c.account)
    .join(account, account.c.id == heart.c.account)
    .where(
        _OWED,
        heart.c.state != HeartState.REJECTED,
        _READY,
        heart.c.owner == account.c.lastfm_user,
        account.c.connection == Connected.CONNECTED,
        Among(account.c.lastfm_api_key, "keys"),
    )
    .distinct()
)


def due(db: Connection, now: float, keys: Sequence[str]) -> list[int]:
    """Accounts connected with these API keys that have hearts to send now to the Last.fm user who is signed in."""
    return list(db.execute(_DUE, {"now": now, "keys": list(keys)}).scalars())


_NEXT = (
    select(heart)
    .join(account, account.c.id == heart.c.account)
    .where(
        heart.c.account == bindparam("account_id"),
        _OWED,
        heart.c.state != HeartState.REJECTED,
        heart.c.owner == account.c.lastfm_user,
    )
    .order_by(case((_READY, 0), else_=1), heart.c.due_at, heart.c.id)
    .limit(1)
)


def next_owed(db: Connection, account_id: int, now: float) -> StoredHeart | None:
    """The heart of an account that is due first for the Last.fm user who is signed in.

    One that is due now has a `due_at` of now at the latest, though a clock that has been put back has timed it.
    """
    row = db.execute(_NEXT, {"account_id": account_id, "now": now}).first()
    if row is None:
        return None
    one, latest = _stored(row), ON_ITS_WAY if row.state == HeartState.SENDING else LONGEST_REST
    return one if one.due_at <= now + latest else replace(one, due_at=now)


def owed(db: Connection, account_id: int, limit: int) -> list[StoredHeart]:
    """The hearts of an account that Last.fm has still to be told, or has rejected, the latest first."""
    wanted = select(heart).where(heart.c.account == account_id, _OWED)
    return [_stored(row) for row in db.execute(wanted.order_by(heart.c.said_at.desc(), heart.c.id.desc()).limit(limit))]


def retry(db: Connection, account_id: int, now: float) -> None:
    """Everything that waits or was rejected is due now."""
    resting = heart.c.state.in_([HeartState.WAITING, HeartState.REJECTED])
    mine = heart.c.account == account_id, _OWED, resting
    db.execute(update(heart).where(*mine).values(state=HeartState.WAITING, due_at=now, tries=0, refusals=0))


def rest(db: Connection, account_id: int, owner: str, until: float) -> None:
    """Nothing that waits for that Last.fm user is due before then."""
    waiting = heart.c.account == account_id, _OWED, heart.c.state == HeartState.WAITING, heart.c.owner == owner
    db.execute(update(heart).where(*waiting, heart.c.due_at < until).values(due_at=until))


def resting_until(db: Connection, account_id: int, owner: str, now: float) -> float:
    """When one that failed, and not because it was refused, is due again; 0 if there is none."""
    failed = (heart.c.state == HeartState.WAITING, heart.c.tries > 0, heart.c.refusals == 0, heart.c.owner == owner)
    soonest = select(func.min(heart.c.due_at)).where(
        heart.c.account == account_id, _OWED, *failed, heart.c.due_at <= now + LONGEST_REST
    )
    return db.execute(soonest).scalar() or 0.0


def unlisted(db: Connection, account_id: int, owner: str, walk: int) -> list[StoredHeart]:
    """The hearts, of a track loved here or perhaps at Last.fm, that this walk of its list has not found."""
    wanted = select(heart).where(
        heart.c.account == account_id,
        heart.c.owner.in_([owner, ""]),
        heart.c.listed_in != walk,
        heart.c.artist != "",
        or_(heart.c.loved, heart.c.there.is_(None), heart.c.there),
    )
    return [_stored(row) for row in db.execute(wanted)]


def unloved_listed(db: Connection, account_id: int, walk: int) -> set[HeartKey]:
    """The tracks that this walk of Last.fm's list has found, and that are not loved here."""
    listed = heart.c.account == account_id, heart.c.listed_in == walk, ~heart.c.loved
    rows = db.execute(select(heart.c.artist_key, heart.c.track_key, heart.c.recording).where(*listed))
    return {(artist, track, recording) for artist, track, recording in rows}
