"""What the pages show about one listener. Each view is read in one transaction, so that its parts agree; what spans of
time hold is read in others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import Connection

from tonearm.core.days import Stretch
from tonearm.core.loved import ImportCounts
from tonearm.service import loved_import
from tonearm.service.accounts import Accounts
from tonearm.store import library, loved, runs
from tonearm.store.db.database import Store
from tonearm.store.db.readers import ReadQuestion
from tonearm.store.loved import LovedRow, Place
from tonearm.store.plays import PlayQuery, StoredPlay
from tonearm.store.queries import account_overview, accounted, stats
from tonearm.store.queries.account_overview import PlayFilter, PlayPage, QueuedRow, Snapshot
from tonearm.store.queries.accounted import Accounted
from tonearm.store.queries.stats import DayTotal, Hours, StatsScope
from tonearm.store.runs import Run

LONGEST_COUNTED = 600.0
"""Seconds after which plays are counted again, however long that takes."""

Cursor = tuple[int, int]
"""The (timestamp, id) after which a page continues."""


@dataclass(frozen=True, slots=True)
class LovedView:
    """The last import of loved tracks (None: there was none), and the outcome of each track. `tracks` are those with
    `outcome`; `more`: another page follows.
    """

    run: Run | None
    found: ImportCounts
    counts: dict[str, int]
    outcome: str
    tracks: list[LovedRow]
    more: bool
    files: int


@dataclass(frozen=True, slots=True)
class Views:
    """The views of a deck's listeners; accounts are named by their ids, times are Unix seconds."""

    store: Store
    accounts: Accounts
    _accounted: dict[int, tuple[float, Accounted]] = field(default_factory=dict, repr=False)

    async def accounted(self, account: int, *, fresh: bool = False) -> Accounted:
        """Whether every play is accounted for: counted now if `fresh`, else as of a moment ago.

        A count is reused for a hundred times as long as it took, so that a large history is rarely counted.
        """
        now = self.accounts.clock.now
        until, known = self._accounted.get(account, (0.0, None))
        if known is not None and not fresh and now() < until <= now() + LONGEST_COUNTED:
            return known
        begun = now()
        counted = await self.store.read_long(lambda ask: ask(partial(accounted.count, account=account)))
        took = max(0.0, now() - begun)
        self._accounted[account] = (now() + min(LONGEST_COUNTED, took * 100), counted)
        return counted

    def _snapshot(self, db: Connection, account: int) -> Snapshot:
        return account_overview.load(db, self.accounts.facts(db, account), self.accounts.rules.oldest)

    async def snapshot(self, account: int) -> Snapshot:
        """The account and its connection."""
        return await self.store.read(partial(self._snapshot, account=account))

    async def latest(self, account: int, limit: int) -> tuple[Snapshot, PlayPage]:
        """The account, and the latest plays."""

        return await self.store.read(partial(self._latest, account=account, limit=limit))

    def _latest(self, db: Connection, account: int, limit: int) -> tuple[Snapshot, PlayPage]:
        snapshot = self._snapshot(db, account)
        return snapshot, account_overview.page(db, snapshot, PlayFilter.ALL, limit)

    async def now(self, account: int, limit: int, stretches: Sequence[Stretch]) -> tuple[Snapshot, PlayPage, Hours]:
        """The account, the latest plays, and all plays by the hour for short spans of time."""

        def read(ask: ReadQuestion) -> tuple[Snapshot, PlayPage, Hours]:
            snapshot, latest = ask(partial(self._latest, account=account, limit=limit))
            return snapshot, latest, stats.hours(ask, StatsScope(account), stretches)

        return await self.store.read_parts(read)

    async def queue(
        self, account: int, filter_: PlayFilter | None, limit: int, after: Cursor | None
    ) -> tuple[Snapshot, PlayFilter, PlayPage, dict[PlayFilter, int]]:
        """The account, a page of plays by state, and how many plays each state has.

        Without a `filter_`, the page shows what waits, or all plays if nothing waits.
        """

        def read(db: Connection) -> tuple[Snapshot, PlayFilter, PlayPage, dict[PlayFilter, int]]:
            snapshot = self._snapshot(db, account)
            counts = account_overview.filters(db, snapshot)
            waits = snapshot.count.queued + snapshot.count.sending
            shown = filter_ or (PlayFilter.WAITING if waits else PlayFilter.ALL)
            return snapshot, shown, account_overview.page(db, snapshot, shown, limit, after), counts

        return await self.store.read(read)

    async def play(self, stored: StoredPlay) -> tuple[Snapshot, StoredPlay | QueuedRow]:
        """The account of a play, and the play's row in the queue, or the settled play."""

        def read(db: Connection) -> tuple[Snapshot, StoredPlay | QueuedRow]:
            return self._snapshot(db, stored.account), account_overview.entry(db, stored)

        return await self.store.read(read)

    async def loved(
        self, account: int, outcomes: Sequence[str], limit: int, after: Place | None = None
    ) -> tuple[Snapshot, LovedView]:
        """The account, the last import of loved tracks, and those with one outcome, beginning after `after`. The
        outcome is the first of `outcomes` that any track has, otherwise the first.
        """

        def read(db: Connection) -> tuple[Snapshot, LovedView]:
            run = runs.latest(db, account, loved_import.KIND)
            counts = loved.counts(db, account)
            outcome = next((one for one in outcomes if counts.get(one)), outcomes[0])
            found = loved.listing(db, account, outcome, limit + 1, after)
            view = LovedView(
                run,
                loved_import.tally(run) if run else ImportCounts(),
                counts,
                outcome,
                found[:limit],
                len(found) > limit,
                library.size(db, account),
            )
            return self._snapshot(db, account), view

        return await self.store.read(read)

    async def library_size(self, account: int) -> tuple[Snapshot, int]:
        """The account, and how many readable files its library has."""

        def read(db: Connection) -> tuple[Snapshot, int]:
            return self._snapshot(db, account), library.size(db, account)

        return await self.store.read(read)

    async def totals(self, account: int, spans: Sequence[tuple[int, int]]) -> list[DayTotal]:
        """For each span of time, the plays in it that count and how long they were heard."""
        return await self.store.read(partial(stats.totals, account=account, spans=spans))

    async def first_and_last(self, account: int) -> tuple[int, int] | None:
        """When the first and the last play began; None without plays."""
        return await self.store.read(partial(stats.first_and_last, account=account))

    async def recent_hours(self, scope: StatsScope, stretches: Sequence[Stretch]) -> Hours:
        """Plays by the hour, for short spans of time."""
        return await self.store.read_parts(partial(stats.hours, scope=scope, stretches=stretches))

    async def found(
        self, query: PlayQuery, limit: int, after: Cursor | None = None, span: tuple[int, int] | None = None
    ) -> PlayPage:
        """A page of the plays that match, latest first; within a span of time (from, to before), if one is given."""
        return await self.store.read_long(
            partial(account_overview.history, query=query, limit=limit, span=span, after=after)
        )

    async def these(self, account: int, ids: Sequence[int]) -> list[StoredPlay | QueuedRow]:
        """Plays by their ids, in this order."""
        return await self.store.read(partial(account_overview.these, account_id=account, ids=ids))
