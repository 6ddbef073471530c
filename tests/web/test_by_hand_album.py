"""A whole album that is reported by hand, with the tracks and lengths that Last.fm knows."""

from __future__ import annotations

import html
from pathlib import Path

import pytest

from tests.web.conftest import House, house_at
from tests.web.test_page import Tags

pytestmark = pytest.mark.anyio

ALBUM = {"artist": "Björk", "album": "Homogenic", "ended": ""}


def hidden(page: str) -> dict[str, str]:
    return {one["name"]: one["value"] for one in Tags(page).all("input") if one.get("type") == "hidden"}


async def saved(house: House) -> list[tuple[str, int, float | None, str]]:
    found = await house.deck.play_actions.latest(house.me.id, 10)
    plays = [one.stored for one in reversed(found)]
    return [(one.play.track.title, one.play.timestamp, one.play.track.duration, one.fate) for one in plays]


async def test_an_album_becomes_plays_that_follow_each_other_and_end_now(house: House) -> None:
    await house.connect()
    assert 'href="/scrobble/album"' in await house.page("/scrobble")
    preview = await house.http.post("/scrobble/album", data=ALBUM)
    assert preview.status_code == 200
    titles = ("Hunter", "Jóga", "Bachelorette")
    assert all(title in preview.text for title in titles)
    assert await saved(house) == []
    form = hidden(preview.text) | {"track": ["1", "2", "3"]}
    answer = await house.http.post("/scrobble/album/report", data=form)
    assert "3 plays will be sent to Last.fm" in answer.text
    found = await saved(house)
    assert [title for title, *_ in found] == list(titles)
    assert [length for _, _, length, _ in found] == [255, 305, 312]
    starts = [start for _, start, _, _ in found]
    assert [starts[1] - starts[0], starts[2] - starts[1]] == [255, 305]
    assert abs(starts[2] + 312 - house.deck.clock.now()) < 60
    again = await house.http.post("/scrobble/album/report", data=form)
    assert "3 plays already reported" in again.text
    assert len(await saved(house)) == 3


async def test_an_album_can_have_ended_earlier_and_tracks_can_be_skipped(house: House) -> None:
    await house.connect()
    preview = await house.http.post("/scrobble/album", data=ALBUM | {"ended": "2026-01-02T20:30"})
    form = hidden(preview.text)
    assert form["ended_at"] == "1767385800"
    answer = await house.http.post("/scrobble/album/report", data=form | {"track": ["1", "3"]})
    assert "2 plays too old for Last.fm" in answer.text
    assert [(title, start) for title, start, *_ in await saved(house)] == [
        ("Hunter", 1767385800 - 312 - 255),
        ("Bachelorette", 1767385800 - 312),
    ]
    nothing = await house.http.post("/scrobble/album/report", data=form)
    assert nothing.status_code == 422
    assert "Choose at least one track." in nothing.text
    never = await house.http.post("/scrobble/album/report", data=form | {"ended_at": str(2**40)})
    assert never.status_code == 422
    assert "Enter a time between" in never.text


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"artist": " "}, "artist", "Enter an artist."),
        ({"album": ""}, "album", "Enter an album."),
        ({"album": "Nothing of the kind"}, "album", "Last.fm doesn't know this album: check both names."),
        ({"ended": "yesterday"}, "ended", "We can't read that time."),
        ({"ended": "0001-01-01T00:00"}, "ended", "Enter a time between October 2002 and 30 days from now."),
        ({"ended": "9999-12-31T23:59"}, "ended", "Enter a time between October 2002 and 30 days from now."),
    ],
)
async def test_a_form_that_fails_keeps_its_input_and_marks_the_field(
    house: House, change: dict[str, str], field: str, words: str
) -> None:
    given = ALBUM | {"ended": "2026-01-02T20:30"} | change
    answer = await house.http.post("/scrobble/album", data=given)
    assert answer.status_code == 422
    inputs = {one["name"]: one for one in Tags(answer.text).all("input") if "name" in one}
    assert {name: one["value"] for name, one in inputs.items()} == given
    assert [name for name, one in inputs.items() if "aria-invalid" in one] == [field]
    assert words in html.unescape(answer.text)


async def test_without_tracks_it_says_why(house: House, tmp_path: Path) -> None:
    house.emulator.fault("error", error=10, methods=["album.getInfo"])
    answer = await house.http.post("/scrobble/album", data=ALBUM)
    assert answer.status_code == 422
    assert "Last.fm couldn't answer: " in html.unescape(answer.text)
    house.emulator.clear_faults()
    house.emulator.fault("gateway-html", methods=["album.getInfo"])
    unreachable = await house.http.post("/scrobble/album", data=ALBUM | {"album": "Post"})
    assert "Couldn't reach Last.fm, so we don't know the tracks: try again soon." in html.unescape(unreachable.text)
    async with house_at(tmp_path / "keyless.db", key="") as keyless:
        keyless_answer = await keyless.http.post("/scrobble/album", data=ALBUM)
        assert "There's no API key yet, so we can't get the tracks from Last.fm." in html.unescape(keyless_answer.text)


async def test_the_link_of_an_album_fills_the_form(house: House) -> None:
    page = await house.page("/album?artist=Bj%C3%B6rk&title=Homogenic")
    assert 'href="/scrobble/album?artist=Bj%C3%B6rk&amp;album=Homogenic"' in page
    form = await house.page("/scrobble/album?artist=Bj%C3%B6rk&album=Homogenic")
    assert 'value="Homogenic"' in form
