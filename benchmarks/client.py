"""The client compared with pylast, the usual one in Python, for what programs do with Last.fm."""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks import history, rig, stage
from benchmarks.drain import BATCH, pylast_network, pylast_plays, track
from benchmarks.report import Options, Report, say
from lastfm_emulator import API_KEY, API_SECRET
from tonearm import Answered, Keys, LastFmSync, Play

Work = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Task:
    """The same work by both clients, which must find the same. The number makes the plays of each run different."""

    name: str
    ours: Callable[[LastFmSync, int], object]
    theirs: Callable[[Any, int], object]


def measure(options: Options) -> Report:
    """Each task with both clients, one after the other, in each run; then each once more for its memory."""
    plays, loved, artists = options.size(1000, 60), options.size(5000, 120), options.size(200, 5)
    spreads: dict[str, list[float]] = {}
    facts: dict[str, float | int | str] = {"plays": plays, "loved": loved, "artists": artists}
    with rig.workshop() as folder, _staged(folder, artists, loved) as lastfm:
        rig.pin(rig.MEASURED)
        theirs = pylast_network(lastfm)
        tasks = _tasks(plays, loved, artists, theirs.session_key, folder)
        with LastFmSync(Keys(API_KEY, API_SECRET), lastfm.url) as ours:
            ours.user_info(stage.LISTENER)  # the first call loads what both need
            theirs.get_user(stage.LISTENER).get_playcount()
            for run in range(options.times()):
                for task in tasks:
                    seconds, found = _timed(partial(task.ours, ours, 2 * run))
                    pylast_seconds, pylast_found = _timed(partial(task.theirs, theirs, 2 * run + 1))
                    assert found == pylast_found, (task.name, found, pylast_found)
                    spreads.setdefault(f"{task.name}_seconds", []).append(seconds)
                    spreads.setdefault(f"{task.name}_pylast_seconds", []).append(pylast_seconds)
                    spreads.setdefault(f"{task.name}_ratio", []).append(pylast_seconds / seconds)
                    say(f"run {run + 1}: {task.name}: {seconds:.3f} s, pylast {pylast_seconds:.3f} s")
            for task in tasks:
                facts[f"{task.name}_peak_mib"] = _peak(partial(task.ours, ours, 1000))
                facts[f"{task.name}_pylast_peak_mib"] = _peak(partial(task.theirs, theirs, 1001))
    return Report(
        "client",
        dict(spreads),
        facts,
        "pylast, with the same work against the same emulator; `ratio`: its seconds over ours, above 1 ours is faster",
        f"both clients in this process on core {rig.MEASURED}, the emulator in its own on core {rig.OTHERS}, over "
        "plain HTTP on the loopback. pylast opens a connection for each call and ours keeps one: with TLS and a "
        "network between, the difference is larger. scrobbles: in batches of 50. loved: all, ours by 1,000 a page "
        "and pylast 50, its only way; loved_page: the first 1,000, one request each. artists: listeners, plays, "
        "MusicBrainz id and biography, pylast with its cache on, so that each artist costs it one request. "
        "artist_facts: the listeners alone, without its cache. peak_mib: Python's memory at most, by tracemalloc, in a "
        "run of its own",
    )


@contextmanager
def _staged(folder: Path, artists: int, loved: int) -> Iterator[rig.LastFm]:
    port = rig.free_port()
    log = folder / "lastfm.log"
    command = [sys.executable, "-m", "benchmarks.stage", str(port), str(artists), str(loved)]
    with rig.running(command, rig.OTHERS, log) as process:
        rig.wait_for(port, process, log)
        base = f"http://127.0.0.1:{port}"
        yield rig.LastFm(f"{base}/2.0/", f"{base}/api/auth/", base)


def _timed(work: Work) -> tuple[float, object]:
    start = time.perf_counter()
    found = work()
    return time.perf_counter() - start, found


def _peak(work: Work) -> float:
    """The peak of Python's memory above what was in use before, in MiB."""
    tracemalloc.start()
    try:
        work()
        return round(tracemalloc.get_traced_memory()[1] / 2**20, 3)
    finally:
        tracemalloc.stop()


def _tasks(plays: int, loved: int, artists: int, session_key: str, folder: Path) -> list[Task]:
    names = [stage.artist(n) for n in range(artists)]
    page = min(loved, 1000)
    caches = count()

    def scrobble(client: LastFmSync, series: int) -> int:
        waiting = _plays(plays, series)
        for first in range(0, len(waiting), BATCH):
            assert isinstance(client.scrobble(waiting[first : first + BATCH], session_key), Answered)
        return len(waiting)

    def scrobble_pylast(network: Any, series: int) -> int:
        waiting = pylast_plays(plays, series)
        network.scrobble_many(waiting)
        return len(waiting)

    def all_loved(client: LastFmSync, _: int, limit: int | None = None) -> list[tuple[str, str, int]]:
        found = list(client.loved_tracks(stage.LISTENER, limit=limit))
        return [(one.artist, one.title, int(one.loved_at.timestamp())) for one in found if one.loved_at]

    def all_loved_pylast(network: Any, _: int, limit: int | None = None) -> list[tuple[str, str, int]]:
        found = network.get_user(stage.LISTENER).get_loved_tracks(limit=limit)
        return [(one.track.artist.name, one.track.title, int(one.timestamp)) for one in found]

    def about(client: LastFmSync, _: int) -> list[tuple[int | None, int | None, str]]:
        found = [client.artist_info(name) for name in names]
        assert all(one.bio and one.bio.content for one in found)
        return [(one.listeners, one.playcount, one.mbid) for one in found]

    def about_pylast(network: Any, _: int) -> list[tuple[int, int, str]]:
        found = []
        network.enable_caching(str(folder / f"pylast-{next(caches)}"))  # an empty one: each artist costs one request
        for name in names:
            one = network.get_artist(name)
            assert one.get_bio_content()
            found.append((one.get_listener_count(), one.get_playcount(), one.get_mbid() or ""))
        network.disable_caching()
        return found

    def facts(client: LastFmSync, _: int) -> list[int | None]:
        return [client.artist_info(name).listeners for name in names]

    def facts_pylast(network: Any, _: int) -> list[int]:
        return [network.get_artist(name).get_listener_count() for name in names]

    return [
        Task("scrobbles", scrobble, scrobble_pylast),
        Task("loved", all_loved, all_loved_pylast),
        Task("loved_page", partial(all_loved, limit=page), partial(all_loved_pylast, limit=page)),
        Task("artists", about, about_pylast),
        Task("artist_facts", facts, facts_pylast),
    ]


def _plays(number: int, series: int) -> list[Play]:
    return [
        Play(track(play), int(play["timestamp"]), play["played_time"])
        for play in history.made_up(number, time.time(), series)
    ]
