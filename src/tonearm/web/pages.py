"""The page, and the door that a browser comes in by."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from tonearm.deck import Deck
from tonearm.service.listeners import BROWSER_LIFE
from tonearm.store import plays, queue
from tonearm.web.access import COOKIE, Access


def pages_router(deck: Deck, access: Access, *, secure: bool) -> APIRouter:
    """`GET /`, `GET /signin` and `POST /signout`."""
    router = APIRouter(include_in_schema=False)

    @router.get("/signin")
    async def sign_in(link: Annotated[str, Query(min_length=1, max_length=200)]) -> Response:
        """A one-time link becomes a browser's session."""
        session = await deck.listeners.browser(link)
        if session is None:
            return HTMLResponse("used up", 410)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(COOKIE, session, int(BROWSER_LIFE), httponly=True, samesite="lax", secure=secure)
        return answer

    @router.get("/")
    async def home(request: Request) -> Response:
        """Connection, now playing, the queue with reasons, the last plays."""
        me = await access.listener(request)
        if me is None:
            return HTMLResponse("sign in", 401)
        standing = await me.queue()
        waiting = await deck.store.read(partial(queue.listing, number=me.id, limit=100))
        latest = await deck.store.read(partial(plays.latest, account=me.id, limit=50))
        return HTMLResponse(f"{standing} {len(waiting)} {len(latest)}")

    return router
