"""Processes that share a PostgreSQL: what happens in one is heard in all, in the same order."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import tonearm
from lastfm_emulator import API_KEY, API_SECRET
from tests.databases import only_postgres
from tests.patience import PATIENCE
from tests.postgres import Server
from tonearm.core.event import Event, NowPlayingShown, QueueUpdated, ScrobbleStatus
from tonearm.core.play import Track
from tonearm.deck import Deck
from tonearm.service import event_bridge
from tonearm.service.event_bridge import UNREAD, EventBridge
from tonearm.service.events import (
    ACCOUNTS,
    FEWEST_REMEMBERED,
    REMEMBERED,
    REMEMBERED_IN_ALL,
    EventHub,
    Subscription,
)
from tonearm.store import accounts
from tonearm.store.db import notify
from tonearm.store.db.notify import publish

pytestmark = pytest.mark.anyio

KEYS: dict[str, Any] = {"api_key": API_KEY, "api_secret": API_SECRET, "secret_key": "one for all", "deliver": False}


@asynccontextmanager
async def processes(database: Path | str, number: int = 2) -> AsyncIterator[list[Deck]]:
    """Decks that know nothing of each other but the database; `me` is signed in."""
    async with asyncio.timeout(PATIENCE), AsyncExitStack() as stack:
        decks = [await stack.enter_async_context(tonearm.open(database, **KEYS)) for _ in range(number)]
        me = await decks[0].listener()
        await decks[0].store.write(lambda db: accounts.sign_in(db, me.id, "RJ", "sealed", API_KEY))
        yield decks


async def until(subscription: Subscription, wanted: Callable[[Event], bool]) -> list[Event]:
    """What is heard until an event of that kind, which is the last."""
    heard: list[Event] = []
    while not (heard and wanted(heard[-1])):
        heard.append((await anext(aiter(subscription))).event)
    return heard


async def reports(subscription: Subscription, number: int) -> list[ScrobbleStatus]:
    """So many events of plays."""
    heard: list[ScrobbleStatus] = []
    while len(heard) < number:
        event = (await anext(aiter(subscription))).event
        if isinstance(event, ScrobbleStatus):
            heard.append(event)
    return heard


def plays(number: int, title: str = "Song") -> Callable[[Event], bool]:
    return lambda event: isinstance(event, ScrobbleStatus) and event.track == f"{title} {number}"


async def play(deck: Deck, number: int, title: str = "Song") -> None:
    me = await deck.listener()
    track = Track("Nina Simone", f"{title} {number}", duration=200)
    await me.scrobble(track, started_at=deck.clock.now() - 3600 + number, played=150)


@only_postgres
async def test_what_one_process_saves_is_published_in_the_other_with_the_true_count(database: Path | str) -> None:
    async with processes(database) as (one, other):
        with other.event_hub.subscribe(1) as (subscription, _):
            await play(one, 1)
            heard = await until(subscription, lambda event: event == QueueUpdated(1))
    assert [event.status for event in heard if isinstance(event, ScrobbleStatus)] == ["queued"]


@only_postgres
async def test_all_get_the_same_events_in_the_same_order(database: Path | str) -> None:
    async with processes(database, 3) as decks, asyncio.timeout(PATIENCE), AsyncExitStack() as stack:
        subscriptions = [stack.enter_context(deck.event_hub.subscribe(1))[0] for deck in decks]
        await asyncio.gather(*(play(decks[n % 3], n) for n in range(30)))
        published = [await reports(subscription, 30) for subscription in subscriptions]
    assert len({event.id for event in published[0]}) == 30
    assert published[0] == published[1] == published[2]


@only_postgres
async def test_who_comes_back_to_another_process_continues_where_it_was(database: Path | str) -> None:
    async with processes(database) as (one, other):
        with one.event_hub.subscribe(1) as (subscription, _), other.event_hub.subscribe(1) as (there, _):
            await play(one, 1)
            last = ""
            while not last:
                published = await anext(aiter(subscription))
                last = published.id if plays(1)(published.event) else ""
            await play(one, 2)
            await until(there, plays(2))
        with other.event_hub.subscribe(1, after=last) as (again, continues):
            assert continues
            assert isinstance((await until(again, plays(2)))[-1], ScrobbleStatus)


@only_postgres
async def test_what_another_version_publishes_is_received_as_far_as_it_is_known(database: Path | str) -> None:
    """As while processes are replaced one after the other."""
    queue = {"queued_count": 7}
    published = [
        [1, "a-1", "lfm:unheard-of", {}],
        [1, "a-2", "lastfm:scrobble-status", {"id": 1}],
        [1, "a-3", "lastfm:queue-updated", {**queue, "more": "news"}],
    ]
    async with processes(database, 1) as [deck]:
        with deck.event_hub.subscribe(1) as (subscription, _):
            await deck.store.write(lambda db: publish(db, [json.dumps(published)]))
            assert await until(subscription, lambda event: isinstance(event, QueueUpdated)) == [QueueUpdated(7)]


@only_postgres
async def test_what_plays_is_known_in_every_process(database: Path | str) -> None:
    async with processes(database) as (one, other):
        me = await one.listener()
        with other.event_hub.subscribe(me.id) as (subscription, _):
            await me.now_playing(Track("Nina Simone", "Sinnerman", duration=622))
            await until(subscription, lambda event: isinstance(event, NowPlayingShown))
        shown = other.shows.current(me.id)
        assert shown is not None
        assert (shown.artist, shown.track) == ("Nina Simone", "Sinnerman")


@only_postgres
async def test_names_that_are_too_long_for_a_notice_are_cut(database: Path | str) -> None:
    long = "ö" * 5000
    async with processes(database) as (one, other):
        with other.event_hub.subscribe(1) as (subscription, _):
            await play(one, 1, long)
            [published, *_] = await until(subscription, lambda event: isinstance(event, ScrobbleStatus))
    assert isinstance(published, ScrobbleStatus)
    assert published.track.startswith("öööö")
    assert published.track.endswith("…")


@only_postgres
async def test_many_events_at_once_all_arrive(database: Path | str) -> None:
    async with processes(database) as (one, other):
        with other.event_hub.subscribe(1) as (subscription, _):
            for number in range(500):
                one.event_hub.publish(1, ScrobbleStatus(number, "queued", "Nina Simone", f"Song {number}", "x" * 100))
            heard = await until(subscription, plays(499))
    assert [event.id for event in heard if isinstance(event, ScrobbleStatus)] == list(range(500))


@only_postgres
async def test_a_subscription_knows_that_it_may_have_missed_something_while_the_server_was_down(
    database: Path | str, postgres: Server
) -> None:
    async with processes(database) as (one, other):
        with one.event_hub.subscribe(1) as (before, _), other.event_hub.subscribe(1) as (subscription, _):
            await play(one, 1)
            last = (await anext(aiter(before))).id
            postgres.stop()
            postgres.start()
            while not (subscription.missed and before.missed):
                await subscription.within(0.01)
        with other.event_hub.subscribe(1, after=last) as (again, continues):
            assert not continues
            await play(one, 2)
            await until(again, plays(2))


@only_postgres
async def test_an_outage_is_logged_once_by_each_part_and_once_that_it_is_over(
    database: Path | str, postgres: Server, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: Counter[str] = Counter()
    connect = notify._connect

    async def counted(url: Any) -> Any:
        tries["listening"] += 1
        return await connect(url)

    monkeypatch.setattr(notify, "_connect", counted)
    monkeypatch.setattr(notify, "RETRY_AFTER", 0.01)
    monkeypatch.setattr(event_bridge, "RETRY_AFTER", 0.01)
    caplog.set_level(logging.INFO, "tonearm")
    async with processes(database, 1) as [deck]:
        flush = deck.store.write

        async def counted_write(write: Any) -> Any:
            tries["telling"] += 1
            return await flush(write)

        monkeypatch.setattr(deck.store, "write", counted_write)
        with deck.event_hub.subscribe(1) as (subscription, _):
            postgres.stop()
            deck.event_hub.publish(1, ScrobbleStatus(7, "accepted", "Nina Simone", "Song 7", ""))
            while min(tries["listening"], tries["telling"]) < 5:
                await subscription.within(0.01)
            postgres.start()
            while not subscription.missed or "are delivered again" not in caplog.text:
                await subscription.within(0.01)
    for words in (
        "events wait for the database",
        "events are delivered again",
        "can't receive events from other processes",
        "receiving events from other processes again",
    ):
        assert caplog.text.count(words) == 1, words


def queue_notice(account: int, number: int) -> str:
    return json.dumps([[account, f"a-{number}", "lastfm:queue-updated", {"queued_count": number}]])


async def heard_last(deck: Deck, notice: str) -> None:
    """Return when a process without subscribers has that notice, after all earlier ones."""
    heard = deck.event_hub.relay
    assert isinstance(heard, EventBridge)
    while list(heard._unread)[-1:] != [notice]:
        await deck.store.read(lambda db: None)


@only_postgres
@pytest.mark.parametrize("more", [0, 1])
async def test_a_returning_subscriber_continues_only_if_no_event_was_dropped(database: Path | str, more: int) -> None:
    published = [queue_notice(1, 1)] + [queue_notice(2, number) for number in range(2, UNREAD + 1 + more)]
    async with processes(database, 1) as [deck]:
        with deck.event_hub.subscribe(1) as (subscription, _):
            await deck.store.write(lambda db: publish(db, [queue_notice(1, 0)]))
            last = await anext(aiter(subscription))
        await deck.store.write(lambda db: publish(db, published))
        await heard_last(deck, published[-1])
        with deck.event_hub.subscribe(1, after=last.id) as (again, continues):
            assert continues is not bool(more)
            if continues:
                assert await until(again, lambda _: True) == [QueueUpdated(1)]


UNREADABLE = ("no JSON", "[7]", "[[1, 2, [], {}]]", "[[1e999]]", "[" * 7000)


@only_postgres
@pytest.mark.parametrize("notice", UNREADABLE, ids=lambda notice: notice[:20])
async def test_what_cannot_be_read_is_a_gap_and_ends_nothing(
    database: Path | str, notice: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with processes(database, 1) as [deck]:
        with deck.event_hub.subscribe(1) as (subscription, _):
            await deck.store.write(lambda db: publish(db, [queue_notice(1, 0)]))
            last = await anext(aiter(subscription))
            await deck.store.write(lambda db: publish(db, [notice]))
            while not subscription.missed:
                assert await subscription.within(0.01) is None
        await deck.store.write(lambda db: publish(db, [notice, queue_notice(1, 1)]))
        await heard_last(deck, queue_notice(1, 1))
        with deck.event_hub.subscribe(1, after=last.id) as (_, continues):
            assert not continues
        with deck.event_hub.subscribe(1, after="a-1") as (again, continues):
            assert continues
            await deck.store.write(lambda db: publish(db, [queue_notice(1, 2)]))
            assert await until(again, lambda _: True) == [QueueUpdated(2)]
    assert caplog.text.count("cannot be read") == 2


@only_postgres
async def test_deletions_and_revocations_reach_processes_without_subscribers(
    database: Path | str,
) -> None:
    async with processes(database) as (one, other):
        shut_out: asyncio.Queue[int | None] = asyncio.Queue()
        other.event_hub.not_admitted.append(shut_out.put_nowait)
        with other.event_hub.subscribe(1) as (subscription, _):
            one.event_hub.publish(1, NowPlayingShown("Nina Simone", "Sinnerman", "", None, 0.0, "success"))
            await until(subscription, lambda event: isinstance(event, NowPlayingShown))
        assert other.event_hub.now_playing(1) is not None
        await one.personal_data.revoke(1, "a token")
        await one.personal_data.erase(1, "")
        async with asyncio.timeout(PATIENCE):
            assert await shut_out.get() == 1
            while 1 in other.event_hub._plays:
                assert await shut_out.get() == 1


@only_postgres
async def test_events_that_were_dropped_during_a_long_outage_are_a_gap_to_all_processes(
    database: Path | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_bridge, "KEPT", 5)
    async with processes(database) as (one, other):
        with other.event_hub.subscribe(1) as (subscription, _):
            for number in range(20):  # more than are kept until they are told together
                one.event_hub.publish(1, QueueUpdated(number))
            while not subscription.missed:
                await subscription.within(0.01)


@only_postgres
async def test_what_is_published_at_the_end_of_a_process_still_arrives(database: Path | str) -> None:
    async with processes(database, 1) as (one,):
        with one.event_hub.subscribe(1) as (subscription, _):
            async with tonearm.open(database, **KEYS) as leaving:
                leaving.event_hub.publish(1, ScrobbleStatus(7, "accepted", "Nina Simone", "Song 7", ""))
            await until(subscription, plays(7))


def resumed(event_hub: EventHub, account: int, after: str) -> bool:
    with event_hub.subscribe(account, after) as (_, without_a_gap):
        return without_a_gap


async def test_the_more_accounts_the_fewer_events_of_each_are_kept() -> None:
    event_hub = EventHub("a")
    for number in range(REMEMBERED + 10):
        event_hub.publish(0, QueueUpdated(number))
    assert [resumed(event_hub, 0, f"a-{number}") for number in (10, 11)] == [False, True]
    accounts = 100
    for number in range(100):
        for account in range(accounts):
            event_hub.publish(account, QueueUpdated(number))
    assert sum(map(len, event_hub._past.values())) <= REMEMBERED_IN_ALL
    share = REMEMBERED_IN_ALL // accounts
    for account in range(accounts):
        latest = [numbered.id for numbered in event_hub._past[account]]
        assert len(latest) == share
        assert all(resumed(event_hub, account, event) for event in latest)


async def test_even_of_many_accounts_some_events_are_kept() -> None:
    event_hub = EventHub("a")
    for number in range(2 * FEWEST_REMEMBERED):
        for account in range(ACCOUNTS):
            event_hub.publish(account, QueueUpdated(number))
    assert {len(past) for past in event_hub._past.values()} == {FEWEST_REMEMBERED}


async def test_events_of_idle_accounts_are_dropped() -> None:
    event_hub = EventHub("a")
    for account in range(ACCOUNTS + 10):
        event_hub.publish(account, QueueUpdated(account))
    assert len(event_hub._past) == ACCOUNTS
