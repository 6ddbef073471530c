"""The deck without `await`: the same engine in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from tonearm import app
from tonearm.core import loved
from tonearm.core.account import Account
from tonearm.core.play import Play, Track
from tonearm.deck import Deck, Listener
from tonearm.lastfm.cache import Remembered
from tonearm.lastfm.images import Image
from tonearm.lastfm.music import AlbumInfo, TrackInfo
from tonearm.service.accounts import FIRST_LISTENER, QueueStatus
from tonearm.service.enrichment import Enriched
from tonearm.service.library_scan import ScanResult
from tonearm.service.metadata import Artist, NotKnown, SearchKind, SearchResult
from tonearm.service.now_playing import NowPlayingResult
from tonearm.service.report_play import ReportResult
from tonearm.service.sign_in import AuthStart, SignInResult, Unreachable
from tonearm.store.songs import LibraryTrack

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


@dataclass(frozen=True, slots=True)
class SyncDeck:
    """An open database with everything that works on it."""

    deck: Deck
    _loop: _Loop

    def listener(self, name: str = FIRST_LISTENER) -> SyncListener:
        """The listener of that name, made if there is none; raises BadName."""
        return SyncListener(self._loop.wait(self.deck.listener(name)), self._loop)

    def artist(self, name: str) -> Remembered[Artist] | NotKnown:
        """An artist with the likest others, its albums and its tracks. For the errors see `LookingUp`."""
        return self._loop.wait(self.deck.artist(name))

    def album(self, artist: str, title: str) -> Remembered[AlbumInfo] | NotKnown:
        """An album with its tracks."""
        return self._loop.wait(self.deck.album(artist, title))

    def track(self, artist: str, title: str) -> Remembered[TrackInfo] | NotKnown:
        """A track. Last.fm knows whatever anybody ever scrobbled."""
        return self._loop.wait(self.deck.track(artist, title))

    def search(self, kind: SearchKind, query: str, limit: int = 30) -> Remembered[tuple[SearchResult, ...]]:
        """Artists, albums or tracks with a name like these words, the best first: 1 to 100 of them."""
        return self._loop.wait(self.deck.search(kind, query, limit))

    def cover(self, artist: str, *, album: str = "", title: str = "") -> Image | None:
        """The picture of an album, or of the album that a track is on; None if there is none."""
        return self._loop.wait(self.deck.cover(artist, album=album, title=title))


@dataclass(frozen=True, slots=True)
class SyncListener:
    """One listener's plays and settings: see `tonearm.deck.Listener`, whose methods these are."""

    listener: Listener
    _loop: _Loop

    def account(self) -> Account:
        """The account as it is now."""
        return self._loop.wait(self.listener.account())

    def now_playing(self, track: Track) -> NowPlayingResult:
        """Show what plays; never queued. Raises MissingName if a name is empty."""
        return self._loop.wait(self.listener.now_playing(track))

    def scrobble(
        self,
        track: Track,
        *,
        started_at: datetime | float,
        played: float,
        chosen_by_user: bool = True,
        reporter: str = "",
    ) -> ReportResult:
        """Report a play: on disk when this returns, unless its status says why it is not queued.

        `started_at` is Unix seconds, or a datetime with its time zone (ValueError without one). Raises MissingName or
        NotATime for what can be no play, StoreUnavailable when it could not be written.
        """
        report = self.listener.scrobble(
            track, started_at=started_at, played=played, chosen_by_user=chosen_by_user, reporter=reporter
        )
        return self._loop.wait(report)

    def scrobble_all(self, plays: Sequence[Play], *, reporter: str = "") -> list[ReportResult]:
        """Report several plays, up to 1000 in one transaction: all on disk when this returns, with an answer for each.

        Raises NotPlays if some can be no plays, StoreUnavailable when they could not be written: then none is, or
        of more than 1000 some are, so that reporting all of them again is right.
        """
        return self._loop.wait(self.listener.scrobble_all(plays, reporter=reporter))

    def sign_in(self) -> AuthStart | Unreachable:
        """Begin the desktop flow: open the way's `auth_url`, then `finish_sign_in` with its token."""
        return self._loop.wait(self.listener.sign_in())

    def finish_sign_in(self, token: str) -> SignInResult:
        """Trade an approved token for a session; `Pending` until the listener has approved it."""
        return self._loop.wait(self.listener.finish_sign_in(token))

    def sign_out(self, *, discard: bool = False) -> int:
        """Forget the session; what waits is held, or discarded. How many that is."""
        return self._loop.wait(self.listener.sign_out(discard=discard))

    def discard_for(self, username: str) -> int:
        """Discard what waits for a Last.fm user who was signed in before; how many plays that is."""
        return self._loop.wait(self.listener.discard_for(username))

    def queue(self) -> QueueStatus:
        """The state of the queue."""
        return self._loop.wait(self.listener.queue())

    def retry(self) -> None:
        """Everything that waits is due now."""
        self._loop.wait(self.listener.retry())

    def retry_expired(self) -> int:
        """Queue all plays that a wrong clock called too old: `expired`, and younger than 14 days. How many that is."""
        return self._loop.wait(self.listener.retry_expired())

    def import_loved(self) -> loved.ImportCounts:
        """Mark the library's tracks that are loved on Last.fm; after ImportFailed it continues from there next time."""
        return self._loop.wait(self.listener.import_loved())

    def enrich(self) -> Enriched:
        """Look up the library's songs at Last.fm, in slots that no scrobble wants: four a second at the most.

        `library` gives what was found. Raises ImportFailed if Last.fm is down; the run continues by itself when it
        is back.
        """
        return self._loop.wait(self.listener.enrich())

    def library(self, start: int = 0, limit: int = 1000) -> list[LibraryTrack]:
        """The tracks of the library by their ids, from the id `start` on, with what is known about them."""
        return self._loop.wait(self.listener.library(start, limit))

    def scan(self, folder: Path, *, everything: bool = False) -> ScanResult:
        """Read what is new or changed in a folder of tagged files, or everything, into the library.

        Raises FolderUnreadable, and changes nothing then; ImportError without `tonearm[library]`.
        """
        return self._loop.wait(self.listener.scan(folder, everything=everything))
