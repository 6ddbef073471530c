"""Whether one account's backlog makes the others wait: a thousand accounts behind one API key, simulated.

`benchmarks.simulation` says what is real and what isn't. Here nothing goes wrong: Last.fm answers, the network takes
its usual time. All waits are in simulated time, so the machine doesn't influence them.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from statistics import median

from sqlalchemy import Connection

from benchmarks import history
from benchmarks.drain import track
from benchmarks.report import Options, Report, say
from benchmarks.rush import rush
from benchmarks.simulation.crash_points import Doom
from benchmarks.simulation.disk import Disk
from benchmarks.simulation.healthy_network import Watch, Well
from benchmarks.simulation.process import SECRET, Clock, Process, surroundings
from benchmarks.simulation.run import Room
from benchmarks.simulation.timeline import Timeline
from lastfm_emulator import API_KEY, Emulator
from tonearm.core.play import Track
from tonearm.deck import Deck, Listener
from tonearm.engine.engine import SWEEP
from tonearm.lastfm.rules import LASTFM
from tonearm.store import accounts
from tonearm.store.secrets.seal import SessionCipher

PER_SECOND = 4.0
SHORTEST_SONG, LONGEST_SONG = 180.0, 300.0
"""Seconds: with a thousand accounts, more plays end per second than requests are allowed."""

LONGEST_PAUSE = 1800.0
LIVE_PLAYS = 3
"""Plays of each account that has no backlog: see `_songs`."""

PATIENCE = 86400.0
"""Simulated seconds within which all plays have to be on Last.fm."""

_LOOK = 5.0


def measure(options: Options) -> Report:
    """Each run has another seed: songs end at other times, and the network differs."""
    crowd, backlog = options.size(1000, 30), options.size(10_000, 400)
    found, alone, together = [], [], []
    with Room() as room:
        for seed in range(options.times()):
            found.append(_evening(seed, crowd, backlog, room))
            say(f"run {seed + 1}: {found[-1]}")
            alone.append(rush(seed, crowd, 1, PER_SECOND, room))
            together.append(rush(seed, crowd, 2, PER_SECOND, room))
    return Report(
        "fairness",
        {
            "worst_ratio": [max(one.ratios) for one in found],
            "median_ratio": [median(one.ratios) for one in found],
            "worst_wait_s": [one.longest for one in found],
            "backlog_ratio": [one.backlog_seconds / one.backlog_fair_seconds for one in found],
            "backlog_seconds": [one.backlog_seconds for one in found],
            "requests": [one.requests for one in found],
            "max_requests_in_any_second": [one.most_in_a_second for one in found],
            "two_keys_ratio": [one.seconds / two.seconds for one, two in zip(alone, together, strict=True)],
            "two_keys_max_requests_in_any_second": [two.most_in_a_second for two in together],
        },
        {
            "accounts": crowd,
            "backlog": backlog,
            "live_plays": (crowd - 1) * LIVE_PLAYS,
            "accounts_over_twice": max(sum(ratio > 2 for ratio in one.ratios) for one in found),
            "most_accounts_waiting": max(one.most_waiting for one in found),
        },
        "the fair share: a request of each account that has something to send is due once in a round, so the fair wait "
        f"of a play is the number of such accounts when it was reported, its own included, over {PER_SECOND:g}/s. "
        "ratio: the longest wait of an account, in fair waits, from the report to Last.fm's word on disk; worst_ratio "
        "and median_ratio are over the accounts without a backlog. backlog_ratio: until the last play of the backlog "
        f"is accepted, over the time in which its {-(-backlog // LASTFM.batch)} requests come round, as the crowd "
        "changes. "
        "two_keys_ratio: how long a play of every account at once takes behind one API key, over two of them with half "
        "of the accounts each; two_keys_max_requests_in_any_second is of the key that had the most",
        "simulated time, real service code on a SQLite file in memory; when an account has reported a backlog, all the "
        f"others report a play at once, then one more song of {SHORTEST_SONG:g} to {LONGEST_SONG:g} seconds, and after "
        f"a pause of up to {LONGEST_PAUSE:g} seconds another; a request takes 0.04 to 0.16 seconds, which no fair wait "
        "allows for, and a commit up to 0.02; every run has a seed of its own",
    )


@dataclass(frozen=True, slots=True)
class Evening:
    """The result of a run: for each account without a backlog, its longest wait in fair waits; times are in seconds."""

    ratios: Sequence[float]
    longest: float
    backlog_seconds: float
    backlog_fair_seconds: float
    most_waiting: int
    requests: int
    most_in_a_second: int

    def __str__(self) -> str:
        return (
            f"the longest wait is {max(self.ratios):.2f} fair ones (median of all accounts {median(self.ratios):.2f}), "
            f"{sum(ratio > 2 for ratio in self.ratios)} accounts wait for more than two; the backlog is done after "
            f"{self.backlog_seconds:.0f} s ({self.backlog_fair_seconds:.0f} s are fair)"
        )


@dataclass(frozen=True, slots=True)
class Wait:
    """How long a play of an account waited: from its report to Last.fm's answer (Unix seconds)."""

    account: int
    since: float
    until: float


class Crowd:
    """How many accounts have something to send, at every time."""

    def __init__(self, waits: Sequence[Wait]) -> None:
        changes = sorted([(w.since, 1, w.account) for w in waits] + [(w.until, -1, w.account) for w in waits])
        owed: defaultdict[int, int] = defaultdict(int)
        self.times: list[float] = []
        self.numbers: list[int] = []
        number = 0
        for at, change, account in changes:
            before, owed[account] = owed[account], owed[account] + change
            number += (owed[account] > 0) - (before > 0)
            self.times.append(at)
            self.numbers.append(number)

    def at(self, moment: float) -> int:
        """The number just after that time."""
        place = bisect_right(self.times, moment)
        return self.numbers[place - 1] if place else 0

    def turns_over(self, since: float, turns: int) -> float:
        """When that many turns of an account that always waits will have come, if each account gets its fair share."""
        left, place = float(turns), bisect_right(self.times, since)
        at, number = since, self.at(since)
        while place < len(self.times):
            come = (self.times[place] - at) * PER_SECOND / max(1, number)
            if come >= left:
                break
            left -= come
            at, number = self.times[place], self.numbers[place]
            place += 1
        return at + left * max(1, number) / PER_SECOND


def judged(waits: Sequence[Wait], with_backlog: int) -> tuple[dict[int, float], float, float]:
    """The longest wait of each other account in fair waits; how long the backlog took, and how long is fair."""
    crowd = Crowd(waits)
    ratios: defaultdict[int, float] = defaultdict(float)
    for wait in waits:
        if wait.account != with_backlog:
            fair = max(1, crowd.at(wait.since)) / PER_SECOND
            ratios[wait.account] = max(ratios[wait.account], (wait.until - wait.since) / fair)
    backlog = [wait for wait in waits if wait.account == with_backlog]
    begun = min(wait.since for wait in backlog)
    done = max(wait.until for wait in backlog) - begun
    return ratios, done, crowd.turns_over(begun, -(-len(backlog) // LASTFM.batch)) - begun


def _evening(seed: int, crowd: int, backlog: int, room: Room) -> Evening:
    chance, timeline = Random(seed), Timeline()
    emulator = Emulator(clock=lambda: timeline.now, seed=seed)
    watch = Watch(timeline)
    disk = Disk(room.file(), timeline, chance, lambda: None)
    network = Well(timeline, emulator, chance, watch)
    clocks = [Clock(timeline, chance, 0.0)]
    process = Process(timeline, network, disk, clocks, PER_SECOND, _mishap, lambda *_: None)
    with surroundings(process):
        process.live(Doom(), SWEEP, partial(_listen, emulator=emulator, chance=chance, crowd=crowd, backlog=backlog))
    rows = disk.look("SELECT account, reported_at, settled_at, fate FROM play")
    [with_backlog] = disk.look("SELECT id FROM account WHERE name = ?", _name(0))[0]
    disk.look_away()
    if [fate for *_, fate in rows] != ["accepted"] * (backlog + (crowd - 1) * LIVE_PLAYS):
        raise RuntimeError("not all plays were accepted, though all is well")
    waits = [Wait(account, since, until) for account, since, until, _ in rows]
    ratios, done, fair = judged(waits, with_backlog)
    longest = max(wait.until - wait.since for wait in waits if wait.account != with_backlog)
    most = max(Crowd(waits).numbers)
    return Evening(list(ratios.values()), longest, done, fair, most, watch.requests, watch.most_in_a_second)


def _mishap(words: str) -> None:
    raise RuntimeError(words)


def _name(number: int) -> str:
    return f"listener-{number}"


async def _listen(decks: list[Deck], *, emulator: Emulator, chance: Random, crowd: int, backlog: int) -> None:
    [deck] = decks
    sessions = {_name(n): emulator.session_key(_name(n)) for n in range(crowd)}
    everyone = await deck.store.write(partial(_signed_in, sessions=sessions, now=deck.clock.now()))
    first, *others = [Listener(deck, number, name) for name, number in everyone.items()]
    plays = history.made_up(backlog, deck.clock.now())
    await asyncio.gather(
        *(first.scrobble(track(play), started_at=play["timestamp"], played=play["played_time"]) for play in plays)
    )
    await asyncio.gather(*(_songs(one, chance) for one in others))
    end = deck.clock.now() + PATIENCE
    while sum(deck.counters.fates.values()) < backlog + len(others) * LIVE_PLAYS:
        await deck.clock.sleep(_LOOK)
        if deck.clock.now() > end:
            raise RuntimeError("the plays do not get there, though all is well")


def _signed_in(db: Connection, sessions: dict[str, str], now: float) -> dict[str, int]:
    seal, numbers = SessionCipher((SECRET,)), {}
    for name, session in sessions.items():
        numbers[name] = accounts.add(db, name, now).id
        accounts.sign_in(db, numbers[name], name, seal.close(session), API_KEY)
    return numbers


async def _songs(listener: Listener, chance: Random) -> None:
    """A play that was over when the backlog came, a song, and after a while another; each reported at its end."""
    clock = listener.deck.clock
    pauses = (None, 0.0, chance.uniform(0.0, LONGEST_PAUSE))
    for number, pause in enumerate(pauses):
        length = chance.uniform(SHORTEST_SONG, LONGEST_SONG)
        if pause is not None:
            await clock.sleep(pause + length)
        song = Track("Mogwai", f"Song {number} of {listener.name}", duration=length)
        await listener.scrobble(song, started_at=clock.now() - length, played=length)
