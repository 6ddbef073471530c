"""The page at `/history/import`: import histories from files and from Last.fm, and export them."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, HTTPException, Path, Request, Response, UploadFile

from tonearm import zones
from tonearm.deck import Listener
from tonearm.service.history_export import ExportFormat
from tonearm.service.values import RunState
from tonearm.web.address import see_other
from tonearm.web.api.history_imports import LARGEST_UPLOAD, begun, kept, undone
from tonearm.web.api.schemas import RowId
from tonearm.web.pages.base import Me
from tonearm.web.pages.layout import Frame
from tonearm.web.view.formats import sentence
from tonearm.web.view.time_zone import request_zone

REFRESH = 1.0
"""Seconds after which the part is fetched again while something is read or imported."""

FAULTS_SHOWN = 20
"""Unreadable lines that are shown; all are counted."""

NOTHING_GIVEN: Mapping[str, Any] = {"zone": "", "private": False}
NO_PROBLEMS: Mapping[str, str] = {"file": "", "zone": ""}

EXPORTS = {
    ExportFormat.CSV: "CSV",
    ExportFormat.JSONL: "JSON Lines",
    ExportFormat.LISTENBRAINZ: "ListenBrainz, Koito (zip)",
    ExportFormat.MALOJA: "Maloja (JSON)",
}


def history_import_routes(router: APIRouter, frame: Frame) -> None:
    """`/history/import`, its part and its forms."""

    @router.get("/history/import")
    async def page(me: Me, request: Request) -> Response:
        """What can be imported, what is being imported, and what was."""
        return await _page(frame, "import", me, request)

    @router.get("/fragments/imports")
    async def part(me: Me, request: Request) -> Response:
        """The same without its layout, as it is now."""
        return await _page(frame, "_imports", me, request)

    @router.post("/history/import", max_body_size=LARGEST_UPLOAD)
    async def upload(
        me: Me,
        request: Request,
        file: Annotated[UploadFile | None, File()] = None,
        zone: Annotated[str, Form(max_length=zones.LONGEST)] = "",
        private: Annotated[bool, Form()] = False,
    ) -> Response:
        """Compare a file; nothing is written."""
        given: dict[str, Any] = {"zone": zone, "private": private}
        if file is None or not file.filename:
            return await _page(frame, "import", me, request, given, {"file": "Choose a file first."})
        if zone.strip() and zones.named(zone.strip()) is None:
            problem = f"{sentence(zones.unknown(zone.strip()))} Then choose the file again."
            return await _page(frame, "import", me, request, given, {"zone": problem})
        try:
            await kept(frame.deck, me, file, zone.strip(), private)
        except HTTPException as error:
            return await _page(frame, "import", me, request, given, {"file": sentence(error.detail)})
        return _back()

    @router.post("/history/import/{upload}/start")
    async def start(
        me: Me,
        upload: Annotated[str, Path(max_length=32)],
        doubtful: Annotated[bool, Form()] = False,
        queue: Annotated[bool, Form()] = False,
        rules: Annotated[bool, Form()] = False,
    ) -> Response:
        """Import the file that was compared."""
        begun(frame.deck, me, upload, doubtful=doubtful, queue=queue, rules=rules)
        return _back()

    @router.post("/history/import/forget")
    async def forget(me: Me) -> Response:
        """Forget the file."""
        await frame.deck.history_uploads.forget(me.id)
        return _back()

    @router.post("/history/import/lastfm")
    async def from_lastfm(me: Me) -> Response:
        """Import what is new at Last.fm."""
        await frame.needs_lastfm(me)
        await frame.deck.history_mirror.start(me.id)
        return _back()

    @router.post("/history/import/mirror")
    async def mirror(me: Me, on: Annotated[bool, Form()] = False) -> Response:
        """Start or stop importing every hour."""
        await frame.deck.history_mirror.mirror(me.id, on=on)
        return _back()

    @router.post("/history/imports/{import_id}/undo")
    async def undo(me: Me, import_id: RowId) -> Response:
        """Remove everything that an import added."""
        await undone(frame.deck, me, import_id)
        return _back()


def _back() -> Response:
    return see_other("/history/import")


async def _page(
    frame: Frame,
    name: str,
    me: Listener,
    request: Request,
    given: Mapping[str, Any] = NOTHING_GIVEN,
    problems: Mapping[str, str] = NO_PROBLEMS,
) -> Response:
    """The page, or its part; with what was `given` in the form for a file, and what is wrong with that."""
    deck = frame.deck
    upload, run = deck.history_uploads.of(me.id), await deck.history_mirror.latest(me.id)
    working = (upload is not None and upload.works) or (run is not None and run.state is RunState.RUNNING)
    return await frame.show(
        name,
        me,
        422 if any(problems.values()) else 200,
        given=given,
        problems={**NO_PROBLEMS, **problems},
        upload=upload,
        run=run,
        mirror_at=await deck.history_mirror.mirrored(me.id),
        imports=await deck.history_import.listed(me.id),
        refresh_in=REFRESH if working else None,
        faults_shown=FAULTS_SHOWN,
        zone=str(request_zone(request)),
        exports=EXPORTS,
        percent=_percent,
    )


def _percent(one: Any) -> float:
    """How far an import or a file is."""
    return one.done / one.total * 100 if one.total else 0.0
