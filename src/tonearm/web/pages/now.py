"""The page at `/`: what's playing, today's numbers, the connection, the last days and the last plays."""

from dataclasses import dataclass
from datetime import date, tzinfo
from functools import lru_cache
from typing import Any

from fastapi import APIRouter, Request, Response

from tonearm.core import days
from tonearm.deck import Listener
from tonearm.service.values import Hours, PlayPage, Snapshot, StatsScope
from tonearm.web.pages.base import Me
from tonearm.web.pages.layout import Frame
from tonearm.web.view import play_rows
from tonearm.web.view.charts import Value, chart
from tonearm.web.view.delivery_status import PageContext
from tonearm.web.view.formats import long_date, plays, short_date
from tonearm.web.view.now_playing import REST, playing
from tonearm.web.view.templates import page
from tonearm.web.view.time_zone import request_zone, until_midnight

DAYS_SHOWN = 30
LATEST_SHOWN = 12


def now_routes(router: APIRouter, frame: Frame) -> None:
    """`/` and its parts, each of which is fetched again while the page is open, and reads only what it shows."""

    @router.get("/", name="home")
    async def home(me: Me, request: Request) -> Response:
        """What's playing, and what happened to the latest plays."""
        return await _page(frame, me, request)

    @router.get("/accounted")
    async def accounted(me: Me) -> Response:
        """How many plays are in each state; together they are all plays."""
        counted = await frame.deck.views.accounted(me.id, fresh=True)
        totals = play_rows.fate_totals(counted)
        return await frame.show("accounted", me, accounted=counted, totals=totals)

    @router.get("/fragments/accounted")
    async def accounted_part(me: Me) -> Response:
        """The sentence alone, as it is now."""
        counted = await frame.deck.views.accounted(me.id)
        return await frame.show("_accounted", me, accounted=counted)

    @router.get("/fragments/now")
    async def now_part(me: Me) -> Response:
        """What's playing."""
        context, snapshot = frame.context(), await frame.snapshot(me)
        return frame.page("_now", snapshot, context, **await _playing(me, snapshot, context))

    @router.get("/fragments/numbers")
    async def numbers_part(me: Me) -> Response:
        """The numbers of the last 24 hours."""
        return await frame.show("_numbers", me)

    @router.get("/fragments/connection")
    async def connection_part(me: Me) -> Response:
        """The connection to Last.fm."""
        return await frame.show("_connection", me)

    @router.get("/fragments/days")
    async def days_part(me: Me, request: Request) -> Response:
        """The last days."""
        shown = _days(frame.context().now, request_zone(request))
        hours = await frame.deck.views.recent_hours(StatsScope(me.id), shown.stretches)
        return page("_days", frame.headers, **shown.values(hours))

    @router.get("/fragments/latest")
    async def latest_part(me: Me) -> Response:
        """The latest plays."""
        context = frame.context()
        snapshot, latest = await frame.deck.views.latest(me.id, LATEST_SHOWN)
        return frame.page("_latest", snapshot, context, **_latest(latest, snapshot, context))


async def _page(frame: Frame, me: Listener, request: Request) -> Response:
    context = frame.context()
    shown = _days(context.now, request_zone(request))
    snapshot, latest, hours = await frame.deck.views.now(me.id, LATEST_SHOWN, shown.stretches)
    parts = {**await _playing(me, snapshot, context), **shown.values(hours), **_latest(latest, snapshot, context)}
    return frame.page("now", snapshot, context, **parts)


async def _playing(me: Listener, snapshot: Snapshot, context: PageContext) -> dict[str, Any]:
    now_playing = playing(me.deck.shows.current(me.id), snapshot.account.threshold, context.now)
    loved = now_playing is not None and await me.loves(now_playing.track.artist, now_playing.track.title)
    return {"playing": now_playing, "loved": loved, "rest": REST}


def _latest(latest: PlayPage, snapshot: Snapshot, context: PageContext) -> dict[str, Any]:
    rows = [play_rows.play_row(entry, snapshot, context) for entry in latest.entries]
    return {"rows": rows, "refresh_in": play_rows.refresh_in(rows, context), "more": latest.after is not None}


@dataclass(frozen=True, slots=True)
class _Days:
    """The days that are shown, and the seconds until that is no longer all of them."""

    dates: list[date]
    stretches: list[days.Stretch]
    midnight: float

    def values(self, hours: Hours) -> dict[str, Any]:
        counts = hours.by_day
        bars = [
            _bar(day, counts[days.day_number(day)], labelled=days_ago % 7 == 0)
            for days_ago, day in zip(range(DAYS_SHOWN - 1, -1, -1), self.dates, strict=True)
        ]
        return {"days": chart(bars, "Plays per day in the last 30 days"), "midnight": self.midnight}


def _days(now: float, zone: tzinfo) -> _Days:
    dates = days.days_back(days.day_of(now, zone), DAYS_SHOWN)
    stretches = days.stretches(zone, days.start_of(dates[0], zone), int(now) + 1)
    return _Days(dates, stretches, until_midnight(now, zone))


@lru_cache(4 * DAYS_SHOWN)
def _bar(day: date, count: int, *, labelled: bool) -> Value:
    return Value(
        count, short_date(day) if labelled else "", f"{long_date(day)}, {plays(count)}", f"/history?period={day}"
    )
