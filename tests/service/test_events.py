"""Who listens hears everything of their own account, in order, and knows what was missed."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from tonearm.core.event import NowPlayingShown, QueueUpdated
from tonearm.service.events import REMEMBERED, EventHub, Subscription

pytestmark = pytest.mark.anyio


async def heard(subscription: Subscription) -> list[int]:
    """The numbers that a subscription has, without waiting for more."""
    numbers = []
    while (published := await subscription.within(0.01)) is not None:
        assert isinstance(published.event, QueueUpdated)
        numbers.append(published.event.queued_count)
    return numbers


def tell(event_hub: EventHub, account: int, *numbers: int) -> None:
    for number in numbers:
        event_hub.publish(account, QueueUpdated(number))


async def test_a_subscription_receives_events_of_its_account_in_order() -> None:
    event_hub = EventHub("a")
    with event_hub.subscribe(1) as (subscription, _), event_hub.subscribe(2) as (other, _):
        tell(event_hub, 1, 1, 2, 3)
        tell(event_hub, 2, 9)
        assert await heard(subscription) == [1, 2, 3]
        assert await heard(other) == [9]


async def test_several_subscribers_get_the_same() -> None:
    event_hub = EventHub("a")
    with event_hub.subscribe(1) as (one, _), event_hub.subscribe(1) as (other, _):
        tell(event_hub, 1, 1, 2)
        assert await heard(one) == await heard(other) == [1, 2]


async def test_a_subscription_that_has_ended_receives_nothing_more() -> None:
    event_hub = EventHub("a")
    with event_hub.subscribe(1) as (subscription, _):
        assert event_hub.has_subscribers(1)
    tell(event_hub, 1, 1)
    assert await heard(subscription) == []
    assert not event_hub.has_subscribers(1)
    assert not event_hub.has_subscribers(2)


async def test_what_was_published_before_is_not_sent_to_a_new_subscriber() -> None:
    event_hub = EventHub("a")
    tell(event_hub, 1, 1, 2)
    with event_hub.subscribe(1) as (subscription, continues):
        assert not continues
        assert await heard(subscription) == []


async def test_a_returning_subscriber_gets_what_was_published_meanwhile() -> None:
    event_hub = EventHub("a")
    with event_hub.subscribe(1) as (subscription, _):
        tell(event_hub, 1, 1)
        first = await subscription.within(1)
    assert first is not None
    tell(event_hub, 2, 77)
    tell(event_hub, 1, 2, 3)
    with event_hub.subscribe(1, first.id) as (subscription, continues):
        assert continues
        tell(event_hub, 1, 4)
        assert await heard(subscription) == [2, 3, 4]


async def test_who_missed_nothing_continues_too() -> None:
    event_hub = EventHub("a")
    with event_hub.subscribe(1) as (subscription, _):
        tell(event_hub, 1, 1)
        last = await subscription.within(1)
    assert last is not None
    with event_hub.subscribe(1, last.id) as (subscription, continues):
        assert (continues, await heard(subscription)) == (True, [])


@pytest.mark.parametrize("after", ["b-1", "a-999", "nonsense", ""])
async def test_who_comes_back_too_late_learns_that_there_is_a_gap(after: str) -> None:
    event_hub = EventHub("a")
    tell(event_hub, 1, 1, 2)
    with event_hub.subscribe(1, after) as (subscription, continues):
        assert (continues, await heard(subscription)) == (False, [])


async def test_so_many_events_are_remembered() -> None:
    event_hub = EventHub("a")
    with event_hub.subscribe(1) as (subscription, _):
        tell(event_hub, 1, *range(2))
        first, second = await subscription.within(1), await subscription.within(1)
    assert first is not None
    assert second is not None
    tell(event_hub, 1, *range(2, REMEMBERED))
    with event_hub.subscribe(1, first.id) as (subscription, continues):
        assert continues
        assert await heard(subscription) == list(range(1, REMEMBERED))
    tell(event_hub, 1, 999)
    with event_hub.subscribe(1, first.id) as (subscription, continues):
        assert (continues, await heard(subscription)) == (False, [])
    with event_hub.subscribe(1, second.id) as (_, continues):
        assert continues


async def test_a_subscription_that_is_not_read_misses_events_and_detects_it() -> None:
    event_hub = EventHub("a")
    with event_hub.subscribe(1) as (subscription, _):
        tell(event_hub, 1, *range(4 * REMEMBERED))
        missed_before = subscription.missed
        tell(event_hub, 1, 9999)
        assert (missed_before, subscription.missed) == (False, True)
        assert len(await heard(subscription)) == 4 * REMEMBERED


async def test_no_two_events_have_one_id() -> None:
    event_hub, later = EventHub("a"), EventHub("b")
    ids: list[str] = []
    for one in (event_hub, later):
        with one.subscribe(1) as (subscription, _), one.subscribe(2) as (other, _):
            tell(one, 1, 1, 2)
            tell(one, 2, 3)
            for published in (await subscription.within(1), await subscription.within(1), await other.within(1)):
                assert published is not None
                ids.append(published.id)
    assert len(set(ids)) == 6
    assert all(one != other for one, other in pairwise(ids))


async def test_a_subscription_is_iterated_as_events_come() -> None:
    event_hub = EventHub("a")
    got: list[int] = []
    with event_hub.subscribe(1) as (subscription, _):

        async def listen() -> None:
            async for published in subscription:
                assert isinstance(published.event, QueueUpdated)
                got.append(published.event.queued_count)
                if len(got) == 3:
                    return

        listening = asyncio.create_task(listen())
        tell(event_hub, 1, 1, 2, 3)
        await asyncio.wait_for(listening, 5)
    assert got == [1, 2, 3]


async def test_nothing_that_comes_after_a_gap_is_heard_by_who_was_there_before_it() -> None:
    """Else they would resume from there, as if they had missed nothing."""
    event_hub = EventHub("a")
    with event_hub.subscribe(1) as (subscription, _):
        tell(event_hub, 1, 1)
        event_hub.forget()
        tell(event_hub, 1, 2)
        assert await heard(subscription) == [1]
        assert subscription.missed
        assert [published.id async for published in subscription] == []
    with event_hub.subscribe(1, "a-1") as (_, resumed):
        assert not resumed


async def test_a_subscription_that_was_full_receives_nothing_that_came_after_what_it_missed() -> None:
    event_hub = EventHub("a")
    with event_hub.subscribe(1) as (subscription, _):
        tell(event_hub, 1, *range(4 * REMEMBERED + 1))
        await subscription.within(1)
        tell(event_hub, 1, -1)
        assert (await heard(subscription))[-1] == 4 * REMEMBERED - 1


async def test_who_waits_for_an_event_is_woken_by_a_gap() -> None:
    event_hub = EventHub("a")
    with event_hub.subscribe(1) as (subscription, _):
        waits = asyncio.create_task(subscription.within(300))
        await asyncio.sleep(0)
        event_hub.forget()
        assert await waits is None


async def test_nothing_of_an_erased_account_stays_in_memory() -> None:
    event_hub, shut_out = EventHub("a"), list[int | None]()
    event_hub.not_admitted.append(shut_out.append)
    event_hub.publish(1, NowPlayingShown("Nina Simone", "Sinnerman", "", None, 0.0, "success"))
    with event_hub.subscribe(1) as (subscription, _):
        tell(event_hub, 1, 1)
        event_hub.erased(1)
        assert await heard(subscription) == []
        assert subscription.missed
    assert event_hub.now_playing(1) is None
    with event_hub.subscribe(1, "a-1") as (_, resumed):
        assert not resumed
    assert shut_out == [1]
