"""The frame of every page that a listener sees: who looks, how the delivery stands, and where a form leads back to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from tonearm.deck import Deck, Listener
from tonearm.service.values import Snapshot
from tonearm.web.access import Access
from tonearm.web.address import at, came_from
from tonearm.web.pages.base import Sheet, in_place
from tonearm.web.view import delivery_status
from tonearm.web.view.templates import page


@dataclass(frozen=True, slots=True)
class Frame:
    """What all pages are made with. `emulator` is the address of the stand-in's faults, "" if Last.fm is real."""

    deck: Deck
    access: Access
    headers: Mapping[str, str]
    emulator: str = ""

    @property
    def who(self) -> Sheet:
        """The dependency that says who looks."""
        return Sheet(self.access)

    def moment(self) -> delivery_status.PageContext:
        """How this process stands now."""
        deck = self.deck
        return delivery_status.PageContext(deck.clock.now(), deck.delivers(), deck.accounts.daily)

    async def glance(self, me: Listener) -> Snapshot:
        """The listener's account as it is now."""
        return await self.deck.views.snapshot(me.id)

    def facts(self, seen: Snapshot, moment: delivery_status.PageContext) -> dict[str, Any]:
        """What every page and every part of one may show."""
        banners = delivery_status.banners(seen, moment)
        return {
            "now": moment.now,
            "glance": seen,
            "account": seen.account,
            "configured": seen.facts.configured,
            "banners": banners,
            "outage": delivery_status.outage(seen),
            "standing_again": delivery_status.again(banners, seen),
            "line": delivery_status.line(seen, moment),
            "emulator": self.emulator,
        }

    def page(
        self, name: str, seen: Snapshot, moment: delivery_status.PageContext, status: int = 200, **facts: Any
    ) -> Response:
        """A page, or a part of one, in its frame."""
        return page(name, self.headers, status, **{**self.facts(seen, moment), **facts})


def back(request: Request, otherwise: str) -> Response:
    """The answer to a form: nothing for an open page that hears of it, else the page that the form was on."""
    if in_place(request):
        return Response(status_code=204)
    return RedirectResponse(came_from(request) or at(otherwise), 303)
