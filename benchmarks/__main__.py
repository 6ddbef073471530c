"""`python -m benchmarks NAME`: one measurement; with `--json` its last line is one JSON object."""

from __future__ import annotations

import argparse
import json
import sys
from importlib import import_module

from benchmarks.report import Missing, Options, Report, say

NAMES = (
    "ingest",
    "drain",
    "loved",
    "matching",
    "scan",
    "start",
    "live",
    "replay",
    "growth",
    "fairness",
    "apart",
    "second",
    "client",
    "cache",
    "pages",
    "ways-in",
    "history",
    "stats",
    "day",
)
MODULES = {"ways-in": "ways_in", "history": "history_import"}
"""Modules with a name other than the benchmark's."""

WITH_OPTIONS_OF_THEIR_OWN = ("faults", "workers", "versus")


def main(arguments: list[str] | None = None) -> int:
    """Run a benchmark. Exit status 0 also if its input is missing, which is reported."""
    given = sys.argv[1:] if arguments is None else arguments
    if given and given[0] in WITH_OPTIONS_OF_THEIR_OWN:
        return int(import_module(f"benchmarks.{given[0]}").main(given[1:]))
    if given[:1] == ["growth"] and {"--postgres", "--database"} & set(given):
        return int(import_module("benchmarks.growth_postgres").main(given[1:]))
    options = _parser().parse_args(given)
    wanted = Options(options.runs, options.quick, options.deliver, options.plays)
    try:
        report: Report = import_module(f"benchmarks.{MODULES.get(options.name, options.name)}").measure(wanted)
    except Missing as missing:
        say(f"{options.name} was not measured: {missing}")
        fields = {"benchmark": options.name, "skipped": str(missing)}
    else:
        fields = report.fields()
        for name, value in fields.items():
            say(f"{name:>28}  {value}")
    if options.json:
        say(json.dumps(fields, ensure_ascii=False))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("name", choices=NAMES, metavar=f"NAME ({', '.join((*NAMES, *WITH_OPTIONS_OF_THEIR_OWN))})")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    parser.add_argument("--runs", type=int, default=0, metavar="N", help="how often to measure (default: 5)")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: does it work at all?")
    parser.add_argument("--deliver", action="store_true", help="ingest: plays are sent on meanwhile")
    parser.add_argument(
        "--plays",
        type=int,
        default=0,
        metavar="N",
        help="how many (pages: 1000000, beside which reports are timed; start: 100000; live: 300; replay: all)",
    )
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
