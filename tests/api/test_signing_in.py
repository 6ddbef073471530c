"""Signing in over HTTP: both flows, and everything that can be wrong with a token."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from lastfm_emulator import Emulator
from tests.api.conftest import Service, running
from tests.api.test_plays import a_play
from tests.databases import only_sqlite


def _token(service: Service) -> str:
    return str(service.http.get("/lastfm/auth-url").json()["token"])


def _callback(service: Service, token: str) -> httpx2.Response:
    return service.http.get("/lastfm/auth-callback", params={"token": token})


def test_the_desktop_flow_waits_and_then_connects(signed_out: Service) -> None:
    asked = signed_out.http.get("/lastfm/auth-url").json()
    assert asked["token"] in asked["auth_url"]
    pending = _callback(signed_out, asked["token"])
    assert (pending.status_code, pending.json()["status"]) == (202, "pending")
    signed_out.emulator.approve(asked["token"], "RJ")
    done = _callback(signed_out, asked["token"])
    assert done.status_code == 200
    assert done.json() == {"status": "success", "username": "RJ", "message": "signed in as RJ"}
    settings = signed_out.http.get("/lastfm/settings").json()
    assert settings == {
        "enabled": True,
        "username": "RJ",
        "authenticated": True,
        "configured": True,
        "needs_sign_in": False,
        "scrobble_threshold": 50,
    }


def test_a_host_may_post_the_token_instead(signed_out: Service) -> None:
    token = _token(signed_out)
    signed_out.emulator.approve(token, "RJ")
    done = signed_out.http.post("/lastfm/auth-callback", json={"token": token})
    assert (done.status_code, done.json()["username"]) == (200, "RJ")


def test_a_token_works_once(signed_out: Service) -> None:
    token = _token(signed_out)
    signed_out.emulator.approve(token, "RJ")
    assert [_callback(signed_out, token).status_code for _ in range(2)] == [200, 400]


def test_an_unknown_token_is_400(signed_out: Service) -> None:
    answer = _callback(signed_out, "x" * 32)
    assert answer.status_code == 400
    assert "start again" in answer.json()["detail"]


def test_a_token_that_was_consumed_at_last_fm_is_400(signed_out: Service) -> None:
    token = _token(signed_out)
    signed_out.emulator.approve(token, "RJ")
    signed_out.emulator.fault("token-lost", calls=1)
    assert _callback(signed_out, token).status_code == 502
    lost = _callback(signed_out, token)
    assert lost.status_code == 400
    assert "start again" in lost.json()["detail"]


def test_a_token_past_its_hour_is_410(database: Path | str) -> None:
    now = [1_790_000_000.0]
    with running(database, Emulator(clock=lambda: now[0]), signed_in=False) as service:
        token = _token(service)
        now[0] += 3601
        service.emulator.approve(token, "RJ")
        assert _callback(service, token).status_code == 410
        assert _callback(service, token).status_code == 410


def test_another_listeners_token_is_400(signed_out: Service) -> None:
    token = _token(signed_out)
    signed_out.emulator.approve(token, "RJ")
    with signed_out.stranger(Authorization=f"Bearer {signed_out.token_of('ada')}") as ada:
        assert ada.get("/lastfm/auth-callback", params={"token": token}).status_code == 400
        assert ada.get("/lastfm/settings").json()["authenticated"] is False
    assert _callback(signed_out, token).status_code == 200


def _web_flow(service: Service, user: str = "RJ") -> tuple[str, str]:
    """The token and the one-time value that come back from Last.fm."""
    asked = service.http.get("/lastfm/auth-url", params={"flow": "web"}).json()
    assert asked["token"] is None
    callback = parse_qs(urlsplit(asked["auth_url"]).query)["cb"][0]
    assert callback.startswith(f"{service.url}/lastfm/auth-callback?login=")
    key = parse_qs(urlsplit(asked["auth_url"]).query)["api_key"][0]
    token = service.emulator.issue_token(key, user)
    return token, parse_qs(urlsplit(callback).query)["login"][0]


def test_the_web_flow_comes_back_with_a_value_that_works_once(signed_out: Service) -> None:
    token, once = _web_flow(signed_out)
    back = {"token": token, "login": once}
    done = signed_out.http.get("/lastfm/auth-callback", params=back)
    assert (done.status_code, done.json()["username"]) == (200, "RJ")
    assert signed_out.http.get("/lastfm/auth-callback", params=back).status_code == 400


def test_a_browser_that_comes_back_is_sent_to_the_page(signed_out: Service) -> None:
    token, once = _web_flow(signed_out)
    back = signed_out.http.get(
        "/lastfm/auth-callback", params={"token": token, "login": once}, headers={"Accept": "text/html,*/*"}
    )
    assert (back.status_code, back.headers["location"]) == (303, "/")


def test_a_web_token_without_its_value_or_with_anothers_is_400(signed_out: Service) -> None:
    token, once = _web_flow(signed_out)
    assert _callback(signed_out, token).status_code == 400
    with signed_out.stranger(Authorization=f"Bearer {signed_out.token_of('ada')}") as ada:
        assert ada.get("/lastfm/auth-callback", params={"token": token, "login": once}).status_code == 400
    assert signed_out.http.get("/lastfm/auth-callback", params={"token": token, "login": once}).status_code == 200


@only_sqlite  # only Last.fm is asked
@pytest.mark.parametrize("error", [8, 11, 16, 29, 10, 26, 13])
def test_last_fms_refusal_is_502_with_its_number(signed_out: Service, error: int) -> None:
    signed_out.emulator.fault("error", error=error)
    answer = signed_out.http.get("/lastfm/auth-url")
    assert (answer.status_code, answer.json()["error"]) == (502, error)
    assert answer.json()["detail"].startswith("Last.fm: ")


def test_without_a_key_signing_in_is_503_and_says_what_to_set(keyless: Service) -> None:
    answer = keyless.http.get("/lastfm/auth-url")
    assert answer.status_code == 503
    assert "LASTFM_API_KEY" in answer.json()["detail"]
    assert keyless.http.get("/lastfm/settings").json()["configured"] is False


def test_disconnecting_keeps_what_waits_for_the_same_user_only(service: Service) -> None:
    service.emulator.fault("error", error=16, methods=["track.scrobble"])
    service.failed_once(service.http.post("/lastfm/scrobble", json=a_play()).json()["id"])
    left = service.http.delete("/lastfm/disconnect").json()
    assert left["status"] == "success"
    assert left["kept"] == 1
    service.emulator.clear_faults()

    service.sign_in(service.http, "somebody-else")
    status = service.http.get("/lastfm/queue/status").json()
    assert (status["queued_scrobbles"], status["held"]) == (1, 1)
    assert status["held_for"] == [{"lastfm_user": "rj", "plays": 1}]
    service.http.post("/lastfm/queue/retry")
    assert service.emulator.plays("somebody-else") == []

    service.sign_in(service.http, "rj")
    service.http.post("/lastfm/queue/retry")
    assert service.http.get("/lastfm/queue/status").json()["queued_scrobbles"] == 0
    assert len(service.emulator.plays("RJ")) == 1


def test_signing_in_shows_whose_plays_wait_and_disconnecting_discards_only_their_own(service: Service) -> None:
    service.emulator.fault("error", error=16, methods=["track.scrobble"])
    service.failed_once(service.http.post("/lastfm/scrobble", json=a_play()).json()["id"])
    rj = [{"lastfm_user": "rj", "plays": 1}]
    answer = service.sign_in(service.http, "somebody-else")
    assert answer["held_for"] == rj
    assert "1 play for the Last.fm user rj kept until that user signs in again" in answer["message"]
    assert service.http.get("/lastfm/queue").json()["held_for"] == rj
    left = service.http.delete("/lastfm/disconnect", params={"discard": "true"}).json()
    assert (left["kept"], left["discarded"], left["held_for"]) == (1, 0, rj)
    assert "0 plays of somebody-else discarded" in left["message"]
    [play] = service.http.get("/lastfm/queue", params={"fate": "queued"}).json()["plays"]
    assert play["lastfm_user"] == "rj"


def test_what_waits_for_another_user_is_discarded_by_name(service: Service) -> None:
    service.emulator.fault("error", error=16, methods=["track.scrobble"])
    service.failed_once(service.http.post("/lastfm/scrobble", json=a_play()).json()["id"])
    service.sign_in(service.http, "somebody-else")
    assert service.http.delete("/lastfm/queue").status_code == 422
    answer = service.http.delete("/lastfm/queue", params={"lastfm_user": "RJ"}).json()
    assert answer == {"status": "success", "message": "1 play for the Last.fm user RJ discarded", "discarded": 1}
    assert "held_for" not in service.http.get("/lastfm/queue/status").json()


def test_disconnecting_may_discard_and_says_how_many(service: Service) -> None:
    service.emulator.fault("error", error=16, methods=["track.scrobble"])
    for minute in range(3):
        service.http.post("/lastfm/scrobble", json=a_play(timestamp=a_play()["timestamp"] - 600 * minute))
    service.http.post("/lastfm/queue/retry")
    answer = service.http.delete("/lastfm/disconnect", params={"discard": "true"}).json()
    assert (answer["kept"], answer["discarded"]) == (0, 3)
    assert service.http.get("/lastfm/queue/status").json()["queued_scrobbles"] == 0


def test_a_dead_session_holds_the_queue_and_a_new_one_drains_it(service: Service) -> None:
    service.emulator.revoke("RJ")
    service.http.post("/lastfm/scrobble", json=a_play())
    with service.http.stream("GET", "/events") as events:
        for line in events.iter_lines():
            if "needs_sign_in" in line:
                break
    settings = service.http.get("/lastfm/settings").json()
    assert (settings["authenticated"], settings["needs_sign_in"]) == (False, True)
    status = service.http.get("/lastfm/queue/status").json()
    assert (status["state"], status["held"]) == ("needs_sign_in", 1)
    assert service.http.post("/lastfm/queue/retry").status_code == 401
    more = service.http.post("/lastfm/scrobble", json=a_play(track="Feeling Good")).json()
    assert more["status"] == "queued"

    service.sign_in(service.http, "RJ")
    service.http.post("/lastfm/queue/retry")
    assert len(service.emulator.plays("RJ")) == 2


def test_the_session_key_is_nowhere_to_be_read(tmp_path: Path) -> None:
    with running(tmp_path / "plays.db", Emulator()) as service:
        session = service.emulator.session_key("RJ")
        pages = ["/lastfm/settings", "/lastfm/queue/status", "/openapi.json", "/health", "/metrics", "/"]
        for page in pages:
            assert session not in service.http.get(page).text
    file = tmp_path / "plays.db"
    assert session.encode() not in file.read_bytes()
    with sqlite3.connect(file) as db:
        [(sealed,)] = db.execute("SELECT lastfm_session_key FROM account").fetchall()
    db.close()
    assert sealed
    assert (tmp_path / "plays.db.key").stat().st_mode & 0o777 == 0o600
