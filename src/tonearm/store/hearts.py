"""Hearts: what is loved here and at Last.fm, track by track, and what Last.fm doesn't have yet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, Text, and_, bindparam, column, or_, select

from tonearm.core.account import Connection as Connected
from tonearm.core.hearts import HeartState, OwedHeart, SyncedHeart, heart_key
from tonearm.core.play import Track
from tonearm.store.db.dialect import Among, asked_rows, insert_or_change, parts, rows_as_json, same_texts
from tonearm.store.db.schema import account, heart
from tonearm.store.owed_hearts import OwedHearts, owed_facts, owed_row

HeartKey = tuple[str, str, str]
"""The keys of artist and track, and the recording, which identify a heart."""


@dataclass(frozen=True, slots=True)
class StoredHeart(OwedHeart):
    """A heart with its track and its status. Times are Unix seconds.

    `recording` is the id of the recording if its names are not known: then the track has none. `player` is the id of
    the player that sent it, None if no player did. `owner` is the Last.fm user, case folded, that it is for. `state`
    says what that user's Last.fm doesn't have yet: it waits until `due_at`, or was rejected for a `reason`.
    """

    track: Track
    heart: SyncedHeart
    recording: str = ""
    player: int | None = None
    owner: str = ""
    listed_in: int = 0

    @property
    def key(self) -> HeartKey:
        """The key that it is found by."""
        return key_of(self.track, self.recording)

    @property
    def status(self) -> str:
        """Its status: `waiting`, `rejected`, `accepted`, or `kept` here alone if nobody is signed in."""
        return "kept" if self.state is HeartState.NONE and self.heart.owed else self.state.status


def key_of(track: Track, recording: str = "") -> HeartKey:
    """The key that a track's heart is found by."""
    return heart_key(track.artist), heart_key(track.title), recording


def _stored(row: Any) -> StoredHeart:
    return StoredHeart(
        Track(row.artist, row.track, mbid=row.mbid),
        SyncedHeart(row.loved, row.said_at, row.there, row.loved_there_at, row.walk),
        row.recording,
        row.player,
        row.owner,
        row.listed_in,
        **owed_facts(row),
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
        "loved_there_at": one.heart.there_at,
        "walk": one.heart.walk,
        "player": one.player,
        "owner": one.owner,
        **owed_row(one),
        "listed_in": one.listed_in,
    }


def write(db: Connection, account_id: int, hearts: Iterable[StoredHeart]) -> None:
    """Write hearts, in order; each replaces the one that its track had before."""
    rows = [_row(account_id, one) for one in hearts]
    if rows:
        insert_or_change(db, heart, rows, _UNIQUE, tuple(name for name in rows[0] if name not in _UNIQUE))


_KEY = ("artist_key", "track_key", "recording")


@cache
def _asked(dialect: str) -> Any:
    """The hearts of an account `of` the keys given as rows."""
    asked = asked_rows(dialect, [column(name, Text) for name in _KEY])
    same = same_texts(dialect, heart, asked, _KEY)
    return select(heart).join(asked, and_(*same)).where(heart.c.account == bindparam("of"))


def find(db: Connection, account_id: int, keys: Iterable[HeartKey]) -> dict[HeartKey, StoredHeart]:
    """The hearts of an account's tracks, by their keys; tracks that have none are left out."""
    wanted, found = _asked(db.dialect.name), []
    for part in parts(dict.fromkeys(keys)):
        asked = rows_as_json([dict(zip(_KEY, key, strict=True)) for key in part])
        found += [_stored(row) for row in db.execute(wanted, {"of": account_id, "rows": asked})]
    return {one.key: one for one in found}


_THEIR_USER = heart.c.owner == account.c.lastfm_user
_WITH_ACCOUNT = heart.join(account, account.c.id == heart.c.account)
OWED = OwedHearts(heart, heart.c.account, _stored, _THEIR_USER, within=_WITH_ACCOUNT)
"""Hearts for the Last.fm users who are signed in, by the id of the account."""

_DUE = (
    select(heart.c.account)
    .select_from(_WITH_ACCOUNT)
    .where(
        OWED.may_go,
        OWED.ready,
        _THEIR_USER,
        account.c.connection == Connected.CONNECTED,
        Among(account.c.lastfm_api_key, "keys"),
    )
    .distinct()
)


def due(db: Connection, now: float, keys: Sequence[str]) -> list[int]:
    """Accounts connected with these API keys that have hearts to send now to the Last.fm user who is signed in."""
    return list(db.execute(_DUE, {"now": now, "keys": list(keys)}).scalars())


def postpone(db: Connection, account_id: int, owner: str, until: float) -> None:
    """Make nothing that waits for that Last.fm user due before `until`."""
    OWED.postpone(db, account_id, until, heart.c.owner == owner)


def wait_until(db: Connection, account_id: int, owner: str, now: float) -> float:
    """When a failed but not rejected heart for that Last.fm user is due again; 0 if there is none."""
    return OWED.wait_until(db, account_id, now, heart.c.owner == owner)


def unlisted(db: Connection, account_id: int, owner: str, walk: int) -> list[StoredHeart]:
    """Hearts of tracks that are loved here or perhaps at Last.fm, but that this walk over its list has not found."""
    wanted = select(heart).where(
        heart.c.account == account_id,
        heart.c.owner.in_([owner, ""]),
        heart.c.listed_in != walk,
        heart.c.artist != "",
        or_(heart.c.loved, heart.c.there.is_(None), heart.c.there),
    )
    return [_stored(row) for row in db.execute(wanted)]


def unloved_listed(db: Connection, account_id: int, walk: int) -> set[HeartKey]:
    """The tracks that this walk over Last.fm's list has found and that are not loved here."""
    listed = heart.c.account == account_id, heart.c.listed_in == walk, ~heart.c.loved
    rows = db.execute(select(heart.c.artist_key, heart.c.track_key, heart.c.recording).where(*listed))
    return {(artist, track, recording) for artist, track, recording in rows}
