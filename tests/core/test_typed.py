"""Lengths and times as people type them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from tonearm.core.typed import length_of, moment_of

TOKYO = timezone(timedelta(hours=9))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("260", 260),
        ("4:20", 260),
        ("04:20", 260),
        ("0:07", 7),
        ("90:00", 5400),
        ("1:04:20", 3860),
        ("24:00:00", 86400),
        ("1440:00", 86400),
        ("86400", 86400),
    ],
)
def test_a_length_is_seconds_or_has_minutes_and_hours(text: str, seconds: float) -> None:
    assert length_of(text) == seconds


@pytest.mark.parametrize("text", ["", ":", "4:", ":20", "::20", "4::20", "1:2:3:4", "x", "4m20", "4.20", "4 20"])
def test_a_length_with_other_parts_is_none(text: str) -> None:
    assert length_of(text) is None


@pytest.mark.parametrize("text", ["99:99:99", "5:60", "1:60:00", "4:5", "1:4:20", "4:200", "-4", "+260", "1_0"])
def test_minutes_and_seconds_have_two_digits_below_60_and_no_sign(text: str) -> None:
    assert length_of(text) is None


@pytest.mark.parametrize("text", ["٤:٢٠", "２６０", "4:20\n", "0", "0:00", "24:00:01", "86401", "99999"])
def test_a_length_has_ascii_digits_and_is_more_than_nothing_and_at_most_a_day(text: str) -> None:
    assert length_of(text) is None


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-05-12 20:30", datetime(2026, 5, 12, 20, 30)),
        ("2026-05-12T20:30", datetime(2026, 5, 12, 20, 30)),
        ("2026-05-12T20:30:05", datetime(2026, 5, 12, 20, 30, 5)),
        ("2026-05-12T20:30:05.25Z", datetime(2026, 5, 12, 20, 30, 5, 250_000, UTC)),
        ("2026-05-12T20:30:05,123456789+09:00", datetime(2026, 5, 12, 20, 30, 5, 123_456, TOKYO)),
    ],
)
def test_a_moment_is_a_day_and_a_time_with_or_without_a_zone(text: str, moment: datetime) -> None:
    assert moment_of(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        *("", "yesterday", "2026-05-12", "20:30", "20260512T2030", "2026-W20-2T20:30", "2026-05-12T", "2026-05-12T20"),
        *("2026-05-12T99:99:99", "2026-05-12T20:60", "2026-02-30T20:30", "12.05.2026 20:30", "٢026-05-12 20:30"),
    ],
)
def test_a_moment_without_a_time_or_that_never_was_is_none(text: str) -> None:
    assert moment_of(text) is None
