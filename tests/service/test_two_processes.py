"""Two processes on one PostgreSQL, one that accepts plays and one that delivers; the first controls the other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

import tonearm
from lastfm_emulator import API_KEY, API_SECRET, Emulator
from lastfm_emulator.transport import Direct
from tests.databases import only_postgres
from tests.listening import connect, library_row
from tests.patience import PATIENCE
from tests.service.conftest import During
from tonearm.core.loved import ImportCounts
from tonearm.core.play import Track
from tonearm.deck import Deck, ImportFailed, Listener
from tonearm.engine import postgres as engine
from tonearm.service import jobs
from tonearm.service.job_list import DELIVER, IMPORT, JobState, ListedJob
from tonearm.service.jobs import CANCELLED, JobBusy, JobDone
from tonearm.store import library

pytestmark = [pytest.mark.anyio, only_postgres]

LATER = 300
"""Seconds after which Last.fm wants to be asked again, in answer to a fault: longer than a test waits."""

LOOK = 0.05
"""Seconds after which one looks again who has heard nothing."""


@dataclass(frozen=True)
class Pair:
    """A deck that only accepts plays, with `me` signed in; one that delivers, and what may happen during its
    requests.
    """

    emulator: Emulator
    service: Deck
    me: Listener
    worker: Deck
    during: During

    async def play(self, number: int) -> None:
        """Report one play to the service."""
        track = Track("Nina Simone", f"Song {number}", duration=200)
        await self.me.scrobble(track, started_at=int(time.time()) - 3600 + number, played=150)

    async def jobs(self) -> list[ListedJob]:
        """The jobs, as the service sees them."""
        return list((await self.service.jobs.overview()).jobs)

    async def until(self, seen: Callable[[list[ListedJob]], bool]) -> list[ListedJob]:
        """The jobs as soon as they are so: what happens is heard of, and now and then looked for."""
        with self.service.event_hub.subscribe(self.me.id) as (subscription, _):
            while not seen(found := await self.jobs()):
                await subscription.within(LOOK)
            return found

    def arrived(self) -> list[str]:
        """The titles on Last.fm."""
        return [play.track for play in self.emulator.plays("RJ")]


@pytest.fixture
def emulator() -> Emulator:
    return Emulator()


@pytest.fixture
async def pair(database: Path | str, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pair]:
    monkeypatch.setattr(engine, "SWEEP", 0.1)
    monkeypatch.setattr(engine, "POLL", timedelta(seconds=0.5))
    monkeypatch.setattr(jobs, "SWEPT", 0.05)
    during = During(emulator, "track.scrobble")
    settings: dict[str, Any] = {
        "api_key": API_KEY,
        "api_secret": API_SECRET,
        "api_url": "http://lastfm.test/2.0/",
        "secret_key": "a secret that all processes share",
        "requests_per_second": 0,
    }
    async with asyncio.timeout(PATIENCE), AsyncExitStack() as stack:
        lines = [
            await stack.enter_async_context(httpx2.AsyncClient(transport=way)) for way in (Direct(emulator), during)
        ]
        service, worker = [
            await stack.enter_async_context(tonearm.open(database, **settings, http=line, deliver=delivers))
            for line, delivers in zip(lines, (False, True), strict=True)
        ]
        me = await service.listener("me")
        await connect(me, emulator)
        yield Pair(emulator, service, me, worker, during)


async def loves(pair: Pair, number: int) -> None:
    """RJ loves that many songs, all of which are in the library."""
    account = pair.emulator.known_user("RJ")
    rows = []
    for n in range(number):
        account.heart("Nina Simone", f"Song {n}", time.time() - 1000 + n)
        rows.append(library_row(f"/{n}.mp3", "Nina Simone", f"Song {n}"))
    await pair.service.store.write(lambda db: library.write(db, pair.me.id, rows))


async def test_a_kind_that_one_process_pauses_begins_in_no_other_until_it_is_resumed(pair: Pair) -> None:
    await pair.service.jobs.pause(DELIVER)
    await pair.until(lambda _: (known := pair.worker.jobs.known.gate) is not None and DELIVER in known.paused)
    await pair.play(1)
    assert await pair.me.import_loved() == ImportCounts()  # another kind goes on, with that process
    [job] = [job for job in await pair.jobs() if job.kind == DELIVER]
    assert (job.state, pair.arrived()) == (JobState.WAITING, [])
    await pair.service.jobs.resume(DELIVER)
    await pair.until(lambda found: DELIVER not in {job.kind for job in found})
    assert pair.arrived() == ["Song 1"]


async def test_a_delivery_of_another_process_is_cancelled_and_loses_its_account_and_no_play(pair: Pair) -> None:
    outcomes: list[object] = []

    async def cancel() -> None:
        [job] = await pair.jobs()
        outcomes.append(job.state)
        outcomes.append(await pair.service.jobs.cancel(DELIVER, pair.me.id))
        outcomes.append((await pair.me.queue()).sending)
        outcomes.append(await pair.service.jobs.cancel(DELIVER, pair.me.id))

    pair.during.happens.append(cancel)
    await pair.play(1)
    await pair.until(lambda found: len(outcomes) == 4 and found == [])
    state, done, sending, again = outcomes
    assert (state, type(done), sending, type(again)) == (JobState.RUNNING, JobDone, 0, JobBusy)
    assert pair.arrived() == ["Song 1"]
    calls = [entry for entry in pair.emulator.journal if entry.method == "track.scrobble"]
    assert len(calls) == 2  # the word of the first sender no longer counted


async def test_a_delivery_that_rests_in_another_process_is_retried(pair: Pair) -> None:
    pair.emulator.fault("proxy-busy", seconds=LATER, calls=1, methods=["track.scrobble"])
    await pair.play(1)
    [job] = await pair.until(lambda found: [job.state for job in found] == [JobState.RESTING])
    assert job.until
    assert job.until > time.time() + LATER / 2
    assert isinstance(await pair.service.jobs.retry(DELIVER, pair.me.id), JobDone)
    await pair.until(lambda found: found == [])
    assert pair.arrived() == ["Song 1"]


async def test_an_import_that_one_process_begins_is_done_by_another(pair: Pair) -> None:
    await loves(pair, 3)
    assert await pair.me.import_loved() == ImportCounts(imported=3)
    assert len(await pair.service.store.read(lambda db: library.loved(db, pair.me.id))) == 3


async def test_an_import_of_another_process_is_cancelled_and_a_retry_continues_it(pair: Pair) -> None:
    await loves(pair, 3)
    pair.during.method = b"user.getLovedTracks"

    async def cancel() -> None:
        assert isinstance(await pair.service.jobs.cancel(IMPORT, pair.me.id), JobDone)

    pair.during.happens.append(cancel)
    with pytest.raises(ImportFailed, match=CANCELLED):
        await pair.me.import_loved()
    [job] = await pair.jobs()
    assert (job.kind, job.state, job.done) == (IMPORT, JobState.FAILED, 0)
    assert isinstance(await pair.service.jobs.retry(IMPORT, pair.me.id), JobDone)
    await pair.until(lambda found: [job.state for job in found] == [JobState.DONE])
    assert len(await pair.service.store.read(lambda db: library.loved(db, pair.me.id))) == 3
