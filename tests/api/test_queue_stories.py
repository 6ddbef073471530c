"""Every fate is shown: what happened to a play, why, and what its listener can still do about it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.api.conftest import Service
from tests.api.test_plays import a_play


def _sent(service: Service, **changes: Any) -> dict[str, Any]:
    """A play as soon as its fate is known, or it waits after a failed attempt."""
    answer = service.http.post("/lastfm/scrobble", json=a_play(**changes), headers={"Prefer": "wait=20"}).json()
    return _story(service, answer["id"])


def _story(service: Service, play_id: int) -> dict[str, Any]:
    answer = service.http.get(f"/lastfm/queue/{play_id}")
    assert answer.status_code == 200
    story: dict[str, Any] = answer.json()
    return story


def test_the_story_of_an_accepted_play(service: Service) -> None:
    story = _sent(service)
    assert (story["fate"], story["why"], story["attempts"]) == ("accepted", "on Last.fm", [])
    assert story["heard"] == "heard 400 s of 622 s, needs 240 s"
    assert story["settled_at"] >= story["reported_at"]


def test_the_story_of_a_correction(service: Service) -> None:
    service.emulator.correct_artist("Nina Simon", "Nina Simone")
    story = _sent(service, artist="Nina Simon")
    assert story["corrected"]["artist"] == "Nina Simone"
    assert story["artist"] == "Nina Simon"


def test_the_story_of_a_play_that_did_not_count(service: Service) -> None:
    story = _sent(service, duration=240, played_time=71)
    assert story["fate"] == "threshold_not_met"
    assert story["why"] == "heard 71 s of 240 s, needs 120 s"


def test_the_story_of_an_outage_shows_each_attempt_and_the_next(service: Service) -> None:
    service.emulator.fault("error", error=11, methods=["track.scrobble"])
    play_id = service.http.post("/lastfm/scrobble", json=a_play()).json()["id"]
    for _ in range(2):
        service.http.post("/lastfm/queue/retry")
    story = _story(service, play_id)
    assert story["fate"] == "queued"
    assert [attempt["error"] for attempt in story["attempts"][:2]] == [11, 11]
    assert story["tries"] == len(story["attempts"])
    assert "Last.fm error 11" in story["why"]


def test_the_story_of_an_ignored_play_has_the_true_reason(service: Service) -> None:
    story = _sent(service, artist="Various")
    assert (story["fate"], story["ignored_code"]) == ("ignored", 1)
    assert "'Various'" in story["why"]


def test_an_ignored_play_is_corrected_and_sent_as_a_new_one_linked_to_the_old(service: Service) -> None:
    old = _sent(service, artist="Various")
    answer = service.http.patch(f"/lastfm/queue/{old['id']}", json={"artist": "Nina Simone"})
    assert answer.status_code == 200
    service.http.post("/lastfm/queue/retry")
    new = _story(service, answer.json()["id"])
    assert (new["fate"], new["artist"], new["instead_of"]) == ("accepted", "Nina Simone", old["id"])
    assert new["timestamp"] == old["timestamp"]
    old_story = _story(service, old["id"])
    assert (old_story["fate"], old_story["replaced_by"]) == ("discarded", new["id"])
    assert [play.artist for play in service.emulator.plays("RJ")] == ["Nina Simone"]


def test_an_ignored_play_may_be_sent_once_more_by_hand(service: Service) -> None:
    story = _sent(service, artist="Various")
    assert service.http.post(f"/lastfm/queue/{story['id']}/retry").json() == {"status": "success", "id": story["id"]}


def test_a_play_that_did_not_count_may_be_queued_by_hand(service: Service) -> None:
    story = _sent(service, played_time=10)
    service.http.post(f"/lastfm/queue/{story['id']}/retry")
    service.http.post("/lastfm/queue/retry")
    assert _story(service, story["id"])["fate"] == "accepted"
    assert len(service.emulator.plays("RJ")) == 1


def test_a_discarded_play_leaves_the_queue_and_stays_in_the_history(service: Service) -> None:
    ahead = int(time.time()) + 3600
    play_id = service.http.post("/lastfm/scrobble", json=a_play(timestamp=ahead)).json()["id"]
    assert service.http.delete(f"/lastfm/queue/{play_id}").status_code == 200
    assert service.http.get("/lastfm/queue/status").json()["queued_scrobbles"] == 0
    assert _story(service, play_id)["fate"] == "discarded"


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_what_is_on_last_fm_is_not_changed_here(service: Service, method: str) -> None:
    story = _sent(service)
    path = f"/lastfm/queue/{story['id']}" + ("/retry" if method == "POST" else "")
    answer = service.http.request(method, path, json={"artist": "Somebody"})
    assert answer.status_code == 409
    assert "on Last.fm" in answer.json()["detail"]


def test_a_correction_without_a_name_is_422_and_changes_nothing(service: Service) -> None:
    story = _sent(service, artist="Various")
    answer = service.http.patch(f"/lastfm/queue/{story['id']}", json={"artist": "  "})
    assert answer.status_code == 422
    assert _story(service, story["id"])["fate"] == "ignored"


def test_a_correction_to_a_play_that_is_there_already_is_409(service: Service) -> None:
    first = _sent(service)
    other = _sent(service, artist="Various", timestamp=first["timestamp"])
    answer = service.http.patch(f"/lastfm/queue/{other['id']}", json={"artist": "Nina Simone"})
    assert answer.status_code == 409


@pytest.mark.parametrize("play_id", ["999", "0", "-1"])
def test_an_unknown_play_is_404(unmoved: Service, play_id: str) -> None:
    for method, path in (("GET", ""), ("POST", "/retry"), ("PATCH", ""), ("DELETE", "")):
        assert unmoved.http.request(method, f"/lastfm/queue/{play_id}{path}", json={}).status_code == 404


def test_the_list_is_filtered_and_paged_without_a_play_lost_or_doubled(service: Service) -> None:
    start = int(time.time()) - 50_000
    for number in range(25):
        played = 400 if number % 5 else 10
        service.http.post(
            "/lastfm/scrobble", json=a_play(timestamp=start + number // 2, track=f"T{number}", played_time=played)
        )
    service.http.post("/lastfm/queue/retry")
    seen: list[int] = []
    after: str | None = None
    while True:
        params: dict[str, str | int] = {"limit": 7, **({"after": after} if after else {})}
        page = service.http.get("/lastfm/queue", params=params).json()
        seen += [play["id"] for play in page["plays"]]
        after = page["next"]
        if after is None:
            break
    assert sorted(seen) == list(range(1, 26))
    unheard = service.http.get("/lastfm/queue", params={"fate": "threshold_not_met"}).json()["plays"]
    assert len(unheard) == 5
    both = service.http.get("/lastfm/queue", params={"fate": ["threshold_not_met", "accepted"]}).json()["plays"]
    assert len(both) == 25


@pytest.mark.parametrize("query", ["fate=lost", "limit=0", "limit=501", "after=yesterday", "after=1-2-3"])
def test_a_strange_filter_is_422(unmoved: Service, query: str) -> None:
    assert unmoved.http.get(f"/lastfm/queue?{query}").status_code == 422


def test_the_album_alone_is_corrected_on_the_same_play(service: Service) -> None:
    story = _sent(service, album_artist="Various Artists")
    assert story["fate"] == "ignored"
    answer = service.http.patch(f"/lastfm/queue/{story['id']}", json={"album_artist": ""})
    assert (answer.status_code, answer.json()["id"]) == (200, story["id"])
    service.http.post("/lastfm/queue/retry")
    again = _story(service, story["id"])
    assert (again["fate"], again["album_artist"]) == ("accepted", "")


def test_a_play_that_waits_for_another_user_or_its_own_time_is_not_hurried(service: Service) -> None:
    ahead = service.http.post("/lastfm/scrobble", json=a_play(timestamp=int(time.time()) + 3600)).json()["id"]
    assert (
        "starts in the future: on hold until then" in service.http.post(f"/lastfm/queue/{ahead}/retry").json()["detail"]
    )
    service.emulator.fault("error", error=16, methods=["track.scrobble"])
    waits = service.http.post("/lastfm/scrobble", json=a_play()).json()["id"]
    service.failed_once(waits)
    service.http.delete("/lastfm/disconnect")
    service.sign_in(service.http, "somebody-else")
    answer = service.http.post(f"/lastfm/queue/{waits}/retry")
    assert (answer.status_code, "rj" in answer.json()["detail"]) == (409, True)
