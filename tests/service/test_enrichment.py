"""A library is enriched: every song once, in spare slots, and it continues where it was."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

import tonearm
from tests.listening import library_row
from tests.service.conftest import House, Room
from tonearm.core.event import EnrichProgress
from tonearm.deck import ImportFailed
from tonearm.service.enrichment import LOOK_UP_AFTER, STEP, Enriched
from tonearm.store import library
from tonearm.store.runs import RunState

pytestmark = pytest.mark.anyio

NINA = ("Nina Simone", "Sinnerman")


async def has(room: Room, *names: tuple[str, str]) -> None:
    """The library holds these songs, each in a file of its own."""
    rows = [library_row(f"/{number}.mp3", *name) for number, name in enumerate(names)]
    await room.deck.store.write(lambda db: library.write(db, room.me.id, rows))


async def unknown(room: Room, number: int) -> None:
    await has(room, *(("nobody", f"Song {n}") for n in range(number)))


async def facts(room: Room) -> list[tonearm.Song | None]:
    return [one.facts for one in await room.me.library()]


def lookups(room: Room) -> int:
    return len(room.house.calls("track.getInfo"))


async def test_an_empty_library_is_done_at_once(room: Room) -> None:
    assert await room.me.enrich() == Enriched()


async def test_a_song_gets_its_ids_its_listeners_and_its_tags(room: Room) -> None:
    await has(room, NINA, ("nobody", "nothing"), ("", ""), NINA)
    assert await facts(room) == [None] * 4
    assert await room.me.enrich() == Enriched(known=1, unknown=2)
    song, nothing, nameless, twice = await facts(room)
    assert song
    assert song == twice
    assert song.known
    assert song.mbid
    assert song.listeners
    assert song.playcount
    assert "jazz" in song.tags
    for one in (nothing, nameless):
        assert one
        assert (one.known, one.tags) == (False, ())
    assert lookups(room) == 2


async def test_a_song_is_looked_up_under_the_name_that_lastfm_has_given_it(room: Room) -> None:
    room.emulator.correct_artist("Simone, N.", "Nina Simone")
    track = tonearm.Track("Simone, N.", "Lilac Wine", duration=200)
    await room.me.scrobble(track, started_at=room.now - 3600, played=150)
    await room.until_empty()
    await has(room, ("Simone, N.", "Sinnerman"))
    assert await room.me.enrich() == Enriched(known=1)
    [song] = await facts(room)
    assert song
    assert (song.artist, song.title) == ("Simone, N.", "Sinnerman")
    assert "jazz" in song.tags


async def test_a_track_without_tags_has_those_of_its_artist(room: Room) -> None:
    known = room.emulator.music.find("Nina Simone")
    assert known
    await has(room, NINA)
    original: Any = room.emulator.methods["track.getinfo"]

    def without_tags(call: Any) -> Any:
        return {"track": {**original.answer(call)["track"], "toptags": ""}}

    room.emulator.add_method(replace(original, answer=without_tags))
    await room.me.enrich()
    [song] = await facts(room)
    assert song
    assert song.tags == known.tags


async def test_what_was_looked_up_lately_is_left_out_and_after_a_month_looked_up_again(room: Room) -> None:
    await unknown(room, 3)
    await room.me.enrich()
    assert lookups(room) == 3
    await has(room, *(("nobody", f"Song {n}") for n in range(3)), NINA)
    assert await room.me.enrich() == Enriched(known=1)
    assert lookups(room) == 4
    await room.wait(LOOK_UP_AFTER)
    await room.me.enrich()
    assert lookups(room) == 8


async def test_progress_is_reported_and_adds_up(room: Room) -> None:
    await unknown(room, 3 * STEP + 1)
    await room.me.enrich()
    published = [event for event in room.events if isinstance(event, EnrichProgress)]
    assert [event.done for event in published] == [STEP, 2 * STEP, 3 * STEP, 3 * STEP + 1]
    assert {event.total for event in published} == {3 * STEP + 1}


async def test_while_lastfm_is_down_it_rests_and_then_continues_by_itself_where_it_was(room: Room) -> None:
    await unknown(room, 2 * STEP)
    room.emulator.fault("error", error=16, methods=["track.getInfo"], after=STEP + 2, calls=1)
    with pytest.raises(ImportFailed, match="16"):
        await room.me.enrich()
    run = await room.deck.enrichment.start(room.me.id)
    while run.state is RunState.RUNNING:
        await room.house.clock.sleep(1)
        run = await room.deck.enrichment.finished(room.me.id, run.id)
    assert (run.state, run.done, run.failure) == (RunState.DONE, 2 * STEP, "")
    assert lookups(room) == 2 * STEP + 1


async def test_it_continues_after_a_crash_and_asks_for_nothing_twice(house: House) -> None:
    async with house.open() as room:
        await unknown(room, 2 * STEP)
        room.emulator.fault("error", error=16, methods=["track.getInfo"], after=STEP)
        with pytest.raises(ImportFailed):
            await room.me.enrich()
    house.emulator.clear_faults()
    async with house.open() as room:
        while await room.deck.store.read(lambda db: room.deck.enrichment.due(db, room.now)):
            await room.house.clock.sleep(1)
        done = await room.deck.store.read(lambda db: library.size(db, room.me.id))
        assert done == 2 * STEP
        assert lookups(room) == 2 * STEP + 1


async def test_a_long_run_gives_way_now_and_then_and_scrobbles_go_first(house: House) -> None:
    async with house.open(requests_per_second=1) as room:
        await room.sign_in()
        await unknown(room, 70)
        run = asyncio.create_task(room.me.enrich())
        await room.until_calls(5, "track.getInfo")
        taken = await room.play(1)
        start = room.now
        await room.until_empty()
        assert room.now - start < 10
        assert taken.status == "queued"
        assert await run == Enriched(unknown=70)


async def test_a_run_is_the_listeners_own(room: Room) -> None:
    await unknown(room, 1)
    run = await room.deck.enrichment.start(room.me.id)
    other = await room.deck.listener("other")
    assert await room.deck.enrichment.job(other.id, run.id) is None
    assert await room.deck.enrichment.job(room.me.id, run.id + 1) is None
    assert await other.enrich() == Enriched()


async def test_without_a_key_nothing_can_be_looked_up(house: House) -> None:
    async with house.open(api_key="", api_secret="") as room:
        with pytest.raises(ImportFailed, match="key"):
            await room.me.enrich()
