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
"""Days and months that a chart shows one by one: with more, a phone has no room to touch a bar."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A day or week in which something was played: its place and shade, its words, and where it leads."""

    column: int
    row: int
    level: int
    title: str
    href: str


@dataclass(frozen=True, slots=True)
class HeatCell:
    """A word beside the grid: its column or row, and where it leads. A phone has no room for the minor ones."""

    at: float
    label: str
    href: str = ""
    minor: bool = False


@dataclass(frozen=True, slots=True)
class Grid:
    """An activity grid of square cells, `columns` by `rows`, with words above and to the left.

    `empty` is one SVG path of all cells without plays; those with plays are in the order of time.
    """

    columns: int
    rows: int
    empty: str
    cells: tuple[Cell, ...]
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


def over_time(shown: HistoryPeriod, counts: Mapping[int, int], of: str = "/history?period=") -> Chart:
    """Plays of a period by what is one step shorter: years of all, months of a year, days of a month, hours of a day.

    `counts` are by the number of the day; where one day is shown, by the number of the hour. `of` is the beginning of
    the addresses that bars lead to, which the name of a period ends.
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
    match step(shown):
        case "year":
            return chart(_per_year(shown, counts, of), "Plays per year")
        case "month":
            return chart(_per_month(shown, counts, of), "Plays per month")
        case _:
            return chart(_per_day(shown, counts, of), "Plays per day")


def step(shown: HistoryPeriod) -> str:
    """What each bar of a period is: a year, month, day or hour."""
    if shown.kind is PeriodKind.DAY:
        return "hour"
    if shown.days <= FEW:
        return "day"
    return "month" if len(_months(shown)) <= MANY_MONTHS else "year"


def _per_year(shown: HistoryPeriod, counts: Mapping[int, int], of: str) -> list[Value]:
    sums = Counter[int]()
    for number, count in counts.items():
        sums[days.date_of(number).year] += count
    years = range(shown.first.year, shown.last.year + 1)
    return [
        Value(sums[year], str(year), f"{year}, {plays(sums[year])}", f"{of}{year}", minor=(years[-1] - year) % 3 != 0)
        for year in years
    ]


def _counted(value: Value) -> Value:
    return Value(value.count, value.label, f"{value.title}, {plays(value.count)}", value.href, value.minor)


def _per_day(shown: HistoryPeriod, counts: Mapping[int, int], of: str) -> list[Value]:
    made = []
    for back in range(shown.days):
        day = shown.first + timedelta(days=back)
        count = counts.get(days.day_number(day), 0)
        label = str(day.day) if shown.kind is PeriodKind.MONTH else short_date(day)
        seldom = 5 if shown.kind is PeriodKind.MONTH else max(1, shown.days // 5)
        shows = back % seldom == seldom - 1 if shown.kind is PeriodKind.MONTH else back % seldom == 0
        title = f"{date_words(day)}, {plays(count)}"
        made.append(Value(count, label if shows else "", title, f"{of}{day}"))
    return made


def _per_month(shown: HistoryPeriod, counts: Mapping[int, int], of: str) -> list[Value]:
    sums: Counter[tuple[int, int]] = Counter()
    for number, count in counts.items():
        day = days.date_of(number)
        sums[day.year, day.month] += count
    made = []
    for year, number in (months := _months(shown)):
        count = sums[year, number]
        minor = len(months) > 6 and number % 3 != 1
        title = f"{month(number)} {year}, {plays(count)}"
        made.append(Value(count, month(number), title, f"{of}{period.month(number, year)}", minor))
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
    places = []
    for back in range(shown.days):
        day = shown.first + timedelta(days=back)
        place = (day - first).days // 7, day.weekday()
        places.append(_Place(*place, counts.get(days.day_number(day), 0), date_words(day), str(day)))
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
    return _grid(places, 7, above, left, _told(counts, f"Plays of each day of {shown}"))


def years_grid(everything: HistoryPeriod, counts: Mapping[int, int]) -> Grid:
    """The weeks of all years: a row for each year, the last one below."""
    sums: Counter[tuple[int, int]] = Counter()
    first, last = everything.first.year, everything.last.year
    for number, count in counts.items():
        day = days.date_of(number)
        sums[day.year, (day.timetuple().tm_yday - 1) // 7] += count
    places = []
    for of_year in range(first, last + 1):
        for week in range(53):
            begin = date(of_year, 1, 1) + timedelta(days=7 * week)
            end = min(begin + timedelta(days=6), date(of_year, 12, 31))
            words = f"{short_date(begin)} to {short_date(end)} {of_year}"
            places.append(_Place(week, of_year - first, sums[of_year, week], words, f"{begin}..{end}"))
    above = [
        HeatCell((date(2001, number, 1).timetuple().tm_yday - 1) / 7, month(number), minor=number % 3 != 1)
        for number in range(1, 13)
    ]
    left = [HeatCell(year - first, str(year), minor=(last - year) % 3 != 0) for year in range(first, last + 1)]
    return _grid(places, last - first + 1, above, left, _told(counts, f"Plays of each week from {first} to {last}"))


@dataclass(frozen=True, slots=True)
class _Place:
    column: int
    row: int
    plays: int
    words: str
    period: str


def _grid(
    places: Sequence[_Place], rows: int, above: Sequence[HeatCell], left: Sequence[HeatCell], summary: str
) -> Grid:
    """Shades divide what was played by quarters."""
    played = sorted(place.plays for place in places if place.plays)
    bounds = [played[len(played) * quarter // LEVELS] for quarter in range(1, LEVELS)] if played else []
    cells = tuple(
        Cell(
            place.column,
            place.row,
            1 + sum(place.plays >= bound for bound in bounds),
            f"{place.words}, {plays(place.plays)}",
            f"/history?period={place.period}",
        )
        for place in places
        if place.plays
    )
    empty = "".join(f"M{place.column * 10} {place.row * 10}h8v8h-8z" for place in places if not place.plays)
    return Grid(max(place.column for place in places) + 1, rows, empty, cells, tuple(above), tuple(left), summary)


def _told(counts: Mapping[int, int], what: str) -> str:
    if not counts:
        return f"{what}: none"
    best = max(counts, key=lambda number: counts[number])
    total, most = plays(sum(counts.values())), plays(counts[best])
    return f"{what}: {total} in all, most on {date_words(days.date_of(best))}, {most}"
