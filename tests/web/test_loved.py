"""The page of what is loved: the import, and the choice among files."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from tests.listening import library_row
from tests.web.conftest import House, house_at
from tests.web.test_page import HOSTILE, Tags
from tonearm.core.play import Track
from tonearm.store import library, loved, runs
from tonearm.store.runs import RunState

pytestmark = pytest.mark.anyio


async def has(house: House, *names: tuple[str, str]) -> None:
    """The library holds these (artist, title)."""
    rows = [library_row(f"/{place}.mp3", *name, album="An album") for place, name in enumerate(names)]
    await house.deck.store.write(lambda db: library.write(db, house.me.id, rows))


async def imported(house: House) -> None:
    """An import by the page, to its end."""
    assert (await house.http.post("/loved/import")).status_code == 303
    run = await house.deck.loved_import.latest(house.me.id)
    assert run is not None
    await house.deck.loved_import.finished(house.me.id, run.id)


async def test_an_empty_page_says_what_to_do_first(house: House) -> None:
    page = await house.page("/loved")
    assert "tonearm scan" in page
    assert "Connect your Last.fm profile, then import." in page
    assert (await house.http.post("/loved/import")).status_code == 409
    await house.connect()
    assert "Import from Last.fm</button>" in await house.page("/loved")


async def test_who_loves_nothing_yet_learns_how(database: Path | str) -> None:
    async with house_at(database, deliver=True) as house:
        await house.connect()
        await imported(house)
        page = await house.page("/loved")
        assert "No loved tracks yet. Press the heart of a track, here or on Last.fm." in page
        assert "To review" not in page


async def test_a_loved_track_has_a_cover_and_leads_to_its_page(database: Path | str) -> None:
    async with house_at(database, deliver=True) as house:
        await house.connect()
        await imported(house)
        await house.me.love("Low", "Words")
        page = await house.page("/loved?show=missing")
        assert "1 loved track</h2>" in page  # though the last import found none
        assert 'href="/track?artist=Low&amp;title=Words"' in page
        assert 'src="/covers?artist=Low&amp;title=Words"' in page


async def test_an_import_shows_what_was_matched_what_is_missing_and_what_to_review(database: Path | str) -> None:
    async with house_at(database, deliver=True) as house:
        await house.connect()
        await has(house, ("Nina Simone", "Sinnerman"), ("Oasis", "Wonderwall"), ("Oasis", "Wonderwall (Live)"))
        for place, title in enumerate(("Sinnerman", "Feeling Good")):
            house.emulator.known_user("RJ").heart("Nina Simone", title, 1_700_000_000 + place)
        house.emulator.known_user("RJ").heart("Oasis", "Wonderwall (Remastered)", 1_700_000_100)
        await imported(house)
        page = await house.page("/loved")
        assert '<a href="/library">3 files</a> are in your library.' in page
        assert "3 loved tracks" in page
        assert "1 newly marked, 0 already marked." in page
        assert "To review <b>1</b>" in page
        (none,) = [one for one in Tags(page).all("input") if one.get("value") == "0" and one.get("name") == "file"]
        choices = [one["value"] for one in Tags(page).all("input") if one.get("name") == "file"]
        assert none["value"] == choices[-1]
        (where,) = {
            form["action"]
            for form in Tags(page).all("form")
            if form["action"].startswith("/loved/")
            and form["action"] not in ("/loved/import", "/loved/settings", "/loved/check")
        }
        assert "Feeling Good" in await house.page("/loved?show=missing")
        assert "Sinnerman" in await house.page("/loved?show=matched")
        assert (await house.http.post(where, data={"file": "77"})).status_code == 404
        part = await house.http.post(where, data={"file": choices[0]}, headers={"HX-Request": "true"})
        assert part.text.startswith('<div id="loved"')
        assert "Wonderwall (Remastered)" in part.text  # nothing is left to review: what was matched is shown
        assert "Wonderwall (Remastered)" in await house.page("/loved?show=matched")
        await imported(house)
        assert "Nothing to review" in await house.page("/loved?show=doubtful")


async def test_the_page_opens_on_an_outcome_that_has_tracks(database: Path | str) -> None:
    async with house_at(database, deliver=True) as house:
        await house.connect()
        house.emulator.known_user("RJ").heart("Nina Simone", "Feeling Good", 1_700_000_000)
        await imported(house)
        page = await house.page("/loved")
        assert "Feeling Good" in page
        assert re.search(r'aria-current="true">Missing', page)


async def test_the_scanned_library_has_a_page(house: House) -> None:
    assert "tonearm scan" in await house.page("/library")
    await has(house, *(("Nina Simone", f"Song {number}") for number in range(60)))
    await house.deck.store.write(lambda db: library.love(db, [1]))
    page = await house.page("/library")
    assert "60 scanned files." in page
    assert page.count("Loved:") == 1
    assert (page.count("/track?artist=Nina+Simone&amp;title="), "/59.mp3" in page) == (50, False)
    (more,) = (a["href"] for a in Tags(page).all("a") if "start=" in a["href"])
    assert "/59.mp3" in await house.page(more)
    assert (await house.http.get("/library?start=x")).status_code == 400
    assert (await house.signed_out.get("/library")).status_code == 401


async def test_a_running_or_stopped_import_is_shown_with_its_progress(house: House) -> None:
    await house.connect()
    await house.http.post("/loved/import")
    page = await house.page("/loved")
    assert "Importing…" in page
    assert "Contacting Last.fm" in page
    assert "Import from Last.fm</button>" not in page

    def move(db: Connection, **how: Any) -> None:
        run = runs.latest(db, house.me.id, "import-loved")
        assert run is not None
        runs.write(db, replace(run, **how), run.cursor)

    await house.deck.store.write(lambda db: move(db, done=1000, total=2500))
    page = await house.page("/fragments/loved")
    assert 'aria-valuenow="40"' in page
    assert "1,000 of 2,500 loved tracks" in page
    await house.deck.store.write(
        lambda db: move(db, done=1000, total=2500, state=RunState.FAILED, failure="Last.fm is away")
    )
    page = await house.page("/loved")
    assert "The import stopped halfway" in page
    assert "Continue</button>" in page


async def test_hostile_names_of_files_are_only_text(house: House) -> None:
    await house.connect()
    await has(house, *((name, name) for name in HOSTILE))
    await house.http.post("/loved/import")
    rows = [
        {
            "artist": name,
            "track": name,
            "mbid": "",
            "loved_at": 1.0,
            "outcome": "doubtful",
            "candidates": [[at, "version"]],
        }
        for at, name in enumerate(HOSTILE, 1)
    ]
    await house.deck.store.write(lambda db: loved.write(db, house.me.id, rows))
    tags = Tags(await house.page("/loved"))
    assert len(tags.all("li")) == len(HOSTILE)
    assert len(tags.all("script")) == 4
    assert not [attr for _, attrs in tags.found for attr in attrs if attr.startswith("on")]
    assert (await house.signed_out.post("/loved/1", data={"file": "1"})).status_code == 401


async def test_a_track_is_loved_on_a_plays_page_and_unloved_in_the_list(house: House) -> None:
    await house.connect()
    track = Track("Nina Simone", "Sinnerman", duration=200)
    await house.me.scrobble(track, started_at=house.deck.clock.now() - 700, played=200)
    page = await house.page("/plays/1")
    (button,) = [one for one in Tags(page).all("button") if one.get("aria-label", "").startswith("Love ")]
    assert button["aria-pressed"] == "false"
    given = {"artist": "Nina Simone", "track": "Sinnerman", "loved": "1"}
    assert (await house.http.post("/heart", data=given)).status_code == 303
    assert 'aria-pressed="true"' in await house.page("/plays/1")
    page = await house.page("/loved?show=missing")
    assert "Not on Last.fm yet" in page
    assert "Love: waiting." in page
    assert (await house.http.post("/loved/retry")).status_code == 303
    assert (await house.http.post("/heart", data={**given, "loved": "0"})).status_code == 303
    assert 'aria-pressed="false"' in await house.page("/fragments/heart?artist=NINA+SIMONE&track=sinnerman")
    assert "Remove the heart: waiting." in await house.page("/loved?show=missing")


async def test_a_heart_in_place_is_answered_with_a_sentence(house: House) -> None:
    given = {"artist": "Nina Simone", "track": "Sinnerman", "loved": "1"}
    answer = await house.http.post("/heart", data=given, headers={"HX-Request": "true"})
    assert answer.text == "Loved. Connect Last.fm to have it there too."
    await house.connect()
    answer = await house.http.post("/heart", data={**given, "loved": "0"}, headers={"HX-Request": "true"})
    assert answer.text == "Unloved."
    assert (await house.http.post("/heart", data={**given, "artist": " "})).status_code == 422


async def test_the_page_offers_how_both_sides_are_merged(house: House) -> None:
    assert "Import every hour" not in await house.page("/loved")
    await house.connect()
    page = await house.page("/loved")
    assert '<option value="latest" selected>' in page
    assert " checked" not in page
    chosen = {"conflicts": "here", "hourly": "true"}
    assert (await house.http.post("/loved/settings", data=chosen)).status_code == 303
    page = await house.page("/loved")
    assert '<option value="here" selected>' in page
    assert " checked" in page
    await house.http.post("/loved/settings", data={"conflicts": "lastfm"})
    found = await house.deck.loved_import.settings(house.me.id)
    assert (found.mirror_at, found.rule) == (None, "lastfm")
    assert (await house.http.post("/loved/settings", data={"conflicts": "nobody"})).status_code == 400


async def test_the_page_shows_what_an_import_would_change(house: House) -> None:
    assert (await house.http.get("/loved/plan")).status_code == 409
    await house.connect()
    assert "An import wouldn't change anything now" in await house.page("/loved/plan")
    rj = house.emulator.known_user("RJ")
    for n in range(60):
        rj.heart("Nina Simone", f"Song {n}", 1_700_000_000 + n)
    page = await house.page("/loved/plan")
    assert "Loved here: 60" in page
    assert "And 10 more" in page
    house.emulator.fault("error", error=6, methods=["user.getLovedTracks"])
    assert "error 6" in await house.page("/loved/plan")


async def test_matched_tracks_say_which_files_they_are_and_can_be_checked_again(house: House) -> None:
    await house.connect()
    await house.me.love("Nina Simone", "Sinnerman")
    await has(house, ("Nina Simone", "Sinnerman"))
    page = await house.page("/loved?show=missing")
    assert "Check again</button>" in page
    assert (await house.http.post("/loved/check")).status_code == 303
    page = await house.page("/loved?show=matched")
    assert "/0.mp3" in page
    answer = await house.http.post("/loved/check", headers={"HX-Request": "true"})
    assert (answer.status_code, "Check again" in answer.text) == (200, True)


async def test_every_loved_track_is_on_one_page(house: House) -> None:
    rows = [{"artist": "Can", "track": f"Song {n:03}.", "loved_at": 1_700_000_000 + n // 3} for n in range(120)]
    for row in rows:
        row |= {"mbid": "", "outcome": "missing", "last_import": 1}
    await house.deck.store.write(lambda db: loved.write(db, house.me.id, rows))
    address, titles = "/loved?show=missing", list[str]()
    while address:
        page = await house.page(address)
        titles += re.findall(r"Song \d{3}\.", re.sub(r"<[^>]*>", "", page))
        address = next((a["href"] for a in Tags(page).all("a") if "after=" in a["href"]), "")
    assert titles == [f"Song {n:03}." for n in reversed(range(120))]
    assert (await house.http.get("/loved?after=x")).status_code == 400
