"""Addresses of this service: all of them lie under the path of TONEARM_PUBLIC_URL, if it has one."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request

_ROOT: ContextVar[str] = ContextVar("root", default="")
_NETLOC: ContextVar[str] = ContextVar("netloc", default="")


def root() -> str:
    """The path under which a browser finds this service, without a slash at its end: "" or such as "/music"."""
    return _ROOT.get()


def at(path: str) -> str:
    """The address of a path of ours for a browser."""
    return _ROOT.get() + path


def came_from(request: Request) -> str:
    """The path and query of the page of ours that a request came from; "" if it came from none."""
    try:
        came = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        return ""
    ours = {request.headers.get("host"), _NETLOC.get() or None}
    if came.netloc not in ours or not came.path.startswith(at("/")) or came.path.startswith("//"):
        return ""
    return f"{came.path}?{came.query}" if came.query else came.path


def cookie_name(request: Request) -> str:
    """The name of the session's cookie, which holds the port: a browser gives it to every port of a host."""
    host = request.headers.get("host", "")
    try:
        port = urlsplit(f"//{host}").port
    except ValueError:
        port = None
    return f"tonearm_session_{port or (443 if request.url.scheme == 'https' else 80)}"


@contextmanager
def public(url: str, scope: MutableMapping[str, Any]) -> Iterator[None]:
    """Within the block addresses lie under the path of `url`; the request's path does, too, if a proxy took it off."""
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
