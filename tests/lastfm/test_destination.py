"""A server that speaks Last.fm's API as a destination: its sign-in, in words for its listener."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.stand_ins import Fault, GnuFmStandIn
from tests.stand_ins.gnufm import Failed
from tonearm.core.destination import TokenCheck
from tonearm.core.verdict import Answered, SessionEnded
from tonearm.lastfm.destination import LastFmDestination
from tonearm.lastfm.servers import LIBREFM_SERVER

from .bodies import PLAYS

pytestmark = pytest.mark.anyio

NOW = 1_795_000_000


@pytest.fixture
def server() -> Iterator[GnuFmStandIn]:
    with GnuFmStandIn(lambda: NOW) as started:
        yield started


@pytest.fixture
def wire(server: GnuFmStandIn) -> LastFmDestination:
    return LastFmDestination(replace(LIBREFM_SERVER, api_url=server.url, approval_url=server.auth_url))


async def allowed(wire: LastFmDestination, server: GnuFmStandIn, keys: str = "") -> str:
    begun = await wire.begin(keys)
    assert isinstance(begun, tuple)
    server.approve(begun[1].split()[0], "anna")
    return begun[1]


async def test_a_listener_who_allows_it_gets_a_session(wire: LastFmDestination, server: GnuFmStandIn) -> None:
    check, secret = await wire.sign_in(await allowed(wire, server))
    assert check == TokenCheck(user="anna")
    assert isinstance(await wire.submit(PLAYS, secret, live=False), Answered)
    assert isinstance(await wire.playing_now(PLAYS[0].track, secret), Answered)
    assert [play.user for play in server.stored] == ["anna"] * len(PLAYS)
    assert server.playing["anna"].title == PLAYS[0].track.title


async def test_the_keys_of_a_program_stay_with_the_session(wire: LastFmDestination, server: GnuFmStandIn) -> None:
    check, secret = await wire.sign_in(await allowed(wire, server, f"{'1' * 32} {'2' * 32}"))
    assert check.user == "anna"
    assert secret.split()[1:] == ["1" * 32, "2" * 32]
    assert "1" * 32 in {**server.seen[-1].query, **server.seen[-1].form()}.values()


async def test_what_was_not_allowed_is_no_session(wire: LastFmDestination, server: GnuFmStandIn) -> None:
    begun = await wire.begin()
    assert isinstance(begun, tuple)
    check = await wire.validate(begun[1])
    assert check == TokenCheck(trouble="allow it at Libre.fm first, then try again", passing=True)
    assert isinstance(await wire.submit(PLAYS, "", live=False), SessionEnded)
    assert isinstance(await wire.playing_now(PLAYS[0].track, ""), SessionEnded)


class Forgetful(GnuFmStandIn):
    """It no longer knows tokens that it has issued."""

    def _session(self, params: dict[str, str]) -> dict[str, Any]:
        raise Failed(4)


async def test_a_token_that_is_no_longer_known_is_said_so() -> None:
    with Forgetful(lambda: NOW) as server:
        wire = LastFmDestination(replace(LIBREFM_SERVER, api_url=server.url, approval_url=server.auth_url))
        check = await wire.validate(await allowed(wire, server))
        assert check.trouble == "that took too long, or was used already: begin again at Libre.fm"


@pytest.mark.parametrize(
    ("fault", "says", "passing"),
    [
        (Fault.PAGE, "what answers there isn't Libre.fm: check the address", False),
        (Fault.OUTAGE, "Libre.fm error 11", True),
        (Fault.HANG_UP, "127.0.0.1", True),
    ],
)
async def test_what_is_in_the_way_is_said(
    wire: LastFmDestination, server: GnuFmStandIn, fault: Fault, says: str, passing: bool
) -> None:
    server.fault = fault
    begun = await wire.begin()
    assert isinstance(begun, TokenCheck)
    assert says in begun.trouble
    assert begun.passing is passing
