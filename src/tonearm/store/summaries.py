"""Summaries of a history's months, from which its figures are computed.

A summary is made when figures first need it, and stored. Writing plays into a month that may have one marks it as stale
in the same transaction; `account.summed_until` says which months those are, so that a play in the current month costs
nothing. Every write locks the account first, so that none misses a summary that is being made.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, delete, select, update

from tonearm.core.figures import (
    FiguredPlay,
    NameCounts,
    NameKind,
    Quarters,
    Sessions,
    Summary,
    Totals,
    month_of,
    month_start,
)
from tonearm.store import accounts
from tonearm.store.db.dialect import Among, insert_ignore, insert_or_change, parts
from tonearm.store.db.schema import account as account_table
from tonearm.store.db.schema import month_part, month_summary, play, summary_name, year_summary

NOT_COUNTED = ("discarded", "suspected")
"""Fates of plays that don't count, because another play counts instead."""

ALL = 0
"""The year that stands for all months until the last whole quarter."""

_COLUMN = {NameKind.ARTIST: "artists", NameKind.ALBUM: "albums", NameKind.TRACK: "tracks"}
_TOTALS = ("plays", "heard", "untimed", "skipped")

_STALE = (
    update(month_summary)
    .where(month_summary.c.account == bindparam("of"), Among(month_summary.c.month, "months"))
    .values(stamp=0, made=False)
)


def make_stale(db: Connection, account: int, timestamps: Iterable[int]) -> None:
    """Mark the summaries as stale for plays that began at these times and are written or deleted in this
    transaction.
    """
    for months in parts(sorted({month_of(timestamp) for timestamp in timestamps})):
        db.execute(_STALE, {"of": account, "months": months})


_STARTS = select(play.c.account, play.c.timestamp).where(Among(play.c.id, "ids"))


def make_stale_of(db: Connection, ids: Iterable[int]) -> None:
    """As `make_stale`, by the ids of plays, which must exist before or after the change."""
    starts: dict[int, list[int]] = {}
    for some in parts(ids):
        for account, timestamp in db.execute(_STARTS, {"ids": some}):
            starts.setdefault(account, []).append(timestamp)
    for account, timestamps in sorted(starts.items()):
        make_stale(db, account, timestamps)


def make_others_stale(db: Connection, account: int, unchanged: Mapping[int, int]) -> None:
    """Mark all summaries of an account as stale, except those of the months in `unchanged` with that stamp; the account
    must be locked.
    """
    rows = db.execute(select(month_summary.c.month, month_summary.c.stamp).where(month_summary.c.account == account))
    for months in parts(month for month, stamp in rows.all() if unchanged.get(month) != stamp):
        db.execute(_STALE, {"of": account, "months": months})


def make_all_stale(db: Connection, account: int) -> None:
    """Mark all summaries of an account as stale; the account must be locked."""
    db.execute(update(month_summary).where(month_summary.c.account == account).values(stamp=0, made=False))


FORGOTTEN = (12, 500)
"""Months and names that one transaction erases."""


def forget(db: Connection, account: int) -> bool:
    """Delete some of the summaries of an account, which must be locked; False once there are none."""
    for table, key, limit in (
        (month_part, month_part.c.month, FORGOTTEN[0]),
        (month_summary, month_summary.c.month, FORGOTTEN[0]),
        (year_summary, year_summary.c.year, FORGOTTEN[0]),
        (summary_name, summary_name.c.spelling, FORGOTTEN[1]),
    ):
        some = list(db.execute(select(key).where(table.c.account == account).limit(limit)).scalars())
        if some:
            db.execute(delete(table).where(table.c.account == account, key.in_(some)))
            return True
    return False


def made(db: Connection, account: int, until: int) -> dict[int, int]:
    """The months whose summaries are valid up to `until`, each with the stamp of its summary."""
    rows = db.execute(
        select(month_summary.c.month, month_summary.c.stamp, month_summary.c.until).where(
            month_summary.c.account == account, month_summary.c.made
        )
    ).all()
    present = month_of(until)
    return {
        month: stamp
        for month, stamp, ends in rows
        if month <= present and ends == min(month_start(month + 1), until) and ends > month_start(month)
    }


def claim(db: Connection, account: int, stamps: Mapping[int, int], until: int) -> None:
    """Begin the summaries of months, up to `until`, each with a new stamp. A play written into one from now on makes it
    stale, and then writes with the stamp are void.
    """
    accounts.lock(db, [account])
    db.execute(
        update(account_table)
        .where(account_table.c.id == account, account_table.c.summed_until < until)
        .values(summed_until=until)
    )
    rows = [
        {
            "account": account,
            "month": month,
            "stamp": stamp,
            "made": False,
            "until": min(month_start(month + 1), until),
        }
        for month, stamp in stamps.items()
    ]
    insert_or_change(db, month_summary, rows, ("account", "month"), ("stamp", "made", "until"))


def write_names(
    db: Connection, account: int, month: int, stamp: int, texts: Sequence[tuple[int, tuple[str, str]]]
) -> bool:
    """Store the names behind the numbers of a month's summary; False if the claim with that stamp is void."""
    accounts.lock(db, [account])
    if not db.execute(select(month_summary.c.month).where(*_claimed(account, month, stamp))).first():
        return False
    rows = [
        {"account": account, "spelling": spelling, "artist": artist, "title": title}
        for spelling, (artist, title) in texts
    ]
    insert_ignore(db, summary_name, rows)
    return True


def _claimed(account: int, month: int, stamp: int) -> list[ColumnElement[bool]]:
    return [month_summary.c.account == account, month_summary.c.month == month, month_summary.c.stamp == stamp]


def unknown_names(db: Connection, account: int, spellings: Iterable[int]) -> set[int]:
    """Those of these numbers whose names are not stored yet."""
    asked = set(spellings)
    for some in parts(sorted(asked)):
        asked.difference_update(db.execute(_KNOWN, {"of": account, "some": some}).scalars())
    return asked


_KNOWN = select(summary_name.c.spelling).where(
    summary_name.c.account == bindparam("of"), Among(summary_name.c.spelling, "some")
)


def write(db: Connection, account: int, month: int, stamp: int, summary: Summary) -> bool:
    """Store the summary of a month; False if a play has been written into it since the claim with that stamp."""
    totals = summary.totals
    values = {
        **{name: getattr(totals, name) for name in _TOTALS},
        "sessions": summary.sessions.packed() if summary.sessions else None,
        "made": True,
    }
    accounts.lock(db, [account])
    claimed = _claimed(account, month, stamp)
    if not db.execute(update(month_summary).where(*claimed).values(**values)).rowcount:
        return False
    quarters = {"quarters": summary.quarters.packed(), "hours": summary.quarters.by_hour().packed()}
    parts_ = {**_packed(summary.names), **quarters}.items()
    rows = [{"account": account, "part": part, "month": month, "data": data} for part, data in parts_]
    insert_or_change(db, month_part, rows, ("account", "part", "month"), ("data",))
    return True


def _packed(names: Mapping[NameKind, NameCounts]) -> dict[str, bytes]:
    return {_COLUMN[kind]: counts.packed() for kind, counts in names.items()}


def write_year(db: Connection, account: int, year: int, made_of: str, names: Mapping[NameKind, NameCounts]) -> None:
    """Store the names of a year, or of `ALL`; `made_of` says which summaries they come from."""
    row = {"account": account, "year": year, "made_of": made_of, **_packed(names)}
    insert_or_change(db, year_summary, [row], ("account", "year"), ("made_of", *_COLUMN.values()))


def years(db: Connection, account: int, wanted: Collection[int]) -> dict[int, str]:
    """The summaries that the names of these years come from."""
    rows = db.execute(
        select(year_summary.c.year, year_summary.c.made_of).where(
            year_summary.c.account == account, year_summary.c.year.in_(list(wanted))
        )
    )
    return {row.year: row.made_of for row in rows}


_PARTS = (
    select(month_part.c.data)
    .where(
        month_part.c.account == bindparam("of"),
        month_part.c.part == bindparam("part"),
        month_part.c.month >= bindparam("first"),
        month_part.c.month < bindparam("end"),
    )
    .order_by(month_part.c.month)
)

_MONTH_PARTS = _PARTS.add_columns(month_part.c.month)


def _parts(db: Connection, account: int, part: str, first: int, end: int) -> list[bytes]:
    return list(db.execute(_PARTS, {"of": account, "part": part, "first": first, "end": end}).scalars())


def names_of_months(db: Connection, account: int, kind: NameKind, first: int, end: int) -> list[NameCounts]:
    """The names of each month, from `first` to before `end`."""
    return [NameCounts.unpacked(stored) for stored in _parts(db, account, _COLUMN[kind], first, end)]


def months_with(db: Connection, account: int, kind: NameKind, first: int, end: int, group: int) -> dict[int, list[int]]:
    """The months in which a name was played, in any spelling, each with the numbers of its spellings."""
    wanted = {"of": account, "part": _COLUMN[kind], "first": first, "end": end}
    found = {row.month: NameCounts.packed_spellings(row.data, group) for row in db.execute(_MONTH_PARTS, wanted)}
    return {month: spellings for month, spellings in found.items() if spellings}


@cache
def _of_year(kind: NameKind) -> Select[Any]:
    wanted = (year_summary.c.account == bindparam("of"), year_summary.c.year == bindparam("year"))
    return select(year_summary.c[_COLUMN[kind]]).where(*wanted)


def names_of_year(db: Connection, account: int, kind: NameKind, year: int) -> list[NameCounts]:
    """The names of a year, or of `ALL`."""
    rows = db.execute(_of_year(kind), {"of": account, "year": year}).scalars()
    return [NameCounts.unpacked(stored) for stored in rows]


def _of_months(account: int, first: int, end: int, *columns: Any) -> Select[Any]:
    month = month_summary.c.month
    wanted = (month_summary.c.account == account, month >= first, month < end)
    return select(*columns).where(*wanted).order_by(month)


def quarters(db: Connection, account: int, first: int, end: int, *, hours: bool) -> list[Quarters]:
    """The quarters of an hour of each month, or whole hours."""
    part = "hours" if hours else "quarters"
    return [Quarters.unpacked(stored) for stored in _parts(db, account, part, first, end)]


def sessions(db: Connection, account: int, first: int, end: int) -> list[Sessions]:
    """The sessions of each month that has any, in order."""
    rows = db.execute(_of_months(account, first, end, month_summary.c.sessions)).scalars()
    return [Sessions.unpacked(stored) for stored in rows if stored]


def totals(db: Connection, account: int, first: int, end: int) -> Totals:
    """The totals of these months."""
    columns = (month_summary.c[name] for name in _TOTALS)
    return sum((Totals(*row) for row in db.execute(_of_months(account, first, end, *columns)).all()), Totals())


def texts(db: Connection, account: int, spellings: Iterable[int]) -> dict[int, tuple[str, str]]:
    """The artist and the title of names by their numbers."""
    found: dict[int, tuple[str, str]] = {}
    for some in parts(spellings):
        for spelling, artist, title in db.execute(_TEXTS, {"of": account, "some": some}).all():
            found[spelling] = (artist, title)
    return found


_TEXTS = select(summary_name.c.spelling, summary_name.c.artist, summary_name.c.title).where(
    summary_name.c.account == bindparam("of"), Among(summary_name.c.spelling, "some")
)

_PLAYS = (
    select(
        *(play.c.timestamp, play.c.artist, play.c.album, play.c.track, play.c.played, play.c.duration, play.c.counted)
    )
    .where(
        play.c.account == bindparam("of"),
        play.c.timestamp >= bindparam("start"),
        play.c.timestamp < bindparam("end"),
        play.c.fate.not_in(NOT_COUNTED),
    )
    .order_by(play.c.timestamp)
)


def plays(db: Connection, account: int, start: int, end: int) -> list[FiguredPlay]:
    """The plays from `start` to before `end` (Unix seconds), in the order of time."""
    rows = db.execute(_PLAYS, {"of": account, "start": start, "end": end}).all()
    return [
        FiguredPlay(at, artist, album, track, round(played or duration or 0), bool(counted))
        for at, artist, album, track, played, duration, counted in rows
    ]
