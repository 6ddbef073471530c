"""The API keeps its description: schemathesis asks every endpoint for what is allowed, and for what is not.

The requests are the same in each run. They go to the service in this process, without a network.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import hypothesis
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import strategies
from hypothesis.errors import Unsatisfiable
from requests import Request
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup

from lastfm_emulator import Emulator
from tests import audio
from tests.api.conftest import Service, running
from tonearm.web.app import create_app

EXAMPLES = 6
"""Requests of each kind for an endpoint."""

ENDLESS = "GET /events"
KEPT = ("status_code_conformance", "content_type_conformance", "response_schema_conformance")
"""What of the description is held: more can be wrong with a request than a schema can say."""

THERE = (1, 2, 3)
"""Numbers of plays and runs that are there: nobody would guess them."""

SAME_EACH_TIME = hypothesis.settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
    phases=[hypothesis.Phase.generate],
)


@pytest.fixture
def service(database: Path | str, tmp_path: Path) -> Iterator[Service]:
    """A service with plays, a library, an import that is over, and an enrichment that is over."""
    with running(database, Emulator()) as service:
        for number in range(4):
            play = {"artist": "Nina Simone", "track": f"Song {number}", "duration": 200, "played_time": 150}
            service.http.post("/lastfm/scrobble", json={**play, "timestamp": int(time.time()) - 3000 + 300 * number})
        (tmp_path / "sinnerman.flac").write_bytes(audio.flac(audio.Tags("Nina Simone", "Sinnerman"), 60))
        service.call(service.call(service.deck.listener("me")).scan(tmp_path))
        service.http.post("/lastfm/import-loved-tracks").raise_for_status()
        started = service.http.post("/metadata/enrich").raise_for_status()
        while service.http.get(started.headers["location"]).json()["state"] == "running":
            pass
        yield service


def asked_of(service: Service, app: FastAPI, case: Case[Any]) -> httpx2.Response:
    """What the service answers, asked in its process. What breaks there breaks the test."""
    prepared = Request(**case.as_transport_kwargs("http://localhost")).prepare()
    body: Any = prepared.body
    headers: dict[str, Any] = {**prepared.headers, "Authorization": service.http.headers["Authorization"]}

    async def ask() -> httpx2.Response:
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), verify=False) as http:
            request = http.build_request(str(prepared.method), str(prepared.url), headers=headers, content=body)
            return await http.send(request)

    answer: httpx2.Response = service.call(ask())
    return answer


def faults_of(
    service: Service, app: FastAPI, operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode
) -> list[str]:
    """What an endpoint answers that it should not, to a few requests."""
    found: list[str] = []
    checks: list[Any] = [CHECKS.get_one(name) for name in KEPT]

    @SAME_EACH_TIME
    @hypothesis.given(strategies.data())
    def ask(data: strategies.DataObject) -> None:
        case = data.draw(operation.as_strategy(generation_mode=mode))
        for name in {"play", "job"} & set(case.path_parameters):
            if mode is GenerationMode.POSITIVE:
                case.path_parameters[name] = data.draw(strategies.sampled_from((*THERE, case.path_parameters[name])))
        answer = asked_of(service, app, case)
        asked = f"{operation.label} {case!r} answered {answer.status_code} {answer.text[:300]}"
        if answer.status_code >= 500:
            found.append(asked)
        try:
            case.validate_response(answer, checks=checks)
        except FailureGroup as group:
            found.extend(f"{asked}: {fault}".replace("\n", " ") for fault in group.exceptions)

    with suppress(Unsatisfiable):  # nothing can be wrong with a request that has no parameters
        ask()
    return found


@pytest.mark.filterwarnings("ignore:Do not use the `random` module")  # schemathesis does, seeded by hypothesis
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_endpoint_answers_as_described_and_none_breaks(service: Service, mode: GenerationMode) -> None:
    load_all_checks()
    app = create_app(service.deck)
    config = SchemathesisConfig()
    config.projects.default.generation.with_security_parameters = False
    schema = schemathesis.openapi.from_dict(app.openapi(), config=config)
    found: list[str] = []
    for result in schema.get_all_operations():
        operation: Any = result.ok()  # type: ignore[union-attr]  # a description that is wrong raises here
        if operation.label != ENDLESS:
            found += faults_of(service, app, operation, mode)
        if not service.http.get("/lastfm/settings").json()["authenticated"]:
            service.sign_in(service.http, "RJ")
    assert not found, "\n".join(found)
