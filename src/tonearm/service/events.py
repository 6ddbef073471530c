"""Events: publishes what happened to an account to its subscribers, in order."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from tonearm.core.event import Event, NowPlayingShown
from tonearm.core.name_caches import forget_names

REMEMBERED, FEWEST_REMEMBERED = 256, 8
"""Events kept for each account, for subscribers whose connection dropped: the more accounts, the fewer."""

REMEMBERED_IN_ALL = 4096
"""Events kept of all accounts, which share them: 350 bytes each."""

ACCOUNTS = 2000
"""The number of accounts with the latest events whose events are stored."""


class NumberedEvent(NamedTuple):
    """An event with its place in the order of this process's events."""

    id: str
    event: Event


class Subscription:
    """A subscription: iterate it for events, oldest first. It ends if it has missed some, so that the subscriber
    resumes. Nothing after a gap is delivered: a subscriber that resumed from there would seem to have missed nothing.
    """

    def __init__(self) -> None:
        self._queue: asyncio.Queue[NumberedEvent | None] = asyncio.Queue(maxsize=4 * REMEMBERED)
        self.missed = False

    def put(self, numbered: NumberedEvent) -> None:
        """Deliver an event; a subscription that isn't read for long misses some, and records that."""
        if self.missed:
            return
        try:
            self._queue.put_nowait(numbered)
        except asyncio.QueueFull:
            self.missed = True

    def end(self) -> None:
        """Some events were lost: the subscriber gets those before the gap, then the subscription ends."""
        if not self.missed:
            self.missed = True
            if not self._queue.full():
                self._queue.put_nowait(None)

    def clear(self) -> None:
        """Drop undelivered events, and end."""
        while not self._queue.empty():
            self._queue.get_nowait()
        self.missed = False
        self.end()

    async def __aiter__(self) -> AsyncIterator[NumberedEvent]:
        while not (self.missed and self._queue.empty()):
            numbered = await self._queue.get()
            if numbered is None:
                return
            yield numbered

    async def within(self, seconds: float) -> NumberedEvent | None:
        """The next event; None if none came within that many seconds, or if the subscription has ended."""
        try:
            return await asyncio.wait_for(self._queue.get(), seconds)
        except TimeoutError:
            return None


class Bridge(Protocol):
    """Publishes to all processes, this one included."""

    def publish(self, account: int, numbered: NumberedEvent) -> None:
        """Publish an event."""

    def changed(self, account: int) -> None:
        """Publish that the queue of an account has changed."""

    def admissions_changed(self, account: int) -> None:
        """Publish that a credential of an account was revoked."""

    def erased(self, account: int) -> None:
        """Publish that everything of an account was deleted."""

    def read(self) -> None:
        """Receive what was published until now."""


class EventHub:
    """The events of one process, or of all that share a `relay`. `start` makes its ids unique.

    `queue_changed` is called for an account with subscribers whose queue has changed, here or elsewhere, and
    `not_admitted` for an account that has lost a token; None: any account may have.
    """

    def __init__(self, start: str) -> None:
        self._start = start
        self._count = 0
        self._past: OrderedDict[int, deque[NumberedEvent]] = OrderedDict()
        self._subscriptions: dict[int, set[Subscription]] = {}
        self._plays: dict[int, NowPlayingShown] = {}
        self.relay: Bridge | None = None
        self.queue_changed: list[Callable[[int], None]] = []
        self.not_admitted: list[Callable[[int | None], None]] = []

    def publish(self, account: int, *events: Event) -> None:
        """Publish events to an account's subscribers in all processes, in this order, and keep them for those who
        resume.
        """
        numbered = [self._numbered(event) for event in events]
        if self.relay is None:
            self.receive(account, *numbered)
        else:
            for one in numbered:
                self.relay.publish(account, one)

    def publish_here(self, account: int, event: Event) -> None:
        """Publish an event to the subscribers of this process."""
        self.receive(account, self._numbered(event))

    def changed(self, account: int) -> None:
        """Note that the queue of an account has changed: processes with subscribers count it."""
        if self.relay is not None:
            self.relay.changed(account)
        else:
            self.note_change(account)

    def note_change(self, account: int) -> None:
        """Have a queue counted that has changed in any process."""
        if self.has_subscribers(account):
            for note in self.queue_changed:
                note(account)

    def receive(self, account: int, *numbered: NumberedEvent) -> None:
        """Deliver events that were published here or elsewhere."""
        if not numbered:
            return
        for one in numbered:
            if isinstance(one.event, NowPlayingShown):
                self._plays[account] = one.event
        past = self._past.setdefault(account, deque())
        past.extend(numbered)
        self._past.move_to_end(account)
        if len(self._past) > ACCOUNTS:
            self._past.popitem(last=False)
        share = max(FEWEST_REMEMBERED, min(REMEMBERED, REMEMBERED_IN_ALL // len(self._past)))
        while len(past) > share:
            past.popleft()
        for subscription in self._subscriptions.get(account, ()):
            for one in numbered:
                subscription.put(one)

    def forget(self) -> None:
        """Note that some events may have been missed: nobody can resume from before, and all subscriptions end."""
        self._past.clear()
        for subscriptions in self._subscriptions.values():
            for subscription in subscriptions:
                subscription.end()

    def admissions_changed(self, account: int) -> None:
        """Note that a token of an account is no longer valid, here and in all other processes."""
        self.note_admissions(account)
        if self.relay is not None:
            self.relay.admissions_changed(account)

    def note_admissions(self, account: int | None) -> None:
        """Check credentials again: they have changed in some process."""
        for forget in self.not_admitted:
            forget(account)

    def erased(self, account: int) -> None:
        """Note that everything of an account was deleted: nothing of it stays in memory, here and in all other
        processes.
        """
        self.forget_account(account)
        if self.relay is not None:
            self.relay.erased(account)

    def forget_account(self, account: int) -> None:
        """Forget an account's events, anything else that may hold names, and its credentials."""
        forget_names()
        self._past.pop(account, None)
        self._plays.pop(account, None)
        for subscription in self._subscriptions.get(account, ()):
            subscription.clear()
        self.note_admissions(account)

    def now_playing(self, account: int) -> NowPlayingShown | None:
        """The track last reported as playing."""
        self._catch_up()
        return self._plays.get(account)

    def _numbered(self, event: Event) -> NumberedEvent:
        self._count += 1
        return NumberedEvent(f"{self._start}-{self._count}", event)

    def _catch_up(self) -> None:
        if self.relay is not None:
            self.relay.read()

    @property
    def has_any_subscriber(self) -> bool:
        """Whether any account has a subscriber now."""
        return bool(self._subscriptions)

    def has_subscribers(self, account: int) -> bool:
        """Whether the account has a subscriber now."""
        return bool(self._subscriptions.get(account))

    @contextmanager
    def subscribe(self, account: int, after: str | None = None) -> Iterator[tuple[Subscription, bool]]:
        """A subscription, and whether it continues after `after` (an event's id) without a gap."""
        self._catch_up()
        subscription = Subscription()
        missed = self._since(account, after)
        for numbered in missed or ():
            subscription.put(numbered)
        subscriptions = self._subscriptions.setdefault(account, set())
        subscriptions.add(subscription)
        try:
            yield subscription, missed is not None
        finally:
            subscriptions.discard(subscription)
            if not subscriptions:
                self._subscriptions.pop(account, None)

    def _since(self, account: int, after: str | None) -> list[NumberedEvent] | None:
        past = list(self._past.get(account, ()))
        for place, numbered in enumerate(past):
            if numbered.id == after:
                return past[place + 1 :]
        return None
