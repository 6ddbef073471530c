"""Plays and now playing over HTTP: the promised shapes, the rule, and the answers to bad input."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.api.conftest import Service
from tests.databases import module_on_sqlite, only_sqlite


def a_play(**changes: Any) -> dict[str, Any]:
    return {
        "artist": "Nina Simone",
        "track": "Sinnerman",
        "album": "Pastel Blues",
        "timestamp": int(time.time()) - 700,
        "duration": 622,
        "played_time": 400,
        **changes,
    }


def test_a_play_is_queued_with_its_number_and_reaches_last_fm_once(service: Service) -> None:
    play = a_play()
    answer = service.http.post("/lastfm/scrobble", json=play, headers={"Prefer": "wait=20"})
    assert answer.status_code == 200
    assert answer.json() == {"status": "success", "id": 1, "message": "on Last.fm", "heard": 400.0, "needed": 240.0}
    [arrived] = service.emulator.plays("RJ")
    assert (arrived.artist, arrived.track, arrived.album) == ("Nina Simone", "Sinnerman", "Pastel Blues")
    assert arrived.timestamp == play["timestamp"]


def test_a_play_without_waiting_is_answered_queued(service: Service) -> None:
    answer = service.http.post("/lastfm/scrobble", json=a_play()).json()
    assert answer["status"] == "queued"
    assert set(answer) == {"status", "id", "message", "heard", "needed"}


def test_invisible_characters_are_neither_sent_nor_shown(service: Service) -> None:
    names = {
        "artist": "\ufeffSelah Sue",
        "track": "\u200eupside\u200b-\u200bdown",
        "album": "Mo\u00adtor\u00a0\u00a0head",
    }
    answer = service.http.post("/lastfm/scrobble", json=a_play(**names), headers={"Prefer": "wait=20"}).json()
    assert answer["status"] == "success"
    service.http.post("/lastfm/now-playing", json=names)
    for arrived in (service.emulator.plays("RJ")[0], service.emulator.now_playing("RJ")):
        assert arrived is not None
        assert (arrived.artist, arrived.track, arrived.album) == ("Selah Sue", "upside-down", "Motor head")


@pytest.mark.parametrize("name", ["\u200b", "\ufeff\u00a0", "\u3164", "\u2800"])
@pytest.mark.parametrize("path", ["/lastfm/scrobble", "/lastfm/now-playing"])
def test_a_name_with_nothing_visible_is_422(unmoved: Service, path: str, name: str) -> None:
    answer = unmoved.http.post(path, json=a_play(track=name))
    assert answer.status_code == 422
    assert "enter a track" in answer.text


def test_the_same_play_again_is_a_duplicate_of_the_first(service: Service) -> None:
    play = a_play()
    first = service.http.post("/lastfm/scrobble", json=play).json()
    again = service.http.post("/lastfm/scrobble", json=play).json()
    assert (again["status"], again["id"]) == ("duplicate", first["id"])


@module_on_sqlite  # the rule knows nothing of where plays are kept
@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"played_time": 239.9}, "threshold_not_met"),
        ({"played_time": 240}, "queued"),
        ({"duration": 30, "played_time": 30}, "threshold_not_met"),
        ({"duration": 30.5, "played_time": 15.25}, "queued"),
        ({"duration": 0, "played_time": 239}, "threshold_not_met"),
        ({"duration": None, "played_time": 240}, "queued"),
        ({"timestamp": time.time() - 15 * 86400}, "too_old"),
        ({"timestamp": time.time() + 3600}, "queued"),
        ({"timestamp": (time.time() - 900) * 1000}, "queued"),
    ],
)
def test_the_rule(newcomer: Service, changes: dict[str, Any], status: str) -> None:
    assert newcomer.http.post("/lastfm/scrobble", json=a_play(**changes)).json()["status"] == status


def test_a_duration_that_is_left_out_is_an_unknown_one(service: Service) -> None:
    play = a_play(played_time=239)
    del play["duration"]
    answer = service.http.post("/lastfm/scrobble", json=play).json()
    assert (answer["status"], answer["needed"]) == ("threshold_not_met", 240.0)


def test_a_play_that_did_not_count_is_queued_when_it_is_reported_with_more_heard(service: Service) -> None:
    early = service.http.post("/lastfm/scrobble", json=a_play(timestamp=1, played_time=1))
    assert early.status_code == 422
    at = int(time.time()) - 650
    first = service.http.post("/lastfm/scrobble", json=a_play(timestamp=at, played_time=60)).json()
    later = service.http.post("/lastfm/scrobble", json=a_play(timestamp=at, played_time=600)).json()
    assert (first["status"], later["status"], later["id"]) == ("threshold_not_met", "queued", first["id"])


def test_a_play_from_the_future_is_held_until_its_time(service: Service) -> None:
    ahead = int(time.time()) + 86400
    service.http.post("/lastfm/scrobble", json=a_play(timestamp=ahead))
    status = service.http.get("/lastfm/queue/status").json()
    assert (status["queued_scrobbles"], status["held"]) == (1, 1)
    assert status["next_attempt_at"] == pytest.approx(ahead, abs=60)


def test_the_threshold_holds_from_the_next_play_on(service: Service) -> None:
    assert service.http.put("/lastfm/settings", json={"scrobble_threshold": 100}).json() == {
        "updated": ["scrobble_threshold"]
    }
    answer = service.http.post("/lastfm/scrobble", json=a_play(duration=200, played_time=199)).json()
    assert (answer["status"], answer["needed"]) == ("threshold_not_met", 200.0)
    assert answer["message"] == "heard 199 s of 200 s, needs 200 s"


def test_a_switched_off_listener_keeps_the_play_and_sends_nothing(service: Service) -> None:
    service.http.put("/lastfm/settings", json={"enabled": False})
    assert service.http.post("/lastfm/scrobble", json=a_play()).json()["status"] == "disabled"
    assert service.http.post("/lastfm/now-playing", json={"artist": "a", "track": "b"}).json()["status"] == "disabled"
    assert service.emulator.plays("RJ") == []


def test_without_a_sign_in_the_play_is_kept_and_not_queued(signed_out: Service) -> None:
    answer = signed_out.http.post("/lastfm/scrobble", json=a_play()).json()
    assert answer["status"] == "not_authenticated"
    shown = signed_out.http.post("/lastfm/now-playing", json={"artist": "a", "track": "b"}).json()
    assert shown["status"] == "not_authenticated"
    assert signed_out.http.get("/lastfm/queue/status").json()["queued_scrobbles"] == 0


def test_what_last_fm_ignores_is_reported_with_the_true_reason(service: Service) -> None:
    play = a_play(artist="Various")
    answer = service.http.post("/lastfm/scrobble", json=play, headers={"Prefer": "wait=20"}).json()
    assert answer["status"] == "ignored"
    assert "'Various'" in answer["message"]
    assert service.http.get("/lastfm/queue/status").json()["refused"] == 1


def test_now_playing_is_shown(service: Service) -> None:
    answer = service.http.post("/lastfm/now-playing", json={"artist": "Can", "track": "Halleluwah", "duration": 1108})
    assert answer.json() == {"status": "success"}
    shown = service.emulator.now_playing("RJ")
    assert shown is not None
    assert shown.track == "Halleluwah"


def test_now_playing_that_fails_is_an_answer_and_is_not_tried_again(service: Service) -> None:
    service.emulator.fault("error", error=16, methods=["track.updateNowPlaying"])
    answer = service.http.post("/lastfm/now-playing", json={"artist": "Can", "track": "Halleluwah"})
    assert answer.status_code == 200
    assert answer.json()["status"] == "error"
    asked = [entry for entry in service.emulator.journal if entry.method.lower() == "track.updatenowplaying"]
    assert len(asked) == 1


NAMES = {
    "a lone surrogate": ("Nina \ud800Simone", "Nina Simone"),
    "a NUL": ("Nina\x00 Simone", "Nina Simone"),
    "blanks around": ("  Nina Simone\t", "Nina Simone"),
    "decomposed letters": ("Sigur Ro\u0301s", "Sigur Rós"),
    "a line break": ("Nina\nSimone", "Nina Simone"),
    "emoji": ("🎷 Nina", "🎷 Nina"),
    "script": ("<script>alert(1)</script>", "<script>alert(1)</script>"),
}


@pytest.mark.parametrize("name", NAMES)
def test_names_are_cleaned_before_they_are_frozen(newcomer: Service, name: str) -> None:
    sent, stored = NAMES[name]
    body = json.dumps(a_play(artist=sent))
    headers = {"Prefer": "wait=20", "Content-Type": "application/json"}
    assert newcomer.http.post("/lastfm/scrobble", content=body, headers=headers).json()["status"] == "success"
    [arrived] = newcomer.emulator.plays(newcomer.user)
    assert arrived.artist == stored


LENIENT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a track number in text": ({"track_number": "7"}, {"track_number": 7}),
    "a track number of so many": ({"track_number": " 07/12"}, {"track_number": 7}),
    "a track number with a fraction of nothing": ({"track_number": 3.0}, {"track_number": 3}),
    "no track number in text": ({"track_number": ""}, {"track_number": None}),
    "a length in text": ({"duration": "622.5"}, {"duration": 622}),
    "an album called by its year": ({"album": 1989}, {"album": "1989"}),
    "no album": ({"album": None, "album_artist": None, "mbid": None, "chosen_by_user": None}, {"album": ""}),
    "not chosen, in text": ({"chosen_by_user": "0"}, {"chosen_by_user": False}),
}


@module_on_sqlite  # what a body says is read before any database is asked
@pytest.mark.parametrize("name", LENIENT)
def test_what_is_optional_is_read_as_it_is_meant(newcomer: Service, name: str) -> None:
    changes, meant = LENIENT[name]
    answer = newcomer.http.post("/lastfm/scrobble", json=a_play(**changes), headers={"Prefer": "wait=20"}).json()
    assert (answer["status"], answer["message"]) == ("success", "on Last.fm")
    [arrived] = newcomer.emulator.plays(newcomer.user)
    assert {field: getattr(arrived, field) for field in meant} == meant
    assert newcomer.http.get(f"/lastfm/queue/{answer['id']}").json()["left_out"] == ""


UNREADABLE: dict[str, tuple[dict[str, Any], str]] = {
    "a side of a record": ({"track_number": "A1"}, 'track_number "A1"'),
    "true for a track number": ({"track_number": True}, "track_number true"),
    "half a track number": ({"track_number": 3.5}, "track_number 3.5"),
    "a track number beyond all measure": ({"track_number": 10**14}, "track_number 1" + "0" * 14),
    "a track number as long as a line": ({"track_number": 10**30}, "track_number (a very long number)"),
    "minutes and seconds": ({"duration": "10:22"}, 'duration "10:22"'),
    "a negative length": ({"duration": -1}, "duration -1"),
    "a list of albums": ({"album": ["Pastel Blues"]}, "album […]"),
    "an album artist that is an object": ({"album_artist": {"name": "a"}}, "album_artist {…}"),
    "an album without end": ({"album": "x" * 20_000}, f'album "{"x" * 40}…"'),
    "no UUID": ({"mbid": "12"}, 'mbid "12"'),
    "neither yes nor no": ({"chosen_by_user": "shuffle"}, 'chosen_by_user "shuffle"'),
    "two of them": ({"track_number": "A1", "duration": False}, 'duration false, track_number "A1"'),
}


@module_on_sqlite  # what a body says is read before any database is asked
@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_optional_and_unreadable_is_left_out_and_the_details_say_so(newcomer: Service, name: str) -> None:
    changes, words = UNREADABLE[name]
    body = a_play(**changes)
    words = f"ignored because unreadable: {words}"
    answer = newcomer.http.post("/lastfm/scrobble", json=body, headers={"Prefer": "wait=20"}).json()
    assert (answer["status"], answer["message"]) == ("success", f"on Last.fm; {words}")
    assert newcomer.http.get(f"/lastfm/queue/{answer['id']}").json()["left_out"] == words
    [arrived] = newcomer.emulator.plays(newcomer.user)
    assert arrived.artist == "Nina Simone"
    shown = newcomer.http.post("/lastfm/now-playing", json={**body, "chosen_by_user": True}).json()
    assert shown["status"] == "success"
    assert ("chosen_by_user" in words) or shown["message"] == words


def test_of_several_plays_each_says_what_was_left_out_of_it(service: Service) -> None:
    plays = [a_play(track="A", track_number="A1"), a_play(track="B")]
    first, second = service.http.post("/lastfm/scrobbles", json={"plays": plays}).json()["plays"]
    assert first["message"].endswith('; ignored because unreadable: track_number "A1"')
    assert "left out" not in second["message"]


@module_on_sqlite  # what a body says is read before any database is asked
@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
@pytest.mark.parametrize("field", ["duration", "track_number"])
def test_an_invalid_optional_number_is_left_out(newcomer: Service, field: str, number: str) -> None:
    body = json.dumps(a_play(**{field: "@"})).replace('"@"', number)
    answer = newcomer.http.post("/lastfm/scrobble", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 200
    assert f"{field} {'NaN' if number == 'NaN' else 'Infinity'}" in answer.json()["message"]


BAD = {
    "a boolean for seconds": (a_play(played_time=False), "played_time"),
    "a text for seconds": (a_play(played_time="400"), "played_time"),
    "a negative number of seconds": (a_play(played_time=-1), "played_time"),
    "a number for a name": (a_play(artist=7), "artist"),
    "no artist": ({k: v for k, v in a_play().items() if k != "artist"}, "artist"),
    "nothing but blanks": (a_play(track=" \u200b\x00 ".replace("\u200b", "")), "track"),
    "a title of a mebibyte": (a_play(track="x" * 2**20), "track"),
    "1970": (a_play(timestamp=86400), "timestamp"),
    "a month and a day ahead": (a_play(timestamp=time.time() + 31 * 86400), "timestamp"),
    "a text for a time": (a_play(timestamp="yesterday"), "timestamp"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_422_with_the_field_named(unmoved: Service, name: str) -> None:
    body, field = BAD[name]
    answer = unmoved.http.post("/lastfm/scrobble", json=body)
    assert answer.status_code == 422
    assert field in answer.json()["detail"][0]["loc"]
    assert len(answer.content) < 1000
    assert unmoved.http.get("/lastfm/queue/status").json()["queued_scrobbles"] == 0


@pytest.mark.parametrize(
    "body", [b"{", b"", b"[]", b"null", b'"text"', b'{"artist": NaN}', b"\xff\xfe", b'{"timestamp": 1e999}']
)
def test_what_is_not_a_play_at_all_is_422(unmoved: Service, body: bytes) -> None:
    answer = unmoved.http.post("/lastfm/scrobble", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.json()["detail"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "1" * 5000])
def test_invalid_numbers_are_422(unmoved: Service, number: str) -> None:
    for field in ("timestamp", "played_time"):
        body = json.dumps(a_play(**{field: "@"})).replace('"@"', number)
        answer = unmoved.http.post("/lastfm/scrobble", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in (400, 422), (field, number)


def test_a_body_without_a_json_content_type_is_rejected_with_advice(unmoved: Service) -> None:
    answer = unmoved.http.post("/lastfm/scrobble", content=b"artist=x", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 422
    assert "application/json" in answer.json()["detail"][0]["msg"]


@pytest.mark.parametrize("in_parts", [False, True])
def test_a_huge_body_is_refused_early_in_json(unmoved: Service, in_parts: bool) -> None:
    body = b"x" * (3 * 2**20)
    answer = unmoved.http.post("/lastfm/scrobble", content=iter([body]) if in_parts else body)
    assert answer.status_code == 413
    assert answer.json()["detail"]


def test_a_browser_gets_the_refusal_as_text(unmoved: Service) -> None:
    browser = {"Accept": "text/html,*/*"}
    answer = unmoved.http.post("/lastfm/scrobble", content=b"x" * (3 * 2**20), headers=browser)
    assert (answer.status_code, answer.headers["content-type"]) == (413, "text/plain; charset=utf-8")


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/lastfm/settings", "GET, HEAD, PUT"),
        ("/lastfm/auth-callback", "GET, HEAD, POST"),
        ("/lastfm/scrobble", "POST"),
        ("/lastfm/queue/1", "DELETE, GET, HEAD, PATCH"),
        ("/events", "GET"),
    ],
)
def test_a_method_that_an_address_has_not_names_all_that_it_has(unmoved: Service, path: str, methods: str) -> None:
    answer = unmoved.http.request("TRACE", path)
    assert (answer.status_code, answer.headers["allow"]) == (405, methods)
    assert answer.json() == {"detail": "Method Not Allowed"}


@pytest.mark.parametrize(
    "path", ["/lastfm/settings", "/lastfm/queue/status", "/jobs", "/metadata/artists/A%2FB/nothing"]
)
def test_an_address_answers_head_as_it_answers_get(unmoved: Service, path: str) -> None:
    get, head = unmoved.http.get(path), unmoved.http.head(path)
    assert (head.status_code, head.headers["content-type"]) == (get.status_code, get.headers["content-type"])
    assert unmoved.http.head(path, headers={"Authorization": "Bearer wrong"}).status_code in (401, 404)


def test_an_address_that_only_takes_posts_answers_no_head(unmoved: Service) -> None:
    assert unmoved.http.head("/lastfm/scrobble").status_code == 405


@only_sqlite  # headers are read before any database is asked
@pytest.mark.parametrize("prefer", ["wait=0", "wait=banana", "wait=-3", "wait=99999999999999999999", "respond-async"])
def test_a_strange_preference_is_not_a_fault(service: Service, prefer: str) -> None:
    service.emulator.fault("error", error=16)
    if prefer.startswith("wait=9"):
        service.emulator.clear_faults()
    answer = service.http.post("/lastfm/scrobble", json=a_play(), headers={"Prefer": prefer})
    assert answer.status_code == 200
