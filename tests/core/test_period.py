"""Periods of a history, as addresses name them."""

from __future__ import annotations

from datetime import date

import pytest

from tonearm.core import period
from tonearm.core.period import HistoryPeriod, PeriodKind

EVERYTHING = HistoryPeriod(PeriodKind.ALL, date(2005, 2, 1), date(2015, 4, 20))


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("all", date(2005, 2, 1), date(2015, 4, 20)),
        ("2012", date(2012, 1, 1), date(2012, 12, 31)),
        ("2012-02", date(2012, 2, 1), date(2012, 2, 29)),
        ("2012-02-29", date(2012, 2, 29), date(2012, 2, 29)),
        ("2012-02-10..2012-03-05", date(2012, 2, 10), date(2012, 3, 5)),
        ("2012-02-10..2012-02-10", date(2012, 2, 10), date(2012, 2, 10)),
        ("0002", date(2, 1, 1), date(2, 12, 31)),
        ("0002-03", date(2, 3, 1), date(2, 3, 31)),
        ("0002-03-04", date(2, 3, 4), date(2, 3, 4)),
    ],
)
def test_an_address_names_a_period_and_a_period_its_address(text: str, first: date, last: date) -> None:
    shown = period.parse(text, EVERYTHING)
    assert shown is not None
    assert (shown.first, shown.last, str(shown)) == (first, last, text)
    assert shown.days == (last - first).days + 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "20122",
        "0000",
        "0001",
        "0001-02",
        "0001-02-03",
        "2012-13",
        "2012-02-30",
        "٢٠١٢",
        "2012..",
        "..2012",
        "2012-03..2012-02",
        "2012-1",
    ],
)
def test_what_names_no_period_is_none(text: str) -> None:
    assert period.parse(text, EVERYTHING) is None


@pytest.mark.parametrize(
    ("text", "before", "after", "around"),
    [
        ("2012", "2011", "2013", None),
        ("2012-01", "2011-12", "2012-02", "2012"),
        ("2012-03-01", "2012-02-29", "2012-03-02", "2012-03"),
        ("2012-03-01..2012-03-10", "2012-02-20..2012-02-29", "2012-03-11..2012-03-20", None),
        ("all", None, None, None),
    ],
)
def test_a_period_has_neighbours_and_a_longer_period_around_it(
    text: str, before: str | None, after: str | None, around: str | None
) -> None:
    shown = period.parse(text, EVERYTHING)
    assert shown is not None
    found = (period.before(shown), period.after(shown), period.around(shown))
    assert tuple(one and str(one) for one in found) == (before, after, around)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("1971-01-01..8999-12-31", "2012-01-05..2014-05-12", id="more than the history"),
        pytest.param("2013-01-01..2013-02-01", "2013-01-01..2013-02-01", id="a part of it"),
        pytest.param("1971-01-01..1980-12-31", "1971-01-01..1972-01-01", id="a year of a time before it"),
        pytest.param("2000-01-01..2012-01-05", "2012-01-05..2012-01-05", id="no more than its first day"),
        pytest.param("2020-01-01..2020-01-02", "2020-01-01..2020-01-02", id="a time after it"),
        pytest.param("1971", "1971", id="a year stays whole"),
    ],
)
def test_a_span_shows_no_more_than_the_history_has(text: str, shown: str) -> None:
    first, last = date(2012, 1, 5), date(2014, 5, 12)
    wanted = period.parse(text, HistoryPeriod(PeriodKind.ALL, first, last))
    assert wanted
    assert str(period.within(wanted, first, last)) == shown
