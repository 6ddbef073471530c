"""Players that speak Last.fm 2.0, such as everything on pylast: what they send is on disk when it is accepted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import md5
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx2
import pylast
import pytest

from lastfm_emulator import Emulator
from tests.api.conftest import running
from tests.databases import with_tables
from tests.patience import PATIENCE
from tests.ways_in.conftest import Room, ago
from tonearm.service.players import NewPlayer

KEY, SECRET = "a" * 32, "b" * 32


def hexed(text: str) -> str:
    return md5(text.encode()).hexdigest()


def call(http: httpx2.Client, method: str, **parameters: str) -> httpx2.Response:
    return http.post("/2.0/", data={"method": method, "api_key": KEY, **parameters})


def error(answer: httpx2.Response) -> int:
    """The code of an error, which is a whole document of the protocol."""
    document = ElementTree.fromstring(answer.content)
    assert (document.tag, document.get("status")) == ("lfm", "failed")
    found = document.find("error")
    assert found is not None
    return int(found.get("code", ""))


def session(http: httpx2.Client, player: NewPlayer) -> str:
    answer = call(http, "auth.getMobileSession", username="me", password=player.secret, format="json").json()
    assert answer["session"]["name"] == "me"
    key = str(answer["session"]["key"])
    assert len(key) == 32
    return key


def test_a_password_in_full_or_hashed_signs_in_by_post_and_get(room: Room, http: httpx2.Client) -> None:
    player = room.player("lastfm")
    token = hexed("me" + hexed(player.secret))
    for proof in ({"password": player.secret}, {"authToken": token}):
        asked = {"method": "auth.getMobileSession", "username": "me", "api_key": KEY, **proof}
        for answer in (http.post("/2.0/", data=asked), http.get("/2.0/", params=asked)):
            document = ElementTree.fromstring(answer.content)
            assert (answer.status_code, document.findtext("session/name")) == (200, "me")
    assert error(call(http, "auth.getMobileSession", username="me", password="wrong")) == 4
    assert room.again(player).refused_reason == "wrong secret"


def test_plays_are_accepted_one_by_one_and_by_fifty(room: Room, http: httpx2.Client) -> None:
    key = session(http, room.player("lastfm", name="Pano"))
    one = {"artist": "Can", "track": "Vitamin C", "timestamp": str(ago(90_000)), "albumArtist": "", "duration": "214"}
    said = ElementTree.fromstring(call(http, "track.scrobble", sk=key, **one).content)
    scrobbles = said.find("scrobbles")
    assert scrobbles is not None
    assert (scrobbles.get("accepted"), scrobbles.get("ignored")) == ("1", "0")
    many: dict[str, str] = {}
    for number in range(50):
        many |= {f"artist[{number}]": "Can", f"track[{number}]": f"Song {number}"}
        many |= {f"timestamp[{number}]": str(ago(80_000 - 500 * number))}
    answer = call(http, "Track.Scrobble", sk=key, format="json", **many).json()["scrobbles"]
    assert answer["@attr"] == {"accepted": 50, "ignored": 0}
    assert room.titles() == ["Vitamin C", *(f"Song {number}" for number in range(50))]
    assert {play["reporter"] for play in room.plays()} == {"Pano"}
    many |= {"artist[50]": "Can", "track[50]": "x", "timestamp[50]": str(ago(1000))}
    assert error(call(http, "track.scrobble", sk=key, **many)) == 6


def test_a_form_in_parts_is_read_like_any_other(room: Room, http: httpx2.Client) -> None:
    player = room.player("lastfm")

    def send(method: str, **more: str) -> httpx2.Response:
        fields = {"method": method, "api_key": KEY, "format": "json", **more}
        return http.post("/2.0/", files={name: (None, value) for name, value in fields.items()})

    key = send("auth.getMobileSession", username="me", password=player.secret).json()["session"]["key"]
    many: dict[str, str] = {}
    for number in range(50):
        many |= {f"artist[{number}]": "Björk", f"track[{number}]": f"Jóga & {number}"}
        many |= {f"timestamp[{number}]": str(ago(80_000 - 500 * number))}
    assert send("track.scrobble", sk=key, **many).json()["scrobbles"]["@attr"] == {"accepted": 50, "ignored": 0}
    assert room.titles() == [f"Jóga & {number}" for number in range(50)]
    assert send("track.love", sk=key, artist="Björk", track="Jóga").json() == {}


@pytest.mark.parametrize(
    ("body", "boundary", "said"),
    [
        (b"--x\r\n\r\nmethod", "x", "The form can't be read"),
        (b"method=auth.getToken", "x", "The form can't be read"),
        (b"--x--", "", "The form can't be read"),
        (b"-" * 1_000_001, "x", "The request is too large"),
    ],
)
def test_a_form_in_parts_that_is_broken_is_an_error_of_the_protocol(
    room: Room, http: httpx2.Client, body: bytes, boundary: str, said: str
) -> None:
    kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    answer = http.post("/2.0/", content=body, headers=kind)
    assert (answer.status_code, error(answer)) == (400, 6)
    in_json = http.post("/2.0/?format=json", content=body, headers=kind)
    assert in_json.json() == {"error": 6, "message": f"Invalid parameters - {said}"}


def test_refusals_are_documents_with_the_codes_that_players_expect(room: Room, http: httpx2.Client) -> None:
    player = room.player("lastfm")
    key = session(http, player)
    play = {"artist": "Can", "track": "Vitamin C", "timestamp": str(ago(5000))}
    assert error(call(http, "track.nonsense", sk=key)) == 3
    assert error(call(http, "track.scrobble", **play)) == 9
    assert error(call(http, "track.scrobble", sk="c" * 32, **play)) == 9
    room.revoke(player)
    assert error(call(http, "track.scrobble", sk=key, **play)) == 9
    refused = call(http, "track.scrobble", sk=key, format="json", **play)
    assert refused.json()["error"] == 9
    assert room.plays() == []


def test_a_key_pair_of_ours_is_checked_and_a_foreign_one_cannot_be(room: Room, http: httpx2.Client) -> None:
    key = session(http, room.player("lastfm"))
    other = room.player("lastfm", name="another", app_key=True)
    assert other.app_key
    ours, secret = other.app_key.api_key, other.app_key.shared_secret
    play = {"artist": "Can", "track": "Vitamin C", "timestamp": str(ago(5000)), "sk": key}
    assert error(call(http, "track.scrobble", **{**play, "api_key": ours, "api_sig": "0" * 32})) == 13
    assert room.again(other).refused_reason == "wrong signature"
    signed = {**play, "api_key": ours, "method": "track.scrobble"}
    signed["api_sig"] = hexed("".join(name + signed[name] for name in sorted(signed)) + secret)
    assert http.post("/2.0/", data=signed).status_code == 200
    assert call(http, "track.scrobble", **play, api_sig="whatever").status_code == 200
    assert call(http, "track.scrobble", **{**play, "api_key": "no key at all"}).status_code == 200
    room.revoke(other)  # and its pair with it: from then on the key is as foreign as any
    assert call(http, "track.scrobble", **{**play, "api_key": ours, "api_sig": "0" * 32}).status_code == 200


def test_errors_while_the_database_is_down_keep_plays_with_their_players(room: Room, http: httpx2.Client) -> None:
    key = session(http, room.player("lastfm"))
    room.service.call(_closed(room))
    play = {"artist": "Can", "track": "Vitamin C", "timestamp": str(ago(5000))}
    answer = call(http, "track.scrobble", sk=key, **play)
    assert (answer.status_code, error(answer)) == (503, 16)


async def _closed(room: Room) -> None:
    room.service.deck.store._writer.close()


def test_what_was_played_is_read_back(room: Room, http: httpx2.Client) -> None:
    key = session(http, room.player("lastfm"))
    for number, title in enumerate(("Halleluwah", "Vitamin C", "Halleluwah")):
        at = str(ago(9000 - 2000 * number))
        assert call(http, "track.scrobble", sk=key, artist="Can", track=title, timestamp=at).status_code == 200
    shown = call(http, "track.updateNowPlaying", sk=key, artist="Can", track="Bel Air", format="json").json()
    assert shown["nowplaying"]["track"]["#text"] == "Bel Air"
    assert call(http, "track.love", sk=key, artist="Can", track="Bel Air", format="json").json() == {}
    assert call(http, "track.unlove", sk=key, artist="Can", track="Bel Air").status_code == 200

    def read(method: str, **more: str) -> Any:
        return call(http, method, sk=key, format="json", **more).json()

    assert read("user.getInfo")["user"]["playcount"] == "3"
    assert read("auth.getSessionInfo")["application"]["session"]["name"] == "me"
    recent = read("user.getRecentTracks", user="me", limit="2")["recenttracks"]
    assert [track["name"] for track in recent["track"]] == ["Bel Air", "Halleluwah", "Vitamin C"]
    assert (recent["@attr"]["total"], recent["@attr"]["totalPages"]) == ("3", "2")
    assert read("user.getLovedTracks")["lovedtracks"]["track"] == []
    (most, *_) = read("user.getTopTracks", period="7day")["toptracks"]["track"]
    assert (most["name"], most["playcount"]) == ("Halleluwah", "2")
    assert read("user.getRecentTracks", user="anna")["error"] == 6
    assert error(http.get("/2.0/", params={"method": "user.getInfo", "api_key": KEY})) == 17


def test_hearts_are_kept_and_read_back(room: Room, http: httpx2.Client) -> None:
    player = room.player("lastfm")
    key = session(http, player)

    def love(method: str, title: str) -> None:
        assert call(http, method, sk=key, artist="Can", track=title).status_code == 200

    def loved() -> list[str]:
        answer = call(http, "user.getLovedTracks", sk=key, format="json").json()["lovedtracks"]
        assert answer["@attr"]["total"] == str(len(answer["track"]))
        return [track["name"] for track in answer["track"]]

    love("track.love", "Bel Air")
    love("track.love", "Vitamin C")
    assert loved() == ["Vitamin C", "Bel Air"]
    love("track.unlove", "Vitamin C")
    assert loved() == ["Bel Air"]
    assert call(http, "track.love", sk=key, artist="Can").status_code == 400


def test_what_waits_to_be_allowed_outlives_a_restart(tmp_path: Path, tables: Path) -> None:
    database = with_tables(tmp_path / "plays.db", tables)
    with running(database, Emulator(), signed_in=False) as service, service.stranger() as http:
        token = call(http, "auth.getToken", format="json").json()["token"]
    with running(database, Emulator(), signed_in=False) as service, service.stranger() as http:
        assert error(call(http, "auth.getSession", token=token)) == 14
        player = Room(service).player("lastfm").player
        service.call(service.deck.players.approvals.allow(token, player))
    with running(database, Emulator(), signed_in=False) as service, service.stranger() as http:
        key = call(http, "auth.getSession", token=token, format="json").json()["session"]["key"]
        assert call(http, "user.getInfo", sk=key).status_code == 200
        assert error(call(http, "auth.getSession", token=token)) == 4
        assert error(call(http, "auth.getSession", token="d" * 32)) == 4


def test_a_session_of_2_0_signs_in_to_1_2_1_as_rhythmbox_does(room: Room, http: httpx2.Client) -> None:
    key = session(http, room.player("lastfm"))
    at = str(ago(0))
    query = {"hs": "true", "p": "1.2.1", "c": "rbx", "v": "3.4.6", "u": "me", "t": at, "api_key": KEY}
    said = http.get("/", params={**query, "sk": key, "a": hexed(SECRET + at)}).text.splitlines()
    assert said[0] == "OK"
    assert http.post(said[3], data={"s": said[1], "a[0]": "Can", "t[0]": "Bel Air", "i[0]": at}).text == "OK\n"
    assert room.titles() == ["Bel Air"]
    assert http.get("/", params={**query, "sk": "x" * 32, "a": hexed(SECRET + at)}).text == "BADAUTH\n"


# -- pylast ---------------------------------------------------------------------


class ToService(httpx2.HTTPTransport):
    """pylast speaks HTTPS to a host of its own: this brings its requests to a service on this machine."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._base = httpx2.URL(url)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        request.url = request.url.copy_with(scheme="http", host=self._base.host, port=self._base.port)
        request.headers["Host"] = self._base.netloc.decode()
        return super().handle_request(request)


@pytest.fixture
def transport(room: Room) -> Iterator[ToService]:
    with ToService(room.url) as transport:
        yield transport


def network(transport: ToService, **more: str) -> Any:
    return pylast.LastFMNetwork(KEY, SECRET, proxy={"https://": transport}, **more)


def test_pylast_signs_in_by_password_scrobbles_and_reads_back(room: Room, transport: ToService) -> None:
    secret = room.player("lastfm").secret
    lastfm = network(transport, username="me", password_hash=pylast.md5(secret))
    lastfm.scrobble("Can", "Vitamin C", ago(100_000), duration=214, album="Ege Bamyasi")
    lastfm.scrobble_many(
        [{"artist": "Can", "title": f"Song {number}", "timestamp": ago(90_000 - 400 * number)} for number in range(120)]
    )
    lastfm.update_now_playing("Can", "Halleluwah")
    lastfm.get_track("Can", "Vitamin C").love()
    user = lastfm.get_authenticated_user()
    assert [str(loved.track) for loved in user.get_loved_tracks(limit=5)] == ["Can - Vitamin C"]
    assert user.get_name() == "me"
    assert user.get_playcount() == 121
    recent = user.get_recent_tracks(limit=3)
    assert [str(played.track) for played in recent] == ["Can - Song 119", "Can - Song 118", "Can - Song 117"]
    assert len(room.titles()) == 121


def test_pylast_signs_in_through_the_approval_page(room: Room, transport: ToService) -> None:
    generator = pylast.SessionKeyGenerator(network(transport))
    url = httpx2.URL(generator.get_web_auth_url())
    with pytest.raises(pylast.WSError) as early:
        generator.get_web_auth_session_key(str(url))
    assert str(early.value.status) == "14"
    link = room.service.call(room.service.deck.accounts.link(1))
    with httpx2.Client(base_url=room.url, timeout=PATIENCE, follow_redirects=True) as browser:
        assert browser.get("/api/auth/", params=dict(url.params)).status_code == 401
        browser.get("/signin", params={"link": link})
        page = browser.get("/api/auth/", params=dict(url.params)).text
        assert "Let a program report plays for" in page
        token = re.search(r'name="token" value="(\w+)"', page)
        assert token
        form = {"token": token[1], "name": "My player"}
        foreign = browser.post("/api/auth/", data=form, headers={"Origin": "https://elsewhere.example"})
        assert foreign.status_code == 403
        assert "can report plays now" in browser.post("/api/auth/", data=form).text
        assert browser.post("/api/auth/", data=form).status_code == 400
    key = generator.get_web_auth_session_key(str(url))
    lastfm = network(transport, session_key=key, username="me")
    lastfm.scrobble("Can", "Vitamin C", ago(100_000))
    assert [(play["track"], play["reporter"]) for play in room.plays()] == [("Vitamin C", "My player")]


def test_pylast_signs_with_a_pair_of_ours_and_is_refused_with_another_secret(room: Room, transport: ToService) -> None:
    new = room.player("lastfm", app_key=True)
    assert new.app_key
    api_key, hashed = new.app_key.api_key, pylast.md5(new.secret)
    ours = pylast.LastFMNetwork(
        api_key, new.app_key.shared_secret, username="me", password_hash=hashed, proxy={"https://": transport}
    )
    ours.scrobble("Can", "Vitamin C", ago(100_000))
    forged = pylast.LastFMNetwork(api_key, SECRET, session_key=ours.session_key, proxy={"https://": transport})
    with pytest.raises(pylast.WSError) as refused:
        forged.scrobble("Can", "Halleluwah", ago(90_000))
    with pytest.raises(pylast.WSError) as kept_out:
        pylast.LastFMNetwork(api_key, SECRET, username="me", password_hash=hashed, proxy={"https://": transport})
    assert (str(refused.value.status), str(kept_out.value.status)) == ("13", "13")
    assert room.titles() == ["Vitamin C"]


def test_a_play_that_is_ignored_is_shown_to_its_listener(room: Room, http: httpx2.Client) -> None:
    player = room.player("lastfm")
    key = session(http, player)
    untimed = {"artist[0]": "Can", "track[0]": "Bel Air", "timestamp[0]": ""}
    timed = {"artist[1]": "Can", "track[1]": "Vitamin C", "timestamp[1]": str(ago(5000))}
    answer = call(http, "track.scrobble", sk=key, format="json", **untimed, **timed).json()["scrobbles"]
    assert answer["@attr"] == {"accepted": 1, "ignored": 1}
    assert room.again(player).refused_reason == 'not the time of a play: ""'


def test_answers_are_last_fm_s_own(room: Room, http: httpx2.Client) -> None:
    key = session(http, room.player("lastfm"))
    assert call(http, "user.getRecentTracks", sk=key, user="nobody").status_code == 404
    preflight = http.options("/2.0/", headers={"Origin": "https://player.example"})
    assert (preflight.status_code, preflight.content) == (200, b"")
    assert preflight.headers["access-control-max-age"] == "86400"
    for answer in (preflight, call(http, "user.getInfo", sk=key), call(http, "user.getInfo", format="json")):
        assert answer.headers["access-control-allow-origin"] == "*"


def test_who_reported_to_maloja_finds_its_address_here(room: Room, http: httpx2.Client) -> None:
    asked = {"method": "auth.getMobileSession", "username": "me", "password": room.player("lastfm").secret}
    answer = http.post("/apis/audioscrobbler/2.0/", data={**asked, "format": "json"})
    assert answer.json()["session"]["name"] == "me"
