"""Players that speak ListenBrainz: what they send is on disk when they are answered."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import httpx2
import liblistenbrainz  # type: ignore[import-untyped]
import pytest

from tests.patience import PATIENCE
from tests.ways_in.conftest import Room, ago
from tonearm.service.players import NewPlayer


def a_listen(title: str = "Sinnerman", seconds_ago: float = 5000, **info: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = {"artist_name": "Nina Simone", "track_name": title}
    if info:
        metadata["additional_info"] = info
    return {"listened_at": ago(seconds_ago), "track_metadata": metadata}


def submit(
    http: httpx2.Client, player: NewPlayer, *listens: Any, kind: str = "single", path: str = "/1/submit-listens"
) -> httpx2.Response:
    body = json.dumps({"listen_type": kind, "payload": listens}).encode()
    return http.post(path, content=body, headers={"Authorization": f"Token {player.secret}"})


def test_a_listen_is_a_play_of_its_player(room: Room, http: httpx2.Client) -> None:
    player = room.player(name="Navidrome")
    listen = a_listen(duration_ms=620_000, submission_client="navidrome")
    answer = submit(http, player, listen)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    (play,) = room.plays()
    assert (play["artist"], play["track"], play["duration"], play["fate"]) == (
        "Nina Simone",
        "Sinnerman",
        620,
        "queued",
    )
    assert (play["reporter"], play["timestamp"]) == ("Navidrome", listen["listened_at"])
    assert play["heard"] == "its player decided that it counts, and doesn't say how much was heard"
    assert room.again(player).program == "navidrome"


@pytest.mark.parametrize(
    "path",
    [
        "/1/submit-listens",
        "/1/submit-listens/",
        "/1/1/submit-listens",
        "/1//1/submit-listens",
        "//1/submit-listens",
        "/submit-listens",
        "/apis/listenbrainz/1/submit-listens",
        "/apis/listenbrainz/submit-listens",
        "/apis/listenbrainz/1/1/submit-listens/",
    ],
)
def test_players_disagree_on_whether_the_address_ends_in_1(room: Room, path: str) -> None:
    player = room.player()
    with httpx2.Client(timeout=PATIENCE) as http:
        answer = submit(http, player, a_listen(), path=room.url + path)
    assert answer.json() == {"status": "ok"}
    assert room.titles() == ["Sinnerman"]


def test_a_token_is_validated_in_any_letter_case_and_in_the_query(room: Room, http: httpx2.Client) -> None:
    player = room.player()
    good = {"code": 200, "message": "Token valid.", "valid": True, "user_name": "me"}
    for scheme in ("Token", "token", "TOKEN", "Bearer"):
        headers = {"Authorization": f"{scheme} {player.secret}"}
        assert http.get("/1/validate-token", headers=headers).json() == good
    assert http.get("/1/validate-token", params={"token": player.secret}).json() == good
    bad = http.get("/1/validate-token", headers={"Authorization": "Token nonsense"})
    assert (bad.status_code, bad.json()["valid"]) == (200, False)
    assert http.get("/1/validate-token").status_code == 400


def test_a_thousand_plays_are_imported_at_once(room: Room, http: httpx2.Client) -> None:
    player = room.player()
    listens = [a_listen(f"Song {number}", 900_000 - 600 * number) for number in range(1000)]
    assert submit(http, player, *listens, kind="import").json() == {"status": "ok"}
    assert submit(http, player, *listens, kind="import").json() == {"status": "ok"}
    headers = {"Authorization": f"Token {player.secret}"}
    assert http.get("/1/user/me/listen-count", headers=headers).json() == {"payload": {"count": 1000}}
    more = http.get("/1/user/me/listens?count=1000", headers=headers).json()["payload"]
    assert (more["count"], more["latest_listen_ts"]) == (1000, listens[-1]["listened_at"])
    assert more["listens"][0]["track_metadata"]["track_name"] == "Song 999"
    window = {"min_ts": listens[3]["listened_at"], "max_ts": listens[6]["listened_at"]}
    between = http.get("/1/user/me/listens", params=window, headers=headers).json()["payload"]["listens"]
    assert [one["listened_at"] for one in between] == [listens[5]["listened_at"], listens[4]["listened_at"]]
    too_many = submit(http, player, *listens, a_listen(), kind="import")
    assert (too_many.status_code, too_many.json()["code"]) == (400, 400)


def test_one_bad_listen_does_not_refuse_the_others(room: Room, http: httpx2.Client) -> None:
    nameless = {"listened_at": ago(100), "track_metadata": {"artist_name": "", "track_name": "x"}}
    answer = submit(http, room.player(), a_listen("one"), nameless, a_listen("two", 4000), kind="import")
    assert (answer.status_code, answer.json()["status"], answer.json()["skipped"]) == (200, "ok", 1)
    assert room.titles() == ["one", "two"]


def test_a_number_of_thousands_of_digits_invalidates_only_its_listen(room: Room, http: httpx2.Client) -> None:
    player = room.player()
    body = json.dumps({"listen_type": "import", "payload": [a_listen("kept"), a_listen("not", listened_at=1)]})
    long = body.replace('"listened_at": 1}', f'"listened_at": {"9" * 5000}}}')
    headers = {"Authorization": f"Token {player.secret}"}
    assert http.post("/1/submit-listens", content=long, headers=headers).json() == {"status": "ok"}
    alone = json.dumps({"payload": [{**a_listen("no"), "listened_at": 77}]}).replace("77", "9" * 5000)
    refused = http.post("/1/submit-listens", content=alone, headers=headers)
    assert (refused.status_code, "sys." in refused.json()["error"]) == (400, False)
    assert sorted(room.titles()) == ["kept", "not"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"listen_type": "single"}', b"\xff\xfe", b"[" * 100_000])
def test_what_is_not_a_submission_is_refused_as_listenbrainz_words_it(
    room: Room, http: httpx2.Client, body: bytes
) -> None:
    player = room.player()
    answer = http.post("/1/submit-listens", content=body, headers={"Authorization": f"Token {player.secret}"})
    assert (answer.status_code, answer.json()["code"]) == (400, 400)
    assert room.again(player).refused_reason == answer.json()["error"]


def test_a_submission_of_more_than_ten_megabytes_is_refused(room: Room, http: httpx2.Client) -> None:
    answer = submit(http, room.player(), a_listen("x" * 10_300_000))
    assert (answer.status_code, "too large" in answer.json()["error"]) == (400, True)


@pytest.mark.parametrize(
    "odd",
    [
        {"seconds_ago": 20 * 86400},  # too old for Last.fm
        {"seconds_ago": -86400},  # its clock is fast
        {"duration_ms": "620000", "tracknumber": 3, "isrc": None, "artist_mbids": []},
        {"duration_ms": 25_000},
        {"duration_played": 10**9, "duration": 200},
        {"duration_played": 5, "duration": 200},
        {"duration_ms": -1, "recording_mbid": "no mbid"},
    ],
)
def test_a_well_formed_listen_is_never_refused(room: Room, http: httpx2.Client, odd: dict[str, Any]) -> None:
    assert submit(http, room.player(), a_listen(**odd)).json() == {"status": "ok"}
    assert len(room.plays()) == 1


def test_supysonic_sends_seconds_as_milliseconds_and_its_plays_count(room: Room, http: httpx2.Client) -> None:
    """The bytes are those of Supysonic 0.7.9, but for the time."""
    body = (
        b'{"listen_type": "single", "payload": [{"listened_at": 1796123766.007, "track_metadata": {"artist_name": '
        b'"Album Artist", "track_name": "Alpha & \\u00d6mega", "release_name": "First = Album", "additional_info": '
        b'{"media_player": "Supysonic", "duration_ms": 240}}}]}'
    ).replace(b"1796123766", str(ago(400)).encode())
    player = room.player(name="Supysonic")
    headers = {
        "User-Agent": "python-requests/2.28.1",
        "Content-Type": "application/json",
        "Authorization": f"Token {player.secret}",
    }
    answer = http.post("/1/submit-listens", content=body, headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    [play] = room.plays()
    assert (play["track"], play["duration"], play["fate"]) == ("Alpha & Ömega", 240, "queued")


def test_the_listeners_threshold_applies_if_seconds_came_along(room: Room, http: httpx2.Client) -> None:
    submit(http, room.player(), a_listen("skipped", duration=200, duration_played=20), a_listen("heard", 4000))
    assert [(play["track"], play["fate"]) for play in room.plays()] == [
        ("skipped", "threshold_not_met"),
        ("heard", "queued"),
    ]


def test_what_is_playing_is_shown_and_returned(room: Room, http: httpx2.Client) -> None:
    player = room.player()
    headers = {"Authorization": f"token {player.secret}"}
    listen = {"track_metadata": {"artist_name": "Can", "track_name": "Halleluwah"}}
    path = "/1/submit-listens?return_msid=true"
    first, again = (submit(http, player, listen, kind="playing_now", path=path).json() for _ in range(2))
    assert (first["status"], first["recording_msid"]) == ("ok", again["recording_msid"])
    shown = http.get("/1/user/me/playing-now", headers=headers).json()["payload"]
    assert shown["listens"][0]["track_metadata"]["track_name"] == "Halleluwah"
    assert room.plays() == []
    assert http.post("/1/playing-now/delete", headers=headers).json() == {"status": "ok"}
    assert http.get("/1/user/me/playing-now", headers=headers).json()["payload"]["count"] == 0


def test_a_heart_finds_its_track_by_the_ids_that_players_know(room: Room, http: httpx2.Client) -> None:
    player = room.player()
    headers = {"Authorization": f"Token {player.secret}"}
    playing = {"track_metadata": {"artist_name": "Can", "track_name": "Halleluwah"}}
    path = "/1/submit-listens?return_msid=true"
    msid = submit(http, player, playing, kind="playing_now", path=path).json()["recording_msid"]
    mbid = "0b9d8f7f-8a35-4c55-9a4e-5f1c3f0e6d0f"
    submit(http, player, a_listen(recording_mbid=mbid))

    def heart(score: int, **recording: str) -> None:
        sent = {"score": score, **recording}
        assert http.post("/1/feedback/recording-feedback", json=sent, headers=headers).json() == {"status": "ok"}

    def loved() -> list[str]:
        tracks, _ = room.service.call(room.service.deck.player_views.loved(player.player.account, 10, 0))
        return [one.track.title for one in tracks]

    heart(1, recording_msid=msid)
    heart(1, recording_mbid=mbid.upper())
    assert loved() == ["Sinnerman", "Halleluwah"]
    heart(0, recording_mbid=mbid)
    heart(-1, recording_msid=msid)
    assert loved() == []


def test_a_heart_and_a_lookup_are_answered(room: Room, http: httpx2.Client) -> None:
    headers = {"Authorization": f"Token {room.player().secret}"}
    heart = {"recording_msid": "5f1c3f0e-6d0f-4c55-9a4e-0b9d8f7f8a35", "score": 1}
    assert http.post("/1/feedback/recording-feedback", json=heart, headers=headers).json() == {"status": "ok"}
    assert http.post("/1/feedback/recording-feedback", json={}, headers=headers).status_code == 400
    found = http.get("/1/metadata/lookup?artist_name=Can&recording_name=Vitamin%20C", headers=headers)
    assert (found.status_code, found.json()) == (200, {})


def test_wrong_and_revoked_secrets_are_refused_and_the_listener_can_see_it(room: Room, http: httpx2.Client) -> None:
    player = room.player()
    assert http.post("/1/submit-listens", json={}).status_code == 401
    wrong = http.post("/1/submit-listens", json={}, headers={"Authorization": "Token 17"})
    assert (wrong.status_code, wrong.json()["code"]) == (401, 401)
    assert room.service.deck.players.refusals[-1].reason == "wrong secret"
    assert submit(http, player, a_listen()).status_code == 200
    room.revoke(player)
    assert submit(http, player, a_listen("later")).status_code == 401
    assert room.titles() == ["Sinnerman"]


def test_the_history_can_be_narrowed_to_a_player(room: Room, http: httpx2.Client) -> None:
    submit(http, room.player(name="Navidrome"), a_listen("from Navidrome"))
    submit(http, room.player(name="Pano"), a_listen("from Pano", 9000))
    assert [play["player"] for play in room.plays()] == ["Pano", "Navidrome"]
    link = room.service.call(room.service.deck.accounts.link(1))
    with httpx2.Client(base_url=room.url, timeout=PATIENCE, follow_redirects=True) as browser:
        browser.get("/signin", params={"link": link})
        page = browser.get("/history", params={"player": "Pano"}).text
        assert "from Pano" in page
        assert "from Navidrome" not in page
        assert "No plays from this player." in browser.get("/history", params={"player": "Nobody"}).text


def test_no_secret_is_in_a_log(room: Room, http: httpx2.Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "tonearm")
    player = room.player()
    assert submit(http, player, a_listen()).status_code == 200
    http.get("/1/validate-token", params={"token": player.secret})
    http.post(f"/webhook/plex/{player.secret}", content=b"{")
    assert player.secret not in caplog.text


def test_a_secret_can_report_and_nothing_else(room: Room, http: httpx2.Client) -> None:
    secret = room.player().secret
    for headers in ({"Authorization": f"Token {secret}"}, {"Authorization": f"Bearer {secret}"}):
        assert http.get("/lastfm/settings", headers=headers).status_code == 401
        assert http.get("/lastfm/queue", headers=headers).status_code == 401
        for name in ("listens", "playing-now"):
            shown = http.get(f"/1/user/anna/{name}", headers=headers).json()["payload"]
            assert (shown["user_id"], shown["count"]) == ("anna", 0)
        assert http.get("/1/user/anna/listen-count", headers=headers).json() == {"payload": {"count": 0}}


def test_unknown_addresses_and_methods_are_refused_in_json(room: Room, http: httpx2.Client) -> None:
    nowhere = http.get("/1/nonsense")
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, 404)
    assert http.get("/1/submit-listens").status_code == 405
    assert http.get("/apis/web/v1/stats").status_code == 404


def test_pages_of_other_sites_may_report_with_a_secret_and_only_here(room: Room, http: httpx2.Client) -> None:
    player = room.player()
    origin = {"Origin": "https://player.example"}
    asked = http.options("/1/submit-listens", headers={**origin, "Access-Control-Request-Method": "POST"})
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (200, "*")
    assert "authorization" in asked.headers["access-control-allow-headers"].lower()
    headers = {**origin, "Authorization": f"Token {player.secret}"}
    sent = http.post("/1/submit-listens", json={"listen_type": "single", "payload": [a_listen()]}, headers=headers)
    assert (sent.json(), sent.headers["access-control-allow-origin"]) == ({"status": "ok"}, "*")
    elsewhere = http.get("/health", headers=origin)
    assert "access-control-allow-origin" not in elsewhere.headers


def test_a_player_keeps_its_plays_if_the_database_is_unavailable(
    room: Room, http: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    player = room.player()
    assert submit(http, player, a_listen()).status_code == 200
    room.service.call(_closed(room))
    answer = submit(http, player, a_listen("later", 4000))
    assert (answer.status_code, answer.json()["code"]) == (503, 503)


async def _closed(room: Room) -> None:
    room.service.deck.store._writer.close()


def test_liblistenbrainz_submits_imports_and_reads_back(room: Room) -> None:
    client = liblistenbrainz.ListenBrainz(api_base_url=room.url)
    client.set_auth_token(room.player().secret)
    listen = liblistenbrainz.Listen(track_name="Vitamin C", artist_name="Can", listened_at=ago(500_000))
    assert client.submit_single_listen(listen)["status"] == "ok"
    many = [
        liblistenbrainz.Listen(track_name=f"Song {number}", artist_name="Can", listened_at=ago(400_000 - 300 * number))
        for number in range(1000)
    ]
    assert client.submit_multiple_listens(many)["status"] == "ok"
    playing = liblistenbrainz.Listen(track_name="Halleluwah", artist_name="Can")
    assert client.submit_playing_now(playing)["status"] == "ok"
    assert client.get_user_listen_count("me") == 1001
    assert [one.track_name for one in client.get_listens("me", count=2)] == ["Song 999", "Song 998"]
    now = client.get_playing_now("me")
    assert now is not None
    assert now.track_name == "Halleluwah"


def test_a_listen_that_is_not_kept_is_shown_to_its_listener(room: Room, http: httpx2.Client) -> None:
    player = room.player()
    bad = {**a_listen(), "listened_at": 120}
    assert submit(http, player, a_listen(), bad, kind="import").json()["skipped"] == 1
    assert room.again(player).refused_reason.startswith("not the time of a play: 120")


def test_who_reads_from_a_time_on_gets_the_listens_that_follow(room: Room, http: httpx2.Client) -> None:
    """As at ListenBrainz, or else a program that walks towards the present never sees what is in between."""
    player = room.player()
    listens = [a_listen(f"Song {number}", 9000 - 700 * number) for number in range(6)]
    submit(http, player, *listens, kind="import")

    def read(**window: int) -> list[str]:
        answer = http.get("/1/user/me/listens", params=window, headers={"Authorization": f"Token {player.secret}"})
        return [one["track_metadata"]["track_name"] for one in answer.json()["payload"]["listens"]]

    assert read(count=2) == ["Song 5", "Song 4"]
    assert read(count=2, min_ts=listens[1]["listened_at"]) == ["Song 3", "Song 2"]
    assert read(count=9, max_ts=listens[2]["listened_at"]) == ["Song 1", "Song 0"]
    again = [{**one, "listened_at": one["listened_at"] + 3} for one in listens[2:]]
    submit(http, room.player(name="another"), *again, kind="import")
    assert [play["fate"] for play in room.plays()].count("suspected") == 4
    assert read(count=4) == ["Song 5", "Song 4", "Song 3", "Song 2"], "a page is full if there is more"


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_packed_body_is_read(room: Room, http: httpx2.Client, encoding: str) -> None:
    player = room.player()
    body = json.dumps({"listen_type": "single", "payload": [a_listen()]}).encode()
    packed = gzip.compress(body) if encoding == "gzip" else zlib.compress(body)
    headers = {"Authorization": f"Token {player.secret}", "Content-Encoding": encoding}
    assert http.post("/1/submit-listens", content=packed, headers=headers).json() == {"status": "ok"}
    assert room.titles() == ["Sinnerman"]
    bomb = gzip.compress(b" " * 30_000_000)
    answer = http.post("/1/submit-listens", content=bomb, headers={**headers, "Content-Encoding": "gzip"})
    assert (answer.status_code, answer.json()["error"][:26]) == (400, "JSON document is too large")
    assert http.post("/1/submit-listens", content=b"no gzip", headers=headers).status_code == 400
