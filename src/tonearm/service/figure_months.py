"""Which of the months that are summed up are summed up once more, into years."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from itertools import groupby

from tonearm.core.figures import month_of

YEAR = 12
"""Months of a year."""

_QUARTER = 3


def long_over(made: Iterable[int], until: int) -> list[int]:
    """The months that have been over for a month, of these: later, hardly a play comes late for them."""
    return sorted(month for month in made if month < month_of(until) - 1)


def until_the_last_whole_quarter(over: Sequence[int]) -> range:
    """From the first of these months to the end of the last quarter: neither a late play nor a new month changes it."""
    return range(over[0], (over[-1] + 1) // _QUARTER * _QUARTER) if over else range(0)


def signature(made: Mapping[int, int], months: Iterable[int]) -> str:
    """A text that changes whenever one of these months is summed up again; "" if one isn't summed up."""
    stamps = [(month, made.get(month)) for month in months]
    if any(stamp is None for _, stamp in stamps):
        return ""
    return blake2b(repr(stamps).encode(), digest_size=16).hexdigest()


def whole_years(months: Sequence[int]) -> dict[int, range]:
    """The years of which all months are among these."""
    found = {}
    for year, of_year in groupby(months, key=lambda month: month // YEAR):
        if len(list(of_year)) == YEAR:
            found[year] = range(year * YEAR, (year + 1) * YEAR)
    return found
