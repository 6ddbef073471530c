"""A player's request, for all protocols."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit
from zlib import MAX_WBITS, decompressobj
from zlib import error as zlib_error

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from tonearm.ingest.fields import program_of
from tonearm.ingest.form import LARGEST_FORM, parse_form, urlencoded


@dataclass(frozen=True, slots=True)
class PlayerRequest:
    """A request in one of the protocols. `path` is relative to the service's own path and begins with one slash,
    `query` is unparsed. `base` is the address that the player used, without a slash at its end.
    """

    method: str
    path: str
    query: str = field(repr=False)
    headers: dict[str, str] = field(repr=False)
    base: str
    receive: Receive = field(repr=False)

    @property
    def parameters(self) -> dict[str, str]:
        """The query's parameters."""
        return parse_form(self.query)

    @property
    def content_type(self) -> str:
        """The kind of its body."""
        return self.headers.get("content-type", "")

    @property
    def user_agent(self) -> str:
        """The program's own User-Agent."""
        return self.headers.get("user-agent", "")

    @property
    def program(self) -> str:
        """The program's name for people."""
        return program_of(self.user_agent)

    async def form(self) -> bytes | None:
        """The body of a form (`body`), urlencoded in any case; None if it can't be read. Raises ClientDisconnect."""
        body = await self.body(LARGEST_FORM)
        return body if len(body) > LARGEST_FORM else urlencoded(body, self.content_type)

    async def body(self, limit: int) -> bytes:
        """The body, or its beginning if it is longer than `limit` bytes: one byte more shows that it is.

        Raises ClientDisconnect.
        """
        declared = self.headers.get("content-length", "")
        if declared.isascii() and declared.isdigit() and int(declared[:20]) > limit:
            return b"." * (limit + 1)
        parts: list[bytes] = []
        size = 0
        while size <= limit:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if not message.get("more_body", False):
                break
        body = b"".join(parts)[: limit + 1]
        return _unpacked(body, limit) if self.headers.get("content-encoding") in ("gzip", "deflate") else body


def _unpacked(body: bytes, limit: int) -> bytes:
    """The unpacked body, or its beginning as above; what can't be unpacked stays as it is."""
    try:
        return decompressobj(MAX_WBITS | 32).decompress(body, limit + 1)
    except zlib_error:
        return body


def request_of(scope: Scope, receive: Receive, public_url: str) -> PlayerRequest:
    """The request of an ASGI scope. `public_url` is the address that people use, "" if there is none."""
    headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
    return PlayerRequest(
        scope["method"],
        local_path(scope["path"], public_url),
        scope["query_string"].decode("latin-1"),
        headers,
        _base(scope, headers, public_url),
        receive,
    )


def local_path(path: str, public_url: str) -> str:
    """A path relative to the path of the public address, with single slashes."""
    root = urlsplit(public_url).path.rstrip("/")
    if root and path.startswith(f"{root}/"):
        path = path[len(root) :]
    while "//" in path:
        path = path.replace("//", "/")
    return path


def _base(scope: Scope, headers: dict[str, str], public_url: str) -> str:
    """The public address if the player used it, otherwise the one that it used: so it never gets an address that it
    can't reach.
    """
    host = _forwarded(headers, "host") or headers.get("host", "")
    if public_url and (host in ("", urlsplit(public_url).netloc) or _is_between(scope, headers)):
        return public_url.rstrip("/")
    host = host or _reached(scope)
    scheme = _forwarded(headers, "proto").lower()
    if scheme not in ("http", "https"):
        scheme = scope["scheme"]
    return f"{scheme}://{host}{urlsplit(public_url).path.rstrip('/')}"


_PROXIES = frozenset(("x-forwarded-for", "x-forwarded-proto", "x-real-ip", "forwarded", "via"))


def _is_between(scope: Scope, headers: dict[str, str]) -> bool:
    """Whether the Host is what a proxy calls this service, and no longer what the player called the proxy: nginx sends
    that, by HTTP/1.0, unless it is configured otherwise. The port is ours then.
    """
    between = scope.get("http_version") == "1.0" or not _PROXIES.isdisjoint(headers)
    _, port = scope.get("server") or ("", None)
    return between and "x-forwarded-host" not in headers and headers["host"].endswith(f":{port}")


def _forwarded(headers: dict[str, str], name: str) -> str:
    """What a proxy says about the player's request; of several proxies, the one that the player reached."""
    return headers.get(f"x-forwarded-{name}", "").partition(",")[0].strip()


def _reached(scope: Scope) -> str:
    """The address at which a request without a Host arrived: HTTP/1.0 doesn't need one."""
    name, port = scope.get("server") or ("", None)
    shown = f"[{name}]" if ":" in name else name
    return f"{shown}:{port}" if port else shown
