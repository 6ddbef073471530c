"""What the framework itself answers when it refuses a request, in the form of all other errors."""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import RedirectResponse
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tonearm.web.address import local_url
from tonearm.web.api.errors import ErrorResponses

TOO_LARGE = 413

_IN_A_PATH = "/:@!$&'()*+,;=~"

_BODY = json.dumps({"detail": "the request is too large; nothing was saved"}).encode()
_HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(_BODY)).encode())]
_WITHOUT_A_BODY = frozenset({"GET", "HEAD", "OPTIONS"})


class TooLargeAsJson:
    """Middleware around the limit of Starlette, which answers with a line of text: programs get JSON."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["method"] in _WITHOUT_A_BODY:
            await self._app(scope, receive, send)
            return
        replaced = False

        async def answer(message: MutableMapping[str, Any]) -> None:
            nonlocal replaced
            if message["type"] == "http.response.start" and message["status"] == TOO_LARGE:
                replaced = _is_text(message) and "text/html" not in Headers(scope=scope).get("accept", "")
                if replaced:
                    message = {**message, "headers": _HEADERS}
            elif replaced:
                message = {**message, "body": _BODY}
            await send(message)

        await self._app(scope, receive, answer)


def _is_text(start: MutableMapping[str, Any]) -> bool:
    return Headers(raw=start["headers"]).get("content-type", "").startswith("text/plain")


def name_all_methods(app: FastAPI) -> None:
    """Let `Allow` of a 405 name the methods of all routes at that address: FastAPI makes a route for each of them.

    A browser that opens the address of a form is led to the page above it: somebody reloads or restores a page that
    answered a form.
    """

    async def wrong_method(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if request.method in ("GET", "HEAD") and "text/html" in request.headers.get("accept", ""):
            return RedirectResponse(quote(_page_above(app, request.scope), safe=_IN_A_PATH), 303)
        fitting = [route for route in app.router.routes if _fits(route, request.scope)]
        methods = {
            method
            for route in fitting
            if isinstance(route, Route) and route.path == getattr(fitting[0], "path", None)
            for method in (*(route.methods or ()), *_head_of(route))
        }
        headers = {**(error.headers or {}), **({"Allow": ", ".join(sorted(methods))} if methods else {})}
        return await http_exception_handler(request, HTTPException(405, error.detail, headers))

    app.add_exception_handler(405, wrong_method)


def _head_of(route: Route) -> tuple[str, ...]:
    """HEAD, if the route answers it as its GET without naming it."""
    return ("HEAD",) if isinstance(route, ErrorResponses) and "GET" in route.methods else ()


def _page_above(app: FastAPI, scope: Scope) -> str:
    path = str(scope["path"])
    while path := path.rpartition("/")[0]:
        if any(route.matches({**scope, "path": path})[0] is Match.FULL for route in app.router.routes):
            return path
    return local_url("/")


def redirect_below(app: FastAPI) -> None:
    """Redirect addresses with a slash too many or too few by their path alone: only the caller knows by which scheme
    and host we are reached. An absolute address would lead from https behind a proxy to http, with the token.
    """
    router = app.router
    not_found = router.default

    async def other_slash(scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope["path"])
        other = path.rstrip("/") if path.endswith("/") else f"{path}/"
        there = {**scope, "path": other}
        if (
            scope["type"] != "http"
            or not other
            or other.startswith("//")
            or not any(_fits(route, there) for route in router.routes)
        ):
            await not_found(scope, receive, send)
            return
        query = scope["query_string"].decode("latin-1")
        location = quote(other, safe=_IN_A_PATH) + (f"?{query}" if query else "")
        await RedirectResponse(location)(scope, receive, send)

    router.redirect_slashes, router.default = False, other_slash


def _fits(route: BaseRoute, scope: Scope) -> bool:
    return route.matches(scope)[0] is not Match.NONE
