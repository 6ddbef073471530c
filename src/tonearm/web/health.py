"""Whether the service is healthy: often the first or the only request that it gets."""

from __future__ import annotations

from starlette.responses import JSONResponse

from tonearm.deck import Deck
from tonearm.service import monitoring
from tonearm.service.door import StoreUnavailable
from tonearm.version import __version__

NOBODY = (
    "no process sends plays from this database, so they wait: start 'tonearm worker', or 'tonearm serve' without"
    " --no-delivery"
)
PAUSED = "sending is paused, so plays wait: run 'tonearm jobs resume deliver' to continue"


async def health_answer(deck: Deck) -> JSONResponse:
    """What `GET /health` returns (`api.schemas.Health`): 200, or 503 if no play can be saved."""
    try:
        await monitoring.check_database(deck.store)
        warnings = await _warnings(deck)
    except StoreUnavailable as error:
        return _answer(deck, 503, "unavailable", str(error), [])
    return _answer(deck, 200, "ok", "ok", warnings)


def _answer(deck: Deck, code: int, status: str, database: str, warnings: list[str]) -> JSONResponse:
    fields = {"status": status, "database": database, "delivery": _delivery(deck), "version": __version__}
    return JSONResponse({**fields, "warnings": warnings}, code)


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
