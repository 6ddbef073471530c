"""`python -m benchmarks versus REV NAME…`: another revision beside this one, run alternately; the ratios.

REV is checked out into a temporary folder and sets up its own environment. A bench that REV does not have, and every
one with `--our-benches`, is measured there with the code of this build's benches. After `--`: options for the benches.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.report import machine, rounded, say

ROOT = Path(__file__).resolve().parent.parent
PAIRS = 7

Fields = Mapping[str, Any]


class Failed(Exception):
    """A revision or an environment that isn't available, or a bench that failed."""


@dataclass(frozen=True, slots=True)
class Build:
    """A checkout whose environment is ready."""

    folder: Path

    def run(self, name: str, options: Sequence[str]) -> Fields:
        """What a bench measured there, once. Raises Failed."""
        unwanted = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV")
        environment = {key: value for key, value in os.environ.items() if key not in unwanted}
        done = subprocess.run(
            [self.folder / ".venv/bin/python", "-m", "benchmarks", name, *options, "--json"],
            cwd=self.folder,
            env={**environment, "PYTHONPATH": str(self.folder / "src")},
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Failed(f"{name} failed in {self.folder}")
        fields: Fields = json.loads(done.stdout.splitlines()[-1])
        if "skipped" in fields:
            raise Failed(f"{name} was not measured: {fields['skipped']}")
        return fields


def main(arguments: Sequence[str]) -> int:
    """Exit status 1 if a revision, an environment or a bench isn't available."""
    own, more = _divided(arguments)
    options = _parser().parse_args(own)
    try:
        with _checked_out(options.revision) as folder:
            fields = _compared(options, folder, more)
    except Failed as failed:
        say(f"versus: {failed}")
        return 1
    if options.json:
        say(json.dumps(fields, ensure_ascii=False))
    return 0


def _divided(arguments: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    at = list(arguments).index("--") if "--" in arguments else len(arguments)
    return arguments[:at], arguments[at + 1 :]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench versus", description=__doc__)
    parser.add_argument("revision", metavar="REV", help="what to compare with: a commit, a tag or a branch")
    parser.add_argument("names", nargs="+", metavar="NAME", help="benches")
    parser.add_argument("--pairs", type=int, default=PAIRS, metavar="N", help=f"how often each (default: {PAIRS})")
    parser.add_argument("--our-benches", action="store_true", help="measure both with the benches of this build")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    return parser


def _compared(options: argparse.Namespace, folder: Path, more: Sequence[str]) -> dict[str, Any]:
    ours, theirs = _ready(ROOT), _ready(folder)
    if options.our_benches:
        _bring_benches(folder)
    fields: dict[str, Any] = {"benchmark": "versus", "revision": _commit(folder), "pairs": options.pairs}
    for name in options.names:
        if not _has(folder, name):
            _bring_benches(folder)
        fields[name] = compared(_pairs(theirs, ours, name, options.pairs, more))
        _show(name, fields[name])
    return {**fields, **machine()}


@contextmanager
def _checked_out(revision: str) -> Iterator[Path]:
    """A worktree of a revision while the block lasts, beside the sources: a temporary folder may be in memory."""
    place = ROOT / "build"
    place.mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="versus-", dir=place) as temporary:
        Path(temporary).chmod(0o755)  # a PostgreSQL in it belongs to another user if this runs as root
        folder = Path(temporary) / "before"
        _git("worktree", "add", "--quiet", "--detach", str(folder), revision)
        try:
            yield folder
        finally:
            _git("worktree", "remove", "--force", str(folder))


def _git(*words: str) -> str:
    done = subprocess.run(["git", "-C", ROOT, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(done.stderr.strip())
    return done.stdout.strip()


def _commit(folder: Path) -> str:
    return _git("-C", str(folder), "rev-parse", "--short", "HEAD")


def _ready(folder: Path) -> Build:
    """A checkout with its environment, made by its own `./run`."""
    tool = ROOT / ".tool"
    if folder != ROOT and tool.exists():
        shutil.copytree(tool, folder / ".tool", symlinks=True)
    done = subprocess.run([folder / "run", "bench", "--help"], cwd=folder, stdout=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise Failed(f"no environment could be made in {folder}")
    return Build(folder)


def _has(folder: Path, name: str) -> bool:
    return (folder / f"benchmarks/{name.replace('-', '_')}.py").exists()


def _bring_benches(folder: Path) -> None:
    shutil.copytree(ROOT / "benchmarks", folder / "benchmarks", dirs_exist_ok=True)


def _pairs(theirs: Build, ours: Build, name: str, number: int, more: Sequence[str]) -> Iterator[tuple[Fields, Fields]]:
    from benchmarks.__main__ import WITH_OPTIONS_OF_THEIR_OWN

    once = () if name in WITH_OPTIONS_OF_THEIR_OWN else ("--runs", "1")
    for pair in range(number):
        before = theirs.run(name, (*once, *more))
        yield before, ours.run(name, (*once, *more))
        say(f"{name}: pair {pair + 1} of {number}")


def compared(pairs: Iterator[tuple[Fields, Fields]]) -> dict[str, dict[str, float]]:
    """For each measurement, the medians `before` and `after` with their spread, and the `ratio` after / before of the
    pairs.
    """
    measured = [(measurements(before), measurements(after)) for before, after in pairs]
    common = [name for name in measured[0][0] if all(name in side for pair in measured for side in pair)]
    return {
        name: _figures([before[name] for before, _ in measured], [after[name] for _, after in measured])
        for name in common
        if all(before[name] > 0 for before, _ in measured)
    }


def measurements(fields: Fields) -> dict[str, float]:
    """What a bench measured, without facts such as the machine: fields with a spread, otherwise all numbers."""
    spread = {name: float(value) for name, value in fields.items() if f"{name}_min" in fields}
    return spread or dict(_numbers(fields, ""))


def _numbers(fields: Fields, prefix: str) -> Iterator[tuple[str, float]]:
    facts = machine()
    for name, value in fields.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{prefix}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool) and name not in facts:
            yield f"{prefix}{name}", float(value)


def _figures(before: Sequence[float], after: Sequence[float]) -> dict[str, float]:
    ratios = [new / old for old, new in zip(before, after, strict=True)]
    figures = {"before": before, "after": after, "ratio": ratios}
    found = {}
    for name, values in figures.items():
        found[name] = rounded(statistics.median(values))
        found[f"{name}_min"], found[f"{name}_max"] = rounded(min(values)), rounded(max(values))
    return found


def _show(name: str, found: Mapping[str, Mapping[str, float]]) -> None:
    for what, figures in found.items():
        spread = f"{figures['ratio_min']} to {figures['ratio_max']}"
        say(f"{name + ' ' + what:>40}  {figures['before']} -> {figures['after']}: {figures['ratio']} times ({spread})")
