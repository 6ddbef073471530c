"""The page at `/`: what's playing, today's numbers, the connection, the last days and the last plays."""

from datetime import tzinfo
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from tonearm.core import days
from tonearm.deck import Listener
from tonearm.service.values import StatsScope
from tonearm.web.pages.layout import Frame
from tonearm.web.view import play_rows
from tonearm.web.view.charts import Chart, Value, chart
from tonearm.web.view.formats import long_date, plays, short_date
from tonearm.web.view.now_playing import REST, playing
from tonearm.web.view.time_zone import request_zone, until_midnight

DAYS_SHOWN = 30
LATEST_SHOWN = 12

PARTS = ("now", "numbers", "connection", "days", "latest")
"""The parts of the page that are fetched again while it is open."""


def now_routes(router: APIRouter, frame: Frame) -> None:
    """`/` and its parts."""
    Me = Annotated[Listener, Depends(frame.listener)]

    @router.get("/", name="home")
    async def home(me: Me, request: Request) -> Response:
        """What's playing, and what happened to the latest plays."""
        return await _page(frame, "now", me, request)

    @router.get("/accounted")
    async def accounted(me: Me) -> Response:
        """How many plays are in each state; together they are all plays."""
        counted = await frame.deck.views.accounted(me.id, fresh=True)
        totals = play_rows.fate_totals(counted)
        return frame.page("accounted", await frame.snapshot(me), frame.context(), accounted=counted, totals=totals)

    @router.get("/fragments/accounted")
    async def accounted_part(me: Me) -> Response:
        """The sentence alone, as it is now."""
        counted = await frame.deck.views.accounted(me.id)
        return frame.page("_accounted", await frame.snapshot(me), frame.context(), accounted=counted)

    for part in PARTS:

        async def fragment(me: Me, request: Request, part: str = f"_{part}") -> Response:
            """One part of the page, as it is now."""
            return await _page(frame, part, me, request)

        router.add_api_route(f"/fragments/{part}", fragment, methods=["GET"])


async def _page(frame: Frame, name: str, me: Listener, request: Request) -> Response:
    context, zone = frame.context(), request_zone(request)
    snapshot, latest = await frame.deck.views.latest(me.id, LATEST_SHOWN)
    rows = [play_rows.play_row(entry, snapshot, context) for entry in latest.entries]
    values: dict[str, Any] = {
        "rows": rows,
        "refresh_in": play_rows.refresh_in(rows, context),
        "more": latest.after is not None,
        "days": await _days(frame, me.id, context.now, zone),
        "midnight": until_midnight(context.now, zone),
    }
    now_playing = playing(frame.deck.shows.current(me.id), snapshot.account.threshold, context.now)
    loved = now_playing is not None and await me.loves(now_playing.track.artist, now_playing.track.title)
    return frame.page(name, snapshot, context, playing=now_playing, loved=loved, rest=REST, **values)


async def _days(frame: Frame, account: int, now: float, zone: tzinfo) -> Chart:
    shown = days.days_back(days.day_of(now, zone), DAYS_SHOWN)
    span = days.start_of(shown[0], zone), int(now) + 1
    hours = await frame.deck.views.recent_hours(StatsScope(account), days.stretches(zone, *span))
    counts = hours.by_day
    values = []
    for days_ago, day in zip(range(DAYS_SHOWN - 1, -1, -1), shown, strict=True):
        count = counts[days.day_number(day)]
        label = short_date(day) if days_ago % 7 == 0 else ""
        values.append(Value(count, label, f"{long_date(day)}, {plays(count)}", f"/history?period={day}"))
    return chart(values, "Plays per day in the last 30 days")
