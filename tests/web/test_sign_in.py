"""The doors: who comes in here, and how this service is let in at Last.fm."""

from __future__ import annotations

import asyncio
import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from lastfm_emulator import API_KEY
from tests.databases import only_sqlite
from tests.web.conftest import AUTH, House
from tonearm.web.app import create_app
from tonearm.web.options import WebOptions

pytestmark = pytest.mark.anyio


async def test_an_unknown_browser_is_shown_how_to_sign_in(house: House) -> None:
    for path in ("/", "/fragments/plays", "/connect/back?token=x&login=y"):
        answer = await house.signed_out.get(path)
        assert answer.status_code == 401
        assert "one-time link" in answer.text
        assert "tonearm listener link me" in answer.text
        assert "night_owl" not in answer.text
    for path in ("/retry", "/disconnect", "/connect", "/scrobbling"):
        assert (await house.signed_out.post(path)).status_code == 401


async def test_a_link_signs_in_one_browser_once(house: House) -> None:
    link = await house.deck.accounts.link(house.me.id)
    first = await house.signed_out.get("/signin", params={"link": link})
    assert (first.status_code, first.headers["location"]) == (303, "/")
    cookie = first.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert (await house.signed_out.get("/")).status_code == 200
    house.signed_out.cookies.clear()
    again = await house.signed_out.get("/signin", params={"link": link})
    assert again.status_code == 410
    assert "tonearm listener link me" in again.text
    assert (await house.signed_out.get("/")).status_code == 401


async def test_signing_in_leads_to_the_page_that_was_asked_for(house: House) -> None:
    async def enters() -> str:
        link = await house.deck.accounts.link(house.me.id)
        answer = await house.signed_out.get("/signin", params={"link": link})
        house.signed_out.cookies.delete("tonearm_session_80")
        return answer.headers["location"]

    for wanted in ("/history?period=2014&q=a%20b%26", "/queue"):
        assert (await house.signed_out.get(wanted)).status_code == 401
        assert await enters() == wanted
        assert await enters() == "/"
    await house.signed_out.get("/history")
    await house.signed_out.get(
        "/fragments/who", headers={"HX-Request": "true"}
    )  # an open page asks for a part of itself
    await house.signed_out.post("/retry")
    assert await enters() == "/history"
    await house.signed_out.get(f"/history?q={'x' * 3000}")
    assert await enters() == "/"
    for elsewhere in ("https://elsewhere.test/", "//elsewhere.test/", "/\\elsewhere.test", "/a%0d%0ab", "queue"):
        house.signed_out.cookies.set("tonearm_next_80", elsewhere)
        assert await enters() == "/"
        house.signed_out.cookies.clear()


async def test_a_link_of_another_listener_asks_before_it_switches_the_browser(house: House) -> None:
    ada = await house.deck.listener("ada")
    link = await house.deck.accounts.link(ada.id)
    wanted = await house.http.get("/signin", params={"link": link})
    assert wanted.status_code == 200
    assert "set-cookie" not in wanted.headers
    assert "Sign in as <bdi>ada</bdi>?" in wanted.text
    assert "signed in as <bdi>me</bdi>" in wanted.text
    assert 'action="/settings/tokens"' in await house.page("/settings")
    action = re.findall(r'<form method="post" action="(/signin[^"]*)"', wanted.text)[0]
    foreign = await house.http.post(action, headers={"Origin": "https://attacker.example"})
    assert foreign.status_code == 403
    assert (await house.http.post(action)).status_code == 303
    assert (await house.http.get("/lastfm/queue/status")).status_code == 200
    assert (await house.http.get("/signin", params={"link": link})).status_code == 410


async def test_a_link_opened_by_another_site_does_not_sign_in(house: House) -> None:
    link = await house.deck.accounts.link(house.me.id)
    for site in ("cross-site", "same-site"):
        wanted = await house.signed_out.get("/signin", params={"link": link}, headers={"Sec-Fetch-Site": site})
        assert (wanted.status_code, "Another site opened" in wanted.text) == (200, True)
    typed = await house.signed_out.get("/signin", params={"link": link}, headers={"Sec-Fetch-Site": "none"})
    assert typed.status_code == 303


async def test_two_services_on_one_host_have_cookies_of_their_own_that_last_90_days(house: House) -> None:
    app = httpx2.ASGITransport(create_app(house.deck))
    for base, name in {"http://localhost:8723": "8723", "http://[::1]:8724": "8724", "http://127.0.0.1": "80"}.items():
        link = await house.deck.accounts.link(house.me.id)
        async with httpx2.AsyncClient(transport=app, base_url=base) as browser:
            cookie = (await browser.get("/signin", params={"link": link})).headers["set-cookie"]
            assert cookie.startswith(f"tonearm_session_{name}=")
            assert f"Max-Age={90 * 86400};" in cookie
            assert (await browser.get("/")).status_code == 200


async def test_an_unknown_link_is_answered_with_a_page(house: House) -> None:
    for query in ("", "?link=", "?link=never-was", f"?link={'x' * 10_000}", "?link=%00%ff"):
        answer = await house.signed_out.get(f"/signin{query}")
        assert answer.status_code in (400, 410)
        assert answer.headers["content-type"].startswith("text/html")


async def test_signing_out_ends_this_browser_only(house: House) -> None:
    link = await house.deck.accounts.link(house.me.id)
    await house.signed_out.get("/signin", params={"link": link})
    assert (await house.signed_out.post("/signout")).status_code == 303
    assert (await house.signed_out.get("/")).status_code == 401
    assert (await house.http.get("/")).status_code == 200


async def test_another_sites_page_cannot_submit_a_form(house: House) -> None:
    await house.connect()
    for path in ("/retry", "/disconnect", "/connect", "/signout", "/scrobbling"):
        answer = await house.http.post(path, headers={"Origin": "http://elsewhere.test"}, data={"queue": "discard"})
        assert answer.status_code == 403
    assert (await house.http.get("/")).status_code == 200


async def test_connecting_goes_to_lastfm_and_comes_back_to_the_page(house: House) -> None:
    away = await house.http.post("/connect")
    assert away.status_code == 303
    wanted = urlsplit(away.headers["location"])
    assert away.headers["location"].startswith(AUTH)
    back = parse_qs(wanted.query)["cb"][0]
    assert back.startswith("http://localhost/connect/back?login=")
    token = house.emulator.issue_token(API_KEY, "night_owl")
    there = await house.http.get(f"{back}&token={token}")
    assert (there.status_code, there.headers["location"]) == (303, "/")
    assert "<bdi>night_owl</bdi>" in await house.page()


async def returned(house: House, user: str = "RJ") -> str:
    """The address to which Last.fm sends the browser, which has been opened once."""
    location = (await house.http.post("/connect")).headers["location"]
    token = house.emulator.issue_token(API_KEY, user)
    address = f"{parse_qs(urlsplit(location).query)['cb'][0]}&token={token}"
    assert (await house.http.get(address)).status_code == 303
    return address


async def test_a_sign_in_that_is_opened_again_says_that_it_succeeded(house: House) -> None:
    address = await returned(house)
    assert "You&#39;re connected to Last.fm as RJ." in await house.page()
    sent = len(house.emulator.journal)
    for again in (address, f"{address.partition('&token=')[0]}&token={house.emulator.issue_token(API_KEY, 'other')}"):
        answer = await house.http.get(again)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert "You&#39;re connected to Last.fm as RJ." in await house.page()
    assert "connected to Last.fm as" not in await house.page(), "it is said once"
    assert len(house.emulator.journal) == sent, "Last.fm isn't asked again"


async def test_a_sign_in_that_is_opened_again_is_unknown_to_other_browsers(house: House) -> None:
    address = await returned(house, "night_owl")
    stranger = await house.signed_out.get(address)
    assert (stranger.status_code, "night_owl" in stranger.text) == (401, False)
    link = await house.deck.accounts.link((await house.deck.listener("ada")).id)
    await house.signed_out.get("/signin", params={"link": link})
    ada = await house.signed_out.get(address)
    never = await house.signed_out.get("/connect/back?login=never-asked&token=x")
    assert (ada.status_code, ada.text) == (400, never.text)


async def test_a_sign_in_that_is_opened_twice_at_once_succeeds_twice(house: House) -> None:
    location = (await house.http.post("/connect")).headers["location"]
    back = parse_qs(urlsplit(location).query)["cb"][0]
    address = f"{back}&token={house.emulator.issue_token(API_KEY, 'RJ')}"
    answers = await asyncio.gather(*(house.http.get(address) for _ in range(3)))
    assert [answer.headers.get("location") for answer in answers] == ["/"] * 3


async def test_a_form_that_is_sent_again_says_that_its_sign_in_succeeded(house: House) -> None:
    where = (await house.http.post("/connect/desktop")).headers["location"]
    token = {"token": where.partition("token=")[2]}
    house.emulator.approve(token["token"], "RJ")
    for _ in range(2):
        answer = await house.http.post("/connect/waiting", data=token)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert "You&#39;re connected to Last.fm as RJ." in await house.page()


async def test_a_sign_in_that_leads_nowhere_is_a_page_that_offers_another(house: House) -> None:
    async def back() -> str:
        location = (await house.http.post("/connect")).headers["location"]
        return parse_qs(urlsplit(location).query)["cb"][0]

    first = await back()
    used = house.emulator.issue_token(API_KEY, "RJ")
    await house.http.get(f"{first}&token={used}")
    await house.http.post("/disconnect", data={"queue": "keep"})
    cases = {
        f"{first}&token={used}": 400,
        f"{await back()}&token={house.emulator.issue_token(API_KEY)}": 202,
        f"{await back()}&token=never-issued": 400,
        "/connect/back?login=never-asked&token=x": 400,
    }
    for address, status in cases.items():
        answer = await house.http.get(address)
        assert answer.status_code == status, answer.text
        assert 'action="/connect"' in answer.text
    house.emulator.fault("error", error=11)
    away = await house.http.get(f"{await back()}&token=x")
    assert away.status_code == 502
    assert "Service Offline" in away.text
    assert (await house.http.get("/connect/back")).status_code == 400


@pytest.mark.parametrize(
    ("error", "said", "helps"),
    [
        (11, "Service Offline - This service is temporarily offline. Try again later. Nothing was changed.", ""),
        (13, "Invalid method signature supplied.", "Check that LASTFM_API_SECRET is the secret of LASTFM_API_KEY."),
        (10, "Invalid API key - You must be granted a valid key by last.fm.", "Check LASTFM_API_KEY."),
    ],
)
async def test_a_refused_sign_in_says_what_lastfm_said_and_what_helps(
    house: House, error: int, said: str, helps: str
) -> None:
    house.emulator.fault("error", error=error)
    location = (await house.http.post("/connect")).headers["location"]
    back = parse_qs(urlsplit(location).query)["cb"][0]
    for answer, again in (
        (await house.http.get(f"{back}&token=x"), "/connect"),
        (await house.http.post("/connect/desktop"), "/connect/desktop"),
    ):
        assert answer.status_code == 502
        words = unescape(answer.text)
        assert "Last.fm didn't sign you in" in words
        assert f"Last.fm said: {said}" in words
        assert helps in words
        assert f'action="{again}"' in words


async def test_a_lastfm_that_does_not_answer_has_said_nothing(house: House) -> None:
    house.emulator.fault("close-before-commit")
    answer = await house.http.post("/connect/desktop")
    assert answer.status_code == 502
    assert "Last.fm said" not in answer.text
    assert "Last.fm didn't answer" in unescape(answer.text)


async def test_a_cancelled_sign_in_is_not_called_old(house: House) -> None:
    where = (await house.http.post("/connect/desktop")).headers["location"]
    token = {"token": where.partition("token=")[2]}
    await house.http.post("/connect/cancel", data=token)
    answer = await house.http.post("/connect/waiting", data=token)
    assert answer.status_code == 410
    assert "It was cancelled, or is older than 60 minutes." in answer.text
    assert 'action="/connect/desktop"' in answer.text


async def test_a_page_that_waits_says_that_the_secret_is_wrong(house: House) -> None:
    where = (await house.http.post("/connect/desktop")).headers["location"]
    house.emulator.fault("error", error=13)
    token = {"token": where.partition("token=")[2]}
    answer = await house.http.post("/connect/waiting", data=token, headers={"HX-Request": "true"})
    assert "Check that LASTFM_API_SECRET is the secret of LASTFM_API_KEY." in answer.text


@only_sqlite  # origins are judged before any database is asked
@pytest.mark.parametrize(
    ("public_url", "host", "origin", "allowed"),
    [
        ("https://music.example", "music.example", "https://music.example", True),
        ("https://music.example", "music.example", "https://music.example:443", True),
        ("https://music.example", "127.0.0.1:8723", "https://music.example", True),
        ("https://music.example", "127.0.0.1:8723", "http://127.0.0.1:8723", True),
        ("https://music.example", "music.example", "http://music.example", False),
        ("https://music.example", "music.example", "https://music.example:8443", False),
        ("http://localhost:9000", "localhost:9000", "http://localhost:9000", True),
        ("http://localhost:9000", "localhost:8723", "http://localhost:8723", True),
        ("http://localhost:9000", "localhost:8723", "http://localhost:1", False),
        ("", "localhost", "http://localhost:80", True),
        ("", "localhost", "null", False),
    ],
)
async def test_an_origin_is_its_scheme_and_its_port_too(
    house: House, public_url: str, host: str, origin: str, allowed: bool
) -> None:
    app = httpx2.ASGITransport(create_app(house.deck, WebOptions(public_url)))
    async with httpx2.AsyncClient(transport=app, base_url=f"http://{host}") as http:
        answer = await http.post("/lastfm/scrobble", headers={"Origin": origin})
    assert answer.status_code == (401 if allowed else 403)
