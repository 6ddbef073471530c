"""Many runs at once: a process for each core, seeds in order."""

from __future__ import annotations

import atexit
import gc
import multiprocessing
import os
from collections.abc import Iterable, Iterator
from functools import partial

from benchmarks.simulation import bugs
from benchmarks.simulation.run import ALL, Result, Room, Scope, run, with_destinations, with_hearts

USUAL_PLAYS = 40
CROWD = 160
"""Plays of a run in which more of them wait than fit into a request."""

WITHIN = 400
"""Seeds within which every planted bug is to be caught."""

_rooms: list[Room] = []


def results(
    seeds: Iterable[int], plays: int, processes: int = 0, *, scope: Scope = ALL, postgres: bool = False
) -> Iterator[Result]:
    """The result of each seed, as they come; `processes` 0: one for each core that this process may use.

    `postgres`: each process has a PostgreSQL server of its own.
    """
    processes = processes or len(os.sched_getaffinity(0))
    if processes == 1:
        gc.freeze()  # what is loaded stays: there is no need to look through it again and again
        with opened(postgres=postgres) as room:
            yield from (run(seed, plays, room, scope=scope) for seed in seeds)
        return
    with multiprocessing.get_context("spawn").Pool(processes, _enter, (postgres,)) as pool:
        yield from pool.imap_unordered(partial(_one, plays, scope), seeds, chunksize=4)


def opened(*, postgres: bool) -> Room:
    """A place for the databases of runs: SQLite files, or a PostgreSQL server."""
    if not postgres:
        return Room()
    from benchmarks.simulation.on_postgres import PostgresRoom  # with its driver, which others don't need

    return PostgresRoom()


def _enter(postgres: bool) -> None:
    gc.freeze()
    room = opened(postgres=postgres)
    _rooms.append(room)
    atexit.register(room.__exit__)


def _one(plays: int, scope: Scope, seed: int) -> Result:
    return run(seed, plays, _rooms[0], scope=scope)


def caught(name: str, room: Room, first: int = 0) -> Result | None:
    """A run that a planted bug spoils, looked for from this seed on; None where it gets through all of them."""
    plant = bugs.BUGS[name]
    plays = CROWD if name in bugs.NEED_MANY else USUAL_PLAYS
    for seed in (*range(first, WITHIN), *range(first)):
        if name in bugs.ABOUT_HEARTS and not with_hearts(seed):
            continue
        if name in bugs.ABOUT_DESTINATIONS and not with_destinations(seed):
            continue
        if name in bugs.ABOUT_HEARTS_ELSEWHERE and not (with_hearts(seed) and with_destinations(seed)):
            continue
        with plant():
            result = run(seed, plays, room)
        if bugs.caught_by(name, result.findings):
            return result
    return None
