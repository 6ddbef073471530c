"""Matching what is loved already with the library as it is now: after a scan, or on demand. Last.fm is not asked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from tonearm.core.loved import ImportCounts, ImportPlan, Loved, plan_import
from tonearm.service.library_index import LibraryNames, library_names
from tonearm.store import accounts, library, loved
from tonearm.store.db.database import Store
from tonearm.store.loved import StoredOutcome

_Entries = Mapping[tuple[str, str], tuple[Loved, StoredOutcome]]


@dataclass(frozen=True, slots=True)
class LovedMatching:
    """Looks for loved tracks in the library again."""

    store: Store

    async def check(self, account: int) -> ImportCounts:
        """Match everything that is loved with the library as it is now, and mark its files.

        Worked out on a read, and written only if nothing was loved or unloved meanwhile. Raises StoreUnavailable.
        """
        while True:
            names, marked, entries = await self.store.read(partial(_read, account=account))
            if not entries:
                return ImportCounts()
            plan = await asyncio.to_thread(_planned, names, marked, entries)
            if await self.store.write(partial(_write, account=account, entries=entries, plan=plan)):
                return plan.counts


def _read(db: Connection, account: int) -> tuple[LibraryNames, set[int], _Entries]:
    return library_names(db, account), library.loved(db, account), loved.entries(db, account)


def _planned(names: LibraryNames, marked: set[int], entries: _Entries) -> ImportPlan:
    return plan_import([track for track, _ in entries.values()], names.index(), marked, names.declined)


def _write(db: Connection, account: int, entries: _Entries, plan: ImportPlan) -> bool:
    """Write what has changed; False if the loved tracks have."""
    accounts.lock(db, [account])
    if loved.entries(db, account) != entries:
        return False
    found = loved.outcomes_of(plan)
    loved.write_outcomes(db, account, {names: now for names, now in found.items() if now != entries[names][1]})
    library.love(db, [mark.id for mark in plan.marks])
    matched = {file_id for one in plan.matched for file_id in one.ids}
    in_doubt = {candidate.id for one in plan.doubtful for candidate in one.candidates}
    library.love_only(db, account, matched | in_doubt | loved.chosen(db, account))
    return True
