"""Plays go to a ListenBrainz that stores them, over HTTP: what it has afterwards, and what its answers mean."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.lastfm.loopback import answering, deaf, dripping, hanging_up, nobody, resetting, serving, waiting
from tests.listenbrainz.plays import AGENT, MBID, NOW, PLAYS, QUICK, TOKEN, client
from tests.stand_ins import Fault, ListenBrainzStandIn, Stored
from tonearm.core.play import EARLIEST_PLAY, Play, Track
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
from tonearm.http_exchange import Patience
from tonearm.listenbrainz import LISTENBRAINZ, ListenBrainzClient
from tonearm.listenbrainz.rules import ListenCode
from tonearm.version import __version__

pytestmark = pytest.mark.anyio

THERE = [
    Stored("anna", NOW - 3000, "Low", "Sunflower", "Things We Lost in the Fire", 276.4),
    Stored("anna", NOW - 2000, "Can", "Vitamin C", "Ege Bamyasi", 214.0),
    Stored("anna", NOW - 1000, "Broadcast", "Tender Buttons"),
]


@pytest.fixture
def server() -> Iterator[ListenBrainzStandIn]:
    with ListenBrainzStandIn(lambda: NOW) as started:
        started.users[TOKEN] = "anna"
        yield started


async def submitted(server: ListenBrainzStandIn, *plays: Play, token: str = TOKEN, live: bool = False) -> Verdict:
    async with client(server.url) as listenbrainz:
        return await listenbrainz.submit(plays or PLAYS, token, live=live)


async def test_what_is_answered_as_accepted_is_there(server: ListenBrainzStandIn) -> None:
    assert await submitted(server) == Answered((ItemAnswer(0),) * 3)
    assert server.stored == THERE


async def test_the_answer_shows_the_servers_time(server: ListenBrainzStandIn) -> None:
    verdict = await submitted(server)
    assert isinstance(verdict, Answered)
    assert verdict.at == NOW


async def test_one_play_of_just_now_is_a_single_and_all_others_are_an_import(server: ListenBrainzStandIn) -> None:
    await submitted(server, PLAYS[0], live=True)
    await submitted(server, PLAYS[0])
    await submitted(server, live=True)
    assert [asked.json()["listen_type"] for asked in server.seen] == ["single", "import", "import"]


async def test_a_listen_says_all_that_is_known_and_nothing_else(server: ListenBrainzStandIn) -> None:
    await submitted(server)
    _, full, bare = server.seen[0].json()["payload"]
    program = {"submission_client": "tonearm", "submission_client_version": __version__}
    assert full == {
        "listened_at": NOW - 2000,
        "track_metadata": {
            "artist_name": "Can",
            "track_name": "Vitamin C",
            "release_name": "Ege Bamyasi",
            "additional_info": {
                **program,
                "duration_ms": 214000,
                "tracknumber": "3",
                "recording_mbid": MBID,
                "release_artist_name": "Can & Friends",
                "duration_played": 214,
            },
        },
    }
    assert bare == {
        "listened_at": NOW - 1000,
        "track_metadata": {
            "artist_name": "Broadcast",
            "track_name": "Tender Buttons",
            "additional_info": {**program, "duration_played": 170},
        },
    }


async def test_a_request_identifies_the_program_and_a_contact(server: ListenBrainzStandIn) -> None:
    await submitted(server)
    headers = server.seen[0].headers
    assert headers["user-agent"] == AGENT == f"tonearm/{__version__} ( me@example.org )"
    assert headers["authorization"] == f"Token {TOKEN}"
    assert headers["content-type"] == "application/json"


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.CUT])
async def test_plays_whose_answer_was_lost_are_sent_again_and_are_there_once(
    server: ListenBrainzStandIn, fault: Fault
) -> None:
    server.fail_next(fault)
    verdict = await submitted(server)
    assert isinstance(verdict, Unsure)
    assert server.stored == THERE
    assert await submitted(server) == Answered((ItemAnswer(0),) * 3)
    for play in PLAYS:  # and in other batches
        assert await submitted(server, play, live=True) == Answered((ItemAnswer(0),))
    assert server.stored == THERE


async def test_a_batch_that_stopped_half_way_is_sent_again_and_is_there_once(server: ListenBrainzStandIn) -> None:
    server.fail_next(Fault.BROKEN)
    verdict = await submitted(server)
    cause = Cause(500, "Something went wrong. Please try again.", "ListenBrainz")
    assert verdict == Split(cause, may_be_there=True)
    assert server.stored == THERE[:2]
    for play in PLAYS:
        await submitted(server, play)
    assert server.stored == THERE


async def test_one_bad_listen_refuses_its_batch_and_is_found(server: ListenBrainzStandIn) -> None:
    server.bad = lambda play: play.artist == "Can"
    assert isinstance(await submitted(server), Split)
    assert server.stored == []
    verdicts = [await submitted(server, play) for play in PLAYS]
    assert [type(verdict) for verdict in verdicts] == [Answered, Split, Answered]
    assert str(verdicts[1].cause) == "ListenBrainz error 400: JSON document may only contain what is good."  # type: ignore[union-attr]


async def test_a_wrong_token_holds_the_plays_and_says_why(server: ListenBrainzStandIn) -> None:
    verdict = await submitted(server, token="another-token")
    words = "ListenBrainz rejects the token: Invalid authorization token."
    assert verdict == SessionEnded(Cause(None, words, "ListenBrainz"))
    server.paused.add("anna")
    verdict = await submitted(server)
    assert isinstance(verdict, SessionEnded)
    assert "paused" in str(verdict.cause)


@pytest.mark.parametrize("token", ["", "two words", "tök", "line\nbreak"])
async def test_a_token_that_cannot_travel_is_not_sent(server: ListenBrainzStandIn, token: str) -> None:
    assert isinstance(await submitted(server, token=token), SessionEnded)
    async with client(server.url) as listenbrainz:
        assert isinstance(await listenbrainz.feedback(PLAYS[0].track, token, loved=True), SessionEnded)
    assert server.seen == []


async def test_too_many_requests_wait_for_as_long_as_the_headers_say(server: ListenBrainzStandIn) -> None:
    server.fault = Fault.THROTTLED
    verdict = await submitted(server)
    assert isinstance(verdict, Throttled)
    assert (verdict.scope, verdict.retry_after) == (Scope.ADDRESS, 7.0)
    assert server.stored == []


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (Fault.OUTAGE, Later, "ListenBrainz error 503: Cannot submit listens to queue, please try again later."),
        (Fault.GATEWAY, Unsure, "HTTP 502 with a page instead of an answer"),
        (Fault.PAGE, Unsure, "HTTP 200 with a page instead of an answer"),
        (Fault.HANG_UP, Unsure, "the connection broke before the answer was complete"),
    ],
)
async def test_what_passes_waits(
    server: ListenBrainzStandIn, fault: Fault, kind: type[Later] | type[Unsure], words: str
) -> None:
    server.fault = fault
    verdict = await submitted(server)
    assert isinstance(verdict, kind)
    assert str(verdict.cause) == words
    server.fault = Fault.NONE
    await submitted(server)
    assert server.stored == THERE


async def test_a_play_ahead_of_the_servers_clock_waits_and_is_not_rejected(server: ListenBrainzStandIn) -> None:
    server.now = lambda: NOW - 7200  # its clock is two hours behind
    assert isinstance(await submitted(server), Split)
    verdict = await submitted(server, PLAYS[2], live=True)
    assert verdict == Answered((ItemAnswer(ListenCode.TOO_NEW, "Value for key listened_at is too high."),))
    assert isinstance(verdict, Answered)
    assert verdict.at == NOW - 7200


async def test_what_can_never_be_taken_is_answered_for_and_not_sent(server: ListenBrainzStandIn) -> None:
    early = replace(PLAYS[0], timestamp=EARLIEST_PLAY - 1)
    huge = replace(PLAYS[0], track=Track("Ö" * 6000, "Sunflower"))
    nameless = replace(PLAYS[0], track=Track("\x00\ud800", "Sunflower"))
    verdict = await submitted(server, early, PLAYS[0], huge, nameless, PLAYS[2])
    assert isinstance(verdict, Answered)
    assert [item.ignored_code for item in verdict.items] == [
        ListenCode.TOO_EARLY,
        0,
        ListenCode.TOO_LARGE,
        ListenCode.NAMELESS,
        0,
    ]
    assert server.stored == [THERE[0], THERE[2]]
    words = [item.message for item in verdict.items if item.ignored_code]
    assert words == [
        "ListenBrainz doesn't accept plays from before October 2002",
        "its names are too long for ListenBrainz",
        "ListenBrainz needs an artist and a title",
    ]
    assert verdict.from_server
    unsent = await submitted(server, early, huge, nameless)
    assert isinstance(unsent, Answered)
    assert not unsent.from_server, "it proves nothing about the server"
    assert unsent.items == tuple(item for item in verdict.items if item.ignored_code)


async def test_if_nothing_can_be_sent_nothing_is(server: ListenBrainzStandIn) -> None:
    verdict = await submitted(server, replace(PLAYS[0], timestamp=0))
    assert isinstance(verdict, Answered)
    assert server.seen == []


async def test_names_that_are_long_together_leave_out_the_album_artist(server: ListenBrainzStandIn) -> None:
    long = replace(PLAYS[0], track=Track("A" * 3000, "B" * 3000, "C" * 3000, "D" * 3000, 214.0))
    await submitted(server, long)
    await submitted(server, long, PLAYS[2])
    assert [play.artist[:1] for play in server.stored] == ["A", "B"], "alone and in a batch it is the same listen"
    assert "release_artist_name" not in str(server.seen[0].json())


async def test_a_hundred_of_the_longest_listens_are_within_the_servers_limits(server: ListenBrainzStandIn) -> None:
    long = [replace(PLAYS[0], timestamp=NOW - n, track=Track("Ö" * 2400, "B" * 4800)) for n in range(1, 101)]
    assert isinstance(await submitted(server, *long), Answered)
    assert len(server.stored) == 100


@pytest.mark.parametrize("number", [0, 101])
async def test_a_batch_holds_as_many_as_its_rules_say(server: ListenBrainzStandIn, number: int) -> None:
    async with client(server.url) as listenbrainz:
        with pytest.raises(ValueError, match=f"1 to 100 plays, not {number}"):
            await listenbrainz.submit([PLAYS[0]] * number, TOKEN, live=False)


@pytest.mark.parametrize(
    "track",
    [
        Track("Low", "Sunflower", mbid="not-an-mbid"),
        Track("Low", "Sunflower", duration=float("inf")),
        Track("Low", "Sunflower", duration=float("nan")),
        Track("Low", "Sunflower", duration=1e8),
        Track("Low", "Sunflower", duration=0.0001, track_number=-1),
        Track("Lo\x00w", "Sun\ud800flower", "\x07"),
    ],
)
async def test_what_would_refuse_a_whole_batch_is_left_out(server: ListenBrainzStandIn, track: Track) -> None:
    assert isinstance(await submitted(server, Play(track, NOW - 500, 1e9)), Answered)
    assert server.stored == [Stored("anna", NOW - 500, "Low", "Sunflower")]


@pytest.mark.parametrize(
    ("behave", "kind"),
    [(hanging_up, Unsure), (resetting, Unsure), (waiting, Unsure), (dripping, Unsure)],
    ids=["hangs up", "resets", "says nothing", "never ends"],
)
async def test_what_the_network_does_is_a_verdict(behave, kind: type[Verdict]) -> None:  # type: ignore[no-untyped-def]
    with serving(behave) as server:
        quick = Patience(connect=0.3, read=0.3, answer=0.3)
        async with ListenBrainzClient(server.url, user_agent=AGENT, patience=quick) as listenbrainz:
            assert isinstance(await listenbrainz.submit(PLAYS, TOKEN, live=False), kind)


async def test_without_a_listening_port_nothing_was_sent() -> None:
    quick = Patience(connect=0.3, read=0.3, answer=0.3)
    with deaf() as url:
        for address in (url, nobody()):
            async with ListenBrainzClient(address, user_agent=AGENT, patience=quick) as listenbrainz:
                assert isinstance(await listenbrainz.submit(PLAYS, TOKEN, live=False), Later)


ANSWERS: list[tuple[str, bytes, tuple[str, ...], type[Verdict], float | None, str]] = [
    ("200 OK", b'{"status":"no"}', (), Unsure, None, "HTTP 200 with an unrelated answer"),
    ("200 OK", b"", (), Unsure, None, "HTTP 200 with an empty body"),
    ("200 OK", b"[]", (), Unsure, None, "HTTP 200 with a body that can't be read"),
    ("201 Created", b'{"status":"ok"}', (), Answered, None, ""),
    ("301 Moved", b"", ("Location: https://127.0.0.1/1/",), Later, None, "127.0.0.1:PORT requires https"),
    ("403 Forbidden", b'{"error":"no"}', (), Later, None, "ListenBrainz error 403: no"),
    ("403 Forbidden", b"<html>blocked</html>", (), Unsure, None, "HTTP 403 with a page"),
    ("404 Not Found", b"<html></html>", (), Later, None, "HTTP 404 with a page instead of an answer"),
    ("404 Not Found", b'{"code":404,"error":"Not found"}', (), Later, None, "ListenBrainz error 404: Not found"),
    ("413 Too Large", b"<html></html>", (), Split, None, "ListenBrainz error 413: a page instead of an answer"),
    ("429 Too Many", b"", ("X-RateLimit-Reset-In: 1e9",), Throttled, 86400.0, "ListenBrainz error 429: an empty body"),
    ("429 Too Many", b"", ("X-RateLimit-Reset-In: soon", "Retry-After: 20"), Throttled, 20.0, "ListenBrainz error 429"),
    (
        "429 Too Many",
        b"",
        ("X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 1700000009", "Date: Tue, 14 Nov 2023 22:13:20 GMT"),
        Throttled,
        9.0,
        "ListenBrainz error 429",
    ),
    ("429 Too Many", b"", ("X-RateLimit-Remaining: 0",), Throttled, None, "ListenBrainz error 429"),
    ("500 Oops", b"", (), Split, None, "ListenBrainz error 500: an empty body"),
    ("502 Bad", b'{"error":"x"}', (), Unsure, None, "ListenBrainz error 502: x"),
    ("520 Unknown", b'{"error":"x"}', (), Unsure, None, "ListenBrainz error 520: x"),
    ("503 Away", b'{"error":"x"}', ("Retry-After: 30",), Later, 30.0, "ListenBrainz error 503: x"),
    ("503 Away", b"<html></html>", ("Retry-After: 30",), Unsure, 30.0, "HTTP 503 with a page"),
    ("400 Bad", b'{"code":400}', (), Split, None, "ListenBrainz error 400: no message"),
    ("400 Bad", b'{"error":["a"],"message":7}', (), Split, None, "ListenBrainz error 400: no message"),
    ("401 No", b'{"message":"x"}', (), SessionEnded, None, "ListenBrainz rejects the token: x"),
    ("401 No", b"{}", (), SessionEnded, None, "ListenBrainz rejects the token"),
]


@pytest.mark.parametrize(("status", "body", "headers", "kind", "wait", "words"), ANSWERS)
async def test_each_answer_means_one_thing(
    status: str, body: bytes, headers: tuple[str, ...], kind: type[Verdict], wait: float | None, words: str
) -> None:
    with serving(answering(body, status, *headers)) as server:
        root = server.url.removesuffix("/2.0/")
        async with client(root) as listenbrainz:
            verdict = await listenbrainz.submit(PLAYS, TOKEN, live=False)
    assert isinstance(verdict, kind)
    assert getattr(verdict, "retry_after", None) == wait
    if not isinstance(verdict, Answered):
        assert str(verdict.cause).startswith(words.replace("127.0.0.1:PORT", root.removeprefix("http://")))


async def test_the_token_is_in_no_words_that_echo_it() -> None:
    with serving(answering(json.dumps({"error": f"token {TOKEN}\n is bad"}).encode(), "400 Bad")) as server:
        async with client(server.url) as listenbrainz:
            verdict = await listenbrainz.submit(PLAYS, TOKEN, live=False)
    assert verdict == Split(Cause(400, "token … is bad", "ListenBrainz"))


async def test_its_rate_limit_is_kept_and_its_clock_is_reported(server: ListenBrainzStandIn) -> None:
    turns: list[str] = []
    dates: list[float] = []

    async def pace() -> None:
        turns.append("turn")

    async with ListenBrainzClient(
        server.url, user_agent=AGENT, pace=pace, on_date=lambda at, trip: dates.append(at), patience=QUICK
    ) as listenbrainz:
        await listenbrainz.submit(PLAYS, TOKEN, live=False)
        server.fault = Fault.PAGE  # a hotel's clock is not the server's
        await listenbrainz.submit(PLAYS, TOKEN, live=False)
        server.fault = Fault.HANG_UP
        await listenbrainz.submit(PLAYS, TOKEN, live=False)
    assert (len(turns), dates) == (3, [NOW])


async def test_an_answer_without_a_date_gives_no_time() -> None:
    dates: list[float] = []
    with serving(answering(b'{"status":"ok"}')) as server:
        async with ListenBrainzClient(
            server.url, user_agent=AGENT, on_date=lambda at, trip: dates.append(at), patience=QUICK
        ) as listenbrainz:
            assert await listenbrainz.submit(PLAYS, TOKEN, live=False) == Answered((ItemAnswer(0),) * 3)
    assert dates == []


def test_its_rules_take_any_age_and_length_and_know_no_daily_limit() -> None:
    rules = LISTENBRAINZ
    assert (rules.batch, rules.oldest, rules.shortest, rules.daily_limit) == (100, None, 0.0, False)
    assert rules.service == "ListenBrainz"


@pytest.mark.parametrize(
    ("code", "message", "words"),
    [
        (ListenCode.TOO_EARLY, "", "ListenBrainz doesn't accept plays from before October 2002"),
        (ListenCode.TOO_NEW, "", "ListenBrainz said twice that this play starts in the future; is a clock wrong?"),
        (ListenCode.TOO_LARGE, "", "its names are too long for ListenBrainz"),
        (ListenCode.NAMELESS, "", "ListenBrainz needs an artist and a title"),
        (ListenCode.NO_HEARTS, "", "ListenBrainz doesn't support hearts"),
        (99, "", "ListenBrainz skipped it"),
        (99, "words", "ListenBrainz skipped it (words)"),
    ],
)
def test_each_reason_has_its_words(code: int, message: str, words: str) -> None:
    assert LISTENBRAINZ.reason(PLAYS[0], code, message, NOW) == words
