"""The way to Last.fm and back, by httpx2. Decides nothing but whether a request may have arrived.

No redirects and no retries: what is sent again, and when, is for the rules to say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from time import perf_counter
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from tonearm.lastfm.request import SignedRequest, Verb
from tonearm.lastfm.response import Reply, TransportError

if TYPE_CHECKING:
    import httpx2

C = TypeVar("C")

_CLOSED = TransportError(False, "the HTTP client is closed")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds: to connect, for the next bytes, for the whole answer; and its bytes, unpacked.

    Slow answers to a batch of 50 are normal at Last.fm. A server that drips never runs into `read`, so there is
    `answer`. A page of 1,000 plays takes about 2 MB.
    """

    connect: float = 5.0
    read: float = 30.0
    answer: float = 60.0
    max_bytes: int = 32 * 2**20


PATIENCE = Patience()


class _Endless(Exception):
    """The answer takes too long or is too large."""


class Endpoint:
    """Where to, and as whom. Raises ValueError for an address or a name that no request can be made of."""

    def __init__(self, url: str, user_agent: str, patience: Patience) -> None:
        parts = urlsplit(url)
        bad_port = parts.port == 0  # looking at it raises ValueError for a worse one
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or bad_port:
            raise ValueError("the API's address must be http(s)://host/path, without a query")
        if not user_agent.strip() or not user_agent.isascii() or not user_agent.isprintable():
            raise ValueError("the User-Agent must be printable ASCII")
        self._url = url
        self._patience = patience
        self._headers = {
            "User-Agent": user_agent,
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
        }

    def _request(self, sealed: SignedRequest) -> httpx2.Request:
        """Built here, as a host's client would add parameters and cookies of its own."""
        import httpx2

        connect, read = self._patience.connect, self._patience.read
        within = {"connect": connect, "pool": connect, "write": read, "read": read}
        if sealed.verb is Verb.GET:
            url = f"{self._url}?{sealed.form}"
            return httpx2.Request("GET", url, headers=self._headers, extensions={"timeout": within})
        headers = {**self._headers, "Content-Type": "application/x-www-form-urlencoded"}
        return httpx2.Request(
            "POST", self._url, headers=headers, content=sealed.form.encode(), extensions={"timeout": within}
        )


class _Received:
    """An answer while it comes in."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._start = perf_counter()
        self._chunks: list[bytes] = []
        self._size = 0

    def take(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
        self._size += len(chunk)
        if self._size > self._patience.max_bytes or self.seconds > self._patience.answer:
            raise _Endless

    @property
    def seconds(self) -> float:
        return perf_counter() - self._start

    def reply(self, response: httpx2.Response) -> Reply:
        headers = dict(response.headers.items())
        return Reply(response.status_code, headers, b"".join(self._chunks), self.seconds)


class AsyncEndpoint(Endpoint):
    """Async. Closes only a client that it opened itself, and opens another if it is used after that."""

    def __init__(
        self, url: str, user_agent: str, http: httpx2.AsyncClient | None = None, patience: Patience = PATIENCE
    ) -> None:
        super().__init__(url, user_agent, patience)
        self._hosts = http
        self._own_client: httpx2.AsyncClient | None = None

    async def send(self, sealed: SignedRequest) -> Reply | TransportError:
        """What came back, or why nothing did. Raises for no fault of the network."""
        http = self._hosts or self._own_client or await self._open()
        if isinstance(http, TransportError) or http.is_closed:
            return http if isinstance(http, TransportError) else _CLOSED
        incoming = _Received(self._patience)
        try:
            response = await http.send(self._request(sealed), stream=True, follow_redirects=False)
            try:
                async for chunk in response.aiter_bytes():
                    incoming.take(chunk)
            finally:
                await response.aclose()
            return incoming.reply(response)
        except _transport_error_types() as error:
            return _transport_error(error)

    async def _open(self) -> httpx2.AsyncClient | TransportError:
        import anyio.to_thread

        # httpx2 and the certificates take a fifth of a second to load, once: not on the event loop.
        made = await anyio.to_thread.run_sync(_async_client)
        if self._own_client or isinstance(
            made, TransportError
        ):  # another task was quicker, and this one has no socket yet
            return self._own_client or made
        self._own_client = made
        return made

    async def close(self) -> None:
        client, self._own_client = self._own_client, None
        if client:
            await client.aclose()


class SyncEndpoint(Endpoint):
    """The same for threads, of which several may share it."""

    def __init__(
        self, url: str, user_agent: str, http: httpx2.Client | None = None, patience: Patience = PATIENCE
    ) -> None:
        super().__init__(url, user_agent, patience)
        self._hosts = http
        self._own_client: httpx2.Client | None = None
        self._opening = Lock()

    def send(self, sealed: SignedRequest) -> Reply | TransportError:
        """What came back, or why nothing did. Raises for no fault of the network."""
        http = self._hosts or self._own_client or self._open()
        if isinstance(http, TransportError) or http.is_closed:
            return http if isinstance(http, TransportError) else _CLOSED
        incoming = _Received(self._patience)
        try:
            response = http.send(self._request(sealed), stream=True, follow_redirects=False)
            try:
                for chunk in response.iter_bytes():
                    incoming.take(chunk)
            finally:
                response.close()
            return incoming.reply(response)
        except _transport_error_types() as error:
            return _transport_error(error)

    def _open(self) -> httpx2.Client | TransportError:
        with self._opening:
            if self._own_client:
                return self._own_client
            made = _sync_client()
            self._own_client = None if isinstance(made, TransportError) else made
            return made

    def close(self) -> None:
        client, self._own_client = self._own_client, None
        if client:
            client.close()


def _async_client() -> httpx2.AsyncClient | TransportError:
    import httpx2

    return _opened(httpx2.AsyncClient)


def _sync_client() -> httpx2.Client | TransportError:
    import httpx2

    return _opened(httpx2.Client)


def _opened(make: Callable[[], C]) -> C | TransportError:
    """A client as the environment's proxies and certificates want it, or why they allow none."""
    import httpx2

    try:
        return make()
    except (ValueError, ImportError, OSError, httpx2.InvalidURL):
        # Not its words: they may hold a proxy's password.
        return TransportError(False, "the environment's proxy or certificate settings allow no connection")


def _transport_error_types() -> tuple[type[Exception], ...]:
    import httpx2

    # OSError comes only from a transport that a host brought: httpx2's own turns it into one of its errors.
    return httpx2.HTTPError, httpx2.InvalidURL, OSError, _Endless


def _transport_error(error: Exception) -> TransportError:
    """Whether it may have arrived. A value, so that no exception of httpx2 with its request hangs on ours."""
    import httpx2

    match error:
        case httpx2.ConnectError():
            return TransportError(False, f"no connection: {error}")
        case httpx2.ConnectTimeout() | httpx2.PoolTimeout():
            return TransportError(False, "no connection in time")
        case httpx2.ProxyError():
            return TransportError(False, "the proxy let nothing through")
        case httpx2.UnsupportedProtocol() | httpx2.LocalProtocolError() | httpx2.InvalidURL():
            return TransportError(False, "no request could be made: the address cannot be used")
        case httpx2.ReadTimeout():
            return TransportError(True, "no answer in time")
        case _Endless():
            return TransportError(True, "an answer without end")
        case _:
            return TransportError(True, "the connection broke before the answer was whole")
