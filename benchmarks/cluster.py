"""A cluster to measure: services and workers as separate processes, with one PostgreSQL and one Last.fm."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2
import psycopg

import tonearm
from benchmarks import rig
from benchmarks.report import say
from lastfm_emulator import API_KEY, API_SECRET
from tests.postgres import Server
from tonearm.core.play import LOWEST_THRESHOLD
from tonearm.service.sign_in import AuthStart, SignedIn

SECRET = "a secret that all processes of the cluster share"  # it guards made-up sessions
PATIENCE = 240.0
CALLERS = 8
BATCH = 1000
"""How many report at the same time, and plays in a report."""
_LOOK = 0.05
_DRAINED_WITHIN, _LOOK_AT_QUEUE = 3600.0, 0.1  # a look is in the processor time that is measured


@dataclass(frozen=True, slots=True)
class Member:
    """A process of the cluster; a service has a port."""

    name: str
    process: subprocess.Popen[bytes]
    port: int
    log: Path


@dataclass(slots=True)
class Cluster:
    """The processes by name: `service…` accepts plays (the first one delivers, too), `worker…` delivers."""

    folder: Path
    server: Server
    url: str
    lastfm: rig.LastFm
    per_second: float
    members: dict[str, Member] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)

    def start(self, *names: str, delivers: Sequence[str] = ("service1",)) -> None:
        """Start processes, and return when all of them are at work."""
        for name in names:
            port = self.ports.setdefault(name, rig.free_port()) if name.startswith("service") else 0
            words = ["serve", "--port", str(port)] if port else ["worker"]
            if port and name not in delivers:
                words.append("--no-delivery")
            log = self.folder / f"{name}.{time.monotonic_ns()}.log"
            with log.open("wb") as said:
                command = [sys.executable, "-m", "tonearm", *words]
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd=rig.ROOT, env=self._environment()
                )
            self.members[name] = Member(name, process, port, log)
        for name in names:
            self._wait_for(self.members[name])

    def _environment(self) -> Mapping[str, str]:
        return rig.environment(
            TONEARM_DATABASE=self.url,
            TONEARM_SECRET_KEY=SECRET,
            LASTFM_API_KEY=API_KEY,
            LASTFM_API_SECRET=API_SECRET,
            LASTFM_API_URL=self.lastfm.url,
            LASTFM_AUTH_URL=self.lastfm.auth_url,
            LASTFM_REQUESTS_PER_SECOND=str(self.per_second),
            PYTHONUNBUFFERED="1",
        )

    def _wait_for(self, member: Member) -> None:
        deadline, word = time.monotonic() + PATIENCE, b"tonearm listens" if member.port else b"tonearm delivers"
        while word not in member.log.read_bytes():
            if member.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{member.name} does not work: {member.log.read_text(errors='replace')[-2000:]}")
            time.sleep(_LOOK)

    def kill(self, name: str) -> int:
        """Kill a process like a power cut; returns its id."""
        process = self.members.pop(name).process
        process.send_signal(signal.SIGKILL)
        process.wait()
        return process.pid

    def stop(self, name: str) -> float:
        """Stop a process; returns the seconds that it took."""
        member, begun = self.members.pop(name), time.monotonic()
        process = member.process
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)
        if process.returncode:
            said = member.log.read_text(errors="replace")
            raise RuntimeError(f"{name} ended with {process.returncode}: {said[-2000:]}")
        return time.monotonic() - begun

    def rows(self, question: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of a query; raises psycopg.OperationalError while the database is down."""
        with psycopg.connect(self.url, autocommit=True) as db:
            return db.execute(question, values).fetchall()

    def waiting(self) -> int:
        """How many plays are in the queue."""
        return int(self.rows("SELECT count(*) FROM scrobble_queue")[0][0])

    def complaints(self) -> list[str]:
        """Tracebacks that processes of this run have written."""
        return [log.name for log in self.folder.glob("*.log") if b"Traceback" in log.read_bytes()]


@contextmanager
def cluster(folder: Path, server: Server, lastfm: rig.LastFm, per_second: float) -> Iterator[Cluster]:
    """A cluster without processes on a new database; at the end, all processes are stopped."""
    made = Cluster(folder, server, server.database(), lastfm, per_second)
    try:
        yield made
    finally:
        for member in made.members.values():
            member.process.kill()
            member.process.wait()


@contextmanager
def lastfm(folder: Path) -> Iterator[rig.LastFm]:
    """An emulator that isn't pinned to a core, where everybody may sign in."""
    port, log = rig.free_port(), folder / "lastfm.out"
    with log.open("wb") as said:
        command = [sys.executable, "-m", "lastfm_emulator", "--port", str(port)]
        process = subprocess.Popen(command, stdout=said, stderr=said, cwd=rig.ROOT, env=rig.environment())
    try:
        rig.wait_for(port, process, log)
        base = f"http://127.0.0.1:{port}"
        yield rig.LastFm(f"{base}/2.0/", f"{base}/api/auth/", base)
    finally:
        process.terminate()
        process.wait()


def sign_in(url: str, lastfm_: rig.LastFm, names: Sequence[str]) -> list[str]:
    """Listeners with these names, each connected with the Last.fm user of that name; returns their tokens."""
    return asyncio.run(_sign_in(url, lastfm_, names))


async def _sign_in(url: str, lastfm_: rig.LastFm, names: Sequence[str]) -> list[str]:
    tokens = []
    async with (
        httpx2.AsyncClient(trust_env=False) as http,
        tonearm.open(
            url,
            api_key=API_KEY,
            api_secret=API_SECRET,
            api_url=lastfm_.url,
            auth_url=lastfm_.auth_url,
            secret_key=SECRET,
            requests_per_second=0,
            deliver=False,
        ) as deck,
    ):
        for name in names:
            listener = await deck.listener(name)
            way = await listener.sign_in()
            assert isinstance(way, AuthStart), way
            asked = {"api_key": API_KEY, "token": way.token, "answer": "allow", "user": name}
            (await http.post(lastfm_.auth_url, data=asked)).raise_for_status()
            assert isinstance(await listener.finish_sign_in(way.token or ""), SignedIn)
            await deck.accounts.change_settings(listener.id, enabled=None, threshold=LOWEST_THRESHOLD)
            tokens.append(await deck.accounts.token(listener.id))
    return tokens


@dataclass(frozen=True, slots=True)
class Seen:
    """What Last.fm has received: each user's plays in the order of arrival, and the times of requests."""

    plays: dict[str, list[tuple[str, str, int]]]
    requests: list[float]
    repeats: int

    def doubled(self) -> int:
        """Plays that are there more than once."""
        return sum(times - 1 for plays in self.plays.values() for times in Counter(plays).values())

    def out_of_order(self) -> int:
        """Plays that came after a later one of the same user."""
        return sum(a[2] > b[2] for plays in self.plays.values() for a, b in pairwise(plays))

    def most_in_a_second(self) -> int:
        """The maximum number of requests within any second."""
        most = first = 0
        for last, at in enumerate(self.requests):
            while self.requests[first] <= at - 1.0:
                first += 1
            most = max(most, last - first + 1)
        return most


def seen(lastfm_: rig.LastFm) -> Seen:
    """The scrobbles that Last.fm has received so far."""
    asked = {"plays": 10_000_000, "log": 1_000_000}
    state = httpx2.get(f"{lastfm_.base_url}/_state", params=asked, timeout=120, trust_env=False).json()
    plays = {
        user: [(play["sent_artist"], play["sent_track"], play["timestamp"]) for play in of_user]
        for user, of_user in state["plays"].items()
    }
    requests = sorted(entry["at"] for entry in state["log"] if entry["method"] == "track.scrobble")
    return Seen(plays, requests, sum(user["repeats"] for user in state["users"].values()))


def until_empty(made: Cluster, begun: float) -> None:
    """Return when no play waits for Last.fm any more, and say now and then how many do. Times are monotonic."""
    deadline, printed_at = time.monotonic() + _DRAINED_WITHIN, time.monotonic()
    # One connection for all looks: a new one costs as much as a batch.
    with psycopg.connect(made.url, autocommit=True) as db:
        while db.execute("SELECT 1 FROM scrobble_queue LIMIT 1").fetchone():
            if time.monotonic() > deadline:
                raise RuntimeError(f"{made.waiting()} plays do not get there")
            if time.monotonic() - printed_at > 20:
                printed_at = time.monotonic()
                say(f"{printed_at - begun:6.1f} s  {made.waiting()} plays wait")
            time.sleep(_LOOK_AT_QUEUE)
