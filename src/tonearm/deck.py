"""What a host program holds: an open deck, and its listeners."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tonearm.arguments import (
    check_plays,
    check_seconds,
    check_secret,
    check_settings,
    check_text,
    check_track,
    one_of,
    unix_seconds,
)
from tonearm.clock import Clock
from tonearm.core import loved
from tonearm.core.account import Account
from tonearm.core.destination import DestinationKind
from tonearm.core.play import Play, Track
from tonearm.core.policy import Policy
from tonearm.ingest.incoming import Heart
from tonearm.lastfm.cache import Remembered
from tonearm.lastfm.images import Image
from tonearm.lastfm.music import AlbumInfo, TrackInfo
from tonearm.service.accounts import FIRST_LISTENER, Accounts, QueueStatus
from tonearm.service.counters import Counters
from tonearm.service.destination_hearts import DestinationHearts
from tonearm.service.destination_results import (
    DestinationOverview,
    DestinationRefused,
    DestinationRemoved,
    KeepOrDiscard,
    NoSuchDestination,
)
from tonearm.service.destinations import Destinations
from tonearm.service.enrichment import Enriched, Enrichment, enriched
from tonearm.service.events import EventHub
from tonearm.service.hearts import Hearts
from tonearm.service.history_mirror import HistoryMirror
from tonearm.service.jobs import Jobs
from tonearm.service.listening_clocks import ListeningClocks
from tonearm.service.loved_import import LovedImport, tally
from tonearm.service.metadata import Artist, Metadata, NotKnown, SearchKind, SearchResult
from tonearm.service.now_playing import NowPlaying, NowPlayingResult
from tonearm.service.now_playing_elsewhere import NowPlayingElsewhere
from tonearm.service.personal_data import PersonalData
from tonearm.service.play_actions import PlayActions
from tonearm.service.player_reports import PlayerReports
from tonearm.service.players import Players
from tonearm.service.report import ReportResult
from tonearm.service.report_play import Reports
from tonearm.service.requeue import AfterAll
from tonearm.service.scan_result import ScanResult
from tonearm.service.sign_in import AuthStart, SignIn, SignInResult, Unreachable
from tonearm.store.db.database import Store
from tonearm.store.destinations import StoredDestination
from tonearm.store.plays import StoredPlay
from tonearm.store.runs import RunState
from tonearm.store.secrets.seal import SessionCipher
from tonearm.store.songs import LibraryTrack

if TYPE_CHECKING:
    from tonearm.service.destination_setup import DestinationSetup
    from tonearm.service.destination_views import DestinationViews
    from tonearm.service.edit_rules import EditRules
    from tonearm.service.figures import Figures
    from tonearm.service.history_export import HistoryExport
    from tonearm.service.history_from_lastfm import HistoryFromLastFm
    from tonearm.service.history_import import HistoryImport
    from tonearm.service.history_uploads import HistoryUploads
    from tonearm.service.household import Households
    from tonearm.service.library_scan import LibraryScan
    from tonearm.service.loved_matching import LovedMatching
    from tonearm.service.player_views import PlayerViews
    from tonearm.service.views import Views


class ImportFailed(Exception):
    """Last.fm did not return the whole list; what came was saved. `error_code` is Last.fm's, None if it gave none."""

    def __init__(self, message: str, error_code: int | None = None) -> None:
        super().__init__(message)
        self.error_code = error_code


LONGEST_SEARCH = 100


def _check_names(artist: object, title: object) -> None:
    check_text("artist", artist)
    check_text("title", title)


@dataclass(frozen=True)
class Deck:
    """An open database with everything that works on it: made by `tonearm.open`, closed at the end of its `async with`
    block. What only pages and single commands need is loaded and created on first use.

    `configured`: an API key and a secret are set; without them plays are kept and nothing is sent. `delivers()`:
    whether this process sends plays; another process may.
    """

    clock: Clock
    store: Store
    event_hub: EventHub
    accounts: Accounts
    reports: Reports
    shows: NowPlaying
    sign_in: SignIn
    play_actions: PlayActions
    after_all: AfterAll
    loved_import: LovedImport
    hearts: Hearts
    personal_data: PersonalData
    players: Players
    player_reports: PlayerReports
    listening_clocks: ListeningClocks
    jobs: Jobs
    history_mirror: HistoryMirror
    metadata: Metadata
    enrichment: Enrichment
    destinations: Destinations
    now_playing_elsewhere: NowPlayingElsewhere
    destination_hearts: DestinationHearts
    counters: Counters
    hint: Callable[[int], None]
    configured: bool
    delivers: Callable[[], bool]
    seal: SessionCipher = field(repr=False)

    @cached_property
    def households(self) -> Households:
        """Who shares this service, and who may see whose plays."""
        from tonearm.service.household import Households

        return Households(self.store, self.clock, self.accounts)

    @cached_property
    def edit_rules(self) -> EditRules:
        """The edits that are made every time."""
        from tonearm.service.edit_rules import EditRules

        return EditRules(self.store, self.clock)

    @cached_property
    def views(self) -> Views:
        """What pages show about a listener's plays and queue."""
        from tonearm.service.views import Views

        return Views(self.store, self.accounts)

    @cached_property
    def player_views(self) -> PlayerViews:
        """What pages show about players."""
        from tonearm.service.player_views import PlayerViews

        return PlayerViews(self.store)

    @cached_property
    def loved_matching(self) -> LovedMatching:
        """Which tracks of the library are the loved ones."""
        from tonearm.service.loved_matching import LovedMatching

        return LovedMatching(self.store)

    @cached_property
    def library_scan(self) -> LibraryScan:
        """Reads folders of tagged files."""
        from tonearm.service.library_scan import LibraryScan

        return LibraryScan(self.store, self.loved_matching.check)

    @cached_property
    def history_import(self) -> HistoryImport:
        """Reads listening histories from files."""
        from tonearm.service.history_import import HistoryImport

        return HistoryImport(self.store, self.clock, self.reports)

    @cached_property
    def history_uploads(self) -> HistoryUploads:
        """Files that are imported for pages and the API."""
        from tonearm.service.history_uploads import HistoryUploads

        return HistoryUploads(self.history_import, self.clock, self.figures.make_all)

    @cached_property
    def history_export(self) -> HistoryExport:
        """Writes listening histories for other services."""
        from tonearm.service.history_export import HistoryExport

        return HistoryExport(self.store)

    @cached_property
    def history_from_lastfm(self) -> HistoryFromLastFm:
        """Reads listening histories from Last.fm."""
        from tonearm.service.history_from_lastfm import HistoryFromLastFm

        return HistoryFromLastFm(self.store, self.clock, self.accounts.keyring, self.seal)

    @cached_property
    def figures(self) -> Figures:
        """The figures of listening histories."""
        from tonearm.service.figures import Figures
        from tonearm.service.month_sums import MonthSums

        return Figures(self.store, self.clock, MonthSums(self.store, self.clock))

    @cached_property
    def destination_views(self) -> DestinationViews:
        """What pages show about destinations."""
        from tonearm.service.destination_views import DestinationViews

        return DestinationViews(self.store, self.clock, self.destinations.time)

    @cached_property
    def destination_setup(self) -> DestinationSetup:
        """How destinations are added and signed in to."""
        from tonearm.service.destination_setup import DestinationSetup

        return DestinationSetup(self.destinations)

    async def close(self) -> None:
        """Stop the background work of its parts; `tonearm.open` does so at the end of its block."""
        await self.listening_clocks.close()
        if "history_uploads" in vars(self):
            await self.history_uploads.close()
        if "figures" in vars(self):
            await self.figures.close()
        await self.now_playing_elsewhere.close()

    async def artist(self, name: str) -> Remembered[Artist] | NotKnown:
        """An artist with similar artists, its albums and its tracks. This and the other look-ups raise MissingName for
        a name that is empty or has more than 1024 characters, and a LastFmError if Last.fm is unavailable and the
        answer isn't cached.
        """
        check_text("name", name)
        return await self.metadata.artist(name)

    async def album(self, artist: str, title: str) -> Remembered[AlbumInfo] | NotKnown:
        """An album with its tracks."""
        _check_names(artist, title)
        return await self.metadata.album(artist, title)

    async def track(self, artist: str, title: str) -> Remembered[TrackInfo] | NotKnown:
        """A track. Last.fm has every track that anybody ever scrobbled."""
        _check_names(artist, title)
        return await self.metadata.track(artist, title)

    async def search(self, kind: SearchKind, query: str, limit: int = 30) -> Remembered[tuple[SearchResult, ...]]:
        """Artists, albums or tracks with a name like `query`, best match first; `limit` is from 1 to 100."""
        check_text("query", query)
        if not isinstance(limit, int) or not 1 <= limit <= LONGEST_SEARCH:
            raise ValueError(f"limit must be a whole number from 1 to {LONGEST_SEARCH}, not {limit!r}")
        return await self.metadata.search(one_of("kind", SearchKind, kind), query, limit)

    async def cover(self, artist: str, *, album: str = "", title: str = "") -> Image | None:
        """The cover of an album, or of the album that a track is on; None if there is none."""
        _check_names(artist, title)
        check_text("album", album)
        return await self.metadata.cover(artist, album_=album, title=title)

    async def senders(self) -> int:
        """How many processes deliver from this database now, this one included. Raises StoreUnavailable."""
        return await self.store.senders() + self.delivers()

    async def listener(self, name: str = FIRST_LISTENER) -> Listener:
        """The listener with that name, created if there is none; raises BadName."""
        check_text("name", name)
        account = await self.accounts.add(name)
        return Listener(self, account.id, account.name)


@dataclass(frozen=True, slots=True)
class Listener:
    """One listener's plays and settings."""

    deck: Deck
    id: int
    name: str

    async def account(self) -> Account:
        """The listener's account as it is now."""
        return await self.deck.accounts.account(self.id)

    async def now_playing(self, track: Track) -> NowPlayingResult:
        """Report what is playing now; never queued, never retried. Raises MissingName if a name is empty."""
        check_track(track)
        return await self.deck.shows.show(self.id, track)

    async def scrobble(
        self,
        track: Track,
        *,
        started_at: datetime | float,
        played: float,
        chosen_by_user: bool = True,
        reporter: str = "",
    ) -> ReportResult:
        """Report a play: on disk when this returns, unless its status says why it is not queued.

        `started_at` is when it began to play: Unix seconds, or a datetime with a time zone (ValueError without one);
        `played` is the seconds heard. `reporter` names the player, if a listener has several: two of them may report
        the same play. Raises MissingName or NotATime if it can't be a play, StoreUnavailable if it could not be
        written.
        """
        check_track(track)
        check_seconds("played", played)
        check_text("reporter", reporter)
        moment = unix_seconds("started_at", started_at)
        play = Play(track, moment, played, chosen_by_user)  # type: ignore[arg-type] # see `frozen_play`
        return await self.deck.reports.scrobble(self.id, play, reporter)

    async def scrobble_all(self, plays: Sequence[Play], *, reporter: str = "") -> list[ReportResult]:
        """Report several plays: all are on disk when this returns, with a result for each. Up to 1000 are written in
        one transaction.

        Raises NotPlays if some can't be plays; then none is written. Raises StoreUnavailable if they could not be
        written: none is, or, of more than 1000, some are. Report them all again then; nothing is doubled.
        """
        check_plays(plays)
        check_text("reporter", reporter)
        return await self.deck.reports.scrobble_all(self.id, plays, reporter)

    async def fate(self, play_id: int, *, seconds: float = 0.0) -> StoredPlay | None:
        """The play with the `id` of a ReportResult. Waits up to `seconds` until its `fate` is decided, which is
        `queued` until then; None if this listener has no such play.
        """
        return await self.deck.reports.fate(self.id, play_id, seconds)

    async def change_settings(self, *, enabled: bool | None = None, threshold: int | None = None) -> None:
        """Turn scrobbling on or off, or set the percentage of a track, 25 to 100, that has to be heard (ValueError
        otherwise). This applies to plays that are reported from now on; `account` returns the settings.
        """
        check_settings(enabled, threshold)
        await self.deck.accounts.change_settings(self.id, enabled, threshold)

    async def sign_in(self) -> AuthStart | Unreachable:
        """Begin the desktop flow: open the result's `auth_url` in a browser, then pass its token to
        `finish_sign_in`.
        """
        return await self.deck.sign_in.desktop(self.id)

    async def finish_sign_in(self, token: str) -> SignInResult:
        """Exchange an approved token for a session; `Pending` until the listener has approved it."""
        check_secret("token", token)
        return await self.deck.sign_in.finish(self.id, token)

    async def sign_out(self, *, discard: bool = False) -> int:
        """Forget the session; returns how many plays were waiting. They stay on hold for the same Last.fm user, or are
        discarded.
        """
        return (await self.deck.sign_in.sign_out(self.id, discard)).plays

    async def discard_for(self, username: str) -> int:
        """Discard plays that wait for a Last.fm user who was signed in before; returns how many."""
        check_text("username", username)
        return await self.deck.sign_in.discard_for(self.id, username)

    async def queue(self) -> QueueStatus:
        """The state of the queue."""
        return await self.deck.accounts.queue_status(self.id)

    async def retry_expired(self) -> int:
        """Queue all plays that a wrong clock marked as too old: `expired`, but younger than 14 days. Returns their
        number.
        """
        return await self.deck.after_all.send(self.id)

    async def retry(self) -> None:
        """Retry everything that is waiting now."""
        await self.deck.accounts.retry(self.id, self.deck.hint)

    async def destinations(self) -> list[DestinationOverview]:
        """The other services that plays are sent to: their state, what is waiting, and why."""
        return await self.deck.destination_views.all(self.id)

    async def add_destination(
        self, kind: DestinationKind, token: str, *, url: str = "", policy: Policy | None = None, days: float = 0.0
    ) -> StoredDestination | DestinationRefused:
        """From now on, send plays to another service, too. The service is first asked whose token it is.

        The last `days` days of the history are sent as well, after new plays (`math.inf`: all of it). If the same
        profile was removed before, the plays that still wait for it are sent now.
        """
        check_secret("token", token)
        check_text("url", url)
        kind = one_of("kind", DestinationKind, kind)
        return await self.deck.destinations.add(self.id, kind, url, token, policy=policy, days=days)

    async def remove_destination(
        self, destination_id: int, *, discard: bool | None = None
    ) -> DestinationRemoved | KeepOrDiscard | NoSuchDestination:
        """Stop sending plays there, and forget the token. If plays are waiting, `discard` decides whether they are
        discarded or kept.
        """
        return await self.deck.destinations.remove(self.id, destination_id, discard=discard)

    async def import_loved(self) -> loved.ImportCounts:
        """Mark the library's tracks that are loved on Last.fm; tracks that no longer are lose their mark.

        Raises ImportFailed if nobody is signed in, Last.fm is down, or no process runs the import now (such as while
        imports are paused); the next import continues from there.
        """
        if not self.deck.configured:
            raise ImportFailed("no API key is configured")
        if not (await self.account()).signed_in:
            raise ImportFailed("not signed in to Last.fm: sign in first")
        run = await self.deck.loved_import.start(self.id)
        over = await self.deck.loved_import.finished(self.id, run.id)
        if over.state is not RunState.DONE:
            raise ImportFailed(over.failure, over.error_code)
        return tally(over)

    async def love(self, artist: str, title: str) -> None:
        """Love a track: it is on disk when this returns, and is sent to Last.fm from there. Raises MissingName."""
        _check_names(artist, title)
        await self.deck.hearts.say(self.id, [Heart(Track(artist, title), True)])

    async def unlove(self, artist: str, title: str) -> None:
        """Unlove a track; as `love`. The latest change to a track counts, wherever it was made."""
        _check_names(artist, title)
        await self.deck.hearts.say(self.id, [Heart(Track(artist, title), False)])

    async def loves(self, artist: str, title: str) -> bool:
        """Whether a track is loved here."""
        _check_names(artist, title)
        [loved] = await self.deck.hearts.loved(self.id, [Track(artist, title)])
        return loved

    async def enrich(self) -> Enriched:
        """Look up the library's songs at Last.fm, in request slots that no scrobble needs: at most four a second.

        `library` returns what was found. Raises ImportFailed if Last.fm is down; the run continues automatically when
        it is back.
        """
        if not self.deck.configured:
            raise ImportFailed("no API key is configured")
        run = await self.deck.enrichment.start(self.id)
        over = await self.deck.enrichment.finished(self.id, run.id)
        if over.failure:
            raise ImportFailed(over.failure)
        return enriched(over)

    async def library(self, start: int = 0, limit: int = 1000) -> list[LibraryTrack]:
        """Tracks of the library in the order of their ids, from the id `start` on, with what is known about them."""
        return await self.deck.enrichment.library(self.id, start, limit)

    async def scan(self, folder: str | Path, *, everything: bool = False) -> ScanResult:
        """Read new and changed files of a folder of tagged audio, or with `everything` all of them, into the library.
        Raises FolderUnreadable (then nothing is changed); without `tonearm[library]`, ImportError.
        """
        return await self.deck.library_scan.scan(self.id, Path(folder), everything=everything)
