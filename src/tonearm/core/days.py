"""Days and hours in a listener's time zone: stretches of time with the same offset from UTC.

Within one of them a local day is `(timestamp + offset) // 86400`, which every database can count.

A day is one stretch of time. Some clocks were set back a minute after midnight (St. John's until 2011), which would
begin the next day twice: that minute belongs to the day before, as if the clocks had been set back at midnight.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

DAY = 86400
HOUR = 3600

_STEP = 7 * DAY
"""Seconds between two checks of the zone's offset. Clock changes are weeks apart at least."""

_QUARTER = 900
"""Seconds: clocks are taken to change with a quarter of an hour, by which plays are counted."""

_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Stretch:
    """Unix seconds from `start` to before `end`, in which local time is UTC plus `offset` seconds."""

    start: int
    end: int
    offset: int


def stretches(zone: tzinfo, start: int, end: int) -> list[Stretch]:
    """The stretches of a span of time, in order; none if it is empty."""
    found: list[Stretch] = []
    begun = at = start
    while at < end:
        ahead = min(at + _STEP, end)
        if _offset(zone, ahead) != (offset := _offset(zone, at)):
            ahead = _change(zone, at, ahead)
            found.append(Stretch(begun, ahead, offset))
            begun = ahead
        at = ahead
    return found if begun >= end else [*found, Stretch(begun, end, _offset(zone, begun))]


def _change(zone: tzinfo, before: int, after: int) -> int:
    """The first second with another offset, after `before` and no later than `after`."""
    offset = _offset(zone, before)
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (middle, after) if _offset(zone, middle) == offset else (before, middle)
    return after


def _offset(zone: tzinfo, at: int) -> int:
    """The offset from UTC that counts for all of the quarter of an hour, which is the one at its end."""
    at += _QUARTER - 1 - at % _QUARTER
    return int((datetime.fromtimestamp(at, zone).utcoffset() or timedelta()).total_seconds())


def start_of(day: date, zone: tzinfo) -> int:
    """The first second of a local day, in Unix seconds."""
    midnight = datetime.combine(day, time(), zone)
    first, again = (int(midnight.replace(fold=fold).timestamp()) for fold in (0, 1))
    return again if again > first and day_of(again - 1, zone) < day else first


def day_of(timestamp: float, zone: tzinfo) -> date:
    """The local day of a moment in Unix seconds."""
    return (datetime.fromtimestamp(timestamp, UTC) + timedelta(seconds=_offset(zone, int(timestamp)))).date()


def day_number(day: date) -> int:
    """The number of a local day, as `// 86400` gives it."""
    return day.toordinal() - _EPOCH


def date_of(day: int) -> date:
    """The local day with that `day_number`."""
    return date.fromordinal(day + _EPOCH)


def days_back(today: date, count: int) -> list[date]:
    """The last `count` days, up to today."""
    return [today - timedelta(days=back) for back in range(count - 1, -1, -1)]
