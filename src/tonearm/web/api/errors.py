"""Errors as responses: each says what was wrong and where, and none shows internals."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from tonearm.core.play import MissingName
from tonearm.service.report import NotATime, NotPlays, UnknownListener
from tonearm.service.values import DataFault, StoreUnavailable
from tonearm.web.deferred_route import DeferredRoute

_UNREADABLE = "There was an error parsing the body"
"""FastAPI's message for a body that breaks the parser itself; invalid JSON is a RequestValidationError."""

ErrorHandler = Callable[[Request], Coroutine[Any, Any, Response]]


class ErrorResponses(DeferredRoute):
    """A route that turns what its use case raises into responses; part of the router, so that a host gets it too. A GET
    also answers HEAD: the server leaves out the body.
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether a request is for this route."""
        return super().matches(self._read(scope))

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        await super().handle(self._read(scope), receive, send)

    def _read(self, scope: Scope) -> Scope:
        """The request, a HEAD as a GET. `methods` names GET only, since each of them is described as an endpoint."""
        return {**scope, "method": "GET"} if scope.get("method") == "HEAD" and "GET" in self.methods else scope

    def get_route_handler(self) -> ErrorHandler:
        """The route's handler, with errors turned into responses."""
        return answering(super().get_route_handler())


def answering(handler: ErrorHandler) -> ErrorHandler:
    """The handler, with what its use case raises turned into responses."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except (RequestValidationError, MissingName, NotATime, NotPlays, UnknownListener) as raised:
            return answer_to(raised)
        except (StoreUnavailable, DataFault) as raised:
            return answer_to(raised)
        except MemoryError:
            return _no_memory()
        except HTTPException as raised:
            if raised.status_code != 400 or raised.detail != _UNREADABLE:
                raise
            if isinstance(raised.__cause__, MemoryError):
                return _no_memory()
            return _invalid([{"loc": ["body"], "msg": "not valid JSON in UTF-8", "type": "json_invalid"}])

    return answer


def _no_memory() -> JSONResponse:
    detail = "out of memory; nothing was saved: send it again later"
    return JSONResponse({"detail": detail}, 503, {"Retry-After": "30"})


def answer_to(raised: Exception) -> JSONResponse:
    """The response to an error that a use case raises on purpose."""
    match raised:
        case RequestValidationError():
            return _invalid([_location(error) for error in raised.errors()])
        case MissingName() | NotATime():
            return _invalid([_no_play(raised, "body")])
        case NotPlays(faults=faults):
            return _invalid([_no_play(problem, "body", "plays", index) for index, problem in faults])
        case UnknownListener():
            return JSONResponse({"detail": str(raised)}, 404)
        case DataFault():
            return JSONResponse({"detail": f"{raised}; nothing was saved"}, 500)
        case _:
            detail = f"the database is unavailable ({raised}); nothing was saved: send it again"
            return JSONResponse({"detail": detail}, 503, {"Retry-After": "5"})


def _no_play(raised: MissingName | NotATime, *where: str | int) -> dict[str, Any]:
    kind = "nameless" if isinstance(raised, MissingName) else "not_a_time"
    return {"loc": [*where, raised.field], "msg": str(raised), "type": kind}


def _location(error: dict[str, Any]) -> dict[str, Any]:
    """What was wrong and where, without the input itself: it may be long, secret, or not text at all."""
    message = error["msg"]
    if error["type"] in ("model_attributes_type", "model_type"):
        message = "send a JSON object, with 'Content-Type: application/json'"
    return {"loc": list(error["loc"]), "msg": message, "type": error["type"]}


def _invalid(errors: list[dict[str, Any]]) -> JSONResponse:
    return JSONResponse({"detail": errors}, 422)
