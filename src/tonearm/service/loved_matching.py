"""Matches the loved tracks with the library as it is now: after a scan, or on demand. Sends no requests to Last.fm."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from tonearm.core.loved import ImportCounts, plan_import
from tonearm.service.library_index import LibraryNames, library_names
from tonearm.store import accounts, library, loved
from tonearm.store.db.database import Store
from tonearm.store.db.readers import ReadQuestion
from tonearm.store.loved import LovedState, StoredOutcome


@dataclass(frozen=True, slots=True)
class LovedMatching:
    """Looks for loved tracks in the library again."""

    store: Store

    async def check(self, account: int) -> ImportCounts:
        """Match everything that is loved with the library as it is now, and mark its files. The matches are computed on
        a read, and written only if nothing was loved or unloved meanwhile. Raises StoreUnavailable.
        """
        while True:
            found = await self.store.read_parts(partial(_read, account=account))
            if not found.state:
                return ImportCounts()
            change = await asyncio.to_thread(_planned, found)
            if await self.store.write(partial(_write, account=account, state=found.state, change=change)):
                return change.counts


@dataclass(frozen=True, slots=True)
class _Loved:
    """The loved tracks, what was found for them, and the library; `marked` are the files that are marked as loved."""

    names: LibraryNames
    marked: set[int]
    state: LovedState


@dataclass(frozen=True, slots=True)
class _Change:
    """What a check has found: changed outcomes, files that are loved now, and candidates."""

    counts: ImportCounts
    outcomes: Mapping[tuple[str, str], StoredOutcome]
    new: tuple[int, ...]
    loved: frozenset[int]


def _read(ask: ReadQuestion, account: int) -> _Loved:
    """The loved tracks are read first: any change after that is noticed before anything is written."""
    state: LovedState = []
    while True:
        after = state[-1][0] if state else 0
        part = ask(partial(loved.state, account=account, after=after, limit=loved.READ_AT_ONCE))
        state += part
        if len(part) < loved.READ_AT_ONCE:
            break
    names, marked = ask(partial(library_names, account=account)), ask(partial(library.loved, account=account))
    return _Loved(names, marked, state)


def _planned(found: _Loved) -> _Change:
    entries = loved.entries(found.state)
    tracks = [track for track, _ in entries.values()]
    plan = plan_import(tracks, found.names.index(), found.marked, found.names.declined)
    outcomes = {names: now for names, now in loved.outcomes_of(plan).items() if now != entries[names][1]}
    matched = {file_id for one in plan.matched for file_id in one.ids}
    in_doubt = {candidate.id for one in plan.doubtful for candidate in one.candidates}
    new = tuple(mark.id for mark in plan.marks)
    return _Change(plan.counts, outcomes, new, frozenset(matched | in_doubt))


def _write(db: Connection, account: int, state: LovedState, change: _Change) -> bool:
    """Write what has changed; False if the loved tracks have changed meanwhile. Reports wait for this transaction, so
    it computes nothing.
    """
    accounts.lock(db, [account])
    if loved.state(db, account) != state:
        return False
    loved.write_outcomes(db, account, change.outcomes)
    library.love(db, change.new)
    library.love_only(db, account, change.loved | loved.chosen(db, account))
    return True
