"""The deck without `await`: the same deck, with an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import inspect
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from tonearm import app
from tonearm.deck import Deck, Listener
from tonearm.service.accounts import FIRST_LISTENER
from tonearm.store.db.sqlite_writer import CLOSED, StoreUnavailable

P = ParamSpec("P")
T = TypeVar("T")

GRACE = 1.0
"""Seconds in which calls of other threads may end by themselves when a deck is closed."""


class _Loop:
    """An event loop in its own thread, until it is closed."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._closed = False
        self._lock = threading.Lock()
        """Held while work is handed over, so that none is handed over to a loop that has ended."""
        self._thread = threading.Thread(target=self.loop.run_forever, name="tonearm-deck", daemon=True)
        self._thread.start()

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        with self._lock:
            if self._closed:
                work.close()
                raise StoreUnavailable(CLOSED)
            result = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            return result.result()
        except CancelledError:
            raise StoreUnavailable(CLOSED) from None

    def close(self) -> None:
        """End the loop. What other threads still wait for is cancelled."""
        with self._lock:
            self._closed = True
            ended = asyncio.run_coroutine_threadsafe(_end_others(), self.loop)
        ended.result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


async def _end_others() -> None:
    loop = asyncio.get_running_loop()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:  # most have their answer already, and only have to return it
        await asyncio.wait(others, timeout=GRACE)
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await loop.shutdown_asyncgens()
    await loop.shutdown_default_executor()


def _with_arguments_of(model: Callable[P, object]) -> Callable[[Callable[..., T]], Callable[P, T]]:
    """For type checkers and `help`: the function takes the same arguments as `model`."""

    def same(work: Callable[..., T]) -> Callable[P, T]:
        shown = inspect.signature(model)
        work.__signature__ = shown.replace(return_annotation="AbstractContextManager[SyncDeck]")  # type: ignore[attr-defined]
        return work

    return same


@_with_arguments_of(app.open)
@contextmanager
def open_sync(database: str | Path, **options: Any) -> Iterator[SyncDeck]:
    """As `tonearm.open`, with the same options and errors, for code that does not await; safe from any thread."""
    loop = _Loop()
    try:
        opened = app.open(database, **options)
        deck = loop.wait(opened.__aenter__())
        try:
            yield SyncDeck(deck, loop)
        finally:
            if not sys.is_finalizing():  # then all threads have ended, and waiting for one would never end
                loop.wait(opened.__aexit__(None, None, None))
    finally:
        if not sys.is_finalizing():
            loop.close()


def _by_deck(
    work: Callable[Concatenate[Deck, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[SyncDeck, P], T]:
    """A method of the deck, with its docstring and parameters, that returns when it is done."""

    @wraps(work)
    def wait(self: SyncDeck, /, *args: P.args, **named: P.kwargs) -> T:
        return self._loop.wait(work(self.deck, *args, **named))

    return wait


def _by_listener(
    work: Callable[Concatenate[Listener, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[SyncListener, P], T]:
    """A method of a listener, with its docstring and parameters, that returns when it is done."""

    @wraps(work)
    def wait(self: SyncListener, /, *args: P.args, **named: P.kwargs) -> T:
        return self._loop.wait(work(self.listener, *args, **named))

    return wait


@dataclass(frozen=True, slots=True)
class SyncDeck:
    """An open database with everything that works on it: see `tonearm.Deck`, whose methods these are."""

    deck: Deck
    _loop: _Loop

    def listener(self, name: str = FIRST_LISTENER) -> SyncListener:
        """The listener with that name, created if there is none; raises BadName."""
        return SyncListener(self._loop.wait(self.deck.listener(name)), self._loop)

    artist = _by_deck(Deck.artist)
    album = _by_deck(Deck.album)
    track = _by_deck(Deck.track)
    search = _by_deck(Deck.search)
    cover = _by_deck(Deck.cover)


@dataclass(frozen=True, slots=True)
class SyncListener:
    """One listener's plays and settings: see `tonearm.Listener`, whose methods these are."""

    listener: Listener
    _loop: _Loop

    @property
    def id(self) -> int:
        return self.listener.id

    @property
    def name(self) -> str:
        return self.listener.name

    account = _by_listener(Listener.account)
    now_playing = _by_listener(Listener.now_playing)
    scrobble = _by_listener(Listener.scrobble)
    scrobble_all = _by_listener(Listener.scrobble_all)
    fate = _by_listener(Listener.fate)
    change_settings = _by_listener(Listener.change_settings)
    sign_in = _by_listener(Listener.sign_in)
    finish_sign_in = _by_listener(Listener.finish_sign_in)
    sign_out = _by_listener(Listener.sign_out)
    discard_for = _by_listener(Listener.discard_for)
    queue = _by_listener(Listener.queue)
    love = _by_listener(Listener.love)
    unlove = _by_listener(Listener.unlove)
    loves = _by_listener(Listener.loves)
    retry = _by_listener(Listener.retry)
    retry_expired = _by_listener(Listener.retry_expired)
    destinations = _by_listener(Listener.destinations)
    add_destination = _by_listener(Listener.add_destination)
    remove_destination = _by_listener(Listener.remove_destination)
    import_loved = _by_listener(Listener.import_loved)
    enrich = _by_listener(Listener.enrich)
    library = _by_listener(Listener.library)
    scan = _by_listener(Listener.scan)
