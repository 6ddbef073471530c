"""Every play on your Last.fm profile: nothing lost, nothing doubled, and you can see why."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from tonearm.version import __version__

if TYPE_CHECKING:
    from tonearm.app import open
    from tonearm.core.play import Nameless, Track
    from tonearm.deck import Deck, ImportFailed, Listener
    from tonearm.service.listening import NotATime
    from tonearm.store.lock import AlreadyOpen
    from tonearm.store.migrate import DatabaseTooNew
    from tonearm.store.writer import StoreUnavailable
    from tonearm.sync import open_sync
    from tonearm.web.host import router

__all__ = [
    "AlreadyOpen",
    "DatabaseTooNew",
    "Deck",
    "ImportFailed",
    "Listener",
    "Nameless",
    "NotATime",
    "StoreUnavailable",
    "Track",
    "__version__",
    "open",
    "open_sync",
    "router",
]

_HOME = {
    "AlreadyOpen": "tonearm.store.lock",
    "DatabaseTooNew": "tonearm.store.migrate",
    "Deck": "tonearm.deck",
    "ImportFailed": "tonearm.deck",
    "Listener": "tonearm.deck",
    "Nameless": "tonearm.core.play",
    "NotATime": "tonearm.service.listening",
    "StoreUnavailable": "tonearm.store.writer",
    "Track": "tonearm.core.play",
    "open": "tonearm.app",
    "open_sync": "tonearm.sync",
    "router": "tonearm.web.host",
}


def __getattr__(name: str) -> object:
    """A public name is imported when it is first used: the client alone needs neither database nor server."""
    if name not in _HOME:
        raise AttributeError(f"module 'tonearm' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
