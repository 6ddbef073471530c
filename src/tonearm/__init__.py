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
    from tonearm.core.verdict import Answered, Verdict
    from tonearm.deck import Deck, ImportFailed, Listener
    from tonearm.lastfm import (
        AlbumEntry,
        AlbumInfo,
        ArtistEntry,
        ArtistInfo,
        BadParameters,
        CallRefused,
        CorrectedTrack,
        Images,
        KeyRejected,
        Keys,
        LastFm,
        LastFmError,
        LastFmSync,
        Listing,
        LoginRequired,
        LovedTrack,
        Page,
        Patience,
        Period,
        Place,
        RateLimited,
        RecentTrack,
        Request,
        Session,
        SessionRejected,
        SignatureRejected,
        SimilarArtist,
        SimilarTrack,
        SyncWalk,
        Tag,
        TagEntry,
        TagInfo,
        TokenExpired,
        TokenNotApproved,
        TokenUnknown,
        TrackEntry,
        TrackInfo,
        Unavailable,
        UserInfo,
        Walk,
        Week,
        WeeklyChart,
        Wiki,
        approval_url,
        user_agent,
    )
    from tonearm.lastfm.breaker import Resting
    from tonearm.lastfm.cache import Remembered
    from tonearm.lastfm.images import Image
    from tonearm.lastfm.remembering import RememberingLastFm
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
    from tonearm.store.proof import WrongSecret
    from tonearm.store.songs import LibraryTrack, Song
    from tonearm.store.writer import StoreUnavailable
    from tonearm.sync import SyncDeck, SyncListener, open_sync
    from tonearm.web.host import router

__all__ = [
    "Account",
    "AlbumEntry",
    "AlbumInfo",
    "AlreadyOpen",
    "Answered",
    "Artist",
    "ArtistEntry",
    "ArtistInfo",
    "BadName",
    "BadParameters",
    "CallRefused",
    "Clock",
    "Connection",
    "CorrectedTrack",
    "DatabaseTooNew",
    "Deck",
    "Enriched",
    "Expired",
    "FolderUnreadable",
    "Found",
    "Image",
    "Images",
    "ImportFailed",
    "Kept",
    "KeyRejected",
    "Keys",
    "LastFm",
    "LastFmError",
    "LastFmSync",
    "LibraryTrack",
    "Listener",
    "Listing",
    "LoginRequired",
    "LovedTrack",
    "Nameless",
    "NotATime",
    "NotAsked",
    "NotKnown",
    "NotPlays",
    "Outcome",
    "Page",
    "Patience",
    "Pending",
    "Period",
    "Place",
    "Play",
    "QueueStanding",
    "RateLimited",
    "RecentTrack",
    "Remembered",
    "RememberingLastFm",
    "Request",
    "Resting",
    "SearchKind",
    "Session",
    "SessionRejected",
    "Shown",
    "SignatureRejected",
    "SignedIn",
    "SimilarArtist",
    "SimilarTrack",
    "Song",
    "StoreUnavailable",
    "SyncDeck",
    "SyncListener",
    "SyncWalk",
    "Tag",
    "TagEntry",
    "TagInfo",
    "Taken",
    "Tally",
    "TokenExpired",
    "TokenNotApproved",
    "TokenUnknown",
    "Track",
    "TrackEntry",
    "TrackInfo",
    "Unavailable",
    "UnknownListener",
    "Unreachable",
    "UserInfo",
    "Verdict",
    "Walk",
    "Way",
    "Week",
    "WeeklyChart",
    "Wiki",
    "WrongSecret",
    "__version__",
    "approval_url",
    "open",
    "open_sync",
    "router",
    "user_agent",
]

_HOME = {
    "Account": "tonearm.core.account",
    "AlbumEntry": "tonearm.lastfm",
    "AlbumInfo": "tonearm.lastfm",
    "AlreadyOpen": "tonearm.store.lock",
    "Answered": "tonearm.core.verdict",
    "Artist": "tonearm.service.looking_up",
    "ArtistEntry": "tonearm.lastfm",
    "ArtistInfo": "tonearm.lastfm",
    "BadName": "tonearm.service.listeners",
    "BadParameters": "tonearm.lastfm",
    "CallRefused": "tonearm.lastfm",
    "Clock": "tonearm.clock",
    "Connection": "tonearm.core.account",
    "CorrectedTrack": "tonearm.lastfm",
    "DatabaseTooNew": "tonearm.store.migrate",
    "Deck": "tonearm.deck",
    "Enriched": "tonearm.service.enriching",
    "Expired": "tonearm.service.signing_in",
    "FolderUnreadable": "tonearm.library.folder",
    "Found": "tonearm.service.scanning",
    "Image": "tonearm.lastfm.images",
    "Images": "tonearm.lastfm",
    "ImportFailed": "tonearm.deck",
    "Kept": "tonearm.store.plays",
    "KeyRejected": "tonearm.lastfm",
    "Keys": "tonearm.lastfm",
    "LastFm": "tonearm.lastfm",
    "LastFmError": "tonearm.lastfm",
    "LastFmSync": "tonearm.lastfm",
    "LibraryTrack": "tonearm.store.songs",
    "Listener": "tonearm.deck",
    "Listing": "tonearm.lastfm",
    "LoginRequired": "tonearm.lastfm",
    "LovedTrack": "tonearm.lastfm",
    "Nameless": "tonearm.core.play",
    "NotATime": "tonearm.service.listening",
    "NotAsked": "tonearm.service.signing_in",
    "NotKnown": "tonearm.service.looking_up",
    "NotPlays": "tonearm.service.listening",
    "Outcome": "tonearm.service.signing_in",
    "Page": "tonearm.lastfm",
    "Patience": "tonearm.lastfm",
    "Pending": "tonearm.service.signing_in",
    "Period": "tonearm.lastfm",
    "Place": "tonearm.lastfm",
    "Play": "tonearm.core.play",
    "QueueStanding": "tonearm.service.listeners",
    "RateLimited": "tonearm.lastfm",
    "RecentTrack": "tonearm.lastfm",
    "Remembered": "tonearm.lastfm.cache",
    "RememberingLastFm": "tonearm.lastfm.remembering",
    "Request": "tonearm.lastfm",
    "Resting": "tonearm.lastfm.breaker",
    "SearchKind": "tonearm.service.looking_up",
    "Session": "tonearm.lastfm",
    "SessionRejected": "tonearm.lastfm",
    "Shown": "tonearm.service.now_playing",
    "SignatureRejected": "tonearm.lastfm",
    "SignedIn": "tonearm.service.signing_in",
    "SimilarArtist": "tonearm.lastfm",
    "SimilarTrack": "tonearm.lastfm",
    "Song": "tonearm.store.songs",
    "StoreUnavailable": "tonearm.store.writer",
    "SyncDeck": "tonearm.sync",
    "SyncListener": "tonearm.sync",
    "SyncWalk": "tonearm.lastfm",
    "Tag": "tonearm.lastfm",
    "TagEntry": "tonearm.lastfm",
    "TagInfo": "tonearm.lastfm",
    "Taken": "tonearm.service.listening",
    "Tally": "tonearm.core.loved",
    "TokenExpired": "tonearm.lastfm",
    "TokenNotApproved": "tonearm.lastfm",
    "TokenUnknown": "tonearm.lastfm",
    "Track": "tonearm.core.play",
    "TrackEntry": "tonearm.lastfm",
    "TrackInfo": "tonearm.lastfm",
    "Unavailable": "tonearm.lastfm",
    "UnknownListener": "tonearm.service.listening",
    "Unreachable": "tonearm.service.signing_in",
    "UserInfo": "tonearm.lastfm",
    "Verdict": "tonearm.core.verdict",
    "Walk": "tonearm.lastfm",
    "Way": "tonearm.service.signing_in",
    "Week": "tonearm.lastfm",
    "WeeklyChart": "tonearm.lastfm",
    "Wiki": "tonearm.lastfm",
    "WrongSecret": "tonearm.store.proof",
    "approval_url": "tonearm.lastfm",
    "open": "tonearm.app",
    "open_sync": "tonearm.sync",
    "router": "tonearm.web.host",
    "user_agent": "tonearm.lastfm",
}


def __getattr__(name: str) -> object:
    """A public name is imported when it is first used: the client alone needs neither database nor server."""
    if name not in _HOME:
        raise AttributeError(f"module 'tonearm' has no attribute {name!r}")
    try:
        return getattr(import_module(_HOME[name]), name)
    except ModuleNotFoundError as missing:
        if (missing.name or "tonearm").startswith("tonearm"):
            raise
        extra = "server" if _HOME[name].startswith("tonearm.web") else "queue"
        raise ImportError(
            f"tonearm.{name} needs {missing.name}, which is not installed: pip install 'tonearm[{extra}]'"
        ) from None


def __dir__() -> list[str]:
    return sorted({*__all__, *globals()})
