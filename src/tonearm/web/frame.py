"""The frame of every page that a listener sees: who looks, how the delivery stands, and where a form leads back to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from tonearm.deck import Deck, Listener
from tonearm.store import glance
from tonearm.store.glance import Glance
from tonearm.web import standing
from tonearm.web.access import Access
from tonearm.web.address import at, came_from
from tonearm.web.sheets import Sheet, in_place
from tonearm.web.templates import page


@dataclass(frozen=True, slots=True)
class Frame:
    """What all pages are made with. `emulator` is the address of the stand-in's faults, "" where Last.fm is real."""

    deck: Deck
    access: Access
    headers: Mapping[str, str]
    emulator: str = ""

    @property
    def who(self) -> Sheet:
        """The dependency that says who looks."""
        return Sheet(self.access)

    def moment(self) -> standing.Moment:
        """How this process stands now."""
        deck = self.deck
        return standing.Moment(deck.clock.now(), deck.configured, deck.delivers(), deck.listeners.daily)

    def look(self, db: Connection, me: int, now: float) -> Glance:
        """The listener's account as it is now."""
        return glance.look(db, me, self.deck.listeners.keyring.names, now)

    async def glance(self, me: Listener, now: float) -> Glance:
        """As `look`, where nothing else is read."""
        return await self.deck.store.read(partial(self.look, me=me.id, now=now))

    def facts(self, seen: Glance, moment: standing.Moment) -> dict[str, Any]:
        """What every page and every part of one may show."""
        return {
            "now": moment.now,
            "glance": seen,
            "account": seen.account,
            "configured": moment.configured,
            "banners": standing.banners(seen, moment),
            "line": standing.line(seen, moment),
            "emulator": self.emulator,
        }

    def page(self, name: str, seen: Glance, moment: standing.Moment, status: int = 200, **facts: Any) -> Response:
        """A page, or a part of one, in its frame."""
        return page(name, self.headers, status, **{**self.facts(seen, moment), **facts})


def back(request: Request, otherwise: str) -> Response:
    """The answer to a form: nothing for an open page that hears of it, else the page that the form was on."""
    if in_place(request):
        return Response(status_code=204)
    return RedirectResponse(came_from(request) or at(otherwise), 303)
