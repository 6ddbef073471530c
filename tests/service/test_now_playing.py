"""Now playing: shown at once or not at all."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from tests.service.conftest import House, Room
from tonearm.core.event import AuthChanged, NowPlayingShown
from tonearm.core.play import MissingName, Track
from tonearm.service.now_playing import UNKNOWN_LENGTH, NowPlayingResult
from tonearm.store.db.schema import account

pytestmark = pytest.mark.anyio

SONG = Track("Nina Simone", "Sinnerman", "Pastel Blues", duration=622)
METHOD = "track.updateNowPlaying"


async def test_what_plays_is_shown_on_the_profile(room: Room) -> None:
    assert await room.me.now_playing(SONG) == NowPlayingResult("success")
    shown = room.emulator.now_playing("RJ")
    assert shown is not None
    assert (shown.artist, shown.track, shown.album) == ("Nina Simone", "Sinnerman", "Pastel Blues")
    await room.house.clock.still()
    [published] = [event for event in room.events if isinstance(event, NowPlayingShown)]
    assert (published.artist, published.track, published.status, published.duration) == (
        "Nina Simone",
        "Sinnerman",
        "success",
        622,
    )
    assert room.deck.shows.current(room.me.id) == published


async def test_what_plays_is_over_when_its_length_is(room: Room) -> None:
    await room.me.now_playing(SONG)
    await room.wait(600)
    assert room.deck.shows.current(room.me.id) is not None
    await room.wait(22)
    assert room.deck.shows.current(room.me.id) is None


async def test_a_track_of_unknown_length_plays_for_a_while(room: Room) -> None:
    await room.me.now_playing(Track("a", "t"))
    await room.wait(UNKNOWN_LENGTH - 10)
    assert room.deck.shows.current(room.me.id) is not None
    await room.wait(10)
    assert room.deck.shows.current(room.me.id) is None


async def test_nothing_is_playing_before_the_first_notice(room: Room) -> None:
    assert room.deck.shows.current(room.me.id) is None
    await room.me.now_playing(SONG)
    assert room.deck.shows.current(room.me.id + 1) is None


async def test_names_are_cleaned_and_needed(room: Room) -> None:
    assert await room.me.now_playing(Track(" Nina\x00 Simone", "Sinnerman\n")) == NowPlayingResult("success")
    shown = room.emulator.now_playing("RJ")
    assert shown is not None
    assert (shown.artist, shown.track) == ("Nina Simone", "Sinnerman")
    with pytest.raises(MissingName):
        await room.me.now_playing(Track("", "t"))


async def test_who_switched_scrobbling_off_shows_nothing(room: Room) -> None:
    await room.deck.accounts.change_settings(room.me.id, enabled=False, threshold=None)
    assert (await room.me.now_playing(SONG)).status == "disabled"
    assert room.house.calls(METHOD) == []


async def test_who_is_not_signed_in_shows_nothing(house: House) -> None:
    async with house.open() as room:
        assert (await room.me.now_playing(SONG)).status == "not_authenticated"
        assert house.calls(METHOD) == []


@pytest.mark.parametrize(
    ("fault", "status", "said"),
    [
        ({"kind": "error", "error": 8}, "error", "error 8"),
        ({"kind": "error", "error": 4}, "error", "error 4"),
        ({"kind": "error", "error": 29}, "error", "error 29"),
        ({"kind": "error", "error": 26}, "error", "error 26"),
        ({"kind": "error", "error": 13}, "error", "error 13"),
        ({"kind": "html-in-200"}, "error", "page"),
        ({"kind": "cut-off"}, "error", ""),
        ({"kind": "close-before-commit"}, "error", "connection"),
        ({"kind": "delay", "seconds": 60}, "error", "in time"),
    ],
)
async def test_a_failure_is_reported_and_never_tried_again(
    room: Room, fault: dict[str, Any], status: str, said: str
) -> None:
    room.emulator.fault(methods=[METHOD], **fault)
    shown = await room.me.now_playing(SONG)
    assert shown.status == status
    assert said in shown.message
    await room.wait(60)
    assert len(room.house.calls(METHOD)) == 1
    assert (await room.me.account()).connection == "connected"


@pytest.mark.parametrize("error", [9, 14, 17])
async def test_an_ended_session_is_noticed_here_too(room: Room, error: int) -> None:
    room.emulator.fault("error", error=error, methods=[METHOD], calls=1)
    assert (await room.me.now_playing(SONG)).status == "not_authenticated"
    assert (await room.me.account()).connection == "needs_sign_in"
    await room.house.clock.still()
    assert AuthChanged("needs_sign_in", "RJ") in room.events
    shown = await room.me.now_playing(SONG)
    assert (shown.status, shown.message) == ("not_authenticated", "Last.fm has ended the session: sign in again")
    assert len(room.house.calls(METHOD)) == 1, "nothing is sent with a session that has ended"
    await room.play(0)
    await room.sign_in()
    await room.until_empty()


async def test_a_name_that_lastfm_filters_is_reported(room: Room) -> None:
    shown = await room.me.now_playing(Track("Various", "t"))
    assert (shown.status, shown.message) == ("error", "Last.fm ignored it, with code 1")


async def test_a_session_that_cannot_be_decrypted_is_none(house: House) -> None:
    async with house.open() as room:
        await room.sign_in()
        await room.deck.store.write(lambda db: db.execute(update(account).values(lastfm_session_key="damaged")))
        shown = await room.me.now_playing(SONG)
        assert shown.status == "not_authenticated"
        assert "can't be decrypted: sign in again" in shown.message
        await room.play(0)
        await room.wait(60)
        assert (await room.me.account()).connection == "needs_sign_in"
        assert await room.me.now_playing(SONG) == shown, "nobody says that Last.fm has ended it"


async def test_the_length_of_what_plays_may_be_in_milliseconds(room: Room) -> None:
    await room.me.now_playing(Track("Nina Simone", "Sinnerman", duration=622_000))
    shown = room.deck.shows.current(room.me.id)
    assert shown is not None
    assert shown.duration == 622


async def test_nothing_is_sent_while_requests_are_paused(room: Room) -> None:
    room.emulator.fault("error", error=29)
    await room.play(0)
    await room.until_calls(1)
    calls = len(room.house.calls(METHOD))
    shown = await room.me.now_playing(SONG)
    assert shown.status == "error"
    assert shown.message.startswith("requests to Last.fm are paused: ")
    assert len(room.house.calls(METHOD)) == calls
