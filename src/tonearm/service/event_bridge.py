"""Shares events between all processes on a PostgreSQL server, in the same order everywhere."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, assert_never, get_args

from tonearm.core.event import Event, data
from tonearm.service.events import EventHub, NumberedEvent
from tonearm.store.db.database import Store
from tonearm.store.db.notify import MAX_NOTICE_BYTES, RETRY_AFTER, publish, subscription
from tonearm.store.db.outage import Outage
from tonearm.store.db.sqlite_writer import StoreUnavailable

log = logging.getLogger(__name__)

GATHER = 0.05
"""Seconds for which events are collected into one notice: each notice costs all processes a transaction."""

KEPT = 10_000
"""The number of latest notes that wait while the database is unavailable; when it is back, every process reads the
tables anyway.
"""

UNREAD = 2000
"""The number of latest notices that are stored until this process has a subscriber: a few megabytes, tens of thousands
of events. If there are more, nobody can resume.
"""

LONGEST_TEXT = 400
"""Letters of each text in a note that is too long for one notice; the full text is in the tables."""

_in_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

Note = Literal["changed", "erased", "admissions", "gap"]
"""What a notification says that is not an event."""

_NOTES = frozenset(get_args(Note))
_AT_ONCE = ('"erased"', '"admissions"', '"gap"')
"""Notes that are read at once, even if this process has no subscriber."""

_KINDS: dict[str, type[Any]] = {kind.kind: kind for kind in get_args(Event)}


@dataclass(slots=True)
class EventBridge:
    """Publishes this process's events to all processes, and delivers theirs to its EventHub."""

    store: Store
    event_hub: EventHub
    _waiting: list[bytes] = field(default_factory=list)
    _unread: deque[str] = field(default_factory=partial(deque, maxlen=UNREAD))
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _outage: Outage = field(
        default_factory=partial(Outage, log, "events wait for the database", "events are delivered again")
    )

    def publish(self, account: int, numbered: NumberedEvent) -> None:
        """Publish an event of an account."""
        note = [account, numbered.id, numbered.event.kind, data(numbered.event)]
        written = _written(note)
        if len(written) > MAX_NOTICE_BYTES - 2:
            note[3] = {name: _cut(value) for name, value in data(numbered.event).items()}
            written = _written(note)
        self._put(written)

    def changed(self, account: int) -> None:
        """Publish that the queue of an account has changed."""
        self._put(_written([account]))

    def admissions_changed(self, account: int) -> None:
        """Publish that a credential of an account was revoked."""
        self._put(_written([account, "", "admissions", {}]))

    def erased(self, account: int) -> None:
        """Publish that everything of an account was deleted."""
        self._put(_written([account, "", "erased", {}]))

    def _put(self, note: bytes) -> None:
        if not (self._waiting and self._waiting[-1] == note):
            self._waiting.append(note)
            self._waiting = _latest(self._waiting)
        self._wake.set()

    def receive(self, notice: str) -> None:
        """Keep a notice from another process; it is parsed once this process has a subscriber, which most never
        have.
        """
        if len(self._unread) == UNREAD:  # the oldest is dropped
            self.event_hub.forget()
        self._unread.append(notice)
        if self.event_hub.has_any_subscriber or any(mark in notice for mark in _AT_ONCE):
            self.read()

    def read(self) -> None:
        """Deliver what has been received so far."""
        while self._unread:
            self._hand_over(self._unread.popleft())

    def missed(self) -> None:
        """Note that some notices may have been lost."""
        self._unread.clear()
        self._gap()

    def _gap(self) -> None:
        self.event_hub.forget()
        self.event_hub.note_admissions(None)

    def _hand_over(self, notice: str) -> None:
        """Deliver a notice, as far as this version knows its kind: the other process may be newer, or older."""
        try:
            notes = _notes(notice)
        except Exception as error:  # anybody may send anything there
            log.warning("events may be missing, since a notice cannot be read: %s", type(error).__name__)
            self._gap()
            return
        for account, numbered in notes:
            match numbered:
                case NumberedEvent():
                    self.event_hub.receive(account, numbered)
                case "changed":
                    self.event_hub.note_change(account)
                case "erased":
                    self.event_hub.forget_account(account)
                case "admissions":
                    self.event_hub.note_admissions(account)
                case "gap":
                    self._gap()
                case _:
                    assert_never(numbered)

    async def send(self) -> None:
        """Publish what waits, until cancelled."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(GATHER)
            await self.flush()

    async def flush(self) -> None:
        """Publish what waits now."""
        notes, self._waiting = self._waiting, []
        self._wake.clear()
        try:
            if notes:
                await self.store.write(partial(publish, notices=list(_packed(notes))))
                self._outage.over()
        except StoreUnavailable as error:
            self._outage.met(error)
            self._waiting = _latest([*notes, *self._waiting])
            await asyncio.sleep(RETRY_AFTER)
            self._wake.set()


@asynccontextmanager
async def relayed(store: Store, event_hub: EventHub) -> AsyncIterator[None]:
    """Share the announcer's events with all other processes while the block lasts. Raises StoreUnavailable."""
    relay = EventBridge(store, event_hub)
    async with subscription(store.url, relay.receive, relay.missed):
        event_hub.relay = relay
        sends = asyncio.create_task(relay.send())
        try:
            yield
        finally:
            sends.cancel()
            await asyncio.gather(sends, return_exceptions=True)
            event_hub.relay = None
            await relay.flush()


def _notes(notice: str) -> list[tuple[int, NumberedEvent | Note]]:
    """The account of each note with its event or other content; unknown kinds are left out."""
    notes: list[tuple[int, NumberedEvent | Note]] = []
    for account, *fields in json.loads(notice):
        if not fields:
            notes.append((int(account), "changed"))
            continue
        event_id, kind, facts = fields
        if kind in _NOTES:
            notes.append((int(account), kind))
            continue
        event = _event(kind, facts)
        if event is not None:
            notes.append((int(account), NumberedEvent(str(event_id), event)))
    return notes


def _latest(notes: list[bytes]) -> list[bytes]:
    """The notes that fit; if some are lost, a note that says so to all processes goes before the others."""
    return notes if len(notes) <= KEPT else [_written([0, "", "gap", {}]), *notes[1 - KEPT :]]


def _event(kind: str, facts: dict[str, Any]) -> Event | None:
    known = _KINDS.get(kind)
    if known is None:
        return None
    try:
        event: Event = known(**{name: value for name, value in facts.items() if name in known.__slots__})
    except TypeError:  # it is incomplete
        return None
    return event


def _written(note: list[Any]) -> bytes:
    return _in_json(note).encode()


def _cut(value: object) -> object:
    return f"{value[:LONGEST_TEXT]}…" if isinstance(value, str) and len(value) > LONGEST_TEXT else value


def _packed(notes: Iterable[bytes]) -> Iterator[str]:
    """Notices with as many notes as fit into each."""
    pack: list[bytes] = []
    size = 2
    for note in notes:
        if pack and size + len(note) > MAX_NOTICE_BYTES:
            yield f"[{b','.join(pack).decode()}]"
            pack, size = [], 2
        pack.append(note)
        size += len(note) + 1
    if pack:
        yield f"[{b','.join(pack).decode()}]"
