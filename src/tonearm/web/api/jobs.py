"""List and control the jobs: each listener their own, the first one all."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, HTTPException, Path
from pydantic import BaseModel

from tonearm.deck import Deck, Listener
from tonearm.service.accounts import FIRST_LISTENER
from tonearm.service.job_list import KINDS, JobState, ListedJob
from tonearm.service.jobs import JobBusy, JobDone
from tonearm.web.api.plays import Ask, api_router
from tonearm.web.api.schemas import detailed

JobKind = Literal["deliver", "love", "import", "enrich", "history", "destination"]


class KindOut(BaseModel):
    """A kind of job. While it is paused, no job of the kind starts."""

    kind: JobKind
    paused: bool


class JobOut(BaseModel):
    """A job. `owner` is the process that runs it, `until` (Unix seconds UTC) is when its lease ends or it is tried
    again.

    `resting` waits until then. If that is null, only people can end the wait, for example with a sign-in: `why` says
    how. `broken` waits after an internal error. `done` and `total` are those of an import.
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
    """Running, waiting and failed jobs; of the waiting ones, the first of each sort."""

    kinds: list[KindOut]
    jobs: list[JobOut]


class Changed(BaseModel):
    """What happens next."""

    status: Literal["success"] = "success"
    message: str


JobId = Annotated[str, Path(pattern=rf"^({'|'.join(KINDS)})-[0-9]{{1,18}}$", description="such as deliver-1")]
_OF_A_JOB = detailed(
    {
        404: "No such job, or it belongs to another listener.",
        409: "Not possible in the job's current state.",
    }
)
_OF_A_KIND = detailed({403: "Only the first listener can do this."})


def jobs_router(deck: Deck, authenticate: Ask) -> APIRouter:
    """`GET /jobs`, and what can be done with jobs."""
    router = api_router("operation", "/jobs")
    Me = Annotated[Listener, Depends(authenticate)]

    @router.get("", response_model=JobsOut)
    async def jobs(me: Me) -> JobsOut:
        """Your jobs in all processes; the first listener sees the jobs of all listeners."""
        overview = await deck.jobs.overview(None if _runs_it(me) else me.id)
        kinds = [KindOut.model_validate({"kind": kind, "paused": kind in overview.paused}) for kind in KINDS]
        return JobsOut(kinds=kinds, jobs=[_out(job) for job in overview.jobs])

    @router.post("/{id}/retry", response_model=Changed, responses=_OF_A_JOB)
    async def retry(me: Me, id: JobId) -> Changed:
        """Retry a waiting, broken or failed job now."""
        return _answered(await deck.jobs.retry(*await _run_of(deck, me, id)))

    @router.delete("/{id}", response_model=Changed, responses=_OF_A_JOB)
    async def cancel(me: Me, id: JobId) -> Changed:
        """Stop a running job. No play is lost; a delivery starts again unless its kind is paused."""
        return _answered(await deck.jobs.cancel(*await _run_of(deck, me, id)))

    @router.post("/kinds/{kind}/pause", response_model=Changed, responses=_OF_A_KIND)
    async def pause(me: Me, kind: JobKind) -> Changed:
        """No job of the kind starts any more, in any process; running ones finish."""
        _must_run_it(me)
        await deck.jobs.pause(kind)
        return Changed(message=f"{kind} paused")

    @router.delete("/kinds/{kind}/pause", response_model=Changed, responses=_OF_A_KIND)
    async def resume(me: Me, kind: JobKind) -> Changed:
        """Jobs of the kind start again, within seconds."""
        _must_run_it(me)
        await deck.jobs.resume(kind)
        return Changed(message=f"{kind} resumed")

    return router


def _runs_it(me: Listener) -> bool:
    return me.name == FIRST_LISTENER


def _must_run_it(me: Listener) -> None:
    if not _runs_it(me):
        raise HTTPException(403, f"only the listener {FIRST_LISTENER!r}, who runs this service, can do that")


async def _run_of(deck: Deck, me: Listener, id_: str) -> tuple[str, int]:
    kind, _, key = id_.partition("-")
    owner = await deck.jobs.owner(kind, int(key))
    if owner is None or (not _runs_it(me) and owner != me.id):
        raise HTTPException(404, f"no job {id_}")
    return kind, int(key)


def _answered(outcome: JobDone | JobBusy) -> Changed:
    if isinstance(outcome, JobBusy):
        raise HTTPException(409, outcome.reason)
    return Changed(message=outcome.message)


def _out(job: ListedJob) -> JobOut:
    facts = ("id", "kind", "listener", "state", "owner", "until", "tries", "why", "done", "total")
    return JobOut.model_validate({name: getattr(job, "reason" if name == "why" else name) for name in facts})
