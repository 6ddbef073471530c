"""Plays become records of Rocksky, over HTTP. What answers mean, and sessions, are tested with teal.fm's records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.listenbrainz.plays import AGENT, MBID, NOW, PLAYS, QUICK
from tests.stand_ins import Fault, PdsStandIn, Stored
from tests.stand_ins.pds import did_of
from tonearm.atproto.record import RecordCode
from tonearm.core.play import Play, Track
from tonearm.core.verdict import Answered, Cause, ItemAnswer, SessionEnded, Split, Unsure, Verdict
from tonearm.rocksky import ROCKSKY, RockskyClient
from tonearm.tealfm import TealClient

pytestmark = pytest.mark.anyio

ANNA, PASSWORD = "anna.example.org", "ez5g-3ik7-zt4q-znvo"
DID = did_of(ANNA)
TOKEN = json.dumps({"did": DID, "password": PASSWORD})
VITAMIN = Stored(ANNA, NOW - 2000, "Can", "Vitamin C", "Ege Bamyasi", 214)


@pytest.fixture
def server() -> Iterator[PdsStandIn]:
    with PdsStandIn(lambda: NOW) as started:
        started.users[PASSWORD] = ANNA
        yield started


def client(url: str) -> RockskyClient:
    return RockskyClient(url, user_agent=AGENT, patience=QUICK, now=lambda: NOW)


async def submitted(server: PdsStandIn, play: Play = PLAYS[1]) -> Verdict:
    async with client(server.url) as rocksky:
        return await rocksky.submit([play], TOKEN, live=True)


async def test_a_record_has_all_that_is_required_and_all_that_is_known(server: PdsStandIn) -> None:
    known = replace(PLAYS[1].track, album_artist="Can & Friends", track_number=6)
    await submitted(server, replace(PLAYS[1], track=known))
    bare = Track("Broadcast", "Tender Buttons", "Tender Buttons", duration=0.3, track_number=0, mbid="no id")
    await submitted(server, Play(bare, NOW, 0.5))
    assert list(server.records.values()) == [
        {
            "$type": "app.rocksky.scrobble",
            "title": "Vitamin C",
            "artist": "Can",
            "album": "Ege Bamyasi",
            "albumArtist": "Can & Friends",
            "duration": 214_000,
            "trackNumber": 6,
            "mbid": MBID,
            "createdAt": "2026-11-18T10:33:20Z",
        },
        {
            "$type": "app.rocksky.scrobble",
            "title": "Tender Buttons",
            "artist": "Broadcast",
            "album": "Tender Buttons",
            "albumArtist": "Broadcast",
            "duration": 0,
            "createdAt": "2026-11-18T11:06:40Z",
        },
    ]


async def test_names_are_cut_where_a_record_ends(server: PdsStandIn) -> None:
    await submitted(server, Play(Track("x" * 257, "Ж" * 300, "y" * 256), NOW, 0.5))
    (record,) = server.records.values()
    assert record["artist"] == record["albumArtist"] == "x" * 253 + "…"
    assert record["title"] == "Ж" * 254 + "…"
    assert len(record["title"].encode()) <= 512
    assert record["album"] == "y" * 256


@pytest.mark.parametrize(
    ("track", "code", "reason"),
    [
        (Track("\x07", "x", "y"), RecordCode.NAMELESS, "Rocksky needs an artist and a title"),
        (Track("x", "\x07", "y"), RecordCode.NAMELESS, "Rocksky needs an artist and a title"),
        (Track("x", "y"), RecordCode.NO_ALBUM, "Rocksky needs the album"),
    ],
)
async def test_a_play_that_can_be_no_record_is_ignored_without_a_request(
    server: PdsStandIn, track: Track, code: RecordCode, reason: str
) -> None:
    assert await submitted(server, Play(track, NOW, 0.5)) == Answered((ItemAnswer(code, reason),), from_server=False)
    assert server.seen == []


async def test_a_play_is_there_once_however_often_it_is_sent(server: PdsStandIn) -> None:
    async with client(server.url) as rocksky:
        await rocksky.playing_now(Track("Can", "Vitamin C"), TOKEN)  # opens the session
        server.fail_next(Fault.LOST_ANSWER, Fault.BROKEN)
        assert isinstance(await rocksky.submit([PLAYS[1]], TOKEN, live=True), Unsure)
        broken = await rocksky.submit([PLAYS[1]], TOKEN, live=True)
        assert broken == Split(Cause(500, "Internal Server Error", "Rocksky"), may_be_there=True)
        assert isinstance(await rocksky.submit([PLAYS[1]], TOKEN, live=False), Answered)
    assert server.stored == [VITAMIN]


async def test_the_same_play_is_a_record_of_each_service(server: PdsStandIn) -> None:
    await submitted(server)
    async with TealClient(server.url, user_agent=AGENT) as teal:
        await teal.submit([PLAYS[1]], TOKEN, live=True)
    assert [collection for _, collection, _ in server.records] == ["app.rocksky.scrobble", "fm.teal.feed.play"]
    assert server.stored == [VITAMIN, VITAMIN]


async def test_what_is_playing_now_ends_by_itself(server: PdsStandIn) -> None:
    async with client(server.url) as rocksky:
        await rocksky.playing_now(Track("Can", "Spoon", "Ege Bamyasi", duration=183.4, mbid=MBID.upper()), TOKEN)
        (spoon,) = server.records.values()
        await rocksky.playing_now(Track("Can", "Pnoom"), TOKEN)
        silent = await rocksky.playing_now(Track("Can", ""), TOKEN)
    assert spoon == {
        "$type": "app.rocksky.actor.status",
        "track": {
            "name": "Spoon",
            "artist": "Can",
            "album": "Ege Bamyasi",
            "durationMs": 183_400,
            "recordingMbId": MBID,
            "source": "tonearm",
        },
        "startedAt": "2026-11-18T11:06:40Z",
        "expiresAt": "2026-11-18T11:09:43Z",
    }
    assert server.records == {
        (DID, "app.rocksky.actor.status", "self"): {
            "$type": "app.rocksky.actor.status",
            "track": {"name": "Pnoom", "artist": "Can", "source": "tonearm"},
            "startedAt": "2026-11-18T11:06:40Z",
            "expiresAt": "2026-11-18T11:16:40Z",
        }
    }
    assert silent == Answered(
        (ItemAnswer(RecordCode.NAMELESS, "Rocksky needs an artist and a title"),), from_server=False
    )


async def test_a_sign_in_that_is_rejected_names_the_service(server: PdsStandIn) -> None:
    server.users.clear()
    words = "the server rejects the sign-in: Invalid identifier or password"
    assert await submitted(server) == SessionEnded(Cause(None, words, "Rocksky"))
    assert ROCKSKY.service == "Rocksky"
