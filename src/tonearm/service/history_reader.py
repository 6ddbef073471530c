"""A history as figures read it: months that are summed up, and the plays of the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby

from sqlalchemy import Connection

from tonearm.core import figures
from tonearm.core.figures import FiguredPlay, FigurePart, NameKind, Renames, Tally, month_of, month_start, parts_of
from tonearm.service.figure_months import YEAR, long_over, signature, until_the_last_whole_quarter, whole_years
from tonearm.store import renames, summaries
from tonearm.store.db.readers import ReadQuestion
from tonearm.store.db.slices import forward
from tonearm.store.queries import stats
from tonearm.store.renames import MonthsWithout


def plays_between(ask: ReadQuestion, account: int, start: int, end: int) -> list[FiguredPlay]:
    """The plays from `start` to before `end` (Unix seconds), read in slices, in the order of time."""
    found: list[FiguredPlay] = []
    for first, last in forward(ask, account, start, end):
        found += ask(partial(summaries.plays, account=account, start=first, end=last))
    return found


def rounded(start: int, end: int, first: int, last: int, until: int) -> tuple[int, int]:
    """The span with its ends moved to whole months, if that makes no difference to its plays."""
    if start <= first:
        start = month_start(month_of(first))
    if last < min(end, until):
        end = month_start(month_of(last) + 1)
    return start, end


def open_history(ask: ReadQuestion, account: int, until: int) -> HistoryReader:
    """A reader of an account's history as it is now, with months that are summed up `until` then (Unix seconds)."""

    def read(db: Connection) -> HistoryReader:
        first, last = stats.first_and_last(db, account) or (until, until)
        made, renamed = summaries.made(db, account, until), renames.applied_by(db, account)
        return HistoryReader(ask, account, made, until, first, last, renamed)

    return ask(read)


@dataclass(slots=True)
class HistoryReader:
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
        start, end = rounded(start, end, self.first, self.last, self.until)
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
            self.read[key] = plays_between(self.ask, self.account, *key)
        return self.read[key]

    def names_in(self, part: FigurePart, kind: NameKind) -> figures.NameCounts:
        """The names in the seconds of a part."""
        key = (part.first, part.end, kind)
        if key not in self.counted:
            self.counted[key] = figures.names_of(self.plays(part), kind, self.texts, self.renames)
        return self.counted[key]

    def spellings_by_month(self, kind: NameKind, group: int, first: int, end: int) -> dict[int, list[int]]:
        """Of the months from `first` to before `end`, which have to be summed up, those in which a name was played,
        each with the spellings.
        """
        found: dict[int, list[int]] = {}
        for start in range(first, end, YEAR):
            last = min(start + YEAR, end)
            asked = partial(summaries.months_with, account=self.account, kind=kind, first=start, end=last, group=group)
            found |= self.ask(asked)
        return found

    def months_without(self, kind: NameKind, name: tuple[str, str]) -> MonthsWithout:
        """The months that are summed up and in which a name was not played."""
        if not self.made:
            return MonthsWithout(self.renames)
        group, own = self.renames.group(kind, *name), figures.numbers(kind, *name)[1]
        played = self.spellings_by_month(kind, group, min(self.made), max(self.made) + 1)
        if group != own:  # it counts as another name, which is played in more months
            names = self.names(spelling for spellings in played.values() for spelling in spellings)
            mine = {one for one, text in names.items() if figures.numbers(kind, *text)[1] == own}
            played = {month: spellings for month, spellings in played.items() if not mine.isdisjoint(spellings)}
        return MonthsWithout(self.renames, {month: stamp for month, stamp in self.made.items() if month not in played})

    def names(self, spellings: Iterable[int]) -> dict[int, tuple[str, str]]:
        """The names with these ids."""
        wanted = set(spellings)
        if unknown := wanted - self.texts.keys():
            self.texts.update(self.ask(partial(summaries.texts, account=self.account, spellings=sorted(unknown))))
        return {spelling: self.texts.get(spelling, ("", "")) for spelling in wanted}  # erased meanwhile

    def shown(self, kind: NameKind, spellings: Iterable[int]) -> dict[int, tuple[str, str]]:
        """As `names`, as the listener has renamed them."""
        return {spelling: self.renames.applied(kind, *name) for spelling, name in self.names(spellings).items()}

    def summed_names(self, kind: NameKind, months: range, but: int | None = None) -> Tally:
        """The names of whole months that are summed up: taken from years if these are summed up, too, except the year
        `but`.
        """
        tally = Tally()
        wanted = whole_years(list(months))
        from_the_first = until_the_last_whole_quarter(long_over(self.made, self.until))
        if from_the_first and from_the_first[0] == months[0] and from_the_first[-1] <= months[-1]:
            wanted = {summaries.ALL: from_the_first, **wanted}
        wanted.pop(but, None)  # type: ignore[arg-type]  # None isn't a year
        there = self.ask(partial(summaries.years, account=self.account, wanted=list(wanted))) if wanted else {}
        true = {year: of_year for year, of_year in wanted.items() if there.get(year) == signature(self.made, of_year)}
        if summaries.ALL in true:
            true = {summaries.ALL: true[summaries.ALL]}
        at = months[0]
        for year, of_year in sorted(true.items(), key=lambda one: one[1][0]):
            for counts in self._of_months(kind, at, of_year[0]):
                tally.add(counts)
            of_this = partial(summaries.names_of_year, account=self.account, kind=kind, year=year)
            for counts in self.ask(of_this):
                tally.add(counts)
            at = of_year[-1] + 1
        for counts in self._of_months(kind, at, months[-1] + 1):
            tally.add(counts)
        return tally

    def _of_months(self, kind: NameKind, first: int, end: int) -> Iterator[figures.NameCounts]:
        for start in range(first, end, YEAR):
            last = min(start + YEAR, end)
            yield from self.ask(
                partial(summaries.names_of_months, account=self.account, kind=kind, first=start, end=last)
            )

    def tally(self, kind: NameKind, start: int, end: int) -> Tally:
        """The names of a span of time. Callers must not change the result."""
        key = (kind, start, end)
        if key not in self.tallies:
            self.tallies[key] = self._made_tally(*key)
        return self.tallies[key]

    def _made_tally(self, kind: NameKind, start: int, end: int) -> Tally:
        tally = Tally()
        taken = []
        for part in self.parts(start, end):
            if part.whole:
                months = self.summed_names(kind, range(part.first, part.end))
                if tally.plays:
                    tally.add(months.counts())
                else:
                    tally = months
            elif part.sign > 0:
                tally.add(self.names_in(part, kind))
            else:
                taken.append(self.names_in(part, kind))
        for counts in taken:
            tally.take(counts)
        return tally
