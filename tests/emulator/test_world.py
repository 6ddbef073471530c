"""What the emulator knows of music and of its users' listening, in the shapes that were recorded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from lastfm_emulator import Artist, Record, Song
from tests.lastfm.questions import furnish

from .caller import NOW, Caller, body, error

if TYPE_CHECKING:
    from pathlib import Path

    from lastfm_emulator import Emulator

SHAPES: dict[str, tuple[str, dict[str, object]]] = {
    "artist.getInfo_noUsername": ("artist.getInfo", {"artist": "Radiohead"}),
    "artist.getInfo_withUsername": ("artist.getInfo", {"artist": "Radiohead", "username": "Ada"}),
    "artist.getSimilar": ("artist.getSimilar", {"artist": "Radiohead"}),
    "artist.getTopAlbums": ("artist.getTopAlbums", {"artist": "Radiohead"}),
    "artist.getNonCorrectedTopTracks": ("artist.getTopTracks", {"artist": "Radiohead"}),
    "artist.getCorrection": ("artist.getCorrection", {"artist": "bjork"}),
    "artist.search": ("artist.search", {"artist": "a"}),
    "album.getInfo_noUsername": ("album.getInfo", {"artist": "Can", "album": "Tago Mago"}),
    "album.getInfo_withUsername": ("album.getInfo", {"artist": "Can", "album": "Tago Mago", "username": "Ada"}),
    "album.search": ("album.search", {"album": "a"}),
    "track.getInfo_withTrackArtist_noUsername_noMBID": ("track.getInfo", {"artist": "Can", "track": "Spoon"}),
    "track.getInfo_withTrackArtist_withUsername_noMBID": (
        "track.getInfo",
        {"artist": "Can", "track": "Spoon", "username": "Ada"},
    ),
    "track.getCorrection": ("track.getCorrection", {"artist": "bjork", "track": "jóga"}),
    "track.getTopTags": ("track.getTopTags", {"artist": "Can", "track": "Spoon"}),
    "track.getTags": ("track.getTags", {"artist": "Can", "track": "Vitamin C", "user": "Ada"}),
    "track.search": ("track.search", {"track": "a"}),
    "chart.getTopArtists": ("chart.getTopArtists", {}),
    "chart.getTopTags": ("chart.getTopTags", {}),
    "chart.getTopTracks": ("chart.getTopTracks", {}),
    "geo.getTopArtists": ("geo.getTopArtists", {"country": "Germany"}),
    "geo.getTopTracks": ("geo.getTopTracks", {"country": "Germany"}),
    "library.getArtists": ("library.getArtists", {"user": "Ada"}),
    "tag.getInfo": ("tag.getInfo", {"tag": "rock"}),
    "tag.getTopAlbums": ("tag.getTopAlbums", {"tag": "rock"}),
    "tag.getTopArtists": ("tag.getTopArtists", {"tag": "rock"}),
    "tag.getTopTags": ("tag.getTopTags", {}),
    "tag.getTopTracks": ("tag.getTopTracks", {"tag": "rock"}),
    "tag.getWeeklyChartList": ("tag.getWeeklyChartList", {"tag": "rock"}),
    "user.getTopAlbums": ("user.getTopAlbums", {"user": "Ada"}),
    "user.getTopArtists": ("user.getTopArtists", {"user": "Ada"}),
    "user.getTopTracks": ("user.getTopTracks", {"user": "Ada"}),
    "user.getWeeklyAlbumChart": ("user.getWeeklyAlbumChart", {"user": "Ada", "from": NOW - 9_999, "to": NOW}),
    "user.getWeeklyArtistChart": ("user.getWeeklyArtistChart", {"user": "Ada", "from": NOW - 9_999, "to": NOW}),
    "user.getWeeklyTrackChart": ("user.getWeeklyTrackChart", {"user": "Ada", "from": NOW - 9_999, "to": NOW}),
    "user.getWeeklyChartList": ("user.getWeeklyChartList", {"user": "Ada"}),
}


@pytest.fixture
def ada(emulator: Emulator) -> Caller:
    furnish(emulator)
    return Caller(emulator, emulator.session_key("Ada"))


def paths(value: Any, way: str = "") -> set[str]:
    """Each member with its type; members of a list count once."""
    if isinstance(value, dict):
        return {path for name, child in value.items() for path in paths(child, f"{way}.{name}")}
    if isinstance(value, list):
        return {path for child in value for path in paths(child, way)}
    return {f"{way}: {type(value).__name__}"}


@pytest.mark.parametrize("name", SHAPES)
def test_an_answer_has_the_recorded_members_and_types(test_data: Path, ada: Caller, name: str) -> None:
    recorded = json.loads((test_data / "recorded" / "LastFM.swift" / f"{name}.json").read_text("utf-8-sig"))
    method, params = SHAPES[name]
    theirs, ours = paths(recorded), paths(ada.read(method, **params))
    optional = {path for path in theirs | ours if path.rpartition(".")[2].startswith(("mbid:", "duration:"))}
    assert ours >= theirs - optional
    assert {path for path in ours - theirs - optional if not path.startswith(MORE)} == set()


MORE = (
    ".track.wiki.",  # of that track nobody had written, and nobody had tagged it
    ".track.toptags.",
    ".track.album.@attr.position",
    ".results.@attr.for",  # left out of that recording, and in the others
    ".results.opensearch:Query.searchTerms",
    ".topartists.artist.@attr.rank",  # in geo.getTopArtists of 2025, and not of 2023
)


@pytest.mark.parametrize(
    ("method", "params", "refused"),
    [
        ("artist.getInfo", {"artist": "Nobody at all"}, (6, 404)),
        ("artist.getInfo", {"mbid": "no-such-id"}, (6, 404)),
        ("artist.getSimilar", {"artist": "Nobody at all"}, (6, 200)),
        ("artist.getInfo", {}, (6, 200)),
        ("album.getInfo", {"artist": "Can", "album": "Nothing"}, (6, 404)),
        ("album.getInfo", {"artist": "Nobody", "album": "Nothing"}, (6, 404)),
        ("album.getInfo", {"mbid": "no-such-id"}, (6, 404)),
        ("track.getInfo", {"artist": "Can", "track": "Nothing"}, (6, 200)),
        ("track.getInfo", {"mbid": "no-such-id"}, (6, 200)),
        ("track.getSimilar", {"artist": "Can"}, (6, 200)),
        ("artist.getTopTracks", {"artist": "Can", "limit": 1001}, (6, 200)),
        ("geo.getTopArtists", {}, (6, 200)),
        ("geo.getTopTracks", {"country": "Atlantis"}, (6, 200)),
        ("user.getTopArtists", {"user": "Ada", "period": "1week"}, (6, 400)),
        ("user.getTopArtists", {"user": "nobody"}, (6, 404)),
        ("user.getWeeklyTrackChart", {"user": "Ada", "from": 5}, (6, 400)),
        ("user.getFriends", {"user": "Bo"}, (6, 400)),
        ("user.getPersonalTags", {"user": "Ada", "tag": "slow", "taggingtype": "mood"}, (6, 200)),
        ("artist.getTags", {"artist": "Low"}, (6, 200)),
        ("tag.getInfo", {}, (6, 200)),
    ],
)
def test_what_is_not_there_or_makes_no_sense_is_error_6(
    ada: Caller, method: str, params: dict[str, object], refused: tuple[int, int]
) -> None:
    assert error(ada.ask_all(method, {**params, "sk": None}, "GET")) == refused


@pytest.mark.parametrize("params", [{"tags": ",,"}, {"tags": ",".join("abcdefghijk")}, {}])
def test_one_to_ten_tags_are_added_at_once(ada: Caller, params: dict[str, object]) -> None:
    assert error(ada.ask_all("artist.addTags", {"artist": "Low", **params})) == (6, 200)


def test_who_has_given_no_tags_has_a_blank_list(ada: Caller) -> None:
    assert ada.read("artist.getTags", artist="Can", user="Ada") == {"tags": {"#text": " ", "@attr": {"artist": "Can"}}}


def test_an_unknown_tag_is_echoed_with_zeros(ada: Caller) -> None:
    assert ada.read("tag.getInfo", tag="No Such Tag")["tag"] == {
        "name": "No Such Tag",
        "total": 0,
        "reach": 0,
        "wiki": {"summary": "", "content": ""},
    }


def test_whatever_was_scrobbled_exists(ada: Caller) -> None:
    name = "Nobody But Ada & 雪/+?#%"
    assert ada.read("artist.getInfo", artist=name.lower())["artist"]["stats"]["listeners"] == "1"
    assert ada.read("track.getInfo", artist=name, track='hört "das" <hier>')["track"]["duration"] == "0"
    assert [
        one["name"] for one in ada.read("artist.search", artist="but ada")["results"]["artistmatches"]["artist"]
    ] == [name]
    assert ada.read("artist.getTopAlbums", artist=name)["topalbums"]["album"] == []
    assert ada.read("artist.getSimilar", artist=name)["similarartists"]["artist"] == []


def test_a_test_may_add_music_of_its_own(emulator: Emulator, ada: Caller) -> None:
    emulator.music.add(Artist("+/-", ("rock",), (Record("Let's Build a Fire", (Song("Fadeout"),)),), 9))
    assert ada.read("artist.getInfo", artist="+/-")["artist"]["url"] == "https://www.last.fm/music/%252B%2F-"
    assert (
        ada.read("album.getInfo", artist="+/-", album="let's build a fire")["album"]["tracks"]["track"]["duration"]
        is None
    )


def test_a_chart_without_a_span_is_of_the_last_whole_week(ada: Caller) -> None:
    span = ada.read("user.getWeeklyArtistChart", user="Ada")["weeklyartistchart"]["@attr"]
    assert int(span["to"]) - int(span["from"]) == 7 * 86_400
    assert NOW - 7 * 86_400 < int(span["to"]) <= NOW


def test_a_correction_of_ones_own_is_answered_too(emulator: Emulator, ada: Caller) -> None:
    emulator.correct_artist("Loww", "Low")
    emulator.correct_track(("Low", "Sunflowr"), ("Low", "Sunflower"))
    assert ada.read("artist.getCorrection", artist="loww")["corrections"]["correction"]["artist"]["name"] == "Low"
    assert ada.read("artist.getCorrection", artist="LOW")["corrections"]["correction"]["artist"]["name"] == "Low"
    assert ada.read("artist.getCorrection", artist="Lowww") == {"corrections": "\n   "}
    track = ada.read("track.getCorrection", artist="Low", track="sunflowr")["corrections"]["correction"]
    assert (track["track"]["name"], track["@attr"]["trackcorrected"]) == ("Sunflower", "1")
    assert ada.read("track.getCorrection", artist="Lowww", track="X") == {"corrections": "\n   "}
    assert ada.read("artist.getInfo", artist="loww", autocorrect=1)["artist"]["name"] == "Low"


def test_what_is_hidden_is_the_listening_and_not_the_charts(emulator: Emulator, ada: Caller) -> None:
    emulator.add_user("Ada", private=True)
    assert error(ada.ask("user.getRecentTracks", "GET", sk=None, user="Ada")) == (17, 403)
    assert ada.read("user.getTopArtists", user="Ada")["topartists"]["artist"]
    assert body(ada.ask("user.getTrackScrobbles", "GET", user="Ada", artist="Low", track="Monkey"))
