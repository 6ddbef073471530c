"""The page at `/queue`: every play by its state, with the reason and the next attempt, and what can be done."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Query, Request, Response

from tonearm.deck import Listener
from tonearm.service.destination_results import DestinationOverview, NoSuchDestination
from tonearm.service.values import PlayFilter, Snapshot
from tonearm.web.api.schemas import After, cursor
from tonearm.web.pages.base import Me
from tonearm.web.pages.layout import Frame, back
from tonearm.web.view import play_rows
from tonearm.web.view.delivery_status import retry_result
from tonearm.web.view.destinations import DestinationCard, destination_card, there_row
from tonearm.web.view.formats import plays

RETRY_WAIT = 3.0
"""Seconds that a form's answer waits for attempts, so that the next page shows their results."""

PAGE_SIZE = 50
"""Plays on a page."""

DestinationFilter = Annotated[int, Query(ge=0, le=2**63 - 1)]


def queue_routes(router: APIRouter, frame: Frame) -> None:
    """`/queue`, its part with the plays, and what can be done to all of them."""
    _view_routes(router, frame)
    _action_routes(router, frame)


def _view_routes(router: APIRouter, frame: Frame) -> None:
    @router.get("/queue")
    async def queue(
        me: Me, state: PlayFilter | None = None, after: After = None, destination: DestinationFilter = 0
    ) -> Response:
        """Plays by state; without one, what waits while anything does, else all plays. Or those of a destination."""
        return await _page(frame, "queue", me, state, after, destination)

    @router.get("/fragments/plays")
    async def part(
        me: Me, state: PlayFilter | None = None, after: After = None, destination: DestinationFilter = 0
    ) -> Response:
        """The plays alone, as they are now."""
        return await _page(frame, "_plays", me, state, after, destination)


def _action_routes(router: APIRouter, frame: Frame) -> None:
    @router.post("/queue/discard")
    async def discard(me: Me, request: Request, user: Annotated[str, Form(min_length=1, max_length=255)]) -> Response:
        """Discard what waits for a Last.fm user who was signed in before."""
        await frame.deck.sign_in.discard_for(me.id, user)
        return back(request, "/queue", f"Discarded what waited for {user}. It stays in the history.")

    @router.post("/retry")
    async def retry(me: Me, request: Request) -> Response:
        """Retry everything that waits. The answer waits a little, to give the result."""
        before = await frame.deck.accounts.queue_status(me.id)
        left = await frame.deck.accounts.retry_and_wait(me.id, frame.deck.hint, frame.deck.event_hub, RETRY_WAIT)
        after = await frame.deck.accounts.queue_status(me.id)
        return back(request, "/queue", retry_result(before.queued + before.sending - left, left, after.trouble))

    @router.post("/retry-expired")
    async def retry_expired(me: Me, request: Request) -> Response:
        """Queue all plays that are too old only because of a wrong clock."""
        count = await me.retry_expired()
        message = f"{plays(count)} queued." if count else "Nothing was recent enough."
        return back(request, "/queue?state=too-old", message)


async def _page(
    frame: Frame, name: str, me: Listener, filter_: PlayFilter | None, after: str | None, destination: int
) -> Response:
    context, before = frame.context(), cursor(after)
    snapshot, shown_filter, page, counts = await frame.deck.views.queue(me.id, filter_, PAGE_SIZE, before)
    others = [destination_card(one) for one in await _others(frame, me, snapshot)]
    if destination:
        return await _page_of(frame, name, me, snapshot, others, counts, destination)
    rows = [play_rows.play_row(entry, snapshot, context) for entry in page.entries]
    return frame.page(
        name,
        snapshot,
        context,
        filter=shown_filter,
        choices=play_rows.filter_choices(counts),
        others=others,
        destination=None,
        rows=rows,
        may_send_all=shown_filter is PlayFilter.TOO_OLD and any(row.actions.send for row in rows),
        refresh_in=play_rows.refresh_in(rows, context),
        page_at=after or "",
        next_page=f"{page.after[0]}-{page.after[1]}" if page.after else "",
    )


async def _others(frame: Frame, me: Listener, snapshot: Snapshot) -> list[DestinationOverview]:
    """The other services; there is no query for a listener who has none."""
    return await frame.deck.destination_views.all(me.id) if snapshot.account.has_destinations else []


async def _page_of(
    frame: Frame,
    name: str,
    me: Listener,
    snapshot: Snapshot,
    others: Sequence[DestinationCard],
    counts: Mapping[PlayFilter, int],
    destination_id: int,
) -> Response:
    """What waits for another service, and what it has not accepted."""
    listed = await frame.deck.destination_views.listed(me.id, destination_id, PAGE_SIZE)
    shown = next((one for one in others if one.id == destination_id), None)
    if shown is None or isinstance(listed, NoSuchDestination):
        raise HTTPException(404, "There's no such destination.")
    context = frame.context()
    rows = [there_row(stored, one, context.now) for stored, one in (*listed.waiting, *listed.rejected)]
    return frame.page(
        name,
        snapshot,
        context,
        filter="",
        choices=play_rows.filter_choices(counts),
        others=others,
        destination=shown,
        rows=rows,
        may_send_all=False,
        refresh_in=play_rows.refresh_in(rows, context),
        page_at="",
        next_page="",
    )
