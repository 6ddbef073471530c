"""A period looked back on, this day in earlier years, what was new or heard again, and how deliveries went."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest
from sqlalchemy import Connection, insert

from tests.databases import only_sqlite
from tests.web.conftest import House
from tests.web.test_history import at, imported
from tests.web.test_page import HOSTILE, Tags
from tonearm.core.figures import NameKind, Streak, Totals
from tonearm.core.period import year
from tonearm.service.figure_results import ListeningTimes, Overview, Rewind, TopList
from tonearm.store.db.schema import attempt
from tonearm.web.view import rewind

pytestmark = pytest.mark.anyio


def cards(page: str) -> dict[str, list[str]]:
    """The texts of the highlights by their headings."""
    found = re.findall(r'<h2>([^<]+)</h2><p class="large"[^>]*>(.*?)</p><p class="small">(.*?)</p>', page)
    return {heading: [re.sub("<[^>]+>", "", text) for text in texts] for heading, *texts in found}


async def filled(house: House) -> None:
    """Two years: an artist of long ago who came back, a new one, four days in a row, and an evening."""
    await imported(house, at(2012, 3, 1), artist="Low", track="Words", album="I Could Live in Hope")
    await imported(house, at(2013, 6, 1), at(2013, 6, 2))
    await imported(house, *(at(2014, 5, day) for day in (1, 2, 3, 4)))
    await imported(house, at(2014, 5, 12, 20), at(2014, 5, 12, 20, 5), artist="Björk", track="Jóga", played=1800.0)
    await imported(house, at(2014, 5, 20), artist="Low", track="Words", album="I Could Live in Hope")


async def test_a_year_is_looked_back_on(house: House) -> None:
    await filled(house)
    page = await house.page("/history/rewind?period=2014")
    assert "<h1>Rewind 2014</h1>" in page
    assert "7 plays on 6 days. 5 more plays than in 2013." in page
    figures = page[page.index('class="figures big"') :]
    assert re.findall(r"<b>([^<]+)</b> <span>([^<]+)", figures[: figures.index("</ul>")]) == [
        ("7", "plays"),
        ("1 h 20 min", "of listening"),
        ("3", "artists"),
        ("3", "albums"),
        ("3", "tracks"),
        ("1", "new artist"),
    ]
    assert cards(page) == {
        "Longest streak": ["4 days", "Music every day from 1 May to 4 May 2014"],
        "Longest session": ["35 min", "2 plays in one go"],
        "Busiest day": ["2 plays", "Monday, 12 May 2014"],
        "Favourite time": ["Mondays", "Most plays begin between 12:00 and 13:00"],
        "Comeback": ["Low", "1 play after a break of a year or more"],
    }
    assert 'aria-label="Plays by weekday and hour: most on Monday, 20:00 to 20:59, 2 plays"' in page
    assert "<title>Thursday, 12:00 to 12:59, 1 play</title>" in page
    new = page[page.index('aria-label="New artists"') : page.index('aria-label="Artists heard again"')]
    assert ("Björk" in new, "Nina Simone" in new) == (True, False)
    hrefs = {a["href"] for a in Tags(page).all("a")}
    assert {"/history/rewind?period=2013", "/history?period=2014-05-12", "/history/rewind.svg?period=2014"} <= hrefs
    everything = cards(await house.page("/history/rewind?period=all"))
    assert everything["First play"][0] == "Words"
    month = await house.page("/history/rewind?period=2014-05")
    assert "<h1>Rewind May 2014</h1>" in month
    assert "No plays in this period." in await house.page("/history/rewind?period=2001")
    assert "/history/rewind?period=2014" in {a["href"] for a in Tags(await house.page("/history")).all("a")}


async def test_an_empty_history_has_nothing_to_look_back_on(house: House) -> None:
    for path in ("rewind", "on-this-day", "new", "again", "deliveries", "rewind.svg"):
        await house.page(f"/history/{path}")
    for path in ("rewind", "new", "again", "deliveries", "rewind.svg"):
        assert (await house.http.get(f"/history/{path}?period=2014-13")).status_code == 400
    for day in ("2014-02-30", "x", "0001-01-01"):
        assert (await house.http.get(f"/history/on-this-day?day={day}")).status_code == 400
    assert (await house.signed_out.get("/history/rewind.svg")).status_code in (303, 401)


async def test_the_picture_to_share_needs_no_other_request(house: House) -> None:
    await filled(house)
    for place, name in enumerate(HOSTILE):
        await imported(house, at(2014, 6, 1, place), artist=name, track=name, album=name)
    answer = await house.http.get("/history/rewind.svg?period=2014")
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert "sandbox" in answer.headers["content-security-policy"]
    drawing = ElementTree.fromstring(answer.text)
    texts = [element.text for element in drawing.iter() if element.tag.endswith("text")]
    assert {"2014", "plays", "Artists", "Tracks", "Nina Simone"} <= set(texts)
    for element in drawing.iter():
        assert not element.tag.endswith(("script", "foreignObject"))
        assert all(not name.startswith("on") for name in element.attrib)
        assert element.attrib.get("href", "data:").startswith("data:")
    covers = [element for element in drawing.iter() if element.get("width") == "180"]
    assert len(covers) == 5


def test_long_and_wide_names_are_cut_to_the_room_of_the_picture() -> None:
    empty = TopList(0, ())
    overview = Overview(Totals(1, 30), None, dict.fromkeys(NameKind, 1), 0, None, dict.fromkeys(NameKind, empty))
    drawn = rewind.picture(
        year(2014), Rewind(overview, ListeningTimes(Totals(1), (), [], Counter()), empty, empty, None), []
    )
    assert ("hours" in drawn, ">play<" in drawn) == (False, True)
    assert rewind.fitting("x" * 24) == "x" * 24
    assert rewind.fitting("x" * 25) == "x" * 24 + "…"
    assert rewind.fitting("音" * 13) == "音" * 12 + "…"
    assert (
        rewind.highlights(Rewind(overview, ListeningTimes(Totals(), (), [], Counter()), empty, empty, Streak(1, 1)))
        == []
    )


async def test_this_day_in_earlier_years(house: House) -> None:
    today = datetime.fromtimestamp(house.deck.clock.now(), UTC)
    await imported(house, at(2014, 5, 12), at(2014, 5, 12, 13), artist="Björk", track="Jóga", played=1800.0)
    await imported(house, at(2012, 5, 12, 13))
    await imported(house, at(2012, 5, 13))
    page = await house.page("/history/on-this-day?day=2015-05-12")
    assert "<h1>On 12 May</h1>" in page
    assert page.index("2014, 1 year ago") < page.index("2012, 3 years ago")
    links = {a["href"] for a in Tags(page).all("a")}
    assert {"/history?period=2014-05-12", "/history/on-this-day?day=2015-05-11"} <= links
    assert "2 plays, 1 h 0 min" in page
    assert cards(page)["Longest streak"] == ["2 days", "Until 13 May 2012"]
    assert cards(page)["First play"][0] == "Sinnerman"
    await imported(house, *(int((today - timedelta(days=days)).timestamp()) for days in (0, 1, 2)))
    page = await house.page("/history/on-this-day")
    assert "<h1>On this day</h1>" in page
    assert cards(page)["Current streak"][0] == "3 days"
    empty = await house.page("/fragments/on-this-day")
    assert "<h2" not in empty
    assert "data-stale-in" in empty  # the next day may have something
    ago = 4 if (today.month, today.day) == (2, 29) else 2
    await imported(house, *(int(today.replace(year=today.year - ago, minute=at_).timestamp()) for at_ in (1, 2)))
    short = await house.page("/fragments/on-this-day")
    assert f">{ago} years ago</b></a>: 2 plays, most often <a" in short
    assert "3 days in a row" in short
    assert "You played nothing on 1 Feb in earlier years." in await house.page("/history/on-this-day?day=2015-02-01")


async def test_lists_of_what_was_new_and_what_was_heard_again(house: House) -> None:
    await filled(house)
    page = await house.page("/history/new?period=2014&of=tracks")
    assert "1 track you heard for the first time." in page
    assert "/track?artist=Bj%C3%B6rk&title=J%C3%B3ga" in {a["href"] for a in Tags(page).all("a")}
    page = await house.page("/history/again?period=2014")
    assert "1 artist you heard again after a break of a year or more." in page
    assert "/artist?name=Low" in {a["href"] for a in Tags(page).all("a")}
    assert "None in this period." in await house.page("/history/again?period=2013&of=albums")
    for number in range(101):
        await imported(house, at(2015, 1, 1) + number, artist=f"Artist {number}")
    first = await house.page("/history/new?period=2015")
    (more,) = (a["href"] for a in Tags(first).all("a") if "start=100" in a["href"])
    assert "Back to the first page" in await house.page(more)


async def test_who_has_played_nothing_yet_is_offered_an_import(house: House) -> None:
    for path in ("/history/on-this-day", "/history/rewind", "/history"):
        assert "/history/import" in await house.page(path), path
    assert "No artists." in await house.page("/history/top")
    assert "No plays in this period." in await house.page("/history/deliveries")


async def test_how_deliveries_went(house: House) -> None:
    for place, seconds in enumerate((2.0, 4.0, 400.0)):
        start = at(2014, 5, 1, place)
        await imported(house, start, reported_at=start - seconds)
    await imported(house, at(2014, 5, 2), at(2014, 5, 3), fate="ignored", reason="Artist name was ignored.", code=1)
    await imported(house, at(2014, 5, 4), fate="expired", reason="")
    row = {"account": house.me.id, "at": at(2014, 5, 1), "verdict": "Later", "reason": "offline", "plays": 1}

    def write(db: Connection) -> None:
        known = {column.name for column in attempt.c}
        db.execute(insert(attempt), [{name: value for name, value in row.items() if name in known}])

    await house.deck.store.write(write)
    page = await house.page("/history/deliveries?period=2014")
    assert "<b>4 s</b> <span>or less for half of the plays" in page
    assert "couldn&#39;t accept it" in page
    rows = re.findall(
        r'<th scope="row" dir="auto">([^<]+)</th><td><a href="([^"]+)">([^<]+)</a></td><td class="when">(\d+)', page
    )
    assert rows == [
        ("Artist name was ignored.", "/queue?state=refused", "Ignored", "2"),
        ("No reason given", "/queue?state=too-old", "Too old", "1"),
    ]
    quiet = await house.page("/history/deliveries?period=2001")
    assert "Last.fm hasn't accepted any plays in this period." in quiet


@only_sqlite
async def test_the_views_of_a_period_are_linked_with_each_other(house: House) -> None:
    await filled(house)
    for view in ("rewind", "new", "again", "deliveries"):
        hrefs = {a["href"] for a in Tags(await house.page(f"/history/{view}?period=2014-05")).all("a")}
        assert {f"/history/{one}?period=2014-05" for one in ("rewind", "new", "again", "deliveries")} <= hrefs
        assert {"/history?period=2014-05", "/history/on-this-day"} <= hrefs
