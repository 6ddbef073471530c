"""The page at `/history`: every play reported here, by period, by artist, album, track or player, and by search."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse

from tonearm.core import days
from tonearm.core import period as periods
from tonearm.core.figures import Measure, NameKind
from tonearm.core.period import HistoryPeriod, PeriodKind
from tonearm.deck import Listener
from tonearm.service.figure_results import DEEPEST, Overview, Span
from tonearm.service.metadata import LONGEST_NAME
from tonearm.service.values import Hours, PlayPage, PlayQuery, QueuedRow, Snapshot
from tonearm.web.api.schemas import After, cursor
from tonearm.web.pages.base import Me
from tonearm.web.pages.layout import Frame
from tonearm.web.view import figures, play_rows
from tonearm.web.view.delivery_status import PageContext
from tonearm.web.view.formats import compared, duration, long_date, period_title, plays
from tonearm.web.view.time_zone import request_zone, until_midnight

PAGE_SIZE = 25
"""Plays on a page."""

TOP_SIZE = 10
"""Rows of each top list."""

LONGEST_SEARCH = 1000
"""Characters of a search."""

TOP_PAGE_SIZE = 100
"""Rows of a page that is one top list."""

ListChoice = Literal["artists", "albums", "tracks"]
KINDS: dict[ListChoice, NameKind] = {"artists": NameKind.ARTIST, "albums": NameKind.ALBUM, "tracks": NameKind.TRACK}
MANY = {kind: many for many, kind in KINDS.items()}


def history_routes(router: APIRouter, frame: Frame) -> None:
    """`/history` and the counts that its zoomable chart is drawn from."""

    @router.get("/history")
    async def history(
        me: Me,
        request: Request,
        period_text: Annotated[str, Query(alias="period", max_length=30)] = "",
        q: Annotated[str, Query(max_length=LONGEST_SEARCH)] = "",
        artist: Annotated[str, Query(max_length=LONGEST_NAME)] = "",
        album: Annotated[str, Query(max_length=LONGEST_NAME)] = "",
        track: Annotated[str, Query(max_length=LONGEST_NAME)] = "",
        player: Annotated[str, Query(max_length=LONGEST_NAME)] = "",
        after: After = None,
    ) -> Response:
        """The history of a period; or the plays of an artist, album, track or player, or of a search."""
        query = None
        if player:
            query = PlayQuery(me.id, player=player)
        elif artist:
            query = await _of_name(frame, me, artist, album, track)
        elif q.strip():
            query = PlayQuery(me.id, search=q)
        if query is None:
            return await _statistics_page(frame, me, request_zone(request), period_text, after, _address(request))
        return await _search_page(frame, query, request_zone(request), period_text, after, _address(request))

    @router.get("/history/top")
    async def top(
        me: Me,
        request: Request,
        of: ListChoice = "artists",
        period_text: Annotated[str, Query(alias="period", max_length=30)] = "",
        by: Measure = Measure.PLAYS,
        start: Annotated[int, Query(ge=0, le=DEEPEST)] = 0,
    ) -> Response:
        """All artists, albums or tracks of a period, the most played first."""
        return await _top_page(frame, me, request_zone(request), of, period_text, by, start)

    @router.get("/history/days.json")
    async def counts(me: Me, request: Request) -> Response:
        """Plays of each local day: the first day, and the counts from it on."""
        zone = request_zone(request)
        whole = await whole_history(frame, me.id, zone)
        times = await frame.deck.figures.times(me.id, Span(whole, zone))
        counts_by_day, first = Hours(times.by_hour).by_day, days.day_number(whole.first)
        last = max(counts_by_day, default=first)
        body = {"first": first, "counts": [counts_by_day[day_number] for day_number in range(first, last + 1)]}
        return JSONResponse(body, headers=dict(frame.headers))


async def _of_name(frame: Frame, me: Listener, artist: str, album: str, track: str) -> PlayQuery:
    """The plays of an artist, an album or a track, in all its spellings."""
    kind = NameKind.TRACK if track else NameKind.ALBUM if album else NameKind.ARTIST
    spellings = await frame.deck.figures.spellings(me.id, kind, (artist, track or album))
    return PlayQuery(me.id, artist=artist, album=album or None, track=track or None, spellings=spellings)


def _address(request: Request) -> str:
    return f"{request.url.path}?{request.url.query}"


async def _search_page(
    frame: Frame, query: PlayQuery, zone: tzinfo, period_text: str, after: str | None, address: str
) -> Response:
    context = frame.context()
    period = read_period(period_text, await whole_history(frame, query.account, zone)) if period_text else None
    snapshot = await frame.deck.views.snapshot(query.account)
    page = await frame.deck.views.found(query, PAGE_SIZE, cursor(after), _span(period, zone) if period else None)
    values: dict[str, Any] = {
        "search": query.search,
        "artist": query.artist,
        "album": query.album,
        "track": query.track,
        "player": query.player,
        "when": period_title(period) if period else "",
        "params": _query_params(query) | ({"period": period_text} if period else {}),
        "params_without_period": _query_params(query) if period else {},
    }
    return frame.page(
        "search", snapshot, context, page_at=after or "", address=address, **values, **_rows(page, snapshot, context)
    )


def _query_params(query: PlayQuery) -> dict[str, str]:
    """The query as the parameters of an address."""
    names = {"q": query.search, "artist": query.artist, "album": query.album, "track": query.track}
    return {name: value for name, value in {**names, "player": query.player}.items() if value}


def read_period(text: str, whole: HistoryPeriod) -> HistoryPeriod:
    """The period that an address names; raises HTTPException if it names none."""
    period = periods.parse(text, whole)
    if period is None or not date(1971, 1, 1) <= period.first <= period.last <= date(9000, 1, 1):
        raise HTTPException(400, "We can't read that date. Use 2014, 2014-05 or 2014-05-12.")
    return period


def _rows(page: PlayPage, snapshot: Snapshot, context: PageContext) -> dict[str, Any]:
    rows = [play_rows.play_row(entry, snapshot, context) for entry in page.entries]
    return {"rows": rows, "next_page": f"{page.after[0]}-{page.after[1]}" if page.after else ""}


@dataclass(frozen=True, slots=True)
class DayHeading:
    """The heading over the first play of a day: its name, its period in an address, and a summary of its plays."""

    name: str
    period: str
    summary: str


async def _headings(frame: Frame, me: Listener, page: PlayPage, zone: tzinfo, today: date) -> dict[int, DayHeading]:
    """The headings of a list, by the id of the play that each precedes."""
    first_of_day: dict[date, int] = {}
    for entry in page.entries:
        first_of_day.setdefault(days.day_of(entry.play.timestamp, zone), entry.id)
    spans = [_span(periods.day(day), zone) for day in first_of_day]
    totals = await frame.deck.views.totals(me.id, spans)
    return {
        first: DayHeading(_day_name(day, today), str(day), f"{plays(total.plays)}, {duration(total.heard)}")
        for (day, first), total in zip(first_of_day.items(), totals, strict=True)
    }


def _day_name(day: date, today: date) -> str:
    return {today: "Today", today - timedelta(days=1): "Yesterday"}.get(day, long_date(day))


async def whole_history(frame: Frame, account: int, zone: tzinfo) -> HistoryPeriod:
    """From the day of the first play to that of the last; today if there is none."""
    now = frame.deck.clock.now()
    first, last = await frame.deck.views.first_and_last(account) or (now, now)
    return HistoryPeriod(PeriodKind.ALL, days.day_of(first, zone), days.day_of(last, zone))


def _span(period: HistoryPeriod, zone: tzinfo) -> tuple[int, int]:
    """Unix seconds from the beginning of a period to before its end."""
    return days.start_of(period.first, zone), days.start_of(period.last + timedelta(days=1), zone)


async def _statistics_page(
    frame: Frame, me: Listener, zone: tzinfo, period_text: str, after: str | None, address: str
) -> Response:
    context = frame.context()
    whole = await whole_history(frame, me.id, zone)
    period = read_period(period_text, whole) if period_text else periods.year(whole.last.year)
    today = days.day_of(context.now, zone)
    period = periods.within(period, whole.first, max(whole.last, today))
    snapshot = await frame.snapshot(me)
    page = await frame.deck.views.found(PlayQuery(me.id), PAGE_SIZE, cursor(after), _span(period, zone))
    overview, times = await frame.deck.figures.period(me.id, Span(period, zone), TOP_SIZE)
    hours = Hours(times.by_hour, overview.totals.skipped)
    headings, rows = await _headings(frame, me, page, zone, today), _rows(page, snapshot, context)
    return frame.page(
        "history",
        snapshot,
        context,
        page_at=after or "",
        address=address,
        headings=headings,
        runs=play_rows.album_runs(rows["rows"], headings),
        midnight=until_midnight(context.now, zone),
        live_page=period.last >= today or any(isinstance(entry, QueuedRow) for entry in page.entries),
        **rows,
        **_charts(period, whole, hours),
        **_overview(overview, period),
    )


def _overview(overview: Overview, period: HistoryPeriod) -> dict[str, Any]:
    """The top lists with their lengths, and how long was listened, next to the period before."""
    totals, before, session = overview.totals, overview.before, overview.session
    return {
        **{MANY[kind]: figures.top_rows(top.names) for kind, top in overview.tops.items()},
        "lengths": {MANY[kind]: top.total for kind, top in overview.tops.items()},
        "heard": duration(totals.heard) if totals.heard else "",
        "compared": compared(totals.plays - before.plays, period) if before and before.plays else "",
        "new_artists": overview.fresh,
        "session": (session.start, duration(session.seconds), session.plays) if session and session.plays > 1 else None,
    }


async def _top_page(
    frame: Frame, me: Listener, zone: tzinfo, many: ListChoice, period_text: str, by: Measure, start: int
) -> Response:
    """A part of a list of the most played."""
    whole = await whole_history(frame, me.id, zone)
    period = read_period(period_text, whole) if period_text else periods.year(whole.last.year)
    top = await frame.deck.figures.top(me.id, KINDS[many], Span(period, zone), TOP_PAGE_SIZE, start, by)
    end = start + len(top.names)
    return await frame.show(
        "top",
        me,
        many=many,
        kind=KINDS[many].value,
        period=period,
        title=period_title(period),
        top=figures.top_rows(top.names),
        total=top.total,
        by=by.value,
        start=start,
        next_start=end if top.names and end < min(top.total, DEEPEST) else None,
    )


def _days_with_history(period: HistoryPeriod, whole: HistoryPeriod) -> range:
    """The numbers of the days of a period within the history."""
    first, last = max(period.first, whole.first), min(period.last, whole.last)
    return range(days.day_number(first), days.day_number(last) + 1)


def _charts(period: HistoryPeriod, whole: HistoryPeriod, hours: Hours) -> dict[str, Any]:
    by_day: Counter[int] = hours.by_day
    counts = hours.counts if period.kind is PeriodKind.DAY else by_day
    grid = None
    if period.kind is PeriodKind.ALL:
        grid = figures.years_grid(period, by_day)
    elif period.kind is PeriodKind.YEAR:
        grid = figures.year_grid(period, by_day)
    return {
        "period": period,
        "title": period_title(period),
        "total": by_day.total(),
        "skipped": hours.skipped,
        "active_days": len(by_day),
        "years": range(whole.last.year, whole.first.year - 1, -1),
        "up": periods.around(period),
        "earlier": periods.before(period) if period.first > whole.first else None,
        "later": periods.after(period) if period.last < whole.last else None,
        "period_title": period_title,
        "grid": grid,
        "unit": figures.bar_unit(period),
        "zooms": period.days > figures.MAX_DAYS and len(_days_with_history(period, whole)) > 1,
        "over_time": figures.over_time(period, counts),
        "by_hour": figures.by_hour(hours.by_hour),
        "by_weekday": figures.by_weekday(by_day),
    }
