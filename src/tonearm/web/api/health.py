"""Monitoring: is the service healthy, and what has it done?"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from tonearm.deck import Deck, Listener
from tonearm.service import monitoring
from tonearm.web.api import metrics
from tonearm.web.api.errors import ErrorResponses
from tonearm.web.api.plays import Ask
from tonearm.web.api.schemas import Health
from tonearm.web.health import health_answer


def health_router(deck: Deck, authenticate: Ask) -> APIRouter:
    """`GET /health`, open to everybody, and `GET /metrics`."""
    router = APIRouter(tags=["operation"], route_class=ErrorResponses)

    @router.get("/health", response_model=Health, responses={503: {"model": Health}})
    async def health() -> Any:
        """Whether plays are accepted (200) or not (503), and whether they are sent: `warnings` say what prevents it."""
        return await health_answer(deck)

    @router.get("/metrics", name="metrics", response_class=Response)
    async def figures(_: Annotated[Listener, Depends(authenticate)]) -> Response:
        """Metrics for Prometheus: what this process has done, and the state of the whole installation."""
        keys = deck.accounts.keyring.names if deck.configured else ()
        now = deck.clock.now()
        overview = await monitoring.overview(deck.store, keys, now)
        content, type_ = metrics.text(metrics.MetricsSnapshot(deck.counters, overview, keys, await deck.senders(), now))
        return Response(content, media_type=type_)

    return router
