"""A play that is reported by hand, and forms that say what is wrong with them."""

from __future__ import annotations

import re
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from tests.web.conftest import House
from tests.web.test_page import SINNERMAN, Tags, queued, settled
from tonearm.web.pages.by_hand import FieldError, FormInput, parse_length, play_from_form

pytestmark = pytest.mark.anyio

PLAY = {"artist": "Nina Simone", "track": "Sinnerman", "album": "Pastel Blues", "length": "10:22", "started": ""}
NOW = 1_795_000_000.0


async def test_a_play_reported_by_hand_is_queued_as_any_other(house: House) -> None:
    await house.connect()
    assert 'href="/scrobble"' in await house.page()
    assert 'action="/scrobble"' in await house.page("/scrobble")
    answer = await house.http.post("/scrobble", data=PLAY)
    assert (answer.status_code, answer.headers["location"]) == (303, "/plays/1")
    story = await house.deck.play_actions.details(house.me.id, 1)
    assert story is not None
    assert (story.stored.fate, story.stored.reporter) == ("queued", "by hand")
    assert story.stored.play.track.duration == story.stored.play.played == 622
    assert abs(story.stored.play.timestamp + 622 - house.deck.clock.now()) < 60
    assert (await house.signed_out.post("/scrobble", data=PLAY)).status_code == 401


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"artist": " "}, "artist", "Enter an artist."),
        ({"track": ""}, "track", "Enter a track."),
        ({"length": "ten"}, "length", "We can&#39;t read that length."),
        ({"length": "99:99:99"}, "length", "Use 4:20, 1:04:20 or seconds, up to 24 hours."),
        ({"length": "0:00"}, "length", "Use 4:20, 1:04:20 or seconds, up to 24 hours."),
        ({"started": "yesterday"}, "started", "We can&#39;t read that time."),
        ({"started": "2026-05-12"}, "started", "Use 2026-05-12 20:30."),
        ({"started": "2026-05-12T99:99:99"}, "started", "Use 2026-05-12 20:30."),
        ({"started": "1999-01-01T00:00"}, "started", "Enter a time between October 2002 and 30 days from now."),
    ],
)
async def test_a_form_that_fails_keeps_its_input_and_marks_the_field(
    house: House, change: dict[str, str], field: str, words: str
) -> None:
    answer = await house.http.post("/scrobble", data=PLAY | change)
    assert answer.status_code == 422
    inputs = {one["name"]: one for one in Tags(answer.text).all("input") if "name" in one}
    assert {name: one["value"] for name, one in inputs.items()} == PLAY | change
    assert [name for name, one in inputs.items() if "aria-invalid" in one] == [field]
    assert words in answer.text
    assert f'id="{inputs[field]["aria-describedby"]}"' in answer.text


def test_a_start_is_read_in_the_readers_zone() -> None:
    given = FormInput("Nina Simone", "Sinnerman", started="2026-05-12T20:30")
    here, there = play_from_form(given, NOW, UTC), play_from_form(given, NOW, ZoneInfo("Asia/Tokyo"))
    assert here.timestamp - there.timestamp == 9 * 3600
    named = FormInput("Nina Simone", "Sinnerman", started="2026-05-12T20:30+09:00")
    assert play_from_form(named, NOW, UTC) == there
    assert play_from_form(FormInput("Nina Simone", "Sinnerman"), NOW, UTC).timestamp == NOW - 240


@pytest.mark.parametrize(("text", "length"), [("", None), (" 4:20 ", 260), ("260", 260), ("1:00:05", 3605)])
def test_a_length_is_read_as_people_write_it(text: str, length: float | None) -> None:
    assert parse_length(text) == length


@pytest.mark.parametrize("text", ["x", "4:", "-4", "4.5", "1:2:3:4", "٤", "5:60", "99999"])
def test_an_unreadable_length_is_rejected(text: str) -> None:
    with pytest.raises(FieldError):
        parse_length(text)


async def test_discarding_can_be_undone(house: House) -> None:
    await house.connect()
    play_id = await queued(house)
    open_page = {"HX-Request": "true"}
    answer = await house.http.post(f"/plays/{play_id}/discard", headers=open_page)
    assert answer.text == "Discarded. It stays in the history."
    undo = answer.headers["tonearm-undo"]
    assert (await house.signed_out.post(undo)).status_code == 401
    assert (await house.http.post(undo, headers=open_page)).text == "Restored."
    assert (await house.me.queue()).queued == 1


async def test_undoing_restores_the_reason_too(house: House) -> None:
    await house.connect()
    await settled(house, "refused", reason="Last.fm error 6: Invalid parameters")
    undo = (await house.http.post("/plays/1/discard", headers={"HX-Request": "true"})).headers["tonearm-undo"]
    assert "Discarded by the listener." in await house.page("/plays/1")
    assert (await house.http.post(undo)).status_code == 303
    page = await house.page("/plays/1")
    assert "Last.fm error 6: Invalid parameters." in page
    assert (await house.http.post(undo)).status_code == 409
    ada = await house.deck.listener("ada")
    assert not (await house.deck.play_actions.details(ada.id, 1))
    assert (await house.http.post("/plays/77/undo")).status_code == 404


async def test_every_page_keeps_its_navigation(house: House) -> None:
    await house.connect()
    await queued(house, SINNERMAN)
    for path, status in (
        ("/plays/77", 404),
        ("/history?period=x", 400),
        ("/docs", 200),
        ("/api/auth/?token=x", 410),
        ("/connect/waiting?token=x", 200),
        ("/scrobble", 200),
    ):
        answer = await house.http.get(path)
        assert answer.status_code == status, path
        assert re.search(r'<nav class="tabs".*href="/queue".*</nav>', answer.text, re.DOTALL), path
    assert '<nav class="tabs"' not in (await house.signed_out.get("/queue")).text
