"""Which names are placeholders, and which only look like one."""

from __future__ import annotations

import pytest

from tonearm.core.placeholder import Placeholder, placeholder
from tonearm.core.play import Track


@pytest.mark.parametrize(
    "artist",
    [
        "Various",
        "Various Artists",
        "VA",
        "V.A.",
        "Unknown Artist",
        "[unknown]",
        "<Unknown>",
        "undefined",
        "(null)",
        "Unbekannter Künstler",
        "Artiste inconnu",
        "Artista desconocido",
        "Неизвестный исполнитель",
        "不明なアーティスト",
    ],
)
def test_a_placeholder_for_an_artist(artist: str) -> None:
    assert placeholder(Track(artist, "t")) == Placeholder("artist", artist)
    assert placeholder(Track("a", "t", album_artist=artist)) == Placeholder("album artist", artist)


@pytest.mark.parametrize(
    "title",
    [
        "Track 9",
        "Track 01",
        "track01",
        "Track-01",
        "AudioTrack 02",
        "Audio Track 7",
        "Piste 01",
        "Titel 06",
        "トラック 3",
        "Дорожка 1",
        "Unknown",
        "[unknown]",
        "Unknown Track",
        "no title",
        "[Untitled Track]",
    ],
)
def test_a_placeholder_for_a_title(title: str) -> None:
    assert placeholder(Track("a", title)) == Placeholder("track", title)


@pytest.mark.parametrize(
    "album",
    [
        "Unknown",
        "Unknown Album",
        "<Unknown>",
        "[unknown album]",
        "null",
        "Unbekanntes Album",
        "Unknown Album (9/4/2009 3:55:12 PM)",
    ],
)
def test_a_placeholder_for_an_album(album: str) -> None:
    assert placeholder(Track("a", "t", album)) == Placeholder("album", album)


@pytest.mark.parametrize(
    "track",
    [
        Track("a", "t"),
        Track("The Unknown", "Track"),
        Track("Various Cruelties", "Unknown Pleasures"),
        Track("a", "Track 9 from Outer Space"),
        Track("a", "Track 1999"),
        Track("a", "Untitled", "Various"),
        Track("Nobody", "Nothing", "Unknown Pleasures"),
    ],
)
def test_a_name_is_not_a_placeholder(track: Track) -> None:
    assert placeholder(track) is None
