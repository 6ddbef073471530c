"""A player's request, for all protocols."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from tonearm.ingest.fields import program_of
from tonearm.ingest.form import parse_form


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
    def user_agent(self) -> str:
        """The program's own User-Agent."""
        return self.headers.get("user-agent", "")

    @property
    def program(self) -> str:
        """The program's name for people."""
        return program_of(self.user_agent)

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
        return b"".join(parts)[: limit + 1]


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
    host = headers.get("host") or _reached(scope)
    if public_url and (not headers.get("host") or urlsplit(public_url).netloc == host):
        return public_url.rstrip("/")
    scheme = headers.get("x-forwarded-proto", "").lower()
    if scheme not in ("http", "https"):
        scheme = scope["scheme"]
    return f"{scheme}://{host}{urlsplit(public_url).path.rstrip('/')}"


def _reached(scope: Scope) -> str:
    """The address at which a request without a Host arrived: HTTP/1.0 doesn't need one."""
    name, port = scope.get("server") or ("", None)
    shown = f"[{name}]" if ":" in name else name
    return f"{shown}:{port}" if port else shown
