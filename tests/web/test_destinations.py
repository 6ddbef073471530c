"""Other services on the pages: in the settings, and in the story of a play. Who has none sees nothing of them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

import tonearm
from tests.stand_ins.listenbrainz import ListenBrainzStandIn
from tests.web.conftest import House, house_at
from tonearm.core.destination import DestinationKind
from tonearm.service.destinations import DestinationOverview
from tonearm.store.destinations import StoredDestination

pytestmark = pytest.mark.anyio

TRACK = tonearm.Track("Nina Simone", "Sinnerman", duration=200)


@pytest.fixture
def server() -> ListenBrainzStandIn:
    stand_in = ListenBrainzStandIn()
    stand_in.users = {"a-token": "rob"}
    return stand_in


@pytest.fixture
async def delivering(database: str, server: ListenBrainzStandIn) -> AsyncIterator[House]:
    """A house that sends, with a ListenBrainz beside Last.fm."""
    async with house_at(database, deliver=True, hosts={"one.test": server}) as opened:
        yield opened


async def add(house: House) -> None:
    kind = DestinationKind.LISTENBRAINZ
    added = await house.deck.destinations.add(house.me.id, kind, "http://one.test", "a-token")
    assert isinstance(added, StoredDestination)


async def only(house: House) -> DestinationOverview:
    [found] = await house.deck.destinations.all(house.me.id)
    return found


async def play(house: House) -> int:
    return (await house.me.scrobble(TRACK, started_at=house.deck.clock.now() - 900, played=150)).id


async def test_who_has_only_lastfm_sees_nothing_of_other_services(house: House) -> None:
    number = await play(house)
    assert "Other services" not in await house.page("/settings")
    assert "Other services" not in await house.page(f"/plays/{number}")


async def test_the_settings_show_each_service_and_pause_it(delivering: House) -> None:
    await add(delivering)
    page = await delivering.page("/settings")
    assert 'data-state="live" href="/settings/destinations/1"><bdi>ListenBrainz (rob)</bdi></a>' in page
    assert "Nothing waits" in page
    number = (await only(delivering)).stored.id
    answer = await delivering.http.post(f"/settings/destinations/{number}/pause")
    assert answer.status_code == 303
    await play(delivering)
    page = await delivering.page("/settings")
    assert "Paused" in page
    assert "1 play waits" in page
    page = await delivering.page(f"/settings/destinations/{number}")
    assert "<bdi>Nina Simone</bdi> – <bdi>Sinnerman</bdi>" in page
    assert "Queued: Sending is paused." in page
    assert "Not accepted" not in page
    assert (await delivering.http.get("/settings/destinations/99")).status_code == 404
    for action in ("resume", "retry"):
        assert (await delivering.http.post(f"/settings/destinations/{number}/{action}")).status_code == 303
    assert (await only(delivering)).state == "connected"
    assert (await delivering.http.post("/settings/destinations/99/pause")).status_code == 404


async def test_a_service_that_needs_a_token_says_so(delivering: House, server: ListenBrainzStandIn) -> None:
    await add(delivering)
    server.users.clear()
    await play(delivering)
    while (await only(delivering)).state != "needs_sign_in":
        pass
    page = await delivering.page("/settings")
    assert 'data-state="lost"' in page
    assert "Needs a new token" in page
    assert "ListenBrainz rejects the token: enter a new token." in page


async def test_the_story_of_a_play_tells_what_happened_at_each_service(delivering: House) -> None:
    await add(delivering)
    number = await play(delivering)
    while (await only(delivering)).waiting.plays:
        pass
    page = await delivering.page(f"/plays/{number}")
    assert "Other services" in page
    assert "<b><bdi>ListenBrainz (rob)</bdi></b> Accepted" in page
