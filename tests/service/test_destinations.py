"""Several destinations: each play reaches each of them once, and each has a ledger of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import httpx2
import pytest
from sqlalchemy import Connection, func, select, update

from lastfm_emulator import API_KEY, API_SECRET, Emulator
from lastfm_emulator.account import Play as Scrobbled
from tests.listening import library_row
from tests.service.conftest import DAY, HOUR, House, Room, songs
from tests.stand_ins.beside import Beside
from tests.stand_ins.gnufm import GnuFmStandIn
from tests.stand_ins.listenbrainz import ListenBrainzStandIn
from tests.stand_ins.maloja import MalojaStandIn
from tests.stand_ins.serving import Fault, StandIn, Stored
from tonearm.core.destination import DestinationKind
from tonearm.core.event import DestinationStatus
from tonearm.core.play import Play, Track
from tonearm.core.policy import ArtistForm, Policy
from tonearm.history.play import ReadOptions
from tonearm.lastfm.servers import OPEN_KEYS
from tonearm.service import job_list, outlets
from tonearm.service.destination_results import (
    DestinationOverview,
    DestinationRefused,
    DestinationRemoved,
    KeepOrDiscard,
    NoSuchDestination,
    WhyRefused,
)
from tonearm.service.destination_sign_in import NO_KEYS, Approving, NameAndPassword, OwnKeys
from tonearm.service.destinations import EVERYTHING
from tonearm.service.job_list import ListedJob
from tonearm.service.jobs import JobDone
from tonearm.service.outlets import pace_key
from tonearm.service.play_actions import ActionDone, ActionRefused
from tonearm.service.sign_in import AuthStart, NotAsked
from tonearm.store import destination_queue, library
from tonearm.store.db import schema
from tonearm.store.destination_queue import LINE
from tonearm.store.destinations import StoredDestination

pytestmark = pytest.mark.anyio
KEY = "0" * 32
TOKEN, OTHERS = "a-token-of-mine", "a-token-of-others"
LISTENBRAINZ, LIBREFM = DestinationKind.LISTENBRAINZ, DestinationKind.LIBREFM
LIKE_LASTFM = DestinationKind.LASTFM_LIKE


@dataclass
class World:
    """Last.fm, two servers that speak ListenBrainz, and what leads to them."""

    house: House
    network: Beside
    first: ListenBrainzStandIn
    second: ListenBrainzStandIn

    @asynccontextmanager
    async def open(self, **options: Any) -> AsyncIterator[Room]:
        async with httpx2.AsyncClient(transport=self.network) as http, self.house.open(http=http, **options) as room:
            yield room


@pytest.fixture
def world(house: House, emulator: Emulator) -> World:
    stand_ins = [ListenBrainzStandIn(now=house.clock.true) for _ in range(2)]
    for one in stand_ins:
        one.users = {TOKEN: "rob", OTHERS: "ann"}
    hosts: dict[str, StandIn] = {"one.test": stand_ins[0], "two.test": stand_ins[1]}
    return World(house, Beside(emulator, hosts), *stand_ins)


async def add(room: Room, host: str = "one.test", token: str = TOKEN, **how: Any) -> StoredDestination:
    added = await room.deck.destinations.add(room.me.id, LISTENBRAINZ, f"http://{host}", token, **how)
    assert isinstance(added, StoredDestination), added
    await room.house.clock.still()
    return added


async def pause(room: Room, one: StoredDestination, *, paused: bool = True) -> None:
    await room.deck.destinations.pause(room.me.id, one.id, paused=paused)


async def overview(room: Room, number: int = 0) -> DestinationOverview:
    return (await room.deck.destination_views.all(room.me.id))[number]


async def until_sent(room: Room, within: float = DAY) -> None:
    """Return when nothing waits for any destination, and nothing of the history is to be queued."""
    begun = room.now
    while any(one.waiting.plays or one.queues_history for one in await room.deck.destination_views.all(room.me.id)):
        assert room.now < begun + within, await room.deck.destination_views.all(room.me.id)
        await room.house.clock.sleep(max(1.0, (room.now - begun) / 10))
    await room.house.clock.still()


def titles(server: ListenBrainzStandIn) -> list[str]:
    return [one.title for one in server.stored]


async def fates(room: Room, one: StoredDestination) -> dict[str, str]:
    """What happened to each play at a destination, by its title."""
    history = await room.history()
    found = await room.deck.destination_views.of_plays(room.me.id, [expected.id for expected in history])
    return {
        expected.play.track.title: there.delivered.fate
        for expected in history
        for there in found.get(expected.id, [])
        if there.destination.id == one.id
    }


async def test_a_play_reaches_lastfm_and_every_destination_once(world: World) -> None:
    async with world.open() as room:
        await room.sign_in()
        await add(room)
        await add(room, "two.test")
        await room.plays(*range(5))
        await room.until_empty()
        await until_sent(room)
        assert room.arrived() == songs(*range(5))
        assert sorted(titles(world.first)) == sorted(titles(world.second)) == songs(*range(5))
        events = [event for event in room.events if isinstance(event, DestinationStatus)]
        assert {event.status for event in events} == {"accepted"}
        assert len(events) == 10


async def test_what_was_imported_from_lastfm_reaches_a_destination_when_a_player_reports_it(world: World) -> None:
    async with world.open() as room:
        await room.sign_in()
        start = int(room.now - HOUR)
        for n in range(2):
            sent = Scrobbled(
                "Nina Simone", f"Song {n}", start + n * 600, sent_artist="Nina Simone", sent_track=f"Song {n}"
            )
            assert room.emulator.known_user("RJ").keep(sent)
        await room.deck.history_from_lastfm.run(room.me.id, lambda done, total: None)
        await add(room)

        async def said(n: int) -> str:
            track = Track("Nina Simone", f"Song {n}", duration=300)
            return (
                await room.me.scrobble(track, started_at=start + n * 600 + 2, played=200, reporter="a phone")
            ).status

        assert await said(0) == "duplicate"
        await until_sent(room)
        assert titles(world.first) == ["Song 0"]
        two = await add(room, "two.test")
        await room.deck.destinations.send_history(room.me.id, two.id, EVERYTHING)
        await until_sent(room)
        assert await said(1) == "duplicate"
        await until_sent(room)
        assert titles(world.first) == ["Song 0", "Song 1"]
        assert sorted(titles(world.second)) == ["Song 0", "Song 1"]


# Each for itself


async def test_an_outage_of_one_delays_no_other(world: World) -> None:
    async with world.open() as room:
        await room.sign_in()
        away, there = await add(room), await add(room, "two.test")
        world.network.gone.add("one.test")
        await room.plays(*range(3))
        await room.wait(5)
        assert room.arrived() == titles(world.second) == songs(*range(3))
        assert set((await fates(room, away)).values()) == {"queued"}
        assert set((await fates(room, there)).values()) == {"accepted"}
        assert await room.fates() == ["accepted"] * 3
        seen = await overview(room)
        assert seen.waiting.plays == 3
        assert seen.waits
        assert seen.waits.kind == "retrying"
        world.network.gone.clear()
        await until_sent(room)
        assert titles(world.first) == songs(*range(3))


@pytest.mark.parametrize(("number", "failed_before"), [(8, True), (24, False)])
async def test_those_that_never_answer_take_no_place_of_those_that_do(
    world: World, number: int, failed_before: bool
) -> None:
    """Eight servers that keep every request until its patience is over would be all that an engine usually has places
    for: those that have failed before have places of their own, and for those that have not there are enough.
    """
    async with world.open() as room:
        slow = [await room.deck.listener(f"slow-{n}") for n in range(number)]
        world.first.users |= {f"token-{n}": f"user {n}" for n in range(number)}
        for n, listener in enumerate(slow):
            await room.deck.destinations.add(listener.id, LISTENBRAINZ, "http://one.test", f"token-{n}")
        there = await add(room, "two.test")
        if failed_before:
            world.network.gone.add("one.test")
            for listener in slow:
                await room.play(0, listener=listener)
            await room.wait(5)
        answers = world.network.hangs["one.test"] = asyncio.Event()
        if failed_before:
            await room.wait(30)  # all of them are being asked now
        else:
            for listener in slow:
                await room.play(0, listener=listener)
            await room.wait(5)
        await room.play(1)
        for _ in range(10):  # a process that has not seen the destination yet looks for it every two seconds
            if await fates(room, there) == {"Song 001": "accepted"}:
                break
            await room.wait(1)
        assert await fates(room, there) == {"Song 001": "accepted"}
        answers.set()


async def test_an_outage_of_lastfm_delays_no_destination(world: World) -> None:
    async with world.open() as room:
        await room.sign_in()
        await add(room)
        world.network.gone.add("lastfm.test")
        await room.plays(*range(3))
        await until_sent(room, within=60)
        assert (titles(world.first), room.arrived()) == (songs(*range(3)), [])


async def test_one_bad_play_is_rejected_alone_and_only_where_it_is_bad(world: World) -> None:
    async with world.open() as room:
        await room.sign_in()
        strict, lenient = await add(room), await add(room, "two.test")
        await pause(room, strict)
        world.first.bad = lambda play: play.title == "Song 003"
        await room.plays(*range(9))
        await room.until_empty()
        await pause(room, strict, paused=False)
        await until_sent(room)
        assert sorted(titles(world.first)) == songs(*(n for n in range(9) if n != 3))
        assert [title for title, fate in (await fates(room, strict)).items() if fate == "refused"] == songs(3)
        assert set((await fates(room, lenient)).values()) == {"accepted"}
        assert await room.fates() == ["accepted"] * 9
        [rejected] = await room.deck.destination_views.rejected(room.me.id, strict.id, 10)
        assert "ListenBrainz error 400" in rejected.reason


async def test_a_token_that_is_no_longer_good_holds_its_plays_until_there_is_another(world: World) -> None:
    async with world.open() as room:
        await room.sign_in()
        one = await add(room)
        del world.first.users[TOKEN]
        await room.plays(*range(3))
        while (seen := await overview(room)).state != "needs_sign_in":
            await room.house.clock.sleep(1)
        await room.house.clock.still()
        assert seen.waiting.plays == 3
        assert "ListenBrainz rejects the token" in seen.stored.state.trouble
        assert seen.reason == "ListenBrainz rejects the token: enter a new token"
        again = await room.deck.destinations.sign_in_again(room.me.id, one.id, OTHERS)
        assert isinstance(again, DestinationRefused)
        assert "ann" in again.reason
        world.first.users["a-new-token"] = "rob"
        again = await room.deck.destinations.sign_in_again(room.me.id, one.id, "a-new-token")
        assert isinstance(again, StoredDestination)
        await until_sent(room)
        assert titles(world.first) == songs(*range(3))
        assert await room.fates() == ["accepted"] * 3


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.CUT, Fault.HANG_UP, Fault.GATEWAY, Fault.BROKEN])
async def test_what_was_not_answered_is_sent_again_and_is_there_once(world: World, fault: Fault) -> None:
    async with world.open() as room:
        await room.sign_in()
        await add(room)
        world.first.fail_next(fault, fault)
        await room.plays(*range(4))
        await until_sent(room)
        assert sorted(titles(world.first)) == songs(*range(4))


async def test_a_limit_is_waited_for_as_long_as_the_server_says(world: World) -> None:
    async with world.open() as room:
        await room.sign_in()
        await add(room)
        world.first.retry_after = 90
        world.first.fail_next(Fault.THROTTLED)
        await room.play(1)
        await room.wait(1)
        await room.wait(80)
        assert titles(world.first) == []
        await until_sent(room, within=30)
        assert titles(world.first) == songs(1)


async def test_what_a_sender_left_in_the_middle_is_sent_by_the_next(world: World) -> None:
    async with world.open(deliver=False) as room:
        await room.sign_in()
        one = await add(room)
        await room.plays(*range(3))

        def die(db: Connection) -> None:
            lease = LINE.claim(db, one.id, "a process that died", room.now, room.now + 30)
            assert lease is not None
            due = destination_queue.waiting(db, one.id, room.now, 10)
            destination_queue.mark_sending(db, lease, [w.id for w in due])

        await room.deck.store.write(die)
    async with world.open() as room:
        await until_sent(room)
        assert titles(world.first) == songs(*range(3))


# What goes where


async def test_what_lastfm_does_not_get_goes_to_the_others(world: World) -> None:
    async with world.open() as room:
        await add(room)
        await room.play(0)  # nobody is signed in
        await room.sign_in()
        await room.play(1, age=20 * DAY)  # too old for Last.fm
        short = Track("Nina Simone", "Song 002", duration=20)
        await room.me.scrobble(short, started_at=room.now - HOUR, played=20)
        await room.deck.accounts.change_settings(room.me.id, enabled=False, threshold=None)
        await room.play(3)  # scrobbling is off
        await room.play(4, played=10)  # not heard for long enough
        await until_sent(room)
        assert sorted(titles(world.first)) == songs(0, 1, 2, 3)
        assert room.arrived() == []
        expected = ["disabled", "disabled", "expired", "not_authenticated", "threshold_not_met"]
        assert sorted(await room.fates()) == expected


async def test_a_listen_that_is_reported_twice_is_sent_once_also_without_lastfm(world: World) -> None:
    async with world.open() as room:
        one = await add(room)
        track, at = Track("Nina Simone", "Sinnerman", duration=622), room.now - 700
        await room.me.scrobble(track, started_at=at, played=400)
        await room.me.scrobble(track, started_at=at + 2, played=400)
        other = Track("Nina Simone", "Sinnerman!", duration=622)
        await room.me.scrobble(other, started_at=at + 3, played=400, reporter="another player")
        await until_sent(room)
        assert titles(world.first) == ["Sinnerman"]
        history = await room.history()
        found = await room.deck.destination_views.of_plays(room.me.id, [expected.id for expected in history])
        assert sorted(there.delivered.fate for [there] in found.values()) == ["accepted", "suspected", "suspected"]
        assert {there.destination.id for [there] in found.values()} == {one.id}


async def test_a_listen_that_lastfm_ignored_is_sent_elsewhere_once_if_it_is_reported_again(world: World) -> None:
    async with world.open() as room:
        await room.sign_in()
        await add(room)
        track, at = Track("Unknown Artist", "Sinnerman", duration=622), room.now - 700
        for late in (0, 2):
            await room.me.scrobble(track, started_at=at + late, played=400)
            await until_sent(room)
            await room.until_empty()
        assert await room.fates() == ["ignored", "ignored"]
        assert titles(world.first) == ["Sinnerman"]


async def test_plays_of_one_request_that_repeat_each_other_are_sent_once(world: World) -> None:
    async with world.open() as room:
        await add(room)
        track, at = Track("Nina Simone", "Sinnerman", duration=622), int(room.now) - 9000
        await room.me.scrobble_all([Play(track, at, 400), Play(track, at + 2, 400), Play(track, at + 800, 400)])
        await until_sent(room)
        assert [play.timestamp for play in world.first.stored] == [at, at + 800]


async def test_a_play_that_is_reported_again_is_not_sent_again(world: World) -> None:
    async with world.open() as room:
        await add(room)
        await room.play(1)
        await until_sent(room)
        await room.play(1)
        await until_sent(room)
        assert [asked.path for asked in world.first.seen] == ["/1/validate-token", "/1/submit-listens"]
        assert titles(world.first) == songs(1)


async def test_a_destination_that_is_paused_keeps_its_plays(world: World) -> None:
    async with world.open() as room:
        one = await add(room)
        await pause(room, one)
        await room.plays(*range(3))
        await room.wait(HOUR)
        seen = await overview(room)
        assert (seen.state, seen.waiting.plays, seen.reason) == ("paused", 3, "sending is paused")
        assert titles(world.first) == []
        await pause(room, one, paused=False)
        await until_sent(room)
        assert titles(world.first) == songs(*range(3))


async def test_a_new_destination_gets_nothing_old_unless_it_is_requested(world: World) -> None:
    async with world.open() as room:
        await room.sign_in()
        await room.play(0, age=5 * DAY)
        await room.play(1, age=2 * DAY)
        await room.until_empty()
        nothing = await add(room)
        days = await add(room, "two.test", days=3)
        await room.play(2)
        await until_sent(room)
        assert (titles(world.first), sorted(titles(world.second))) == (songs(2), songs(1, 2))
        for one in (nothing, days):
            await room.deck.destinations.send_history(room.me.id, one.id, EVERYTHING)
        await until_sent(room)
        assert sorted(titles(world.first)) == sorted(titles(world.second)) == songs(0, 1, 2)


async def test_a_shorter_history_takes_nothing_from_a_longer_one_that_is_not_queued_yet(world: World) -> None:
    async with world.open() as room:
        for n, days in enumerate((1, 20, 40)):
            await room.play(n, age=days * DAY)
        one = await add(room)
        await pause(room, one)
        for asked in (EVERYTHING, 5):
            await room.deck.destinations.send_history(room.me.id, one.id, asked)
        await pause(room, one, paused=False)
        await until_sent(room)
        assert sorted(titles(world.first)) == songs(0, 1, 2)


async def test_a_backlog_never_goes_ahead_of_what_is_played_now(world: World) -> None:
    async with world.open() as room:
        tracks = [Track("Nina Simone", f"Old {n:03}", duration=200) for n in range(250)]
        old = [Play(track, int(room.now - DAY) + 300 * n, 150) for n, track in enumerate(tracks)]
        await room.deck.reports.scrobble_all(room.me.id, old)
        one = await add(room)
        await pause(room, one)
        await room.deck.destinations.send_history(room.me.id, one.id, EVERYTHING)
        await room.play(7, age=400)
        await pause(room, one, paused=False)
        await until_sent(room)
        assert len(titles(world.first)) == 251
        assert titles(world.first).index("Song 007") < 100  # in the first request


async def test_what_came_from_a_destination_is_not_sent_back_to_it(world: World, tmp_path: Path) -> None:
    listens = [
        {
            "listened_at": 1_700_000_000 + 300 * n,
            "track_metadata": {"artist_name": "Nina Simone", "track_name": f"Song {n:03}"},
        }
        for n in range(3)
    ]
    export = tmp_path / "listens.json"
    export.write_text(json.dumps(listens))
    async with world.open() as room:
        imports = room.deck.history_import
        await imports.run(room.me.id, [export], ReadOptions(), lambda done, total: None, apply=True)
        await room.play(5)
        await add(room, days=EVERYTHING)
        await until_sent(room)
        assert titles(world.first) == songs(5)


# Policies


async def test_a_policy_is_applied_once_when_a_play_is_queued(world: World) -> None:
    async with world.open(deliver=False) as room:
        policy = Policy(artist=ArtistForm.FIRST, album_artist=False, not_from=("tablet",))
        one = await add(room, policy=policy)
        track = Track("Nina Simone feat. Hal Mooney", "One", "Wild", "Various", 200)
        await room.me.scrobble(track, started_at=room.now - 1000, played=150)
        await room.me.scrobble(replace(track, title="Two"), started_at=room.now - 700, played=150, reporter="tablet")
        await room.deck.destinations.change_policy(room.me.id, one.id, lambda _: Policy(private_until=room.now + 60))
        await room.me.scrobble(replace(track, title="Three"), started_at=room.now - 400, played=150)
    async with world.open() as room:
        await until_sent(room)
        assert [(play.artist, play.title) for play in world.first.stored] == [("Nina Simone", "One")]
        assert await fates(room, one) == {"One": "accepted", "Two": "kept", "Three": "kept"}
        assert {expected.play.track.artist for expected in await room.history()} == {track.artist}
        await room.wait(60)
        await room.me.scrobble(replace(track, title="Four"), started_at=room.now - 300, played=150)
        await until_sent(room)
        assert world.first.stored[-1].artist == track.artist


async def scanned(room: Room, *files: tuple[str, str, str]) -> None:
    """The library has these files: path, artist, title."""
    rows = [library_row(*one) for one in files]
    await room.deck.store.write(lambda db: library.write(db, room.me.id, rows))


async def test_what_is_in_a_folder_is_left_out(world: World) -> None:
    async with world.open() as room:
        await scanned(
            room,
            ("/music/Kids/a.flac", "Rolf Zuckowski", "Jahresuhr"),
            ("/music/Kids/b.flac", "Björk", "Jóga"),
            ("/music/Rock/b.flac", "Björk", "Jóga"),
            ("/music/Rock/c.flac", "Low", "Words"),
        )
        one, two = await add(room, policy=Policy(not_in=("/music/Kids",))), await add(room, host="two.test")
        heard = [("Rolf Zuckowski", "Jahresuhr"), ("Bjork", "Joga"), ("Low", "Words"), ("Nobody", "Nothing")]
        for number, (artist, title) in enumerate(heard):
            at = room.now - 3000 + 600 * number
            await room.me.scrobble(Track(artist, title, duration=200), started_at=at, played=150)
        await until_sent(room)
        assert titles(world.first) == ["Joga", "Words", "Nothing"]
        assert titles(world.second) == [title for _, title in heard]
        [kept] = [
            at for at in (await room.deck.destination_views.of_plays(room.me.id, [1]))[1] if at.destination.id == one.id
        ]
        assert (kept.delivered.fate, kept.delivered.reason) == (
            "kept",
            "kept here: songs in /music/Kids aren't sent there",
        )
        seen = await room.deck.destination_views.preview(room.me.id, Policy(not_in=("/music/Kids", "/music/Rock")))
        assert (seen.plays, seen.kept) == (4, 3)
        everywhere = await room.deck.destinations.change_policy(
            room.me.id, two.id, lambda _: Policy(not_in=("/music", "/films"))
        )
        assert isinstance(everywhere, DestinationRefused)
        assert (everywhere.field, "no scanned file in /films" in everywhere.reason) == ("not_in", True)


async def test_the_history_leaves_out_what_is_in_a_folder(world: World) -> None:
    async with world.open() as room:
        await scanned(room, ("/books/a.mp3", "Jane Austen", "Emma, 1"), ("/music/c.flac", "Low", "Words"))
        for number, (artist, title) in enumerate([("Jane Austen", "Emma, 1"), ("Low", "Words")]):
            at = room.now - 3000 + 600 * number
            await room.me.scrobble(Track(artist, title, duration=200), started_at=at, played=150)
        await add(room, policy=Policy(not_in=("/books",)), days=EVERYTHING)
        await until_sent(room)
        assert titles(world.first) == ["Words"]
        refused = await room.deck.destinations.add(
            room.me.id, LISTENBRAINZ, "http://two.test", TOKEN, policy=Policy(not_in=("/book",))
        )
        assert isinstance(refused, DestinationRefused)
        assert refused.field == "not_in"


async def test_two_changes_of_a_policy_at_once_both_count(world: World) -> None:
    async with world.open() as room:
        one = await add(room)
        change = partial(room.deck.destinations.change_policy, room.me.id, one.id)
        await asyncio.gather(
            change(lambda before: replace(before, private_until=9.0)),
            change(lambda before: replace(before, hearts=False)),
        )
        assert (await overview(room)).stored.policy == Policy(private_until=9.0, hearts=False)


async def test_a_policy_shows_beforehand_what_it_would_have_done(world: World) -> None:
    async with world.open() as room:
        await room.me.scrobble(Track("Air; Beth", "One", duration=200), started_at=room.now - 900, played=150)
        air = Track("Air", "Two", duration=200)
        await room.me.scrobble(air, started_at=room.now - 600, played=150, reporter="tablet")
        policy = Policy(artist=ArtistForm.FIRST, not_from=("tablet",))
        seen = await room.deck.destination_views.preview(room.me.id, policy)
        assert (seen.plays, seen.kept) == (2, 1)
        assert [(heard.artist, sent.artist) for heard, sent in seen.changed] == [("Air; Beth", "Air")]


# Adding and removing


async def test_the_same_profile_is_one_destination(world: World) -> None:
    async with world.open() as room:
        await add(room)
        again = await room.deck.destinations.add(room.me.id, LISTENBRAINZ, "http://ONE.test/1/", TOKEN)
        assert again == DestinationRefused("ListenBrainz (rob) is already one of your destinations", WhyRefused.TAKEN)
        assert len(await room.deck.destination_views.all(room.me.id)) == 1


async def test_the_same_profile_by_https_is_not_a_second_destination(world: World) -> None:
    async with world.open() as room:
        await add(room)
        again = await room.deck.destinations.add(room.me.id, LISTENBRAINZ, "https://one.test", TOKEN)
        assert again == DestinationRefused("ListenBrainz (rob) is already one of your destinations", WhyRefused.TAKEN)


async def test_a_token_of_another_listener_is_not_a_new_one(world: World) -> None:
    async with world.open() as room:
        await add(room)
        ann = await room.deck.listener("ann")
        world.first.users["another-key"] = "ann"
        hers = await room.deck.destinations.add(ann.id, LISTENBRAINZ, "http://one.test", "another-key")
        assert isinstance(hers, StoredDestination)
        world.first.users[TOKEN] = "ann"
        refused = await room.deck.destinations.sign_in_again(ann.id, hers.id, TOKEN)
        assert isinstance(refused, DestinationRefused)
        assert "use your own token" in refused.reason


async def test_two_listeners_do_not_send_with_one_token(world: World) -> None:
    async with world.open() as room:
        await add(room)
        ann = await room.deck.listener("ann")
        refused = await room.deck.destinations.add(ann.id, LISTENBRAINZ, "http://one.test", TOKEN)
        assert isinstance(refused, DestinationRefused)
        assert "use your own token" in refused.reason
        other = await room.deck.destinations.add(ann.id, LISTENBRAINZ, "http://one.test", OTHERS)
        assert isinstance(other, StoredDestination)


@pytest.mark.parametrize(
    ("address", "token", "fault", "says"),
    [
        ("http://one.test", "wrong", Fault.NONE, "ListenBrainz rejects the token"),
        ("http://nobody.test", TOKEN, Fault.NONE, "nobody.test"),
        ("http://one.test", TOKEN, Fault.PAGE, "isn't ListenBrainz"),
        ("http://one.test", TOKEN, Fault.OUTAGE, "try again later"),
        ("one.test", TOKEN, Fault.NONE, "must start with https:// or http://"),
    ],
)
async def test_nothing_is_added_that_does_not_work(
    world: World, address: str, token: str, fault: Fault, says: str
) -> None:
    async with world.open() as room:
        world.network.gone.add("nobody.test")
        world.first.fault = fault
        refused = await room.deck.destinations.add(room.me.id, LISTENBRAINZ, address, token)
        assert isinstance(refused, DestinationRefused)
        assert says in refused.reason
        assert TOKEN not in refused.reason
        assert await room.deck.destination_views.all(room.me.id) == []


async def test_what_waits_is_kept_for_the_profile_and_found_again(world: World) -> None:
    async with world.open() as room:
        one = await add(room)
        world.network.gone.add("one.test")
        await room.plays(*range(3))
        await room.wait(5)
        remove = room.deck.destinations.remove
        assert await remove(room.me.id, one.id) == KeepOrDiscard(3)
        assert await remove(room.me.id, one.id, discard=False) == DestinationRemoved(kept=3)
        assert await room.deck.destination_views.all(room.me.id) == []
        world.network.gone.clear()
        await room.play(5)
        await room.wait(60)
        assert titles(world.first) == []
        assert (await add(room)).id == one.id
        await until_sent(room)
        assert titles(world.first) == songs(*range(3))


async def test_what_waits_is_discarded_if_the_listener_says_so(world: World) -> None:
    async with world.open() as room:
        await room.sign_in()
        one = await add(room)
        world.network.gone.add("one.test")
        await room.plays(*range(3))
        await room.wait(5)
        removed = await room.deck.destinations.remove(room.me.id, one.id, discard=True)
        assert removed == DestinationRemoved(discarded=3)
        world.network.gone.clear()
        await add(room)
        await room.play(5)
        await until_sent(room)
        assert titles(world.first) == songs(5)
        assert set((await fates(room, one)).values()) == {"discarded", "accepted"}
        assert await room.fates() == ["accepted"] * 4


async def test_everything_of_a_listener_is_erased_at_destinations_too(world: World) -> None:
    async with world.open() as room:
        await add(room)
        await room.plays(*range(3))
        await until_sent(room)
        paused = await add(room, "two.test", days=EVERYTHING)
        await pause(room, paused)
        await room.play(7)
        await room.deck.personal_data.erase(room.me.id, "")
        await room.deck.personal_data.finish_erasing()

        def left(db: Connection) -> list[int]:
            tables = (schema.destination, schema.destination_queue, schema.delivery)
            return [db.execute(select(func.count()).select_from(table)).scalar_one() for table in tables]

        assert await room.deck.store.read(left) == [0, 0, 0]


async def test_an_embedding_host_adds_and_removes_destinations(world: World) -> None:
    async with world.open() as room:
        refused = await room.me.add_destination(LISTENBRAINZ, "wrong", url="http://one.test")
        assert isinstance(refused, DestinationRefused)
        added = await room.me.add_destination(LISTENBRAINZ, TOKEN, url="http://one.test", policy=Policy(), days=1)
        assert isinstance(added, StoredDestination)
        assert [found.stored.id for found in await room.me.destinations()] == [added.id]
        assert await room.me.remove_destination(added.id) == DestinationRemoved()
        assert await room.me.destinations() == []


# Beside plays


async def test_what_plays_now_is_shown_at_destinations(world: World) -> None:
    async with world.open() as room:
        await add(room)
        await room.me.now_playing(Track("Nina Simone", "Sinnerman", duration=622))
        await room.house.clock.still()
        assert world.first.playing["rob"].title == "Sinnerman"


async def test_what_plays_now_is_shown_at_others_while_one_does_not_answer(world: World) -> None:
    async with world.open() as room:
        await add(room)
        await add(room, "two.test")
        answers = world.network.hangs["one.test"] = asyncio.Event()
        await room.me.now_playing(Track("Nina Simone", "Sinnerman", duration=622))
        await room.house.clock.still()
        assert [shown.title for shown in world.second.playing.values()] == ["Sinnerman"]
        answers.set()


async def test_what_a_player_plays_that_a_destination_gets_nothing_of_is_not_shown_there(world: World) -> None:
    async with world.open() as room:
        await add(room, policy=Policy(not_from=("tablet",)))
        await room.deck.shows.show(room.me.id, Track("Nina Simone", "Sinnerman"), "tablet")
        await room.house.clock.still()
        assert world.first.playing == {}


async def job_of_destination(room: Room) -> ListedJob:
    [job] = [job for job in (await room.deck.jobs.overview()).jobs if job.kind == "destination"]
    return job


async def test_a_job_of_a_destination_is_listed_with_its_listener(world: World) -> None:
    async with world.open() as room:
        one = await add(room)
        world.network.gone.add("one.test")
        await room.play(1)
        while (job := await job_of_destination(room)).state != "resting":
            await room.house.clock.sleep(0.2)
        assert (job.id, job.listener) == (f"destination-{one.id}", "me")
        world.network.gone.clear()
        assert await room.deck.jobs.retry("destination", one.id) == JobDone("all waiting plays are due now")
        await until_sent(room, within=10)


async def test_a_destination_works_without_an_api_key_of_lastfm(world: World) -> None:
    async with world.open(api_key="", api_secret="") as room:
        await add(room)
        await room.play(1)
        await until_sent(room)
        assert titles(world.first) == songs(1)


async def test_a_retry_by_a_fast_clock_sends_nothing_before_its_time(world: World) -> None:
    async with world.open() as room:
        one = await add(room)
        await pause(room, one)
        start = int(room.now) + 10 * HOUR
        await room.me.scrobble(Track("Nina Simone", "Tomorrow", duration=200), started_at=start, played=200)
        room.house.clock.put(20 * DAY)
        await room.deck.destinations.retry(room.me.id, one.id)
        row = select(schema.destination_queue.c.next_attempt_at)
        assert await room.deck.store.read(lambda db: db.execute(row).scalar_one()) == start


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.BROKEN, Fault.CUT])
async def test_a_start_of_a_wrong_clock_stays_if_a_destination_may_have_it(world: World, fault: Fault) -> None:
    """The machine starts a day fast, nobody is signed in to Last.fm, and the destination stores the play and does not
    say so.
    """
    async with world.open() as room:
        await add(room)
    world.house.clock.put(DAY)
    async with world.open() as room:
        world.first.now = world.house.clock.now  # it has no objection
        world.first.fail_next(fault)
        world.first.fault = Fault.OUTAGE
        start = int(room.now) - 160
        await room.me.scrobble(Track("Nina Simone", "Sinnerman", duration=200), started_at=start, played=150)
        await room.wait(60)
        assert len(world.first.stored) == 1
        for _ in range(2):  # Last.fm's answers show what time it is
            await room.deck.sign_in.desktop(room.me.id)
            await room.wait(60)
        world.first.fault = Fault.NONE
        await until_sent(room)
        sent = [asked.json()["payload"] for asked in world.first.seen if asked.body]
        assert {listen["listened_at"] for [listen] in sent} == {start}


# A listener's decisions


async def test_a_play_that_is_discarded_goes_nowhere_and_may_come_back(world: World) -> None:
    async with world.open() as room:
        one = await add(room)
        await pause(room, one)
        taken = await room.play(1)
        await room.deck.play_actions.discard(room.me.id, taken.id)
        assert await fates(room, one) == {"Song 001": "discarded"}
        sent = await room.deck.play_actions.retry(room.me.id, taken.id)
        assert isinstance(sent, ActionDone)
        assert await room.fates() == ["not_authenticated"], "it counts again, and can be discarded again"
        await pause(room, one, paused=False)
        await until_sent(room)
        assert titles(world.first) == songs(1)


@pytest.mark.parametrize("again", ["sent by hand", "sent by hand after a removal", "not discarded after all"])
async def test_what_may_be_there_is_sent_again_as_before_whatever_its_policy_is_now(world: World, again: str) -> None:
    track = Track("Nina Simone feat. Hal Mooney", "One", duration=200)
    async with world.open() as room:
        one = await add(room)
        world.first.fail_next(Fault.LOST_ANSWER)
        taken = await room.me.scrobble(track, started_at=room.now - HOUR, played=150)
        while not world.first.stored:
            await room.wait(0.1)
        await pause(room, one)
        if again == "sent by hand after a removal":
            removed = await room.deck.destinations.remove(room.me.id, one.id, discard=True)
            assert removed == DestinationRemoved(discarded=1)
            await add(room)
        else:
            await room.deck.play_actions.discard(room.me.id, taken.id)
        await room.deck.destinations.change_policy(room.me.id, one.id, lambda _: Policy(artist=ArtistForm.FIRST))
        await pause(room, one, paused=False)
        undo = again == "not discarded after all"
        action = room.deck.play_actions.undo_discard if undo else room.deck.play_actions.retry
        assert isinstance(await action(room.me.id, taken.id), ActionDone)
        await until_sent(room)
        assert [play.artist for play in world.first.stored] == [track.artist]
        assert sum(asked.path.endswith("submit-listens") for asked in world.first.seen) == 2
        assert await fates(room, one) == {"One": "accepted"}


async def test_a_discard_is_undone_at_destinations_without_a_lastfm_session(world: World) -> None:
    async with world.open() as room:
        await room.sign_in()
        await room.deck.jobs.pause("deliver")
        one = await add(room)
        await pause(room, one)
        taken = await room.play(1)
        await room.deck.play_actions.discard(room.me.id, taken.id)
        await room.me.sign_out()
        assert isinstance(await room.deck.play_actions.undo_discard(room.me.id, taken.id), ActionDone)
        assert await room.fates() == ["not_authenticated"]
        await pause(room, one, paused=False)
        await until_sent(room)
        assert titles(world.first) == songs(1)


async def test_a_discard_is_not_undone_once_the_play_was_edited(world: World) -> None:
    async with world.open() as room:
        one = await add(room)
        await pause(room, one)
        taken, actions = await room.play(1), room.deck.play_actions
        await actions.discard(room.me.id, taken.id)
        edited = await actions.correct(room.me.id, taken.id, lambda track: replace(track, title="Song 002"))
        assert isinstance(edited, ActionDone)
        refused = await actions.undo_discard(room.me.id, taken.id)
        assert refused == ActionRefused(f"edited: play {edited.play} was sent in its place")
        await pause(room, one, paused=False)
        await until_sent(room)
        assert titles(world.first) == songs(2)


@pytest.mark.parametrize("signed_in", [True, False])
async def test_undoing_a_discard_queues_the_play_where_it_waited(world: World, signed_in: bool) -> None:
    async with world.open() as room:
        if signed_in:
            await room.sign_in()
            await room.deck.jobs.pause("deliver")
        waits, private = await add(room), await add(room, "two.test", policy=Policy(private_until=room.now + HOUR))
        await pause(room, waits)
        taken = await room.play(1)
        before = await room.fates()
        await room.deck.play_actions.discard(room.me.id, taken.id)
        assert isinstance(await room.deck.play_actions.undo_discard(room.me.id, taken.id), ActionDone)
        assert await room.fates() == before
        assert await fates(room, private) == {"Song 001": "kept"}
        await pause(room, waits, paused=False)
        await until_sent(room)
        assert (titles(world.first), titles(world.second)) == (songs(1), [])


async def test_a_play_that_did_not_count_is_sent_by_hand_also_without_lastfm(world: World) -> None:
    async with world.open() as room:
        await add(room)
        taken = await room.play(1, played=10)
        await room.wait(10)
        assert titles(world.first) == []
        assert isinstance(await room.deck.play_actions.retry(room.me.id, taken.id), ActionDone)
        await until_sent(room)
        assert titles(world.first) == songs(1)


async def test_an_edit_without_a_user_is_never_too_old(world: World) -> None:
    """By a wrong clock: the time of Last.fm, which would show that, isn't known."""
    async with world.open() as room:
        one = await add(room)
        await pause(room, one)
        taken = await room.play(1, age=20 * DAY)
        edited = await room.deck.play_actions.correct(room.me.id, taken.id, lambda track: replace(track, title="Two"))
        assert isinstance(edited, ActionDone)
        await pause(room, one, paused=False)
        await until_sent(room)
        assert await fates(room, one) == {"Song 001": "discarded", "Two": "accepted"}
        assert await room.fates() == ["discarded", "not_authenticated"]


async def test_an_edit_that_a_wrong_clock_calls_too_old_is_sent_even_without_a_user(world: World) -> None:
    async with world.open() as room:
        one = await add(room)
        await pause(room, one)
        assert (await room.play(1, age=HOUR)).status == "not_authenticated"
        await room.sign_in()
    world.house.clock.put(20 * DAY)
    async with world.open(deliver=False) as room:
        [taken] = await room.history()
        edited = await room.deck.play_actions.correct(room.me.id, taken.id, lambda track: replace(track, title="Two"))
        assert isinstance(edited, ActionDone)
        assert await room.fates() == ["discarded", "expired"]
    async with world.open() as room:
        await room.me.now_playing(Track("Low", "Words"))
        await room.house.clock.sleep(40)
        await room.me.now_playing(Track("Low", "Words"))  # the second answer that shows the same
        while await room.fates() != ["discarded", "accepted"]:
            await room.house.clock.sleep(30)
        assert room.arrived() == ["Two"]


async def test_a_play_that_a_destination_has_is_not_sent_to_it_again(world: World) -> None:
    async with world.open() as room:
        await add(room)
        taken = await room.play(1)
        await until_sent(room)
        await room.sign_in()
        await room.deck.play_actions.retry(room.me.id, taken.id)
        await room.until_empty()
        assert (titles(world.first), room.arrived()) == (songs(1), songs(1))
        assert len(world.first.seen) == 2


async def test_an_edited_play_replaces_the_old_one_at_destinations_without_it(world: World) -> None:
    async with world.open() as room:
        there, not_yet = await add(room), await add(room, "two.test")
        await pause(room, not_yet)
        taken = await room.play(1)
        while (await fates(room, there))["Song 001"] != "accepted":
            await room.house.clock.sleep(1)
        edited = await room.deck.play_actions.correct(
            room.me.id, taken.id, lambda track: replace(track, title="Song 002")
        )
        assert isinstance(edited, ActionDone)
        await pause(room, not_yet, paused=False)
        await until_sent(room)
        assert (titles(world.first), titles(world.second)) == (songs(1), songs(2))
        assert await fates(room, there) == {"Song 001": "accepted", "Song 002": "kept"}
        [kept] = await room.deck.store.read(lambda db: destination_queue.stories(db, [there.id], [edited.play]))
        assert kept.reason == f"play {taken.id}, which it replaces, is there under its old names"
        assert await fates(room, not_yet) == {"Song 001": "discarded", "Song 002": "accepted"}


@pytest.mark.parametrize("left", [{"state": "sending"}, {"unanswered": True}])
async def test_an_edited_play_is_not_told_that_the_old_one_is_there_if_it_only_may_be(
    world: World, left: dict[str, Any]
) -> None:
    async with world.open() as room:
        await room.sign_in()
        one = await add(room)
        await pause(room, one)
        await room.deck.jobs.pause("deliver")
        taken = await room.play(1)
        await room.deck.store.write(lambda db: db.execute(schema.destination_queue.update().values(**left)))
        edited = await room.deck.play_actions.correct(room.me.id, taken.id, lambda track: replace(track, title="Two"))
        assert isinstance(edited, ActionDone)
        [kept] = await room.deck.store.read(lambda db: destination_queue.stories(db, [one.id], [edited.play]))
        told = f"play {taken.id}, which it replaces, may be there under its old names"
        assert (kept.fate, kept.reason) == ("kept", told)


async def test_an_edited_play_that_lastfm_does_not_get_says_why(world: World) -> None:
    async with world.open() as room:
        await pause(room, await add(room))
        taken = await room.play(1)
        edited = await room.deck.play_actions.correct(
            room.me.id, taken.id, lambda track: replace(track, title="Song 002")
        )
        assert isinstance(edited, ActionDone)
        new = next(expected for expected in await room.history() if expected.id == edited.play)
        assert (new.fate, new.reason) == ("not_authenticated", "not signed in to Last.fm: sign in first")


async def test_another_album_is_sent_to_destinations_without_the_play(world: World) -> None:
    async with world.open() as room:
        await room.sign_in()
        one = await add(room, policy=Policy(album_artist=False))
        await pause(room, one)
        await room.deck.jobs.pause("deliver")
        taken = await room.play(1)
        change = partial(replace, album="Pastel Blues", album_artist="Nina Simone")
        assert isinstance(await room.deck.play_actions.correct(room.me.id, taken.id, change), ActionDone)
        await pause(room, one, paused=False)
        await until_sent(room)
        assert [play.album for play in world.first.stored] == ["Pastel Blues"]


@pytest.mark.parametrize("left", [{"state": "sending"}, {"unanswered": True}])
async def test_what_may_be_there_keeps_its_facts(world: World, left: dict[str, Any]) -> None:
    async with world.open() as room:
        one = await add(room)
        await pause(room, one)
        taken = await room.play(1)

        def rewritten(db: Connection) -> str:
            db.execute(schema.destination_queue.update().values(**left))
            destination_queue.rewrite(db, one.id, taken.id, {"album": "Pastel Blues"})
            return str(db.execute(select(schema.destination_queue.c.album)).scalar_one())

        assert await room.deck.store.write(rewritten) == ""


async def test_another_album_is_sent_also_without_lastfm(world: World) -> None:
    async with world.open() as room:
        one = await add(room)
        await pause(room, one)
        taken = await room.play(1)
        change = partial(replace, album="Pastel Blues")
        assert isinstance(await room.deck.play_actions.correct(room.me.id, taken.id, change), ActionDone)
        await pause(room, one, paused=False)
        await until_sent(room)
        assert [play.album for play in world.first.stored] == ["Pastel Blues"]


# Several reports of one listen, and edits while a destination is removed


OTHER_PLAYERS = Policy(not_from=("a child's tablet",))
SINNERMAN = Track("Nina Simone", "Sinnerman", duration=622)


async def listen(room: Room, at: float, reporter: str, title: str = "Sinnerman") -> None:
    track = replace(SINNERMAN, title=title)
    await room.me.scrobble(track, started_at=at, played=400, reporter=reporter)


async def test_a_listen_that_a_player_left_out_reported_first_is_sent_as_another_reports_it(world: World) -> None:
    async with world.open() as room:
        await room.sign_in()
        one, other = await add(room, policy=OTHER_PLAYERS), await add(room, "two.test")
        await listen(room, room.now - 700, "a child's tablet")
        await listen(room, room.now - 698, "the stereo", "Sinnerman!")
        await until_sent(room)
        await room.until_empty()
        assert (titles(world.first), titles(world.second)) == (["Sinnerman!"], ["Sinnerman"])
        assert await room.fates() == ["accepted", "suspected"]
        assert await fates(room, one) == {"Sinnerman": "kept", "Sinnerman!": "accepted"}
        assert await fates(room, other) == {"Sinnerman": "accepted", "Sinnerman!": "suspected"}
        await listen(room, room.now - 697, "the radio", "Sinnerman?")
        await until_sent(room)
        assert (await fates(room, one))["Sinnerman?"] == "suspected"
        assert len(world.first.stored) == len(world.second.stored) == 1


async def test_both_reports_of_a_listen_may_come_in_one_request(world: World) -> None:
    async with world.open() as room:
        await room.sign_in()
        one = await add(room, policy=OTHER_PLAYERS)
        at = int(room.now) - 9000
        for reporter in ("a child's tablet", "the stereo"):
            both = [Play(SINNERMAN, at, 400), Play(SINNERMAN, at + 2, 400)]
            await room.deck.reports.scrobble_all(room.me.id, both, reporter)
            at += 1
        await until_sent(room)
        assert len(world.first.stored) == 1
        assert sorted(there.delivered.fate for there in await ledger(room, one)) == [
            *("accepted", "kept", "kept", "suspected")
        ]


async def ledger(room: Room, one: StoredDestination) -> list[Any]:
    history = await room.history()
    found = await room.deck.destination_views.of_plays(room.me.id, [kept.id for kept in history])
    return [there for found_here in found.values() for there in found_here if there.destination.id == one.id]


async def test_what_was_private_is_not_sent_when_another_player_reports_it_later(world: World) -> None:
    async with world.open() as room:
        await room.sign_in()
        one = await add(room, policy=Policy(private_until=room.now + 600))
        at = room.now - 900
        await listen(room, at, "the stereo")
        await room.wait(700)
        await listen(room, at + 2, "the radio")
        await until_sent(room)
        assert titles(world.first) == []
        assert sorted(there.delivered.fate for there in await ledger(room, one)) == ["kept", "suspected"]


async def test_a_duplicate_of_an_old_play_is_not_sent_to_a_new_destination(world: World) -> None:
    async with world.open() as room:
        await room.sign_in()
        at = room.now - 5000
        await listen(room, at, "the stereo")
        one = await add(room)
        await listen(room, at + 2, "the radio")
        await until_sent(room)
        assert titles(world.first) == []
        await room.deck.destinations.send_history(room.me.id, one.id, EVERYTHING)
        await until_sent(room)
        assert len(world.first.stored) == 1


async def test_the_history_has_each_listen_once_whichever_player_is_left_out(world: World) -> None:
    async with world.open() as room:
        await room.sign_in()
        at = room.now - 90000
        await listen(room, at, "a child's tablet", "One")
        await listen(room, at + 2, "the stereo", "One")
        await listen(room, at + 3, "the radio", "One")
        await listen(room, at + 2000, "the stereo", "Two")
        await listen(room, at + 2002, "a child's tablet", "Two")
        await listen(room, at + 4000, "the stereo", "Three")
        await listen(room, at + 4002, "the radio", "Three")
        await room.until_empty()
        await add(room, policy=OTHER_PLAYERS, days=EVERYTHING)
        await until_sent(room)
        assert sorted(titles(world.first)) == ["One", "Three", "Two"]


async def test_an_edited_play_waits_with_its_new_names_for_a_removed_destination(world: World) -> None:
    async with world.open() as room:
        await room.sign_in()
        one = await add(room)
        await pause(room, one)
        await room.deck.jobs.pause("deliver")
        names, album = await room.play(1), await room.play(2)
        await room.deck.destinations.remove(room.me.id, one.id, discard=False)
        correct = room.deck.play_actions.correct
        assert isinstance(await correct(room.me.id, names.id, partial(replace, title="Song 003")), ActionDone)
        assert isinstance(await correct(room.me.id, album.id, partial(replace, album="Blues")), ActionDone)
        await add(room)
        await until_sent(room)
        assert sorted((play.title, play.album) for play in world.first.stored) == [
            ("Song 002", "Blues"),
            ("Song 003", ""),
        ]
        assert await fates(room, one) == {"Song 001": "discarded", "Song 002": "accepted", "Song 003": "accepted"}


# Services that are signed in to


OWN = OwnKeys(KEY, KEY, "http://fm.test/allow")
PASSWORD = "sesame, open"


@pytest.fixture
def fm(world: World) -> GnuFmStandIn:
    server = GnuFmStandIn(world.house.clock.true)
    server.passwords["anna"] = PASSWORD
    world.network.hosts["fm.test"] = server
    return server


async def begin(room: Room, kind: DestinationKind = LIBREFM, keys: OwnKeys = NO_KEYS, again: int = 0) -> Approving:
    destinations = room.deck.destinations
    begun = await (
        destinations.begin_again(room.me.id, again, keys) if again else destinations.begin(kind, "http://fm.test", keys)
    )
    assert isinstance(begun, Approving), begun
    return begun


def approve(server: GnuFmStandIn, begun: Approving, user: str = "anna") -> None:
    server.approve(begun.url.partition("token=")[2], user)


async def sign_in(
    room: Room,
    kind: DestinationKind = LIBREFM,
    name: str = "anna",
    password: str = PASSWORD,
    url: str = "http://fm.test",
) -> StoredDestination | DestinationRefused:
    return await room.deck.destinations.add(room.me.id, kind, url, NameAndPassword(name, password))


async def until_state(room: Room, state: str) -> None:
    while (await overview(room)).state != state:
        await room.house.clock.sleep(1)
    await room.house.clock.still()


@pytest.mark.parametrize(("kind", "keys"), [(LIBREFM, NO_KEYS), (LIKE_LASTFM, OWN)])
async def test_a_server_like_lastfm_is_approved_on_its_page(
    world: World, fm: GnuFmStandIn, kind: DestinationKind, keys: OwnKeys
) -> None:
    async with world.open() as room:
        destinations = room.deck.destinations
        begun = await begin(room, kind, keys)
        assert begun.url.startswith("http://fm.test/allow/?" if keys is OWN else "http://fm.test/api/auth/?")
        assert KEY not in begun.state
        early = await destinations.add(room.me.id, kind, "http://fm.test", begun.state)
        assert early == DestinationRefused("not approved yet at fm.test", WhyRefused.PENDING)
        approve(fm, begun)
        one = await destinations.add(room.me.id, kind, "", begun.state)
        assert isinstance(one, StoredDestination)
        assert (one.username, one.url) == ("anna", "http://fm.test/2.0/")
        await room.plays(*range(3))
        await until_sent(room)
        assert [play.title for play in fm.stored] == songs(*range(3))
        assert set((await fates(room, one)).values()) == {"accepted"}
        assert fm.seen[-1].form()["api_key"] == (KEY if keys is OWN else OPEN_KEYS.api_key)


@pytest.mark.parametrize(("kind", "keys"), [(LIBREFM, NO_KEYS), (LIKE_LASTFM, OWN)])
async def test_an_ended_session_holds_its_plays_until_the_listener_signs_in_again(
    world: World, fm: GnuFmStandIn, kind: DestinationKind, keys: OwnKeys
) -> None:
    async with world.open() as room:
        destinations = room.deck.destinations
        begun = await begin(room, kind, keys)
        approve(fm, begun)
        one = await destinations.add(room.me.id, kind, "http://fm.test", begun.state)
        assert isinstance(one, StoredDestination)
        fm.users.clear()
        await room.plays(*range(3))
        await until_state(room, "needs_sign_in")
        seen = await overview(room)
        assert (seen.waiting.plays, fm.stored) == (3, [])
        assert seen.reason == f"{kind.label} has ended the session: sign in again"
        again = await begin(room, again=one.id)
        assert begun.url.partition("token=")[0] == again.url.partition("token=")[0]
        approve(fm, again, "ben")
        other = await destinations.sign_in_again(room.me.id, one.id, again.state)
        assert isinstance(other, DestinationRefused)
        assert other.reason.startswith("you signed in as ben, but plays are waiting for anna")
        again = await begin(room, again=one.id)
        approve(fm, again)
        assert isinstance(await destinations.sign_in_again(room.me.id, one.id, again.state), StoredDestination)
        await until_sent(room)
        assert [play.title for play in fm.stored] == songs(*range(3))


async def test_a_name_and_a_password_do_too_and_the_password_is_not_kept(world: World, fm: GnuFmStandIn) -> None:
    async with world.open() as room:
        wrong = await sign_in(room, password="another")
        assert wrong == DestinationRefused("fm.test doesn't accept this name and password", field="password")
        one = await sign_in(room)
        assert isinstance(one, StoredDestination)
        assert PASSWORD not in room.deck.destinations.cipher.open(one.sealed)
        fm.users.clear()
        await room.play(1)
        await until_state(room, "needs_sign_in")
        again = NameAndPassword("anna", PASSWORD)
        assert isinstance(await room.deck.destinations.sign_in_again(room.me.id, one.id, again), StoredDestination)
        await until_sent(room)
        assert [play.title for play in fm.stored] == songs(1)


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.CUT, Fault.HANG_UP, Fault.GATEWAY, Fault.BROKEN])
async def test_after_a_lost_answer_gnu_fm_has_each_play_once(world: World, fm: GnuFmStandIn, fault: Fault) -> None:
    async with world.open() as room:
        one = await sign_in(room)
        assert isinstance(one, StoredDestination)
        await pause(room, one)
        await room.plays(*range(5))
        fm.fail_next(fault)
        await pause(room, one, paused=False)
        await until_sent(room)
        assert sorted(play.title for play in fm.stored) == songs(*range(5))
        assert set((await fates(room, one)).values()) == {"accepted"}


async def test_it_says_why_a_sign_in_cannot_be_finished(world: World, fm: GnuFmStandIn) -> None:
    async with world.open() as room:
        begun = await begin(room)

        async def refusal(token: str, kind: DestinationKind = LIBREFM, url: str = "http://fm.test") -> str:
            refused = await room.deck.destinations.add(room.me.id, kind, url, token)
            assert isinstance(refused, DestinationRefused)
            return refused.reason

        assert await refusal("a-token") == "this sign-in wasn't started at fm.test: start again"
        assert await refusal(begun.state, LIKE_LASTFM) == "this sign-in wasn't started at fm.test: start again"
        assert "wasn't started at one.test" in await refusal(begun.state, url="http://one.test")
        approve(fm, begun)
        await room.wait(HOUR)
        assert await refusal(begun.state) == "access wasn't allowed at fm.test within an hour: start again"


async def test_a_sign_in_that_cannot_begin_says_what_is_wrong(world: World, fm: GnuFmStandIn) -> None:
    async with world.open() as room:
        destinations = room.deck.destinations

        async def refusal(kind: DestinationKind, url: str, keys: OwnKeys = NO_KEYS) -> DestinationRefused:
            refused = await destinations.begin(kind, url, keys)
            assert isinstance(refused, DestinationRefused)
            return refused

        assert (await refusal(LISTENBRAINZ, "http://one.test")).field == "kind"
        assert (await refusal(LIKE_LASTFM, "nowhere")).field == "url"
        assert (await refusal(LIKE_LASTFM, "")).field == "url"
        page = OwnKeys(approval_url="nowhere")
        assert (await refusal(LIKE_LASTFM, "http://fm.test", page)).field == "approval_url"
        half, spaced = OwnKeys(KEY), OwnKeys("a b", KEY)
        assert "enter both" in (await refusal(LIKE_LASTFM, "http://fm.test", half)).reason
        assert "no blanks" in (await refusal(LIKE_LASTFM, "http://fm.test", spaced)).reason
        for keys, field in ((half, "api_key"), (page, "approval_url")):
            given = NameAndPassword("anna", PASSWORD, keys)
            refused = await destinations.add(room.me.id, LIKE_LASTFM, "http://fm.test", given)
            assert isinstance(refused, DestinationRefused)
            assert refused.field == field
        by_password = await destinations.add(
            room.me.id, LISTENBRAINZ, "http://one.test", NameAndPassword("anna", PASSWORD)
        )
        assert isinstance(by_password, DestinationRefused)
        assert by_password.reason == "ListenBrainz is not signed in to with a password: enter a token"
        assert await destinations.begin_again(room.me.id, 99) == NoSuchDestination()
        other = await refusal(LIKE_LASTFM, "http://one.test")
        assert other.reason == "the server there doesn't speak Last.fm's API (HTTP 404): check the address"
        world.network.gone.add("fm.test")
        away = await refusal(LIBREFM, "http://fm.test")
        assert (away.why, away.reason) == (
            WhyRefused.AWAY,
            "nothing answers at fm.test: is the address right, and is it running?",
        )


async def test_a_profile_is_not_a_second_destination_whatever_it_is_called(world: World, fm: GnuFmStandIn) -> None:
    async with world.open() as room:
        await room.sign_in()
        destinations = room.deck.destinations
        own = OwnKeys(API_KEY, API_SECRET)
        for kind in (LIKE_LASTFM, LIBREFM):
            begun = await destinations.begin(kind, "http://lastfm.test", own)
            assert isinstance(begun, Approving)
            room.emulator.approve(begun.url.partition("token=")[2], "RJ")
            refused = await destinations.add(room.me.id, kind, "", begun.state)
            assert isinstance(refused, DestinationRefused)
            assert refused.reason.startswith("you're already signed in there")
        assert isinstance(await sign_in(room, LIBREFM), StoredDestination)
        again = await sign_in(room, LIKE_LASTFM, name="Anna")
        assert again == DestinationRefused("Libre.fm (anna) is already one of your destinations", WhyRefused.TAKEN)


async def test_a_second_profile_at_lastfm_has_its_limits(world: World, fm: GnuFmStandIn) -> None:
    world.network.hosts["ws.audioscrobbler.com"] = fm
    async with world.open() as room:
        for url in ("https://ws.audioscrobbler.com", "https://fm.test"):
            assert isinstance(await sign_in(room, LIKE_LASTFM, url=url), StoredDestination)
        short, old = Track("Low", "Short", duration=20), Track("Low", "Old", duration=200)
        await room.me.scrobble(short, started_at=room.now - 60, played=20)
        await room.me.scrobble(old, started_at=room.now - 15 * DAY, played=200)
        lastfm, other = await overview(room, 0), await overview(room, 1)
        assert lastfm.stored.url == "https://ws.audioscrobbler.com/2.0/"
        assert await fates(room, lastfm.stored) == {}
        assert set(await fates(room, other.stored)) == {"Short", "Old"}


async def test_keys_that_cannot_be_decrypted_any_more_have_to_be_entered_again(world: World, fm: GnuFmStandIn) -> None:
    async with world.open() as room:
        begun = await begin(room, LIKE_LASTFM, OWN)
        approve(fm, begun)
        one = await room.deck.destinations.add(room.me.id, LIKE_LASTFM, "", begun.state)
        assert isinstance(one, StoredDestination)

        def lose(db: Connection) -> None:
            db.execute(schema.destination.update().values(secret_sealed=""))

        await room.deck.store.write(lose)
        again = await begin(room, again=one.id, keys=OWN)
        assert f"api_key={KEY}" in again.url
        approve(fm, again)
        assert isinstance(
            await room.deck.destinations.sign_in_again(room.me.id, one.id, again.state), StoredDestination
        )


async def test_what_was_private_stays_private_when_it_is_reported_again(world: World) -> None:
    async with world.open() as room:
        one = await add(room, policy=Policy(private_until=room.now + 600))
        at = int(room.now) - 900
        track = Track("Nina Simone", "Sinnerman", duration=200)
        await room.me.scrobble(track, started_at=at, played=150)
        await room.wait(700)
        await room.me.scrobble(track, started_at=at, played=150)
        await until_sent(room)
        assert (titles(world.first), await fates(room, one)) == ([], {"Sinnerman": "kept"})


# One profile, one listener


async def test_two_listeners_do_not_send_to_one_profile_with_different_tokens(world: World) -> None:
    async with world.open() as room:
        await add(room)
        ann = await room.deck.listener("ann")
        world.first.users["another-key"] = "Rob"
        for address in ("http://one.test", "https://one.test/1/"):
            refused = await room.deck.destinations.add(ann.id, LISTENBRAINZ, address, "another-key")
            assert isinstance(refused, DestinationRefused)
            assert refused.why is WhyRefused.TAKEN
            assert refused.reason == (
                "another listener here already sends plays to Rob at ListenBrainz: use your own profile,"
                " or their plays and yours would be mixed there"
            )
        assert await room.deck.destination_views.all(ann.id) == []


async def test_two_who_add_one_profile_at_once_do_not_both_get_it(world: World) -> None:
    async with world.open() as room:
        world.first.users["another-key"] = "rob"
        ann = await room.deck.listener("ann")
        wanted = [(room.me.id, TOKEN), (ann.id, "another-key")]
        added = await asyncio.gather(
            *(room.deck.destinations.add(account, LISTENBRAINZ, "http://one.test", token) for account, token in wanted)
        )
        assert sorted(isinstance(one, StoredDestination) for one in added) == [False, True]


async def test_a_server_of_one_person_is_not_for_two_listeners(world: World) -> None:
    async with world.open() as room:
        maloja = MalojaStandIn(world.house.clock.true)
        maloja.users = {TOKEN: "", OTHERS: ""}
        world.network.hosts["three.test"] = maloja
        ann = await room.deck.listener("ann")
        add_ = partial(room.deck.destinations.add, kind=DestinationKind.MALOJA, address="http://three.test")
        assert isinstance(await add_(room.me.id, token=TOKEN), StoredDestination)
        refused = await add_(ann.id, token=OTHERS)
        assert isinstance(refused, DestinationRefused)
        assert "another listener here already sends plays to this Maloja" in refused.reason


async def test_a_user_who_is_named_later_is_known_then(world: World) -> None:
    """Before that, nobody can say whether two tokens are one user's."""
    async with world.open() as room:
        add_, again = room.deck.destinations.add, room.deck.destinations.sign_in_again
        world.first.users = {TOKEN: "", OTHERS: ""}
        ann = await room.deck.listener("ann")
        mine = await add_(room.me.id, LISTENBRAINZ, "http://one.test", TOKEN)
        hers = await add_(ann.id, LISTENBRAINZ, "http://one.test", OTHERS)
        assert isinstance(mine, StoredDestination)
        assert isinstance(hers, StoredDestination)
        world.first.users = {TOKEN: "rob", OTHERS: "rob"}
        named = await again(room.me.id, mine.id, TOKEN)
        assert isinstance(named, StoredDestination)
        assert named.username == "rob"
        refused = await again(ann.id, hers.id, OTHERS)
        assert isinstance(refused, DestinationRefused)
        assert "to rob at ListenBrainz" in refused.reason
        world.first.users = {TOKEN: ""}
        refused = await again(room.me.id, mine.id, TOKEN)
        assert refused == DestinationRefused(
            "ListenBrainz doesn't say which user this belongs to, and plays are waiting for rob"
        )


async def test_a_name_that_turns_out_to_be_that_of_a_removed_destination_is_not_taken_twice(world: World) -> None:
    async with world.open() as room:
        before = await add(room)
        await room.deck.destinations.remove(room.me.id, before.id, discard=False)
        world.first.users = {TOKEN: ""}
        unnamed = await add(room)
        world.first.users = {TOKEN: "rob"}
        refused = await room.deck.destinations.sign_in_again(room.me.id, unnamed.id, TOKEN)
        assert isinstance(refused, DestinationRefused)
        assert refused.reason == "this belongs to rob, a destination that you had before: add it again"


@pytest.mark.parametrize("who", ["me", "ann"])
async def test_a_profile_at_lastfm_that_is_a_destination_is_not_connected_as_well(
    world: World, fm: GnuFmStandIn, who: str
) -> None:
    async with world.open(api_url="http://ws.audioscrobbler.com/2.0/") as room:
        world.network.hosts["ws.audioscrobbler.com"] = fm
        added = await sign_in(room, LIKE_LASTFM, url="https://ws.audioscrobbler.com")
        assert isinstance(added, StoredDestination)
        del world.network.hosts["ws.audioscrobbler.com"]
        listener = await room.deck.listener(who)
        begun = await listener.sign_in()
        assert isinstance(begun, AuthStart)
        assert begun.token is not None
        world.house.emulator.approve(begun.token, "Anna")
        refused = await listener.finish_sign_in(begun.token)
        assert isinstance(refused, NotAsked)
        assert ("remove it there" if who == "me" else "another listener") in refused.reason


async def test_a_profile_that_another_listener_is_connected_to_is_not_a_destination(
    world: World, fm: GnuFmStandIn
) -> None:
    async with world.open(api_url="http://ws.audioscrobbler.com/2.0/") as room:
        ann = await room.deck.listener("ann")
        await room.sign_in("anna", ann)
        world.network.hosts["ws.audioscrobbler.com"] = fm
        refused = await sign_in(room, LIKE_LASTFM, url="https://ws.audioscrobbler.com")
        assert isinstance(refused, DestinationRefused)
        assert "another listener here already sends plays to this Last.fm" in refused.reason


async def test_trying_addresses_fills_no_memory(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlets, "MAX_KEPT", 5)
    async with world.open() as room:
        one = await add(room)
        for n in range(9):
            with pytest.raises(ValueError, match="start with"):
                room.deck.destinations.outlets.wire(LISTENBRAINZ, f"{n}.test")
            room.deck.destinations.outlets.wire(LISTENBRAINZ, f"http://{n}.test")
            assert room.deck.destinations.outlets.get(pace_key(LISTENBRAINZ, "http://one.test", str(n)))
        assert len(room.deck.destinations.outlets._wires) == len(room.deck.destinations.outlets._made) == 5
        await room.play(1)
        await until_sent(room)
        assert (titles(world.first), await fates(room, one)) == (songs(1), {"Song 001": "accepted"})


async def test_a_process_that_only_reports_learns_of_destinations_that_another_has_added(world: World) -> None:
    async with world.open(deliver=False) as room:
        one = await add(room)
        room.deck.destinations.hints.seen({})  # as a process that began before has it
        await room.play(1)
        assert room.deck.destinations.hints._owned == {room.me.id: (one.id,)}


async def test_of_many_destinations_those_with_work_are_listed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_list, "LIMIT", 2)
    async with world.open() as room:
        world.first.users = {f"token-{n}": f"user {n}" for n in range(5)}
        added = [await add(room, token=f"token-{n}") for n in range(5)]
        for one in added[2:4]:
            await pause(room, one)
        await room.play(1)
        await until_fewer(room, 2)
        jobs = [job for job in (await room.deck.jobs.overview()).jobs if job.kind == "destination"]
        assert [job.destination for job in jobs] == [one.id for one in added[2:4]]


async def until_fewer(room: Room, waiting: int) -> None:
    """Return when plays wait at no more destinations than that."""
    while sum(one.waiting.plays for one in await room.deck.destination_views.all(room.me.id)) > waiting:
        await room.house.clock.sleep(1)


# Whatever goes wrong


FAULTS = (Fault.OUTAGE, Fault.THROTTLED, Fault.LOST_ANSWER, Fault.HANG_UP, Fault.GATEWAY, Fault.CUT, Fault.PAGE)


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_goes_wrong_each_destination_has_each_play_once(world: World, seed: int) -> None:
    """Outages, lost answers, limits, pauses, removals, restarts in the middle: nothing is lost, and nothing doubled."""
    chance, played = Random(seed), 0
    third = MalojaStandIn(world.house.clock.true)
    third.users = {TOKEN: "rob"}
    world.network.hosts["three.test"] = third
    servers: dict[str, StandIn] = {"one.test": world.first, "two.test": world.second, "three.test": third}
    kinds = {"one.test": LISTENBRAINZ, "two.test": LISTENBRAINZ, "three.test": DestinationKind.MALOJA}

    async def add_all(room: Room) -> None:
        for host, kind in kinds.items():
            await room.deck.destinations.add(room.me.id, kind, f"http://{host}", TOKEN)

    async def disturb(room: Room) -> None:
        host = chance.choice(list(servers))
        match chance.randrange(6):
            case 0:
                world.network.gone.symmetric_difference_update({host})
            case 1:
                servers[host].fail_next(*chance.choices(FAULTS, k=chance.randrange(1, 4)))
            case 2:
                servers[host].fault = chance.choice((Fault.NONE, *FAULTS))
            case 3:
                world.network.gone.symmetric_difference_update({"lastfm.test"})
            case 4:
                one = chance.choice(await room.deck.destination_views.all(room.me.id))
                await pause(room, one.stored, paused=one.state != "paused")
            case _:
                await room.wait(chance.choice((1, 30, 700)))

    async with world.open() as room:
        await room.sign_in()
        await add_all(room)
    for _ in range(6):
        async with world.open() as room:
            for _ in range(chance.randrange(3, 9)):
                await room.play(played, age=chance.choice((400, HOUR, 20 * DAY)))
                played += 1
                await disturb(room)
            if chance.random() < 0.5:
                await room.house.clock.sleep(chance.random() * 3)
    world.network.gone.clear()
    for server in servers.values():
        server.fault = Fault.NONE
        server._next.clear()
    async with world.open() as room:
        for one in await room.deck.destination_views.all(room.me.id):
            await pause(room, one.stored, paused=False)
        await until_sent(room)
        for server in servers.values():
            assert sorted(play.title for play in server.stored) == songs(*range(played))
        history = await room.history()
        found = await room.deck.destination_views.of_plays(room.me.id, [expected.id for expected in history])
        assert {there.delivered.fate for one in found.values() for there in one} == {"accepted"}
        assert {len(one) for one in found.values()} == {3}
        assert len(found) == played


# Clocks


@pytest.mark.parametrize("off", [-DAY, DAY])
async def test_a_start_that_a_wrong_clock_has_made_is_put_right_before_it_is_sent(world: World, off: float) -> None:
    async with world.open() as room:
        await room.sign_in()
        await add(room)
    world.house.clock.put(off)
    async with world.open() as room:  # the machine starts anew, and Last.fm answers in a moment
        begun = room.emulator.now() - 160
        track = Track("Nina Simone", "Sinnerman", duration=200)
        await room.me.scrobble(track, started_at=room.now - 160, played=150)
        await room.until_empty()
        await until_sent(room)
        [sent] = world.first.stored
        [expected] = await room.history()
        assert abs(sent.timestamp - begun) < 60
        assert (expected.fate, expected.play.timestamp) == ("accepted", sent.timestamp)


async def test_a_play_that_waits_nowhere_else_is_put_right_here(world: World) -> None:
    async with world.open() as room:
        await room.sign_in()
        one = await add(room)
        await room.deck.accounts.change_settings(room.me.id, enabled=False, threshold=None)
    world.house.clock.put(-DAY)
    async with world.open() as room:
        await pause(room, one)
        begun = room.emulator.now() - 160
        track = Track("Nina Simone", "Sinnerman", duration=200)
        await room.me.scrobble(track, started_at=room.now - 160, played=150)
        for _ in range(2):  # Last.fm's time is believed once it has been seen twice
            await room.deck.accounts.change_settings(room.me.id, enabled=True, threshold=None)
            await room.me.now_playing(track)
            await room.house.clock.sleep(40)
        await pause(room, one, paused=False)
        await until_sent(room)
        [sent] = world.first.stored
        assert abs(sent.timestamp - begun) < 60


async def test_a_play_that_starts_in_the_future_waits_for_its_time(world: World) -> None:
    async with world.open() as room:
        await add(room)
        track = Track("Nina Simone", "Sinnerman", duration=200)
        await room.me.scrobble(track, started_at=room.now + 2 * HOUR, played=150)
        await room.wait(60)
        seen = await overview(room)
        assert (seen.waiting.plays, seen.waits and seen.waits.kind) == (1, "future_start")
        await room.wait(2 * HOUR)
        await until_sent(room)
        assert titles(world.first) == ["Sinnerman"]


async def test_what_a_service_can_never_take_is_ignored_with_its_reason(world: World) -> None:
    maloja = MalojaStandIn(world.house.clock.true)
    maloja.users = {TOKEN: "rob"}
    world.network.hosts["three.test"] = maloja
    async with world.open() as room:
        one = await room.deck.destinations.add(room.me.id, DestinationKind.MALOJA, "http://three.test", TOKEN)
        assert isinstance(one, StoredDestination)
        at = int(room.now) - 9000
        maloja.stored.append(Stored("rob", at, "Somebody", "Something"))
        await room.me.scrobble(Track("Nina Simone", "Sinnerman", duration=200), started_at=at, played=150)
        await until_sent(room)
        assert set((await fates(room, one)).values()) <= {"ignored", "refused"}
        [rejected] = await room.deck.destination_views.rejected(room.me.id, one.id, 10)
        assert rejected.reason


async def test_what_a_wrong_clock_has_put_back_goes_there_when_its_time_has_come(world: World) -> None:
    async with world.open() as room:
        await room.sign_in()
        one = await add(room)
        start = int(room.now) + 2 * HOUR
        await room.me.scrobble(Track("Nina Simone", "Later", duration=200), started_at=start, played=200)
        weeks = update(schema.destination_queue).values(next_attempt_at=start + 19 * DAY)  # by a lie
        await room.deck.store.write(lambda db: db.execute(weeks))
        for _ in range(2):  # Last.fm's time is known by these
            await room.me.now_playing(Track("Nina Simone", "Sinnerman", duration=622))
            await room.house.clock.sleep(60)
        await room.wait(HOUR)
        assert titles(world.first) == []
        await room.wait(HOUR)
        await until_sent(room, within=HOUR)
        assert titles(world.first) == ["Later"]
        assert (await overview(room)).stored.id == one.id
