"""When a play was, and whether two players report the same one."""

from __future__ import annotations

import csv
import gzip
import itertools
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonearm.core.play import EARLIEST_PLAY, Play, Track
from tonearm.core.report import (
    Listening,
    Placed,
    Stamp,
    assumed_played,
    judged,
    made_just_now,
    place,
    queued_by_a_fast_clock,
    same_play,
    stamped_by_our_clock,
)

NOW = 1_760_000_000
DAY = 86400


def a_play(timestamp: int, played: float, artist: str = "Can", title: str = "Halleluwah") -> Play:
    return Play(Track(artist, title), timestamp, played)


@pytest.mark.parametrize(
    ("timestamp", "played", "skew", "placed"),
    [
        pytest.param(NOW - 300, 240, 0, NOW - 300, id="an ordinary report stays as it is"),
        pytest.param(NOW - 240, 240, 0, NOW - 240, id="so does one that comes right at the end"),
        pytest.param(NOW - 235, 240, 0, NOW - 235, id="a few seconds are rounding"),
        pytest.param(NOW - 225, 240, 0, NOW - 225, id="a clock that is a little fast tells a start"),
        pytest.param(NOW - 110, 240, 0, NOW - 110, id="less than half too late may be many things"),
        pytest.param(NOW - 100, 240, 0, NOW - 100, id="a player that reports early sends the whole length"),
        pytest.param(NOW, 240, 0, NOW - 240, id="an end told as the start moves back by what was heard"),
        pytest.param(NOW - 10, 240, 0, NOW - 250, id="also one that was told ten seconds later"),
        pytest.param(NOW - 11, 240, 0, NOW - 11, id="but not one that was told later still"),
        pytest.param(NOW, 20, 0, NOW, id="what was heard for 20 s may have begun within the slack"),
        pytest.param(NOW, 22, 0, NOW - 22, id="but not what was heard for longer"),
        pytest.param(NOW - 5 * DAY, 240, 0, NOW - 5 * DAY, id="a backlog stays as it is"),
        pytest.param(NOW + DAY, 240, 0, NOW + DAY, id="what lies ahead is somebody's clock, not an end"),
        pytest.param(NOW - 250, 240, -DAY, NOW - 250 - DAY, id="told by our fast clock: moved with it"),
        pytest.param(NOW - 250, 240, DAY, NOW - 250 + DAY, id="told by our slow clock: moved with it"),
        pytest.param(NOW - 250 - DAY, 240, -DAY, NOW - 250 - DAY, id="told by a right clock while ours is fast"),
        pytest.param(NOW - 250 + DAY, 240, DAY, NOW - 250 + DAY, id="told by a right clock while ours is slow"),
        pytest.param(NOW, 240, -DAY, NOW - 240 - DAY, id="an end told by a fast clock moves twice"),
        pytest.param(NOW - 90, 240, DAY, NOW - 90 + DAY, id="an early report by our slow clock"),
        pytest.param(NOW - 7200, 240, -DAY, NOW - 7200 - DAY, id="over by our fast clock, and ahead by the right one"),
        pytest.param(NOW - 250, 240, 60 * DAY, NOW - 250 + 60 * DAY, id="by a clock that is two months slow"),
        pytest.param(NOW - 250, 240, EARLIEST_PLAY - NOW, NOW - 250, id="not to before there were scrobbles"),
        pytest.param(NOW - 250, 240, 30, NOW - 250, id="half a minute is nobody's concern"),
    ],
)
def test_how_a_start_is_determined(timestamp: int, played: float, skew: float, placed: int) -> None:
    found = place(timestamp, played, NOW, skew)
    assert found.timestamp == placed
    assert bool(found.restamp_reason) == (placed != timestamp)


@pytest.mark.parametrize(
    ("timestamp", "stamp", "skew", "placed"),
    [
        pytest.param(NOW, Stamp.START, 0, NOW, id="a start stays, even at the very moment of its report"),
        pytest.param(NOW, Stamp.END, 0, NOW - 240, id="an end is moved back"),
        pytest.param(NOW - 7200, Stamp.END, 0, NOW - 7440, id="an end is moved back however old the report is"),
        pytest.param(NOW - 240, Stamp.UNKNOWN, 0, NOW - 240, id="what is unknown may be a start"),
        pytest.param(NOW, Stamp.UNKNOWN, 0, NOW - 240, id="what is unknown may be an end"),
        pytest.param(NOW, Stamp.START, -DAY, NOW - DAY, id="a start by our fast clock moves with the clock alone"),
        pytest.param(NOW, Stamp.END, -DAY, NOW - 240 - DAY, id="an end by our fast clock moves twice"),
        pytest.param(NOW - 5 * DAY, Stamp.END, -DAY, NOW - 240 - 5 * DAY, id="an old end is by no clock of ours"),
        pytest.param(EARLIEST_PLAY + 9, Stamp.END, 0, EARLIEST_PLAY + 9, id="not to before there were scrobbles"),
    ],
)
def test_what_a_report_says_of_its_time_is_not_guessed(timestamp: int, stamp: Stamp, skew: float, placed: int) -> None:
    found = place(timestamp, 240, NOW, skew, stamp)
    assert found.timestamp == placed
    assert bool(found.restamp_reason) == (placed != timestamp)


@given(st.integers(NOW - 20 * DAY, NOW + DAY), st.floats(0, 4000), st.sampled_from(Stamp))
def test_only_what_was_heard_lies_between_an_end_and_its_start(timestamp: int, played: float, stamp: Stamp) -> None:
    moved = timestamp - place(timestamp, played, NOW, 0.0, stamp).timestamp
    assert moved in {Stamp.START: {0}, Stamp.END: {round(played)}, Stamp.UNKNOWN: {0, round(played)}}[stamp]


@pytest.mark.parametrize(
    ("duration", "listening", "threshold", "counted", "reason"),
    [
        (200.0, Listening.MEASURED, 50, False, "heard 99 s of 200 s, needs 100 s"),
        (200.0, Listening.UNKNOWN, 50, False, "heard 99 s of 200 s, needs 100 s"),
        (200.0, Listening.MEASURED, 25, True, "heard 99 s of 200 s, needs 50 s"),
        (200.0, Listening.ASSUMED, 100, True, "its player decided that it counts, and doesn't say how much was heard"),
        (None, Listening.ASSUMED, 50, True, "its player decided that it counts, and doesn't say how much was heard"),
        (30.0, Listening.ASSUMED, 50, False, "the track is 30 s long; Last.fm only accepts tracks longer than 30 s"),
    ],
)
def test_a_play_of_which_nothing_was_measured_counts_by_its_players_word(
    duration: float | None, listening: Listening, threshold: int, counted: bool, reason: str
) -> None:
    play = Play(Track("Can", "Halleluwah", duration=duration), NOW, 99.0)
    found = judged(play, listening, threshold)
    assert (found.counts, found.reason) == (counted, reason)


def test_of_a_play_that_counts_the_least_is_sure_and_the_whole_is_possible() -> None:
    assert assumed_played(200.0) == (100.0, 200.0)
    assert assumed_played(1100.0) == (240.0, 1100.0)
    assert assumed_played(None) == (240.0, 240.0)


def test_a_play_counts_by_its_players_word_for_as_long_as_it_says() -> None:
    play = Play(Track("Can", "Halleluwah", duration=200.0), NOW, 99.0)
    found = judged(play, Listening.ASSUMED, 75)
    assert (found.played, found.needed) == (99.0, 150.0)


@pytest.mark.parametrize("listening", Listening)
def test_how_long_a_track_has_to_be_depends_on_the_service(listening: Listening) -> None:
    play = Play(Track("Can", "Halleluwah", duration=20.0), NOW, 20.0)
    assert not judged(play, listening, 50).counts
    assert judged(play, listening, 50, shortest=5.0).counts


def test_a_move_says_what_part_of_it_is_due_to_our_clock() -> None:
    assert place(NOW - 250, 240, NOW, -DAY).by_clock == -DAY
    assert place(NOW, 240, NOW, -DAY).by_clock == -DAY, "the rest is an end that was told as the start"
    assert place(NOW, 240, NOW).by_clock == 0


def test_without_a_known_difference_a_clock_is_right() -> None:
    for timestamp in (NOW - 10, NOW + 10):
        assert place(timestamp, 240, NOW) == place(timestamp, 240, NOW, 0.0)


def test_the_reason_of_a_move_is_reported() -> None:
    assert place(NOW, 240.4, NOW) == Placed(NOW - 240, "start moved back 240 s: the player sent the end time")
    assert (
        place(NOW - 250, 240, NOW, -DAY).restamp_reason == "start moved -86400 s: the clock here differs from Last.fm's"
    )
    assert "; start moved back 240 s" in place(NOW, 240, NOW, -DAY).restamp_reason


@given(st.integers(NOW - 20 * DAY, NOW + DAY), st.floats(0, 4000), st.floats(-2 * DAY, 2 * DAY))
def test_nothing_that_was_moved_back_ends_after_its_report(timestamp: int, played: float, skew: float) -> None:
    placed = place(timestamp, played, NOW, skew)
    if "moved back" in placed.restamp_reason:
        assert placed.timestamp + played <= NOW + skew + 11


@pytest.mark.parametrize(
    ("enqueued_at", "skew", "fast"),
    [
        (NOW - 5, -DAY, True),
        (NOW - DAY - 5, -DAY, False),
        (NOW - 5, 0, False),
        (NOW - 5, DAY, False),
        (NOW, -60, False),
    ],
)
def test_a_fast_clock_is_known_by_what_it_queued_in_the_future(enqueued_at: float, skew: float, fast: bool) -> None:
    assert queued_by_a_fast_clock(enqueued_at, NOW, skew) is fast


def test_only_a_wrong_clock_of_ours_gives_wrong_times() -> None:
    assert stamped_by_our_clock(NOW - 250, 240, NOW, DAY)
    assert not stamped_by_our_clock(NOW - 250, 240, NOW, 0)
    assert not stamped_by_our_clock(NOW - 5000, 240, NOW, DAY)


@pytest.mark.parametrize(("ago", "just_now"), [(-11, False), (-10, True), (0, True), (840, True), (841, False)])
def test_a_play_was_made_just_now_until_ten_minutes_after_its_end(ago: float, just_now: bool) -> None:
    assert made_just_now(NOW - round(ago), 240, NOW) is just_now


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param(a_play(NOW, 240), a_play(NOW + 2, 600), True, id="a player at half time, a server at the end"),
        pytest.param(a_play(NOW, 240), a_play(NOW + 2, 600, "CAN", "halleluwah"), True, id="in other letters"),
        pytest.param(a_play(NOW, 240), a_play(NOW + 240, 240), False, id="played twice in a row"),
        pytest.param(a_play(NOW, 240.9), a_play(NOW + 240, 240), False, id="with rounded times"),
        pytest.param(a_play(NOW, 243), a_play(NOW + 240, 240), False, id="three seconds that both share are rounding"),
        pytest.param(a_play(NOW, 243.5), a_play(NOW + 240, 240), True, id="more than three seconds are not"),
        pytest.param(a_play(NOW, 130), a_play(NOW + 130, 240), False, id="begun anew after half of it"),
        pytest.param(a_play(NOW, 240), a_play(NOW + 2, 240, "Can", "Oh Yeah"), False, id="another track"),
        pytest.param(a_play(NOW, 0), a_play(NOW, 240), False, id="nothing was heard of one"),
        pytest.param(a_play(NOW, 240, "Ca" * 40), a_play(NOW, 240, "CA" * 40), True, id="a long name in other letters"),
        pytest.param(a_play(NOW, 240, "Ca" * 40), a_play(NOW, 240, "Ca" * 41), False, id="other long names"),
        pytest.param(a_play(NOW, 240, "Ca" * 40), a_play(NOW, 240), False, id="a long name and a short one"),
    ],
)
def test_two_reports_of_one_play(one: Play, other: Play, same: bool) -> None:
    assert same_play(one, other) is same
    assert same_play(other, one) is same


def test_no_true_repeat_of_ten_real_years_is_suspected(test_data: Path) -> None:
    """Whoever hears a track again has heard it before for no longer than went by until then."""
    with gzip.open(test_data / "data" / "plays-104k.csv.gz", "rt", encoding="utf-8", newline="") as lines:
        rows = [(int(row["timestamp"]), row["artist"], row["track"]) for row in csv.DictReader(lines)]
    by_track: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    starts = sorted({at for at, _, _ in rows})
    after = dict(zip(starts, [*starts[1:], starts[-1] + 240], strict=True))
    for at, artist, track in rows:
        by_track[artist, track].append(at)
    near = suspected = 0
    for (artist, track), times in by_track.items():
        moments = sorted(set(times))
        for first, again in itertools.pairwise(moments):
            if again - first <= 3600:
                near += 1
                heard = min(240.0, after[first] - first)
                suspected += same_play(a_play(first, heard, artist, track), a_play(again, 240, artist, track))
    assert near > 1000
    assert suspected == 0
