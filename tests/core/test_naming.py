"""Under which other names a song is found: several artists, and names that Last.fm has corrected."""

from __future__ import annotations

import pytest

from tonearm.core.matching import LibraryIndex, Match, NoMatch, Several
from tonearm.core.naming import Renamed, credits_of, entries_by_other_names

UTADA = ("Utada Hikaru", "First Love")
HIKARU = ("宇多田ヒカル", "First Love")


def index(*files: tuple[int, str, str], artists: dict[int, tuple[str, ...]], renamed: Renamed) -> LibraryIndex:
    entries = [(number, artist, title, "") for number, artist, title in files]
    single = [(number, name, title, "") for number, _, title, _ in entries for name in artists.get(number, ())]
    return LibraryIndex([*entries, *entries_by_other_names(entries, artists, renamed)], single)


@pytest.mark.parametrize(
    "credit",
    [
        "Alice & Bob",
        "Alice, Bob",
        "Alice · Bob",
        "Bob & Alice",
        "Alice / Bob",
        "Alice; Bob",
        "Alice and Bob",
        "Alice feat. Bob",
        "Alice x Bob",
        "alice + bob",
        "Alice",
        "Bob",
    ],
)
def test_a_file_of_two_artists_is_found_by_each_way_to_credit_them(credit: str) -> None:
    library = index((1, "Alice & Bob", "Duet"), artists={1: ("Alice", "Bob")}, renamed=Renamed([]))
    found = library.find(credit, "Duet")
    assert isinstance(found, Match)
    assert found.id == 1


@pytest.mark.parametrize("credit", ["A, B & C", "A & B & C", "A, B, C", "C, B & A", "A feat. B & C", "B"])
def test_a_file_of_three_artists_too(credit: str) -> None:
    library = index((1, "A, B & C", "Trio"), artists={1: ("A", "B", "C")}, renamed=Renamed([]))
    assert isinstance(library.find(credit, "Trio"), Match)


def test_an_artists_own_song_comes_before_one_in_which_he_is_one_of_several() -> None:
    files = [(1, "Alice & Bob", "Song"), (2, "Alice", "Song")]
    library = index(*files, artists={1: ("Alice", "Bob")}, renamed=Renamed([]))
    assert library.find("Alice", "Song").ids == (2,)  # type: ignore[union-attr]
    assert library.find("Bob", "Song").ids == (1,)  # type: ignore[union-attr]


def test_two_files_of_several_artists_are_both_found() -> None:
    files = [(1, "Alice & Bob", "Song"), (2, "Alice & Carol", "Song")]
    library = index(*files, artists={1: ("Alice", "Bob"), 2: ("Alice", "Carol")}, renamed=Renamed([]))
    assert isinstance(library.find("Alice", "Song"), Several)
    assert isinstance(library.find("", "Song"), NoMatch)


def test_one_artist_is_credited_in_one_way() -> None:
    assert credits_of("Simon & Garfunkel", ()) == ("Simon & Garfunkel",)


def test_only_its_own_name_gives_a_file_its_recording() -> None:
    renamed = Renamed([(UTADA, HIKARU)])
    entries = entries_by_other_names(
        [(1, "Utada Hikaru", "Automatic", "id"), (2, "Alice", "Duet", "id")], {2: ("Alice", "Bob")}, renamed
    )
    assert {(1, "宇多田ヒカル", "Automatic", ""), (2, "Alice & Bob", "Duet", "")} <= (found := set(entries))
    assert {mbid for *_, mbid in found} == {""}


def test_an_artist_that_lastfm_renames_is_known_by_both_names() -> None:
    renamed = Renamed([(UTADA, HIKARU)])
    theirs = index((1, "Utada Hikaru", "Automatic"), artists={}, renamed=renamed)
    ours = index((1, "宇多田ヒカル", "Automatic"), artists={}, renamed=renamed)
    assert isinstance(theirs.find("宇多田ヒカル", "Automatic"), Match)
    assert isinstance(ours.find("Utada Hikaru", "Automatic"), Match)
    assert renamed.at_lastfm("utada hikaru", "Automatic") == ("宇多田ヒカル", "Automatic")
    assert renamed.at_lastfm("Nina Simone", "Sinnerman") == ("Nina Simone", "Sinnerman")


def test_a_song_that_lastfm_renames_is_known_by_both_names() -> None:
    renamed = Renamed([(("Nina Simone", "Sinerman"), ("Nina Simone", "Sinnerman"))])
    library = index((1, "Nina Simone", "Sinerman"), artists={}, renamed=renamed)
    assert isinstance(library.find("Nina Simone", "Sinnerman"), Match)
    assert renamed.at_lastfm("Nina Simone", "Sinerman") == ("Nina Simone", "Sinnerman")
    assert list(renamed.others("Nina Simone", "Bliss")) == []


def test_an_artist_that_lastfm_answers_in_two_ways_is_neither() -> None:
    renamed = Renamed([(("Foo", "A"), ("Bar", "A")), (("Foo", "B"), ("Foo", "B."))])
    assert renamed.at_lastfm("Foo", "C") == ("Foo", "C")
    assert list(renamed.others("Bar", "C")) == []
    assert renamed.at_lastfm("Foo", "A") == ("Bar", "A")
