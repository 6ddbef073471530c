"""The examples, run as by somebody who tries them without an account."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

import httpx2
import pytest

from benchmarks.rig import free_port
from lastfm_emulator import API_KEY, API_SECRET, Emulator, serve
from tests.conftest import ROOT
from tests.lastfm import questions

LONGEST = 30.0


@dataclass(frozen=True, slots=True)
class Program:
    """A running program; what it says comes line by line, None at its end."""

    process: subprocess.Popen[str]
    lines: Queue[str | None]

    def until(self, part: str) -> str:
        """The first line that holds this."""
        said = []
        while (line := self.lines.get(timeout=LONGEST)) is not None:
            said.append(line)
            if part in line:
                return line
        raise AssertionError(f"{part!r} was not said: {''.join(said)}")


@pytest.fixture
def emulator() -> Emulator:
    return Emulator(auto_approve="RJ")


@pytest.fixture
def environment(emulator: Emulator) -> Iterator[dict[str, str]]:
    with serve(emulator) as lastfm:
        variables = {name: value for name, value in os.environ.items() if not name.startswith(("LASTFM_", "TONEARM_"))}
        path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
        yield {**variables, "LASTFM_API_URL": lastfm.url, "LASTFM_AUTH_URL": lastfm.auth_url, "PYTHONPATH": path}


@contextmanager
def running(*command: str, cwd: Path, environment: dict[str, str]) -> Iterator[Program]:
    with subprocess.Popen(
        [sys.executable, *command],
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        lines: Queue[str | None] = Queue()

        def listen() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                lines.put(line)
            lines.put(None)

        ears = threading.Thread(target=listen)
        ears.start()
        try:
            yield Program(process, lines)
        finally:
            process.terminate()
            process.wait(LONGEST)
            ears.join()


def test_a_player_signs_in_and_its_play_arrives(
    tmp_path: Path, emulator: Emulator, environment: dict[str, str]
) -> None:
    with running(str(ROOT / "examples" / "embed_async.py"), cwd=tmp_path, environment=environment) as player:
        page = re.search(r"http\S+", player.until("Allow access here"))
        assert page
        httpx2.get(page[0], trust_env=False).raise_for_status()
        player.until("accepted")
        assert player.process.wait(LONGEST) == 0
    assert [play.track for play in emulator.plays("RJ")] == ["Sinnerman"]

    with running(str(ROOT / "examples" / "embed_sync.py"), cwd=tmp_path, environment=environment) as player:
        player.until("queued")
        assert player.process.wait(LONGEST) == 0


def test_a_media_server_has_the_endpoints_behind_its_own_login(tmp_path: Path, environment: dict[str, str]) -> None:
    port = free_port()
    command = ("-m", "uvicorn", "examples.embed_fastapi:app", "--port", str(port))
    with running(*command, cwd=tmp_path, environment=environment) as server:
        server.until("Uvicorn running")
        address = f"http://127.0.0.1:{port}/lastfm/settings"
        assert httpx2.get(address, trust_env=False).status_code == 401
        settings = httpx2.get(address, headers={"X-User": "ada"}, trust_env=False)
        assert settings.status_code == 200
        assert settings.json()["authenticated"] is False


def test_every_method_of_the_client_is_called(tmp_path: Path, environment: dict[str, str], emulator: Emulator) -> None:
    questions.furnish(emulator)
    own = {"LASTFM_API_KEY": API_KEY, "LASTFM_API_SECRET": API_SECRET, "LASTFM_USER": "Ada"}
    session = {"LASTFM_SESSION_KEY": emulator.session_key("Ada")}
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "every_method.py"],
        cwd=tmp_path,
        env={**environment, **own, **session},
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    asked = {entry.method for entry in emulator.journal}
    assert {one.method for one in questions.QUESTIONS} - asked == {"auth.getSession", "auth.getMobileSession"}
    assert {entry.outcome for entry in emulator.journal} == {"ok"}
