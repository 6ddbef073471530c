"""Clocks that are wrong: ours, and those between us and Last.fm."""

from __future__ import annotations

import pytest

from tests.service.conftest import DAY, HOUR, House, Room, songs
from tonearm.core.play import Track

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("calm")]

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


OFFS = pytest.mark.parametrize(
    "off", [-DAY, DAY, -60 * DAY, 60 * DAY], ids=["-1 day", "+1 day", "-60 days", "+60 days"]
)


@OFFS
async def test_a_wrong_clock_of_ours_is_known_from_lastfm_and_live_plays_are_put_right(room: Room, off: float) -> None:
    room.house.clock.put(off)
    begun = room.emulator.now() - 160
    await room.me.scrobble(SONG, started_at=room.now - 160, played=150)
    await room.until_empty()
    [play] = room.emulator.plays("RJ")
    assert abs(play.timestamp - begun) < 60
    [kept] = await room.history()
    assert kept.fate == "accepted"
    assert "clock here differs" in kept.restamp_reason


@OFFS
async def test_a_right_clock_is_believed_while_ours_is_known_to_be_wrong(room: Room, off: float) -> None:
    room.house.clock.put(off)
    begun = int(room.emulator.now()) - 2000
    await room.me.scrobble(SONG, started_at=begun, played=150)
    await room.until_empty()
    [play] = room.emulator.plays("RJ")
    assert play.timestamp == begun


@OFFS
async def test_a_clock_that_was_wrong_before_lastfm_was_ever_heard_loses_and_shifts_no_play(
    house: House, off: float
) -> None:
    async with house.open() as room:
        await room.sign_in()
    house.clock.put(off)
    async with house.open() as room:  # the machine starts anew: Last.fm is away at first
        room.emulator.fault("close-before-commit")
        begun = room.emulator.now() - 160
        assert (await room.me.scrobble(SONG, started_at=room.now - 160, played=150)).status == "queued"
        await house.clock.sleep(120)
        house.emulator.clear_faults()
        await room.until_empty()
        [play] = room.emulator.plays("RJ")
        assert abs(play.timestamp - begun) < 60
        [kept] = await room.history()
        assert (kept.fate, kept.restamp_reason.endswith("the clock here was wrong")) == ("accepted", True)


@pytest.mark.parametrize("off", [-20 * DAY, 20 * DAY, -400 * DAY, 400 * DAY])
async def test_a_clock_that_is_put_right_or_wrong_empties_no_queue(house: House, off: float) -> None:
    async with house.open() as room:
        await room.sign_in()
    house.clock.put(off)
    async with house.open() as room:
        await room.me.now_playing(SONG)  # Last.fm answers once
        room.emulator.fault("close-before-commit", methods=SCROBBLE)
        starts = []
        for number in range(7):
            await house.clock.sleep(200)
            starts.append(room.emulator.now() - 160)
            track = Track("Nina Simone", f"Song {number}", duration=200)
            assert (await room.me.scrobble(track, started_at=room.now - 160, played=150)).status == "queued"
        house.clock.put(-off)
        await house.clock.sleep(600)
        assert await room.fates() == ["queued"] * 7
        room.emulator.clear_faults()
        await room.until_empty()
        sent = sorted(play.timestamp for play in room.emulator.plays("RJ"))
        assert all(abs(at - start) < 60 for at, start in zip(sent, starts, strict=True)), (sent, starts)


@pytest.mark.parametrize("lie", [20 * DAY, 3650 * DAY, -HOUR * 2])
async def test_one_answer_with_a_wrong_date_moves_and_ages_no_play(room: Room, lie: float) -> None:
    room.emulator.fault("close-before-commit", methods=SCROBBLE)
    await room.plays(0, 1)
    room.emulator.fault("clock-skew", seconds=lie)
    await room.me.now_playing(SONG)
    room.emulator.clear_faults()
    start = int(room.now) - 160
    await room.me.scrobble(SONG, started_at=start, played=150)
    await room.until_empty()
    assert {play.track for play in room.emulator.plays("RJ")} == {*songs(0, 1), "Sinnerman"}
    assert next(play for play in room.emulator.plays("RJ") if play.track == "Sinnerman").timestamp == start


@pytest.mark.parametrize("lie", [-20_000.0, 20_000.0])
async def test_a_start_that_a_lying_server_moved_is_corrected(room: Room, lie: float) -> None:
    room.house.clock.put(40)  # so that the truth, too, needs two answers
    room.emulator.fault("clock-skew", seconds=lie)
    for _ in range(2):
        await room.me.now_playing(SONG)
        await room.house.clock.sleep(60)
    room.emulator.clear_faults()
    room.emulator.fault("error", error=11, methods=SCROBBLE)
    await room.me.now_playing(SONG)  # the truth, once
    begun, reported = room.emulator.now() - 160, int(room.now) - 160
    await room.me.scrobble(SONG, started_at=reported, played=150)
    [moved] = await room.history()
    assert abs(moved.play.timestamp - begun - lie) < 60
    await room.house.clock.sleep(60)
    await room.me.now_playing(SONG)
    room.emulator.clear_faults()
    await room.until_empty()
    [play] = room.emulator.plays("RJ")
    assert abs(play.timestamp - begun) < 60
    [kept] = await room.history()
    assert kept.restamp_reason.count(" s: the clock here") == 2


@pytest.mark.parametrize("step", [-7200.0, 7200.0])
async def test_a_start_comes_back_though_our_clock_is_set_before_the_truth_is_heard(room: Room, step: float) -> None:
    lie = 20_000.0
    room.emulator.fault("clock-skew", seconds=lie)
    for _ in range(2):
        await room.me.now_playing(SONG)
        await room.house.clock.sleep(60)
    room.emulator.clear_faults()
    room.emulator.fault("close-before-commit")
    room.house.clock.put(step)
    begun, reported = room.emulator.now() - 160, int(room.now) - 160
    await room.me.scrobble(SONG, started_at=reported, played=150)  # nobody has contradicted the lie yet
    [moved] = await room.history()
    assert abs(moved.play.timestamp - begun - lie) < 60
    room.house.clock.put(400 - step)
    room.emulator.clear_faults()
    room.emulator.fault("error", error=11, methods=SCROBBLE)
    for _ in range(2):
        await room.me.now_playing(SONG)
        await room.house.clock.sleep(60)
    room.emulator.clear_faults()
    await room.until_empty()
    [play] = room.emulator.plays("RJ")
    assert abs(play.timestamp - begun) < 60


async def test_nothing_is_too_old_by_our_clock_alone_while_lastfm_is_down(house: House) -> None:
    async with house.open() as room:
        await room.sign_in()
        room.emulator.fault("close-before-commit")
        await room.plays(*range(5))
        await room.until_calls(1)
    house.clock.put(20 * DAY)
    async with house.open() as room:
        await house.clock.sleep(600)
        assert await room.fates() == ["queued"] * 5
        room.emulator.clear_faults()
        await room.until_empty()
        assert await room.fates() == ["accepted"] * 5


async def expired(house: House) -> None:
    """Plays that were reported by a right clock to a process whose clock was wrong, and did not hear Last.fm."""
    async with house.open() as room:
        await room.sign_in()
    house.clock.put(20 * DAY)
    async with house.open(deliver=False) as room:
        for number in range(3):
            at = int(room.emulator.now() - HOUR) + number
            track = Track("Nina Simone", f"Song {number:03}", duration=200)
            assert (await room.me.scrobble(track, started_at=at, played=150)).status == "too_old"


async def test_what_a_wrong_clock_has_called_too_old_is_sent_by_itself(house: House) -> None:
    await expired(house)
    async with house.open() as room:
        await room.me.now_playing(SONG)
        await house.clock.sleep(40)
        await room.me.now_playing(SONG)  # the second answer that shows the same
        while await room.fates() != ["accepted"] * 3:
            await house.clock.sleep(30)
        assert sorted(room.arrived()) == songs(0, 1, 2)


async def test_what_comes_back_is_held_back_beside_another_report_of_the_same_listen(house: House) -> None:
    await expired(house)
    house.clock.put(-20 * DAY)
    async with house.open(deliver=False) as room:
        first = min(await room.history(), key=lambda stored: stored.play.timestamp).play
        again = await room.me.scrobble(first.track, started_at=first.timestamp + 1, played=150)
        assert again.status == "queued"  # nothing is sent for the other
    async with house.open() as room:
        await room.me.now_playing(SONG)
        while "expired" in await room.fates():
            await house.clock.sleep(30)
        await room.until_empty()
        assert sorted(await room.fates()) == ["accepted"] * 3 + ["suspected"]
        assert sorted(room.arrived()) == songs(0, 1, 2)
        [held] = [stored for stored in await room.history() if stored.fate == "suspected"]
        assert held.reason.startswith(f"looks like play {again.id}")


async def test_what_is_not_too_old_by_our_clock_is_sent_by_hand(house: House) -> None:
    await expired(house)
    house.clock.put(-20 * DAY)
    async with house.open() as room:
        await room.me.scrobble(SONG, started_at=room.now - 15 * DAY, played=150)
        assert await room.deck.after_all.send(room.me.id) == 3
        await room.until_empty()
        assert sorted(await room.fates()) == ["accepted"] * 3 + ["expired"]
        assert await room.deck.after_all.send(room.me.id) == 0


async def test_a_start_stays_if_lastfm_may_have_accepted_it_by_another_clock(room: Room) -> None:
    """Last.fm's clock is days ahead, accepts the moved play, and the answer is lost; then it is corrected, and ours is
    fast.
    """
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


async def test_the_start_of_a_fast_clock_stays_if_lastfm_may_have_accepted_it_by_a_faster_one(room: Room) -> None:
    """Timed by a fast clock, it is accepted by one that is even faster, whose answer is lost."""
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
async def test_a_clock_set_back_does_not_stop_anything(room: Room, ahead: float) -> None:
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


async def test_what_a_fast_clock_has_put_back_goes_when_its_time_has_come(room: Room) -> None:
    """The clock is 20 days ahead when Last.fm says that the play is in the future, and is corrected after that."""
    await room.me.now_playing(SONG)
    start = int(room.emulator.now() + DAY)
    assert (await room.me.scrobble(SONG, started_at=start, played=150)).status == "queued"
    room.house.clock.put(20 * DAY)
    await room.until_calls(1)
    assert await room.fates() == ["queued"]
    room.house.clock.put(-20 * DAY)
    await room.wait(120)
    await room.wait(DAY)
    await room.until_empty(within=HOUR)
    assert [play.timestamp for play in room.emulator.plays("RJ")] == [start]


async def test_a_play_is_not_moved_onto_one_that_is_there_already(house: House) -> None:
    """Reported by the right time, and again by a clock a day fast, before Last.fm's time is known."""
    async with house.open() as room:
        await room.sign_in()
        start = int(room.now) - 160
        await room.me.scrobble(SONG, started_at=start, played=150)
        await room.until_empty()
    house.clock.put(DAY)
    async with house.open() as room:
        await room.me.scrobble(SONG, started_at=start + DAY, played=150)
        await room.wait(2 * DAY)
        await room.until_empty()
        history = [(kept.play.timestamp - start, kept.fate) for kept in await room.history()]
    assert history[0] == (0, "accepted")
    assert [play.timestamp - start for play in house.emulator.plays("RJ")].count(0) == 1
    assert len(history) == 2


async def test_a_start_moved_by_two_wrong_answers_is_corrected_though_our_clock_is_set_between_them(room: Room) -> None:
    async def believe(seconds: float) -> None:
        room.emulator.fault("clock-skew", seconds=seconds)
        for _ in range(2):
            await room.me.now_playing(SONG)
            await room.house.clock.sleep(60)
        room.emulator.clear_faults()
        room.emulator.fault("error", error=11, methods=SCROBBLE)

    room.house.clock.put(400)
    await believe(20_000)
    begun = room.emulator.now() - 160
    await room.me.scrobble(SONG, started_at=int(room.now) - 160, played=150)
    room.house.clock.put(-7200)
    await believe(50_000)
    await room.house.clock.sleep(HOUR)
    room.house.clock.put(3600)
    await believe(0)
    room.emulator.clear_faults()
    await room.until_empty()
    [play] = room.emulator.plays("RJ")
    assert abs(play.timestamp - begun) < 60


async def test_a_start_in_the_future_of_our_clock_stays_whatever_a_wrong_answer_says(room: Room) -> None:
    room.house.clock.put(40)  # so that the truth, too, needs two answers
    room.emulator.fault("clock-skew", seconds=50_000.0)
    for _ in range(2):
        await room.me.now_playing(SONG)
        await room.house.clock.sleep(60)
    room.emulator.clear_faults()
    room.emulator.fault("error", error=11, methods=SCROBBLE)
    await room.me.now_playing(SONG)  # the truth, once
    start = int(room.now) + 320
    await room.me.scrobble(SONG, started_at=start, played=150)
    for _ in range(2):
        await room.house.clock.sleep(60)
        await room.me.now_playing(SONG)
    room.emulator.clear_faults()
    await room.until_empty()
    [play] = room.emulator.plays("RJ")
    assert play.timestamp == start


@pytest.mark.parametrize("error", [29, 26], ids=["too many requests", "a suspended key"])
async def test_a_throttle_that_a_fast_clock_began_does_not_prevent_a_later_one(room: Room, error: int) -> None:
    room.house.clock.put(20 * DAY)
    room.emulator.fault("error", error=29, methods=SCROBBLE)
    await room.play(0)
    await room.until_calls(1)
    room.emulator.clear_faults()
    room.emulator.fault("error", error=error, methods=SCROBBLE)
    room.house.clock.put(-20 * DAY)
    before = len(room.house.calls())
    await room.house.clock.sleep(HOUR / 2)
    assert len(room.house.calls()) - before <= 10  # with no rest at all some dozens, one at each look
    assert await room.deck.shows.keyring.first.pace.last_throttle() is not None
    room.emulator.clear_faults()
    await room.until_empty()
    assert await room.deck.shows.keyring.first.pace.last_throttle() is None
