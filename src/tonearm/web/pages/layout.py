"""The layout of every page behind the sign-in: the listener, the status of the delivery, the way back from a form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse

from tonearm.deck import Deck, Listener
from tonearm.service.metadata_upstream import NO_KEY
from tonearm.service.values import Snapshot
from tonearm.web.access import Access
from tonearm.web.address import came_from, local_url, see_other
from tonearm.web.pages.base import is_htmx
from tonearm.web.said import say
from tonearm.web.view import delivery_status
from tonearm.web.view.templates import page


@dataclass(frozen=True, slots=True)
class Frame:
    """What all pages share. `emulator` is the address of the stand-in's faults, "" if Last.fm is real."""

    deck: Deck
    access: Access
    headers: Mapping[str, str]
    emulator: str = ""

    def context(self) -> delivery_status.PageContext:
        """What a page depends on: the time, whether this process sends, and the rules."""
        deck = self.deck
        return delivery_status.PageContext(deck.clock.now(), deck.delivers(), deck.accounts.rules, deck.accounts.daily)

    def needs_key(self) -> None:
        """Raise an error if no API key is set."""
        if not self.deck.configured:
            raise HTTPException(503, NO_KEY)

    async def needs_lastfm(self, me: Listener) -> None:
        """Raise an error unless this listener is connected to Last.fm."""
        self.needs_key()
        if not (await me.account()).signed_in:
            raise HTTPException(409, "Connect your Last.fm profile first.")

    async def snapshot(self, me: Listener) -> Snapshot:
        """The listener's account as it is now."""
        return await self.deck.views.snapshot(me.id)

    def values(self, snapshot: Snapshot, context: delivery_status.PageContext) -> dict[str, Any]:
        """The values that every template may use."""
        banners = delivery_status.banners(snapshot, context)
        return {
            "now": context.now,
            "snapshot": snapshot,
            "account": snapshot.account,
            "configured": snapshot.facts.configured,
            "banners": banners,
            "outage": delivery_status.outage(snapshot),
            "status_refresh_in": delivery_status.refresh_in(banners, snapshot),
            "queue_status": delivery_status.status_line(snapshot, context),
            "emulator": self.emulator,
        }

    def page(
        self, name: str, snapshot: Snapshot, context: delivery_status.PageContext, status: int = 200, **values: Any
    ) -> Response:
        """A page, or a part of one."""
        return page(name, self.headers, status, **{**self.values(snapshot, context), **values})

    async def show(self, name: str, me: Listener, status: int = 200, /, **values: Any) -> Response:
        """The same, with the account and the time as they are now."""
        return self.page(name, await self.snapshot(me), self.context(), status, **values)


_NO_SNIFF = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


def back(request: Request, fallback: str, message: str = "") -> Response:
    """The answer to a form: for an open page, which gets an event, only a message; else the page that the form was on,
    with that message.
    """
    if is_htmx(request):
        return PlainTextResponse(message, headers=_NO_SNIFF) if message else Response(status_code=204)
    answer = RedirectResponse(came_from(request) or local_url(fallback), 303)
    return say(request, answer, message) if message else answer


def to_page(request: Request, path: str, message: str) -> Response:
    """Lead to a page, which shows a message."""
    return say(request, see_other(path), message)
