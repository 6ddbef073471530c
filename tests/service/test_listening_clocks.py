"""What media servers say of their devices becomes plays, each with the seconds that were really heard."""

from __future__ import annotations

import asyncio

import pytest

from tests.service.conftest import House, Room
from tonearm.core.play import Track
from tonearm.core.session import Notice, NoticeKind
from tonearm.ingest.webhook import Source, WebhookReport
from tonearm.service.listening_clocks import ListeningClocks
from tonearm.service.players import PlayerKind
from tonearm.store.players import StoredPlayer

pytestmark = pytest.mark.anyio

SONG = Track("Nina Simone", "Sinnerman", duration=620.0)
OTHER = Track("Can", "Halleluwah", duration=1100.0)


async def tell(
    room: Room,
    player: StoredPlayer,
    kind: NoticeKind,
    position: float,
    track: Track = SONG,
    device: str = "phone",
) -> None:
    notice = Notice(kind, room.now, track, position)
    report = WebhookReport(notice=notice, source=Source("me", "1", device, device, "Jellyfin"))
    await room.deck.listening_clocks.notice(player, report, room.me.id)


async def jellyfin(room: Room) -> StoredPlayer:
    return (await room.deck.players.add(room.me.id, "Jellyfin", PlayerKind.JELLYFIN)).player


async def test_pauses_are_not_listening_and_two_devices_have_two_clocks(house: House) -> None:
    async with house.open(deliver=False) as room:
        player = await jellyfin(room)
        start = int(room.now)
        await tell(room, player, NoticeKind.STARTED, 0)
        await tell(room, player, NoticeKind.STARTED, 0, Track("Can", "Halleluwah", duration=9000.0), "kitchen")
        await room.wait(200)
        await tell(room, player, NoticeKind.PAUSED, 200)
        await room.wait(1000)
        await tell(room, player, NoticeKind.RESUMED, 200)
        await room.wait(100)
        await tell(room, player, NoticeKind.STOPPED, 300)
        (play,) = await room.history()
        assert (play.play.track.title, play.play.played, play.reporter) == ("Sinnerman", 300, "Jellyfin")
        assert start <= play.play.timestamp <= start + 2
        assert play.player == player.id


async def test_a_listening_whose_stop_never_comes_is_kept_anyway(house: House) -> None:
    async with house.open(deliver=False) as room:
        player = await jellyfin(room)
        await tell(room, player, NoticeKind.STARTED, 0)
        while not await room.history():
            await room.wait(60)
        (play,) = await room.history()
        assert play.play.played == 620
        found = await room.deck.players.named(room.me.id, "Jellyfin")
        assert found is not None
        assert found.program == "Jellyfin"


async def test_a_restart_forgets_nothing_of_what_was_heard(house: House) -> None:
    async with house.open(deliver=False) as room:
        player = await jellyfin(room)
        await tell(room, player, NoticeKind.STARTED, 0)
        await room.wait(200)
        await tell(room, player, NoticeKind.PAUSED, 200)
    async with house.open(deliver=False) as room:
        await room.wait(100)
        await tell(room, player, NoticeKind.RESUMED, 200)
        await room.wait(150)
        await tell(room, player, NoticeKind.STOPPED, 350)
        (play,) = await room.history()
        assert play.play.played == 350


async def test_a_listening_ends_after_a_restart_whose_stop_never_comes(house: House) -> None:
    async with house.open(deliver=False) as room:
        await tell(room, await jellyfin(room), NoticeKind.STARTED, 0)
    async with house.open() as room:
        while not await room.history():
            await room.wait(60)
        (play,) = await room.history()
        assert (play.play.track.title, play.play.played) == ("Sinnerman", 620)


async def test_notices_may_reach_any_process(house: House) -> None:
    async with house.open(deliver=False) as room:
        player = await jellyfin(room)
        elsewhere = ListeningClocks(room.deck.store, room.deck.player_reports, room.deck.shows, room.deck.clock)
        report = WebhookReport(
            notice=Notice(NoticeKind.STARTED, room.now, SONG, 0.0), source=Source("me", "1", "phone", "phone")
        )
        await elsewhere.notice(player, report, room.me.id)
        await room.wait(300)
        both = [
            WebhookReport(notice=Notice(NoticeKind.STOPPED, room.now, SONG, 300.0), source=report.source),
            WebhookReport(notice=Notice(NoticeKind.STARTED, room.now, OTHER, 0.0), source=report.source),
        ]
        notices = (
            clocks.notice(player, told, room.me.id)
            for clocks, told in zip((elsewhere, room.deck.listening_clocks), both, strict=True)
        )
        await asyncio.gather(*notices)
        (play,) = await room.history()
        assert 300 <= play.play.played < 500  # here time passes while nobody does anything
        await elsewhere.close()


async def test_the_next_song_ends_the_one_before(house: House) -> None:
    async with house.open(deliver=False) as room:
        player = await jellyfin(room)
        await tell(room, player, NoticeKind.STARTED, 0)
        await room.wait(400)
        await tell(room, player, NoticeKind.STARTED, 0, OTHER)
        (play,) = await room.history()
        assert play.play.track.title == "Sinnerman"
        assert 400 <= play.play.played < 500  # here time passes while nobody does anything
        shown = room.deck.shows.current(room.me.id)
        assert shown is not None
        assert shown.track == "Halleluwah"
