"""Pages of figures of the history: *Rewind*, *On this day*, what was new or heard again, and deliveries."""

import asyncio
from base64 import b64encode
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, timedelta, tzinfo
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Request, Response

from tonearm.core import days
from tonearm.core import period as periods
from tonearm.core.figures import NameKind
from tonearm.core.period import HistoryPeriod
from tonearm.core.play import MissingName
from tonearm.core.wording import attempt, fate
from tonearm.deck import Deck, Listener
from tonearm.lastfm.error import LastFmError
from tonearm.service.figure_results import DEEPEST, Span, TopName
from tonearm.service.values import FATES, PlayFilter
from tonearm.web.address import see_other
from tonearm.web.pages.base import Me
from tonearm.web.pages.history import KINDS, ListChoice, read_period, whole_history
from tonearm.web.pages.layout import Frame
from tonearm.web.view import figures, rewind
from tonearm.web.view.formats import compared, duration, number, period_title, sentence
from tonearm.web.view.sleeves import sleeve
from tonearm.web.view.time_zone import request_zone, until_midnight

TOP_SIZE = 5
"""Rows of each list of a rewind."""

LIST_SIZE = 100
"""Rows of a page that is one list."""

COVERS_WITHIN = 1.5
"""Seconds that a picture waits for covers: it is made once, to be kept."""

AskedPeriod = Annotated[str, Query(alias="period", max_length=30)]
ListStart = Annotated[int, Query(ge=0, le=DEEPEST)]
FirstTime = Literal["new", "again"]


def history_figure_routes(router: APIRouter, frame: Frame) -> None:
    """`/history/rewind` with its picture, and beside it `on-this-day`, `new`, `again` and `deliveries`."""

    @router.get("/history/rewind")
    async def look_back(me: Me, request: Request, period_text: AskedPeriod = "") -> Response:
        """Look back on a year, a month or any other period."""
        return await _rewind(frame, me, request, period_text)

    @router.get("/history/rewind.svg")
    async def picture(me: Me, request: Request, period_text: AskedPeriod = "") -> Response:
        """The same, as a picture to share."""
        _, span = await _span(frame, me, request, period_text)
        found = await frame.deck.figures.rewind(me.id, span, TOP_SIZE)
        covers = await _covers(frame.deck, found.overview.tops[NameKind.ALBUM].names)
        headers = {
            "Cache-Control": "private, no-cache",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; img-src data:; sandbox",
        }
        body = rewind.picture(span.period, found, covers)
        return Response(body, media_type="image/svg+xml", headers=headers)

    @router.get("/history/on-this-day")
    async def on_this_day(me: Me, request: Request, day: Annotated[str, Query(max_length=10)] = "") -> Response:
        """This day of the year in all earlier years."""
        return await _on_this_day(frame, me, request, day)

    @router.get("/fragments/on-this-day")
    async def day_in_short(me: Me, request: Request) -> Response:
        """The same in short, for the first page."""
        zone = request_zone(request)
        today = days.day_of(frame.deck.clock.now(), zone)
        years = await _years(frame, me, today, zone, 1)
        streaks = await frame.deck.figures.streaks(me.id, zone)
        streak = streaks.current.days if streaks.current else 0
        return await frame.show(
            "_on_this_day",
            me,
            years=years,
            streak=streak,
            midnight=until_midnight(frame.deck.clock.now(), zone),
        )

    @router.get("/history/random")
    async def random_play(me: Me) -> Response:
        """Go to a random play."""
        play = await frame.deck.figures.random_play(me.id)
        return see_other("/history" if play is None else f"/plays/{play}")

    @router.get("/history/new")
    async def new(
        me: Me, request: Request, of: ListChoice = "artists", period_text: AskedPeriod = "", start: ListStart = 0
    ) -> Response:
        """What was heard for the first time in a period."""
        return await _first_times(frame, me, request, "new", of, period_text, start)

    @router.get("/history/again")
    async def again(
        me: Me, request: Request, of: ListChoice = "artists", period_text: AskedPeriod = "", start: ListStart = 0
    ) -> Response:
        """What was heard again in a period, after a break of a year or more."""
        return await _first_times(frame, me, request, "again", of, period_text, start)

    @router.get("/history/deliveries")
    async def deliveries(me: Me, request: Request, period_text: AskedPeriod = "") -> Response:
        """How long deliveries took, what was retried, and what Last.fm doesn't have."""
        return await _deliveries(frame, me, request, period_text)


async def _span(frame: Frame, me: Listener, request: Request, text: str) -> tuple[HistoryPeriod, Span]:
    """The whole history, and the requested period: by default the year of the last play."""
    zone = request_zone(request)
    whole = await whole_history(frame, me.id, zone)
    period = read_period(text, whole) if text else periods.year(whole.last.year)
    return whole, Span(periods.within(period, whole.first, whole.last), zone)


def _around(period: HistoryPeriod, whole: HistoryPeriod) -> dict[str, Any]:
    """The period, and those around it that have plays."""
    return {
        "period": period,
        "title": period_title(period),
        "up": periods.around(period),
        "earlier": periods.before(period) if period.first > whole.first else None,
        "later": periods.after(period) if period.last < whole.last else None,
        "period_title": period_title,
    }


async def _rewind(frame: Frame, me: Listener, request: Request, text: str) -> Response:
    whole, span = await _span(frame, me, request, text)
    found = await frame.deck.figures.rewind(me.id, span, TOP_SIZE)
    totals, before = found.overview.totals, found.overview.before
    first = await frame.deck.figures.first_play(me.id) if span.period.kind is periods.PeriodKind.ALL else None
    return await frame.show(
        "rewind",
        me,
        **_around(span.period, whole),
        heading=rewind.rewind_title(span.period),
        total=totals.plays,
        heard=_long(totals.heard) if totals.heard else "",
        active_days=len(found.times.days),
        compared=compared(totals.plays - before.plays, span.period) if before and before.plays else "",
        names={kind.value: count for kind, count in found.overview.names.items()},
        fresh=found.overview.fresh,
        lists={kind.value: figures.top_rows(top.names) for kind, top in found.overview.tops.items()},
        new=figures.top_rows(found.new.names),
        again=figures.top_rows(found.again.names),
        comeback=found.again.names[0] if found.again.names else None,
        week=figures.week_grid(found.times.week) if totals.plays else None,
        highlights=rewind.highlights(found),
        first=first,
        size=(rewind.WIDTH, rewind.HEIGHT),
    )


def _long(seconds: int) -> str:
    """A length of time, without minutes where there are many hours."""
    hours = seconds // days.HOUR
    return f"{number(hours)} h" if hours >= 100 else duration(seconds)


async def _covers(deck: Deck, albums: Sequence[TopName]) -> list[str]:
    """Covers as parts of a picture; a drawn sleeve where there is none in time."""
    lookups = [asyncio.create_task(_cover(deck, one)) for one in albums]
    if lookups:
        await asyncio.wait(lookups, timeout=COVERS_WITHIN)
    found = []
    for one, lookup in zip(albums, lookups, strict=True):
        lookup.add_done_callback(lambda task: task.cancelled() or task.exception())
        cover = lookup.result() if lookup.done() and not lookup.exception() else ""
        found.append(cover or sleeve(one.artist, one.title))
    return found


async def _cover(deck: Deck, album: TopName) -> str:
    with suppress(LastFmError, MissingName):
        image = await deck.metadata.cover(album.artist, album_=album.title)
        if image is not None:
            data = f"data:{image.kind};base64,{b64encode(image.body).decode()}"
            return f'<image width="40" height="40" preserveAspectRatio="xMidYMid slice" href="{data}"/>'
    return ""


async def _years(frame: Frame, me: Listener, shown: date, zone: tzinfo, top: int) -> list[dict[str, Any]]:
    """A day of the year in each earlier year with plays."""
    return [
        {
            "day": one.day,
            "ago": shown.year - one.day.year,
            "plays": one.totals.plays,
            "heard": duration(one.totals.heard) if one.totals.heard else "",
            "rows": figures.top_rows(one.tracks),
        }
        for one in await frame.deck.figures.on_this_day(me.id, shown, zone, top)
    ]


async def _on_this_day(frame: Frame, me: Listener, request: Request, day: str) -> Response:
    zone = request_zone(request)
    today = days.day_of(frame.deck.clock.now(), zone)
    shown = today
    if day:
        try:
            shown = date.fromisoformat(day)
        except ValueError:
            raise HTTPException(400, "We can't read that date. Use 2014-05-12.") from None
        if not 1972 <= shown.year <= 9000:
            raise HTTPException(400, "You have no plays on that day.")
    years = await _years(frame, me, shown, zone, TOP_SIZE)
    return await frame.show(
        "on_this_day",
        me,
        day=shown,
        today=shown == today,
        years=years,
        earlier=shown - timedelta(days=1),
        later=shown + timedelta(days=1),
        first=await frame.deck.figures.first_play(me.id),
        streaks=await frame.deck.figures.streaks(me.id, zone),
        date_of=days.date_of,
    )


async def _first_times(
    frame: Frame, me: Listener, request: Request, which: FirstTime, many: ListChoice, text: str, start: int
) -> Response:
    whole, span = await _span(frame, me, request, text)
    kind = KINDS[many]
    names: Sequence[Any]
    if which == "new":
        fresh = await frame.deck.figures.discoveries(me.id, kind, span, LIST_SIZE, start)
        total, names = fresh.total, fresh.names
    else:
        again = await frame.deck.figures.rediscovered(me.id, kind, span, LIST_SIZE, start)
        total, names = again.total, again.names
    end = start + len(names)
    return await frame.show(
        "first_times",
        me,
        **_around(span.period, whole),
        which=which,
        many=many,
        kind=kind.value,
        total=total,
        names=names,
        start=start,
        next_start=end if names and end < min(total, DEEPEST) else None,
    )


async def _deliveries(frame: Frame, me: Listener, request: Request, text: str) -> Response:
    whole, span = await _span(frame, me, request, text)
    found = await frame.deck.figures.deliveries(me.id, span)
    filters = {settled: filter_ for filter_, settled_fates in FATES.items() for settled in settled_fates}
    left_out = [
        (fate(one.fate), filters.get(one.fate, PlayFilter.ALL).value, sentence(one.reason), one.plays)
        for one in found.left_out
    ]
    return await frame.show(
        "deliveries",
        me,
        **_around(span.period, whole),
        found=found,
        failed=sorted(((attempt(verdict), count) for verdict, count in found.failed.items()), key=lambda one: -one[1]),
        left_out=left_out,
    )
