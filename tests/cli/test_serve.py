"""The service as a process: its start, its neighbours on the same file, and its end."""

from __future__ import annotations

import json
import re
import signal
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from lastfm_emulator import Emulator
from tests.cli.shell import Said, Shell
from tests.patience import PATIENCE, pause
from tests.stand_ins.listenbrainz import ListenBrainzStandIn
from tonearm.store.db.file_lock import sole_sender


@contextmanager
def service(shell: Shell, *words: str) -> Iterator[tuple[str, Said, Said]]:
    """A running service: its address, and what it says on stdout and on stderr."""
    with shell.running("serve", *words) as (out, err):
        yield re.findall(r"http://[^\s,]+", out.until("tonearm listens on"))[0], out, err


def test_the_first_start_prints_a_link_that_signs_one_browser_in_once(shell: Shell) -> None:
    with service(shell) as (address, out, err):
        link = out.until("Sign in with your browser").rpartition(" ")[2]
        err.until("Plays are saved but not sent: set LASTFM_API_KEY")
        with httpx2.Client(base_url=address, follow_redirects=True) as browser:
            assert browser.get("/lastfm/settings").status_code == 401
            assert browser.get(link).status_code == 200
            assert browser.get("/lastfm/settings").json()["configured"] is False
            with httpx2.Client(base_url=address) as second:
                assert second.get(link).status_code == 410
            with browser.stream("GET", "/events") as events:
                next(events.iter_lines())  # a stream that never ends by itself
                assert out.end() == 0
        assert err.rest() == []
    with service(shell) as (_, out, _):
        assert out.end(signal.SIGINT) == 0
        assert "run 'tonearm listener link me'" in out.rest()[-1]
    with service(shell, "--link") as (_, out, _):
        assert "/signin?link=" in out.until("Sign in with your browser")
        assert out.end() == 0


def test_without_a_key_plays_go_to_the_other_services(shell: Shell) -> None:
    with ListenBrainzStandIn() as server:
        server.users["a-token"] = "rob"
        with_token = replace(shell, variables={**shell.variables, "TONEARM_DESTINATION_TOKEN": "a-token"})
        assert with_token("destination", "add", "listenbrainz", "--url", server.url).exit_code == 0
        with service(shell) as (_, out, err):
            err.until("Plays are saved but sent to your other services only: set LASTFM_API_KEY")
            assert out.end() == 0


def test_a_link_leads_to_the_service_that_runs_wherever_it_listens(shell: Shell) -> None:
    before = shell("listener", "link", "me").output
    with service(shell, "--port", "0") as (address, out, _):
        link = shell("listener", "link", "me").output.strip()
        assert link.startswith(f"{address}/signin?link=")
        assert httpx2.get(link).status_code == 303
        named = shell("listener", "link", "me", "--public-url", "https://music.example/x/").output
        assert named.startswith("https://music.example/x/signin?link=")
        assert out.end() == 0
    assert shell("listener", "link", "me").output.partition("?")[0] == before.partition("?")[0]


@contextmanager
def listening(address: str, token: str) -> Iterator[socket.socket]:
    """Somebody at the other end of a stream of events, who has read the first bytes of it."""
    at = httpx2.URL(address)
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect((at.host, at.port))
        asks = f"GET /events HTTP/1.1\r\nHost: {at.host}\r\nAuthorization: Bearer {token}\r\n\r\n"
        reader.sendall(asks.encode())
        assert reader.recv(12) == b"HTTP/1.1 200"
        yield reader


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_service_that_ends_with_open_streams_says_nothing_of_them(shell: Shell, number: int) -> None:
    """Also if a reader has stopped reading, so that events are stuck."""
    token = shell("token").output.split()[-1]
    long = "x" * 16_000
    with (
        service(shell) as (address, out, err),
        httpx2.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}) as player,
        listening(address, token),
        player.stream("GET", "/events") as quick,
    ):
        lines = quick.iter_lines()
        for place in range(150):  # more than the buffers on the way hold
            player.post("/lastfm/now-playing", json={"artist": long, "album": long, "track": f"{place} {long}"})
            while f'"{place} x' not in next(lines):
                pass
        assert out.end(number) == 0
        err.until("Plays are saved but not sent")
        assert err.rest() == []


def test_beside_a_running_service_the_commands_work_on_the_same_file(connected: Shell, emulator: Emulator) -> None:
    with service(connected) as (address, out, err):
        reported = connected.facts("scrobble", "--artist", "Björk", "--track", "Jóga", "--duration", "305")
        assert reported["status"] == "success"
        assert [play.track for play in emulator.plays("RJ")] == ["Jóga"]
        assert connected.facts("status")["service"] == str(out.process.pid)
        assert connected("queue").output == "nothing is waiting\n"
        assert connected("check").exit_code == 0

        second = connected.process("serve")
        assert second.returncode == 1
        assert f"is in use by another tonearm (process {out.process.pid})" in second.stderr
        assert second.stderr.count("\n") == 1

        port = address.rpartition(":")[2]
        elsewhere = connected("serve", "--port", port, "--database", "other.db")
        assert elsewhere.exit_code == 1
        assert f"cannot listen on 127.0.0.1 port {port}" in elsewhere.stderr
        assert elsewhere.stderr.count("\n") == 1

        token = connected("token").output.split()[-1]
        with httpx2.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}) as player:
            assert player.get("/lastfm/settings").json()["username"] == "RJ"
            assert player.get("/metrics").status_code == 200
        assert out.end() == 0
        err.rest()
    assert not [line for line in err.lines if token in line or "api_key" in line or "http" in line]


def test_what_waits_is_sent_when_the_service_starts(connected: Shell, emulator: Emulator) -> None:
    away = emulator.fault("account-limit")
    assert connected.facts("scrobble", "--artist", "Björk", "--track", "Jóga")["status"] == "queued"
    emulator.faults.disarm(away)
    with connected_to(connected) as database:
        database.execute("UPDATE account SET wait_until = 0")
    with service(connected) as (address, out, _):
        token = connected("token").output.split()[-1]
        with httpx2.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}) as player:
            assert player.post("/lastfm/queue/retry", timeout=PATIENCE).json()["remaining_queued"] == 0
        assert out.end() == 0
    assert len(emulator.plays("RJ")) == 1


@contextmanager
def connected_to(shell: Shell) -> Iterator[sqlite3.Connection]:
    database = sqlite3.connect(shell.database)
    with database:
        yield database
    database.close()


def test_the_log_can_be_json(shell: Shell) -> None:
    shell.database.unlink()  # the first start of all, which also makes the tables
    with service(shell, "--log", "json", "--public-url", "https://plays.example/") as (address, out, _):
        assert address.startswith("http://127.0.0.1:")
        assert out.lines[-1].endswith(", for https://plays.example")
        assert "https://plays.example/signin?link=" in out.until("Sign")
        assert out.end() == 0


@pytest.mark.parametrize(
    ("host", "words"),
    [("nowhere.invalid", "invalid address to listen on"), ("192.0.2.1", "cannot listen on 192.0.2.1")],
)
def test_an_address_of_another_machine_is_reported_in_one_line(shell: Shell, host: str, words: str) -> None:
    said = shell("serve", "--host", host)
    assert said.exit_code == 1
    assert words in said.stderr
    assert said.stderr.count("\n") == 1


def test_an_unwritable_folder_is_reported_in_one_line(shell: Shell) -> None:
    said = shell.process("serve", "--database", "/proc/nowhere/plays.db")
    assert said.returncode == 1
    assert said.stderr.startswith("Error: the database is unavailable: ")


def test_the_emulator_alone_prints_its_addresses_and_stops_on_request(shell: Shell) -> None:
    with shell.running("emulator", "--port", "0", "--auto-approve", "RJ") as (out, _):
        api = out.until("API").split()[-1]
        faults = out.until("Faults").split()[-1]
        out.until("Secret")
        assert httpx2.get(faults).json()["faults"] == []
        port = str(httpx2.URL(api).port)
        second = shell.process("emulator", "--port", port)
        assert second.returncode == 1
        assert second.stderr.count("\n") == 1
        assert out.end() == 0


def test_the_demo_loses_nothing_and_says_so(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        busy = shell("demo", "--port", str(taken.getsockname()[1]))
    assert (busy.exit_code, "cannot listen" in busy.stderr) == (1, True)
    ended = shell.process("demo", "--seconds", "2", "--port", "0")
    assert (ended.returncode, ended.stderr) == (0, "")
    *_, last = ended.stdout.splitlines()
    counted = re.fullmatch(r"plays: (\d+) reported, (\d+) accepted, 0 waiting, 0 lost", last)
    assert counted
    assert int(counted[1]) == int(counted[2]) >= 5


def test_the_demo_ends_at_control_c_with_its_account(shell: Shell) -> None:
    with shell.running("demo", "--port", "0") as (out, _):
        link = out.until("Page").split()[1]
        faults = out.until("Faults").split()[1]
        out.until("accepted")
        assert httpx2.get(link, follow_redirects=True).status_code in (200, 401)  # the cookie is the browser's
        assert httpx2.post(faults, json={"kind": "error", "error": 11}).status_code == 201
        assert out.end(signal.SIGINT) == 0
        assert re.fullmatch(r"plays: \d+ reported, \d+ accepted, \d+ waiting, 0 lost", out.until("plays: "))


def test_a_demo_that_is_killed_leaves_no_stand_in_behind(shell: Shell) -> None:
    with shell.running("demo", "--port", "0") as (out, _):
        faults = out.until("Faults").split()[1]
        out.end(signal.SIGKILL)
    gone(faults)


def gone(address: str) -> None:
    """Return when nothing answers there any more."""
    while True:
        try:
            httpx2.get(address, timeout=PATIENCE)
        except httpx2.HTTPError:
            return
        pause()


def test_the_key_file_that_others_may_read_is_wrong(connected: Shell) -> None:
    key = Path(f"{connected.database}.key")
    assert "only you can read" in connected("check").output
    key.chmod(0o644)
    said = connected("check")
    assert said.exit_code == 1
    assert "WRONG  key file" in said.output
    assert "chmod 600" in said.output
    found = connected("check", "--json")
    findings = json.loads(found.stdout)["findings"]
    assert all(finding.keys() == {"what", "fine", "words"} for finding in findings)
    assert {finding["what"]: finding["fine"] for finding in findings} == {
        "configuration": True,
        "database": True,
        "SQLite": True,
        "key file": False,
        "Last.fm": True,
        "clock": True,
    }


def test_a_service_starts_beside_a_login_that_waits_for_its_approval(asking: Shell, emulator: Emulator) -> None:
    with asking.running("login", "--json") as (out, err):
        address = err.until("Allow access here").rpartition(" ")[2]
        with service(asking):
            emulator.approve(httpx2.URL(address).params["token"], "RJ")
            assert '"RJ"' in out.until("{")
        assert out.process.wait(PATIENCE) == 0


def test_a_service_that_starts_while_a_command_sends_waits_for_it(shell: Shell) -> None:
    with ExitStack() as command:
        command.enter_context(sole_sender(shell.database))
        with shell.running("serve") as (out, err):
            err.until("waiting up to 15 s for another command that is sending")
            command.close()
            out.until("tonearm listens on")
            assert out.end() == 0


@pytest.mark.parametrize("command", ["import-loved", "enrich"])
def test_a_run_from_a_shell_needs_no_sole_sender_and_says_if_its_kind_is_paused(
    connected: Shell, emulator: Emulator, command: str
) -> None:
    emulator.known_user("RJ")
    assert connected(command).exit_code == 0
    connected("jobs", "pause", command.partition("-")[0])
    said = connected(command)
    assert (said.exit_code, "is paused" in said.stderr) == (1, True)
