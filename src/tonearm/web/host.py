"""The endpoints for a host's own FastAPI application, which has its own sign-in."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException

from tonearm.deck import Deck, Listener
from tonearm.service.accounts import BadName
from tonearm.web.api.events import events_router
from tonearm.web.api.metadata import metadata_router
from tonearm.web.api.plays import lastfm_router
from tonearm.web.api.queue import stories_router


def router(deck: Deck, *, listener: Callable[..., Any], callback_url: str | None = None) -> APIRouter:
    """A router with the `/lastfm` endpoints, `/metadata` and `/events`.

    `listener` is the host's dependency: it returns the listener's name (or a Listener), or refuses.
    `callback_url` is where a browser reaches `/lastfm/auth-callback`, if the request does not say.
    """

    async def authenticate(name: Annotated[Any, Depends(listener)]) -> Listener:
        try:
            return name if isinstance(name, Listener) else await deck.listener(name)
        except BadName as fault:
            raise HTTPException(422, str(fault)) from None

    both = APIRouter()
    both.include_router(lastfm_router(deck, authenticate, callback_url))
    both.include_router(stories_router(deck, authenticate))
    both.include_router(metadata_router(deck, authenticate))
    both.include_router(events_router(deck, authenticate))
    return both
