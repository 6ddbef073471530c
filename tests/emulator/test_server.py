"""What only a real connection shows: hang-ups, delays, headers, starting and stopping."""

from __future__ import annotations

import io
import logging
import os
import runpy
import signal
import socket
import ssl
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
import pytest

from lastfm_emulator import API_KEY, API_SECRET, ConnectionDropped, Emulator, Kind, certificate, create_app, serve
from lastfm_emulator.__main__ import main
from tests.patience import PATIENCE

from .caller import NOW, Caller, plays, signed

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping

    from lastfm_emulator import Address


@pytest.fixture
def lastfm(emulator: Emulator) -> Iterator[Address]:
    with serve(emulator) as address:
        yield address


@pytest.fixture
def http() -> Iterator[httpx2.Client]:
    with httpx2.Client(timeout=PATIENCE) as client:
        yield client


def scrobble(rj: Caller, at: int = NOW) -> dict[str, str]:
    params = {"method": "track.scrobble", "sk": rj.session, "artist": "Low", "track": "Sunflower", "timestamp": at}
    return signed(params) | {"format": "json"}


def test_a_call_goes_over_the_wire(emulator: Emulator, lastfm: Address, http: httpx2.Client, rj: Caller) -> None:
    reply = http.post(lastfm.url, data=scrobble(rj))
    assert reply.json()["scrobbles"]["@attr"]["accepted"] == 1
    assert len(emulator.plays("RJ")) == 1
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["server"] == "openresty/1.13.6.2"
    assert reply.headers["access-control-allow-origin"] == "*"
    assert reply.headers["date"] == "Tue, 14 Nov 2023 22:13:20 GMT"
    assert "retry-after" not in reply.headers


def test_many_calls_share_a_connection(emulator: Emulator, lastfm: Address, http: httpx2.Client, rj: Caller) -> None:
    for batch in range(10):
        sent = plays(*[(f"Ärtist {i}", f"T{batch}", NOW - i) for i in range(50)])
        params = signed({"method": "track.scrobble", "sk": rj.session, **sent}) | {"format": "json"}
        assert http.post(lastfm.url, data=params).json()["scrobbles"]["@attr"]["accepted"] == 50
    assert len(emulator.plays("RJ")) == 500


def test_the_addresses_are_those_of_a_service(lastfm: Address, http: httpx2.Client) -> None:
    assert lastfm.url == f"{lastfm.base_url}/2.0/"
    assert lastfm.auth_url == f"{lastfm.base_url}/api/auth/"
    assert http.get(lastfm.auth_url, params={"api_key": API_KEY}).status_code == 200
    assert http.get(lastfm.base_url).status_code == 200
    assert http.options(lastfm.url).headers["access-control-allow-methods"] == "POST, GET, OPTIONS"


@pytest.mark.parametrize(("kind", "stored"), [(Kind.COMMIT_THEN_CLOSE, 1), (Kind.CLOSE_BEFORE_COMMIT, 0)])
def test_the_connection_is_closed_without_a_word(
    emulator: Emulator,
    lastfm: Address,
    http: httpx2.Client,
    rj: Caller,
    kind: Kind,
    stored: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    emulator.fault(kind, calls=1)
    with caplog.at_level(logging.DEBUG), pytest.raises(httpx2.RemoteProtocolError):
        http.post(lastfm.url, data=scrobble(rj))
    assert len(emulator.plays("RJ")) == stored
    assert http.post(lastfm.url, data=scrobble(rj)).status_code == 200
    assert [entry for entry in caplog.records if entry.levelno >= logging.WARNING] == []


def test_a_call_that_answers_too_late_is_done_anyway(
    emulator: Emulator, lastfm: Address, http: httpx2.Client, rj: Caller
) -> None:
    emulator.fault(Kind.DELAY, seconds=0.3, calls=2)
    with pytest.raises(httpx2.ReadTimeout):
        http.post(lastfm.url, data=scrobble(rj), timeout=0.05)
    # The second call waits as long and began later: when it is answered, the first was carried out.
    assert http.post(lastfm.url, data=scrobble(rj)).status_code == 200
    assert (len(emulator.plays("RJ")), emulator.repeats("RJ")) == (1, 1)


def test_stopping_does_not_wait_for_delayed_calls(
    emulator: Emulator, http: httpx2.Client, rj: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    emulator.fault(Kind.DELAY, seconds=3600)
    with serve(emulator) as lastfm, pytest.raises(httpx2.ReadTimeout):
        http.post(lastfm.url, data=scrobble(rj), timeout=0.05)
    assert [entry for entry in caplog.records if entry.levelno >= logging.WARNING] == []
    with pytest.raises(httpx2.ConnectError):
        http.get(lastfm.base_url)


def test_stopping_cuts_open_connections_off(emulator: Emulator, http: httpx2.Client) -> None:
    with serve(emulator) as lastfm:
        assert http.get(lastfm.base_url).status_code == 200
    with pytest.raises(httpx2.ConnectError):
        http.get(lastfm.base_url)


def test_faults_are_switched_over_http(lastfm: Address, http: httpx2.Client, rj: Caller) -> None:
    faults = f"{lastfm.base_url}/_faults"
    fault_id = http.post(faults, json={"kind": "clock-skew", "seconds": 3600}).json()["id"]
    assert http.get(lastfm.base_url).headers["date"] == "Tue, 14 Nov 2023 23:13:20 GMT"
    assert http.delete(f"{faults}/{fault_id}").status_code == 204
    http.post(faults, json={"kind": "proxy-busy", "seconds": 5, "calls": 1})
    assert http.post(lastfm.url, data=scrobble(rj)).headers["retry-after"] == "5"
    assert http.get(f"{lastfm.base_url}/_state").json()["log"][0]["outcome"] == "proxy-busy"


def test_a_long_batch_in_pieces_is_read_to_its_end(emulator: Emulator, lastfm: Address, rj: Caller) -> None:
    content = httpx2.Request("POST", lastfm.url, data=scrobble(rj)).read()

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(content), 7):
            yield content[start : start + 7]

    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert httpx2.post(lastfm.url, content=pieces(), headers=headers).status_code == 200
    assert len(emulator.plays("RJ")) == 1


def test_an_address_in_use_is_an_os_error(emulator: Emulator, lastfm: Address) -> None:
    port = int(lastfm.base_url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"), serve(emulator, port=port):
        pass


def test_ipv6_is_written_in_brackets(emulator: Emulator) -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 on this machine")
    try:
        with serve(emulator, host="::1") as lastfm:
            assert lastfm.base_url.startswith("http://[::1]:")
    except OSError as trouble:
        pytest.skip(f"no IPv6 on this machine: {trouble}")


@pytest.mark.anyio
async def test_called_in_process_a_hang_up_is_an_exception(emulator: Emulator, rj: Caller) -> None:
    transport = httpx2.ASGITransport(create_app(emulator))
    async with httpx2.AsyncClient(transport=transport, base_url="http://lastfm") as client:
        emulator.fault(Kind.COMMIT_THEN_CLOSE, calls=1)
        with pytest.raises(ConnectionDropped):
            await client.post("/2.0/", data=scrobble(rj))
        assert (await client.post("/2.0/", data=scrobble(rj))).status_code == 200
    assert emulator.repeats("RJ") == 1


@pytest.mark.anyio
async def test_the_app_goes_through_the_phases_of_its_life(emulator: Emulator) -> None:
    app = create_app(emulator)
    phases = iter(["lifespan.startup", "lifespan.shutdown"])
    sent: list[object] = []

    async def receive() -> MutableMapping[str, object]:
        return {"type": next(phases)}

    async def send(message: MutableMapping[str, object]) -> None:
        sent.append(message["type"])

    await app({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    await app({"type": "websocket"}, receive, send)
    assert len(sent) == 2, "a web socket is nothing for Last.fm"


class Telltale(io.StringIO):
    """Records what is printed and, once the secret was printed, ends the program from outside."""

    def write(self, text: str) -> int:
        written = super().write(text)
        if "Secret" in self.getvalue() and text.endswith("\n"):
            os.kill(os.getpid(), signal.SIGTERM)
        return written


def test_in_the_foreground_it_prints_its_addresses_and_stops_quietly_on_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arguments = ["lastfm_emulator", "--port", "0", "--private", "RJ", "--auto-approve", "Me"]
    monkeypatch.setattr(sys, "argv", arguments)
    monkeypatch.delitem(sys.modules, main.__module__)  # runpy warns of a module that was imported before
    output = Telltale()
    with redirect_stdout(output), pytest.raises(SystemExit) as ended:
        runpy.run_module("lastfm_emulator", run_name="__main__")
    assert ended.value.code == 0
    lines = dict(line.split(maxsplit=1) for line in output.getvalue().splitlines())
    assert lines["API"].startswith("http://127.0.0.1:")
    assert lines["Approval"].endswith("/api/auth/")
    assert lines["Faults"].endswith("/_faults")
    assert (lines["Key"], lines["Secret"]) == (API_KEY, API_SECRET)


def test_a_port_that_is_taken_is_reported_in_one_line(lastfm: Address, capsys: pytest.CaptureFixture[str]) -> None:
    port = lastfm.base_url.rpartition(":")[2]
    assert main(["--port", port]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(f"cannot listen on 127.0.0.1:{port}: ")
    assert output.err.count("\n") == 1


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_as_a_program_it_ends_with_status_0(ending: signal.Signals) -> None:
    command = [sys.executable, "-W", "error", "-m", "lastfm_emulator", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        address = program.stdout.readline().split()[1]
        reply = httpx2.get(address, params={"method": "auth.getToken", "api_key": API_KEY, "format": "json"})
        assert len(reply.json()["token"]) == 32
        program.send_signal(ending)
        _, errors = program.communicate(timeout=PATIENCE)
    assert (program.returncode, errors) == (0, "")


def test_it_answers_https_remembers_and_lets_any_player_in(tmp_path: Path) -> None:
    """As a program: started, asked, ended and started again."""
    options = ["--state", str(tmp_path / "state"), "--certificate", str(tmp_path / "own.pem"), "--any-key"]
    command = [sys.executable, "-W", "error", "-m", "lastfm_emulator", "--port", "0", "--user", "RJ:a:b", *options]
    keys = []
    for _ in range(2):
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
            assert program.stdout is not None
            lines = dict(program.stdout.readline().split(maxsplit=1) for _ in range(6))
            assert lines["API"].startswith("https://127.0.0.1:")
            trusted = ssl.create_default_context(cafile=lines["Trust"].strip())
            fields = {"method": "auth.getMobileSession", "username": "RJ", "password": "a:b", "format": "json"}
            sent = {**fields, "api_key": "the player's", "api_sig": "0" * 32}
            with httpx2.Client(verify=trusted) as http:
                keys.append(http.post(lines["API"].strip(), data=sent).json()["session"]["key"])
            program.send_signal(signal.SIGTERM)
            _, errors = program.communicate(timeout=PATIENCE)
        assert (program.returncode, errors) == (0, "")
    assert keys[0] == keys[1]


def test_a_temporary_certificate(tmp_path: Path) -> None:
    secure = certificate.context(str(tmp_path / "own.pem"), "lastfm.test")
    with serve(Emulator(), secure=secure) as address:
        trusted = ssl.create_default_context(cafile=str(tmp_path / "own.pem"))
        assert httpx2.get(f"{address.url}?format=json", verify=trusted).json()["error"] == 6
