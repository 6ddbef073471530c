"""Hearts for destinations: the last word on each track reaches each that can keep it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from sqlalchemy import Connection

from lastfm_emulator import Emulator
from tests.service.conftest import HOUR, House, Room
from tests.service.test_destinations import TOKEN, World, add, overview, pause
from tests.stand_ins.beside import Beside
from tests.stand_ins.gnufm import GnuFmStandIn
from tests.stand_ins.listenbrainz import ListenBrainzStandIn
from tests.stand_ins.maloja import MalojaStandIn
from tests.stand_ins.serving import Asked, Fault, Said, StandIn
from tonearm.core import hearts
from tonearm.core.destination import DestinationKind
from tonearm.core.event import DestinationHeart
from tonearm.core.hearts import HeartState
from tonearm.core.play import Track
from tonearm.core.policy import Policy
from tonearm.ingest.incoming import Heart
from tonearm.service.destination_sign_in import NameAndPassword
from tonearm.store import destination_hearts
from tonearm.store.db import schema
from tonearm.store.destination_hearts import HeartThere
from tonearm.store.destinations import StoredDestination

pytestmark = pytest.mark.anyio

SINNERMAN = Track("Nina Simone", "Sinnerman")
MBID = "8f3471b5-7e6a-48da-86a9-c1c07a0f47ae"


@pytest.fixture
def fm(house: House) -> GnuFmStandIn:
    server = GnuFmStandIn(house.clock.true)
    server.passwords["anna"] = "sesame"
    return server


@pytest.fixture
def world(house: House, emulator: Emulator, fm: GnuFmStandIn) -> World:
    stand_ins = [ListenBrainzStandIn(now=house.clock.true) for _ in range(2)]
    for one in stand_ins:
        one.users = {TOKEN: "rob"}
        one.recordings[SINNERMAN.artist.lower(), SINNERMAN.title.lower()] = MBID
    hosts: dict[str, StandIn] = {"one.test": stand_ins[0], "two.test": stand_ins[1], "fm.test": fm}
    return World(house, Beside(emulator, hosts), *stand_ins)


@pytest.fixture
async def room(world: World) -> AsyncIterator[Room]:
    async with world.open() as opened:
        yield opened


async def test_a_destination_that_is_to_get_no_hearts_gets_none(room: Room, world: World) -> None:
    await add(room, policy=Policy(hearts=False))
    await add(room, host="two.test")
    await say(room)
    await room.wait(HOUR)
    assert (world.first.hearts, world.second.hearts) == ({}, {("rob", MBID): 1})


async def say(room: Room, loved: bool = True, track: Track = SINNERMAN, recording: str = "") -> None:
    await room.deck.hearts.say(room.me.id, [Heart(track, loved, recording)])
    await room.house.clock.still()


async def add_fm(room: Room) -> StoredDestination:
    given = NameAndPassword("anna", "sesame")
    added = await room.deck.destinations.add(room.me.id, DestinationKind.LIBREFM, "http://fm.test", given)
    assert isinstance(added, StoredDestination), added
    await room.house.clock.still()
    return added


async def owed(room: Room, one: StoredDestination) -> list[HeartThere]:
    return await room.deck.destination_hearts.owed(one.id)


async def until_told(room: Room, one: StoredDestination, within: float = HOUR) -> None:
    begun = room.now
    while any(heart.status == "waiting" for heart in await owed(room, one)):
        assert room.now < begun + within, await owed(room, one)
        await room.house.clock.sleep(max(1.0, (room.now - begun) / 10))
    await room.house.clock.still()


async def test_a_heart_goes_wherever_hearts_are_kept(world: World, room: Room, fm: GnuFmStandIn) -> None:
    maloja = MalojaStandIn(world.house.clock.true)
    maloja.users = {TOKEN: ""}
    world.network.hosts["three.test"] = maloja
    await room.sign_in()
    one, other = await add(room), await add_fm(room)
    added = await room.deck.destinations.add(room.me.id, DestinationKind.MALOJA, "http://three.test", TOKEN)
    assert isinstance(added, StoredDestination)
    await say(room)
    await until_told(room, one)
    await until_told(room, other)
    assert world.first.hearts == {("rob", MBID): 1}
    assert fm.hearts == {("anna", "Nina Simone", "Sinnerman")}
    assert await owed(room, added) == []
    told = [event for event in room.events if isinstance(event, DestinationHeart)]
    assert {(event.destination, event.loved, event.status) for event in told} == {
        (one.id, True, "accepted"),
        (other.id, True, "accepted"),
    }
    await say(room, loved=False)
    await until_told(room, one)
    await until_told(room, other)
    assert world.first.hearts == {("rob", MBID): 0}
    assert fm.hearts == set()


async def test_who_has_only_lastfm_keeps_no_hearts_for_others(room: Room) -> None:
    await room.sign_in()
    await say(room)
    await say(room, track=Track("Low", "Lullaby"))

    def rows(db: Connection) -> int:
        return len(db.execute(schema.destination_heart.select()).all())

    assert await room.deck.store.read(rows) == 0


async def test_the_latest_change_counts_however_long_a_service_is_down(world: World, room: Room) -> None:
    one, other = await add(room), await add(room, "two.test")
    world.network.gone.add("one.test")
    await say(room)
    await until_told(room, other)
    while not (await owed(room, one))[0].reason:
        await room.house.clock.sleep(1.0)
    [waiting] = await owed(room, one)
    assert waiting.reason.startswith("no connection")
    seen = await overview(room)
    assert (seen.hearts_waiting, seen.hearts_rejected) == (1, 0)
    await say(room, loved=False)
    await say(room, loved=True)
    await say(room, loved=False)
    world.network.gone.clear()
    await until_told(room, one)
    assert world.first.hearts == {("rob", MBID): 0}
    assert len([asked for asked in world.first.seen if "feedback" in asked.path]) == 1
    assert world.second.hearts == {("rob", MBID): 0}


async def test_a_new_heart_leaves_a_service_alone_that_has_just_failed(world: World, room: Room) -> None:
    one = await add(room)
    world.network.gone.add("one.test")
    await say(room)
    [failed] = await owed(room, one)
    while failed.due_at < room.now + 120:  # time goes on between two lines of this test
        await room.wait(60)
        [failed] = await owed(room, one)
    world.network.gone.clear()
    await say(room, track=Track("Nina Simone", "Four Women"))
    waiting = await owed(room, one)
    tries = [("Four Women", 0), ("Sinnerman", failed.tries)]
    assert sorted((heart.track.title, heart.tries) for heart in waiting) == tries
    assert {heart.due_at for heart in waiting} == {failed.due_at}
    assert failed.due_at > room.now
    assert not [asked for asked in world.first.seen if "feedback" in asked.path]


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.GATEWAY, Fault.THROTTLED, Fault.PAGE, Fault.HANG_UP])
async def test_whatever_is_lost_on_the_way_is_sent_again(room: Room, fm: GnuFmStandIn, fault: Fault) -> None:
    one = await add_fm(room)
    fm.fail_next(fault)
    await say(room)
    await until_told(room, one)
    assert fm.hearts == {("anna", "Nina Simone", "Sinnerman")}


async def test_a_change_made_while_a_heart_is_being_sent_is_sent_after_it(world: World, room: Room) -> None:
    one = await add(room)
    await pause(room, one)
    await say(room)

    def on_its_way(db: Connection) -> None:
        [heart] = destination_hearts.OWED.listed(db, one.id, 1)
        sending: Any = {"state": HeartState.SENDING, "due_at": room.now + 30}
        db.execute(schema.destination_heart.update().values(**sending))
        assert heart.state is HeartState.WAITING

    await room.deck.store.write(on_its_way)
    await say(room, loved=False)
    [heart] = await owed(room, one)
    assert (heart.state, heart.loved) == (HeartState.SENDING, False)
    await pause(room, one, paused=False)
    await room.wait(40)
    await until_told(room, one)
    assert world.first.hearts == {("rob", MBID): 0}


async def test_a_heart_that_overtakes_a_later_word_of_another_process_is_put_right(world: World, room: Room) -> None:
    one = await add(room)
    world.network.hangs["one.test"] = arrives = asyncio.Event()
    await say(room)  # its request is under way for longer than a sender is waited for

    def another_process_has_told_the_next_word(db: Connection) -> None:
        told: Any = {"state": HeartState.NONE, "loved": False, "due_at": 0.0, "tries": 0}
        db.execute(schema.destination_heart.update().values(**told))

    while (await owed(room, one))[0].state is not HeartState.SENDING:
        await room.house.clock.sleep(0.1)
    await room.deck.store.write(another_process_has_told_the_next_word)
    arrives.set()
    while world.first.hearts != {("rob", MBID): 0}:  # or the room's patience ends
        await room.house.clock.sleep(1.0)
    assert await owed(room, one) == []


@pytest.mark.usefixtures("calm")
async def test_a_recording_that_is_known_later_gets_its_heart_then(world: World, room: Room) -> None:
    one = await add(room)
    world.first.recordings.clear()
    await say(room)
    while not (await owed(room, one))[0].reason:
        await room.house.clock.sleep(1.0)
    [waiting] = await owed(room, one)
    assert (waiting.status, waiting.reason) == (
        "waiting",
        "ListenBrainz doesn't know this recording, so it can't store the heart",
    )
    world.first.recordings["nina simone", "sinnerman"] = MBID
    await until_told(room, one)
    assert world.first.hearts == {("rob", MBID): 1}


async def test_what_a_service_can_not_keep_is_shown_and_may_be_tried_again(
    world: World, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearts, "LEFT_OUT_LADDER", (10.0, 20.0))
    one = await add(room)
    world.first.recordings.clear()
    await say(room)
    await until_told(room, one)
    [rejected] = await owed(room, one)
    assert rejected.status == "rejected"
    assert (await overview(room)).hearts_rejected == 1
    world.first.recordings["nina simone", "sinnerman"] = MBID
    await room.deck.destinations.retry(room.me.id, one.id)
    await until_told(room, one)
    assert world.first.hearts == {("rob", MBID): 1}


async def test_a_heart_of_a_recording_without_names_goes_where_recordings_are_known(
    world: World, room: Room, fm: GnuFmStandIn
) -> None:
    one, other = await add(room), await add_fm(room)
    await say(room, track=Track("", ""), recording=MBID)
    await until_told(room, one)
    assert world.first.hearts == {("rob", MBID): 1}
    assert (await owed(room, other), fm.hearts) == ([], set())


async def test_a_rejected_token_holds_hearts_until_there_is_another(world: World, room: Room) -> None:
    one = await add(room)
    world.first.users.clear()
    await say(room)
    while (await overview(room)).state != "needs_sign_in":
        await room.house.clock.sleep(1)
    assert len(await owed(room, one)) == 1
    world.first.users = {"a-new-token": "rob"}
    again = await room.deck.destinations.sign_in_again(room.me.id, one.id, "a-new-token")
    assert isinstance(again, StoredDestination)
    await until_told(room, one)
    assert world.first.hearts == {("rob", MBID): 1}


@pytest.mark.parametrize("discard", [True, False])
async def test_hearts_of_a_removed_service_wait_for_it_or_are_discarded(
    world: World, room: Room, discard: bool
) -> None:
    one = await add(room)
    await pause(room, one)
    await say(room)
    await room.deck.destinations.remove(room.me.id, one.id, discard=discard)
    await room.wait(60)
    assert world.first.hearts == {}
    again = await add(room)
    await until_told(room, again)
    assert world.first.hearts == ({} if discard else {("rob", MBID): 1})


async def test_everything_of_a_listener_is_erased_with_hearts_that_wait(room: Room) -> None:
    one = await add(room)
    await pause(room, one)
    await say(room)
    await room.deck.personal_data.erase(room.me.id, "")
    assert await owed(room, one) == []


class Timed(ListenBrainzStandIn):
    """Notes when each request comes."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__(now)
        self.times: list[float] = []

    def handle(self, asked: Asked, fault: Fault) -> Said:
        self.times.append(self.now())
        return super().handle(asked, fault)


@pytest.mark.parametrize("recording", ["", MBID], ids=["names alone", "a recording beside the names"])
async def test_the_look_up_of_a_recording_counts_as_a_request(world: World, recording: str) -> None:
    timed = Timed(world.house.clock.true)
    timed.users, timed.recordings = world.first.users, {("low", f"song {n}"): MBID for n in range(8)}
    world.network.hosts["one.test"] = timed
    async with world.open(requests_per_second=4) as room:
        one = await add(room)
        await room.deck.hearts.say(room.me.id, [Heart(Track("Low", f"Song {n}"), True, recording) for n in range(8)])
        await until_told(room, one)
    told = timed.times[-16:]
    assert len(timed.times) >= 16
    assert max(sum(at <= one < at + 1 for one in told) for at in told) <= 3, "two a second, or a pair"
