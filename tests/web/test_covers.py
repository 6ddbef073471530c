"""Covers in lists: from our own cache, else a drawn sleeve."""

from __future__ import annotations

import asyncio
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.patience import async_pause
from tests.web.conftest import House, house_at
from tests.web.test_history import contrast
from tests.web.test_page import HOSTILE, SINNERMAN, Tags, queued
from tonearm.core.event import NowPlayingShown
from tonearm.core.play import Track
from tonearm.web.view.now_playing import INNER, OUTER, playing
from tonearm.web.view.sleeves import ground, hue, initials, record_label, sleeve, sleeve_tint

pytestmark = pytest.mark.anyio


async def test_a_cover_comes_from_our_own_cache(house: House) -> None:
    wanted = {"artist": "Nina Simone", "album": "Pastel Blues"}
    while (cover := await house.http.get("/covers", params=wanted)).headers["content-type"] == "image/svg+xml":
        assert "max-age=30" in cover.headers["cache-control"]  # it is being looked up
        await async_pause()
    assert cover.headers["content-type"].startswith("image/")
    assert "max-age=86400" in cover.headers["cache-control"]
    house.emulator.fault("error", error=11)
    assert (await house.http.get("/covers", params=wanted)).content == cover.content
    large = await house.http.get("/covers", params={**wanted, "large": "true"})
    assert large.status_code == 200
    assert (await house.signed_out.get("/covers", params=wanted)).status_code == 401


async def test_without_a_cover_there_is_a_sleeve(database: Path | str) -> None:
    async with house_at(database, key="") as house:
        for wanted in ({"artist": "Björk"}, {"artist": "Björk", "album": "Homogenic"}, {"artist": "", "title": "x"}):
            answer = await house.http.get("/covers", params=wanted)
            assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
            assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_a_page_has_the_colour_of_the_cover(house: House) -> None:
    wanted = {"artist": "Nina Simone", "album": "Pastel Blues"}
    tinted = await house.http.get("/covers/tint", params=wanted)
    assert (tinted.status_code, tinted.headers["content-type"]) == (200, "image/svg+xml")
    assert "max-age=86400" in tinted.headers["cache-control"]
    colour = await house.deck.metadata.tint("Nina Simone", album_="Pastel Blues")
    assert colour is not None
    assert tinted.text == ground(colour)
    assert {one.tag.rpartition("}")[2] for one in ElementTree.fromstring(tinted.text)} >= {"style", "rect"}
    house.emulator.fault("error", error=11)
    assert (await house.http.get("/covers/tint", params=wanted)).text == tinted.text
    assert (await house.signed_out.get("/covers/tint", params=wanted)).status_code == 401


async def test_a_colour_is_worked_out_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await house.deck.metadata.tint("Nina Simone", album_="Pastel Blues")
    again, beside = await asyncio.gather(
        *(house.deck.metadata.tint("Björk", album_="Homogenic") for _ in range(2)),
    )
    assert again == beside != first
    monkeypatch.setattr("tonearm.library.picture._START", "raise SystemExit")
    await house.deck.metadata.colours.close()
    for _ in range(1000):  # it is kept soon, and nobody waits for that
        if await house.deck.metadata.tint("Nina Simone", album_="Pastel Blues") == first:
            break
    assert await house.deck.metadata.tint("Nina Simone", album_="Pastel Blues") == first


async def test_without_a_cover_a_page_has_the_colour_of_the_sleeve(house: House) -> None:
    for wanted in ({"artist": "Björk"}, {"artist": "Nobody", "album": "Nothing"}, {"artist": ""}):
        tinted = await house.http.get("/covers/tint", params=wanted)
        assert tinted.text == ground(sleeve_tint(wanted["artist"], wanted.get("album", "")))


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Nina Simone", "NS"),
        ("Björk", "B"),
        ("AC/DC", "A"),
        ("...And You Will Know", "AY"),
        ("椎名林檎", "椎"),
        ("!!!", "♪"),
        ("<b> &amp;", "BA"),
        ("", "♪"),
    ],
)
def test_a_sleeve_has_initials(name: str, letters: str) -> None:
    assert initials(name) == letters


@pytest.mark.parametrize("name", HOSTILE)
def test_a_sleeve_is_a_picture_whatever_the_name(name: str) -> None:
    drawn = ElementTree.fromstring(sleeve(name, name))  # our own
    assert {element.tag.rpartition("}")[2] for element in drawn} <= {"rect", "circle", "text"}


@pytest.mark.parametrize("name", HOSTILE)
def test_the_label_of_a_record_keeps_its_initials_clear_of_the_spindle(name: str) -> None:
    drawn = ElementTree.fromstring(record_label(name, name))  # our own
    text = next(element for element in drawn if element.tag.endswith("}text"))
    hole, middle = 20 - 3 * 40 / 72, float(text.get("y", ""))  # the record's label is 72 wide in its drawing
    assert middle + 0.35 * float(text.get("font-size", "")) < hole - 1
    assert {element.tag.rpartition("}")[2] for element in drawn} <= {"rect", "circle", "path", "text"}


async def test_the_record_that_plays_has_a_label_if_there_is_no_cover(database: Path | str) -> None:
    async with house_at(database, key="") as house:
        await house.show(Track("Björk", "Jóga", "Homogenic"))
        picture = Tags(await house.page()).all("image")[0]
        assert (await house.http.get(picture["href"])).text == record_label("Björk", "Homogenic")


def test_initials_can_be_read_on_every_colour() -> None:
    def rgb(of_hue: int) -> str:
        low, span = 0.31 * (1 - 0.42), 2 * 0.31 * 0.42
        parts = (max(0.0, min(1.0, abs(((of_hue / 60 + turn) % 6) - 3) - 1)) for turn in (0, 4, 2))
        return "#" + "".join(f"{round(255 * (low + span * part)):02x}" for part in parts)

    assert min(contrast("#ffffff", rgb(of_hue)) for of_hue in range(360)) >= 4.5
    assert hue("Nina Simone", "Pastel Blues") == hue("Nina Simone", "Pastel Blues") != hue("Nina Simone", "")


async def test_every_list_has_covers_that_come_after_its_text(house: House) -> None:
    await house.connect()
    await queued(house)
    for path in ("/", "/queue", "/history", "/artist?name=Nina+Simone"):
        thumbs = [image for image in Tags(await house.page(path)).all("img") if image.get("class") == "thumb"]
        assert thumbs, path
        for image in thumbs:
            assert (image["loading"], image["width"], image["height"], image["alt"]) == ("lazy", "40", "40", "")
            assert image["src"].startswith("/covers?artist=Nina+Simone")


async def test_the_current_track_is_on_the_turntable_and_in_the_title(house: House) -> None:
    await house.connect()
    assert "<title>Now · tonearm</title>" in await house.page()
    await house.show(SINNERMAN)
    page = await house.page()
    assert "<title>♫ Sinnerman – Nina Simone · tonearm</title>" in page
    (label,) = (tag for tag in Tags(page).all("image"))
    assert label["href"].startswith("/covers?artist=Nina+Simone&album=Pastel+Blues")
    (arm,) = (tag for tag in Tags(page).all("g") if tag.get("class") == "arm")
    assert float(arm["data-from"]) < float(arm["data-to"])


@pytest.mark.parametrize(("duration", "notched"), [(604.0, True), (None, True), (20.0, False)])
def test_the_arm_goes_from_the_first_groove_to_the_last(duration: float | None, notched: bool) -> None:
    def at(elapsed: float) -> tuple[float, float | None]:
        shown = playing(
            NowPlayingShown("Sigur Rós", "Svefn-g-englar", "", duration, 1000.0, "success"), 50, 1000 + elapsed
        )
        assert shown is not None
        return shown.angle, shown.notch

    angles = [at(elapsed)[0] for elapsed in (0.0, 5.0, 10.0, 599.0)]
    assert angles == sorted(angles)
    notch = at(0.0)[1]
    assert (notch is not None and INNER - 0.1 <= notch <= OUTER) == notched


async def test_a_name_too_long_for_an_address_has_a_sleeve_too(house: House) -> None:
    await house.connect()
    await queued(house, Track("x" * 5000, "y" * 5000, duration=200))
    (image,) = (one for one in Tags(await house.page("/queue")).all("img") if one.get("class") == "thumb")
    assert (await house.http.get(image["src"])).status_code == 200
