"""Last.fm 2.0 as a server: which plays players report by it, who they are, and what they are answered."""

from __future__ import annotations

import json
from hashlib import md5
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ingest import captured
from tonearm.core.play import Track
from tonearm.core.report import Listening, Stamp
from tonearm.ingest import lastfm20
from tonearm.ingest import lastfm20_answers as answers
from tonearm.ingest.incoming import Announced, Heart, Incoming, Listened, PlayerAnswer, Skipped
from tonearm.ingest.lastfm20 import (
    MobileSession,
    NewSession,
    NewToken,
    PageRequest,
    ParsedCall,
    Scrobble,
    ScrobbleItem,
    SessionInfo,
)
from tonearm.ingest.lastfm20_call import LastFmCall, LfmError, Method, parse_call, signature

NOW = 1_796_000_000.0
KEY, SECRET = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
ROCK = Track("AC/DC", "Rock & Roll = Noise; 100% + más", "Back in Black", "AC/DC")
JOGA = Track("Björk", "Jóga", "Homogenic", duration=40.0, track_number=2)


def call_of(file: Path) -> tuple[LastFmCall, captured.Captured]:
    request = captured.read(file)
    call = parse_call(urlencode(request.query), request.body, request.headers.get("accept", ""))
    assert isinstance(call, LastFmCall)
    return call, request


def parsed(file: Path) -> ParsedCall | LfmError:
    call, request = call_of(file)
    return lastfm20.parse(call, NOW, request.headers.get("user-agent", ""))


def asked(user_agent: str = "", **parameters: str) -> ParsedCall | LfmError:
    call = parse_call("", urlencode(parameters).encode())
    assert isinstance(call, LastFmCall)
    return lastfm20.parse(call, NOW, user_agent)


def scrobble(user_agent: str = "", **items: str) -> Scrobble:
    found = asked(user_agent, method="track.scrobble", sk="sk", **items)
    assert isinstance(found, Scrobble)
    return found


def xml(answer: PlayerAnswer) -> ET.Element:
    assert answer.content_type == "text/xml; charset=UTF-8"
    return ET.fromstring(answer.body)


def document(answer: PlayerAnswer) -> Any:
    assert answer.content_type.startswith("application/json")
    return json.loads(answer.body)


def test_audacious_scrobbles_without_an_index(test_data: Path) -> None:
    call, _ = call_of(test_data / "captured/audacious/scrobble.raw")
    assert (call.json, call.session) == (False, "sk000000000000000000000000000000")
    found = parsed(test_data / "captured/audacious/scrobble.raw")
    assert isinstance(found, Scrobble)
    assert found.plays == [Incoming(JOGA, 1795892213, Stamp.UNKNOWN, None, Listening.ASSUMED)]


def test_audacious_tests_its_session_without_naming_its_user(test_data: Path) -> None:
    assert parsed(test_data / "captured/audacious/getinfo-session-check.raw") == PageRequest(Method.USER_INFO, "")


@pytest.mark.parametrize(
    ("file", "announced"),
    [
        ("audacious/nowplaying.raw", Announced(JOGA)),
        (
            "liblastfm/nowplaying.raw",
            Announced(Track("Björk", 'Jóga "Q" & <x>', "Homogenic", duration=305.0), "probe 1.0"),
        ),
        ("strawberry/nowplaying.raw", Announced(ROCK, "strawberry 1.0.14")),
    ],
)
def test_players_announce_what_plays(test_data: Path, file: str, announced: Announced) -> None:
    """The method in any case, empty album artists, and an `&` at the end."""
    assert parsed(test_data / "captured" / file) == announced


def test_liblastfm_scrobbles_four_at_once(test_data: Path) -> None:
    found = parsed(test_data / "captured/liblastfm/scrobble-4.raw")
    assert isinstance(found, Scrobble)
    assert [(play.track, play.timestamp) for play in found.plays] == [
        (Track("Björk", 'Jóga "Q" & <x>', "Homogenic", duration=305.0), 1795889937),
        (Track("AC/DC", "Tab Title Line", "Back in Black", "AC/DC", duration=42.0), 1795890937),
        (Track("Short", "Thirty One", "L", duration=31.0), 1795891487),
        (Track("Future", "Track", "L", duration=200.0), 1796066737),
    ]


def test_a_signature_of_a_real_player_is_right(test_data: Path) -> None:
    for name in ("nowplaying", "scrobble-4"):
        call, _ = call_of(test_data / f"captured/liblastfm/{name}.raw")
        assert call.signed_by(SECRET)
        assert not call.signed_by(KEY)


def test_strawberry_scrobbles_in_json(test_data: Path) -> None:
    call, _ = call_of(test_data / "captured/strawberry/scrobble.raw")
    assert call.json
    found = parsed(test_data / "captured/strawberry/scrobble.raw")
    assert isinstance(found, Scrobble)
    (play,) = found.plays
    track = Track(ROCK.artist, ROCK.title, ROCK.album, "AC/DC", 40.0, 9)
    assert play == Incoming(track, 1795893513, Stamp.START, None, Listening.ASSUMED, program="strawberry 1.0.14")


def test_signatures_are_as_documented() -> None:
    keys = {"api_key": KEY, "sk": "SK-abc_DEF"}
    playing = {"method": "track.updateNowPlaying", "artist": "Sigur Rós", "track": "Hoppípolla & 雪+1"}
    unsigned = {"format": "json", "callback": "cb", "api_sig": "?"}
    assert signature(keys | playing | {"duration": "268"} | unsigned, SECRET) == "f6edab975bf4762c7740b1d9c8526e7e"
    twelve = {"method": "track.scrobble"}
    for i in range(12):
        twelve |= {f"artist[{i}]": f"A{i}", f"track[{i}]": f"T{i}", f"timestamp[{i}]": str(1700000000 + 200 * i)}
    assert signature(keys | twelve | unsigned, SECRET) == "3a594c2c5ea6b9f336b6e23afdf45860"


def test_a_signature_may_come_in_capitals_or_not_at_all() -> None:
    sent = {"method": "user.getInfo", "api_key": KEY}
    call = LastFmCall("user.getinfo", sent | {"api_sig": signature(sent, SECRET).upper()}, False)
    assert call.signed
    assert call.signed_by(SECRET)
    assert (call.api_key, call.session) == (KEY, "")
    assert not LastFmCall("user.getinfo", sent, False).signed
    assert not LastFmCall("user.getinfo", sent, False).signed_by(SECRET)
    assert not LastFmCall("user.getinfo", sent | {"api_sig": "é"}, False).signed_by(SECRET)


@pytest.mark.parametrize(
    ("query", "body", "accept", "json_wanted"),
    [
        ("", b"", "", False),
        ("format=json", b"", "", True),
        ("", b"format=json", "", True),
        ("", b"format=JSON", "", True),
        ("", b"", "application/json, text/plain, */*", True),
        ("format=xml", b"", "application/json", False),
        ("", b"", "*/*", False),
    ],
)
def test_json_is_requested_in_three_places(query: str, body: bytes, accept: str, json_wanted: bool) -> None:
    call = parse_call(query, body, accept)
    assert isinstance(call, LastFmCall)
    assert call.json is json_wanted


def test_query_and_body_are_one_and_the_body_wins() -> None:
    call = parse_call("method=Track.Love&artist=A&sk=old", b"track=T&sk=new\r\n")
    assert isinstance(call, LastFmCall)
    assert lastfm20.parse(call, NOW) == Heart(Track("A", "T"), True)
    assert call.session == "new"


def test_a_request_beyond_all_measure_is_refused() -> None:
    assert isinstance(parse_call("", b"a" * 1_000_001), LfmError)


@pytest.mark.parametrize(
    "timestamp", ["1795892213", "1795892213000", "2026-11-28 18:56:53+00:00", "2026-11-28 18:56:53"]
)
def test_times_are_read_in_all_their_forms(timestamp: str) -> None:
    """Two readers of Rockbox logs send text through pylast."""
    (play,) = scrobble(artist="A", track="T", timestamp=timestamp).plays
    assert play.timestamp == 1795892213


def test_qmmp_sends_lengths_in_milliseconds() -> None:
    sent = {"artist": "A", "track": "T", "timestamp": "1795892213"}
    (play,) = scrobble("qmmp-plugins/1.6.2", **sent, duration="42000").plays
    assert (play.track.duration, play.stamp) == (42.0, Stamp.START)
    (play,) = scrobble("", **sent, duration="142000").plays
    assert play.track.duration == 142.0, "more than a day of seconds"
    (play,) = scrobble("", **sent, duration="3600").plays
    assert play.track.duration == 3600.0


@pytest.mark.parametrize(("chosen", "expected"), [("1", True), ("0", False), ("", True), (None, True)])
def test_who_chose_the_track_is_kept(chosen: str | None, expected: bool) -> None:
    more = {} if chosen is None else {"chosenByUser[0]": chosen}
    (play,) = scrobble(**{"artist[0]": "A", "track[0]": "T", "timestamp[0]": "1795892213"}, **more).plays
    assert play.chosen_by_user is expected


def batch(count: int) -> dict[str, str]:
    sent: dict[str, str] = {}
    for i in range(count):
        sent |= {f"artist[{i}]": f"A{i}", f"track[{i}]": f"T{i}", f"timestamp[{i}]": str(1795892213 + 200 * i)}
    return sent


def test_fifty_plays_are_one_request_and_one_more_is_refused() -> None:
    assert [play.track.title for play in scrobble(**batch(50)).plays] == [f"T{i}" for i in range(50)]
    refused = asked(method="track.scrobble", sk="sk", **batch(51))
    assert isinstance(refused, LfmError)
    assert refused.code == 6


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"artist[1]": ""}, 1),
        ({"artist[1]": " \u200b"}, 1),
        ({"track[1]": ""}, 2),
        ({"timestamp[1]": ""}, 3),
        ({"timestamp[1]": "0"}, 3),
        ({"timestamp[1]": "soon"}, 3),
        ({"timestamp[1]": "1899999999"}, 4),
    ],
)
def test_an_impossible_play_is_ignored_and_its_batch_is_kept(change: dict[str, str], code: int) -> None:
    found = scrobble(**(batch(3) | change))
    assert [play.track.artist for play in found.plays] == ["A0", "A2"]
    answered = document(answers.render_scrobbled(found.items, as_json=True))["scrobbles"]
    assert answered["@attr"] == {"ignored": 1, "accepted": 2}
    assert [item["ignoredMessage"]["code"] for item in answered["scrobble"]] == ["0", str(code), "0"]


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"method": "track.ban", "sk": "sk"}, 3),
        ({"method": ""}, 3),
        ({}, 3),
        ({"method": "track.scrobble"} | batch(1), 9),
        ({"method": "track.updateNowPlaying", "artist": "A", "track": "T", "sk": " "}, 9),
        ({"method": "auth.getSessionInfo"}, 9),
        ({"method": "track.scrobble", "sk": "sk"}, 6),
        ({"method": "track.scrobble", "sk": "sk", "artist[]": "A", "track[]": "T", "timestamp[]": "1"}, 6),
        ({"method": "track.scrobble", "sk": "sk", "artist": "A", "track": "T"}, 6),
        ({"method": "track.updateNowPlaying", "sk": "sk", "artist": "A"}, 6),
        ({"method": "track.love", "sk": "sk", "track": "T"}, 6),
        ({"method": "auth.getSession"}, 6),
        ({"method": "auth.getMobileSession", "username": "me"}, 6),
        ({"method": "auth.getMobileSession", "password": "secret"}, 6),
        ({"method": "user.getRecentTracks", "limit": "1001"}, 6),
        ({"method": "user.getRecentTracks", "page": "0"}, 6),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_number(sent: dict[str, str], code: int) -> None:
    refused = asked(**sent)
    assert isinstance(refused, LfmError)
    assert refused.code == code


def test_each_method_is_known_in_any_case() -> None:
    assert asked(method="AUTH.GETTOKEN") == NewToken()
    assert asked(method="auth.getSession", token="abc") == NewSession("abc")
    assert asked(method="auth.getSessionInfo", sk="sk") == SessionInfo()
    assert asked(method="track.unlove", sk="sk", artist="A", track="T") == Heart(Track("A", "T"), False)
    assert asked(
        method="user.getRecentTracks", user="me", limit="200", page="2", to="20", extended="1", **{"from": "10"}
    ) == PageRequest(Method.RECENT_TRACKS, "me", 2, 200, 10, 20, True)
    assert asked(method="user.getTopTracks", user="me", period="7day") == PageRequest(
        Method.TOP_TRACKS, "me", period="7day"
    )
    assert asked(method="user.getLovedTracks", user="me", limit="x") == PageRequest(Method.LOVED_TRACKS, "me")


def test_a_player_signs_in_with_its_secret() -> None:
    secret = md5(b"correct horse").hexdigest()
    plain = asked(method="auth.getMobileSession", username="Me", password="correct horse")
    assert isinstance(plain, MobileSession)
    assert plain.user == "Me"
    assert plain.proves(secret)
    assert not plain.proves(md5(b"battery").hexdigest())
    for name in ("Me", "me"):
        hashed = md5(f"{name}{secret}".encode()).hexdigest()
        signed = asked(method="auth.getMobileSession", username="Me", authToken=hashed.upper())
        assert isinstance(signed, MobileSession)
        assert signed.proves(secret)
        assert not signed.proves(md5(b"battery").hexdigest())


@given(st.dictionaries(st.sampled_from([f"{n}[{i}]" for n in lastfm20._ITEM_FIELDS for i in (0, 1)]), st.text()))
def test_whatever_the_fields_hold_is_answered(fields: dict[str, str]) -> None:
    body = urlencode({"method": "track.scrobble", "sk": "sk"} | fields, errors="replace").encode()
    call = parse_call("", body)
    assert isinstance(call, LastFmCall)
    found = lastfm20.parse(call, NOW)
    if isinstance(found, LfmError):
        assert found.code == 6
        return
    assert isinstance(found, Scrobble)
    for item in found.items:
        assert (item.ignored == 0) == isinstance(item.report, Incoming)
        assert isinstance(item.report, Incoming | Skipped)
    root = xml(answers.render_scrobbled(found.items, as_json=False))
    assert len(root.findall("scrobbles/scrobble")) == len(found.items)
    document(answers.render_scrobbled(found.items, as_json=True))


def test_one_scrobble_is_answered_with_one_object() -> None:
    """To the letter, but for the names, as Last.fm answered in April 2024."""
    found = scrobble(artist="Helium", track="Vibrations", timestamp="1792992925", albumArtist="")
    assert answers.render_scrobbled(found.items, as_json=True).body == (
        b'{"scrobbles":{"scrobble":{"artist":{"corrected":"0","#text":"Helium"},"album":{"corrected":"0"},'
        b'"track":{"corrected":"0","#text":"Vibrations"},"ignoredMessage":{"code":"0","#text":""},'
        b'"albumArtist":{"corrected":"0","#text":""},"timestamp":"1792992925"},"@attr":{"ignored":0,"accepted":1}}}'
    )


def test_scrobbles_are_answered_in_xml() -> None:
    found = scrobble(**(batch(2) | {"track[0]": "<&>", "track[1]": ""}))
    root = xml(answers.render_scrobbled(found.items, as_json=False))
    scrobbles = root.find("scrobbles")
    assert root.get("status") == "ok"
    assert scrobbles is not None
    assert scrobbles.attrib == {"accepted": "1", "ignored": "1"}
    assert [item.findtext("track") for item in scrobbles] == ["<&>", ""]
    assert [item.findtext("timestamp") for item in scrobbles] == ["1795892213", "1795892413"]
    assert [item.find("ignoredMessage").get("code") for item in scrobbles] == ["0", "2"]  # type: ignore[union-attr]


def test_now_playing_is_answered_in_both_forms() -> None:
    announced = Announced(Track("A", "T", "B"))
    shown = document(answers.render_now_playing(announced, as_json=True))["nowplaying"]
    assert list(shown) == ["artist", "album", "track", "ignoredMessage", "albumArtist"]
    root = xml(answers.render_now_playing(announced, as_json=False))
    assert root.findtext("nowplaying/album") == "B"
    assert root.find("nowplaying/timestamp") is None


def test_sessions_and_tokens_are_answered_in_both_forms() -> None:
    assert document(answers.render_session("me", "k", as_json=True)) == {
        "session": {"name": "me", "key": "k", "subscriber": 0}
    }
    assert xml(answers.render_session("me", "k", as_json=False)).findtext("session/key") == "k"
    assert document(answers.render_token("t", as_json=True)) == {"token": "t"}
    assert xml(answers.render_token("t", as_json=False)).findtext("token") == "t"
    assert xml(answers.render_session_info("me", "k", as_json=False)).findtext("application/session/name") == "me"
    assert document(answers.render_done(as_json=True)) == {}
    assert xml(answers.render_done(as_json=False)).attrib == {"status": "ok"}


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (3, 400),
        (4, 403),
        (6, 400),
        (9, 403),
        (10, 403),
        (11, 503),
        (13, 400),
        (14, 403),
        (15, 403),
        (16, 503),
        (17, 403),
    ],
)
def test_every_error_is_a_document_of_the_protocol(code: int, status: int) -> None:
    shown = answers.render_error(LfmError(code), as_json=True)
    assert (shown.status, document(shown)["error"]) == (status, code)
    root = xml(answers.render_error(LfmError(code, "Why & <how>\x00"), as_json=False))
    assert root.attrib == {"status": "failed"}
    error = root.find("error")
    assert error is not None
    assert (error.get("code"), error.text) == (str(code), "Why & <how>")


def test_not_now_is_an_error_for_which_players_keep_their_plays() -> None:
    shown = answers.render_unavailable(as_json=True)
    assert (shown.status, document(shown)["error"]) == (503, 16)
    assert answers.NO_SESSION == 9


LISTENED = Listened(Track("Björk", "Jóga & <x>", "Homogenic", mbid="m"), 1_603_188_238, loved=True)


def test_recent_tracks_are_listed_as_last_fm_lists_them() -> None:
    reading = PageRequest(Method.RECENT_TRACKS, "me", 1, 2, extended=True)
    playing = Announced(Track("A", "T"))
    listed = document(answers.render_recent_tracks(reading, "me", [LISTENED], 60, playing, as_json=True))[
        "recenttracks"
    ]
    assert listed["@attr"] == {"user": "me", "totalPages": "30", "page": "1", "perPage": "2", "total": "60"}
    now, then = listed["track"]
    assert now["@attr"] == {"nowplaying": "true"}
    assert "date" not in now
    assert then["date"] == {"uts": "1603188238", "#text": "20 Oct 2020, 10:03"}
    assert (then["artist"]["name"], then["loved"]) == ("Björk", "1")
    plain = PageRequest(Method.RECENT_TRACKS, "me", 1, 2)
    root = xml(answers.render_recent_tracks(plain, "me", [LISTENED], 60, playing, as_json=False))
    tracks = root.findall("recenttracks/track")
    assert [track.get("nowplaying") for track in tracks] == ["true", None]
    assert (tracks[1].findtext("artist"), tracks[1].findtext("name")) == ("Björk", "Jóga & <x>")
    assert tracks[1].find("date").get("uts") == "1603188238"  # type: ignore[union-attr]


def test_an_empty_list_is_an_array_and_an_empty_element() -> None:
    reading = PageRequest(Method.RECENT_TRACKS, "me")
    empty = document(answers.render_recent_tracks(reading, "me", [], 0, as_json=True))["recenttracks"]
    assert (empty["track"], empty["@attr"]["totalPages"]) == ([], "0")
    root = xml(answers.render_recent_tracks(reading, "me", [], 0, as_json=False))
    assert root.find("recenttracks").get("total") == "0"  # type: ignore[union-attr]


def test_loved_and_top_tracks_are_listed() -> None:
    loved = answers.render_loved_tracks(PageRequest(Method.LOVED_TRACKS, "me"), "me", [LISTENED], 1, as_json=True)
    (track,) = document(loved)["lovedtracks"]["track"]
    assert (track["artist"]["name"], track["date"]["uts"]) == ("Björk", "1603188238")
    reading = PageRequest(Method.TOP_TRACKS, "me", 2, 10)
    top = answers.render_top_tracks(reading, "me", [(LISTENED.track, 7)], 11, as_json=False)
    element = xml(top).find("toptracks/track")
    assert element is not None
    assert (element.get("rank"), element.findtext("playcount")) == ("11", "7")


def test_a_user_is_described() -> None:
    user = document(answers.render_user("me", 12, 1561177193, as_json=True))["user"]
    assert (user["playcount"], user["registered"]) == ("12", {"unixtime": "1561177193", "#text": 1561177193})
    root = xml(answers.render_user("me", 12, 1561177193, as_json=False))
    assert root.findtext("user/name") == "me"
    assert root.find("user/registered").get("unixtime") == "1561177193"  # type: ignore[union-attr]


def test_an_answer_repeats_names_as_they_were_kept() -> None:
    found = scrobble(artist=" A\x00 ", track="T\nU", timestamp="1795892213")
    assert found.items == (
        ScrobbleItem(
            Incoming(Track("A", "T U"), 1795892213, Stamp.UNKNOWN, None, Listening.ASSUMED),
            Track("A", "T U"),
            "1795892213",
        ),
    )


def test_secrets_do_not_print() -> None:
    call = parse_call("", b"method=auth.getMobileSession&username=me&password=hunter2&sk=hunter2")
    assert isinstance(call, LastFmCall)
    for value in (call, lastfm20.parse(call, NOW), asked(method="auth.getSession", token="hunter2")):
        assert "hunter2" not in repr(value)
