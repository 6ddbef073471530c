"""How long a track was really heard, from what a player says of it, and from what it leaves out."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonearm.core.play import Track
from tonearm.core.session import ClockStep, Finished, ListeningClock, Notice, NoticeKind, step

T = 1_795_900_000.0
TRACK = Track("Can", "Halleluwah", duration=300.0)
OTHER = Track("Can", "Paperhouse", duration=400.0)
ENDLESS = Track("Can", "Halleluwah")

Said = tuple[NoticeKind, float] | tuple[NoticeKind, float, float]


def notice(
    kind: NoticeKind, at: float, position: float | None = None, track: Track = TRACK, paused: bool = False
) -> Notice:
    return Notice(kind, T + at, track, position, paused=paused)


def listen(*said: Notice) -> tuple[ListeningClock | None, list[tuple[str, float, float | None]]]:
    clock: ListeningClock | None = None
    over: list[Finished] = []
    for each in said:
        stepped = step(clock, each)
        clock = stepped.clock
        over += stepped.finished
    return clock, [(one.track.title, one.start - T, one.played) for one in over]


def heard(*said: Said, track: Track = TRACK) -> list[tuple[float, float | None]]:
    """Start and seconds heard of each listening that is over, by what was said of one track."""
    notices = [notice(kind, at, rest[0] if rest else None, track) for kind, at, *rest in said]
    return [(start, played) for _, start, played in listen(*notices)[1]]


S, P, R, G, J, C, E = (
    NoticeKind.STARTED,
    NoticeKind.PAUSED,
    NoticeKind.RESUMED,
    NoticeKind.PROGRESS,
    NoticeKind.SOUGHT,
    NoticeKind.COUNTED,
    NoticeKind.STOPPED,
)


@pytest.mark.parametrize(
    ("said", "over"),
    [
        pytest.param([(S, 0), (E, 200)], [(0, 200)], id="from start to stop"),
        pytest.param([(S, 0), (E, 900)], [(0, 300)], id="a late stop: no longer than the track"),
        pytest.param([(S, 0), (P, 100), (R, 400), (E, 500)], [(0, 200)], id="a pause does not count"),
        pytest.param([(S, 0), (P, 100), (P, 150), (R, 400), (R, 400), (E, 500)], [(0, 200)], id="words given twice"),
        pytest.param([(S, 0), (P, 100), (E, 900)], [(0, 100)], id="stopped while paused"),
        pytest.param([(S, 0), (S, 3), (E, 200)], [(0, 200)], id="a start given twice"),
        pytest.param([(S, 0), (E, 200), (E, 201)], [(0, 200)], id="a stop given twice"),
        pytest.param([(S, 0), (E, 200), (G, 205, 203)], [(0, 200)], id="progress after the stop"),
        pytest.param([(S, 0), (G, 10, 10), (G, 20, 20), (E, 25, 25)], [(0, 25)], id="progress"),
        pytest.param([(S, 0), (G, 10, 10), (G, 20, 110), (E, 30, 120)], [(0, 30)], id="sought ahead"),
        pytest.param([(S, 0), (G, 100, 100), (G, 110, 50), (E, 120, 60)], [(0, 120)], id="sought back"),
        pytest.param([(S, 0), (J, 10, 200), (E, 60, 250)], [(0, 60)], id="said that it sought"),
        pytest.param([(S, 0, 0), (J, 50, 250), (E, 400)], [(0, 100)], id="sought close to the end, and stopped late"),
        pytest.param([(S, 0, 0), (J, 50, 300), (E, 400)], [(0, 50)], id="sought to the very end"),
        pytest.param([(S, 0, 0), (G, 290, 290), (E, 340)], [(0, 300)], id="silent at the end"),
        pytest.param([(S, 0, 0), (G, 100, 100), (G, 100, 105), (E, 100, 105)], [(0, 100)], id="moved within no time"),
        pytest.param([(S, 0, 0), (G, 100, 100), (G, 150, 100), (E, 150, 100)], [(0, 100)], id="stalled"),
        pytest.param([(S, 0), (P, 10, 10), (J, 20, 200), (R, 30, 200), (E, 60, 230)], [(0, 40)], id="in a pause"),
        pytest.param([(S, 0), (G, 10, 10), (G, 500, 20), (E, 600, 120)], [(0, 120)], id="a pause nobody spoke of"),
        pytest.param([(S, 0), (P, 10, 10), (G, 100, 50), (E, 110, 60)], [(0, 60)], id="a resume nobody spoke of"),
        pytest.param([(S, 0), (P, 10, 10), (E, 100, 60)], [(0, 60)], id="neither resume nor progress"),
        pytest.param([(S, 0, 0), (P, 100, 100), (R, 200, 110), (E, 250, 160)], [(0, 150)], id="sought, then resumed"),
        pytest.param([(S, 0, 0), (P, 100, 100), (G, 200, 50), (E, 250, 100)], [(0, 150)], id="sought back in a pause"),
        pytest.param([(S, 0, 0), (P, 100, 100), (G, 150, 160), (E, 150, 160)], [(0, 150)], id="a position 10 s ahead"),
        pytest.param([(S, 0), (P, 10, 10), (E, 20, 250)], [(0, 10)], id="sought while paused"),
        pytest.param([(S, 0), (S, 300), (E, 500)], [(0, 300), (300, 200)], id="a repeat with a start of its own"),
        pytest.param(
            [(S, 0, 0), (S, 300, 10), (E, 400, 110)], [(0, 290), (290, 100)], id="a repeat whose start came 10 s late"
        ),
        pytest.param(
            [(S, 0), (G, 290, 290), (G, 310, 10), (E, 400, 100)], [(0, 300), (300, 100)], id="a silent repeat"
        ),
        pytest.param([(S, 0), (P, 100), (S, 400), (E, 500)], [(0, 200)], id="a start that is a resume"),
        pytest.param([(S, 0), (P, 90, 90), (S, 400, 90), (E, 500, 190)], [(0, 190)], id="so by its position"),
        pytest.param([(S, 0), (P, 90, 90), (S, 400, 0), (E, 500, 100)], [(0, 90), (400, 100)], id="begun anew"),
        pytest.param([(G, 100, 100), (E, 200, 200)], [(0, 200)], id="a start that we have missed"),
        pytest.param([(E, 200, 200)], [(0, 200)], id="only the end, with its position"),
        pytest.param([(E, 200)], [], id="only the end: nothing is known"),
        pytest.param([(C, 200)], [(200, None)], id="only that it counts"),
        pytest.param([(C, 200, 180)], [(20, None)], id="only that it counts, with its position"),
        pytest.param([(C, 200), (C, 220), (E, 230)], [(200, None)], id="that it counts is said twice"),
        pytest.param([(C, 200), (C, 500)], [(200, None), (500, None)], id="it counts, and again at a repeat"),
        pytest.param([(S, 0), (C, 270), (E, 300), (C, 301)], [(0, 300)], id="what the clock knows goes before"),
        pytest.param([(S, 0), (E, 200), (C, 350)], [(0, 200)], id="it counted half a track after its end"),
        pytest.param([(S, 0), (E, 200), (C, 351)], [(0, 200), (351, None)], id="it counted later than that"),
        pytest.param(
            [(S, 0), (E, 100, 100), (R, 150, 100), (E, 250, 200)], [(0, 100), (150, 100)], id="on from a stop"
        ),
        pytest.param([(S, 50), (E, 20)], [(50, 0)], id="a clock that went back"),
    ],
)
def test_the_seconds_played_of_a_track(said: list[Said], over: list[tuple[float, float | None]]) -> None:
    assert heard(*said) == over


def test_after_a_track_of_unknown_length_it_may_be_counted_for_five_minutes() -> None:
    assert heard((S, 0), (E, 200), (C, 500), track=ENDLESS) == [(0, 200)]
    assert heard((S, 0), (E, 200), (C, 501), track=ENDLESS) == [(0, 200), (501, None)]


def test_a_late_progress_does_not_begin_the_track_again() -> None:
    clock, _ = listen(notice(S, 0), notice(E, 200), notice(G, 210, 5))
    assert clock is not None
    assert clock.ended


def test_a_listen_without_an_end_is_over_when_its_clock_is_stopped() -> None:
    clock, _ = listen(notice(S, 0))
    assert clock is not None
    ended, finished = clock.finish(T + 120)
    assert (ended.ended, ended.at, finished) == (True, T + 120, Finished(TRACK, T, 120.0))


def test_a_track_begins_no_earlier_than_the_last_notice_of_the_one_before() -> None:
    said = (notice(S, 0, 0), notice(G, 250, 250), notice(G, 260, 100, OTHER), notice(E, 300, 140, OTHER))
    assert listen(*said)[1] == [("Halleluwah", 0, 250), ("Paperhouse", 250, 50)]
    counted = (notice(S, 0, 0), notice(G, 250, 250), notice(C, 260, 100, OTHER))
    assert listen(*counted)[1] == [("Halleluwah", 0, 250), ("Paperhouse", 250, None)]


def test_a_track_of_unknown_length_counts_until_its_last_report() -> None:
    assert heard((S, 0), (E, 200), track=ENDLESS) == [(0, 200)]
    assert heard((S, 0), (E, 86400), track=ENDLESS) == [(0, 240)]
    assert heard((S, 0), (P, 200), (R, 300), (E, 500), track=ENDLESS) == [(0, 400)]
    assert heard((E, 5000, 5000), track=ENDLESS) == [(4760, 240)], "a position alone is no proof of hours"
    assert heard((C, 200), (C, 220), track=ENDLESS) == [(200, None)]


def test_the_next_track_ends_the_one_before() -> None:
    clock, over = listen(notice(S, 0), notice(S, 300, track=OTHER), notice(E, 301), notice(E, 500, track=OTHER))
    assert over == [("Halleluwah", 0, 300), ("Paperhouse", 300, 200)], "a late stop of the first is no matter"
    assert clock is not None
    assert clock.ended


def test_the_next_track_may_be_known_by_its_progress_alone() -> None:
    _, over = listen(notice(S, 0), notice(G, 310, 10, OTHER), notice(E, 400, 100, OTHER))
    assert over == [("Halleluwah", 0, 300), ("Paperhouse", 300, 100)]


def test_the_next_track_may_be_known_by_its_end_alone() -> None:
    _, over = listen(notice(S, 0), notice(C, 660, 360, OTHER))
    assert over == [("Halleluwah", 0, 300), ("Paperhouse", 300, None)]
    clock, over = listen(notice(S, 0), notice(E, 200, track=OTHER))
    assert (clock, over) == (None, [("Halleluwah", 0, 200)])


def test_a_player_that_falls_silent_in_mid_track_is_not_believed_to_play_on() -> None:
    _, over = listen(notice(S, 0), notice(G, 10, 10), notice(G, 20, 20), notice(S, 4000, track=OTHER))
    assert over == [("Halleluwah", 0, 80)]


def test_progress_says_whether_the_track_is_paused() -> None:
    said = [notice(S, 0), notice(G, 100, 100, paused=True), notice(G, 200, 100, paused=True), notice(G, 210, 110)]
    assert listen(*said, notice(E, 220, 120))[1] == [("Halleluwah", 0, 120)]
    clock = step(None, notice(G, 10, 10, paused=True)).clock
    assert clock is not None
    assert not clock.playing


def test_the_id_of_the_player_goes_before_the_names() -> None:
    one, renamed = (Notice(S, T, TRACK, key="7"), Notice(E, T + 200, OTHER, key="7"))
    assert [one.played for one in step(step(None, one).clock, renamed).finished] == [200]


def test_a_length_that_comes_late_is_kept() -> None:
    clock = step(step(None, notice(S, 0, track=ENDLESS)).clock, notice(G, 10, 10)).clock
    assert clock is not None
    assert clock.track.duration == 300
    clock = step(clock, notice(G, 20, 20, track=ENDLESS)).clock
    assert clock is not None
    assert clock.track.duration == 300


@pytest.mark.parametrize(
    ("said", "overdue_after"),
    [
        pytest.param([notice(S, 0)], 600, id="playing: the rest of the track, and some minutes"),
        pytest.param([notice(S, 0, track=ENDLESS)], 3600, id="a track of unknown length: an hour"),
        pytest.param([notice(G, 0, 0)], 300, id="one that speaks all the time: some minutes"),
        pytest.param([notice(S, 0), notice(P, 10)], 6 * 3600, id="paused: some hours"),
    ],
)
def test_a_stop_that_never_comes_is_not_waited_for_for_ever(said: list[Notice], overdue_after: float) -> None:
    clock, _ = listen(*said)
    assert clock is not None
    last = clock.at
    assert not clock.overdue(last + overdue_after)
    assert clock.overdue(last + overdue_after + 1)
    ended, finished = clock.finish(last + overdue_after + 1)
    assert finished.played is not None
    assert finished.played <= 300
    assert ended.ended
    assert not ended.overdue(last + 10**9)


ANY = st.builds(
    Notice,
    st.sampled_from(NoticeKind),
    st.just(T),
    st.sampled_from((TRACK, OTHER, ENDLESS)),
    st.none() | st.floats(0, 5000),
    paused=st.booleans(),
)


@given(st.lists(st.tuples(ANY, st.floats(0, 1000)), max_size=30))
def test_nobody_ever_hears_more_than_the_time_that_passes(said: list[tuple[Notice, float]]) -> None:
    clock: ListeningClock | None = None
    now = T
    for each, later in said:
        now += later
        stepped = step(clock, replace(each, at=now))
        for one in stepped.finished:
            assert one.played is None or 0 <= one.played <= now - one.start + 1e-3
        for one, other in pairwise(stepped.finished):
            assert one.start <= other.start
        clock = stepped.clock
        if clock is not None:
            assert 0 <= clock.played <= now - clock.start + 1e-3


@given(st.lists(st.tuples(ANY, st.floats(20, 1000)), max_size=30))
def test_a_repeated_notice_changes_nothing(said: list[tuple[Notice, float]]) -> None:
    once: ListeningClock | None = None
    twice: ListeningClock | None = None
    now = T
    for each, later in said:
        now += later
        at_once = replace(each, at=now)
        first = step(once, at_once)
        once = first.clock
        second = step(twice, at_once)
        third = step(second.clock, at_once)
        assert third.finished == ()
        assert second.finished == first.finished
        twice = third.clock
        assert once == twice


@given(
    st.lists(st.tuples(st.sampled_from(("play", "pause", "seek")), st.floats(1, 60), st.floats(0, 250)), max_size=12),
    st.data(),
)
def test_with_positions_missing_notices_do_not_add_time(
    life: list[tuple[str, float, float]], data: st.DataObject
) -> None:
    """A player that plays, pauses and seeks, whose pauses and resumes may be lost; its progress comes every 10 s."""
    at, position, truth, playing, seeks = 0.0, 0.0, 0.0, True, 0
    said = [notice(S, 0, 0)]
    for what, seconds, to in life:
        if what == "seek":
            position, seeks = to, seeks + 1
        elif (what == "play") is not playing:
            playing = what == "play"
            if data.draw(st.booleans()):
                said.append(notice(R if playing else P, at, position))
        passed = 0.0
        while passed < seconds:
            tick = min(10.0, seconds - passed)
            passed += tick
            at += tick
            if playing and position < 300:
                went_on = min(tick, 300 - position)
                position += went_on
                truth += went_on
            said.append(notice(G, at, position, paused=not playing))
    said.append(notice(E, at, position))
    total = sum(played or 0 for _, _, played in listen(*said)[1])
    assert abs(total - truth) <= 10 * (seeks + 1) + 10, "each seek hides at most what went by since the last word"


def test_a_stop_without_a_start_begins_nothing() -> None:
    assert step(None, notice(E, 0)) == ClockStep(None)


def test_a_stop_that_is_delivered_twice_does_not_end_the_next_track() -> None:
    said = (
        notice(S, 0),
        notice(E, 200, 200),
        notice(S, 201, 0, OTHER),
        notice(E, 203, 200),
        notice(E, 501, 300, OTHER),
    )
    assert listen(*said)[1] == [("Halleluwah", 0, 200), ("Paperhouse", 201, 300)]


@pytest.mark.parametrize("late", [(E, 301, 299), (C, 301, 270), (G, 301, 299)])
def test_a_late_notice_of_a_track_does_not_touch_its_repeat(late: Said) -> None:
    assert heard((S, 0, 0), (S, 300, 0), late, (E, 500, 200)) == [(0, 300), (300, 200)]
    assert heard((S, 0, 0), (E, 300, 300), (S, 300, 0), late, (E, 500, 200)) == [(0, 300), (300, 200)]


def test_a_track_that_played_before_may_play_again_with_its_start_missed() -> None:
    said = (notice(S, 0), notice(E, 200, 200), notice(S, 201, 0, OTHER), notice(E, 900, 290))
    assert [one[0] for one in listen(*said)[1]] == ["Halleluwah", "Paperhouse", "Halleluwah"]
