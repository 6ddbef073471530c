"""What is read back: recent tracks, loved tracks, one track's plays, the user."""

from __future__ import annotations

from typing import Any

import pytest

from lastfm_emulator import API_KEY, Emulator

from .caller import NOW, Caller, Clock, body, error, plays

DAY = 86_400


@pytest.fixture
def five(rj: Caller) -> Caller:
    """RJ, who played T0 (first) to T4, a minute apart."""
    rj.ask_all("track.scrobble", plays(*[("Low", f"T{i}", NOW - 600 + 60 * i) for i in range(5)]))
    return rj


def recent(caller: Caller, **params: object) -> tuple[list[str], dict[str, str]]:
    """The names on one page, and its attributes."""
    found = caller.read("user.getRecentTracks", user="rj", **params)["recenttracks"]
    return [one["name"] for one in found["track"]], found["@attr"]


def test_recent_tracks_come_newest_first_in_the_shape_of_today(rj: Caller) -> None:
    rj.scrobble("AC/DC", "T.N.T. & 1+1 é", album="High Voltage", mbid="an-id")
    found = rj.read("user.getRecentTracks", user="RJ")["recenttracks"]
    assert found["track"] == [
        {
            "artist": {"mbid": "", "#text": "AC/DC"},
            "streamable": "0",
            "image": [{"size": s, "#text": ""} for s in ("small", "medium", "large", "extralarge")],
            "mbid": "an-id",
            "album": {"mbid": "", "#text": "High Voltage"},
            "name": "T.N.T. & 1+1 é",
            "url": "https://www.last.fm/music/AC%2FDC/_/T.N.T.+&+1%252B1+%C3%A9",
            "date": {"uts": "1699999700", "#text": "14 Nov 2023, 22:08"},
        }
    ]
    assert found["@attr"] == {"user": "RJ", "totalPages": "1", "page": "1", "perPage": "50", "total": "1"}


def test_pages_are_cut_from_the_newest(five: Caller) -> None:
    assert recent(five, limit=2)[0] == ["T4", "T3"]
    assert recent(five, limit=2, page=2)[0] == ["T2", "T1"]
    names, attributes = recent(five, limit=2, page=3)
    assert names == ["T0"]
    assert attributes == {"user": "RJ", "totalPages": "3", "page": "3", "perPage": "2", "total": "5"}
    assert recent(five, limit=2, page=4)[0] == []


def test_a_span_includes_its_first_second_and_excludes_its_last(five: Caller) -> None:
    assert recent(five, **{"from": NOW - 540, "to": NOW - 420}) == (
        ["T2", "T1"],
        {"user": "RJ", "totalPages": "1", "page": "1", "perPage": "50", "total": "2"},
    )
    assert recent(five, **{"from": NOW - 420})[0] == ["T4", "T3"]
    assert recent(five, to=NOW - 540)[0] == ["T0"]
    assert recent(five, **{"from": NOW, "to": NOW - 999})[0] == []
    assert len(recent(five, **{"from": "x"})[0]) == 5


def test_who_played_nothing_has_an_empty_page(rj: Caller) -> None:
    assert rj.read("user.getRecentTracks", user="RJ", limit=1) == {
        "recenttracks": {
            "track": [],
            "@attr": {"user": "RJ", "totalPages": "0", "page": "1", "perPage": "1", "total": "0"},
        }
    }
    reply = rj.send({"method": "user.getRecentTracks", "api_key": API_KEY, "user": "RJ"}, "GET")
    assert b'<recenttracks user="RJ" page="1" perPage="50" totalPages="0" total="0" />' in reply.body


@pytest.mark.parametrize(
    ("params", "others", "total"),
    [({}, 2, "5"), ({"page": 2}, 2, "5"), ({"page": 99}, 0, "5"), ({"to": NOW - 9999}, 0, "0")],
)
def test_the_playing_track_comes_first_on_every_page_beyond_the_limit(
    five: Caller, params: dict[str, object], others: int, total: str
) -> None:
    five.ask("track.updateNowPlaying", artist="Low", track="Now", album="Album")
    found = five.read("user.getRecentTracks", user="RJ", limit=2, **params)["recenttracks"]
    tracks = found["track"] if others else [found["track"]]
    assert tracks[0]["name"] == "Now"
    assert tracks[0]["@attr"] == {"nowplaying": "true"}
    assert "date" not in tracks[0]
    assert len(tracks) == 1 + others
    assert found["@attr"]["total"] == total


def test_the_playing_track_alone_is_an_object(rj: Caller) -> None:
    rj.ask("track.updateNowPlaying", artist="Low", track="Now")
    found = rj.read("user.getRecentTracks", user="RJ")["recenttracks"]
    assert isinstance(found["track"], dict)
    assert found["@attr"]["total"] == "0"


def test_in_xml_the_playing_track_is_marked_by_an_attribute(rj: Caller) -> None:
    rj.ask("track.updateNowPlaying", artist="Low", track="Now")
    reply = rj.send({"method": "user.getRecentTracks", "api_key": API_KEY, "user": "RJ"}, "GET")
    assert b'<track nowplaying="true">' in reply.body


def test_extended_shows_more_of_the_artist_and_whether_the_track_is_loved(five: Caller) -> None:
    five.ask("track.love", artist="low", track="t4")
    found = five.read("user.getRecentTracks", user="RJ", extended=1, limit=2)["recenttracks"]["track"]
    assert [one["loved"] for one in found] == ["1", "0"]
    assert found[0]["artist"]["name"] == "Low"
    assert found[0]["artist"]["url"] == "https://www.last.fm/music/Low"
    assert len(found[0]["artist"]["image"]) == 4


@pytest.mark.parametrize("method", ["user.getRecentTracks", "user.getLovedTracks"])
@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"limit": 0}, "limit param out of bounds (1-1000)"),
        ({"limit": 1001}, "limit param out of bounds (1-1000)"),
        ({"limit": "many"}, "limit param out of bounds (1-1000)"),
        ({"page": 0}, "page param out of bounds (1-1000000)"),
        ({"page": -1}, "page param out of bounds (1-1000000)"),
        ({"page": 1_000_001}, "page param out of bounds (1-1000000)"),
    ],
)
def test_page_and_limit_have_bounds(rj: Caller, method: str, params: dict[str, object], text: str) -> None:
    reply = rj.ask_all(method, {"user": "RJ", **params}, "GET")
    assert error(reply) == (6, 400)
    assert body(reply)["message"] == text


@pytest.mark.parametrize("method", ["user.getRecentTracks", "user.getLovedTracks", "user.getInfo"])
def test_an_unknown_user_is_error_6_with_404_and_no_user_is_error_6(rj: Caller, method: str) -> None:
    reply = rj.ask(method, "GET", user="nobody")
    assert error(reply) == (6, 404)
    assert body(reply)["message"] == "User not found"
    assert error(rj.ask(method, "GET", sk=None)) == (6, 400)


def test_hidden_listening_is_shown_to_its_owner_alone(emulator: Emulator, five: Caller) -> None:
    emulator.add_user("RJ", private=True)
    another = Caller(emulator, emulator.session_key("another"))
    for caller, session in ((five, None), (another, another.session)):
        for method in ("user.getRecentTracks", "user.getTrackScrobbles"):
            reply = caller.ask(method, "GET", sk=session, user="RJ", artist="Low", track="T0")
            assert error(reply) == (17, 403)
    own = body(five.ask("user.getRecentTracks", "GET", user="rj"))
    assert len(own["recenttracks"]["track"]) == 5


def test_loving_and_unloving_answer_with_nothing_and_may_be_repeated(emulator: Emulator, rj: Caller) -> None:
    for _ in range(2):
        assert body(rj.ask("track.love", artist="Low", track="Sunflower")) == {}
    assert [(one.artist, one.track, one.timestamp) for one in emulator.loved("rj")] == [("Low", "Sunflower", NOW)]
    for _ in range(2):
        reply = rj.ask("track.unlove", artist="low", track="SUNFLOWER", format="xml")
        assert reply.body == b'<?xml version="1.0" encoding="UTF-8"?>\n<lfm status="ok"></lfm>\n'
    assert emulator.loved("rj") == []


@pytest.mark.parametrize("method", ["track.love", "track.unlove"])
@pytest.mark.parametrize("params", [{"artist": "Low"}, {"artist": "Low", "track": ""}, {"track": "T"}])
def test_loving_needs_artist_and_track(rj: Caller, method: str, params: dict[str, object]) -> None:
    assert error(rj.ask_all(method, params)) == (6, 400)


def test_loved_tracks_come_newest_first_in_pages(rj: Caller, clock: Clock) -> None:
    for i in range(3):
        clock.time = NOW + i
        rj.ask("track.love", artist="Low", track=f"T{i}")
    first = rj.read("user.getLovedTracks", user="rj", limit=2)["lovedtracks"]
    assert [one["name"] for one in first["track"]] == ["T2", "T1"]
    assert first["@attr"] == {"user": "RJ", "totalPages": "2", "page": "1", "perPage": "2", "total": "3"}
    second = rj.read("user.getLovedTracks", user="rj", limit=2, page=2)["lovedtracks"]
    star = "https://lastfm.freetls.fastly.net/i/u/34s/2a96cbd8b46e442fc41c2b86b821562f.png"
    assert second["track"][0]["image"][0] == {"size": "small", "#text": star}
    del second["track"][0]["image"]
    assert second["track"] == [
        {
            "artist": {"url": "https://www.last.fm/music/Low", "name": "Low", "mbid": ""},
            "date": {"uts": str(NOW), "#text": "14 Nov 2023, 22:13"},
            "mbid": "",
            "url": "https://www.last.fm/music/Low/_/T0",
            "name": "T0",
            "streamable": {"fulltrack": "0", "#text": "0"},
        }
    ]


def test_one_tracks_plays_can_be_read_alone(five: Caller) -> None:
    five.scrobble("LOW", "t1", NOW - 5)
    found: Any = five.read("user.getTrackScrobbles", user="RJ", artist="low", track="T1")["trackscrobbles"]
    assert [one["date"]["uts"] for one in found["track"]] == [str(NOW - 5), str(NOW - 540)]
    assert found["@attr"]["total"] == "2"


def test_the_user_is_counted_up(emulator: Emulator, five: Caller) -> None:
    five.scrobble("Low", "T1", NOW - 5, album="Album")
    user = five.read("user.getInfo", user="rj")["user"]
    counts = {name: user[name] for name in ("playcount", "artist_count", "track_count", "album_count")}
    assert counts == {"playcount": "6", "artist_count": "1", "track_count": "5", "album_count": "1"}
    began = min(play.timestamp for play in emulator.plays("RJ"))
    assert user["registered"] == {"unixtime": str(began - DAY), "#text": began - DAY}
    own = body(five.ask("user.getInfo"))["user"]
    assert own == user
    emulator.add_user("Another")
    assert body(five.ask("user.getInfo", user="another"))["user"]["name"] == "Another"


def test_a_user_without_plays_registered_when_they_were_made(emulator: Emulator, rj: Caller) -> None:
    user = rj.read("user.getInfo", user="rj")["user"]
    assert user["registered"] == {"unixtime": str(NOW), "#text": NOW}
