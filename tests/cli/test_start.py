"""What a service has loaded when it answers: nothing that hasn't been requested yet."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from tests.cli.shell import Shell
from tests.patience import PATIENCE

FOR_PAGES = {"fastapi", "pydantic", "jinja2", "opentelemetry", "prometheus_client", "segno", "tonearm.web.app"}
FOR_PAGES |= {"tonearm.web.pages", "tonearm.web.view", "tonearm.web.api"}
FOR_REQUESTS = {"httpx2", "httpcore2", "h11", "anyio._backends"}
FOR_OTHERS = {"alembic", "sqlalchemy.dialects.postgresql", "psycopg", "pgqueuer", "PIL", "mutagen", "rich", "xml.etree"}
FOR_OTHERS |= {"tonearm.demo", "tonearm.watch", "lastfm_emulator", "dbus_fast"}
FOR_OTHERS |= {"tonearm.history", "tonearm.library.folder", "tonearm.service.figures", "tonearm.service.values"}
FOR_OTHERS |= {
    "difflib",
    "statistics",
    "html.entities",
    "xml.sax",
    "tonearm.commands.queue",
    "tonearm.service.household",
}


@dataclass(frozen=True)
class Started:
    """A service; `-X importtime` names each module as it is loaded."""

    address: str
    log: Path

    def loaded(self, among: set[str]) -> set[str]:
        """Those of these packages and modules of which something has been loaded."""
        names = set(re.findall(r"^import time:.*\| +(\S+)$", self.log.read_text(), re.MULTILINE))
        return {one for one in among if any(name == one or name.startswith(f"{one}.") for name in names)}


@contextmanager
def started(shell: Shell) -> Iterator[Started]:
    log = shell.home / "log"
    with log.open("w") as words:
        process = subprocess.Popen(
            [sys.executable, "-X", "importtime", "-m", "tonearm", "serve"],
            cwd=shell.home,
            env=shell.environment,
            stdout=subprocess.PIPE,
            stderr=words,
            text=True,
        )
    try:
        assert process.stdout
        [address] = re.findall(r"http://[^\s,]+", process.stdout.readline())
        yield Started(address, log)
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


def test_a_service_that_is_well_has_loaded_nothing_for_pages_or_requests(connected: Shell) -> None:
    with started(connected) as service:
        assert httpx2.get(f"{service.address}/health").json()["status"] == "ok"
        assert service.loaded({"tonearm.web.front_door", "sqlalchemy"}) == {"tonearm.web.front_door", "sqlalchemy"}
        assert service.loaded(FOR_PAGES | FOR_REQUESTS | FOR_OTHERS) == set()


def test_a_player_needs_no_pages(connected: Shell) -> None:
    added = connected("player", "add", "Navidrome", "--kind", "listenbrainz")
    secret = re.findall(r"[\w-]{30,}", added.stdout)[0]
    listen = {
        "listened_at": int(time.time()) - 400,
        "track_metadata": {"artist_name": "Low", "track_name": "Lullaby", "additional_info": {"duration": 582}},
    }
    with started(connected) as service:
        answer = httpx2.post(
            f"{service.address}/1/submit-listens",
            headers={"Authorization": f"Token {secret}"},
            json={"listen_type": "single", "payload": [listen]},
        )
        assert answer.json() == {"status": "ok"}
        assert service.loaded(FOR_PAGES) == set()


@pytest.mark.parametrize("path", ["/", "/lastfm/queue", "/events", "/no-such-page"])
def test_the_first_request_for_anything_else_is_answered(connected: Shell, path: str) -> None:
    with started(connected) as service:
        first, second = (httpx2.get(f"{service.address}{path}") for _ in range(2))
        assert first.status_code == second.status_code == (404 if path == "/no-such-page" else 401)
        assert first.text == second.text
        assert "tonearm.web.app" in service.loaded(FOR_PAGES)
