"""Whether anything takes longer, or more memory, because more plays wait."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count, cycle
from pathlib import Path
from time import perf_counter

import uvloop
from sqlalchemy import Connection, func, select, update

from benchmarks import history, rig
from benchmarks.report import Options, Report, rounded, say
from lastfm_emulator import API_KEY, API_SECRET
from tonearm.core.play import Play, Track
from tonearm.core.verdict import Answered, ItemAnswer
from tonearm.deck import Deck
from tonearm.lastfm import Keys, LastFm
from tonearm.lastfm.rules import LASTFM
from tonearm.service.clock_skew import LastFmTime
from tonearm.service.delivery import Delivery
from tonearm.service.delivery_events import DeliveryEvents
from tonearm.service.job_list import DELIVER
from tonearm.service.keyring import ApiKey, DeliveryKinds, Keyring
from tonearm.service.lease import LEASE, Leases
from tonearm.service.play_outbox import PlayOutbox
from tonearm.service.rate_limit import Pace
from tonearm.service.restamp import Restamp
from tonearm.store import queue
from tonearm.store.db.schema import account, scrobble_queue
from tonearm.store.queries import account_overview
from tonearm.store.queries.account_overview import PlayFilter
from tonearm.store.queries.waiting import delivery_facts
from tonearm.store.secrets.seal import SessionCipher, seal_beside

EACH = 2 * LASTFM.batch
"""Plays of each account that has any, if there are many: the second batch is read while the first is settled."""

AT_ONCE = 10
"""Accounts that send in a round, if there are many. Their next plays are reported alternately, like the earlier
ones.
"""

DAY = 86400.0
TURN, REST, LOOK = "turn", "rest", "look"

# Plays are reported alternately: those of one account are stored between those of the others, with names in no order.
_ACCOUNTS = """
    INSERT INTO account (id, name, lastfm_username, lastfm_user, lastfm_session_key, lastfm_api_key,
                         lastfm_scrobbling_enabled, lastfm_scrobble_threshold, connection, answered_at)
    WITH RECURSIVE number(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM number WHERE n < :accounts)
    SELECT n, 'listener ' || n, 'Listener' || n, 'listener' || n, lastfm_session_key, lastfm_api_key,
           lastfm_scrobbling_enabled, lastfm_scrobble_threshold, connection, n * 7919 % 10007
    FROM number, account WHERE account.id = 1 AND n <= :accounts
"""
_PLAYS = """
    INSERT INTO play (account, artist, track, timestamp, album, album_artist, track_number, duration, played,
                      chosen_by_user, counted_reason, reported_timestamp, owner, fate, reason, reported_at)
    WITH RECURSIVE number(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n + 1 < :rows),
    heard AS (SELECT n, 1 + n % :senders * :apart AS who, n * 2654435761 % 1000003 AS song,
                     CAST(:start + n * :step AS INTEGER) AS at FROM number)
    SELECT who, 'Artist ' || (song % 997) || ' & The Sëven', 'Song ' || song || ' (Remastered)', at,
           'Album ' || (song / 12) || ' & More', 'Artist ' || (song % 997), song % 12 + 1, 215.4, 180.5,
           1, 'heard 180 s of the 108 s needed', at, lastfm_user, 'queued', 'saved, waiting to be sent to Last.fm', :now
    FROM heard JOIN account ON account.id = who ORDER BY n
"""
_QUEUE = """
    INSERT INTO scrobble_queue (id, account, artist, track, timestamp, album, album_artist, track_number, duration,
                                played, chosen_by_user, owner, live, state, enqueued_at)
    SELECT id, account, artist, track, timestamp, album, album_artist, track_number, duration, played, chosen_by_user,
           owner, 0, 'queued', :now
    FROM play ORDER BY id
"""


@dataclass(frozen=True, slots=True)
class Size:
    """A number of waiting plays, of one account or of some among many."""

    rows: int
    accounts: int

    @property
    def layout(self) -> str:
        return "one_account" if self.accounts == 1 else "many_accounts"

    @property
    def senders(self) -> int:
        """How many of the accounts have plays that wait."""
        return min(self.accounts, self.rows // EACH)

    @property
    def step(self) -> int:
        """The distance between the ids of two such accounts."""
        return self.accounts // self.senders

    @property
    def at_once(self) -> int:
        """How many of them send in a round."""
        return min(self.senders, AT_ONCE)

    def __str__(self) -> str:
        return f"{self.layout}_{self.rows}"


Found = dict[Size, dict[str, float]]
"""What a run has measured: milliseconds, and MiB of memory."""


def measure(options: Options) -> Report:
    """In each run a process for each database; their rounds take turns, so that all meet the same machine."""
    rows = (200, 400) if options.quick else (1_000, 100_000, 1_000_000)
    many, rounds = options.size(10_000, 4), options.size(30, 2)
    sizes = [Size(number, accounts) for accounts in (1, many) for number in rows]
    runs: list[Found] = []
    with rig.workshop() as folder, rig.lastfm(folder) as lastfm:
        ready = rig.signed_in(folder / "ready", lastfm)
        filled = {size: _filled(ready.copy(folder / f"filled_{size}"), size) for size in sizes}
        for run in range(options.times()):
            files = {size: _on_disk(one.copy(folder / str(size))) for size, one in filled.items()}
            runs.append(_run(files, rounds))
            for size, found in runs[-1].items():
                say(f"run {run + 1}, {size}: {', '.join(f'{name} {rounded(value)}' for name, value in found.items())}")
    return Report(
        "growth",
        _ratios(runs),
        {
            f"{name}_{size}": rounded(statistics.median(found[size][name] for found in runs))
            for size in sizes
            for name in runs[0][size]
        },
        "the same with the fewest plays in the same run: a ratio is the worst of the larger sizes, of both layouts or "
        "of the one that it names; what names a size is a median of all runs in milliseconds (memory: MiB)",
        "flush: from Last.fm's answer to a batch of 50 until the next is about to be sent, that is 50 fates written, "
        "50 plays taken and marked, and the commit; claim: taking an account and finding its next batch, within a "
        "transaction; due: the look for accounts that have something to send (resting: every backlog waits for room in "
        "the daily limit; held: every play waits for another Last.fm user); report: 50 plays taken, and the commit; "
        "page: all that is shown of an account, with a true count of its queue; memory: the most that was resident. "
        f"Layouts: one account, and {many}, of which those that have plays have {EACH}: so with more plays there are "
        f"more accounts that are due. Each database has a process of its own on core {rig.MEASURED}, where Last.fm "
        "answers at once; new plays make up for those that were sent",
    )


def _ratios(runs: Sequence[Found]) -> dict[str, Sequence[float]]:
    """For each measurement, the worst ratio in each run, over both layouts and for each."""
    sizes = list(runs[0])
    layouts = {size.layout: [other for other in sizes if other.layout == size.layout] for size in sizes}
    ratios: dict[str, Sequence[float]] = {}
    for name in runs[0][sizes[0]]:
        of_layout = {
            layout: [max(run[size][name] for size in larger) / run[least][name] for run in runs]
            for layout, (least, *larger) in layouts.items()
        }
        ratios[f"{name}_ratio"] = [max(of_run) for of_run in zip(*of_layout.values(), strict=True)]
        ratios |= {f"{name}_ratio_{layout}": values for layout, values in of_layout.items()}
    return ratios


def _filled(listener: rig.Listener, size: Size) -> rig.Listener:
    """A database in which that many plays wait, reported over 12 days."""
    now = time.time()
    values = {
        "rows": size.rows,
        "accounts": size.accounts,
        "senders": size.senders,
        "apart": size.step,
        "start": now - history.DAYS,
        "step": (history.DAYS - DAY) / size.rows,
        "now": now,
    }
    with closing(sqlite3.connect(listener.database, isolation_level=None)) as db:
        for pragma in ("cache_size=-1000000", "synchronous=OFF", "journal_mode=OFF"):
            db.execute(f"PRAGMA {pragma}")
        db.execute("BEGIN")
        for statement in (_ACCOUNTS, _PLAYS, _QUEUE):
            db.execute(statement, values)
        db.execute("COMMIT")
    return listener


def _on_disk(listener: rig.Listener) -> Path:
    """Flush its file to disk, so that nothing is left to write when the first commit flushes."""
    with listener.database.open("rb") as file:
        os.fsync(file.fileno())
    return listener.database


def _run(files: Mapping[Size, Path], rounds: int) -> Found:
    """The medians of all rounds."""
    seconds: dict[Size, dict[str, list[float]]] = {size: defaultdict(list) for size in files}
    memory: dict[Size, float] = {}
    few = -(-rounds // 3)
    with ExitStack() as running:
        processes = {size: running.enter_context(_process(file, size)) for size, file in files.items()}
        for what in [TURN] * rounds + [REST] * few + [LOOK] * few:
            for size, process in processes.items():
                timings = _asked(process, what)
                memory[size] = timings.pop("memory")[0]
                for name, values in timings.items():
                    seconds[size][name] += values
    return {
        size: {
            **{name: statistics.median(values) * 1000 for name, values in seconds[size].items()},
            "memory": memory[size],
        }
        for size in files
    }


@contextmanager
def _process(file: Path, size: Size) -> Iterator[subprocess.Popen[str]]:
    """A process that measures one database, one round for each line on its standard input."""
    command = [sys.executable, "-m", "benchmarks.growth", str(file), str(size.rows), str(size.accounts)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, cwd=rig.ROOT, env=rig.environment(), text=True) as process:
        yield process


def _asked(process: subprocess.Popen[str], what: str) -> dict[str, list[float]]:
    assert process.stdin
    assert process.stdout
    process.stdin.write(f"{what}\n")
    process.stdin.flush()
    timings: dict[str, list[float]] = json.loads(process.stdout.readline() or "{}")
    return timings


# In the process


@dataclass(frozen=True, slots=True)
class _LastFm:
    """Accepts every play at once, and records when it was called and when it answered."""

    asked: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)

    async def post(self, plays: Sequence[Play], _: str) -> Answered:
        self.asked.append(perf_counter())
        assert len(plays) == LASTFM.batch
        answer = Answered(tuple(ItemAnswer(0, timestamp=play.timestamp) for play in plays))
        self.answered.append(perf_counter())
        return answer


@dataclass(slots=True)
class _Measured:
    """A deck on a database, and what was measured in this round, in seconds."""

    deck: Deck
    seal: SessionCipher
    size: Size
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    chance: random.Random = field(default_factory=partial(random.Random, 1))
    songs: Iterator[int] = field(default_factory=count)

    async def turn(self) -> None:
        """Some accounts send what they can; the same number of plays is reported."""
        numbers = [1 + self.size.step * n for n in self.chance.sample(range(self.size.senders), self.size.at_once)]
        sent = 0
        for number in numbers:
            await self._claim(number)
            sent += await self._deliver(number)
        await self._report(numbers, sent)
        await self._due("due")

    async def rest(self) -> None:
        """The search for due plays if plays wait and none of them may be sent."""
        await self._change(backlog_until=self.deck.clock.now() + 3600)
        await self._due("due_resting")
        await self._change(backlog_until=0, lastfm_user="another " + account.c.lastfm_user)
        await self._due("due_held")
        await self._change(lastfm_user=func.replace(account.c.lastfm_user, "another ", ""))

    async def look(self) -> None:
        """What the page of the queue shows."""
        await self._read("page", partial(_page, now=self.deck.clock.now()))

    async def _change(self, **values: object) -> None:
        waiting = account.c.id.in_(select(scrobble_queue.c.account))
        await self.deck.store.write(lambda db: db.execute(update(account).where(waiting).values(**values)))

    async def _due(self, name: str) -> None:
        await self._read(name, partial(queue.due, now=self.deck.clock.now(), key=API_KEY))

    async def _read(self, name: str, ask: Callable[[Connection], object]) -> None:
        def asked(db: Connection) -> float:
            start = perf_counter()
            ask(db)
            return perf_counter() - start

        self.seconds[name].append(await self.deck.store.read(asked))

    async def _claim(self, number: int) -> None:
        def claim(db: Connection) -> float:
            now = self.deck.clock.now()
            start = perf_counter()
            lease = queue.claim(db, number, "benchmark", now, now + LEASE)
            assert lease
            waiting = queue.waiting(db, number, lease.user, now, LASTFM.batch)
            seconds = perf_counter() - start
            assert len(waiting) == LASTFM.batch
            queue.release(db, lease)
            return seconds

        self.seconds["claim"].append(await self.deck.store.write(claim))

    async def _deliver(self, number: int) -> int:
        """How many plays were sent."""
        deck, lastfm = self.deck, _LastFm()
        pace, asks = Pace(deck.store, deck.clock, API_KEY, 0, LASTFM), LastFm(Keys(API_KEY, API_SECRET), rig.AWAY)
        keyring = Keyring(deck.store, (ApiKey(pace, asks, asks, lastfm.post, asks),))
        time_ = LastFmTime(deck.clock)

        leases = Leases(deck.store, deck.clock, "benchmark", queue.LINE)
        events = DeliveryEvents(deck.event_hub, deck.counters)
        outbox = PlayOutbox(deck.clock, time_, Restamp(deck.clock, time_), LASTFM, keyring.names)
        delivery_kinds = DeliveryKinds(DELIVER, keyring.names)
        delivering = Delivery(deck.store, deck.clock, keyring, delivery_kinds.saw, self.seal, leases, events, outbox)
        await delivering.deliver(number)
        self.seconds["flush"] += [
            begun - ended for begun, ended in zip(lastfm.asked[1:], lastfm.answered, strict=False)
        ]
        return LASTFM.batch * len(lastfm.asked)

    async def _report(self, numbers: Sequence[int], plays: int) -> None:
        """Report as many plays as were sent, from hours ago, for these accounts alternately."""
        who = cycle(numbers)
        for _ in range(plays // LASTFM.batch):
            at = int(self.deck.clock.now() - DAY / 2)
            reported = [
                Play(Track("Nina Simone", f"Song {at} {next(self.songs)}", duration=215.4), at + 180 * n, 180.5)
                for n in range(LASTFM.batch)
            ]
            start = perf_counter()
            taken = await asyncio.gather(*(self.deck.reports.scrobble(next(who), play) for play in reported))
            self.seconds["report"].append(perf_counter() - start)
            assert {one.status for one in taken} == {"queued"}


def _page(db: Connection, now: float) -> None:
    seen = account_overview.load(db, delivery_facts(db, 1, [API_KEY], now, now, configured=True), LASTFM.oldest or 0.0)
    account_overview.page(db, seen, PlayFilter.ALL, 50)
    account_overview.filters(db, seen)


async def _answer(file: Path, size: Size) -> None:
    async with rig.deck_on(file, rig.AWAY, deliver=False) as deck:
        measured = _Measured(deck, seal_beside(file), size)
        for line in sys.stdin:  # nothing else happens meanwhile
            measured.seconds.clear()
            await {TURN: measured.turn, REST: measured.rest, LOOK: measured.look}[line.strip()]()
            say(json.dumps({**measured.seconds, "memory": [_most_resident_mib()]}))


async def turns(
    decks: Mapping[Size, Deck], seal: SessionCipher, rounds: int
) -> Mapping[Size, Mapping[str, list[float]]]:
    """The seconds that everything took in all rounds of several databases, which take turns in each round."""
    measured = [_Measured(deck, seal, size) for size, deck in decks.items()]
    for number in range(rounds):
        for one in measured:
            await one.turn()
            if number % 3 == 0:
                await one.rest()
    return {one.size: one.seconds for one in measured}


def ratios(runs: Sequence[Found], small: Size, large: Size) -> dict[str, Sequence[float]]:
    """For each measurement, the ratio in each run."""
    return {f"{name}_ratio": [run[large][name] / run[small][name] for run in runs] for name in runs[0][small]}


def _most_resident_mib() -> float:
    status = Path("/proc/self/status").read_text()
    kib = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(kib) / 1024


if __name__ == "__main__":
    rig.pin(rig.MEASURED)
    where, rows, accounts = sys.argv[1:]
    uvloop.run(_answer(Path(where), Size(int(rows), int(accounts))))
