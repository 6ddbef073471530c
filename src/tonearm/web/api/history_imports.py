"""Imports of histories, from uploaded files and from Last.fm as a job, and exports as files."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import asdict
from tempfile import TemporaryFile
from typing import IO, Annotated, Any, Literal

from fastapi import APIRouter, Depends, File, Form, HTTPException, Path, Request, Response, UploadFile, params
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, Field

from tonearm import zones
from tonearm.deck import Deck, Listener
from tonearm.history.play import ReadOptions
from tonearm.service.history_export import ExportFormat
from tonearm.service.history_import import CannotUndo, NoSuchImport
from tonearm.service.history_uploads import Upload, UploadBusy
from tonearm.service.metadata_upstream import NO_KEY
from tonearm.service.values import Run, RunState, StoredImport
from tonearm.web.api.errors import ErrorResponses
from tonearm.web.api.plays import Ask, api_router
from tonearm.web.api.schemas import Responses, RowId, Strict, detailed


class HistoryImportOut(BaseModel):
    """An import of a listening history. `running` is also what an interrupted one stays at, until it is continued or
    undone. `added` plays are its own. Times are Unix seconds UTC.
    """

    id: int
    source: str
    name: str
    state: Literal["running", "done", "undoing", "undone"]
    added: int
    known: int
    doubtful: int
    skipped: int
    unreadable: int
    started_at: float
    updated_at: float


class HistoryImportsOut(BaseModel):
    """All imports, the latest first."""

    imports: list[HistoryImportOut]


class FaultOut(BaseModel):
    """A line that can't be read."""

    file: str
    line: int
    reason: str
    text: str


class FoundOut(BaseModel):
    """What files of one kind hold, and what an import of them has added or would add.

    `known` plays are there already, `doubtful` ones may be; `young` are waiting plays of other scrobblers that Last.fm
    still accepts. `ruled` of the new ones get other names from your rules, or would get them with `rules`. `skipped` is
    by reason. `first` and `last` play in Unix seconds UTC. `id` is that of the import.
    """

    id: int | None
    source: str
    files: list[str]
    new: int
    known: int
    doubtful: int
    queued: int
    young: int
    ruled: int
    unreadable: int
    skipped: dict[str, int]
    faults: list[FaultOut]
    first: int | None
    last: int | None


class UploadOut(BaseModel):
    """An uploaded file. `read`: it was compared, nothing is written, and `found` says what an import would add.

    `done`: it is imported. `failed`: `fault` says why; nothing is lost.
    """

    id: str
    name: str
    state: Literal["reading", "read", "importing", "done", "failed"]
    done: int
    total: int
    fault: str | None
    found: list[FoundOut]


class UndoneOut(BaseModel):
    """How many plays an import has been relieved of; those that were sent to Last.fm since stay."""

    removed: int


class HistoryJobOut(BaseModel):
    """An import from Last.fm: `done` of `total` plays are compared; `added` and `known` are there when it is over.
    `fault` says why it has stopped; the next one continues there.
    """

    id: int
    state: Literal["running", "done", "failed"]
    done: int
    total: int
    added: int | None
    known: int | None
    fault: str | None


class MirrorOut(BaseModel):
    """Whether the history at Last.fm is imported every hour, when next (Unix seconds UTC), and the last import."""

    mirror: bool
    next_at: float | None
    job: HistoryJobOut | None


class MirrorIn(Strict):
    """Import every hour, or only on demand."""

    mirror: Annotated[bool, Field(description="every hour, so that what other apps scrobble is here, too")]


_UNDO = detailed({409: "Undone already."})
_JOB = detailed({404: "No such import."})
_UPLOAD = detailed(
    {
        409: "Another file is being uploaded.",
        413: "The file is too large: import it with `tonearm import-history`.",
    }
)

LARGEST_UPLOAD = 100 * 2**20
"""Bytes of an upload request. Larger files can be imported in a shell."""

TOO_LARGE = "the file is larger than 100 MiB: zip it, or import it in a shell with 'tonearm import-history'"


class UploadRoute(ErrorResponses):
    """A route that rejects a body by its length, before any of it is stored in a file."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler."""
        handler = super().get_route_handler()

        async def answer(request: Request) -> Response:
            if int(request.headers.get("content-length", 0)) > LARGEST_UPLOAD:
                return JSONResponse({"detail": TOO_LARGE}, 413)
            return await handler(request)

        return answer


def history_imports_router(deck: Deck, who: Ask, dependencies: Sequence[params.Depends] = ()) -> APIRouter:
    """`/history-imports`."""
    router = api_router("history", "/history-imports", dependencies, UploadRoute)
    Me = Annotated[Listener, Depends(who)]

    @router.get("", response_model=HistoryImportsOut)
    async def imports(me: Me) -> HistoryImportsOut:
        """The imports so far, from files and from Last.fm."""
        return HistoryImportsOut(imports=[_import(one) for one in await deck.history_import.listed(me.id)])

    _file_routes(router, deck, Me)

    @router.post("/{id}/undo", response_model=UndoneOut, responses=_UNDO | _JOB)
    async def undo(me: Me, id: RowId) -> UndoneOut:
        """Remove everything that an import added. If this is interrupted, undo the import again."""
        return UndoneOut(removed=await undone(deck, me, id))

    @router.post("/lastfm", response_model=HistoryJobOut, status_code=202)
    async def from_lastfm(me: Me, request: Request, response: Response) -> HistoryJobOut:
        """Import what is new at Last.fm, or join a running import; Location is where to follow it."""
        if not deck.configured:
            raise HTTPException(503, NO_KEY)
        if not (await me.account()).signed_in:
            raise HTTPException(401, "not signed in to Last.fm: sign in first")
        run = await deck.history_mirror.start(me.id)
        response.headers["Location"] = str(request.url_for("history_job", job=run.id).path)
        return _job(run)

    @router.get("/lastfm", response_model=MirrorOut)
    async def mirror(me: Me) -> MirrorOut:
        """Whether it is imported every hour, and the last import."""
        return await _mirror(deck, me)

    @router.put("/lastfm", response_model=MirrorOut)
    async def set_mirror(me: Me, body: MirrorIn) -> MirrorOut:
        """Import every hour, or stop doing so."""
        await deck.history_mirror.mirror(me.id, on=body.mirror)
        return await _mirror(deck, me)

    @router.get("/lastfm/{job}", response_model=HistoryJobOut, responses=_JOB, name="history_job")
    async def job(me: Me, job: RowId) -> HistoryJobOut:
        """The progress of an import from Last.fm."""
        run = await deck.history_mirror.job(me.id, job)
        if run is None:
            raise HTTPException(404, f"no import {job}")
        return _job(run)

    return router


def _file_routes(router: APIRouter, deck: Deck, Me: Any) -> None:
    """Declared before the routes with an id, which would match their paths."""

    @router.post("/file", response_model=UploadOut, status_code=202, responses=_UPLOAD, max_body_size=LARGEST_UPLOAD)
    async def upload(
        me: Me,
        request: Request,
        response: Response,
        file: Annotated[UploadFile, File(description="a history in any form that `tonearm import-history` reads")],
        zone: Annotated[str, Form(max_length=zones.LONGEST)] = "",
        private: Annotated[bool, Form()] = False,
    ) -> UploadOut:
        """Upload a history and compare it with the one here. Nothing is written; Location is where to follow it.

        `zone` is that of a device which logs local times; `private` takes Spotify's private sessions, too. It replaces
        the previous file.
        """
        found = await kept(deck, me, file, zone, private)
        response.headers["Location"] = str(request.url_for("history_file").path)
        return _upload(found)

    @router.get("/file", response_model=UploadOut, responses=_JOB, name="history_file")
    async def uploaded(me: Me) -> UploadOut:
        """The file that was uploaded last, and what it holds."""
        found = deck.history_uploads.of(me.id)
        if found is None:
            raise HTTPException(404, "no file")
        return _upload(found)

    @router.post("/file/{upload}", response_model=UploadOut, status_code=202, responses=_UPLOAD | _JOB)
    async def import_file(
        me: Me,
        upload: Annotated[str, Path(max_length=32)],
        doubtful: bool = False,
        queue: bool = False,
        rules: bool = False,
    ) -> UploadOut:
        """Import the file that was uploaded. If that fails halfway, do it again: it continues.

        `doubtful` adds what may be there, too; `queue` also sends what Last.fm still accepts; `rules` applies your
        rules for names.
        """
        return _upload(begun(deck, me, upload, doubtful=doubtful, queue=queue, rules=rules))

    @router.delete("/file", status_code=204)
    async def forget(me: Me) -> None:
        """Forget the file that was uploaded, unless it is being imported."""
        await deck.history_uploads.forget(me.id)


async def kept(deck: Deck, me: Listener, file: UploadFile, zone: str, private: bool) -> Upload:
    """Store an uploaded file and begin to compare it."""
    device = zones.named(zone)
    if zone and device is None:
        words = zones.unknown(zone)
        raise RequestValidationError([{"loc": ["body", "zone"], "msg": words, "type": "value_error"}])
    try:
        return await deck.history_uploads.add(me.id, file.filename or "", file.file, ReadOptions(device, private))
    except UploadBusy as busy:
        raise HTTPException(409, str(busy)) from None
    except OSError as error:
        raise HTTPException(503, f"the file could not be saved ({error.strerror}); nothing was imported") from None


def begun(deck: Deck, me: Listener, upload: str, *, doubtful: bool, queue: bool, rules: bool) -> Upload:
    """Begin to import the file."""
    try:
        found = deck.history_uploads.start(me.id, upload, queue=queue, doubtful=doubtful, rules=rules)
    except UploadBusy as busy:
        raise HTTPException(409, str(busy)) from None
    if found is None:
        raise HTTPException(404, "no such file: upload it again")
    return found


async def undone(deck: Deck, me: Listener, import_id: int) -> int:
    """Undo an import; returns how many plays it has removed."""
    try:
        return await deck.history_import.undo(me.id, import_id, lambda done, total: None)
    except NoSuchImport:
        raise HTTPException(404, f"there's no import {import_id}") from None
    except CannotUndo as refused:
        raise HTTPException(409, str(refused)) from None


def _upload(one: Upload) -> UploadOut:
    found = [FoundOut.model_validate(asdict(result)) for result in one.results]
    return UploadOut(
        id=one.id,
        name=one.name,
        state=one.state.value,
        done=one.done,
        total=one.total,
        fault=one.fault or None,
        found=found,
    )


def history_export_router(deck: Deck, who: Ask, dependencies: Sequence[params.Depends] = ()) -> APIRouter:
    """`/history-export`."""
    router = api_router("history", "", dependencies)
    Me = Annotated[Listener, Depends(who)]

    @router.get("/history-export", response_class=StreamingResponse, responses=_FILE)
    async def export(me: Me, format: ExportFormat = ExportFormat.CSV) -> Response:
        """The history as a file: every play that counts, the oldest first."""
        media, ending = _MEDIA[format]
        headers = {
            "Content-Disposition": f'attachment; filename="tonearm-history.{ending}"',
            "Cache-Control": "no-store",
        }
        if format is not ExportFormat.LISTENBRAINZ:
            return StreamingResponse(deck.history_export.text(me.id, format), headers=headers, media_type=media)
        file: IO[bytes] = await asyncio.to_thread(TemporaryFile)
        try:
            await deck.history_export.write(me.id, me.name, format, file, lambda done: None)
        except BaseException:
            file.close()
            raise
        return StreamingResponse(_pieces(file), headers=headers, media_type=media)

    return router


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        file.seek(0)
        while piece := await asyncio.to_thread(file.read, 2**16):
            yield piece


_MEDIA = {
    ExportFormat.CSV: ("text/csv; charset=utf-8", "csv"),
    ExportFormat.JSONL: ("application/jsonl; charset=utf-8", "jsonl"),
    ExportFormat.LISTENBRAINZ: ("application/zip", "zip"),
    ExportFormat.MALOJA: ("application/json", "json"),
}
_FILE: Responses = {
    200: {"content": {media.partition(";")[0]: {} for media, _ in _MEDIA.values()}, "description": "The file."}
}


async def _mirror(deck: Deck, me: Listener) -> MirrorOut:
    at, run = await deck.history_mirror.mirrored(me.id), await deck.history_mirror.latest(me.id)
    return MirrorOut(mirror=at is not None, next_at=at or None, job=_job(run) if run else None)


def _job(run: Run) -> HistoryJobOut:
    over = run.state is RunState.DONE
    return HistoryJobOut(
        id=run.id,
        state=run.state.value,
        done=run.done,
        total=run.total,
        added=run.counts.get("new", 0) if over else None,
        known=run.counts.get("known", 0) if over else None,
        fault=run.failure or None,
    )


def _import(one: StoredImport) -> HistoryImportOut:
    counts = one.counts
    return HistoryImportOut(
        id=one.id,
        source=one.source,
        name=one.name,
        state=one.state.value,
        added=counts.get("new", 0),
        known=counts.get("known", 0),
        doubtful=counts.get("doubtful", 0),
        skipped=counts.get("skipped", 0),
        unreadable=counts.get("unreadable", 0),
        started_at=one.started_at,
        updated_at=one.updated_at,
    )
