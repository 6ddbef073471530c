"""A server that speaks Last.fm's API as a destination: what is stored of an access, and what is sent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest

from tests.stand_ins import Fault, GnuFmStandIn
from tonearm.core.destination import AccessPart, Ignoring, TokenCheck
from tonearm.core.verdict import Answered, SessionEnded
from tonearm.lastfm.destination import LastFmAccess, LastFmDestination
from tonearm.lastfm.like import LASTFM_SERVER, LastFmLikeClient
from tonearm.lastfm.request import Keys
from tonearm.lastfm.rules import LASTFM

from .bodies import PLAYS
from .loopback import answering, serving

pytestmark = pytest.mark.anyio

NOW = 1_795_000_000
OWN = Keys("1" * 32, "2" * 32)
AGENT = "tonearm/0 ( tests )"


@pytest.fixture
def server() -> Iterator[GnuFmStandIn]:
    with GnuFmStandIn(lambda: NOW) as started:
        yield started


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient() as client:
        yield client


@pytest.fixture
def wire(server: GnuFmStandIn, http: httpx2.AsyncClient) -> LastFmDestination:
    return LastFmDestination(server.url, http=http, user_agent=AGENT, gnu_fm=True)


async def approved(wire: LastFmDestination, server: GnuFmStandIn, access: LastFmAccess) -> LastFmAccess:
    begun = await wire.begin(access)
    assert isinstance(begun, tuple)
    server.approve(begun[1].secret, "anna")
    granted = await wire.finish(begun[1])
    assert isinstance(granted, tuple)
    assert granted[0] == "anna"
    return granted[1]


async def test_what_is_approved_is_sent_with(wire: LastFmDestination, server: GnuFmStandIn) -> None:
    token = str(await approved(wire, server, LastFmAccess()))
    assert isinstance(await wire.submit(PLAYS, token, live=False), Answered)
    assert isinstance(await wire.playing_now(PLAYS[0].track, token), Answered)
    assert [play.user for play in server.stored] == ["anna"] * len(PLAYS)
    assert server.playing["anna"].title == PLAYS[0].track.title


async def test_a_name_and_a_password_bring_the_same(wire: LastFmDestination, server: GnuFmStandIn) -> None:
    server.passwords["anna"] = "sesame, open"
    granted = await wire.sign_in(LastFmAccess(keys=OWN), "anna", "sesame, open")
    assert isinstance(granted, tuple)
    assert granted[1].keys == OWN
    assert isinstance(await wire.sign_in(LastFmAccess(), "anna", "another"), TokenCheck)


async def test_own_keys_and_an_approval_page_stay_with_the_session(
    wire: LastFmDestination, server: GnuFmStandIn
) -> None:
    elsewhere = LastFmAccess(keys=OWN, approval_page="https://music.example/allow")
    begun = await wire.begin(elsewhere)
    assert isinstance(begun, tuple)
    assert begun[0].startswith(f"https://music.example/allow/?api_key={OWN.api_key}&token=")
    session = await approved(wire, server, elsewhere)
    assert (session.keys, session.approval_page) == (OWN, elsewhere.approval_page)
    await wire.submit(PLAYS, str(session), live=False)
    assert server.seen[-1].form()["api_key"] == OWN.api_key
    assert OWN.api_secret not in repr(session)
    assert session.secret not in repr(session)


@pytest.mark.parametrize("keys", [None, OWN])
@pytest.mark.parametrize("page", ["", "https://music.example/allow"])
@pytest.mark.parametrize("secret", ["", "a-key", "one with blanks %20"])
def test_an_access_is_the_same_after_it_was_kept_as_text(secret: str, page: str, keys: Keys | None) -> None:
    access = LastFmAccess(secret, keys, page)
    assert LastFmAccess.of(str(access)) == access


async def test_without_a_session_nothing_is_asked(wire: LastFmDestination, server: GnuFmStandIn) -> None:
    assert isinstance(await wire.submit(PLAYS, "", live=False), SessionEnded)
    assert isinstance(await wire.playing_now(PLAYS[0].track, ""), SessionEnded)
    assert isinstance(await wire.feedback(PLAYS[0].track, "", loved=True), SessionEnded)
    assert "has no tokens: sign in there" in (await wire.validate("a-token")).trouble
    assert server.seen == []


async def test_what_is_not_approved_yet_is_pending(wire: LastFmDestination, server: GnuFmStandIn) -> None:
    begun = await wire.begin(LastFmAccess())
    assert isinstance(begun, tuple)
    check = await wire.finish(begun[1])
    assert isinstance(check, TokenCheck)
    assert check.pending
    server.fault = Fault.OUTAGE
    away = await wire.finish(begun[1])
    assert isinstance(away, TokenCheck)
    assert (away.passing, away.pending) == (True, False)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (15, "this approval has expired, or was used already: start again at HOST"),
        (4, "this approval has expired, or was used already: start again at HOST"),
        (10, "HOST requires an API key of its own: enter one, with its shared secret"),
    ],
)
async def test_it_says_what_to_do(http: httpx2.AsyncClient, error: int, words: str) -> None:
    with serving(answering(b'{"error":%d,"message":"no"}' % error)) as other:
        wire = LastFmDestination(other.url, http=http, user_agent=AGENT)
        check = await wire.finish(LastFmAccess("a-token"))
        part = AccessPart.API_KEY if error == 10 else AccessPart.SECRET
        assert check == TokenCheck(trouble=words.replace("HOST", wire.rules.service), part=part)


async def test_rules_are_those_of_the_address(http: httpx2.AsyncClient) -> None:
    def rules_of(url: str, *, gnu_fm: bool = False) -> tuple[str, int | None, Ignoring]:
        rules = LastFmDestination(url, http=http, user_agent=AGENT, gnu_fm=gnu_fm).rules
        return rules.service, rules.oldest, rules.codes[4]

    assert rules_of("https://music.example") == ("music.example", None, Ignoring.TOO_NEW)
    assert rules_of("https://gnu.example:8443", gnu_fm=True) == ("gnu.example:8443", None, Ignoring.TOO_OLD)
    assert rules_of("https://libre.fm", gnu_fm=True) == ("Libre.fm", None, Ignoring.TOO_OLD)
    assert rules_of("https://ws.audioscrobbler.com") == ("Last.fm", 14 * 86400, Ignoring.TOO_NEW)
    assert LastFmDestination("https://libre.fm", http=http, user_agent=AGENT).address == "https://libre.fm/2.0/"
    assert LASTFM_SERVER.rules is LASTFM
    assert LastFmLikeClient("https://www.last.fm/", user_agent=AGENT).server is LASTFM_SERVER
