"""Look-ups: what a deck makes of Last.fm's answers, and what it does while Last.fm is down."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from lastfm_emulator.shelf import PICTURES
from tests.databases import with_tables
from tests.service.conftest import DAY, HOUR, House, Room
from tonearm.core.play import MissingName
from tonearm.lastfm.breaker import Resting
from tonearm.lastfm.cache import Remembered
from tonearm.lastfm.error import RateLimited, Unavailable
from tonearm.service.metadata import LONGEST_NAME, Artist, NotKnown, SearchKind

pytestmark = pytest.mark.anyio


@pytest.fixture
def database(tmp_path: Path, tables: Path) -> Path | str:
    """A file: what is different on PostgreSQL, the store of answers, has tests of its own over both."""
    return with_tables(tmp_path / "plays.db", tables)


async def nina(room: Room) -> Remembered[Artist]:
    found = await room.deck.artist("Nina Simone")
    assert isinstance(found, Remembered)
    return found


def asked(room: Room) -> list[str]:
    """The methods that Last.fm was asked by, sign-in apart."""
    return [entry.method for entry in room.emulator.journal if not entry.method.startswith("auth.")]


async def test_an_artist_comes_with_what_belongs_to_it(room: Room) -> None:
    found = await nina(room)
    page = found.value
    assert page.info.name == "Nina Simone"
    assert page.info.listeners
    assert page.info.bio
    assert [one.name for one in page.similar] == ["Ella Fitzgerald"]
    assert {one.title for one in page.albums} == {"Pastel Blues", "Wild Is the Wind"}
    assert "Sinnerman" in {one.title for one in page.tracks}
    assert (page.missing, found.stale) == ((), False)


async def test_a_second_look_up_makes_no_request_and_other_spellings_share_the_parts(room: Room) -> None:
    await nina(room)
    await nina(room)
    assert len(asked(room)) == 4
    await room.deck.artist(" nina SIMONE ")
    assert asked(room)[4:] == ["artist.getInfo"]


async def test_invisible_characters_make_no_other_artist(room: Room) -> None:
    found = await room.deck.artist("\ufeffNina\u00a0Sim\u00adone\u200b")
    assert isinstance(found, Remembered)
    assert found.value.info.name == "Nina Simone"
    with pytest.raises(MissingName):
        await room.deck.artist("\u200b")


async def test_parts_that_fail_are_named_and_the_rest_is_there(room: Room) -> None:
    room.emulator.fault("error", error=8, methods=["artist.getSimilar"], calls=1)
    found = await nina(room)
    assert found.value.missing == ("similar",)
    assert found.value.similar == ()
    assert found.value.tracks


@pytest.mark.parametrize("name", ["nobody at all", "..", ".", "雪", "🎷", "?", "#", "%2F"])
async def test_what_lastfm_does_not_know_is_not_an_error(room: Room, name: str) -> None:
    assert isinstance(await room.deck.artist(name), NotKnown)
    assert isinstance(await room.deck.metadata.similar(name), NotKnown)
    assert isinstance(await room.deck.metadata.tags(name), NotKnown)
    assert isinstance(await room.deck.album(name, name), NotKnown)
    assert isinstance(await room.deck.track(name, name), NotKnown)


@pytest.mark.parametrize("name", ["", "  ", "\x00", "a" * (LONGEST_NAME + 1)])
async def test_an_invalid_name_is_requested_nowhere(room: Room, name: str) -> None:
    with pytest.raises(MissingName, match="artist"):
        await room.deck.artist(name)
    with pytest.raises(MissingName, match="title"):
        await room.deck.album("Can", name)
    with pytest.raises(MissingName, match="enter a query"):
        await room.deck.search(SearchKind.TRACK, name)
    assert asked(room) == []


async def test_albums_tracks_and_searches_are_found(room: Room) -> None:
    album = await room.deck.album("AC/DC", "Back in Black")
    assert isinstance(album, Remembered)
    assert album.value.tracks
    track = await room.deck.track("Nina Simone", "Sinnerman")
    assert isinstance(track, Remembered)
    assert track.value.duration == 622
    for kind, words in ((SearchKind.ARTIST, "nina"), (SearchKind.ALBUM, "pastel"), (SearchKind.TRACK, "sinner")):
        found = await room.deck.search(kind, words, 1)
        assert len(found.value) == 1


async def test_what_was_found_is_served_after_a_restart_while_lastfm_is_down(house: House) -> None:
    async with house.open() as room:
        before = await nina(room)
    house.emulator.fault("close-before-commit")
    house.clock.advance(80 * DAY)
    async with house.open() as room:
        after = await nina(room)
        assert after.value.info == before.value.info
        assert after.stale
        assert after.age >= 80 * DAY
        with pytest.raises(Unavailable):
            await room.deck.track("Nina Simone", "Sinnerman")


async def test_while_lastfm_is_down_it_is_left_alone_and_then_one_call_finds_it_back(room: Room) -> None:
    room.emulator.fault("error", error=16)
    for _ in range(20):
        with pytest.raises(Unavailable):
            await room.deck.artist("Can")
    assert len(asked(room)) <= 8
    room.emulator.clear_faults()
    await room.wait(HOUR)
    assert isinstance(await room.deck.artist("Can"), Remembered)


async def test_too_many_requests_throttle_everybody_until_a_read_is_served(room: Room) -> None:
    room.emulator.fault("error", error=29, calls=1)
    with pytest.raises(RateLimited):
        await room.deck.artist("Can")
    assert await room.deck.shows.keyring.first.pace.current_throttle()
    with pytest.raises(Resting, match=r"requests to Last\.fm are paused") as rests:
        await room.deck.artist("Low")
    assert rests.value.retry_after
    assert len(asked(room)) == 1
    await room.wait(HOUR)
    assert isinstance(await room.deck.artist("Can"), Remembered)
    assert await room.deck.shows.keyring.first.pace.last_throttle() is None


async def test_without_a_key_what_is_remembered_is_served_and_nothing_is_asked(house: House) -> None:
    async with house.open() as room:
        await nina(room)
    async with house.open(api_key="", api_secret="") as room:
        assert (await nina(room)).value.info.name == "Nina Simone"
        with pytest.raises(Resting, match="LASTFM_API_KEY"):
            await room.deck.artist("Can")


async def test_with_a_ttl_of_zero_no_answer_is_remembered(house: House) -> None:
    async with house.open(cache_ttl=0) as room:
        await room.deck.track("Nina Simone", "Sinnerman")
        await room.deck.track("Nina Simone", "Sinnerman")
        assert len(asked(room)) == 2


async def test_reads_book_no_slots_ahead_so_a_scrobble_waits_for_one_at_the_most(house: House) -> None:
    async with house.open(requests_per_second=1) as room:
        await room.sign_in()
        reads = [asyncio.create_task(room.deck.track("Nina Simone", f"Song {n}")) for n in range(30)]
        await room.play(1)
        await room.until_empty()
        order = asked(room)
        await asyncio.gather(*reads)
        assert order.index("track.scrobble") <= 4
        assert asked(room).count("track.getInfo") == 30


async def test_a_read_that_has_waited_long_takes_its_place_in_the_row(house: House) -> None:
    async with house.open(requests_per_second=1) as room:
        pace = room.deck.shows.keyring.first.pace
        ahead = [asyncio.create_task(pace.turn()) for _ in range(30)]
        await house.clock.still()
        start = room.now
        await pace.spare_turn()
        assert 25 < room.now - start < 60
        await asyncio.gather(*ahead)


async def test_a_cover_is_that_of_the_album_or_of_the_album_that_the_track_is_on(room: Room) -> None:
    covers = [
        await room.deck.cover("Nina Simone", album="Pastel Blues"),
        await room.deck.cover("Nina Simone", title="Sinnerman"),
        await room.deck.cover("Nina Simone", album="no such album", title="Sinnerman"),
    ]
    assert all(cover and cover.kind == "image/png" for cover in covers)
    assert len({cover.body for cover in covers if cover}) == 1
    assert await room.deck.cover("Nina Simone") is None
    assert await room.deck.cover("nobody", album="nothing", title="nowhere") is None


async def test_a_picture_is_had_for_a_ticket_of_ours_and_for_no_other(room: Room) -> None:
    look = room.deck.metadata
    url = f"{PICTURES}/300x300/{'0a' * 16}.png"
    ticket = look.ticket(url)
    assert await look.picture(ticket)
    assert await look.picture(look.ticket("http://127.0.0.1/i/u/300x300/x.png")) is None
    other = look.ticket(f"{PICTURES}/300x300/{'0b' * 16}.png")
    for forged in ("", "x", ticket[:32], other[:32] + ticket[32:], "f" * 32 + ticket[32:], ticket + "é"):
        assert await look.picture(forged) is None, forged
