"""The page at `/loved`: the import of what is loved on Last.fm, as it goes, and the choice where files may be meant."""

from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, HTTPException, Query, Request, Response
from fastapi.responses import RedirectResponse

from tonearm.core.likeness import Ambiguity
from tonearm.deck import Listener
from tonearm.service.metadata_upstream import NO_KEY
from tonearm.service.values import Run
from tonearm.web.address import at
from tonearm.web.api.schemas import RowId
from tonearm.web.pages.base import in_place
from tonearm.web.pages.layout import Frame
from tonearm.web.view.formats import sentence

SHOWN = 50
"""Loved tracks of a page."""

LOOK = 2.0
"""Seconds until an import is worth a look without news: another process may do it."""


class LovedOutcome(StrEnum):
    """What came of a loved track, as an address names it: what needs its listener first."""

    DOUBTFUL = "doubtful"
    MATCHED = "matched"
    MISSING = "missing"


DOUBTS = {
    Ambiguity.SPELLING: "different spelling",
    Ambiguity.VERSION: "probably another version",
    Ambiguity.CREDIT: "different artists",
    Ambiguity.CUT: "one title is cut short",
    Ambiguity.IDENTIFIER: "same MusicBrainz ID, different title",
}
"""What speaks against a file."""


def loved_routes(router: APIRouter, frame: Frame) -> None:
    """`/loved`, its part, the import and the choice."""
    Me = Annotated[Listener, Depends(frame.who)]
    Start = Annotated[int, Query(ge=0, le=1_000_000)]

    async def shown(name: str, me: Listener, which: LovedOutcome | None = None, start: int = 0) -> Response:
        moment = frame.moment()
        seen, view = await frame.deck.views.loved(me.id, [which] if which else list(LovedOutcome), SHOWN, start)
        facts: dict[str, Any] = {
            "run": view.run,
            "found": view.found,
            "again": LOOK if view.run and view.run.state == "running" else None,
            "counts": view.counts,
            "tracks": view.tracks,
            "next_start": start + SHOWN if view.more else 0,
            "files": view.files,
        }
        return frame.page(
            name, seen, moment, which=view.outcome, start=start, ambiguities=DOUBTS, progress=_progress, **facts
        )

    @router.get("/loved")
    async def page(me: Me, show: LovedOutcome | None = None, start: Start = 0) -> Response:
        """The import, and what came of each loved track."""
        return await shown("loved", me, show, start)

    @router.get("/fragments/loved")
    async def part(me: Me, show: LovedOutcome | None = None, start: Start = 0) -> Response:
        """The same without its frame, as it is now."""
        return await shown("_loved", me, show, start)

    @router.post("/loved/import")
    async def begin(me: Me, request: Request) -> Response:
        """Begin an import, or join the one that goes on."""
        if not frame.deck.configured:
            raise HTTPException(503, sentence(NO_KEY))
        if not (await me.account()).signed_in:
            raise HTTPException(409, "Connect your Last.fm profile first.")
        await frame.deck.loved_import.start(me.id)
        if not in_place(request):
            return RedirectResponse(at("/loved"), 303)
        return await shown("_loved", me)

    @router.post("/loved/{track}")
    async def choose(me: Me, request: Request, track: RowId, file: Annotated[RowId, Form()] = 0) -> Response:
        """A loved track is this file; 0: none of those that may be it."""
        if not await frame.deck.loved_import.choose(me.id, track, file or None):
            raise HTTPException(404, "No such loved track, or this file isn't one of its possible matches.")
        if not in_place(request):
            return RedirectResponse(at("/loved"), 303)
        return await shown("_loved", me)


def _progress(run: Run) -> float:
    """Percent that an import has done; 0 while its length is not known."""
    return min(100.0, run.done / run.total * 100) if run.total else 0.0
