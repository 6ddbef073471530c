"""Hearts over HTTP: said, waiting, refused."""

from __future__ import annotations

import pytest

from tests.api.conftest import Service

SONG = {"artist": "Nina Simone", "track": "Sinnerman"}


def loves(service: Service) -> list[str]:
    return [one.track for one in service.emulator.known_user("RJ").loved.values()]


def until_sent(service: Service) -> None:
    with service.deck.event_hub.subscribe(1) as (news, _):
        while service.http.get("/lastfm/loved").json()["hearts"]:
            service.call(news.within(0.2))


def test_a_track_is_loved_and_loved_no_longer(service: Service) -> None:
    answer = service.http.put("/lastfm/loved", json=SONG)
    assert answer.status_code == 200
    assert answer.json() == {**SONG, "loved": True, "status": "waiting", "message": ""}
    until_sent(service)
    assert loves(service) == ["Sinnerman"]
    answer = service.http.delete("/lastfm/loved", params=SONG)
    assert (answer.status_code, answer.json()["loved"]) == (200, False)
    until_sent(service)
    assert loves(service) == []


def test_a_heart_waits_with_the_reason(service: Service) -> None:
    service.emulator.fault("error", error=11, methods=["track.love"])
    service.http.put("/lastfm/loved", json=SONG)
    with service.deck.event_hub.subscribe(1) as (news, _):
        while not (waiting := service.http.get("/lastfm/loved").json()["hearts"])[0]["message"]:
            service.call(news.within(0.2))
    assert waiting[0]["status"] == "waiting"
    assert waiting[0]["message"].startswith("Last.fm error 11")


def test_a_heart_is_kept_here_while_nobody_is_signed_in(signed_out: Service) -> None:
    assert signed_out.http.put("/lastfm/loved", json=SONG).json()["status"] == "kept"


@pytest.mark.parametrize("track", [{"artist": "", "track": "x"}, {"artist": "x"}, {"artist": "x", "track": "\u200b"}])
def test_a_heart_needs_an_artist_and_a_track(service: Service, track: dict[str, str]) -> None:
    assert service.http.put("/lastfm/loved", json=track).status_code == 422
    assert service.http.delete("/lastfm/loved", params=track).status_code == 422
    assert service.http.get("/lastfm/loved").json() == {"hearts": []}


def test_how_both_sides_are_merged_is_a_choice(service: Service) -> None:
    assert service.http.get("/lastfm/loved/sync").json() == {"hourly": False, "conflicts": "latest", "next_at": None}
    answer = service.http.put("/lastfm/loved/sync", json={"conflicts": "here"})
    assert answer.json() == {"hourly": False, "conflicts": "here", "next_at": None}
    answer = service.http.put("/lastfm/loved/sync", json={"hourly": True}).json()
    assert (answer["hourly"], answer["conflicts"]) == (True, "here")
    assert service.http.put("/lastfm/loved/sync", json={"conflicts": "me"}).status_code == 422


def test_a_plan_says_what_an_import_would_change(service: Service) -> None:
    service.emulator.known_user("RJ").heart("Nina Simone", "Sinnerman", 1_700_000_000)
    plan = service.http.get("/lastfm/loved/plan").json()
    assert plan["tracks"] == [{**SONG, "change": "love_here", "conflict": False}]
    assert (plan["love_here"], plan["unlove_there"], plan["conflicts"]) == (1, 0, 0)
    service.emulator.fault("error", error=6, methods=["user.getLovedTracks"])
    assert service.http.get("/lastfm/loved/plan").status_code == 502


def test_a_plan_needs_a_profile(signed_out: Service) -> None:
    assert signed_out.http.get("/lastfm/loved/plan").status_code == 401


def test_loved_tracks_are_matched_again(service: Service) -> None:
    service.http.put("/lastfm/loved", json=SONG)
    found = service.http.post("/lastfm/loved/check").json()
    assert (found["total_loved_tracks"], found["missing"], found["imported_count"]) == (1, 1, 0)
