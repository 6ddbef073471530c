"""The stream of events: what keeps it open, and what ends it."""

from __future__ import annotations

from contextlib import aclosing

import httpx2
import pytest

from tests.web.conftest import House, Running
from tonearm.core.event import QueueUpdated
from tonearm.service.events import REMEMBERED
from tonearm.web.api import events


def now_playing(service: Running, title: str) -> None:
    with service.player() as player:
        player.post("/lastfm/now-playing", json={"artist": "Nina Simone", "track": title, "duration": 622})


def test_a_silent_stream_sends_signs_of_life(running_service: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "SILENCE", 0.01)
    with running_service.player() as player, player.stream("GET", "/events") as stream:
        lines = stream.iter_lines()
        while not next(lines).startswith(":"):
            pass
        now_playing(running_service, "Sinnerman")
        while "Sinnerman" not in next(lines):
            pass


def test_a_signed_out_browser_gets_no_more_events(running_service: Running) -> None:
    with httpx2.Client(base_url=running_service.url) as browser:
        browser.get(running_service.link())
        with browser.stream("GET", "/events") as stream:
            lines = stream.iter_lines()
            now_playing(running_service, "Sinnerman")
            while "Sinnerman" not in next(lines):
                pass
            browser.post("/signout")
            now_playing(running_service, "Feeling Good")
            assert not [line for line in lines if "Feeling Good" in line]


@pytest.mark.anyio
async def test_a_reader_that_was_too_slow_gets_what_is_left_and_has_to_resume(house: House) -> None:
    async def admitted() -> bool:
        return True

    async with aclosing(events.events_of(house.deck, house.me, None, admitted)) as stream:
        assert b"lastfm:auth" in await anext(stream)
        for number in range(5 * REMEMBERED):
            house.deck.event_hub.publish_here(house.me.id, QueueUpdated(number))
        remaining = [event async for event in stream]
    assert len(remaining) == 4 * REMEMBERED + 1
    assert f'"queued_count": {4 * REMEMBERED - 1}'.encode() in remaining[-1]
