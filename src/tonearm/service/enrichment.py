"""Enrichment: fetches tags, MusicBrainz ids and listener counts for the songs of a scanned library, song by song, in
spare request slots.

No file is changed: the results are stored in the database, by the names in the files. A crash or an outage loses
nothing: the run continues where it was.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

from sqlalchemy import Connection

from tonearm.clock import Clock
from tonearm.core.event import EnrichProgress
from tonearm.core.naming import Renamed
from tonearm.core.play import MissingName
from tonearm.lastfm.cache import Remembered
from tonearm.lastfm.error import LastFmError
from tonearm.lastfm.music import TrackInfo
from tonearm.service.events import EventHub
from tonearm.service.metadata import Metadata, NotKnown
from tonearm.service.waiting import WaitingRun
from tonearm.store import accounts, library, plays, runs, songs
from tonearm.store.db.database import Store
from tonearm.store.runs import Run, RunState
from tonearm.store.songs import LibraryTrack, Song

KIND = "enrich"
STEP = 10
"""Songs that are written together, with the run's cursor."""

CHUNK = 60.0
"""Seconds after which a run gives its slot to others."""

LOOK_UP_AFTER = 30 * 86400.0
"""Seconds after which a song is looked up again: listeners and tags change slowly."""

OUTAGE_WAIT = 60.0
"""Seconds that a run waits if Last.fm is unavailable."""


@dataclass(frozen=True, slots=True)
class Enriched:
    """What a run has found: how many songs Last.fm knows, and how many it doesn't."""

    known: int = 0
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class Enrichment:
    """Runs over libraries: one at a time for each account."""

    store: Store
    clock: Clock
    metadata: Metadata
    event_hub: EventHub
    hint: Callable[[int], None]
    waiting: WaitingRun
    _wait_until: dict[int, float] = field(default_factory=dict)

    async def start(self, account: int) -> Run:
        """Begin a run, or join the unfinished one. A run that was waiting continues at once."""
        now = self.clock.now()

        def begin(db: Connection) -> Run:
            accounts.lock(db, [account])
            run = runs.begin(db, account, KIND, "", now, 0.0)
            run = replace(run, total=library.size(db, account), failure="", updated_at=now)
            runs.write(db, run, run.cursor)
            return run

        run = await self.store.write(begin)
        self._wait_until.pop(account, None)
        self.hint(account)
        return run

    async def job(self, account: int, run_id: int) -> Run | None:
        """A run. While it waits because Last.fm is unavailable, its `failure` says so."""
        return await self.store.read(partial(runs.find, account=account, run_id=run_id, kind=KIND))

    async def finished(self, account: int, run_id: int) -> Run:
        """The run when it is over, or if Last.fm is unavailable or nothing runs it now: then `failure` says why."""
        return await self.waiting.ended(self.event_hub, account, partial(self.job, account, run_id))

    async def library(self, account: int, start: int, limit: int) -> list[LibraryTrack]:
        """Tracks of the library in the order of their ids, from the id `start` on, with what was found about them."""
        return await self.store.read(partial(songs.of_library, account=account, start=start, limit=limit))

    def due(self, db: Connection, now: float) -> list[int]:
        """Accounts whose run continues now, also after a crash."""
        return [
            account
            for account in runs.running(db, KIND)
            if not now < self._wait_until.get(account, 0.0) <= now + OUTAGE_WAIT
        ]

    async def continue_run(self, account: int) -> float | None:
        """Look up song after song for a minute, or until all are done, or Last.fm is unavailable."""
        run = await self.store.read(partial(runs.unfinished, account=account, kind=KIND))
        renamed = Renamed(await self.store.read(partial(plays.corrections, account=account)))
        ends = self.clock.now() + CHUNK
        while run and run.state is RunState.RUNNING:
            advanced, away = await self._step(run, renamed)
            if advanced is None:
                return None
            run = advanced
            self.event_hub.publish(account, EnrichProgress(run.id, run.done, run.total))
            now = self.clock.now()
            if away:
                self._wait_until[account] = now + OUTAGE_WAIT
                return now + OUTAGE_WAIT
            if now >= ends:
                return now
        return None

    async def _step(self, run: Run, renamed: Renamed) -> tuple[Run | None, bool]:
        """Look up the next songs and write what was found; True if Last.fm was unavailable. None if another process has
        continued the run meanwhile.
        """
        ask = partial(songs.to_look_up, account=run.account, start=run.cursor, before=self.clock.now() - LOOK_UP_AFTER)
        files = await self.store.read(lambda db: ask(db, limit=STEP))
        found: dict[tuple[str, str], Song] = {}
        failure = ""
        cursor = run.cursor
        for file_id, artist, title in files:
            try:
                if (artist, title) not in found:
                    found[artist, title] = await self._look_up(artist, title, renamed)
            except LastFmError as error:
                failure = str(error)
                break
            cursor = file_id + 1
        over = not failure and len(files) < STEP
        known = sum(one.known for one in found.values())
        counts = {
            "known": run.counts.get("known", 0) + known,
            "unknown": run.counts.get("unknown", 0) + len(found) - known,
        }
        advanced = replace(
            run,
            state=RunState.DONE if over else RunState.RUNNING,
            cursor=cursor,
            counts=counts,
            failure=failure,
            updated_at=self.clock.now(),
        )
        write = partial(_write, advanced=advanced, cursor=run.cursor, found=list(found.values()))
        return await self.store.write(write), bool(failure)

    async def _look_up(self, artist: str, title: str, renamed: Renamed) -> Song:
        now = self.clock.now()
        found: Remembered[TrackInfo] | NotKnown = NotKnown("")
        for names in dict.fromkeys((renamed.at_lastfm(artist, title), (artist, title))):
            with suppress(MissingName):  # a name that is too long for any request
                found = await self.metadata.track(*names)
            if not isinstance(found, NotKnown):
                break
        if isinstance(found, NotKnown):
            return Song(artist, title, False, now)
        info = found.value
        tags = info.tags
        if not tags:  # most tracks have no tags of their own, and their artist nearly always has
            artist_tags = await self.metadata.tags(info.artist or artist)
            tags = () if isinstance(artist_tags, NotKnown) else artist_tags.value
        return Song(
            artist,
            title,
            True,
            now,
            info.mbid,
            info.artist_mbid,
            info.album.mbid if info.album else "",
            info.listeners,
            info.playcount,
            tuple(tag.name for tag in tags),
        )


def enriched(run: Run) -> Enriched:
    """What a run has found so far."""
    return Enriched(**run.counts)


def _write(db: Connection, advanced: Run, cursor: int, found: list[Song]) -> Run | None:
    """Write what was found and the cursor together; None if the cursor has already advanced."""
    total = library.size(db, advanced.account)
    done = total if advanced.state is RunState.DONE else songs.passed(db, advanced.account, advanced.cursor)
    run = replace(advanced, done=done, total=total)
    if not runs.write(db, run, cursor):
        return None
    songs.write(db, found)
    return run
