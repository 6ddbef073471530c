"""A play as Last.fm wants it. https://www.last.fm/api/show/track.scrobble"""

from __future__ import annotations

import math

import pytest

from tonearm.core.play import Play, Track
from tonearm.lastfm.mapper import plays_params, track_params


def test_a_track_with_every_fact_is_sent_with_every_fact() -> None:
    full = Track("Low", "Sunflower", "Things We Lost", "Various Artists", 276.4, 1, "b1a9c0e9")
    assert track_params(full) == {
        "artist": "Low",
        "track": "Sunflower",
        "album": "Things We Lost",
        "albumArtist": "Various Artists",
        "trackNumber": "1",
        "mbid": "b1a9c0e9",
        "duration": "276",
    }


def test_what_is_unknown_is_left_out() -> None:
    assert track_params(Track("Low", "Sunflower")) == {"artist": "Low", "track": "Sunflower"}


def test_an_album_artist_is_sent_only_if_it_differs() -> None:
    assert "albumArtist" not in track_params(Track("Low", "Sunflower", album_artist="Low"))
    assert track_params(Track("Low", "Sunflower", album_artist="low"))["albumArtist"] == "low"


@pytest.mark.parametrize(
    ("seconds", "sent"),
    [
        *((276.4, "276"), (276.6, "277"), (31, "31")),
        *((seconds, None) for seconds in (None, 0, 0.4, -5.0, math.nan, math.inf)),
    ],
)
def test_a_duration_is_sent_in_whole_seconds_or_not_at_all(seconds: float | None, sent: str | None) -> None:
    assert track_params(Track("Low", "Sunflower", duration=seconds)).get("duration") == sent


@pytest.mark.parametrize(("number", "sent"), [(7, "7"), (None, None), (0, None), (-1, None)])
def test_a_track_number_is_sent_if_there_is_one(number: int | None, sent: str | None) -> None:
    assert track_params(Track("Low", "Sunflower", track_number=number)).get("trackNumber") == sent


def test_each_play_of_a_batch_has_its_index() -> None:
    plays = [
        Play(Track("Low", "Sunflower"), 1700000000, 100.0),
        Play(Track("Can", "Spoon", "Ege Bamyasi"), 1700000300, 100.0, chosen_by_user=False),
    ]
    assert plays_params(plays) == {
        "artist[0]": "Low",
        "track[0]": "Sunflower",
        "timestamp[0]": "1700000000",
        "artist[1]": "Can",
        "track[1]": "Spoon",
        "album[1]": "Ege Bamyasi",
        "timestamp[1]": "1700000300",
        "chosenByUser[1]": "0",
    }


@pytest.mark.parametrize("number", [0, 51, 1000])
def test_a_batch_of_none_or_of_more_than_fifty_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match=f"1 to 50 plays, not {number}"):
        plays_params([Play(Track("Low", "Sunflower"), 1700000000, 100.0)] * number)


def test_fifty_plays_fit() -> None:
    assert "artist[49]" in plays_params([Play(Track("Low", "Sunflower"), 1700000000, 100.0)] * 50)
