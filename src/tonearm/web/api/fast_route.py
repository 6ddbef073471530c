"""A fast path for an endpoint that players call all day.

FastAPI takes longer to work out an endpoint's arguments than everything else takes for a play. A valid request bypasses
that; any other takes FastAPI's path, which reports what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from fastapi import Request, Response
from pydantic import BaseModel, ValidationError

from tonearm.web.api.errors import ErrorHandler, ErrorResponses, answering

Body = TypeVar("Body", bound=BaseModel)


def quick(model: type[Body], answer: Callable[[Request, Body], Awaitable[Response]]) -> type[ErrorResponses]:
    """Routes that pass a valid body straight to `answer`, and leave any other request to their endpoint."""

    class Quick(ErrorResponses):
        def get_route_handler(self) -> ErrorHandler:
            careful = super().get_route_handler()

            async def handle(request: Request) -> Response:
                body = await _read(request, model)
                return await (careful(request) if body is None else answer(request, body))

            return answering(handle)

    return Quick


async def _read(request: Request, model: type[Body]) -> Body | None:
    kind, _, _ = request.headers.get("content-type", "").partition(";")
    if kind == "application/json":
        with suppress(ValidationError):
            return model.model_validate_json(await request.body())
    return None
