"""The page at `/household`: who listens here, invitations and devices, and what others have played."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode, urlsplit

import segno
from fastapi import APIRouter, Form, HTTPException, Request, Response

from tonearm.deck import Listener
from tonearm.service.accounts import BadName
from tonearm.service.household import NotInvited
from tonearm.web.address import see_other
from tonearm.web.pages.base import Me
from tonearm.web.pages.layout import Frame, to_page
from tonearm.web.pages.players import NameText
from tonearm.web.view.formats import sentence
from tonearm.web.view.now_playing import playing

_FORMS = ("device", "invite", "rename", "remove", "share")
"""Addresses of forms below the page, where a browser may be reloaded."""

_ONLY_HERE = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Link:
    """A link that signs in one browser, with its QR code as SVG. It is shown only once.

    `name` is who is invited, "" for a device of the listener's own. `only_here`: other devices can't reach its address.
    """

    name: str
    address: str
    code: str
    only_here: bool


def household_routes(router: APIRouter, frame: Frame, public_url: str = "") -> None:
    """`/household` and its forms."""
    _link_routes(router, frame, public_url)
    _sharing_routes(router, frame)


def _link_routes(router: APIRouter, frame: Frame, public_url: str) -> None:
    @router.get("/household")
    async def household(me: Me) -> Response:
        """The whole page."""
        return await _page(frame, me)

    @router.post("/household/device")
    async def device(me: Me, request: Request) -> Response:
        """A link that signs in another device of this listener."""
        return await _page(frame, me, _link("", await frame.deck.accounts.link(me.id), request, public_url))

    @router.post("/household/invite")
    async def invite(me: Me, request: Request, name: NameText = "") -> Response:
        """Add a listener, and show the link that signs them in."""
        name = name.strip()
        try:
            invited = await frame.deck.households.invite(me.id, name)
        except BadName as error:
            return await _page(frame, me, given=name, problem=sentence(str(error)))
        if isinstance(invited, NotInvited):
            return await _page(frame, me, given=name, problem=sentence(invited.reason))
        return await _page(frame, me, _link(invited.name, invited.secret, request, public_url))

    @router.post("/household/rename")
    async def rename(me: Me, request: Request, name: NameText, new_name: NameText = "") -> Response:
        """Rename a listener who has never signed in."""
        message = f"{name} is {new_name.strip()} now. Their invitation still works."
        return await _change(frame, me, request, name, new_name.strip(), message)

    @router.post("/household/remove")
    async def remove(me: Me, request: Request, name: NameText) -> Response:
        """Remove a listener who has never signed in."""
        return await _change(frame, me, request, name, None, f"{name} is removed.")


async def _change(
    frame: Frame, me: Listener, request: Request, name: str, new_name: str | None, message: str
) -> Response:
    try:
        refused = await frame.deck.households.change_invited(me.id, name, new_name)
    except BadName as error:
        refused = NotInvited(str(error))
    if refused is None:
        return to_page(request, "/household", message)
    return await _page(frame, me, given=new_name or "", problem=sentence(refused.reason), changing=name)


def _sharing_routes(router: APIRouter, frame: Frame) -> None:
    @router.post("/household/share")
    async def share(me: Me, listener: Annotated[int, Form()], shown: Annotated[bool, Form()]) -> Response:
        """Show another listener what this one plays, or stop showing it."""
        if not await frame.deck.households.share(me.id, listener, shown=shown):
            raise HTTPException(404, "There's no such listener.")
        return see_other("/household")

    @router.get("/household/{name}")
    async def listening(me: Me, name: str) -> Response:
        """What another listener plays, if they show it."""
        seen = await frame.deck.households.seen(me.id, name)
        if seen is None and name in _FORMS:
            return see_other("/household")
        if seen is None:
            raise HTTPException(404, "There's no listener of this name who shows you what they play.")
        context, snapshot = frame.context(), await frame.snapshot(me)
        theirs = playing(frame.deck.shows.current(seen.account), snapshot.account.threshold, context.now)
        return frame.page("household_listener", snapshot, context, seen=seen, theirs=theirs)


async def _page(
    frame: Frame,
    me: Listener,
    link: Link | None = None,
    *,
    given: str = "",
    problem: str = "",
    changing: str = "",
) -> Response:
    household = await frame.deck.households.of(me.id)
    facts = {"me": me, "household": household, "link": link, "given": given, "problem": problem, "changing": changing}
    return await frame.show("household", me, 422 if problem else 200, **facts)


def _link(name: str, secret: str, request: Request, public_url: str) -> Link:
    base = (public_url or str(request.base_url)).rstrip("/")
    address = f"{base}/signin?{urlencode({'link': secret})}"
    code = segno.make(address, error="m").svg_inline(scale=5, border=4, light="#fff", dark="#000", omitsize=True)
    return Link(name, address, code, urlsplit(base).hostname in _ONLY_HERE)
