"""The history: every play that was ever reported here, with what happened to it."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Integer,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    case,
    delete,
    func,
    null,
    or_,
    select,
    tuple_,
    update,
)

from tonearm.core.play import LONGEST_NEEDED, Play, Track
from tonearm.core.report import assumed_played
from tonearm.core.search import searchable, terms
from tonearm.store import summaries
from tonearm.store.db.dialect import Among, asking, given_rows, insert_numbered, parts, same_texts
from tonearm.store.db.readers import ReadQuestion
from tonearm.store.db.schema import account as account_table
from tonearm.store.db.schema import history_import, import_share, play, scrobble_queue
from tonearm.store.db.slices import backward

PlayKey = tuple[int, str, str, int]
"""(account, artist, track, timestamp): the identity of a play."""


LONGEST_PLAY = 6 * 3600
"""Seconds; a play that began earlier is over."""

IMPORTED = "imported"
"""The fate of a play that an import has added."""

ON_LASTFM = ("queued", "accepted")
"""Fates of plays that are or will be on Last.fm."""


class NearPlay(NamedTuple):
    """A play of the history around the time of another one.

    `owner` is the Last.fm user that it was reported for or imported from, even if a file had added it before; "" if
    there was none.
    """

    id: int
    play: Play
    fate: str = "queued"
    owner: str = ""
    counted: bool = True

    def as_heard(self, beside: Play) -> NearPlay:
        """The play; if an import doesn't say how much was heard, with the minimum that makes it count. Its length may
        be known from the play `beside` it.
        """
        if self.fate != IMPORTED or self.play.played:
            return self
        duration = self.play.track.duration or beside.track.duration
        return self._replace(play=replace(self.play, played=assumed_played(duration)[0]))


@dataclass(frozen=True, slots=True)
class StoredPlay:
    """A play in the history: `fate` is `queued` while it waits, `code` is Last.fm's ignored code.

    `left_out` is a sentence that says which optional fields of the report could not be read.

    `unanswered`: the answer to a request with it was lost, so until the next answer Last.fm may have it.
    """

    id: int
    account: int
    play: Play
    fate: str
    reason: str
    code: int | None
    correction: dict[str, str] | None
    counted_reason: str
    reported_at: float
    settled_at: float | None
    instead_of: int | None
    restamp_reason: str
    reporter: str
    owner: str
    unanswered: bool
    left_out: str = ""
    player: int | None = None


def facts(play_: Play) -> dict[str, Any]:
    """A play's frozen columns."""
    track = play_.track
    return {
        "artist": track.artist,
        "track": track.title,
        "timestamp": play_.timestamp,
        "album": track.album,
        "album_artist": track.album_artist,
        "track_number": track.track_number,
        "mbid": track.mbid,
        "duration": track.duration,
        "played": play_.played,
        "chosen_by_user": play_.chosen_by_user,
    }


def play_from_row(row: Any) -> Play:
    """The play in a row of the history or of the queue."""
    track = Track(row.artist, row.track, row.album, row.album_artist, row.duration, row.track_number, row.mbid)
    return Play(track, row.timestamp, row.played, bool(row.chosen_by_user))


_OF_TRACK = ("artist", "track", "album", "album_artist", "duration", "track_number", "mbid")
_OF_PLAY = ("timestamp", "played", "chosen_by_user")


def frozen_columns(table: Table) -> list[Column[Any]]:
    """The columns that `play_from_tuple` reads, of the history or of the queue."""
    return [table.c[name] for name in (*_OF_TRACK, *_OF_PLAY)]


def play_from_tuple(values: Sequence[Any]) -> Play:
    """As `play_from_row`, by position instead of name, which is faster for many rows."""
    return Play(Track(*values[: len(_OF_TRACK)]), *values[len(_OF_TRACK) :])


# SQLite answers an IN of several columns by reading the whole index (EXPLAIN QUERY PLAN says SCAN), so these query by
# account and time, and drop the other rows afterwards.
_OF_ACCOUNTS = Among(play.c.account, "accounts")
_KNOWN = select(play.c.account, play.c.artist, play.c.track, play.c.timestamp, play.c.id, play.c.fate).where(
    _OF_ACCOUNTS, Among(play.c.timestamp, "times")
)
_AS_REPORTED = select(
    play.c.account, play.c.artist, play.c.track, play.c.reported_timestamp, play.c.id, play.c.fate, play.c.timestamp
)
_RESTAMPED = _AS_REPORTED.where(
    _OF_ACCOUNTS,
    Among(play.c.reported_timestamp, "times"),
    play.c.reported_timestamp != play.c.timestamp,
)
_NOT_RESTAMPED = _AS_REPORTED.where(
    _OF_ACCOUNTS,
    Among(play.c.timestamp, "times"),
    play.c.reported_timestamp == play.c.timestamp,
)


def _values(asked: set[PlayKey]) -> dict[str, list[int]]:
    return {"accounts": list({key[0] for key in asked}), "times": list({key[3] for key in asked})}


def known(db: Connection, keys: Sequence[PlayKey]) -> dict[PlayKey, tuple[int, str]]:
    """The id and fate of those plays that were reported before."""
    if not keys:
        return {}
    asked = set(keys)
    rows = db.execute(_KNOWN, _values(asked))
    found = {(a, artist, track, at): (play_id, fate) for a, artist, track, at, play_id, fate in rows}
    return {key: value for key, value in found.items() if key in asked}


def known_as_reported(
    db: Connection, keys: Sequence[PlayKey], *, restamped: bool
) -> dict[PlayKey, dict[int, tuple[int, str]]]:
    """Plays by the start that they were reported with: the id and fate by reported start. Only restamped ones, or only
    others: two may have the same reported start if one was restamped.
    """
    found: dict[PlayKey, dict[int, tuple[int, str]]] = {}
    if keys:
        asked = set(keys)
        for *key, play_id, fate, at in db.execute(_RESTAMPED if restamped else _NOT_RESTAMPED, _values(asked)):
            if (known := (key[0], key[1], key[2], key[3])) in asked:
                found.setdefault(known, {})[at] = (play_id, fate)
    return found


def _searched(row: dict[str, Any]) -> str:
    return searchable((row["artist"], row["track"], row["album"]))


def insert(db: Connection, rows: Sequence[dict[str, Any]]) -> dict[PlayKey, int]:
    """Write plays; returns the ids of those that were new. The caller has to mark summed-up months as stale."""
    for row in rows:
        row["searched"] = _searched(row)
    written = insert_numbered(db, play, rows, "account", "artist", "track", "timestamp")
    return {(a, artist, track, at): play_id for (a, artist, track, at), play_id in written.items()}


_APART = 3600
"""Seconds; plays closer together than that are read with one query."""

_USUAL = 1200
"""Seconds; hardly any play is longer."""

_SPANS: tuple[Column[Any], ...] = (
    Column("account", BigInteger),
    Column("but", Text),
    Column("earliest", BigInteger),
    Column("start", BigInteger),
    Column("latest", BigInteger),
)


_FOUND_AT = (
    select(history_import.c.name)
    .join(import_share, import_share.c.import_id == history_import.c.id)
    .where(import_share.c.play == play.c.id)
    .order_by(history_import.c.id)
    .limit(1)
    .scalar_subquery()
)
"""The Last.fm user whose import has found a play that a file had added."""


def _standing(fates: tuple[str, ...]) -> tuple[ColumnElement[Any], ...]:
    """The fate, owner and `counted` of a NearPlay."""
    owner: ColumnElement[str] = play.c.owner
    if IMPORTED in fates:
        owner = case((and_(play.c.fate == IMPORTED, play.c.owner == ""), func.coalesce(_FOUND_AT, "")), else_=owner)
    return play.c.fate, owner, play.c.counted


@cache
def _around(dialect: str, fates: tuple[str, ...]) -> Select[Any]:
    asked = given_rows(dialect, _SPANS)
    lasts = play.c.timestamp + play.c.played > asked.c.start
    by_another = play.c.reporter != asked.c.but
    if IMPORTED in fates:
        imported = play.c.fate == IMPORTED
        lasts = or_(lasts, and_(imported, play.c.timestamp + LONGEST_NEEDED > asked.c.start))
        by_another = or_(by_another, imported)
    return select(play.c.id, *frozen_columns(play), *_standing(fates)).where(
        play.c.account == asked.c.account,
        play.c.timestamp.between(asked.c.earliest, asked.c.latest),
        lasts,
        by_another,
        play.c.fate.in_(fates),
    )


class PlaysOfOthers:
    """Plays that other players have reported and that are or will be on Last.fm, to find those that overlap with a
    play.
    """

    def __init__(self, found: Iterable[NearPlay]) -> None:
        spans = [
            (near.play.timestamp, near.play.track.artist, near.play.track.title, _end(near), near) for near in found
        ]
        spans.sort(key=itemgetter(0, 1, 2))
        self._usual = [span for span in spans if span[3] - span[0] <= _USUAL]
        self._starts = [span[0] for span in self._usual]
        self._long = [span for span in spans if span[3] - span[0] > _USUAL]

    def beside(self, one: Play) -> list[NearPlay]:
        """The plays that overlap with this one, in the order of their starts."""
        start, end = one.timestamp, one.timestamp + one.played
        near = self._usual[bisect_left(self._starts, start - _USUAL) : bisect_left(self._starts, end)]
        shared = [span for span in near if span[3] > start]
        if self._long:
            shared += [span for span in self._long if span[3] > start and start - LONGEST_PLAY <= span[0] < end]
            shared.sort(key=itemgetter(0, 1, 2))
        return [span[4].as_heard(one) for span in shared]


def _end(near: NearPlay) -> float:
    """The latest time at which a play may have ended."""
    unknown = near.fate == IMPORTED and not near.play.played
    return near.play.timestamp + (LONGEST_NEEDED if unknown else near.play.played)


def of_others(
    db: Connection, account: int, reporter: str, theirs: Iterable[Play], fates: tuple[str, ...] = ON_LASTFM
) -> PlaysOfOthers:
    """What players other than this reporter have reported for an account, as far as it may overlap with these plays. By
    default plays that are or will be on Last.fm. Imported plays count as reported by nobody.
    """
    spans: list[tuple[int, float]] = []
    for one in sorted(theirs, key=lambda play_: play_.timestamp):
        start, end = one.timestamp, one.timestamp + one.played
        if spans and start - spans[-1][1] < _APART:
            start, end = spans[-1][0], max(end, spans.pop()[1])
        spans.append((start, end))
    rows = [(account, reporter, start - LONGEST_PLAY, start, math.ceil(end)) for start, end in spans]
    found = asking(db, _around(db.dialect.name, fates), _SPANS, rows) if rows else ()
    once = {row[0]: row for row in found}  # a long play may overlap with several spans
    return PlaysOfOthers([NearPlay(row[0], play_from_tuple(row[1:-3]), *row[-3:]) for row in once.values()])


_SONG = ("artist", "track")
_ASKED: tuple[Column[Any], ...] = (
    Column("place", Integer),
    Column("account", BigInteger),
    *(Column(name, Text) for name in _SONG),
    Column("earliest", BigInteger),
    Column("latest", BigInteger),
    Column("own", BigInteger),
)


@cache
def _near(dialect: str, fates: tuple[str, ...]) -> Select[Any]:
    asked = given_rows(dialect, _ASKED)
    return select(asked.c.place, play.c.id, *frozen_columns(play), *_standing(fates)).where(
        play.c.account == asked.c.account,
        play.c.timestamp.between(asked.c.earliest, asked.c.latest),
        *same_texts(dialect, play, asked, _SONG),
        play.c.id != asked.c.own,
        play.c.fate.in_(fates),
    )


def near(
    db: Connection,
    account_plays: Sequence[tuple[int, Play]],
    fates: tuple[str, ...] = (*ON_LASTFM, "discarded"),
    own: Sequence[int] = (),
) -> dict[int, list[NearPlay]]:
    """For each (account, play), by its position: plays with exactly these names that began around the same time,
    whoever reported them. By default those that are or will be on Last.fm, or were discarded by the listener. `own` has
    the ids of the plays themselves, if they are in the history, which are left out.
    """
    rows = [
        (
            place,
            account,
            one.track.artist,
            one.track.title,
            one.timestamp - _seconds(one.track.duration or LONGEST_PLAY, one.played),
            one.timestamp + _seconds(one.played),
            own[place] if own else 0,
        )
        for place, (account, one) in enumerate(account_plays)
    ]
    found: dict[int, list[NearPlay]] = {}
    if rows:
        for row in asking(db, _near(db.dialect.name, fates), _ASKED, rows):
            one = NearPlay(row.id, play_from_tuple(row[2:-3]), *row[-3:])
            found.setdefault(row.place, []).append(one.as_heard(account_plays[row.place][1]))
    return found


def _seconds(*lengths: float) -> int:
    """The longest of these durations, in whole seconds, up to the longest that a play may have."""
    return math.ceil(min(max(lengths), LONGEST_PLAY))


_RESTAMP_OF = select(play.c.restamp_reason, play.c.restamped_by, play.c.unanswered).where(
    play.c.id == bindparam("play_id")
)
_RESTAMP = (
    update(play)
    .where(play.c.id == bindparam("play_id"))
    .values(timestamp=bindparam("to"), restamp_reason=bindparam("with_reason"), restamped_by=bindparam("by"))
)


@dataclass(frozen=True, slots=True)
class Restamped:
    """Why a play's start was corrected, and by how many seconds because of our wrong clock; `unanswered` as in
    StoredPlay.
    """

    reason: str
    by: int
    unanswered: bool


def restamped(db: Connection, play_id: int) -> Restamped:
    """Whether the start of a play was corrected, and why."""
    row = db.execute(_RESTAMP_OF, {"play_id": play_id}).one()
    return Restamped(row.restamp_reason, row.restamped_by, bool(row.unanswered))


def restamp(db: Connection, play_id: int, timestamp: int, reason: str, by: int) -> None:
    """Correct the start of a play that Last.fm certainly does not have; `reason` and `by` as in Restamped."""
    summaries.make_stale_of(db, [play_id])
    db.execute(_RESTAMP, {"play_id": play_id, "to": timestamp, "with_reason": reason, "by": by})
    summaries.make_stale_of(db, [play_id])


def rewrite(db: Connection, play_id: int, row: dict[str, Any]) -> None:
    """Overwrite a play that was reported again, more completely, before it was ever queued."""
    summaries.make_stale_of(db, [play_id])
    db.execute(update(play).where(play.c.id == play_id).values(**row, searched=_searched(row)))
    summaries.make_stale_of(db, [play_id])


_SETTLE = (
    update(play)
    .where(Among(play.c.id, "ids"))
    .values(
        fate=bindparam("to"),
        reason=bindparam("with_reason"),
        code=bindparam("with_code"),
        correction=bindparam("corrected"),
        settled_at=bindparam("at"),
    )
)


_OF_WHAT_WAITED = ("accepted", "expired")
"""Fates that only counted plays get, since they have been queued before."""


def settle(
    db: Connection,
    ids: Iterable[int],
    fate: str,
    at: float | None,
    *,
    reason: str = "",
    code: int | None = None,
    correction: dict[str, str] | None = None,
) -> None:
    """Write what happened to plays; `at` is None if they go back into the queue."""
    for play_ids in parts(ids):
        if fate not in _OF_WHAT_WAITED:
            summaries.make_stale_of(db, play_ids)
        db.execute(
            _SETTLE,
            {
                "ids": play_ids,
                "to": fate,
                "with_reason": reason,
                "with_code": code,
                "corrected": correction,
                "at": at,
            },
        )


_CORRECTED = select(play.c.artist, play.c.track, play.c.correction).where(
    play.c.account == bindparam("account_id"), play.c.correction.is_not(null())
)


def corrections(db: Connection, account: int) -> list[tuple[tuple[str, str], tuple[str, str]]]:
    """Names of an account's plays as sent, each with the names that Last.fm files them under."""
    found = {
        (artist, track): (correction["artist"], correction["track"])
        for artist, track, correction in db.execute(_CORRECTED, {"account_id": account})
    }
    return list(found.items())


_MARK_UNANSWERED = update(play).where(Among(play.c.id, "ids")).values(unanswered=True)


def count(db: Connection, play_id: int) -> None:
    """Mark a play as counted because its listener wants that, however little of it was heard."""
    summaries.make_stale_of(db, [play_id])
    db.execute(update(play).where(play.c.id == play_id, ~play.c.counted).values(counted=True))


def own(db: Connection, play_id: int, owner: str) -> None:
    """Make a play that was reported for nobody that of a Last.fm user: it is to be sent to that user."""
    db.execute(update(play).where(play.c.id == play_id, play.c.owner == "").values(owner=owner))


def mark_unanswered(db: Connection, ids: Iterable[int]) -> None:
    """Note that the answer to a request with these plays was lost."""
    for play_ids in parts(ids):
        db.execute(_MARK_UNANSWERED, {"ids": play_ids})


def last(db: Connection) -> int:
    """The id of the last play written, for any account; 0 if there is none."""
    return db.execute(select(func.max(play.c.id))).scalar() or 0


def drop(db: Connection, play_id: int) -> None:
    """Delete a play that was written in this transaction."""
    db.execute(delete(play).where(play.c.id == play_id))


def stored_play(row: Any) -> StoredPlay:
    """The play in a row of the history, with what happened to it."""
    return StoredPlay(
        row.id,
        row.account,
        play_from_row(row),
        row.fate,
        row.reason,
        row.code,
        row.correction,
        row.counted_reason,
        row.reported_at,
        row.settled_at,
        row.instead_of,
        row.restamp_reason,
        row.reporter,
        row.owner,
        bool(row.unanswered),
        row.left_out,
        row.player,
    )


_FIND = select(play).where(play.c.account == bindparam("account_id"), play.c.id == bindparam("play_id"))


def find(db: Connection, account: int, play_id: int) -> StoredPlay | None:
    """A play of an account; None if there is none with that id."""
    row = db.execute(_FIND, {"account_id": account, "play_id": play_id}).first()
    return stored_play(row) if row else None


_THESE = select(play).where(play.c.account == bindparam("of"), Among(play.c.id, "ids"))


def by_id(db: Connection, account: int, ids: Sequence[int]) -> dict[int, StoredPlay]:
    """Plays of an account by their ids."""
    rows = db.execute(_THESE, {"of": account, "ids": list(ids)})
    return {row.id: stored_play(row) for row in rows}


_LATEST = (
    select(play)
    .where(play.c.account == bindparam("of"))
    .order_by(play.c.timestamp.desc(), play.c.id.desc())
    .limit(bindparam("most"))
)


def latest(
    db: Connection, account: int, limit: int, fates: Sequence[str] = (), before: tuple[int, int] | None = None
) -> list[StoredPlay]:
    """The plays of an account, latest first; only those with certain fates if some are given. `before` is the
    (timestamp, id) of the previous page's last play.
    """
    wanted, given = _LATEST, {"of": account, "most": limit}
    if before:
        wanted = wanted.where(tuple_(play.c.timestamp, play.c.id) < tuple_(*before))
    if not fates:
        return [stored_play(row) for row in db.execute(wanted, given)]
    # One query for each fate: an index has the rows of each single fate in this order.
    found = [
        stored_play(row) for fate in set(fates) for row in db.execute(wanted.where(*_of_fate(account, fate)), given)
    ]
    return sorted(found, key=lambda one: (one.play.timestamp, one.id), reverse=True)[:limit]


EXPORTED = (
    *("timestamp", "artist", "track", "album", "album_artist", "duration", "played", "mbid"),
    *("fate", "why", "reported_at", "settled_at", "reporter", "lastfm_user"),
    *("track_number", "precision", "stamp", "earliest"),
)
"""The exported fields of a play."""

_COLUMN_OF = {"lastfm_user": "owner", "why": "reason"}
_EXPORTED = select(*(play.c[_COLUMN_OF.get(name, name)] for name in EXPORTED), play.c.id)


def exported(
    db: Connection, account: int, limit: int, before: tuple[int, int] | None = None
) -> tuple[list[Sequence[Any]], tuple[int, int] | None]:
    """The values of `EXPORTED` for plays as `latest` finds them, and where to continue; None after the last."""
    wanted = _EXPORTED.where(play.c.account == account)
    if before:
        wanted = wanted.where(tuple_(play.c.timestamp, play.c.id) < tuple_(*before))
    rows = db.execute(wanted.order_by(play.c.timestamp.desc(), play.c.id.desc()).limit(limit)).all()
    return [row[:-1] for row in rows], (rows[-1].timestamp, rows[-1].id) if rows else None


_PAST = select(
    *(play.c.timestamp, play.c.artist, play.c.track, play.c.album, play.c.album_artist, play.c.duration),
    *(play.c.track_number, play.c.mbid, play.c.played, play.c.precision, play.c.stamp, play.c.earliest, play.c.id),
).where(play.c.counted, play.c.fate.not_in(("suspected", "discarded")))


def past(db: Connection, account: int, limit: int, after: tuple[int, int]) -> list[Any]:
    """Plays that count, each once, in the order of time after a (timestamp, id), as rows of their facts."""
    wanted = _PAST.where(play.c.account == account, tuple_(play.c.timestamp, play.c.id) > tuple_(*after))
    return list(db.execute(wanted.order_by(play.c.timestamp, play.c.id).limit(limit)))


def _of_fate(account: int, fate: str) -> tuple[ColumnElement[bool], ...]:
    """Conditions that an index answers; for waiting plays, one of the queue's indexes."""
    if fate == "queued":
        return (play.c.id.in_(select(scrobble_queue.c.id).where(scrobble_queue.c.account == account)),)
    if fate == IMPORTED:  # never sent, so it has no settled time
        return (play.c.fate == fate,)
    return play.c.fate == fate, play.c.settled_at.is_not(None)


_EXPIRED = select(play.c.account, play.c.id).where(
    play.c.fate == "expired",
    play.c.settled_at.is_not(None),
    play.c.timestamp > bindparam("since"),
    play.c.owner != "",
)
_EXPIRED = _EXPIRED.order_by(play.c.account, play.c.timestamp, play.c.id).limit(bindparam("limit"))
_EXPIRED_OF_ONE = _EXPIRED.where(play.c.account == bindparam("account_id"))
_EXPIRED_OF_ANYBODY = _EXPIRED.where(
    play.c.account.in_(
        select(account_table.c.id)
    )  # each is the first column of an index, so no index is read as a whole
)


def expired_since(db: Connection, since: float, limit: int, account: int | None = None) -> list[tuple[int, int]]:
    """(account, id) of `expired` plays that began after `since`: of one account, or of all."""
    values = {"since": since, "limit": limit} | ({} if account is None else {"account_id": account})
    found = db.execute(_EXPIRED_OF_ANYBODY if account is None else _EXPIRED_OF_ONE, values)
    return [(row.account, row.id) for row in found]


ACCEPTED_SINCE = select(func.count()).where(
    play.c.account == bindparam("account_id"), play.c.fate == "accepted", play.c.settled_at > bindparam("since")
)
"""Counts the plays of `account_id` that Last.fm has accepted since `since`."""


def accepted_since(db: Connection, account: int, since: float) -> int:
    """How many plays Last.fm has accepted since `since` (Unix seconds)."""
    total: int = db.execute(ACCEPTED_SINCE, {"account_id": account, "since": since}).scalar_one()
    return total


def replaced_by(db: Connection, account: int, play_id: int) -> int | None:
    """The play that was sent instead of this one, if the listener has edited it."""
    wanted = select(play.c.id).where(play.c.account == account, play.c.instead_of == play_id)
    return db.execute(wanted.order_by(play.c.id.desc())).scalar()


def count_by_fate(db: Connection, account: int, fates: Sequence[str]) -> dict[str, int]:
    """How many plays of an account have each of these fates, which don't include `queued`."""
    wanted = select(play.c.fate, func.count().label("total")).where(
        play.c.account == account, play.c.fate.in_(list(fates)), play.c.settled_at.is_not(None)
    )
    return {row.fate: row.total for row in db.execute(wanted.group_by(play.c.fate))}


def number_of(db: Connection, account: int) -> int:
    """How many plays an account has, whatever their state."""
    return db.execute(select(func.count()).where(play.c.account == account)).scalar_one()


CUT_FROM = 1024
"""With this many characters, a name matches every name that begins with it: a longer one doesn't fit into an
address.
"""


@dataclass(frozen=True, slots=True)
class PlayQuery:
    """Which plays of an account: those with all of these words in their names, or by an artist, on an album, of a
    track, from a player.

    `spellings` are other spellings of the artist with the album or the track, as (artist, title).
    """

    account: int
    search: str = ""
    artist: str | None = None
    album: str | None = None
    track: str | None = None
    player: str | None = None
    spellings: frozenset[tuple[str, str]] = frozenset()

    def conditions(self) -> list[ColumnElement[bool]]:
        """The SQL conditions for such plays."""
        artists, titles = ({names[place] for names in self.spellings} for place in (0, 1))
        names = (
            (play.c.artist, self.artist, artists),
            (play.c.album, self.album, titles if self.track is None else set[str]()),
            (play.c.track, self.track, titles),
        )
        named = [_named(column, name, others) for column, name, others in names if name is not None]
        words = [play.c.searched.contains(term, autoescape=True) for term in terms(self.search)]
        if self.player is not None:
            named += [play.c.player.is_not(None), play.c.reporter == self.player]
        return [play.c.account == self.account, *named, *words]


def _named(column: Column[str], name: str, others: set[str]) -> ColumnElement[bool]:
    if len(name) >= CUT_FROM:
        return column.startswith(name, autoescape=True)
    return column.in_(sorted(others | {name})) if others - {name} else column == name


def found(
    ask: ReadQuestion,
    query: PlayQuery,
    limit: int,
    span: tuple[int, int] | None = None,
    before: tuple[int, int] | None = None,
) -> list[StoredPlay]:
    """As `latest`, for a span of time (from, to before, in Unix seconds)."""
    start, end = span or (0, LATEST_END)
    if before:
        end = min(end, before[0] + 1)
    first = ask(partial(first_start, account=query.account))
    newest_first = select(play).where(*query.conditions()).order_by(play.c.timestamp.desc(), play.c.id.desc())
    if before:
        newest_first = newest_first.where(tuple_(play.c.timestamp, play.c.id) < tuple_(*before))
    plays: list[StoredPlay] = []
    for earliest, latest in backward(ask, query.account, max(start, first), end):
        part = newest_first.where(play.c.timestamp >= earliest, play.c.timestamp < latest)
        plays += ask(partial(_all, selected=part.limit(limit - len(plays))))
        if len(plays) == limit:
            break
    return plays


LATEST_END = 2**53
"""A time after every start of a play."""


def first_start(db: Connection, account: int) -> int:
    """The start of an account's first play; `LATEST_END` without one."""
    found: int | None = db.execute(select(func.min(play.c.timestamp)).where(play.c.account == account)).scalar()
    return LATEST_END if found is None else found


def _all(db: Connection, selected: Select[Any]) -> list[StoredPlay]:
    return [stored_play(row) for row in db.execute(selected)]
