"""Real workers on one PostgreSQL that halt and are killed at any moment, on machines with a wrong time of day."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import tonearm
from lastfm_emulator import API_KEY, API_SECRET, Emulator
from tests.cli.shell import Said, Shell
from tests.listening import connect
from tests.patience import PATIENCE
from tests.postgres import empty
from tonearm.core.play import Play, Track
from tonearm.deck import Deck, Listener
from tonearm.service.job_list import JobState

pytestmark = pytest.mark.anyio

SECRET = "a secret that all processes share"
LISTENERS, PLAYS = 4, 100
"""Listeners, and the plays of each that are reported at once."""

HOUR = 3600
LOOK = 0.1
"""Seconds after which one looks again who has heard nothing."""

# Python runs it at its start: another time of day, and less patience with a process that is silent.
AT_START = """
import os, time
from datetime import timedelta
from functools import partial

right = time.time
time.time = lambda: right() + float(os.environ["OFF"])

from tonearm.engine import postgres
from tonearm.service import jobs, lease
from tonearm.store.db import postgres as connections

connections._SESSION = connections._SESSION.replace("session_timeout = '10s'", "session_timeout = '1s'")
lease.LEASE, lease.HEARTBEAT = 1.5, 0.4
jobs.SWEPT = 0.2
postgres.SWEEP, postgres.POLL = 0.3, timedelta(seconds=0.3)
postgres.PostgresEngine = partial(postgres.PostgresEngine, rescue=1.0)
"""


@pytest.fixture
def worker(asking: Shell, tmp_path: Path, postgres_tables: str) -> Iterator[Shell]:
    """A shell whose processes are as that says, on a PostgreSQL that they share."""
    (tmp_path / "sitecustomize.py").write_text(AT_START)
    settings = {"TONEARM_DATABASE": postgres_tables, "TONEARM_SECRET_KEY": SECRET, "PYTHONPATH": str(tmp_path)}
    yield Shell(asking.home, {**asking.variables, **settings})
    empty(postgres_tables)


async def signed_in(deck: Deck, emulator: Emulator, name: str) -> Listener:
    listener = await deck.listener(name)
    await connect(listener, emulator, name)
    return listener


async def report(listeners: list[Listener], began: int) -> Counter[tuple[str, int]]:
    """Report the same plays for each listener; what is to arrive of each."""
    plays = [Play(Track("Nina Simone", f"Song {n}", duration=200), began + n, 150) for n in range(PLAYS)]
    await asyncio.gather(*(listener.scrobble_all(plays) for listener in listeners))
    return Counter((f"Song {n}", began + n) for n in range(PLAYS))


async def at_a_delivery(deck: Deck, workers: list[Said], emulator: Emulator) -> Said:
    """One of them that sends, as soon as something more has been sent."""
    of_process, seen = {str(said.process.pid): said for said in workers}, len(emulator.journal)
    async with asyncio.timeout(PATIENCE):
        while True:
            for job in (await deck.jobs.overview()).jobs:
                if job.state is JobState.RUNNING and len(emulator.journal) > seen:
                    return of_process[job.owner.split(":")[1]]


async def until_nothing_waits(listeners: list[Listener]) -> None:
    async with asyncio.timeout(PATIENCE):
        for one in listeners:
            with one.deck.event_hub.subscribe(one.id) as (subscription, _):
                while (await one.deck.jobs.overview(one.id)).jobs:
                    await subscription.within(LOOK)


async def test_workers_that_halt_and_are_killed_lose_and_double_nothing_and_a_wrong_time_of_day_changes_nothing(
    worker: Shell, emulator: Emulator, postgres_tables: str
) -> None:
    emulator.fault("delay", seconds=0.05, methods=["track.scrobble"])
    began = int(time.time()) - 100_000
    ways = {"api_url": worker.variables["LASTFM_API_URL"], "api_key": API_KEY, "api_secret": API_SECRET}
    with ExitStack() as stack:
        shells = [Shell(worker.home, {**worker.variables, "OFF": str(off)}) for off in (-HOUR, HOUR)]
        workers = [stack.enter_context(shell.running("worker"))[0] for shell in shells]
        async with tonearm.open(postgres_tables, **ways, secret_key=SECRET, deliver=False) as deck:  # type: ignore[arg-type]
            listeners = [await signed_in(deck, emulator, f"listener{n}") for n in range(LISTENERS)]
            for one in workers:
                await asyncio.to_thread(one.until, "tonearm delivers")
            reported = asyncio.create_task(report(listeners, began))
            halted = await at_a_delivery(deck, workers, emulator)
            halted.process.send_signal(signal.SIGSTOP)
            expected = await reported
            await until_nothing_waits(listeners)  # the other has sent it
            halted.process.send_signal(signal.SIGCONT)  # its word no longer counts
            reported = asyncio.create_task(report(listeners, began + HOUR))
            killed = await at_a_delivery(deck, workers, emulator)
            killed.process.send_signal(signal.SIGKILL)
            expected += await reported
            await until_nothing_waits(listeners)
            workers.remove(killed)
            assert await asyncio.to_thread(workers[0].end) == 0
            by_fate = "SELECT fate, restamp_reason, count(*) FROM play GROUP BY fate, restamp_reason"
            fates = await deck.store.read(lambda db: [tuple(row) for row in db.exec_driver_sql(by_fate)])
    for listener in listeners:
        assert Counter((play.track, play.timestamp) for play in emulator.plays(listener.name)) == expected
    assert fates == [("accepted", "", LISTENERS * 2 * PLAYS)]
