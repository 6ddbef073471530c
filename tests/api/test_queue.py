"""The queue over HTTP: true counts, retry, events, and a database that accepts nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lastfm_emulator import API_KEY, Emulator
from tests.api.conftest import Service, running
from tests.api.test_plays import a_play


def test_an_empty_queue(service: Service) -> None:
    assert service.http.get("/lastfm/queue/status").json() == {
        "queued_scrobbles": 0,
        "sending": 0,
        "held": 0,
        "refused": 0,
        "state": "connected",
        "next_attempt_at": None,
        "oldest": None,
        "expires_next": None,
    }


def test_counts_are_true_and_have_no_cap(service: Service) -> None:
    service.emulator.fault("account-limit", methods=["track.scrobble"])
    start = int(time.time()) - 100_000
    for number in range(120):
        service.http.post("/lastfm/scrobble", json=a_play(timestamp=start + 700 * number))
    status = service.http.get("/lastfm/queue/status").json()
    assert status["queued_scrobbles"] + status["sending"] == 120
    assert status["oldest"] == start
    assert status["expires_next"] == start + 14 * 86400


def test_a_retry_sends_what_waits_and_says_what_is_left(service: Service) -> None:
    service.emulator.fault("error", error=16, methods=["track.scrobble"], calls=1)
    service.failed_once(service.http.post("/lastfm/scrobble", json=a_play()).json()["id"])
    answer = service.http.post("/lastfm/queue/retry")
    assert answer.status_code == 200
    assert answer.json() == {"status": "success", "remaining_queued": 0}
    assert len(service.emulator.plays("RJ")) == 1


def test_a_retry_during_an_outage_says_that_the_play_still_waits(service: Service) -> None:
    service.emulator.fault("error", error=16, methods=["track.scrobble"])
    service.http.post("/lastfm/scrobble", json=a_play())
    assert service.http.post("/lastfm/queue/retry").json() == {"status": "success", "remaining_queued": 1}
    status = service.http.get("/lastfm/queue/status").json()
    assert status["next_attempt_at"] > time.time() - 1


def test_a_retry_without_a_sign_in_is_401(signed_out: Service) -> None:
    assert signed_out.http.post("/lastfm/queue/retry").status_code == 401


def _events(service: Service, until: str, **headers: str) -> Iterator[dict[str, Any]]:
    """Events up to the one whose kind, or status, is `until`."""
    event: dict[str, Any] = {}
    with service.http.stream("GET", "/events", headers=headers) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        for line in stream.iter_lines():
            name, _, value = line.partition(": ")
            if name in ("event", "id"):
                event[name] = value
            elif name == "data":
                event["data"] = json.loads(value)
            elif not line and event:
                yield event
                if until in (event["event"], event["data"].get("status")):
                    return
                event = {}


def test_a_play_is_published_from_queued_to_accepted(service: Service) -> None:
    first = [event["event"] for event in _events(service, "lastfm:queue-updated")]
    assert first == ["lastfm:auth", "lastfm:queue-updated"]
    service.http.post("/lastfm/scrobble", json=a_play(), headers={"Prefer": "wait=20"})
    heard = list(_events(service, "accepted", **{"Last-Event-ID": _first_id(service)}))
    published = [event["data"] for event in heard if event["event"] == "lastfm:scrobble-status"]
    assert [data["status"] for data in published] == ["queued", "accepted"]
    assert published[1] == {
        "id": 1,
        "status": "accepted",
        "artist": "Nina Simone",
        "track": "Sinnerman",
        "message": "on Last.fm",
    }


def _first_id(service: Service) -> str:
    """The id of the oldest event that is remembered: the sign-in."""

    async def ids() -> str:
        me = await service.deck.listener("me")
        return service.deck.event_hub._past[me.id][0].id

    return str(service.call(ids()))


def test_an_unknown_event_id_begins_with_the_current_state(service: Service) -> None:
    kinds = [event["event"] for event in _events(service, "lastfm:queue-updated", **{"Last-Event-ID": "gone-7"})]
    assert kinds == ["lastfm:auth", "lastfm:queue-updated"]


def test_events_are_each_listeners_own(service: Service) -> None:
    service.http.post("/lastfm/scrobble", json=a_play())
    with service.stranger(Authorization=f"Bearer {service.token_of('ada')}") as ada:
        theirs = Service(service.url, ada, service.emulator, service.deck, service.call)
        events = list(_events(theirs, "lastfm:queue-updated"))
    assert [event["data"] for event in events] == [{"state": "disconnected", "username": ""}, {"queued_count": 0}]


def test_metrics_count_what_was_done(service: Service) -> None:
    service.http.post("/lastfm/scrobble", json=a_play(), headers={"Prefer": "wait=20"})
    text = service.http.get("/metrics").text
    assert 'tonearm_reports_total{status="queued"} 1.0' in text
    assert 'tonearm_plays_total{fate="accepted"} 1.0' in text
    assert 'tonearm_requests_total{verdict="Answered"} 1.0' in text
    assert "tonearm_queue_plays 0.0" in text
    assert "tonearm_delivering_processes 1.0" in text


def test_metrics_cover_the_whole_installation_by_key_positions_and_never_by_keys(service: Service) -> None:
    service.emulator.fault("error", error=26, calls=1, methods=["track.scrobble"])
    play = service.http.post("/lastfm/scrobble", json=a_play()).json()["id"]
    service.failed_once(play)
    service.http.post("/jobs/kinds/import/pause")
    text = service.http.get("/metrics").text
    found = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert float(found["tonearm_queue_plays"]) == 1
    assert float(found['tonearm_waiting_accounts{key="1",state="suspended"}']) == 1
    assert 600 <= float(found['tonearm_oldest_waiting_play_seconds{key="1",state="suspended"}']) < 86400
    assert float(found['tonearm_key_refused{key="1"}']) == 1
    assert float(found['tonearm_key_rests_until_timestamp_seconds{key="1"}']) > time.time()
    assert [name for name in found if name.startswith('tonearm_key_rest{key="1",why="') and "26" in name]
    assert float(found['tonearm_jobs{kind="deliver",state="running"}']) == 0
    assert float(found['tonearm_jobs{kind="deliver",state="broken"}']) == 0
    assert float(found['tonearm_paused{kind="deliver"}']) == 0
    assert float(found['tonearm_paused{kind="import"}']) == 1
    assert API_KEY not in text


def test_metrics_of_a_service_without_a_key_name_none(keyless: Service) -> None:
    text = keyless.http.get("/metrics").text
    assert "tonearm_queue_plays 0.0" in text
    assert "tonearm_delivering_processes 0.0" in text
    assert 'key="' not in text


def test_health_warns_while_deliveries_are_paused(service: Service) -> None:
    assert service.http.get("/health").json()["warnings"] == []
    service.http.post("/jobs/kinds/deliver/pause")
    answer = service.http.get("/health")
    assert answer.status_code == 200
    [warning] = answer.json()["warnings"]
    assert warning.startswith("sending is paused")


@pytest.mark.parametrize("pages", [0])
def test_a_full_database_is_503_and_the_play_is_not_acknowledged(tmp_path: Path, pages: int) -> None:
    with running(tmp_path / "plays.db", Emulator()) as service:

        def fill(db: Any) -> None:
            used = db.exec_driver_sql("PRAGMA page_count").scalar()
            db.exec_driver_sql(f"PRAGMA max_page_count={used + pages}")

        service.call(service.deck.store.write(fill))
        answers = [
            service.http.post(
                "/lastfm/scrobble", json=a_play(track="long " * 2000, timestamp=a_play()["timestamp"] - n)
            )
            for n in range(30)
        ]
        refused = [answer for answer in answers if answer.status_code == 503]
        assert refused
        assert "nothing was saved" in refused[0].json()["detail"]
        acknowledged = sum(answer.status_code == 200 for answer in answers)

        def count(db: Any) -> int:
            return int(db.exec_driver_sql("SELECT count(*) FROM play").scalar())

        assert service.call(service.deck.store.read(count)) == acknowledged


def test_what_a_wrong_clock_called_too_old_is_sent_after_all(service: Service) -> None:
    now = time.time()
    sent = service.http.post("/lastfm/scrobble", json=a_play(timestamp=int(now) - 13 * 86400)).json()
    old = service.http.post("/lastfm/scrobble", json=a_play(timestamp=int(now) - 20 * 86400)).json()
    assert (sent["status"], old["status"]) == ("queued", "too_old")
    assert service.http.post("/lastfm/queue/retry-expired").json() == {"status": "success", "queued": 0}
    assert service.http.get(f"/lastfm/queue/{old['id']}").json()["fate"] == "expired"


def test_lengths_in_milliseconds_are_recognised(service: Service) -> None:
    start = int(time.time()) - 247
    play = a_play(timestamp=start * 1000, duration=247_000, played_time=247_000)
    taken = service.http.post("/lastfm/scrobble", json=play, headers={"Prefer": "wait=20"}).json()
    assert (taken["status"], taken["heard"]) == ("success", 247)
    assert [play.timestamp for play in service.emulator.plays("RJ")] == [start]
    skip = a_play(track="Another", timestamp=(start + 237) * 1000, duration=247_000, played_time=10_000)
    assert service.http.post("/lastfm/scrobble", json=skip).json()["status"] == "threshold_not_met"


def test_more_than_can_have_been_heard_is_refused_with_its_field(service: Service) -> None:
    play = a_play(timestamp=int(time.time()) - 300, duration=247, played_time=900_000)
    answer = service.http.post("/lastfm/scrobble", json=play)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "played_time"]
