"""Sums of months, which figures are computed from.

A month is summed up when figures first need all of it: before the answer if there are many of them, after it if there
are `FEW_MONTHS`. What can't be written is left out.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import Connection

from tonearm.clock import Clock
from tonearm.core import days
from tonearm.core.figures import NameCounts, NameKind, Summary, month_of, month_start, parts_of, summed_up
from tonearm.service.figure_months import YEAR, long_over, signature, until_the_last_whole_quarter, whole_years
from tonearm.service.history_reader import open_history, plays_between, rounded
from tonearm.store import renames, summaries
from tonearm.store.db.database import Store
from tonearm.store.db.readers import ReadQuestion
from tonearm.store.db.sqlite_writer import StoreUnavailable
from tonearm.store.queries import stats

_log = logging.getLogger(__name__)

PLAYS_TOGETHER = 5000
"""Plays whose months are written in one transaction."""

NAMES_TOGETHER = 1000
"""Names that are written in one transaction: a few milliseconds."""

FEW_MONTHS = 2
"""Months at most that an answer doesn't wait for: their plays are read at once, and they are summed up after it. A new
day leaves one such month, and so does a play that comes late.
"""


@dataclass(frozen=True, slots=True)
class MonthSums:
    """Sums up months of accounts' histories."""

    store: Store
    clock: Clock
    _locks: dict[int, asyncio.Lock] = field(default_factory=dict, repr=False)
    _wanted: dict[int, set[int]] = field(default_factory=dict, repr=False)
    _tasks: dict[int, asyncio.Task[None]] = field(default_factory=dict, repr=False)

    def until(self) -> int:
        """The end of yesterday (UTC): plays before it are summed up."""
        return int(self.clock.now()) // days.DAY * days.DAY

    async def make_all(self, account: int) -> None:
        """Sum up all months that aren't yet."""
        ends = await self.store.read(partial(stats.first_and_last, account=account))
        if ends:
            await self._summarise(account, self._months(ends, [(0, ends[1] + 1)], inside=False))

    async def close(self) -> None:
        """Wait for the months that are being summed up."""
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def prepare(self, account: int, spans: Sequence[tuple[int, int]], *, inside: bool = False) -> None:
        """Sum up the months that spans (from, to before, in Unix seconds) consist of, as far as they have plays; a few
        are left for `make_what_is_left`. `inside`: only the months that are inside a span.
        """
        ends = await self.store.read(partial(stats.first_and_last, account=account))
        if ends is None:
            return
        months = self._months(ends, spans, inside=inside)
        made = await self.store.read(partial(summaries.made, account=account, until=self.until()))
        missing = set(months) - made.keys()
        if 0 < len(missing) <= FEW_MONTHS:
            self._wanted.setdefault(account, set()).update(months)
        elif missing or len(months) >= YEAR:
            await self._summarise(account, months)

    def _months(self, ends: tuple[int, int], spans: Iterable[tuple[int, int]], *, inside: bool) -> list[int]:
        """The months that spans of a history consist of, in order; `ends` are the starts of its first and last play."""
        known = range(month_of(ends[0]), month_of(ends[1]) + 1)
        months: set[int] = set()
        for start, end in spans:
            for part in parts_of(*rounded(start, end, *ends, self.until()), self.until(), inside=inside):
                if part.whole:
                    months.update(range(max(part.first, known.start), min(part.end, known.stop)))
        return sorted(months)

    def make_what_is_left(self, account: int) -> None:
        """Begin to sum up the months that `prepare` has left; one task for each account."""
        if account in self._wanted and account not in self._tasks:
            months = sorted(self._wanted.pop(account))
            task = self._tasks[account] = asyncio.create_task(self._summarise(account, months), name="figures")
            task.add_done_callback(partial(self._ended, account))

    def _ended(self, account: int, task: asyncio.Task[None]) -> None:
        del self._tasks[account]
        if not task.cancelled() and (fault := task.exception()):
            _log.error("months could not be summed up", exc_info=fault)

    async def _summarise(self, account: int, months: Sequence[int]) -> None:
        """Create missing summaries of months, and from them those of years; what can't be written is left out."""
        try:
            async with self._locks.setdefault(account, asyncio.Lock()):
                made = await self.store.read(partial(summaries.made, account=account, until=self.until()))
                missing = [month for month in months if month not in made]
                if missing:
                    await self._summarise_months(account, missing)
                if len(months) >= YEAR:
                    await self._summarise_years(account, months)
        except StoreUnavailable:
            return

    async def _summarise_months(self, account: int, missing: Sequence[int]) -> None:
        stamps, until = {month: secrets.randbits(62) + 1 for month in missing}, self.until()
        await self.store.write(partial(summaries.claim, account=account, stamps=stamps, until=until))
        renamed = await self.store.read(partial(renames.applied_by, account=account))  # later plays void the claim
        batch: dict[int, Summary] = {}
        for month in missing:
            start, end = month_start(month), min(month_start(month + 1), until)
            plays = await self.store.read_long(
                partial(plays_between, account=account, start=start, end=end), begun=True
            )
            batch[month] = await asyncio.to_thread(summed_up, plays, renamed)
            if sum(one.totals.plays for one in batch.values()) >= PLAYS_TOGETHER:
                await self._keep(account, stamps, batch)
                batch = {}
        await self._keep(account, stamps, batch)

    async def _keep(self, account: int, stamps: Mapping[int, int], batch: Mapping[int, Summary]) -> None:
        for month, summary in batch.items():
            unknown = await self.store.read(partial(summaries.unknown_names, account=account, spellings=summary.texts))
            texts = [(spelling, summary.texts[spelling]) for spelling in unknown]
            for start in range(0, len(texts), NAMES_TOGETHER):
                await self.store.write(
                    partial(
                        summaries.write_names,
                        account=account,
                        month=month,
                        stamp=stamps[month],
                        texts=texts[start : start + NAMES_TOGETHER],
                    )
                )

        def keep(db: Connection) -> None:
            for month, summary in batch.items():
                summaries.write(db, account, month, stamps[month], summary)

        await self.store.write(keep)

    async def _summarise_years(self, account: int, months: Sequence[int]) -> None:
        """Sum up the names of whole years, and those of nearly all months, where that is not done or no longer true."""
        made = await self.store.read(partial(summaries.made, account=account, until=self.until()))
        over = long_over(made, self.until())
        wanted = whole_years(over)
        if from_the_first := until_the_last_whole_quarter(over):
            wanted[summaries.ALL] = from_the_first
        there = await self.store.read(partial(summaries.years, account=account, wanted=list(wanted)))
        for year, of_year in wanted.items():
            made_of = signature(made, of_year)
            if not made_of or there.get(year) == made_of:
                continue
            whole = of_year[0] >= months[0] and of_year[-1] <= months[-1]
            if whole:
                await self._summarise_year(account, year, of_year, made_of)

    async def _summarise_year(self, account: int, year: int, months: range, made_of: str) -> None:
        def read(ask: ReadQuestion) -> dict[NameKind, NameCounts]:
            history = open_history(ask, account, self.until())
            return {kind: history.summed_names(kind, months, but=year).counts() for kind in NameKind}

        names = await self.store.read_long(read, begun=True)

        def keep(db: Connection) -> None:
            if signature(summaries.made(db, account, self.until()), months) == made_of:
                summaries.write_year(db, account, year, made_of, names)

        await self.store.write(keep)
