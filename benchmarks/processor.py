"""The processor time that the processes of a cluster have used (Linux: /proc)."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import psycopg

_TICKS = os.sysconf("SC_CLK_TCK")


def postgres_of(url: str) -> int:
    """The main process of a server on this machine, the parent of all its others."""
    with psycopg.connect(url) as db:
        return int(_stat(db.info.backend_pid)[1])


def used(parts: Mapping[int, str], families: Mapping[int, str]) -> dict[str, float]:
    """Seconds by name: of the processes in `parts`, and of those in `families` with all their children."""
    seconds: dict[str, float] = defaultdict(float)
    for number in _numbers():
        try:
            stat = _stat(number)
        except OSError:  # it has ended meanwhile
            continue
        name = parts.get(number) or families.get(number) or families.get(int(stat[1]))
        if name is not None:
            ended = stat[13:15] if number in families else ()  # children that have ended
            seconds[name] += sum(int(ticks) for ticks in (*stat[11:13], *ended)) / _TICKS
    return seconds


def seconds_of(process: int) -> float:
    """Seconds that the threads of a process that are there now have used, to the nanosecond."""
    tasks = Path(f"/proc/{process}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def _numbers() -> Iterable[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _stat(number: int) -> list[str]:
    """The fields after the name of a process: state, parent, …:
    https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html.
    """
    return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
