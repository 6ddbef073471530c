"""The page at `/queue`: every play by its state, with the reason and the next attempt, and what can be done."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from sqlalchemy import Connection

from tonearm.deck import Listener
from tonearm.store import glance
from tonearm.store.glance import Glance, Leaf, Shelf
from tonearm.web import views
from tonearm.web.frame import Frame, back
from tonearm.web.shapes import After, cursor
from tonearm.web.sheets import in_place
from tonearm.web.standing import standstill

RETRY_WAIT = 3.0
"""Seconds that a form's answer waits for the queue to move, so that the next page shows what came of it."""

SHOWN = 50
"""Plays of a page."""


def queue_routes(router: APIRouter, frame: Frame) -> None:
    """`/queue`, its part with the plays, and the retry of everything."""
    Me = Annotated[Listener, Depends(frame.who)]

    async def shown(name: str, me: Listener, shelf: Shelf, after: str | None) -> Response:
        moment, before = frame.moment(), cursor(after)

        def read(db: Connection) -> tuple[Glance, Leaf, dict[Shelf, int]]:
            seen = frame.look(db, me.id, moment.now)
            counts, wanted = glance.shelves(db, seen, moment.now), shelf
            if standstill(seen, moment):  # then all that waits is held
                counts[Shelf.HELD] = counts[Shelf.WAITING]
                wanted = Shelf.WAITING if shelf is Shelf.HELD else shelf
            return seen, glance.leaf(db, seen, wanted, moment.now, SHOWN, before), counts

        seen, leaf, counts = await frame.deck.store.read(read)
        rows = [views.row(entry, seen, moment) for entry in leaf.entries]
        return frame.page(
            name,
            seen,
            moment,
            shelf=shelf,
            choices=views.choices(counts),
            rows=rows,
            may_send_all=shelf is Shelf.TOO_OLD and any(row.acts.send for row in rows),
            again=views.again(rows, seen, moment),
            page_at=after or "",
            next_page=f"{leaf.after[0]}-{leaf.after[1]}" if leaf.after else "",
        )

    @router.get("/queue")
    async def queue(me: Me, state: Shelf = Shelf.ALL, after: After = None) -> Response:
        """Plays by their state."""
        return await shown("queue", me, state, after)

    @router.get("/fragments/plays")
    async def plays(me: Me, state: Shelf = Shelf.ALL, after: After = None) -> Response:
        """The plays alone, as they are now."""
        return await shown("_plays", me, state, after)

    @router.post("/queue/discard")
    async def discard(me: Me, request: Request, user: Annotated[str, Form(min_length=1, max_length=255)]) -> Response:
        """Discard what waits for a Last.fm user who was signed in before."""
        await frame.deck.signing_in.discard_for(me.id, user)
        return back(request, "/queue")

    @router.post("/retry")
    async def retry(me: Me, request: Request) -> Response:
        """Everything that waits is due now. Without scripts the answer waits a little, to show what came of it."""
        if in_place(request):
            await frame.deck.listeners.retry(me.id, frame.deck.ring)
        else:
            await frame.deck.listeners.retry_and_wait(me.id, frame.deck.ring, frame.deck.announcer, RETRY_WAIT)
        return back(request, "/queue")

    @router.post("/retry-expired")
    async def retry_expired(me: Me, request: Request) -> Response:
        """Queue all plays that a wrong clock has called too old."""
        await me.retry_expired()
        return back(request, "/queue?state=too-old")
