"""What is loved is looked for in the library again when that has changed, or on demand, without asking Last.fm."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection

from tests import audio
from tests.audio import Tags
from tests.listening import library_row
from tests.service.conftest import House, Room
from tests.service.test_hearts import has, listed, marked
from tonearm.core.loved import ImportCounts
from tonearm.core.play import Track
from tonearm.ingest.incoming import Heart
from tonearm.service import loved_matching
from tonearm.store import library, loved

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("calm")]


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
    names, here, entries = await store.read(partial(loved_matching._read, account=me))
    plan = loved_matching._planned(names, here, entries)
    await room.me.love("Nina Simone", "Four Women")
    assert not await store.write(partial(loved_matching._write, account=me, entries=entries, plan=plan))
    assert await room.deck.loved_matching.check(me) == ImportCounts(already=2)
    assert await marked(room) == {"Sinnerman", "Four Women"}


async def test_without_anything_loved_there_is_nothing_to_check(room: Room) -> None:
    await has(room, ("Nina Simone", "Sinnerman"))
    assert await room.deck.loved_matching.check(room.me.id) == ImportCounts()
