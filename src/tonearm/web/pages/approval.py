"""The page on which a listener allows a program to report plays: the browser's part of Last.fm's desktop flow."""

from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Query, Response

from tonearm.deck import Listener
from tonearm.service.players import BadPlayer, PlayerKind
from tonearm.web.pages.base import Me, page_route
from tonearm.web.pages.layout import Frame
from tonearm.web.view.templates import page

Token = Annotated[str, Query(max_length=100)]
PlayerName = Annotated[str, Form(max_length=200)]


def approval_router(frame: Frame) -> APIRouter:
    """`/api/auth/`, where programs send their listeners with a token from auth.getToken."""
    router = APIRouter(include_in_schema=False, route_class=page_route(frame.headers))

    async def show(me: Me, token: Token = "") -> Response:
        """Show which program asks, and what it could do."""
        return await _approval_page(token, me, "")

    router.add_api_route("/api/auth", show, methods=["GET"])
    router.add_api_route("/api/auth/", show, methods=["GET"])

    @router.post("/api/auth/")
    async def allow(me: Me, name: PlayerName, token: Annotated[str, Form(max_length=100)]) -> Response:
        """Let the program report plays, as a new player with this name."""
        request = await frame.deck.players.approvals.find(token)
        if request is None or frame.deck.players.approvals.is_expired(request):
            raise HTTPException(410, "This request is unknown or too old. Connect again from the program.")
        if request.player is not None:
            raise HTTPException(400, "This request was allowed already. Go back to the program.")
        try:
            new = await frame.deck.players.add(me.id, name, PlayerKind.LASTFM)
        except BadPlayer as error:
            return await _approval_page(token, me, str(error), name)
        await frame.deck.players.approvals.allow(token, new.player)
        return page("approved", frame.headers, player=new.player.name)

    async def _approval_page(token: str, me: Listener, problem: str, name: str = "") -> Response:
        request = await frame.deck.players.approvals.find(token)
        if request is None or frame.deck.players.approvals.is_expired(request):
            raise HTTPException(410, "This request is unknown or too old. Connect again from the program.")
        values = {"token": token, "listener": me.name, "player": name or request.program, "problem": problem}
        return page("approval", frame.headers, 422 if problem else 200, **values)

    return router
