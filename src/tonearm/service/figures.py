"""Figures of a history, for pages, endpoints and commands: what was played most, when, in one session, for the first
time and again.

They are computed from months that are summed up once (`store.summaries`) and, at both ends of a span of time, from the
plays themselves. A month is summed up when figures first need all of it: before the answer if there are many of them,
after it if there are `FEW_MONTHS`. Where a sum is missing, the plays are read instead: the figures are correct in any
case, just slower.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta, tzinfo
from functools import partial
from hashlib import blake2b
from itertools import groupby
from typing import TypeVar

from sqlalchemy import Connection

from tonearm.clock import Clock
from tonearm.core import days, figures, period
from tonearm.core.cleaning import clean
from tonearm.core.days import Stretch
from tonearm.core.figures import (
    FiguredPlay,
    FigurePart,
    ListeningSession,
    Measure,
    NameKind,
    Quarters,
    Renames,
    Sessions,
    Streak,
    Streaks,
    Summary,
    Tally,
    Totals,
    month_of,
    month_start,
    parts_of,
    summed_up,
)
from tonearm.core.period import HistoryPeriod, PeriodKind
from tonearm.core.play import MissingName
from tonearm.store import renames, summaries
from tonearm.store.db.database import Store
from tonearm.store.db.readers import ReadQuestion
from tonearm.store.db.slices import FEW_OF_MANY, forward
from tonearm.store.db.sqlite_writer import StoreUnavailable
from tonearm.store.queries import delivery_figures, name_plays, stats
from tonearm.store.queries.delivery_figures import DeliveryFigures
from tonearm.store.renames import StoredRename

T = TypeVar("T")

PLAYS_TOGETHER = 5000
"""Plays whose months are written in one transaction."""

NAMES_TOGETHER = 1000
"""Names that are written in one transaction: a few milliseconds."""

FEW_MONTHS = 2
"""Months at most that an answer doesn't wait for: their plays are read at once, and they are summed up after it. A new
day leaves one such month, and so does a play that comes late.
"""

AWAY = 365
"""Days without a play after which an artist, an album or a track is rediscovered."""

LONGEST_LIST = 1000
"""Names in a part of a list, at most."""

DEEPEST = 100_000
"""The largest offset in a list."""


@dataclass(frozen=True, slots=True)
class Span:
    """A period of a listener's history in a time zone: Unix seconds from `start` to before `end`."""

    period: HistoryPeriod
    zone: tzinfo

    @property
    def start(self) -> int:
        return days.start_of(self.period.first, self.zone)

    @property
    def end(self) -> int:
        return days.start_of(self.period.last + timedelta(days=1), self.zone)

    @property
    def stretches(self) -> list[Stretch]:
        return days.stretches(self.zone, self.start, self.end)

    @property
    def before(self) -> Span | None:
        """The period of the same kind before it; None for all of the history."""
        earlier = period.before(self.period)
        return Span(earlier, self.zone) if earlier else None


@dataclass(frozen=True, slots=True)
class TopName:
    """A name in a list of the most played, as it is spelt most often; `title` is "" for an artist.

    `rank_before` and `plays_before` are those of the period before: None and 0 for a name that is new in the list, or
    if there is no such period. Names with the same number of plays share a rank.
    """

    rank: int
    artist: str
    title: str
    plays: int
    heard: int
    rank_before: int | None = None
    plays_before: int = 0


@dataclass(frozen=True, slots=True)
class TopList:
    """A part of a list of the most played, which has `total` names."""

    total: int
    names: tuple[TopName, ...]


@dataclass(frozen=True, slots=True)
class FirstHeard:
    """A name that was heard for the first time in a period at `at` (Unix seconds), and how often within it."""

    artist: str
    title: str
    at: int
    plays: int
    heard: int


@dataclass(frozen=True, slots=True)
class FirstHeardList:
    """A part of the names that were new in a period, of which there are `total`."""

    total: int
    names: tuple[FirstHeard, ...]


@dataclass(frozen=True, slots=True)
class DayFigures:
    """A local day with plays."""

    day: date
    plays: int
    heard: int


@dataclass(frozen=True, slots=True)
class ListeningTimes:
    """When plays happened: by day, and by weekday (Monday first) and hour, in the time zone of the span. The keys of
    `by_hour` are local hours since 1970 (`// 24` gives the day).
    """

    totals: Totals
    days: tuple[DayFigures, ...]
    week: list[list[int]]
    by_hour: Counter[int]


@dataclass(frozen=True, slots=True)
class Anniversary:
    """What was played on this day of the year in another year."""

    day: date
    totals: Totals
    tracks: tuple[TopName, ...]


@dataclass(frozen=True, slots=True)
class FirstPlay:
    """The first play of a history that counts."""

    at: int
    artist: str
    track: str
    album: str


@dataclass(frozen=True, slots=True)
class Overview:
    """A period in a few figures: `names` counts artists, albums and tracks; `fresh` of the artists were new. `before`
    has the totals of the period before, None if there is none.
    """

    totals: Totals
    before: Totals | None
    names: dict[NameKind, int]
    fresh: int
    session: ListeningSession | None
    tops: dict[NameKind, TopList]


@dataclass(frozen=True, slots=True)
class Rewind:
    """A look back at a period: `new` are the most played artists that were first heard in it, `again` those heard again
    after `AWAY` days or more. `streak` is the longest within it.
    """

    overview: Overview
    times: ListeningTimes
    new: TopList
    again: TopList
    streak: Streak | None


@dataclass(frozen=True, slots=True)
class NameFigures:
    """The plays of an artist, an album or a track in all its spellings (`names`, as (artist, title)). `rank` is its
    place among all `total` names of its kind, None if no play of it counts. `first` and `last` are the starts of its
    first and its last play, 0 without one. The keys of `by_day` are local days since 1970. `ids` are the ids of the
    last plays, the latest first. `tops` lists what belongs to it: an artist's albums and tracks, an album's tracks, the
    albums that a track is on.
    """

    names: frozenset[tuple[str, str]]
    rank: int | None = None
    total: int = 0
    plays: int = 0
    heard: int = 0
    first: int = 0
    last: int = 0
    by_day: Counter[int] = field(default_factory=Counter)
    ids: tuple[int, ...] = ()
    tops: dict[NameKind, TopList] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of accounts' histories. Spans may begin before the history or end after it."""

    store: Store
    clock: Clock
    _makes: dict[int, asyncio.Lock] = field(default_factory=dict, repr=False)
    _wanted: dict[int, set[int]] = field(default_factory=dict, repr=False)
    _tasks: dict[int, asyncio.Task[None]] = field(default_factory=dict, repr=False)

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
        return await self._ask(account, lambda look: _top(look, kind, span, limit, offset, by))

    async def times(self, account: int, span: Span) -> ListeningTimes:
        """When plays happened in a span."""
        await self._make(account, [span])
        return await self._ask(account, lambda look: _times(look, span))

    async def streaks(self, account: int, zone: tzinfo) -> Streaks:
        """The longest streak of days with plays, and the current one."""
        span = Span(await self.everything(account, zone), zone)
        await self._make(account, [span])
        today = days.day_number(days.day_of(self.clock.now(), zone))
        return await self._ask(account, lambda look: figures.streaks((h // 24 for h in _hours(look, span)[0]), today))

    async def discoveries(
        self, account: int, kind: NameKind, span: Span, limit: int, offset: int = 0
    ) -> FirstHeardList:
        """Names heard for the first time in a span, the latest first."""
        await self._make_until(account, span)
        return await self._ask(account, lambda look: _discoveries(look, kind, span, limit, offset))

    async def rediscovered(self, account: int, kind: NameKind, span: Span, limit: int, offset: int = 0) -> TopList:
        """Names heard again in a span after `AWAY` days or more, the most played first."""
        await self._make_until(account, span)
        return await self._ask(account, lambda look: _rediscovered(look, kind, span, limit, offset))

    async def on_this_day(self, account: int, today: date, zone: tzinfo, top: int = 3) -> list[Anniversary]:
        """The same day in earlier years that have plays on it, the latest first."""
        everything = await self.everything(account, zone)
        return await self._ask(account, lambda look: _on_this_day(look, everything, today, zone, top))

    async def longest_session(self, account: int, span: Span) -> ListeningSession | None:
        """The longest session within a span; None without plays."""
        await self._make(account, [span], inside=True)
        return await self._ask(account, lambda look: _session(look, span))

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
        await self._make_for_overview(account, span)
        return await self._ask(account, lambda look: _overview(look, span, top))

    async def period(self, account: int, span: Span, top: int) -> tuple[Overview, ListeningTimes]:
        """A period in a few figures, with the first names of each list, and when plays happened in it."""
        await self._make_for_overview(account, span)
        return await self._ask(account, lambda look: (_overview(look, span, top), _times(look, span)))

    async def rewind(self, account: int, span: Span, top: int) -> Rewind:
        """A look back at a period, with the first names of each list."""
        await self._make_for_overview(account, span)
        today = days.day_number(days.day_of(self.clock.now(), span.zone))
        return await self._ask(account, lambda look: _rewind(look, span, top, today))

    async def of_name(
        self, account: int, kind: NameKind, name: tuple[str, str], zone: tzinfo, top: int, latest: int
    ) -> NameFigures:
        """The figures of one name, (artist, title): the first `top` of each list, and the `latest` plays."""
        await self.make_all(account)
        return await self._ask(account, lambda look: _of_name(look, kind, name, zone, top, latest))

    async def spellings(self, account: int, kind: NameKind, name: tuple[str, str]) -> frozenset[tuple[str, str]]:
        """All spellings of one name, (artist, title), in the history, including the one given."""
        await self.make_all(account)
        return await self._ask(account, lambda look: _where_played(look, kind, name)[0])

    async def rename(self, account: int, kind: NameKind, name: tuple[str, str], to: tuple[str, str]) -> None:
        """Count a name, (artist, title), as another one in all figures; the title is "" for an artist.

        Plays that were sent don't change; `undo_rename` reverts it. Raises MissingName if a name is empty, and
        TooManyRenames.
        """
        kept = cleaned_name(kind, *to)
        work = partial(renames.rename, account=account, kind=kind, name=name, to=kept, now=self.clock.now())
        await self.store.write(work)

    async def undo_rename(self, account: int, kind: NameKind, name: tuple[str, str]) -> bool:
        """Count a name as itself again; False if it was not renamed."""
        return await self.store.write(partial(renames.undo, account=account, kind=kind, name=name))

    async def renames(self, account: int) -> list[StoredRename]:
        """The names that a listener has renamed, the latest first."""
        return await self.store.read(partial(renames.of_account, account=account))

    async def counts_as(self, account: int, kind: NameKind, name: tuple[str, str]) -> tuple[str, str]:
        """What a name, (artist, title), counts as in all figures: itself if it was not renamed."""
        renamed = await self.store.read(partial(renames.applied_by, account=account))
        return renamed.applied(kind, *name)

    async def make_all(self, account: int) -> None:
        """Sum up all months that aren't yet, so that the next figures are quick."""
        ends = await self.store.read(partial(stats.first_and_last, account=account))
        if ends:
            await self._summarise(account, self._months(ends, [(0, ends[1] + 1)], inside=False))

    async def close(self) -> None:
        """Wait for the months that are being summed up."""
        await asyncio.gather(*self._tasks.values())

    def _until(self) -> int:
        """The end of yesterday (UTC): plays before it are summed up."""
        return int(self.clock.now()) // days.DAY * days.DAY

    async def _ask(self, account: int, question: Callable[[_Look], T]) -> T:
        until = self._until()

        try:
            return await self.store.read_long(lambda ask: question(_look(ask, account, until)))
        finally:
            self._summarise_wanted(account)

    async def _make_for_overview(self, account: int, span: Span) -> None:
        earlier = span.before
        await self._make_until(account, span)
        await self._make(account, [span] if earlier is None else [span, earlier])

    async def _make_until(self, account: int, span: Span) -> None:
        """Sum up the months from the first play to the end of a span."""
        await self._make_of(account, [(0, span.end)], inside=False)

    async def _make(self, account: int, spans: Sequence[Span], *, inside: bool = False) -> None:
        """Sum up the months that spans consist of, as far as they have plays."""
        await self._make_of(account, [(span.start, span.end) for span in spans], inside=inside)

    async def _make_of(self, account: int, spans: Sequence[tuple[int, int]], *, inside: bool) -> None:
        """As `_make`, for spans in seconds; a few months are left for `_summarise_wanted`."""
        ends = await self.store.read(partial(stats.first_and_last, account=account))
        if ends is None:
            return
        months = self._months(ends, spans, inside=inside)
        made = await self.store.read(partial(summaries.made, account=account, until=self._until()))
        missing = set(months) - made.keys()
        if 0 < len(missing) <= FEW_MONTHS:
            self._wanted.setdefault(account, set()).update(months)
        else:
            await self._summarise(account, months)

    def _months(self, ends: tuple[int, int], spans: Iterable[tuple[int, int]], *, inside: bool) -> list[int]:
        """The months that spans of a history consist of, in order; `ends` are the starts of its first and last play."""
        known = range(month_of(ends[0]), month_of(ends[1]) + 1)
        months: set[int] = set()
        for start, end in spans:
            for part in parts_of(*_rounded(start, end, *ends, self._until()), self._until(), inside=inside):
                if part.whole:
                    months.update(range(max(part.first, known.start), min(part.end, known.stop)))
        return sorted(months)

    def _summarise_wanted(self, account: int) -> None:
        """Begin to sum up the months that answers have left; one task for each account."""
        if account in self._wanted and account not in self._tasks:
            months = sorted(self._wanted.pop(account))
            task = self._tasks[account] = asyncio.create_task(self._summarise(account, months), name="figures")
            task.add_done_callback(lambda _: self._tasks.pop(account))

    async def _summarise(self, account: int, months: Sequence[int]) -> None:
        """Create missing summaries of months, and from them those of years; what can't be written is left out."""
        try:
            async with self._makes.setdefault(account, asyncio.Lock()):
                made = await self.store.read(partial(summaries.made, account=account, until=self._until()))
                missing = [month for month in months if month not in made]
                if missing:
                    await self._summarise_months(account, missing)
                if len(months) >= _YEAR:
                    await self._summarise_years(account, months)
        except StoreUnavailable:
            return

    async def _summarise_months(self, account: int, missing: Sequence[int]) -> None:
        stamps, until = {month: secrets.randbits(62) + 1 for month in missing}, self._until()
        await self.store.write(partial(summaries.claim, account=account, stamps=stamps, until=until))
        renamed = await self.store.read(partial(renames.applied_by, account=account))  # later plays void the claim
        batch: dict[int, Summary] = {}
        for month in missing:
            start, end = month_start(month), min(month_start(month + 1), until)
            plays = await self.store.read_long(partial(_plays, account=account, start=start, end=end), begun=True)
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
        made = await self.store.read(partial(summaries.made, account=account, until=self._until()))
        over = _over(made, self._until())
        wanted = _years(over)
        if from_the_first := _until_the_last_whole_quarter(over):
            wanted[summaries.ALL] = from_the_first
        there = await self.store.read(partial(summaries.years, account=account, wanted=list(wanted)))
        for year, of_year in wanted.items():
            made_of = _signature(made, of_year)
            if not made_of or there.get(year) == made_of:
                continue
            whole = of_year[0] >= months[0] and of_year[-1] <= months[-1]
            if whole:
                await self._summarise_year(account, year, of_year, made_of)

    async def _summarise_year(self, account: int, year: int, months: range, made_of: str) -> None:
        def read(ask: ReadQuestion) -> dict[NameKind, figures.NameCounts]:
            look = _look(ask, account, self._until())
            return {kind: _summed(look, kind, months, but=year).counts() for kind in NameKind}

        names = await self.store.read_long(read, begun=True)

        def keep(db: Connection) -> None:
            if _signature(summaries.made(db, account, self._until()), months) == made_of:
                summaries.write_year(db, account, year, made_of, names)

        await self.store.write(keep)


_LATELY = re.compile(r"([1-9]\d{0,3})d", re.ASCII)
EARLIEST, LATEST = date(1971, 1, 1), date(9000, 1, 1)
_YEAR, _QUARTER = 12, 3


def _over(made: Iterable[int], until: int) -> list[int]:
    """The months that have been over for a month, of these: later, hardly a play comes late for them."""
    return sorted(month for month in made if month < month_of(until) - 1)


def _until_the_last_whole_quarter(over: Sequence[int]) -> range:
    """From the first of these months to the end of the last quarter: neither a late play nor a new month changes it."""
    return range(over[0], (over[-1] + 1) // _QUARTER * _QUARTER) if over else range(0)


def _signature(made: Mapping[int, int], months: Iterable[int]) -> str:
    """A text that changes whenever one of these months is summed up again; "" if one isn't summed up."""
    stamps = [(month, made.get(month)) for month in months]
    if any(stamp is None for _, stamp in stamps):
        return ""
    return blake2b(repr(stamps).encode(), digest_size=16).hexdigest()


def _years(months: Sequence[int]) -> dict[int, range]:
    """The years of which all months are among these."""
    found = {}
    for year, of_year in groupby(months, key=lambda month: month // _YEAR):
        if len(list(of_year)) == _YEAR:
            found[year] = range(year * _YEAR, (year + 1) * _YEAR)
    return found


def _plays(ask: ReadQuestion, account: int, start: int, end: int) -> list[FiguredPlay]:
    found: list[FiguredPlay] = []
    for first, last in forward(ask, account, start, end):
        found += ask(partial(summaries.plays, account=account, start=first, end=last))
    return found


def _rounded(start: int, end: int, first: int, last: int, until: int) -> tuple[int, int]:
    """The span with its ends moved to whole months, if that makes no difference to its plays."""
    if start <= first:
        start = month_start(month_of(first))
    if last < min(end, until):
        end = month_start(month_of(last) + 1)
    return start, end


def _look(ask: ReadQuestion, account: int, until: int) -> _Look:
    def read(db: Connection) -> _Look:
        first, last = stats.first_and_last(db, account) or (until, until)
        made, renamed = summaries.made(db, account, until), renames.applied_by(db, account)
        return _Look(ask, account, made, until, first, last, renamed)

    return ask(read)


@dataclass(slots=True)
class _Look:
    """A read of a history: `first` and `last` are the starts of its first and last play. `made` are the months that are
    summed up, until `until`.
    """

    ask: ReadQuestion
    account: int
    made: dict[int, int]
    until: int
    first: int
    last: int
    renames: Renames
    read: dict[tuple[int, int], list[FiguredPlay]] = field(default_factory=dict)
    counted: dict[tuple[int, int, NameKind], figures.NameCounts] = field(default_factory=dict)
    texts: dict[int, tuple[str, str]] = field(default_factory=dict)
    tallies: dict[tuple[NameKind, int, int], Tally] = field(default_factory=dict)

    def parts(self, start: int, end: int, *, inside: bool = False) -> Iterator[FigurePart]:
        """A span as summed-up months, with seconds for the rest. Anything before the history's beginning or after its
        end doesn't matter.
        """
        start, end = _rounded(start, end, self.first, self.last, self.until)
        for part in parts_of(start, end, self.until, inside=inside):
            if not part.whole:
                yield part
                continue
            for made, run in groupby(range(part.first, part.end), key=self.made.__contains__):
                months = list(run)
                if made:
                    yield FigurePart(months[0], months[-1] + 1, whole=True)
                else:
                    yield FigurePart(month_start(months[0]), min(month_start(months[-1] + 1), self.until), whole=False)

    def plays(self, part: FigurePart) -> list[FiguredPlay]:
        """The plays in the seconds of a part, in the order of time."""
        key = (part.first, part.end)
        if key not in self.read:
            self.read[key] = _plays(self.ask, self.account, *key)
        return self.read[key]

    def names_in(self, part: FigurePart, kind: NameKind) -> figures.NameCounts:
        """The names in the seconds of a part."""
        key = (part.first, part.end, kind)
        if key not in self.counted:
            self.counted[key] = figures.names_of(self.plays(part), kind, self.texts, self.renames)
        return self.counted[key]

    def names(self, spellings: Iterable[int]) -> dict[int, tuple[str, str]]:
        """The names with these ids."""
        wanted = set(spellings)
        if unknown := wanted - self.texts.keys():
            self.texts.update(self.ask(partial(summaries.texts, account=self.account, spellings=sorted(unknown))))
        return {spelling: self.texts.get(spelling, ("", "")) for spelling in wanted}  # erased meanwhile

    def shown(self, kind: NameKind, spellings: Iterable[int]) -> dict[int, tuple[str, str]]:
        """As `names`, as the listener has renamed them."""
        return {spelling: self.renames.applied(kind, *name) for spelling, name in self.names(spellings).items()}


def _summed(look: _Look, kind: NameKind, months: range, but: int | None = None) -> Tally:
    """The names of whole months that are summed up: taken from years if these are summed up, too, except the year
    `but`.
    """
    tally = Tally()
    wanted = _years(list(months))
    from_the_first = _until_the_last_whole_quarter(_over(look.made, look.until))
    if from_the_first and from_the_first[0] == months[0] and from_the_first[-1] <= months[-1]:
        wanted = {summaries.ALL: from_the_first, **wanted}
    wanted.pop(but, None)  # type: ignore[arg-type]  # None isn't a year
    there = look.ask(partial(summaries.years, account=look.account, wanted=list(wanted))) if wanted else {}
    true = {year: of_year for year, of_year in wanted.items() if there.get(year) == _signature(look.made, of_year)}
    if summaries.ALL in true:
        true = {summaries.ALL: true[summaries.ALL]}
    at = months[0]
    for year, of_year in sorted(true.items(), key=lambda one: one[1][0]):
        for counts in _of_months(look, kind, at, of_year[0]):
            tally.add(counts)
        of_this = partial(summaries.names_of_year, account=look.account, kind=kind, year=year)
        for counts in look.ask(of_this):
            tally.add(counts)
        at = of_year[-1] + 1
    for counts in _of_months(look, kind, at, months[-1] + 1):
        tally.add(counts)
    return tally


def _of_months(look: _Look, kind: NameKind, first: int, end: int) -> Iterator[figures.NameCounts]:
    for start in range(first, end, _YEAR):
        last = min(start + _YEAR, end)
        yield from look.ask(partial(summaries.names_of_months, account=look.account, kind=kind, first=start, end=last))


def _tally(look: _Look, kind: NameKind, start: int, end: int) -> Tally:
    """The names of a span of time. Callers must not change the result."""
    key = (kind, start, end)
    if key not in look.tallies:
        look.tallies[key] = _made_tally(look, *key)
    return look.tallies[key]


def _made_tally(look: _Look, kind: NameKind, start: int, end: int) -> Tally:
    tally = Tally()
    taken = []
    for part in look.parts(start, end):
        if part.whole:
            months = _summed(look, kind, range(part.first, part.end))
            if tally.plays:
                tally.add(months.counts())
            else:
                tally = months
        elif part.sign > 0:
            tally.add(look.names_in(part, kind))
        else:
            taken.append(look.names_in(part, kind))
    for counts in taken:
        tally.take(counts)
    return tally


def _top(look: _Look, kind: NameKind, span: Span, limit: int, offset: int, by: Measure) -> TopList:
    tally = _tally(look, kind, span.start, span.end)
    earlier = span.before
    past = _tally(look, kind, earlier.start, earlier.end) if earlier else Tally()
    return _listed(look, kind, tally, past, limit, offset, by)


def _listed(
    look: _Look,
    kind: NameKind,
    tally: Tally,
    past: Tally,
    limit: int,
    offset: int,
    by: Measure,
    among: set[int] | None = None,
) -> TopList:
    """A part of the list of the most played, only `among` these names if they are given."""
    sums = tally.by_group(by)
    if among is not None:
        sums = {group: number for group, number in sums.items() if group in among}
    wanted = figures.top_parts(sums, limit, offset)
    spelt = tally.spellings_of({group for part in wanted for group in part.groups})
    shown: list[int] = []
    for part in wanted:
        groups = list(part.groups)
        if not part.many:
            names = look.shown(kind, (spelt[group][0] for group in groups))
            groups.sort(key=lambda group: tuple(map(str.casefold, names[spelt[group][0]])))
        shown += groups[max(0, offset - part.start) : max(0, offset + limit - part.start)]
    names = look.shown(kind, (spelt[group][0] for group in shown))
    rank = figures.ranks(sums, shown)
    before, plays_before = past.by_group(by), past.by_group()
    rank_before = figures.ranks(before, shown)
    return TopList(
        len(sums),
        tuple(
            TopName(
                rank[group],
                *names[spelt[group][0]],
                sum(tally.plays[one] for one in spelt[group]),
                sum(tally.heard[one] for one in spelt[group]),
                rank_before.get(group),
                plays_before.get(group, 0),
            )
            for group in shown
        ),
    )


def _hours(look: _Look, span: Span) -> tuple[Counter[int], Counter[int]]:
    """Plays and seconds heard by the local hour of a span."""
    found: list[Quarters] = []
    stretches = span.stretches
    hours = figures.whole_hours(stretches)

    def read(start: int, end: int) -> None:
        start, end = max(span.start, start), min(span.end, end)
        if start < end:
            quarters = figures.quarters_of(look.plays(FigurePart(start, end, whole=False)))
            found.append(quarters.by_hour() if hours else quarters)

    start, end = _rounded(span.start, span.end, look.first, look.last, look.until)
    for made, run in groupby(range(month_of(start), month_of(end - 1) + 1), key=look.made.__contains__):
        months = list(run)
        if not made:
            read(month_start(months[0]), month_start(months[-1] + 1))
            continue
        for first in range(months[0], months[-1] + 1, _YEAR):
            last = min(first + _YEAR, months[-1] + 1)
            asked = partial(summaries.quarters, account=look.account, first=first, end=last, hours=hours)
            found += look.ask(asked)
        if months[-1] == month_of(look.until):
            read(look.until, month_start(months[-1] + 1))
    return figures.by_local_hour(found, stretches, hours=hours)


def _totals(look: _Look, start: int, end: int) -> Totals:
    found = Totals()
    for part in look.parts(start, end):
        if part.whole:
            found += look.ask(partial(summaries.totals, account=look.account, first=part.first, end=part.end))
        elif part.sign > 0:
            found += figures.totals_of(look.plays(part))
        else:
            found -= figures.totals_of(look.plays(part))
    return found


def _times(look: _Look, span: Span) -> ListeningTimes:
    plays, heard = _hours(look, span)
    seconds: Counter[int] = Counter()
    for hour, number in heard.items():
        seconds[hour // 24] += number
    by_day: Counter[int] = Counter()
    for hour, number in plays.items():
        by_day[hour // 24] += number
    return ListeningTimes(
        _totals(look, span.start, span.end),
        tuple(DayFigures(days.date_of(day), by_day[day], seconds[day]) for day in sorted(by_day)),
        figures.by_weekday_and_hour(plays),
        plays,
    )


def _discoveries(look: _Look, kind: NameKind, span: Span, limit: int, offset: int) -> FirstHeardList:
    tally = _tally(look, kind, span.start, span.end)
    found = _fresh(look, kind, span)
    shown = sorted(found, key=lambda group: (-found[group], group))[offset : offset + limit]
    spelt = tally.spellings_of(shown)
    names = look.shown(kind, (spelt[group][0] for group in shown))
    return FirstHeardList(
        len(found),
        tuple(
            FirstHeard(
                *names[spelt[group][0]],
                found[group],
                sum(tally.plays[one] for one in spelt[group]),
                sum(tally.heard[one] for one in spelt[group]),
            )
            for group in shown
        ),
    )


def _fresh(look: _Look, kind: NameKind, span: Span) -> dict[int, int]:
    """Names that were first heard in a span, each with its first play."""
    firsts = _tally(look, kind, look.first, span.end).first_by_group()
    return {group: at for group, at in firsts.items() if at >= span.start}


def _rediscovered(look: _Look, kind: NameKind, span: Span, limit: int, offset: int) -> TopList:
    since = days.start_of(span.period.first - timedelta(days=AWAY), span.zone)
    tally = _tally(look, kind, span.start, span.end)
    long_ago = _tally(look, kind, look.first, since).by_group()
    lately = _tally(look, kind, since, span.start).by_group()
    again = {group for group in tally.by_group() if group in long_ago and group not in lately}
    return _listed(look, kind, tally, Tally(), limit, offset, Measure.PLAYS, again)


def _on_this_day(look: _Look, everything: HistoryPeriod, today: date, zone: tzinfo, top: int) -> list[Anniversary]:
    found = []
    for year in range(today.year - 1, everything.first.year - 1, -1):
        try:
            day = today.replace(year=year)
        except ValueError:  # 29 February
            continue
        start, end = days.start_of(day, zone), days.start_of(day + timedelta(days=1), zone)
        part = FigurePart(start, end, whole=False)
        totals = figures.totals_of(look.plays(part))
        if totals.plays:
            tally = Tally()
            tally.add(look.names_in(part, NameKind.TRACK))
            tracks = _listed(look, NameKind.TRACK, tally, Tally(), top, 0, Measure.PLAYS)
            found.append(Anniversary(day, totals, tracks.names))
    return found


def _session(look: _Look, span: Span) -> ListeningSession | None:
    parts: list[tuple[int, list[Sessions]]] = []
    for part in look.parts(span.start, span.end, inside=True):
        if part.whole:
            found = look.ask(partial(summaries.sessions, account=look.account, first=part.first, end=part.end))
            parts.append((month_start(part.first), found))
        elif sessions := figures.sessions_of(play for play in look.plays(part) if play.counted):
            parts.append((part.first, [sessions]))
    whole: Sessions | None = None
    for _, several in sorted(parts, key=lambda one: one[0]):
        for one in several:
            whole = one if whole is None else whole.with_later(one)
    return whole.longest if whole else None


def _rewind(look: _Look, span: Span, top: int, today: int) -> Rewind:
    times = _times(look, span)
    artists = _tally(look, NameKind.ARTIST, span.start, span.end)
    fresh = set(_fresh(look, NameKind.ARTIST, span))
    return Rewind(
        _overview(look, span, top),
        times,
        _listed(look, NameKind.ARTIST, artists, Tally(), top, 0, Measure.PLAYS, fresh),
        _rediscovered(look, NameKind.ARTIST, span, top, 0),
        figures.streaks((days.day_number(one.day) for one in times.days), today).longest,
    )


_BELONGING = {
    NameKind.ARTIST: (NameKind.TRACK, NameKind.ALBUM),
    NameKind.ALBUM: (NameKind.TRACK,),
    NameKind.TRACK: (NameKind.ALBUM,),
}


def _of_name(look: _Look, kind: NameKind, name: tuple[str, str], zone: tzinfo, top: int, latest: int) -> NameFigures:
    names, spans = _where_played(look, kind, name)
    numbered: list[tuple[int, FiguredPlay]] = []
    for start, end in spans:
        for first, last in forward(look.ask, look.account, start, end, FEW_OF_MANY):
            numbered += look.ask(
                partial(name_plays.of_name, account=look.account, kind=kind, names=names, start=first, end=last)
            )
    group = look.renames.group(kind, *name)
    if look.renames.names:  # of two artists and two titles that are one track, not every pair need be that track
        numbered = [one for one in numbered if look.renames.group(kind, *_name_of(kind, one[1])) == group]
    if not numbered:
        return NameFigures(names)
    numbered.sort(key=lambda one: one[1].timestamp)
    plays = [play for _, play in numbered]
    sums = _tally(look, kind, look.first, look.last + 1).by_group()
    first, last = plays[0].timestamp, plays[-1].timestamp
    hours = days.stretches(zone, first // days.HOUR * days.HOUR, (last // days.HOUR + 1) * days.HOUR)
    by_hour, _ = figures.by_local_hour([figures.quarters_of(plays)], hours)
    by_day: Counter[int] = Counter()
    for hour, number in by_hour.items():
        by_day[hour // 24] += number
    tops = {}
    for other in _BELONGING[kind]:
        tally = Tally()
        tally.add(figures.names_of(plays, other, look.texts, look.renames))
        tops[other] = _listed(look, other, tally, Tally(), top, 0, Measure.PLAYS)
    return NameFigures(
        names,
        figures.ranks(sums, [group]).get(group),
        len(sums),
        len(plays),
        sum(play.heard for play in plays),
        first,
        last,
        by_day,
        tuple(id_ for id_, _ in numbered[: -latest - 1 : -1]),
        tops,
    )


def _where_played(
    look: _Look, kind: NameKind, name: tuple[str, str]
) -> tuple[frozenset[tuple[str, str]], list[tuple[int, int]]]:
    """All spellings of a name, and the spans of time (from, to before) that include all its plays."""
    names, spans = {name}, []
    group = look.renames.group(kind, *name)
    for part in look.parts(look.first, look.last + 1):
        if not part.whole:
            texts: dict[int, tuple[str, str]] = {}
            counts = figures.names_of(look.plays(part), kind, texts, look.renames)
            spelt = [spelling for spelling, of in zip(counts.spellings, counts.groups, strict=True) if of == group]
            names.update(texts[spelling] for spelling in spelt)
            spans += [(part.first, part.end)] if spelt else []
            continue
        for first in range(part.first, part.end, _YEAR):
            last = min(first + _YEAR, part.end)
            asked = partial(summaries.months_with, account=look.account, kind=kind, first=first, end=last, group=group)
            months = look.ask(asked)
            names.update(look.names(spelling for spellings in months.values() for spelling in spellings).values())
            spans += [(month_start(month), min(month_start(month + 1), look.until)) for month in months]
    return frozenset(names), _joined(spans)


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


def _name_of(kind: NameKind, play: FiguredPlay) -> tuple[str, str]:
    return play.artist, {NameKind.ARTIST: "", NameKind.ALBUM: play.album, NameKind.TRACK: play.track}[kind]


def _joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans of time, with adjacent ones joined."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def _overview(look: _Look, span: Span, top: int) -> Overview:
    earlier = span.before
    tops, names = {}, {}
    for kind in NameKind:
        tops[kind] = _top(look, kind, span, top, 0, Measure.PLAYS)
        names[kind] = tops[kind].total
    return Overview(
        _totals(look, span.start, span.end),
        _totals(look, earlier.start, earlier.end) if earlier else None,
        names,
        len(_fresh(look, NameKind.ARTIST, span)),
        _session(look, span),
        tops,
    )
