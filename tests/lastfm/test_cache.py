"""Cached answers: when a request is made, when it isn't, and what is served while Last.fm is down."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qsl

import httpx2
import pytest

from tonearm.core.verdict import Cause
from tonearm.lastfm import (
    BadParameters,
    LastFm,
    LoginRequired,
    Request,
    Unavailable,
)
from tonearm.lastfm.breaker import Resting
from tonearm.lastfm.cache import RETRY, TRUSTED, Cache
from tonearm.lastfm.cache_policy import DAY, EVERY_LISTENER, HOUR, MINUTE, NEGATIVE, WEEK, fresh_for, key_of
from tonearm.lastfm.quirks import UnreadableAnswer, node, text
from tonearm.lastfm.request import Verb
from tonearm.lastfm.response import Exchange
from tonearm.store.db.database import database_url
from tonearm.store.response_cache import AnswerStore

from .faces import KEYS

T = TypeVar("T")

pytestmark = pytest.mark.anyio

START = 1_760_000_000.0
NOT_FOUND = b'{"error":6,"message":"The artist you supplied could not be found"}'
PRIVATE = b'{"error":17,"message":"Login: User required to be logged in"}'
SESSION = "s3ss10n-k3y-0f-RJ"


@dataclass
class Wire(httpx2.AsyncBaseTransport):
    """Replaces the network: it answers `body`, or an artist with a version."""

    version: int = 1
    body: bytes | None = None
    away: bool = False
    asked: list[dict[str, str]] = field(default_factory=list)
    gate: asyncio.Event | None = None
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        content = (await request.aread()) or request.url.query
        self.asked.append(dict(parse_qsl(content.decode())))
        self.arrived.set()
        if self.gate:
            await self.gate.wait()
        if self.away:
            raise httpx2.ConnectError("nobody there")
        answered = {"artist": {"name": f"{self.asked[-1].get('artist')} {self.version}"}}
        return httpx2.Response(200, content=self.body or json.dumps(answered).encode())


@dataclass
class Desk:
    """A cache with all that it works on; `restart` makes another one on the same store."""

    wire: Wire
    store: AnswerStore
    now: float = START
    cache: Cache = field(init=False)

    def __post_init__(self) -> None:
        self.cache = self.another()

    def another(self, **options: object) -> Cache:
        http = httpx2.AsyncClient(transport=self.wire)
        known = {"answers": self.store, "realm": "here", **options}
        return Cache(LastFm(KEYS, http=http), lambda: self.now, **known)  # type: ignore[arg-type]

    async def restart(self, **options: object) -> None:
        await self.store.written()
        self.cache = self.another(**options)

    @property
    def times(self) -> int:
        """How often Last.fm was asked."""
        return len(self.wire.asked)

    async def name(self, artist: str = "Nina") -> str:
        name = (await self.cache.ask(info(artist))).value
        await self.store.written()
        return name


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    at = Desk(Wire(), None)  # type: ignore[arg-type]
    at.store = AnswerStore(database_url(tmp_path / "plays.db"), lambda: at.now)
    at.cache = at.another()
    yield at
    at.store.close()


def everything_in(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.glob("plays.db.cache*"))


def read_name(content: object) -> str:
    if not (name := text(node(content).get("name"))):
        raise UnreadableAnswer("no name")
    return name


def info(artist: str = "Nina", method: str = "artist.getInfo", **more: str) -> Request[str]:
    return Request(method, {"artist": artist, **more}, "artist", read_name)


async def settled(cache: Cache) -> None:
    """Return when no request is on its way."""
    await asyncio.gather(*cache._flights._tasks.values())


async def test_what_was_answered_is_not_asked_again_for_a_week(desk: Desk) -> None:
    first = await desk.cache.ask(info())
    await desk.store.written()
    desk.now += WEEK - 1
    again = await desk.cache.ask(info())
    assert (first.value, first.age, first.stale) == ("Nina 1", 0, False)
    assert (again.value, again.age, again.stale, again.fetched_at) == ("Nina 1", WEEK - 1, False, START)
    assert desk.times == 1


async def test_it_is_remembered_after_a_restart(desk: Desk) -> None:
    await desk.name()
    await desk.restart()
    assert await desk.name() == "Nina 1"
    assert desk.times == 1


async def test_without_a_store_it_is_remembered_as_long_as_the_process_lives(desk: Desk) -> None:
    desk.cache = desk.another(answers=None)
    await desk.name()
    desk.now += HOUR
    assert await desk.name() == "Nina 1"
    await desk.cache.forget(artist="Nina")
    await desk.name()
    assert desk.times == 2


async def test_if_the_store_cannot_be_read_memory_is_enough(desk: Desk, tmp_path: Path) -> None:
    broken = AnswerStore(database_url(tmp_path / "nowhere" / "plays.db"), lambda: desk.now)
    cache = desk.another(answers=broken)
    for _ in range(3):
        assert (await cache.ask(info())).value == "Nina 1"
        desk.now += HOUR
    broken.close()
    assert desk.times == 1


async def test_fifty_who_ask_at_once_cause_one_request(desk: Desk) -> None:
    assert await asyncio.gather(*(desk.name() for _ in range(50))) == ["Nina 1"] * 50
    assert desk.times == 1


async def test_fifty_failing_calls_cause_one_request_and_each_gets_an_error_of_its_own(desk: Desk) -> None:
    desk.wire.away = True
    errors = await asyncio.gather(*(desk.name() for _ in range(50)), return_exceptions=True)
    assert all(isinstance(error, Unavailable) and not error.sent for error in errors)
    assert len({id(error) for error in errors}) == 50
    assert desk.times == 1


async def test_a_cancelled_caller_does_not_cancel_the_request_for_others(desk: Desk) -> None:
    desk.wire.gate = asyncio.Event()
    hasty, patient = asyncio.create_task(desk.name()), asyncio.create_task(desk.name())
    await desk.wire.arrived.wait()
    hasty.cancel()
    desk.wire.gate.set()
    assert await patient == "Nina 1"
    assert hasty.cancelled() or (await asyncio.gather(hasty, return_exceptions=True))


async def test_a_stale_answer_comes_at_once_while_one_request_renews_it(desk: Desk) -> None:
    await desk.name()
    desk.now += WEEK
    desk.wire.version, desk.wire.gate = 2, asyncio.Event()
    answered = [await desk.cache.ask(info()) for _ in range(3)]
    assert {(one.value, one.stale, one.age) for one in answered} == {("Nina 1", True, WEEK)}
    desk.wire.gate.set()
    await settled(desk.cache)
    renewed = await desk.cache.ask(info())
    assert (renewed.value, renewed.stale) == ("Nina 2", False)
    assert desk.times == 2


async def test_a_very_old_answer_is_requested_again_first(desk: Desk) -> None:
    await desk.name()
    desk.now += 2 * WEEK
    desk.wire.version = 2
    assert await desk.name() == "Nina 2"


async def test_a_very_old_answer_is_served_after_a_restart_too_while_lastfm_is_down(desk: Desk) -> None:
    await desk.name()
    desk.now += 80 * DAY
    desk.wire.away = True
    await desk.restart()
    answered = await desk.cache.ask(info())
    assert (answered.value, answered.stale, answered.age) == ("Nina 1", True, 80 * DAY)


async def test_what_cannot_be_renewed_is_not_asked_for_again_for_a_minute(desk: Desk) -> None:
    await desk.name()
    desk.now += 2 * WEEK
    desk.wire.away = True
    for _ in range(5):
        await desk.name()
    assert desk.times == 2
    desk.now += RETRY
    desk.wire.away = False
    desk.wire.version = 2
    assert await desk.name() == "Nina 2"


async def test_an_answer_in_memory_that_has_grown_old_is_requested_again(desk: Desk) -> None:
    desk.cache = desk.another(answers=None)
    await desk.name()
    desk.now += 2 * WEEK
    desk.wire.version = 2
    assert await desk.name() == "Nina 2"


async def test_garbage_replaces_no_answer(desk: Desk) -> None:
    await desk.name()
    desk.now += 2 * WEEK
    desk.wire.body = b"<html>502 Bad Gateway</html>"
    assert (await desk.cache.ask(info())).stale
    desk.wire.body = None
    desk.now += RETRY
    assert not (await desk.cache.ask(info())).stale


async def test_that_there_is_nothing_by_a_name_is_remembered_for_an_hour(desk: Desk) -> None:
    desk.wire.body = NOT_FOUND
    for _ in range(3):
        with pytest.raises(BadParameters, match="could not be found"):
            await desk.name()
    await desk.restart()
    with pytest.raises(BadParameters):
        await desk.name()
    assert desk.times == 1
    desk.now += NEGATIVE
    desk.wire.body = None
    assert await desk.name() == "Nina 1"


async def test_what_has_become_private_is_no_longer_shown(desk: Desk) -> None:
    await desk.cache.ask(info(method="user.getTopArtists", user="rj"))
    desk.now += HOUR
    desk.wire.body = PRIVATE
    with pytest.raises(LoginRequired):
        await desk.cache.ask(info(method="user.getTopArtists", user="rj"))


async def test_an_unknown_name_is_not_treated_as_an_outage(desk: Desk) -> None:
    desk.wire.body = NOT_FOUND
    with pytest.raises(BadParameters):
        await desk.name()
    desk.now += 2 * NEGATIVE
    desk.wire.away = True
    with pytest.raises(BadParameters):
        await desk.name()


async def test_what_is_about_an_artist_can_be_forgotten_whatever_its_case(desk: Desk) -> None:
    await desk.name("Björk")
    await desk.name("Nina")
    await desk.cache.forget(artist="BJÖRK")
    await desk.name("Björk")
    await desk.name("Nina")
    assert desk.times == 3
    await desk.restart()
    await desk.cache.forget(artist="björk")
    await desk.name("Björk")
    assert desk.times == 4


async def test_what_one_process_forgets_the_others_forget_within_a_minute(desk: Desk) -> None:
    other = desk.another()
    await desk.name()
    await desk.store.written()
    await other.ask(info())
    await desk.cache.forget(artist="Nina")
    desk.wire.version = 2
    desk.now += TRUSTED
    assert (await other.ask(info())).value == "Nina 2"


async def test_what_another_process_has_fetched_is_taken_over(desk: Desk) -> None:
    other = desk.another()
    await desk.name()
    await desk.store.written()
    await other.ask(info())
    desk.now += 2 * WEEK
    desk.wire.version = 2
    await desk.name()
    await desk.store.written()
    assert (await other.ask(info())).value == "Nina 2"
    assert desk.times == 2


async def test_what_is_about_any_user_can_be_forgotten_at_once(desk: Desk) -> None:
    lists = [info("", "user.getLovedTracks", user=user) for user in ("RJ", "mary")]
    for request in (info(), *lists):
        await desk.cache.ask(request)
    await desk.cache.forget(listener=EVERY_LISTENER)
    for request in (info(), *lists):
        await desk.cache.ask(request)
    assert desk.times == 5
    await desk.restart()
    await desk.cache.forget(listener=EVERY_LISTENER)
    for request in (info(), *lists):
        await desk.cache.ask(request)
    assert desk.times == 7


class Nobody:
    """An upstream that rests."""

    async def exchange(self, _: Request[T]) -> Exchange[T]:
        raise Resting(Cause(None, "left alone"), 5.0, False)


async def test_an_upstream_that_is_left_alone_is_reported_as_such(desk: Desk) -> None:
    cache = desk.another()
    cache._upstream = Nobody()
    with pytest.raises(Resting) as rests:
        await cache.ask(info())
    assert (rests.value.retry_after, rests.value.sent) == (5.0, False)
    await desk.name()
    await desk.store.written()
    desk.now += 2 * WEEK
    assert (await cache.ask(info())).stale


async def test_an_answer_under_way_when_it_was_forgotten_is_not_cached(desk: Desk) -> None:
    desk.wire.gate = asyncio.Event()
    asked = asyncio.create_task(desk.name())
    await desk.wire.arrived.wait()
    await desk.cache.forget(listener="rj")
    desk.wire.gate.set()
    assert await asked == "Nina 1"
    await desk.name()
    assert desk.times == 2


async def test_memory_is_bounded_and_what_was_used_lately_stays(desk: Desk) -> None:
    small = desk.another(answers=None, max_bytes=100)
    for artist in ("a", "b", "a", "c", "d", "a"):
        await small.ask(info(artist))
    assert [asked["artist"] for asked in desk.wire.asked] == ["a", "b", "c", "d"]
    await small.ask(info("b"))
    assert desk.times == 5


async def test_two_who_read_the_same_answer_differently_both_get_theirs(desk: Desk) -> None:
    def read_length(content: object) -> int:
        return len(read_name(content))

    await desk.name()
    await desk.store.written()
    other: Request[int] = Request("artist.getInfo", {"artist": "Nina"}, "artist", read_length)
    assert (await desk.cache.ask(other)).value == len("Nina 1")
    assert await desk.name() == "Nina 1"
    assert desk.times == 1


@pytest.mark.parametrize("body", [b"", b"{}", b'{"artist":{}}', b'{"error":8}', b"\xff\xfe"])
async def test_what_cannot_be_read_in_the_store_is_as_good_as_nothing(desk: Desk, body: bytes) -> None:
    desk.store.save(key_of(info(), "here"), body, fetched_at=START, fresh_until=START + WEEK)
    await desk.store.written()
    assert await desk.name() == "Nina 1"


async def test_an_answer_from_the_future_was_written_by_a_clock_that_was_wrong(desk: Desk) -> None:
    desk.now += DAY
    await desk.name()
    desk.now -= DAY
    await desk.restart()
    await desk.name()
    assert desk.times == 2


async def test_a_shorter_life_counts_for_what_is_kept_already(desk: Desk) -> None:
    await desk.name()
    desk.now += 2 * HOUR
    await desk.restart(ttl=HOUR)
    await desk.name()
    assert desk.times == 2


async def test_with_a_ttl_of_zero_no_answer_is_stored(desk: Desk) -> None:
    await desk.restart(ttl=0)
    await desk.name()
    await desk.name()
    assert desk.times == 2
    desk.wire.body = NOT_FOUND
    with pytest.raises(BadParameters):
        await desk.name()


async def test_nothing_that_a_session_sees_is_kept_or_looked_up(desk: Desk, tmp_path: Path) -> None:
    hidden = Request("artist.getInfo", {"artist": "Nina"}, "artist", read_name, session_key=SESSION)
    signed = Request("artist.getInfo", {"artist": "Nina"}, "artist", read_name, signed=True)
    desk.wire.version = 7
    for request in (hidden, signed):
        answered = await desk.cache.ask(request)
        assert (answered.value, answered.age, answered.stale) == ("Nina 7", 0, False)
        assert await desk.store.find(key_of(request, "here")) is None
    desk.wire.version = 1
    await desk.name()
    for request in (hidden, signed):
        await desk.cache.ask(request)
    await desk.store.written()
    assert desk.times == 5
    cached = everything_in(tmp_path)
    assert b"Nina" in cached
    for secret in (SESSION, KEYS.api_secret, KEYS.api_key, "Nina 7"):
        assert secret.encode() not in cached


async def test_closing_cancels_what_is_under_way(desk: Desk) -> None:
    desk.wire.gate = asyncio.Event()
    asked = asyncio.create_task(desk.name())
    await desk.wire.arrived.wait()
    await desk.cache.close()
    await asyncio.gather(asked, return_exceptions=True)
    assert asked.cancelled()
    assert not desk.cache._flights._tasks


LIVES = [
    ("artist.getInfo", {}, WEEK),
    ("ALBUM.GETINFO", {}, WEEK),
    ("track.getSimilar", {}, WEEK),
    ("tag.getInfo", {}, WEEK),
    ("artist.getInfo", {"username": "rj"}, 5 * MINUTE),
    ("track.getTags", {"user": "rj"}, 5 * MINUTE),
    ("user.getTopArtists", {}, 5 * MINUTE),
    ("library.getArtists", {}, 5 * MINUTE),
    ("artist.search", {}, DAY),
    ("chart.getTopTracks", {}, DAY),
    ("geo.getTopArtists", {}, DAY),
    ("tag.getTopAlbums", {}, DAY),
    ("auth.getToken", {}, 0),
    ("radio.tune", {}, 0),
]


@pytest.mark.parametrize(("method", "params", "seconds"), LIVES)
def test_how_long_an_answer_is_as_good_as_a_new_one(method: str, params: dict[str, str], seconds: float) -> None:
    request = Request(method, params, "root", read_name)
    assert fresh_for(request, WEEK) == seconds
    assert fresh_for(request, 60.0) == min(60.0, seconds)


def test_what_answers_nothing_is_not_a_read() -> None:
    assert fresh_for(Request("artist.addTags", {}, None, read_name), WEEK) == 0


def test_a_key_ignores_what_does_not_matter_and_nothing_else() -> None:
    first = Request("artist.getInfo", {"artist": "Nina", "lang": "de"}, "artist", read_name)
    same = Request("ARTIST.getinfo", {"lang": "de", "artist": "Nina"}, "artist", read_name)
    assert first.verb is Verb.GET
    assert key_of(first, "here") == key_of(same, "here")
    others = [
        Request("artist.getSimilar", first.params, "artist", read_name),
        Request("artist.getInfo", {"artist": "Nina"}, "artist", read_name),
        Request("artist.getInfo", {"artist": "Nin", "alang": "de"}, "artist", read_name),
        Request("artist.getInfo", {"artist": "Nina", "lang": "fr"}, "artist", read_name),
    ]
    keys = {key_of(first, "here"), key_of(first, "there"), *(key_of(other, "here") for other in others)}
    assert len(keys) == 6
    assert key_of(info("\ud800"), "") != key_of(info("a"), "")
