"""HTTP for all clients here: one request, and its answer or why there is none.

It decides only whether a request may have arrived. No redirects and no retries: the rules decide what is sent again,
and when.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeAlias, TypeVar
from urllib.parse import SplitResult, urlsplit

if TYPE_CHECKING:
    import httpx2

C = TypeVar("C")
HttpClient: TypeAlias = "httpx2.AsyncClient | OwnClient"
"""A host's own client, or one that is opened when it is needed."""

_UNSENDABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_LONGEST_MESSAGE = 300
_LONGEST_WAIT = 86400.0
"""Seconds; a proxy's slip in Retry-After must not stop an account for a year."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete HTTP answer. Header names are in lower case; `round_trip` is in seconds."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    round_trip: float = 0.0


@dataclass(frozen=True, slots=True)
class TransportError:
    """No answer came. `sent` is False if the request certainly never reached the server."""

    sent: bool
    message: str


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds: to connect, for the next bytes, for the whole answer; and its bytes, unpacked.

    Slow answers to a batch of 50 are normal at Last.fm. A server that sends byte by byte never exceeds `read`, so there
    is `answer`. A page of 1,000 plays takes about 2 MB.
    """

    connect: float = 5.0
    read: float = 30.0
    answer: float = 60.0
    max_bytes: int = 32 * 2**20

    @property
    def timeouts(self) -> dict[str, float]:
        """The time limits for httpx2."""
        return {"connect": self.connect, "pool": self.connect, "write": self.read, "read": self.read}


PATIENCE = Patience()
CLOSED = TransportError(False, "the HTTP client is closed")


def checked_address(url: str) -> SplitResult:
    """The parts of an API's address; raises ValueError if no request can be made of it."""
    parts = urlsplit(url)
    bad_port = parts.port == 0  # reading it raises ValueError for a worse one
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or bad_port:
        raise ValueError("the API's address must be http(s)://host/path, without a query")
    return parts


def base_address(url: str) -> str:
    """The base address of a server's API from what somebody typed: without surrounding blanks or a slash at its end.
    Raises ValueError, in words for whoever typed it.
    """
    url = url.strip()
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("the address can't be read: it must be like https://music.example.org") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("the address must start with https:// or http://, followed by a host")
    if parts.query or parts.fragment or parts.username is not None or port == 0 or not url.isprintable() or " " in url:
        raise ValueError("the address must be only a host and a path, like https://music.example.org/path")
    return url.rstrip("/")


def host_of(url: str) -> str:
    """The host of an address, with the port if it names one."""
    return urlsplit(url).netloc.rpartition("@")[2]


def unreachable(error: TransportError, url: str) -> str:
    """Why no answer came from an address, in words for whoever typed it."""
    host, said = host_of(url), error.message
    if "CERTIFICATE_VERIFY_FAILED" in said:
        why = said.rpartition("certificate verify failed: ")[2].partition(" (_ssl")[0]
        return f"the certificate of {host} isn't valid: {why}"
    if "SSL" in said:
        return f"{host} doesn't answer over https: is it http://?"
    if any(sign in said for sign in ("Name or service", "No address associated", "getaddrinfo", "name resolution")):
        return f"the host {host} wasn't found: check the address"
    if said.startswith("no connection"):
        return f"nothing answers at {host}: is the address right, and is it running?"
    return f"{host}: {said}"


def redirected(reply: Reply, url: str) -> str:
    """What to do about a server that redirects, in words for whoever typed the address."""
    asked = urlsplit(url)
    try:
        wanted = urlsplit(reply.headers.get("location", ""))
    except ValueError:
        wanted = urlsplit("")
    if wanted.scheme == "https" and asked.scheme == "http" and wanted.hostname == asked.hostname:
        return f"{host_of(url)} requires https: use https:// in the address"
    if wanted.scheme in ("http", "https") and wanted.hostname:
        return f"{host_of(url)} redirects to {wanted.scheme}://{wanted.hostname}: use the address of the API itself"
    return f"{host_of(url)} redirects elsewhere: use the address of the API itself"


def checked_agent(user_agent: str) -> str:
    """The User-Agent; raises ValueError if it isn't valid."""
    if not user_agent.strip() or not user_agent.isascii() or not user_agent.isprintable():
        raise ValueError("the User-Agent must be printable ASCII")
    return user_agent


def fits_a_header(token: str) -> bool:
    """Whether a token can be sent in a header."""
    return bool(token) and token.isascii() and token.isprintable() and " " not in token


def sendable(name: str) -> str:
    """A name without characters that JSON or its readers can't have: controls, and halves of a pair."""
    return name if name.isprintable() else _UNSENDABLE.sub("", name).strip()


class Endless(Exception):
    """The answer takes too long or is too large."""


class Received:
    """An answer while it comes in."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._start = perf_counter()
        self._chunks: list[bytes] = []
        self._size = 0

    def add(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
        self._size += len(chunk)
        if self._size > self._patience.max_bytes or self.seconds > self._patience.answer:
            raise Endless

    @property
    def seconds(self) -> float:
        return perf_counter() - self._start

    def reply(self, response: httpx2.Response) -> Reply:
        headers = dict(response.headers.items())
        return Reply(response.status_code, headers, b"".join(self._chunks), self.seconds)


class OwnClient:
    """A client of httpx2, opened with the first request: it and the certificates take memory, and time to load."""

    def __init__(self) -> None:
        self._client: httpx2.AsyncClient | None = None
        self._over = False

    async def get(self) -> httpx2.AsyncClient | TransportError:
        """The client, or why there can be none."""
        if self._client or self._over:
            return self._client or CLOSED
        import anyio.to_thread

        # A fifth of a second, once: not on the event loop.
        made = await anyio.to_thread.run_sync(_async_client)
        if self._client or isinstance(made, TransportError):  # another task was quicker, and this one has no socket yet
            return self._client or made
        self._client = made
        return made

    async def close(self) -> None:
        """Close it; another is opened if it is used after that."""
        client, self._client = self._client, None
        if client:
            await client.aclose()

    async def end(self) -> None:
        """Close it for good."""
        self._over = True
        await self.close()


class AsyncTransport:
    """Sends requests. Closes only a client that it opened itself, and opens another if it is used after that."""

    def __init__(self, http: HttpClient | None = None, patience: Patience = PATIENCE) -> None:
        self._own = OwnClient()
        self._http: HttpClient = http or self._own
        self._patience = patience

    async def send(self, make: Callable[[], httpx2.Request]) -> Reply | TransportError:
        """The reply, or why there is none. Never raises for a network failure."""
        http = await client_of(self._http)
        if isinstance(http, TransportError) or http.is_closed:
            return http if isinstance(http, TransportError) else CLOSED
        incoming = Received(self._patience)
        try:
            response = await http.send(make(), stream=True, follow_redirects=False)
            try:
                async for chunk in response.aiter_bytes():
                    incoming.add(chunk)
            finally:
                await response.aclose()
            return incoming.reply(response)
        except transport_error_types() as error:
            return transport_error(error)

    async def close(self) -> None:
        await self._own.close()


class ServiceClient:
    """What the clients of other services share: JSON over HTTP, a pace, and an HTTP client of their own or a host's.

    `pace` is awaited before each request, and `on_date` is called with the server's Unix time and the round trip in
    seconds after each answer of the API: a page from elsewhere has a clock of its own. Raises ValueError for a
    User-Agent that isn't valid.
    """

    def __init__(
        self,
        user_agent: str,
        http: HttpClient | None,
        pace: Callable[[], Awaitable[None]] | None,
        on_date: Callable[[float, float], None] | None,
        patience: Patience,
    ) -> None:
        self._agent = checked_agent(user_agent)
        self._transport = AsyncTransport(http, patience)
        self._pace = pace
        self._on_date = on_date
        self._patience = patience

    async def _exchange(
        self, method: str, url: str, body: bytes | None = None, authorization: str = ""
    ) -> Reply | TransportError:
        """The reply to a request, whose body is JSON if there is one."""

        def request() -> httpx2.Request:
            import httpx2

            timeouts = {"timeout": self._patience.timeouts}
            return httpx2.Request(method, url, headers=headers, content=body, extensions=timeouts)

        headers = {"User-Agent": self._agent, "Accept": "application/json", "Accept-Encoding": "gzip, deflate"}
        if authorization:
            headers["Authorization"] = authorization
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self._pace:
            await self._pace()
        reply = await self._transport.send(request)
        if self._on_date and isinstance(reply, Reply) and members(reply.body) is not None:
            at = shown_time(reply)
            if at is not None:
                self._on_date(at, reply.round_trip)
        return reply

    async def close(self) -> None:
        """Close its own HTTP client; `async with` does so at the end."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def client_of(http: HttpClient) -> httpx2.AsyncClient | TransportError:
    """The client that sends, or why there can be none."""
    return await http.get() if isinstance(http, OwnClient) else http


def _async_client() -> httpx2.AsyncClient | TransportError:
    import httpx2

    return opened(httpx2.AsyncClient)


def opened(make: Callable[[], C]) -> C | TransportError:
    """A client with the proxies and certificates of the environment, or why they are unusable."""
    import httpx2

    try:
        return make()
    except (ValueError, ImportError, OSError, httpx2.InvalidURL):
        # Not its message: that may contain a proxy's password.
        return TransportError(False, "the environment's proxy or certificate settings allow no connection")


def transport_error_types() -> tuple[type[Exception], ...]:
    """What sending a request and reading its answer may raise."""
    import httpx2

    # OSError comes only from a transport that a host brought: httpx2's own turns it into one of its errors.
    return httpx2.HTTPError, httpx2.InvalidURL, OSError, Endless


_ERRNO = re.compile(r"\[Errno -?\d+\] ")
"""A number in the system's message, which says the same in words."""


def transport_error(error: Exception) -> TransportError:
    """The error as a value, saying whether the request may have arrived, so that no exception of httpx2 with its
    request is attached to ours.
    """
    import httpx2

    match error:
        case httpx2.ConnectError():
            return TransportError(False, f"no connection: {_ERRNO.sub('', str(error))}")
        case httpx2.ConnectTimeout() | httpx2.PoolTimeout():
            return TransportError(False, "no connection in time")
        case httpx2.ProxyError():
            return TransportError(False, "the proxy blocked the request")
        case httpx2.UnsupportedProtocol() | httpx2.LocalProtocolError() | httpx2.InvalidURL():
            return TransportError(False, "no request could be made: the address can't be used")
        case httpx2.ReadTimeout():
            return TransportError(True, "no answer in time")
        case Endless():
            return TransportError(True, "the answer never ended")
        case _:
            return TransportError(True, "the connection broke before the answer was complete")


def plain(message: str, secrets: Iterable[str]) -> str:
    """A message fit for a log: one line, limited in length, and without secrets that a server echoed."""
    for secret in secrets:
        if len(secret) >= 8:
            message = message.replace(secret, "…")
    message = " ".join("".join(c if c.isprintable() else " " for c in message).split())
    return message if len(message) <= _LONGEST_MESSAGE else message[: _LONGEST_MESSAGE - 1] + "…"


def unread(body: bytes) -> str:
    """What came instead of an answer, in words such as "an empty body"."""
    start = body.lstrip()[:1]
    if not start:
        return "an empty body"
    return "a page instead of an answer" if start == b"<" else "a body that can't be read"


def members(body: bytes) -> Mapping[str, object] | None:
    """The members of an answer that is a JSON object; None for anything else."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds from the Retry-After header, at most a day; a date in it counts from the answer's own Date."""
    named = headers.get("retry-after", "")
    wait = number(named)
    if wait is None:
        until, answered = _unix(named), server_time(headers)
        wait = None if until is None or answered is None else until - answered
    return within_a_day(wait)


def within_a_day(wait: float | None) -> float | None:
    """Seconds to wait, from 0 to a day; None stays None."""
    return None if wait is None else min(max(float(wait), 0.0), _LONGEST_WAIT)


def number(digits: str) -> float | None:
    """A finite number in a header; None for anything else."""
    try:
        found = float(digits)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def server_time(headers: Mapping[str, str]) -> float | None:
    """Unix seconds of the Date header: the server's clock, to the whole second."""
    return _unix(headers.get("date", ""))


def shown_time(reply: Reply | TransportError) -> float | None:
    """The server's time; None if the answer has none, or comes from a cache."""
    return None if isinstance(reply, TransportError) or "age" in reply.headers else server_time(reply.headers)


def _unix(date: str) -> float | None:
    from email.utils import mktime_tz, parsedate_tz

    parts = parsedate_tz(date)
    try:
        return None if parts is None else float(mktime_tz(parts))
    except (ValueError, OverflowError):
        return None
