"""How long a folder of tagged audio files takes to become a library, and to be found unchanged."""

from __future__ import annotations

import time
from pathlib import Path

import mutagen
import uvloop

from benchmarks import rig
from benchmarks.report import Options, Report, say
from tests.audio import write_library
from tonearm.service.scan_result import ScanResult


def measure(options: Options) -> Report:
    """A scan into a new library, another of the same files, and the bare reading of their tags, in each run."""
    number = options.size(20_000, 100)
    with rig.workshop() as folder, rig.lastfm(folder) as lastfm:
        ready = rig.signed_in(folder / "ready", lastfm)
        music = folder / "music"
        write_library(music, [_names(n) for n in range(number)])
        rig.pin(rig.MEASURED)
        first, again, tags = [], [], []
        for run in range(options.times()):
            listener = ready.copy(folder / "run")
            seconds, found = uvloop.run(_scan(listener.database, music))
            assert (found.new, found.unreadable) == (number, 0), found
            first.append(seconds)
            seconds, found = uvloop.run(_scan(listener.database, music))
            assert (found.new, found.changed, found.total) == (0, 0, number), found
            again.append(seconds)
            tags.append(_bare(music))
            say(f"run {run + 1}: {first[-1]:.2f} s, again {again[-1]:.2f} s; tags alone {tags[-1]:.2f} s")
    return Report(
        "scan",
        {
            "seconds": first,
            "rescan_seconds": again,
            "tags_seconds": tags,
            "tags_ratio": [scan / bare for scan, bare in zip(first, tags, strict=True)],
        },
        {"files": number},
        "tags: mutagen alone over the same files in the same run, nothing kept; below 2 the scan is mostly that",
        f"files of a second each in all formats, two of three MP3, in the system's cache; all on core {rig.MEASURED}",
    )


def _names(n: int) -> tuple[str, str, str]:
    """Artist, title and album of a made-up file: 12 to an album, 36 to an artist."""
    return f"Artist {n // 36} & The Sëven", f"Song {n}", f"Album {n // 12}"


async def _scan(database: Path, music: Path) -> tuple[float, ScanResult]:
    async with rig.deck_on(database, rig.AWAY, deliver=False) as deck:
        me = await deck.listener()
        start = time.perf_counter()
        found = await me.scan(music)
        return time.perf_counter() - start, found


def _bare(music: Path) -> float:
    start = time.perf_counter()
    for file in music.rglob("*.*"):
        mutagen.File(file)
    return time.perf_counter() - start
