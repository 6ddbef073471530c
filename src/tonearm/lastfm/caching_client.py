"""A client with a cache, for programs that make the same requests again and have no deck."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tonearm.core.verdict import Verdict
from tonearm.http_exchange import PATIENCE, HttpClient, Patience
from tonearm.lastfm.breaker import Breaker
from tonearm.lastfm.cache import MAX_BYTES, Cache, CachedReads, Remembered
from tonearm.lastfm.cache_policy import EVERY_LISTENER, WEEK, fresh_for
from tonearm.lastfm.client import API_URL, USER_AGENT, LastFm, OnDate
from tonearm.lastfm.methods.track import TrackWrite
from tonearm.lastfm.request import Keys, Request
from tonearm.lastfm.response import Exchange

T = TypeVar("T")

_CHANGES = frozenset(
    {
        "track.love",
        "track.unlove",
        *(f"{kind}.{change}" for kind in ("artist", "album", "track") for change in ("addTags", "removeTag")),
    }
)
"""Writes that change what reads say. A play changes only counts, whose age the caller knows anyway."""


class RememberingLastFm(LastFm):
    """`LastFm` with a cache: unauthenticated reads are answered from memory while they are fresh, and at any age while
    Last.fm is unavailable.

    Concurrent callers with the same request share it. While Last.fm is down it is left alone, and reads that aren't
    cached raise Resting. Reads with a session, and writes, are always sent.

    `ttl` is how many seconds an answer about an artist, an album, a track or a tag stays fresh; searches and charts
    stay fresh for at most a day, lists of a user for five minutes. `max_bytes` limits the memory, in bytes of answers.
    `answers` keeps them beyond the process: `tonearm.lastfm.cache.CachedReads` says what it has to do.
    """

    def __init__(
        self,
        keys: Keys,
        url: str = API_URL,
        *,
        http: HttpClient | None = None,
        user_agent: str = USER_AGENT,
        pace: Callable[[], Awaitable[None]] | None = None,
        on_date: OnDate | None = None,
        patience: Patience = PATIENCE,
        answers: CachedReads | None = None,
        ttl: float = WEEK,
        max_bytes: int = MAX_BYTES,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(keys, url, http=http, user_agent=user_agent, pace=pace, on_date=on_date, patience=patience)
        self._now = now
        self._breaker = Breaker()
        self._cache = Cache(self, now, answers=answers, realm=url, ttl=ttl, max_bytes=max_bytes)

    async def ask(self, request: Request[T]) -> T:
        """The answer to a read. Raises a LastFmError."""
        return (await self._cache.ask(request)).value

    async def ask_with_age(self, request: Request[T]) -> Remembered[T]:
        """The answer to a read with its age, and whether it is stale. Raises a LastFmError.

        Make requests with `tonearm.lastfm.methods`: `ask_with_age(methods.artist.info("Cher"))`.
        """
        return await self._cache.ask(request)

    async def write(self, request: Request[TrackWrite]) -> Verdict:
        """The verdict on a write. After a love or a tag, the cached answers about the artist and about users are
        dropped.
        """
        verdict = await super().write(request)
        if request.method in _CHANGES:
            await self._cache.forget(artist=request.params["artist"], listener=EVERY_LISTENER)
        return verdict

    async def forget(self, *, artist: str = "", listener: str = "") -> None:
        """Forget cached answers about an artist, by name, or about a Last.fm user."""
        await self._cache.forget(artist=artist, listener=listener)

    async def exchange(self, request: Request[T]) -> Exchange[T]:
        """As `LastFm.exchange`; raises Resting for a read while Last.fm is being left alone."""
        if not fresh_for(request, WEEK):
            return await super().exchange(request)
        self._breaker.enter(self._now())
        exchange = await super().exchange(request)
        chance = random.random()  # noqa: S311  # spreads retries; guards nothing
        self._breaker.record(exchange, request.method, self._now(), chance)
        return exchange

    async def close(self) -> None:
        await self._cache.close()
        await super().close()
