"""The jobs over HTTP: each listener sees and moves their own, the first one all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.api.conftest import Service
from tests.patience import pause


@pytest.fixture
def other(service: Service) -> Iterator[httpx2.Client]:
    """Another listener."""
    with service.stranger(Authorization=f"Bearer {service.token_of('other')}") as http:
        yield http


def report(http: httpx2.Client) -> None:
    play = {"artist": "Nina Simone", "track": "Sinnerman", "duration": 200, "played_time": 150}
    answer = http.post("/lastfm/scrobble", json={**play, "timestamp": int(time.time()) - 600})
    assert answer.json()["status"] == "queued"


def state_of(http: httpx2.Client, state: str) -> dict[str, Any]:
    """The first job, as soon as it is in that state."""
    while True:
        jobs = http.get("/jobs").json()["jobs"]
        if jobs and jobs[0]["state"] == state:
            return dict(jobs[0])
        pause()


def test_waiting_jobs_are_shown_with_their_reason_and_retried(service: Service) -> None:
    service.emulator.fault("error", error=11, calls=1)
    report(service.http)
    job = state_of(service.http, "resting")
    assert (job["id"], job["kind"], job["listener"]) == ("deliver-1", "deliver", "me")
    assert "11" in job["why"]
    assert job["until"] > time.time()
    answer = service.http.post("/jobs/deliver-1/retry")
    assert (answer.status_code, answer.json()["status"]) == (200, "success")
    while service.http.get("/jobs").json()["jobs"]:
        pause()
    assert len(service.emulator.plays("RJ")) == 1


def test_a_paused_kind_is_shown_and_begins_nothing_until_it_is_resumed(service: Service) -> None:
    assert service.http.post("/jobs/kinds/deliver/pause").status_code == 200
    report(service.http)
    assert state_of(service.http, "waiting")["id"] == "deliver-1"
    assert service.http.get("/jobs").json()["kinds"] == [
        {"kind": "deliver", "paused": True},
        {"kind": "love", "paused": False},
        {"kind": "import", "paused": False},
        {"kind": "enrich", "paused": False},
        {"kind": "history", "paused": False},
        {"kind": "destination", "paused": False},
    ]
    assert service.emulator.plays("RJ") == []
    assert service.http.get("/lastfm/queue/1").json()["why"] == "sending is paused"
    assert service.http.get("/lastfm/queue/status").json()["held"] == 1
    assert service.http.delete("/jobs/kinds/deliver/pause").status_code == 200
    while service.http.get("/jobs").json()["jobs"]:
        pause()
    assert len(service.emulator.plays("RJ")) == 1


def test_a_listener_sees_and_moves_no_job_of_another(service: Service, other: httpx2.Client) -> None:
    service.http.post("/jobs/kinds/deliver/pause")
    report(service.http)
    state_of(service.http, "waiting")
    assert other.get("/jobs").json()["jobs"] == []
    assert other.post("/jobs/deliver-1/retry").status_code == 404
    assert other.delete("/jobs/deliver-1").status_code == 404
    assert other.post("/jobs/kinds/deliver/pause").status_code == 403
    assert other.delete("/jobs/kinds/deliver/pause").status_code == 403
    assert other.post("/jobs/import-2/retry").status_code == 409


def test_what_does_not_run_cannot_be_cancelled_and_what_is_not_there_is_not_found(service: Service) -> None:
    assert service.http.delete("/jobs/deliver-1").status_code == 409
    assert service.http.delete("/jobs/import-1").status_code == 409
    assert service.http.post("/jobs/deliver-99/retry").status_code == 404
    for bad in ("deliver", "deliver-", "deliver-x", "dance-1", "deliver-1234567890123456789"):
        assert service.http.post(f"/jobs/{bad}/retry").status_code == 422
    assert service.http.post("/jobs/kinds/dance/pause").status_code == 422


def test_requests_without_a_token_are_refused(service: Service) -> None:
    with service.stranger() as stranger:
        assert stranger.get("/jobs").status_code == 401
        assert stranger.post("/jobs/kinds/deliver/pause").status_code == 401


def test_a_run_over_the_library_is_a_job_like_an_import(service: Service) -> None:
    run = service.http.post("/metadata/enrich").json()["id"]
    answer = service.http.get(f"/lastfm/jobs/{run}")
    assert answer.status_code == 200
    assert answer.json()["kind"] == "enrich"
    service.call(service.deck.enrichment.finished(1, run))
    assert service.http.get(f"/lastfm/jobs/{run}").json()["result"] == {"known": 0, "unknown": 0}


def test_an_import_that_is_paused_is_answered_at_once_with_the_reason(service: Service) -> None:
    service.emulator.known_user("RJ")
    service.call(service.deck.jobs.pause("import"))
    answer = service.http.post("/lastfm/import-loved-tracks")
    assert answer.status_code == 202
    assert (answer.json()["state"], answer.headers["Location"]) == ("running", f"/lastfm/jobs/{answer.json()['id']}")
    assert answer.json()["fault"] == "import is paused: it continues after 'tonearm jobs resume import'"
    service.call(service.deck.jobs.resume("import"))
    assert service.http.post("/lastfm/import-loved-tracks").status_code == 200
