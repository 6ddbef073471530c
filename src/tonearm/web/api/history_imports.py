"""Histories that come home: from Last.fm as a job, on demand or every hour, and what imports there were."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Request, Response, params
from pydantic import BaseModel, Field

from tonearm.deck import Deck, Listener
from tonearm.service.history_import import CannotUndo
from tonearm.service.metadata_upstream import NO_KEY
from tonearm.service.values import Run, RunState, StoredImport
from tonearm.web.api.errors import ErrorResponses
from tonearm.web.api.plays import ERRORS, Ask
from tonearm.web.api.schemas import Detail, RowId, Strict


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


_UNDO: dict[int | str, dict[str, Any]] = {409: {"model": Detail, "description": "No such import, or undone already."}}
_JOB: dict[int | str, dict[str, Any]] = {404: {"model": Detail, "description": "No such import."}}


def history_imports_router(deck: Deck, who: Ask, dependencies: Sequence[params.Depends] = ()) -> APIRouter:
    """`/history-imports`."""
    router = APIRouter(
        prefix="/history-imports",
        tags=["history"],
        responses=ERRORS,
        route_class=ErrorResponses,
        dependencies=dependencies,
    )
    Me = Annotated[Listener, Depends(who)]

    @router.get("", response_model=HistoryImportsOut)
    async def imports(me: Me) -> HistoryImportsOut:
        """The imports so far, from files and from Last.fm."""
        return HistoryImportsOut(imports=[_import(one) for one in await deck.history_import.listed(me.id)])

    @router.post("/{id}/undo", response_model=UndoneOut, responses=_UNDO)
    async def undo(me: Me, id: RowId) -> UndoneOut:
        """Take back everything that an import has added. If it is interrupted, undo it again."""
        try:
            return UndoneOut(removed=await deck.history_import.undo(me.id, id, lambda done, total: None))
        except CannotUndo as refused:
            raise HTTPException(409, str(refused)) from None

    @router.post("/lastfm", response_model=HistoryJobOut, status_code=202)
    async def from_lastfm(me: Me, request: Request, response: Response) -> HistoryJobOut:
        """Import what is new at Last.fm, or join the import that runs; Location is where to follow it."""
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
        """Import every hour from now on, or no longer."""
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
