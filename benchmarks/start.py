"""How soon the program answers, and how much memory it takes."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from pathlib import Path

import httpx2

from benchmarks import history, load, rig
from benchmarks.processor import seconds_of as processor_seconds
from benchmarks.report import Options, Report, say

_IDLE = 5.0
"""Idle seconds before memory is measured."""

_DRAINED_WITHIN = 300.0

_COMMANDS = {"version": ["--version"], "status": ["status", "--json"], "queue": ["queue", "--json"]}
"""Commands that only read."""


def measure(options: Options) -> Report:
    """A start, a start without a database, and a service's memory before and after many plays, in each run."""
    plays = options.plays or options.size(100_000, 200)
    idle_seconds = 0.2 if options.quick else _IDLE
    answers, used, firsts, idle, after = [], [], [], [], []
    processor: dict[str, list[float]] = {name: [] for name in _COMMANDS}
    with rig.workshop() as folder, rig.lastfm(folder) as lastfm:
        ready = rig.signed_in(folder / "ready", lastfm)
        rig.pin(rig.OTHERS)
        if not options.quick:
            _first_answer(ready.copy(folder / "run"), lastfm)  # compiles what was not
        for _ in range(options.times()):  # before there are plays: the disk is busy with them for a while
            wall, cpu = _first_answer(ready.copy(folder / "run"), lastfm)
            answers.append(wall)
            used.append(cpu)
            firsts.append(_first_answer(_new(folder / "new"), lastfm)[0])
            for name, words in _COMMANDS.items():
                processor[name].append(_processor_ms(words, ready))
        for run in range(options.times()):
            with rig.service(ready.copy(folder / "run"), lastfm.url, per_second=0) as service:
                time.sleep(idle_seconds)
                idle.append(service.resident_mib())
                _play(service, ready.token, plays, run, lastfm)
                after.append(service.resident_mib())
            say(f"run {run + 1}: first answer {answers[-1]:.0f} ms, {idle[-1]:.1f} MiB idle, {after[-1]:.1f} MiB after")
        bare = [_command(["-c", "pass"]) for _ in range(options.times())]
        helps = [_command(["-m", "tonearm", "--help"]) for _ in range(options.times())]
    return Report(
        "start",
        {
            "first_answer_ms": answers,
            "first_answer_cpu_ms": used,
            "first_ever_answer_ms": firsts,
            "help_ms": helps,
            "bare_python_ms": bare,
            **{f"{name}_cpu_ms": values for name, values in processor.items()},
            "status_ratio": [a / b for a, b in zip(processor["status"], processor["version"], strict=True)],
            "idle_mib": idle,
            "after_100k_mib": after,
        },
        {"plays": plays},
        "bare_python_ms: the same interpreter that does nothing at all",
        f"`tonearm serve` on core {rig.MEASURED}, from the start of the process to the first answer of /health, its "
        "bytecode compiled and its tables made (first_ever: there is no database yet); _cpu_: processor time, of "
        f"commands too; memory: resident set {idle_seconds:g} s after the start with a listener signed in, and when "
        f"{plays} plays have come over HTTP from core {rig.OTHERS} and gone out to an emulator there, with no limit of "
        "requests a second",
    )


def _new(folder: Path) -> rig.Listener:
    for file in folder.glob("*"):
        file.unlink()
    folder.mkdir(exist_ok=True)
    return rig.Listener(folder, "")


def _first_answer(listener: rig.Listener, lastfm: rig.LastFm) -> tuple[float, float]:
    """Milliseconds from the start to the first answer: wall time, and processor time."""
    start = time.perf_counter()
    with rig.starting(listener, lastfm.url) as service:
        service.wait_until_well(listener.folder / "service.log")
        seconds = time.perf_counter() - start
        return seconds * 1000, processor_seconds(service.process.pid) * 1000


def _play(service: rig.Service, token: str, number: int, run: int, lastfm: rig.LastFm) -> None:
    """Report that many plays and have them sent."""
    requests = history.requests(history.made_up(number, time.time(), run), service.port, token)
    answers = load.post(requests, service.port)
    assert answers.statuses == {"queued": number}, answers.statuses
    drained(service, token, _DRAINED_WITHIN)


def drained(service: rig.Service, token: str, within: float) -> None:
    """Return when every play is on Last.fm; raises AssertionError if that takes longer than that many seconds."""
    deadline = time.monotonic() + within
    with httpx2.Client(headers={"Authorization": f"Bearer {token}"}, timeout=30) as http:
        while True:
            queue_status = http.get(f"http://127.0.0.1:{service.port}/lastfm/queue/status").json()
            if not int(queue_status["queued_scrobbles"]) + int(queue_status["sending"]):
                return
            assert time.monotonic() < deadline, "the queue is not drained"
            time.sleep(0.1)


def _command(arguments: list[str]) -> float:
    """Milliseconds that Python takes for a command."""
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments], check=True, cwd=rig.ROOT, env=rig.environment(), stdout=subprocess.DEVNULL
    )
    return (time.perf_counter() - start) * 1000


def _processor_ms(words: list[str], listener: rig.Listener) -> float:
    """Milliseconds of processor time that a tonearm command takes on a database, including child processes."""
    command = [sys.executable, "-m", "tonearm", *words]
    environment = rig.environment(TONEARM_DATABASE=f"sqlite:///{listener.database}")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, cwd=rig.ROOT, env=environment, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000
