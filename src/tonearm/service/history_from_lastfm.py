"""Import of the history at Last.fm: every play of the profile that the history lacks, the oldest first.

Plays that tonearm sent itself are recognised. The progress is saved after each part, so that an interrupted import
continues there. The next import begins where the last one ended, minus the days by which scrobbles may be late.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from sqlalchemy import Connection

from tonearm.clock import Clock
from tonearm.core import pacing
from tonearm.core.account import Account
from tonearm.core.account import Connection as Connected
from tonearm.core.cleaning import clean
from tonearm.core.play import DAY, EARLIEST_PLAY
from tonearm.core.verdict import Cause
from tonearm.history.doubles import Judge, Outcome, spans
from tonearm.history.play import PastPlay
from tonearm.lastfm.error import LastFmError, RateLimited
from tonearm.lastfm.types import Page, RecentTrack
from tonearm.service.history_import import (
    PART,
    ChangedMeanwhile,
    Compared,
    ImportResult,
    Progress,
    renamed,
    row,
    stored,
    write_part,
)
from tonearm.service.keyring import ApiKey, Keyring
from tonearm.service.loved_import import PAGE, TRIES
from tonearm.store import accounts, history_imports, plays
from tonearm.store.db.database import Store
from tonearm.store.history_imports import ImportState, StoredImport
from tonearm.store.secrets.seal import SealBroken, SessionCipher

SOURCE = "Last.fm"

LATE = 15 * int(DAY)
"""Seconds before the end of the last import from which the next one looks again: scrobbles may be 14 days late."""


AfterPage = Callable[[int, int], Awaitable[bool]]
"""Called with (done, total) plays after each page; returns whether to continue."""


class Paused(Exception):
    """The import was asked to stop; the next one continues."""


class NotImported(Exception):
    """Last.fm has not returned the whole history; what came is saved. The message says why."""


@dataclass(frozen=True, slots=True)
class HistoryFromLastFm:
    """Imports accounts' histories from Last.fm."""

    store: Store
    clock: Clock
    keyring: Keyring
    cipher: SessionCipher

    async def run(self, account: int, progress: Progress, step: AfterPage | None = None) -> ImportResult:
        """Import what is new at Last.fm; `progress` is called with (done, total) plays, and so is `step`.

        Raises NotImported and Paused, after which the next import continues, and Undone if somebody is undoing it
        meanwhile. An import that has found nothing new is not listed; then its `id` is None.
        """
        walk = await self._walk(account)
        begun, since = await self.store.write(partial(_begin, listener=walk.listener, now=self.clock.now()))
        try:
            return await _Copy(self, walk.listener, begun, walk, since).to_the_end(progress, step)
        except LastFmError as error:
            raise NotImported(f"Last.fm: {error}; the next import continues where this one stopped") from error

    async def waiting(self, account: int) -> int:
        """How many plays of the profile the next import compares. Raises NotImported."""
        walk = await self._walk(account)
        since = await self.store.read(partial(_since, listener=walk.listener))
        try:
            return (await walk.page(1, since)).total or 0
        except LastFmError as error:
            raise NotImported(f"Last.fm: {error}") from error

    async def _walk(self, account: int) -> _Walk:
        listener, sealed = await self.store.read(partial(accounts.with_session, account_id=account))
        if not listener.signed_in:
            raise NotImported(f"{listener.name} isn't signed in to Last.fm: run 'tonearm login' first")
        try:
            session = self.cipher.open(sealed) if listener.connection is Connected.CONNECTED else None
        except SealBroken as broken:
            raise NotImported(str(broken)) from None
        return _Walk(self, listener, self.keyring.of(listener), session, int(self.clock.now()) + 1)


def _since(db: Connection, listener: Account) -> int:
    """The start (Unix seconds) of the next import: where one was interrupted, or some days before the last one
    ended.
    """
    before = [one for one in history_imports.listed(db, listener.id) if one.digest == _digest(listener)]
    if before and before[0].state is ImportState.RUNNING and "until" in before[0].counts:
        return before[0].counts["until"]
    done = next((one.counts.get("until", 0) for one in before if one.state is ImportState.DONE), 0)
    return max(0, done - LATE)


def _begin(db: Connection, listener: Account, now: float) -> tuple[StoredImport, int]:
    since = _since(db, listener)
    return history_imports.begin(db, listener.id, SOURCE, listener.username, _digest(listener), now), since


def _digest(listener: Account) -> str:
    return f"lastfm {listener.username.casefold()}"


@dataclass(frozen=True, slots=True)
class _Walk:
    """Pages of a profile's plays up to a time, newest first."""

    room: HistoryFromLastFm
    listener: Account
    key: ApiKey
    session: str | None
    until: int

    async def page(self, page_number: int, since: int) -> Page[RecentTrack]:
        """That page of the plays since `since`; Last.fm answers long pages of some profiles with a 500."""
        clock = self.room.clock
        for attempt, size in enumerate(TRIES, start=1):
            if attempt < len(TRIES) and (throttle := await self.key.pace.current_throttle()):
                raise RateLimited(Cause(None, f"requests to Last.fm are paused: {throttle.reason}"))
            try:
                return await self._in_pages_of(size, page_number, since)
            except LastFmError as error:
                if not error.retryable or attempt == len(TRIES):
                    raise
                if isinstance(error, RateLimited):
                    await self.key.pace.throttled(error.cause, error.retry_after)
                wait = max(pacing.SHORTEST_WAIT * 2**attempt * clock.chance(), error.retry_after or 0.0)
            await clock.sleep(wait)
        raise AssertionError("the last try returns or raises")

    async def _in_pages_of(self, size: int, page_number: int, since: int) -> Page[RecentTrack]:
        each, items = PAGE // size, list[RecentTrack]()
        walk = self.key.patient.recent_tracks(
            self.listener.username, since=since or None, until=self.until, session_key=self.session, size=size
        )
        for place in range((page_number - 1) * each + 1, page_number * each + 1):
            page = await walk.page(place)
            items += page.items
            if place >= page.total_pages:
                break
        return replace(page, items=tuple(items), page=page_number, total_pages=-(-page.total_pages // each))


@dataclass(slots=True)
class _Copy:
    """A profile being imported into the history. Everything up to `since` (Unix seconds) is there."""

    room: HistoryFromLastFm
    listener: Account
    begun: StoredImport
    walk: _Walk
    since: int
    first: int | None = field(init=False)

    def __post_init__(self) -> None:
        self.first = self.begun.counts.get("since")

    async def to_the_end(self, progress: Progress, step: AfterPage | None) -> ImportResult:
        store = self.room.store
        counts = Counter({name: n for name, n in self.begun.counts.items() if name not in ("since", "until")})
        judge = Judge(await store.read(partial(renamed, account=self.listener.id)))
        known_until = await store.read(plays.last)
        page = await self.walk.page(1, self._from())
        page_number, total = page.total_pages, page.total or 0
        before = counts["new"] + counts["known"] + counts["doubtful"]  # while it was interrupted
        overlap, last = 0, None
        while page_number > 0:
            if page.page != page_number:
                page = await self.walk.page(page_number, self._from())
                # If there are more plays now, they were reported late and lie in the past.
                if page.total is not None and page.total > page_number * PAGE + overlap:
                    page_number = -(-(page.total - overlap) // PAGE)
                    continue
            found = _in_order(page.items, self.since)
            counts["skipped"] += len(page.items) - len(_in_order(page.items, 0))
            for start in range(0, len(found), PART):
                part = found[start : start + PART]
                judge = await self._write(part, judge, known_until, counts)
            if found:
                last = found[-1].timestamp
                overlap = sum(play.timestamp >= self.since - 1 for play in found)
            page_number -= 1
            done = before + max(0, total - page_number * PAGE)
            progress(done, max(before + total, 1))
            if step is not None and page_number > 0 and not await step(done, before + total):
                raise Paused
        facts = {**counts, **self._span()}
        now = self.room.clock.now()
        number_of = await store.write(partial(history_imports.finish, begun=self.begun, counts=facts, now=now))
        return ImportResult(
            SOURCE,
            (self.listener.username,),
            number_of,
            new=counts["new"],
            known=counts["known"],
            doubtful=counts["doubtful"],
            skipped={"has no time": counts["skipped"]} if counts["skipped"] else {},
            first=self.first,
            last=last,
        )

    def _span(self) -> dict[str, int]:
        """From when to when plays have been compared, also while an import that continues was first at work."""
        return {"until": self.since} if self.first is None else {"since": self.first, "until": self.since}

    def _from(self) -> int:
        """A second earlier than needed: whether Last.fm includes it is not documented."""
        return max(0, self.since - 1)

    async def _write(self, part: Sequence[PastPlay], judge: Judge, known_until: int, counts: Counter[str]) -> Judge:
        """Compare a part and write what is new; returns the judge for the next part."""
        look = partial(
            history_imports.around,
            account=self.listener.id,
            spans=spans(part),
            import_id=self.begun.id,
            before=known_until,
            owner=self.listener.username.casefold(),
        )
        while True:
            trial = judge.fork()
            with suppress(ChangedMeanwhile):
                await self._write_compared(part, trial, Compared(look, await self.room.store.read(look)), counts)
                return trial

    async def _write_compared(
        self, part: Sequence[PastPlay], judge: Judge, compared_with: Compared, counts: Counter[str]
    ) -> None:
        store, begun, user = self.room.store, self.begun, self.listener.username.casefold()
        there, found = compared_with.plays, Counter(counts)
        compared = [stored(one, begun.id) for one in there]
        outcomes = await asyncio.to_thread(judge.judge, part, [], compared)
        from_files = {one.id for one in there if one.import_id is not None and one.owner != user}
        shared = [play_id for play_id in judge.matched if play_id in from_files]
        new = [place for place, outcome in enumerate(outcomes) if outcome is Outcome.NEW]
        for place, one in (await self._of_other_users(part, new)).items():
            outcomes[place] = Outcome.KNOWN
            shared += [one.id] if one.import_id is not None else []
        now = self.room.clock.now()
        rows = []
        for play, outcome in zip(part, outcomes, strict=True):
            if outcome is not Outcome.WRITTEN:
                found[outcome.value] += 1
            if outcome is Outcome.NEW:
                rows.append(row(play, self.listener.id, begun.id, SOURCE, now, user))
        until = part[-1].timestamp
        self.since = until
        if self.first is None:
            self.first = part[0].timestamp
        facts = {**found, **self._span()}
        await store.write(
            partial(write_part, begun=begun, rows=rows, counts=facts, now=now, shared=shared, there=compared_with)
        )
        counts.update(found - counts)

    async def _of_other_users(self, part: Sequence[PastPlay], new: Sequence[int]) -> dict[int, Any]:
        """Plays that another Last.fm user of this account has, too, identical to the second and to the letter, by
        position. Nobody plays a song twice in a second, so these are one listen in both histories.
        """
        songs = {(part[place].timestamp, part[place].artist, part[place].title): place for place in new}
        found = await self.room.store.read(
            partial(history_imports.exactly, account=self.listener.id, songs=list(songs))
        )
        return {songs[one.timestamp, one.artist, one.track]: one for one in found}


def _in_order(tracks: Sequence[RecentTrack], since: int) -> list[PastPlay]:
    """Plays since `since`, the oldest first, without those that have no time or no name."""
    found = [
        PastPlay(int(track.played_at.timestamp()), artist, title, clean(track.album), mbid=track.mbid)
        for track in reversed(tracks)
        if track.played_at and (artist := clean(track.artist)) and (title := clean(track.title))
    ]
    return [play for play in found if play.timestamp >= max(since, EARLIEST_PLAY)]
