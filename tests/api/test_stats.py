"""The figures over HTTP: each at an address of its own, in the zone that is asked for."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.api.conftest import Service

TODAY = datetime.fromtimestamp(time.time() - 3600, UTC).date()


@pytest.fixture
def played(service: Service) -> Service:
    """Four plays within the last hours, one of them in another spelling."""
    now = int(time.time())
    for at, artist, track in (
        (1, "Sigur Rós", "Ágætis byrjun"),
        (2, "Sigur Rós", "Ágætis byrjun"),
        (3, "Sigur Ros", "Agaetis Byrjun"),
        (4, "Low", "Words"),
    ):
        play = {"artist": artist, "track": track, "album": "One", "duration": 200, "played_time": 200}
        answer = service.http.post("/lastfm/scrobble", json={**play, "timestamp": now - at * 400})
        assert answer.json()["status"] == "queued"
    return service


def test_one_folded_spelling_counts_once_and_is_shown_as_it_is_written_most(played: Service) -> None:
    found = played.http.get("/stats/artists", params={"period": "30d", "zone": "UTC"}).json()
    assert (found["total"], found["period"][:4], found["zone"]) == (2, str((TODAY - timedelta(29)).year), "UTC")
    assert found["names"][0] == {
        "rank": 1,
        "artist": "Sigur Rós",
        "title": None,
        "plays": 3,
        "seconds": 600,
        "rank_before": None,
        "plays_before": 0,
    }
    assert [one["title"] for one in played.http.get("/stats/tracks?period=30d").json()["names"]] == [
        "Ágætis byrjun",
        "Words",
    ]
    second = played.http.get("/stats/artists", params={"period": "30d", "limit": 1, "offset": 1, "by": "heard"}).json()
    assert [(one["rank"], one["artist"]) for one in second["names"]] == [(2, "Low")]


def test_a_period_is_summed_up_in_a_few_figures(played: Service) -> None:
    found = played.http.get("/stats?period=30d").json()
    assert (found["plays"], found["seconds"], found["untimed"], found["skipped"]) == (4, 800, 0, 0)
    assert (found["artists"], found["albums"], found["tracks"], found["new_artists"]) == (2, 2, 2, 2)
    assert found["before"] == {"plays": 0, "seconds": 0, "untimed": 0, "skipped": 0}
    assert found["longest_session"]["plays"] == 4
    assert found["longest_session"]["to"] - found["longest_session"]["from"] == found["longest_session"]["seconds"]
    assert found["streak"]["current"]["days"] == found["active_days"]
    assert found["first_play"]["artist"] == "Low"
    assert set(found["top"]) == {"artists", "albums", "tracks"}
    assert played.http.get("/stats?period=all").json()["before"] is None


def test_days_hours_and_what_is_new_are_those_of_the_zone(played: Service) -> None:
    days = played.http.get("/stats/days?period=30d&zone=UTC").json()
    assert sum(day["plays"] for day in days["days"]) == days["plays"] == 4
    hours = played.http.get("/stats/hours?period=30d&zone=Asia/Kathmandu").json()
    assert [len(day) for day in hours["week"]] == [24] * 7
    assert sum(map(sum, hours["week"])) == 4
    new = played.http.get("/stats/new/tracks?period=30d").json()
    assert [(one["title"], one["plays"]) for one in new["names"]] == [("Ágætis byrjun", 3), ("Words", 1)]
    assert played.http.get("/stats/rediscovered/artists?period=30d").json()["names"] == []
    assert played.http.get("/stats/on-this-day").json()["years"] == []
    deliveries = played.http.get("/stats/deliveries?period=30d").json()
    assert set(deliveries) >= {"sample", "median_seconds", "slow_seconds", "failed", "left_out"}


def test_a_listener_without_plays_has_empty_figures(service: Service) -> None:
    with service.stranger(Authorization=f"Bearer {service.token_of('other')}") as http:
        found = http.get("/stats").json()
        assert (found["plays"], found["longest_session"], found["first_play"]) == (0, None, None)
        assert http.get("/stats/albums").json()["names"] == []


def test_what_cannot_be_read_is_reported(service: Service) -> None:
    for query in ("period=2014-13", "period=yesterday", "zone=Atlantis", "limit=0", "offset=-1", "by=weight"):
        assert service.http.get(f"/stats/artists?{query}").status_code == 422, query
    (wrong,) = service.http.get("/stats?period=never").json()["detail"]
    assert (wrong["loc"], "30d" in wrong["msg"]) == (["query", "period"], True)
    with service.stranger() as http:
        assert http.get("/stats").status_code == 401


def test_names_are_merged_for_the_figures_and_come_apart_again(played: Service) -> None:
    http = played.http
    wanted = {"kind": "artist", "artist": "Low", "to_artist": "Sigur Rós"}
    [one] = http.put("/stats/names", json=wanted).json()["names"]
    assert one | {"renamed_at": 0} == {**wanted, "title": None, "to_title": None, "renamed_at": 0}
    assert [(one["artist"], one["plays"]) for one in http.get("/stats/artists").json()["names"]] == [("Sigur Rós", 4)]
    assert {one["artist"] for one in http.get("/stats/tracks").json()["names"]} == {"Sigur Rós"}
    assert http.get("/stats/names").json()["names"] == [one]
    gone = http.delete("/stats/names", params={"kind": "artist", "artist": "Low"})
    assert gone.json() == {"names": []}
    assert http.get("/stats/artists").json()["total"] == 2
    again = http.delete("/stats/names", params={"kind": "artist", "artist": "Low"})
    assert (again.status_code, again.json()) == (404, {"detail": "this name isn't renamed"})


def test_a_name_cannot_become_empty(service: Service) -> None:
    wanted = {"kind": "track", "artist": "Low", "title": "Words", "to_artist": "Low", "to_title": " "}
    answer = service.http.put("/stats/names", json=wanted)
    assert answer.status_code == 422
    [fault] = answer.json()["detail"]
    assert (fault["loc"], fault["msg"]) == (["body", "to_title"], "enter a title")
