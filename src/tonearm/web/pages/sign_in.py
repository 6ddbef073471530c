"""Signing in: a browser with a one-time link, and a listener at Last.fm."""

from functools import partial
from typing import Annotated, Any, assert_never
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from tonearm.core.account import Connection
from tonearm.deck import Listener
from tonearm.service.accounts import BROWSER_LIFE
from tonearm.service.sign_in import NotAsked, Pending, SignedIn, SignInExpired, SignInResult, Unreachable
from tonearm.web.address import asked_before, cookie_name, local_url, see_other
from tonearm.web.pages.base import Me, is_htmx, page_route, problem_page
from tonearm.web.pages.layout import Frame, to_page
from tonearm.web.view.formats import sentence
from tonearm.web.view.templates import page

Given = Annotated[str, Query(min_length=1, max_length=512)]


def sign_in_router(frame: Frame, *, secure: bool, public_url: str) -> APIRouter:
    """`/signin` and `/signout` for browsers, `/connect` and the way back from Last.fm."""
    router = APIRouter(include_in_schema=False, route_class=page_route(frame.headers))
    _browser_routes(router, frame, secure)
    _lastfm_routes(router, frame, public_url)
    return router


def _browser_routes(router: APIRouter, frame: Frame, secure: bool) -> None:
    deck, access, headers = frame.deck, frame.access, frame.headers

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
        answer = see_other("/")
        answer.delete_cookie(cookie_name(request), **cookie())
        return answer


def _lastfm_routes(router: APIRouter, frame: Frame, public_url: str) -> None:
    @router.post("/connect")
    async def connect(me: Me, request: Request) -> Response:
        """Lead to Last.fm's approval page, which sends the browser back in the same tab."""
        frame.needs_key()
        back = f"{public_url}/connect/back" if public_url else str(request.url_for("connect_back"))
        return RedirectResponse((await frame.deck.sign_in.web(me.id, back)).auth_url, 303)

    _desktop_routes(router, frame)

    @router.get("/connect/back", name="connect_back")
    async def connect_back(
        me: Me,
        request: Request,
        token: Given,
        login: Given,
    ) -> Response:
        """Finish the sign-in, after Last.fm has sent the browser back."""
        return await _result_page(request, frame, me, await frame.deck.sign_in.finish(me.id, token, login))


def _desktop_routes(router: APIRouter, frame: Frame) -> None:
    """The flow if Last.fm cannot send the browser back: allow access there, while a page waits here."""
    Token = Annotated[str, Form(min_length=1, max_length=512)]

    @router.post("/connect/desktop")
    async def begin(me: Me, request: Request) -> Response:
        """Ask Last.fm for a token to allow."""
        frame.needs_key()
        start = await frame.deck.sign_in.desktop(me.id)
        if isinstance(start, Unreachable):
            return await _result_page(request, frame, me, start, "/connect/desktop")
        assert start.token is not None
        return see_other(f"/connect/waiting?{urlencode({'token': start.token})}")

    @router.get("/connect/waiting")
    async def waiting(me: Me, token: Given, early: bool = False) -> Response:
        """What to do at Last.fm, and how much time is left; `early`: the reader checked before allowing access."""
        return await _waiting_page(frame, me, token, "waiting", early=early)

    @router.post("/connect/waiting")
    async def check(me: Me, request: Request, token: Token, early: Annotated[bool, Form()] = False) -> Response:
        """Check whether access has been allowed."""
        result = await frame.deck.sign_in.finish(me.id, token)
        if is_htmx(request):
            return await _waiting_part(result, frame, me, token, early=early)
        if isinstance(result, Pending):
            return see_other(f"/connect/waiting?{urlencode({'token': token, 'early': True})}")
        return await _result_page(request, frame, me, result, "/connect/desktop")

    @router.post("/connect/cancel")
    async def cancel(me: Me, token: Token) -> Response:
        """Cancel the sign-in."""
        await frame.deck.sign_in.cancel(me.id, token)
        return see_other("/settings")


async def _waiting_part(result: SignInResult, frame: Frame, me: Listener, token: str, *, early: bool) -> Response:
    """What an open page that waits shows next."""
    match result:
        case SignedIn():
            return see_other("/", part=True)
        case Pending():
            return await _waiting_page(frame, me, token, "_waiting", early=early)
        case Unreachable(error_code=code, message=message):
            refused = _said(result) if code in _OF_THE_KEY else ""
            return await _waiting_page(frame, me, token, "_waiting", problem=message, refused=refused)
        case _:
            return await _waiting_page(frame, me, token, "_waiting")


async def _waiting_page(
    frame: Frame,
    me: Listener,
    token: str,
    name: str,
    *,
    early: bool = False,
    problem: str = "",
    refused: str = "",
) -> Response:
    pending, account, now = await frame.deck.sign_in.asked(me.id, token), await me.account(), frame.deck.clock.now()
    facts: dict[str, Any] = {
        "auth_start": pending[0] if pending else None,
        "left": pending[1] - now if pending else 0.0,
        "connected": account.connection is Connection.CONNECTED,
        "account": account,
        "early": early,
        "problem": problem,
        "refused": refused,
    }
    return page(name, frame.headers, **facts)


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


async def _result_page(
    request: Request, frame: Frame, me: Listener, result: SignInResult, start: str = "/connect"
) -> Response:
    """What came of a sign-in, also if its page is opened again; a page of a failure leads to `start`."""
    problem = partial(problem_page, frame.headers, start=start)
    if isinstance(result, NotAsked) and result.granted:
        account = await me.account()
        result = SignedIn(account.username, 0) if account.connection is Connection.CONNECTED else result
    match result:
        case SignedIn(username):
            return to_page(request, "/", f"You're connected to Last.fm as {username}.")
        case Pending():
            message = "Last.fm says you haven't allowed access yet. Allow it there, then reload this page."
            return problem(202, message, title="Not connected yet")
        case SignInExpired():
            message = "It was cancelled, or is older than 60 minutes. Nothing was changed."
            return problem(410, message, title="This sign-in has ended")
        case NotAsked(reason):
            message = f"{sentence(reason)} Nothing was changed."
            return problem(400, message, title="This sign-in can't continue")
        case Unreachable(error_code=code):
            title = "" if code is None else "Last.fm didn't sign you in"
            return problem(502, f"{_said(result)} Nothing was changed.", title=title)
        case _:
            assert_never(result)
