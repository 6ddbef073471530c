"""The deck without `await`: the same deck, with an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from tonearm import app
from tonearm.deck import Deck, Listener
from tonearm.service.accounts import FIRST_LISTENER

P = ParamSpec("P")
T = TypeVar("T")


class _Loop:
    """An event loop in its own thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="tonearm-deck", daemon=True)
        self._thread.start()

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


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
            loop.wait(opened.__aexit__(None, None, None))
    finally:
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

    account = _by_listener(Listener.account)
    now_playing = _by_listener(Listener.now_playing)
    scrobble = _by_listener(Listener.scrobble)
    scrobble_all = _by_listener(Listener.scrobble_all)
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
