"""What plays now, and hearts: they go to a recording that MusicBrainz knows, or it is said that there is none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lastfm.loopback import answering, nobody, serving
from tests.listenbrainz.plays import MBID, NOW, PLAYS, TOKEN, client
from tests.stand_ins import Fault, ListenBrainzStandIn, Stored
from tonearm.core.play import Track
from tonearm.core.verdict import Answered, Cause, ItemAnswer, Later, SessionEnded, Split, Throttled, Verdict
from tonearm.listenbrainz.rules import ListenCode

pytestmark = pytest.mark.anyio

VITAMIN = PLAYS[1].track
SUNFLOWER = PLAYS[0].track
OTHER = "11111111-7763-47d7-b03b-b92132375c47"


@pytest.fixture
def server() -> Iterator[ListenBrainzStandIn]:
    with ListenBrainzStandIn(lambda: NOW) as started:
        started.users[TOKEN] = "anna"
        started.recordings["low", "sunflower"] = OTHER
        yield started


async def test_what_plays_now_is_shown(server: ListenBrainzStandIn) -> None:
    async with client(server.url) as listenbrainz:
        assert await listenbrainz.playing_now(VITAMIN, TOKEN) == Answered((ItemAnswer(0),))
    assert server.playing == {"anna": Stored("anna", 0, "Can", "Vitamin C", "Ege Bamyasi", 214.0)}
    assert server.stored == []


async def test_what_plays_now_needs_a_good_token(server: ListenBrainzStandIn) -> None:
    async with client(server.url) as listenbrainz:
        assert isinstance(await listenbrainz.playing_now(VITAMIN, "wrong"), SessionEnded)


async def test_a_heart_goes_to_the_recording_of_the_track(server: ListenBrainzStandIn) -> None:
    async with client(server.url) as listenbrainz:
        assert await listenbrainz.feedback(VITAMIN, TOKEN, loved=True) == Answered((ItemAnswer(0),))
        assert server.hearts == {("anna", MBID): 1}
        await listenbrainz.feedback(VITAMIN, TOKEN, loved=False)
        assert server.hearts == {("anna", MBID): 0}
    assert len(server.seen) == 2, "with an MBID nothing is looked up"


async def test_a_second_request_waits_for_its_turn(server: ListenBrainzStandIn) -> None:
    seen_at_turns: list[int] = []

    async def turn() -> None:
        seen_at_turns.append(len(server.seen))

    async with client(server.url) as listenbrainz:
        await listenbrainz.feedback(VITAMIN, TOKEN, loved=True, turn=turn)
        assert seen_at_turns == [], "with an MBID there is one request"
        await listenbrainz.feedback(SUNFLOWER, TOKEN, loved=True, turn=turn)
        assert seen_at_turns == [2], "the lookup has been answered"
        await listenbrainz.feedback(Track("Nobody", "Nothing"), TOKEN, loved=True, turn=turn)
        assert seen_at_turns == [2], "there is nothing to send after that lookup"


async def test_without_an_mbid_the_recording_is_looked_up(server: ListenBrainzStandIn) -> None:
    async with client(server.url) as listenbrainz:
        await listenbrainz.feedback(SUNFLOWER, TOKEN, loved=True)
        await listenbrainz.feedback(Track("Low", "Sunflower", mbid="no mbid"), TOKEN, loved=False)
    assert server.hearts == {("anna", OTHER): 0}
    assert server.seen[0].query["release_name"] == "Things We Lost in the Fire"


async def test_an_unknown_recording_gets_no_heart_and_is_reported(server: ListenBrainzStandIn) -> None:
    async with client(server.url) as listenbrainz:
        verdict = await listenbrainz.feedback(Track("Nobody", "Nothing"), TOKEN, loved=True)
    words = "ListenBrainz doesn't know this recording, so it can't store the heart"
    assert verdict == Answered((ItemAnswer(ListenCode.UNKNOWN_RECORDING, words),))
    assert server.hearts == {}


@pytest.mark.parametrize(
    ("fault", "kind"),
    [(Fault.THROTTLED, Throttled), (Fault.GATEWAY, Later), (Fault.OUTAGE, Split), (Fault.HANG_UP, Later)],
)
async def test_a_look_up_that_fails_is_retried(server: ListenBrainzStandIn, fault: Fault, kind: type[Verdict]) -> None:
    server.fail_next(fault)
    async with client(server.url) as listenbrainz:
        assert isinstance(await listenbrainz.feedback(SUNFLOWER, TOKEN, loved=True), kind)
        assert server.hearts == {}
        await listenbrainz.feedback(SUNFLOWER, TOKEN, loved=True)
    assert server.hearts == {("anna", OTHER): 1}


async def test_an_answer_to_something_else_is_not_a_recording() -> None:
    with serving(answering(b'{"status":"ok"}', "201 Created")) as other:
        async with client(other.url.removesuffix("/2.0/")) as listenbrainz:
            verdict = await listenbrainz.feedback(SUNFLOWER, TOKEN, loved=True)
    assert verdict == Later(Cause(None, "an unrelated answer", "ListenBrainz"))


async def test_without_a_network_a_heart_waits() -> None:
    async with client(nobody()) as listenbrainz:
        assert isinstance(await listenbrainz.feedback(SUNFLOWER, TOKEN, loved=True), Later)


async def test_a_heart_that_is_refused_is_a_verdict(server: ListenBrainzStandIn) -> None:
    server.fault = Fault.BROKEN
    async with client(server.url) as listenbrainz:
        assert isinstance(await listenbrainz.feedback(VITAMIN, TOKEN, loved=True), Split)
