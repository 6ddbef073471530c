"""When a play began whose player sends only its end: when the same player announced it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.service.conftest import House, Room
from tonearm.core.play import Track
from tonearm.ingest.incoming import Incoming
from tonearm.ingest.listenbrainz import ListenSubmission, parse_submission
from tonearm.service.player_reports import PAUSES, Begun
from tonearm.service.players import PlayerKind
from tonearm.store.players import StoredPlayer

pytestmark = pytest.mark.anyio

MOPIDY = {
    "media_player": "Mopidy",
    "submission_client": "Mopidy-Listenbrainz",
    "submission_client_version": "0.3.0",
}
"""What Mopidy-Listenbrainz 0.3.0 really sends: no length, and the time at which a track has ended."""


def sent(kind: str, title: str, **more: Any) -> bytes:
    metadata = {"track_name": title, "artist_name": "Artist Two", "release_name": "Second", "additional_info": MOPIDY}
    return json.dumps({"listen_type": kind, "payload": [{"track_metadata": metadata, **more}]}).encode()


async def submit(room: Room, player: StoredPlayer, body: bytes) -> list[Incoming]:
    read = parse_submission(body, room.now, "Mopidy-Listenbrainz/0.3.0 Mopidy/3.4.1 CPython/3.11.2")
    assert isinstance(read, ListenSubmission)
    if read.playing_now:
        await room.deck.player_reports.announce(player, read.playing_now)
    await room.deck.player_reports.report(player, read.plays)
    return read.plays


async def test_a_song_played_twice_by_mopidy_begins_twice_when_it_was_announced(house: House) -> None:
    async with house.open(deliver=False) as room:
        await room.sign_in()
        player = (await room.deck.players.add(room.me.id, "Mopidy", PlayerKind.LISTENBRAINZ)).player
        starts: list[int] = []
        for _ in range(2):
            starts.append(int(room.now))
            await submit(room, player, sent("playing_now", "Beta"))
            await room.wait(36)
            [play] = await submit(room, player, sent("single", "Beta", listened_at=int(room.now)))
            await submit(room, player, sent("playing_now", "Gamma"))
            await room.wait(1)
        history = await room.history()
        assert [one.fate for one in history] == ["queued", "queued"]
        assert all(abs(one.play.timestamp - at) <= 1 for one, at in zip(history, starts, strict=True))
        await room.deck.player_reports.report(player, [play])  # sent again: the answer was lost
        assert len(await room.history()) == 2


async def test_a_pause_before_the_end_does_not_move_the_start(house: House) -> None:
    async with house.open(deliver=False) as room:
        await room.sign_in()
        player = (await room.deck.players.add(room.me.id, "Mopidy", PlayerKind.LISTENBRAINZ)).player
        start = int(room.now)
        await submit(room, player, sent("playing_now", "Beta"))
        await room.wait(1500)
        await submit(room, player, sent("single", "Beta", listened_at=int(room.now)))
        [waited] = await room.history()
        assert abs(waited.play.timestamp - start) <= 1


TRACK, NEXT, THIRD = (Track("Can", title, duration=200.0) for title in ("Spoon", "Vitamin C", "Halleluwah"))


def test_an_announcement_that_is_repeated_is_no_new_start() -> None:
    begun = Begun()
    for now in (0, 60, 120):
        begun.note(TRACK, now)
    begun.note(NEXT, 199)
    assert begun.since(TRACK, 200) == 200
    assert begun.since(TRACK, 200) is None, "each start is for one play"


def test_a_track_that_was_left_and_comes_again_begins_again() -> None:
    begun = Begun()
    for track, now in ((TRACK, 0), (NEXT, 20), (TRACK, 50)):
        begun.note(track, now)
    assert begun.since(TRACK, 250) == 200
    begun.note(TRACK, 0)
    begun.note(TRACK, PAUSES + 500)
    assert begun.since(TRACK, PAUSES + 700) == 200


@pytest.mark.parametrize("now", [20, 89, PAUSES + 201])
def test_what_cannot_be_the_start_is_not_taken_for_it(now: float) -> None:
    begun = Begun()
    begun.note(TRACK, 0)
    assert begun.since(TRACK, now) is None


def test_only_the_latest_two_are_remembered() -> None:
    begun = Begun()
    for track in (TRACK, NEXT, THIRD):
        begun.note(track, 0)
    assert [begun.since(track, 200) for track in (TRACK, NEXT, THIRD)] == [None, 200, 200]
