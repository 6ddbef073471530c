"""The doors: a one-time link lets a browser in here, and Last.fm's approval page lets this service in there."""

from collections.abc import Mapping
from typing import Annotated, assert_never

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import RedirectResponse

from tonearm.deck import Deck, Listener
from tonearm.service.listeners import BROWSER_LIFE
from tonearm.service.signing_in import Expired, NotAsked, Outcome, Pending, SignedIn, Unreachable
from tonearm.web.access import COOKIE, Access
from tonearm.web.sheets import Sheet, page_route, trouble
from tonearm.web.templates import page


def door_router(deck: Deck, access: Access, headers: Mapping[str, str], *, secure: bool, public_url: str) -> APIRouter:
    """`/signin` and `/signout` for browsers, `/connect` and the way back from Last.fm."""
    router = APIRouter(include_in_schema=False, route_class=page_route(headers))
    _browser_routes(router, deck, access, headers, secure)
    _lastfm_routes(router, deck, access, headers, public_url)
    return router


def _browser_routes(router: APIRouter, deck: Deck, access: Access, headers: Mapping[str, str], secure: bool) -> None:
    @router.get("/signin")
    async def sign_in(request: Request, link: Annotated[str, Query(max_length=200)] = "") -> Response:
        """A one-time link becomes a browser's session."""
        session = await deck.listeners.browser(link)
        if session is None:
            return page("used", headers, 410, inside=await access.listener(request) is not None)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(COOKIE, session, int(BROWSER_LIFE), httponly=True, samesite="lax", secure=secure)
        return answer

    @router.post("/signout")
    async def sign_out(request: Request) -> Response:
        """End this browser's session; nothing changes at Last.fm."""
        await access.forget(request)
        answer = RedirectResponse("/", 303)
        answer.delete_cookie(COOKIE, httponly=True, samesite="lax", secure=secure)
        return answer


def _lastfm_routes(router: APIRouter, deck: Deck, access: Access, headers: Mapping[str, str], public_url: str) -> None:
    Me = Annotated[Listener, Depends(Sheet(access))]

    @router.post("/connect")
    async def connect(me: Me, request: Request) -> Response:
        """Off to Last.fm's approval page, which sends the browser back in the same tab."""
        if not deck.configured:
            raise HTTPException(503, "No API key is configured: set LASTFM_API_KEY and LASTFM_API_SECRET.")
        back = f"{public_url}/connect/back" if public_url else str(request.url_for("connect_back"))
        return RedirectResponse((await deck.signing_in.web(me.id, back)).auth_url, 303)

    @router.get("/connect/back", name="connect_back")
    async def connect_back(
        me: Me,
        token: Annotated[str, Query(min_length=1, max_length=512)],
        login: Annotated[str, Query(min_length=1, max_length=512)],
    ) -> Response:
        """Back from Last.fm with an approved token."""
        return _outcome(await deck.signing_in.finish(me.id, token, login), headers)


def _outcome(outcome: Outcome, headers: Mapping[str, str]) -> Response:
    match outcome:
        case SignedIn():
            return RedirectResponse("/", 303)
        case Pending():
            words = "Last.fm says that access was not allowed yet. Allow it there, then reload this page."
            return trouble(headers, 202, words, title="Not connected yet", again=True)
        case Expired():
            return trouble(
                headers, 410, "A sign-in is good for 60 minutes, and this one is older.", title="Too late", again=True
            )
        case NotAsked(why):
            words = f"Nothing was changed: {why}."
            return trouble(headers, 400, words, title="This sign-in leads nowhere", again=True)
        case Unreachable(words=words):
            return trouble(headers, 502, f"It said: {words}. Nothing was changed.", again=True)
        case _:
            assert_never(outcome)
