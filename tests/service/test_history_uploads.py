"""Uploaded histories: compared, then imported, and whole after whatever goes wrong."""

from __future__ import annotations

import io
import shutil
from functools import partial
from typing import Any

import pytest

from tests.history.files import AT
from tests.service.conftest import House, Room
from tonearm import zones
from tonearm.history.play import ReadOptions
from tonearm.service.history_import import write_part
from tonearm.service.history_uploads import KEPT, MAX_UPLOADS, Upload, UploadBusy, UploadState
from tonearm.store import summaries
from tonearm.store.db.sqlite_writer import StoreUnavailable

pytestmark = pytest.mark.anyio

TABLE = "uts,artist,track\n" + "".join(f"{AT + n * 300},Low,Song {n}\n" for n in range(1200))


async def uploaded(room: Room, content: str = TABLE, account: int | None = None) -> Upload:
    file = io.BytesIO(content.encode())
    who = room.me.id if account is None else account
    return await settled(room, await room.deck.history_uploads.add(who, "old.csv", file, ReadOptions()))


async def settled(room: Room, upload: Upload) -> Upload:
    while upload.works:
        await room.house.clock.sleep(0.1)
    return upload


async def test_a_file_waits_for_its_listener_and_is_busy_meanwhile(room: Room) -> None:
    uploads, me = room.deck.history_uploads, room.me.id
    begun = await uploads.add(me, "old.csv", io.BytesIO(TABLE.encode()), ReadOptions())
    with pytest.raises(UploadBusy):
        uploads.start(me, begun.id)
    with pytest.raises(UploadBusy):
        await uploads.add(me, "other.csv", io.BytesIO(b""), ReadOptions())
    await uploads.forget(me)
    assert uploads.of(me) is begun
    await settled(room, begun)
    assert (begun.state, begun.results[0].new, await room.history()) == (UploadState.READ, 1200, [])
    assert uploads.start(me, "another") is None
    assert uploads.start(me, begun.id) is begun
    await settled(room, begun)
    assert (begun.state, begun.done, begun.total) == (UploadState.DONE, 1200, 1200)
    assert uploads.start(me, begun.id) is begun
    assert begun.state is UploadState.DONE
    while not await room.deck.store.read(partial(summaries.made, account=me, until=AT + 90 * 86400)):
        await room.house.clock.sleep(0.1)
    await uploads.forget(me)
    assert not begun.file.parent.exists()


async def test_an_import_that_fails_halfway_is_continued(room: Room) -> None:
    upload = await uploaded(room)
    write, parts = room.deck.store.write, 0

    async def full(work: Any) -> Any:
        nonlocal parts
        parts += getattr(work, "func", None) is write_part
        if parts > 1:
            raise StoreUnavailable("the disk is full")
        return await write(work)

    object.__setattr__(room.deck.store, "write", full)
    room.deck.history_uploads.start(room.me.id, upload.id)
    await settled(room, upload)
    object.__setattr__(room.deck.store, "write", write)
    assert (upload.state, upload.fault) == (UploadState.FAILED, "old.csv couldn't be imported: the disk is full")
    assert 0 < len(await room.history()) < 1000
    room.deck.history_uploads.start(room.me.id, upload.id)
    await settled(room, upload)
    assert (upload.state, upload.fault) == (UploadState.DONE, "")
    assert sum([len(part) async for part in room.deck.history_export.parts(room.me.id)]) == 1200
    assert len(await room.deck.history_import.listed(room.me.id)) == 1


async def test_a_file_that_is_gone_is_reported(room: Room) -> None:
    upload = await uploaded(room)
    upload.file.unlink()
    room.deck.history_uploads.start(room.me.id, upload.id)
    await settled(room, upload)
    assert (upload.state, upload.fault.startswith("old.csv can't be read")) == (UploadState.FAILED, True)
    assert await room.history() == []


async def test_a_fault_of_ours_is_logged_and_reported_without_its_name(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = await uploaded(room)

    async def broken(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr("tonearm.service.history_import._Run.to_the_end", broken)
    room.deck.history_uploads.start(room.me.id, upload.id)
    await settled(room, upload)
    assert (upload.state, "ZeroDivision" in upload.fault) == (UploadState.FAILED, False)


async def test_files_that_are_not_imported_are_deleted(house: House) -> None:
    async with house.open() as room:
        first = await uploaded(room)
        for number in range(MAX_UPLOADS - 1):
            other = await room.deck.listener(f"other{number}")
            await uploaded(room, "uts,artist,track\n1600000000,Low,Words\n", other.id)
        late = await room.deck.listener("late")
        with pytest.raises(UploadBusy):
            await uploaded(room, account=late.id)
        house.clock.advance(KEPT + 1)
        saved = await uploaded(room, account=late.id)
        assert (first.file.exists(), saved.file.exists()) == (False, True)
    assert not saved.file.exists()


async def test_what_cannot_be_kept_leaves_nothing(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(OSError, match="No space"):
        await uploaded(room)
    assert room.deck.history_uploads.of(room.me.id) is None


def test_zones_are_found_by_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    assert str(zones.named("Europe/Berlin")) == "Europe/Berlin"
    assert [zones.named(name) for name in ("", "Atlantis", "../etc")] == [None, None, None]
    monkeypatch.setenv("TZ", ":Asia/Kathmandu")
    assert str(zones.own.__wrapped__()) == "Asia/Kathmandu"
