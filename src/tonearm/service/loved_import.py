"""Import of loved tracks: tracks loved on Last.fm get their hearts in the library, and others lose them.

Page by page; it continues after a crash."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from tonearm.clock import Clock
from tonearm.core import pacing
from tonearm.core.account import Account
from tonearm.core.event import ImportProgress
from tonearm.core.loved import ImportCounts, ImportPlan, Loved, plan_import
from tonearm.core.matching import LibraryIndex
from tonearm.core.naming import Names, Renamed, entries_by_other_names
from tonearm.core.verdict import Cause
from tonearm.lastfm.error import LastFmError, RateLimited
from tonearm.lastfm.types import LovedTrack, Page
from tonearm.service.events import EventHub
from tonearm.service.keyring import ApiKey, Keyring
from tonearm.service.waiting import WaitingRun
from tonearm.store import accounts, library, loved, plays, runs
from tonearm.store.db.database import Store
from tonearm.store.runs import Run, RunState

KIND = "import-loved"
PAGE = 1000
"""Loved tracks of a page, the most that Last.fm gives: https://www.last.fm/api/show/user.getLovedTracks"""

TRIES = (PAGE, PAGE, PAGE // 5, PAGE // 20)
"""The page lengths that are tried in turn until the run stops; started again, it continues from there.

Last.fm answers some profiles' pages of 1,000 with a 500, again and again, and shorter ones of the same tracks with 200.
"""

RESUME_WITHIN = 86400.0
"""Seconds for which a run that failed is taken up again; later the list has moved too far."""


@dataclass(frozen=True, slots=True)
class LovedImport:
    """Imports of loved tracks: one at a time for each account."""

    store: Store
    clock: Clock
    keyring: Keyring
    event_hub: EventHub
    hint: Callable[[int], None]
    waiting: WaitingRun

    async def start(self, account: int) -> Run:
        """Begin an import, or join the unfinished one."""
        now = self.clock.now()

        def begin(db: Connection) -> Run:
            accounts.lock(db, [account])
            owner = accounts.by_id(db, [account])[account].username.casefold()
            return runs.begin(db, account, KIND, owner, now, RESUME_WITHIN)

        run = await self.store.write(begin)
        self.hint(account)
        return run

    async def job(self, account: int, run_id: int) -> Run | None:
        """An import; None if there is none with this id."""
        return await self.store.read(partial(runs.find, account=account, run_id=run_id, kind=KIND))

    async def finished(self, account: int, run_id: int) -> Run:
        """The import when it is over, or if nothing runs it now: then `failure` says why."""
        return await self.waiting.ended(self.event_hub, account, partial(self.job, account, run_id))

    async def latest(self, account: int) -> Run | None:
        """The last import, finished or not."""
        return await self.store.read(partial(runs.latest, account=account, kind=KIND))

    async def choose(self, account: int, loved_id: int, file: int | None) -> bool:
        """A loved track that may be several files is this one, or (None) none of them; later imports know it.

        False if there is no such loved track, or the file was not one of its candidates.
        """

        def write(db: Connection) -> bool:
            return loved.choose(db, account, loved_id, file)

        return await self.store.write(write)

    async def due(self) -> list[int]:
        """Accounts with an unfinished import, also after a crash."""
        return await self.store.read(partial(runs.running, kind=KIND))

    async def go_on(self, account: int) -> float | None:
        """Import page after page until all are done, or Last.fm has failed too often."""
        run = await self.store.read(partial(runs.unfinished, account=account, kind=KIND))
        if run is None:
            return None
        listener, files, hearts, declined = await self.store.read(partial(_library, account=account))
        if not listener.signed_in or listener.username.casefold() != run.owner:
            left = replace(run, state=RunState.FAILED, failure=runs.LEFT, updated_at=self.clock.now())
            await self.store.write(partial(runs.write, run=left, cursor=run.cursor))
            return None
        index = await asyncio.to_thread(files.index)
        while run.state is RunState.RUNNING:
            try:
                page = await self._page(self.keyring.of(listener), listener.username, run.cursor)
            except LastFmError as error:
                failed = _failed(run, error, self.clock.now())
                still_ours = await self.store.write(partial(runs.write, run=failed, cursor=run.cursor))
                run = failed
            else:
                tracks = [_loved(track) for track in page.items]
                plan = await asyncio.to_thread(plan_import, tracks, index, hearts, declined)
                advanced = _advanced(run, page, plan, self.clock.now())
                loved_files = None
                if advanced.state is RunState.DONE and run.total in (
                    0,
                    page.total,
                ):  # else tracks may have moved past us
                    loved_files = await self._loved_files(advanced, page, index, declined)
                write = partial(_write, account=account, page=page, plan=plan, run=advanced, cursor=run.cursor)
                write = partial(write, loved_files=loved_files)
                still_ours = await self.store.write(write)
                hearts |= {mark.id for mark in plan.marks}
                run = advanced
            if not still_ours:  # another process continues it
                return None
            self.event_hub.publish(account, ImportProgress(run.id, run.done, run.total))
        return None

    async def _loved_files(
        self, run: Run, last: Page[LovedTrack], index: LibraryIndex, declined: frozenset[tuple[str, str]]
    ) -> frozenset[int] | None:
        """The files that may be something that is loved, by all pages; None if we have not seen the whole list."""
        earlier = await self.store.read(partial(loved.listed_in, account=run.account, run_id=run.id))
        tracks = {(artist, title): Loved(artist, title, mbid) for artist, title, mbid in earlier}
        tracks |= {(track.artist, track.title): _loved(track) for track in last.items}
        if last.total is None or len(tracks) < last.total:
            return None
        plan = await asyncio.to_thread(plan_import, tracks.values(), index, frozenset(), declined)
        ambiguous = {candidate.id for one in plan.doubtful for candidate in one.candidates}
        return frozenset({mark.id for mark in plan.marks} | ambiguous)

    async def _page(self, key: ApiKey, username: str, page_number: int) -> Page[LovedTrack]:
        for attempt, size in enumerate(TRIES, start=1):
            if attempt < len(TRIES) and (throttle := await key.pace.current_throttle()):
                raise RateLimited(Cause(None, f"requests to Last.fm are paused: {throttle.reason}"))
            try:
                return await self._in_pages_of(size, key, username, page_number)
            except LastFmError as error:
                if not error.retryable or attempt == len(TRIES):
                    raise
                if isinstance(error, RateLimited):
                    await key.pace.throttled(error.cause, error.retry_after)
                wait = max(pacing.SHORTEST_WAIT * 2**attempt * self.clock.chance(), error.retry_after or 0.0)
            await self.clock.sleep(wait)
        raise AssertionError("the last try returns or raises")

    async def _in_pages_of(self, size: int, key: ApiKey, username: str, page_number: int) -> Page[LovedTrack]:
        """A page of PAGE tracks, assembled from pages of `size`."""
        each, items = PAGE // size, list[LovedTrack]()
        walk = key.patient.loved_tracks(username, size=size)
        for place in range((page_number - 1) * each + 1, page_number * each + 1):
            page = await walk.page(place)
            items += page.items
            if place >= page.total_pages:
                break
        return replace(page, items=tuple(items), page=page_number, total_pages=-(-page.total_pages // each))


def _failed(run: Run, error: LastFmError, now: float) -> Run:
    return replace(run, state=RunState.FAILED, failure=str(error), error_code=error.error_code, updated_at=now)


def tally(run: Run) -> ImportCounts:
    """What an import has found so far."""
    return ImportCounts(**run.counts)


@dataclass(frozen=True, slots=True)
class _Library:
    """What the database has of a listener's library, and how its songs are named at Last.fm."""

    files: list[tuple[int, str, str, str]]
    artists: dict[int, tuple[str, ...]]
    chosen: list[tuple[int, str, str, str]]
    corrections: list[tuple[Names, Names]]

    def index(self) -> LibraryIndex:
        """The library under all names that its songs are known by."""
        other_names = entries_by_other_names(self.files, self.artists, Renamed(self.corrections))
        by_one_artist = (
            (file, artist, title, "") for file, _, title, _ in self.files for artist in self.artists.get(file, ())
        )
        return LibraryIndex([*self.files, *self.chosen, *other_names], by_one_artist)


def _library(db: Connection, account: int) -> tuple[Account, _Library, set[int], frozenset[tuple[str, str]]]:
    """Whose list it is, the library (a file that was chosen goes by the loved track's names, too), hearts, declined."""
    listener = accounts.by_id(db, [account])[account]
    names, choices = library.names(db, account), loved.choices(db, account)
    there = {file_id for file_id, *_ in names}
    chosen = [(file, artist, title, "") for file, artist, title in choices if file in there]
    declined = frozenset((artist, title) for file, artist, title in choices if not file)
    files = _Library(names, library.several_artists(db, account), chosen, plays.corrections(db, account))
    return listener, files, library.loved(db, account), declined


def _loved(track: LovedTrack) -> Loved:
    return Loved(track.artist, track.title, track.mbid, _unix(track.loved_at))


def _unix(at: datetime | None) -> int:
    return int(at.timestamp()) if at else 0


def _advanced(run: Run, page: Page[LovedTrack], plan: ImportPlan, now: float) -> Run:
    over, done = run.cursor >= page.total_pages, run.done + len(page.items)
    return replace(
        run,
        state=RunState.DONE if over else RunState.RUNNING,
        cursor=run.cursor + 1,
        done=done,
        total=max(page.total or 0, done, 0 if over else run.total),  # the most that it was: that it shrank stays known
        counts=asdict(tally(run) + plan.counts),
        updated_at=now,
    )


def _write(
    db: Connection,
    account: int,
    page: Page[LovedTrack],
    plan: ImportPlan,
    run: Run,
    cursor: int,
    loved_files: frozenset[int] | None,
) -> bool:
    """Write a page's hearts, its loved tracks and the cursor together; False if the cursor has advanced before.

    With the last page, what is no longer loved is forgotten, and all but the `loved_files` lose their hearts.
    """
    if not runs.write(db, run, cursor):
        return False
    doubtful = {(u.loved.artist, u.loved.title): u.candidates for u in plan.doubtful}
    missing = {(m.artist, m.title) for m in plan.missing}
    library.love(db, [mark.id for mark in plan.marks])
    loved.write(
        db,
        account,
        [
            {
                "artist": track.artist,
                "track": track.title,
                "mbid": track.mbid,
                "loved_at": _unix(track.loved_at),
                "outcome": _outcome((track.artist, track.title), doubtful, missing),
                "candidates": [[c.id, c.ambiguity] for c in doubtful.get((track.artist, track.title), ())],
                "last_import": run.id,
            }
            for track in page.items
        ],
    )
    if loved_files is not None:
        library.love_only(db, account, loved_files | loved.forget_unlisted(db, account, run.id))
    return True


def _outcome(names: tuple[str, str], doubtful: Container[tuple[str, str]], missing: set[tuple[str, str]]) -> str:
    if names in doubtful:
        return "doubtful"
    return "missing" if names in missing else "matched"
