"""The files that share a key with a song are all that its match depends on."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import matching
from tonearm.core.likeness import bare, cores
from tonearm.core.matching import LibraryEntry, LibraryIndex, MatchResult
from tonearm.core.name_keys import (
    CorrectionKeys,
    artist_keys,
    asking_key,
    keys_of_file,
    keys_of_song,
    learning_key,
    recording_keys,
    title_keys,
)
from tonearm.core.naming import Renamed, entries_by_other_names

RECORDING = "0a1b2c3d-0000-4000-8000-000000000001"
Song = tuple[str, str, str]


def both_ways(files: list[LibraryEntry], songs: Iterable[Song]) -> list[tuple[MatchResult, MatchResult]]:
    """What the index of all files finds for each song, and what that of those with a key in common does."""
    whole = LibraryIndex(files)
    by_key: dict[int, set[int]] = {}
    for number, artist, title, mbid in files:
        for key in keys_of_file(artist, (), title, mbid):
            by_key.setdefault(key, set()).add(number)
    found = []
    for song in songs:
        near = set().union(*(by_key.get(key, set()) for key in keys_of_song(*song)))
        found.append((whole.find(*song), LibraryIndex(file for file in files if file[0] in near).find(*song)))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("as_lastfm_spells", [True, False])
def test_the_files_with_a_key_of_a_real_song_decide_its_match(test_data: Path, as_lastfm_spells: bool) -> None:
    material = matching.material(test_data / "data", as_lastfm_spells=as_lastfm_spells)
    chance = Random(17)
    files = chance.sample(material.library, 3000) + [file for _, file in material.hidden]
    entries = [(number, *names, "") for number, names in enumerate(dict.fromkeys(files))]
    songs = [(*names, "") for names in chance.sample(material.asked, 600)]
    for whole, near in both_ways(entries, songs):
        assert near == whole


PIECES = st.sampled_from(
    ["Mahler", "Gustav Mahler", "The ", " - ", "Song", "01. ", " (Live)", " feat. Bob", "Part 2", " & ", "'", " ", "é"]
)
NAMES = st.lists(PIECES, min_size=1, max_size=4).map("".join)
FILES = st.lists(st.tuples(NAMES, NAMES, st.sampled_from(["", RECORDING])), max_size=12)


@given(FILES, st.tuples(NAMES, NAMES, st.just("")))
def test_the_files_with_a_key_of_a_song_decide_its_match(files: list[Song], song: Song) -> None:
    [(whole, near)] = both_ways([(number, *file) for number, file in enumerate(files)], [song])
    assert near == whole


def test_a_recording_is_a_key_in_any_case() -> None:
    song = ("Muse", "Bliss", RECORDING.upper())
    assert keys_of_song(*song) & keys_of_file("Somebody", (), "Something", RECORDING)
    assert not keys_of_song(*song) & keys_of_file("Somebody", (), "Something", "")
    assert not keys_of_song("Muse", "Bliss", "") & keys_of_file("Somebody", (), "Something", "")


def test_the_keys_of_a_name_stay_those_that_libraries_have_stored() -> None:
    """If they have to change, a migration makes all files unkeyed."""
    assert artist_keys("Sigur Rós") == {learning_key("Sigur Rós")} == {-5403207155864093569}
    assert title_keys("01. Bliss (Live)") == {4305248142619982591, -1587556651836054844, 6493539469251469547}
    assert recording_keys(RECORDING) == {-3881513910770884670}


def test_a_broken_identifier_is_a_key_like_any_other() -> None:
    assert recording_keys("\ud800") == recording_keys("?")


@pytest.mark.parametrize("title", ["Song (Live)", "The Song"])
def test_a_title_without_a_dash_has_one_core(title: str) -> None:
    assert cores(title) == {"song"}


@given(NAMES, NAMES)
def test_a_title_has_all_cores_whoever_the_artist_is(artist: str, title: str) -> None:
    assert bare(artist, title).core in cores(title)


def test_each_of_several_artists_and_every_way_to_credit_them_is_a_key() -> None:
    keys = keys_of_file("Alice & Bob", ("Alice", "Bob"), "Duet", "")
    for artist in ("Alice", "Bob", "Bob & Alice", "Alice feat. Bob"):
        assert keys & keys_of_song(artist, "Something", ""), artist


def test_songs_are_learnt_from_by_their_artist() -> None:
    assert learning_key("The Beatles feat. Billy Preston") == asking_key("beatles")
    assert learning_key("Mahler") != asking_key("Gustav Mahler")


def test_a_file_is_behind_the_names_that_lastfm_has_for_it() -> None:
    corrections = [(("Utada Hikaru", "First Love (album version)"), ("宇多田ヒカル", "First Love"))]
    renamed, behind = Renamed(corrections), CorrectionKeys(corrections)
    for file in ((1, "Utada Hikaru", "Automatic", ""), (2, "Utada Hikaru", "First Love (album version)", "")):
        keys = keys_of_file(file[1], (), file[2], "")
        for _, artist, title, _ in entries_by_other_names([file], {}, renamed):
            for asked in (keys_of_song(artist, "?", ""), keys_of_song("?", title, "")):
                assert behind.behind(asked) & keys, (artist, title)
    assert behind.behind({1}) == {1}


@pytest.mark.parametrize(
    ("asked", "files"),
    [
        (("宇多田ヒカル", "-"), [("Utada Hikaru", "?"), ("Hikki", "?")]),
        (("Hikki", "-"), [("宇多田ヒカル", "?"), ("Utada", "?")]),
        (("-", "手紙"), [("?", "Letters"), ("?", "Brief")]),
    ],
)
def test_files_are_behind_a_name_by_each_correction_of_it(asked: tuple[str, str], files: list[tuple[str, str]]) -> None:
    behind = CorrectionKeys(
        [
            (("Utada Hikaru", "Letters"), ("宇多田ヒカル", "手紙")),
            (("Hikki", "Traveling"), ("宇多田ヒカル", "traveling")),
            (("Hikki", "Exodus"), ("Utada", "Exodus '04")),
            (("Cubic U", "Brief"), ("Cubic U", "手紙")),
        ]
    ).behind(keys_of_song(*asked, ""))
    for artist, title in files:
        assert behind & keys_of_file(artist, (), title, ""), (artist, title)
