"""Tracks loved and unloved here reach Last.fm, those of Last.fm come here, and the latest change of a track counts."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import httpx2
import pytest
from sqlalchemy import Connection, select

from tests.listening import connect, library_row
from tests.service.conftest import DAY, HOUR, During, House, Room
from tonearm.core.event import AuthChanged, HeartChanged
from tonearm.core.hearts import HeartState
from tonearm.core.play import MissingName, Track
from tonearm.ingest.incoming import Heart
from tonearm.store import library, loved
from tonearm.store.db import schema
from tonearm.store.db.schema import loved as loved_table

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("calm")]

SONG = ("Nina Simone", "Sinnerman")
OTHER = ("Nina Simone", "Feeling Good")


def at_lastfm(room: Room, user: str = "RJ") -> set[tuple[str, str]]:
    """What that user loves at Last.fm."""
    return {(one.artist, one.track) for one in room.emulator.known_user(user).loved.values()}


async def owed(room: Room) -> list[tuple[str, bool, str]]:
    """(title, loved, state) of hearts that Last.fm doesn't have yet, or has rejected."""
    return [(one.track.title, one.heart.loved, str(one.state)) for one in await room.deck.hearts.owed(room.me.id)]


async def until_sent(room: Room, within: float = DAY) -> None:
    """Return when Last.fm has all hearts."""
    begun = room.now
    while any(state != HeartState.REJECTED for _, _, state in await owed(room)):
        assert room.now < begun + within, await owed(room)
        await room.house.clock.sleep(min(HOUR / 2, max(1.0, room.now - begun)))
    await room.house.clock.still()


async def marked(room: Room) -> set[str]:
    """The titles of the library's files that have the mark."""
    ids = await room.deck.store.read(lambda db: library.loved(db, room.me.id))
    names = await room.deck.store.read(lambda db: library.names(db, room.me.id))
    return {title for file_id, _, title, _ in names if file_id in ids}


async def has(room: Room, *songs: tuple[str, str]) -> None:
    rows = [library_row(f"/{artist}/{title}.mp3", artist, title) for artist, title in songs]
    await room.deck.store.write(lambda db: library.write(db, room.me.id, rows))


async def listed(room: Room) -> set[tuple[str, str]]:
    """The (title, outcome) of what is listed as loved here."""

    def read(db: Connection) -> set[tuple[str, str]]:
        return {(track, outcome) for track, outcome in db.execute(select(loved_table.c.track, loved_table.c.outcome))}

    return await room.deck.store.read(read)


async def test_a_heart_is_on_disk_at_lastfm_and_in_the_library(room: Room) -> None:
    await has(room, SONG, OTHER)
    await room.me.love(*SONG)
    assert await room.me.loves("NINA SIMONE", "sinnerman")
    assert await marked(room) == {"Sinnerman"}
    await until_sent(room)
    assert at_lastfm(room) == {SONG}
    changes = [event for event in room.events if isinstance(event, HeartChanged)]
    assert [(event.loved, event.status) for event in changes] == [(True, "waiting"), (True, "accepted")]
    await room.me.unlove(*SONG)
    assert await marked(room) == set()
    await until_sent(room)
    assert at_lastfm(room) == set()
    assert not await room.me.loves(*SONG)


async def test_the_latest_change_counts_in_any_spelling(room: Room) -> None:
    await room.me.love(*SONG)
    await room.me.unlove("nina simone", "SINNERMAN")
    await room.me.love("Nina  Simone", "Sinnerman\u200b")
    await until_sent(room)
    assert {(artist.casefold(), title.casefold()) for artist, title in at_lastfm(room)} == {
        ("nina simone", "sinnerman")
    }
    await room.me.unlove("NINA SIMONE", "SINNERMAN")
    await until_sent(room)
    assert at_lastfm(room) == set()


@pytest.mark.parametrize("track", [("", "Sinnerman"), ("Nina Simone", "\u200b")])
async def test_a_heart_needs_names(room: Room, track: tuple[str, str]) -> None:
    with pytest.raises(MissingName):
        await room.me.love(*track)
    assert await owed(room) == []


@pytest.mark.parametrize(
    "fault", ["error", "proxy-busy", "cut-off", "commit-then-close", "close-before-commit", "html-in-200"]
)
async def test_hearts_outlive_an_outage_and_arrive_once_it_is_over(house: House, fault: str) -> None:
    async with house.open() as room:
        await room.sign_in()
        room.emulator.fault(fault, methods=["track.love"], until=room.now + 2 * HOUR, error=11)
        await room.me.love(*SONG)
        await room.wait(HOUR)
        assert await owed(room) == [("Sinnerman", True, "waiting")]
        [waiting] = await room.deck.hearts.owed(room.me.id)
        assert waiting.reason
        await room.play(1)  # plays go on meanwhile
        await room.until_empty(HOUR / 2)
    async with house.open() as room:  # after a restart
        await until_sent(room)
        assert at_lastfm(room) == {SONG}


async def test_a_change_made_while_another_is_being_sent_is_sent_after_it(house: House) -> None:
    during = During(house.emulator, "track.love")
    async with httpx2.AsyncClient(transport=during) as http, house.open(http=http) as room:
        await room.sign_in()

        async def taken_back() -> None:
            await room.me.unlove(*SONG)

        during.happens.append(taken_back)
        await room.me.love(*SONG)
        await until_sent(room)
        assert at_lastfm(room) == set()
        assert [entry.method for entry in house.emulator.journal if "love" in entry.method] == [
            "track.love",
            "track.unlove",
        ]


async def test_a_heart_that_overtakes_a_later_word_of_another_process_is_put_right(house: House) -> None:
    during = During(house.emulator, "track.love")
    async with httpx2.AsyncClient(transport=during) as http, house.open(http=http) as room:
        await room.sign_in()

        def told_the_next_word(db: Connection) -> None:
            told: Any = {"state": HeartState.NONE, "loved": False, "there": False, "due_at": 0.0, "tries": 0}
            db.execute(schema.heart.update().values(**told))

        during.happens.append(partial(room.deck.store.write, told_the_next_word))
        await room.me.love(*SONG)
        await until_sent(room)
        assert at_lastfm(room) == set()


async def test_a_track_that_lastfm_rejects_is_kept_with_the_reason_and_can_be_retried(room: Room) -> None:
    room.emulator.fault("error", error=6, methods=["track.love"])
    await room.me.love(*SONG)
    await until_sent(room)
    assert await owed(room) == [("Sinnerman", True, "rejected")]
    [rejected] = await room.deck.hearts.owed(room.me.id)
    assert "Last.fm error 6" in rejected.reason
    room.emulator.clear_faults()
    await room.deck.hearts.retry(room.me.id)
    await until_sent(room)
    assert (await owed(room), at_lastfm(room)) == ([], {SONG})


async def test_hearts_wait_for_the_user_they_are_for(room: Room) -> None:
    room.emulator.revoke("RJ")
    await room.me.love(*SONG)
    await room.wait(HOUR)
    assert any(isinstance(event, AuthChanged) and event.state == "needs_sign_in" for event in room.events)
    await connect(room.me, room.emulator, "Ann")
    await room.wait(HOUR)
    assert at_lastfm(room, "Ann") == set()
    await connect(room.me, room.emulator, "RJ")
    await until_sent(room)
    assert (at_lastfm(room), at_lastfm(room, "Ann")) == ({SONG}, set())


async def test_no_heart_is_sent_with_a_session_that_last_fm_has_ended(room: Room) -> None:
    room.emulator.revoke("RJ")
    await room.me.love(*SONG)
    await room.me.love(*OTHER)
    await room.wait(DAY)
    assert len(room.house.calls("track.love")) == 1
    await connect(room.me, room.emulator, "RJ")
    await until_sent(room)
    assert at_lastfm(room) == {SONG, OTHER}


async def test_a_heart_given_while_nobody_is_signed_in_is_sent_with_the_next_import(house: House) -> None:
    async with house.open() as room:
        await room.me.love(*SONG)
        assert await owed(room) == []
        assert await room.me.loves(*SONG)
        await room.sign_in()
        room.emulator.known_user("RJ").heart(*OTHER, room.now - 100)
        await room.me.import_loved()
        await until_sent(room)
        assert at_lastfm(room) == {SONG, OTHER}


@pytest.mark.slow
async def test_both_sides_are_equal_after_days_apart(room: Room) -> None:
    names = [("Nina Simone", f"Song {n}") for n in range(6)]
    await has(room, *names)
    rj = room.emulator.known_user("RJ")
    for name in names[:4]:
        rj.heart(*name, room.now - 1000)
    await room.me.import_loved()
    room.emulator.fault("proxy-busy", methods=["track.love", "track.unlove"], until=room.now + 2 * DAY)
    await room.me.unlove(*names[0])
    await room.me.love(*names[4])
    rj.unheart(*names[1])
    rj.heart(*names[5], room.now)
    await room.wait(DAY)
    await room.me.import_loved()
    assert await marked(room) == {"Song 2", "Song 3", "Song 4", "Song 5"}
    assert {title for title, _ in await listed(room)} == await marked(room)
    await until_sent(room, 3 * DAY)
    assert at_lastfm(room) == {names[2], names[3], names[4], names[5]}
    assert not await room.me.loves(*names[1])


async def test_a_change_made_while_the_list_is_walked_stays(house: House) -> None:
    during = During(house.emulator, "user.getLovedTracks")
    async with httpx2.AsyncClient(transport=during) as http, house.open(http=http) as room:
        await room.sign_in()
        await has(room, SONG, OTHER)
        rj = room.emulator.known_user("RJ")
        rj.heart(*SONG, room.now - 1000)
        await room.me.import_loved()
        room.emulator.fault("proxy-busy", methods=["track.love", "track.unlove"], until=room.now + HOUR)

        async def say() -> None:
            await room.me.unlove(*SONG)
            await room.me.love(*OTHER)

        during.happens.append(say)
        await room.me.import_loved()
        assert await marked(room) == {"Feeling Good"}
        assert await listed(room) == {("Feeling Good", "matched")}
        await until_sent(room)
        assert at_lastfm(room) == {OTHER}


async def test_a_heart_of_a_recording_without_names_is_kept_and_not_sent(room: Room) -> None:
    hearts = [Heart(Track(*SONG), True), Heart(Track("", ""), True, "b1a9c0e9-d987-4042-ae91-78d6a3267d69")]
    stored = await room.deck.hearts.say(room.me.id, hearts)
    assert [one.status for one in stored] == ["waiting", "kept"]
    await until_sent(room)
    assert at_lastfm(room) == {SONG}


async def test_many_hearts_go_out_at_the_pace_of_the_key(house: House) -> None:
    async with house.open(requests_per_second=2.0) as room:
        await room.sign_in()
        hearts = [Heart(Track("Nina Simone", f"Song {n}"), True) for n in range(30)]
        await room.deck.hearts.say(room.me.id, hearts)
        await until_sent(room)
    at = [entry.at for entry in house.calls("track.love")]
    assert len(at) == 30
    assert at[-1] - at[0] >= 14.0


async def test_hearts_wait_together_while_lastfm_is_down_and_new_ones_with_them(house: House) -> None:
    async with house.open() as room:
        await room.sign_in()
        room.emulator.fault("close-before-commit", methods=["track.love"], until=room.now + 3 * HOUR)
        await room.deck.hearts.say(room.me.id, [Heart(Track("Nina Simone", f"Song {n}"), True) for n in range(30)])
        await room.wait(2 * HOUR)
        asked = len(house.calls("track.love"))
        assert asked < 60  # a few while the waits grow, then one every five minutes or so; not 30 times as many
        await room.deck.hearts.say(room.me.id, [Heart(Track("Nina Simone", f"More {n}"), True) for n in range(30)])
        await room.house.clock.still()
        assert len(house.calls("track.love")) <= asked + 1
        await until_sent(room)
        assert len(at_lastfm(room)) == 60


@pytest.mark.parametrize("fault", ["close-before-commit", "delay"])
async def test_hearts_do_not_wait_for_a_time_that_only_a_fast_clock_knew(house: House, fault: str) -> None:
    fast = 20 * DAY
    async with house.open() as room:
        await room.sign_in()
        room.emulator.fault(fault, methods=["track.love"], seconds=3600)
        house.clock.put(fast)
        await room.me.love(*SONG)
        await room.wait(30.0)  # it has failed, or is on its way when the process ends
    room.emulator.clear_faults()
    house.clock.put(-fast)
    async with house.open() as room:
        await room.me.love(*OTHER)
        await until_sent(room, HOUR * 3)
        assert at_lastfm(room) == {SONG, OTHER}


async def test_two_processes_send_each_heart_in_its_order(house: House) -> None:
    async with house.open() as room:
        await room.sign_in()
        for _ in range(5):
            await room.me.love(*SONG)
            await room.me.unlove(*SONG)
            await asyncio.gather(*(room.deck.hearts.deliver(room.me.id) for _ in range(3)))
        await room.me.love(*SONG)
        await asyncio.gather(*(room.deck.hearts.deliver(room.me.id) for _ in range(3)))
        await until_sent(room)
        assert at_lastfm(room) == {SONG}


async def test_an_unloved_track_is_listed_no_longer_and_a_loved_one_is(room: Room) -> None:
    await has(room, SONG)
    await room.me.love(*SONG)
    await room.me.love(*OTHER)
    assert await listed(room) == {("Sinnerman", "matched"), ("Feeling Good", "missing")}
    await room.me.unlove("nina simone", "sinnerman")
    assert await listed(room) == {("Feeling Good", "missing")}
    assert loved.NOT_LISTED == 0


async def test_no_hearts_are_sent_while_the_key_is_throttled(room: Room) -> None:
    room.emulator.fault("error", error=29, methods=["track.love"])
    await room.me.love(*SONG)
    while await room.deck.shows.keyring.first.pace.current_throttle() is None:
        await room.house.clock.sleep(1)
    assert await room.deck.store.read(lambda db: room.deck.hearts.due(db, room.now)) == []


async def test_everything_is_deleted_while_a_heart_is_being_sent(house: House) -> None:
    during = During(house.emulator, "track.love")
    async with httpx2.AsyncClient(transport=during) as http, house.open(http=http) as room:
        await room.sign_in()

        async def delete() -> None:
            await room.deck.personal_data.erase(room.me.id, "")

        during.happens.append(delete)
        await room.me.love(*SONG)
        await room.house.clock.sleep(HOUR)
        assert (await room.deck.jobs.overview()).jobs == ()
        assert await owed(room) == []


async def test_a_heart_is_sent_at_once(room: Room) -> None:
    await room.house.clock.sleep(1)  # the next look for work is half a minute away
    await room.me.love(*SONG)
    await room.house.clock.sleep(5)
    assert at_lastfm(room) == {SONG}
