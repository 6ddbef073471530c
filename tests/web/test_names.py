"""Merging and renaming on the pages of artists, albums and tracks, and taking it back."""

from __future__ import annotations

import html

import pytest

import tonearm
from tests.web.conftest import House
from tests.web.test_page import Tags
from tonearm.store import renames

pytestmark = pytest.mark.anyio


async def heard(house: House, *names: tuple[str, str]) -> None:
    now = house.deck.clock.now()
    for number, (artist, title) in enumerate(names):
        track = tonearm.Track(artist, title, album="One", duration=200)
        await house.me.scrobble(track, started_at=now - 900 - number * 300, played=200)


async def test_two_artists_are_merged_from_a_page_and_come_apart_again(house: House) -> None:
    await heard(house, ("Beatles", "Help"), ("The Beatles", "Help"))
    page = await house.page("/artist?name=Beatles")
    assert "Merge or rename" in page
    form = {"kind": "artist", "artist": "Beatles", "to_artist": "The Beatles"}
    answer = await house.http.post("/history/names", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/history/names")
    listed = await house.page("/history/names")
    assert 'href="/artist?name=The+Beatles"' in listed
    assert "<b>2</b>" in await house.page("/artist?name=The+Beatles")
    undone = await house.http.post("/history/names/undo", data={"kind": "artist", "artist": "Beatles"})
    assert undone.status_code == 303
    assert "Nothing has been merged or renamed yet" in await house.page("/history/names")
    assert "<b>1</b>" in await house.page("/artist?name=The+Beatles")
    again = await house.http.post("/history/names/undo", data={"kind": "artist", "artist": "Beatles"})
    assert again.status_code == 404


@pytest.mark.parametrize("kind", ["album", "track"])
async def test_albums_and_tracks_have_their_artist_beside_them(house: House, kind: str) -> None:
    await heard(house, ("Low", "Words"))
    title = {"album": "One", "track": "Words"}[kind]
    assert 'name="to_title"' in await house.page(f"/{kind}?artist=Low&title={title}")
    form = {"kind": kind, "artist": "Low", "title": title, "to_artist": "High", "to_title": "Other"}
    assert (await house.http.post("/history/names", data=form)).status_code == 303
    listed = await house.page("/history/names")
    assert f'href="/{kind}?artist=High&amp;title=Other"' in listed
    assert "<b>1</b>" in await house.page(f"/{kind}?artist=High&title=Other")


async def test_a_form_that_is_refused_keeps_what_was_typed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    form = {"kind": "track", "artist": "Low", "title": "Words", "to_artist": "Slow", "to_title": " "}
    answer = await house.http.post("/history/names", data=form)
    assert answer.status_code == 422
    assert "Enter a title." in answer.text
    assert 'value="Slow"' in answer.text
    marked = [one["name"] for one in Tags(answer.text).all("input") if one.get("aria-invalid") == "true"]
    assert marked == ["to_title"]
    same = await house.http.post("/history/names", data={"kind": "artist", "artist": "Low", "to_artist": "Low "})
    assert (same.status_code, "That&#39;s its name already." in same.text) == (422, True)
    monkeypatch.setattr(renames, "MAX_RENAMES", 0)
    full = await house.http.post("/history/names", data={"kind": "artist", "artist": "A", "to_artist": "B"})
    assert full.status_code == 422
    assert "which is the limit" in html.unescape(full.text)
    assert await house.deck.figures.renames(house.me.id) == []
