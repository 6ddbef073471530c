"""The page for importing histories: what is found is shown first, then imported, then undone."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.history.files import AT, write
from tests.patience import async_pause
from tests.web.conftest import House
from tonearm.history.play import ReadOptions

pytestmark = pytest.mark.anyio

TABLE = f"uts,artist,track\n{AT},Low,Words\n{AT + 600},Low,Fear\n{AT},Low,Words\n,Low,Cut\nwhen,Low,Lullaby\n"


async def upload(house: House, content: str, name: str = "old.csv", **form: str) -> str:
    """The page when the file is compared."""
    answer = await house.http.post("/history/import", files={"file": (name, content)}, data=form)
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].endswith("/history/import")
    return await settled(house)


async def settled(house: House) -> str:
    while "data-stale-in" in (page := await house.page("/fragments/imports")):
        await async_pause()
    return page


async def test_a_file_is_compared_imported_and_undone(house: House) -> None:
    assert "From a file" in await house.page("/history/import")
    page = await upload(house, TABLE)
    assert "2 new, 1 already here, 0 doubtful, 1 skipped, 1 unreadable." in page
    assert "1 skipped: has no time" in page
    assert "old.csv, line 6: has no time that can be read" in page
    assert "Nothing has been imported yet." in page
    start = re.search(r'action="(/history/import/\w+/start)"', page)
    assert start
    assert (await house.http.post(start[1])).status_code == 303
    page = await settled(house)
    assert "2 added, 1 already here" in page
    assert "2 plays added" in page
    undo = re.search(r'action="(/history/imports/\d+/undo)"', page)
    assert undo
    assert (await house.http.post(undo[1])).status_code == 303
    assert "undone" in await settled(house)
    assert (await house.http.post(undo[1])).status_code == 409
    await house.http.post("/history/import/forget")
    assert "From a file" in await house.page("/history/import")


async def test_a_file_without_plays_says_so_on_the_page_and_in_the_list(house: House, tmp_path: Path) -> None:
    page = await upload(house, "uts,artist,track\nwhen,Low,Words\n", "none.csv")
    assert "No plays found in this file; 1 unreadable." in page
    file = write(tmp_path, "uts,artist,track\n", "none.csv")  # on the page, it can't be imported
    await house.deck.history_import.run(house.me.id, [file], ReadOptions(), lambda done, total: None, apply=True)
    page = await house.page("/fragments/imports")
    assert '<span class="by">No plays found</span>' in page
    assert "0 plays added" not in page


async def test_what_cannot_be_imported_is_reported_with_what_to_do(house: House) -> None:
    page = await upload(house, "<html><body></body></html>", "export.html")
    assert "is a web page (HTML)" in page
    log = f"#AUDIOSCROBBLER/1.1\n#TZ/UNKNOWN\nA\tB\tC\t1\t200\tL\t{AT}\t\n"
    assert "for example Europe/Berlin" in await upload(house, log, ".scrobbler.log")
    assert "1 new" in await upload(house, log, ".scrobbler.log", zone="Europe/Berlin")
    await house.http.post("/history/import/forget")
    unknown = {"zone": "Atlantis", "private": "true"}
    lost = await house.http.post("/history/import", files={"file": ("x", log)}, data=unknown)
    assert (lost.status_code, "&#39;Atlantis&#39; isn&#39;t a time zone" in lost.text) == (422, True)
    assert 'value="Atlantis"' in lost.text
    assert 'name="private" value="true" checked' in lost.text
    none = await house.http.post("/history/import", files={"file": ("", "")})
    assert (none.status_code, "Choose a file first." in none.text) == (422, True)
    assert (await house.http.post("/history/import/unknown/start")).status_code == 404


async def test_waiting_plays_that_last_fm_still_accepts_are_sent_if_that_is_chosen(house: House) -> None:
    await house.connect()
    track = {"artist": "AC/DC", "song": "Thunderstruck", "album": "", "duration": 292 * 10**9}
    now = int(house.deck.clock.now())
    waiting = {"tracks": [{**track, "timestamp": now - 3600}, {**track, "timestamp": now - 20 * 86400}]}
    page = await upload(house, json.dumps(waiting), "scrobbles.json")
    assert "Also send 1 play from the last 14 days" in page
    start = re.search(r'action="(/history/import/\w+/start)"', page)
    assert start
    assert (await house.http.post(start[1], data={"queue": "true"})).status_code == 303
    page = await settled(house)
    assert "2 added" in page
    assert "1 play queued for Last.fm" in page
    assert "1 play in the queue" in await house.page("/queue")


async def test_names_in_a_file_are_shown_as_text(house: House) -> None:
    page = await upload(house, f"uts,artist,track\n{AT},Low,Words\n<script>alert(1)</script>,Low,Fear\n", "<b>.csv")
    assert "<script>alert" not in page
    assert "<b>.csv" not in page


async def test_the_profile_is_imported_and_mirrored(house: House) -> None:
    page = await house.page("/history/import")
    assert "Import every hour from now on" in page
    assert (await house.http.post("/history/import/lastfm")).status_code == 409
    await house.connect()
    assert "Import from Last.fm</button>" in await house.page("/history/import")
    assert (await house.http.post("/history/import/lastfm")).status_code == 303
    assert "Reading" in await house.page("/history/import")  # until a process that delivers takes it up
    await house.http.post("/history/import/mirror", data={"on": "true"})
    assert "Stop importing every hour" in await house.page("/history/import")
    await house.http.post("/history/import/mirror")
    assert "Import every hour from now on" in await house.page("/history/import")


async def test_the_history_leads_to_its_import_and_export(house: House) -> None:
    assert 'href="/history/import"' in await house.page("/history")
    page = await house.page("/history/import")
    for form in ("csv", "jsonl", "listenbrainz", "maloja"):
        assert f'href="/history-export?format={form}"' in page
        assert (await house.http.get(f"/history-export?format={form}")).status_code == 200
