"""The time and memory for importing a listening history from files and from Last.fm, and for exporting it."""

from __future__ import annotations

import csv
import gzip
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx2
import uvloop

from benchmarks import rig
from benchmarks.beside import Reports, reporting
from benchmarks.report import Options, Report, say
from lastfm_emulator import Emulator
from lastfm_emulator.account import Play
from lastfm_emulator.transport import Direct
from tonearm.service.sign_in import AuthStart

REAL = 104_571
"""Plays of a real history of ten years, which is reported separately if it is there."""

BEGINS = 1_100_000_000
"""November 2004."""

MIB = 2**20
PER_SECOND = 4.0


def measure(options: Options) -> Report:
    """Files into a new database by the command, and out again, in each run; then a profile at the rate of Last.fm."""
    small, large = options.size(REAL, 100), options.plays or options.size(5_000_000, 300)
    walked = options.size(20_000, 400)
    found: dict[str, Sequence[float]] = {}
    with rig.workshop() as folder, rig.lastfm(folder) as lastfm:
        ready = rig.signed_in(folder / "ready", lastfm)
        profile = _profile(walked)
        real, many = folder / "real.csv", folder / "many.csv"
        is_real = _write_real(real, small)
        _write(many, large)
        for run in range(options.times()):
            database = ready.copy(folder / "run").database
            seconds, processor, _ = _command(database, "import-history", "--yes", str(real))
            figures = {"file_seconds": seconds, "file_processor_seconds": processor}
            database = ready.copy(folder / "run").database
            seconds, processor, peak = _command(database, "import-history", "--yes", str(many))
            figures |= {"file_plays_per_s": large / seconds, "file_plays_per_processor_s": large / processor}
            figures |= {"peak_mib": peak}
            for form in ("csv", "listenbrainz"):
                seconds, _, peak = _command(database, "export-history", "--format", form, str(folder / "out"))
                figures |= {f"{form}_plays_per_s": large / seconds, f"{form}_peak_mib": peak}
            figures["export_peak_mib"] = max(figures["csv_peak_mib"], figures["listenbrainz_peak_mib"])
            figures |= _beside(ready.copy(folder / "run"), real, seconds=options.size(10, 1))
            figures["walk_limit_ratio"] = uvloop.run(_walk(folder / f"walk{run}.db", profile, walked))
            for name, value in figures.items():
                found[name] = [*found.get(name, ()), value]
            say(f"run {run + 1}: {', '.join(f'{name} {value:.4g}' for name, value in figures.items())}")
    return Report(
        "history",
        found,
        {"plays": large, "small": small, "real": str(is_real), "walked": walked},
        f"walk_limit_ratio: against the time that {PER_SECOND:.0f} requests a second take; above 1 it is slower."
        " post_p99_ratio: one reporter's 99th percentile while the small history is imported by the command beside the"
        " service, or compared and imported by the service itself, the worse of both, over that without",
        "commands as processes of their own, from their start to their end, on SQLite beside the sources, also in the"
        " processor's time, which others on the machine change less; many plays"
        " are made up: 30,000 songs of 2,000 artists over twenty years",
    )


def _write_real(file: Path, number: int) -> bool:
    """Write the real history if it is there, otherwise as many made-up plays."""
    folder = Path(os.environ.get("TONEARM_TEST_DATA", rig.ROOT.parent / "shared"))
    source = folder / "data" / "plays-104k.csv.gz"
    if number != REAL or not source.is_file():
        _write(file, number)
        return False
    with gzip.open(source, "rb") as packed:
        file.write_bytes(packed.read())
    return True


def _write(file: Path, number: int) -> None:
    step = max(1, 20 * 365 * 86400 // number)
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(("uts", "artist", "track", "album"))
        writer.writerows(_rows(number, step))


def _rows(number: int, step: int) -> Iterator[tuple[int, str, str, str]]:
    for n in range(number):
        song = n * 7919 % 30_000
        yield BEGINS + n * step, f"Ärtist {song % 2000}", f"Song {song} (Remastered)", f"Album {song // 12}"


_LAUNCHER = (
    "import resource, subprocess, sys; ended = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode;"
    " used = resource.getrusage(resource.RUSAGE_CHILDREN);"
    " print(used.ru_maxrss, used.ru_utime + used.ru_stime); sys.exit(ended)"
)
"""A process's peak includes the memory of the process that starts it, so a small one starts it."""


def _command(database: Path, *words: str) -> tuple[float, float, float]:
    """The seconds that a command takes, its processor time, and its peak memory in MiB."""
    start = time.perf_counter()
    said = subprocess.run(
        [sys.executable, "-c", _LAUNCHER, sys.executable, "-m", "tonearm", *words],
        env={**os.environ, "TONEARM_DATABASE": str(database)},
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    kib, processor = said.split()
    return time.perf_counter() - start, float(processor), int(kib) * 1024 / MIB


def _profile(number: int) -> Emulator:
    """A Last.fm whose only user has that many plays."""
    emulator = Emulator()
    user = emulator.add_user(rig.LASTFM_USER)
    for at, artist, title, _ in _rows(number, 300):
        user.keep(Play(artist, title, at, sent_artist=artist, sent_track=title))
    return emulator


def _beside(listener: rig.Listener, file: Path, seconds: float) -> dict[str, float]:
    """How long reports to a service take: alone for some seconds, while the command imports, and while the service
    imports.
    """
    reports = Reports()
    with rig.service(listener, rig.AWAY) as service:
        base = f"http://127.0.0.1:{service.port}"
        with reporting(reports, base, listener.token):
            time.sleep(seconds)
            alone = _p99(reports.since())
            _command(listener.database, "import-history", "--yes", str(file))
            by_command = _p99(reports.since())
            _command(listener.database, "import-history", "--undo", "1")
            reports.since()
            _import_by_service(base, listener.token, file)
            by_service = _p99(reports.since())
    if reports.refused:
        raise RuntimeError(f"{reports.refused} reports were not queued")
    return {
        "post_p99_ms": alone,
        "post_p99_ms_by_command": by_command,
        "post_p99_ms_by_service": by_service,
        "post_p99_ratio": max(by_command, by_service) / alone,
    }


def _p99(seconds: Sequence[float]) -> float:
    """In milliseconds."""
    return sorted(seconds)[min(len(seconds) - 1, len(seconds) * 99 // 100)] * 1000


def _import_by_service(base: str, token: str, file: Path) -> None:
    with httpx2.Client(base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=300) as http:
        with file.open("rb") as opened:
            upload = http.post("/history-imports/file", files={"file": opened}).raise_for_status().json()
        _until(http, "read")
        http.post(f"/history-imports/file/{upload['id']}").raise_for_status()
        _until(http, "done")


def _until(http: httpx2.Client, state: str) -> None:
    while (now := http.get("/history-imports/file").json())["state"] != state:
        if now["state"] == "failed":
            raise RuntimeError(f"not imported: {now['fault']}")
        time.sleep(0.1)


async def _walk(database: Path, emulator: Emulator, number: int) -> float:
    """The time of an import from Last.fm into a new database, divided by what the rate limit alone takes."""
    before = len(emulator.journal)
    async with (
        httpx2.AsyncClient(transport=Direct(emulator)) as http,
        rig.deck_on(database, "http://lastfm/2.0/", http, deliver=False, per_second=PER_SECOND) as deck,
    ):
        me = await deck.listener()
        way = await me.sign_in()
        assert isinstance(way, AuthStart)
        assert way.token
        emulator.approve(way.token, rig.LASTFM_USER)
        await me.finish_sign_in(way.token)
        start = time.perf_counter()
        found = await deck.history_from_lastfm.run(me.id, lambda done, total: None)
        seconds = time.perf_counter() - start
    assert found.new == number, found
    requests = sum(entry.method == "user.getRecentTracks" for entry in list(emulator.journal)[before:])
    return seconds / (requests / PER_SECOND)
