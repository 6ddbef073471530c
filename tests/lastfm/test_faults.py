"""Network failures, on real sockets: what certainly never arrived waits, what may have arrived is unsure."""

from __future__ import annotations

import gzip
import ssl
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Barrier, Thread

import anyio
import httpx2
import pytest

from tonearm.core.verdict import Answered, ItemAnswer, Later, Throttled, Unsure, Verdict
from tonearm.lastfm import Keys, LastFm, LastFmSync, Patience, Unavailable
from tonearm.lastfm.client import API_URL, USER_AGENT, user_agent

from .bodies import PLAYS, TOKEN, body, scrobbled, scrobbles
from .faces import KEYS, Face, call
from .loopback import (
    Behaviour,
    answering,
    deaf,
    dripping,
    hanging_up,
    http,
    nobody,
    resetting,
    saying,
    serving,
    waiting,
)

pytestmark = pytest.mark.anyio

GOOD = body(scrobbles([scrobbled(play) for play in PLAYS]))
QUICK = Patience(connect=0.3, read=0.3, answer=0.3)


async def scrobble(face: Face, url: str, patience: Patience = QUICK) -> Verdict:
    client = face(KEYS, url, patience=patience)
    verdict: Verdict = await call(client, "scrobble", PLAYS, "sk")
    await call(client, "close")
    return verdict


async def scrobble_at(face: Face, behave: Behaviour, patience: Patience = QUICK) -> Verdict:
    with serving(behave) as server:
        verdict = await scrobble(face, server.url, patience)
        assert len(server.received) == 1, "no write is repeated by itself"
    return verdict


async def test_an_answer_is_an_answer(face: Face) -> None:
    verdict = await scrobble_at(face, answering(GOOD))
    assert verdict == Answered(tuple(ItemAnswer(0, timestamp=play.timestamp) for play in PLAYS))


async def test_a_packed_answer_is_unpacked(face: Face) -> None:
    packed = answering(gzip.compress(GOOD), "200 OK", "Content-Encoding: gzip")
    assert isinstance(await scrobble_at(face, packed), Answered)


async def test_without_a_listening_port_nothing_was_sent(face: Face) -> None:
    verdict = await scrobble(face, nobody())
    assert isinstance(verdict, Later)
    assert verdict.cause.error_code is None
    assert str(verdict.cause).startswith("no connection: ")


async def test_if_the_connection_is_refused_nothing_was_sent(face: Face) -> None:
    with deaf() as url:
        assert isinstance(await scrobble(face, url), Later)


async def test_if_the_server_does_not_speak_tls_nothing_was_sent(face: Face) -> None:
    with serving(answering(GOOD)) as server:
        verdict = await scrobble(face, server.url.replace("http:", "https:"))
    assert isinstance(verdict, Later)


async def test_to_a_stranger_nothing_is_sent(face: Face, stranger: ssl.SSLContext) -> None:
    with serving(answering(GOOD), stranger) as server:
        verdict = await scrobble(face, server.url)
        assert server.received == []
    assert isinstance(verdict, Later)
    assert "CERTIFICATE_VERIFY_FAILED" in str(verdict.cause)


async def test_to_whom_the_environment_trusts_it_is_sent(face: Face, trusted: tuple[ssl.SSLContext, Path]) -> None:
    with serving(answering(GOOD), trusted[0]) as server:
        assert isinstance(await scrobble(face, server.url), Answered)


async def test_certificates_that_are_not_there_hold_the_plays_and_say_so(
    face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/at/all.pem")
    verdict = await scrobble(face, "https://127.0.0.1:9/2.0/")
    assert isinstance(verdict, Later)
    assert "certificate" in str(verdict.cause)


LOST: dict[str, Behaviour] = {
    "hung up": hanging_up,
    "reset": resetting,
    "silence": waiting,
    "half an answer": answering(GOOD[:40], length=len(GOOD)),
    "half a head": saying(b"HTTP/1.1 200 OK\r\nContent-"),
    "not HTTP": saying(b"hello\r\n\r\n"),
    "broken packing": answering(b"not packed", "200 OK", "Content-Encoding: gzip"),
    "dripping": dripping,
    "HTML": answering(b"<html><body>Your request timed out</body></html>"),
    "nothing": answering(b""),
    "cut off": answering(GOOD[:-20]),
    "elsewhere": answering(b"", "301 Moved Permanently", "Location: /2.0"),
    "a wall": answering(b"<html>Forbidden</html>", "403 Forbidden"),
}


@pytest.mark.parametrize("behave", LOST.values(), ids=LOST.keys())
async def test_what_was_sent_and_not_answered_leaves_us_unsure(face: Face, behave: Behaviour) -> None:
    verdict = await scrobble_at(face, behave)
    assert isinstance(verdict, Unsure)
    assert verdict.cause.error_code is None
    assert verdict.cause.message


async def test_an_answer_without_end_is_not_read_to_its_end(face: Face) -> None:
    verdict = await scrobble_at(face, dripping, Patience(1.0, 10.0, 10.0, max_bytes=100_000))
    assert isinstance(verdict, Unsure)
    assert str(verdict.cause) == "the answer never ended"


@pytest.mark.parametrize("status", ["500 Internal Server Error", "502 Bad Gateway", "503 Service Unavailable"])
async def test_behind_a_gateway_that_is_down_it_may_have_been_stored(face: Face, status: str) -> None:
    down = answering(b"<html><center>openresty</center></html>", status, "Retry-After: 7")
    verdict = await scrobble_at(face, down)
    assert isinstance(verdict, Unsure)
    assert verdict.retry_after == 7.0


async def test_too_many_requests_means_that_the_address_is_throttled(face: Face) -> None:
    assert isinstance(await scrobble_at(face, answering(b"", "429 Too Many Requests")), Throttled)


async def test_a_lost_answer_to_a_read_is_retryable_and_says_whether_it_was_sent(face: Face) -> None:
    with serving(hanging_up) as server:
        for url, sent in ((server.url, True), (nobody(), False)):
            client = face(KEYS, url, patience=QUICK)
            with pytest.raises(Unavailable) as raised:
                await call(client, "get_session", "t")
            assert (raised.value.retryable, raised.value.sent, raised.value.error_code) == (True, sent, None)
            assert raised.value.__cause__ is None
            assert raised.value.__context__ is None
            await call(client, "close")


async def test_a_client_of_the_host_is_used_as_it_is_and_never_closed(face: Face) -> None:
    defaults = {
        "params": {"mine": "1"},
        "headers": {"X-Mine": "1", "User-Agent": "mine"},
        "cookies": {"mine": "1"},
        "follow_redirects": True,
    }
    with serving(answering(body(TOKEN))) as server:
        if face is LastFm:
            hosts = httpx2.AsyncClient(**defaults)  # type: ignore[arg-type]  # one dict for two signatures
            client: LastFm | LastFmSync = LastFm(KEYS, server.url, http=hosts, user_agent="host/1.0 (+mail@host)")
            assert await call(client, "get_token") == TOKEN["token"]
            await call(client, "close")
            assert not hosts.is_closed
            await hosts.aclose()
        else:
            hosts_sync = httpx2.Client(**defaults)  # type: ignore[arg-type]  # one dict for two signatures
            client = LastFmSync(KEYS, server.url, http=hosts_sync, user_agent="host/1.0 (+mail@host)")
            assert await call(client, "get_token") == TOKEN["token"]
            await call(client, "close")
            assert not hosts_sync.is_closed
            hosts_sync.close()
        with pytest.raises(Unavailable, match="closed") as raised:
            await call(client, "get_token")
        assert raised.value.sent is False
    [request] = server.received
    assert request.startswith(b"POST /2.0/ HTTP/1.1\r\n")
    assert b"mine" not in request
    assert b"user-agent: host/1.0 (+mail@host)\r\n" in request.lower()


async def test_any_transport_of_a_host_gets_the_timeouts() -> None:
    heard: list[object] = []

    class Hosts(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            heard.append(request.extensions["timeout"])
            return httpx2.Response(200, content=body(TOKEN))

    async with httpx2.AsyncClient(transport=Hosts(), timeout=None) as http:
        await LastFm(KEYS, http=http).get_token()
        await LastFm(KEYS, http=http, patience=Patience(connect=1.0, read=2.0)).get_token()
    assert heard == [
        {"connect": 5.0, "pool": 5.0, "read": 30.0, "write": 30.0},
        {"connect": 1.0, "pool": 1.0, "read": 2.0, "write": 2.0},
    ]


async def test_a_client_of_our_own_opens_again_after_closing(face: Face) -> None:
    with serving(answering(body(TOKEN))) as server:
        client = face(KEYS, server.url)
        await call(client, "close")
        for _ in range(2):
            assert await call(client, "get_token") == TOKEN["token"]
            await call(client, "close")


async def test_tasks_that_start_together_share_one_client() -> None:
    with serving(answering(body(TOKEN))) as server:
        async with LastFm(KEYS, server.url) as client, anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(client.get_token)
        assert len(server.received) == 4


def test_threads_that_start_together_share_one_client() -> None:
    with serving(answering(body(TOKEN))) as server, LastFmSync(KEYS, server.url) as client:
        barrier = Barrier(4)
        tokens: list[str] = []

        def ask() -> None:
            barrier.wait()
            tokens.append(client.get_token())

        threads = [Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert tokens == [TOKEN["token"]] * 4
        assert client._endpoint._open() is client._endpoint._open()  # the way of a thread that came just too late


async def test_a_proxy_of_the_environment_is_used(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(answering(GOOD)) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.removesuffix("/2.0/"))
        assert isinstance(await scrobble(face, "http://ws.example/2.0/"), Answered)
    assert proxy.received[0].startswith(b"POST http://ws.example/2.0/ HTTP/1.1\r\n")


async def test_through_a_proxy_that_refuses_nothing_was_sent(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(answering(b"", "407 Proxy Authentication Required")) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url.removesuffix("/2.0/"))
        assert isinstance(await scrobble(face, "https://ws.example/2.0/"), Later)
    assert proxy.received[0].startswith(b"CONNECT ws.example:443 HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "proxy", ["gopher://user:pa55word@127.0.0.1:1", "socks5://127.0.0.1:1", "http://user:pa55word@[::"]
)
async def test_a_proxy_that_cannot_be_used_holds_the_plays_and_says_so(
    face: Face, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("all_proxy", proxy)
    verdict = await scrobble(face, "http://127.0.0.1:9/2.0/")
    assert isinstance(verdict, Later)
    assert "proxy" in str(verdict.cause)
    assert "pa55word" not in str(verdict)


async def test_an_address_that_only_the_http_library_finds_wrong_sends_nothing(face: Face) -> None:
    verdict = await scrobble(face, "http://☃/2.0/")
    assert isinstance(verdict, Later)
    assert str(verdict.cause) == "no request could be made: the address can't be used"


BAD_ADDRESSES = ["", "ws.audioscrobbler.com", "ftp://a/2.0/", "http:///2.0/", "http://a/2.0/?x=1", "http://a/2.0/#x"]


@pytest.mark.parametrize("url", [*BAD_ADDRESSES, "http://a:99999/2.0/", "http://a:0/2.0/", "http://[::/2.0/"])
def test_an_invalid_address_is_refused_at_once(face: Face, url: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # the words are of urllib or ours
        face(KEYS, url)


@pytest.mark.parametrize("name", ["", " ", "tonearm/1\r\nX-Evil: 1", "tonearm/ß"])
def test_a_user_agent_that_cannot_be_sent_is_refused_at_once(face: Face, name: str) -> None:
    with pytest.raises(ValueError, match="User-Agent"):
        face(KEYS, user_agent=name)


def test_last_fm_itself_is_the_default() -> None:
    assert API_URL == "https://ws.audioscrobbler.com/2.0/"
    assert USER_AGENT.startswith("tonearm/")
    assert user_agent("mine", "1.0", "me@example.org") == f"mine/1.0 (me@example.org) {USER_AGENT}"


@pytest.mark.parametrize("number", [0, 51])
async def test_a_batch_that_is_too_large_or_empty_raises_before_anything_is_sent(face: Face, number: int) -> None:
    client = face(Keys("k", "s"), nobody())
    with pytest.raises(ValueError, match="1 to 50"):
        await call(client, "scrobble", [PLAYS[0]] * number, "sk")


async def test_each_request_waits_for_its_turn_before_it_leaves(face: Face) -> None:
    turns: list[int] = []

    async def pace() -> None:
        turns.append(len(server.received))

    def pace_sync() -> None:
        turns.append(len(server.received))

    with serving(answering(body(TOKEN))) as server:
        paced: Callable[[], LastFm | LastFmSync] = (
            partial(LastFm, KEYS, server.url, pace=pace)
            if face is LastFm
            else partial(LastFmSync, KEYS, server.url, pace=pace_sync)
        )
        client = paced()
        for _ in range(3):
            await call(client, "get_token")
        await call(client, "close")
    assert turns == [0, 1, 2]


async def test_the_servers_clock_is_reported_with_each_answer_of_the_api_that_names_it(face: Face) -> None:
    heard: list[tuple[float, float]] = []
    replies = iter(
        [
            http(body(TOKEN), "200 OK", "Date: Tue, 14 Nov 2023 22:13:20 GMT"),
            http(body(TOKEN)),
            http(body(TOKEN), "200 OK", "Date: tomorrow"),
            http(body(TOKEN), "200 OK", "Date: Tue, 14 Nov 2023 21:00:00 GMT\r\nAge: 4400"),
            http(b'{"error": 8, "message": "no"}', "500 Nope", "Date: Tue, 14 Nov 2023 22:13:21 GMT"),
            http(b"<html>a hotel's page</html>", "200 OK", "Date: Thu, 01 Jan 1970 00:00:00 GMT"),
            http(b"<html>", "503 Service Unavailable", "Date: Tue, 14 Nov 2023 22:13:22 GMT"),
            b"",
        ]
    )
    with serving(lambda stream: stream.sendall(next(replies))) as server:
        client = face(KEYS, server.url, on_date=lambda at, round_trip: heard.append((at, round_trip)))
        for _ in range(4):
            await call(client, "get_token")
        for _ in range(4):
            with pytest.raises(Unavailable):
                await call(client, "get_token")
        await call(client, "close")
    assert [at for at, _ in heard] == [1700000000.0, 1700000001.0]
    assert all(0 < round_trip < 60 for _, round_trip in heard)


@pytest.mark.parametrize(
    ("argument", "name", "version", "contact"),
    [
        ("name", "my player", "1", "a@b.example"),
        ("name", "", "1", "a@b.example"),
        ("version", "player", "1/2", "a@b.example"),
        ("contact", "player", "1", " "),
        ("contact", "player", "1", "a)b"),
        ("contact", "player", "1", "é@b.example"),
        ("contact", "player", "1", "a\nb"),
    ],
)
def test_a_name_that_no_header_can_hold_is_refused(argument: str, name: str, version: str, contact: str) -> None:
    with pytest.raises(ValueError, match=f"^{argument} must"):
        user_agent(name, version, contact)
