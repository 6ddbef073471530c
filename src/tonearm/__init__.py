"""Sends what you play to Last.fm and other services. No play is lost or sent twice, and you can see what happened."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from tonearm.version import __version__

if TYPE_CHECKING:
    from tonearm.app import open
    from tonearm.clock import Clock
    from tonearm.core.account import Account, Connection
    from tonearm.core.destination import DestinationKind
    from tonearm.core.loved import ImportCounts
    from tonearm.core.play import MissingName, Play, Track
    from tonearm.core.policy import ArtistForm, Policy
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
        PagePosition,
        Patience,
        Period,
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
    from tonearm.lastfm.caching_client import RememberingLastFm
    from tonearm.lastfm.images import Image
    from tonearm.library.folder import FolderUnreadable
    from tonearm.service.accounts import BadName, QueueStatus
    from tonearm.service.destination_results import (
        DestinationOverview,
        DestinationRefused,
        DestinationRemoved,
        KeepOrDiscard,
        NoSuchDestination,
        WhyRefused,
    )
    from tonearm.service.enrichment import Enriched
    from tonearm.service.metadata import Artist, NotKnown, SearchKind
    from tonearm.service.now_playing import NowPlayingResult
    from tonearm.service.report import NotATime, NotPlays, ReportResult, UnknownListener
    from tonearm.service.scan_result import ScanResult
    from tonearm.service.sign_in import AuthStart, NotAsked, Pending, SignedIn, SignInExpired, SignInResult, Unreachable
    from tonearm.store.db.file_lock import AlreadyOpen
    from tonearm.store.db.migrate import DatabaseTooNew
    from tonearm.store.db.sqlite_writer import StoreUnavailable
    from tonearm.store.destinations import StoredDestination
    from tonearm.store.plays import StoredPlay
    from tonearm.store.secrets.check import WrongSecret
    from tonearm.store.songs import LibraryTrack, Song
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
    "ArtistForm",
    "ArtistInfo",
    "AuthStart",
    "BadName",
    "BadParameters",
    "CallRefused",
    "Clock",
    "Connection",
    "CorrectedTrack",
    "DatabaseTooNew",
    "Deck",
    "DestinationKind",
    "DestinationOverview",
    "DestinationRefused",
    "DestinationRemoved",
    "Enriched",
    "FolderUnreadable",
    "Image",
    "Images",
    "ImportCounts",
    "ImportFailed",
    "KeepOrDiscard",
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
    "MissingName",
    "NoSuchDestination",
    "NotATime",
    "NotAsked",
    "NotKnown",
    "NotPlays",
    "NowPlayingResult",
    "Page",
    "PagePosition",
    "Patience",
    "Pending",
    "Period",
    "Play",
    "Policy",
    "QueueStatus",
    "RateLimited",
    "RecentTrack",
    "Remembered",
    "RememberingLastFm",
    "ReportResult",
    "Request",
    "Resting",
    "ScanResult",
    "SearchKind",
    "Session",
    "SessionRejected",
    "SignInExpired",
    "SignInResult",
    "SignatureRejected",
    "SignedIn",
    "SimilarArtist",
    "SimilarTrack",
    "Song",
    "StoreUnavailable",
    "StoredDestination",
    "StoredPlay",
    "SyncDeck",
    "SyncListener",
    "SyncWalk",
    "Tag",
    "TagEntry",
    "TagInfo",
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
    "Week",
    "WeeklyChart",
    "WhyRefused",
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
    "AlreadyOpen": "tonearm.store.db.file_lock",
    "Answered": "tonearm.core.verdict",
    "Artist": "tonearm.service.metadata",
    "ArtistEntry": "tonearm.lastfm",
    "ArtistForm": "tonearm.core.policy",
    "ArtistInfo": "tonearm.lastfm",
    "AuthStart": "tonearm.service.sign_in",
    "BadName": "tonearm.service.accounts",
    "BadParameters": "tonearm.lastfm",
    "CallRefused": "tonearm.lastfm",
    "Clock": "tonearm.clock",
    "Connection": "tonearm.core.account",
    "CorrectedTrack": "tonearm.lastfm",
    "DatabaseTooNew": "tonearm.store.db.migrate",
    "Deck": "tonearm.deck",
    "DestinationKind": "tonearm.core.destination",
    "DestinationOverview": "tonearm.service.destination_results",
    "DestinationRefused": "tonearm.service.destination_results",
    "DestinationRemoved": "tonearm.service.destination_results",
    "Enriched": "tonearm.service.enrichment",
    "FolderUnreadable": "tonearm.library.folder",
    "Image": "tonearm.lastfm.images",
    "Images": "tonearm.lastfm",
    "ImportCounts": "tonearm.core.loved",
    "ImportFailed": "tonearm.deck",
    "KeepOrDiscard": "tonearm.service.destination_results",
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
    "MissingName": "tonearm.core.play",
    "NoSuchDestination": "tonearm.service.destination_results",
    "NotATime": "tonearm.service.report",
    "NotAsked": "tonearm.service.sign_in",
    "NotKnown": "tonearm.service.metadata",
    "NotPlays": "tonearm.service.report",
    "NowPlayingResult": "tonearm.service.now_playing",
    "Page": "tonearm.lastfm",
    "PagePosition": "tonearm.lastfm",
    "Patience": "tonearm.lastfm",
    "Pending": "tonearm.service.sign_in",
    "Period": "tonearm.lastfm",
    "Play": "tonearm.core.play",
    "Policy": "tonearm.core.policy",
    "QueueStatus": "tonearm.service.accounts",
    "RateLimited": "tonearm.lastfm",
    "RecentTrack": "tonearm.lastfm",
    "Remembered": "tonearm.lastfm.cache",
    "RememberingLastFm": "tonearm.lastfm.caching_client",
    "ReportResult": "tonearm.service.report",
    "Request": "tonearm.lastfm",
    "Resting": "tonearm.lastfm.breaker",
    "ScanResult": "tonearm.service.scan_result",
    "SearchKind": "tonearm.service.metadata",
    "Session": "tonearm.lastfm",
    "SessionRejected": "tonearm.lastfm",
    "SignInExpired": "tonearm.service.sign_in",
    "SignInResult": "tonearm.service.sign_in",
    "SignatureRejected": "tonearm.lastfm",
    "SignedIn": "tonearm.service.sign_in",
    "SimilarArtist": "tonearm.lastfm",
    "SimilarTrack": "tonearm.lastfm",
    "Song": "tonearm.store.songs",
    "StoreUnavailable": "tonearm.store.db.sqlite_writer",
    "StoredDestination": "tonearm.store.destinations",
    "StoredPlay": "tonearm.store.plays",
    "SyncDeck": "tonearm.sync",
    "SyncListener": "tonearm.sync",
    "SyncWalk": "tonearm.lastfm",
    "Tag": "tonearm.lastfm",
    "TagEntry": "tonearm.lastfm",
    "TagInfo": "tonearm.lastfm",
    "TokenExpired": "tonearm.lastfm",
    "TokenNotApproved": "tonearm.lastfm",
    "TokenUnknown": "tonearm.lastfm",
    "Track": "tonearm.core.play",
    "TrackEntry": "tonearm.lastfm",
    "TrackInfo": "tonearm.lastfm",
    "Unavailable": "tonearm.lastfm",
    "UnknownListener": "tonearm.service.report",
    "Unreachable": "tonearm.service.sign_in",
    "UserInfo": "tonearm.lastfm",
    "Verdict": "tonearm.core.verdict",
    "Walk": "tonearm.lastfm",
    "Week": "tonearm.lastfm",
    "WeeklyChart": "tonearm.lastfm",
    "WhyRefused": "tonearm.service.destination_results",
    "Wiki": "tonearm.lastfm",
    "WrongSecret": "tonearm.store.secrets.check",
    "approval_url": "tonearm.lastfm",
    "open": "tonearm.app",
    "open_sync": "tonearm.sync",
    "router": "tonearm.web.host",
    "user_agent": "tonearm.lastfm",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used: the client alone needs neither a database nor a server."""
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
