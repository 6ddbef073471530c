"""Faults as answers: every one says what was wrong and where, none shows how the house is built."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from tonearm.core.play import MissingName
from tonearm.service.report_play import NotATime, NotPlays, UnknownListener
from tonearm.service.values import DataFault, StoreUnavailable

_UNREADABLE = "There was an error parsing the body"
"""FastAPI's words for a body that breaks the parser itself; what is merely not JSON is a RequestValidationError."""

ErrorHandler = Callable[[Request], Coroutine[Any, Any, Response]]


class ErrorResponses(APIRoute):
    """A route that answers what its use case raises; part of the router, so that a host gets it too."""

    def get_route_handler(self) -> ErrorHandler:
        """The route's handler, with faults as answers."""
        return answering(super().get_route_handler())


def answering(handler: ErrorHandler) -> ErrorHandler:
    """The handler, with what its use case raises as answers."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except (RequestValidationError, MissingName, NotATime, NotPlays, UnknownListener) as fault:
            return answer_to(fault)
        except (StoreUnavailable, DataFault) as fault:
            return answer_to(fault)
        except MemoryError:
            return _no_memory()
        except HTTPException as fault:
            if fault.status_code != 400 or fault.detail != _UNREADABLE:
                raise
            if isinstance(fault.__cause__, MemoryError):
                return _no_memory()
            return _invalid([{"loc": ["body"], "msg": "not valid JSON in UTF-8", "type": "json_invalid"}])

    return answer


def _no_memory() -> JSONResponse:
    detail = "out of memory; nothing was saved: send it again later"
    return JSONResponse({"detail": detail}, 503, {"Retry-After": "30"})


def answer_to(fault: Exception) -> JSONResponse:
    """The answer to a fault that a use case names."""
    match fault:
        case RequestValidationError():
            return _invalid([_place(error) for error in fault.errors()])
        case MissingName() | NotATime():
            return _invalid([_no_play(fault, "body")])
        case NotPlays(faults=faults):
            return _invalid([_no_play(one, "body", "plays", place) for place, one in faults])
        case UnknownListener():
            return JSONResponse({"detail": str(fault)}, 404)
        case DataFault():
            return JSONResponse({"detail": f"{fault}; nothing was saved"}, 500)
        case _:
            detail = f"the database is unavailable ({fault}); nothing was saved: send it again"
            return JSONResponse({"detail": detail}, 503, {"Retry-After": "5"})


def _no_play(fault: MissingName | NotATime, *where: str | int) -> dict[str, Any]:
    kind = "nameless" if isinstance(fault, MissingName) else "not_a_time"
    return {"loc": [*where, fault.field], "msg": str(fault), "type": kind}


def _place(error: dict[str, Any]) -> dict[str, Any]:
    """What was wrong and where, without the input itself: it may be long, secret, or no text at all."""
    words = error["msg"]
    if error["type"] in ("model_attributes_type", "model_type"):
        words = "send a JSON object, with 'Content-Type: application/json'"
    return {"loc": list(error["loc"]), "msg": words, "type": error["type"]}


def _invalid(errors: list[dict[str, Any]]) -> JSONResponse:
    return JSONResponse({"detail": errors}, 422)
