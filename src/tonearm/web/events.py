"""Live events: one stream a listener, which goes on where a dropped connection left off."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header
from fastapi.sse import EventSourceResponse, ServerSentEvent

from tonearm.core.event import AuthChanged, Event, QueueUpdated, data
from tonearm.deck import Deck, Listener
from tonearm.web.api import Ask


def events_router(deck: Deck, who: Ask) -> APIRouter:
    """`GET /events`."""
    router = APIRouter(tags=["events"])

    @router.get("/events", response_class=EventSourceResponse)
    async def events(
        me: Annotated[Listener, Depends(who)], last_event_id: Annotated[str | None, Header()] = None
    ) -> AsyncIterator[ServerSentEvent]:
        """What happens to the listener's plays, as it happens.

        `Last-Event-ID` resumes. Where nothing can be resumed (a first visit, a restart of the service, too long
        an absence) the stream begins with how things stand: `lastfm:auth`, `lastfm:queue-updated` and, where
        something plays, `lastfm:now-playing`.
        """
        with deck.announcer.listen(me.id, last_event_id) as (ear, resumed):
            if not resumed:
                for event in await _standing(deck, me):
                    yield ServerSentEvent(event=event.kind, data=data(event))
            async for told in ear:
                yield ServerSentEvent(event=told.event.kind, data=data(told.event), id=told.id)

    return router


async def _standing(deck: Deck, me: Listener) -> list[Event]:
    account, standing = await me.account(), await me.queue()
    plays = deck.shows.current(me.id)
    return [
        AuthChanged(account.connection, account.username),
        QueueUpdated(standing.queued + standing.sending),
        *([plays] if plays else []),
    ]
