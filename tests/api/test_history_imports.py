"""Histories come home over HTTP."""

from __future__ import annotations

import time
from typing import Any

from lastfm_emulator.account import Play
from tests.api.conftest import Service


def scrobbled(service: Service, number: int) -> None:
    """Plays that another app has sent."""
    start = int(time.time()) - 3 * 86400
    for n in range(number):
        play = Play("Low", f"Song {n}", start + n * 300, sent_artist="Low", sent_track=f"Song {n}")
        assert service.emulator.known_user("RJ").keep(play)


def over(service: Service, address: str) -> dict[str, Any]:
    """The import when it is over."""
    while (found := service.http.get(address).json())["state"] == "running":
        pass
    return dict(found)


def test_the_history_at_last_fm_comes_home_and_goes_back(service: Service) -> None:
    scrobbled(service, 30)
    answer = service.http.post("/history-imports/lastfm")
    assert answer.status_code == 202
    done = over(service, answer.headers["location"])
    assert (done["state"], done["added"], done["known"], done["fault"]) == ("done", 30, 0, None)
    (listed,) = service.http.get("/history-imports").json()["imports"]
    assert (listed["source"], listed["name"], listed["state"], listed["added"]) == ("Last.fm", "RJ", "done", 30)
    jobs = service.http.get("/jobs").json()["jobs"]
    assert ("history", "done", 30) in {(job["kind"], job["state"], job["done"]) for job in jobs}
    assert service.http.post(f"/history-imports/{listed['id']}/undo").json() == {"removed": 30}
    assert service.http.post(f"/history-imports/{listed['id']}/undo").status_code == 409
    assert service.http.get("/history-imports").json()["imports"][0]["state"] == "undone"


def test_a_mirror_is_turned_on_and_off(service: Service) -> None:
    assert service.http.get("/history-imports/lastfm").json() == {"mirror": False, "next_at": None, "job": None}
    scrobbled(service, 1)
    assert service.http.put("/history-imports/lastfm", json={"mirror": True}).json()["mirror"] is True
    while (found := service.http.get("/history-imports/lastfm").json())["job"] is None:
        pass
    over(service, f"/history-imports/lastfm/{found['job']['id']}")
    found = service.http.get("/history-imports/lastfm").json()
    assert found["next_at"] > time.time() + 3000
    assert service.http.put("/history-imports/lastfm", json={"mirror": False}).json()["next_at"] is None
    assert service.http.put("/history-imports/lastfm", json={"mirror": "yes"}).status_code == 422


def test_what_is_not_there_or_not_allowed_is_said(service: Service) -> None:
    assert service.http.get("/history-imports/lastfm/99").status_code == 404
    assert service.http.post("/history-imports/99/undo").status_code == 409
    with service.stranger(Authorization=f"Bearer {service.token_of('other')}") as http:
        assert http.post("/history-imports/lastfm").status_code == 401
        assert http.get("/history-imports").json() == {"imports": []}
    with service.stranger() as http:
        assert http.get("/history-imports").status_code == 401
