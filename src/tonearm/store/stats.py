"""Statistics of the history, each one question that an index answers.

A play counts whatever its fate, save what is there twice: what its listener discarded (a corrected play among them,
for which the play with the right names counts), and what is suspected to repeat another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from tonearm.core.days import DAY, HOUR, Stretch
from tonearm.store.schema import play

TWICE = ("discarded", "suspected")


@dataclass(frozen=True, slots=True)
class Top:
    """An artist, album or track, and how often it was played; `title` is "" for an artist."""

    artist: str
    title: str
    plays: int


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose plays are asked for: an account's, where one is named those of an artist, and of them one album's."""

    account: int
    artist: str | None = None
    album: str | None = None


def per_day(db: Connection, whose: Whose, stretches: Sequence[Stretch]) -> Counter[int]:
    """Plays by the number of the local day (`core.days.numbered`)."""
    return _grouped(db, whose, stretches, DAY)


def per_hour(db: Connection, whose: Whose, stretches: Sequence[Stretch]) -> Counter[int]:
    """Plays by local hour since 1970: `// 24` is the number of the day, `% 24` the hour of it."""
    return _grouped(db, whose, stretches, HOUR)


def by_hour(db: Connection, whose: Whose, stretches: Sequence[Stretch]) -> Counter[int]:
    """Plays by the hour of the local day, 0 to 23: of a long time that is quicker than `per_hour`."""
    return _grouped(db, whose, stretches, HOUR, 24)


def _grouped(
    db: Connection, whose: Whose, stretches: Sequence[Stretch], seconds: int, of: int | None = None
) -> Counter[int]:
    found: Counter[int] = Counter()
    of_those = _counted(db, whose, stretches[0].start, stretches[-1].end) if stretches else []
    for stretch in stretches:
        number = (play.c.timestamp + stretch.offset) // seconds
        number = (number if of is None else number % of).label("number")
        then = play.c.timestamp.between(stretch.start, stretch.end - 1)
        numbers = select(number).where(*of_those, then).subquery()
        rows = db.execute(select(numbers.c.number, func.count()).group_by(numbers.c.number))
        for at, count in rows:
            found[int(at)] += count
    return found


def _counted(db: Connection, whose: Whose, start: int, end: int) -> list[ColumnElement[bool]]:
    wanted = [play.c.account == whose.account, play.c.timestamp >= start, play.c.timestamp < end]
    settled = play.c.account == whose.account, play.c.settled_at.is_not(None)
    twice = select(play.c.id).where(*settled, play.c.fate.in_(TWICE)).limit(1)
    if db.execute(twice).first() is not None:  # most have none, and then an index alone can answer
        wanted.append(play.c.fate.not_in(TWICE))
    if whose.artist is not None:
        wanted.append(play.c.artist == whose.artist)
    if whose.album is not None:
        wanted.append(play.c.album == whose.album)
    return wanted


def top_artists(db: Connection, whose: Whose, start: int, end: int, limit: int) -> list[Top]:
    """The artists of a span of time (Unix seconds) that were played most, the most played first."""
    return [Top(artist, "", count) for artist, count in _top(db, whose, start, end, limit, play.c.artist)]


def top_albums(db: Connection, whose: Whose, start: int, end: int, limit: int) -> list[Top]:
    """As `top_artists`, of albums; plays that name none are left out."""
    rows = _top(db, whose, start, end, limit, play.c.artist, play.c.album, named=play.c.album != "")
    return [Top(*row) for row in rows]


def top_tracks(db: Connection, whose: Whose, start: int, end: int, limit: int) -> list[Top]:
    """As `top_artists`, of tracks."""
    return [Top(*row) for row in _top(db, whose, start, end, limit, play.c.artist, play.c.track)]


def _top(
    db: Connection,
    whose: Whose,
    start: int,
    end: int,
    limit: int,
    *names: Any,
    named: ColumnElement[bool] | None = None,
) -> list[Any]:
    count = func.count().label("plays")
    wanted = select(*names, count).where(*_counted(db, whose, start, end)).group_by(*names)
    if named is not None:
        wanted = wanted.where(named)
    return list(db.execute(wanted.order_by(count.desc(), *names).limit(limit)))


def first_and_last(db: Connection, account: int) -> tuple[int, int] | None:
    """The start of an account's first and last play; None where it has none."""
    ends = [
        db.execute(
            select(play.c.timestamp).where(play.c.account == account).order_by(order, play.c.id).limit(1)
        ).scalar()
        for order in (play.c.timestamp.asc(), play.c.timestamp.desc())
    ]
    return (ends[0], ends[1]) if ends[0] is not None and ends[1] is not None else None
