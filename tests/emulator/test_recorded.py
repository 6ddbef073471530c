"""The emulator's answers beside recorded ones: the same members, the same types.

The names compared are those of recordings from 2023 on (JSON) and 2025 (XML); the shapes of earlier years are
faults here.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest

from lastfm_emulator import API_KEY, Kind

from .caller import NOW, Caller, body, plays, signed

if TYPE_CHECKING:
    from pathlib import Path

    from lastfm_emulator import Emulator


def recorded(test_data: Path, name: str) -> Any:
    return json.loads((test_data / "recorded" / name).read_text("utf-8-sig"))


def shape(value: Any) -> Any:
    """Names and types alone; a list is what its first member is."""
    if isinstance(value, dict):
        return {name: shape(child) for name, child in sorted(value.items())}
    if isinstance(value, list):
        return [shape(value[0])]
    return type(value).__name__


def children(element: ElementTree.Element) -> Any:
    """Names, attributes and order; of equal children only the first."""
    seen = {child.tag: child for child in reversed(element)}
    order = list(dict.fromkeys(child.tag for child in element))
    return [(tag, sorted(seen[tag].attrib), children(seen[tag])) for tag in order]


@pytest.fixture
def played(rj: Caller) -> Caller:
    """RJ, who plays one track now, played another and loves a third."""
    rj.scrobble(album="Album")
    rj.ask("track.love", artist="Low", track="Whitetail")
    rj.ask("track.updateNowPlaying", artist="Low", track="Closer", album="Album")
    return rj


def test_one_scrobble(test_data: Path, rj: Caller) -> None:
    expected = recorded(test_data, "php-oauth/track.scrobble.single.json")
    assert shape(rj.scrobble()) == shape(expected)


def test_several_scrobbles(test_data: Path, rj: Caller) -> None:
    expected = recorded(test_data, "php-oauth/track.scrobble.multi.json")
    sent = plays(("Helium", "Vibrations", NOW - 300), ("Helium", "Leon's Space Song", NOW - 133))
    answered = body(rj.ask_all("track.scrobble", sent))
    assert shape(answered) == shape(expected)
    assert [one["track"] for one in answered["scrobbles"]["scrobble"]] == [
        one["track"] for one in expected["scrobbles"]["scrobble"]
    ]


def test_ignored_scrobbles(test_data: Path, rj: Caller) -> None:
    expected = recorded(test_data, "LastFM.swift/track.scrobbleIgnored.json")["scrobbles"]
    fields = ("artist", "track", "album", "albumArtist")
    sent: dict[str, object] = {}
    for index, one in enumerate(expected["scrobble"]):
        sent |= {f"{field}[{index}]": one[field].get("#text", "") for field in fields}
        sent[f"timestamp[{index}]"] = NOW
    answered = body(rj.ask_all("track.scrobble", sent))["scrobbles"]
    by_code = {one["ignoredMessage"]["code"]: one for one in expected["scrobble"]}
    compared = [one for one in answered["scrobble"] if one["ignoredMessage"]["code"] in {"0", "1", "2"}]
    for one in compared:
        twin = by_code[one["ignoredMessage"]["code"]]
        assert shape(one) == shape(twin)
        assert {field: one[field] for field in fields} in [
            {field: other[field] for field in fields} for other in expected["scrobble"]
        ]


def test_counts_of_earlier_years_are_strings(test_data: Path, emulator: Emulator, rj: Caller) -> None:
    expected = recorded(test_data, "inflatablefriends-lastfm/TrackApi/TrackScrobbleSuccess.json")
    emulator.fault(Kind.STRING_COUNTS)
    assert shape(rj.scrobble(album="The Fall of Math")) == shape(expected)


def test_now_playing(test_data: Path, rj: Caller) -> None:
    expected = recorded(test_data, "LastFM.swift/track.updateNowPlaying.json")
    answered = body(rj.ask("track.updateNowPlaying", artist="Soccer Mommy", track="Flaw", album="Clean"))
    assert shape(answered) == shape(expected)


def test_recent_tracks(test_data: Path, played: Caller) -> None:
    expected = recorded(test_data, "LastFM.swift/user.getRecentTracks.json")["recenttracks"]
    answered = played.read("user.getRecentTracks", user="RJ")["recenttracks"]
    playing, past = expected["track"][0], next(one for one in expected["track"] if "date" in one)
    assert shape(answered["track"][0]) == shape(playing)
    assert shape(answered["track"][1]) == shape(past)
    assert shape(answered["@attr"]) == shape(expected["@attr"])


def test_extended_recent_tracks(test_data: Path, played: Caller) -> None:
    expected = recorded(test_data, "LastFM.swift/user.getExtendedRecentTracks.json")["recenttracks"]["track"]
    answered = played.read("user.getRecentTracks", user="RJ", extended=1)["recenttracks"]["track"]
    past = next(one for one in expected if "date" in one)
    assert shape(answered[1]) == shape(past)


def test_loved_tracks(test_data: Path, played: Caller) -> None:
    expected = recorded(test_data, "LastFM.swift/user.getLovedTracks.json")
    assert shape(played.read("user.getLovedTracks", user="RJ")) == shape(expected)


def test_a_user(test_data: Path, played: Caller) -> None:
    expected = recorded(test_data, "LastFM.swift/user.getInfo.json")
    assert shape(played.read("user.getInfo", user="RJ")) == shape(expected)


def test_a_session(test_data: Path, emulator: Emulator, rj: Caller) -> None:
    expected = recorded(test_data, "LastFM.swift/auth.getSession.json")
    params = signed({"method": "auth.getSession", "token": emulator.issue_token(API_KEY, "RJ")})
    assert shape(body(rj.send(params | {"format": "json"}))) == shape(expected)


def test_a_token(test_data: Path, rj: Caller) -> None:
    assert shape(rj.read("auth.getToken")) == shape(recorded(test_data, "LastFM.swift/auth.getToken.json"))


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("invalidSessionKey", {"sk": "spoilt"}),
        ("errorInvalidAPIKey", {"api_key": "wrong", "sk": None}),
        ("errorInvalidParameters", {"page": 0}),
    ],
)
def test_errors(test_data: Path, rj: Caller, name: str, params: dict[str, object]) -> None:
    expected = recorded(test_data, f"LastFM.swift/{name}.json")
    asked = {"method": "user.getLovedTracks", "user": "RJ", "api_key": API_KEY, "format": "json", **params}
    answered = body(rj.send({field: value for field, value in asked.items() if value is not None}))
    assert answered == expected


def test_an_error_of_earlier_years(test_data: Path, emulator: Emulator, rj: Caller) -> None:
    expected = recorded(test_data, "inflatablefriends-lastfm/TrackApi/TrackScrobbleBadAuthError.json")
    emulator.fault("error", error=4, message="Bad auth")
    emulator.fault(Kind.LINKS)
    assert body(rj.ask("track.scrobble")) == expected


@pytest.mark.parametrize(
    ("method", "file"),
    [
        ("user.getRecentTracks", "pylast/user.getRecentTracks.200.2.xml"),
        ("user.getLovedTracks", "pylast/user.getLovedTracks.200.1.xml"),
        ("user.getInfo", "pylast/user.getInfo.200.1.xml"),
    ],
)
def test_xml_has_the_same_elements_in_the_same_order(test_data: Path, played: Caller, method: str, file: str) -> None:
    text = (test_data / "recorded" / file).read_bytes()
    reply = played.ask(method, "GET", user="RJ", format=None)
    assert children(ElementTree.fromstring(reply.body)) == children(ElementTree.fromstring(text))
    assert reply.body.partition(b"\n")[0] == text.partition(b"\n")[0]


def test_xml_of_one_tracks_plays(test_data: Path, rj: Caller) -> None:
    text = (test_data / "recorded/pylast/user.getTrackScrobbles.200.1.xml").read_bytes()
    rj.scrobble(album="Album")
    reply = rj.ask("user.getTrackScrobbles", "GET", user="RJ", artist="Low", track="Sunflower", format=None)
    assert children(ElementTree.fromstring(reply.body)) == children(ElementTree.fromstring(text))


def test_an_error_in_xml_to_the_letter(test_data: Path, rj: Caller) -> None:
    text = (test_data / "recorded/pylast/auth.getSession.403.1.xml").read_bytes()
    reply = rj.send(signed({"method": "auth.getSession", "token": "made-up"}))
    assert reply.status == 403
    assert reply.body == text
