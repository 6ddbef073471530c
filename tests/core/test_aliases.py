"""Aliases: which two names many tracks show to be one artist, and which they do not."""

from __future__ import annotations

import pytest

from tonearm.core.aliases import Agreements
from tonearm.core.likeness import Ambiguity
from tonearm.core.loved import ImportCounts, Loved, plan_import
from tonearm.core.matching import Doubtful, LibraryIndex, Match, MatchResult, NoMatch, Several, Sure

ALBUM = (
    "Prologue",
    "First Light",
    "The Long Road",
    "Rivers of Stone",
    "Falling Ash",
    "Winter Garden",
    "Last Train Home",
)
MORE = tuple(f"Number {letter} of many songs" for letter in "abcdefghijklmnop")


def found(theirs: str, wanted: str, titles: tuple[str, ...] = ALBUM, ask: str = "Prologue") -> MatchResult:
    """What is found of an artist's song in a library that has these titles under that name, after all are asked for."""
    index = LibraryIndex((place, theirs, title, "") for place, title in enumerate(titles))
    index.learn((wanted, title) for title in titles)
    return index.find(wanted, ask)


@pytest.mark.parametrize(
    ("theirs", "wanted"),
    [
        ("Mahler", "Gustav Mahler"),
        ("Gustav Mahler", "Mahler"),
        ("Jimi Hedrix", "Jimi Hendrix"),
        ("Oasis/Oasis", "Oasis"),
        ("Hackett (Steve)", "Steve Hackett"),
        ("Poe - Haunted", "Poe"),
        ("Krewella and Adventure Club", "Adventure Club"),
        ("Ed Sheeran; Taylor Swift", "Taylor Swift"),
    ],
)
def test_several_titles_under_a_name_that_may_be_the_artist_s_make_it_an_alias(theirs: str, wanted: str) -> None:
    assert found(theirs, wanted) == Match(0, Sure.ALIAS)


@pytest.mark.parametrize(
    ("theirs", "wanted"),
    [
        ("Mahler Revival", "Mahler"),
        ("A Tribute to Mahler", "Mahler"),
        ("Mahler", "Brit Mahler"),
        ("Mahler UK", "Mahler"),
        ("Mahler Unlimited", "Mahler"),
        ("Шостакович", "Cover Band"),
        ("Somebody Else", "Mahler"),
    ],
)
def test_who_plays_an_artist_s_album_is_not_the_artist(theirs: str, wanted: str) -> None:
    assert isinstance(found(theirs, wanted), Doubtful)


def test_equal_titles_of_unrelated_names_are_doubtful() -> None:
    assert isinstance(found("The Lord of the Rings", "Howard Shore"), Doubtful)
    assert isinstance(found("The Lord of the Rings", "Howard Shore", ALBUM[:3]), Doubtful)
    assert isinstance(found("The Lord of the Rings", "Howard Shore", ALBUM[:2]), NoMatch)


def test_more_than_an_album_is_believed_across_scripts() -> None:
    titles = (*ALBUM, *MORE)
    assert found("坂本龍一", "Ryuichi Sakamoto", titles, "First Light") == Match(1, Sure.ALIAS)
    assert found("Philip Glass", "Philip Glass Ensemble", titles) == Match(0, Sure.ALIAS)
    assert found("Philip Glass", "Philip Glass Ensemble", titles[:15]) == Match(0, Sure.ALIAS)
    assert isinstance(found("Philip Glass", "Philip Glass Ensemble", titles[:14]), Doubtful)


def test_a_few_titles_are_not_many() -> None:
    assert isinstance(found("Mahler", "Gustav Mahler", ALBUM[:2]), Doubtful)
    assert found("Jimi Hedrix", "Jimi Hendrix", ALBUM[:2]) == Match(0, Sure.ALIAS)
    special = ("A title that nobody else would ever have", "Another one that is as long as it is rare")
    assert found("Mahler", "Gustav Mahler", special, special[0]) == Match(0, Sure.ALIAS)


@pytest.mark.parametrize(
    ("length", "count", "aliases"),
    [(23, 2, ()), (24, 2, ("Mahler",)), (23, 3, ("Mahler",)), (6, 3, ("Mahler",)), (5, 3, ())],
)
def test_a_title_from_24_letters_on_counts_twice_and_below_6_not_at_all(
    length: int, count: int, aliases: tuple[str, ...]
) -> None:
    agreed = Agreements()
    for letter in "abc"[:count]:
        agreed.note("gustavmahler", "Gustav Mahler", letter * length, {"mahler": "Mahler"})
    assert agreed.aliases("gustavmahler") == aliases


@pytest.mark.parametrize("spellings", [("Mahler", "MAHLER", "mahler"), ("MAHLER", "mahler", "Mahler")])
def test_an_alias_is_written_in_one_way_whichever_file_came_first(spellings: tuple[str, ...]) -> None:
    agreed = Agreements()
    for written, title in zip(spellings, ("Prologue", "Urlicht", "Andante"), strict=True):
        agreed.note("gustavmahler", "Gustav Mahler", title, {"mahler": written})
    assert agreed.aliases("gustavmahler") == ("MAHLER",)


def test_titles_that_everybody_has_say_nothing() -> None:
    short = ("Intro", "Home", "One", "Stay")
    assert isinstance(found("Mahler", "Gustav Mahler", short, "Home"), Doubtful)
    index = LibraryIndex(
        (place, artist, title, "")
        for place, (artist, title) in enumerate((a, t) for a in ("Mahler", "Wagner", "Verdi") for t in ALBUM)
    )
    index.learn(("Gustav Mahler", title) for title in ALBUM)
    assert isinstance(index.find("Gustav Mahler", "Prologue"), Doubtful)


def test_an_artist_of_whom_two_may_be_meant_is_neither() -> None:
    index = LibraryIndex(
        [(place, "Johann Strauss", title, "") for place, title in enumerate(ALBUM)]
        + [(100 + place, "Richard Strauss", title, "") for place, title in enumerate(ALBUM)]
    )
    index.learn(("Strauss", title) for title in ALBUM)
    assert isinstance(index.find("Strauss", "Prologue"), Doubtful)


def test_two_artists_who_both_have_the_songs_are_two() -> None:
    index = LibraryIndex(
        [(place, "Mahler", title, "") for place, title in enumerate(ALBUM)]
        + [(100 + place, "Gustav Mahler", title, "") for place, title in enumerate(ALBUM[:4])]
    )
    index.learn(("Gustav Mahler", title) for title in ALBUM)
    assert isinstance(index.find("Gustav Mahler", "Last Train Home"), Doubtful)
    assert index.find("Gustav Mahler", "Prologue") == Match(100, Sure.EXACT)


@pytest.mark.parametrize(("shared", "titles", "alias"), [(1, 3, False), (1, 4, True), (2, 6, False), (2, 7, True)])
def test_a_title_that_the_library_has_of_both_outweighs_three(shared: int, titles: int, alias: bool) -> None:
    agreed = Agreements()
    for title in MORE[:titles]:
        agreed.note("gustavmahler", "Gustav Mahler", title, {"mahler": "Mahler"})
    for title in ALBUM[:shared]:
        agreed.note("gustavmahler", "Gustav Mahler", title, {"mahler": "Mahler", "gustavmahler": "Gustav Mahler"})
    assert agreed.aliases("gustavmahler") == (("Mahler",) if alias else ())


def test_a_name_of_the_same_words_is_the_artist_even_if_the_library_has_both() -> None:
    assert found("Oasis/Oasis", "Oasis", ALBUM[:3]) == Match(0, Sure.ALIAS)
    index = LibraryIndex(
        [(place, "Oasis/Oasis", title, "") for place, title in enumerate(ALBUM)]
        + [(100 + place, "Oasis", title, "") for place, title in enumerate(ALBUM[:4])]
    )
    index.learn(("Oasis", title) for title in ALBUM)
    assert index.find("Oasis", "Last Train Home") == Match(6, Sure.ALIAS)


def test_what_was_learnt_earlier_counts_with_what_comes_later() -> None:
    index = LibraryIndex((place, "Mahler", title, "") for place, title in enumerate((*ALBUM, "Prologue")))
    index.learn(("Gustav Mahler", title) for title in ALBUM[:2])
    assert isinstance(index.find("Gustav Mahler", "Prologue"), Doubtful)
    index.learn(("Gustav Mahler", title) for title in ALBUM[2:4])
    assert index.find("Gustav Mahler", "Prologue") == Several((0, 7), Sure.ALIAS)


def test_an_import_learns_from_its_own_page() -> None:
    index = LibraryIndex((place, "Mahler", title, "") for place, title in enumerate(ALBUM))
    plan = plan_import([Loved("Gustav Mahler", title) for title in ALBUM], index, frozenset())
    assert plan.counts == ImportCounts(imported=len(ALBUM))


def test_an_identifier_with_another_title_goes_before_an_alias() -> None:
    index = LibraryIndex([(9, "Gustav Mahler", "Urlicht", "id"), *((n, "Mahler", t, "") for n, t in enumerate(ALBUM))])
    index.learn(("Gustav Mahler", title) for title in ALBUM)
    result = index.find("Gustav Mahler", "Prologue", "id")
    assert isinstance(result, Doubtful)
    assert [candidate.ambiguity for candidate in result.candidates] == [Ambiguity.CREDIT, Ambiguity.IDENTIFIER]
