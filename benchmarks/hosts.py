"""Separate hosts, made of network namespaces: one is cut off from the database in the middle of a batch.

It is also suspended, like a virtual machine that is moved. Another host takes over the account when the lease ends.
When the first one is back, it has Last.fm's answer and writes it: too late, so it must not change anything.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psycopg

from benchmarks import history, rig
from benchmarks.cluster import SECRET, cluster, seen, sign_in
from benchmarks.replay import key_of
from benchmarks.report import Figure, Missing, rounded, say
from lastfm_emulator import API_KEY, API_SECRET
from tests.postgres import Server
from tonearm.service.lease import LEASE

PLAYS = 40
_ANSWER = 4.0
"""Seconds that Last.fm takes for its answer, during which the link is cut."""

_LOOK = 0.1


@dataclass(frozen=True, slots=True)
class Host:
    """A network namespace with a link to the database and one to Last.fm."""

    name: str
    number: int

    @property
    def database(self) -> str:
        """The database server's address on the link."""
        return f"10.211.{self.number}.1"

    @property
    def lastfm(self) -> str:
        """Last.fm's address on the link."""
        return f"10.212.{self.number}.1"

    def make(self) -> None:
        """Make the namespace and both links."""
        _ip("netns", "add", self.name)
        for kind, outside in (("d", self.database), ("l", self.lastfm)):
            here, there = f"{kind}{self.name}", f"{kind}{self.name}i"
            _ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", self.name)
            _ip("address", "add", f"{outside}/24", "dev", here)
            _ip("link", "set", here, "up")
            _ip("-n", self.name, "address", "add", f"{outside[:-1]}2/24", "dev", there)
            _ip("-n", self.name, "link", "set", there, "up")
        _ip("-n", self.name, "link", "set", "lo", "up")

    def cut(self) -> None:
        """Cut the link between this host and the database, silently."""
        _ip("link", "set", f"d{self.name}", "down")

    def join(self) -> None:
        """Restore the link."""
        _ip("link", "set", f"d{self.name}", "up")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


@contextmanager
def hosts(number: int) -> Iterator[list[Host]]:
    """That many hosts; raises Missing without `ip`, or without the right to create them."""
    if not shutil.which("ip") or os.geteuid() != 0:
        raise Missing("separate hosts need root and the program ip (iproute2)")
    made = [Host(f"ta{os.getpid() % 100_000}{'abcdef'[n]}", 10 + n) for n in range(number)]
    try:
        try:
            for host in made:
                host.make()
        except subprocess.CalledProcessError as fault:
            raise Missing(f"no network namespaces here: {fault.stderr.strip()}") from None
        yield made
    finally:
        for host in made:
            subprocess.run(["ip", "netns", "del", host.name], check=False, capture_output=True)


@contextmanager
def worker(host: Host, folder: Path, url: str, port: int, lastfm_port: int) -> Iterator[subprocess.Popen[bytes]]:
    """`tonearm worker` on a host while the block lasts."""
    log, settings = (
        folder / f"{host.name}.log",
        {
            "TONEARM_DATABASE": url.replace(f"127.0.0.1:{port}", f"{host.database}:{port}"),
            "TONEARM_SECRET_KEY": SECRET,
            "LASTFM_API_KEY": API_KEY,
            "LASTFM_API_SECRET": API_SECRET,
            "LASTFM_API_URL": f"http://{host.lastfm}:{lastfm_port}/2.0/",
            "LASTFM_REQUESTS_PER_SECOND": "4",
        },
    )
    with log.open("wb") as said:
        command = ["ip", "netns", "exec", host.name, sys.executable, "-m", "tonearm", "worker"]
        process = subprocess.Popen(command, stdout=said, stderr=said, cwd=rig.ROOT, env=rig.environment(**settings))
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def cut_off(folder: Path, server: Server) -> dict[str, Figure]:
    """The result for a worker that was cut off from the database in the middle of a batch."""
    with hosts(2) as (first, second), _everywhere(folder) as (there, lastfm_port):
        _open_to(server, first, second)
        with cluster(folder, server, there, 4.0) as made:
            [token] = sign_in(made.url, there, ["listener"])
            httpx2.post(f"{there.base_url}/_faults", json={"kind": "delay", "seconds": _ANSWER, "calls": 1})
            made.start("service1", delivers=())
            plays = list(history.made_up(PLAYS, time.time()))
            address = f"http://127.0.0.1:{made.ports['service1']}/lastfm/scrobbles"
            headers = {"Authorization": f"Bearer {token}"}
            httpx2.post(address, json={"plays": plays}, headers=headers, trust_env=False).raise_for_status()
            owner = "SELECT lease_owner, lease_id FROM account WHERE lease_until > 0"
            with worker(first, folder, made.url, server.port, lastfm_port) as lost:
                while not made.rows("SELECT 1 FROM scrobble_queue WHERE state = 'sending' LIMIT 1"):
                    time.sleep(_LOOK)
                [(_, before)] = made.rows(owner)
                first.cut()
                lost.send_signal(signal.SIGSTOP)
                cut_at = time.monotonic()
                say(f"a host is cut off from the database in the middle of {PLAYS} plays")
                with worker(second, folder, made.url, server.port, lastfm_port) as other:
                    while made.waiting():
                        time.sleep(_LOOK)
                        if time.monotonic() - cut_at > 3 * LEASE:
                            raise RuntimeError("nobody takes the account over")
                    took = time.monotonic() - cut_at
                    say(f"another host has sent them after {took:.1f} s")
                    settled = _everything(made.url)
                    said_before = len(server.log())
                    first.join()
                    lost.send_signal(signal.SIGCONT)
                    late = _until_late(server, first, said_before)
                    lost.terminate()
                    lost.wait(30)
                    changed = _everything(made.url) != settled
                    other.terminate()
                    other.wait(30)
            found = seen(there)
    arrived = found.plays.get("listener", [])
    wanted = {key_of(play) for play in plays}
    return {
        "cut_off_taken_over_s": rounded(took),
        "cut_off_lease_was": before,
        "cut_off_lost": len(wanted - set(arrived)),
        "cut_off_doubled": found.doubled(),
        "cut_off_repeats_dropped": found.repeats,
        "cut_off_late_writes": late,
        "cut_off_changed_something": int(changed),
    }


@contextmanager
def _everywhere(folder: Path) -> Iterator[tuple[rig.LastFm, int]]:
    """An emulator that all hosts reach."""
    port, log = rig.free_port(), folder / "lastfm-hosts.out"
    with log.open("wb") as said:
        command = [sys.executable, "-m", "lastfm_emulator", "--host", "0.0.0.0", "--port", str(port)]
        process = subprocess.Popen(command, stdout=said, stderr=said, cwd=rig.ROOT, env=rig.environment())
    try:
        rig.wait_for(port, process, log)
        base = f"http://127.0.0.1:{port}"
        yield rig.LastFm(f"{base}/2.0/", f"{base}/api/auth/", base), port
    finally:
        process.terminate()
        process.wait()


def _open_to(server: Server, *guests: Host) -> None:
    """Let the hosts in, without a password, and keep what they write."""
    rights = server.folder / "data" / "pg_hba.conf"
    lines = [f"host all all {guest.database[:-1]}0/24 trust" for guest in guests]
    rights.write_text("\n".join([rights.read_text(), *lines, ""]))
    with psycopg.connect(server.url("postgres"), autocommit=True) as db:
        db.execute("ALTER SYSTEM SET log_line_prefix = '%r '")
        db.execute("ALTER SYSTEM SET log_statement = 'mod'")
        db.execute("SELECT pg_reload_conf()")


def _everything(url: str) -> list[object]:
    """What the tables say of the plays and of their account, save that a lease comes and goes."""
    with psycopg.connect(url) as db:
        return [
            db.execute("SELECT id, fate, settled_at, reason, unanswered FROM play ORDER BY id").fetchall(),
            db.execute("SELECT count(*) FROM scrobble_queue").fetchall(),
            db.execute("SELECT lease_id, wait_until, fails, connection, answered_at FROM account").fetchall(),
        ]


def _until_late(server: Server, host: Host, said_before: int) -> int:
    """How often a host that is back has tried to write something about its lease, as soon as it has."""
    deadline, theirs = time.monotonic() + 60, f"{host.database[:-1]}2("
    while True:
        lines = server.log()[said_before:].splitlines()
        if late := sum(line.startswith(theirs) and "UPDATE account SET lease_until" in line for line in lines):
            return late
        if time.monotonic() > deadline:
            raise RuntimeError("the host that is back writes nothing")
        time.sleep(_LOOK)
