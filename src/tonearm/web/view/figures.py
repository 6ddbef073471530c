"""The history in figures: counts of days and hours as charts and as a grid. Values in, values out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from tonearm.core import days, period
from tonearm.core.period import HistoryPeriod, PeriodKind
from tonearm.service.values import Top
from tonearm.web.view.charts import Chart, Value, chart
from tonearm.web.view.formats import date_words, day_name, hour_words, month, name, plays, short_date

LEVELS = 4
"""Shades of the grid, without the one for no plays."""

FEW, MANY_MONTHS = 31, 36
"""Days that a chart shows one by one, and months beyond which not every second year's label has room on a phone."""


@dataclass(frozen=True, slots=True)
class Cells:
    """Places (column, row) of the grid with one shade."""

    level: int
    path: str


@dataclass(frozen=True, slots=True)
class HeatCell:
    """A word beside the grid: its column or row, and where it leads. A phone has no room for the minor ones."""

    at: float
    label: str
    href: str = ""
    minor: bool = False


@dataclass(frozen=True, slots=True)
class Grid:
    """An activity grid of square cells, `columns` by `rows`, with words above and to the left."""

    columns: int
    rows: int
    cells: tuple[Cells, ...]
    above: tuple[HeatCell, ...]
    left: tuple[HeatCell, ...]
    summary: str


@dataclass(frozen=True, slots=True)
class CurrentPeriod:
    """A place in a list of the most played: `share` is percent of the first."""

    title: str
    by: str
    plays: int
    share: float
    top: Top


def places(tops: Sequence[Top]) -> list[CurrentPeriod]:
    """The most played, as a list shows them."""
    most = max((top.plays for top in tops), default=1)
    return [
        CurrentPeriod(
            name(top.title or top.artist),
            name(top.artist) if top.title else "",
            top.plays,
            top.plays / most * 100,
            top,
        )
        for top in tops
    ]


def over_time(shown: HistoryPeriod, counts: Mapping[int, int]) -> Chart:
    """Plays of a period by what is one step shorter: months of years, days of a month, hours of a day.

    `counts` are by the number of the day; where one day is shown, by the number of the hour.
    """
    if shown.kind is PeriodKind.DAY:
        number = days.day_number(shown.first)
        hours = [
            Value(
                counts.get(number * 24 + hour, 0),
                f"{hour}" if hour % 3 == 0 else "",
                hour_words(hour),
                minor=hour % 6 != 0,
            )
            for hour in range(24)
        ]
        return chart([_counted(value) for value in hours], "Plays per hour")
    if shown.days <= FEW:
        return chart(_per_day(shown, counts), "Plays per day")
    return chart(_per_month(shown, counts), "Plays per month")


def _counted(value: Value) -> Value:
    return Value(value.count, value.label, f"{value.title}, {plays(value.count)}", value.href, value.minor)


def _per_day(shown: HistoryPeriod, counts: Mapping[int, int]) -> list[Value]:
    made = []
    for back in range(shown.days):
        day = shown.first + timedelta(days=back)
        count = counts.get(days.day_number(day), 0)
        label = str(day.day) if shown.kind is PeriodKind.MONTH else short_date(day)
        seldom = 5 if shown.kind is PeriodKind.MONTH else max(1, shown.days // 5)
        shows = back % seldom == seldom - 1 if shown.kind is PeriodKind.MONTH else back % seldom == 0
        title = f"{date_words(day)}, {plays(count)}"
        made.append(Value(count, label if shows else "", title, f"/history?period={day}"))
    return made


def _per_month(shown: HistoryPeriod, counts: Mapping[int, int]) -> list[Value]:
    sums: Counter[tuple[int, int]] = Counter()
    for number, count in counts.items():
        day = days.date_of(number)
        sums[day.year, day.month] += count
    months = _months(shown)
    long = len(months) > MANY_MONTHS
    made = []
    for year, number in months:
        count = sums[year, number]
        label = (str(year) if number == 1 else "") if long else month(number)
        minor = year % 2 == 1 if long else (len(months) > 6 and number % 3 != 1)
        title = f"{month(number)} {year}, {plays(count)}"
        made.append(Value(count, label, title, f"/history?period={period.month(number, year)}", minor))
    return made


def _months(shown: HistoryPeriod) -> list[tuple[int, int]]:
    first, last = shown.first.year * 12 + shown.first.month - 1, shown.last.year * 12 + shown.last.month
    return [(number // 12, number % 12 + 1) for number in range(first, last)]


def of_day(sums: Mapping[int, int]) -> Chart:
    """Plays by the hour of the day."""
    values = [
        Value(
            sums.get(hour, 0),
            f"{hour}" if hour % 3 == 0 else "",
            f"{hour_words(hour)}, {plays(sums.get(hour, 0))}",
            minor=hour % 6 != 0,
        )
        for hour in range(24)
    ]
    return chart(values, "Plays by the hour of the day", 90)


def of_week(counts: Mapping[int, int]) -> Chart:
    """Plays by the day of the week."""
    sums: Counter[int] = Counter()
    for number, count in counts.items():
        sums[days.date_of(number).weekday()] += count
    values = [Value(sums[day], day_name(day)[:3], f"{day_name(day)}, {plays(sums[day])}") for day in range(7)]
    return chart(values, "Plays by the day of the week", 90)


def year_grid(shown: HistoryPeriod, counts: Mapping[int, int]) -> Grid:
    """The days of a year: a column for each week, Monday above."""
    first = shown.first - timedelta(days=shown.first.weekday())
    cells = {}
    for back in range(shown.days):
        day = shown.first + timedelta(days=back)
        cells[(day - first).days // 7, day.weekday()] = counts.get(days.day_number(day), 0)
    above = [
        HeatCell(
            (date(shown.first.year, number, 1) - first).days / 7,
            month(number),
            f"/history?period={shown}-{number:02}",
            minor=number % 3 != 1,
        )
        for number in range(1, 13)
    ]
    left = [HeatCell(row, day_name(row)[:3]) for row in (0, 3, 6)]
    columns = max(column for column, _ in cells) + 1
    return Grid(columns, 7, _shaded(cells), tuple(above), tuple(left), _told(counts, f"Plays of each day of {shown}"))


def years_grid(everything: HistoryPeriod, counts: Mapping[int, int]) -> Grid:
    """The weeks of all years: a row for each year, the last one below."""
    cells: Counter[tuple[int, int]] = Counter()
    first, last = everything.first.year, everything.last.year
    for number, count in counts.items():
        day = days.date_of(number)
        cells[(day.timetuple().tm_yday - 1) // 7, day.year - first] += count
    every = {(week, row): cells[week, row] for row in range(last - first + 1) for week in range(53)}
    above = [
        HeatCell((date(2001, number, 1).timetuple().tm_yday - 1) / 7, month(number), minor=number % 3 != 1)
        for number in range(1, 13)
    ]
    left = [HeatCell(year - first, str(year), minor=(last - year) % 3 != 0) for year in range(first, last + 1)]
    summary = _told(counts, f"Plays of each week from {first} to {last}")
    return Grid(53, last - first + 1, _shaded(every), tuple(above), tuple(left), summary)


def _shaded(cells: Mapping[tuple[int, int], int]) -> tuple[Cells, ...]:
    """One path for each shade: ten years of cells are few bytes then. Shades divide what was played by quarters."""
    played = sorted(count for count in cells.values() if count)
    bounds = [played[len(played) * quarter // LEVELS] for quarter in range(1, LEVELS)] if played else []
    paths: dict[int, list[str]] = {}
    for (column, row), count in cells.items():
        level = 1 + sum(count >= bound for bound in bounds) if count else 0
        paths.setdefault(level, []).append(f"M{column * 10} {row * 10}h8v8h-8z")
    return tuple(Cells(level, "".join(path)) for level, path in sorted(paths.items()))


def _told(counts: Mapping[int, int], what: str) -> str:
    if not counts:
        return f"{what}: none"
    best = max(counts, key=lambda number: counts[number])
    total, most = plays(sum(counts.values())), plays(counts[best])
    return f"{what}: {total} in all, most on {date_words(days.date_of(best))}, {most}"
