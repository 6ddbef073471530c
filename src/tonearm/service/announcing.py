"""Announcing: tells whoever listens what happened to an account, in order, each account's to itself."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tonearm.core.event import Event

REMEMBERED = 256
"""Events kept for each account, for listeners whose connection dropped."""


@dataclass(frozen=True, slots=True)
class Told:
    """An event with its place in the order of this process's events."""

    id: str
    event: Event


class Subscription:
    """An open ear: iterate it for events, oldest first. It ends where it has missed some, so that one resumes."""

    def __init__(self) -> None:
        self._told: asyncio.Queue[Told] = asyncio.Queue(maxsize=4 * REMEMBERED)
        self.missed = False

    def put(self, told: Told) -> None:
        """Hand over an event; an ear that is not listening for long misses some, and knows it."""
        try:
            self._told.put_nowait(told)
        except asyncio.QueueFull:
            self.missed = True

    async def __aiter__(self) -> AsyncIterator[Told]:
        while not (self.missed and self._told.empty()):
            yield await self._told.get()

    async def within(self, seconds: float) -> Told | None:
        """The next event; None when none came in so many seconds."""
        try:
            return await asyncio.wait_for(self._told.get(), seconds)
        except TimeoutError:
            return None


class Announcer:
    """The events of one process. `start` tells its event ids from those of an earlier process."""

    def __init__(self, start: str) -> None:
        self._start = start
        self._count = 0
        self._past: defaultdict[int, deque[Told]] = defaultdict(lambda: deque(maxlen=REMEMBERED))
        self._ears: defaultdict[int, set[Subscription]] = defaultdict(set)

    def tell(self, account: int, event: Event) -> None:
        """Tell an account's listeners, and remember it for those who come back."""
        self._count += 1
        told = Told(f"{self._start}-{self._count}", event)
        self._past[account].append(told)
        for ear in self._ears[account]:
            ear.put(told)

    def heard_by_anyone(self, account: int) -> bool:
        """Whether somebody listens now."""
        return bool(self._ears.get(account))

    @contextmanager
    def listen(self, account: int, after: str | None = None) -> Iterator[tuple[Subscription, bool]]:
        """An ear, and whether it continues where `after` (an event's id) left off without a gap."""
        ear = Subscription()
        missed = self._since(account, after)
        for told in missed or ():
            ear.put(told)
        self._ears[account].add(ear)
        try:
            yield ear, missed is not None
        finally:
            self._ears[account].discard(ear)

    def _since(self, account: int, after: str | None) -> list[Told] | None:
        past = list(self._past.get(account, ()))
        for place, told in enumerate(past):
            if told.id == after:
                return past[place + 1 :]
        return None
