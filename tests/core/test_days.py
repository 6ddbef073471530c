"""Days as a listener's clock shows them, over every change of clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from tonearm.core import days

ZONES = (
    *("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia", "UTC"),
    *("Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu", "America/Havana"),
)


@given(
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    start=st.integers(1_034_000_000, 1_900_000_000),
    length=st.integers(1, 6 * 365 * days.DAY),
    inside=st.floats(0, 1, exclude_max=True),
)
def test_counting_by_stretches_gives_the_local_day_and_hour(
    zone: tzinfo, start: int, length: int, inside: float
) -> None:
    found = days.stretches(zone, start, start + length)
    assert (found[0].start, found[-1].end) == (start, start + length)
    assert all(one.end == other.start for one, other in pairwise(found))
    at = start + int(length * inside)
    (there,) = (one for one in found if one.start <= at < one.end)
    local = datetime.fromtimestamp(at, zone)
    assert days.date_of((at + there.offset) // days.DAY) == local.date() == days.day_of(at, zone)
    assert (at + there.offset) // days.HOUR % 24 == local.hour
    assert days.day_number(local.date()) == (at + there.offset) // days.DAY


def test_a_day_is_23_or_25_hours_long_when_clocks_are_changed() -> None:
    berlin = ZoneInfo("Europe/Berlin")

    def hours(day: date) -> float:
        return (days.start_of(day + timedelta(days=1), berlin) - days.start_of(day, berlin)) / days.HOUR

    assert [hours(day) for day in (date(2026, 3, 29), date(2026, 10, 25), date(2026, 6, 1))] == [23, 25, 24]


def test_a_year_is_one_stretch_for_each_change_of_clocks() -> None:
    def at(month: int, day: int, hour: int, year: int = 2026) -> int:
        return int(datetime(year, month, day, hour, tzinfo=UTC).timestamp())

    assert days.stretches(ZoneInfo("Europe/Berlin"), at(1, 1, 0), at(1, 1, 0, 2027)) == [
        days.Stretch(at(1, 1, 0), at(3, 29, 1), 3600),
        days.Stretch(at(3, 29, 1), at(10, 25, 1), 7200),
        days.Stretch(at(10, 25, 1), at(1, 1, 0, 2027), 3600),
    ]


def test_a_change_at_the_very_end_makes_no_empty_stretch() -> None:
    change = int(datetime(2026, 3, 29, 1, tzinfo=UTC).timestamp())
    (only,) = days.stretches(ZoneInfo("Europe/Berlin"), change - 3600, change)
    assert only == days.Stretch(change - 3600, change, 3600)
    assert days.stretches(UTC, change, change) == []


def test_so_many_days_end_today() -> None:
    assert days.days_back(date(2026, 3, 1), 3) == [date(2026, 2, 27), date(2026, 2, 28), date(2026, 3, 1)]


MINUTE_PAST = ("America/St_Johns", "America/Moncton", "Asia/Gaza")
"""Where clocks were, in some years, changed a minute past midnight."""


@given(
    zone=st.sampled_from((*ZONES, *MINUTE_PAST)).map(ZoneInfo),
    at=st.integers(1_034_000_000, 1_900_000_000),
)
def test_every_moment_is_in_one_day_however_it_is_counted(zone: tzinfo, at: int) -> None:
    day = days.day_of(at, zone)
    assert days.start_of(day, zone) <= at < days.start_of(day + timedelta(days=1), zone)
    (there,) = days.stretches(zone, at, at + 1)
    assert (at + there.offset) // days.DAY == days.day_number(day)
    assert abs((day - datetime.fromtimestamp(at, zone).date()).days) <= 1


def test_a_day_that_clocks_began_twice_begins_once() -> None:
    st_johns = ZoneInfo("America/St_Johns")
    change = int(datetime(2010, 11, 7, 2, 31, tzinfo=UTC).timestamp())  # from 0:01 back to 23:01
    assert days.start_of(date(2010, 11, 7), st_johns) == change + 59 * 60
    for moment in (change - 60, change - 1, change, change + 59 * 60 - 1):
        assert days.day_of(moment, st_johns) == date(2010, 11, 6)
    assert days.day_of(change + 59 * 60, st_johns) == date(2010, 11, 7)
    found = days.stretches(st_johns, change - days.DAY, change + days.DAY)
    assert found == [
        days.Stretch(change - days.DAY, change - 60, -9000),
        days.Stretch(change - 60, change + days.DAY, -12600),
    ]
    havana = ZoneInfo("America/Havana")  # sets its clocks back from one to midnight: the day has just begun
    assert days.start_of(date(2025, 11, 2), havana) == int(datetime(2025, 11, 2, 4, tzinfo=UTC).timestamp())
