"""What a second destination costs: the same plays for Last.fm alone, and for Last.fm and a ListenBrainz server."""

from __future__ import annotations

import asyncio
import time
from random import Random

import httpx2

from benchmarks import history, rig
from benchmarks.listens import Listens, add, listens
from benchmarks.processor import seconds_of
from benchmarks.report import Options, Report, say

BATCH = 50
"""Plays that are reported together."""

EVERY = 0.6
"""Seconds from one live play to the next, with one destination and with two: a service that waits costs something, too,
and ListenBrainz gets two requests a second.
"""

_WITHIN = 120.0
"""Seconds in which everything has to be there."""

_LOOK = 0.02
"""Seconds between two looks at what the servers have."""


def measure(options: Options) -> Report:
    """Two services in each run, one after the other: each has a SQLite file, and starts with one warm play."""
    sizes = {"batch": options.plays or options.size(2000, 40), "live": options.size(50, 3)}
    found: dict[str, list[float]] = {}
    with rig.workshop() as folder, rig.lastfm(folder) as lastfm, listens(Random(1)) as other:
        ready = {1: rig.signed_in(folder / "one", lastfm)}
        ready[2] = ready[1].copy(folder / "two")
        asyncio.run(add(other, ready[2], lastfm))
        rig.pin(rig.OTHERS)
        for run in range(options.times()):
            for way, plays in sizes.items():
                used = {
                    number: _used(ready[number].copy(folder / "run"), lastfm, there, way, plays, run)
                    for number, there in ((1, None), (2, other))
                }
                ratio = used[2] / used[1] - 1
                say(f"run {run + 1}, {way}: {used[1]:.2f} and {used[2]:.2f} ms a play: {ratio:.2f} more")
                for name, value in (("one", used[1]), ("two", used[2]), ("second_ratio", ratio)):
                    found.setdefault(f"{way}_{name}", []).append(value)
    return Report(
        "second",
        {**found},
        {"batch_plays": sizes["batch"], "live_plays": sizes["live"]},
        "second_ratio: what the second destination adds, over what a play costs with Last.fm alone",
        f"`tonearm serve` on core {rig.MEASURED}; the processor time of the whole process for a play, in ms, from its "
        f"report until all servers have it; batch: {BATCH} plays a report; live: one every {EVERY:g} s; "
        "requests to Last.fm are not limited, those to the other server are as always",
    )


def _used(listener: rig.Listener, lastfm: rig.LastFm, other: Listens | None, way: str, plays: int, run: int) -> float:
    """Milliseconds of the processor for a play."""
    series = run * 10 + (5 if way == "live" else 0) + (1 if other else 0)
    now = time.time()
    reports = list(history.made_up(plays + 1, now, series))
    with rig.service(listener, lastfm.url, per_second=0) as service, rig.client(service, listener.token) as http:
        before = _there(lastfm, other)
        http.post("/lastfm/scrobble", json=reports[0]).raise_for_status()
        _wait(lastfm, other, before, 1)
        start = seconds_of(service.process.pid)
        size = BATCH if way == "batch" else 1
        for first in range(1, plays + 1, size):
            begun = time.monotonic()
            http.post("/lastfm/scrobbles", json={"plays": reports[first : first + size]}).raise_for_status()
            if size == 1:
                _wait(lastfm, other, before, first + 1)
                time.sleep(max(0.0, begun + EVERY - time.monotonic()))
        _wait(lastfm, other, before, plays + 1)
        return (seconds_of(service.process.pid) - start) / plays * 1000


def _there(lastfm: rig.LastFm, other: Listens | None) -> tuple[int, ...]:
    """How many plays each server has."""
    state = httpx2.get(f"{lastfm.base_url}/_state", params={"plays": 0, "log": 0}).json()
    here = int(state["users"][rig.LASTFM_USER]["plays"])
    return (here, len(other.stored())) if other else (here,)


def _wait(lastfm: rig.LastFm, other: Listens | None, before: tuple[int, ...], plays: int) -> None:
    """Return when each server has that many plays more than before."""
    deadline = time.monotonic() + _WITHIN
    while any(have < had + plays for have, had in zip(_there(lastfm, other), before, strict=True)):
        if time.monotonic() > deadline:
            raise RuntimeError(f"of {plays} plays, {_there(lastfm, other)} are there, and {before} were before")
        time.sleep(_LOOK)
