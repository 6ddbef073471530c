"""A look at the jobs, and a hand on them: each listener at their own, the first one at all."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Path
from pydantic import BaseModel

from tonearm.deck import Deck, Listener
from tonearm.service.accounts import FIRST_LISTENER
from tonearm.service.job_list import KINDS, JobState, ListedJob
from tonearm.service.jobs import JobBusy, JobDone
from tonearm.web.api.errors import ErrorResponses
from tonearm.web.api.plays import ERRORS, Ask
from tonearm.web.api.schemas import Detail

JobKind = Literal["deliver", "import", "enrich"]


class KindOut(BaseModel):
    """A kind of job. While it is paused nothing of it begins."""

    kind: JobKind
    paused: bool


class JobOut(BaseModel):
    """A job. `owner` is the process that runs it, `until` (Unix seconds UTC) when its lease ends or it is tried again.

    `resting` waits until then, or where that is null for what only people can bring, such as a sign-in: `why` says it.
    `broken` waits after a failure of ours. `done` and `total` are an import's.
    """

    id: str
    kind: str
    listener: str
    state: JobState
    owner: str
    until: float | None
    tries: int
    why: str
    done: int
    total: int


class JobsOut(BaseModel):
    """What runs, waits and has failed; of what waits its turn, the first of each sort."""

    kinds: list[KindOut]
    jobs: list[JobOut]


class Changed(BaseModel):
    """What follows."""

    status: Literal["success"] = "success"
    message: str


JobId = Annotated[str, Path(pattern=rf"^({'|'.join(KINDS)})-[0-9]{{1,18}}$", description="such as deliver-1")]
_OF_A_JOB: dict[int | str, dict[str, Any]] = {
    404: {"model": Detail, "description": "No such job, or it belongs to another listener."},
    409: {"model": Detail, "description": "Not possible in the job's current state."},
}
_OF_A_KIND: dict[int | str, dict[str, Any]] = {
    403: {"model": Detail, "description": "Only the first listener can do this."}
}


def jobs_router(deck: Deck, who: Ask) -> APIRouter:
    """`GET /jobs`, and what may be done about them."""
    router = APIRouter(prefix="/jobs", tags=["operation"], responses=ERRORS, route_class=ErrorResponses)
    Me = Annotated[Listener, Depends(who)]

    @router.get("", response_model=JobsOut)
    async def jobs(me: Me) -> JobsOut:
        """Your jobs, over all processes; all listeners' where you are the first one."""
        board = await deck.jobs.board(None if _runs_it(me) else me.id)
        kinds = [KindOut.model_validate({"kind": kind, "paused": kind in board.paused}) for kind in KINDS]
        return JobsOut(kinds=kinds, jobs=[_out(job) for job in board.jobs])

    @router.post("/{id}/retry", response_model=Changed, responses=_OF_A_JOB)
    async def retry(me: Me, id: JobId) -> Changed:
        """What rests, broke or failed is tried now."""
        return _answered(await deck.jobs.retry(*_own(me, id)))

    @router.delete("/{id}", response_model=Changed, responses=_OF_A_JOB)
    async def cancel(me: Me, id: JobId) -> Changed:
        """Stop what runs. No play is lost; a delivery is taken up again unless its kind is paused."""
        return _answered(await deck.jobs.cancel(*_own(me, id)))

    @router.post("/kinds/{kind}/pause", response_model=Changed, responses=_OF_A_KIND)
    async def pause(me: Me, kind: JobKind) -> Changed:
        """Nothing of the kind begins any more, in any process; what runs comes to its end."""
        _must_run_it(me)
        await deck.jobs.pause(kind)
        return Changed(message=f"{kind} paused")

    @router.delete("/kinds/{kind}/pause", response_model=Changed, responses=_OF_A_KIND)
    async def resume(me: Me, kind: JobKind) -> Changed:
        """The kind begins again, within seconds."""
        _must_run_it(me)
        await deck.jobs.resume(kind)
        return Changed(message=f"{kind} resumed")

    return router


def _runs_it(me: Listener) -> bool:
    return me.name == FIRST_LISTENER


def _must_run_it(me: Listener) -> None:
    if not _runs_it(me):
        raise HTTPException(403, f"only the listener {FIRST_LISTENER!r}, who runs this service, can do that")


def _own(me: Listener, id_: str) -> tuple[str, int]:
    kind, _, number = id_.partition("-")
    if not _runs_it(me) and int(number) != me.id:
        raise HTTPException(404, f"no job {id_}")
    return kind, int(number)


def _answered(outcome: JobDone | JobBusy) -> Changed:
    if isinstance(outcome, JobBusy):
        raise HTTPException(409, outcome.reason)
    return Changed(message=outcome.message)


def _out(job: ListedJob) -> JobOut:
    facts = ("id", "kind", "listener", "state", "owner", "until", "tries", "why", "done", "total")
    return JobOut.model_validate({name: getattr(job, "reason" if name == "why" else name) for name in facts})
