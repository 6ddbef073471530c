"""What is true of the cache in any order of events: it never lies about an age, and makes no superfluous request."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TypeVar

from hypothesis import given
from hypothesis import strategies as st

from tonearm.http_exchange import Reply, TransportError
from tonearm.lastfm import BadParameters, Request, Unavailable
from tonearm.lastfm.cache import RETRY, Cache
from tonearm.lastfm.cache_policy import DAY, NEGATIVE, WEEK
from tonearm.lastfm.quirks import node, whole
from tonearm.lastfm.request import SignedRequest, Verb
from tonearm.lastfm.response import Exchange, understand

T = TypeVar("T")

NAMES = ("a", "b", "nobody")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.sampled_from(NAMES)),
        st.tuples(st.just("later"), st.sampled_from([1.0, RETRY, NEGATIVE, DAY, WEEK, 2 * WEEK])),
        st.tuples(st.just("away"), st.booleans()),
        st.tuples(st.just("restart"), st.just(0)),
        st.tuples(st.just("forget"), st.sampled_from(NAMES)),
        st.tuples(st.just("lose"), st.sampled_from(NAMES)),
    ),
    max_size=40,
)


@dataclass(frozen=True)
class Row:
    body: bytes
    fetched_at: float
    fresh_until: float


@dataclass
class Shelf:
    """A store in memory that loses answers on request."""

    rows: dict[str, tuple[Row, str]] = field(default_factory=dict)

    async def find(self, key: str) -> Row | None:
        found = self.rows.get(key)
        return found[0] if found else None

    def save(self, key: str, body: bytes, *, fetched_at: float, fresh_until: float, artist: str, listener: str) -> None:
        assert not listener
        self.rows[key] = (Row(body, fetched_at, fresh_until), artist)

    async def forget(self, *, artist: str, listener: str) -> None:
        assert not listener
        self.lose(artist)

    def lose(self, artist: str) -> None:
        self.rows = {key: row for key, row in self.rows.items() if row[1] != artist}


@dataclass
class World:
    """Last.fm, whose every answer is the moment at which it was given."""

    now: float = 1_760_000_000.0
    away: bool = False
    asked: list[tuple[str, float]] = field(default_factory=list)

    async def exchange(self, request: Request[T]) -> Exchange[T]:
        name = request.params["artist"]
        self.asked.append((name, self.now))
        if self.away:
            fault = TransportError(False, "nobody there")
            return Exchange(fault, fault)
        body = b'{"error":6}' if name == "nobody" else b'{"artist":{"at":%d}}' % self.now
        reply = Reply(200, {}, body)
        return Exchange(reply, understand(request, SignedRequest(Verb.GET, "", ()), reply))


def read_at(content: object) -> int:
    return whole(node(content).get("at")) or 0


async def live(steps: list[tuple[str, object]]) -> None:
    world, shelf = World(), Shelf()
    cache = Cache(world, lambda: world.now, answers=shelf)
    known: set[str] = set()
    for step, what in steps:
        match step:
            case "ask":
                await ask(world, cache, str(what), known)
            case "later":
                world.now += float(str(what))
            case "away":
                world.away = bool(what)
            case "restart":
                await cache.close()
                cache = Cache(world, lambda: world.now, answers=shelf)
                known = {artist for _, artist in shelf.rows.values()}
            case "forget":
                await cache.forget(artist=str(what))
                known.discard(str(what))
            case _:
                shelf.lose(str(what))  # memory may have it still, so it may be known or not
                known.discard(str(what))
        await asyncio.gather(*cache._flights._tasks.values())
    await cache.close()


async def ask(world: World, cache: Cache, name: str, known: set[str]) -> None:
    before = len(world.asked)
    try:
        answered = await cache.ask(Request("artist.getInfo", {"artist": name}, "artist", read_at))
    except BadParameters:
        assert name == "nobody"
        known.add(name)
    except Unavailable:
        assert world.away
        assert name not in known
    else:
        assert name != "nobody"
        assert answered.value == int(answered.fetched_at)
        assert answered.age == world.now - answered.fetched_at
        assert answered.stale == (answered.age >= WEEK)
        waits = len(world.asked) == before  # for a minute after it could not be had
        assert answered.age < 2 * WEEK or world.away or waits
        known.add(name)
    await asyncio.gather(*cache._flights._tasks.values())
    now = [at for asked, at in world.asked[before:] if asked == name]
    assert len(now) <= 1


@given(STEPS)
def test_an_answer_has_its_true_age_and_fails_only_if_none_is_known(steps: list[tuple[str, object]]) -> None:
    asyncio.run(live(steps))
