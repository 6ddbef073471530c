"""The service's own pages: each has its own address, stays up to date while it is open, and works without scripts."""

from fastapi import APIRouter, HTTPException, Request, Response

from tonearm.deck import Deck, Listener
from tonearm.web.access import Access
from tonearm.web.address import root
from tonearm.web.pages.approval import approval_router
from tonearm.web.pages.base import Me, page_route
from tonearm.web.pages.by_hand import by_hand_routes
from tonearm.web.pages.by_hand_album import album_by_hand_routes
from tonearm.web.pages.covers import cover_routes
from tonearm.web.pages.destinations import destination_routes
from tonearm.web.pages.emulator import emulator_routes
from tonearm.web.pages.hearts import heart_routes
from tonearm.web.pages.history import history_routes
from tonearm.web.pages.history_figures import history_figure_routes
from tonearm.web.pages.history_imports import history_import_routes
from tonearm.web.pages.household import household_routes
from tonearm.web.pages.layout import Frame
from tonearm.web.pages.library import library_routes
from tonearm.web.pages.loved import loved_routes
from tonearm.web.pages.music import music_routes
from tonearm.web.pages.names import name_routes
from tonearm.web.pages.now import now_routes
from tonearm.web.pages.play import play_routes
from tonearm.web.pages.players import player_routes
from tonearm.web.pages.queue import queue_routes
from tonearm.web.pages.reference import reference
from tonearm.web.pages.rules import rule_routes
from tonearm.web.pages.settings import settings_routes
from tonearm.web.pages.sign_in import sign_in_router
from tonearm.web.view import assets
from tonearm.web.view.templates import page, safe_headers

FOR_EVER = "public, max-age=31536000, immutable"


def pages_router(
    deck: Deck, access: Access, *, secure: bool, public_url: str = "", emulator_url: str = ""
) -> APIRouter:
    """The pages, their parts and forms, the sign-in, the reference, and the files that they need.

    `public_url` is the address that Last.fm sends browsers back to; "" for the one that the browser used.
    `emulator_url` is where the stand-in's faults are, if there is no real Last.fm behind this.
    """
    headers = safe_headers(deck.sign_in.auth_url)
    router = APIRouter(include_in_schema=False, route_class=page_route(headers))
    frame = Frame(deck, access, headers, emulator_url)
    _layout_routes(router, frame)
    now_routes(router, frame)
    queue_routes(router, frame)
    by_hand_routes(router, frame)
    album_by_hand_routes(router, frame)
    history_routes(router, frame)
    history_figure_routes(router, frame)
    history_import_routes(router, frame)
    heart_routes(router, frame)  # before the choices at /loved/ID
    loved_routes(router, frame)
    library_routes(router, frame)
    music_routes(router, frame)
    name_routes(router, frame)
    cover_routes(router, frame)
    play_routes(router, frame)
    rule_routes(router, frame)
    player_routes(router, frame, public_url)
    settings_routes(router, frame)
    destination_routes(router, frame)
    household_routes(router, frame, public_url)
    if emulator_url:
        emulator_routes(router, frame)
    router.routes.extend(sign_in_router(frame, secure=secure, public_url=public_url).routes)
    router.routes.extend(approval_router(frame).routes)
    _open_routes(router, deck, headers, public_url)
    return router


def _layout_routes(router: APIRouter, frame: Frame) -> None:
    async def part(name: str, me: Listener) -> Response:
        context = frame.context()
        return frame.page(name, await frame.snapshot(me), context)

    @router.get("/fragments/who")
    async def connected_as(me: Me) -> Response:
        """Who is connected."""
        return await part("_connected_as", me)

    @router.get("/fragments/notices")
    async def notices(me: Me) -> Response:
        """What prevents sending."""
        return await part("_notices", me)


def _open_routes(router: APIRouter, deck: Deck, headers: dict[str, str], public_url: str) -> None:
    @router.get("/docs")
    async def docs(request: Request) -> Response:
        """The endpoints, from the same description that `/openapi.json` gives."""
        groups = reference(request.app.openapi())
        sample_time = int(deck.clock.now()) - 700
        base = public_url or str(request.base_url).rstrip("/")
        return page("docs", headers, groups=groups, base=base, sample_time=sample_time)

    @router.get("/offline")
    async def offline() -> Response:
        """What the installed app shows while this service can't be reached."""
        return page("offline", headers)

    @router.get("/worker.js")
    async def worker() -> Response:
        """The service worker, which keeps that page."""
        policy = "default-src 'none'; connect-src 'self'"
        own = {"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"}
        return Response(assets.worker(root(), f"{root()}/offline"), media_type="text/javascript", headers=own)

    @router.get("/fragments/{name}")
    async def unknown_part(name: str) -> Response:
        raise HTTPException(404, "There's no such part of a page.")

    @router.get("/static/{name}")
    async def static(request: Request, name: str) -> Response:
        """A style, script or picture, under an address that changes with it."""
        asset = assets.find(f"/static/{name}")
        if asset is None:
            raise HTTPException(404, "There's no such file.")
        cached = {"Cache-Control": FOR_EVER, "X-Content-Type-Options": "nosniff", "Vary": "Accept-Encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(asset.gzipped, media_type=asset.media, headers=cached | {"Content-Encoding": "gzip"})
        return Response(asset.body, media_type=asset.media, headers=cached)
