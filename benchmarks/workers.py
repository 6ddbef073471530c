"""`python -m benchmarks workers`: many processes on one PostgreSQL, and everything that may happen to them.

The proof: plays come in through two services while every worker, a service and PostgreSQL are killed and everything is
restarted in turn; nothing is lost or doubled, on Last.fm and at the second destination that some listeners have. Then
how fast it is if Last.fm sets no limit.
"""

from __future__ import annotations

import argparse
import json
import random
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psycopg

from benchmarks import history, load, processor, rig
from benchmarks.cluster import Cluster, cluster, lastfm, seen, sign_in
from benchmarks.hosts import cut_off
from benchmarks.replay import FILTERED, Key, key_of
from benchmarks.report import Figure, Missing, machine, rounded, say
from tests import postgres

CALLERS = 8
BATCH = 1000
PER_SECOND = 4.0
FAULTS = (
    {"kind": "error", "error": 16, "probability": 0.01},
    {"kind": "commit-then-close", "probability": 0.01},
    {"kind": "close-before-commit", "probability": 0.005},
    {"kind": "gateway-html", "probability": 0.005},
)
"""3 % of the requests: rejected, carried out but not answered, neither carried out nor answered, broken."""

_DRAINED_WITHIN = 3600.0
_LOOK = 0.1


def main(arguments: Sequence[str]) -> int:
    """Exit status 1 if a promise was broken."""
    options = _parser().parse_args(arguments)
    fields: dict[str, Any] = {"benchmark": "workers"}
    broken: list[str] = []
    try:
        plays = _plays(options.plays)
        with rig.workshop() as folder:
            folder.chmod(0o755)  # PostgreSQL runs as another user if this runs as root
            with postgres.running("listen_addresses=*", durable=True, inside=folder) as server:
                if not options.no_proof:
                    fields |= _proof(folder, server, plays, options, broken)
                if not options.no_speed:
                    fields |= _speed(folder, server, plays, options)
                if not options.no_hosts:
                    fields |= _hosts(folder, server, broken)
    except (Missing, postgres.NoPostgres) as missing:
        fields["skipped"] = str(missing)
        say(f"workers was not measured: {missing}")
    fields |= {"broken": "; ".join(broken), **machine()}
    for name, value in fields.items():
        say(f"{name:>32}  {value}")
    if options.json:
        say(json.dumps(fields, ensure_ascii=False))
    return 1 if broken else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench workers", description=__doc__)
    parser.add_argument("--accounts", type=int, default=200, metavar="N", help="listeners (default: 200)")
    parser.add_argument("--plays", type=int, default=60_000, metavar="N", help="real plays (default: 60000)")
    parser.add_argument("--workers", type=int, default=4, metavar="N", help="of the proof (default: 4)")
    parser.add_argument(
        "--elsewhere",
        type=int,
        default=20,
        metavar="N",
        help="so many of them have a second destination (20)",
    )
    parser.add_argument("--limit", type=float, default=PER_SECOND, metavar="N", help="requests a second (default: 4)")
    parser.add_argument("--speeds", default="1,2,4", metavar="N,N", help="numbers of workers to measure")
    parser.add_argument("--calm", action="store_true", help="nothing is killed in the proof")
    parser.add_argument("--no-proof", action="store_true", help="only measure how fast it is")
    parser.add_argument("--no-speed", action="store_true", help="only prove that nothing is lost or doubled")
    parser.add_argument("--no-hosts", action="store_true", help="leave the host out that is cut off")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    return parser


def _plays(number: int) -> list[history.Play]:
    """Real plays, without those that Last.fm's filter ignores; made-up ones if the real ones are missing."""
    now = time.time()
    try:
        found = [play for play in history.real(now) if play["artist"] != FILTERED]
    except Missing as missing:
        say(f"made-up plays: {missing}")
        found = list(history.made_up(number, now))
    return found[:number]


def _dealt(plays: Sequence[history.Play], accounts: int) -> list[list[history.Play]]:
    """Each account's plays, in order of time, each once."""
    hands = [plays[number::accounts] for number in range(accounts)]
    return [list({key_of(play): play for play in hand}.values()) for hand in hands]


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


def _proof(
    folder: Path, server: postgres.Server, plays: list[history.Play], options: argparse.Namespace, broken: list[str]
) -> dict[str, Figure]:
    from benchmarks import cluster_elsewhere  # not every build that is compared knows other services
    from benchmarks.listens import listens

    names = [f"listener-{number}" for number in range(options.accounts)]
    hands, begun = _dealt(plays, options.accounts), time.monotonic()
    workers = [f"worker{number + 1}" for number in range(options.workers)]
    with (
        lastfm(folder) as there,
        listens(random.Random("elsewhere")) as other,
        cluster(folder, server, there, options.limit) as made,
    ):
        tokens = sign_in(made.url, there, names)
        elsewhere = cluster_elsewhere.Elsewhere(
            made, other, dict(zip(names[: options.elsewhere], tokens, strict=False))
        )
        elsewhere.add()
        httpx2.post(f"{there.base_url}/_faults", json=[{**fault, "methods": ["track.scrobble"]} for fault in FAULTS])
        made.start("service1", "service2", *workers)
        say(f"{time.monotonic() - begun:6.1f} s  {len(names)} listeners are connected, {len(made.members)} processes")
        reports, orphans = Reports(made, tokens, names), Orphans(made)
        watch = threading.Thread(target=orphans.watch)
        watch.start()
        with ThreadPoolExecutor(CALLERS) as callers:
            posts = [callers.submit(reports.report, n, hands[n], random.Random(n)) for n in range(options.accounts)]
            stops = [] if options.calm else _mishaps(made, workers, orphans, begun)
            for post in posts:
                post.result()
        say(f"{time.monotonic() - begun:6.1f} s  all plays are acknowledged")
        _until_empty(made, begun)
        elsewhere.come_to_rest()
        orphans.over = True
        watch.join(60)
        stops += [made.stop(name) for name in list(made.members)]
        sending = made.rows("SELECT count(*) FROM scrobble_queue WHERE state = 'sending'")[0][0]
        fates = dict(made.rows("SELECT fate, count(*) FROM play GROUP BY fate"))
        found, found_elsewhere = seen(there), elsewhere.reckoning(reports.acknowledged)
        complaints = made.complaints()
    lost = sum(len(keys - set(found.plays.get(name, ()))) for name, keys in reports.acknowledged.items())
    strange = sum(len(set(there) - reports.acknowledged.get(name, set())) for name, there in found.plays.items())
    fields: dict[str, Figure] = {
        "plays": sum(len(hand) for hand in hands),
        "acknowledged": sum(len(keys) for keys in reports.acknowledged.values()),
        "lost": lost,
        "doubled": found.doubled() + strange,
        "out_of_order": found.out_of_order(),
        "repeats_dropped": found.repeats,
        "requests": len(found.requests),
        "limit": options.limit,
        "max_requests_in_any_second": found.most_in_a_second(),
        "left_sending": sending,
        "orphans": len(orphans.seconds),
        "served_again_s": rounded(max(orphans.seconds, default=0.0)),
        "graceful_stop_s": rounded(max(stops)),
        "proof_seconds": rounded(time.monotonic() - begun),
        "fates": json.dumps(fates),
        **found_elsewhere,
    }
    promises = {
        "every play was acknowledged": fields["plays"] == fields["acknowledged"] and not reports.wrong,
        "nothing lost": lost == 0 and fates.keys() <= {"accepted"},
        "nothing doubled": fields["doubled"] == 0,
        "each play is at the second destination once": not sum(
            found_elsewhere[name] for name in cluster_elsewhere.WRONG
        ),
        "order kept": fields["out_of_order"] == 0,
        "limit kept": found.most_in_a_second() <= options.limit + 1,
        "nothing left in the middle": sending == 0,
        "served again within 35 s": max(orphans.seconds, default=0.0) <= 35 and not orphans.waiting,
        "a graceful stop within 10 s": max(stops) <= 10,
        "no traceback": not complaints,
    }
    broken += [promise for promise, kept in promises.items() if not kept]
    for words in (*reports.wrong[:5], *complaints):
        say(f"wrong: {words}")
    return fields


def _mishaps(made: Cluster, workers: Sequence[str], orphans: Orphans, begun: float) -> list[float]:
    """Kill each worker in turn, a service, PostgreSQL; then restart everything in turn. The seconds that stops took."""

    def tell(words: str) -> None:
        say(f"{time.monotonic() - begun:6.1f} s  {words}; {made.waiting()} plays wait")

    for name in workers:
        _until_it_sends(made, name)
        process = made.kill(name)
        tell(f"{name} is killed in the middle of {orphans.killed(process)} accounts")
        made.start(name)
    deadline = time.monotonic() + 90
    while orphans.waiting and time.monotonic() < deadline:  # jobs that PostgreSQL takes down are not the workers' fault
        time.sleep(_LOOK)
    process = made.kill("service2")
    orphans.killed(process)
    tell("service2 is killed")
    made.start("service2")
    made.server.crash()
    time.sleep(2.0)
    made.server.start()
    tell("PostgreSQL was stopped hard and is back")
    stops = []
    for name in list(made.members):
        stops.append(made.stop(name))
        made.start(name)
        tell(f"{name} was restarted, and took {stops[-1]:.1f} s to end")
    return stops


def _until_it_sends(made: Cluster, name: str) -> None:
    """Return when a worker holds an account, or nothing is left to do."""
    deadline = time.monotonic() + 30
    owner = f"%:{made.members[name].process.pid}:%"
    while time.monotonic() < deadline:
        [(held,)] = made.rows("SELECT count(*) FROM account WHERE lease_owner LIKE %s AND lease_until > 0", owner)
        if held:
            return
        time.sleep(_LOOK)


def _until_empty(made: Cluster, begun: float) -> None:
    deadline, printed_at = time.monotonic() + _DRAINED_WITHIN, time.monotonic()
    with psycopg.connect(
        made.url, autocommit=True
    ) as db:  # one connection for all checks: a new one costs as much as a batch
        while db.execute("SELECT 1 FROM scrobble_queue LIMIT 1").fetchone():
            if time.monotonic() > deadline:
                raise RuntimeError(f"{made.waiting()} plays do not get there")
            if time.monotonic() - printed_at > 20:
                printed_at = time.monotonic()
                say(f"{printed_at - begun:6.1f} s  {made.waiting()} plays wait")
            time.sleep(_LOOK)


def _hosts(folder: Path, server: postgres.Server, broken: list[str]) -> dict[str, Figure]:
    """A worker that is cut off from the database, if hosts can be created."""
    try:
        found = cut_off(folder, server)
    except Missing as missing:
        say(str(missing))
        return {"cut_off_skipped": str(missing)}
    if found["cut_off_lost"] or found["cut_off_doubled"] or found["cut_off_changed_something"]:
        broken.append("a host that was cut off changes nothing")
    return found


def _speed(
    folder: Path, server: postgres.Server, plays: list[history.Play], options: argparse.Namespace
) -> dict[str, Any]:
    numbers = [int(number) for number in options.speeds.split(",")]
    ingest = _taken_and_sent(folder, server, plays, options.accounts, 0)[0]
    say(f"{ingest:.0f} plays/s are taken where none is sent meanwhile")
    delivered, taken, price = {}, {}, {}
    for number in numbers:
        taken[number], delivered[number], costs = _taken_and_sent(folder, server, plays, options.accounts, number)
        price[number] = {name: rounded(1000 * seconds) for name, seconds in costs.items()}
        say(f"{number} workers: {taken[number]:.0f} plays/s taken, {delivered[number]:.0f} plays/s on Last.fm")
    return {
        "plays_per_s": {str(number): rounded(speed) for number, speed in delivered.items()},
        "plays_per_s_taken_meanwhile": {str(number): rounded(speed) for number, speed in taken.items()},
        "processor_ms_per_play": {str(number): costs for number, costs in price.items()},
        "ingest_plays_per_s": rounded(ingest),
        "callers": CALLERS,
        "how": "seconds from the first post until the last play is on Last.fm, or until the last is acknowledged; each "
        "batch call is one transaction flushed to the disk; all processes, PostgreSQL, the callers and the emulator "
        "share the cores. What waits for them (--plays 3000 --accounts 3000: each alone) is in the processor time, too",
    }


def _taken_and_sent(
    folder: Path, server: postgres.Server, plays: list[history.Play], accounts: int, workers: int
) -> tuple[float, float, dict[str, float]]:
    """Plays a second that were acknowledged, and that reached Last.fm, with that many workers and no limit. With the
    processor time of a play, in seconds.
    """
    names = [f"listener-{number}" for number in range(accounts)]
    hands = _dealt(plays, accounts)
    number = sum(len(hand) for hand in hands)
    with lastfm(folder) as there, cluster(folder, server, there, 0.0) as made:
        tokens = sign_in(made.url, there, names)
        made.start("service1", *(f"worker{n + 1}" for n in range(workers)), delivers=())
        requests = [_request(hand, made.ports["service1"], token) for hand, token in zip(hands, tokens, strict=True)]
        _ask(made.ports["service1"], tokens[0])
        parts = {member.process.pid: name.rstrip("0123456789") for name, member in made.members.items()}
        families = {processor.postgres_of(made.url): "postgresql"}
        before = processor.used(parts, families)
        begun = time.time()
        answers = load.post(requests, made.ports["service1"], CALLERS)
        if answers.statuses.keys() - {"queued", "duplicate"}:
            raise RuntimeError(f"not all were taken: {answers.statuses}")
        if not workers:
            return number / answers.seconds, 0.0, {}
        _until_empty(made, time.monotonic())
        after = processor.used(parts, families)
        ended = max(seen(there).requests)
        costs = {name: (after[name] - before[name]) / number for name in sorted(after)}
        return number / answers.seconds, number / (ended - begun), costs


def _ask(port: int, token: str) -> None:
    """Have a service load what answers requests: it does that with the first one."""
    headers = {"Authorization": f"Bearer {token}"}
    httpx2.get(f"http://127.0.0.1:{port}/lastfm/queue/status", headers=headers, trust_env=False).raise_for_status()


def _request(plays: Sequence[history.Play], port: int, token: str) -> bytes:
    """A batch call as bytes."""
    body = json.dumps({"plays": list(plays)[:BATCH]}).encode()
    head = (
        f"POST /lastfm/scrobbles HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        f"User-Agent: bench\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
