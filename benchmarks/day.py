"""Whether a service grows: memory over a simulated day with listeners, open pages, imports and plays.

The service and the stand-in for Last.fm live by a clock on which a day is over in minutes. What a service does by the
clock (looking for plays that are due, leases, hourly chores, what a cache forgets) it does as often as in a real day.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import uvloop
from sqlalchemy import Connection

import tonearm
from benchmarks import rig
from benchmarks.day_service import DAY, QuickClock
from benchmarks.report import Options, Report, say
from lastfm_emulator import API_KEY, API_SECRET, Emulator, serve
from tonearm.core.play import LOWEST_THRESHOLD
from tonearm.deck import Deck
from tonearm.store import accounts

HOUR = 3600
LISTENERS, FEW = 100, 2
SONGS = 3000
"""Songs that a listener plays again and again."""

IMPORTED, FEW_IMPORTED = 500, 20
"""Plays of a file; one listener imports one every third hour."""

_WITHIN = 120.0
_ALLOWED = ("queued", "suspected")


@dataclass(frozen=True, slots=True)
class _Day:
    """A day for that many listeners, who report at each `step` (simulated seconds)."""

    clock: QuickClock
    tokens: Sequence[str]
    plays: int
    step: int
    imported: int

    @property
    def each(self) -> int:
        """Plays that a listener reports at a time."""
        return max(1, self.plays * self.step // DAY // len(self.tokens))


def measure(options: Options) -> Report:
    """One day: the most memory in its first hour, and in its last."""
    plays, seconds = options.plays or options.size(60_000, 200), options.size(300, 3)
    seconds = max(seconds, plays // 400)
    with rig.workshop() as folder:
        step, imported = options.size(900, HOUR), options.size(IMPORTED, FEW_IMPORTED)
        hours = uvloop.run(_day(folder, plays, seconds, options.size(LISTENERS, FEW), step, imported))
    return Report(
        "day",
        {
            "first_hour_mib": [max(hours[0])],
            "last_hour_mib": [max(hours[-1])],
            "growth_ratio": [max(hours[-1]) / max(hours[0])],
        },
        {"plays": plays, "seconds": seconds},
        "nothing: a limit, not a ratio to another build",
        f"a service in a process of its own, on a clock on which a day takes {seconds} s or more; each listener has a "
        "page open and looks at others every hour, reports every quarter of an hour, and one of them imports a file "
        "every third hour; the resident set of the service: the most of the first hour and of the last",
    )


async def _day(folder: Path, plays: int, seconds: float, listeners: int, step: int, imported: int) -> list[list[float]]:
    begun = time.time()
    clock = QuickClock(begun, DAY / seconds)
    emulator = Emulator(clock=clock.now)
    with serve(emulator) as lastfm:
        database = folder / rig.DATABASE
        found = await _listeners(database, clock, emulator, listeners)
        facts = {"database": str(database), "api_url": lastfm.url, "begun": begun, "speed": DAY / seconds}
        facts |= {"api_key": API_KEY, "api_secret": API_SECRET}
        with _service(facts, folder / "service.log") as (service, port):
            await asyncio.to_thread(rig.wait_for, port, service, folder / "service.log")
            day = _Day(clock, found, plays, step, imported)
            async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=_WITHIN) as http:
                return await _lived(day, http, service.pid)


@contextmanager
def _service(facts: dict[str, Any], log: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    port = rig.free_port()
    command = [
        sys.executable,
        "-c",
        "from benchmarks.day_service import live; live()",
        json.dumps({**facts, "port": port}),
    ]
    with rig.running(command, rig.MEASURED, log) as process:
        yield process, port


async def _listeners(database: Path, clock: QuickClock, emulator: Emulator, number: int) -> list[str]:
    """A token of each."""
    names = [f"listener-{n}" for n in range(number)]
    sessions = {name: emulator.session_key(name, API_KEY) for name in names}
    async with tonearm.open(database, api_key=API_KEY, api_secret=API_SECRET, clock=clock, deliver=False) as deck:
        everyone = await deck.store.write(partial(_signed_in, deck=deck, sessions=sessions))
        return [await deck.accounts.token(account) for account in everyone]


def _signed_in(db: Connection, deck: Deck, sessions: dict[str, str]) -> list[int]:
    found = []
    for name, session in sessions.items():
        account = accounts.add(db, name, deck.clock.now()).id
        accounts.sign_in(db, account, name, deck.seal.close(session), API_KEY)
        accounts.change_settings(db, account, enabled=None, threshold=LOWEST_THRESHOLD)
        found.append(account)
    return found


async def _lived(day: _Day, http: httpx2.AsyncClient, service: int) -> list[list[float]]:
    hours: list[list[float]] = [[] for _ in range(DAY // HOUR)]
    first = day.clock.now()
    async with _open_pages(day, http):
        for tick in range(DAY // day.step):
            await day.clock.sleep(first + (tick + 1) * day.step - day.clock.now())
            await _reported(day, http, tick)
            hour = tick * day.step // HOUR
            if (tick + 1) * day.step % HOUR == 0:
                await _looked_at(day, http, hour)
            hours[hour].append(_resident_mib(service))
            if (tick + 1) * day.step % HOUR == 0:
                say(f"hour {hour + 1}: {max(hours[hour]):.1f} MiB")
        await _drained(day, http)
    return hours


async def _reported(day: _Day, http: httpx2.AsyncClient, tick: int) -> None:
    """Each listener's plays since the last time."""
    now = day.clock.now()
    for number, token in enumerate(day.tokens):
        chance = random.Random(f"{number} {tick}")
        plays = [
            {
                "artist": f"Artist {number % 20} {song // 12}",
                "track": f"Song {song}",
                "album": f"Album {song // 12}",
                "duration": 31,
                "played_time": 31,
                "timestamp": int(now - 60 - day.step + day.step * place / day.each),
            }
            for place, song in enumerate(chance.choices(range(SONGS), k=day.each))
        ]
        answer = await http.post("/lastfm/scrobbles", json={"plays": plays}, headers=_as(token))
        statuses = {play["status"] for play in answer.raise_for_status().json()["plays"]}
        assert statuses <= set(_ALLOWED), statuses


async def _looked_at(day: _Day, http: httpx2.AsyncClient, hour: int) -> None:
    for token in day.tokens:
        for path in ("/", "/queue", *(["/history"] if hour % 6 == 0 else [])):
            (await http.get(path, headers=_as(token))).raise_for_status()
    if hour % 3 == 0:
        await _imported(http, day.tokens[hour % len(day.tokens)], hour, day.imported)


async def _imported(http: httpx2.AsyncClient, token: str, hour: int, plays: int) -> None:
    """A file of plays of years ago."""
    lines = (
        {
            "listened_at": 1_300_000_000 + hour * 10_000_000 + number * 300,
            "track_metadata": {"artist_name": f"Artist {number % 50}", "track_name": f"Song {number}"},
        }
        for number in range(plays)
    )
    content = "\n".join(json.dumps(line) for line in lines).encode()
    await http.post("/history-imports/file", files={"file": ("listens.jsonl", content)}, headers=_as(token))
    found = await _uploaded(http, token, "read")
    (await http.post(f"/history-imports/file/{found['id']}", headers=_as(token))).raise_for_status()
    await _uploaded(http, token, "done")


async def _uploaded(http: httpx2.AsyncClient, token: str, state: str) -> dict[str, Any]:
    async with asyncio.timeout(_WITHIN):
        while True:
            found: dict[str, Any] = (await http.get("/history-imports/file", headers=_as(token))).json()
            if found["state"] == state:
                return found
            assert found["state"] != "failed", found
            await asyncio.sleep(0.05)


@asynccontextmanager
async def _open_pages(day: _Day, http: httpx2.AsyncClient) -> AsyncIterator[None]:
    """A stream of events for each listener."""
    limits = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(base_url=http.base_url, timeout=None, limits=limits) as pages:
        reading = [asyncio.create_task(_page(pages, token)) for token in day.tokens]
        try:
            yield
        finally:
            for task in reading:
                task.cancel()
            await asyncio.gather(*reading, return_exceptions=True)


async def _page(http: httpx2.AsyncClient, token: str) -> None:
    while True:
        with suppress(httpx2.HTTPError):
            async with http.stream("GET", "/events", headers=_as(token)) as answer:
                async for _ in answer.aiter_lines():
                    pass


async def _drained(day: _Day, http: httpx2.AsyncClient) -> None:
    """Everything was sent: what was reported is not kept in memory for later."""
    async with asyncio.timeout(_WITHIN):
        for token in day.tokens:
            while True:
                status = (await http.get("/lastfm/queue/status", headers=_as(token))).json()
                if not int(status["queued_scrobbles"]) + int(status["sending"]):
                    break
                await asyncio.sleep(0.05)


def _as(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _resident_mib(process: int) -> float:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
