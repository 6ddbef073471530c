"""Every play on your Last.fm profile: nothing lost, nothing doubled, and you can see why."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from tonearm.version import __version__

if TYPE_CHECKING:
    from tonearm.app import open
    from tonearm.clock import Clock
    from tonearm.core.account import Account, Connection
    from tonearm.core.loved import Tally
    from tonearm.core.play import Nameless, Play, Track
    from tonearm.deck import Deck, ImportFailed, Listener
    from tonearm.lastfm.cache import Remembered
    from tonearm.lastfm.images import Image
    from tonearm.lastfm.music import AlbumEntry, AlbumInfo, ArtistEntry, TrackEntry, TrackInfo
    from tonearm.library.folder import FolderUnreadable
    from tonearm.service.enriching import Enriched
    from tonearm.service.listeners import BadName, QueueStanding
    from tonearm.service.listening import NotATime, NotPlays, Taken, UnknownListener
    from tonearm.service.looking_up import Artist, NotKnown, SearchKind
    from tonearm.service.now_playing import Shown
    from tonearm.service.scanning import Found
    from tonearm.service.signing_in import Expired, NotAsked, Outcome, Pending, SignedIn, Unreachable, Way
    from tonearm.store.lock import AlreadyOpen
    from tonearm.store.migrate import DatabaseTooNew
    from tonearm.store.plays import Kept
    from tonearm.store.writer import StoreUnavailable
    from tonearm.sync import SyncDeck, SyncListener, open_sync
    from tonearm.web.host import router

__all__ = [
    "Account",
    "AlbumEntry",
    "AlbumInfo",
    "AlreadyOpen",
    "Artist",
    "ArtistEntry",
    "BadName",
    "Clock",
    "Connection",
    "DatabaseTooNew",
    "Deck",
    "Enriched",
    "Expired",
    "FolderUnreadable",
    "Found",
    "Image",
    "ImportFailed",
    "Kept",
    "Listener",
    "Nameless",
    "NotATime",
    "NotAsked",
    "NotKnown",
    "NotPlays",
    "Outcome",
    "Pending",
    "Play",
    "QueueStanding",
    "Remembered",
    "SearchKind",
    "Shown",
    "SignedIn",
    "StoreUnavailable",
    "SyncDeck",
    "SyncListener",
    "Taken",
    "Tally",
    "Track",
    "TrackEntry",
    "TrackInfo",
    "UnknownListener",
    "Unreachable",
    "Way",
    "__version__",
    "open",
    "open_sync",
    "router",
]

_HOME = {
    "Account": "tonearm.core.account",
    "AlbumEntry": "tonearm.lastfm.music",
    "AlbumInfo": "tonearm.lastfm.music",
    "AlreadyOpen": "tonearm.store.lock",
    "Artist": "tonearm.service.looking_up",
    "ArtistEntry": "tonearm.lastfm.music",
    "BadName": "tonearm.service.listeners",
    "Clock": "tonearm.clock",
    "Connection": "tonearm.core.account",
    "DatabaseTooNew": "tonearm.store.migrate",
    "Deck": "tonearm.deck",
    "Enriched": "tonearm.service.enriching",
    "Expired": "tonearm.service.signing_in",
    "FolderUnreadable": "tonearm.library.folder",
    "Found": "tonearm.service.scanning",
    "Image": "tonearm.lastfm.images",
    "ImportFailed": "tonearm.deck",
    "Kept": "tonearm.store.plays",
    "Listener": "tonearm.deck",
    "Nameless": "tonearm.core.play",
    "NotATime": "tonearm.service.listening",
    "NotAsked": "tonearm.service.signing_in",
    "NotKnown": "tonearm.service.looking_up",
    "NotPlays": "tonearm.service.listening",
    "Outcome": "tonearm.service.signing_in",
    "Pending": "tonearm.service.signing_in",
    "Play": "tonearm.core.play",
    "QueueStanding": "tonearm.service.listeners",
    "Remembered": "tonearm.lastfm.cache",
    "SearchKind": "tonearm.service.looking_up",
    "Shown": "tonearm.service.now_playing",
    "SignedIn": "tonearm.service.signing_in",
    "StoreUnavailable": "tonearm.store.writer",
    "SyncDeck": "tonearm.sync",
    "SyncListener": "tonearm.sync",
    "Taken": "tonearm.service.listening",
    "Tally": "tonearm.core.loved",
    "Track": "tonearm.core.play",
    "TrackEntry": "tonearm.lastfm.music",
    "TrackInfo": "tonearm.lastfm.music",
    "UnknownListener": "tonearm.service.listening",
    "Unreachable": "tonearm.service.signing_in",
    "Way": "tonearm.service.signing_in",
    "open": "tonearm.app",
    "open_sync": "tonearm.sync",
    "router": "tonearm.web.host",
}


def __getattr__(name: str) -> object:
    """A public name is imported when it is first used: the client alone needs neither database nor server."""
    if name not in _HOME:
        raise AttributeError(f"module 'tonearm' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted({*__all__, *globals()})
