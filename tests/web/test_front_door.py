"""The service before and after its pages are loaded: only the time differs."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

from tests.databases import only_sqlite
from tests.web.conftest import House
from tonearm.web.app import create_app
from tonearm.web.front_door import FrontDoor
from tonearm.web.options import WebOptions

pytestmark = [pytest.mark.anyio, only_sqlite]

BASE = "http://127.0.0.1:8723"


def client(app: Any) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=BASE)


def whole(answer: httpx2.Response) -> tuple[int, bytes, list[tuple[str, str]]]:
    return answer.status_code, answer.content, sorted(answer.headers.items())


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT"])
@pytest.mark.parametrize("headers", [{}, {"Host": "evil.example"}, {"Origin": "http://evil.example"}])
@pytest.mark.parametrize("public_url", ["", "https://music.example/tonearm"])
async def test_health_is_the_same_before_and_after(
    house: House, method: str, headers: dict[str, str], public_url: str
) -> None:
    options = WebOptions(public_url)
    door, app = FrontDoor(house.deck, options, lambda: None), create_app(house.deck, options)
    async with client(door) as early, client(app) as late:
        before = await early.request(method, "/health", headers=headers)
        assert whole(before) == whole(await late.request(method, "/health", headers=headers))


async def test_a_broken_database_is_reported_before_the_pages_are_loaded(house: House) -> None:
    await asyncio.to_thread(house.deck.store.close)
    async with client(FrontDoor(house.deck, WebOptions(), lambda: None)) as early:
        answer = await early.get("/health")
        assert answer.status_code == 503
        assert answer.json()["status"] == "unavailable"


async def test_those_who_ask_first_at_once_share_one_application(house: House) -> None:
    loads: list[None] = []
    door = FrontDoor(house.deck, WebOptions(), lambda: loads.append(None))
    async with client(door) as early:
        answers = await asyncio.gather(*(early.get("/lastfm/queue") for _ in range(5)))
        assert {answer.status_code for answer in answers} == {401}
        assert (await early.get("/health")).status_code == 200
    assert len(loads) == 1


async def test_an_application_that_could_not_be_loaded_is_retried(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = FrontDoor(house.deck, WebOptions(), lambda: None)
    async with client(door) as early:
        with monkeypatch.context() as patch:
            patch.setattr("tonearm.web.app.create_app", None)
            with pytest.raises(TypeError):
                await early.get("/lastfm/queue")
        assert (await early.get("/lastfm/queue")).status_code == 401
