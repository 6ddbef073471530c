"""Requests that no client should send, and times when no play can be saved: a clear answer, never a 500."""

from __future__ import annotations

import httpx2
import pytest
from fastapi import FastAPI

import tonearm
from tests.api.conftest import Service
from tests.databases import only_sqlite
from tonearm.store.db import database

BODIES = {
    "no UTF-8": b'{"artist": "\xff", "track": "t"}',
    "too deep": b"[" * 100_000,
    "a number without end": b'{"timestamp": ' + b"9" * 5_000 + b"}",
    "half of it": b'{"artist": "a"',
    "nothing": b"",
}
NUMBERS = [2**63, 10**23, -(10**23)]


@pytest.mark.parametrize("path", ["/lastfm/scrobble", "/lastfm/now-playing"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_body_that_cannot_be_read_is_422_and_says_where(unmoved: Service, path: str, body: bytes) -> None:
    answer = unmoved.http.post(path, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    [fault] = answer.json()["detail"]
    assert fault["loc"][0] == "body"
    assert fault["msg"]


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/lastfm/queue/{}"),
        ("POST", "/lastfm/queue/{}/retry"),
        ("PATCH", "/lastfm/queue/{}"),
        ("DELETE", "/lastfm/queue/{}"),
        ("GET", "/lastfm/jobs/{}"),
    ],
)
def test_a_number_that_no_play_can_have_is_422(unmoved: Service, method: str, path: str, number: int) -> None:
    answer = unmoved.http.request(method, path.format(number), json={"artist": "a"})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][0] == "path"


@only_sqlite
def test_a_full_disk_is_not_healthy(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "MIN_FREE_BYTES", 2**80)  # more than any disk has
    answer = service.http.get("/health")
    assert answer.status_code == 503
    assert answer.json()["database"] == "the disk is full"


@pytest.mark.anyio
async def test_a_hosts_user_with_an_invalid_name_gets_an_error(service: Service) -> None:
    app = FastAPI()
    app.include_router(tonearm.router(service.deck, listener=lambda: "a b"))
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://host") as http:
        answer = await http.get("/lastfm/settings")
    assert answer.status_code == 422
    assert "a b" in answer.json()["detail"]
