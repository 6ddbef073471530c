"""Real crashes: the real service, plays over HTTP, SQLite on a disk, and `kill -9` at random times. This shows what a
simulation can't: that the system, the disk and SQLite keep what was committed. Plays are sent to Last.fm and to another
destination.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from random import Random
from typing import Any

import httpx2

from benchmarks import history, rig
from benchmarks.listens import Listens, add, listens
from benchmarks.replay import FILTERED, Key, key_of
from benchmarks.report import Missing, say

_REPORTERS = 4
_LONGEST_LIFE = 0.8
"""Seconds of work in one life, at the most, counted from its first answer to a player."""

_FIRST_ANSWER = 30.0
"""Seconds until then, at the most."""

_DRAINED = 90.0
"""Seconds within which something is settled at the end, until nothing is left: a busy machine takes longer."""

_FAULTS = (
    {"kind": "commit-then-close", "probability": 0.1},
    {"kind": "close-before-commit", "probability": 0.1},
    {"kind": "error", "error": 8, "probability": 0.05},
    {"kind": "cut-off", "probability": 0.05},
    {"kind": "delay", "seconds": 0.3, "probability": 0.2},
)

_FAULTY, _SLOW = 0.2, 0.2
"""Shares of the requests to the other destination that fail, and whose answer takes long."""

_MADE_UP = 20_000
"""Made-up plays if the real ones are missing."""


@dataclass(slots=True)
class Reports:
    """What was reported, by several players at once, to whichever life of the service is running."""

    token: str
    plays: Iterator[history.Play]
    port: int = 0
    over: bool = False
    answers: int = 0
    acknowledged: dict[Key, int] = field(default_factory=dict)
    unheard: set[Key] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)

    def keep_on(self, chance: Random) -> None:
        """Report play after play; a play without an answer is reported again, or given up."""
        left = None
        with httpx2.Client(timeout=10, headers={"Authorization": f"Bearer {self.token}"}, trust_env=False) as http:
            while not self.over:
                left = left or next(self.plays)
                if self._report(http, left) or chance.random() < 0.3:
                    left = None
                else:
                    time.sleep(0.02)

    def _report(self, http: httpx2.Client, play: history.Play) -> bool:
        key = key_of(play)
        try:
            answer = http.post(f"http://127.0.0.1:{self.port}/lastfm/scrobble", json=play)
        except httpx2.HTTPError:
            self.unheard.add(key)
            return False
        self.answers += 1
        if answer.status_code != 200 or answer.json()["status"] not in ("queued", "duplicate"):
            self.wrong.append(f"{key}: HTTP {answer.status_code} {answer.text[:200]}")
            return False
        self.acknowledged[key] = answer.json()["id"]
        return True


class _Shared:
    """The same plays for several threads, each play for one of them."""

    def __init__(self, plays: Iterator[history.Play]) -> None:
        self._plays = plays
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[history.Play]:
        return self

    def __next__(self) -> history.Play:
        with self._lock:
            return next(self._plays)


def _plays(chance: Random) -> list[history.Play]:
    """Real plays in random order, each once, without those that Last.fm's filter ignores; made-up ones if they are
    missing.
    """
    now = time.time()
    try:
        plays = history.real(now)
    except Missing:
        plays = list(history.made_up(_MADE_UP, now))
    once = list({key_of(play): play for play in plays if play["artist"] != FILTERED}.values())
    chance.shuffle(once)
    return once


def kill(times: int, seed: int = 0) -> dict[str, int]:
    """Kill the service that often, then let it finish: returns how many plays were lost, doubled or unexplained, at
    Last.fm and at another destination.
    """
    chance = Random(seed)
    with (
        rig.workshop() as folder,
        rig.lastfm(folder) as lastfm,
        listens(Random(f"{seed}/listens")) as other,
    ):
        listener = rig.signed_in(folder / "listener", lastfm)
        destination = asyncio.run(add(other, listener, lastfm))
        httpx2.post(f"{lastfm.base_url}/_faults", json=list(_FAULTS), trust_env=False).raise_for_status()
        other.faulty, other.slow = _FAULTY, _SLOW
        reports = Reports(listener.token, _Shared(iter(_plays(chance))))
        reporters = [
            threading.Thread(target=reports.keep_on, args=(Random(f"{seed}/{number}"),), daemon=True)
            for number in range(_REPORTERS)
        ]
        for reporter in reporters:
            reporter.start()
        for number in range(1, times + 1):
            _one_life(listener, lastfm, reports, chance)
            if number % 10 == 0:
                say(f"{number} of {times} kills, {len(reports.acknowledged)} plays acknowledged")
        reports.over = True
        for reporter in reporters:
            reporter.join()
        httpx2.delete(f"{lastfm.base_url}/_faults", trust_env=False).raise_for_status()
        other.faulty = other.slow = 0.0
        _come_to_rest(listener, lastfm, destination)
        return {
            "kills": times,
            **_reckoning(listener.database, lastfm, reports),
            **_reckoning_elsewhere(listener.database, other, reports),
        }


def _one_life(listener: rig.Listener, lastfm: rig.LastFm, reports: Reports, chance: Random) -> None:
    with rig.starting(listener, lastfm.url, per_second=0) as service:
        reports.port = service.port
        log = listener.folder / "service.log"
        if chance.random() < 0.8:  # otherwise while it starts
            service.wait_until_well(log)
            _wait_for_an_answer(reports)
        time.sleep(chance.random() * _LONGEST_LIFE)
        if service.process.poll() is not None:
            reports.wrong.append(f"the service ended by itself: {log.read_text()[-500:]}")
        service.process.kill()
        service.process.wait()


def _wait_for_an_answer(reports: Reports) -> None:
    """A service is well before it has loaded what answers players."""
    before, deadline = reports.answers, time.monotonic() + _FIRST_ANSWER
    while reports.answers == before and time.monotonic() < deadline:
        time.sleep(0.005)


def _come_to_rest(listener: rig.Listener, lastfm: rig.LastFm, destination: int) -> None:
    """A last life without faults, in which the listener presses "retry" until nothing is waiting."""
    with rig.service(listener, lastfm.url, per_second=0) as service:
        base = f"http://127.0.0.1:{service.port}"
        headers = {"Authorization": f"Bearer {listener.token}"}
        deadline, least = time.monotonic() + _DRAINED, inf
        with httpx2.Client(base_url=base, timeout=30, headers=headers, trust_env=False) as http:
            while time.monotonic() < deadline:
                http.post("/lastfm/queue/retry").raise_for_status()
                there = http.post(f"/destinations/{destination}/retry").raise_for_status().json()
                queue_status = http.get("/lastfm/queue/status").json()
                waiting = queue_status["queued_scrobbles"] + queue_status["sending"] + there["waiting"]
                if not waiting:
                    return
                if waiting < least:
                    deadline, least = time.monotonic() + _DRAINED, waiting
                time.sleep(0.05)


def _reckoning(file: Path, lastfm: rig.LastFm, reports: Reports) -> dict[str, int]:
    state = httpx2.get(f"{lastfm.base_url}/_state", params={"plays": 1_000_000, "log": 0}, trust_env=False).json()
    sent = state["plays"].get(rig.LASTFM_USER, [])
    there = Counter((play["sent_artist"], play["sent_track"], play["timestamp"]) for play in sent)
    with closing(sqlite3.connect(file)) as db:
        stored: dict[Key, tuple[int, str]] = {
            (artist, title, at): (number, fate) for artist, title, at, number, fate in db.execute(_HISTORY)
        }
        [healthy] = db.execute("PRAGMA integrity_check").fetchone()
    lost = [play for play in reports.acknowledged if play not in stored or not there[play]]
    known = reports.acknowledged.keys() | reports.unheard
    doubled = [play for play, number in there.items() if number > 1 or play not in known]
    unexplained: list[Any] = [play for play, (_, fate) in stored.items() if fate != "accepted"]
    unexplained += [play for play, number in reports.acknowledged.items() if stored.get(play, (number,))[0] != number]
    unexplained += reports.wrong + ([healthy] if healthy != "ok" else [])
    return {
        "acknowledged": len(reports.acknowledged),
        "accepted": sum(there.values()),
        "repeats_dropped": state["users"][rig.LASTFM_USER]["repeats"],
        **counted({"lost": lost, "doubled": doubled, "unexplained": unexplained}),
    }


def _reckoning_elsewhere(file: Path, other: Listens, reports: Reports) -> dict[str, int]:
    """The same for the other destination, by its own record and its own queue."""
    there = Counter(other.stored())
    with closing(sqlite3.connect(file)) as db:
        fates = {(artist, title, at): fate for artist, title, at, fate in db.execute(_ELSEWHERE)}
        waiting = db.execute("SELECT artist, track, timestamp, last_error FROM destination_queue").fetchall()
        of_none = db.execute(_OF_NONE).fetchall()
    lost = [play for play in reports.acknowledged if not there[play]]
    known = reports.acknowledged.keys() | reports.unheard
    doubled = [play for play, number in there.items() if number > 1 or play not in known]
    unexplained: list[Any] = [(play, fate) for play, fate in fates.items() if fate != "accepted" or not there[play]]
    unexplained += [*waiting, *of_none, *(there.keys() - fates.keys())]
    return {
        "listens": sum(there.values()),
        "listens_repeats_dropped": other.server.repeats,
        **counted({"listens_lost": lost, "listens_doubled": doubled, "listens_unexplained": unexplained}),
    }


def counted(found: Mapping[str, Collection[Any]]) -> dict[str, int]:
    """How many there are of each, and the first of them in the output."""
    for name, what in found.items():
        for one in list(what)[:5]:
            say(f"{name}: {one}")
    return {name: len(what) for name, what in found.items()}


_HISTORY = "SELECT artist, track, timestamp, id, fate FROM play"
_ELSEWHERE = (
    "SELECT artist, track, timestamp, coalesce(delivery.fate, 'nothing') FROM play"
    " LEFT JOIN delivery ON delivery.play = play.id"
)
_OF_NONE = "SELECT play FROM delivery WHERE play NOT IN (SELECT id FROM play)"
