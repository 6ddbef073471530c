"""Bringing hearts together by themselves, who is right in a conflict, and what an import would change."""

from __future__ import annotations

import pytest

from tests.service.conftest import DAY, HOUR, House, Room
from tests.service.test_hearts import OTHER, SONG, at_lastfm, listed, until_sent
from tonearm.core.hearts import ConflictRule, HeartChange
from tonearm.service.hourly_import import CHECKED
from tonearm.service.loved_import import NotPlanned, PlannedHeart, counted

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("calm")]

METHOD = "user.getLovedTracks"


async def in_dispute(room: Room) -> None:
    """SONG was loved on both sides, is unloved here while Last.fm is down, and loved there again later."""
    rj = room.emulator.known_user("RJ")
    rj.heart(*SONG, room.now - 1000)
    await room.me.import_loved()
    room.emulator.fault("proxy-busy", methods=["track.love", "track.unlove"], seconds=6 * HOUR)
    await room.me.unlove(*SONG)
    await room.wait(HOUR)
    rj.unheart(*SONG)
    rj.heart(*SONG, room.now)


async def test_nothing_is_imported_by_itself_until_that_is_requested(room: Room) -> None:
    loving, me = room.deck.loved_import, room.me.id
    assert (await loving.settings(me)).mirror_at is None
    await room.wait(2 * HOUR)
    assert room.house.calls(METHOD) == []
    rj = room.emulator.known_user("RJ")
    rj.heart(*SONG, room.now)
    asked_for = room.now
    await loving.mirror(me, on=True)
    while not await room.me.loves(*SONG):
        await room.house.clock.sleep(CHECKED)
    next_at = (await loving.settings(me)).mirror_at
    assert next_at is not None
    assert next_at >= asked_for + HOUR
    rj.unheart(*SONG)
    while await room.me.loves(*SONG):
        await room.house.clock.sleep(CHECKED)
    assert room.now >= next_at
    await loving.mirror(me, on=False)
    asked = len(room.house.calls(METHOD))
    await room.wait(3 * HOUR)
    assert len(room.house.calls(METHOD)) == asked


@pytest.mark.parametrize(
    ("rule", "loved"), [(ConflictRule.LATEST, True), (ConflictRule.LASTFM, True), (ConflictRule.HERE, False)]
)
async def test_the_listener_chooses_who_is_right_in_a_conflict(room: Room, rule: ConflictRule, loved: bool) -> None:
    await room.deck.loved_import.decide(room.me.id, rule)
    assert (await room.deck.loved_import.settings(room.me.id)).rule is rule
    await in_dispute(room)
    planned = await room.deck.loved_import.plan(room.me.id)
    change = HeartChange.LOVE_HERE if loved else HeartChange.UNLOVE_THERE
    assert planned == [PlannedHeart(*SONG, change, conflict=True)]
    await room.me.import_loved()
    assert await room.me.loves(*SONG) is loved
    room.emulator.clear_faults()
    await until_sent(room)
    assert (SONG in at_lastfm(room)) is loved


async def test_the_latest_change_wins_unless_the_listener_chooses(room: Room) -> None:
    await in_dispute(room)
    await room.me.unlove(*SONG)
    assert [one.change for one in await room.deck.loved_import.plan(room.me.id)] == [HeartChange.UNLOVE_THERE]


async def test_what_is_unloved_while_nobody_is_signed_in_is_not_a_conflict(room: Room) -> None:
    await room.deck.loved_import.decide(room.me.id, ConflictRule.LASTFM)
    await room.me.love(*SONG)
    await until_sent(room)
    await room.deck.sign_in.sign_out(room.me.id, discard=False)
    await room.me.unlove(*SONG)
    await room.sign_in()
    planned = await room.deck.loved_import.plan(room.me.id)
    assert planned == [PlannedHeart(*SONG, HeartChange.UNLOVE_THERE)]


@pytest.mark.parametrize("rule", ConflictRule)
@pytest.mark.parametrize("off", [-2 * DAY, -3.0, 0.0, 2 * DAY])
@pytest.mark.parametrize("fault", ["", "commit-then-close"])
async def test_what_was_loved_from_here_is_no_conflict_however_wrong_the_clock_is(
    house: House, rule: ConflictRule, off: float, fault: str
) -> None:
    house.clock.put(off)
    async with house.open() as room:
        await room.sign_in()
        await room.deck.loved_import.decide(room.me.id, rule)
        if fault:  # Last.fm has it, and tonearm doesn't hear of it
            room.emulator.fault(fault, methods=["track.love"])
        await room.me.love(*SONG)
        await room.house.clock.still()
        assert at_lastfm(room) == {SONG}
        room.emulator.fault("proxy-busy", methods=["track.unlove"], seconds=6 * HOUR)
        await room.me.unlove(*SONG)
        await room.wait(HOUR)
        await room.me.import_loved()
        assert not await room.me.loves(*SONG)
        room.emulator.clear_faults()
        await until_sent(room)
        assert at_lastfm(room) == set()


async def test_a_plan_shows_each_change_and_changes_nothing(room: Room) -> None:
    rj = room.emulator.known_user("RJ")
    for n in range(3):
        rj.heart("Nina Simone", f"Song {n}", room.now - 1000)
    await room.me.import_loved()
    room.emulator.fault("proxy-busy", methods=["track.love", "track.unlove"], seconds=6 * HOUR)
    await room.me.love(*OTHER)
    await room.me.unlove("Nina Simone", "Song 1")
    rj.unheart("Nina Simone", "Song 2")
    rj.heart(*SONG, room.now)
    await room.wait(HOUR / 2)
    before, there = await listed(room), at_lastfm(room)
    planned = await room.deck.loved_import.plan(room.me.id)
    assert {(one.title, one.change) for one in planned} == {
        ("Sinnerman", HeartChange.LOVE_HERE),
        ("Song 2", HeartChange.UNLOVE_HERE),
        ("Feeling Good", HeartChange.LOVE_THERE),
        ("Song 1", HeartChange.UNLOVE_THERE),
    }
    assert counted(planned) == {"love_here": 1, "unlove_here": 1, "love_there": 1, "unlove_there": 1, "conflicts": 0}
    assert (await listed(room), at_lastfm(room)) == (before, there)
    await room.me.import_loved()
    room.emulator.clear_faults()
    await until_sent(room)
    assert await room.deck.loved_import.plan(room.me.id) == []
    assert at_lastfm(room) == {SONG, OTHER, ("Nina Simone", "Song 0")}


async def test_a_plan_reads_the_whole_list(room: Room) -> None:
    rj = room.emulator.known_user("RJ")
    for n in range(2100):
        rj.heart("Nina Simone", f"Song {n}", room.now - 5000 + n)
    planned = await room.deck.loved_import.plan(room.me.id)
    assert len({one.title for one in planned}) == len(planned) == 2100
    assert len(room.house.calls(METHOD)) == 3


async def test_a_plan_without_lastfm_says_why_there_is_none(room: Room) -> None:
    room.emulator.fault("error", error=6, methods=[METHOD])
    with pytest.raises(NotPlanned, match="error 6"):
        await room.deck.loved_import.plan(room.me.id)


async def test_what_was_chosen_is_forgotten_with_all_data(room: Room) -> None:
    await room.deck.loved_import.mirror(room.me.id, on=True)
    await room.deck.loved_import.decide(room.me.id, ConflictRule.HERE)
    await room.deck.personal_data.erase(room.me.id, "")
    found = await room.deck.loved_import.settings(room.me.id)
    assert (found.mirror_at, found.rule) == (None, ConflictRule.LATEST)
