"""The page at `/loved`: the import of loved tracks from Last.fm, and the choice between possible matches."""

from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Form, HTTPException, Request, Response

from tonearm.core.hearts import ConflictRule, HeartChange
from tonearm.core.likeness import Ambiguity
from tonearm.deck import Listener
from tonearm.service.loved_import import NotPlanned, PlannedHeart
from tonearm.service.values import Run
from tonearm.web.address import see_other
from tonearm.web.api.schemas import After, RowId, cursor
from tonearm.web.pages.base import Me, is_htmx
from tonearm.web.pages.layout import Frame, back

PAGE_SIZE = 50
"""Loved tracks on a page."""

REFRESH = 2.0
"""Seconds after which a running import is fetched again: another process may do it, without events."""


class LovedOutcome(StrEnum):
    """The outcome for a loved track, as addresses name it; the one that needs the listener is first."""

    AMBIGUOUS = "doubtful"
    MATCHED = "matched"
    MISSING = "missing"


AMBIGUITIES = {
    Ambiguity.SPELLING: "different spelling",
    Ambiguity.VERSION: "probably another version",
    Ambiguity.CREDIT: "different artists",
    Ambiguity.CUT: "one title is cut short",
    Ambiguity.WORDING: "a word is different",
    Ambiguity.IDENTIFIER: "same MusicBrainz ID, different title",
}
"""Why a file may be the wrong one."""

CONFLICTS = {
    ConflictRule.LATEST: "The later change wins",
    ConflictRule.HERE: "What you did here wins",
    ConflictRule.LASTFM: "What Last.fm has wins",
}
"""Which side wins for a track that was unloved here and loved on Last.fm since the last import."""

CHANGES = {
    HeartChange.LOVE_HERE: "Loved here",
    HeartChange.UNLOVE_HERE: "No longer loved here",
    HeartChange.LOVE_THERE: "Loved on Last.fm",
    HeartChange.UNLOVE_THERE: "No longer loved on Last.fm",
}


def loved_routes(router: APIRouter, frame: Frame) -> None:
    """`/loved`, its part, the import and the choice."""

    @router.get("/loved")
    async def page(me: Me, show: LovedOutcome | None = None, after: After = None) -> Response:
        """The import, and the outcome for each loved track."""
        return await _page(frame, "loved", me, show, after)

    @router.get("/fragments/loved")
    async def part(me: Me, show: LovedOutcome | None = None, after: After = None) -> Response:
        """The same without its layout, as it is now."""
        return await _page(frame, "_loved", me, show, after)

    @router.post("/loved/import")
    async def start_import(me: Me, request: Request) -> Response:
        """Start an import, unless one is running."""
        await frame.needs_lastfm(me)
        await frame.deck.loved_import.start(me.id)
        return await _changed(frame, request, me)

    @router.post("/loved/check")
    async def check(me: Me, request: Request) -> Response:
        """Match all loved tracks with the library again."""
        await frame.deck.loved_matching.check(me.id)
        return await _changed(frame, request, me)

    @router.post("/loved/settings")
    async def settings(
        me: Me, request: Request, conflicts: Annotated[ConflictRule, Form()], hourly: Annotated[bool, Form()] = False
    ) -> Response:
        """Import every hour or only on demand, and which side wins a conflict."""
        before = await frame.deck.loved_import.settings(me.id)
        if hourly is not (before.mirror_at is not None):
            await frame.deck.loved_import.mirror(me.id, on=hourly)
        await frame.deck.loved_import.decide(me.id, conflicts)
        return back(request, "/loved", "Saved.")

    @router.get("/loved/plan")
    async def plan(me: Me) -> Response:
        """What an import would change, here and on Last.fm."""
        await frame.needs_lastfm(me)
        context, fault, planned = frame.context(), "", list[PlannedHeart]()
        try:
            planned = await frame.deck.loved_import.plan(me.id)
        except NotPlanned as error:
            fault = str(error)
        snapshot, _ = await frame.deck.views.loved(me.id, [LovedOutcome.MATCHED], 1)
        shown = {change: [one for one in planned if one.change is change] for change in HeartChange}
        return frame.page("loved_plan", snapshot, context, planned=shown, words=CHANGES, fault=fault, limit=PAGE_SIZE)

    @router.post("/loved/{track}")
    async def choose(me: Me, request: Request, track: RowId, file: Annotated[RowId, Form()] = 0) -> Response:
        """Match a loved track to this file; 0 rejects all of its possible matches."""
        if not await frame.deck.loved_import.choose(me.id, track, file or None):
            raise HTTPException(404, "No such loved track, or this file isn't one of its possible matches.")
        return await _changed(frame, request, me)


async def _changed(frame: Frame, request: Request, me: Listener) -> Response:
    return await _page(frame, "_loved", me) if is_htmx(request) else see_other("/loved")


async def _page(
    frame: Frame, name: str, me: Listener, outcome: LovedOutcome | None = None, after: str | None = None
) -> Response:
    context = frame.context()
    outcomes = [outcome] if outcome else list(LovedOutcome)
    snapshot, view = await frame.deck.views.loved(me.id, outcomes, PAGE_SIZE, cursor(after))
    values: dict[str, Any] = {
        "run": view.run,
        "found": view.found,
        "refresh_in": REFRESH if view.run and view.run.state == "running" else None,
        "counts": view.counts,
        "tracks": view.tracks,
        "next_page": f"{int(view.tracks[-1].loved_at)}-{view.tracks[-1].id}" if view.more else "",
        "files": view.files,
        "sync": await frame.deck.loved_import.settings(me.id),
        "conflict_rules": CONFLICTS,
        "owed": [one for one in await frame.deck.hearts.owed(me.id) if one.track.title],
    }
    return frame.page(
        name,
        snapshot,
        context,
        outcome=view.outcome,
        page_at=after or "",
        ambiguities=AMBIGUITIES,
        progress=_progress,
        **values,
    )


def _progress(run: Run) -> float:
    """Percent of an import that is done; 0 while its length is not known."""
    return min(100.0, run.done / run.total * 100) if run.total else 0.0
