"""How pages say it: names that fit a line, moments, waits, numbers, and sentences of what Last.fm said."""

from __future__ import annotations

import math
import unicodedata
from datetime import UTC, date, datetime

from markupsafe import Markup

from tonearm.core.period import HistoryPeriod, PeriodKind

LONGEST_SHOWN = 240
"""Characters of one name; a list is no place for a novel."""

HOUR = 3600.0
THIS_WEEK = 6 * 86400.0
"""Seconds for which the name of a day says which day it is."""

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Mn", "Me", "Zs", "Zl", "Zp"}


def name(text: str) -> str:
    """A name as a list shows it: cut, and never without anything to see."""
    if text and all(unicodedata.category(c) in _UNSEEN for c in text[:LONGEST_SHOWN]):
        return "(invisible characters)"
    return cut(text)


def cut(text: str) -> str:
    """The text, or as much of it as a list has room for."""
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1].rstrip() + "…"


def sentence(text: str) -> str:
    """What a log would say, as a sentence."""
    text = cut(text.strip())
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?…" else ".")


def number(count: int) -> str:
    """With a comma every three digits."""
    return f"{count:,}"


def plays(count: int) -> str:
    """So many plays."""
    return "1 play" if count == 1 else f"{number(count)} plays"


def span(seconds: float) -> str:
    """A length of time as one says it, rounded up: it is never over before it is said to be."""
    whole = max(0, math.ceil(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{math.ceil(whole / 60)} min"
    if whole < 2 * 86400:
        return f"{math.ceil(whole / 3600)} h"
    return f"{math.ceil(whole / 86400)} days"


def duration(seconds: float) -> str:
    """How long something was heard: hours and minutes."""
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{number(hours)} h {minutes} min" if hours else f"{minutes} min"


def clock(seconds: float) -> str:
    """A place within a track: minutes and seconds."""
    whole = max(0, int(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def short_date(day: date) -> str:
    """A day of this year, as a chart has room for it."""
    return f"{day.day} {_MONTHS[day.month - 1]}"


def date_words(day: date) -> str:
    """A day with its name and its year."""
    return f"{_DAYS[day.weekday()]}, {day.day} {_MONTHS[day.month - 1]} {day.year}"


_LONG_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def period_words(shown: HistoryPeriod) -> str:
    """A period as a heading."""
    first, last = shown.first, shown.last
    match shown.kind:
        case PeriodKind.ALL:
            return "All years"
        case PeriodKind.YEAR:
            return str(first.year)
        case PeriodKind.MONTH:
            return f"{_LONG_MONTHS[first.month - 1]} {first.year}"
        case PeriodKind.DAY:
            return date_words(first)
        case PeriodKind.SPAN:
            return f"{short_date(first)} {first.year} to {short_date(last)} {last.year}"


def day_name(number: int) -> str:
    """The name of a day of the week, 0 for Monday."""
    return _DAYS[number]


def hour_words(hour: int) -> str:
    """An hour of the day."""
    return f"{hour}:00 to {hour}:59"


def month(number: int) -> str:
    """The short name of a month, 1 to 12."""
    return _MONTHS[number - 1]


def moment(timestamp: float, now: float, full: bool = False) -> Markup:
    """A moment in the service's own time zone, which the page's script turns into the reader's.

    Of another year it is the day alone, unless it is wanted in `full`.
    """
    there = datetime.fromtimestamp(timestamp, UTC)
    here = there.astimezone()
    day = f"{here.day} {_MONTHS[here.month - 1]}"
    this_year = here.year == datetime.fromtimestamp(now, UTC).astimezone().year
    words = day if this_year else f"{day} {here.year}"
    if this_year or full:
        words += f" {here:%H:%M}"
    how = Markup(" data-full") if full else ""
    return Markup('<time datetime="{}"{}>{}</time>').format(f"{there:%Y-%m-%dT%H:%M:%SZ}", how, words)


def time_of(timestamp: float, now: float) -> Markup:
    """A moment of the last hours by its time alone, an earlier one as `moment` says it."""
    there = datetime.fromtimestamp(timestamp, UTC)
    here, today = there.astimezone(), datetime.fromtimestamp(now, UTC).astimezone()
    if here.date() != today.date():
        return moment(timestamp, now)
    return Markup('<time datetime="{}" data-time>{}</time>').format(f"{there:%Y-%m-%dT%H:%M:%SZ}", f"{here:%H:%M}")


def by(timestamp: float, now: float) -> Markup:
    """The full hour by which something is over, since it is known no better; told as `moment` tells."""
    there = datetime.fromtimestamp(math.ceil(timestamp / HOUR) * HOUR, UTC)
    here = there.astimezone()
    day = _DAYS[here.weekday()]
    words = day if timestamp - now < THIS_WEEK else f"{day} {here.day} {_MONTHS[here.month - 1]}"
    return Markup('<time datetime="{}" data-by>{} {:%H:%M}</time>').format(f"{there:%Y-%m-%dT%H:%M:%SZ}", words, here)


def ago(seconds: float) -> Markup:
    """ "12 s ago", which the page's script counts on."""
    return Markup('<span class="count" data-ago="{:.1f}">{} ago</span>').format(seconds, span(seconds))


def marked(text: str) -> Markup:
    """A docstring's `code` as code."""
    plain, code = Markup("{}"), Markup("<code>{}</code>")
    parts = enumerate(text.split("`"))
    return Markup().join((code if place % 2 else plain).format(part) for place, part in parts)


def countdown(seconds: float) -> Markup:
    """ "in 38 s", which the page's script counts down."""
    return Markup('<span class="count" data-in="{:.1f}">in {}</span>').format(seconds, span(seconds))
