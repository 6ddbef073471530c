"""`python -m benchmarks faults`: the promise under every known fault, and whether the checker catches bugs.

Thousands of seeds of `benchmarks.simulation`, then the planted bugs, then (`--kills N`) real processes that are killed.
`--seed N` replays one of them, with `--trace` in words.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from contextlib import nullcontext
from itertools import count, islice

from benchmarks.report import Figure, machine, rounded, say
from benchmarks.simulation import bugs
from benchmarks.simulation.finding import Kind
from benchmarks.simulation.many import caught, opened, results
from benchmarks.simulation.run import ALL, Result, Room, Scope, run, with_destinations

_SHOWN = 5
"""Findings of one seed that are printed without `--trace`."""

_BREATH = 20.0
"""Seconds between two progress messages."""


def main(arguments: Sequence[str]) -> int:
    """Exit status 1 if a promise was broken, or a planted bug was not caught."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.plays_only and (options.destinations_only or options.destinations):
        parser.error("--plays-only leaves the other destinations out")
    if options.seed is not None:
        return _replay(options)
    fields, broken = _measure(options)
    for name, value in fields.items():
        say(f"{name:>28}  {value}")
    if options.json:
        say(json.dumps(fields, ensure_ascii=False))
    return 1 if broken else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench faults", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10_000, metavar="N", help="runs (default: 10000)")
    parser.add_argument("--plays", type=int, default=200, metavar="M", help="plays in each run (default: 200)")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="the first seed (default: 0)")
    parser.add_argument("--processes", type=int, default=0, metavar="N", help="default: one for each core")
    parser.add_argument("--plays-only", action="store_true", help="no hearts, and no destination but Last.fm")
    parser.add_argument("--destinations-only", action="store_true", help="seeds with destinations other than Last.fm")
    parser.add_argument(
        "--destinations",
        type=int,
        choices=(1, 2, 3),
        metavar="N",
        help="each listener has N, Last.fm included (default: 1 to 3, in two of nine runs)",
    )
    parser.add_argument("--postgres", action="store_true", help="on a PostgreSQL server of its own; slower")
    parser.add_argument("--no-bugs", action="store_true", help="leave the planted bugs out")
    parser.add_argument("--kills", type=int, default=0, metavar="N", help="kill a real process so often, too")
    parser.add_argument("--seed", type=int, metavar="N", help="run this one alone")
    parser.add_argument("--bug", choices=sorted(bugs.BUGS), help="plant this bug in the run of --seed")
    parser.add_argument("--trace", action="store_true", help="tell what happens in the run of --seed")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    return parser


def command(seed: int, plays: int, bug: str = "", *, scope: Scope = ALL, postgres: bool = False) -> str:
    """The command that replays a run in words."""
    words = [f"./run bench faults --seed {seed} --plays {plays}"]
    words += [f"--bug {bug}"] * bool(bug) + ["--plays-only"] * scope.plays_only + ["--postgres"] * postgres
    words += [f"--destinations {scope.destinations}"] * bool(scope.destinations)
    return " ".join([*words, "--trace"])


def _scope(options: argparse.Namespace) -> Scope:
    return Scope(options.plays_only, options.destinations)


def _replay(options: argparse.Namespace) -> int:
    seed, bug = options.seed, options.bug
    with opened(postgres=options.postgres) as room, bugs.BUGS[bug]() if bug else nullcontext():
        result = run(seed, options.plays, room, narrated=options.trace, scope=_scope(options))
    for line in result.story:
        say(line)
    say(f"seed {seed}: {len(result.findings)} broken promises, digest {result.digest}")
    for finding in result.findings:
        say(f"  {finding}")
    return 1 if result.findings else 0


def _measure(options: argparse.Namespace) -> tuple[dict[str, Figure], bool]:
    begun = time.perf_counter()
    found = _runs(options)
    seconds = time.perf_counter() - begun
    fields: dict[str, Figure] = {
        "benchmark": "faults",
        "seeds": options.seeds,
        "plays": options.plays,
        "destinations": sum(result.destinations for result in found),
        "database": "postgresql" if options.postgres else "sqlite",
        **{str(kind): sum(result.count(kind) for result in found) for kind in Kind},
        "reported": sum(result.plays for result in found),
        "requests": sum(result.requests for result in found),
        "deaths": sum(result.deaths for result in found),
        "max_requests_in_any_second": max((result.most_in_a_second for result in found), default=0),
        "seconds": rounded(seconds),
        "seeds_per_s": rounded(options.seeds / seconds),
    }
    broken = any(result.findings for result in found)
    if not options.no_bugs:
        planted = _planted()
        fields |= {"planted_bugs": len(bugs.BUGS), "planted_bugs_caught": planted}
        broken |= planted < len(bugs.BUGS)
    if options.kills:
        killed = _killed(options.kills)
        fields |= {f"kills_{name}" if name != "kills" else name: value for name, value in killed.items()}
        broken |= any(number for name, number in killed.items() if name.endswith(("lost", "doubled", "unexplained")))
    return {**fields, **machine()}, broken


def _runs(options: argparse.Namespace) -> list[Result]:
    number = options.seeds
    wanted = seeds(options.first, number, destinations_only=options.destinations_only)
    found: list[Result] = []
    spoken = time.monotonic()
    runs = results(wanted, options.plays, options.processes, scope=_scope(options), postgres=options.postgres)
    for result in runs:
        found.append(result)
        if result.findings:
            _complain(result, options)
        if time.monotonic() - spoken > _BREATH:
            spoken = time.monotonic()
            say(f"{len(found)} of {number} seeds, {sum(bool(one.findings) for one in found)} with a broken promise")
    return found


def seeds(first: int, number: int, *, destinations_only: bool) -> Sequence[int]:
    """So many seeds, from the first on: all, or those where listeners have destinations other than Last.fm."""
    if not destinations_only:
        return range(first, first + number)
    return list(islice(filter(with_destinations, count(first)), number))


def _complain(result: Result, options: argparse.Namespace) -> None:
    replay = command(result.seed, options.plays, scope=_scope(options), postgres=options.postgres)
    say(f"seed {result.seed} breaks {len(result.findings)} promises: {replay}")
    for finding in result.findings[:_SHOWN]:
        say(f"  {finding}")


def _planted() -> int:
    number = 0
    with Room() as room:
        for name in bugs.BUGS:
            result = caught(name, room)
            number += result is not None
            say(
                f"planted {name}: "
                + (f"seed {result.seed}: {bugs.caught_by(name, result.findings)}" if result else "NOT CAUGHT")
            )
    return number


def _killed(times: int) -> dict[str, int]:
    from benchmarks.kills import kill

    return kill(times)
