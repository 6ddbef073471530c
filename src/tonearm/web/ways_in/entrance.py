"""The entrance for players, beside the application, since nothing from a browser is trusted or needed here.

Each request contains a secret, in a header, in its path or in its form. So another site's page can't do anything that a
program couldn't do as well, and the guards for browsers (`web.access`) don't apply.
"""

from __future__ import annotations

import logging
from collections.abc import MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from tonearm.http_connection import BusyAnswer, BusyAnswerFor
from tonearm.web.ways_in.audioscrobbler import Audioscrobbler
from tonearm.web.ways_in.lastfm20 import LastFm20
from tonearm.web.ways_in.listenbrainz import ListenBrainz
from tonearm.web.ways_in.request import PlayerRequest, local_path, request_of
from tonearm.web.ways_in.webhooks import Maloja, Webhooks

if TYPE_CHECKING:
    from tonearm.deck import Deck
    from tonearm.ingest.incoming import PlayerAnswer

_log = logging.getLogger("tonearm")


class WayIn(Protocol):
    """One protocol."""

    def takes(self, request: PlayerRequest) -> bool:
        """Whether a request is in this protocol."""

    async def answer(self, request: PlayerRequest) -> PlayerAnswer:
        """Its answer."""

    def unavailable(self, request: PlayerRequest) -> PlayerAnswer:
        """The answer if something here is broken: the player keeps its plays."""


def ways_of(deck: Deck) -> Sequence[WayIn]:
    """All protocols, in the order in which they are tried."""
    return ListenBrainz(deck), LastFm20(deck), Audioscrobbler(deck), Webhooks(deck), Maloja(deck)


def refusals(deck: Deck, public_url: str) -> BusyAnswerFor:
    """The answers to players whose requests can't be read, because there are too many or they take too long."""
    ways = ways_of(deck)

    def refusal(target: str) -> BusyAnswer | None:
        path, _, query = target.partition("?")
        request = PlayerRequest("POST", local_path(unquote(path), public_url), query, {}, "", _nothing)
        way = next((way for way in ways if way.takes(request)), None)
        if way is None:
            return None
        answer = way.unavailable(request)
        return BusyAnswer(answer.status, answer.content_type, answer.body)

    return refusal


async def _nothing() -> MutableMapping[str, Any]:
    return {"type": "http.disconnect"}


class WaysIn:
    """Middleware that answers players, and leaves everything else to the application."""

    def __init__(self, app: ASGIApp, deck: Deck, public_url: str = "") -> None:
        self._app = app
        self._public_url = public_url
        self._ways = ways_of(deck)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http":
            request = request_of(scope, receive, self._public_url)
            way = next((way for way in self._ways if way.takes(request)), None)
            if way is not None:
                await _answered(way, request, send)
                return
        await self._app(scope, receive, send)


async def _answered(way: WayIn, request: PlayerRequest, send: Send) -> None:
    try:
        answer = await way.answer(request)
    except ClientDisconnect:
        return  # there is nobody to answer
    except Exception:
        _log.exception("a player's request could not be answered")
        answer = way.unavailable(request)
    headers = [
        (b"content-type", answer.content_type.encode()),
        (b"content-length", str(len(answer.body)).encode()),
        *((name.lower().encode(), value.encode()) for name, value in answer.headers),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
