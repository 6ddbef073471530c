"""The page at `/`: connection, now playing, the queue with its reasons, the last plays. Works without scripts."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from tonearm.deck import Deck, Listener
from tonearm.service.telling import Done, NoSuchPlay, NotNow
from tonearm.store import glance
from tonearm.web import assets, views
from tonearm.web.access import Access
from tonearm.web.door import door_router
from tonearm.web.reference import reference
from tonearm.web.shapes import Row
from tonearm.web.sheets import Sheet, page_route
from tonearm.web.templates import page, safe_headers
from tonearm.web.words import sentence

RETRY_WAIT = 3.0
"""Seconds that a form's answer waits for the queue to move, so that the next page shows what came of it."""

PARTS = ("who", "standing", "now", "numbers", "account", "queue", "plays")
"""The parts of the page that are fetched anew while it is open."""

FOR_EVER = "public, max-age=31536000, immutable"


def pages_router(deck: Deck, access: Access, *, secure: bool, public_url: str = "") -> APIRouter:
    """The page, its parts, its forms, the door, the reference and the files that they need.

    `public_url` is the address that Last.fm sends browsers back to; "" for the one that a browser asks for.
    """
    headers = safe_headers(deck.signing_in.auth_url)
    router = APIRouter(include_in_schema=False, route_class=page_route(headers))
    _home_routes(router, deck, access, headers)
    _form_routes(router, deck, access)
    router.include_router(door_router(deck, access, headers, secure=secure, public_url=public_url))
    _open_routes(router, deck, headers, public_url)
    return router


def _home_routes(router: APIRouter, deck: Deck, access: Access, headers: dict[str, str]) -> None:
    Me = Annotated[Listener, Depends(Sheet(access))]

    @router.get("/", name="home")
    async def home(me: Me) -> Response:
        """Everything at one look."""
        return page("home", headers, **await _facts(deck, me))

    @router.get("/fragments/{part}")
    async def fragment(me: Me, part: str) -> Response:
        """One part of the page, as it is now."""
        if part not in PARTS:
            raise HTTPException(404, "There is no such part of the page.")
        return page(f"_{part}", headers, **await _facts(deck, me))


async def _facts(deck: Deck, me: Listener) -> dict[str, Any]:
    now = deck.clock.now()
    seen = await deck.store.read(partial(glance.look, number=me.id, key=deck.listeners.pace_key, now=now))
    moment = views.Moment(now, deck.configured, deck.delivers(), deck.listeners.daily)
    return {
        "now": now,
        "glance": seen,
        "account": seen.account,
        "configured": deck.configured,
        "banners": views.banners(seen, moment),
        "line": views.line(seen, moment),
        "playing": views.playing(deck.shows.current(me.id), seen.account.threshold, now),
        "plays": [views.latest(kept) for kept in seen.latest],
    }


def _form_routes(router: APIRouter, deck: Deck, access: Access) -> None:
    Me = Annotated[Listener, Depends(Sheet(access))]

    @router.post("/retry")
    async def retry(me: Me, request: Request) -> Response:
        """Everything that waits is due now. Without scripts the answer waits a little, to show what came of it."""
        if "hx-request" in request.headers:
            await deck.listeners.retry(me.id, deck.ring)
            return Response(status_code=204)
        await deck.listeners.retry_and_wait(me.id, deck.ring, deck.announcer, RETRY_WAIT)
        return RedirectResponse("/", 303)

    @router.post("/plays/{play}/send")
    async def send(me: Me, request: Request, play: Row) -> Response:
        """Send a play that was held back."""
        match await deck.telling.retry(me.id, play):
            case NoSuchPlay():
                raise HTTPException(404, "There is no such play.")
            case NotNow(why):
                raise HTTPException(409, sentence(why))
            case Done():
                return Response(status_code=204) if "hx-request" in request.headers else RedirectResponse("/", 303)

    @router.post("/disconnect")
    async def disconnect(me: Me, queue: Annotated[str, Form(pattern="^(keep|discard)$")]) -> Response:
        """Forget the session; what waits is kept for the same Last.fm user, or discarded."""
        await deck.signing_in.sign_out(me.id, queue == "discard")
        return RedirectResponse("/", 303)

    @router.post("/scrobbling")
    async def scrobbling(me: Me, enabled: Annotated[bool, Form()]) -> Response:
        """Switch scrobbling on or off."""
        await deck.listeners.change_settings(me.id, enabled, None)
        return RedirectResponse("/", 303)


def _open_routes(router: APIRouter, deck: Deck, headers: dict[str, str], public_url: str) -> None:
    @router.get("/docs")
    async def docs(request: Request) -> Response:
        """The endpoints, from the same description that `/openapi.json` gives."""
        described = reference(request.app.openapi())
        recently = int(deck.clock.now()) - 700
        base = public_url or str(request.base_url).rstrip("/")
        return page("docs", headers, groups=described, base=base, sample_time=recently)

    @router.get("/static/{name}")
    async def static(request: Request, name: str) -> Response:
        """A style, script or picture, under an address that changes with it."""
        asset = assets.at(f"/static/{name}")
        if asset is None:
            raise HTTPException(404, "There is no such file.")
        kept = {"Cache-Control": FOR_EVER, "X-Content-Type-Options": "nosniff", "Vary": "Accept-Encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(asset.packed, media_type=asset.media, headers=kept | {"Content-Encoding": "gzip"})
        return Response(asset.body, media_type=asset.media, headers=kept)
