"""For those who watch over the service: is it well, and what has it done?"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from fastapi.responses import JSONResponse

from tonearm.deck import Deck, Listener
from tonearm.service import monitoring
from tonearm.service.values import StoreUnavailable
from tonearm.version import __version__
from tonearm.web.api import metrics
from tonearm.web.api.errors import ErrorResponses
from tonearm.web.api.plays import Ask
from tonearm.web.api.schemas import Health

NOBODY = (
    "no process sends plays from this database, so they wait: start 'tonearm worker', or 'tonearm serve' without"
    " --no-delivery"
)
PAUSED = "sending is paused, so plays wait: run 'tonearm jobs resume deliver' to continue"


def health_router(deck: Deck, authenticate: Ask) -> APIRouter:
    """`GET /health`, open to everybody, and `GET /metrics`."""
    router = APIRouter(tags=["operation"], route_class=ErrorResponses)

    @router.head("/health", include_in_schema=False)
    @router.get("/health", response_model=Health, responses={503: {"model": Health}})
    async def health() -> Any:
        """Whether plays are accepted (200) or not (503), and whether they are sent: `warnings` say what prevents it."""
        try:
            await monitoring.check_database(deck.store)
            warnings = await _warnings(deck)
        except StoreUnavailable as error:
            broken = Health(status="unavailable", database=str(error), delivery=_delivery(deck), version=__version__)
            return JSONResponse(broken.model_dump(), 503)
        return Health(status="ok", database="ok", delivery=_delivery(deck), version=__version__, warnings=warnings)

    @router.get("/metrics", name="metrics", response_class=Response)
    async def figures(_: Annotated[Listener, Depends(authenticate)]) -> Response:
        """Metrics for Prometheus: what this process has done, and the state of the whole installation."""
        keys = deck.accounts.keyring.names if deck.configured else ()
        now = deck.clock.now()
        overview = await monitoring.overview(deck.store, keys, now)
        content, type_ = metrics.text(metrics.MetricsSnapshot(deck.counters, overview, keys, await deck.senders(), now))
        return Response(content, media_type=type_)

    return router


async def _warnings(deck: Deck) -> list[str]:
    """Why plays are accepted but not sent, if those who run the service can fix it."""
    paused = await monitoring.sending_paused(deck.store)
    found = [PAUSED] if paused else []
    if deck.configured and not deck.delivers() and not await deck.senders():
        found.insert(0, NOBODY)
    return found


def _delivery(deck: Deck) -> str:
    if not deck.configured:
        return "no API key is configured"
    return "running" if deck.delivers() else "not in this process"
