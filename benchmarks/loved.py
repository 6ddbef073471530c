"""How long an import of loved tracks takes, without the network."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import httpx2
import uvloop

from benchmarks import rig
from benchmarks.report import Options, Report, say
from lastfm_emulator import Emulator
from lastfm_emulator.transport import Direct
from tonearm.core.loved import ImportCounts
from tonearm.store import library

_NAIVE = 200
"""Queries with which the naive way is measured; each costs the same."""

_QUERY = "SELECT id FROM library WHERE account = 1 AND lower(artist) = lower(?) AND lower(title) = lower(?)"


class _Timed(Direct):
    """An emulator in this process, with the seconds that it has taken to answer."""

    def __init__(self, emulator: Emulator) -> None:
        super().__init__(emulator)
        self.seconds = 0.0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        start = time.perf_counter()
        try:
            return await super().handle_async_request(request)
        finally:
            self.seconds += time.perf_counter() - start


def measure(options: Options) -> Report:
    """An import into a new library, then one query for each of some loved tracks, in each run."""
    tracks, hearts = options.size(20_000, 400), options.size(5_000, 100)
    with rig.workshop() as folder, rig.lastfm(folder) as lastfm:
        ready = rig.signed_in(folder / "ready", lastfm)
        emulator = _loving(hearts, tracks)
        uvloop.run(_fill(ready.database, lastfm.url, tracks))
        rig.pin(rig.MEASURED)
        ours, naive = [], []
        for run in range(options.times()):
            listener = ready.copy(folder / "run")
            seconds, found = uvloop.run(_import(listener.database, emulator))
            ours.append(seconds)
            naive.append(_naively(listener.database, tracks, hearts))
            say(f"run {run + 1}: {seconds:.3f} s; one query each {naive[-1]:.2f} s; {found}")
    return Report(
        "loved",
        {
            "seconds": ours,
            "naive_ratio": [slow / seconds for slow, seconds in zip(naive, ours, strict=True)],
            "naive_seconds": naive,
        },
        {"loved": hearts, "library": tracks, "imported": found.imported, "missing": found.missing},
        f"naive: one SQL query for each loved track on the same file, case folded, measured with {_NAIVE} of them and "
        "multiplied (each costs the same); it finds no other spellings and writes nothing; above 1 ours is faster",
        "seconds from the start of an import until its result is on disk, with reading the library, matching, and "
        f"writing, without the time that the emulator in the same process took to answer; all on core {rig.MEASURED}",
    )


def _name(n: int) -> tuple[str, str]:
    return f"Artist {n % 700} & The Sëven", f"Song {n} (feat. Somebody)"


def _loving(hearts: int, tracks: int) -> Emulator:
    """Of ten loved tracks, eight are in the library, one is there in another spelling, and one isn't."""
    emulator = Emulator()
    user = emulator.add_user(rig.LASTFM_USER)
    for n in range(hearts):
        artist, title = _name(n * tracks // hearts)
        match n % 10:
            case 8:
                artist, title = artist.upper(), title.replace("(feat. Somebody)", "[Feat. Somebody]")
            case 9:
                title = f"Nobody has song {n}"
            case _:
                pass
        user.heart(artist, title, 1_700_000_000 + n)
    return emulator


async def _fill(database: Path, url: str, tracks: int) -> None:
    files = [
        {
            **dict(zip(("artist", "title"), _name(n), strict=True)),
            "path": f"/music/{n}.flac",
            "album": f"Album {n // 12}",
            "album_artist": "",
            "duration": 200.0,
            "track_number": n % 12 + 1,
            "mbid": "",
            "mtime_ns": n,
            "size": n,
            "unreadable_reason": "",
        }
        for n in range(tracks)
    ]
    async with rig.deck_on(database, url, deliver=False) as deck:
        me = await deck.listener()
        await deck.store.write(partial(library.write, account=me.id, files=files))


async def _import(database: Path, emulator: Emulator) -> tuple[float, ImportCounts]:
    """Seconds without the network, and what was found."""
    network = _Timed(emulator)
    async with httpx2.AsyncClient(transport=network) as http, rig.deck_on(database, "http://lastfm/2.0/", http) as deck:
        me = await deck.listener()
        start = time.perf_counter()
        found = await me.import_loved()
        return time.perf_counter() - start - network.seconds, found


def _naively(database: Path, tracks: int, hearts: int) -> float:
    """Seconds that one query for each loved track takes."""
    queries = min(_NAIVE, hearts)
    with closing(sqlite3.connect(database)) as db:
        start = time.perf_counter()
        for n in range(queries):
            db.execute(_QUERY, _name(n * tracks // queries)).fetchall()
        return (time.perf_counter() - start) * hearts / queries
