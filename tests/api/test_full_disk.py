"""A small disk that is really full: what finds no room is refused, what was acknowledged is kept, and it recovers."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lastfm_emulator import Emulator
from tests.api.conftest import running
from tests.patience import pause

SIZE = 4 * 2**20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if not mount or os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    command = [mount, "-t", "tmpfs", "-o", f"size={SIZE}", "tonearm", str(folder)]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    if said.returncode:
        pytest.skip(f"no small disk can be mounted here: {said.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_refuses_reports_and_loses_none_that_was_acknowledged(small_disk: Path) -> None:
    start = int(time.time()) - 100_000
    numbers = iter(range(10_000))

    def play() -> dict[str, object]:
        number = next(numbers)
        facts = {"artist": "Nina Simone", "track": f"Song {number} {'long ' * 100}", "duration": 200}
        return {**facts, "played_time": 200, "timestamp": start + 300 * number}

    emulator = Emulator()
    with running(small_disk / "plays.db", emulator) as service:
        service.http.post("/jobs/kinds/deliver/pause").raise_for_status()
        acknowledged = [service.http.post("/lastfm/scrobble", json=play()).json()["id"]]
        with (small_disk / "something else").open("wb", buffering=0) as other:
            try:
                while other.write(b"x" * 4096):
                    pass
            except OSError:
                pass  # it is full
        refused = 0
        while refused < 3:
            answer = service.http.post("/lastfm/scrobble", json=play())
            if answer.status_code == 200:
                acknowledged.append(answer.json()["id"])
                continue
            assert answer.status_code == 503
            assert answer.json()["detail"].startswith("the database is unavailable")
            assert int(answer.headers["retry-after"]) > 0
            refused += 1
        health = service.http.get("/health")
        assert (health.status_code, health.json()["database"]) == (503, "the disk is full")
        assert service.http.get("/lastfm/queue/status").json()["queued_scrobbles"] == len(acknowledged)

        (small_disk / "something else").unlink()
        assert service.http.get("/health").status_code == 200
        acknowledged.append(service.http.post("/lastfm/scrobble", json=play()).json()["id"])
        service.http.delete("/jobs/kinds/deliver/pause").raise_for_status()
        while service.http.post("/lastfm/queue/retry").json()["remaining_queued"]:
            pause()
        fates = [service.http.get(f"/lastfm/queue/{number}").json()["fate"] for number in acknowledged]
    assert fates == ["accepted"] * len(acknowledged)
    assert len(emulator.plays("RJ")) == len(acknowledged)
