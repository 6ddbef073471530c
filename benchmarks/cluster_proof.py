"""The proof of `python -m benchmarks workers`: whatever is killed, no play is lost or doubled.

Plays come in through two services while every worker, a service and PostgreSQL are killed and everything is restarted
in turn. Some listeners have a second destination, which fails now and then.
"""

from __future__ import annotations

import argparse
import json
import random
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import psycopg

from benchmarks import history
from benchmarks.cluster import BATCH, CALLERS, Cluster, Seen, cluster, lastfm, seen, sign_in, until_empty
from benchmarks.cluster_elsewhere import WRONG, Elsewhere
from benchmarks.listens import listens
from benchmarks.replay import Key, key_of
from benchmarks.report import Figure, rounded, say
from tests import postgres

FAULTS = (
    {"kind": "error", "error": 16, "probability": 0.01},
    {"kind": "commit-then-close", "probability": 0.01},
    {"kind": "close-before-commit", "probability": 0.005},
    {"kind": "gateway-html", "probability": 0.005},
)
"""3 % of the requests: rejected, carried out but not answered, neither carried out nor answered, broken."""

_LOOK = 0.1


def prove(
    folder: Path,
    server: postgres.Server,
    hands: Sequence[Sequence[history.Play]],
    options: argparse.Namespace,
    broken: list[str],
) -> dict[str, Figure]:
    """Report each account's plays of `hands` to a new cluster. Returns what came of it, and adds to `broken` the
    promises that were not kept.
    """
    names = [f"listener-{number}" for number in range(len(hands))]
    workers = [f"worker{number + 1}" for number in range(options.workers)]
    begun = time.monotonic()
    with ExitStack() as opened:
        there = opened.enter_context(lastfm(folder))
        other = opened.enter_context(listens(random.Random("elsewhere")))
        made = opened.enter_context(cluster(folder, server, there, options.limit))
        tokens = sign_in(made.url, there, names)
        elsewhere = Elsewhere(made, other, dict(zip(names[: options.elsewhere], tokens, strict=False)))
        elsewhere.add()
        httpx2.post(f"{there.base_url}/_faults", json=[{**fault, "methods": ["track.scrobble"]} for fault in FAULTS])
        made.start("service1", "service2", *workers)
        plays = sum(map(len, hands))
        run = _Run(plays, made, elsewhere, Reports(made, tokens, names), Orphans(made), begun)
        run.tell(f"{len(names)} listeners are connected, {len(made.members)} processes")
        run.play(hands, workers, calm=options.calm)
        outcome = run.outcome(seen(there))
    for words in (*run.reports.wrong[:5], *outcome.complaints):
        say(f"wrong: {words}")
    broken += [promise for promise, kept in outcome.promises(options.limit).items() if not kept]
    return outcome.fields(options.limit)


@dataclass(slots=True)
class Reports:
    """Plays reported to the cluster: a batch is posted again until it is answered, to whichever service is up."""

    cluster: Cluster
    tokens: Sequence[str]
    names: Sequence[str]
    acknowledged: dict[str, set[Key]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def report(self, account: int, plays: Sequence[history.Play], chance: random.Random) -> None:
        """Report an account's plays."""
        headers = {"Authorization": f"Bearer {self.tokens[account]}", "User-Agent": "bench"}
        with httpx2.Client(headers=headers, timeout=30, trust_env=False) as http:
            for first in range(0, len(plays), BATCH):
                self._post(http, account, plays[first : first + BATCH], chance)

    def _post(self, http: httpx2.Client, account: int, plays: Sequence[history.Play], chance: random.Random) -> None:
        while True:
            port = chance.choice(list(self.cluster.ports.values()))
            try:
                answer = http.post(f"http://127.0.0.1:{port}/lastfm/scrobbles", json={"plays": list(plays)})
            except httpx2.HTTPError:
                time.sleep(0.2)
                continue
            if answer.status_code == 503:
                time.sleep(0.2)
                continue
            if answer.status_code != 200:
                self.wrong.append(f"HTTP {answer.status_code} {answer.text[:200]}")
                return
            statuses = {taken["status"] for taken in answer.json()["plays"]}
            if not statuses <= {"queued", "duplicate"}:
                self.wrong.append(f"answered {statuses}")
            self.acknowledged.setdefault(self.names[account], set()).update(key_of(play) for play in plays)
            return


@dataclass(slots=True)
class Orphans:
    """Accounts whose sender was killed, and how long each waits until it is served again."""

    cluster: Cluster
    waiting: dict[int, tuple[float, int]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    over: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def killed(self, process: int) -> int:
        """Note the accounts of a process that was just killed; returns how many."""
        held = self.cluster.rows(
            "SELECT id, lease_id FROM account WHERE lease_owner LIKE %s AND lease_until > 0", f"%:{process}:%"
        )
        with self.lock:
            self.waiting.update({number: (time.monotonic(), lease) for number, lease in held})
        return len(held)

    def watch(self) -> None:
        """Note accounts that are served again, until all are."""
        while not self.over or self.waiting:
            time.sleep(_LOOK)
            with self.lock:
                wanted = dict(self.waiting)
            if not wanted:
                continue
            try:
                rows = self.cluster.rows("SELECT id, lease_id FROM account WHERE id = ANY(%s)", list(wanted))
            except psycopg.Error:
                continue
            for number, lease in rows:
                since, before = wanted[number]
                if lease > before:
                    self.seconds.append(time.monotonic() - since)
                    with self.lock:
                        self.waiting.pop(number, None)


@dataclass(slots=True)
class _Run:
    """A cluster under proof, which gets so many `plays`. `stops` are the seconds that its processes took to end when
    they were asked to.
    """

    plays: int
    made: Cluster
    elsewhere: Elsewhere
    reports: Reports
    orphans: Orphans
    begun: float
    stops: list[float] = field(default_factory=list)

    def tell(self, words: str) -> None:
        """Print what happens, with the time since the beginning."""
        say(f"{time.monotonic() - self.begun:6.1f} s  {words}")

    def play(self, hands: Sequence[Sequence[history.Play]], workers: Sequence[str], *, calm: bool) -> None:
        """Report all plays; return when each is settled and all processes have ended. Unless it is to be `calm`, the
        workers and all else are killed meanwhile.
        """
        watch = threading.Thread(target=self.orphans.watch)
        watch.start()
        with ThreadPoolExecutor(CALLERS) as callers:
            posts = [callers.submit(self.reports.report, n, hand, random.Random(n)) for n, hand in enumerate(hands)]
            if not calm:
                self._kill(workers)
            for post in posts:
                post.result()
        self.tell("all plays are acknowledged")
        until_empty(self.made, self.begun)
        self.elsewhere.come_to_rest()
        self.orphans.over = True
        watch.join(60)
        self.stops += [self.made.stop(name) for name in list(self.made.members)]

    def outcome(self, found: Seen) -> _Outcome:
        """What came of it at Last.fm, at the second destination, and in the database."""
        [(sending,)] = self.made.rows("SELECT count(*) FROM scrobble_queue WHERE state = 'sending'")
        fates = dict(self.made.rows("SELECT fate, count(*) FROM play GROUP BY fate"))
        elsewhere = self.elsewhere.reckoning(self.reports.acknowledged)
        return _Outcome(self, found, elsewhere, sending, fates, self.made.complaints(), time.monotonic() - self.begun)

    def _kill(self, workers: Sequence[str]) -> None:
        """Kill each worker in turn, a service, PostgreSQL; then restart everything in turn."""
        made, orphans = self.made, self.orphans
        for name in workers:
            _until_it_sends(made, name)
            process = made.kill(name)
            self._happened(f"{name} is killed in the middle of {orphans.killed(process)} accounts")
            made.start(name)
        deadline = time.monotonic() + 90
        while orphans.waiting and time.monotonic() < deadline:  # jobs that PostgreSQL takes down aren't their fault
            time.sleep(_LOOK)
        orphans.killed(made.kill("service2"))
        self._happened("service2 is killed")
        made.start("service2")
        made.server.crash()
        time.sleep(2.0)
        made.server.start()
        self._happened("PostgreSQL was stopped hard and is back")
        for name in list(made.members):
            self.stops.append(made.stop(name))
            made.start(name)
            self._happened(f"{name} was restarted, and took {self.stops[-1]:.1f} s to end")

    def _happened(self, words: str) -> None:
        self.tell(f"{words}; {self.made.waiting()} plays wait")


@dataclass(slots=True)
class _Outcome:
    """What came of a run."""

    run: _Run
    there: Seen
    elsewhere: Mapping[str, int]
    sending: int
    fates: Mapping[str, int]
    complaints: Sequence[str]
    seconds: float

    @property
    def lost(self) -> int:
        """Plays that were acknowledged and aren't at Last.fm."""
        known = self.run.reports.acknowledged
        return sum(len(plays - set(self.there.plays.get(name, ()))) for name, plays in known.items())

    @property
    def doubled(self) -> int:
        """Plays that are there more than once, or were never acknowledged."""
        known = self.run.reports.acknowledged
        strange = sum(len(set(plays) - known.get(name, set())) for name, plays in self.there.plays.items())
        return self.there.doubled() + strange

    @property
    def longest_orphaned(self) -> float:
        """Seconds until the last account of a killed process was served again."""
        return max(self.run.orphans.seconds, default=0.0)

    def fields(self, limit: float) -> dict[str, Figure]:
        """What was counted and measured."""
        return {
            "plays": self.run.plays,
            "acknowledged": self._acknowledged,
            "lost": self.lost,
            "doubled": self.doubled,
            "out_of_order": self.there.out_of_order(),
            "repeats_dropped": self.there.repeats,
            "requests": len(self.there.requests),
            "limit": limit,
            "max_requests_in_any_second": self.there.most_in_a_second(),
            "left_sending": self.sending,
            "orphans": len(self.run.orphans.seconds),
            "served_again_s": rounded(self.longest_orphaned),
            "graceful_stop_s": rounded(max(self.run.stops)),
            "proof_seconds": rounded(self.seconds),
            "fates": json.dumps(self.fates),
            **self.elsewhere,
        }

    def promises(self, limit: float) -> dict[str, bool]:
        """Whether each promise was kept."""
        return {
            "every play was acknowledged": self.run.plays == self._acknowledged and not self.run.reports.wrong,
            "nothing lost": self.lost == 0 and self.fates.keys() <= {"accepted"},
            "nothing doubled": self.doubled == 0,
            "each play is at the second destination once": not any(self.elsewhere[name] for name in WRONG),
            "order kept": self.there.out_of_order() == 0,
            "limit kept": self.there.most_in_a_second() <= limit + 1,
            "nothing left in the middle": self.sending == 0,
            "served again within 35 s": self.longest_orphaned <= 35 and not self.run.orphans.waiting,
            "a graceful stop within 10 s": max(self.run.stops) <= 10,
            "no traceback": not self.complaints,
        }

    @property
    def _acknowledged(self) -> int:
        return sum(map(len, self.run.reports.acknowledged.values()))


def _until_it_sends(made: Cluster, name: str) -> None:
    """Return when a worker holds an account, or nothing is left to do."""
    deadline = time.monotonic() + 30
    owner = f"%:{made.members[name].process.pid}:%"
    while time.monotonic() < deadline:
        [(held,)] = made.rows("SELECT count(*) FROM account WHERE lease_owner LIKE %s AND lease_until > 0", owner)
        if held:
            return
        time.sleep(_LOOK)
