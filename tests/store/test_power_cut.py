"""A power cut at any moment: the file is rebuilt from what a real run had flushed by then, and opens with every play.

`strace` records what a process writes and flushes. What was not flushed yet is missing after the cut, or only some of
its sectors have reached the disk.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random

import pytest

SECTOR = 512
PLAYS = 8

_WORK = """
import asyncio, sys, time
import tonearm
from tonearm.store.db.schema import account

async def main():
    async with tonearm.open(sys.argv[1], deliver=False) as deck:
        me = await deck.listener("me")
        connected = account.update().values(connection="connected", lastfm_username="RJ", lastfm_session_key="sealed")
        await deck.store.write(lambda db: db.execute(connected))
        for number in range(int(sys.argv[2])):
            track = tonearm.Track(f"Artist {number}", "Title " * 50, duration=200)
            taken = await me.scrobble(track, started_at=time.time() - 9000 + 300 * number, played=200)
            print(f"acknowledged {taken.id}", flush=True)

asyncio.run(main())
"""

_CALL = re.compile(
    r"^\d+ +(?P<call>pwrite64|write|fdatasync|fsync|ftruncate|unlink)"
    r'\((?:(?P<fd>\d+)<(?P<path>[^>]*)>|"(?P<name>[^"]*)")'
    r'(?:, "(?P<data>[^"]*)", \d+(?:, (?P<at>\d+))?|, (?P<size>\d+))?'
)
_RESUMED = re.compile(r"^(?P<who>\d+) +<\.\.\. (?P<call>fdatasync|fsync) resumed>")


@cache
def traces() -> bool:
    """Whether processes may be traced here."""
    strace = shutil.which("strace")
    return bool(strace) and subprocess.run([str(strace), "true"], capture_output=True, check=False).returncode == 0


@dataclass
class File:
    """A file on a disk that forgets what it was not asked to flush."""

    flushed: bytearray = field(default_factory=bytearray)
    waiting: list[tuple[int, bytes] | int] = field(default_factory=list)
    """Writes with their places, and sizes that the file is cut to."""

    def flush(self) -> None:
        """All that waits reaches the disk."""
        self.flushed = self.after(self.waiting)
        self.waiting = []

    def after(self, changes: list[tuple[int, bytes] | int]) -> bytearray:
        """What it holds when these changes have reached the disk, too."""
        content = bytearray(self.flushed)
        for change in changes:
            if isinstance(change, int):
                content = content[:change].ljust(change, b"\0")
                continue
            at, data = change
            content = content.ljust(at, b"\0")
            content[at : at + len(data)] = data
        return content

    def torn(self, chance: Random) -> bytearray:
        """Of what waits some sectors have reached the disk."""
        sectors: list[tuple[int, bytes] | int] = []
        for change in self.waiting:
            if isinstance(change, int):
                sectors.append(change)
                continue
            at, data = change
            sectors += [(at + n, data[n : n + SECTOR]) for n in range(0, len(data), SECTOR)]
        return self.after([sector for sector in sectors if chance.random() < 0.5])


@dataclass
class Disk:
    """The files of a database, and the plays that were acknowledged until now."""

    files: dict[str, File] = field(default_factory=dict)
    acknowledged: set[int] = field(default_factory=set)

    def happens(self, seen: re.Match[str], text: str) -> bool:
        """Do what a process did; whether it has changed what a cut leaves."""
        data = decoded(seen["data"] or "")
        if seen["call"] == "write" and seen["fd"] == "1":
            self.acknowledged |= {int(number) for number in re.findall(rb"acknowledged (\d+)", data)}
            return True
        name = Path(decoded(seen["path"] or seen["name"]).decode()).name
        if not name.startswith("plays.db") or name.endswith(("-shm", ".lock", ".migrating", ".key")):
            return False
        file = self.files.setdefault(name, File())
        match seen["call"]:
            case "pwrite64":
                file.waiting.append((int(seen["at"]), data))
            case "ftruncate":
                file.waiting.append(int(seen["size"]))
            case "unlink":
                self.files.pop(name)
            case "fdatasync" | "fsync" if "unfinished" not in text:
                file.flush()
            case _:
                return False
        return True


def decoded(text: str) -> bytes:
    """What strace has written in hexadecimal, as it does with all but a few names such as that of a pipe."""
    return bytes.fromhex(text.replace("\\x", "")) if text.startswith("\\x") else text.encode()


def moments(trace: Path) -> Iterator[Disk]:
    """The disk after each call of a recorded run."""
    disk, flushing = Disk(), dict[str, re.Match[str]]()
    for line in trace.read_text().splitlines():
        who = line.partition(" ")[0]
        if _RESUMED.match(line):
            if who in flushing and disk.happens(flushing.pop(who), ""):
                yield disk
        elif seen := _CALL.match(line):
            if "unfinished" in line and "sync" in seen["call"]:
                flushing[who] = seen
            if disk.happens(seen, line):
                yield disk


def rebuilt(folder: Path, disk: Disk, chance: Random | None) -> set[int]:
    """The plays of the file that a cut leaves: what was flushed, or with a chance some of the rest."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, file in disk.files.items():
        (folder / name).write_bytes(file.torn(chance) if chance else file.flushed)
    with closing(sqlite3.connect(folder / "plays.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        if not db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'play'").fetchone():
            return set()
        plays = {number for (number,) in db.execute("SELECT id FROM play")}
        assert plays == {number for (number,) in db.execute("SELECT id FROM scrobble_queue")}  # all or nothing
    return plays


@pytest.mark.skipif(not traces(), reason="there is no strace here, or it may trace no process")
def test_a_power_cut_at_any_moment_loses_no_acknowledged_play(tmp_path: Path) -> None:
    work = [sys.executable, "-c", _WORK, str(tmp_path / "plays.db"), str(PLAYS)]
    calls = "trace=pwrite64,write,fdatasync,fsync,ftruncate,unlink"
    trace = tmp_path / "trace"
    strace = ["strace", "-f", "-y", "-xx", "-s", "1000000", "-e", calls, "-o", str(trace)]
    subprocess.run([*strace, *work], check=True, stdout=subprocess.DEVNULL)
    cuts = 0
    for cuts, disk in enumerate(moments(trace), 1):
        for chance in (None, Random(cuts)):
            assert rebuilt(tmp_path / "rebuilt", disk, chance) >= disk.acknowledged, f"cut {cuts}"
    assert len(disk.acknowledged) == PLAYS
    assert cuts > 10 * PLAYS
