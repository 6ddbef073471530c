"""What media servers say of their devices becomes plays, each with the seconds that were really heard."""

from __future__ import annotations

import pytest

from tests.service.conftest import House, Room
from tonearm.core.play import Track
from tonearm.core.session import Notice, NoticeKind
from tonearm.ingest.webhook import Source, WebhookReport
from tonearm.service.players import PlayerKind
from tonearm.store.players import StoredPlayer

pytestmark = pytest.mark.anyio

SONG = Track("Nina Simone", "Sinnerman", duration=620.0)


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


async def test_pauses_are_no_listening_and_two_devices_have_two_clocks(house: House) -> None:
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


async def test_a_listening_whose_stop_never_comes_is_kept_all_the_same(house: House) -> None:
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


async def test_the_next_song_ends_the_one_before(house: House) -> None:
    async with house.open(deliver=False) as room:
        player = await jellyfin(room)
        await tell(room, player, NoticeKind.STARTED, 0)
        await room.wait(400)
        await tell(room, player, NoticeKind.STARTED, 0, Track("Can", "Halleluwah", duration=1100.0))
        (play,) = await room.history()
        assert play.play.track.title == "Sinnerman"
        assert 400 <= play.play.played < 500  # here time passes while nobody does anything
        shown = room.deck.shows.current(room.me.id)
        assert shown is not None
        assert shown.track == "Halleluwah"
