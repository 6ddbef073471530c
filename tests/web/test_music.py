"""The pages of an artist and an album, with and without Last.fm."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.web.conftest import House, house_at
from tests.web.test_history import at, imported
from tests.web.test_page import HOSTILE, Tags
from tonearm.core.play import Track

pytestmark = pytest.mark.anyio


async def test_the_listeners_plays_are_shown_whatever_last_fm_answers(house: House) -> None:
    await imported(house, at(2012, 1, 5), at(2014, 6, 7))
    await imported(house, at(2014, 6, 8), track="Feeling Good", album="I Put a Spell on You")
    await imported(house, at(2014, 6, 9), artist="Björk", track="Jóga", album="Homogenic")
    house.emulator.fault("error", error=11)
    page = await house.page("/artist?name=Nina+Simone&wait=true")
    assert "<b>3</b> <span>plays</span>" in page
    assert "<b>5 Jan 2012</b> <span>first play</span>" in page
    assert page.count('<tr id="play-') == 3
    assert "Last.fm couldn&#39;t answer: Service Offline" in page
    album = await house.page("/album?artist=Nina+Simone&title=Pastel+Blues&wait=true")
    assert "<b>2</b> <span>plays</span>" in album
    assert "Feeling Good" not in album
    signed_out = await house.page("/artist?name=Somebody&wait=true")
    assert "You haven't played this yet." in signed_out


async def test_what_last_fm_knows_is_shown_with_pictures_of_our_own(house: House) -> None:
    page = await house.page("/artist?name=Nina+Simone&wait=true")
    tags = Tags(page)
    pictures = [image["src"] for image in tags.all("img")]
    assert pictures
    assert all(src.startswith(("/metadata/images/", "/covers?")) for src in pictures)
    assert (await house.http.get(pictures[-1])).headers["content-type"].startswith("image/")
    similar = page[page.index('class="similar"') :]
    assert re.search(r'href="/artist\?name=[^"]+"', similar)
    (album, *_) = re.findall(r'href="(/album\?[^"]+)"', page)
    assert 'class="cover"' in await house.page(album.replace("&amp;", "&") + "&wait=true")


async def test_the_part_of_last_fm_can_be_asked_for_by_itself(house: House) -> None:
    for part in ("/fragments/artist?name=Nina+Simone", "/fragments/album?artist=Nina+Simone&title=Pastel+Blues"):
        found = await house.page(part)
        assert found.startswith('<section class="card about"')
        assert '<p class="tags">' in found


async def test_one_listener_is_no_plural(database: Path | str) -> None:
    async with house_at(database, deliver=True) as house:
        await house.connect()
        deck, at = house.deck, house.deck.clock.now() - 400
        saved = await house.me.scrobble(Track("Nobody", "Heard by one", duration=300), started_at=at, played=300)
        while (stored := await deck.reports.fate(house.me.id, saved.id, 1.0)) is None or stored.fate == "queued":
            pass
        page = await house.page("/track?artist=Nobody&title=Heard+by+one&wait=true")
        assert '<p class="small">1 listener, 9 plays, 5:00 long</p>' in page


async def test_the_tracks_of_an_album_have_its_cover(house: House) -> None:
    await imported(house, at(2012, 1, 5))
    await imported(house, at(2012, 1, 6), track="Be My Husband")
    page = await house.page("/album?artist=Nina+Simone&title=Pastel+Blues")
    listed = Tags(page[page.index("<ol>") : page.index("</ol>")]).all("img")
    assert ["album=Pastel+Blues" in image["src"] for image in listed] == [True, True]


async def test_a_long_title_is_a_smaller_heading(house: House) -> None:
    long = "The Past Is a Grotesque Animal, Recorded Live on the Third Night of the Tour, Remastered"
    await imported(house, at(2012, 1, 5), track=long)
    assert f'<h1 dir="auto" class="long">{long}</h1>' in await house.page(f"/track?artist=Nina+Simone&title={long}")
    assert '<h1 dir="auto">Sinnerman</h1>' in await house.page("/track?artist=Nina+Simone&title=Sinnerman")


async def test_empty_names_are_rejected_and_a_missing_key_is_reported(database: Path | str) -> None:
    async with house_at(database, key="") as house:
        assert (await house.http.get("/artist?name=%20&wait=true")).status_code == 400
        assert (await house.http.get("/artist")).status_code == 400
        assert "Couldn&#39;t reach Last.fm" in await house.page("/artist?name=x&wait=true")


async def test_hostile_names_are_only_text_on_the_pages_of_music(house: House) -> None:
    for place, name in enumerate(HOSTILE):
        await imported(house, at(2014, 1, 1, place), artist=name[:1024], track=name, album=name)
        for path, named in (
            ("/artist", {"name": name[:1024]}),
            ("/album", {"artist": name[:1024], "title": name[:1024]}),
            ("/track", {"artist": name[:1024], "title": name[:1024]}),
        ):
            answer = await house.http.get(path, params={**named, "wait": "true"})
            assert answer.status_code == 200, name
            tags = Tags(answer.text)
            assert len(tags.all("script")) == 4
            assert not [attr for _, attrs in tags.found for attr in attrs if attr.startswith("on")]


async def test_a_track_has_a_page_with_its_figures_its_albums_and_its_heart(house: House) -> None:
    await imported(house, at(2012, 1, 5), at(2014, 6, 7), played=3600.0)
    await imported(house, at(2014, 6, 8), album="The Best Of", played=3600.0)
    for day in range(1, 5):
        await imported(house, at(2013, 6, day), artist="Björk", track="Jóga", album="Homogenic")
    page = await house.page("/track?artist=Nina+Simone&title=Sinnerman&wait=true")
    figures = page[page.index('class="figures own"') : page.index("</ul>")]
    assert re.findall(r"<b>([^<]+)</b> <span>([^<]+)", figures) == [
        ("3", "plays"),
        ("#2", "of your 2 tracks"),
        ("3 h 0 min", "of listening"),
        ("5 Jan 2012", "first play"),
        ("8 Jun 2014", "latest play"),
    ]
    hrefs = [a["href"] for a in Tags(page).all("a")]
    assert {"/history/top?of=tracks&period=all&start=0", "/history?period=2012-01-05"} <= set(hrefs)
    assert {"/album?artist=Nina+Simone&title=Pastel+Blues", "/artist?name=Nina+Simone"} <= set(hrefs)
    (bar,) = (a["href"] for a in Tags(page).all("a") if a.get("aria-label") == "Jun 2014, 2 plays")
    assert (await house.page(bar)).count('<tr id="play-') == 2
    assert 'aria-label="Love Sinnerman"' in page
    assert "long</p>" in page  # what Last.fm knows
    assert "You haven't played this yet." in await house.page("/track?artist=Nina+Simone&title=Nothing")
    await imported(house, at(2014, 7, 1), track="Skipped", counted=False)
    skipped = await house.page("/track?artist=Nina+Simone&title=Skipped")
    assert ("You never played this long enough to count." in skipped, skipped.count('<tr id="play-')) == (True, 1)
    assert "#" not in await house.page("/fragments/track?artist=Nina+Simone&title=Sinnerman")


async def test_spellings_of_one_name_share_its_page(house: House) -> None:
    await imported(house, at(2014, 6, 7), at(2014, 6, 8), artist="Björk", track="Jóga", album="Homogenic")
    await imported(house, at(2014, 6, 9), artist="Bjork", track="Joga", album="HOMOGENIC")
    for path in ("/artist?name=BJORK", "/album?artist=bj%C3%B6rk&title=homogenic", "/track?artist=Bjork&title=joga"):
        page = await house.page(path)
        assert "<b>3</b> <span>plays</span>" in page
        assert page.count('<tr id="play-') == 3
