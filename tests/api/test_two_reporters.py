"""A player and a server that report the same play, a player that sends the end, and clocks that are wrong."""

from __future__ import annotations

import time
from typing import Any

import httpx2

from tests.api.conftest import Service
from tests.api.test_plays import a_play
from tonearm.clock import steady
from tonearm.core.server_time import ClockReading, ServerTime

DAY = 86400
WAIT = {"Prefer": "wait=20"}


def _report(http: httpx2.Client, player: str, **changes: Any) -> dict[str, Any]:
    answer = http.post("/lastfm/scrobble", json=a_play(**changes), headers={"User-Agent": player, **WAIT})
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def test_two_reporters_of_one_play_send_it_once(service: Service) -> None:
    start = int(time.time()) - 700
    first = _report(service.http, "server/1", timestamp=start, played_time=300)
    second = _report(service.http, "player/1", timestamp=start + 2, played_time=600, artist="NINA SIMONE")
    assert (first["status"], second["status"]) == ("success", "duplicate")
    story = service.http.get(f"/lastfm/queue/{second['id']}").json()
    assert story["fate"] == "suspected"
    assert f"play {first['id']}" in story["why"]
    assert len(service.emulator.plays("RJ")) == 1


def test_one_click_sends_the_suspect_after_all(service: Service) -> None:
    start = int(time.time()) - 700
    _report(service.http, "server/1", timestamp=start, played_time=300)
    suspect = _report(service.http, "player/1", timestamp=start + 2, played_time=600)["id"]
    assert service.http.post(f"/lastfm/queue/{suspect}/retry").status_code == 200
    service.http.post("/lastfm/queue/retry")
    assert len(service.emulator.plays("RJ")) == 2


def test_a_track_played_twice_in_a_row_is_two_plays_whoever_reports(service: Service) -> None:
    start = int(time.time()) - 1500
    for player, at in (("server/1", start), ("player/1", start + 622), ("server/1", start + 1244)):
        assert _report(service.http, player, timestamp=at, played_time=240)["status"] == "success"
    assert len(service.emulator.plays("RJ")) == 3


def test_one_listen_that_one_player_reports_twice_is_sent_once_and_can_be_sent_by_hand(service: Service) -> None:
    start = int(time.time()) - 1500
    first = _report(service.http, "player/1", timestamp=start, played_time=240)
    second = _report(service.http, "player/1", timestamp=start + 1, played_time=240)
    assert (first["status"], second["status"]) == ("success", "duplicate")
    assert f"looks like play {first['id']}" in second["message"]
    assert len(service.emulator.plays("RJ")) == 1
    assert service.http.post(f"/lastfm/queue/{second['id']}/retry").status_code == 200
    service.http.post("/lastfm/queue/retry")
    assert len(service.emulator.plays("RJ")) == 2


def test_a_listen_reported_at_its_start_and_again_with_its_end_for_its_start_is_sent_once(service: Service) -> None:
    """A track of 210 s, heard for 205 s by one count and for 210 s by the other."""
    now = int(time.time())
    first = _report(service.http, "player/1", timestamp=now - 208, duration=210, played_time=205)
    second = _report(service.http, "player/1", timestamp=now - 3, duration=210, played_time=210)
    assert (first["status"], second["status"]) == ("success", "duplicate")
    assert len(service.emulator.plays("RJ")) == 1


def test_both_reports_in_one_moment_still_send_it_once(service: Service) -> None:
    start = int(time.time()) - 700

    async def both() -> list[str]:
        import asyncio

        from tonearm.core.play import Track

        me = await service.deck.listener("me")
        track = Track("Can", "Halleluwah", duration=1108)
        reports = (
            me.scrobble(track, started_at=start + n, played=400, reporter=reporter)
            for n, reporter in enumerate(("server", "player", "third"))
        )
        return [taken.status for taken in await asyncio.gather(*reports)]

    assert sorted(service.call(both())) == ["duplicate", "duplicate", "queued"]


def test_a_player_that_reports_the_end_is_put_right_and_its_repeat_is_a_duplicate(service: Service) -> None:
    now = int(time.time())
    first = _report(service.http, "mpdscribble/0.24", timestamp=now, played_time=600)
    [arrived] = service.emulator.plays("RJ")
    assert arrived.timestamp == now - 600
    story = service.http.get(f"/lastfm/queue/{first['id']}").json()
    assert story["moved"] == "start moved back 600 s: the player sent the end time"
    again = _report(service.http, "mpdscribble/0.24", timestamp=now, played_time=600)
    assert (again["status"], again["id"]) == ("duplicate", first["id"])


def _is_known(service: Service, skew: float) -> None:
    """What two answers, 30 seconds apart, would have shown."""
    service.emulator.fault("clock-skew", seconds=skew)
    service.deck.reports.time._server = ServerTime(ClockReading(time.time() + skew, steady(), 0.5))


def test_a_clock_that_is_a_day_fast_sends_the_right_time(service: Service) -> None:
    _is_known(service, -DAY)
    start = int(time.time()) - 650
    answer = _report(service.http, "player/1", timestamp=start, played_time=620)
    assert answer["status"] == "success"
    [arrived] = service.emulator.plays("RJ")
    assert abs(arrived.timestamp - (start - DAY)) <= 2


def test_a_clock_that_is_a_day_slow_sends_the_right_time_once_it_is_known(service: Service) -> None:
    _is_known(service, DAY)
    start = int(time.time()) - 650
    assert _report(service.http, "player/1", timestamp=start, played_time=620)["status"] == "success"
    [arrived] = service.emulator.plays("RJ")
    assert abs(arrived.timestamp - (start + DAY)) <= 2


def test_a_right_player_beside_a_wrong_clock_is_believed(service: Service) -> None:
    _is_known(service, DAY)
    start = int(time.time()) + DAY - 650
    assert _report(service.http, "player/1", timestamp=start, played_time=620)["status"] == "success"
    assert [play.timestamp for play in service.emulator.plays("RJ")] == [start]


def test_a_report_that_is_repeated_after_the_skew_was_learnt_is_a_duplicate(service: Service) -> None:
    _is_known(service, -300)
    start = int(time.time()) - 650
    first = _report(service.http, "player/1", timestamp=start, played_time=620)
    again = _report(service.http, "player/1", timestamp=start, played_time=620)
    assert (again["status"], again["id"]) == ("duplicate", first["id"])
    assert len(service.emulator.plays("RJ")) == 1
