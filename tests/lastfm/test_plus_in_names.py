"""A plus or a percent sign in a name, at a Last.fm that decodes names once, and at one that decodes them twice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from lastfm_emulator import Address, Artist, Emulator, Record, Song, serve
from tonearm.lastfm import BadParameters, LastFm, LastFmSync, Unavailable
from tonearm.lastfm.methods import album, artist, user
from tonearm.lastfm.request import sign_request, variants

from .faces import KEYS, Face, call, page

pytestmark = pytest.mark.anyio

FLORENCE = "Florence + the Machine"


@pytest.fixture
def emulator() -> Emulator:
    emulator = Emulator()
    records = (Record("Lungs", (Song("Dog Days", 252), Song("100% + 1", 200))),)
    emulator.music.add(Artist(FLORENCE, ("indie",), records, 1000))
    emulator.music.add(Artist("Feist", ("indie",), (Record("The Reminder", (Song("Lungs", 200),)),), 900))
    return emulator


@pytest.fixture
def address(emulator: Emulator) -> Iterator[Address]:
    with serve(emulator) as address:
        yield address


@pytest.fixture
async def client(face: Face, address: Address) -> AsyncIterator[LastFm | LastFmSync]:
    client = face(KEYS, address.url)
    yield client
    if isinstance(client, LastFm):
        await client.close()
    else:
        client.close()


@pytest.mark.parametrize("twice", [False, True])
async def test_the_artist_is_found_either_way(client: LastFm | LastFmSync, emulator: Emulator, twice: bool) -> None:
    if twice:
        emulator.fault("decodes-twice")
    assert (await call(client, "artist_info", FLORENCE)).name == FLORENCE
    assert "Feist" in [one.name for one in await call(client, "artist_similar", FLORENCE)]
    assert {one.title for one in (await page(client, "artist_top_tracks", FLORENCE)).items} == {"Dog Days", "100% + 1"}
    assert await call(client, "track_similar", FLORENCE, "100% + 1")
    asked = [entry.method for entry in emulator.journal]
    assert len(asked) == (8 if twice else 4), asked


async def test_who_is_not_known_is_requested_twice_and_is_not_known(
    client: LastFm | LastFmSync, emulator: Emulator
) -> None:
    with pytest.raises(BadParameters):
        await call(client, "artist_info", "no + body")
    assert len(list(emulator.journal)) == 2
    with pytest.raises(BadParameters):
        await call(client, "artist_info", "nobody")
    assert len(list(emulator.journal)) == 3


async def test_an_empty_list_is_requested_twice(client: LastFm | LastFmSync, emulator: Emulator) -> None:
    assert await call(client, "track_similar", "no + body", "no song") == ()
    assert len(list(emulator.journal)) == 2


async def test_while_lastfm_is_down_nothing_is_requested_twice(client: LastFm | LastFmSync, emulator: Emulator) -> None:
    emulator.fault("error", error=16)
    with pytest.raises(Unavailable):
        await call(client, "artist_info", FLORENCE)
    assert len(list(emulator.journal)) == 1


async def test_which_way_goes_first_is_one_setting() -> None:
    request = artist.info(FLORENCE)
    once, twice = (sign_request(way, KEYS).form for way in variants(request))
    assert "artist=Florence+%2B+the+Machine" in once
    assert "artist=Florence+%252B+the+Machine" in twice
    assert [sign_request(way, KEYS).form for way in variants(request, twice_first=True)] == [twice, once]


async def test_other_requests_have_one_variant() -> None:
    for request in (artist.info("Feist"), album.info(FLORENCE, "Lungs"), user.info("a+b")):
        assert variants(request) == (request,)
