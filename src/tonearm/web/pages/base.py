"""What every page shares: who looks at it, and faults that are pages too."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, PlainTextResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException as StarletteHTTPException

from tonearm.deck import Listener
from tonearm.service.values import StoreUnavailable
from tonearm.web.access import Access
from tonearm.web.address import at, remember
from tonearm.web.view.templates import page

_TITLES = {
    400: "That didn't work",
    401: "Sign in first",
    404: "Not found",
    502: "Last.fm didn't answer",
    503: "Not available right now",
}

WORTH_PACKING = 1400
"""Bytes; less is one packet anyway."""


class Sheet:
    """The dependency that says who looks at a page; a stranger gets the page that tells how to come in."""

    def __init__(self, access: Access) -> None:
        self._access = access

    async def __call__(self, request: Request) -> Listener:
        """The listener who looks."""
        found = await self._access.listener(request)
        if found is None:
            raise HTTPException(401)
        return found


def in_place(request: Request) -> bool:
    """Whether the open page asks, and will show by itself what came of it."""
    return "hx-request" in request.headers


def page_route(headers: Mapping[str, str]) -> type[APIRoute]:
    """A route whose faults are pages."""

    class Pages(APIRoute):
        def __init__(self, *args: Any, **how: Any) -> None:
            super().__init__(*args, **how)
            if self.methods and "GET" in self.methods:
                self.methods.add("HEAD")  # the server leaves out the body

        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handler = super().get_route_handler()

            async def answer(request: Request) -> Response:
                try:
                    return packed(request, await handler(request))
                except (HTTPException, RequestValidationError, StoreUnavailable) as error:
                    answer = error_page(error, headers, open_page=in_place(request))
                    if answer.status_code == 401 and request.method == "GET" and not in_place(request):
                        remember(request, answer)
                    return answer

            return answer

    return Pages


def packed(request: Request, answer: Response) -> Response:
    """A page compressed, where that is worth it and the browser takes it. A quick level: it is done at each request."""
    if (
        type(answer) is not HTMLResponse
        or len(answer.body) < WORTH_PACKING
        or "gzip" not in request.headers.get("accept-encoding", "")
    ):
        return answer
    answer.body = gzip.compress(answer.body, 4, mtime=0)
    answer.headers.update({"Content-Encoding": "gzip", "Content-Length": str(len(answer.body))})
    answer.headers.add_vary_header("Accept-Encoding")
    return answer


def pages_for_browsers(app: FastAPI, headers: Mapping[str, str]) -> None:
    """An address that leads nowhere is a page for those who read pages, and JSON for programs."""

    async def nowhere(request: Request, error: Exception) -> Response:
        assert isinstance(error, StarletteHTTPException)
        if "text/html" in request.headers.get("accept", "") and not request.url.path.startswith(at("/lastfm/")):
            return trouble(headers, error.status_code, "There's no page at this address.")
        return await http_exception_handler(request, error)

    app.add_exception_handler(404, nowhere)


def error_page(error: Exception, headers: Mapping[str, str], *, open_page: bool = False) -> Response:
    """A fault in plain words: a page, or for an `open_page` only the words, for it to show.

    A part of a page that is refused makes the browser fetch the whole page.
    """
    match error:
        case HTTPException(status_code=401):
            return page("stranger", {**headers, "HX-Refresh": "true"}, 401)
        case HTTPException():
            status, message = error.status_code, str(error.detail)
        case RequestValidationError():
            status, message = 400, "We can't use that form or address. Nothing was changed."
        case _:
            status = 503
            message = f"The database is unavailable ({error}). Plays saved before are safe. Try again in a moment."
    if open_page:
        return PlainTextResponse(message, status, dict(headers))
    return trouble(headers, status, message)


def trouble(headers: Mapping[str, str], status: int, message: str, *, title: str = "", again: bool = False) -> Response:
    """A page that says what went wrong. `again` offers to start the sign-in anew."""
    facts = {"title": title or _TITLES.get(status, "Something went wrong"), "words": message, "again": again}
    return page("trouble", headers, status, **facts)
