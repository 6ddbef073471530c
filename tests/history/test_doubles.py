"""The same play from two sources is one play; two plays stay two."""

from __future__ import annotations

import random

import pytest

from tests.history.files import AT
from tonearm.history.doubles import REACH, Judge, Outcome, StoredPast, spans
from tonearm.history.play import PastPlay
from tonearm.history.sorting import BLOCK, PART, SortedPlays

NEW, KNOWN, DOUBTFUL, WRITTEN = Outcome.NEW, Outcome.KNOWN, Outcome.DOUBTFUL, Outcome.WRITTEN


def past(at: int, title: str = "Sinnerman", artist: str = "Nina Simone", **more: object) -> PastPlay:
    return PastPlay(AT + at, artist, title, **more)  # type: ignore[arg-type]


def there(
    at: int, number: int = 1, title: str = "Sinnerman", artist: str = "Nina Simone", **more: object
) -> StoredPast:
    return StoredPast(number, AT + at, artist, title, **more)  # type: ignore[arg-type]


def judged(plays: list[PastPlay], *stored: StoredPast, ahead: tuple[PastPlay, ...] = ()) -> list[Outcome]:
    return Judge({}).judge(plays, ahead, stored)


@pytest.mark.parametrize(
    ("play", "stored", "outcome"),
    [
        (past(0), there(0), KNOWN),
        (past(0, "SINNERMAN"), there(0), KNOWN),
        (past(0, "Ágætis byrjun"), there(0, title="Agaetis Byrjun"), KNOWN),
        (past(0), there(30), KNOWN),
        (past(0), there(31), DOUBTFUL),
        (past(0), there(241), NEW),
        (past(0, duration=622.0), there(600), DOUBTFUL),
        (past(0), there(0, title="Another"), NEW),
        (past(0, precision=60), there(59), KNOWN),
        (past(0, precision=60), there(200, length=622.0), KNOWN),
        (past(0, precision=60), there(200), DOUBTFUL),
        (past(0, precision=60), there(700), NEW),
        (past(0, stamp="end", played=100.0), there(-160), KNOWN),
        (past(0), there(-100, loose=True, length=100.0), KNOWN),
        (past(2000, stamp="end", played=200.0, earliest=AT + 10), there(0), KNOWN),
        (past(2000, stamp="end", played=200.0, earliest=AT + 900), there(0), NEW),
        (past(2000, stamp="end", played=200.0, earliest=AT), there(2900), NEW),
        (past(0), there(2000, loose=True, length=200.0, earliest=AT + 10), KNOWN),
        (past(0), there(2000, loose=True, length=200.0, earliest=AT + 900), NEW),
        (past(2300), there(2000, loose=True, length=200.0, earliest=AT), DOUBTFUL),
        (past(0), there(0, ours=True), WRITTEN),
        (past(0, "Help!"), there(0, title="Help", corrected=("Nina Simone", "Help!")), KNOWN),
    ],
)
def test_a_play_is_recognised_as_precisely_as_both_sides_know_its_time(
    play: PastPlay, stored: StoredPast, outcome: Outcome
) -> None:
    assert judged([play], stored) == [outcome]


def test_each_known_play_matches_only_one() -> None:
    assert judged([past(0), past(20)], there(0)) == [KNOWN, NEW]
    assert judged([past(0), past(20)], there(21)) == [NEW, KNOWN]
    assert judged([past(0), past(20)], there(0, 1), there(20, 2)) == [KNOWN, KNOWN]
    assert judged([past(0)], there(20), ahead=(past(20),)) == [NEW]


def test_what_one_part_has_matched_the_next_leaves_alone() -> None:
    judge, known = Judge({}), there(0)
    assert judge.judge([past(0)], [], [known]) == [KNOWN]
    assert judge.judge([past(10)], [], [known]) == [NEW]


def test_names_that_last_fm_corrects_are_the_same_song() -> None:
    judge = Judge({("beatles", "help"): ("thebeatles", "help")})
    assert judge.judge([past(0, "Help", "The Beatles")], [], [there(0, title="Help", artist="Beatles")]) == [KNOWN]


def test_two_equal_lines_are_one_play_and_two_spellings_are_two() -> None:
    assert judged([past(0), past(0), past(0, "Sinner Man"), past(1)]) == [NEW, KNOWN, NEW, NEW]
    assert judged([past(0, precision=60), past(0, precision=60)]) == [NEW, DOUBTFUL]
    stream = past(0, stamp="end", played=99.5)
    assert judged([stream, stream._replace(timestamp=AT + 9), stream._replace(timestamp=AT + 60)]) == [NEW, KNOWN, NEW]


def test_adjacent_times_to_search_are_joined() -> None:
    assert spans([past(0), past(100), past(10 * REACH)]) == [
        (AT - REACH, AT + 100 + REACH),
        (AT + 9 * REACH, AT + 11 * REACH),
    ]


@pytest.mark.parametrize("number", [10, PART + BLOCK + 1])
def test_plays_are_sorted_by_time_also_if_they_are_many(number: int) -> None:
    times = list(range(number))
    random.Random(1).shuffle(times)
    plays = SortedPlays()
    for at in times:
        plays.add(past(at // 2, f"Song {at}"))
    assert plays.number == number
    for _ in range(2):
        assert [play.timestamp for play in plays] == [AT + at // 2 for at in range(number)]
    plays.close()


def test_a_song_that_two_exports_spell_differently_in_the_same_second_is_one_play() -> None:
    assert judged([past(0, "Vaka", "Sigur Ros"), past(0, "Vaka", "Sigur Rós", file=1)]) == [NEW, KNOWN]
    assert judged([past(0, "Vaka", "Sigur Ros"), past(0, "Vaka", "Sigur Rós")]) == [NEW, NEW]
    assert judged([past(0, "Vaka"), past(0, "Njosnavelin", file=1)]) == [NEW, NEW]
    both = [past(0, "Vaka", "Sigur Ros"), past(0, "Vaka", "Sigur Rós")]
    assert judged([*both, *(one._replace(file=1) for one in both)]) == [NEW, NEW, KNOWN, KNOWN]
