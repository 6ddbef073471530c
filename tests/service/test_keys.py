"""Several API keys in one installation: each listener is connected with one of them, and each key is independent."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

import tonearm
from lastfm_emulator import API_KEY, API_SECRET, Emulator, serve
from tests.databases import only_postgres
from tests.listening import connect
from tests.patience import PATIENCE
from tests.service.conftest import HOUR, House, Room, songs
from tests.service.test_meanwhile import meanwhile
from tonearm.core.account import KEY_NOT_SET
from tonearm.core.keys import BadKeys
from tonearm.core.play import Track
from tonearm.deck import Listener
from tonearm.service.sign_in import AuthStart, NotAsked, SignedIn
from tonearm.store import accounts, pace, queue

pytestmark = pytest.mark.anyio

SECOND, SECOND_SECRET = "second".ljust(32, "0"), "secret of the second"
BOTH: dict[str, Any] = {"api_key": f"{API_KEY}, {SECOND}", "api_secret": f"{API_SECRET}, {SECOND_SECRET}"}
ONLY_SECOND = {"api_key": SECOND, "api_secret": SECOND_SECRET}


@pytest.fixture
def house(house: House) -> House:
    """A Last.fm that knows two keys."""
    house.emulator.add_key(SECOND, SECOND_SECRET)
    return house


@pytest.fixture
async def room(house: House) -> AsyncIterator[Room]:
    """A deck with both keys, whose listeners `me` (RJ) and `other` (Other) are connected with one each."""
    async with house.open(**BOTH) as opened:
        await two(opened)
        yield opened


async def two(room: Room) -> Listener:
    other = await room.deck.listener("other")
    await room.sign_in()
    await room.sign_in("Other", other)
    return other


async def asked_with(room: Room) -> dict[str, str]:
    """The API key of each listener."""
    found = await room.deck.store.read(lambda db: accounts.by_id(db, range(100)))
    return {one.name: one.api_key for one in found.values()}


def key_in(way: Any) -> str:
    assert isinstance(way, AuthStart)
    return parse_qs(urlsplit(way.auth_url).query)["api_key"][0]


async def arrived(room: Room, user: str, number: int, within: float = 60) -> None:
    end = room.now + within
    while room.arrived(user) != songs(*range(number)):
        assert room.now < end, (user, await room.me.queue())
        await room.house.clock.sleep(1)


# Signing in


async def test_a_new_sign_in_gets_the_key_with_the_fewest_listeners(house: House) -> None:
    async with house.open(**BOTH) as room:
        for n in range(5):
            await room.sign_in(f"User {n}", await room.deck.listener(f"listener-{n}"))
        keys = await asked_with(room)
        assert [keys[f"listener-{n}"] for n in range(5)] == [API_KEY, SECOND, API_KEY, SECOND, API_KEY]
        await (await room.deck.listener("listener-0")).sign_out()
        await (await room.deck.listener("listener-2")).sign_out()
        assert key_in(await room.me.sign_in()) == API_KEY


async def test_a_sign_in_is_finished_with_the_key_it_began_with(house: House) -> None:
    async with house.open(**BOTH) as room:
        other = await room.deck.listener("other")
        mine, theirs = await room.me.sign_in(), await other.sign_in()
        assert (key_in(mine), key_in(theirs)) == (API_KEY, API_KEY)
        await room.sign_in("Third", await room.deck.listener("third"))
        assert isinstance(theirs, AuthStart)
        assert theirs.token
        room.emulator.approve(theirs.token, "Other")
        again = await room.deck.sign_in.asked(other.id, theirs.token)
        assert again
        assert key_in(again[0]) == API_KEY
        assert isinstance(await other.finish_sign_in(theirs.token), SignedIn)
        assert (await asked_with(room))["other"] == API_KEY


async def test_the_web_flow_goes_with_the_key_that_is_in_its_address(room: Room) -> None:
    third = await room.deck.listener("third")
    fourth = await room.deck.listener("fourth")
    await room.sign_in("Third", third)
    way = await room.deck.sign_in.web(fourth.id, "http://localhost/back")
    assert key_in(way) == SECOND
    once = parse_qs(urlsplit(parse_qs(urlsplit(way.auth_url).query)["cb"][0]).query)["login"][0]
    token = room.emulator.issue_token(SECOND, "Fourth")
    assert isinstance(await room.deck.sign_in.finish(fourth.id, token, once), SignedIn)


async def test_a_throttled_key_gets_no_new_listeners(room: Room) -> None:
    await room.me.sign_out()
    held = pace.KeyThrottled(room.now + HOUR, "suspended", refused=True)
    await room.deck.store.write(lambda db: pace.begin_throttle(db, API_KEY, held))
    assert key_in(await room.me.sign_in()) == SECOND
    await room.deck.store.write(lambda db: pace.begin_throttle(db, SECOND, held))
    assert key_in(await room.me.sign_in()) == API_KEY


async def test_a_sign_in_whose_key_is_no_longer_set_has_to_start_over(house: House) -> None:
    async with house.open() as room:
        way = await room.me.sign_in()
        assert isinstance(way, AuthStart)
        assert way.token
        room.emulator.approve(way.token, "RJ")
    async with house.open(**ONLY_SECOND) as room:
        outcome = await room.me.finish_sign_in(way.token)
        assert isinstance(outcome, NotAsked)
        assert "no longer set" in outcome.reason
        assert key_in(await room.me.sign_in()) == SECOND


# Sending


async def test_everything_of_a_listener_goes_with_the_key_of_its_session(room: Room) -> None:
    other = await room.deck.listener("other")
    for listener in (room.me, other):
        await room.play(0, listener=listener)
        assert (await listener.now_playing(Track("Nina Simone", "Sinnerman", duration=622))).status == "success"
        await listener.import_loved()
    await arrived(room, "RJ", 1)
    await arrived(room, "Other", 1)
    with_session = {(call.user, call.key) for call in room.emulator.journal if call.user}
    assert with_session == {("RJ", API_KEY), ("Other", SECOND)}
    loved = Counter(call.key for call in room.house.calls("user.getLovedTracks"))
    assert loved == {API_KEY: 1, SECOND: 1}
    assert {call.outcome for call in room.emulator.journal} == {"ok"}


async def test_a_suspended_key_stops_its_own_listeners_and_the_others_are_served(room: Room) -> None:
    other = await room.deck.listener("other")
    room.emulator.suspend_key(API_KEY)
    await room.play(0)
    await room.until_calls(1)
    await room.play(0, listener=other)
    await arrived(room, "Other", 1)
    mine, theirs = await room.me.queue(), await other.queue()
    assert (mine.state, mine.queued) == ("suspended", 1)
    assert "error 26" in mine.trouble
    assert (theirs.state, theirs.queued, theirs.trouble) == ("connected", 0, "")
    assert (await room.me.now_playing(Track("Nina Simone", "Sinnerman"))).message.startswith(
        "requests to Last.fm are paused"
    )
    assert (await other.now_playing(Track("Nina Simone", "Sinnerman"))).status == "success"
    found = await room.deck.store.read(lambda db: [queue.due(db, room.now, key) for key in (API_KEY, SECOND)])
    assert found == [[room.me.id], []]
    before = len(room.house.calls())
    await room.house.clock.sleep(60)
    assert len(room.house.calls()) == before
    room.emulator.suspend_key(API_KEY, suspended=False)
    await room.wait(2 * HOUR)
    await arrived(room, "RJ", 1)


async def test_a_throttled_key_waits_alone_and_a_retry_tries_that_key(room: Room) -> None:
    other = await room.deck.listener("other")
    room.emulator.fault("error", error=29, calls=1, methods=["track.scrobble"])
    await room.play(0)
    await room.until_calls(1)
    await room.play(0, listener=other)
    await arrived(room, "Other", 1)
    await other.retry()
    await room.house.clock.sleep(5)
    assert room.arrived("RJ") == []
    await room.me.retry()
    await arrived(room, "RJ", 1)


async def test_requests_without_a_session_use_a_key_that_is_not_throttled(room: Room) -> None:
    await room.deck.track("Nina Simone", "Sinnerman")
    held = pace.KeyThrottled(room.now + HOUR, "suspended", refused=True)
    await room.deck.store.write(lambda db: pace.begin_throttle(db, API_KEY, held))
    await room.deck.track("Nina Simone", "Feeling Good")
    assert [call.key for call in room.house.calls("track.getInfo")] == [API_KEY, SECOND]


async def test_each_key_has_the_rate_for_itself(house: House) -> None:
    names = [f"listener-{n}" for n in range(6)]
    async with house.open(**BOTH, deliver=False) as room:
        for name in names:
            listener = await room.deck.listener(name)
            await room.sign_in(name, listener)
            await asyncio.gather(*(room.play(n, listener=listener) for n in range(2 * 50)))
    async with house.open(**BOTH, requests_per_second=1) as room:
        start, end = room.now, room.now + HOUR
        while sum(len(room.emulator.plays(name)) for name in names) < 100 * len(names):
            assert room.now < end
            await room.house.clock.sleep(0.5)
        by_key = {key: [c.at for c in house.calls() if c.key == key] for key in (API_KEY, SECOND)}
        assert {len(times) for times in by_key.values()} == {6}
        for times in by_key.values():
            assert all(later - earlier > 0.4 for earlier, later in pairwise(times))
        assert room.now - start < 9  # with one key 12 requests would take 11 seconds at the least


async def test_a_key_does_not_wait_for_the_slots_of_another(house: House) -> None:
    """However many accounts of one key wait for their turn."""
    names = [f"listener-{n}" for n in range(30)]
    async with house.open(**BOTH, deliver=False) as room:
        await two(room)
        other = await room.deck.listener("other")
        for name in names:
            account_id = (await room.deck.listener(name)).id
            session = room.emulator.session_key(name, API_KEY)
            sealed = room.deck.metadata.seal.close(session)
            who: dict[str, Any] = {
                "account_id": account_id,
                "username": name,
                "sealed_session": sealed,
                "api_key": API_KEY,
            }
            await room.deck.store.write(partial(accounts.sign_in, **who))
            await room.play(0, listener=Listener(room.deck, account_id, name))
        await room.play(0, listener=other)
    async with house.open(**BOTH, requests_per_second=1) as room:
        await arrived(room, "Other", 1, within=3)
        assert sum(len(room.emulator.plays(name)) for name in names) < 6
        while await room.deck.store.read(queue.length_of_all):  # nobody stands in line when the house is closed
            await room.house.clock.sleep(1)


@only_postgres  # whose engine has tables of its own
async def test_processes_that_share_a_server_send_with_every_key(database: str) -> None:
    """In real time: one process accepts plays, another delivers them, and they share only the tables."""
    emulator = Emulator()
    emulator.add_key(SECOND, SECOND_SECRET)
    with serve(emulator) as lastfm:
        shared: dict[str, Any] = {**BOTH, "api_url": lastfm.url, "secret_key": "one for all", "requests_per_second": 0}
        async with (
            asyncio.timeout(PATIENCE),
            tonearm.open(database, **shared, deliver=False) as takes,
            tonearm.open(database, **shared),
        ):
            for name in ("RJ", "Other"):
                listener = await takes.listener(name)
                await connect(listener, emulator, name)
                song = Track("Nina Simone", "Sinnerman", duration=622)
                taken = await listener.scrobble(song, started_at=takes.clock.now() - 700, played=600)
                waited = await takes.reports.fate(listener.id, taken.id, 20)
                assert waited
                assert waited.fate == "accepted"
    sent = [(call.user, call.key) for call in emulator.journal if call.method == "track.scrobble"]
    assert sent == [("RJ", API_KEY), ("Other", SECOND)]


# Keys that come and go


async def test_if_the_key_is_no_longer_set_plays_wait_and_no_sign_in_is_requested(house: House) -> None:
    async with house.open() as room:
        await room.sign_in()
    async with house.open(**ONLY_SECOND) as room:
        await room.play(0)
        await room.house.clock.sleep(60)
        queue_status, account = await room.me.queue(), await room.me.account()
        assert [story.reason for story in await room.deck.play_actions.latest(room.me.id, 2)] == [KEY_NOT_SET]
        assert (queue_status.state, queue_status.queued, queue_status.held) == ("needs_sign_in", 1, 1)
        assert queue_status.trouble == KEY_NOT_SET
        assert (account.connection, account.key_is_set) == ("needs_sign_in", False)
        assert (await room.deck.accounts.named("me")).connection == "needs_sign_in"
        assert (await room.me.now_playing(Track("Nina Simone", "Sinnerman"))).message == KEY_NOT_SET
        await room.me.retry()
        await room.house.clock.sleep(60)
        assert house.calls() == house.calls("track.updateNowPlaying") == []
    async with house.open(api_key=f"{SECOND},{API_KEY}", api_secret=f"{SECOND_SECRET},{API_SECRET}") as room:
        assert (await room.me.queue()).state == "connected"
        await arrived(room, "RJ", 1)


async def test_a_new_sign_in_takes_the_queue_along_to_another_key(house: House) -> None:
    async with house.open() as room:
        await room.sign_in()
    async with house.open(**ONLY_SECOND) as room:
        await room.play(0)
        assert await room.sign_in() == SignedIn("RJ", 1)
        await arrived(room, "RJ", 1)
        assert [call.key for call in house.calls()] == [SECOND]


async def test_without_a_key_no_sign_in_is_requested(house: House) -> None:
    async with house.open() as room:
        await room.sign_in()
    async with house.open(api_key="", api_secret="") as room:
        assert (await room.me.account()).connection == "connected"


async def test_who_was_connected_before_keys_were_remembered_belongs_to_the_first(house: House) -> None:
    async with house.open(deliver=False) as room:
        sealed = room.deck.metadata.seal.close(room.emulator.session_key("RJ", API_KEY))
        await room.deck.store.write(lambda db: accounts.sign_in(db, room.me.id, "RJ", sealed, ""))
        await room.play(0)
        await room.deck.listener("without-a-session")
    async with house.open(**BOTH) as room:
        await arrived(room, "RJ", 1)
        assert await asked_with(room) == {"me": API_KEY, "without-a-session": ""}


async def test_a_rejected_key_is_throttled_though_the_listener_has_signed_in_with_another(house: House) -> None:
    async def signs_in_with_the_second(room: Room) -> None:
        sealed = room.deck.metadata.seal.close(room.emulator.session_key("RJ", SECOND))
        await room.deck.store.write(lambda db: accounts.sign_in(db, room.me.id, "RJ", sealed, SECOND))

    house.emulator.fault("error", error=26, calls=1, methods=["track.scrobble"])
    async with meanwhile(house, signs_in_with_the_second, **BOTH) as room:
        await arrived(room, "RJ", 1)
        assert [call.key for call in house.calls()] == [API_KEY, SECOND]
        served = await room.deck.store.read(lambda db: pace.unthrottled(db, [API_KEY, SECOND], room.now))
        assert served == [SECOND]


# What is no pair


@pytest.mark.parametrize(
    ("key", "secret", "words"),
    [
        ("a,b", "s", "api_secret: there must be one for each key.*: 2 API keys, 1 given"),
        ("a,b", "", "api_secret: .* 2 API keys, 0 given"),
        ("a", "s,t", "api_secret: .* 1 API key, 2 given"),
        ("a,a", "s,t", "api_key: contains the same key twice"),
        ("a,,b", "s,t,u", "api_key: has an empty entry .* commas"),
        ("a,b", "s,", "api_secret: has an empty entry .* commas"),
    ],
)
async def test_keys_without_their_secrets_are_refused(house: House, key: str, secret: str, words: str) -> None:
    with pytest.raises(BadKeys, match=words):
        async with house.open(api_key=key, api_secret=secret):
            pass
