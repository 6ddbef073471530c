"""Every method of the API: asked on both faces, answered by the emulator, in JSON and in XML alike."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
import typing
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from lastfm_emulator import Emulator, Kind, serve
from tonearm import lastfm
from tonearm.core.play import Play, Track
from tonearm.core.verdict import Answered
from tonearm.http_exchange import Reply
from tonearm.lastfm import LastFm, LastFmSync, music, types
from tonearm.lastfm.catalogue import METHODS, Catalogue
from tonearm.lastfm.methods import album, artist, tag, track
from tonearm.lastfm.request import Request, sign_request
from tonearm.lastfm.response import Answer, Nonsense, understand

from .faces import KEYS
from .questions import QUESTIONS, READS, furnish

# https://www.last.fm/api lists them, but for user.getTrackScrobbles.
CATALOGUE = {
    "album.addTags",
    "album.getInfo",
    "album.getTags",
    "album.getTopTags",
    "album.removeTag",
    "album.search",
    "artist.addTags",
    "artist.getCorrection",
    "artist.getInfo",
    "artist.getSimilar",
    "artist.getTags",
    "artist.getTopAlbums",
    "artist.getTopTags",
    "artist.getTopTracks",
    "artist.removeTag",
    "artist.search",
    "auth.getMobileSession",
    "auth.getSession",
    "auth.getToken",
    "chart.getTopArtists",
    "chart.getTopTags",
    "chart.getTopTracks",
    "geo.getTopArtists",
    "geo.getTopTracks",
    "library.getArtists",
    "tag.getInfo",
    "tag.getSimilar",
    "tag.getTopAlbums",
    "tag.getTopArtists",
    "tag.getTopTags",
    "tag.getTopTracks",
    "tag.getWeeklyChartList",
    "track.addTags",
    "track.getCorrection",
    "track.getInfo",
    "track.getSimilar",
    "track.getTags",
    "track.getTopTags",
    "track.love",
    "track.removeTag",
    "track.scrobble",
    "track.search",
    "track.unlove",
    "track.updateNowPlaying",
    "user.getFriends",
    "user.getInfo",
    "user.getLovedTracks",
    "user.getPersonalTags",
    "user.getRecentTracks",
    "user.getTopAlbums",
    "user.getTopArtists",
    "user.getTopTags",
    "user.getTopTracks",
    "user.getTrackScrobbles",
    "user.getWeeklyAlbumChart",
    "user.getWeeklyArtistChart",
    "user.getWeeklyChartList",
    "user.getWeeklyTrackChart",
}

NOW = 1_700_000_000.0


@pytest.fixture(scope="module")
def emulator() -> Emulator:
    emulator = Emulator(clock=lambda: NOW)
    furnish(emulator)
    return emulator


@pytest.fixture(scope="module")
def client(emulator: Emulator) -> Iterator[LastFmSync]:
    with serve(emulator) as address, LastFmSync(KEYS, address.url) as client:
        yield client


def test_every_method_of_the_api_is_asked_and_answered(emulator: Emulator) -> None:
    assert {request.method for request in QUESTIONS} == CATALOGUE
    assert {name.lower() for name in CATALOGUE} <= set(emulator.methods)
    assert len(METHODS) == len(QUESTIONS)


@pytest.mark.parametrize("request_", [one for one in READS if not one.signed], ids=lambda one: one.method)
def test_an_answer_means_the_same_in_json_and_in_xml(
    client: LastFmSync, emulator: Emulator, request_: Request[object]
) -> None:
    value = client.ask(request_)
    assert value or request_.method == "tag.getSimilar", "Last.fm names none either"
    emulator.fault(Kind.XML_FOR_JSON, calls=1)
    assert client.ask(request_) == value


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def test_an_artist_is_described_in_the_fields_own_terms(client: LastFmSync) -> None:
    found = client.artist_info("nina simone", user="Ada")
    assert (found.name, found.listeners, found.user_playcount, found.on_tour) == ("Nina Simone", 1_912_345, 0, False)
    assert [tag.name for tag in found.tags] == ["jazz", "soul", "vocal jazz", "blues"]
    assert [other.name for other in found.similar] == ["Ella Fitzgerald"]
    assert not found.images
    assert found.bio is not None
    assert found.bio.link == found.url == "https://www.last.fm/music/Nina+Simone"
    assert found.bio.published == datetime(2015, 5, 13, 1, 4, tzinfo=UTC)
    assert "sang, played the piano & wrote songs." in found.bio.content
    assert "Read more" not in found.bio.content
    assert client.artist_info("Broadcast").bio is None
    by_id = client.artist_info(mbid=client.artist_info("Can").mbid)
    assert by_id == client.artist_info("Can")


def test_alike_is_a_fraction_and_the_most_alike_comes_first(client: LastFmSync) -> None:
    artists = client.artist_similar("Radiohead")
    assert [other.match for other in artists] == sorted([other.match for other in artists], reverse=True)
    assert artists[0].match == 1.0
    assert len(client.artist_similar("Radiohead", limit=2)) == 2
    tracks = client.track_similar("Can", "Vitamin C", limit=200)
    assert 0 < tracks[-1].match < tracks[0].match == 1.0
    assert client.track_similar("Can", "Nothing of the kind") == ()


def test_durations_are_seconds_wherever_they_come_from(client: LastFmSync) -> None:
    assert client.track_info("Can", "Vitamin C").duration == 213.0
    assert {song.title: song.duration for song in client.album_info("Can", "Ege Bamyasi").tracks}["Vitamin C"] == 213.0
    assert {song.title: song.duration for song in client.chart_top_tracks()}["Vitamin C"] == 213.0
    assert {song.title: song.duration for song in client.track_similar("Can", "Spoon")}["Vitamin C"] == 213.0
    assert {song.title: song.duration for song in client.user_top_tracks("Ada")}["Vitamin C"] == 213.0
    assert client.track_info("Nobody But Ada & 雪/+?#%", 'Hört "das" <hier>').duration is None
    assert next(iter(client.tagged_tracks("Ada", "slow"))).duration is None


def test_an_album_and_a_track_are_described(client: LastFmSync) -> None:
    album = client.album_info("can", "ege bamyasi", user="Ada")
    assert (album.artist, album.title, album.user_playcount) == ("Can", "Ege Bamyasi", 1)
    assert [song.rank for song in album.tracks] == [1, 2, 3, 4]
    assert album.images.small.startswith("https://")
    assert album.images.largest == album.images.mega
    track = client.track_info("can", "vitamin c", user="Ada")
    assert (track.user_playcount, track.user_loved) == (1, True)
    assert track.album is not None
    assert (track.album.title, track.album.rank) == ("Ege Bamyasi", 3)
    assert client.track_info("Can", "Spoon").user_loved is None
    single = client.album_info("!!!", "Myth Takes")
    assert [song.title for song in single.tracks] == ["Heart of Hearts"]


@pytest.mark.parametrize("name", ["AC/DC", "!!!", "椎名林檎", "Sigur Rós", "Nobody But Ada & 雪/+?#%"])
def test_names_of_every_kind_are_found(client: LastFmSync, name: str) -> None:
    assert client.artist_info(name).name == name
    assert name in [one.name for one in client.artist_search(name)]


def test_misspelt_names_are_corrected_if_requested(client: LastFmSync) -> None:
    assert client.artist_info("guns and roses", autocorrect=True).name == "Guns N' Roses"
    with pytest.raises(lastfm.BadParameters):
        client.artist_info("guns and roses")
    corrected = client.artist_correction("bjork")
    assert corrected is not None
    assert corrected.name == "Björk"
    assert client.artist_correction("Nobody at all") is None
    track = client.track_correction("Bjork", "Jóga")
    assert track is not None
    assert (track.artist, track.artist_corrected, track.title_corrected) == ("Björk", True, False)
    assert client.track_correction("Nobody", "Nothing") is None


def test_tags_are_added_and_removed(client: LastFmSync, emulator: Emulator) -> None:
    sk = emulator.session_key("Bo")
    assert isinstance(client.add_track_tags("Low", "Monkey", ["heavy", "Slow"], sk), Answered)
    assert isinstance(client.add_artist_tags("Low", ["slow"], sk), Answered)
    assert isinstance(client.add_album_tags("Low", "The Great Destroyer", ["loud"], sk), Answered)
    assert [tag.name for tag in client.track_tags("low", "monkey", session_key=sk)] == ["heavy", "Slow"]
    assert [(tag.name, tag.count) for tag in client.user_top_tags("Bo")] == [
        ("heavy", 1),
        ("Slow", 1),
        ("slow", 1),
        ("loud", 1),
    ]
    assert [one.title for one in client.tagged_tracks("Bo", "slow")] == ["Monkey"]
    assert [one.name for one in client.tagged_artists("Bo", "slow")] == ["Low"]
    assert [one.title for one in client.tagged_albums("Bo", "loud")] == ["The Great Destroyer"]
    client.remove_track_tag("Low", "Monkey", "heavy", sk)
    client.remove_artist_tag("Low", "slow", sk)
    client.remove_album_tag("Low", "The Great Destroyer", "loud", sk)
    assert [tag.name for tag in client.track_tags("Low", "Monkey", user="Bo")] == ["Slow"]
    assert client.artist_tags("Low", user="Bo") == client.album_tags("Low", "The Great Destroyer", user="Bo") == ()


def test_charts_count_from_one_even_where_last_fm_counts_from_zero(client: LastFmSync) -> None:
    assert [one.rank for one in client.geo_top_tracks("Germany", limit=3)] == [1, 2, 3]
    assert [one.rank for one in client.geo_top_artists("Germany", limit=3)] == [1, 2, 3]
    assert [one.rank for one in client.artist_top_tracks("Can", limit=2)] == [1, 2]
    with pytest.raises(lastfm.BadParameters, match="country"):
        client.geo_top_artists("Atlantis").page()


def test_a_listeners_charts_count_that_listeners_plays(client: LastFmSync) -> None:
    top = [(one.name, one.playcount) for one in client.user_top_artists("Ada")]
    assert top == [("Low", 3), ("Can", 1), ("Nobody But Ada & 雪/+?#%", 1)]
    assert [(one.name, one.playcount) for one in client.library_artists("Ada")] == top
    chart = client.weekly_track_chart("Ada", start=at(1_699_999_000), end=at(1_699_999_100))
    assert [(one.artist, one.title, one.playcount, one.rank) for one in chart.items] == [("Low", "Sunflower", 2, 1)]
    assert (chart.start, chart.end) == (at(1_699_999_000), at(1_699_999_100))
    weeks = client.user_weeks("Ada")
    assert weeks[0] == lastfm.Week(datetime(2005, 2, 13, 12, tzinfo=UTC), datetime(2005, 2, 20, 12, tzinfo=UTC))
    assert [one.played_at for one in client.track_scrobbles("Ada", "low", "sunflower")] == [
        at(1_699_999_060),
        at(1_699_999_000),
    ]


NONSENSE: list[Request[object]] = [
    tag.info("x"),
    track.info("x", "y"),
    album.info("x", "y"),
    artist.info("x"),
    artist.search("x").page(),
    artist.top_tags("x"),
]


@pytest.mark.parametrize("request_", NONSENSE, ids=lambda one: one.method)
@pytest.mark.parametrize("content", [{}, None, 5, []])
def test_an_answer_that_says_nothing_is_not_an_answer(request_: Request[object], content: object) -> None:
    body = json.dumps({request_.root: content}).encode()
    assert isinstance(understand(request_, sign_request(request_, KEYS), Reply(200, {}, body)), Nonsense)


def test_friends_are_profiles_and_having_none_is_an_error_as_at_last_fm(client: LastFmSync) -> None:
    friends = list(client.friends("Ada"))
    assert [friend.name for friend in friends] == ["Bo", "Cy"]
    assert friends[0].registered == at(int(NOW))
    with pytest.raises(lastfm.BadParameters):
        list(client.friends("Bo"))


def test_a_name_and_a_password_make_a_session(client: LastFmSync, emulator: Emulator) -> None:
    emulator.add_user("Old", password="a phone without a browser")
    assert client.get_mobile_session("Old", "a phone without a browser").name == "Old"
    with pytest.raises(lastfm.TokenUnknown):
        client.get_mobile_session("Old", "wrong")


BAD_ARGUMENTS: list[tuple[str, str, Callable[[LastFmSync], object]]] = [
    ("artist", "no name", lambda c: c.artist_info("")),
    ("artist", "blanks", lambda c: c.artist_info("  ")),
    ("artist", "nothing at all", lambda c: c.artist_info()),
    ("album", "no album", lambda c: c.album_info("Can")),
    ("track", "no track", lambda c: c.track_info("Can", "")),
    ("mbid", "an id and a name", lambda c: c.track_info("Can", "Spoon", mbid="83d91898-7763-47d7-b03b-b92132375c47")),
    ("mbid", "no id", lambda c: c.artist_info(mbid="a23")),
    ("lang", "no code", lambda c: c.artist_info("Can", lang="German")),
    ("user", "an empty name", lambda c: c.artist_info("Can", user="")),
    ("user", "nobody", lambda c: c.artist_tags("Can")),
    ("user", "nobody", lambda c: c.user_info()),
    ("limit", "none", lambda c: c.artist_similar("Can", limit=0)),
    ("limit", "too many", lambda c: c.track_similar("Can", "Spoon", limit=1001)),
    ("limit", "too many", lambda c: c.user_top_tags("Ada", limit=1001)),
    ("limit", "too many", lambda c: c.top_tags(limit=1001)),
    ("offset", "less than none", lambda c: c.top_tags(offset=-1)),
    ("size", "too large", lambda c: c.chart_top_artists(size=1001)),
    ("size", "another than that of start", lambda c: c.chart_top_artists(size=10, start=lastfm.PagePosition(2, 20))),
    ("period", "no period", lambda c: c.user_top_artists("Ada", period="1week")),  # type: ignore[arg-type]
    ("start", "without an end", lambda c: c.weekly_artist_chart("Ada", start=1)),
    ("since", "no zone", lambda c: c.recent_tracks("Ada", since=datetime(2024, 1, 1))),
    ("since", "before 1970", lambda c: c.recent_tracks("Ada", since=-1)),
    (
        "until",
        "another than that of start",
        lambda c: c.recent_tracks("Ada", until=5, start=lastfm.PagePosition(2, 20, 7)),
    ),
    ("tags", "one text", lambda c: c.add_artist_tags("Can", "slow", "sk")),
    ("tags", "none", lambda c: c.add_artist_tags("Can", [], "sk")),
    ("tags", "eleven", lambda c: c.add_artist_tags("Can", [f"t{i}" for i in range(11)], "sk")),
    ("tags", "a comma", lambda c: c.add_artist_tags("Can", ["a,b"], "sk")),
    ("tag", "a comma", lambda c: c.remove_artist_tag("Can", "a,b", "sk")),
    ("session_key", "none", lambda c: c.add_artist_tags("Can", ["slow"], "")),
    ("session_key", "none", lambda c: c.love("Can", "Spoon", "")),
    ("session_key", "none", lambda c: c.now_playing(Track("Can", "Spoon"), "")),
    ("session_key", "none", lambda c: c.scrobble([Play(Track("Can", "Spoon"), 1_700_000_000, 180)], "")),
    ("artist", "empty", lambda c: c.love(" ", "Spoon", "sk")),
    ("title", "empty", lambda c: c.unlove("Can", "", "sk")),
    ("token", "empty", lambda c: c.get_session("")),
    ("api_key", "both keys", lambda _: lastfm.approval_url(KEYS, token="x")),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("argument", "why", "call"), BAD_ARGUMENTS)
def test_what_last_fm_would_refuse_is_named_and_not_sent(
    argument: str, why: str, call: Callable[[LastFmSync], object], emulator: Emulator
) -> None:
    with LastFmSync(KEYS, "http://127.0.0.1:9/") as nowhere, pytest.raises(ValueError, match=rf"^{argument} "):
        call(nowhere)


QUESTIONS_ASKED = {name: inspect.unwrap(vars(Catalogue)[name]) for name in METHODS}


def parts(hint: Any) -> Iterator[Any]:
    yield hint
    for part in typing.get_args(hint):
        yield from parts(part)


def fields(kind: Any) -> Iterator[Any]:
    for hint in typing.get_type_hints(kind).values():
        yield from parts(hint)


@pytest.mark.parametrize("name", METHODS)
def test_arguments_and_answers_have_types_that_say_something(name: str) -> None:
    asks = QUESTIONS_ASKED[name]
    spaces = {**vars(inspect.getmodule(asks)), "Callable": Callable}
    hints = typing.get_type_hints(asks, spaces)
    assert set(inspect.signature(asks).parameters) | {"return"} == set(hints)
    found = [part for hint in hints.values() for part in parts(hint)]
    found += [
        part
        for kind in found
        if dataclasses.is_dataclass(kind)
        and kind.__module__.startswith("tonearm.lastfm.")
        and kind.__module__.endswith(("music", "types"))
        for part in fields(kind)
    ]
    assert not {Any, object, dict, typing.Mapping} & {typing.get_origin(part) or part for part in found}


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("face", [LastFm, LastFmSync])
def test_help_names_the_method_its_arguments_and_the_page_that_documents_it(name: str, face: type) -> None:
    method = getattr(face, name)
    assert method.__name__ == name
    words = inspect.getdoc(method) or ""
    assert "https://www.last.fm/api/show/" in words or name == "track_scrobbles"
    shown = str(inspect.signature(method))
    assert shown.startswith("(self, /")
    assert "->" in shown
    assert not re.search(r"Request|Listing|\bAny\b|\bdict\b", shown)


SHAPES = [one for room in (music, types) for one in vars(room).values() if isinstance(one, type)]


@pytest.mark.parametrize("kind", [one for one in SHAPES if dataclasses.is_dataclass(one)])
def test_what_comes_back_is_frozen_and_has_a_public_name(kind: Any) -> None:
    assert kind.__dataclass_params__.frozen
    assert hasattr(lastfm, kind.__name__)
    assert kind.__doc__


def test_a_write_that_is_not_said_to_be_done_is_not_done() -> None:
    loved = track.love("Low", "Sunflower", "sk")
    assert isinstance(understand(loved, sign_request(loved, KEYS), Reply(200, {}, b'{"status": "busy"}')), Nonsense)
    assert isinstance(
        understand(loved, sign_request(loved, KEYS), Reply(200, {}, b'{"lfm": {"status": "ok"}}')), Answer
    )


def test_a_secret_of_a_wrong_type_is_not_shown() -> None:
    with pytest.raises(ValueError, match=r"^session_key must be a name, not bytes$"):
        track.love("Can", "Spoon", b"a secret")  # type: ignore[arg-type]
