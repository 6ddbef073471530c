"""Addresses of this service: all of them lie under the path of TONEARM_PUBLIC_URL, if it has one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

REMEMBERED = 3600
"""Seconds for which a browser remembers the page that was requested before signing in: as long as a link works."""

LONGEST_REMEMBERED = 2000
"""Characters of its address."""

_OURS = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")
"""A path of this host: others could be written into a cookie of another port."""

_ROOT: ContextVar[str] = ContextVar("root", default="")
_NETLOC: ContextVar[str] = ContextVar("netloc", default="")


def root() -> str:
    """The path under which a browser finds this service, without a slash at its end: "", or "/music" for example."""
    return _ROOT.get()


def local_url(path: str) -> str:
    """The address of one of our paths, for a browser."""
    return _ROOT.get() + path


def see_other(path: str, *, part: bool = False) -> Response:
    """Lead a browser to one of our paths; `part`: an open page asked for a part of itself."""
    url = local_url(path)
    return Response(status_code=204, headers={"HX-Redirect": url}) if part else RedirectResponse(url, 303)


def came_from(request: Request) -> str:
    """The path and query of our page that a request came from; "" if it didn't come from one."""
    try:
        came = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        return ""
    ours = {request.headers.get("host"), _NETLOC.get() or None}
    if came.netloc not in ours or not came.path.startswith(local_url("/")) or came.path.startswith("//"):
        return ""
    return f"{came.path}?{came.query}" if came.query else came.path


def remember(request: Request, answer: Response) -> None:
    """Let the browser remember the requested page until it has signed in."""
    asked = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
    if len(asked) <= LONGEST_REMEMBERED:
        options = {"path": local_url("/"), "httponly": True, "samesite": "lax", "secure": request.url.scheme == "https"}
        answer.set_cookie(cookie_name(request, "next"), quote(asked, safe="/"), REMEMBERED, **options)  # type: ignore[arg-type]  # a dict of several types


def asked_before(request: Request, answer_to: Callable[[str], Response]) -> Response:
    """The answer that leads to the page that was requested before signing in, otherwise to the first page."""
    asked = unquote(request.cookies.get(cookie_name(request, "next"), ""))
    ours = _OURS.fullmatch(asked) is not None and asked.startswith(local_url("/"))
    answer = answer_to(asked if ours else local_url("/"))
    if asked:
        answer.delete_cookie(cookie_name(request, "next"), local_url("/"))
    return answer


def cookie_name(request: Request, of: str = "session") -> str:
    """The name of the session's cookie. It contains the port, since a browser sends cookies to every port of a host."""
    host = request.headers.get("host", "")
    try:
        port = urlsplit(f"//{host}").port
    except ValueError:
        port = None
    return f"tonearm_{of}_{port or (443 if request.url.scheme == 'https' else 80)}"


@contextmanager
def public(url: str, scope: MutableMapping[str, Any]) -> Iterator[None]:
    """Within the block, addresses are below the path of `url`; so is the request's path, even if a proxy stripped
    it.
    """
    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    if path:
        scope["root_path"] = path
        if scope["path"] != path and not scope["path"].startswith(f"{path}/"):
            scope["path"] = path + scope["path"]
            scope["raw_path"] = path.encode() + scope.get("raw_path", b"")
    roots, netlocs = _ROOT.set(path), _NETLOC.set(parts.netloc)
    try:
        yield
    finally:
        _ROOT.reset(roots)
        _NETLOC.reset(netlocs)
