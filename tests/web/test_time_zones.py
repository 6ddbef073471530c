"""One zone decides: pages, their times, charts and headings, and the figures of the API agree on days and hours."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.web.conftest import House
from tests.web.test_history import imported
from tonearm.core import days

pytestmark = pytest.mark.anyio

DAYS = (
    ("Pacific/Kiritimati", date(2025, 6, 1)),  # 14 hours before UTC
    ("Pacific/Pago_Pago", date(2025, 6, 1)),  # 11 hours behind it
    ("Asia/Kathmandu", date(2025, 6, 1)),  # a quarter of an hour off
    ("America/St_Johns", date(2025, 3, 9)),  # half an hour off, and clocks are changed
    ("America/St_Johns", date(2010, 11, 7)),  # the day began twice
    ("Europe/Berlin", date(2025, 3, 30)),  # 23 hours long
    ("Europe/Berlin", date(2025, 10, 26)),  # 25 hours long
)


def moment(day: date, clock: str, zone: ZoneInfo, fold: int = 0) -> int:
    return int(datetime.combine(day, time.fromisoformat(clock), zone).replace(fold=fold).timestamp())


def times(page: str) -> list[str]:
    return re.findall(r'<td class="when"><time[^>]*>([^<]+)</time>', page)


@pytest.mark.parametrize(("name", "day"), DAYS, ids=str)
async def test_a_day_is_the_readers_on_every_page_and_in_the_api(house: House, name: str, day: date) -> None:
    zone, after = ZoneInfo(name), day + timedelta(days=1)
    start, end = days.start_of(day, zone), days.start_of(after, zone)
    await imported(house, start - 60, start, moment(day, "12:34", zone), end - 60, end)
    house.http.cookies.set("zone", name)
    shown = await house.page(f"/history?period={day}")
    assert "3 plays, including" in shown
    written = f"{day.day} {day:%b %Y}"
    assert times(shown) == [f"{written} {clock}" for clock in ("23:59", "12:34", "00:00")]
    assert "1 play, including" in await house.page(f"/history?period={after}")
    year = await house.page(f"/history?period={day.year}")
    assert f"{day:%A}, {written}</a><span>, 3 plays" in year
    assert f"<title>{day:%A}, {written}, 3 plays</title>" in year
    counts = (await house.http.get("/history/days.json")).json()
    assert (counts["first"], counts["counts"]) == (days.day_number(day - timedelta(days=1)), [1, 3, 1])
    later = await house.page(f"/history/on-this-day?day={day.replace(year=day.year + 1)}")
    assert "3 plays" in later
    token = {"Authorization": f"Bearer {await house.deck.accounts.token(house.me.id)}"}
    asked = {"period": str(day), "zone": name}
    answer = (await house.signed_out.get("/stats/days", params=asked, headers=token)).json()
    assert (answer["from"], answer["to"], answer["zone"]) == (start, end, name)
    assert [one["plays"] for one in answer["days"]] == [3]
    hours = (await house.signed_out.get("/stats/hours", params=asked, headers=token)).json()
    assert {hour: plays for hour, plays in enumerate(hours["week"][day.weekday()]) if plays} == {0: 1, 12: 1, 23: 1}


async def test_without_scripts_times_are_in_the_zone_that_was_last_known(house: House) -> None:
    await imported(house, moment(date(2025, 6, 1), "12:00", ZoneInfo("UTC")))
    house.http.cookies.set("zone", "Asia/Kathmandu")
    assert times(await house.page("/history?period=2025")) == ["1 Jun 2025 17:45"]
    house.http.cookies.set("zone", "Pacific/Kiritimati")
    assert times(await house.page("/history?period=2025")) == ["2 Jun 2025 02:00"]


@pytest.mark.parametrize("name", sorted({name for name, _ in DAYS}))
async def test_what_shows_a_day_is_asked_for_again_at_the_readers_midnight(house: House, name: str) -> None:
    zone = ZoneInfo(name)
    house.http.cookies.set("zone", name)
    await imported(house, int(house.deck.clock.now()) - 60)
    for path, part in (("/", "days"), ("/fragments/on-this-day", "on-this-day"), ("/history", "history")):
        asked = house.deck.clock.now()
        stale = re.search(rf'id="{part}"[^>]* data-stale-in="([0-9.]+)"', await house.page(path))
        assert stale
        until = [days.start_of(days.day_of(at, zone) + timedelta(days=1), zone) - at for at in (asked, asked + 60)]
        assert until[1] <= float(stale[1]) <= until[0] + 2
