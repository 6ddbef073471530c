"""What an import of loved tracks marks, and that its counts add up."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tonearm.core.likeness import Ambiguity
from tonearm.core.loved import ImportCounts, ImportPlan, Loved, LoveMark, Matched, Undecided, plan_import
from tonearm.core.matching import Candidate, LibraryIndex, Sure

LIBRARY = LibraryIndex(
    [
        (1, "Nina Simone", "Sinnerman", ""),
        (2, "Nina Simone", "Sinnerman", ""),
        (3, "Sigur Rós", "Hoppípolla", ""),
        (4, "Oasis", "Wonderwall (Remastered)", ""),
        (5, "Blur", "Beetlebum", "054a6cef-c53a-4ffa-a76e-69d2b8cc7d09"),
    ]
)
SINNERMAN = Loved("Nina Simone", "Sinnerman", loved_at=1_600_000_000)
HOPPIPOLLA = Loved("Sigur Ros", "hoppipolla", loved_at=1_500_000_000)
WONDERWALL = Loved("Oasis", "Wonderwall")
BEETLEBUM = Loved("Blúr", "Bettlebaum", mbid="054a6cef-c53a-4ffa-a76e-69d2b8cc7d09")
UNKNOWN = Loved("Nobody", "Nothing")

loved_tracks = st.lists(st.sampled_from([SINNERMAN, HOPPIPOLLA, WONDERWALL, BEETLEBUM, UNKNOWN, Loved("", "")]))


def test_every_loved_track_gets_one_outcome() -> None:
    page = [SINNERMAN, HOPPIPOLLA, WONDERWALL, BEETLEBUM, UNKNOWN]
    assert plan_import(page, LIBRARY, {3}) == ImportPlan(
        marks=(LoveMark(1, 1_600_000_000), LoveMark(2, 1_600_000_000), LoveMark(5, 0)),
        doubtful=(Undecided(WONDERWALL, (Candidate(4, Ambiguity.VERSION),)),),
        missing=(UNKNOWN,),
        counts=ImportCounts(imported=2, already=1, doubtful=1, missing=1),
        matched=(
            Matched(SINNERMAN, (1, 2), Sure.EXACT),
            Matched(HOPPIPOLLA, (3,), Sure.FOLDED),
            Matched(BEETLEBUM, (5,), Sure.IDENTIFIER),
        ),
    )


def test_what_the_listener_has_declined_is_missing() -> None:
    plan = plan_import([WONDERWALL, SINNERMAN], LIBRARY, set(), {("Oasis", "Wonderwall"), ("Nina Simone", "Sinnerman")})
    assert (plan.doubtful, plan.missing) == ((), (WONDERWALL,))
    assert plan.counts == ImportCounts(imported=1, missing=1)


def test_a_song_of_which_one_copy_has_the_heart_is_imported_for_the_other() -> None:
    plan = plan_import([SINNERMAN], LIBRARY, {1})
    assert plan.marks == (LoveMark(2, 1_600_000_000),)
    assert plan.counts == ImportCounts(imported=1)


def test_a_song_that_is_loved_under_two_spellings_is_imported_once() -> None:
    plan = plan_import([HOPPIPOLLA, Loved("Sigur Rós", "Hoppípolla", loved_at=1)], LIBRARY, set())
    assert plan.marks == (LoveMark(3, 1_500_000_000),)
    assert plan.counts == ImportCounts(imported=1, already=1)


def test_a_listener_without_loved_tracks_has_nothing_to_import() -> None:
    assert plan_import([], LIBRARY, set()) == ImportPlan((), (), (), ImportCounts())


@given(loved_tracks, st.sets(st.integers(1, 5)))
def test_the_counts_add_up_to_the_loved_tracks(page: list[Loved], hearts: set[int]) -> None:
    plan = plan_import(page, LIBRARY, hearts)
    assert plan.counts.total == len(page)
    assert len(plan.doubtful) == plan.counts.doubtful
    assert len(plan.missing) == plan.counts.missing
    assert hearts.isdisjoint(mark.id for mark in plan.marks)


@given(loved_tracks, st.sets(st.integers(1, 5)))
def test_a_second_import_changes_nothing(page: list[Loved], hearts: set[int]) -> None:
    first = plan_import(page, LIBRARY, hearts)
    second = plan_import(page, LIBRARY, hearts | {mark.id for mark in first.marks})
    assert second.marks == ()
    assert second.counts == ImportCounts(
        0, first.counts.imported + first.counts.already, first.counts.doubtful, first.counts.missing
    )


@given(loved_tracks, st.integers(0, 20))
def test_it_does_not_matter_how_loved_tracks_fall_into_pages(page: list[Loved], cut: int) -> None:
    whole = plan_import(page, LIBRARY, set())
    first = plan_import(page[:cut], LIBRARY, set())
    second = plan_import(page[cut:], LIBRARY, {mark.id for mark in first.marks})
    assert first.marks + second.marks == whole.marks
    assert first.counts + second.counts == whole.counts


def test_a_real_page_is_all_found_in_a_library_that_has_it(test_data: Path) -> None:
    pairs = json.loads((test_data / "data" / "loved-160.json").read_text(encoding="utf-8"))
    library = LibraryIndex(
        (place, artist.upper(), title.replace("'", "’"), "") for place, (artist, title) in enumerate(pairs)
    )
    plan = plan_import([Loved(artist, title) for artist, title in pairs], library, set())
    assert plan.counts == ImportCounts(imported=160)
