"""`python -m benchmarks workers`: many processes on one PostgreSQL, and everything that may happen to them.

The proof: plays come in through two services while every worker, a service and PostgreSQL are killed and everything is
restarted in turn; nothing is lost or doubled, on Last.fm and at the second destination that some listeners have. Then
how fast it is if Last.fm sets no limit.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx2

from benchmarks import history, load, processor, rig
from benchmarks.cluster import BATCH, CALLERS, cluster, lastfm, seen, sign_in, until_empty
from benchmarks.hosts import cut_off
from benchmarks.replay import FILTERED, key_of
from benchmarks.report import Figure, Missing, machine, rounded, say
from tests import postgres

PER_SECOND = 4.0


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
                    from benchmarks import cluster_proof  # not every build that is compared knows other services

                    hands = _dealt(plays, options.accounts)
                    fields |= cluster_proof.prove(folder, server, hands, options, broken)
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
        until_empty(made, time.monotonic())
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
