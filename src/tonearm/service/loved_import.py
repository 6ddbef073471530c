"""Import of loved tracks: merges Last.fm's list with the hearts here, and marks the library's files.

It works page by page, and continues after a crash. Tracks loved or unloved here meanwhile, and changes that Last.fm
doesn't have yet, stay.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import Enum
from functools import partial

from sqlalchemy import Connection

from tonearm.core import pacing
from tonearm.core.account import Account
from tonearm.core.event import ImportProgress
from tonearm.core.hearts import (
    ConflictRule,
    HeartChange,
    HeartState,
    SyncedHeart,
    change,
    in_conflict,
    merge_listed,
    merge_unlisted,
)
from tonearm.core.loved import ImportCounts, ImportPlan, Loved, plan_import
from tonearm.core.matching import LibraryIndex
from tonearm.core.play import Track
from tonearm.core.verdict import Cause
from tonearm.lastfm.error import LastFmError, RateLimited
from tonearm.lastfm.types import LovedTrack, Page
from tonearm.service.clock_skew import LastFmTime
from tonearm.service.hourly_import import HourlyImport, Schedule
from tonearm.service.keyring import ApiKey, Keyring
from tonearm.service.library_index import LibraryNames, library_names
from tonearm.store import accounts, hearts, library, loved, loved_sync, runs
from tonearm.store.hearts import StoredHeart
from tonearm.store.loved_sync import LovedSync
from tonearm.store.runs import Run, RunState

KIND = "import-loved"
PAGE = 1000
"""Loved tracks in a page, the most that Last.fm returns: https://www.last.fm/api/show/user.getLovedTracks"""

TRIES = (PAGE, PAGE, PAGE // 5, PAGE // 20)
"""The page lengths that are tried in turn until the run stops; started again, it continues from there.

Last.fm repeatedly answers pages of 1,000 of some profiles with a 500, and shorter ones of the same tracks with 200.
"""


@dataclass(frozen=True, slots=True)
class PlannedHeart:
    """A track that an import would change; for a conflict, it says which side would win."""

    artist: str
    title: str
    change: HeartChange
    conflict: bool = False


class NotPlanned(Exception):
    """Last.fm's list could not be read; the message says why."""


@dataclass(frozen=True, slots=True)
class LovedImport(HourlyImport):
    """Imports of loved tracks."""

    schedule = Schedule(KIND, "loved", loved_sync.due, loved_sync.set_mirror)

    keyring: Keyring
    hint_hearts: Callable[[int], None]
    time: LastFmTime

    async def settings(self, account: int) -> LovedSync:
        """Whether and when imports begin by themselves, and which side wins a conflict."""
        return await self.store.read(partial(loved_sync.read, account_id=account))

    async def decide(self, account: int, rule: ConflictRule) -> None:
        """Set which side wins for a track that was unloved here and loved at Last.fm since they last agreed."""
        await self.store.write(partial(loved_sync.set_rule, account_id=account, rule=rule))

    async def plan(self, account: int) -> list[PlannedHeart]:
        """What an import would change now. Nothing is written. Raises NotPlanned.

        It reads the whole list at Last.fm, with one request for each thousand tracks.
        """
        listener = await self.store.read(lambda db: accounts.by_id(db, [account])[account])
        listed, page_number = list[Loved](), 1
        while True:
            try:
                page = await self._page(self.keyring.of(listener), listener.username, page_number)
            except LastFmError as error:
                raise NotPlanned(str(error)) from error
            listed += [_loved(track) for track in page.items]
            if page_number >= page.total_pages:
                break
            page_number += 1
        merger = await self.store.read(partial(self._would_merge, listener=listener))
        planned, listed_keys = list[PlannedHeart](), dict[hearts.HeartKey, StoredHeart]()
        for start in range(0, len(listed), PAGE):  # each query to the database is short
            part = listed[start : start + PAGE]
            here = await self.store.read(partial(merger.listed, tracks=part))
            planned += _planned(merger, here, part)
            listed_keys |= here.after
        there = await self.store.read(partial(merger.unlisted, last=_Listed({}, listed_keys, [])))
        return planned + _planned_unlisted(there)

    def _would_merge(self, db: Connection, listener: Account) -> _Merger:
        """The merger as it would be if an import began now."""
        last, rule = runs.latest(db, listener.id, KIND), loved_sync.read(db, listener.id).rule
        walk = Run(last.id + 1 if last else 1, listener.id, KIND, RunState.RUNNING, 1, 0, 0)
        return _Merger(replace(walk, owner=listener.username.casefold()), self.clock.now(), self.time.now(), rule)

    async def choose(self, account: int, loved_id: int, file: int | None) -> bool:
        """Decide that a loved track with several candidates is this file, or (None) none of them; later imports
        remember it. False if there is no such loved track, or the file is not one of its candidates.
        """

        def write(db: Connection) -> bool:
            return loved.choose(db, account, loved_id, file)

        return await self.store.write(write)

    async def continue_run(self, account: int) -> float | None:
        """Import page after page until all are done, or Last.fm has failed too often."""
        run = await self.store.read(partial(runs.unfinished, account=account, kind=KIND))
        if run is None:
            return None
        listener, names, marked = await self.store.read(partial(_library, account=account))
        if not listener.signed_in or listener.username.casefold() != run.owner:
            left = replace(run, state=RunState.FAILED, failure=runs.LEFT, updated_at=self.clock.now())
            await self.store.write(partial(runs.write, run=left, cursor=run.cursor))
            return None
        library_ = _Library(await asyncio.to_thread(names.index), names.declined, marked)
        while run.state is RunState.RUNNING:
            try:
                page = await self._page(self.keyring.of(listener), listener.username, run.cursor)
            except LastFmError as error:
                failed = _failed(run, error, self.clock.now())
                still_ours = await self.store.write(partial(runs.write, run=failed, cursor=run.cursor))
                advanced = failed if still_ours else None
            else:
                advanced = await self._merge(run, page, library_)
            if advanced is None:  # another process continues it
                return None
            run = advanced
            self.event_hub.publish(account, ImportProgress(run.id, run.done, run.total))
        if run.state is RunState.DONE:
            self.hint_hearts(account)
        return None

    async def _merge(self, run: Run, page: Page[LovedTrack], library_: _Library) -> Run | None:
        """Merge a page of Last.fm's list with the hearts here; returns the run after it, None if another process has it
        now. The merge is computed on a read, and written only if no heart has changed meanwhile.
        """
        tracks = [_loved(track) for track in page.items]
        while True:
            rule = (await self.settings(run.account)).rule
            merger = _Merger(run, self.clock.now(), self.time.now(), rule)
            listed = await self.store.read(partial(merger.listed, tracks=tracks))
            plan = await asyncio.to_thread(
                plan_import, listed.loved, library_.index, library_.marked, library_.declined
            )
            advanced = _advanced(run, page, plan, self.clock.now())
            whole = advanced.state is RunState.DONE and run.total in (
                0,
                page.total,
            )  # otherwise tracks may have moved past us
            closing = await self._closing(merger, listed, page, library_) if whole else None
            write = partial(
                _write, merger=merger, tracks=tracks, listed=listed, plan=plan, run=advanced, closing=closing
            )
            match await self.store.write(write):
                case _Written.YES:
                    library_.marked |= {mark.id for mark in plan.marks}
                    return advanced
                case _Written.LOST:
                    return None
                case _Written.STALE:
                    continue

    async def _closing(
        self, merger: _Merger, listed: _Listed, last: Page[LovedTrack], library_: _Library
    ) -> _Closing | None:
        """What the end of a complete walk changes; None if the walk has not seen the whole list."""
        earlier, seen, unlisted = await self.store.read(partial(merger.others, last=listed))
        if last.total is None or seen < last.total:
            return None
        tracks = {(artist, title): Loved(artist, title, mbid) for artist, title, mbid in earlier}
        tracks |= {(track.artist, track.title): track for track in (*listed.loved, *unlisted.loved)}
        plan = await asyncio.to_thread(plan_import, tracks.values(), library_.index, frozenset(), library_.declined)
        in_doubt = {candidate.id for one in plan.doubtful for candidate in one.candidates}
        return _Closing(unlisted, frozenset({mark.id for mark in plan.marks} | in_doubt))

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


def _planned(merger: _Merger, here: _Listed, listed: Sequence[Loved]) -> Iterator[PlannedHeart]:
    for one in listed:
        key = hearts.key_of(Track(one.artist, one.title))
        known = merger.known(here.before.get(key))
        if done := change(known, here.after[key].heart):
            yield PlannedHeart(one.artist, one.title, done, in_conflict(known, float(one.loved_at)))


def _planned_unlisted(there: _Listed) -> list[PlannedHeart]:
    changes = ((stored.track, change(stored.heart, there.after[key].heart)) for key, stored in there.before.items())
    return [PlannedHeart(track.artist, track.title, done) for track, done in changes if done]


def counted(planned: Sequence[PlannedHeart]) -> dict[str, int]:
    """How many tracks a plan changes in each way, and how many of them are conflicts."""
    changes = {str(change): sum(one.change is change for one in planned) for change in HeartChange}
    return {**changes, "conflicts": sum(one.conflict for one in planned)}


def _failed(run: Run, error: LastFmError, now: float) -> Run:
    return replace(run, state=RunState.FAILED, failure=str(error), error_code=error.error_code, updated_at=now)


def tally(run: Run) -> ImportCounts:
    """What an import has found so far."""
    return ImportCounts(**run.counts)


@dataclass(slots=True)
class _Library:
    """The library during a walk; `marked` are the files that are marked as loved."""

    index: LibraryIndex
    declined: frozenset[tuple[str, str]]
    marked: set[int]


def _library(db: Connection, account: int) -> tuple[Account, LibraryNames, set[int]]:
    """The listener, the library, and its files that are marked as loved."""
    return accounts.by_id(db, [account])[account], library_names(db, account), library.loved(db, account)


@dataclass(frozen=True, slots=True)
class _Listed:
    """Hearts before and after the merge, by key, and the tracks that are loved after it."""

    before: dict[hearts.HeartKey, StoredHeart]
    after: dict[hearts.HeartKey, StoredHeart]
    loved: list[Loved]


@dataclass(frozen=True, slots=True)
class _Closing:
    """What the end of a complete walk changes: hearts that were not listed, and the only files that stay marked."""

    unlisted: _Listed
    loved_files: frozenset[int]


class _Written(Enum):
    YES = "yes"
    STALE = "something was said meanwhile"
    LOST = "another process has gone on with the run"


@dataclass(frozen=True, slots=True)
class _Merger:
    """Merges the hearts of a run's account with what its walk finds. `now` is our time, `their_now` Last.fm's."""

    run: Run
    now: float
    their_now: float
    rule: ConflictRule

    def known(self, stored: StoredHeart | None) -> SyncedHeart | None:
        """What is known about a heart, as far as it concerns the Last.fm user whose list is walked."""
        return stored.heart if stored and stored.owner in (self.run.owner, "") else None

    def listed(self, db: Connection, tracks: Sequence[Loved]) -> _Listed:
        """The hearts of tracks that Last.fm lists."""
        named = {hearts.key_of(Track(one.artist, one.title)): one for one in tracks}
        before, after = hearts.find(db, self.run.account, named), dict[hearts.HeartKey, StoredHeart]()
        for key, one in named.items():
            stored = before.get(key)
            known = self.known(stored)
            heart = merge_listed(known, float(one.loved_at), self.their_now, self.run.id, self.rule)
            after[key] = self._stored(stored, Track(one.artist, one.title, mbid=one.mbid), heart, self.run.id)
        still = [one for one in tracks if after[hearts.key_of(Track(one.artist, one.title))].heart.loved]
        return _Listed(before, after, still)

    def unlisted(self, db: Connection, last: _Listed) -> _Listed:
        """The hearts of tracks that Last.fm doesn't list, once the whole list is known."""
        found = hearts.unlisted(db, self.run.account, self.run.owner, self.run.id)
        before = {one.key: one for one in found if one.key not in last.after}
        after = {
            key: self._stored(one, one.track, merge_unlisted(one.heart, self.their_now, self.run.id), one.listed_in)
            for key, one in before.items()
        }
        kept = [one for one in after.values() if one.heart.loved]
        return _Listed(before, after, [Loved(one.track.artist, one.track.title, one.track.mbid) for one in kept])

    def others(self, db: Connection, last: _Listed) -> tuple[list[tuple[str, str, str]], int, _Listed]:
        """The (artist, track, mbid) of the tracks on earlier pages, the length of the list, and the hearts that were
        not listed.
        """
        earlier = loved.listed_in(db, self.run.account, self.run.id)
        names = {(artist, title) for artist, title, _ in earlier} | {(one.artist, one.title) for one in last.loved}
        unloved = hearts.unloved_listed(db, self.run.account, self.run.id)
        unloved |= {key for key, one in last.after.items() if not one.heart.loved}
        return earlier, len(names) + len(unloved), self.unlisted(db, last)

    def _stored(self, before: StoredHeart | None, track: Track, heart: SyncedHeart, listed_in: int) -> StoredHeart:
        """A heart as it is written; one that Last.fm doesn't have yet is sent with the next ones."""
        owner = self.run.owner
        if before and before.owner == owner and heart == before.heart:
            return replace(before, listed_in=listed_in)
        merged = StoredHeart(track, heart, player=before.player if before else None, owner=owner, listed_in=listed_in)
        if not heart.owed:
            return merged
        if before is None or before.owner != owner or before.state is HeartState.NONE:
            return replace(merged, state=HeartState.WAITING, due_at=self.now)
        return replace(before, heart=heart, listed_in=listed_in)


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
        total=max(page.total or 0, done, 0 if over else run.total),  # the largest seen: a shrinking list is noticed
        counts=asdict(tally(run) + plan.counts),
        updated_at=now,
    )


def _write(
    db: Connection,
    merger: _Merger,
    tracks: Sequence[Loved],
    listed: _Listed,
    plan: ImportPlan,
    run: Run,
    closing: _Closing | None,
) -> _Written:
    """Write a page's hearts, its loved tracks and the cursor together. With the last page, tracks that are no longer
    loved are removed, and all other files lose their marks.
    """
    account = run.account
    accounts.lock(db, [account])
    if merger.listed(db, tracks).before != listed.before:
        return _Written.STALE
    if closing and merger.unlisted(db, listed).before != closing.unlisted.before:
        return _Written.STALE
    if not runs.write(db, run, merger.run.cursor):
        return _Written.LOST
    hearts.write(db, account, listed.after.values())
    library.love(db, [mark.id for mark in plan.marks])
    loved.write_plan(db, account, listed.loved, plan, run.id)
    if closing:
        hearts.write(db, account, closing.unlisted.after.values())
        loved.keep_listed(db, account, [(one.artist, one.title) for one in closing.unlisted.loved], run.id)
        library.love_only(db, account, closing.loved_files | loved.forget_unlisted(db, account, run.id))
    return _Written.YES
