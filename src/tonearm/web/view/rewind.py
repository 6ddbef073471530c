"""A look back at a period: its figures in words, and a picture of them to share. Values in, SVG out."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import escape

from tonearm.core import days
from tonearm.core.figures import NameKind, Streak
from tonearm.core.period import HistoryPeriod, PeriodKind
from tonearm.service.figure_results import ListeningTimes, Rewind
from tonearm.web.view.formats import day_name, duration, long_date, month, name, number, period_title, short_date

WIDTH, HEIGHT = 1080, 1350
"""The size of the picture in its own units: a format that most sites show in full."""

ROWS = 5
"""Names of each list in the picture."""


@dataclass(frozen=True, slots=True)
class Highlight:
    """A figure with its description: `value` is shown large, `text` below it, and `href` is its link ("" for none)."""

    title: str
    value: str
    text: str
    href: str = ""


def highlights(found: Rewind) -> list[Highlight]:
    """What was remarkable in a period, as far as there is anything."""
    return [one for one in (_streak(found.streak), _session(found), *_times(found.times)) if one]


def _streak(streak: Streak | None) -> Highlight | None:
    if streak is None or streak.days < 2:
        return None
    first, last = days.date_of(streak.first), days.date_of(streak.last)
    return Highlight(
        "Longest streak",
        f"{number(streak.days)} days",
        f"Music every day from {short_date(first)} to {short_date(last)} {last.year}",
        f"/history?period={first}..{last}",
    )


def _session(found: Rewind) -> Highlight | None:
    session = found.overview.session
    if session is None or session.plays < 2:
        return None
    return Highlight("Longest session", duration(session.seconds), f"{number(session.plays)} plays in one go")


def _times(times: ListeningTimes) -> list[Highlight]:
    if not times.days:
        return []
    found = []
    if len(times.days) > 1:
        best = max(times.days, key=lambda one: one.plays)
        text = long_date(best.day)
        found.append(Highlight("Busiest day", f"{number(best.plays)} plays", text, f"/history?period={best.day}"))
    by_hour = [sum(day[hour] for day in times.week) for hour in range(24)]
    hour = max(range(24), key=by_hour.__getitem__)
    weekday = max(range(7), key=lambda day: sum(times.week[day]))
    found.append(
        Highlight(
            "Favourite time", f"{day_name(weekday)}s", f"Most plays begin between {hour}:00 and {(hour + 1) % 24}:00"
        )
    )
    return found


def rewind_title(period: HistoryPeriod) -> str:
    """The heading of a rewind."""
    return "Rewind: all years" if period.kind is PeriodKind.ALL else f"Rewind {period_title(period)}"


def picture(period: HistoryPeriod, found: Rewind, covers: Sequence[str]) -> str:
    """The picture, as an SVG document. `covers` are those of the first albums, each an SVG element of 40 by 40."""
    totals, tops = found.overview.totals, found.overview.tops
    figures = [(number(totals.plays), "play" if totals.plays == 1 else "plays")]
    if totals.heard >= 3600:
        hours = totals.heard // 3600
        figures.append((number(hours), "hour" if hours == 1 else "hours"))
    artists, fresh = found.overview.names[NameKind.ARTIST], found.overview.fresh
    figures.append((number(artists), "artist" if artists == 1 else "artists"))
    if fresh:
        figures.append((number(fresh), "new artist" if fresh == 1 else "new artists"))
    title = "All years" if period.kind is PeriodKind.ALL else _picture_title(period)
    return "".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
            f'height="{HEIGHT}" font-family="system-ui, sans-serif" fill="#f1efea">',
            f"<title>{escape(rewind_title(period))}</title>",
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#17181b"/>',
            _record(WIDTH - 70, 120),
            _text(70, 110, "tonearm rewind", 30, weight=600, fill="#ff6f63"),
            _text(66, 250, title, 130 if len(title) < 8 else 92, weight=800),
            *_figures(figures),
            *_covers(covers),
            *_names(70, 870, "Artists", [one.artist for one in tops[NameKind.ARTIST].names[:ROWS]]),
            *_names(570, 870, "Tracks", [one.title for one in tops[NameKind.TRACK].names[:ROWS]]),
            "</svg>",
        )
    )


def _picture_title(period: HistoryPeriod) -> str:
    if period.kind is PeriodKind.MONTH:
        return f"{month(period.first.month)} {period.first.year}"
    return period_title(period)


def _record(x: int, y: int) -> str:
    grooves = "".join(f'<circle cx="{x}" cy="{y}" r="{r}"/>' for r in range(110, 300, 20))
    return (
        f'<circle cx="{x}" cy="{y}" r="310" fill="#0b0c0d"/><g fill="none" stroke="#33353a" stroke-width="2">{grooves}'
        f'</g><circle cx="{x}" cy="{y}" r="92" fill="#ff6f63"/><circle cx="{x}" cy="{y}" r="9" fill="#17181b"/>'
    )


def _figures(figures: Sequence[tuple[str, str]]) -> list[str]:
    parts = []
    for place, (value, label) in enumerate(figures):
        x = 70 + place * 240
        parts += [_text(x, 440, value, 50, weight=800), _text(x, 482, label, 28, fill="#a9a59c")]
    return parts


def _covers(covers: Sequence[str]) -> list[str]:
    return [
        f'<svg x="{70 + place * 190}" y="550" width="180" height="180" viewBox="0 0 40 40">{cover}</svg>'
        for place, cover in enumerate(covers[:ROWS])
    ]


def _names(x: int, y: int, heading: str, names: Sequence[str]) -> list[str]:
    rows = [_text(x, y, heading, 28, weight=600, fill="#ff6f63")] if names else []
    for place, shown in enumerate(names):
        top = y + 70 + place * 76
        rows += [
            _text(x, top, str(place + 1), 34, fill="#a9a59c"),
            _text(x + 44, top, fitting(name(shown)), 34, weight=600),
        ]
    return rows


ROOM = 24
"""The number of letters of a name that fit into the picture."""


def fitting(text: str) -> str:
    """As much of a name as fits; East Asian letters are twice as wide."""
    room, shown = ROOM, ""
    for character in text:
        room -= 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if room < 0:
            return shown.rstrip() + "…"
        shown += character
    return shown


def _text(x: int, y: int, text: str, size: int, *, weight: int = 400, fill: str = "") -> str:
    colour = f' fill="{fill}"' if fill else ""
    printable = "".join(character for character in text if unicodedata.category(character) not in ("Cc", "Cs", "Cn"))
    return f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}"{colour}>{escape(printable)}</text>'
