"""Clocks that are wrong: ours, and those of what stands between us and Last.fm."""

from __future__ import annotations

import pytest

from tests.service.conftest import DAY, HOUR, Room, songs
from tonearm.core.play import Track

pytestmark = pytest.mark.anyio

SONG = Track("Nina Simone", "Sinnerman", duration=200)
SCROBBLE = ["track.scrobble"]


@pytest.mark.parametrize("kind", ["html-in-200", "gateway-html", "empty-body"])
@pytest.mark.parametrize("days", [-30, 30], ids=["a month behind", "a month ahead"])
async def test_the_clock_of_a_hotels_sign_in_page_moves_and_ages_no_play(room: Room, kind: str, days: int) -> None:
    room.emulator.fault("error", error=11, methods=SCROBBLE)
    await room.plays(0, 1)
    await room.until_calls(1)
    room.emulator.clear_faults()
    room.emulator.fault(kind, commit=False)
    room.emulator.fault("clock-skew", seconds=days * DAY)
    await room.me.now_playing(SONG)
    await room.house.clock.sleep(30)
    start = int(room.now) - 160
    assert (await room.me.scrobble(SONG, started_at=start, played=150)).status == "queued"
    room.emulator.clear_faults()
    await room.until_empty()
    assert {play.track for play in room.emulator.plays("RJ")} == {*songs(0, 1), "Sinnerman"}
    assert next(play for play in room.emulator.plays("RJ") if play.track == "Sinnerman").timestamp == start


@pytest.mark.parametrize("off", [-DAY, DAY], ids=["a day fast", "a day slow"])
async def test_a_clock_of_ours_that_is_wrong_is_learnt_and_live_plays_are_put_right(room: Room, off: float) -> None:
    room.emulator.fault("clock-skew", seconds=off)
    await room.me.now_playing(SONG)
    begun = room.emulator.now() - 160
    await room.me.scrobble(SONG, started_at=room.now - 160, played=150)
    await room.until_empty()
    [play] = room.emulator.plays("RJ")
    assert abs(play.timestamp - begun) < 60
    [kept] = await room.history()
    assert kept.fate == "accepted"
    assert "clock here differs" in kept.moved


async def test_a_play_that_was_moved_by_a_part_of_what_our_clock_is_wrong_by_is_moved_by_the_rest(room: Room) -> None:
    room.emulator.fault("clock-skew", seconds=-DAY / 4)
    await room.me.now_playing(SONG)
    room.emulator.clear_faults()
    room.emulator.fault("clock-skew", seconds=-DAY)
    begun = room.emulator.now() - 160
    await room.me.scrobble(SONG, started_at=room.now - 160, played=150)
    await room.until_empty()
    [play] = room.emulator.plays("RJ")
    assert abs(play.timestamp - begun) < 60
    [kept] = await room.history()
    assert kept.moved.count("moved by") == 2


async def test_a_play_that_lastfm_may_have_taken_by_another_clock_stays_where_it_is(room: Room) -> None:
    """Last.fm's clock is days ahead, takes the moved play, and loses the answer, and is put right; ours is fast."""
    room.emulator.fault("clock-skew", seconds=2 * DAY)
    await room.me.now_playing(SONG)
    room.emulator.fault("commit-then-close", calls=1, methods=SCROBBLE)
    await room.me.scrobble(SONG, started_at=room.now - 160, played=150)
    await room.until_calls(1)
    room.emulator.clear_faults()
    room.emulator.fault("clock-skew", seconds=-400)
    await room.until_calls(2)
    await room.wait(2 * DAY)
    await room.until_empty()
    assert len(room.emulator.plays("RJ")) == 1
    assert await room.fates() == ["accepted"]


async def test_a_play_of_a_fast_clock_that_lastfm_may_have_taken_by_a_faster_one_stays_where_it_is(room: Room) -> None:
    """Told by a fast clock, it is taken by one that is faster still, whose answer is lost."""
    room.emulator.fault("clock-skew", seconds=2 * DAY)
    room.emulator.fault("commit-then-close", calls=1, methods=SCROBBLE)
    await room.me.scrobble(SONG, started_at=room.now - 160, played=150)
    await room.until_calls(1)
    room.emulator.clear_faults()
    room.emulator.fault("clock-skew", seconds=-DAY)
    await room.until_calls(2)
    await room.wait(2 * DAY)
    await room.until_empty()
    assert len(room.emulator.plays("RJ")) == 1
    assert await room.fates() == ["accepted"]


@pytest.mark.parametrize("ahead", [HOUR / 6, 20 * DAY, 365 * DAY], ids=["ten minutes", "20 days", "a year"])
async def test_a_clock_that_is_put_back_stops_nothing(room: Room, ahead: float) -> None:
    """The machine started ahead of time, met a bad moment of Last.fm, and was put right."""
    clock = room.house.clock
    clock.put(ahead)
    room.emulator.fault("error", error=8, methods=SCROBBLE, calls=1)
    await room.play(0)
    await room.until_calls(1)
    clock.put(-ahead)
    back = clock.now()
    await room.plays(1, 2, 3)
    while not set(songs(1, 2, 3)) <= {play.track for play in room.emulator.plays("RJ")}:
        await clock.sleep(60)
        assert clock.now() < back + DAY
