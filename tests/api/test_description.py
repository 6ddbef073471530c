"""The API keeps its description: schemathesis asks every endpoint for what is allowed, and for what is not.

The requests are the same in each run. They go to the service in this process, without a network.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

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
from tests.databases import with_tables
from tests.patience import pause
from tests.postgres import empty
from tonearm.web.app import create_app

EXAMPLES = 6
"""Requests of each kind for an endpoint."""

ENDLESS = "GET /events"
KEPT = ("status_code_conformance", "content_type_conformance", "response_schema_conformance")
"""What of the description is held: more can be wrong with a request than a schema can say."""

LONGEST_URL = 2**16
"""Characters: httpx sends no longer ones."""

TEXT = frozenset({"type", "title", "description", "default"})
"""What a schema of any text has, and nothing else."""

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


@dataclass(frozen=True)
class Described:
    """A service, and its application to be asked in this process."""

    service: Service
    app: FastAPI


@pytest.fixture
def described(tmp_path: Path, tables: Path, postgres_tables: str) -> Iterator[list[Described]]:
    """A service on each database: generating a request takes longer than answering it, so both get the same."""
    file = with_tables(tmp_path / "plays.db", tables)
    with filled(file, tmp_path / "music") as one, filled(postgres_tables, tmp_path / "music") as other:
        yield [Described(service, create_app(service.deck)) for service in (one, other)]
    empty(postgres_tables)


@contextmanager
def filled(database: Path | str, music: Path) -> Iterator[Service]:
    """A service with plays, a library, an import that is over, and an enrichment that is over."""
    with running(database, Emulator()) as service:
        cast(dict[Any, Any], service.deck.destinations.outlets.makers).clear()  # nobody out there is asked
        for number in range(4):
            play = {"artist": "Nina Simone", "track": f"Song {number}", "duration": 200, "played_time": 150}
            service.http.post("/lastfm/scrobble", json={**play, "timestamp": int(time.time()) - 3000 + 300 * number})
        music.mkdir(exist_ok=True)
        (music / "sinnerman.flac").write_bytes(audio.flac(audio.Tags("Nina Simone", "Sinnerman"), 60))
        service.call(service.call(service.deck.listener("me")).scan(music))
        service.http.post("/lastfm/import-loved-tracks").raise_for_status()
        started = service.http.post("/metadata/enrich").raise_for_status()
        while service.http.get(started.headers["location"]).json()["state"] == "running":
            pause()
        yield service


def asked_of(one: Described, case: Case[Any]) -> httpx2.Response:
    """What the service answers, asked in its process. What breaks there breaks the test."""
    prepared = Request(**case.as_transport_kwargs("http://localhost")).prepare()
    hypothesis.assume(len(str(prepared.url)) <= LONGEST_URL)
    body: Any = prepared.body
    headers: dict[str, Any] = {**prepared.headers, "Authorization": one.service.http.headers["Authorization"]}

    async def ask() -> httpx2.Response:
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(one.app), verify=False) as http:
            request = http.build_request(str(prepared.method), str(prepared.url), headers=headers, content=body)
            return await http.send(request)

    answer: httpx2.Response = one.service.call(ask())
    return answer


def allows_everything(operation: APIOperation[Any, Any, Any, Any]) -> bool:
    """Whether no request can be wrong, since all that can be sent is any text; 459 would be tried in vain."""
    schemas = [one.definition["schema"] for one in operation.iter_parameters()]
    return not operation.body and all(one.get("type") == "string" and one.keys() <= TEXT for one in schemas)


def faults_of(
    described: list[Described], operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode
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
        for one in described:
            answer = asked_of(one, case)
            where = one.service.deck.store.url.get_backend_name()
            asked = f"{operation.label} {case!r} on {where} answered {answer.status_code} {answer.text[:300]}"
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
def test_every_endpoint_answers_as_described_and_none_breaks(described: list[Described], mode: GenerationMode) -> None:
    load_all_checks()
    config = SchemathesisConfig()
    config.projects.default.generation.with_security_parameters = False
    schema = schemathesis.openapi.from_dict(described[0].app.openapi(), config=config)
    found: list[str] = []
    for result in schema.get_all_operations():
        operation: Any = result.ok()  # type: ignore[union-attr]  # a description that is wrong raises here
        nothing_wrong = mode is GenerationMode.NEGATIVE and allows_everything(operation)
        if operation.label != ENDLESS and not nothing_wrong:
            found += faults_of(described, operation, mode)
        for service in (one.service for one in described):
            if not service.http.get("/lastfm/settings").json()["authenticated"]:
                service.sign_in(service.http, "RJ")
    assert not found, "\n".join(found)
