"""A folder becomes the library, and a second look reads only what changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from tests import audio, odd_audio
from tests.audio import Tags
from tests.listening import library_row
from tests.service.conftest import House, Room
from tonearm.library.folder import FolderUnreadable
from tonearm.service.library_scan import FAULTS_SHOWN
from tonearm.service.scan_result import ScanResult
from tonearm.store import library
from tonearm.store.db.schema import library as table

pytestmark = pytest.mark.anyio


def song(folder: Path, number: int, title: str = "") -> Path:
    """A real tagged file."""
    path = folder / f"{number}.mp3"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(audio.mp3(Tags("Nina Simone", title or f"Song {number}", "Pastel Blues")))
    return path


async def titles(room: Room) -> list[str]:
    names = await room.deck.store.read(lambda db: library.names(db, room.me.id))
    return sorted(title for _, _, title, _ in names)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "music"


async def test_a_folder_becomes_the_library(house: House, folder: Path) -> None:
    for number in range(3):
        song(folder, number)
    async with house.open(deliver=False) as room:
        seen: list[tuple[int, int]] = []
        found = await room.deck.library_scan.scan(room.me.id, folder, lambda done, total: seen.append((done, total)))
        assert (found.new, found.changed, found.gone, found.unreadable, found.total) == (3, 0, 0, 0, 3)
        assert seen[-1] == (3, 3)
        assert await titles(room) == ["Song 0", "Song 1", "Song 2"]
        assert await room.deck.store.read(lambda db: library.size(db, room.me.id)) == 3


async def test_a_second_scan_reads_only_what_changed(house: House, folder: Path) -> None:
    paths = [song(folder, number) for number in range(4)]
    async with house.open(deliver=False) as room:
        await room.me.scan(folder)
        assert await room.me.scan(folder) == ScanResult(total=4)
        song(folder, 0, "Another")
        os.utime(paths[0], ns=(1, 1))
        paths[1].unlink()
        song(folder, 9)
        found = await room.me.scan(folder)
        assert (found.new, found.changed, found.gone, found.total) == (1, 1, 1, 4)
        assert await titles(room) == ["Another", "Song 2", "Song 3", "Song 9"]


async def test_a_heart_stays_when_a_file_changes(house: House, folder: Path) -> None:
    path = song(folder, 1)
    async with house.open(deliver=False) as room:
        await room.me.scan(folder)
        [(file_id, *_)] = await room.deck.store.read(lambda db: library.names(db, room.me.id))
        await room.deck.store.write(lambda db: library.love(db, [file_id]))
        song(folder, 1, "Another")
        os.utime(path, ns=(1, 1))
        assert (await room.me.scan(folder)).changed == 1
        assert await room.deck.store.read(lambda db: library.loved(db, room.me.id)) == {file_id}


async def test_an_unreadable_file_is_counted_named_and_no_track(house: House, folder: Path) -> None:
    song(folder, 1)
    song(folder, 2).write_bytes(b"no music at all")
    async with house.open(deliver=False) as room:
        found = await room.me.scan(folder)
        assert (found.new, found.unreadable, found.total) == (1, 1, 2)
        [fault] = found.faults
        assert "2.mp3" in fault
        assert await titles(room) == ["Song 1"]
        again = await room.me.scan(folder)
        assert (again.new, again.unreadable, len(again.faults)) == (0, 1, 1)


async def test_only_that_many_faults_are_named(house: House, folder: Path) -> None:
    for number in range(FAULTS_SHOWN + 5):
        song(folder, number).write_bytes(b"no music at all")
    async with house.open(deliver=False) as room:
        found = await room.me.scan(folder)
        assert (found.unreadable, len(found.faults)) == (FAULTS_SHOWN + 5, FAULTS_SHOWN)


async def test_a_folder_that_is_not_there_changes_nothing(house: House, folder: Path) -> None:
    song(folder, 1)
    async with house.open(deliver=False) as room:
        await room.me.scan(folder)
        with pytest.raises(FolderUnreadable):
            await room.me.scan(folder / "nowhere")
        assert await titles(room) == ["Song 1"]


async def test_a_disk_that_is_not_mounted_does_not_empty_the_library(house: House, folder: Path) -> None:
    paths = [song(folder, number) for number in range(30)]
    async with house.open(deliver=False) as room:
        await room.me.scan(folder)
        for path in paths:
            path.unlink()
        with pytest.raises(FolderUnreadable):
            await room.me.scan(folder)
        assert len(await titles(room)) == 30
        found = await room.deck.library_scan.scan(room.me.id, folder, believe_empty=True)
        assert found.gone == 30
        assert await titles(room) == []


async def test_two_listeners_have_two_libraries(house: House, folder: Path) -> None:
    song(folder / "mine", 1)
    song(folder / "theirs", 2)
    async with house.open(deliver=False) as room:
        other = await room.deck.listener("other")
        await room.me.scan(folder / "mine")
        await other.scan(folder / "theirs")

        def owners(db: Connection) -> list[tuple[int, str]]:
            return [(account, title) for account, title in db.execute(select(table.c.account, table.c.title))]

        rows = await room.deck.store.read(owners)
        assert sorted(rows) == [(room.me.id, "Song 1"), (other.id, "Song 2")]


async def test_the_artists_of_a_credit_are_kept_beside_it(house: House) -> None:
    rows = [
        library_row("/1.mp3", "Alice & Bob", "Duet", artists=["Alice", "Bob"]),
        library_row("/2.mp3", "Alice", "Duet", artists=None),
    ]
    async with house.open(deliver=False) as room:
        await room.deck.store.write(lambda db: library.write(db, room.me.id, rows))
        ids = {
            artist: file_id
            for file_id, artist, *_ in await room.deck.store.read(lambda db: library.names(db, room.me.id))
        }
        several = await room.deck.store.read(lambda db: library.several_artists(db, room.me.id))
        assert several == {ids["Alice & Bob"]: ("Alice", "Bob")}


async def test_a_scan_of_everything_reads_unchanged_files_again(house: House, folder: Path) -> None:
    song(folder, 1)
    async with house.open(deliver=False) as room:
        await room.me.scan(folder)
        assert (await room.me.scan(folder)).changed == 0
        assert (await room.me.scan(folder, everything=True)).changed == 1


async def test_files_that_cannot_be_read_are_counted_by_suffix(house: House, folder: Path) -> None:
    song(folder, 1)
    for name in ("a.mka", "b.MKA", "c.shn", "cover.jpg", ".hidden.mka"):
        (folder / name).touch()
    async with house.open(deliver=False) as room:
        found = await room.me.scan(folder)
        assert (found.total, found.unsupported) == (1, {".mka": 2, ".shn": 1})


async def test_a_file_that_lists_its_artists_is_known_by_each(house: House, folder: Path) -> None:
    song(folder, 1).write_bytes(odd_audio.flac([("ARTIST", "Alice"), ("ARTIST", "Bob"), ("TITLE", "Duet")]))
    async with house.open(deliver=False) as room:
        await room.me.scan(folder)
        ((file, artist, *_),) = await room.deck.store.read(lambda db: library.names(db, room.me.id))
        several = await room.deck.store.read(lambda db: library.several_artists(db, room.me.id))
        assert (artist, several) == ("Alice & Bob", {file: ("Alice", "Bob")})
