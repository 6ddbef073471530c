"""The page at `/settings`: the connection with Last.fm, the rule for what counts, and what belongs to the listener."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from tonearm.core.play import HIGHEST_THRESHOLD, LOWEST_THRESHOLD
from tonearm.deck import Listener
from tonearm.web.frame import Frame, back


def settings_routes(router: APIRouter, frame: Frame) -> None:
    """`/settings` and its forms."""
    Me = Annotated[Listener, Depends(frame.who)]

    async def shown(name: str, me: Listener) -> Response:
        moment = frame.moment()
        seen = await frame.glance(me, moment.now)
        return frame.page(name, seen, moment, lowest=LOWEST_THRESHOLD, highest=HIGHEST_THRESHOLD)

    @router.get("/settings")
    async def settings(me: Me) -> Response:
        """The connection, and how it scrobbles."""
        return await shown("settings", me)

    @router.get("/fragments/account")
    async def account(me: Me) -> Response:
        """The connection alone."""
        return await shown("_account", me)

    @router.post("/disconnect")
    async def disconnect(me: Me, queue: Annotated[str, Form(pattern="^(keep|discard)$")]) -> Response:
        """Forget the session; what waits is kept for the same Last.fm user, or discarded."""
        await frame.deck.signing_in.sign_out(me.id, queue == "discard")
        return RedirectResponse("/settings", 303)

    @router.post("/scrobbling")
    async def scrobbling(me: Me, request: Request, enabled: Annotated[bool, Form()]) -> Response:
        """Switch scrobbling on or off."""
        await frame.deck.listeners.change_settings(me.id, enabled, None)
        return back(request, "/settings")

    @router.post("/threshold")
    async def threshold(
        me: Me, request: Request, percent: Annotated[int, Form(ge=LOWEST_THRESHOLD, le=HIGHEST_THRESHOLD)]
    ) -> Response:
        """How much of a track makes it count, from the next play on."""
        await frame.deck.listeners.change_settings(me.id, None, percent)
        return back(request, "/settings")
