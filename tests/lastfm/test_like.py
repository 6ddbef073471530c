"""Libre.fm and its like as a place to send plays to: signed in at their own page, and spoken of by their own name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.network import tls_of
from tests.stand_ins import Fault, GnuFmStandIn, ListenBrainzStandIn, Stored
from tonearm.core.destination import AccessPart, TokenCheck
from tonearm.core.verdict import Answered, ItemAnswer, SessionEnded
from tonearm.http_exchange import Patience
from tonearm.lastfm.like import GrantedSession, LastFmLikeClient, SignInPage
from tonearm.lastfm.rules import LIBREFM
from tonearm.lastfm.servers import LIBREFM_SERVER

from .bodies import PLAYS
from .loopback import answering, nobody, serving

pytestmark = pytest.mark.anyio

NOW = 1_795_000_000
SK = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def server() -> Iterator[GnuFmStandIn]:
    with GnuFmStandIn(lambda: NOW) as started:
        started.users[SK] = "anna"
        yield started


def client(url: str, **options: Any) -> LastFmLikeClient:
    return LastFmLikeClient(url, user_agent="tonearm/0 ( tests )", patience=Patience(1.0, 1.0, 1.0), **options)


def host(server: GnuFmStandIn) -> str:
    return server.url.removeprefix("http://").partition("/")[0]


async def test_a_listener_signs_in_at_its_page_and_plays_go_there(server: GnuFmStandIn) -> None:
    async with client(server.url) as gnufm:
        begun = await gnufm.begin_sign_in()
        assert isinstance(begun, SignInPage)
        assert begun.url.startswith(f"{server.auth_url}?api_key=")
        assert begun.token in begun.url
        assert begun.token not in repr(begun)
        waits = await gnufm.finish_sign_in(begun.token)
        assert waits == TokenCheck(trouble=f"not approved yet at {host(server)}", passing=True, pending=True)
        server.approve(begun.token, "anna")
        granted = await gnufm.finish_sign_in(begun.token)
        assert isinstance(granted, GrantedSession)
        assert granted.user == "anna"
        assert granted.key not in repr(granted)
        verdict = await gnufm.submit(PLAYS[:1], granted.key, live=True)
    assert verdict == Answered((ItemAnswer(0, timestamp=PLAYS[0].timestamp),))
    assert server.stored == [Stored("anna", 1700000000, "Low", "Sunflower", "Things We Lost in the Fire", 276)]


async def test_a_listener_signs_in_by_name_and_password(server: GnuFmStandIn) -> None:
    server.passwords["Anna"] = "sesame, öpen"
    async with client(server.url) as gnufm:
        granted = await gnufm.sign_in(" anna ", "sesame, öpen")
        assert isinstance(granted, GrantedSession)
        assert granted.user == "Anna"
        assert isinstance(await gnufm.submit(PLAYS, granted.key, live=False), Answered)
        wrong = TokenCheck(trouble=f"{host(server)} doesn't accept this name and password")
        assert await gnufm.sign_in("anna", "another") == wrong
        assert await gnufm.sign_in("nobody", "another") == wrong
        empty = TokenCheck(trouble="enter a name and a password")
        assert await gnufm.sign_in(" ", "x") == await gnufm.sign_in("anna", "") == empty
        server.fault = Fault.OUTAGE
        assert "error 11" in str(await gnufm.sign_in("anna", "sesame, öpen"))
    assert not any("sesame" in asked.body.decode() for asked in server.seen), "by http no password travels"


async def test_a_password_is_in_no_words_that_echo_it() -> None:
    with serving(answering(b'{"error":6,"message":"no user with sesame-open"}')) as echo:
        async with client(echo.url) as lastfm_like:
            found = await lastfm_like.sign_in("anna", "sesame-open")
    assert isinstance(found, TokenCheck)
    assert found.trouble.endswith("error 6: no user with …")


async def test_by_https_the_password_travels_for_those_that_want_it(tmp_path: Path) -> None:
    answer = b'{"session":{"name":"anna","key":"k","subscriber":0}}'
    with serving(answering(answer), tls_of(tmp_path)) as other:
        async with httpx2.AsyncClient(verify=False) as http, client(other.url, http=http) as lastfm_like:
            assert await lastfm_like.sign_in("anna", "sesame") == GrantedSession("anna", "k")
        (asked,) = other.received
    assert b"password=sesame" in asked


async def test_what_plays_now_and_hearts_go_there_too(server: GnuFmStandIn) -> None:
    async with client(server.url) as gnufm:
        await gnufm.playing_now(PLAYS[0].track, SK)
        await gnufm.feedback(PLAYS[0].track, SK, loved=True)
        assert server.hearts == {("anna", "Low", "Sunflower")}
        await gnufm.feedback(PLAYS[0].track, SK, loved=False)
    assert server.playing["anna"].title == "Sunflower"
    assert server.hearts == set()


async def test_an_ended_session_is_reported_in_its_name(server: GnuFmStandIn) -> None:
    async with client(server.url) as gnufm:
        verdict = await gnufm.submit(PLAYS, "another", live=False)
    assert isinstance(verdict, SessionEnded)
    assert str(verdict.cause) == f"{host(server)} error 9: Invalid session key - Please re-authenticate"


@pytest.mark.parametrize(
    ("fault", "words", "passing"),
    [
        (Fault.OUTAGE, "HOST error 11: Service Offline", True),
        (Fault.BAD_REQUEST, "HOST error 6: Invalid parameters", False),
        (Fault.GATEWAY, "HOST can't answer now (HTTP 502): try again later", True),
        (Fault.THROTTLED, "HOST can't answer now (HTTP 429): try again later", True),
        (Fault.PAGE, "the server there doesn't speak Last.fm's API (HTTP 200): check the address", False),
        (Fault.HANG_UP, "HOST: the connection broke before the answer was complete", True),
    ],
)
async def test_the_reason_why_no_sign_in_begins_is_reported(
    server: GnuFmStandIn, fault: Fault, words: str, passing: bool
) -> None:
    server.fault = fault
    async with client(server.url) as gnufm:
        found = await gnufm.begin_sign_in()
    assert isinstance(found, TokenCheck)
    assert found.trouble.startswith(words.replace("HOST", host(server)))
    assert found.passing == passing


async def test_another_service_and_another_address_are_reported() -> None:
    with ListenBrainzStandIn() as other:
        async with client(other.url) as gnufm:
            found = await gnufm.begin_sign_in()
            words = "the server there doesn't speak Last.fm's API (HTTP 404): check the address"
            assert found == TokenCheck(trouble=words, part=AccessPart.ADDRESS)
    with serving(answering(b"", "301 Moved", "Location: https://127.0.0.1/2.0/")) as insecure:
        async with client(insecure.url) as gnufm:
            assert "requires https" in str(await gnufm.begin_sign_in())
    async with client(nobody()) as gnufm:
        assert "nothing answers at" in str(await gnufm.begin_sign_in())


@pytest.mark.parametrize("url", ["https://libre.fm", "https://www.libre.fm/", "https://libre.fm/2.0/"])
def test_libre_fm_is_known_by_any_of_its_addresses(url: str) -> None:
    assert client(url).server is LIBREFM_SERVER
    assert LastFmLikeClient(user_agent="tonearm/0").rules is LIBREFM


def test_other_servers_are_at_their_address() -> None:
    other = client("https://music.example", approval_page="https://music.example/allow")
    assert other.address == "https://music.example/2.0/"
    assert other.server.approval_url == "https://music.example/allow/"
    with pytest.raises(ValueError, match="the address must start with"):
        client("music.example")
