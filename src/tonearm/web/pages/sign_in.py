"""Signing in: a browser with a one-time link, and a listener at Last.fm."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, assert_never
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, HTTPException, Query, Request, Response
from fastapi.responses import RedirectResponse

from tonearm.core.account import Connection
from tonearm.deck import Deck, Listener
from tonearm.service.accounts import BROWSER_LIFE
from tonearm.service.metadata_upstream import NO_KEY
from tonearm.service.sign_in import NotAsked, Pending, SignedIn, SignInExpired, SignInResult, Unreachable
from tonearm.web.access import Access
from tonearm.web.address import asked_before, cookie_name, local_url
from tonearm.web.pages.base import SignedInListener, is_htmx, page_route, problem_page
from tonearm.web.view.formats import sentence
from tonearm.web.view.templates import page


def sign_in_router(
    deck: Deck, access: Access, headers: Mapping[str, str], *, secure: bool, public_url: str
) -> APIRouter:
    """`/signin` and `/signout` for browsers, `/connect` and the way back from Last.fm."""
    router = APIRouter(include_in_schema=False, route_class=page_route(headers))
    _browser_routes(router, deck, access, headers, secure)
    _lastfm_routes(router, deck, access, headers, public_url)
    return router


def _browser_routes(router: APIRouter, deck: Deck, access: Access, headers: Mapping[str, str], secure: bool) -> None:
    def cookie() -> dict[str, Any]:
        return {"path": local_url("/"), "httponly": True, "samesite": "lax", "secure": secure}

    Link = Annotated[str, Query(max_length=200)]

    @router.get("/signin")
    async def sign_in(request: Request, link: Link = "") -> Response:
        """Sign in a browser with a one-time link; ask first if somebody else may have sent it here."""
        owner, current = await deck.accounts.of_link(link), await access.listener(request)
        if owner is None:
            return page("link_expired", headers, 410, signed_in=current is not None)
        other = current is not None and current.id != owner.id
        if other or request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            return page(
                "switch_listener", headers, listener=owner.name, current=current.name if current else "", link=link
            )
        return await enter(request, link)

    @router.post("/signin")
    async def enter(request: Request, link: Link = "") -> Response:
        """The same, once the reader has confirmed whose link it is."""
        session = await deck.accounts.browser(link)
        if session is None:
            return page("link_expired", headers, 410, signed_in=await access.listener(request) is not None)
        await access.forget(request)
        answer = asked_before(request, partial(RedirectResponse, status_code=303))
        answer.set_cookie(cookie_name(request), session, int(BROWSER_LIFE), **cookie())
        return answer

    @router.post("/signout")
    async def sign_out(request: Request) -> Response:
        """End this browser's session; nothing changes at Last.fm."""
        await access.forget(request)
        answer = RedirectResponse(local_url("/"), 303)
        answer.delete_cookie(cookie_name(request), **cookie())
        return answer


def _lastfm_routes(router: APIRouter, deck: Deck, access: Access, headers: Mapping[str, str], public_url: str) -> None:
    Me = Annotated[Listener, Depends(SignedInListener(access))]

    @router.post("/connect")
    async def connect(me: Me, request: Request) -> Response:
        """Lead to Last.fm's approval page, which sends the browser back in the same tab."""
        if not deck.configured:
            raise HTTPException(503, sentence(NO_KEY))
        back = f"{public_url}/connect/back" if public_url else str(request.url_for("connect_back"))
        return RedirectResponse((await deck.sign_in.web(me.id, back)).auth_url, 303)

    _desktop_routes(router, deck, access, headers)

    @router.get("/connect/back", name="connect_back")
    async def connect_back(
        me: Me,
        token: Annotated[str, Query(min_length=1, max_length=512)],
        login: Annotated[str, Query(min_length=1, max_length=512)],
    ) -> Response:
        """Finish the sign-in, after Last.fm has sent the browser back."""
        return _result_page(await deck.sign_in.finish(me.id, token, login), headers)


def _desktop_routes(router: APIRouter, deck: Deck, access: Access, headers: Mapping[str, str]) -> None:
    """The flow if Last.fm cannot send the browser back: allow access there, while a page waits here."""
    Me = Annotated[Listener, Depends(SignedInListener(access))]
    Token = Annotated[str, Form(min_length=1, max_length=512)]

    @router.post("/connect/desktop")
    async def begin(me: Me) -> Response:
        """Ask Last.fm for a token to allow."""
        if not deck.configured:
            raise HTTPException(503, sentence(NO_KEY))
        start = await deck.sign_in.desktop(me.id)
        if isinstance(start, Unreachable):
            return _result_page(start, headers, "/connect/desktop")
        assert start.token is not None
        return RedirectResponse(local_url(f"/connect/waiting?{urlencode({'token': start.token})}"), 303)

    @router.get("/connect/waiting")
    async def waiting(
        me: Me, token: Annotated[str, Query(min_length=1, max_length=512)], early: bool = False
    ) -> Response:
        """What to do at Last.fm, and how much time is left; `early`: the reader checked before allowing access."""
        return await _waiting_page(deck, me, token, "waiting", headers, early=early)

    @router.post("/connect/waiting")
    async def check(me: Me, request: Request, token: Token, early: Annotated[bool, Form()] = False) -> Response:
        """Check whether access has been allowed."""
        result = await deck.sign_in.finish(me.id, token)
        if is_htmx(request):
            return await _waiting_part(result, deck, me, token, headers, early=early)
        if isinstance(result, Pending):
            return RedirectResponse(local_url(f"/connect/waiting?{urlencode({'token': token, 'early': True})}"), 303)
        return _result_page(result, headers, "/connect/desktop")

    @router.post("/connect/cancel")
    async def cancel(me: Me, token: Token) -> Response:
        """Cancel the sign-in."""
        await deck.sign_in.cancel(me.id, token)
        return RedirectResponse(local_url("/settings"), 303)


async def _waiting_part(
    result: SignInResult, deck: Deck, me: Listener, token: str, headers: Mapping[str, str], *, early: bool
) -> Response:
    """What an open page that waits shows next."""
    match result:
        case SignedIn():
            return Response(status_code=204, headers={"HX-Redirect": local_url("/")})
        case Pending():
            return await _waiting_page(deck, me, token, "_waiting", headers, early=early)
        case Unreachable(error_code=code, message=message):
            refused = _said(result) if code in _OF_THE_KEY else ""
            return await _waiting_page(deck, me, token, "_waiting", headers, problem=message, refused=refused)
        case _:
            return await _waiting_page(deck, me, token, "_waiting", headers)


async def _waiting_page(
    deck: Deck,
    me: Listener,
    token: str,
    name: str,
    headers: Mapping[str, str],
    *,
    early: bool = False,
    problem: str = "",
    refused: str = "",
) -> Response:
    pending, account, now = await deck.sign_in.asked(me.id, token), await me.account(), deck.clock.now()
    facts: dict[str, Any] = {
        "auth_start": pending[0] if pending else None,
        "left": pending[1] - now if pending else 0.0,
        "connected": account.connection is Connection.CONNECTED,
        "account": account,
        "early": early,
        "problem": problem,
        "refused": refused,
    }
    return page(name, headers, **facts)


_OF_THE_KEY = {
    10: "Check LASTFM_API_KEY.",
    13: "Check that LASTFM_API_SECRET is the secret of LASTFM_API_KEY.",
    26: "Only Last.fm can lift a suspended key.",
}
"""What helps if Last.fm refuses the key that signs everybody in, by its error code."""


def _said(result: Unreachable) -> str:
    """What Last.fm said, and what helps."""
    if result.error_code is None:
        return sentence(result.message)
    return f"Last.fm said: {sentence(result.message)} {_OF_THE_KEY.get(result.error_code, '')}".rstrip()


def _result_page(result: SignInResult, headers: Mapping[str, str], start: str = "/connect") -> Response:
    """What came of a sign-in; a page of a failure leads to `start`."""
    match result:
        case SignedIn():
            return RedirectResponse(local_url("/"), 303)
        case Pending():
            message = "Last.fm says you haven't allowed access yet. Allow it there, then reload this page."
            return problem_page(headers, 202, message, title="Not connected yet", start=start)
        case SignInExpired():
            message = "It was cancelled, or is older than 60 minutes. Nothing was changed."
            return problem_page(headers, 410, message, title="This sign-in has ended", start=start)
        case NotAsked(reason):
            message = f"{sentence(reason)} Nothing was changed."
            return problem_page(headers, 400, message, title="This sign-in can't continue", start=start)
        case Unreachable(error_code=code):
            title = "" if code is None else "Last.fm didn't sign you in"
            return problem_page(headers, 502, f"{_said(result)} Nothing was changed.", title=title, start=start)
        case _:
            assert_never(result)
