"""Formatting for the pages: names that fit a line, times, waits, numbers, and messages as sentences."""

from __future__ import annotations

import math
import unicodedata
from datetime import UTC, date, datetime

from markupsafe import Markup

from tonearm.core import period as periods
from tonearm.core.period import HistoryPeriod, PeriodKind
from tonearm.web.view.time_zone import readers_zone

LONGEST_SHOWN = 240
"""Characters shown of one name."""

HOUR = 3600.0
THIS_WEEK = 6 * 86400.0
"""Seconds for which the name of a weekday is unambiguous."""

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Mn", "Me", "Zs", "Zl", "Zp"}


def name(text: str) -> str:
    """A name as a list shows it: cut, and never invisible."""
    if text and all(unicodedata.category(character) in _INVISIBLE for character in text[:LONGEST_SHOWN]):
        return "(invisible characters)"
    return cut(text)


def cut(text: str) -> str:
    """The text, cut to the space that a list has."""
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1].rstrip() + "…"


def sentence(text: str) -> str:
    """A message of a log as a sentence."""
    text = cut(text.strip())
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?…" else ".")


def first_upper(text: str) -> str:
    """The text, beginning with a capital letter."""
    return text[:1].upper() + text[1:]


def number(count: int) -> str:
    """With a comma every three digits."""
    return f"{count:,}"


def plays(count: int) -> str:
    """ "1 play", "2 plays"."""
    return "1 play" if count == 1 else f"{number(count)} plays"


def span(seconds: float) -> str:
    """A length of time in one unit, rounded up, so that it is never over earlier than shown."""
    whole = max(0, math.ceil(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{math.ceil(whole / 60)} min"
    if whole < 2 * 86400:
        return f"{math.ceil(whole / 3600)} h"
    return f"{math.ceil(whole / 86400)} days"


def duration(seconds: float) -> str:
    """How long something was played: hours and minutes."""
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{number(hours)} h {minutes} min" if hours else f"{minutes} min"


def clock(seconds: float) -> str:
    """A position in a track: minutes and seconds."""
    whole = max(0, int(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def short_date(day: date) -> str:
    """A day without its year, short enough for a chart."""
    return f"{day.day} {_MONTHS[day.month - 1]}"


def long_date(day: date) -> str:
    """A day with its name and its year."""
    return f"{_DAYS[day.weekday()]}, {day.day} {_MONTHS[day.month - 1]} {day.year}"


_LONG_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def period_title(period: HistoryPeriod) -> str:
    """A period as a heading."""
    first, last = period.first, period.last
    match period.kind:
        case PeriodKind.ALL:
            return "All years"
        case PeriodKind.YEAR:
            return str(first.year)
        case PeriodKind.MONTH:
            return f"{_LONG_MONTHS[first.month - 1]} {first.year}"
        case PeriodKind.DAY:
            return long_date(first)
        case PeriodKind.SPAN:
            return f"{short_date(first)} {first.year} to {short_date(last)} {last.year}"


def compared(more: int, period: HistoryPeriod) -> str:
    """How many more plays a period has than the one before it, as a sentence; "" for all of the history."""
    before = periods.before(period)
    if before is None:
        return ""
    match before.kind:
        case PeriodKind.DAY:
            when = f"on {long_date(before.first)}"
        case PeriodKind.SPAN:
            when = f"in the {number(before.days)} days before" if before.days > 1 else "the day before"
        case _:
            when = f"in {period_title(before)}"
    if not more:
        return f"As many plays as {when}."
    return f"{number(abs(more))} {'more' if more > 0 else 'fewer'} {'play' if abs(more) == 1 else 'plays'} than {when}."


def day_name(number: int) -> str:
    """The name of a day of the week, 0 for Monday."""
    return _DAYS[number]


def hour_range(hour: int) -> str:
    """An hour of the day."""
    return f"{hour}:00 to {hour}:59"


def month(number: int) -> str:
    """The short name of a month, 1 to 12."""
    return _MONTHS[number - 1]


def moment(timestamp: float, now: float, full: bool = False) -> Markup:
    """A time in the reader's time zone as far as it is known; the page's script corrects it. In another year it is
    only the day, unless `full`.
    """
    zone = readers_zone()
    local = datetime.fromtimestamp(timestamp, zone)
    text = f"{local.day} {_MONTHS[local.month - 1]}"
    this_year = local.year == datetime.fromtimestamp(now, zone).year
    if not this_year:
        text += f" {local.year}"
    if this_year or full:
        text += f" {_hour_and_minute(local)}"
    return _time(timestamp, "data-full" if full else "", text)


def _hour_and_minute(local: datetime) -> str:
    return f"{local.hour:02}:{local.minute:02}"


def _time(timestamp: float, attribute: str, text: str) -> Markup:
    """A time of which only digits and our own words are shown: to escape them would take longer than all the rest."""
    utc = datetime.fromtimestamp(timestamp, UTC).isoformat(timespec="seconds")  # `strftime` takes five times as long
    stamp = f'{utc.removesuffix("+00:00")}Z"{" " if attribute else ""}{attribute}'
    return Markup(f'<time datetime="{stamp}>{text}</time>')  # noqa: S704  # see above


def day(timestamp: float, now: float) -> Markup:
    """Only the day, in the zone of `moment`; with its year if that is another one."""
    zone = readers_zone()
    local = datetime.fromtimestamp(timestamp, zone)
    text = f"{local.day} {_MONTHS[local.month - 1]}"
    if local.year != datetime.fromtimestamp(now, zone).year:
        text += f" {local.year}"
    return _time(timestamp, "data-day", text)


def time_of(timestamp: float, now: float) -> Markup:
    """Only the time of day for a time today, otherwise as `moment`."""
    zone = readers_zone()
    local, today = datetime.fromtimestamp(timestamp, zone), datetime.fromtimestamp(now, zone)
    if local.date() != today.date():
        return moment(timestamp, now)
    return _time(timestamp, "data-time", _hour_and_minute(local))


def by(timestamp: float, now: float) -> Markup:
    """The full hour by which something is over, since it isn't known more precisely; in the form of `moment`."""
    until = math.ceil(timestamp / HOUR) * HOUR
    local = datetime.fromtimestamp(until, readers_zone())
    day = _DAYS[local.weekday()]
    text = day if timestamp - now < THIS_WEEK else f"{day} {local.day} {_MONTHS[local.month - 1]}"
    return _time(until, "data-by", f"{text} {_hour_and_minute(local)}")


def ago(seconds: float) -> Markup:
    """ "12 s ago", which the page's script counts up."""
    return Markup('<span class="count" data-ago="{:.1f}">{} ago</span>').format(seconds, span(seconds))


def code_spans(text: str) -> Markup:
    """A docstring's `code` as code."""
    plain, code = Markup("{}"), Markup("<code>{}</code>")
    parts = enumerate(text.split("`"))
    return Markup().join((code if index % 2 else plain).format(part) for index, part in parts)


def countdown(seconds: float) -> Markup:
    """ "in 38 s", which the page's script counts down."""
    return Markup('<span class="count" data-in="{:.1f}">in {}</span>').format(seconds, span(seconds))
