"""The service's own application: the endpoints, events, health and pages, behind its access checks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from fastapi import Depends, FastAPI
from fastapi.security import HTTPBearer
from starlette.types import ASGIApp

from tonearm.deck import Deck
from tonearm.version import __version__
from tonearm.web.access import Access, Guard
from tonearm.web.api.destinations import destinations_router
from tonearm.web.api.events import events_router
from tonearm.web.api.health import health_router
from tonearm.web.api.history_imports import history_export_router, history_imports_router
from tonearm.web.api.jobs import jobs_router
from tonearm.web.api.metadata import metadata_router
from tonearm.web.api.plays import lastfm_router
from tonearm.web.api.queue import stories_router
from tonearm.web.api.rules import rules_router
from tonearm.web.api.stats import stats_router
from tonearm.web.options import WebOptions
from tonearm.web.pages.base import add_error_pages
from tonearm.web.pages.router import pages_router
from tonearm.web.refusals import TooLargeAsJson, name_all_methods, redirect_below
from tonearm.web.view.templates import safe_headers
from tonearm.web.ways_in.entrance import WaysIn

LARGEST_BODY = 2 * 2**20
"""Bytes that a request may have."""


_TOKEN = HTTPBearer(scheme_name="token", description="`tonearm token NAME` makes one.", auto_error=False)
"""Only for the description of the API: `Access` identifies the listener, and accepts a page's cookie, too."""


class _Service(FastAPI):
    """The application, with the players' protocols in front of it: their requests may be larger, and need no guard."""

    ways_in: Callable[[ASGIApp], ASGIApp]

    def build_middleware_stack(self) -> ASGIApp:
        return self.ways_in(TooLargeAsJson(super().build_middleware_stack()))


def create_app(deck: Deck, options: WebOptions | None = None) -> FastAPI:
    """The service on an open deck."""
    options = options or WebOptions()
    public_url = options.public_url.rstrip("/")
    app = _Service(
        title="tonearm",
        version=__version__,
        description="Sends what you play to Last.fm. No play is lost or sent twice, and you can see what happened.",
        docs_url=None,
        redoc_url=None,
        max_body_size=LARGEST_BODY,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # it checks at each request whether it is needed
    )
    app.ways_in = partial(WaysIn, deck=deck, public_url=public_url)
    access = app.state.access = Access(deck)
    callback = f"{public_url}/lastfm/auth-callback" if public_url else None
    asked = [Depends(_TOKEN)]
    secure = public_url.startswith("https://")
    routers = (
        lastfm_router(deck, access, callback, asked),
        stories_router(deck, access, asked),
        rules_router(deck, access, asked),
        metadata_router(deck, access, asked),
        stats_router(deck, access, asked),
        history_imports_router(deck, access, asked),
        history_export_router(deck, access, asked),
        events_router(deck, access, asked),
        health_router(deck, access),
        jobs_router(deck, access),
        destinations_router(deck, access, asked),
        pages_router(deck, access, secure=secure, public_url=public_url, emulator_url=options.emulator_url),
    )
    for router in routers:  # `include_router` would analyse every route again, and search for it twice at each request
        app.router.routes.extend(router.routes)
    add_error_pages(app, safe_headers(deck.sign_in.auth_url))
    name_all_methods(app)
    redirect_below(app)
    app.add_middleware(Guard, access=access, public_url=public_url)

    return app
