"""The page at `/history`: every play that was reported here, by time, by what was played, and by search."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse

from tonearm.core import days, period
from tonearm.core.days import Stretch
from tonearm.core.period import HistoryPeriod, PeriodKind
from tonearm.deck import Listener
from tonearm.service.metadata import LONGEST_NAME
from tonearm.service.values import Hours, PlayPage, QueuedRow, Snapshot, StatsScope, Wanted
from tonearm.web.api.schemas import After, cursor
from tonearm.web.pages.layout import Frame
from tonearm.web.view import figures, play_rows
from tonearm.web.view.delivery_status import PageContext
from tonearm.web.view.formats import date_words, duration, period_words, plays
from tonearm.web.view.templates import LONGEST_SEARCH
from tonearm.web.view.time_zone import zone_of

SHOWN = 25
"""Plays of a page."""

TOP = 10
"""Artists, albums and tracks of a list."""


def history_routes(router: APIRouter, frame: Frame) -> None:
    """`/history` and the counts that its zoomable chart is drawn from."""
    Me = Annotated[Listener, Depends(frame.who)]

    @router.get("/history")
    async def history(
        me: Me,
        request: Request,
        period_: Annotated[str, Query(alias="period", max_length=30)] = "",
        q: Annotated[str, Query(max_length=LONGEST_SEARCH)] = "",
        artist: Annotated[str, Query(max_length=LONGEST_NAME)] = "",
        album: Annotated[str, Query(max_length=LONGEST_NAME)] = "",
        track: Annotated[str, Query(max_length=LONGEST_NAME)] = "",
        player: Annotated[str, Query(max_length=LONGEST_NAME)] = "",
        after: After = None,
    ) -> Response:
        """The history; the plays of an artist, album, track or player, in a period if one is named; or a search."""
        wanted = None
        if player:
            wanted = Wanted(me.id, player=player)
        elif artist:
            wanted = Wanted(me.id, artist=artist, album=album or None, track=track or None)
        elif q.strip():
            wanted = Wanted(me.id, search=q)
        if wanted is None:
            return await _shown(frame, me, zone_of(request), period_, after, _address(request))
        return await _listing(frame, wanted, zone_of(request), period_, after, _address(request))

    @router.get("/history/days.json")
    async def counts(me: Me, request: Request) -> Response:
        """Plays of each local day: the first day, and the counts from it on."""
        zone = zone_of(request)
        everything = await _everything(frame, me.id, zone)
        ends = _stretches(everything, zone)
        hours = await frame.deck.views.hours(StatsScope(me.id), ends)
        found, first = hours.by_day, days.day_number(everything.first)
        last = max(found, default=first)
        body = {"first": first, "counts": [found[number] for number in range(first, last + 1)]}
        return JSONResponse(body, headers=dict(frame.headers))


def _address(request: Request) -> str:
    return f"{request.url.path}?{request.url.query}"


async def _listing(
    frame: Frame, wanted: Wanted, zone: tzinfo, period_: str, after: str | None, address: str
) -> Response:
    moment = frame.moment()
    shown = _period(period_, await _everything(frame, wanted.account, zone)) if period_ else None
    seen = await frame.deck.views.snapshot(wanted.account)
    leaf = await frame.deck.views.found(wanted, SHOWN, cursor(after), _span(shown, zone) if shown else None)
    facts: dict[str, Any] = {
        "words": wanted.search,
        "artist": wanted.artist,
        "album": wanted.album,
        "track": wanted.track,
        "player": wanted.player,
        "when": period_words(shown) if shown else "",
        "asked": _named(wanted) | ({"period": period_} if shown else {}),
        "whole": _named(wanted) if shown else {},
    }
    return frame.page(
        "search", seen, moment, page_at=after or "", address=address, **facts, **_listed(leaf, seen, moment)
    )


def _named(wanted: Wanted) -> dict[str, str]:
    """What is wanted, as an address names it."""
    names = {"q": wanted.search, "artist": wanted.artist, "album": wanted.album, "track": wanted.track}
    return {name: value for name, value in {**names, "player": wanted.player}.items() if value}


def _period(text: str, everything: HistoryPeriod) -> HistoryPeriod:
    shown = period.parse(text, everything)
    if shown is None or not date(1971, 1, 1) <= shown.first <= shown.last <= date(9000, 1, 1):
        raise HTTPException(400, "We can't read that date. Use 2014, 2014-05 or 2014-05-12.")
    return shown


def _listed(leaf: PlayPage, seen: Snapshot, moment: PageContext) -> dict[str, Any]:
    rows = [play_rows.row(entry, seen, moment) for entry in leaf.entries]
    return {"rows": rows, "next_page": f"{leaf.after[0]}-{leaf.after[1]}" if leaf.after else ""}


@dataclass(frozen=True, slots=True)
class DayHeading:
    """The heading over the first play of a day: its name, its address, and what was played on it."""

    name: str
    period: str
    words: str


async def _headings(frame: Frame, me: Listener, leaf: PlayPage, zone: tzinfo, today: date) -> dict[int, DayHeading]:
    """The headings of a list by the play that each stands over."""
    firsts: dict[date, int] = {}
    for entry in leaf.entries:
        firsts.setdefault(days.day_of(entry.play.timestamp, zone), entry.id)
    spans = [_span(period.day(day), zone) for day in firsts]
    totals = await frame.deck.views.totals(me.id, spans)
    return {
        first: DayHeading(_day_name(day, today), str(day), f"{plays(total.plays)}, {duration(total.heard)}")
        for (day, first), total in zip(firsts.items(), totals, strict=True)
    }


def _day_name(day: date, today: date) -> str:
    return {today: "Today", today - timedelta(days=1): "Yesterday"}.get(day, date_words(day))


async def _everything(frame: Frame, account: int, zone: tzinfo) -> HistoryPeriod:
    """From the day of the first play to that of the last; today where there is none."""
    now = frame.deck.clock.now()
    first, last = await frame.deck.views.first_and_last(account) or (now, now)
    return HistoryPeriod(PeriodKind.ALL, days.day_of(first, zone), days.day_of(last, zone))


def _stretches(shown: HistoryPeriod, zone: tzinfo) -> list[Stretch]:
    return days.stretches(zone, *_span(shown, zone))


def _span(shown: HistoryPeriod, zone: tzinfo) -> tuple[int, int]:
    """Unix seconds from the beginning of a period to before its end."""
    return days.start_of(shown.first, zone), days.start_of(shown.last + timedelta(days=1), zone)


async def _shown(frame: Frame, me: Listener, zone: tzinfo, wanted: str, after: str | None, address: str) -> Response:
    moment = frame.moment()
    everything = await _everything(frame, me.id, zone)
    shown = _period(wanted, everything) if wanted else period.year(everything.last.year)
    today = days.day_of(moment.now, zone)
    shown = period.within(shown, everything.first, max(everything.last, today))
    span, stretches, whose = _span(shown, zone), _stretches(shown, zone), StatsScope(me.id)
    seen = await frame.glance(me)
    leaf, hours, most = await frame.deck.views.figures(
        whose, span, stretches, TOP, Wanted(me.id), SHOWN, listed=span, after=cursor(after)
    )
    return frame.page(
        "history",
        seen,
        moment,
        page_at=after or "",
        address=address,
        headings=await _headings(frame, me, leaf, zone, today),
        lives=shown.last >= today or any(isinstance(one, QueuedRow) for one in leaf.entries),
        **_listed(leaf, seen, moment),
        **_figures(shown, everything, hours),
        artists=figures.places(most.artists),
        albums=figures.places(most.albums),
        tracks=figures.places(most.tracks),
    )


def _both(shown: HistoryPeriod, everything: HistoryPeriod) -> range:
    """The numbers of the days of a period that the history has."""
    first, last = max(shown.first, everything.first), min(shown.last, everything.last)
    return range(days.day_number(first), days.day_number(last) + 1)


def _figures(shown: HistoryPeriod, everything: HistoryPeriod, hours: Hours) -> dict[str, Any]:
    by_day: Counter[int] = hours.by_day
    counts = hours.counts if shown.kind is PeriodKind.DAY else by_day
    grid = None
    if shown.kind is PeriodKind.ALL:
        grid = figures.years_grid(shown, by_day)
    elif shown.kind is PeriodKind.YEAR:
        grid = figures.year_grid(shown, by_day)
    return {
        "shown": shown,
        "title": period_words(shown),
        "total": by_day.total(),
        "skipped": hours.skipped,
        "active_days": len(by_day),
        "years": range(everything.last.year, everything.first.year - 1, -1),
        "up": period.around(shown),
        "earlier": period.before(shown) if shown.first > everything.first else None,
        "later": period.after(shown) if shown.last < everything.last else None,
        "words_of": period_words,
        "grid": grid,
        "step": figures.step(shown),
        "zooms": shown.days > figures.FEW and len(_both(shown, everything)) > 1,
        "over_time": figures.over_time(shown, counts),
        "by_hour": figures.of_day(hours.by_hour),
        "by_weekday": figures.of_week(by_day),
    }
