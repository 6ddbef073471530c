"""The service from its first second: players and monitoring are answered before the rest is loaded.

The endpoints and pages take longer to load than everything else together, and as much memory as half of it. So they are
loaded when one is first requested. Only that first request waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from tonearm.deck import Deck
from tonearm.web.access import Access, Guard
from tonearm.web.health import health_answer
from tonearm.web.options import WebOptions
from tonearm.web.ways_in.entrance import WaysIn


class FrontDoor:
    """The application (`web.app`), loaded with the first request for which it is needed. `then` is called after it."""

    def __init__(self, deck: Deck, options: WebOptions, then: Callable[[], object]) -> None:
        self._deck = deck
        self._options = options
        self._then = then
        public_url = options.public_url.rstrip("/")
        self._health = Guard(self._well, Access(deck), public_url)
        self._answering: ASGIApp = WaysIn(self._others, deck, public_url)
        self._application: ASGIApp | None = None
        self._loading = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        await self._answering(scope, receive, send)

    async def _others(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/health" and scope["method"] in ("GET", "HEAD"):
            await self._health(scope, receive, send)
        else:
            application = await self._loaded()
            await application(scope, receive, send)

    async def _well(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await health_answer(self._deck)
        await answer(scope, receive, send)

    async def _loaded(self) -> ASGIApp:
        async with self._loading:
            if self._application is None:
                create_app = await asyncio.to_thread(_load)
                self._answering = self._application = create_app(self._deck, self._options)
                self._then()
        return self._application


def _load() -> Callable[[Deck, WebOptions], ASGIApp]:
    from tonearm.web.app import create_app

    return create_app
