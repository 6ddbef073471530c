"""The client that remembers: the methods of the other, and fewer requests."""

from __future__ import annotations

import pytest

from lastfm_emulator import API_KEY, API_SECRET, Emulator
from lastfm_emulator.transport import Direct
from tests.fake_clock import FakeClock
from tonearm import RememberingLastFm, Resting
from tonearm.core.play import Track
from tonearm.core.verdict import Answered
from tonearm.lastfm import BadParameters, Keys, Unavailable
from tonearm.lastfm.cache_policy import WEEK
from tonearm.lastfm.methods import artist

httpx2 = pytest.importorskip("httpx2")
pytestmark = pytest.mark.anyio


class Known:
    """A client of an emulator, in a time that stands still."""

    def __init__(self, **options: object) -> None:
        self.clock = FakeClock()
        self.emulator = Emulator(clock=self.clock.now)
        http = httpx2.AsyncClient(transport=Direct(self.emulator))
        keys = Keys(API_KEY, API_SECRET)
        self.client = RememberingLastFm(keys, "http://lastfm.test/2.0/", http=http, now=self.clock.now, **options)  # type: ignore[arg-type]

    def calls(self, method: str) -> int:
        return sum(entry.method == method for entry in self.emulator.journal)


async def test_a_method_asks_once_and_says_how_old_its_answer_is() -> None:
    known = Known()
    async with known.client as lastfm:
        first = await lastfm.artist_info("Nina Simone")
        known.clock.advance(3600)
        assert await lastfm.artist_info("Nina Simone") is first
        ask_with_age = await lastfm.ask_with_age(artist.info("Nina Simone"))
        assert ask_with_age.value is first
        assert 3600 <= ask_with_age.age < 3601
        assert not ask_with_age.stale
        assert [one.title async for one in lastfm.artist_top_albums("Nina Simone")]
        assert [one.title async for one in lastfm.artist_top_albums("Nina Simone")]
    assert known.calls("artist.getInfo") == 1
    assert known.calls("artist.getTopAlbums") == 1


async def test_while_lastfm_is_down_old_answers_are_used_and_it_is_left_alone() -> None:
    known = Known()
    async with known.client as lastfm:
        await lastfm.artist_info("Can")
        known.clock.advance(3 * WEEK)
        known.emulator.fault("proxy-busy", seconds=600)
        assert (await lastfm.artist_info("Can")).name == "Can"
        for _ in range(5):
            with pytest.raises(Resting):
                await lastfm.artist_info("Low")
        known.clock.advance(601)
        with pytest.raises(Unavailable):
            await lastfm.artist_info("Low")
        known.emulator.clear_faults()
        known.clock.advance(601)
        assert (await lastfm.artist_info("Low")).name == "Low"
    assert known.calls("artist.getInfo") == 4


async def test_what_a_write_changes_is_forgotten_and_reads_with_a_session_always_go_out() -> None:
    known = Known()
    known.emulator.add_user("RJ")
    async with known.client as lastfm:
        token = await lastfm.get_token()
        known.emulator.approve(token, "RJ")
        session = await lastfm.get_session(token)
        await lastfm.track_info("Nina Simone", "Sinnerman")
        verdict = await lastfm.love("Nina Simone", "Sinnerman", session.key)
        assert isinstance(verdict, Answered)
        await lastfm.now_playing(Track("Nina Simone", "Sinnerman"), session.key)
        await lastfm.track_info("Nina Simone", "Sinnerman")
        assert known.calls("track.getInfo") == 2
        for _ in range(2):
            await lastfm.user_info(session_key=session.key)
        assert known.calls("user.getInfo") == 2
        await lastfm.user_info("RJ")
        await lastfm.forget(listener="rj")
        await lastfm.user_info("RJ")
        assert known.calls("user.getInfo") == 4
        for _ in range(2):
            with pytest.raises(BadParameters):
                await lastfm.artist_info("nobody")
    assert known.calls("artist.getInfo") == 1
