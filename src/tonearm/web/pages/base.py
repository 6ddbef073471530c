"""What every page shares: who is signed in, and errors as pages."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Coroutine, Mapping
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException as StarletteHTTPException

from tonearm.deck import Listener
from tonearm.service.values import StoreUnavailable
from tonearm.web import said
from tonearm.web.access import Access
from tonearm.web.address import came_from, local_url, remember
from tonearm.web.deferred_route import DeferredRoute
from tonearm.web.view.formats import sentence
from tonearm.web.view.templates import page
from tonearm.web.view.time_zone import write_times_for

_TITLES = {
    400: "That didn't work",
    401: "Sign in first",
    404: "Not found",
    502: "Last.fm didn't answer",
    503: "Not available right now",
}

COMPRESS_FROM = 1400
"""Bytes from which a page is compressed: less fits into one packet anyway."""


async def _signed_in(request: Request) -> Listener:
    access: Access = request.app.state.access
    listener = await access.listener(request)
    if listener is None:
        raise HTTPException(401)
    return listener


Me = Annotated[Listener, Depends(_signed_in)]
"""The listener whose browser asks; others get the page that explains how to sign in."""


def is_htmx(request: Request) -> bool:
    """Whether an open page's script (htmx) sent the request: it shows the result itself."""
    return "hx-request" in request.headers


def page_route(headers: Mapping[str, str]) -> type[APIRoute]:
    """A route whose errors are pages."""

    class PageRoute(DeferredRoute):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            if "GET" in self.methods:
                self.methods.add("HEAD")  # the server leaves out the body

        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handler = super().get_route_handler()

            async def answer(request: Request) -> Response:
                write_times_for(request)
                said.listen(request)
                try:
                    return said.forget_shown(request, compressed(request, await handler(request)))
                except (HTTPException, RequestValidationError, StoreUnavailable) as error:
                    form = came_from(request) if request.method == "POST" else ""
                    answer = error_page(error, headers, open_page=is_htmx(request), form=form)
                    if answer.status_code == 401 and request.method == "GET" and not is_htmx(request):
                        remember(request, answer)
                    return answer

            return answer

    return PageRoute


def compressed(request: Request, answer: Response) -> Response:
    """Compress a long page if the browser accepts that: fast rather than small, since every request does it."""
    if (
        type(answer) is not HTMLResponse
        or len(answer.body) < COMPRESS_FROM
        or "gzip" not in request.headers.get("accept-encoding", "")
    ):
        return answer
    answer.body = gzip.compress(answer.body, 4, mtime=0)
    answer.headers.update({"Content-Encoding": "gzip", "Content-Length": str(len(answer.body))})
    answer.headers.add_vary_header("Accept-Encoding")
    return answer


def add_error_pages(app: FastAPI, headers: Mapping[str, str]) -> None:
    """Answer unknown addresses and unexpected errors with a page for browsers, and with JSON for programs."""

    async def not_found(request: Request, error: Exception) -> Response:
        assert isinstance(error, StarletteHTTPException)
        if _wants_page(request):
            return problem_page(headers, error.status_code, "There's no page at this address.")
        return await http_exception_handler(request, error)

    async def unexpected(request: Request, error: Exception) -> Response:
        if _wants_page(request):
            message = "Something went wrong inside tonearm; its log says what. Your plays are safe."
            return problem_page(headers, 500, message)
        return JSONResponse({"detail": "something went wrong inside tonearm; see its log"}, 500)

    app.add_exception_handler(404, not_found)
    app.add_exception_handler(Exception, unexpected)


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith(local_url("/lastfm/"))


def error_page(error: Exception, headers: Mapping[str, str], *, open_page: bool = False, form: str = "") -> Response:
    """An error as a page, or for an `open_page` only its message, which that page shows. `form` is the address of the
    page whose form failed.

    A browser that is no longer signed in reloads the whole page.
    """
    match error:
        case HTTPException(status_code=401):
            return page("not_signed_in", {**headers, "HX-Refresh": "true"}, 401)
        case HTTPException():
            status, message = error.status_code, sentence(str(error.detail))
        case RequestValidationError():
            status, message = 400, "We can't use that form or address. Nothing was changed."
        case _:
            status = 503
            message = f"The database is unavailable ({error}). Plays saved before are safe. Try again in a moment."
    if open_page:
        return PlainTextResponse(message, status, dict(headers))
    return problem_page(headers, status, message, form=form)


def problem_page(
    headers: Mapping[str, str],
    status: int,
    message: str,
    *,
    title: str = "",
    start: str = "",
    form: str = "",
) -> Response:
    """A page that says what went wrong, and leads back to the `form`. `start` is the path to which its button "Start
    again" posts; "" for no button.
    """
    title = title or _TITLES.get(status, "Something went wrong")
    return page("problem", headers, status, title=title, message=message, start=start, form=form)
