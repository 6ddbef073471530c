"""The cost of one live play: reported, on disk, sent alone, settled, shown on an open page; then the next one
follows.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import httpx2

from benchmarks import history, rig
from benchmarks.processor import seconds_of
from benchmarks.report import Options, Report, say

WARM = 5
"""Plays before those that are measured: they create what later ones reuse."""

_WITHIN = 60.0
"""Seconds in which a play has to be settled."""


def measure(options: Options) -> Report:
    """One service on a SQLite file in each run; the plays are reported one by one."""
    plays = options.plays or options.size(300, 5)
    used: list[float] = []
    took: list[float] = []
    with rig.workshop() as folder, rig.lastfm(folder) as lastfm:
        ready = rig.signed_in(folder / "ready", lastfm)
        rig.pin(rig.OTHERS)
        for run in range(options.times()):
            with rig.service(ready.copy(folder / "run"), lastfm.url, per_second=0) as service:
                cpu, wall = _lives(service, ready.token, plays, run)
            used.append(cpu / plays * 1000)
            took.append(wall / plays * 1000)
            say(f"run {run + 1}: {used[-1]:.2f} ms of the processor for a play")
    return Report(
        "live",
        {"cpu_ms_per_play": used, "ms_per_play": took},
        {"plays": plays},
        "another build, by ./run bench versus REV live",
        f"`tonearm serve` on core {rig.MEASURED} with a page's stream of events open; each play is reported over HTTP "
        "when the one before it was seen on the stream as accepted, with no limit of requests a second; "
        "the processor time of the whole process, without the player and Last.fm",
    )


@dataclass(slots=True)
class _Page:
    """The events that an open page has received."""

    accepted: int = 0
    heard: threading.Condition = field(default_factory=threading.Condition)

    def listen(self, lines: Iterator[str]) -> None:
        for line in lines:
            if line.startswith("data:") and json.loads(line[5:]).get("status") == "accepted":
                with self.heard:
                    self.accepted += 1
                    self.heard.notify_all()

    def wait(self, number: int) -> None:
        """Wait until that many were accepted."""
        with self.heard:
            if not self.heard.wait_for(lambda: self.accepted >= number, _WITHIN):
                raise RuntimeError(f"{self.accepted} of {number} plays were accepted")


def _lives(service: rig.Service, token: str, plays: int, run: int) -> tuple[float, float]:
    """Seconds that the plays took: processor time, and wall time."""
    before, start = 0.0, 0.0
    with rig.client(service, token) as http, rig.client(service, token) as own, _open_page(own) as page:
        for number, play in enumerate(history.made_up(plays + WARM, time.time(), run), 1):
            if number == WARM + 1:
                before, start = seconds_of(service.process.pid), time.perf_counter()
            http.post("/lastfm/scrobble", json=play | {"timestamp": int(time.time()) - 200}).raise_for_status()
            page.wait(number)
        return seconds_of(service.process.pid) - before, time.perf_counter() - start


@contextmanager
def _open_page(http: httpx2.Client) -> Iterator[_Page]:
    page = _Page()
    with http.stream("GET", "/events") as answer:
        answer.raise_for_status()
        threading.Thread(target=_to_its_end, args=(page, answer), daemon=True).start()
        yield page


def _to_its_end(page: _Page, answer: httpx2.Response) -> None:
    with suppress(httpx2.HTTPError, OSError, RuntimeError):  # it is closed once nothing needs it any more
        page.listen(answer.iter_lines())
