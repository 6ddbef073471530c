"""Many plays in one request: each answered as if it came alone, all on disk, or none."""

from __future__ import annotations

import time
from typing import Any

from tests.api.conftest import Service
from tests.api.test_plays import a_play


def some_plays(number: int) -> list[dict[str, Any]]:
    begun = int(time.time()) - 2 * 3600 - 300 * number  # a backlog: live plays would go first
    return [a_play(track=f"Song {place}", timestamp=begun + 300 * place) for place in range(number)]


def report(service: Service, plays: list[dict[str, Any]]) -> Any:
    return service.http.post("/lastfm/scrobbles", json={"plays": plays})


def test_each_play_of_a_batch_is_answered_as_if_it_came_alone(service: Service) -> None:
    first, second, short, old = some_plays(4)
    short["played_time"] = 20
    old["timestamp"] -= 15 * 86400
    answers = report(service, [second, first, short, old, {**second}]).json()["plays"]
    assert [answer["status"] for answer in answers] == ["queued", "queued", "threshold_not_met", "too_old", "duplicate"]
    assert answers[4]["id"] == answers[0]["id"]
    alone = service.http.post("/lastfm/scrobble", json=short).json()
    assert alone == answers[2]


def test_a_thousand_plays_reach_last_fm_in_the_order_of_time(service: Service) -> None:
    plays = some_plays(1000)
    answers = report(service, plays[::-1]).json()["plays"]
    assert {answer["status"] for answer in answers} == {"queued"}
    answer = service.http.post("/lastfm/queue/retry")  # waits until all is sent
    assert answer.json()["remaining_queued"] == 0
    arrived = sorted(service.emulator.plays("RJ"), key=lambda play: play.received)
    assert [play.track for play in arrived] == [play["track"] for play in plays]


def test_one_bad_play_keeps_out_the_whole_batch_and_is_named_with_its_place(service: Service) -> None:
    plays = some_plays(5)
    plays[3]["timestamp"] = 7
    plays[4]["artist"] = "\x00 "
    refused = report(service, plays)
    assert refused.status_code == 422
    places = [fault["loc"] for fault in refused.json()["detail"]]
    assert places == [["body", "plays", 3, "timestamp"], ["body", "plays", 4, "artist"]]
    plays[2]["played_time"] = "long"
    assert report(service, plays).json()["detail"][0]["loc"] == ["body", "plays", 2, "played_time"]
    assert service.http.get("/lastfm/queue").json()["plays"] == []


def test_a_batch_holds_one_to_a_thousand_plays(service: Service) -> None:
    assert report(service, []).status_code == 422
    refused = report(service, some_plays(1001))
    assert refused.status_code == 422
    assert "1000" in refused.json()["detail"][0]["msg"]
