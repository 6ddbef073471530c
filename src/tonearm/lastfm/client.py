"""Clients for Last.fm, async and sync, over the same requests: pace, send, parse, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from tonearm.core.verdict import Answered, Cause, Verdict
from tonearm.http_exchange import PATIENCE, HttpClient, Patience, Reply, TransportError, shown_time
from tonearm.lastfm.catalogue import AsyncCatalogue, SyncCatalogue
from tonearm.lastfm.error import error_of, verdict_of
from tonearm.lastfm.methods import track
from tonearm.lastfm.paging import Listing
from tonearm.lastfm.request import Keys, Request, sign_request, variants
from tonearm.lastfm.response import Answer, Exchange, Failure, Refusal, understand
from tonearm.lastfm.servers import LastFmServer
from tonearm.lastfm.transport import AsyncEndpoint, SyncEndpoint
from tonearm.lastfm.types import Page
from tonearm.lastfm.walk import SyncWalk, Walk
from tonearm.version import __version__

if TYPE_CHECKING:
    import httpx2

T = TypeVar("T")

NOT_FOUND = 6
"""Last.fm's error for an artist or a track that it does not know, as for any parameter that is wrong."""

API_URL = "https://ws.audioscrobbler.com/2.0/"
_PRODUCT = re.compile(r"[A-Za-z0-9.!#$%&'*+^_`|~-]+")
USER_AGENT = f"tonearm/{__version__}"
"""Last.fm asks programs to identify themselves: a host should name itself and a contact."""

OnDate = Callable[[float, float], None]
"""Called after each answer of the API with the server's Unix time (whole seconds) and the round trip in seconds."""


def user_agent(name: str, version: str, contact: str) -> str:
    """A User-Agent: "mine/1.0 (me@example.org) tonearm/…". Raises ValueError for what isn't allowed in one.

    Last.fm asks programs to identify themselves, with a contact address: https://www.last.fm/api/intro
    """
    for argument, value in (("name", name), ("version", version)):
        if not _PRODUCT.fullmatch(value):
            raise ValueError(f"{argument} must be of ASCII letters, digits and dots, without blanks, not {value!r}")
    if not contact.strip() or not contact.isascii() or not contact.isprintable() or set(contact) & set("()\\"):
        raise ValueError(f"contact must be a mail or web address in printable ASCII, without brackets, not {contact!r}")
    return f"{name}/{version} ({contact}) {USER_AGENT}"


class LastFm(AsyncCatalogue):
    """Last.fm for async code. `pace` is awaited before each request; `user_agent` identifies the program (see the
    function `user_agent`). Without `http`, it opens an httpx2 client of its own with the first request, with the
    proxies and certificates of the environment, and reuses its connections; an `http` that is passed in is never
    closed. `patience` holds the time limits: 5 s to connect and 30 s for the next bytes. `server` describes another
    server that speaks Last.fm's API, if the address isn't Last.fm's.
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
        server: LastFmServer | None = None,
    ) -> None:
        self._keys = keys
        self._endpoint = AsyncEndpoint(url, user_agent, http, patience)
        self._pace = pace
        self._on_date = on_date
        self._server = server

    async def ask(self, request: Request[T]) -> T:
        """The answer to a read. Raises a LastFmError."""
        outcome = (await self.exchange(request)).outcome
        if isinstance(outcome, Answer):
            return outcome.value
        raise error_of(outcome, request.method)

    async def write(self, request: Request[track.TrackWrite]) -> Verdict:
        """The verdict on a write. Never raises for anything that Last.fm or the network does."""
        exchange = await self.exchange(request)
        verdict = self._server.verdict_on(exchange) if self._server else None
        return verdict or _verdict(exchange)

    def walk(self, listing: Listing[T]) -> Walk[T]:
        """A walk over a list in pages, from its start position."""
        return Walk(listing, self.ask)

    async def exchange(self, request: Request[T]) -> Exchange[T]:
        """The reply, raw and parsed. Never raises for anything that Last.fm or the network does."""
        first, *alternatives = variants(request)
        exchange = await self._exchange(first)
        for variant in alternatives:
            if _found_nothing(exchange.outcome) and _found(other := await self._exchange(variant)):
                return other
        return exchange

    async def _exchange(self, request: Request[T]) -> Exchange[T]:
        sealed = sign_request(request, self._keys)
        if self._pace:
            await self._pace()
        reply = await self._endpoint.send(sealed)
        outcome = understand(request, sealed, reply)
        if self._server:
            outcome = self._server.named(outcome)
        _report_time(reply, outcome, self._on_date)
        return Exchange(reply, outcome)

    async def close(self) -> None:
        """Close its own HTTP client; `async with` does so at the end."""
        await self._endpoint.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class LastFmSync(SyncCatalogue):
    """`LastFm` without `await`; threads may share it. `pace` blocks until the request may be sent."""

    def __init__(
        self,
        keys: Keys,
        url: str = API_URL,
        *,
        http: httpx2.Client | None = None,
        user_agent: str = USER_AGENT,
        pace: Callable[[], None] | None = None,
        on_date: OnDate | None = None,
        patience: Patience = PATIENCE,
    ) -> None:
        self._keys = keys
        self._endpoint = SyncEndpoint(url, user_agent, http, patience)
        self._pace = pace
        self._on_date = on_date

    def ask(self, request: Request[T]) -> T:
        """The answer to a read. Raises a LastFmError."""
        outcome = self._try_variants(request).outcome
        if isinstance(outcome, Answer):
            return outcome.value
        raise error_of(outcome, request.method)

    def write(self, request: Request[track.TrackWrite]) -> Verdict:
        """The verdict on a write. Never raises for anything that Last.fm or the network does."""
        return _verdict(self._exchange(request))

    def walk(self, listing: Listing[T]) -> SyncWalk[T]:
        """A walk over a list in pages, from its start position."""
        return SyncWalk(listing, self.ask)

    def _try_variants(self, request: Request[T]) -> Exchange[T]:
        first, *alternatives = variants(request)
        exchange = self._exchange(first)
        for variant in alternatives:
            if _found_nothing(exchange.outcome) and _found(other := self._exchange(variant)):
                return other
        return exchange

    def _exchange(self, request: Request[T]) -> Exchange[T]:
        sealed = sign_request(request, self._keys)
        if self._pace:
            self._pace()
        reply = self._endpoint.send(sealed)
        outcome = understand(request, sealed, reply)
        _report_time(reply, outcome, self._on_date)
        return Exchange(reply, outcome)

    def close(self) -> None:
        """Close its own HTTP client; `with` does so at the end."""
        self._endpoint.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _verdict(exchange: Exchange[track.TrackWrite]) -> Verdict:
    outcome = exchange.outcome
    return Answered(outcome.value, shown_time(exchange.reply)) if isinstance(outcome, Answer) else verdict_of(outcome)


def _found(exchange: Exchange[T]) -> bool:
    return isinstance(exchange.outcome, Answer) and not _found_nothing(exchange.outcome)


def _found_nothing(outcome: Answer[T] | Failure) -> bool:
    """Whether Last.fm knows no such artist or track: error 6, or the empty list that track.getSimilar answers."""
    match outcome:
        case Answer(value=Page(items=()) | ()):
            return True
        case Refusal(Cause(error_code)):
            return error_code == NOT_FOUND
        case _:
            return False


def _report_time(reply: Reply | TransportError, outcome: Answer[T] | Failure, on_date: OnDate | None) -> None:
    """Report the server's time, only from an answer of the API: a gateway, a cache or a hotel's sign-in page has its
    own clock.
    """
    if on_date is None or isinstance(reply, TransportError) or not isinstance(outcome, Answer | Refusal):
        return
    if (at := shown_time(reply)) is not None:
        on_date(at, reply.round_trip)
