"""Koito accepts plays over ListenBrainz's API, one at a time, and says "unauthorized" for its own failures, too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.listenbrainz.plays import NOW, PLAYS, TOKEN, koito
from tests.stand_ins import Fault, KoitoStandIn, Stored
from tonearm.core.verdict import (
    Answered,
    Cause,
    ItemAnswer,
    Later,
    SessionEnded,
    SessionSuspect,
    Split,
    Throttled,
    Unsure,
    Verdict,
)
from tonearm.listenbrainz import KOITO
from tonearm.listenbrainz.rules import ListenCode

pytestmark = pytest.mark.anyio


@pytest.fixture
def server() -> Iterator[KoitoStandIn]:
    with KoitoStandIn(lambda: NOW) as started:
        started.users[TOKEN] = "anna"
        yield started


async def submitted(server: KoitoStandIn, *, live: bool = True) -> Verdict:
    async with koito(server.url) as client:
        return await client.submit(PLAYS[:1], TOKEN, live=live)


async def test_a_play_is_there_once_however_often_it_is_sent(server: KoitoStandIn) -> None:
    server.fail_next(Fault.LOST_ANSWER, Fault.BROKEN)
    assert isinstance(await submitted(server), Unsure)
    assert await submitted(server) == Split(Cause(500, "no message", "Koito"), may_be_there=True)
    assert await submitted(server) == Answered((ItemAnswer(0),))
    assert await submitted(server, live=False) == Answered((ItemAnswer(0),))
    assert server.stored == [Stored("anna", NOW - 3000, "Low", "Sunflower", "Things We Lost in the Fire", 276)]


async def test_plays_go_one_by_one(server: KoitoStandIn) -> None:
    assert KOITO.batch == 1
    async with koito(server.url) as client:
        with pytest.raises(ValueError, match="1 to 1 plays, not 3"):
            await client.submit(PLAYS, TOKEN, live=False)


WRONG = Cause(None, "Koito rejects the token: unauthorized", "Koito")


async def test_a_wrong_key_holds_the_plays_and_says_why(server: KoitoStandIn) -> None:
    server.users.clear()
    assert await submitted(server) == SessionEnded(WRONG)
    open_read = server.seen[-1]
    assert (open_read.path, open_read.query) == ("/apis/web/v1/listens", {"limit": "1"})
    assert "authorization" not in open_read.headers


async def test_unauthorized_while_its_database_is_down_waits(server: KoitoStandIn) -> None:
    server.fault = Fault.OUTAGE
    words = "Koito rejects the token: unauthorized; but it has problems of its own"
    assert await submitted(server) == Later(Cause(None, words, "Koito"))
    server.fail_next(Fault.OUTAGE, Fault.HANG_UP)
    assert await submitted(server) == Later(Cause(None, words, "Koito"))
    server.fault = Fault.NONE
    assert await submitted(server) == Answered((ItemAnswer(0),))


async def test_if_all_reads_need_a_key_a_wrong_one_is_doubted_first(server: KoitoStandIn) -> None:
    server.users.clear()
    server.login_gate = True
    assert await submitted(server) == SessionSuspect(WRONG)


async def test_too_many_requests_wait(server: KoitoStandIn) -> None:
    server.fault = Fault.THROTTLED
    verdict = await submitted(server)
    assert isinstance(verdict, Throttled)
    assert verdict.retry_after == 7.0


async def test_what_plays_now_is_shown(server: KoitoStandIn) -> None:
    async with koito(server.url) as client:
        assert await client.playing_now(PLAYS[0].track, TOKEN) == Answered((ItemAnswer(0),))
    assert server.playing["anna"].title == "Sunflower"


async def test_hearts_have_no_place_there(server: KoitoStandIn) -> None:
    async with koito(server.url) as client:
        verdict = await client.feedback(PLAYS[0].track, TOKEN, loved=True)
    assert verdict == Answered((ItemAnswer(ListenCode.NO_HEARTS, "Koito doesn't support hearts"),), from_server=False)
    assert server.seen == []
