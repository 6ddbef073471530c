"""Plays become records of teal.fm, over HTTP: what is there afterwards, and what the answers mean."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.lastfm.loopback import answering, hanging_up, nobody, serving
from tests.listenbrainz.plays import AGENT, MBID, NOW, PLAYS, QUICK
from tests.stand_ins import Fault, MalojaStandIn, PdsStandIn, Stored
from tests.stand_ins.pds import did_of
from tonearm.atproto import BLUESKY_URL
from tonearm.atproto.record import RecordCode, reason_of, record_key
from tonearm.core.destination import AccessPart, TokenCheck
from tonearm.core.play import Play, Track
from tonearm.core.verdict import (
    Answered,
    Cause,
    ItemAnswer,
    Later,
    Scope,
    SessionEnded,
    Split,
    Throttled,
    Unsure,
    Verdict,
)
from tonearm.tealfm import TEALFM, TealClient
from tonearm.version import __version__

pytestmark = pytest.mark.anyio

ANNA, PASSWORD = "anna.example.org", "ez5g-3ik7-zt4q-znvo"
DID = did_of(ANNA)
TOKEN = json.dumps({"did": DID, "password": PASSWORD})
VITAMIN = Stored(ANNA, NOW - 2000, "Can", "Vitamin C", "Ege Bamyasi", 214)


@pytest.fixture
def server() -> Iterator[PdsStandIn]:
    with PdsStandIn(lambda: NOW) as started:
        started.users[PASSWORD] = ANNA
        started.own["the password of the account"] = ANNA
        yield started


def client(url: str, **options: Any) -> TealClient:
    return TealClient(url, user_agent=AGENT, patience=QUICK, now=lambda: NOW, **options)


async def submitted(server: PdsStandIn, play: Play = PLAYS[1], token: str = TOKEN) -> Verdict:
    async with client(server.url) as teal:
        return await teal.submit([play], token, live=True)


async def checked(url: str, name: str = ANNA, password: str = PASSWORD) -> tuple[TokenCheck, str]:
    async with client(url) as teal:
        return await teal.log_in(name, password)


async def test_what_is_answered_as_accepted_is_there(server: PdsStandIn) -> None:
    verdict = await submitted(server)
    assert verdict == Answered((ItemAnswer(0),))
    assert isinstance(verdict, Answered)
    assert verdict.at == NOW
    assert server.stored == [VITAMIN]


async def test_a_record_says_all_that_is_known_and_nothing_else(server: PdsStandIn) -> None:
    await submitted(server)
    await submitted(server, Play(Track("Broadcast", "Tender Buttons", duration=0.3, mbid="no id"), NOW, 0.5))
    full, bare = server.records.values()
    assert full == {
        "$type": "fm.teal.feed.play",
        "trackName": "Vitamin C",
        "artists": [{"artistName": "Can"}],
        "releaseName": "Ege Bamyasi",
        "duration": 214,
        "playedTime": "2026-11-18T10:33:20Z",
        "recordingMbId": f"mbid:{MBID}",
        "submissionClientAgent": f"tonearm/{__version__}",
    }
    assert bare == {
        "$type": "fm.teal.feed.play",
        "trackName": "Tender Buttons",
        "artists": [{"artistName": "Broadcast"}],
        "playedTime": "2026-11-18T11:06:40Z",
        "submissionClientAgent": f"tonearm/{__version__}",
    }


async def test_names_are_cut_where_a_record_ends(server: PdsStandIn) -> None:
    title = "Ж" * 200
    await submitted(server, Play(Track("A\x07rtist", title), NOW, 0.5))
    (record,) = server.records.values()
    assert record["artists"] == [{"artistName": "Artist"}]
    assert record["trackName"] == "Ж" * 126 + "…"
    assert len(record["trackName"].encode()) <= 256
    await submitted(server, Play(Track("x" * 256, "y" * 257), NOW, 0.5))
    *_, record = server.records.values()
    assert record["artists"] == [{"artistName": "x" * 256}]
    assert record["trackName"] == "y" * 253 + "…"


async def test_a_play_that_can_be_no_record_is_left_out_without_a_request(server: PdsStandIn) -> None:
    verdict = await submitted(server, Play(Track("\x07", "x"), NOW, 0.5))
    assert verdict == Answered(
        (ItemAnswer(RecordCode.NAMELESS, "teal.fm needs an artist and a title"),), from_server=False
    )
    async with client(server.url) as teal:
        silent = await teal.playing_now(Track("x", "\x07"), TOKEN)
        assert isinstance(silent, Answered)
        assert silent.items[0].ignored_code == RecordCode.NAMELESS
    assert server.seen == []


def began(key: str) -> int:
    """The second that a key names. https://atproto.com/specs/tid"""
    assert len(key) == 13
    number = 0
    for digit in key:
        number = number * 32 + "234567abcdefghijklmnopqrstuvwxyz".index(digit)
    assert number < 2**63
    return (number >> 10) // 1_000_000


async def test_a_key_is_the_same_for_the_same_play_and_another_for_any_other() -> None:
    play = PLAYS[1]
    assert record_key(play) == record_key(replace(play, played=1.0))
    assert began(record_key(play)) == play.timestamp
    others = [
        play,
        replace(play, timestamp=play.timestamp + 1),
        replace(play, track=replace(play.track, title="Spoon")),
        replace(play, track=replace(play.track, artist="CAN")),
    ]
    keys = [record_key(one) for one in others]
    assert len(set(keys)) == 4
    assert record_key(replace(play, timestamp=play.timestamp - 1)) < keys[0] < keys[1]


async def test_a_play_is_there_once_however_often_it_is_sent(server: PdsStandIn) -> None:
    async with client(server.url) as teal:
        await teal.playing_now(Track("Can", "Vitamin C"), TOKEN)  # opens the session
        server.fail_next(Fault.LOST_ANSWER, Fault.BROKEN, Fault.CUT)
        assert isinstance(await teal.submit([PLAYS[1]], TOKEN, live=True), Unsure)
        broken = await teal.submit([PLAYS[1]], TOKEN, live=True)
        assert broken == Split(Cause(500, "Internal Server Error", "teal.fm"), may_be_there=True)
        assert isinstance(await teal.submit([PLAYS[1]], TOKEN, live=True), Unsure)
        assert isinstance(await teal.submit([PLAYS[1]], TOKEN, live=False), Answered)
    assert server.stored == [VITAMIN]


async def test_one_session_serves_many_plays_and_is_opened_again_when_it_is_over(server: PdsStandIn) -> None:
    async with client(server.url) as teal:
        for play in PLAYS[:2]:
            assert isinstance(await teal.submit([play], TOKEN, live=True), Answered)
        server.end_sessions()
        assert isinstance(await teal.submit([PLAYS[2]], TOKEN, live=True), Answered)
    asked = [one.path.rpartition(".")[2] for one in server.seen]
    assert asked == ["createSession", "putRecord", "putRecord", "putRecord", "createSession", "putRecord"]
    assert len(server.stored) == 3


async def test_a_session_that_never_works_ends_the_sign_in(server: PdsStandIn) -> None:
    async with client(server.url) as teal:
        await teal.submit([PLAYS[0]], TOKEN, live=True)
        server.fault = Fault.REVOKED
        words = "the server rejects the sign-in: Invalid identifier or password"
        assert await teal.submit([PLAYS[1]], TOKEN, live=True) == SessionEnded(Cause(None, words, "teal.fm"))
        server.fault = Fault.NONE
        server.fail_next(Fault.NONE, Fault.REVOKED)
        expired = "the server rejects the sign-in: Token has expired"
        assert await teal.submit([PLAYS[1]], TOKEN, live=True) == SessionEnded(Cause(None, expired, "teal.fm"))
    assert len(server.stored) == 1


async def test_an_account_that_is_gone_holds_the_plays(server: PdsStandIn) -> None:
    server.gone.add(ANNA)
    words = "the server rejects the sign-in: Account is deactivated"
    assert await submitted(server) == SessionEnded(Cause(None, words, "teal.fm"))
    assert await checked(server.url) == (TokenCheck(trouble="this account is deactivated"), "")


@pytest.mark.parametrize("token", ["", "a-token", "{}", '{"did": 1, "password": "x"}', "[]", "null"])
async def test_a_stored_sign_in_that_cannot_be_read_ends(server: PdsStandIn, token: str) -> None:
    assert isinstance(await submitted(server, token=token), SessionEnded)
    async with client(server.url) as teal:
        assert (await teal.validate(token)).trouble == "sign in with your handle and an app password"
    assert server.seen == []


async def test_what_failed_before_a_record_was_written_is_known_not_to_be_there(server: PdsStandIn) -> None:
    for fault in (Fault.OUTAGE, Fault.GATEWAY, Fault.PAGE, Fault.HANG_UP, Fault.BROKEN):
        server.fail_next(fault)
        assert isinstance(await submitted(server), Later), fault
    server.fail_next(Fault.THROTTLED)
    cause = Cause(429, "Rate Limit Exceeded", "teal.fm")
    assert await submitted(server) == Throttled(Scope.ADDRESS, cause, 7.0)
    server.fail_next(Fault.BAD_REQUEST)
    assert isinstance(await submitted(server), SessionEnded)
    assert server.stored == []
    assert await submitted(server) == Answered((ItemAnswer(0),))


async def test_what_an_answer_to_a_record_means(server: PdsStandIn) -> None:
    meant: dict[Fault, Verdict] = {
        Fault.OUTAGE: Later(Cause(503, "Not Enough Resources", "teal.fm")),
        Fault.GATEWAY: Unsure(Cause(None, "HTTP 502 with a page instead of an answer", "teal.fm")),
        Fault.PAGE: Unsure(Cause(None, "HTTP 200 with a page instead of an answer", "teal.fm")),
        Fault.THROTTLED: Throttled(Scope.ADDRESS, Cause(429, "Rate Limit Exceeded", "teal.fm"), 7.0),
        Fault.BAD_REQUEST: Split(Cause(400, "Invalid record", "teal.fm")),
    }
    async with client(server.url) as teal:
        await teal.submit([PLAYS[0]], TOKEN, live=True)
        for fault, verdict in meant.items():
            server.fail_next(fault)
            assert await teal.submit([PLAYS[1]], TOKEN, live=True) == verdict
    assert len(server.stored) == 1


async def test_what_is_playing_now_ends_by_itself(server: PdsStandIn) -> None:
    async with client(server.url) as teal:
        await teal.playing_now(Track("Can", "Vitamin C", duration=214.0), TOKEN)
        await teal.playing_now(Track("Can", "Spoon"), TOKEN)
    about = {"artists": [{"artistName": "Can"}], "submissionClientAgent": f"tonearm/{__version__}"}
    assert server.records == {
        (DID, "fm.teal.actor.status", "self"): {
            "$type": "fm.teal.actor.status",
            "time": "2026-11-18T11:06:40Z",
            "expiry": "2026-11-18T11:16:40Z",
            "item": {"trackName": "Spoon", **about},
        }
    }
    assert json.loads(server.seen[1].body)["record"]["expiry"] == "2026-11-18T11:10:14Z"
    assert server.stored == []


async def test_hearts_have_no_place_there(server: PdsStandIn) -> None:
    async with client(server.url) as teal:
        assert not teal.hearts
        verdict = await teal.feedback(PLAYS[0].track, TOKEN, loved=True)
    assert verdict == Answered(
        (ItemAnswer(RecordCode.NO_HEARTS, "tonearm sends no hearts to teal.fm"),), from_server=False
    )
    assert server.seen == []
    assert reason_of("teal.fm", 99, "why") == "teal.fm skipped it (why)"
    assert TEALFM.reason(PLAYS[0], 99, "", NOW) == "teal.fm skipped it"


async def test_signing_in_names_the_handle_and_stores_what_outlives_it(server: PdsStandIn) -> None:
    found, token = await checked(server.url, f" @{ANNA} ", f" {PASSWORD}\n")
    assert found == TokenCheck(user=ANNA)
    assert json.loads(token) == {"did": DID, "password": PASSWORD}
    async with client(server.url) as teal:
        assert await teal.validate(token) == TokenCheck(user=ANNA)
        del server.users[PASSWORD]
        assert (await teal.validate(token)).trouble == "the server rejects the sign-in: Invalid identifier or password"


async def test_only_an_app_password_is_accepted(server: PdsStandIn) -> None:
    found, token = await checked(server.url, password="the password of the account")
    assert found.trouble == "this is your account's password: make an app password and enter that instead"
    assert token == ""
    factor = b'{"error": "AuthFactorTokenRequired", "message": "A sign in code has been sent"}'
    with serving(answering(factor, "401 X")) as loopback:
        found, _ = await checked(loopback.url)
    assert found.trouble == "enter an app password, not the password of your account"


async def test_why_a_sign_in_is_rejected_in_words_for_the_listener(server: PdsStandIn) -> None:
    assert (await checked(server.url, password=" "))[0].trouble == "enter your handle and an app password"
    assert (await checked(server.url, name="@"))[0].trouble == "enter your handle and an app password"
    assert server.seen == []
    found, token = await checked(server.url, password="wrong")
    assert found == TokenCheck(trouble="the server rejects the sign-in: Invalid identifier or password")
    assert token == ""
    server.fault = Fault.OUTAGE
    found, _ = await checked(server.url)
    assert found == TokenCheck(trouble="the server can't check it now (HTTP 503): try again later", passing=True)
    with MalojaStandIn() as maloja:
        found, _ = await checked(maloja.url)
    assert found.part is AccessPart.ADDRESS
    assert found.trouble.startswith("the server there doesn't host accounts for teal.fm (HTTP 404")
    found, _ = await checked(nobody())
    assert (found.passing, found.part) == (True, AccessPart.ADDRESS)
    with serving(answering(b"", "301 X", "Location: https://pds.example.org/")) as loopback:
        found, _ = await checked(loopback.url)
        assert found.part is AccessPart.ADDRESS
        async with client(loopback.url) as teal:
            assert isinstance(await teal.submit([PLAYS[0]], TOKEN, live=True), Later)


async def test_a_host_that_is_away_keeps_the_plays(server: PdsStandIn) -> None:
    async with client(nobody()) as teal:
        assert isinstance(await teal.submit([PLAYS[0]], TOKEN, live=True), Later)
    with serving(hanging_up) as loopback:
        async with client(loopback.url) as teal:
            assert isinstance(await teal.submit([PLAYS[0]], TOKEN, live=True), Later)


async def test_an_answer_for_another_account_is_not_believed(server: PdsStandIn) -> None:
    session = {"did": "did:plc:somebodyelse", "handle": "handle.invalid", "accessJwt": "a.b.c"}
    with serving(answering(json.dumps(session).encode())) as loopback:
        async with client(loopback.url) as teal:
            verdict = await teal.submit([PLAYS[0]], TOKEN, live=True)
        assert verdict == Later(Cause(None, "HTTP 200 with an unrelated answer", "teal.fm"))
        found, _ = await checked(loopback.url)
    assert found == TokenCheck(user="did:plc:somebodyelse")


async def test_the_password_is_in_no_address_and_no_message(server: PdsStandIn) -> None:
    await submitted(server)
    opened, written = server.seen
    assert PASSWORD not in opened.path + written.path + str(written.headers) + written.body.decode()
    assert written.headers["user-agent"] == AGENT
    echo = json.dumps({"error": "InvalidRequest", "message": f"no {PASSWORD} here"}).encode()
    with serving(answering(echo, "400 X")) as loopback:
        async with client(loopback.url) as teal:
            verdict = await teal.submit([PLAYS[0]], TOKEN, live=True)
        found, _ = await checked(loopback.url)
    assert PASSWORD not in f"{verdict}{found}"


async def test_the_address_is_taken_as_people_enter_it() -> None:
    addresses = {
        "https://pds.example.org/": "https://pds.example.org",
        " https://pds.example.org/xrpc/ ": "https://pds.example.org",
        "https://bsky.app": BLUESKY_URL,
        BLUESKY_URL: BLUESKY_URL,
    }
    for entered, used in addresses.items():
        assert client(entered).address == used
    with pytest.raises(ValueError, match="must start with https"):
        client("pds.example.org")


async def test_a_request_holds_one_play(server: PdsStandIn) -> None:
    async with client(server.url) as teal:
        with pytest.raises(ValueError, match="one play per request, not 2"):
            await teal.submit(PLAYS[:2], TOKEN, live=True)


async def test_each_request_waits_for_its_turn_and_tells_the_time(server: PdsStandIn) -> None:
    turns: list[int] = []
    times: list[float] = []

    async def pace() -> None:
        turns.append(len(server.seen))

    async with client(server.url, pace=pace, on_date=lambda at, took: times.append(at)) as teal:
        await teal.submit([PLAYS[0]], TOKEN, live=True)
    assert turns == [0, 1]
    assert times == [NOW, NOW]


async def test_sessions_do_not_fill_the_memory(server: PdsStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tonearm.atproto.client.MAX_SESSIONS", 1)
    server.users["another"] = "ben.example.org"
    other = json.dumps({"did": did_of("ben.example.org"), "password": "another"})
    async with client(server.url) as teal:
        for token in (TOKEN, other, TOKEN):
            assert isinstance(await teal.submit([PLAYS[0]], token, live=True), Answered)
    assert [one.path.rpartition(".")[2] for one in server.seen].count("createSession") == 3
