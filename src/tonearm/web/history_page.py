"""The page at `/history`: every play that was reported here, by time, by what was played, and by search."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta, tzinfo
from functools import partial
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import Connection

from tonearm.core import days, period
from tonearm.core.days import Stretch
from tonearm.core.period import Kind, Period
from tonearm.deck import Listener
from tonearm.store import glance, stats
from tonearm.store.glance import InLine
from tonearm.store.stats import Top, Whose
from tonearm.web import figures, views
from tonearm.web.frame import Frame
from tonearm.web.shapes import After, cursor
from tonearm.web.standing import Moment
from tonearm.web.templates import LONGEST_SEARCH
from tonearm.web.words import period_words
from tonearm.web.zones import zone_of

T = TypeVar("T")

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
        after: After = None,
    ) -> Response:
        """The history, or what is found in it."""
        if q.strip():
            return await _search(frame, me, q, after, _address(request))
        return await _shown(frame, me, zone_of(request), period_, after, _address(request))

    @router.get("/history/days.json")
    async def counts(me: Me, request: Request) -> Response:
        """Plays of each local day: the first day, and the counts from it on."""
        zone = zone_of(request)
        everything = await _everything(frame, me, zone)
        ends = _stretches(everything, zone)
        found = await frame.deck.store.read(partial(stats.per_day, whose=Whose(me.id), stretches=ends))
        first = days.day_number(everything.first)
        last = max(found, default=first)
        body = {"first": first, "counts": [found[number] for number in range(first, last + 1)]}
        return JSONResponse(body, headers=dict(frame.headers))


def _address(request: Request) -> str:
    return f"{request.url.path}?{request.url.query}"


async def _search(frame: Frame, me: Listener, words: str, after: str | None, address: str) -> Response:
    moment = frame.moment()

    def read(db: Connection) -> tuple[glance.Glance, glance.Leaf]:
        seen = frame.look(db, me.id, moment.now)
        return seen, glance.history(db, me.id, SHOWN, words, None, cursor(after))

    seen, leaf = await frame.deck.store.read(read)
    listed = _listed(leaf, seen, moment)
    return frame.page("search", seen, moment, words=words, page_at=after or "", address=address, **listed)


def _listed(leaf: glance.Leaf, seen: glance.Glance, moment: Moment) -> dict[str, Any]:
    rows = [views.row(entry, seen, moment) for entry in leaf.entries]
    return {"rows": rows, "next_page": f"{leaf.after[0]}-{leaf.after[1]}" if leaf.after else ""}


async def _everything(frame: Frame, me: Listener, zone: tzinfo) -> Period:
    """From the day of the first play to that of the last; today where there is none."""
    now = frame.deck.clock.now()
    first, last = await frame.deck.store.read(partial(stats.first_and_last, account=me.id)) or (now, now)
    return Period(Kind.ALL, days.day_of(first, zone), days.day_of(last, zone))


def _stretches(shown: Period, zone: tzinfo) -> list[Stretch]:
    return days.stretches(zone, *_span(shown, zone))


def _span(shown: Period, zone: tzinfo) -> tuple[int, int]:
    """Unix seconds from the beginning of a period to before its end."""
    return days.start_of(shown.first, zone), days.start_of(shown.last + timedelta(days=1), zone)


async def _shown(frame: Frame, me: Listener, zone: tzinfo, wanted: str, after: str | None, address: str) -> Response:
    moment = frame.moment()
    everything = await _everything(frame, me, zone)
    shown = period.parse(wanted, everything) if wanted else period.year(everything.last.year)
    if shown is None or not date(1971, 1, 1) <= shown.first <= shown.last <= date(9000, 1, 1):
        raise HTTPException(400, "This names no period: a year is 2014, a month 2014-05, a day 2014-05-12.")
    span, stretches, whose = _span(shown, zone), _stretches(shown, zone), Whose(me.id)

    def read(db: Connection) -> tuple[glance.Glance, glance.Leaf]:
        seen = frame.look(db, me.id, moment.now)
        return seen, glance.history(db, me.id, SHOWN, "", span, cursor(after))

    async def ask(what: Callable[..., T], *rest: Any) -> T:
        return await frame.deck.store.read(lambda db: what(db, whose, *rest))

    by_day = stats.per_hour if shown.kind is Kind.DAY else stats.per_day
    (seen, leaf), counts, hours, artists, albums, tracks = await asyncio.gather(
        frame.deck.store.read(read),
        ask(by_day, stretches),
        ask(stats.by_hour, stretches),
        ask(stats.top_artists, *span, TOP),
        ask(stats.top_albums, *span, TOP),
        ask(stats.top_tracks, *span, TOP),
    )
    return frame.page(
        "history",
        seen,
        moment,
        page_at=after or "",
        address=address,
        lives=shown.last >= days.day_of(moment.now, zone) or any(isinstance(one, InLine) for one in leaf.entries),
        **_listed(leaf, seen, moment),
        **_figures(shown, everything, counts, hours),
        **_lists(artists, albums, tracks),
    )


def _figures(shown: Period, everything: Period, counts: Counter[int], hours: Counter[int]) -> dict[str, Any]:
    """`counts` are of hours where a day is shown, else of days."""
    by_day = counts
    if shown.kind is Kind.DAY:
        by_day = Counter({days.day_number(shown.first): sum(counts.values())}) if counts else Counter()
    grid = None
    if shown.kind is Kind.ALL:
        grid = figures.years_grid(shown, by_day)
    elif shown.kind is Kind.YEAR:
        grid = figures.year_grid(shown, by_day)
    return {
        "shown": shown,
        "title": period_words(shown),
        "total": sum(counts.values()),
        "active_days": len(by_day),
        "years": range(everything.last.year, everything.first.year - 1, -1),
        "up": period.around(shown),
        "earlier": period.before(shown) if shown.first > everything.first else None,
        "later": period.after(shown) if shown.last < everything.last else None,
        "words_of": period_words,
        "grid": grid,
        "over_time": figures.over_time(shown, counts),
        "by_hour": figures.of_day(hours),
        "by_weekday": figures.of_week(by_day),
    }


def _lists(artists: list[Top], albums: list[Top], tracks: list[Top]) -> dict[str, Any]:
    return {
        "artists": figures.places(artists),
        "albums": figures.places(albums),
        "tracks": figures.places(tracks),
    }
