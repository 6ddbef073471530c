"""The history at Last.fm as a job: on demand or every hour, over interruptions, and shown among the jobs."""

from __future__ import annotations

import httpx2
import pytest

from lastfm_emulator.account import Play
from tests.history.files import AT
from tests.service.conftest import HOUR, During, House, Room
from tonearm.core.event import ImportProgress
from tonearm.service import history_mirror
from tonearm.service.history_mirror import CHUNK
from tonearm.service.hourly_import import CHECKED
from tonearm.service.job_list import HISTORY, JobState
from tonearm.service.jobs import JobDone
from tonearm.store.runs import Run, RunState

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("calm")]

METHOD = "user.getRecentTracks"


def scrobbled(room: Room, *starts: int) -> None:
    """Plays that another app has sent."""
    for start in starts:
        play = Play("Nina Simone", f"Song {start}", start, sent_artist="Nina Simone", sent_track=f"Song {start}")
        assert room.emulator.known_user("RJ").keep(play)


async def imported(room: Room) -> Run:
    run = await room.deck.history_mirror.start(room.me.id)
    over = await room.deck.history_mirror.finished(room.me.id, run.id)
    await room.house.clock.still()  # its last event is out, too
    return over


async def plays_here(room: Room) -> int:
    return sum([len(part) async for part in room.deck.history_export.parts(room.me.id)])


async def test_an_import_on_demand_is_a_job_with_progress(room: Room) -> None:
    scrobbled(room, *(AT + n * 60 for n in range(2500)))
    run = await imported(room)
    assert (run.state, run.done, run.total, run.counts["new"]) == (RunState.DONE, 2500, 2500, 2500)
    (job,) = (job for job in (await room.deck.jobs.overview()).jobs if job.kind == HISTORY)
    assert (job.id, job.state, job.done) == (f"history-{room.me.id}", JobState.DONE, 2500)
    done = [event.done for event in room.events if isinstance(event, ImportProgress)]
    assert done == sorted(done)
    assert (len(done), done[-1]) == (3, 2500)  # after each page
    assert len(await room.deck.history_import.listed(room.me.id)) == 1


async def test_an_import_that_finds_nothing_new_is_not_listed(room: Room) -> None:
    scrobbled(room, AT)
    await imported(room)
    for _ in range(3):
        assert (await imported(room)).counts["new"] == 0
    (listed,) = await room.deck.history_import.listed(room.me.id)
    assert listed.counts["new"] == 1
    scrobbled(room, int(room.now) - 60)
    assert (await imported(room)).counts["new"] == 1
    assert len(await room.deck.history_import.listed(room.me.id)) == 2


async def test_a_mirror_imports_every_hour_until_it_is_turned_off(room: Room) -> None:
    mirror, me = room.deck.history_mirror, room.me.id
    assert await mirror.mirrored(me) is None
    await room.wait(2 * HOUR)
    assert room.house.calls(METHOD) == []
    scrobbled(room, int(room.now) - 600)
    await mirror.mirror(me, on=True)
    assert await mirror.mirrored(me) == 0
    while len(await room.history()) < 1:
        await room.house.clock.sleep(CHECKED)
    scrobbled(room, int(room.now) - 30)
    begun = room.now
    while len(await room.history()) < 2:
        await room.house.clock.sleep(CHECKED)
    assert HOUR - 3 * CHECKED < room.now - begun < HOUR + 5 * CHECKED
    next_at = await mirror.mirrored(me)
    assert next_at is not None
    assert next_at > room.now
    await mirror.mirror(me, on=False)
    calls = len(room.house.calls(METHOD))
    await room.wait(3 * HOUR)
    assert len(room.house.calls(METHOD)) == calls


async def test_what_tonearm_sent_is_mirrored_as_what_it_is(room: Room) -> None:
    await room.play(1)
    await room.until_empty()
    run = await imported(room)
    assert (run.counts["new"], run.counts["known"]) == (0, 1)
    assert len(await room.history()) == 1


async def test_an_import_gives_its_slot_to_others_and_continues(house: House) -> None:
    network = During(house.emulator, METHOD)
    async with httpx2.AsyncClient(transport=network) as http, house.open(http=http) as room:
        await room.sign_in()
        scrobbled(room, *(AT + n * 60 for n in range(2500)))

        async def slow() -> None:
            house.clock.advance(CHUNK + 1)

        network.happens += [slow, slow]
        run = await imported(room)
        assert (run.state, run.counts["new"]) == (RunState.DONE, 2500)
        assert len(room.house.calls(METHOD)) > 4  # a page says how many there are, and so it does to whoever goes on
        done = [event.done for event in room.events if isinstance(event, ImportProgress)]
        assert done == sorted(done)
        assert len(await room.deck.history_import.listed(room.me.id)) == 1


async def test_a_cancelled_import_stops_at_its_next_page_and_a_retry_continues(house: House) -> None:
    network = During(house.emulator, METHOD)
    async with httpx2.AsyncClient(transport=network) as http, house.open(http=http) as room:
        await room.sign_in()
        scrobbled(room, *(AT + n * 60 for n in range(2500)))

        async def cancel() -> None:
            assert isinstance(await room.deck.jobs.cancel(HISTORY, room.me.id), JobDone)

        network.happens.append(cancel)
        run = await imported(room)
        assert run.state is RunState.FAILED
        assert await plays_here(room) == 500  # the oldest page
        assert isinstance(await room.deck.jobs.retry(HISTORY, room.me.id), JobDone)
        over = await room.deck.history_mirror.finished(room.me.id, run.id)
        assert (over.state, await plays_here(room)) == (RunState.DONE, 2500)


async def test_a_failed_import_says_why_and_nobody_signed_in_is_not_a_fault(house: House) -> None:
    async with house.open() as room:
        run = await imported(room)
        assert (run.state, "isn't signed in" in run.failure) == (RunState.FAILED, True)
        await room.sign_in()
        scrobbled(room, AT)
        room.emulator.fault("error", methods=[METHOD], error=11)
        run = await imported(room)
        assert (run.state, "Last.fm" in run.failure) == (RunState.FAILED, True)
        assert await room.deck.history_mirror.job(room.me.id, run.id + 99) is None
        latest = await room.deck.history_mirror.latest(room.me.id)
        assert latest is not None
        assert latest.kind == history_mirror.KIND
