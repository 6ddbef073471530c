"""For those who watch over the service: is it well, and what has it done?"""

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from fastapi.responses import JSONResponse

from tonearm.deck import Deck, Listener
from tonearm.store import queue
from tonearm.store.writer import StoreUnavailable
from tonearm.version import __version__
from tonearm.web.api import Ask
from tonearm.web.shapes import Health


def health_router(deck: Deck, who: Ask) -> APIRouter:
    """`GET /health`, open to everybody, and `GET /metrics`."""
    router = APIRouter(tags=["operation"])

    @router.head("/health", include_in_schema=False)
    @router.get("/health", response_model=Health, responses={503: {"model": Health}})
    async def health() -> Any:
        """Whether plays are taken (200) or not (503), and whether they are sent."""
        try:
            await deck.store.prove()
        except StoreUnavailable as fault:
            broken = Health(status="unavailable", database=str(fault), delivery=_delivery(deck), version=__version__)
            return JSONResponse(broken.model_dump(), 503)
        return Health(status="ok", database="ok", delivery=_delivery(deck), version=__version__)

    @router.get("/metrics", response_class=Response)
    async def metrics(_: Annotated[Listener, Depends(who)]) -> Response:
        """What this process has done since its start, and what waits, for Prometheus."""
        from prometheus_client import CollectorRegistry
        from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

        waiting = await deck.store.read(queue.length_of_all)
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Figures(deck, waiting))
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router


def _delivery(deck: Deck) -> str:
    if not deck.configured:
        return "no API key is configured"
    return "running" if deck.delivers() else "not in this process"


class _Figures:
    """A snapshot of the tally in Prometheus's terms."""

    def __init__(self, deck: Deck, waiting: int) -> None:
        self._deck = deck
        self._waiting = waiting

    def collect(self) -> Iterator[Any]:
        """The figures, one family at a time."""
        from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily

        tally = self._deck.tally
        families = (
            ("tonearm_reports", "Plays reported, by the status of the answer.", "status", tally.reports),
            ("tonearm_requests", "Scrobble requests to Last.fm, by what the answer meant.", "verdict", tally.verdicts),
            ("tonearm_plays", "Plays that left the queue, by their fate.", "fate", tally.fates),
        )
        for name, words, label, counts in families:
            family = CounterMetricFamily(name, words, labels=[label])
            for value, number in sorted(counts.items()):
                family.add_metric([value], number)
            yield family
        yield GaugeMetricFamily("tonearm_queue_plays", "Plays that wait, of all listeners.", self._waiting)
