"""The page at `/`: what plays, today's numbers, the connection, the last days and the last plays."""

from datetime import timedelta, tzinfo
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from tonearm.core import days
from tonearm.deck import Listener
from tonearm.service.values import StatsScope
from tonearm.web.pages.layout import Frame
from tonearm.web.view import play_rows
from tonearm.web.view.charts import Chart, Value, chart
from tonearm.web.view.formats import date_words, plays, short_date
from tonearm.web.view.now_playing import playing
from tonearm.web.view.time_zone import zone_of

DAYS_SHOWN = 30
LATEST_SHOWN = 12

PARTS = ("now", "numbers", "connection", "days", "latest")
"""The parts of the page that are fetched anew while it is open."""


def now_routes(router: APIRouter, frame: Frame) -> None:
    """`/` and its parts."""
    Me = Annotated[Listener, Depends(frame.who)]

    async def shown(name: str, me: Listener, request: Request) -> Response:
        moment, zone = frame.moment(), zone_of(request)
        seen, latest = await frame.deck.views.latest(me.id, LATEST_SHOWN)
        rows = [play_rows.row(entry, seen, moment) for entry in latest.entries]
        facts: dict[str, Any] = {
            "rows": rows,
            "again": play_rows.again(rows, moment),
            "more": latest.after is not None,
            "days": await _days(frame, me.id, moment.now, zone),
            "midnight": days.start_of(days.day_of(moment.now, zone) + timedelta(days=1), zone) - moment.now + 1,
        }
        what = playing(frame.deck.shows.current(me.id), seen.account.threshold, moment.now)
        return frame.page(name, seen, moment, playing=what, **facts)

    @router.get("/", name="home")
    async def home(me: Me, request: Request) -> Response:
        """What plays, and what became of the last plays."""
        return await shown("now", me, request)

    @router.get("/accounted")
    async def accounted(me: Me) -> Response:
        """How many plays have which state: together they are all plays."""
        sums = await frame.deck.views.accounted(me.id, fresh=True)
        return frame.page("accounted", await frame.glance(me), frame.moment(), sums=sums, parts=play_rows.sums(sums))

    @router.get("/fragments/accounted")
    async def trust(me: Me) -> Response:
        """The sum alone, of a moment ago."""
        sums = await frame.deck.views.accounted(me.id)
        return frame.page("_accounted", await frame.glance(me), frame.moment(), sums=sums)

    for part in PARTS:

        async def fragment(me: Me, request: Request, part: str = f"_{part}") -> Response:
            """One part of the page, as it is now."""
            return await shown(part, me, request)

        router.add_api_route(f"/fragments/{part}", fragment, methods=["GET"])


async def _days(frame: Frame, account: int, now: float, zone: tzinfo) -> Chart:
    shown = days.days_back(days.day_of(now, zone), DAYS_SHOWN)
    span = days.start_of(shown[0], zone), int(now) + 1
    hours = await frame.deck.views.recent_hours(StatsScope(account), days.stretches(zone, *span))
    counts = hours.by_day
    values = []
    for back, day in zip(range(DAYS_SHOWN - 1, -1, -1), shown, strict=True):
        count = counts[days.day_number(day)]
        label = short_date(day) if back % 7 == 0 else ""
        values.append(Value(count, label, f"{date_words(day)}, {plays(count)}", f"/history?period={day}"))
    return chart(values, "Plays per day in the last 30 days")
