"""`tonearm worker`: a process that delivers what others accept, on the PostgreSQL that they share."""

from __future__ import annotations

import re
import time

import httpx2
import pytest

from lastfm_emulator import Emulator
from tests.cli.shell import Shell
from tests.patience import PATIENCE, pause

PLAY = {"artist": "Nina Simone", "track": "Sinnerman", "duration": 620, "played_time": 620}


@pytest.fixture
def shared(asking: Shell, postgres_url: str) -> Shell:
    """A shell on a PostgreSQL database."""
    settings = {"TONEARM_DATABASE": postgres_url, "TONEARM_SECRET_KEY": "a secret that all processes share"}
    return Shell(asking.home, {**asking.variables, **settings})


def test_a_worker_delivers_what_a_service_only_takes(shared: Shell, emulator: Emulator) -> None:
    token = shared("token").output.split()[-1]
    with shared.running("serve", "--no-delivery") as (service, _):
        address = re.findall(r"http://[^\s,]+", service.until("tonearm listens on"))[0]
        with httpx2.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE) as http:
            asked = http.get("/lastfm/auth-url").json()["token"]
            emulator.approve(asked, "RJ")
            assert http.get("/lastfm/auth-callback", params={"token": asked}).status_code == 200
            answer = http.post("/lastfm/scrobble", json={**PLAY, "timestamp": int(time.time()) - 700})
            assert answer.json()["status"] == "queued"
            health = http.get("/health")
            assert (health.status_code, health.json()["delivery"]) == (200, "not in this process")
            assert health.json()["warnings"][0].startswith("no process sends plays from this database")
            assert "tonearm_delivering_processes 0.0" in http.get("/metrics").text
            [job] = http.get("/jobs").json()["jobs"]
            assert (job["id"], job["state"]) == ("deliver-1", "waiting")
            assert shared.facts("jobs")["jobs"] == [job]
            said = shared("status").output
            assert "1 other tonearm process connected to the database, and none sends plays" in said
            assert "it is sent when 'tonearm serve' runs" in said
            assert "no process is sending" in shared("jobs").output
            with shared.running("worker") as (worker, complaints):
                worker.until("tonearm delivers")
                while not shared.facts("jobs")["delivering"]:
                    pause()
                assert http.get("/health").json()["warnings"] == []
                assert "tonearm_delivering_processes 1.0" in http.get("/metrics").text
                said = shared("status").output
                assert "2 other tonearm processes connected to the database, 1 of them sends plays" in said
                while http.get("/jobs").json()["jobs"]:
                    pause()
                assert [play.track for play in emulator.plays("RJ")] == ["Sinnerman"]
                assert worker.end() == 0
                assert complaints.rest() == []
            while shared.facts("status")["delivering"]:  # the server may need a moment to see that it is gone
                pause()
        assert service.end() == 0


def test_a_worker_without_a_key_says_that_it_can_send_nothing(shared: Shell) -> None:
    without = {name: value for name, value in shared.variables.items() if not name.startswith("LASTFM_API_KEY")}
    said = Shell(shared.home, without)("worker")
    assert said.exit_code == 1
    assert "LASTFM_API_KEY" in said.stderr
