"""What is loved is looked for in the library again when that has changed, or on demand, without asking Last.fm."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, delete, insert, select, update

from benchmarks import matching
from tests import audio
from tests.audio import Tags
from tests.listening import library_row
from tests.service.conftest import House, Room
from tests.service.test_hearts import has, listed, marked
from tonearm.core.loved import ImportCounts
from tonearm.core.play import Track
from tonearm.ingest.incoming import Heart
from tonearm.service import library_index, loved_matching
from tonearm.store import library, loved
from tonearm.store.db.readers import ReadQuestion
from tonearm.store.db.schema import library as library_table
from tonearm.store.db.schema import library_key, play
from tonearm.store.db.schema import loved as loved_table

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("calm")]


T = TypeVar("T")


def song(folder: Path, name: str, title: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(audio.mp3(Tags("Nina Simone", title, "Pastel Blues")))
    return path


async def files_of(room: Room) -> dict[str, list[str]]:
    """The paths of the files of each matched track, by title."""

    def read(db: Connection) -> dict[str, list[str]]:
        rows = loved.listing(db, room.me.id, "matched", 100)
        return {row.title: [file.path for file in row.files] for row in rows}

    return await room.deck.store.read(read)


async def test_files_that_a_scan_adds_are_matched_with_what_is_loved_already(house: House, tmp_path: Path) -> None:
    folder = tmp_path / "music"
    song(folder, "1.mp3", "Four Women")
    async with house.open(deliver=False) as room:
        await room.me.scan(folder)
        await room.deck.hearts.say(room.me.id, [Heart(Track("Nina Simone", t), True) for t in ("Sinnerman", "Ne Me")])
        assert await listed(room) == {("Sinnerman", "missing"), ("Ne Me", "missing")}
        path = song(folder, "2.mp3", "Sinnerman")
        await room.me.scan(folder)
        assert await listed(room) == {("Sinnerman", "matched"), ("Ne Me", "missing")}
        assert await marked(room) == {"Sinnerman"}
        assert await files_of(room) == {"Sinnerman": [str(path)]}
        path.unlink()
        await room.me.scan(folder)
        assert await listed(room) == {("Sinnerman", "missing"), ("Ne Me", "missing")}
        assert house.calls("user.getLovedTracks") == []


async def test_a_file_whose_tags_have_changed_loses_the_heart_of_the_other_song(room: Room) -> None:
    await has(room, ("Nina Simone", "Sinnerman"))
    await room.me.love("Nina Simone", "Sinnerman")
    assert await marked(room) == {"Sinnerman"}
    changed = library_row("/Nina Simone/Sinnerman.mp3", "Nina Simone", "Four Women")
    await room.deck.store.write(lambda db: library.write(db, room.me.id, [changed]))
    assert await room.deck.loved_matching.check(room.me.id) == ImportCounts(missing=1)
    assert await marked(room) == set()


async def test_checking_again_changes_nothing_if_nothing_has_changed(room: Room) -> None:
    await has(room, ("Nina Simone", "Sinnerman"), ("Oasis", "Wonderwall (Live)"))
    await room.me.love("Nina Simone", "Sinnerman")
    await room.me.love("Oasis", "Wonderwall")
    before = await listed(room), await marked(room), await files_of(room)
    found = await room.deck.loved_matching.check(room.me.id)
    assert found == ImportCounts(already=1, doubtful=1)
    assert (await listed(room), await marked(room), await files_of(room)) == before


async def test_a_chosen_file_keeps_its_heart(room: Room) -> None:
    await has(room, ("Oasis", "Wonderwall (Live)"))
    await room.me.love("Oasis", "Wonderwall")
    [(row,)] = [await room.deck.store.read(lambda db: loved.listing(db, room.me.id, "doubtful", 10))]
    assert await room.deck.loved_import.choose(room.me.id, row.id, row.files[0].id)
    assert await room.deck.loved_matching.check(room.me.id) == ImportCounts(already=1)
    assert await marked(room) == {"Wonderwall (Live)"}


async def test_a_check_that_something_was_loved_during_writes_nothing(room: Room) -> None:
    await has(room, ("Nina Simone", "Sinnerman"), ("Nina Simone", "Four Women"))
    await room.me.love("Nina Simone", "Sinnerman")
    store, me = room.deck.store, room.me.id
    found = await store.read_parts(partial(loved_matching._read, account=me))
    change = loved_matching._planned(found)
    await room.me.love("Nina Simone", "Four Women")
    assert not await store.write(partial(loved_matching._write, account=me, state=found.state, change=change))
    assert await room.deck.loved_matching.check(me) == ImportCounts(already=2)
    assert await marked(room) == {"Sinnerman", "Four Women"}


async def test_a_check_that_something_was_chosen_during_writes_nothing(room: Room) -> None:
    await has(room, ("Nina Simone", "Sinnerman"), ("Nina Simone", "Four Women"))
    await room.me.love("Nina Simone", "Sinnermann")
    store, me, loop = room.deck.store, room.me.id, asyncio.get_running_loop()
    [row] = await store.read(lambda db: loved.listing(db, me, "doubtful", 1))
    choices = [partial(loved.choose, account=me, loved_id=row.id, file=row.files[0].id)]

    def read(ask: ReadQuestion) -> loved_matching._Loved:
        def interrupted(question: Callable[[Connection], T], /) -> T:
            answer = ask(question)
            if choices:
                assert asyncio.run_coroutine_threadsafe(store.write(choices.pop()), loop).result()
            return answer

        return loved_matching._read(interrupted, me)

    found = await store.read_parts(read)
    change = loved_matching._planned(found)
    assert not await store.write(partial(loved_matching._write, account=me, state=found.state, change=change))
    await room.deck.loved_matching.check(me)
    assert await listed(room) == {("Sinnermann", "matched")}


async def test_without_anything_loved_there_is_nothing_to_check(room: Room) -> None:
    await has(room, ("Nina Simone", "Sinnerman"))
    assert await room.deck.loved_matching.check(room.me.id) == ImportCounts()


@pytest.mark.slow
async def test_a_heart_finds_the_files_that_a_check_of_everything_finds(room: Room, test_data: Path) -> None:
    material = matching.material(test_data / "data")
    chance = Random(17)
    hidden, near = dict(chance.sample(material.hidden, 250)), chance.sample(material.near, 150)
    names = dict.fromkeys([*chance.sample(material.library, 2000), *hidden.values()])
    files = [library_row(f"/{number}", *name, mbid=_recording(number)) for number, name in enumerate(names)]
    songs = [Track(*name, mbid=_recording(chance.randrange(2500))) for name in (*hidden, *near)]
    sent = [(file, now) for now, file in list(hidden.items())[:80]]  # which Last.fm has corrected
    await room.deck.store.write(partial(_write_all, account=room.me.id, files=files, songs=songs, corrected=sent))
    for song in songs[:4]:
        [row] = [one for one in await _listing(room) if (one.artist, one.title) == (song.artist, song.title)]
        await room.deck.store.write(partial(_choose, loved_id=row.id, file=chance.choice((0, 5, 900))))
    said = [*songs[:4], *songs[50:110], *songs[300:330]]
    for song in said:
        await room.deck.hearts.say(room.me.id, [Heart(song, True)])
    before = loved.entries(await room.deck.store.read(partial(loved.state, account=room.me.id)))
    await room.deck.loved_matching.check(room.me.id)
    after = loved.entries(await room.deck.store.read(partial(loved.state, account=room.me.id)))
    by_check = {(song.artist, song.title): after[song.artist, song.title][1] for song in said}
    assert {names: before[names][1] for names in by_check} == by_check
    assert {outcome for outcome, _ in by_check.values()} == {"matched", "doubtful", "missing"}


def _recording(number: int) -> str:
    return f"{number:08d}-0000-4000-8000-000000000000" if number % 4 == 0 else ""


async def _listing(room: Room) -> list[loved.LovedRow]:
    return await room.deck.store.read(lambda db: loved.listing(db, room.me.id, "missing", 1000))


def _choose(db: Connection, loved_id: int, file: int) -> None:
    db.execute(update(loved_table).where(loved_table.c.id == loved_id).values(chosen=file))


def _write_all(
    db: Connection,
    account: int,
    files: list[dict[str, Any]],
    songs: list[Track],
    corrected: list[tuple[tuple[str, str], tuple[str, str]]],
) -> None:
    """A library, what is loved, and plays that Last.fm has corrected; without keys, as an older tonearm left them."""
    library.write(db, account, files)
    facts = {"loved_at": 1, "outcome": "missing", "last_import": 1}
    loved.write(db, account, [{"artist": s.artist, "track": s.title, "mbid": s.mbid, **facts} for s in songs])
    db.execute(delete(library_key))
    db.execute(update(library_table).values(keyed=False))
    db.execute(update(loved_table).values(artist_key=None))
    for number, ((artist, track), (now_artist, now_track)) in enumerate(corrected):
        row = {"account": account, "artist": artist, "track": track, "timestamp": number, "reported_timestamp": number}
        correction = {"artist": now_artist, "track": now_track}
        fate = {"played": 1.0, "chosen_by_user": True, "fate": "accepted", "correction": correction}
        db.execute(insert(play).values(**row, **fate))


async def test_many_hearts_at_once_are_matched_like_one(room: Room) -> None:
    await has(room, *(("Nina Simone", f"Song {number}") for number in range(library_index.MANY + 1)))
    songs = [Track("NINA SIMONE", f"song {number}") for number in range(library_index.MANY + 1)]
    await room.deck.hearts.say(room.me.id, [Heart(song, True) for song in songs])
    assert {outcome for _, outcome in await listed(room)} == {"matched"}
    assert len(await marked(room)) == len(songs)


async def test_a_file_that_is_gone_leaves_no_keys(room: Room) -> None:
    await has(room, ("Nina Simone", "Sinnerman"), ("Nina Simone", "Four Women"))
    gone = ["/Nina Simone/Sinnerman.mp3", "/Nina Simone/Four Women.mp3"]
    await room.deck.store.write(lambda db: library.forget(db, room.me.id, gone))
    assert not await room.deck.store.read(lambda db: list(db.execute(select(library_key))))
