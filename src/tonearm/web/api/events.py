"""Live events: one stream for each listener, which continues where a dropped connection left off."""

import json
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Response, params
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from starlette.types import Receive, Scope, Send

from tonearm.core.event import AuthChanged, Event, QueueUpdated, data
from tonearm.deck import Deck, Listener
from tonearm.service.values import StoreUnavailable
from tonearm.web.access import Access
from tonearm.web.api.plays import Ask
from tonearm.web.api.schemas import Detail, Responses
from tonearm.web.deferred_route import DeferredRoute

SILENCE = 15.0
"""Seconds without an event after which a stream sends a keep-alive."""

STREAMS = 16
"""Streams that one listener may have open in one process: each event is written to every one of them."""

AT_ONCE = 0.01
"""Seconds within which an event that is already waiting is received."""


_EVENT = {"event": {"type": "string"}, "data": {"type": "string"}, "id": {"type": "string"}}
_STREAM: Responses = {
    200: {"content": {"text/event-stream": {"itemSchema": {"type": "object", "properties": _EVENT}}}},
    429: {"model": Detail, "description": f"This listener already has {STREAMS} streams open."},
}


class _EventStream(StreamingResponse):
    """Events as they happen.

    Not FastAPI's own class: that one breaks with a traceback when a slow reader disconnects.
    """

    def __init__(self, events: AsyncGenerator[bytes], me: Listener, streams: Counter[int]) -> None:
        headers = {
            "Cache-Control": "no-cache",
            "X-Accel-Buffering": "no",
        }  # for nginx, too
        super().__init__(events, headers=headers, media_type="text/event-stream")
        self._events, self._me, self._streams = events, me, streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._streams[self._me.id] >= STREAMS:
            message = f"{self._me.name} already has {STREAMS} event streams open: close one first"
            await JSONResponse({"detail": message}, 429, {"Retry-After": "15"})(scope, receive, send)
            return
        self._streams[self._me.id] += 1
        try:
            async with aclosing(self._events):
                await super().__call__(scope, receive, send)
        finally:
            self._streams[self._me.id] -= 1
            if not self._streams[self._me.id]:
                del self._streams[self._me.id]


def events_router(deck: Deck, authenticate: Ask, dependencies: Sequence[params.Depends] = ()) -> APIRouter:
    """`GET /events`."""
    router = APIRouter(tags=["events"], route_class=DeferredRoute, dependencies=dependencies)
    streams: Counter[int] = Counter()

    @router.get("/events", response_class=StreamingResponse, responses=_STREAM)
    async def events(
        me: Annotated[Listener, Depends(authenticate)],
        request: Request,
        last_event_id: Annotated[str | None, Header()] = None,
    ) -> Response:
        """A live stream of what happens to the listener's plays.

        `Last-Event-ID` resumes. If nothing can be resumed (a first visit, a restart of the service, too long an
        absence), the stream begins with the current state: `lastfm:auth`, `lastfm:queue-updated` and, if something is
        playing, `lastfm:now-playing`.
        """
        admitted = partial(_admitted, authenticate, request)
        return _EventStream(events_of(deck, me, last_event_id, admitted), me, streams)

    return router


async def events_of(
    deck: Deck, me: Listener, after: str | None, admitted: Callable[[], Awaitable[bool]]
) -> AsyncGenerator[bytes]:
    """Events until the listener's access ends, or until some were missed and the client has to resume."""
    with deck.event_hub.subscribe(me.id, after) as (subscription, resumed):
        if not resumed:
            for event in await _current_events(deck, me):
                yield _written(event)
        while True:
            numbered = await subscription.within(AT_ONCE if subscription.missed else SILENCE)
            if (numbered is None and subscription.missed) or not await admitted():
                return
            yield KEEPALIVE_COMMENT if numbered is None else _written(numbered.event, numbered.id)


def _written(event: Event, event_id: str | None = None) -> bytes:
    return format_sse_event(event=event.kind, data_str=json.dumps(data(event)), id=event_id)


async def _admitted(authenticate: Ask, request: Request) -> bool:
    """Whether the token or the cookie is still valid; a host decides this itself."""
    if not isinstance(authenticate, Access):
        return True
    try:
        return await authenticate.listener(request) is not None
    except StoreUnavailable:
        return True


async def _current_events(deck: Deck, me: Listener) -> list[Event]:
    account, queue_status = await me.account(), await me.queue()
    plays = deck.shows.current(me.id)
    return [
        AuthChanged(account.connection, account.username),
        QueueUpdated(queue_status.queued + queue_status.sending),
        *([plays] if plays else []),
    ]
