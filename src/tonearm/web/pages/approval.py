"""The page on which a listener allows a program to report plays: the browser's part of Last.fm's desktop flow."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Query, Response

from tonearm.deck import Deck, Listener
from tonearm.service.players import BadPlayer, PlayerKind
from tonearm.web.access import Access
from tonearm.web.pages.base import Sheet, page_route
from tonearm.web.view.templates import page

Token = Annotated[str, Query(max_length=100)]
PlayerName = Annotated[str, Form(max_length=200)]


def approval_router(deck: Deck, access: Access, headers: Mapping[str, str]) -> APIRouter:
    """`/api/auth/`, where programs send their listeners with a token from auth.getToken."""
    router = APIRouter(include_in_schema=False, route_class=page_route(headers))
    Me = Annotated[Listener, Depends(Sheet(access))]

    async def ask(me: Me, token: Token = "") -> Response:
        """Who asks, and what they would be allowed."""
        return await _asking(token, me, "")

    router.add_api_route("/api/auth", ask, methods=["GET"])
    router.add_api_route("/api/auth/", ask, methods=["GET"])

    @router.post("/api/auth/")
    async def allow(me: Me, name: PlayerName, token: Annotated[str, Form(max_length=100)]) -> Response:
        """The program may report as a new player of this name."""
        found = await deck.players.approvals.find(token)
        if found is None or deck.players.approvals.is_expired(found):
            raise HTTPException(410, "This request is unknown or too old. Connect again from the program.")
        if found.player is not None:
            raise HTTPException(400, "This request was allowed already. Go back to the program.")
        try:
            new = await deck.players.add(me.id, name, PlayerKind.LASTFM)
        except BadPlayer as bad:
            return await _asking(token, me, str(bad), name)
        await deck.players.approvals.allow(token, new.player)
        return page("approved", headers, player=new.player.name)

    async def _asking(token: str, me: Listener, trouble: str, name: str = "") -> Response:
        found = await deck.players.approvals.find(token)
        if found is None or deck.players.approvals.is_expired(found):
            raise HTTPException(410, "This request is unknown or too old. Connect again from the program.")
        facts = {"token": token, "listener": me.name, "player": name or found.program, "trouble": trouble}
        return page("approval", headers, 422 if trouble else 200, **facts)

    return router
