"""GNU FM, and whatever else speaks Last.fm's API: the same client, other oddities, and the server's own name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.stand_ins import Fault, GnuFmStandIn, Stored
from tonearm.core.delivery import DeliveryState, Ignored, QueuedPlay
from tonearm.core.delivery_answer import next_step
from tonearm.core.play import Play, Track
from tonearm.core.verdict import (
    Answered,
    Cause,
    ItemAnswer,
    KeyRefused,
    Later,
    SessionEnded,
    Split,
    Throttled,
    Unsure,
    Verdict,
)
from tonearm.lastfm import Keys, LastFm, TokenNotApproved, approval_url
from tonearm.lastfm.rules import LIBREFM, NAME_TOO_LONG, gnu_fm, like_lastfm
from tonearm.lastfm.servers import LIBREFM_SERVER, OPEN_KEYS, LastFmServer, server_at

from .bodies import PLAYS
from .loopback import answering, serving

pytestmark = pytest.mark.anyio

NOW = 1_795_000_000
SK = "0123456789abcdef0123456789abcdef"
THERE = [
    Stored("anna", 1700000000, "Low", "Sunflower", "Things We Lost in the Fire", 276),
    Stored("anna", 1700000300, "Can", "Vitamin C", "Ege Bamyasi", 214),
    Stored("anna", 1700000600, "Broadcast", "Tender Buttons"),
]
ACCEPTED = tuple(ItemAnswer(0, timestamp=play.timestamp) for play in PLAYS)


@pytest.fixture
def server() -> Iterator[GnuFmStandIn]:
    with GnuFmStandIn(lambda: NOW) as started:
        started.users[SK] = "anna"
        yield started


def at(server: GnuFmStandIn) -> LastFmServer:
    return replace(LIBREFM_SERVER, api_url=server.url, approval_url=server.auth_url)


def client(server: LastFmServer, keys: Keys = OPEN_KEYS) -> LastFm:
    return LastFm(keys, server.api_url, server=server)


async def scrobbled(server: GnuFmStandIn, *plays: Play, sk: str = SK) -> Verdict:
    async with client(at(server)) as librefm:
        return await librefm.scrobble(plays or PLAYS, sk)


async def test_its_sign_in_is_last_fms_at_another_address(server: GnuFmStandIn) -> None:
    async with client(at(server)) as librefm:
        token = await librefm.get_token()
        page = approval_url(OPEN_KEYS.api_key, token=token, base=at(server).approval_url)
        assert page.startswith(f"{server.auth_url}?api_key=")
        with pytest.raises(TokenNotApproved, match=r"Libre\.fm error 14: This token has not been authorized"):
            await librefm.get_session(token)
        server.approve(token, "anna")
        session = await librefm.get_session(token)
        assert session.name == "anna"
        assert await librefm.scrobble(PLAYS, session.key) == Answered(ACCEPTED)
    assert server.stored == THERE


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.CUT])
async def test_plays_whose_answer_was_lost_are_there_once(server: GnuFmStandIn, fault: Fault) -> None:
    server.fail_next(fault)
    assert isinstance(await scrobbled(server), Unsure)
    assert server.stored == THERE
    assert await scrobbled(server) == Answered(ACCEPTED), "91 means that it has them"
    assert server.stored == THERE


async def test_ignored_plays_are_reported_in_its_name(server: GnuFmStandIn) -> None:
    nobody = Play(Track("0", "Zero"), 1700000900, 100.0)
    verdict = await scrobbled(server, *PLAYS, nobody)
    assert isinstance(verdict, Answered)
    (code, message), play = (verdict.items[3].ignored_code, verdict.items[3].message), nobody
    assert LIBREFM.reason(play, code, message, NOW) == "Libre.fm's filter ignored the artist '0' (Artist was ignored)"
    assert server.stored == THERE


async def test_its_codes_for_too_new_and_too_old_are_swapped(server: GnuFmStandIn) -> None:
    ahead = replace(PLAYS[0], timestamp=NOW + 4000)
    verdict = await scrobbled(server, ahead)
    assert verdict == Answered((ItemAnswer(3, "Timestamp is too new", NOW + 4000),))
    queued = QueuedPlay(1, ahead, enqueued_at=NOW - 100)
    (back,) = next_step(DeliveryState(), [queued], verdict, NOW, 0.5, rules=LIBREFM).back
    assert back.error == "Libre.fm says that this play starts in the future"
    assert back.not_before >= NOW + 4000
    old = QueuedPlay(2, replace(PLAYS[0], timestamp=1_000_000_000))
    verdict = await scrobbled(server, old.play)
    (settled,) = next_step(DeliveryState(), [old], verdict, NOW, 0.5, rules=LIBREFM).settled
    assert settled.fate == Ignored(4, "Libre.fm says that the play is too old (Timestamp is too old)")


async def test_what_its_database_could_not_store_is_sent_again_unless_no_name_so_long_fits(
    server: GnuFmStandIn,
) -> None:
    server.unstored[1700000300, "Vitamin C"] = 92
    verdict = await scrobbled(server)
    assert isinstance(verdict, Answered)
    assert [item.ignored_code for item in verdict.items] == [0, NAME_TOO_LONG, 0]
    assert LIBREFM.reason(PLAYS[1], NAME_TOO_LONG, "", NOW) == "its names are too long for Libre.fm"
    server.unstored_words = "exception 'Exception' with message 'deadlock detected'"
    verdict = await scrobbled(server, PLAYS[1])
    (back,) = next_step(DeliveryState(), [QueuedPlay(1, PLAYS[1])], verdict, NOW, 0.5, rules=LIBREFM).back
    assert back.error == "the server couldn't store the play"


async def test_its_errors_have_http_200_and_its_name(server: GnuFmStandIn) -> None:
    verdict = await scrobbled(server, sk="another")
    assert verdict == SessionEnded(Cause(9, "Invalid session key - Please re-authenticate", "Libre.fm"))
    assert str(verdict.cause).startswith("Libre.fm error 9: ")
    async with client(at(server), Keys("short", "secret")) as librefm:
        assert isinstance(await librefm.scrobble(PLAYS, SK), KeyRefused)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault.OUTAGE, Later),
        (Fault.BAD_REQUEST, Split),
        (Fault.THROTTLED, Throttled),
        (Fault.GATEWAY, Unsure),
        (Fault.PAGE, Unsure),
        (Fault.HANG_UP, Unsure),
        (Fault.REVOKED, SessionEnded),
    ],
)
async def test_after_each_fault_the_plays_are_there_once(
    server: GnuFmStandIn, fault: Fault, kind: type[Verdict]
) -> None:
    server.fail_next(fault)
    assert isinstance(await scrobbled(server), kind)
    assert server.stored == []
    await scrobbled(server)
    assert server.stored == THERE


async def test_a_program_that_fails_may_do_so_for_one_play_which_is_looked_for(server: GnuFmStandIn) -> None:
    server.fault = Fault.BROKEN
    cause = Cause(None, "HTTP 500 with an empty body", "Libre.fm")
    assert await scrobbled(server) == Split(cause, may_be_there=True)
    async with LastFm(OPEN_KEYS, server.url) as lastfm:
        assert isinstance(await lastfm.scrobble(PLAYS, SK), Unsure), "at Last.fm such a play grows too old"


async def test_what_plays_now_and_hearts_go_there_too(server: GnuFmStandIn) -> None:
    async with client(at(server)) as librefm:
        assert isinstance(await librefm.now_playing(PLAYS[0].track, SK), Answered)
        assert isinstance(await librefm.love("Low", "Sunflower", SK), Answered)
        assert server.hearts == {("anna", "Low", "Sunflower")}
        assert isinstance(await librefm.unlove("Low", "Sunflower", SK), Answered)
    assert server.playing["anna"].title == "Sunflower"
    assert server.hearts == set()


def test_plays_of_any_age_and_length_go_there() -> None:
    for rules in (LIBREFM, like_lastfm("music.example"), gnu_fm("my GNU FM")):
        assert (rules.batch, rules.oldest, rules.shortest, rules.daily_limit) == (50, None, 0.0, False)
        short = Play(Track("[unknown]", "x", duration=3.0), 1_100_000_000, 3.0)
        assert rules.reason(short, 7, "", NOW) == f"{rules.service} ignored it with code 7"
        assert rules.reason(short, 1, "", NOW) == f"{rules.service}'s filter ignored the artist '[unknown]'"
        assert rules.reason(short, 2, "", NOW) == f"{rules.service}'s filter ignored the track 'x'"


@pytest.mark.parametrize(
    ("url", "api_url", "approval", "name"),
    [
        ("https://music.example", "https://music.example/2.0/", "https://music.example/api/auth/", "music.example"),
        (
            "http://music.example:8080/gnufm/2.0/",
            "http://music.example:8080/gnufm/2.0/",
            "http://music.example:8080/api/auth/",
            "music.example:8080",
        ),
    ],
)
def test_a_server_is_found_by_its_address(url: str, api_url: str, approval: str, name: str) -> None:
    server = server_at(url)
    assert (server.api_url, server.approval_url, server.rules.service) == (api_url, approval, name)


def test_its_approval_page_and_its_name_may_be_elsewhere() -> None:
    server = server_at("https://ws.example/2.0", approval_url="https://www.example/allow", name="Example", rules=None)
    assert (server.approval_url, server.rules.service) == ("https://www.example/allow/", "Example")
    assert server_at("https://gnu.example", rules=gnu_fm("GNU FM")).rules.service == "GNU FM"
    with pytest.raises(ValueError, match="the address must start with https"):
        server_at("music.example")


async def test_a_page_instead_of_an_answer_is_described() -> None:
    with serving(answering(b"<html>", "403 Forbidden")) as other:
        async with client(server_at(other.url)) as lastfm_like:
            verdict = await lastfm_like.scrobble(PLAYS, SK)
    assert isinstance(verdict, Unsure)
    assert str(verdict.cause) == "HTTP 403 with a page instead of an answer"
