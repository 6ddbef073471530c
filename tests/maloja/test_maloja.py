"""Plays go to Maloja one by one, over HTTP: what it has afterwards, and what its answers mean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.lastfm.loopback import answering, hanging_up, nobody, serving
from tests.listenbrainz.plays import AGENT, NOW, PLAYS, QUICK
from tests.stand_ins import Fault, ListenBrainzStandIn, MalojaStandIn, Stored
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
from tonearm.maloja import MALOJA, MalojaClient
from tonearm.maloja.rules import MalojaCode

pytestmark = pytest.mark.anyio

KEY = "pYZwzjr5CL8d5bHhCQqd9dIDOv8bA5D1O8OIutnLKgw7dbGCFYCyGLNhoY4aKuNC"
VITAMIN = Stored("", NOW - 2000, "Can", "Vitamin C", "Ege Bamyasi", 214)


@pytest.fixture
def server() -> Iterator[MalojaStandIn]:
    with MalojaStandIn(lambda: NOW) as started:
        started.users[KEY] = "tonearm"
        yield started


def client(url: str, **options: Any) -> MalojaClient:
    return MalojaClient(url, user_agent=AGENT, patience=QUICK, **options)


async def submitted(server: MalojaStandIn, play: Play = PLAYS[1], key: str = KEY) -> Verdict:
    async with client(server.url) as maloja:
        return await maloja.submit([play], key, live=True)


async def test_what_is_answered_as_accepted_is_there(server: MalojaStandIn) -> None:
    verdict = await submitted(server)
    assert verdict == Answered((ItemAnswer(0),))
    assert isinstance(verdict, Answered)
    assert verdict.at == NOW
    assert server.stored == [VITAMIN]


async def test_a_play_says_all_that_is_known_and_nothing_else(server: MalojaStandIn) -> None:
    await submitted(server)
    await submitted(server, Play(Track("Broadcast", "Tender Buttons", album_artist="x"), NOW, 0.5))
    full, bare = (asked.json() for asked in server.seen)
    assert full == {
        "artists": ["Can"],
        "title": "Vitamin C",
        "album": "Ege Bamyasi",
        "albumartists": ["Can & Friends"],
        "time": NOW - 2000,
        "length": 214,
        "duration": 214,
        "nofix": True,
        "key": KEY,
    }
    assert bare == {"artists": ["Broadcast"], "title": "Tender Buttons", "time": NOW, "nofix": True, "key": KEY}


async def test_the_key_is_in_no_address(server: MalojaStandIn) -> None:
    async with client(server.url) as maloja:
        await maloja.submit(PLAYS[:1], KEY, live=True)
        await maloja.validate(KEY)
    assert [(asked.method, asked.query) for asked in server.seen] == [("POST", {}), ("POST", {})]
    assert server.seen[0].headers["user-agent"] == AGENT


async def test_a_play_that_is_there_is_accepted_however_often_it_is_sent(server: MalojaStandIn) -> None:
    server.fail_next(Fault.LOST_ANSWER, Fault.BROKEN)
    assert isinstance(await submitted(server), Unsure)
    verdict = await submitted(server)
    assert isinstance(verdict, Answered)
    assert verdict.items[0].ignored_code == 0
    assert verdict.items[0].message.startswith("This scrobble exists in the database")
    assert server.stored == [VITAMIN]


async def test_a_play_that_fails_half_way_is_sent_again_and_is_there_once(server: MalojaStandIn) -> None:
    server.fail_next(Fault.BROKEN)
    cause = Cause(500, "The server has encountered an exception.", "Maloja")
    assert await submitted(server) == Split(cause, may_be_there=True)
    assert isinstance(await submitted(server), Answered)
    assert server.stored == [VITAMIN]


async def test_another_play_of_the_same_second_is_left_out_for_good_with_the_reason(server: MalojaStandIn) -> None:
    await submitted(server)
    other = replace(PLAYS[0], timestamp=NOW - 2000)
    verdict = await submitted(server, other)
    words = "A scrobble is already registered with this timestamp."
    assert verdict == Answered((ItemAnswer(MalojaCode.SECOND_TAKEN, words),))
    why = "Maloja has another play that started in the same second, and keeps only one"
    assert MALOJA.reason(other, MalojaCode.SECOND_TAKEN, words, NOW) == why
    assert server.stored == [VITAMIN]


async def test_a_wrong_key_holds_the_plays_and_says_why(server: MalojaStandIn) -> None:
    verdict = await submitted(server, key="another")
    words = "Maloja rejects the API key: Invalid or missing authentication"
    assert verdict == SessionEnded(Cause(None, words, "Maloja"))


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault.OUTAGE, Later),
        (Fault.GATEWAY, Unsure),
        (Fault.PAGE, Unsure),
        (Fault.HANG_UP, Unsure),
        (Fault.CUT, Unsure),
        (Fault.BAD_REQUEST, Split),
    ],
)
async def test_after_each_fault_the_play_is_there_once(
    server: MalojaStandIn, fault: Fault, kind: type[Verdict]
) -> None:
    server.fail_next(fault)
    assert isinstance(await submitted(server), kind)
    await submitted(server)
    assert server.stored == [VITAMIN]


async def test_too_many_requests_wait(server: MalojaStandIn) -> None:
    server.fault = Fault.THROTTLED
    verdict = await submitted(server)
    assert isinstance(verdict, Throttled)
    assert (verdict.scope, verdict.retry_after) == (Scope.ADDRESS, 7.0)


async def test_without_a_listening_port_nothing_was_sent() -> None:
    async with client(nobody()) as maloja:
        assert isinstance(await maloja.submit(PLAYS[:1], KEY, live=True), Later)
        assert (await maloja.validate(KEY)).passing


async def test_a_broken_connection_leaves_the_delivery_unsure() -> None:
    with serving(hanging_up) as server:
        async with client(server.url) as maloja:
            assert isinstance(await maloja.submit(PLAYS[:1], KEY, live=True), Unsure)


@pytest.mark.parametrize("plays", [(), PLAYS])
async def test_one_play_goes_in_a_request(server: MalojaStandIn, plays: tuple[Play, ...]) -> None:
    assert MALOJA.batch == 1
    async with client(server.url) as maloja:
        with pytest.raises(ValueError, match=f"one play per request, not {len(plays)}"):
            await maloja.submit(plays, KEY, live=False)


async def test_what_it_does_not_support_is_answered_without_a_request(server: MalojaStandIn) -> None:
    async with client(server.url) as maloja:
        playing = await maloja.playing_now(PLAYS[0].track, KEY)
        heart = await maloja.feedback(PLAYS[0].track, KEY, loved=True)
    no_place = ItemAnswer(MalojaCode.NO_PLAYING_NOW, "Maloja doesn't show what's playing")
    assert playing == Answered((no_place,), from_server=False)
    assert heart == Answered((ItemAnswer(MalojaCode.NO_HEARTS, "Maloja doesn't support hearts"),), from_server=False)
    assert server.seen == []


ANSWERS: list[tuple[str, bytes, tuple[str, ...], type[Verdict], float | None, str]] = [
    ("200 OK", b'{"error":"Not found"}', (), Unsure, None, "HTTP 200 with an unrelated answer"),
    ("200 OK", b"[]", (), Unsure, None, "HTTP 200 with a body that can't be read"),
    ("301 Moved", b"", ("Location: https://127.0.0.1/",), Later, None, "HOST requires https"),
    ("400 Bad", b'{"error":{"type":7,"desc":8}}', (), Split, None, "Maloja error 400: no message"),
    ("400 Bad", b"<html>", (), Unsure, None, "HTTP 400 with a page"),
    ("401 No", b'{"error":"x"}', (), Later, None, "Maloja error 401: x"),
    ("403 No", b"<html>", (), Unsure, None, "HTTP 403 with a page"),
    ("404 Not Found", b"<html></html>", (), Later, None, "HTTP 404 with a page instead of an answer"),
    ("409 No", b'{"error":{"type":"entity_exists","desc":"x"}}', (), Split, None, "Maloja error 409: x"),
    ("413 Large", b"<html></html>", (), Split, None, "Maloja error 413: a page instead of an answer"),
    ("500 Oops", b"", (), Split, None, "Maloja error 500: an empty body"),
    ("502 Bad", b'{"error":"x"}', (), Unsure, None, "Maloja error 502: x"),
    ("503 Away", b'{"error":{"desc":"x"}}', ("Retry-After: 30",), Later, 30.0, "Maloja error 503: x"),
]


@pytest.mark.parametrize(("status", "body", "headers", "kind", "wait", "words"), ANSWERS)
async def test_each_answer_means_one_thing(
    status: str, body: bytes, headers: tuple[str, ...], kind: type[Verdict], wait: float | None, words: str
) -> None:
    with serving(answering(body, status, *headers)) as server:
        root = server.url.removesuffix("/2.0/")
        async with client(root) as maloja:
            verdict = await maloja.submit(PLAYS[:1], KEY, live=False)
    assert isinstance(verdict, kind)
    assert getattr(verdict, "retry_after", None) == wait
    assert not isinstance(verdict, Answered)
    assert str(verdict.cause).startswith(words.replace("HOST", root.removeprefix("http://")))


@pytest.mark.parametrize(
    ("warnings", "words"),
    [
        ('[{"desc":"a"},{"desc":"b"}]', "a b"),
        ('[{"desc":7},8,{}]', ""),
        ("7", ""),
    ],
)
async def test_warnings_come_with_the_answer(warnings: str, words: str) -> None:
    with serving(answering(f'{{"status":"success","warnings":{warnings}}}'.encode())) as server:
        async with client(server.url) as maloja:
            verdict = await maloja.submit(PLAYS[:1], KEY, live=False)
    assert verdict == Answered((ItemAnswer(0, words),))


async def test_a_key_is_checked(server: MalojaStandIn) -> None:
    async with client(f"{server.url}/apis/mlj_1/newscrobble") as maloja:
        assert maloja.address == server.url
        assert await maloja.validate(KEY) == TokenCheck()
        words = "Maloja rejects the API key: Invalid or missing authentication"
        assert await maloja.validate("another") == TokenCheck(trouble=words)
        assert await maloja.validate(" ") == TokenCheck(trouble="enter the API key")
        server.fault = Fault.GATEWAY
        later = TokenCheck(trouble="Maloja can't check the key now (HTTP 502): try again later", passing=True)
        assert await maloja.validate(KEY) == later
    assert server.stored == []


async def test_another_services_answers_are_reported() -> None:
    with ListenBrainzStandIn() as other:
        async with client(other.url) as maloja:
            words = "the server there isn't Maloja (HTTP 404): check the address"
            assert await maloja.validate(KEY) == TokenCheck(trouble=words, part=AccessPart.ADDRESS)
    with serving(answering(b"<html>")) as page:
        async with client(page.url) as maloja:
            assert (await maloja.validate(KEY)).trouble.startswith("the server there isn't Maloja (HTTP 200 with a")
    with serving(answering(b"", "302 Found", "Location: /login")) as elsewhere:
        async with client(elsewhere.url) as maloja:
            assert "redirects elsewhere" in (await maloja.validate(KEY)).trouble


@pytest.mark.parametrize(
    "end", ["", "/", "/apis/mlj_1/newscrobble", "/apis/mlj_1", "/apis/mlj_1/", "/apis/listenbrainz", "/apis"]
)
def test_the_address_may_have_any_of_its_ends(end: str) -> None:
    assert client(f"https://music.example{end}").address == "https://music.example"
    assert client(f"https://music.example/maloja{end}").address == "https://music.example/maloja"


async def test_its_rate_limit_is_kept_and_its_clock_is_reported(server: MalojaStandIn) -> None:
    turns: list[str] = []
    dates: list[float] = []

    async def pace() -> None:
        turns.append("turn")

    async with client(server.url, pace=pace, on_date=lambda at, trip: dates.append(at)) as maloja:
        await maloja.submit(PLAYS[:1], KEY, live=False)
        server.fault = Fault.PAGE
        await maloja.submit(PLAYS[:1], KEY, live=False)
    assert (len(turns), dates) == (2, [NOW])


async def test_an_answer_without_a_date_gives_no_time() -> None:
    dates: list[float] = []
    with serving(answering(b'{"status":"success"}')) as server:
        async with client(server.url, on_date=lambda at, trip: dates.append(at)) as maloja:
            await maloja.submit(PLAYS[:1], KEY, live=False)
    assert dates == []


async def test_what_no_json_can_hold_is_left_out(server: MalojaStandIn) -> None:
    await submitted(server, Play(Track("Lo\x00w", "Sun\ud800flower", duration=float("inf")), NOW, float("nan")))
    assert server.stored == [Stored("", NOW, "Low", "Sunflower")]


@pytest.mark.parametrize(
    ("code", "message", "words"),
    [
        (MalojaCode.NO_HEARTS, "", "Maloja doesn't support hearts"),
        (MalojaCode.NO_PLAYING_NOW, "", "Maloja doesn't show what's playing"),
        (99, "", "Maloja skipped it"),
        (99, "words", "Maloja skipped it (words)"),
    ],
)
def test_each_reason_has_its_words(code: int, message: str, words: str) -> None:
    assert MALOJA.reason(PLAYS[0], code, message, NOW) == words
