"""Figures for programs: one shape for the API and for `tonearm stats --json`.

Times are Unix seconds UTC, lengths are seconds; days are local ones (`2014-05-12`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import tzinfo
from enum import StrEnum
from typing import Any, assert_never

from tonearm.core import days
from tonearm.core.figures import ListeningSession, Measure, NameKind, Streak, Totals
from tonearm.service.figure_results import DEEPEST, LONGEST_LIST, FirstHeardList, Span, TopList, TopName
from tonearm.service.figures import Figures
from tonearm.store.queries.delivery_figures import DeliveryFigures

FigureAnswer = dict[str, Any]


class Shown(StrEnum):
    """The figures that can be requested."""

    OVERVIEW = "overview"
    ARTISTS = "artists"
    ALBUMS = "albums"
    TRACKS = "tracks"
    DAYS = "days"
    HOURS = "hours"
    NEW = "new"
    REDISCOVERED = "rediscovered"
    ON_THIS_DAY = "on-this-day"
    DELIVERIES = "deliveries"


KINDS = {Shown.ARTISTS: NameKind.ARTIST, Shown.ALBUMS: NameKind.ALBUM, Shown.TRACKS: NameKind.TRACK}
"""The lists of the most played."""


class BadPeriod(ValueError):
    """A period that can't be read."""


@dataclass(frozen=True, slots=True)
class Question:
    """Which figures, of which period ("" for the year of the last play), in which time zone. Lists have at most `limit`
    names, from position `offset` on; `of` artists, albums or tracks, for new and rediscovered names; `by` plays or
    seconds heard, for the most played.
    """

    shown: Shown
    period: str
    zone: tzinfo
    limit: int = 10
    offset: int = 0
    of: NameKind = NameKind.ARTIST
    by: Measure = Measure.PLAYS

    def __post_init__(self) -> None:
        if not (0 < self.limit <= LONGEST_LIST and 0 <= self.offset <= DEEPEST):
            raise ValueError(f"a list has 1 to {LONGEST_LIST} names, and begins at 0 to {DEEPEST}")


async def answer(figures: Figures, account: int, asked: Question) -> FigureAnswer:
    """The answer. Raises BadPeriod, StoreUnavailable."""
    span = await _span(figures, account, asked)
    period: FigureAnswer = {"period": str(span.period), "from": span.start, "to": span.end, "zone": str(asked.zone)}
    return period | await _of(figures, account, asked, span)


async def _span(figures: Figures, account: int, asked: Question) -> Span:
    wanted = asked.period or str((await figures.everything(account, asked.zone)).last.year)
    span = await figures.span(account, wanted, asked.zone)
    if span is None:
        raise BadPeriod(
            f"{wanted[:40]!r} isn't a period: use 2014, 2014-05, 2014-05-12, 2014..2016, 30d (the last 30 days) or all"
        )
    return span


async def _of(figures: Figures, account: int, asked: Question, span: Span) -> FigureAnswer:
    match asked.shown:
        case Shown.OVERVIEW:
            return await _overview(figures, account, asked, span)
        case Shown.ARTISTS | Shown.ALBUMS | Shown.TRACKS:
            kind = KINDS[asked.shown]
            return _list(await figures.top(account, kind, span, asked.limit, asked.offset, asked.by))
        case Shown.DAYS:
            times = await figures.times(account, span)
            by_day = [{"day": str(one.day), "plays": one.plays, "seconds": one.heard} for one in times.days]
            return {**_totals(times.totals), "days": by_day}
        case Shown.HOURS:
            times = await figures.times(account, span)
            return {**_totals(times.totals), "week": times.week}
        case Shown.NEW:
            return _first_heard(await figures.discoveries(account, asked.of, span, asked.limit, asked.offset))
        case Shown.REDISCOVERED:
            return _list(await figures.rediscovered(account, asked.of, span, asked.limit, asked.offset))
        case Shown.ON_THIS_DAY:
            return await _on_this_day(figures, account, asked.zone)
        case Shown.DELIVERIES:
            return _deliveries(await figures.deliveries(account, span))
        case _:
            assert_never(asked.shown)


def _first_heard(found: FirstHeardList) -> FigureAnswer:
    names = [
        {"artist": n.artist, "title": n.title or None, "first": n.at, "plays": n.plays, "seconds": n.heard}
        for n in found.names
    ]
    return {"total": found.total, "names": names}


async def _on_this_day(figures: Figures, account: int, zone: tzinfo) -> FigureAnswer:
    today = days.day_of(figures.clock.now(), zone)
    years = await figures.on_this_day(account, today, zone)
    return {
        "day": str(today),
        "years": [{"day": str(one.day), **_totals(one.totals), "tracks": _names(one.tracks)} for one in years],
    }


def _deliveries(found: DeliveryFigures) -> FigureAnswer:
    return {
        "sample": found.sample,
        "median_seconds": found.median,
        "slow_seconds": found.slow,
        "failed": found.failed,
        "left_out": [asdict(one) for one in found.left_out],
    }


async def _overview(figures: Figures, account: int, asked: Question, span: Span) -> FigureAnswer:
    found, times = await figures.period(account, span, asked.limit)
    streaks = await figures.streaks(account, asked.zone)
    first = await figures.first_play(account)
    return {
        **_totals(found.totals),
        "before": _totals(found.before) if found.before else None,
        "artists": found.names[NameKind.ARTIST],
        "albums": found.names[NameKind.ALBUM],
        "tracks": found.names[NameKind.TRACK],
        "new_artists": found.fresh,
        "active_days": len(times.days),
        "longest_session": _session(found.session),
        "streak": {"current": _streak(streaks.current), "longest": _streak(streaks.longest)},
        "first_play": {"timestamp": first.at, "artist": first.artist, "track": first.track} if first else None,
        "top": {shown.value: _names(found.tops[kind].names) for shown, kind in KINDS.items()},
    }


def _totals(totals: Totals) -> FigureAnswer:
    return {"plays": totals.plays, "seconds": totals.heard, "untimed": totals.untimed, "skipped": totals.skipped}


def _session(session: ListeningSession | None) -> FigureAnswer | None:
    if session is None:
        return None
    return {"from": session.start, "to": session.end, "seconds": session.seconds, "plays": session.plays}


def _streak(streak: Streak | None) -> FigureAnswer | None:
    if streak is None:
        return None
    first, last = days.date_of(streak.first), days.date_of(streak.last)
    return {"days": streak.days, "first": str(first), "last": str(last)}


def _list(found: TopList) -> FigureAnswer:
    return {"total": found.total, "names": _names(found.names)}


def _names(names: Iterable[TopName]) -> list[FigureAnswer]:
    return [
        {
            "rank": one.rank,
            "artist": one.artist,
            "title": one.title or None,
            "plays": one.plays,
            "seconds": one.heard,
            "rank_before": one.rank_before,
            "plays_before": one.plays_before,
        }
        for one in names
    ]
