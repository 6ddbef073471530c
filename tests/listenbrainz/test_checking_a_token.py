"""Whose token it is, or in plain words what is wrong: with the token, the address, or the server."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from tests.lastfm.loopback import answering, deaf, nobody, serving
from tests.listenbrainz.plays import AGENT, NOW, TOKEN, client, koito
from tests.network import tls_of
from tests.stand_ins import Fault, KoitoStandIn, ListenBrainzStandIn, MalojaStandIn
from tonearm.core.destination import AccessPart, TokenCheck
from tonearm.http_exchange import Patience, TransportError, unreachable
from tonearm.listenbrainz import API_URL, ListenBrainzClient, user_agent

pytestmark = pytest.mark.anyio

QUICK = Patience(connect=0.3, read=0.3, answer=0.3)


async def checked(url: str, token: str = TOKEN) -> TokenCheck:
    async with client(url) as listenbrainz:
        return await listenbrainz.validate(token)


async def test_a_good_token_names_its_user() -> None:
    with ListenBrainzStandIn() as server:
        server.users[TOKEN] = "anna"
        assert await checked(server.url) == TokenCheck(user="anna")
        assert await checked(f" {server.url}/1/ ") == TokenCheck(user="anna")
        assert await checked(f"{server.url}/1/submit-listens") == TokenCheck(user="anna")


async def test_a_wrong_token_is_reported() -> None:
    with ListenBrainzStandIn() as server:
        assert await checked(server.url) == TokenCheck(trouble="ListenBrainz rejects the token: Token invalid.")


@pytest.mark.parametrize("token", ["", " ", "two words", "tök", "a\nb"])
async def test_an_invalid_token_is_reported_without_a_request(token: str) -> None:
    with ListenBrainzStandIn() as server:
        trouble = "enter the token: letters, digits and signs without blanks"
        assert await checked(server.url, token) == TokenCheck(trouble=trouble)
        assert server.seen == []


@pytest.mark.parametrize("fault", [Fault.OUTAGE, Fault.THROTTLED, Fault.GATEWAY])
async def test_a_server_with_troubles_of_its_own_may_be_asked_later(fault: Fault) -> None:
    with ListenBrainzStandIn(lambda: NOW) as server:
        server.fault = fault
        found = await checked(server.url)
    assert found.passing
    assert found.trouble.startswith("ListenBrainz can't check the token now (HTTP ")


async def test_another_services_pages_are_reported() -> None:
    with MalojaStandIn() as server:
        words = "the server there isn't ListenBrainz (HTTP 404 with a page instead of an answer): check the address"
        assert await checked(server.url) == TokenCheck(trouble=words, part=AccessPart.ADDRESS)


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b'{"valid":true}', "200 OK", ""),
        (b'{"valid":true,"user_name":7}', "200 OK", ""),
        (b"{}", "200 OK", "the server there isn't ListenBrainz (HTTP 200): check the address"),
        (b'{"valid":"yes"}', "200 OK", "the server there isn't ListenBrainz (HTTP 200): check the address"),
        (b'{"code":404}', "404 No", "the server there isn't ListenBrainz (HTTP 404): check the address"),
        (b"", "200 OK", "the server there isn't ListenBrainz (HTTP 200 with an empty body): check the address"),
        (b'{"error":"no"}', "401 No", "ListenBrainz rejects the token: no"),
        (b"<html>", "401 No", "ListenBrainz rejects the token"),
    ],
)
async def test_each_answer_is_put_into_words(body: bytes, status: str, words: str) -> None:
    with serving(answering(body, status)) as server:
        part = AccessPart.ADDRESS if "address" in words else AccessPart.SECRET
        assert await checked(server.url) == TokenCheck(trouble=words, part=part)


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("https://127.0.0.1/1/validate-token", "HOST requires https: use https:// in the address"),
        (
            "https://login.example.org/?next=1",
            "HOST redirects to https://login.example.org: use the address",
        ),
        ("https://[", "HOST redirects elsewhere: use the address of the API itself"),
        ("/elsewhere", "HOST redirects elsewhere: use the address of the API itself"),
    ],
)
async def test_a_redirect_is_reported_and_not_followed(location: str, words: str) -> None:
    with serving(answering(b"", "301 Moved", f"Location: {location}")) as server:
        found = await checked(server.url)
        assert len(server.received) == 1
    host = server.url.removeprefix("http://").partition("/")[0]
    assert found.trouble.startswith(words.replace("HOST", host))
    assert not found.passing


async def test_an_untrusted_certificate_is_reported(tmp_path: Path) -> None:
    tls: ssl.SSLContext = tls_of(tmp_path)
    with serving(answering(b"{}"), tls) as server:
        found = await checked(server.url)
    host = server.url.removeprefix("https://").partition("/")[0]
    assert found.trouble.startswith(f"the certificate of {host} isn't valid: self")
    assert "_ssl" not in found.trouble


async def test_https_to_a_server_that_only_speaks_http_is_reported() -> None:
    with ListenBrainzStandIn() as server:
        found = await checked(server.url.replace("http:", "https:"))
    assert found.trouble.endswith("doesn't answer over https: is it http://?")


async def test_a_server_that_does_not_answer_is_reported() -> None:
    url = nobody()
    found = await checked(url)
    host = url.removeprefix("http://").partition("/")[0]
    assert found == TokenCheck(
        trouble=f"nothing answers at {host}: is the address right, and is it running?",
        passing=True,
        part=AccessPart.ADDRESS,
    )
    with deaf() as unanswered:
        async with ListenBrainzClient(unanswered, user_agent=AGENT, patience=QUICK) as listenbrainz:
            assert (await listenbrainz.validate(TOKEN)).trouble.startswith("nothing answers at ")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("no connection: [Errno -2] Name or service not known", "the host music.example wasn't found"),
        ("no answer in time", "music.example: no answer in time"),
    ],
)
def test_network_errors_are_put_into_words(said: str, words: str) -> None:
    assert unreachable(TransportError(False, said), "https://music.example/1").startswith(words)


async def test_koito_gets_requests_at_its_own_path() -> None:
    with KoitoStandIn() as server:
        server.users[TOKEN] = "anna"
        bare = server.url.removesuffix("/apis/listenbrainz")
        for address in (server.url, f"{server.url}/1", bare, f"{bare}/"):
            async with koito(address) as client_of_koito:
                assert client_of_koito.address == server.url
                assert await client_of_koito.validate(TOKEN) == TokenCheck(user="anna")
                assert await client_of_koito.validate("x") == TokenCheck(
                    trouble="Koito rejects the token: unauthorized"
                )
        found = await checked(bare)
        assert found.trouble.startswith("the server there isn't ListenBrainz (HTTP 200 with a page")


@pytest.mark.parametrize("website", ["https://listenbrainz.org", "https://www.listenbrainz.org/", f"{API_URL}/1/"])
def test_the_website_of_listenbrainz_means_its_api(website: str) -> None:
    assert client(website).address == API_URL


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("music.example.org", "must start with https:// or http://"),
        ("ftp://music.example.org", "must start with https:// or http://"),
        ("https://", "must start with https:// or http://"),
        ("", "must start with https:// or http://"),
        ("https://[::1", "can't be read"),
        ("https://host:port", "can't be read"),
        ("https://host:0", "must be only a host and a path"),
        ("https://host/?a=1", "must be only a host and a path"),
        ("https://host/#a", "must be only a host and a path"),
        ("https://anna:secret@host", "must be only a host and a path"),
        ("https://host/a b", "must be only a host and a path"),
    ],
)
def test_an_invalid_address_is_rejected_in_words(url: str, words: str) -> None:
    with pytest.raises(ValueError, match="the address") as refused:
        client(url)
    assert words in str(refused.value)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("contact", ["", "  ", "a (b)", "ö@example.org", "a\nb"])
def test_a_contact_that_no_header_can_carry_is_refused(contact: str) -> None:
    with pytest.raises(ValueError, match=r"contact|User-Agent"):
        user_agent(contact)
