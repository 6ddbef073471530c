"""Figures of the history: counts by days and hours as charts and as a grid. Values in, values out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from tonearm.core import days
from tonearm.core.period import HistoryPeriod, PeriodKind
from tonearm.service.figure_results import TopName
from tonearm.web.view.charts import Chart, Value, chart
from tonearm.web.view.formats import day_name, duration, hour_range, long_date, month, name, plays, short_date

LEVELS = 4
"""Shades of the grid, without the one for no plays."""

MAX_DAYS, MAX_MONTHS = 31, 36
"""The most days and months that a chart shows one by one: with more, bars are too narrow to touch on a phone."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A day or week with plays: its place in the grid, its shade, its text, and where it leads."""

    column: int
    row: int
    level: int
    title: str
    href: str


@dataclass(frozen=True, slots=True)
class GridLabel:
    """A label beside the grid: its column or row, and where it leads. A phone has no room for `minor` ones."""

    position: float
    label: str
    href: str = ""
    minor: bool = False


@dataclass(frozen=True, slots=True)
class Grid:
    """An activity grid of square cells, `columns` by `rows`, with labels above and to the left.

    `empty` is one SVG path of all cells without plays; those with plays are in the order of time.
    """

    columns: int
    rows: int
    empty: str
    cells: tuple[Cell, ...]
    above: tuple[GridLabel, ...]
    left: tuple[GridLabel, ...]
    summary: str


@dataclass(frozen=True, slots=True)
class TopRow:
    """A row of a top list: `share` is the percentage of the first row; `change` says what its rank was before."""

    title: str
    by: str
    plays: int
    share: float
    top: TopName
    change: str = ""
    rank: int = 0
    heard: str = ""


def top_rows(tops: Sequence[TopName]) -> list[TopRow]:
    """The rows of a top list, in its order."""
    highest = max((top.plays for top in tops), default=1)
    return [
        TopRow(
            name(top.title or top.artist),
            name(top.artist) if top.title else "",
            top.plays,
            top.plays / highest * 100,
            top,
            *_changed(top),
        )
        for top in tops
    ]


def _changed(top: TopName) -> tuple[str, int, str]:
    """How the rank has changed, the rank, and the listening time."""
    heard = duration(top.heard) if top.heard else ""
    if top.rank_before is None:
        return "", top.rank, heard
    moved = top.rank_before - top.rank
    return (f"{'▲' if moved > 0 else '▼'} {abs(moved)}" if moved else "="), top.rank, heard


def over_time(period: HistoryPeriod, counts: Mapping[int, int], link: str = "/history?period=") -> Chart:
    """Plays of a period by the next shorter unit: years of everything, months of a year, days of a month, hours of a
    day.

    `counts` are by the number of the day; for a single day, by the number of the hour. `link` is the address that bars
    lead to, without the period at its end.
    """
    if period.kind is PeriodKind.DAY:
        day_number = days.day_number(period.first)
        hours = [
            Value(
                counts.get(day_number * 24 + hour, 0),
                f"{hour}" if hour % 3 == 0 else "",
                hour_range(hour),
            )
            for hour in range(24)
        ]
        return chart([_with_count(value) for value in hours], "Plays per hour")
    match bar_unit(period):
        case "year":
            return chart(_per_year(period, counts, link), "Plays per year")
        case "month":
            return chart(_per_month(period, counts, link), "Plays per month")
        case _:
            return chart(_per_day(period, counts, link), "Plays per day")


def bar_unit(period: HistoryPeriod) -> str:
    """What each bar stands for: a year, month, day or hour."""
    if period.kind is PeriodKind.DAY:
        return "hour"
    if period.days <= MAX_DAYS:
        return "day"
    return "month" if len(_months(period)) <= MAX_MONTHS else "year"


def _per_year(period: HistoryPeriod, counts: Mapping[int, int], link: str) -> list[Value]:
    sums = Counter[int]()
    for day_number, count in counts.items():
        sums[days.date_of(day_number).year] += count
    years = range(period.first.year, period.last.year + 1)
    return [Value(sums[year], str(year), f"{year}, {plays(sums[year])}", f"{link}{year}") for year in years]


def _with_count(value: Value) -> Value:
    return Value(value.count, value.label, f"{value.title}, {plays(value.count)}", value.href, value.minor)


def _per_day(period: HistoryPeriod, counts: Mapping[int, int], link: str) -> list[Value]:
    values = []
    for offset in range(period.days):
        day = period.first + timedelta(days=offset)
        count = counts.get(days.day_number(day), 0)
        label = str(day.day) if period.kind is PeriodKind.MONTH else short_date(day)
        every = 5 if period.kind is PeriodKind.MONTH else max(1, period.days // 5)
        labelled = offset % every == every - 1 if period.kind is PeriodKind.MONTH else offset % every == 0
        title = f"{long_date(day)}, {plays(count)}"
        values.append(Value(count, label if labelled else "", title, f"{link}{day}"))
    return values


def _per_month(period: HistoryPeriod, counts: Mapping[int, int], link: str) -> list[Value]:
    sums: Counter[tuple[int, int]] = Counter()
    for day_number, count in counts.items():
        day = days.date_of(day_number)
        sums[day.year, day.month] += count
    values = []
    for year, month_number in (months := _months(period)):
        count = sums[year, month_number]
        label, minor = _month_label(year, month_number, len(months))
        title = f"{month(month_number)} {year}, {plays(count)}"
        values.append(Value(count, label, title, f"{link}{year}-{month_number:02}", minor))
    return values


def _month_label(year: int, month_number: int, months: int) -> tuple[str, bool]:
    """What is below the bar of a month, of that many, and whether a narrow screen leaves it out: months of up to a
    year have their names; of more months, each January has its year, and each quarter its month.
    """
    quarter = month_number % 3 == 1
    if months <= 12:
        return month(month_number), months > 6 and not quarter
    if month_number == 1:
        return str(year), False
    return (month(month_number) if quarter else ""), True


def _months(period: HistoryPeriod) -> list[tuple[int, int]]:
    first, last = period.first.year * 12 + period.first.month - 1, period.last.year * 12 + period.last.month
    return [(number // 12, number % 12 + 1) for number in range(first, last)]


def by_hour(sums: Mapping[int, int]) -> Chart:
    """Plays by the hour of the day."""
    values = [
        Value(
            sums.get(hour, 0),
            f"{hour}" if hour % 3 == 0 else "",
            f"{hour_range(hour)}, {plays(sums.get(hour, 0))}",
        )
        for hour in range(24)
    ]
    return chart(values, "Plays by the hour of the day", 90)


def by_weekday(counts: Mapping[int, int]) -> Chart:
    """Plays by the day of the week."""
    sums: Counter[int] = Counter()
    for day_number, count in counts.items():
        sums[days.date_of(day_number).weekday()] += count
    values = [Value(sums[day], day_name(day)[:3], f"{day_name(day)}, {plays(sums[day])}") for day in range(7)]
    return chart(values, "Plays by the day of the week", 90)


def year_grid(period: HistoryPeriod, counts: Mapping[int, int]) -> Grid:
    """The days of a year: a column for each week, Monday above."""
    first = period.first - timedelta(days=period.first.weekday())
    squares = []
    for offset in range(period.days):
        day = period.first + timedelta(days=offset)
        column, row = (day - first).days // 7, day.weekday()
        squares.append(_Square(column, row, counts.get(days.day_number(day), 0), long_date(day), str(day)))
    above = [
        GridLabel(
            (date(period.first.year, number, 1) - first).days / 7,
            month(number),
            f"/history?period={period}-{number:02}",
            minor=number % 3 != 1,
        )
        for number in range(1, 13)
    ]
    left = [GridLabel(row, day_name(row)[:3]) for row in (0, 3, 6)]
    return _grid(squares, 7, above, left, _summary(counts, f"Plays of each day of {period}"))


def years_grid(everything: HistoryPeriod, counts: Mapping[int, int]) -> Grid:
    """The weeks of all years: a row for each year, the last one below."""
    sums: Counter[tuple[int, int]] = Counter()
    first, last = everything.first.year, everything.last.year
    for day_number, count in counts.items():
        day = days.date_of(day_number)
        sums[day.year, (day.timetuple().tm_yday - 1) // 7] += count
    squares = []
    for of_year in range(first, last + 1):
        for week in range(53):
            begin = date(of_year, 1, 1) + timedelta(days=7 * week)
            end = min(begin + timedelta(days=6), date(of_year, 12, 31))
            title = f"{short_date(begin)} to {short_date(end)} {of_year}"
            squares.append(_Square(week, of_year - first, sums[of_year, week], title, f"{begin}..{end}"))
    above = [
        GridLabel((date(2001, number, 1).timetuple().tm_yday - 1) / 7, month(number), minor=number % 3 != 1)
        for number in range(1, 13)
    ]
    left = [GridLabel(year - first, str(year), minor=(last - year) % 3 != 0) for year in range(first, last + 1)]
    return _grid(squares, last - first + 1, above, left, _summary(counts, f"Plays of each week from {first} to {last}"))


def week_grid(week: Sequence[Sequence[int]]) -> Grid:
    """The hours of the week: a row for each day, Monday above, a column for each hour. Its cells lead nowhere."""
    squares = [
        _Square(hour, day, count, f"{day_name(day)}, {hour_range(hour)}", "")
        for day, hours in enumerate(week)
        for hour, count in enumerate(hours)
    ]
    above = [GridLabel(hour, str(hour), minor=hour % 6 != 0) for hour in range(0, 24, 3)]
    left = [GridLabel(day, day_name(day)[:3], minor=day % 3 != 0) for day in range(7)]
    best = max(squares, key=lambda square: square.plays)
    summary = f"Plays by weekday and hour: most on {best.title}, {plays(best.plays)}"
    return _grid(squares, 7, above, left, summary)


@dataclass(frozen=True, slots=True)
class _Square:
    column: int
    row: int
    plays: int
    title: str
    period: str


def _grid(
    squares: Sequence[_Square], rows: int, above: Sequence[GridLabel], left: Sequence[GridLabel], summary: str
) -> Grid:
    """The grid. The shades are bounded by the quartiles of the squares with plays."""
    played = sorted(square.plays for square in squares if square.plays)
    bounds = [played[len(played) * quarter // LEVELS] for quarter in range(1, LEVELS)] if played else []
    cells = tuple(
        Cell(
            square.column,
            square.row,
            1 + sum(square.plays >= bound for bound in bounds),
            f"{square.title}, {plays(square.plays)}",
            f"/history?period={square.period}",
        )
        for square in squares
        if square.plays
    )
    empty = "".join(f"M{square.column * 10} {square.row * 10}h8v8h-8z" for square in squares if not square.plays)
    return Grid(max(square.column for square in squares) + 1, rows, empty, cells, tuple(above), tuple(left), summary)


def _summary(counts: Mapping[int, int], caption: str) -> str:
    if not counts:
        return f"{caption}: none"
    best = max(counts, key=lambda day_number: counts[day_number])
    total, most = plays(sum(counts.values())), plays(counts[best])
    return f"{caption}: {total} in all, most on {long_date(days.date_of(best))}, {most}"
