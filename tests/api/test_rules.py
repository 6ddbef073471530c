"""Rules over HTTP: previewed, made, applied, listed and undone."""

from __future__ import annotations

import time
from typing import Any

from tests.api.conftest import Service

RULE: dict[str, Any] = {"scope": "artist", "seen": {"artist": "Bjork"}, "to": {"artist": "Björk"}}


def report(service: Service, ago: int, artist: str = "Bjork", track: str = "Joga") -> dict[str, Any]:
    play = {"artist": artist, "track": track, "duration": 200, "played_time": 200, "timestamp": int(time.time()) - ago}
    answer: dict[str, Any] = service.http.post("/lastfm/scrobble", json=play).json()
    return answer


def test_a_rule_is_previewed_made_applied_and_undone(service: Service) -> None:
    first = report(service, 2000)
    preview = service.http.post("/rules/preview", json=RULE).json()
    assert preview == {"plays": 1, "latest": [first["id"]]}
    assert service.http.get("/rules").json() == {"rules": []}
    made = service.http.post("/rules", json=RULE)
    assert made.status_code == 201
    rule = made.json()
    assert rule["to"] == {"artist": "Björk", "track": "", "album": "", "album_artist": ""}
    assert service.http.get("/rules").json() == {"rules": [rule]}
    later = service.http.get(f"/lastfm/queue/{report(service, 900)['id']}").json()
    assert (later["artist"], later["reported_as"]["artist"]) == ("Björk", "Bjork")
    before = service.http.get(f"/lastfm/queue/{first['id']}").json()
    assert (before["artist"], before["reported_as"]) == ("Bjork", None)
    assert service.http.delete(f"/rules/{rule['id']}").json() == {"rules": []}
    assert service.http.delete(f"/rules/{rule['id']}").status_code == 404
    unruled = service.http.get(f"/lastfm/queue/{report(service, 300)['id']}").json()
    assert (unruled["artist"], unruled["reported_as"]) == ("Bjork", None)


def test_a_rule_that_cant_be_is_refused_with_the_field(service: Service) -> None:
    for wrong, field, words in (
        (RULE | {"to": {}}, ["body", "to"], "change a name first"),
        (RULE | {"to": {"artist": " "}}, ["body", "to", "artist"], "enter an artist"),
        (RULE | {"scope": "track"}, ["body", "to", "track"], "enter a track"),
        (RULE | {"scope": "album"}, ["body", "to"], "enter an album"),
        (RULE | {"scope": "everything"}, ["body", "scope"], "artist"),
    ):
        for path in ("/rules", "/rules/preview"):
            answer = service.http.post(path, json=wrong)
            assert answer.status_code == 422, wrong
            [problem] = answer.json()["detail"]
            assert problem["loc"] == field
            assert words in problem["msg"]
    assert service.http.get("/rules").json() == {"rules": []}
