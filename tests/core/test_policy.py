"""What a destination gets of a play, and under which names."""

from __future__ import annotations

import pytest

from tonearm.core.play import Track
from tonearm.core.policy import ArtistForm, Policy, first_artist

TRACK = Track("Rihanna feat. Drake", "Work", "Anti", "Various", 219.0)


@pytest.mark.parametrize(
    ("credited", "first"),
    [
        ("Rihanna feat. Drake", "Rihanna"),
        ("Rihanna ft. Drake", "Rihanna"),
        ("Air; Beth Hirsch", "Air"),
        ("Air / Beth Hirsch", "Air"),
        ("AC/DC", "AC/DC"),
        ("Earth, Wind & Fire", "Earth, Wind & Fire"),
        ("Simon & Garfunkel", "Simon & Garfunkel"),
        ("; Beth", "; Beth"),
    ],
)
def test_the_first_artist_is_sent_only_if_they_are_certainly_several(credited: str, first: str) -> None:
    assert first_artist(credited) == first


def test_a_play_is_sent_as_it_was_heard_unless_its_destination_wants_other_names() -> None:
    assert Policy().applied(TRACK) is TRACK
    first = Policy(artist=ArtistForm.FIRST).applied(TRACK)
    assert (first.artist, first.album_artist, first.title, first.duration) == ("Rihanna", "Various", "Work", 219.0)
    alone = Policy(album_artist=False).applied(TRACK)
    assert (alone.artist, alone.album_artist) == ("Rihanna feat. Drake", "")


def test_some_players_and_some_hours_are_kept_here() -> None:
    policy = Policy(not_from=("tablet",), private_until=100.0)
    assert policy.keeps("radio", 99.9) == "kept here: private mode was on"
    assert policy.keeps("radio", 100.0) == ""
    assert policy.keeps("tablet", 100.0) == "kept here: plays from tablet aren't sent there"


@pytest.mark.parametrize(
    ("files", "kept"),
    [
        ((), False),
        (("/music/Kids/one.flac",), True),
        (("/music/Kids/a/b.flac", "/music/Tales/c.mp3"), True),
        (("/music/Kids/one.flac", "/music/Rock/one.flac"), False),
        (("/music/Kids 2/one.flac",), False),
        (("/music/Kids",), False),
        (("C:\\Books\\one.mp3",), True),
    ],
)
def test_songs_stay_here_whose_files_all_lie_in_folders_that_are_left_out(files: tuple[str, ...], kept: bool) -> None:
    policy = Policy(not_in=("/music/Kids", "/music/Tales/", "C:\\Books"))
    assert bool(policy.keeps("", 1.0, files)) == kept


def test_a_play_says_which_folder_keeps_it_here() -> None:
    policy = Policy(not_in=("/music/Kids",))
    assert policy.keeps("", 1.0, ["/music/Kids/one.flac"]) == "kept here: songs in /music/Kids aren't sent there"


def test_a_policy_comes_back_as_it_was_stored_and_what_is_missing_is_as_usual() -> None:
    policy = Policy(
        ArtistForm.FIRST, album_artist=False, not_from=("a", "b"), private_until=5.0, not_in=("/a",), hearts=False
    )
    assert Policy.of(policy.stored()) == policy
    assert Policy.of({}) == Policy()
    assert Policy.of({**policy.stored(), "from a later version": 1}) == policy
