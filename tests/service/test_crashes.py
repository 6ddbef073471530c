"""A real process that is killed at any moment: what it acknowledged arrives, once."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

import tonearm
from lastfm_emulator import API_KEY, API_SECRET, Emulator, serve
from tests.listening import connect
from tests.patience import PATIENCE
from tonearm.store import queue

pytestmark = pytest.mark.anyio

CHILD = """
import asyncio, sys, tonearm

async def main():
    database, url, key, secret, start, *numbers = sys.argv[1:]
    options = {"api_key": key, "api_secret": secret, "api_url": url, "requests_per_second": 0}
    async with tonearm.open(database, **options) as deck:
        me = await deck.listener("me")

        async def report(number):
            track = tonearm.Track(artist="Nina Simone", title=f"Song {number}", duration=200)
            await me.scrobble(track, started_at=int(start) + number, played=150)
            print(number, flush=True)

        first, last = map(int, numbers)
        for n in range(first, last, 10):
            await asyncio.gather(*(report(number) for number in range(n, min(n + 10, last))))
        while (standing := await me.queue()).queued + standing.sending:
            await asyncio.sleep(0.02)
        print("empty", flush=True)
        sys.stdin.read()

asyncio.run(main())
"""

PLAYS = 600
KILLS = 4


async def signed_in(database: Path, emulator: Emulator, url: str) -> None:
    async with tonearm.open(database, api_key=API_KEY, api_secret=API_SECRET, api_url=url, deliver=False) as deck:
        await connect(await deck.listener("me"), emulator)


def child(database: Path, url: str, start: int, first: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CHILD, str(database), url, API_KEY, API_SECRET, str(start), str(first), str(PLAYS)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def acknowledged(process: subprocess.Popen[str], number: int | None) -> list[int]:
    """What a process acknowledges, until it has acknowledged that many or has nothing left to do."""
    assert process.stdout is not None
    said: list[int] = []
    for line in process.stdout:
        if line == "empty\n":
            break
        said.append(int(line))
        if len(said) == number:
            break
    return said


def live_through(database: Path, url: str, start: int, chance: random.Random) -> set[int]:
    """Processes that are killed one after the other, and one that is not; what they acknowledged."""
    sure: set[int] = set()
    for life in range(KILLS + 1):
        missing = min(set(range(PLAYS)) - sure, default=PLAYS)
        process = child(database, url, start, missing)
        if life < KILLS:
            sure.update(acknowledged(process, chance.randrange(1, 2 * PLAYS // KILLS)))
            time.sleep(chance.random() * 0.03)
            process.send_signal(signal.SIGKILL)
            assert process.stdout is not None
            sure.update(int(line) for line in process.stdout if line.strip().isdigit())
        else:
            sure.update(acknowledged(process, None))
        process.communicate(timeout=PATIENCE)
    return sure


@pytest.mark.parametrize("seed", [1])
async def test_killed_again_and_again_every_acknowledged_play_arrives_once(tmp_path: Path, seed: int) -> None:
    emulator = Emulator()
    emulator.fault("delay", seconds=0.02, methods=["track.scrobble"])
    database, start = tmp_path / "plays.db", int(time.time()) - 100_000
    with serve(emulator) as lastfm:
        await signed_in(database, emulator, lastfm.url)
        sure = await asyncio.to_thread(live_through, database, lastfm.url, start, random.Random(seed))
    assert sure == set(range(PLAYS))
    arrived = Counter(play.track for play in emulator.plays("RJ"))
    assert arrived == Counter(f"Song {number}" for number in range(PLAYS))
    assert all(entry.items <= 50 for entry in emulator.journal)
    async with tonearm.open(database, api_key=API_KEY, api_secret=API_SECRET, deliver=False) as deck:
        assert await deck.store.read(queue.length_of_all) == 0
        fates = await deck.store.read(lambda db: list(db.exec_driver_sql("SELECT fate, count(*) FROM play GROUP BY 1")))
    assert [tuple(row) for row in fates] == [("accepted", PLAYS)]
