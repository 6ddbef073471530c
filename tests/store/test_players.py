"""What is kept of players beside their plays: users of media servers, clocks of devices, tokens, hearts."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from tests.store.rows import NOW, listener
from tonearm.core.hearts import SyncedHeart
from tonearm.core.play import Track
from tonearm.core.session import ListeningClock
from tonearm.store import approvals, device_clocks, hearts, players
from tonearm.store.db.database import Store
from tonearm.store.device_clocks import Device, StoredClock
from tonearm.store.hearts import StoredHeart

pytestmark = pytest.mark.anyio


async def test_a_user_of_a_media_server_is_the_listener_mapped_last(store: Store) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        added = players.add(db, me, "plex", "plex", "hash", "sealed", NOW)
        assert added is not None
        for _ in range(2):
            players.map_user(db, added.id, "them", me)
            assert players.users(db, added.id) == {"them": me}
        players.map_user(db, added.id, "them", None)
        assert players.users(db, added.id) == {}

    await store.write(work)


def a_player(db: Connection, me: int) -> int:
    added = players.add(db, me, "plex", "plex", "hash", "sealed", NOW)
    assert added is not None
    return added.id


def a_clock(device: Device, at: float = NOW, *, ended: bool = False) -> StoredClock:
    track = Track("Nina Simone", "Sinnerman", duration=620.0)
    return StoredClock(device, ListeningClock(track, "7", at - 60, at, 60.0, ended=ended), "Plex", "Kitchen")


async def test_a_clock_is_found_as_it_was_saved_and_moved_by_one_process_at_a_time(store: Store) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        device = Device(a_player(db, me), me, "them", "abc")
        assert device_clocks.find(db, device) is None
        first = a_clock(device)
        assert device_clocks.save(db, device, None, first)
        assert not device_clocks.save(db, device, None, first)
        found = device_clocks.find(db, device)
        assert found is not None
        assert (found.clock, found.program, found.device_name) == (first.clock, "Plex", "Kitchen")
        assert device_clocks.save(db, device, found, a_clock(device, NOW + 10, ended=True))
        assert not device_clocks.save(db, device, found, None)
        assert not device_clocks.any_open(db)
        assert device_clocks.save(db, device, device_clocks.find(db, device), None)
        assert device_clocks.find(db, device) is None

    await store.write(work)


async def test_of_many_devices_those_heard_lately_are_remembered(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_clocks, "MAX_CLOCKS", 3)

    def work(db: Connection) -> None:
        me = listener(db)
        player = a_player(db, me)
        ended, *playing = (Device(player, me, "them", str(number)) for number in range(5))
        device_clocks.save(db, ended, None, a_clock(ended, NOW - 2 * 86400, ended=True))
        for number, device in enumerate(playing):
            device_clocks.save(db, device, None, a_clock(device, NOW + number))
        left = [device for device in (ended, *playing) if device_clocks.find(db, device)]
        assert left == playing[1:]
        assert [one.device for one in device_clocks.overdue(db, NOW + 302)] == playing[1:2]

    await store.write(work)


async def test_of_many_tokens_the_latest_are_remembered_and_each_is_good_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(approvals, "MAX_WAITING", 2)

    def work(db: Connection) -> None:
        player = a_player(db, listener(db))
        for number in range(4):
            approvals.ask(db, str(number), "Pano 4", NOW + number)
        assert [bool(approvals.find(db, str(number))) for number in range(4)] == [False, False, True, True]
        assert approvals.allow(db, "3", player)
        assert not approvals.allow(db, "3", player)
        assert not approvals.allow(db, "1", player)
        assert approvals.spend(db, "3")
        assert not approvals.spend(db, "3")
        approvals.ask(db, "late", "", NOW + 2 * 86400)
        assert approvals.find(db, "2") is None

    await store.write(work)


async def test_the_latest_change_of_a_heart_counts(store: Store) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        player = a_player(db, me)
        track = Track("Can", "Vitamin C")
        for number, loved in enumerate((True, False, True)):
            hearts.write(db, me, [StoredHeart(track, SyncedHeart(loved, NOW + number), player=player)])
        recording = "5f1c3f0e-6d0f-4c55-9a4e-0b9d8f7f8a35"
        hearts.write(db, me, [StoredHeart(Track("", ""), SyncedHeart(True, NOW + 9), recording, player)])
        named, unnamed = hearts.key_of(track), hearts.key_of(Track("", ""), recording)
        found = hearts.find(db, me, [named, unnamed])
        left = {key: one.heart for key, one in found.items()}
        assert left == {named: SyncedHeart(True, NOW + 2), unnamed: SyncedHeart(True, NOW + 9)}

    await store.write(work)
