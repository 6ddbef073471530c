"""Periods of a history: all of it, a year, a month, a day, or any days in between, as an address names them."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import assert_never

_WRITTEN = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", re.ASCII)


class PeriodKind(StrEnum):
    """How long a period is."""

    ALL = "all"
    YEAR = "year"
    MONTH = "month"
    DAY = "day"
    SPAN = "span"


@dataclass(frozen=True, slots=True)
class HistoryPeriod:
    """Local days from `first` to `last`, both included."""

    kind: PeriodKind
    first: date
    last: date

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.last - self.first).days + 1

    def __str__(self) -> str:
        """The period as it is written in an address."""
        match self.kind:
            case PeriodKind.ALL:
                return "all"
            case PeriodKind.YEAR:
                return f"{self.first}"[:4]
            case PeriodKind.MONTH:
                return f"{self.first}"[:7]
            case PeriodKind.DAY:
                return f"{self.first}"
            case PeriodKind.SPAN:
                return f"{self.first}..{self.last}"
            case _:
                assert_never(self.kind)


def year(number: int) -> HistoryPeriod:
    """A whole year."""
    return HistoryPeriod(PeriodKind.YEAR, date(number, 1, 1), date(number, 12, 31))


def month(number: int, of_year: int) -> HistoryPeriod:
    """A whole month."""
    return HistoryPeriod(
        PeriodKind.MONTH, date(of_year, number, 1), date(of_year, number, monthrange(of_year, number)[1])
    )


def day(of: date) -> HistoryPeriod:
    """One day."""
    return HistoryPeriod(PeriodKind.DAY, of, of)


def parse(text: str, everything: HistoryPeriod) -> HistoryPeriod | None:
    """The period that an address names; None if it names none. `everything` is the whole history."""
    if text == "all":
        return everything
    first, dots, last = text.partition("..")
    begin = _one(first)
    if not dots or begin is None:
        return begin
    end = _one(last)
    if end is None or end.last < begin.first:
        return None
    return HistoryPeriod(PeriodKind.SPAN, begin.first, end.last)


def _one(text: str) -> HistoryPeriod | None:
    written = _WRITTEN.fullmatch(text)
    if written is None:
        return None
    numbers = [int(number) for number in written.groups() if number]
    try:
        match numbers:
            case [of_year] if of_year > 1:
                return year(of_year)
            case [of_year, of_month] if of_year > 1:
                return month(of_month, of_year)
            case [of_year, of_month, of_day] if of_year > 1:
                return day(date(of_year, of_month, of_day))
            case _:
                return None
    except ValueError:
        return None


LONGEST_SPAN = 366
"""Days that are shown of a span in which nothing was played."""


def within(period: HistoryPeriod, first: date, last: date) -> HistoryPeriod:
    """The part of a span between two days; if they don't overlap, at most a year of the span. Other kinds of periods
    stay as they are.
    """
    if period.kind is not PeriodKind.SPAN:
        return period
    begin, end = max(period.first, first), min(period.last, last)
    if begin > end:
        begin, end = period.first, min(period.last, period.first + timedelta(days=LONGEST_SPAN - 1))
    return HistoryPeriod(PeriodKind.SPAN, begin, end)


def before(period: HistoryPeriod) -> HistoryPeriod | None:
    """The period of the same kind before it; None for all of the history."""
    return _beside(period, period.first - timedelta(days=1), -1)


def after(period: HistoryPeriod) -> HistoryPeriod | None:
    """The period of the same kind after it; None for all of the history."""
    return _beside(period, period.last + timedelta(days=1), 1)


def _beside(period: HistoryPeriod, neighbour: date, way: int) -> HistoryPeriod | None:
    match period.kind:
        case PeriodKind.ALL:
            return None
        case PeriodKind.YEAR:
            return year(neighbour.year)
        case PeriodKind.MONTH:
            return month(neighbour.month, neighbour.year)
        case PeriodKind.DAY:
            return day(neighbour)
        case PeriodKind.SPAN:
            shift = timedelta(days=way * period.days)
            return HistoryPeriod(PeriodKind.SPAN, period.first + shift, period.last + shift)
        case _:
            assert_never(period.kind)


def around(period: HistoryPeriod) -> HistoryPeriod | None:
    """The next longer period that contains it; None if that is the whole history."""
    match period.kind:
        case PeriodKind.MONTH:
            return year(period.first.year)
        case PeriodKind.DAY:
            return month(period.first.month, period.first.year)
        case _:
            return None
