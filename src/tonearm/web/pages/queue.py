"""The page at `/queue`: every play by its state, with the reason and the next attempt, and what can be done."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import PlainTextResponse

from tonearm.deck import Listener
from tonearm.service.values import PlayFilter
from tonearm.web.api.schemas import After, cursor
from tonearm.web.pages.base import in_place
from tonearm.web.pages.layout import Frame, back
from tonearm.web.view import play_rows
from tonearm.web.view.delivery_status import retried

RETRY_WAIT = 3.0
"""Seconds that a form's answer waits for the queue to move, so that the next page shows what came of it."""

SHOWN = 50
"""Plays of a page."""


def queue_routes(router: APIRouter, frame: Frame) -> None:
    """`/queue`, its part with the plays, and the retry of everything."""
    Me = Annotated[Listener, Depends(frame.who)]

    async def shown(name: str, me: Listener, wanted: PlayFilter | None, after: str | None) -> Response:
        moment, before = frame.moment(), cursor(after)
        seen, shelf, leaf, counts = await frame.deck.views.queue(me.id, wanted, SHOWN, before)
        rows = [play_rows.row(entry, seen, moment) for entry in leaf.entries]
        return frame.page(
            name,
            seen,
            moment,
            shelf=shelf,
            choices=play_rows.choices(counts),
            rows=rows,
            may_send_all=shelf is PlayFilter.TOO_OLD and any(row.acts.send for row in rows),
            again=play_rows.again(rows, moment),
            page_at=after or "",
            next_page=f"{leaf.after[0]}-{leaf.after[1]}" if leaf.after else "",
        )

    @router.get("/queue")
    async def queue(me: Me, state: PlayFilter | None = None, after: After = None) -> Response:
        """Plays by their state: what waits, while anything does, unless one is asked for."""
        return await shown("queue", me, state, after)

    @router.get("/fragments/plays")
    async def plays(me: Me, state: PlayFilter | None = None, after: After = None) -> Response:
        """The plays alone, as they are now."""
        return await shown("_plays", me, state, after)

    @router.post("/queue/discard")
    async def discard(me: Me, request: Request, user: Annotated[str, Form(min_length=1, max_length=255)]) -> Response:
        """Discard what waits for a Last.fm user who was signed in before."""
        await frame.deck.sign_in.discard_for(me.id, user)
        return back(request, "/queue")

    @router.post("/retry")
    async def retry(me: Me, request: Request) -> Response:
        """Everything that waits is due now. The answer waits a little, to say what came of it."""
        before = await frame.deck.accounts.queue_standing(me.id)
        left = await frame.deck.accounts.retry_and_wait(me.id, frame.deck.ring, frame.deck.event_hub, RETRY_WAIT)
        if not in_place(request):
            return back(request, "/queue")
        after = await frame.deck.accounts.queue_standing(me.id)
        said = retried(before.queued + before.sending - left, left, after.trouble)
        return PlainTextResponse(said, headers=dict(frame.headers))

    @router.post("/retry-expired")
    async def retry_expired(me: Me, request: Request) -> Response:
        """Queue all plays that a wrong clock has called too old."""
        await me.retry_expired()
        return back(request, "/queue?state=too-old")
