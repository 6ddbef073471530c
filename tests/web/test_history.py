"""The history's page: figures by the reader's own days, search, and what is found."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from tests.databases import only_sqlite
from tests.web.conftest import House
from tests.web.test_page import HOSTILE, Tags
from tonearm import web
from tonearm.core.period import HistoryPeriod, PeriodKind
from tonearm.core.search import searchable
from tonearm.store.db.schema import play
from tonearm.web.view import charts, figures
from tonearm.web.view.charts import Value

pytestmark = pytest.mark.anyio


def at(year: int, month: int, day: int, hour: int = 12, minute: int = 0) -> int:
    return int(datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp())


async def imported(
    house: House, *starts: int, artist: str = "Nina Simone", track: str = "Sinnerman", **more: Any
) -> None:
    """Plays of long ago in the history."""
    facts: dict[str, Any] = {"album": "Pastel Blues", "played": 240.0, "chosen_by_user": True}
    facts |= {"artist": artist, "track": track, **more}
    facts["searched"] = searchable((facts["artist"], facts["track"], facts["album"]))
    rows = [
        {
            "account": house.me.id,
            "timestamp": start,
            "reported_timestamp": start,
            "settled_at": start,
            "fate": "accepted",
            **facts,
        }
        for start in starts
    ]

    def write(db: Connection) -> None:
        db.execute(insert(play), rows)

    await house.deck.store.write(write)


async def test_an_empty_history_says_what_to_do(house: House) -> None:
    page = await house.page("/history")
    assert "No plays in this period." in page
    assert "tonearm scrobble" in page
    assert (await house.http.get("/history/days.json")).json()["counts"] == [0]


async def test_days_are_those_of_the_readers_zone(house: House) -> None:
    await imported(house, at(2014, 5, 12, 23, 30), at(2014, 5, 13, 10))
    assert "2 plays on 2 days" in await house.page("/history?period=2014")
    house.http.cookies.set("zone", "Asia/Tokyo")
    assert "2 plays on 1 day," in await house.page("/history?period=2014")
    assert "No plays" in await house.page("/history?period=2014-05-12")
    counts = (await house.http.get("/history/days.json")).json()
    assert counts == {"first": (date(2014, 5, 13) - date(1970, 1, 1)).days, "counts": [2]}
    for zone in ("Nowhere/Land", "../../etc/passwd", "x" * 500, "America"):
        house.http.cookies.set("zone", zone)
        assert "2 plays" in await house.page("/history?period=2014")


async def test_the_default_view_is_the_year_of_the_last_play_and_links_to_all_others(house: House) -> None:
    await imported(house, at(2012, 1, 5), at(2013, 6, 7), at(2014, 5, 12))
    page = await house.page("/history")
    assert "<h1>2014</h1>" in page
    hrefs = {a["href"] for a in Tags(page).all("a")}
    for period in ("all", "2012", "2013", "2014-05"):
        assert f"/history?period={period}" in hrefs
    assert "3 plays on 3 days" in await house.page("/history?period=all")
    month = await house.page("/history?period=2014-05")
    assert "<h1>May 2014</h1>" in month
    assert "/history?period=2014-05-12" in {a["href"] for a in Tags(month).all("a")}
    day = await house.page("/history?period=2014-05-12")
    assert "<h1>Monday, 12 May 2014</h1>" in day
    assert "1 play, including" in day
    assert "Hour by hour" in day
    assert "2 plays" in await house.page("/history?period=2013-06-01..2014-06-01")


@only_sqlite  # a period is read before any database is asked
@pytest.mark.parametrize("period", ["x", "2014-13", "0001", "9999", "2014-05-12..2014-05-11", "1" * 31])
async def test_an_unreadable_period_is_rejected_with_a_message(house: House, period: str) -> None:
    assert (await house.http.get("/history", params={"period": period})).status_code == 400


async def test_the_most_played_are_counted_once_whatever_their_state(house: House) -> None:
    await imported(house, at(2014, 1, 1), at(2014, 1, 2), fate="expired")
    await imported(house, at(2014, 1, 3), track="Feeling Good", fate="threshold_not_met", counted=False)
    await imported(house, at(2014, 1, 4), artist="Björk", track="Jóga", fate="ignored")
    await imported(house, at(2014, 1, 4, 13), artist="Bjork", track="Joga", fate="discarded")
    await imported(house, at(2014, 1, 4, 14), artist="Björk", track="Jóga", fate="suspected")
    page = await house.page("/history?period=2014")
    assert "3 plays on 3 days, including those that aren't on Last.fm. 1 skipped track not counted." in page
    artists = page[page.index("<h2>Artists</h2>") : page.index("<h2>Albums</h2>")]
    assert re.findall(r'dir="auto">([^<]+)<.*?<b>(\d+)</b>', artists, re.DOTALL) == [
        ("Nina Simone", "2"),
        ("Björk", "1"),
    ]
    assert page.count('<tr id="play-') == 6


async def test_search_finds_every_word_in_artist_track_or_album(house: House) -> None:
    await imported(house, at(2014, 1, 1))
    await imported(house, at(2014, 1, 2), artist="100%", track="a_b")
    await imported(house, at(2014, 1, 3), artist="Björk", track="Jóga", album="Homogenic")
    for words, found in (
        ("nina", 1),
        ("SINNER pastel", 1),
        ("nina joga", 0),
        ("100%", 1),
        ("a_b", 1),
        ("axb", 0),
        ("JOGA", 1),
        ("bjork jóga", 1),
        ("%", 1),
    ):
        page = (await house.http.get("/history", params={"q": words})).text
        assert page.count('<tr id="play-') == found, words
    assert "Month by month" in await house.page("/history?q=%20")


async def test_a_track_in_a_list_leads_to_its_plays(house: House) -> None:
    await imported(house, at(2014, 1, 1), at(2014, 1, 2))
    await imported(house, at(2014, 1, 3), track="Sinnerman (Live)")
    await imported(house, at(2014, 1, 4), artist="Nina Simone & Sinnerman")
    await imported(house, at(2014, 1, 5), artist="Björk", track="Jóga", album="Homogenic")
    await imported(house, at(2014, 1, 6), artist="Bjork", track="Joga", album="Homogenic")
    await imported(house, at(2014, 1, 7), artist="Björk", track="Jóga", album="Homogenic", counted=False)
    hrefs = {a["href"] for a in Tags(await house.page("/history?period=2014")).all("a")}
    rows = {}
    for href in [one for one in hrefs if one.startswith("/track?")]:
        page = await house.page(href)
        (whole,) = (a["href"] for a in Tags(page).all("a") if "&track=" in a["href"] and "period" not in a["href"])
        rows[href] = (page.count('<tr id="play-'), (await house.page(whole)).count('<tr id="play-'))
    assert rows.pop("/track?artist=Nina+Simone&title=Sinnerman") == (2, 2)
    assert rows.pop("/track?artist=Nina+Simone&title=Sinnerman+%28Live%29") == (1, 1)
    assert rows.pop("/track?artist=Nina+Simone+%26+Sinnerman&title=Sinnerman") == (1, 1)
    assert list(rows.values()) == [(2, 3)], "one track in two spellings, a play of which was skipped"
    assert "No plays." in await house.page("/history?artist=Nina+Simone&track=Nothing")


async def test_a_span_longer_than_the_history_is_no_more_work_than_the_history(house: House) -> None:
    await imported(house, at(2014, 1, 1), at(2014, 3, 1))
    page = await house.page("/history?period=1971-01-01..8999-12-31")
    assert "2 plays on 2 days" in page
    assert "1971" not in page[page.index("<h1>") :]
    assert "No plays in this period." in await house.page("/history?period=1971-01-01..1999-12-31")


async def test_a_long_history_has_pages(house: House) -> None:
    await imported(house, *(at(2014, 1, 1, 0, minute) for minute in range(40)))
    for path in ("/history?period=2014", "/history?q=nina"):
        first = await house.page(path)
        (more,) = (a["href"] for a in Tags(first).all("a") if "after=" in a["href"])
        second = await house.page(more)
        assert (first.count('<tr id="play-'), second.count('<tr id="play-')) == (25, 15)
        assert "Back to the first" in second


async def test_hostile_names_are_only_text_in_lists_and_searches(house: House) -> None:
    for place, name in enumerate(HOSTILE):
        await imported(house, at(2014, 1, 1, place), artist=name, track=name, album=name)
    calm = {"script": 6}
    for path in ("/history?period=2014", "/history?period=all"):
        tags = Tags(await house.page(path))
        assert len(tags.all("script")) == calm["script"]
        assert not [attr for _, attrs in tags.found for attr in attrs if attr.startswith("on")]
        for href in (a["href"] for a in tags.all("a") if a["href"].startswith(("/artist", "/album", "/track"))):
            assert "<" not in href
    for name in HOSTILE:
        page = (await house.http.get("/history", params={"q": name[:1000]})).text
        assert not [attr for _, attrs in Tags(page).found for attr in attrs if attr.startswith("on")]


def test_the_lines_of_a_chart_are_round_numbers_and_four_at_most() -> None:
    for top in (0, 1, 3, 4, 9, 64, 100, 2345, 99_999):
        made = charts.chart([Value(top, "", "today"), Value(0, "", "none")], "Plays")
        assert 1 <= len(made.ticks) <= 5
        assert all(0 <= bar.y <= charts.HEIGHT and bar.y + bar.height <= charts.HEIGHT + 0.01 for bar in made.bars)
        assert made.bars[1].height == 0
    assert charts.chart([Value(0, "", "today")], "Plays").summary == "Plays: none"


def test_a_single_play_is_visible_beside_a_thousand() -> None:
    assert charts.chart([Value(1, "", "one"), Value(1000, "", "all")], "Plays").bars[0].height >= 2


def test_the_grid_of_a_year_has_a_cell_for_each_day() -> None:
    shown = HistoryPeriod(PeriodKind.YEAR, date(2012, 1, 1), date(2012, 12, 31))
    first = (shown.first - date(1970, 1, 1)).days
    grid = figures.year_grid(shown, {first: 1, first + 40: 5, first + 41: 90})
    assert grid.empty.count("M") + len(grid.cells) == 366
    assert [cell.level for cell in grid.cells] == [2, 3, 4]
    assert (grid.cells[-1].title, grid.cells[-1].href) == (
        "Saturday, 11 Feb 2012, 90 plays",
        "/history?period=2012-02-11",
    )
    assert grid.summary.endswith("96 plays in all, most on Saturday, 11 Feb 2012, 90 plays")
    empty = figures.year_grid(shown, {})
    assert (empty.empty.count("M"), empty.cells) == (366, ())
    assert empty.summary.endswith(": none")


def test_a_week_of_all_years_leads_to_its_days() -> None:
    shown = HistoryPeriod(PeriodKind.ALL, date(2010, 5, 1), date(2012, 12, 31))
    cells = figures.years_grid(shown, {(date(2012, 12, 31) - date(1970, 1, 1)).days: 7}).cells
    assert [(cell.title, cell.href) for cell in cells] == [
        ("30 Dec to 31 Dec 2012, 7 plays", "/history?period=2012-12-30..2012-12-31")
    ]


def test_a_chart_has_only_as_many_bars_as_a_finger_can_touch() -> None:
    long = HistoryPeriod(PeriodKind.ALL, date(2005, 1, 1), date(2026, 3, 1))
    bars = figures.over_time(long, {(date(2010, 5, 3) - date(1970, 1, 1)).days: 3}).bars
    assert len(bars) == 22
    assert (bars[5].value.count, bars[5].value.href) == (3, "/history?period=2010")
    three_years = HistoryPeriod(PeriodKind.ALL, date(2024, 1, 1), date(2026, 12, 31))
    assert len(figures.over_time(three_years, {}).bars) == 36


def test_months_of_several_years_have_room_for_their_labels() -> None:
    def labels(first: date, last: date) -> list[tuple[str, bool]]:
        bars = figures.over_time(HistoryPeriod(PeriodKind.ALL, first, last), {}).bars
        return [(bar.value.label, bar.value.minor) for bar in bars]

    several = labels(date(2024, 11, 3), date(2026, 2, 1))
    assert [label for label, _ in several if label] == ["2025", "Apr", "Jul", "Oct", "2026"]
    assert [label for label, minor in several if label and not minor] == ["2025", "2026"]  # all of a phone
    year = labels(date(2025, 3, 1), date(2026, 2, 1))
    assert [label for label, _ in year][:3] == ["Mar", "Apr", "May"]
    assert [label for label, minor in year if not minor] == ["Apr", "Jul", "Oct", "Jan"]


@pytest.mark.parametrize(
    ("labels", "shown"),
    [
        (["1", "", "2", "", "3"], ["1", "2", "3"]),
        ([*[""] * 2, *["3 Nov", *[""] * 6, "10 Nov", *[""] * 6, "17 Nov", *[""] * 6, "24 Nov", *[""] * 6], "1 Dec"],
         ["3 Nov", "17 Nov", "1 Dec"]),
        ([str(year) for year in range(2005, 2027)], ["2010", "2018", "2026"]),
        (["a long label", "another long label"], ["another long label"]),
        ([""], []),
    ],
)  # fmt: skip
def test_labels_that_would_touch_on_a_phone_are_left_out_evenly(labels: list[str], shown: list[str]) -> None:
    bars = charts.chart([Value(1, label, label) for label in labels], "Plays").bars
    assert [bar.value.label for bar in bars if bar.value.label and not bar.value.minor] == shown
    assert [bar.value.label for bar in bars] == labels


def test_thousands_beside_a_chart_are_short() -> None:
    def ticks(highest: int) -> list[str]:
        return [tick.label for tick in charts.chart([Value(highest, "", "x")], "Plays").ticks]

    assert ticks(17_000) == ["0", "5k", "10k", "15k"]
    assert ticks(8_000) == ["0", "2,000", "4,000", "6,000", "8,000"]


def luminance(colour: str) -> float:
    """As WCAG 2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_bars_and_shades_stand_out_from_their_ground(scheme: int) -> None:
    (style,) = (Path(web.__file__).parent / "static").glob("page.css")
    values = re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6});", style.read_text().split("* { box-sizing")[0])
    tokens = dict(values[scheme * len(values) // 2 :][: len(values) // 2])
    assert contrast(tokens["bar"], tokens["sheet"]) >= 3
    shades = [tokens["quiet-wash"], *(tokens[f"level-{level}"] for level in range(1, 5))]
    assert contrast(shades[1], shades[0]) >= 3
    assert all(contrast(*pair) >= 1.4 for pair in pairwise(shades[1:]))


async def test_the_bar_of_an_artist_leads_to_that_artists_own_month(house: House) -> None:
    await imported(house, at(2012, 5, 5), at(2014, 6, 7), at(2014, 6, 9))
    await imported(house, at(2014, 6, 8), artist="Bj&rk")
    tags = Tags(await house.page("/artist?name=Nina+Simone"))
    (june,) = (a["href"] for a in tags.all("a") if a.get("aria-label") == "Jun 2014, 2 plays")
    page = await house.page(june)
    assert page.count('<tr id="play-') == 2
    assert "Your plays of this artist: June 2014, latest first." in page
    (whole,) = (a["href"] for a in Tags(page).all("a") if a["href"] == "/history?artist=Nina+Simone")
    assert (await house.page(whole)).count('<tr id="play-') == 3
    album = Tags(await house.page("/album?artist=Nina+Simone&title=Pastel+Blues"))
    (may,) = (a["href"] for a in album.all("a") if a.get("aria-label") == "May 2012, 1 play")
    assert (await house.page(may)).count('<tr id="play-') == 1
    assert "No plays in this period." in await house.page("/history?artist=Nina+Simone&period=2013")
    assert (await house.http.get("/history?artist=Nina+Simone&period=x")).status_code == 400


async def test_days_are_headings_with_their_plays_and_hours(house: House) -> None:
    await imported(house, at(2014, 5, 12, 10), at(2014, 5, 12, 11), at(2014, 5, 13, 9), played=3900.0)
    await imported(house, at(2014, 5, 12, 12), fate="threshold_not_met", counted=False)
    page = await house.page("/history?period=2014-05")
    found = re.findall(r'<tr class="day">.*?href="([^"]+)">([^<]+)</a><span>([^<]+)</span>', page)
    assert found == [
        ("/history?period=2014-05-13", "Tuesday, 13 May 2014", ", 1 play, 1 h 5 min"),
        ("/history?period=2014-05-12", "Monday, 12 May 2014", ", 2 plays, 2 h 10 min"),
    ]
    now = house.deck.clock.now()
    await imported(house, int(now), int(now) - 86400)
    page = await house.page("/history")
    assert page.index(">Today</a>") < page.index(">Yesterday</a>")


async def test_a_form_jumps_to_a_day(house: House) -> None:
    await imported(house, at(2014, 5, 12))
    page = await house.page("/history?period=2014")
    (jump,) = (one for one in Tags(page).all("input") if one.get("type") == "date")
    assert jump["name"] == "period"
    assert 'value="2014-05-12"' in await house.page("/history?period=2014-05-12")


async def test_days_are_links_and_the_chart_to_zoom_has_its_room(house: House) -> None:
    await imported(house, at(2014, 5, 12))
    page = await house.page("/history?period=2014")
    assert "/history?period=2014-05-12" in {a["href"] for a in Tags(page).all("a")}
    assert 'id="zoom"' not in page
    await imported(house, at(2014, 5, 14))
    assert re.search(r'<div class="zoom" id="zoom"[^>]*hx-morph-skip>', await house.page("/history?period=2014"))


async def test_a_period_says_how_long_was_listened_and_what_changed(house: House) -> None:
    await imported(house, at(2013, 5, 1), at(2014, 5, 1), at(2014, 5, 1, 12, 5), at(2014, 5, 2), played=1800.0)
    await imported(house, at(2014, 6, 1), artist="Low", track="Words", album="", played=1800.0)
    page = await house.page("/history?period=2014")
    assert "2 h 0 min of listening." in page
    assert "3 more plays than in 2013." in page
    assert "1 artist heard for the first time." in page
    assert "Longest session: 35 min, 2 plays." in page
    assert "of listening" not in await house.page("/history?period=1999")


async def test_a_period_is_compared_with_one_that_is_named(house: House) -> None:
    await imported(house, at(2014, 4, 30), at(2014, 5, 1), at(2014, 5, 1, 13), at(2014, 5, 2), at(2014, 5, 3))
    assert "3 more plays than in April 2014." in await house.page("/history?period=2014-05")
    assert "1 more play than on Wednesday, 30 Apr 2014." in await house.page("/history?period=2014-05-01")
    assert "As many plays as in the 2 days before." not in await house.page("/history?period=2014-05-02..2014-05-03")
    assert "1 fewer play than in the 2 days before." in await house.page("/history?period=2014-05-02..2014-05-03")
    everything = await house.page("/history?period=all")
    assert "1 artist." in everything
    assert "first time" not in everything


async def test_a_list_continues_behind_its_first_ten_with_ranks_and_changes(house: House) -> None:
    for number in range(12):
        await imported(house, *(at(2014, 3, 1 + n, number) for n in range(12 - number)), artist=f"Artist {number:02}")
    await imported(house, at(2013, 3, 1), at(2013, 3, 2), artist="Artist 11")
    await imported(house, at(2013, 3, 3), artist="Artist 00")
    page = await house.page("/history?period=2014")
    assert "Show all artists" in page
    assert "Show all albums" in page
    assert "of=artists&amp;period=2014" in page
    page = await house.page("/history/top?of=artists&period=2014")
    assert "12 artists, most played first." in page
    assert re.findall(r"Artist \d\d(?=</a>)", page) == [f"Artist {number:02}" for number in range(12)]
    assert ("▲ 1" in page, "▼ 11" in page) == (True, True)
    rest = await house.page("/history/top?of=tracks&period=2014&by=heard&start=11")
    assert "Artist 11" in rest
    assert "Back to the first page" in rest
    assert "No plays in this period." in await house.page("/history/top?period=1999")
    for wrong in ("of=songs", "period=never", "start=-1", "by=weight"):
        assert (await house.http.get(f"/history/top?{wrong}")).status_code in (400, 422)


async def test_spellings_that_fold_alike_are_one_in_the_lists(house: House) -> None:
    await imported(house, at(2014, 5, 1), at(2014, 5, 2), artist="Sigur Rós", track="Ágætis byrjun")
    await imported(house, at(2014, 5, 3), artist="Sigur Ros", track="Agaetis Byrjun")
    page = await house.page("/history/top?of=tracks&period=2014")
    assert "1 track." in page
    assert "Ágætis byrjun" in page
    assert "Agaetis Byrjun" not in page


async def test_plays_of_one_album_in_a_row_are_folded_unless_one_needs_its_listener(house: House) -> None:
    await imported(house, *(at(2014, 5, 12, 10, minute) for minute in range(4)))
    await imported(house, *(at(2014, 5, 12, 11, minute) for minute in range(3)), artist="Low", album="Trust")
    await imported(house, *(at(2014, 5, 12, 12, minute) for minute in range(4)), artist="Björk", album="")
    await imported(house, *(at(2014, 5, 12, 13, minute) for minute in range(3)), album="Debut")
    await imported(house, at(2014, 5, 12, 13, 30), album="Debut", fate="ignored")
    await imported(house, *(at(2014, 5, 13, 10, minute) for minute in range(5)))
    page = await house.page("/history?period=2014-05")
    folds = re.findall(r'<tbody class="run">.*?</tbody>', page, re.DOTALL)
    assert [(fold.count('<tr id="play-'), re.findall(r"</span> (\d plays)</span>", fold)) for fold in folds] == [
        (5, ["5 plays"]),
        (4, ["4 plays"]),
    ]
    assert all("/album?artist=Nina+Simone&amp;title=Pastel+Blues" in fold for fold in folds)
    assert page.count('<tr id="play-') == 20
    labels = re.findall(r'<label id="(fold-\d+)" hx-morph-skip>', page)
    assert len(set(labels)) == 2
    assert '<tbody class="run">' not in await house.page("/queue?state=all")


async def test_a_random_play_is_one_of_those_that_count(house: House) -> None:
    assert (await house.http.get("/history/random")).headers["location"] == "/history"
    await imported(house, at(2012, 5, 12), counted=False)
    await imported(house, at(2014, 5, 12), at(2014, 5, 13))
    await imported(house, at(2015, 5, 12), fate="discarded")
    for _ in range(5):
        answer = await house.http.get("/history/random")
        assert (answer.status_code, answer.headers["location"]) in {(303, "/plays/2"), (303, "/plays/3")}
