"""Walks: over all pages, no more than is wanted, stable while plays are added, and resumed where they stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from lastfm_emulator import Address, Emulator, serve
from lastfm_emulator.account import Play as Kept
from tonearm.core.play import Track
from tonearm.lastfm import LastFm, LastFmSync, LovedTrack, Page, PagePosition, RateLimited, RecentTrack
from tonearm.lastfm.methods import charts, user
from tonearm.lastfm.paging import Listing, PagingProgress
from tonearm.lastfm.types import Page as AnyPage

from .faces import KEYS

NOW = 1_700_000_000


@pytest.fixture
def emulator() -> Emulator:
    emulator = Emulator(clock=lambda: NOW)
    emulator.add_user("Ada")
    for i in range(25):
        play(emulator, i, NOW - 10_000 + 60 * i)
    return emulator


def play(emulator: Emulator, number: int, at: int) -> None:
    stored = Kept("Low", f"T{number}", at, sent_artist="Low", sent_track=f"T{number}")
    assert emulator.users["ada"].keep(stored)


@pytest.fixture
def address(emulator: Emulator) -> Iterator[Address]:
    with serve(emulator) as address:
        yield address


@pytest.fixture
def client(address: Address) -> Iterator[LastFmSync]:
    with LastFmSync(KEYS, address.url) as client:
        yield client


def asked(emulator: Emulator) -> int:
    return len(emulator.journal)


NEWEST_FIRST = [f"T{i}" for i in reversed(range(25))]


def test_all_pages_are_walked_and_each_is_requested_when_it_is_wanted(client: LastFmSync, emulator: Emulator) -> None:
    walk = client.recent_tracks("Ada", size=10)
    assert asked(emulator) == 0
    titles = iter(walk)
    assert next(titles).title == "T24"
    assert asked(emulator) == 1
    assert [track.title for track in titles] == NEWEST_FIRST[1:]
    assert asked(emulator) == 3
    assert list(walk) == [], "it is over"


@pytest.mark.anyio
async def test_the_async_face_walks_alike(address: Address) -> None:
    async with LastFm(KEYS, address.url) as client:
        walk = client.recent_tracks("Ada", size=10, limit=12)
        assert [track.title async for track in walk] == NEWEST_FIRST[:12]
        assert walk.position.page == 3
        again = client.recent_tracks("Ada", size=10)
        assert [len(page.items) async for page in again.pages()] == [10, 10, 5]
        assert (await again.page(3)).page == 3


@pytest.mark.parametrize(("limit", "requests"), [(0, 0), (1, 1), (10, 1), (11, 1), (25, 1), (1000, 1)])
def test_no_more_is_requested_than_is_wanted(client: LastFmSync, emulator: Emulator, limit: int, requests: int) -> None:
    assert [track.title for track in client.recent_tracks("Ada", limit=limit)] == NEWEST_FIRST[:limit]
    assert asked(emulator) == requests


def test_plays_that_arrive_meanwhile_do_not_shift_the_list(client: LastFmSync, emulator: Emulator) -> None:
    seen = []
    for i, track in enumerate(client.recent_tracks("Ada", size=5)):
        seen.append(track.title)
        play(emulator, 100 + i, NOW - 5_000 + i)
    assert seen == NEWEST_FIRST


def test_a_play_that_is_scrobbled_late_is_not_returned_twice(client: LastFmSync, emulator: Emulator) -> None:
    walk = client.recent_tracks("Ada", size=5)
    titles = iter(walk)
    seen = [next(titles).title for _ in range(5)]
    play(emulator, 100, NOW - 10_000 + 60 * 24 - 1)
    seen += [track.title for track in titles]
    assert seen == NEWEST_FIRST


@pytest.mark.parametrize(("limit", "titles"), [(None, NEWEST_FIRST), (12, NEWEST_FIRST[:12])])
@pytest.mark.parametrize(("left_after", "page"), [(3, 1), (11, 2)])
def test_a_walk_that_stopped_within_a_page_returns_that_page_again(
    client: LastFmSync, limit: int | None, titles: list[str], left_after: int, page: int
) -> None:
    walk = client.recent_tracks("Ada", size=10, limit=limit)
    for number, _ in enumerate(walk, 1):
        if number == left_after:
            break
    assert walk.position.page == page
    assert [track.title for track in walk] == titles[10 * (page - 1) :]


def test_a_walk_continues_in_another_process(client: LastFmSync, emulator: Emulator) -> None:
    walk = client.recent_tracks("Ada", size=10)
    pages = walk.pages()
    first = next(pages)
    assert walk.position == PagePosition(1, 10), "this page is not done with yet"
    second = next(pages)
    stored = json.dumps([walk.position.page, walk.position.size, walk.position.until])
    play(emulator, 100, NOW - 1)
    page, size, until = json.loads(stored)
    resumed = list(client.recent_tracks("Ada", start=PagePosition(page, size, until)))
    assert [track.title for track in (*first.items, *resumed)] == NEWEST_FIRST
    assert second.items == tuple(resumed[:10])


def test_a_walk_that_failed_continues_where_it_stopped(client: LastFmSync, emulator: Emulator) -> None:
    walk = client.recent_tracks("Ada", size=10)
    emulator.fault("error", error=29, after=1, calls=1)
    seen: list[str] = []
    with pytest.raises(RateLimited):
        seen.extend(track.title for track in walk)
    assert walk.position.page == 2
    seen = NEWEST_FIRST[:10] + [track.title for track in walk]
    assert seen == NEWEST_FIRST


def test_what_plays_now_is_not_a_play_of_the_walk(client: LastFmSync, emulator: Emulator) -> None:
    client.now_playing(Track("Low", "Now"), emulator.session_key("Ada"))
    assert [track.title for track in client.recent_tracks("Ada", size=10)] == NEWEST_FIRST
    page = client.recent_tracks("Ada").page()
    assert page.now_playing is not None
    assert page.now_playing.title == "Now"


def test_a_fixed_end_is_kept(client: LastFmSync) -> None:
    until = NOW - 10_000 + 60 * 10
    walk = client.recent_tracks("Ada", until=until, size=4)
    assert [track.title for track in walk] == NEWEST_FIRST[15:]
    assert walk.position.until == until


def test_loved_tracks_that_move_to_the_next_page_are_returned_once(client: LastFmSync, emulator: Emulator) -> None:
    ada = emulator.users["ada"]
    for i in range(6):
        ada.heart("Low", f"L{i}", NOW + i)
    titles = iter(client.loved_tracks("Ada", size=3))
    seen = [next(titles).title for _ in range(3)]
    ada.heart("Low", "L6", NOW + 10)
    assert seen + [track.title for track in titles] == ["L5", "L4", "L3", "L2", "L1", "L0"]


def turned(listing: Listing[object], page: Page[object]) -> bool:
    progress = PagingProgress(listing)
    progress.fresh(page)
    progress.turn(page)
    return progress.over


def test_a_chart_that_claims_millions_of_pages_ends_with_an_empty_one() -> None:
    listing: Listing[object] = charts.chart_top_artists()  # type: ignore[assignment]  # of artists, as no other
    assert turned(listing, AnyPage((), 1, 108_588_996, 108_588_996))
    assert not turned(listing, AnyPage((1,), 1, 108_588_996, 108_588_996))


def test_a_listeners_own_list_continues_after_an_empty_page() -> None:
    listing: Listing[object] = user.loved_tracks("Ada")  # type: ignore[assignment]  # of loved tracks
    assert not turned(listing, AnyPage((), 1, 3, 2500))


def test_no_page_is_requested_beyond_the_last_that_may_be() -> None:
    start = PagePosition(1_000_000, 50)
    listing: Listing[object] = charts.chart_top_artists(start=start)  # type: ignore[assignment]  # of artists
    assert turned(listing, AnyPage((1,), 1_000_000, 108_588_996, 108_588_996))


def test_items_without_names_or_times_are_all_kept() -> None:
    plays: PagingProgress[RecentTrack] = PagingProgress(user.recent_tracks("Ada"))
    broken = (RecentTrack("", ""), RecentTrack("", ""))
    page = AnyPage(broken, 1, 2, 4)
    assert plays.fresh(page).items == broken
    plays.turn(page)
    assert plays.position.until is None, "nothing in it says when it was"
    assert plays.fresh(page).items == broken
    loved: PagingProgress[LovedTrack] = PagingProgress(user.loved_tracks("Ada"))
    nameless = AnyPage((LovedTrack("", ""), LovedTrack("", "")), 1, 2, 4)
    assert loved.fresh(nameless) == nameless
    assert loved.fresh(nameless) == nameless
