"""The basis of measurements: processes on cores of their own, and a database whose listener is signed in."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2

import tonearm
from benchmarks.report import CORES
from lastfm_emulator import API_KEY, API_SECRET
from tonearm.core.play import LOWEST_THRESHOLD
from tonearm.service.sign_in import AuthStart, SignedIn

ROOT = Path(__file__).resolve().parent.parent
MEASURED, OTHERS = CORES[0], CORES[-1]
"""The core of what is measured, and the core of everything that it needs: clients, Last.fm. The same if there is only
one.
"""

LASTFM_USER = "listener"
DATABASE = "plays.db"
WORKSHOPS = ROOT / "build"
"""Beside the sources: a temporary folder may be in memory, where a flush costs nothing."""

AWAY = "http://127.0.0.1:9/2.0/"
"""A Last.fm that can't be reached (port 9 is the discard service's, which nobody runs)."""

_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class LastFm:
    """An emulator in a process of its own; every sign-in is approved at once."""

    url: str
    auth_url: str
    base_url: str


@dataclass(frozen=True, slots=True)
class Service:
    """A running service."""

    process: subprocess.Popen[bytes]
    port: int

    def wait_until_well(self, log: Path) -> None:
        """Return with the first answer to `GET /health`; raises RuntimeError if there is none."""
        wait_for(self.port, self.process, log)
        with socket.create_connection(("127.0.0.1", self.port), _PATIENCE) as line:
            line.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = line.recv(4096)
        if not answer.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(f"not well: {answer[:200]!r} {log.read_text(errors='replace')[-2000:]}")

    def resident_mib(self) -> float:
        """Memory that it has in RAM now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        kib = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(kib) / 1024


@dataclass(frozen=True, slots=True)
class Listener:
    """A folder with a database, with one listener who is signed in, and the token that lets a client in."""

    folder: Path
    token: str

    @property
    def database(self) -> Path:
        return self.folder / DATABASE

    def copy(self, folder: Path) -> Listener:
        """A copy, so that every run begins the same way."""
        shutil.rmtree(folder, ignore_errors=True)
        return Listener(shutil.copytree(self.folder, folder), self.token)


@contextmanager
def workshop() -> Iterator[Path]:
    """A folder while the block lasts."""
    WORKSHOPS.mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="bench-", dir=WORKSHOPS) as folder:
        yield Path(folder)


def pin(core: int, process: int = 0) -> None:
    """Pin a process (0: this one) to one core, with all threads that it starts from now on."""
    os.sched_setaffinity(process, {core})


def environment(**more: str) -> Mapping[str, str]:
    """The environment for our own processes: bytecode is cached, as in an installation; no settings from outside."""
    unwanted = ("LASTFM_", "TONEARM_", "COVERAGE_", "PYTHONDONTWRITEBYTECODE", "PYTHONPROFILE")
    variables = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    return {**variables, "PYTHONPATH": str(ROOT / "src"), **more}


@contextmanager
def running(command: Sequence[str], core: int, log: Path, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process on a core while the block lasts; its output goes to a file."""
    with log.open("wb") as words:
        process = subprocess.Popen(
            command, stdout=words, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=ROOT, env=environment(**more)
        )
    pin(core, process.pid)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def lastfm(folder: Path) -> Iterator[LastFm]:
    """An emulator on the core of the others."""
    port = free_port()
    log = folder / "lastfm.log"
    command = [sys.executable, "-m", "lastfm_emulator", "--port", str(port), "--auto-approve", LASTFM_USER]
    with running(command, OTHERS, log) as process:
        wait_for(port, process, log)
        base = f"http://127.0.0.1:{port}"
        yield LastFm(f"{base}/2.0/", f"{base}/api/auth/", base)


@contextmanager
def service(listener: Listener, api_url: str, per_second: float = 4.0) -> Iterator[Service]:
    """`tonearm serve` on the core of what is measured, once it answers."""
    with starting(listener, api_url, per_second) as begun:
        begun.wait_until_well(listener.folder / "service.log")
        yield begun


@contextmanager
def starting(listener: Listener, api_url: str, per_second: float = 4.0) -> Iterator[Service]:
    """`tonearm serve`, started but perhaps not yet answering."""
    port = free_port()
    command = [sys.executable, "-m", "tonearm", "serve", "--port", str(port)]
    settings = {
        "TONEARM_DATABASE": f"sqlite:///{listener.database}",
        "LASTFM_API_KEY": API_KEY,
        "LASTFM_API_SECRET": API_SECRET,
        "LASTFM_API_URL": api_url,
        "LASTFM_REQUESTS_PER_SECOND": str(per_second),
    }
    with running(command, MEASURED, listener.folder / "service.log", **settings) as process:
        yield Service(process, port)


def client(service: Service, token: str) -> httpx2.Client:
    """A player that reports over HTTP."""
    headers = {"Authorization": f"Bearer {token}"}
    return httpx2.Client(base_url=f"http://127.0.0.1:{service.port}", headers=headers, timeout=2 * _PATIENCE)


def signed_in(folder: Path, lastfm_: LastFm) -> Listener:
    """A new database with the first listener signed in, and a token."""
    folder.mkdir()
    return asyncio.run(_sign_in(folder, lastfm_))


async def _sign_in(folder: Path, lastfm_: LastFm) -> Listener:
    async with deck_on(folder / DATABASE, lastfm_.url, deliver=False) as deck:
        me = await deck.listener()
        way = await me.sign_in()
        assert isinstance(way, AuthStart), way
        assert way.token
        await asyncio.to_thread(approve, lastfm_, way.token)
        outcome = await me.finish_sign_in(way.token)
        assert isinstance(outcome, SignedIn), outcome
        await deck.accounts.change_settings(me.id, enabled=None, threshold=LOWEST_THRESHOLD)
        return Listener(folder, await deck.accounts.token(me.id))


def approve(lastfm_: LastFm, token: str) -> None:
    """Approve a sign-in, as the listener would in a browser."""
    httpx2.get(lastfm_.auth_url, params={"api_key": API_KEY, "token": token}).raise_for_status()


def deck_on(
    database: Path | str,
    api_url: str,
    http: httpx2.AsyncClient | None = None,
    *,
    deliver: bool = True,
    per_second: float = 0.0,
    secret_key: str = "",
) -> AbstractAsyncContextManager[tonearm.Deck]:
    """A deck in this process, with the emulator's keys."""
    return tonearm.open(
        database,
        api_key=API_KEY,
        api_secret=API_SECRET,
        api_url=api_url,
        requests_per_second=per_second,
        http=http,
        deliver=deliver,
        secret_key=secret_key,
    )


def free_port() -> int:
    """A port that isn't in use now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return as soon as the port accepts connections; raises RuntimeError with the process's output if it ended
    instead.
    """
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as line:
            if line.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.002)
    raise RuntimeError(f"nobody listens on port {port}: {log.read_text(errors='replace')[-2000:]}")
