"""The list of jobs is true: everything that waits is on it, with what it waits for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

import pytest
from sqlalchemy import Connection, update

from lastfm_emulator import API_KEY, API_SECRET
from tests.service.conftest import DAY, HOUR, House, Room
from tests.store.rows import a_play, history_row, queue_row
from tonearm.core.account import KEY_NOT_SET
from tonearm.core.waits import NOT_CONFIGURED, PAUSED, WaitKind, Waits, explanation
from tonearm.service import job_list
from tonearm.service.job_list import (
    DELIVER,
    ENRICH,
    IMPORT,
    ListedJob,
)
from tonearm.service.job_list import JobState as State
from tonearm.service.jobs import JobDone
from tonearm.store import accounts, plays, queue
from tonearm.store.db.dialect import insert_ignore
from tonearm.store.db.schema import account, job_failure, scrobble_queue
from tonearm.store.jobs import JobFailure

pytestmark = pytest.mark.anyio

Write = Callable[[Connection], object]
AHEAD = explanation(Waits(WaitKind.FUTURE_START))
ENDED = explanation(Waits(WaitKind.SESSION_ENDED))


async def job_of(room: Room, kind: str = DELIVER) -> ListedJob:
    """The listener's only job of a kind, on which everybody's board agrees with their own."""
    mine, all_ = await room.deck.jobs.overview(room.me.id), await room.deck.jobs.overview()
    assert all_ == mine
    [job] = [job for job in mine.jobs if job.kind == kind]
    assert job.listener == "me"
    return job


@asynccontextmanager
async def waiting(house: House, *writes: Write, **options: Any) -> AsyncIterator[Room]:
    """A listener with a play that waits, in a process that delivers nothing."""
    async with house.open(deliver=False) as room:
        await room.sign_in()
        await room.play(1)
        for write in writes:
            await room.deck.store.write(write)
        if not options:
            yield room
            return
    async with house.open(deliver=False, **options) as room:
        yield room


def of_account(**values: Any) -> Write:
    return lambda db: db.execute(update(account).values(**values))


def of_rows(**values: Any) -> Write:
    return lambda db: db.execute(update(scrobble_queue).values(**values))


async def test_what_can_go_waits_for_its_turn(house: House) -> None:
    async with waiting(house) as room:
        job = await job_of(room)
        assert (job.state, job.until, job.reason) == (State.WAITING, None, "")


def crowd(db: Connection, number: int) -> None:
    """So many listeners who have waited for longer than anybody else."""
    for n in range(number):
        name = f"other{n}"
        one = accounts.add(db, name, 0).id
        accounts.sign_in(db, one, name, "sealed", API_KEY)
    others = list(accounts.by_id(db, range(2, number + 2)))
    stored = plays.insert(db, [history_row(one, a_play(1)) for one in others])
    queue.enqueue(db, [queue_row(play, owner=f"other{key[0] - 2}") for key, play in stored.items()])


async def test_a_listeners_own_job_is_there_however_many_others_wait_for_their_turn(house: House) -> None:
    async with waiting(house, lambda db: crowd(db, 1001), of_rows(owner="rj"), of_account(lastfm_user="rj")) as room:
        me = update(account).where(account.c.id == room.me.id).values(answered_at=room.now)
        await room.deck.store.write(lambda db: db.execute(me))
        [mine] = (await room.deck.jobs.overview(room.me.id)).jobs
        assert (mine.account, mine.state) == (room.me.id, State.WAITING)
        assert len((await room.deck.jobs.overview()).jobs) == job_list.LIMIT


async def test_a_backlog_over_the_daily_limit_rests(house: House) -> None:
    async with waiting(house) as room:
        until = room.now + HOUR
        for write in of_account(backlog_until=until), of_rows(live=False):
            await room.deck.store.write(write)
        job = await job_of(room)
        assert (job.state, job.until, job.reason) == (State.RESTING, until, explanation(Waits(WaitKind.DAILY_LIMIT)))
        await room.play(2, age=HOUR / 20)
        assert (await job_of(room)).state is State.WAITING  # what is played now goes out in spite of it


@pytest.mark.parametrize(
    ("error", "why"), [("error 8: Operation failed", "error 8: Operation failed"), ("", "waits for its next attempt")]
)
async def test_plays_that_wait_for_a_time_rest_until_then_and_say_why(house: House, error: str, why: str) -> None:
    async with waiting(house) as room:
        until = room.now + 600
        await room.play(2)
        await room.deck.store.write(of_rows(next_attempt_at=until + 60, last_error="another reason"))
        first = update(scrobble_queue).where(scrobble_queue.c.id == 2).values(next_attempt_at=until, last_error=error)
        await room.deck.store.write(lambda db: db.execute(first))
        job = await job_of(room)
        assert (job.state, job.until, job.reason) == (State.RESTING, until, why)


async def test_a_play_in_the_future_is_shown(house: House) -> None:
    async with house.open(deliver=False) as room:
        await room.sign_in()
        await room.play(0, age=-HOUR)
        job = await job_of(room)
        assert (job.state, job.until, job.reason) == (
            State.RESTING,
            int(room.now + HOUR),
            AHEAD,
        )


async def test_while_the_key_is_refused_what_waits_rests_until_it_is_probed_and_says_why(room: Room) -> None:
    room.emulator.fault("error", error=26, calls=1, methods=["track.scrobble"])
    await room.play(1)
    await room.until_calls(1)
    job = await job_of(room)
    assert job.state is State.RESTING
    assert job.until == pytest.approx(room.now + HOUR, abs=60)
    assert job.reason.startswith("Last.fm rejects the API key: ")
    assert "26" in job.reason


async def test_while_last_fm_wants_fewer_requests_what_waits_says_so(room: Room) -> None:
    room.emulator.fault("error", error=29, calls=1, methods=["track.scrobble"])
    await room.play(1)
    await room.until_calls(1)
    job = await job_of(room)
    assert job.state is State.RESTING
    assert job.until == pytest.approx(room.now + 60, abs=60)
    assert "29" in job.reason


@pytest.mark.parametrize(
    ("write", "why"),
    [
        (of_account(connection="disconnected"), explanation(Waits(WaitKind.DISCONNECTED, user="RJ"))),
        (of_account(connection="needs_sign_in"), ENDED),
        (of_account(connection="needs_sign_in", trouble="error 9"), ENDED),
        (of_account(lastfm_api_key="another"), KEY_NOT_SET),
        (
            of_rows(owner="somebody else"),
            explanation(Waits(WaitKind.OTHER_USER, user="somebody else")),
        ),
    ],
)
async def test_what_only_people_can_do_has_no_time(house: House, write: Write, why: str) -> None:
    async with waiting(house, write) as room:
        job = await job_of(room)
        assert (job.state, job.until, job.reason) == (State.RESTING, None, why)


async def test_without_an_api_key_that_is_what_plays_wait_for(house: House) -> None:
    async with waiting(house, api_key="", api_secret="") as room:
        assert (await job_of(room)).reason == NOT_CONFIGURED
    async with waiting(house, api_key=API_KEY, api_secret=API_SECRET) as room:
        assert (await job_of(room)).reason == ""


async def test_what_a_dead_sender_has_left_waits_for_its_turn(house: House) -> None:
    async with waiting(house, of_rows(state="sending")) as room:
        assert (await job_of(room)).state is State.WAITING
        until = room.now + 30
        await room.deck.store.write(of_account(lease_owner="a process", lease_until=until))
        job = await job_of(room)
        assert (job.state, job.owner, job.until) == (State.RUNNING, "a process", until)


async def test_a_throttle_written_by_a_wrong_clock_blocks_no_request(house: House) -> None:
    async with waiting(house) as room:
        later = room.now + 2 * DAY
        await room.deck.store.write(of_account(wait_until=later, backlog_until=later, lease_until=later))
        await room.deck.store.write(of_rows(live=False))
        assert (await job_of(room)).state is State.WAITING


async def test_if_nothing_waits_a_throttle_is_not_a_job(house: House) -> None:
    async with waiting(house, lambda db: queue.remove(db, [1])) as room:
        await room.deck.store.write(of_account(wait_until=room.now + 60, trouble="error 11"))
        assert (await room.deck.jobs.overview()).jobs == (await room.deck.jobs.overview(room.me.id)).jobs == ()


async def test_while_a_kind_is_paused_its_jobs_wait_and_say_so(house: House) -> None:
    async with waiting(house) as room:
        await room.deck.loved_import.start(room.me.id)
        assert (await job_of(room, IMPORT)).state is State.RUNNING
        for kind in (DELIVER, IMPORT, ENRICH):
            await room.deck.jobs.pause(kind)
        job = await job_of(room)
        assert (job.state, job.reason) == (State.WAITING, PAUSED)
        run = await job_of(room, IMPORT)
        assert (run.state, run.reason) == (State.WAITING, "it continues when import is resumed")


async def test_a_retry_of_an_import_says_that_it_is_paused(house: House) -> None:
    async with waiting(house) as room:
        await room.deck.loved_import.start(room.me.id)
        await room.deck.jobs.pause(IMPORT)
        done = await room.deck.jobs.retry(IMPORT, room.me.id)
        assert done == JobDone("import resumed, but import is paused: nothing starts until it is resumed")


async def test_however_many_are_broken_who_comes_after_them_has_their_turn(house: House) -> None:
    def broken(db: Connection) -> None:
        crowd(db, 1001)
        now = house.clock.now()
        faults = [JobFailure(DELIVER, other, 1, now, now + HOUR, "a bug") for other in range(2, 1003)]
        insert_ignore(db, job_failure, [asdict(one) for one in faults])

    async with waiting(house, broken) as room:
        me = update(account).where(account.c.id == room.me.id).values(answered_at=room.now)
        await room.deck.store.write(lambda db: db.execute(me))
        assert await room.deck.store.read(lambda db: queue.due(db, room.now, API_KEY)) == [room.me.id]
        later = room.now + HOUR
        assert len(await room.deck.store.read(lambda db: queue.due(db, later, API_KEY))) == queue.DUE_AT_ONCE


async def test_of_very_many_that_wait_for_a_sign_in_none_hides_who_continues_by_themselves(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_list, "LIMIT", 2)
    async with waiting(house, lambda db: crowd(db, 5), of_account(connection="disconnected")) as room:
        resting = update(account).where(account.c.id == 4).values(connection="connected", wait_until=room.now + 60)
        await room.deck.store.write(lambda db: db.execute(resting))
        jobs = (await room.deck.jobs.overview()).jobs
        assert [job.account for job in jobs if job.until] == [4]
        assert len(jobs) == 2
