"""Figures of a history, for pages, endpoints and commands: what was played most, when, in one session, for the first
time and again.

They are computed from months that are summed up (`service.month_sums`) and, at both ends of a span of time, from the
plays themselves. Where a sum is missing, the plays are read instead: the figures are correct in any case, just slower.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo
from functools import partial
from typing import TypeVar

from tonearm.clock import Clock
from tonearm.core import days, figures, period
from tonearm.core.cleaning import clean
from tonearm.core.figures import ListeningSession, Measure, NameKind, Streaks
from tonearm.core.period import HistoryPeriod, PeriodKind
from tonearm.core.play import MissingName
from tonearm.service import figure_queries as queries
from tonearm.service.figure_results import (
    Anniversary,
    FirstHeardList,
    FirstPlay,
    ListeningTimes,
    NameFigures,
    Overview,
    Rewind,
    Span,
    TopList,
)
from tonearm.service.history_reader import HistoryReader, open_history
from tonearm.service.month_sums import MonthSums
from tonearm.store import renames
from tonearm.store.db.database import Store
from tonearm.store.queries import delivery_figures, stats
from tonearm.store.queries.delivery_figures import DeliveryFigures
from tonearm.store.renames import MonthsWithout, StoredRename

T = TypeVar("T")

EARLIEST, LATEST = date(1971, 1, 1), date(9000, 1, 1)
"""The days that a span can begin and end with."""

_LATELY = re.compile(r"([1-9]\d{0,3})d", re.ASCII)


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of accounts' histories. Spans may begin before the history or end after it."""

    store: Store
    clock: Clock
    sums: MonthSums

    async def span(self, account: int, wanted: str, zone: tzinfo) -> Span | None:
        """The period that a text names (see `core.period.parse`; "30d" for the 30 days until today); None if it names
        none.
        """
        everything = await self.everything(account, zone)
        if lately := _LATELY.fullmatch(wanted):
            today = days.day_of(self.clock.now(), zone)
            return Span(HistoryPeriod(PeriodKind.SPAN, today - timedelta(days=int(lately[1]) - 1), today), zone)
        shown = period.parse(wanted, everything)
        if shown is None or not EARLIEST <= shown.first <= shown.last <= LATEST:
            return None
        return Span(shown, zone)

    async def everything(self, account: int, zone: tzinfo) -> HistoryPeriod:
        """The span from the day of the first play to that of the last; today without plays."""
        now = self.clock.now()
        ends = await self.store.read(partial(stats.first_and_last, account=account))
        first, last = ends or (now, now)
        return HistoryPeriod(PeriodKind.ALL, days.day_of(first, zone), days.day_of(last, zone))

    async def top(
        self, account: int, kind: NameKind, span: Span, limit: int, offset: int = 0, by: Measure = Measure.PLAYS
    ) -> TopList:
        """The most played names of a span, with their ranks in the one before: `limit` names from position `offset`
        on.
        """
        earlier = span.before
        await self._make(account, [span] if earlier is None else [span, earlier])
        return await self._ask(account, lambda history: queries.top_list(history, kind, span, limit, offset, by))

    async def times(self, account: int, span: Span) -> ListeningTimes:
        """When plays happened in a span."""
        await self._make(account, [span])
        return await self._ask(account, lambda history: queries.listening_times(history, span))

    async def streaks(self, account: int, zone: tzinfo) -> Streaks:
        """The longest streak of days with plays, and the current one."""
        span = Span(await self.everything(account, zone), zone)
        await self._make(account, [span])
        today = days.day_number(days.day_of(self.clock.now(), zone))
        return await self._ask(
            account, lambda history: figures.streaks((h // 24 for h in queries.hours_of(history, span)[0]), today)
        )

    async def discoveries(
        self, account: int, kind: NameKind, span: Span, limit: int, offset: int = 0
    ) -> FirstHeardList:
        """Names heard for the first time in a span, the latest first."""
        await self._make_until(account, span)
        return await self._ask(account, lambda history: queries.first_heard(history, kind, span, limit, offset))

    async def rediscovered(self, account: int, kind: NameKind, span: Span, limit: int, offset: int = 0) -> TopList:
        """Names heard again in a span after `AWAY` days or more, the most played first."""
        await self._make_until(account, span)
        return await self._ask(account, lambda history: queries.heard_again(history, kind, span, limit, offset))

    async def on_this_day(self, account: int, today: date, zone: tzinfo, top: int = 3) -> list[Anniversary]:
        """The same day in earlier years that have plays on it, the latest first."""
        everything = await self.everything(account, zone)
        return await self._ask(account, lambda history: queries.anniversaries(history, everything, today, zone, top))

    async def longest_session(self, account: int, span: Span) -> ListeningSession | None:
        """The longest session within a span; None without plays."""
        await self._make(account, [span], inside=True)
        return await self._ask(account, lambda history: queries.longest_session(history, span))

    async def first_play(self, account: int) -> FirstPlay | None:
        """The first play that counts; None if there is none."""
        row = await self.store.read(partial(stats.first_play, account=account))
        return FirstPlay(*row) if row else None

    async def random_play(self, account: int) -> int | None:
        """The id of a random play that counts; None if there is none."""
        ends = await self.store.read(partial(stats.first_and_last, account=account))
        if ends is None:
            return None
        start = ends[0] + int(self.clock.chance() * (ends[1] - ends[0] + 1))
        return await self.store.read(partial(stats.play_after, account=account, start=start))

    async def deliveries(self, account: int, span: Span) -> DeliveryFigures:
        """How the plays settled in a span fared on their way to Last.fm."""
        return await self.store.read(partial(delivery_figures.figures, account=account, start=span.start, end=span.end))

    async def overview(self, account: int, span: Span, top: int) -> Overview:
        """A period in a few figures, with the first names of each list."""
        await self._make_until(account, span)
        return await self._ask(account, lambda history: queries.overview_of(history, span, top))

    async def period(self, account: int, span: Span, top: int) -> tuple[Overview, ListeningTimes]:
        """A period in a few figures, with the first names of each list, and when plays happened in it."""
        await self._make_until(account, span)
        return await self._ask(
            account, lambda history: (queries.overview_of(history, span, top), queries.listening_times(history, span))
        )

    async def rewind(self, account: int, span: Span, top: int) -> Rewind:
        """A history back at a period, with the first names of each list."""
        await self._make_until(account, span)
        today = days.day_number(days.day_of(self.clock.now(), span.zone))
        return await self._ask(account, lambda history: queries.look_back(history, span, top, today))

    async def of_name(
        self, account: int, kind: NameKind, name: tuple[str, str], zone: tzinfo, top: int, latest: int
    ) -> NameFigures:
        """The figures of one name, (artist, title): the first `top` of each list, and the `latest` plays."""
        await self.make_all(account)
        return await self._ask(account, lambda history: queries.name_figures(history, kind, name, zone, top, latest))

    async def spellings(self, account: int, kind: NameKind, name: tuple[str, str]) -> frozenset[tuple[str, str]]:
        """All spellings of one name, (artist, title), in the history, including the one given."""
        await self.make_all(account)
        return await self._ask(account, lambda history: queries.where_played(history, kind, name)[0])

    async def rename(self, account: int, kind: NameKind, name: tuple[str, str], to: tuple[str, str]) -> None:
        """Count a name, (artist, title), as another one in all figures; the title is "" for an artist.

        Plays that were sent don't change; `undo_rename` reverts it. Raises MissingName if a name is empty, and
        TooManyRenames.
        """
        kept, without = cleaned_name(kind, *to), await self._months_without(account, kind, name)
        now = self.clock.now()
        await self.store.write(
            partial(renames.rename, account=account, kind=kind, name=name, to=kept, now=now, without=without)
        )

    async def undo_rename(self, account: int, kind: NameKind, name: tuple[str, str]) -> bool:
        """Count a name as itself again; False if it was not renamed."""
        without = await self._months_without(account, kind, name)
        return await self.store.write(partial(renames.undo, account=account, kind=kind, name=name, without=without))

    async def _months_without(self, account: int, kind: NameKind, name: tuple[str, str]) -> MonthsWithout:
        return await self._ask(account, lambda history: history.months_without(kind, name))

    async def renames(self, account: int) -> list[StoredRename]:
        """The names that a listener has renamed, the latest first."""
        return await self.store.read(partial(renames.of_account, account=account))

    async def counts_as(self, account: int, kind: NameKind, name: tuple[str, str]) -> tuple[str, str]:
        """What a name, (artist, title), counts as in all figures: itself if it was not renamed."""
        renamed = await self.store.read(partial(renames.applied_by, account=account))
        return renamed.applied(kind, *name)

    async def make_all(self, account: int) -> None:
        """Sum up all months that aren't yet, so that the next figures are quick."""
        await self.sums.make_all(account)

    async def close(self) -> None:
        """Wait for the months that are being summed up."""
        await self.sums.close()

    async def _ask(self, account: int, question: Callable[[HistoryReader], T]) -> T:
        until = self.sums.until()
        try:
            return await self.store.read_long(lambda ask: question(open_history(ask, account, until)))
        finally:
            self.sums.make_what_is_left(account)

    async def _make_until(self, account: int, span: Span) -> None:
        """Sum up the months from the first play to the end of a span."""
        await self.sums.prepare(account, [(0, span.end)])

    async def _make(self, account: int, spans: Sequence[Span], *, inside: bool = False) -> None:
        """Sum up the months that spans consist of, as far as they have plays."""
        await self.sums.prepare(account, [(span.start, span.end) for span in spans], inside=inside)


def cleaned_name(kind: NameKind, artist: str, title: str) -> tuple[str, str]:
    """A name, (artist, title), as renames store it. Raises MissingName if nothing is left of it."""
    artist, title = clean(artist), clean(title)
    if not artist:
        raise MissingName("artist")
    if kind is NameKind.ARTIST:
        return artist, ""
    if not title:
        raise MissingName("title")
    return artist, title
