"""Routes are analysed when they are first requested, and are then as FastAPI makes them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

import tonearm
from tests.databases import only_sqlite
from tests.web.conftest import House
from tonearm.web.app import create_app
from tonearm.web.deferred_route import DeferredRoute
from tonearm.web.options import WebOptions

pytestmark = pytest.mark.anyio


class Strange:
    """What no request can bring."""


def routes_of(deck: tonearm.Deck) -> list[DeferredRoute]:
    app = create_app(deck, WebOptions(emulator_url="http://localhost/_faults"))
    return [route for route in app.routes if isinstance(route, DeferredRoute)]


@only_sqlite
async def test_every_endpoint_of_the_service_can_be_analysed(house: House) -> None:
    routes = routes_of(house.deck)
    assert len(routes) > 100
    for route in routes:
        assert route.dependant.call is route.endpoint
        assert callable(route.app)


@only_sqlite
async def test_what_is_known_before_is_so_afterwards(house: House) -> None:
    def facts(route: DeferredRoute) -> tuple[Any, ...]:
        return route.path, route.path_regex, route.path_format, route.name, route.methods, route.include_in_schema

    for route in routes_of(house.deck):
        before = facts(route)
        assert "dependant" not in vars(route)
        assert route.dependant
        assert facts(route) == before


@only_sqlite
async def test_each_route_is_found_below_any_path(house: House) -> None:
    for route in routes_of(house.deck):
        path = re.sub(r"\{[^}]*\}", "7", route.path)
        scope: Scope = {"type": "http", "method": next(iter(route.methods)), "headers": []}
        for root in ("", "/music", path):
            below = {"root_path": root, "path": root + path, "raw_path": (root + path).encode()}
            assert route.matches({**scope, **below})[0] is Match.FULL, (root, route.path)
        for other in (f"{path}/more", f"/other{path}", "/"):
            found = route.matches({**scope, "root_path": "", "path": other, "raw_path": other.encode()})[0]
            assert (found is not Match.NONE) == (route.path_regex.match(other) is not None), (other, route.path)


def test_it_is_described_like_any_other() -> None:
    def of(kind: type[APIRoute]) -> dict[str, Any]:
        router = APIRouter(route_class=kind)

        @router.put("/plays/{play}", tags=["plays"], status_code=201)
        async def put(play: int, title: str, body: dict[str, int]) -> list[int]:
            """Put a play."""
            return [play]

        app = FastAPI()
        app.include_router(router, prefix="/under")
        return app.openapi()

    assert of(DeferredRoute) == of(APIRoute)


def test_an_endpoint_that_cannot_be_analysed_says_so_each_time() -> None:
    async def endpoint(thing: Strange) -> None: ...

    route = DeferredRoute("/", endpoint)
    for _ in range(2):
        with pytest.raises(Exception, match="Invalid args for response field"):
            _ = route.dependant
    with pytest.raises(AttributeError, match="no attribute 'colour'"):
        _ = DeferredRoute("/", lambda: None).colour
