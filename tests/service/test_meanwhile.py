"""What happens while a request is under way: the answer comes to an account that has changed."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from sqlalchemy import event

from lastfm_emulator import Emulator
from lastfm_emulator.transport import Direct
from tests.databases import only_sqlite
from tests.fake_clock import settle
from tests.service.conftest import HOUR, House, Room, songs
from tonearm.core.play import Play, Track
from tonearm.service.play_actions import ActionRefused
from tonearm.store import queue
from tonearm.store.db.sqlite_writer import StoreUnavailable

pytestmark = pytest.mark.anyio

SCROBBLE = ["track.scrobble"]
Happening = Callable[[Room], Awaitable[object]]


class Meanwhile(Direct):
    """The emulator, and something that happens after it has done what was asked and before its answer is there."""

    def __init__(self, emulator: Emulator) -> None:
        super().__init__(emulator)
        self.happens: list[Callable[[], Awaitable[object]]] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            return await super().handle_async_request(request)
        finally:
            if b"track.scrobble" in request.content and self.happens:
                await self.happens.pop()()


@asynccontextmanager
async def meanwhile(house: House, happening: Happening, number: int = 1, **options: Any) -> AsyncIterator[Room]:
    """A deck with that many plays of RJ, during whose first request something happens."""
    async with house.open(deliver=False, **options) as room:
        await room.sign_in()
        await room.plays(*range(number))
    transport = Meanwhile(house.emulator)
    async with httpx2.AsyncClient(transport=transport) as http:
        opened: asyncio.Future[Room] = asyncio.get_running_loop().create_future()

        happened = asyncio.Event()

        async def happen() -> None:
            try:
                await happening(await opened)
            finally:
                happened.set()

        transport.happens.append(happen)
        async with house.open(http=http, **options) as room:
            opened.set_result(room)
            await happened.wait()
            await house.clock.still()
            yield room


async def signs_out(room: Room) -> None:
    await room.me.sign_out()


async def signs_out_and_discards(room: Room) -> None:
    await room.me.sign_out(discard=True)


async def signs_in_again(room: Room) -> None:
    await room.sign_in()


async def signs_in_as_another(room: Room) -> None:
    await room.sign_in("Somebody Else")


async def loses_the_lease(room: Room) -> None:
    def take(db: Any) -> None:
        lease = queue.claim(db, room.me.id, "another", room.now + 31, room.now + 61)
        assert lease is not None

    await room.deck.store.write(take)


async def database_fails(room: Room) -> None:
    _pragma(room, "query_only=ON")


def _pragma(room: Room, setting: str) -> None:
    connection = room.deck.store._writes.raw_connection()
    connection.cursor().execute(f"PRAGMA {setting}")
    connection.close()


async def bug(_: Room) -> None:
    raise RuntimeError("a bug in a host's transport")


async def test_an_answer_counts_though_the_listener_has_signed_out(house: House) -> None:
    async with meanwhile(house, signs_out, 60) as room:
        assert (await room.fates()).count("accepted") == 50
        await room.wait(HOUR)
        assert (await room.me.account()).connection == "disconnected"
        queue_status = await room.me.queue()
        assert (queue_status.queued, queue_status.sending, queue_status.held) == (10, 0, 10)
        assert len(house.calls()) == 1


async def test_a_fault_does_not_bring_back_what_was_discarded(house: House) -> None:
    house.emulator.fault("error", error=8, calls=1, methods=SCROBBLE)
    async with meanwhile(house, signs_out_and_discards, 3) as room:
        assert await room.fates() == ["discarded"] * 3
        await room.sign_in()
        await room.wait(HOUR)
        assert await room.length() == 0
        assert room.arrived() == []


async def test_what_was_discarded_while_being_sent_gets_no_other_names(house: House) -> None:
    house.emulator.fault("commit-then-close", calls=1, methods=SCROBBLE)
    async with meanwhile(house, signs_out_and_discards) as room:
        await room.sign_in()
        [kept] = await room.history()
        assert (kept.fate, kept.unanswered) == ("discarded", True)
        outcome = await room.deck.play_actions.correct(room.me.id, kept.id, lambda track: replace(track, title="Other"))
        assert isinstance(outcome, ActionRefused)
        assert room.arrived() == songs(0)


async def test_what_lastfm_has_is_accepted_though_it_was_discarded_meanwhile(house: House) -> None:
    async with meanwhile(house, signs_out_and_discards) as room:
        assert room.arrived() == songs(0)
        assert await room.fates() == ["accepted"]


@pytest.mark.parametrize("error", [9, 14, 17, 4])
async def test_an_answer_about_the_old_session_does_not_end_the_new_one(house: House, error: int) -> None:
    house.emulator.fault("error", error=error, calls=1, methods=SCROBBLE)
    async with meanwhile(house, signs_in_again) as room:
        assert (await room.me.account()).connection == "connected"
        await room.until_empty()
        assert room.arrived() == songs(0)


async def test_an_answer_about_the_old_session_does_not_sign_anybody_in_again(house: House) -> None:
    house.emulator.fault("error", error=9, calls=1, methods=SCROBBLE)
    async with meanwhile(house, signs_out) as room:
        assert (await room.me.account()).connection == "disconnected"
        assert (await room.me.queue()).held == 1


async def test_plays_stay_with_their_user_though_another_signs_in_meanwhile(house: House) -> None:
    async with meanwhile(house, signs_in_as_another, 60) as room:
        await room.wait(HOUR)
        assert room.arrived() == songs(*range(50))
        assert room.arrived("Somebody Else") == []
        assert (await room.me.queue()).held == 10
        await room.sign_in("RJ")
        await room.until_empty()
        assert room.arrived() == songs(*range(60))


async def test_who_lost_the_lease_writes_nothing_and_the_play_is_there_once(house: House) -> None:
    async with meanwhile(house, loses_the_lease) as room:
        assert await room.fates() == ["queued"]
        await room.until_empty()
        assert await room.fates() == ["accepted"]
    assert len(house.emulator.plays("RJ")) == 1
    assert house.emulator.repeats("RJ") == 1


@only_sqlite
async def test_an_answer_that_cannot_be_written_is_requested_again(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    async with meanwhile(house, database_fails) as room:
        await house.clock.sleep(60)
        assert await room.fates() == ["queued"]
        _pragma(room, "query_only=OFF")
        await room.until_empty()
        assert await room.fates() == ["accepted"]
    assert len(house.emulator.plays("RJ")) == 1
    assert "readonly database" in caplog.text
    assert "Nina" not in caplog.text


async def test_a_sender_that_is_ended_while_nothing_can_be_written_leaves_no_fault_behind(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failed = asyncio.Event()

    async def ends(room: Room) -> None:
        sender = asyncio.current_task()
        assert sender is not None

        async def fails(_: object) -> None:
            sender.cancel()  # once more, while it gives the account back
            try:
                await asyncio.sleep(0)
            finally:
                if asyncio.current_task() is not sender:
                    failed.set()
            raise StoreUnavailable("database or disk is full")

        monkeypatch.setattr(room.deck.store, "write", fails)
        sender.cancel()

    async with meanwhile(house, ends):
        await failed.wait()
        monkeypatch.undo()
    gc.collect()
    assert "never retrieved" not in caplog.text


@contextmanager
def held_up(room: Room, batch: int) -> Iterator[asyncio.Event]:
    """The transaction that marks the first batch, or the second, says so and stays there to the end of the block."""
    loop = asyncio.get_running_loop()
    reached, proceed = asyncio.Event(), threading.Event()
    marked: list[str] = []

    def stop(_: object, __: object, statement: str, *___: object) -> None:
        if statement.startswith("UPDATE scrobble_queue SET") and "batch" in statement:
            marked.append(statement)
            if len(marked) == batch:
                loop.call_soon_threadsafe(reached.set)
                assert proceed.wait(10)

    event.listen(room.deck.store._writes, "after_cursor_execute", stop)
    try:
        yield reached
    finally:
        proceed.set()


def senders() -> list[asyncio.Task[Any]]:
    return [task for task in asyncio.all_tasks() if "EmbeddedEngine._work" in repr(task.get_coro())]


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("times", [1, 2])
async def test_a_sender_cancelled_while_marking_a_batch_releases_it(house: House, batch: int, times: int) -> None:
    async with house.open() as room:
        await room.sign_in()
        with held_up(room, batch) as reached:
            at = int(room.now - HOUR)
            songs = [Track("Nina Simone", f"Song {n}", duration=200) for n in range(60)]
            await room.me.scrobble_all([Play(song, at + n, 150) for n, song in enumerate(songs)])
            await reached.wait()
            [sender] = senders()
            for _ in range(times):
                sender.cancel()
                await settle()
    async with house.open(deliver=False) as room:
        lease = await room.deck.store.write(lambda db: queue.claim(db, room.me.id, "another", room.now, room.now + 30))
        assert lease is not None
        assert (await room.me.queue()).sending == 0


@pytest.mark.failing_jobs
async def test_a_bug_while_sending_releases_the_account(house: House, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        async with meanwhile(house, bug) as room:
            await room.until_empty(within=20)
            assert await room.fates() == ["accepted"]
    assert "a bug in a host's transport" in caplog.text


async def test_a_report_of_a_play_that_is_being_sent_is_a_duplicate(house: House) -> None:
    said: list[str] = []

    async def reports_again(room: Room) -> None:
        [kept] = await room.history()
        track = Track("Nina Simone", "Song 000", duration=200)
        taken = await room.me.scrobble(track, started_at=kept.play.timestamp, played=200)
        said.append(taken.status)

    async with meanwhile(house, reports_again) as room:
        await room.until_empty()
    assert said == ["duplicate"]
    assert len(house.calls()) == 1


async def test_a_play_that_comes_while_others_are_sent_goes_with_the_next_batch(house: House) -> None:
    async def plays_on(room: Room) -> None:
        await room.play(7)

    async with meanwhile(house, plays_on) as room:
        await room.until_empty()
        assert room.arrived() == songs(0, 7)
    assert len(house.calls()) == 2


async def test_a_slow_answer_keeps_the_account_by_its_heartbeat(house: House) -> None:
    async def slow(room: Room) -> None:
        for _ in range(12):
            await house.clock.sleep(5)
        taken = await room.deck.store.write(lambda db: queue.claim(db, room.me.id, "another", room.now, room.now + 30))
        assert taken is None, "the lease ran out"

    async with meanwhile(house, slow) as room:
        await room.until_empty()
    assert len(house.calls()) == 1
