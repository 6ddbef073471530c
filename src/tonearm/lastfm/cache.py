"""A cache of answers: requested once, kept for a while, and still there while Last.fm is unavailable.

It stores the raw body, so that entries survive a change in how they are parsed. Only unauthenticated reads are cached:
requests with a session or a signature are neither looked up nor stored.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from tonearm.http_exchange import Reply, TransportError
from tonearm.lastfm.cache_policy import (
    EVERY_LISTENER,
    MINUTE,
    NEGATIVE,
    WEEK,
    Keepable,
    artist_of,
    cacheable,
    folded,
    fresh_for,
    key_of,
    listener_of,
)
from tonearm.lastfm.error import LastFmError, LoginRequired, error_of
from tonearm.lastfm.flights import Flights
from tonearm.lastfm.request import Request, SignedRequest, Verb
from tonearm.lastfm.response import Answer, Exchange, Refusal, understand

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

TRUSTED = MINUTE
"""Seconds after which an answer in memory is compared with the store: another process may have forgotten it."""

RETRY = MINUTE
"""Seconds for which an answer that could not be renewed is not requested again."""

MAX_BYTES = 8 * 2**20
"""Bytes of bodies whose answers stay in memory; the parsed values take two to three times as much."""

_UNSEALED = SignedRequest(Verb.GET, "", ())


class CachedBody(Protocol):
    """An answer as it is stored. Times are Unix seconds UTC."""

    @property
    def body(self) -> bytes: ...
    @property
    def fetched_at(self) -> float: ...
    @property
    def fresh_until(self) -> float: ...


class CachedReads(Protocol):
    """A store in which answers outlive this process. It may lose any of them at any time."""

    async def find(self, key: str) -> CachedBody | None:
        """The answer stored under a key; None if there is none. Raises OSError if nothing can be read now."""

    def save(self, key: str, body: bytes, *, fetched_at: float, fresh_until: float, artist: str, listener: str) -> None:
        """Store an answer soon, without making the caller wait."""

    async def forget(self, *, artist: str, listener: str) -> None:
        """Forget what is about an artist or a Last.fm user; "" means none, "*" every user."""


class Upstream(Protocol):
    """What requests are sent to if nothing is cached."""

    async def exchange(self, request: Request[T]) -> Exchange[T]:
        """The reply; raises a LastFmError if no request was made."""


@dataclass(frozen=True, slots=True)
class Remembered(Generic[T_co]):
    """A cached answer and its age. `stale`: it is past its time to live and may be out of date. `fetched_at` is in Unix
    seconds UTC, `age` in seconds.
    """

    value: T_co
    fetched_at: float
    age: float
    stale: bool


@dataclass(slots=True)
class _CacheEntry:
    """An answer in memory, or a Refusal if Last.fm knew nothing."""

    outcome: Keepable
    read: object
    fetched_at: float
    fresh_until: float
    trusted_until: float
    size: int
    artist: str
    listener: str
    retry_at: float = 0.0

    @property
    def good_until(self) -> float:
        """Until when it is returned at once while a new one is fetched: for as long again as it was fresh."""
        return 2 * self.fresh_until - self.fetched_at if isinstance(self.outcome, Answer) else self.fresh_until

    def remembered(self, method: str, now: float) -> Remembered[Any]:
        """The answer as of `now`; raises the LastFmError if Last.fm knew nothing."""
        if isinstance(self.outcome, Refusal):
            raise error_of(self.outcome, method)
        fresh = now < self.fresh_until
        return Remembered(self.outcome.value, self.fetched_at, max(0.0, now - self.fetched_at), not fresh)


class Cache:
    """Answers from memory, else from the store, else from Last.fm; concurrent callers with the same request share it.

    `realm` is the API's address, which tells APIs apart in a store that several share. `now` is Unix seconds.
    """

    def __init__(
        self,
        upstream: Upstream,
        now: Callable[[], float],
        *,
        answers: CachedReads | None = None,
        realm: str = "",
        ttl: float = WEEK,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._upstream = upstream
        self._now = now
        self._answers = answers
        self._realm = realm
        self._ttl = ttl
        self._max_bytes = max_bytes
        self._memory: OrderedDict[str, _CacheEntry] = OrderedDict()
        self._size = 0
        self._flights = Flights[tuple[str, object], _CacheEntry | LastFmError]()
        self._forgotten = 0

    async def ask(self, request: Request[T]) -> Remembered[T]:
        """The answer to a read. Raises a LastFmError if Last.fm gives none and none is cached. A stale answer is
        returned at once while a new one is fetched; a very old one only if Last.fm is unavailable.
        """
        seconds = fresh_for(request, self._ttl)
        if seconds <= 0:
            return await self._straight(request)
        key, read, now = key_of(request, self._realm), _reader(request), self._now()
        entry = self._memory.get(key)
        if entry is None or entry.read is not read or not self._trusts(entry, now):
            entry = await self._shared((key, read), partial(self._obtain, key, request, seconds))
            now = self._now()
        elif now >= entry.good_until and now >= entry.retry_at:
            entry = await self._shared((key, read), partial(self._fetch, key, request, seconds, entry))
            now = self._now()
        else:
            self._memory.move_to_end(key)
        if now >= entry.fresh_until and now >= entry.retry_at:
            self._flights.begin((key, read), partial(self._fetch, key, request, seconds, entry))
        return entry.remembered(request.method, now)

    async def forget(self, *, artist: str = "", listener: str = "") -> None:
        """Forget what is about an artist or a Last.fm user, in other processes too (there within a minute)."""
        artist, listener = folded(artist), folded(listener)
        self._forgotten += 1
        for key, entry in list(self._memory.items()):
            about = entry.listener if listener == EVERY_LISTENER else listener
            if (artist and entry.artist == artist) or (about and entry.listener == about):
                self._drop(key)
        if self._answers:
            await self._answers.forget(artist=artist, listener=listener)

    async def close(self) -> None:
        """Cancel the requests under way."""
        await self._flights.close()

    async def _straight(self, request: Request[T]) -> Remembered[T]:
        outcome = (await self._upstream.exchange(request)).outcome
        if isinstance(outcome, Answer):
            return Remembered(outcome.value, self._now(), 0.0, False)
        raise error_of(outcome, request.method)

    def _trusts(self, entry: _CacheEntry, now: float) -> bool:
        return self._answers is None or now < entry.trusted_until

    async def _shared(
        self, key: tuple[str, object], work: Callable[[], Coroutine[Any, Any, _CacheEntry | LastFmError]]
    ) -> _CacheEntry:
        """The result of `work`, which runs once for all who wait for it."""
        found = await self._flights.result(key, work)
        if isinstance(found, LastFmError):
            raise type(found)(found.cause, found.retry_after, found.sent)  # one per waiting caller
        return found

    async def _obtain(self, key: str, request: Request[object], seconds: float) -> _CacheEntry | LastFmError:
        """From the store, else from Last.fm, else what is still in memory."""
        found = await self._find(key, request, seconds)
        if found and self._now() < found.good_until:
            return found
        return await self._fetch(key, request, seconds, found or self._memory.get(key))

    async def _find(self, key: str, request: Request[object], seconds: float) -> _CacheEntry | None:
        in_memory = self._memory.get(key)
        if in_memory and in_memory.read is not _reader(request):
            in_memory = None
        try:
            cached = await self._answers.find(key) if self._answers else None
        except OSError:
            return in_memory
        if cached is None or cached.fetched_at > self._now() + MINUTE:  # by a clock that has been set back since
            return None
        if in_memory and in_memory.fetched_at == cached.fetched_at:
            in_memory.trusted_until = self._now() + TRUSTED
            return in_memory
        outcome = cacheable(understand(request, _UNSEALED, Reply(200, {}, cached.body)))
        if outcome is None:
            return None  # written by another version, or by hand: ignored
        until = min(cached.fresh_until, cached.fetched_at + seconds)
        return self._remember(key, request, outcome, cached.fetched_at, until, len(cached.body))

    async def _fetch(
        self, key: str, request: Request[object], seconds: float, in_memory: _CacheEntry | None
    ) -> _CacheEntry | LastFmError:
        began = self._forgotten
        try:
            exchange = await self._upstream.exchange(request)
        except LastFmError as error:
            return self._instead(in_memory, error)
        outcome, reply, now = cacheable(exchange.outcome), exchange.reply, self._now()
        if outcome is None or isinstance(reply, TransportError):
            assert not isinstance(exchange.outcome, Answer)
            return self._instead(in_memory, error_of(exchange.outcome, request.method))
        until = now + (min(seconds, NEGATIVE) if isinstance(outcome, Refusal) else seconds)
        if began != self._forgotten:  # it may be older than the change that caused the forgetting
            return _entry(request, outcome, now, until, now, 0)
        if self._answers:
            about = {"artist": artist_of(request), "listener": listener_of(request)}
            self._answers.save(key, reply.body, fetched_at=now, fresh_until=until, **about)
        return self._remember(key, request, outcome, now, until, len(reply.body))

    def _instead(self, in_memory: _CacheEntry | None, error: LastFmError) -> _CacheEntry | LastFmError:
        """The cached answer, if no other can be in_memory now, unless it has become private."""
        if in_memory is None or isinstance(error, LoginRequired):
            return error
        in_memory.retry_at = self._now() + RETRY
        in_memory.trusted_until = max(in_memory.trusted_until, in_memory.retry_at)
        return in_memory

    def _remember(
        self, key: str, request: Request[object], outcome: Keepable, fetched_at: float, fresh_until: float, size: int
    ) -> _CacheEntry:
        entry = _entry(request, outcome, fetched_at, fresh_until, self._now() + TRUSTED, size)
        self._drop(key)
        self._memory[key] = entry
        self._size += size
        while self._size > self._max_bytes:
            self._drop(next(iter(self._memory)))
        return entry

    def _drop(self, key: str) -> None:
        entry = self._memory.pop(key, None)
        if entry:
            self._size -= entry.size


def _entry(
    request: Request[object], outcome: Keepable, fetched_at: float, fresh_until: float, trusted_until: float, size: int
) -> _CacheEntry:
    artist, listener = artist_of(request), listener_of(request)
    return _CacheEntry(outcome, _reader(request), fetched_at, fresh_until, trusted_until, size, artist, listener)


def _reader(request: Request[object]) -> object:
    """The function that parses the answer: requests that parse the same body differently don't share an entry."""
    read = request.read.func if isinstance(request.read, partial) else request.read
    return getattr(read, "__code__", read)  # a nested function is a new object each time
