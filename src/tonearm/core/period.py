"""Periods of a history: all of it, a year, a month, a day, or any days in between, as an address names them."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import assert_never

_WRITTEN = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", re.ASCII)


class Kind(StrEnum):
    """How long a period is."""

    ALL = "all"
    YEAR = "year"
    MONTH = "month"
    DAY = "day"
    SPAN = "span"


@dataclass(frozen=True, slots=True)
class Period:
    """Local days from `first` to `last`, both of them in it."""

    kind: Kind
    first: date
    last: date

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.last - self.first).days + 1

    def __str__(self) -> str:
        """As an address writes it."""
        match self.kind:
            case Kind.ALL:
                return "all"
            case Kind.YEAR:
                return f"{self.first:%Y}"
            case Kind.MONTH:
                return f"{self.first:%Y-%m}"
            case Kind.DAY:
                return f"{self.first}"
            case Kind.SPAN:
                return f"{self.first}..{self.last}"
            case _:
                assert_never(self.kind)


def year(number: int) -> Period:
    """A whole year."""
    return Period(Kind.YEAR, date(number, 1, 1), date(number, 12, 31))


def month(number: int, of_year: int) -> Period:
    """A whole month."""
    return Period(Kind.MONTH, date(of_year, number, 1), date(of_year, number, monthrange(of_year, number)[1]))


def day(of: date) -> Period:
    """One day."""
    return Period(Kind.DAY, of, of)


def parse(text: str, everything: Period) -> Period | None:
    """The period of an address; None where it names none. `everything` is the whole history."""
    if text == "all":
        return everything
    first, dots, last = text.partition("..")
    begin = _one(first)
    if not dots or begin is None:
        return begin
    end = _one(last)
    if end is None or end.last < begin.first:
        return None
    return Period(Kind.SPAN, begin.first, end.last)


def _one(text: str) -> Period | None:
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


def within(period: Period, first: date, last: date) -> Period:
    """The part of a span that lies between two days; at most a year of it where there is none. Others stay whole."""
    if period.kind is not Kind.SPAN:
        return period
    begin, end = max(period.first, first), min(period.last, last)
    if begin > end:
        begin, end = period.first, min(period.last, period.first + timedelta(days=LONGEST_SPAN - 1))
    return Period(Kind.SPAN, begin, end)


def before(period: Period) -> Period | None:
    """The period of the same kind before it; None for all of the history."""
    return _beside(period, period.first - timedelta(days=1), -1)


def after(period: Period) -> Period | None:
    """The period of the same kind after it; None for all of the history."""
    return _beside(period, period.last + timedelta(days=1), 1)


def _beside(period: Period, neighbour: date, way: int) -> Period | None:
    match period.kind:
        case Kind.ALL:
            return None
        case Kind.YEAR:
            return year(neighbour.year)
        case Kind.MONTH:
            return month(neighbour.month, neighbour.year)
        case Kind.DAY:
            return day(neighbour)
        case Kind.SPAN:
            shift = timedelta(days=way * period.days)
            return Period(Kind.SPAN, period.first + shift, period.last + shift)
        case _:
            assert_never(period.kind)


def around(period: Period) -> Period | None:
    """The next longer period that it lies in; None where that is the whole history."""
    match period.kind:
        case Kind.MONTH:
            return year(period.first.year)
        case Kind.DAY:
            return month(period.first.month, period.first.year)
        case _:
            return None
