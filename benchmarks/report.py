"""The report of a benchmark: medians with their spread, the machine, and what it was compared with."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from tonearm.store.sqlite import driver

Figure = float | int | str

CORES = sorted(os.sched_getaffinity(0))
"""The cores that this program may use, before it pins anything."""


class Missing(Exception):
    """Something that the benchmark needs is not on this machine."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to measure. `quick` uses tiny sizes: it shows that the benchmark works, but says nothing about speed. With
    `runs` and `plays` 0, the benchmark chooses the number. `deliver`: plays are sent while others are accepted.
    """

    runs: int = 0
    quick: bool = False
    deliver: bool = False
    plays: int = 0

    def times(self, usual: int = 5) -> int:
        """How often to measure."""
        return self.runs or (1 if self.quick else usual)

    def size(self, usual: int, quick: int) -> int:
        """How much to measure with."""
        return quick if self.quick else usual


@dataclass(frozen=True, slots=True)
class Report:
    """What was measured: `spreads` has a value for each run, `facts` everything that isn't a measurement.
    `compared_with` says what the ratios compare with, `how` what ran where and what the numbers mean.
    """

    name: str
    spreads: dict[str, Sequence[float]]
    facts: dict[str, Figure] = field(default_factory=dict)
    compared_with: str = ""
    how: str = ""

    def fields(self) -> dict[str, Figure]:
        """One flat object: for each measurement its median, and the minimum and maximum as `_min` and `_max`."""
        found: dict[str, Figure] = {"benchmark": self.name}
        for name, values in self.spreads.items():
            found[name] = rounded(statistics.median(values))
            found[f"{name}_min"] = rounded(min(values))
            found[f"{name}_max"] = rounded(max(values))
        runs = max((len(values) for values in self.spreads.values()), default=0)
        words = {"compared_with": self.compared_with, "how": self.how}
        return {**found, **self.facts, "runs": runs, **machine(), **words}


def machine() -> dict[str, Figure]:
    """The machine, and how busy it was: `load` is the system's average over a minute."""
    return {
        "cores": len(CORES),
        "load": rounded(os.getloadavg()[0]),
        "python": platform.python_version(),
        "sqlite": driver().sqlite_version,
    }


def rounded(value: float) -> float | int:
    """Four significant digits; whole numbers stay whole."""
    if isinstance(value, int):
        return value
    return round(value) if abs(value) >= 1000 else float(f"{value:.4g}")


def say(words: str) -> None:
    """Print a progress message."""
    print(words, flush=True)
