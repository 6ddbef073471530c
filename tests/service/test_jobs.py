"""Jobs: what runs, waits and broke is seen, and may be retried, cancelled and paused; chores are done by one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx2
import pytest
from sqlalchemy import Connection

from tests.service.conftest import HOUR, During, House, Room
from tonearm.core.delivery import QueuedPlay
from tonearm.core.pacing import LONGEST_RETRY, retry_wait
from tonearm.core.play import Track
from tonearm.core.waits import PAUSED
from tonearm.deck import ImportFailed
from tonearm.service import job_list
from tonearm.service.chores import Chores
from tonearm.service.delivery import Delivery
from tonearm.service.job_list import DELIVER, IMPORT, JobState, ListedJob
from tonearm.service.jobs import CANCELLED, JobBusy, JobDone
from tonearm.service.keyring import ApiKey
from tonearm.service.report import UnknownListener
from tonearm.store import jobs as rows

pytestmark = pytest.mark.anyio


async def jobs_of(room: Room) -> list[ListedJob]:
    return list((await room.deck.jobs.overview()).jobs)


async def until_state(room: Room, state: JobState) -> ListedJob:
    """The first job, as soon as it is in that state."""
    while not (found := await jobs_of(room)) or found[0].state is not state:
        await room.house.clock.sleep(0.5)
    return found[0]


async def test_if_there_is_nothing_to_do_there_is_no_job(room: Room) -> None:
    assert (await room.deck.jobs.overview()) == await room.deck.jobs.overview(room.me.id)
    assert await jobs_of(room) == []


async def test_what_waits_for_its_turn_is_seen_by_a_process_that_does_not_deliver(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    async with house.open(deliver=False) as room:
        await room.sign_in()
        await room.play(1)
        [job] = await jobs_of(room)
        assert (job.id, job.listener, job.state) == (f"deliver-{room.me.id}", "me", JobState.WAITING)
        other = await room.deck.listener("other")
        assert (await room.deck.jobs.overview(other.id)).jobs == ()
    assert caplog.text == ""


async def test_a_listener_sees_their_own_jobs_however_many_others_have(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_list, "LIMIT", 1)
    async with house.open(deliver=False) as room:
        await room.sign_in()
        others = [room.me, *[await room.deck.listener(name) for name in ("anna", "berta")]]
        for other in others[1:]:
            await room.sign_in(f"user-of-{other.name}", other)
        for other in others:
            await room.play(1, listener=other)
            await room.deck.loved_import.start(other.id)
        assert len((await room.deck.jobs.overview()).jobs) == 2
        for other in others:
            own = await room.deck.jobs.overview(other.id)
            assert [(job.kind, job.listener) for job in own.jobs] == [(IMPORT, other.name), (DELIVER, other.name)]


@asynccontextmanager
async def during(house: House, method: str) -> AsyncIterator[tuple[Room, During]]:
    """A deck of a listener who is signed in, to whom something may happen during a request."""
    transport = During(house.emulator, method)
    async with httpx2.AsyncClient(transport=transport) as http, house.open(http=http) as room:
        await room.sign_in()
        yield room, transport


async def test_a_delivery_that_runs_names_its_process_and_one_that_rests_says_until_when_and_why(house: House) -> None:
    seen: list[ListedJob] = []
    async with during(house, "track.scrobble") as (room, transport):

        async def look() -> None:
            seen.extend(await jobs_of(room))

        transport.happens.append(look)
        room.emulator.fault("error", error=11, calls=1)
        await room.play(1)
        resting = await until_state(room, JobState.RESTING)
        [running] = seen
        assert (running.state, bool(running.owner)) == (JobState.RUNNING, True)
        assert "11" in resting.reason
        assert resting.until is not None
        assert resting.until > room.now
        assert await room.deck.jobs.retry(DELIVER, room.me.id) == JobDone("all waiting plays are due now")
        await room.until_empty(within=30)


async def test_a_paused_kind_begins_nothing_until_it_is_resumed(room: Room) -> None:
    await room.deck.jobs.pause(DELIVER)
    await room.deck.jobs.pause(DELIVER)
    await room.play(1)
    await room.wait(HOUR)
    assert (await room.deck.jobs.overview()).paused == {DELIVER}
    assert room.house.calls() == []
    await room.deck.jobs.resume(DELIVER)
    await room.until_empty(within=30)


async def test_while_deliveries_are_paused_what_waits_says_so(room: Room) -> None:
    await room.deck.jobs.pause(IMPORT)
    assert (await room.me.queue()).trouble == ""
    await room.deck.jobs.pause(DELIVER)
    taken = await room.play(1)
    queue_status = await room.me.queue()
    assert (queue_status.queued, queue_status.held, queue_status.next_attempt_at, queue_status.trouble) == (
        1,
        1,
        None,
        PAUSED,
    )
    story = await room.deck.play_actions.details(room.me.id, taken.id)
    assert story is not None
    assert story.reason == PAUSED
    assert [story.reason for story in await room.deck.play_actions.latest(room.me.id, 5)] == [PAUSED]
    await room.deck.jobs.resume(DELIVER)
    await room.until_empty(within=30)
    assert (await room.me.queue()).trouble == ""


async def test_a_sweep_that_began_before_a_pause_does_not_end_it(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    read, has_read, is_paused = room.deck.store.read, asyncio.Event(), asyncio.Event()

    async def read_slowly(ask: Callable[[Connection], object]) -> object:
        found = await read(ask)
        has_read.set()
        await is_paused.wait()
        return found

    with monkeypatch.context() as slow:
        slow.setattr(room.deck.store, "read", read_slowly)
        look = asyncio.create_task(room.deck.jobs.due({}))
        await has_read.wait()
    await room.deck.jobs.pause(DELIVER)
    is_paused.set()
    await look
    await room.play(1)
    await room.wait(HOUR)
    assert room.house.calls() == []


async def test_a_pause_outlives_the_process(house: House) -> None:
    async with house.open() as room:
        await room.sign_in()
        await room.deck.jobs.pause(DELIVER)
    async with house.open() as room:
        await room.play(1)
        await room.wait(HOUR)
        assert await room.length() == 1
        await room.deck.jobs.resume(DELIVER)
        await room.until_empty(within=30)


@pytest.fixture
def breaks(monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
    """Bugs of ours in delivering, which are met one after the other."""
    deliver, bugs = Delivery.deliver, list[Exception]()

    async def break_first(delivering: Delivery[QueuedPlay, ApiKey], account: int) -> float | None:
        if bugs:
            raise bugs.pop()
        return await deliver(delivering, account)

    monkeypatch.setattr(Delivery, "deliver", break_first)
    return bugs


@pytest.mark.failing_jobs
async def test_a_job_that_breaks_is_retried_later_each_time_and_shown_without_what_it_said(
    breaks: list[Exception], room: Room
) -> None:
    breaks += [RuntimeError("a bug that speaks of a secret")] * 4
    begun = room.now
    await room.play(1)
    job = await until_state(room, JobState.BROKEN)
    assert "RuntimeError" in job.reason
    assert "secret" not in job.reason
    assert [one.state for one in (await room.deck.jobs.overview(room.me.id)).jobs] == [JobState.BROKEN]
    other = await room.deck.listener("other")
    assert (await room.deck.jobs.overview(other.id)).jobs == ()
    await room.until_empty(within=HOUR)
    assert room.now - begun >= sum(retry_wait(tries) for tries in (1, 2, 3, 4))
    assert await jobs_of(room) == []


@pytest.mark.failing_jobs
async def test_a_job_that_broke_is_retried_though_nothing_is_left(breaks: list[Exception], room: Room) -> None:
    breaks += [RuntimeError("a bug")] * 2
    room.deck.hint(room.me.id)
    await until_state(room, JobState.BROKEN)
    end = room.now + HOUR
    while jobs := await jobs_of(room):
        assert room.now < end, jobs
        await room.house.clock.sleep(1)


@pytest.mark.failing_jobs
async def test_a_hint_does_not_hurry_a_job_that_broke_but_a_retry_does(breaks: list[Exception], room: Room) -> None:
    breaks += [RuntimeError("a bug")] * 5
    await room.play(1)
    while (await until_state(room, JobState.BROKEN)).tries < 5:
        await room.house.clock.sleep(1)
    await room.play(2)
    await room.house.clock.sleep(10)
    assert await room.length() == 2
    assert await room.deck.jobs.retry(DELIVER, room.me.id)
    await room.until_empty(within=30)


async def test_a_cancelled_delivery_loses_its_account_and_no_play(house: House) -> None:
    async with during(house, "track.scrobble") as (room, transport):
        outcomes: list[object] = []

        async def cancel() -> None:
            outcomes.append(await room.deck.jobs.cancel(DELIVER, room.me.id))
            outcomes.append((await room.me.queue()).sending)

        transport.happens.append(cancel)
        await room.play(1)
        await room.until_empty()
        assert room.arrived() == ["Song 001"]
        assert len(room.house.calls()) == 2  # the word of the first sender no longer counted
        assert (type(outcomes[0]), outcomes[1]) == (JobDone, 0)
        assert isinstance(await room.deck.jobs.cancel(DELIVER, room.me.id), JobBusy)


async def test_a_cancelled_import_ends_and_a_retry_continues_it(house: House) -> None:
    async with during(house, "user.getLovedTracks") as (room, transport):
        outcomes: list[object] = []

        async def cancel() -> None:
            outcomes.extend([await room.deck.jobs.cancel(IMPORT, room.me.id) for _ in range(2)])

        transport.happens.append(cancel)
        assert isinstance(await room.deck.jobs.retry(IMPORT, room.me.id), JobBusy)
        with pytest.raises(ImportFailed, match=CANCELLED):
            await room.me.import_loved()
        while not outcomes:  # the second answer comes after the first has ended the import
            await room.house.clock.sleep(1)
        assert [type(outcome) for outcome in outcomes] == [JobDone, JobBusy]
        [job] = await jobs_of(room)
        assert (job.kind, job.state, job.reason) == (IMPORT, JobState.FAILED, CANCELLED)
        assert isinstance(await room.deck.jobs.retry(IMPORT, room.me.id), JobDone)
        await until_state(room, JobState.DONE)
        assert isinstance(await room.deck.jobs.retry(IMPORT, room.me.id), JobBusy)


async def test_an_unknown_listener_has_no_jobs(room: Room) -> None:
    with pytest.raises(UnknownListener):
        await room.deck.jobs.retry(DELIVER, 999)
    with pytest.raises(UnknownListener):
        await room.deck.jobs.cancel(IMPORT, 999)


async def test_a_periodic_task_is_done_once_in_its_time_by_one_of_several_processes(room: Room) -> None:
    """As the tables have it, which several processes share; the clock of one was set back meanwhile."""
    store, now = room.deck.store, 1000.0

    async def asked(at: float) -> tuple[bool, bool]:
        due = await store.read(lambda db: rows.task_is_due(db, "dust", at, 60))
        return due, await store.write(lambda db: rows.take_task(db, "dust", at, 60))

    assert await asked(now) == (True, True)
    assert await asked(now + 59) == (False, False)
    assert await asked(now + 60) == (True, True)
    assert await asked(now + 30) == (True, True)
    await store.write(lambda db: rows.return_task(db, "dust"))
    assert await asked(now + 31) == (True, True)


async def test_a_chore_that_is_not_finished_is_gone_on_with(room: Room) -> None:
    chores = Chores(room.deck.store, room.house.clock)
    assert await chores.take("dust", 60)
    assert not await chores.take("dust", 60)
    await chores.unfinished("dust")
    assert await chores.take("dust", 60)


def test_the_wait_after_a_fault_of_ours_doubles_up_to_an_hour() -> None:
    assert [retry_wait(tries) for tries in (1, 2, 3, 4)] == [2.0, 4.0, 8.0, 16.0]
    assert retry_wait(99) == LONGEST_RETRY


async def test_a_fault_of_the_data_is_a_broken_job_that_is_shown_and_rests_longer_each_time(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And no outage of the database, which is waited for: so the same batch went out every two seconds, unseen."""

    def write(db: Connection, *_: object) -> None:
        db.exec_driver_sql("INSERT INTO token (hash, account, kind) VALUES ('a', 99, 'x')")

    house.emulator.fault("error", error=8, methods=("track.scrobble",))
    monkeypatch.setattr("tonearm.service.settle.attempts.write", write)
    async with house.open() as room:
        await room.sign_in()
        await room.play(1)
        job = await until_state(room, JobState.BROKEN)
        await room.wait(600)
        [job] = await jobs_of(room)
        assert (job.id, job.state, job.reason.partition(" ")[0]) == (
            f"deliver-{room.me.id}",
            JobState.BROKEN,
            "DataFault",
        )
        assert len(house.calls()) <= 12
        house.emulator.clear_faults()
        await room.deck.jobs.retry(DELIVER, room.me.id)
        await room.until_empty()
    assert "failed; it will be retried" in caplog.text
    caplog.clear()


@pytest.mark.parametrize("code", [99_999_999_999, -(10**15)])
async def test_a_code_too_long_for_a_database_is_written_as_the_nearest(house: House, code: int) -> None:
    house.emulator.fault("error", error=code, calls=1, methods=("track.scrobble",))
    async with house.open() as room:
        await room.sign_in()
        await room.play(1)
        await room.play(2)
        await room.until_empty()
        assert await room.fates() == ["accepted", "accepted"]


async def test_a_nul_in_a_reporters_name_or_a_search_is_handled(house: House) -> None:
    async with house.open() as room:
        await room.sign_in()
        at = room.now - HOUR
        await room.me.scrobble(Track("Can", "Halleluwah", duration=1108), started_at=at, played=1108, reporter="a\0b")
        await room.until_empty()
        assert await room.fates() == ["accepted"]
