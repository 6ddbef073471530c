"""Statistics of the history, queried slice by slice from indexes.

A play counts if the listener's rule says so, whatever its fate; skipped plays are counted separately. Duplicates count
once: discarded plays don't count (nor does an edited play, for which its replacement counts), and neither do plays
suspected of repeating another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from heapq import nlargest
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Connection,
    Select,
    bindparam,
    func,
    literal_column,
    select,
    union_all,
)

from tonearm.core.days import HOUR, Stretch
from tonearm.store.db.readers import ReadQuestion
from tonearm.store.db.schema import play
from tonearm.store.db.slices import forward
from tonearm.store.summaries import NOT_COUNTED

HOURS = 24


@dataclass(frozen=True, slots=True)
class Top:
    """An artist, album or track, and how often it was played; `title` is "" for an artist."""

    artist: str
    title: str
    plays: int


@dataclass(frozen=True, slots=True)
class StatsScope:
    """Which plays are counted: an account's, optionally only of one artist, or of one album."""

    account: int
    artist: str | None = None
    album: str | None = None


@dataclass(frozen=True, slots=True)
class Hours:
    """Plays by local hour since 1970; `// 24` gives the number of the day (`core.days.numbered`). They don't include
    `skipped` plays: too little of those was heard.
    """

    counts: Counter[int]
    skipped: int = 0

    @property
    def by_day(self) -> Counter[int]:
        """Plays by the number of the local day."""
        return _summed(self.counts, lambda hour: hour // HOURS)

    @property
    def by_hour(self) -> Counter[int]:
        """Plays by the hour of the local day, 0 to 23."""
        return _summed(self.counts, lambda hour: hour % HOURS)


@dataclass(frozen=True, slots=True)
class TopLists:
    """The most played artists, albums and tracks, each with the most played first."""

    artists: list[Top]
    albums: list[Top]
    tracks: list[Top]


def _summed(counts: Counter[int], key: Any) -> Counter[int]:
    sums: Counter[int] = Counter()
    for hour, count in counts.items():
        sums[key(hour)] += count
    return sums


def hours(ask: ReadQuestion, scope: StatsScope, stretches: Sequence[Stretch]) -> Hours:
    """Plays in these stretches of time, by local hour."""
    counts: Counter[int] = Counter()
    skipped = 0
    for stretch in stretches:
        for start, end in forward(ask, scope.account, stretch.start, stretch.end):
            part = Stretch(start, end, stretch.offset)
            for kind, hour, count in ask(partial(_hours, scope=scope, stretch=part)):
                counts[hour] += count if kind == _PLAYED else -count
                skipped += count if kind == _SKIPPED else 0
    return Hours(+counts, skipped)


_PLAYED, _REPEATED, _SKIPPED = range(3)


def _hours(db: Connection, scope: StatsScope, stretch: Stretch) -> list[Any]:
    """All plays by hour, and those of them that don't count, by their kind: one index has all, another one the few that
    don't count.
    """
    named = {"artist": scope.artist, "album": scope.album}
    given: dict[str, Any] = {"of": scope.account, "start": stretch.start, "end": stretch.end, "offset": stretch.offset}
    given |= {name: value for name, value in named.items() if value is not None}
    return list(db.execute(_by_hour(scope.artist is not None, scope.album is not None), given))


@cache
def _by_hour(artist: bool, album: bool) -> CompoundSelect[Any]:
    """Made once: to make it takes longer than to ask it of a month."""
    wanted = [
        play.c.account == bindparam("of"),
        play.c.timestamp >= bindparam("start"),
        play.c.timestamp < bindparam("end"),
        *([play.c.artist == bindparam("artist")] if artist else []),
        *([play.c.album == bindparam("album")] if album else []),
    ]
    twice = [*wanted, play.c.settled_at.is_not(None), play.c.fate.in_(NOT_COUNTED)]
    skipped = [*wanted, ~play.c.counted, play.c.fate.not_in(NOT_COUNTED)]
    kinds = {_PLAYED: wanted, _REPEATED: twice, _SKIPPED: skipped}
    return union_all(*(_counted_by_hour(kind, conditions) for kind, conditions in kinds.items()))


def _counted_by_hour(kind: int, conditions: Sequence[ColumnElement[bool]]) -> Select[Any]:
    hour = (play.c.timestamp + bindparam("offset", type_=BigInteger)) // HOUR
    numbers = select(hour.label("hour")).where(*conditions).subquery()
    return select(literal_column(str(kind)), numbers.c.hour, func.count()).group_by(numbers.c.hour)


def _of(scope: StatsScope, start: int, end: int) -> list[ColumnElement[bool]]:
    wanted = [play.c.account == scope.account, play.c.timestamp >= start, play.c.timestamp < end]
    if scope.artist is not None:
        wanted.append(play.c.artist == scope.artist)
    if scope.album is not None:
        wanted.append(play.c.album == scope.album)
    return wanted


def most(ask: ReadQuestion, scope: StatsScope, start: int, end: int, limit: int) -> TopLists:
    """The artists, albums and tracks of a span of time (Unix seconds) that were played most.

    Plays without an album are left out of the albums.
    """
    artists: Counter[str] = Counter()
    albums: Counter[tuple[str, str]] = Counter()
    tracks: Counter[tuple[str, str]] = Counter()
    for one in forward(ask, scope.account, start, end):
        songs = ask(partial(_songs, scope=scope, start=one[0], end=one[1]))
        artists.update(map(_ARTIST, songs))
        albums.update(map(_ALBUM, songs))
        tracks.update(map(_TRACK, songs))
    of_artists = Counter({(artist, ""): count for artist, count in artists.items()})
    named = Counter({names: count for names, count in albums.items() if names[1]})
    return TopLists(_top(of_artists, limit), _top(named, limit), _top(tracks, limit))


_ARTIST, _ALBUM, _TRACK = itemgetter(0), itemgetter(0, 1), itemgetter(0, 2)


def _songs(db: Connection, scope: StatsScope, start: int, end: int) -> list[Any]:
    """A row for each play. They are counted in Python: grouping takes SQLite longer."""
    wanted = select(play.c.artist, play.c.album, play.c.track)
    conditions = [*_of(scope, start, end), play.c.counted, play.c.fate.not_in(NOT_COUNTED)]
    return list(db.execute(wanted.where(*conditions)))


def _top(counts: Counter[tuple[str, str]], limit: int) -> list[Top]:
    lowest = min(nlargest(limit, counts.values()), default=0)
    places = [(-count, names) for names, count in counts.items() if count >= lowest]
    return [Top(*names, -count) for count, names in sorted(places)[:limit]]


@dataclass(frozen=True, slots=True)
class DayTotal:
    """Plays of a day, and the seconds that were heard of them."""

    plays: int
    heard: float


def totals(db: Connection, account: int, spans: Sequence[tuple[int, int]]) -> list[DayTotal]:
    """The totals of plays that count, for each of these spans (from, to before, in Unix seconds), from an index."""
    found = []
    for start, end in spans:
        wanted = select(func.count(), func.sum(play.c.played)).where(
            *_of(StatsScope(account), start, end), play.c.counted, play.c.fate.not_in(NOT_COUNTED)
        )
        count, heard = db.execute(wanted).one()
        found.append(DayTotal(count, heard or 0.0))
    return found


_FIRST = (
    select(play.c.timestamp, play.c.artist, play.c.track, play.c.album)
    .where(play.c.account == bindparam("of"), play.c.counted, play.c.fate.not_in(NOT_COUNTED))
    .order_by(play.c.timestamp, play.c.id)
    .limit(1)
)


def first_play(db: Connection, account: int) -> tuple[int, str, str, str] | None:
    """Start, artist, track and album of an account's first play that counts; None if it has none."""
    row = db.execute(_FIRST, {"of": account}).first()
    return (row.timestamp, row.artist, row.track, row.album) if row else None


_AFTER = (
    select(play.c.id)
    .where(play.c.account == bindparam("of"), play.c.counted, play.c.fate.not_in(NOT_COUNTED))
    .order_by(play.c.timestamp, play.c.id)
    .limit(1)
)


def play_after(db: Connection, account: int, start: int) -> int | None:
    """The first play that counts and began at `start` or later, otherwise the first of all; None if there is none."""
    found = db.execute(_AFTER.where(play.c.timestamp >= start), {"of": account}).scalar()
    return found if found is not None else db.execute(_AFTER, {"of": account}).scalar()


def first_and_last(db: Connection, account: int) -> tuple[int, int] | None:
    """The start of an account's first and last play; None if it has none."""
    ends = [
        db.execute(
            select(play.c.timestamp).where(play.c.account == account).order_by(order, play.c.id).limit(1)
        ).scalar()
        for order in (play.c.timestamp.asc(), play.c.timestamp.desc())
    ]
    return (ends[0], ends[1]) if ends[0] is not None and ends[1] is not None else None
