"""Destinations over HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.api.conftest import Service
from tests.patience import pause
from tests.stand_ins.gnufm import GnuFmStandIn
from tests.stand_ins.listenbrainz import ListenBrainzStandIn
from tests.stand_ins.pds import PdsStandIn
from tests.stand_ins.serving import Fault

TOKEN = "a-token-of-mine"


@pytest.fixture
def server() -> Iterator[ListenBrainzStandIn]:
    started = ListenBrainzStandIn().start()
    started.users = {TOKEN: "rob"}
    yield started
    started.stop()


def add(service: Service, server: ListenBrainzStandIn, **more: object) -> httpx2.Response:
    return service.http.post("/destinations", json={"kind": "listenbrainz", "url": server.url, "token": TOKEN, **more})


def report(service: Service, age: int = 600, album: str = "") -> int:
    play = {"artist": "Nina Simone", "track": "Sinnerman", "album": album, "duration": 200, "played_time": 150}
    answer = service.http.post("/lastfm/scrobble", json={**play, "timestamp": int(time.time()) - age})
    assert answer.json()["status"] == "queued"
    return int(answer.json()["id"])


def settled(service: Service, play: int) -> dict[str, Any]:
    """What became of a play at each destination, by its kind, when it is known."""
    while True:
        at = {one["kind"]: one for one in service.http.get(f"/destinations/plays/{play}").json()["destinations"]}
        if all(one["fate"] != "queued" for one in at.values()):
            return at
        pause()


def test_a_destination_is_added_and_gets_what_is_played(service: Service, server: ListenBrainzStandIn) -> None:
    assert service.http.get("/destinations").json() == {"destinations": []}
    added = add(service, server)
    assert added.status_code == 201
    made = added.json()
    assert (made["kind"], made["name"], made["username"], made["state"]) == (
        "listenbrainz",
        "ListenBrainz",
        "rob",
        "connected",
    )
    assert TOKEN not in added.text
    play = report(service)
    server.until_stored()
    while (there := service.http.get(f"/destinations/plays/{play}").json())["destinations"][0]["fate"] == "queued":
        pause()
    [at] = there["destinations"]
    assert (at["destination"], at["kind"], at["fate"], at["why"]) == (
        made["id"],
        "listenbrainz",
        "accepted",
        "on ListenBrainz",
    )
    [found] = service.http.get("/destinations").json()["destinations"]
    assert (found["waiting"], found["waits_for"], found["rejected"]) == (0, None, 0)
    assert found["last_answer_at"] is not None


def test_what_cannot_be_added_is_reported_with_the_reason(service: Service, server: ListenBrainzStandIn) -> None:
    wrong = add(service, server, token="wrong")
    assert wrong.status_code == 422
    [fault] = wrong.json()["detail"]
    assert fault["loc"] == ["body", "token"]
    assert "ListenBrainz rejects the token" in fault["msg"]
    server.fault = Fault.OUTAGE
    assert add(service, server).status_code == 502
    server.fault = Fault.NONE
    assert add(service, server).status_code == 201
    again = add(service, server)
    assert (again.status_code, again.json()["detail"]) == (
        409,
        "ListenBrainz (rob) is already one of your destinations",
    )
    for bad in ({"kind": "myspace"}, {"token": ""}, {"history_days": -1}, {"artist": "none"}, {"url": "nowhere"}):
        assert add(service, server, **bad).status_code == 422


def test_a_destination_is_changed_and_removed(service: Service, server: ListenBrainzStandIn) -> None:
    destination_id = add(service, server).json()["id"]
    at = f"/destinations/{destination_id}"
    paused = service.http.patch(at, json={"paused": True, "artist": "first", "not_from": ["tablet"]}).json()
    assert (paused["state"], paused["artist"], paused["album_artist"], paused["not_from"]) == (
        "paused",
        "first",
        True,
        ["tablet"],
    )
    assert (paused["not_in"], paused["hearts"]) == ([], True)
    assert service.http.patch(at, json={"hearts": False}).json()["hearts"] is False
    wrong = service.http.patch(at, json={"not_in": ["/films"]})
    assert (wrong.status_code, wrong.json()["detail"][0]["loc"]) == (422, ["body", "not_in"])
    assert "no scanned file in /films" in wrong.text
    report(service)
    asks = service.http.delete(at)
    assert asks.status_code == 409
    assert asks.json()["detail"] == "1 play waits there: add ?plays=keep or ?plays=discard"
    assert service.http.post(f"{at}/retry").json()["waiting"] == 1
    assert service.http.patch(at, json={"token": "wrong"}).status_code == 422
    assert service.http.patch(at, json={"token": TOKEN, "history_days": "all"}).json()["queues_history"]
    assert service.http.delete(at, params={"plays": "keep"}).json() == {"status": "success", "kept": 1, "discarded": 0}
    for gone in (service.http.delete(at), service.http.patch(at, json={}), service.http.post(f"{at}/retry")):
        assert gone.status_code == 404
    assert service.http.get(f"{at}/rejected").status_code == 404


def test_a_play_that_is_rejected_there_is_listed(service: Service, server: ListenBrainzStandIn) -> None:
    server.bad = lambda play: play.artist == "Nina Simone"
    destination_id = add(service, server).json()["id"]
    assert service.http.get(f"/destinations/{destination_id}/rejected").json() == []
    preview = service.http.post("/destinations/preview", json={"artist": "first"})
    assert preview.json() == {"plays": 0, "kept": 0, "changed": []}


def test_destinations_are_their_listeners_own(service: Service, server: ListenBrainzStandIn) -> None:
    destination_id = add(service, server).json()["id"]
    with service.stranger(Authorization=f"Bearer {service.token_of('other')}") as other:
        assert other.get("/destinations").json() == {"destinations": []}
        for answer in (
            other.delete(f"/destinations/{destination_id}"),
            other.patch(f"/destinations/{destination_id}", json={"paused": True}),
            other.post(f"/destinations/{destination_id}/retry"),
            other.post(f"/jobs/destination-{destination_id}/retry"),
        ):
            assert answer.status_code == 404
    with service.stranger() as nobody:
        assert nobody.get("/destinations").status_code == 401


@pytest.fixture
def libre() -> Iterator[GnuFmStandIn]:
    with GnuFmStandIn() as started:
        started.passwords["anna"] = "sesame, open"
        yield started


def approve(libre: GnuFmStandIn, begun: httpx2.Response, user: str = "anna") -> str:
    """Approve on the page; the token to finish with."""
    assert begun.status_code == 200, begun.text
    libre.approve(begun.json()["auth_url"].partition("token=")[2], user)
    return str(begun.json()["token"])


def test_a_service_with_a_page_is_approved_there(service: Service, libre: GnuFmStandIn) -> None:
    begun = service.http.post("/destinations/sign-in", json={"kind": "librefm", "url": libre.url})
    assert begun.json()["auth_url"].startswith(libre.auth_url)
    assert time.time() < begun.json()["expires_at"] <= time.time() + 3600
    wanted = {"kind": "librefm", "token": begun.json()["token"]}
    pending = service.http.post("/destinations", json=wanted)
    assert pending.status_code == 409
    assert pending.json()["detail"].startswith("not approved yet at 127.0.0.1")
    approve(libre, begun)
    added = service.http.post("/destinations", json=wanted)
    assert (added.status_code, added.json()["username"]) == (201, "anna")
    elsewhere = service.http.post("/destinations/sign-in", json={"kind": "lastfm-like", "url": "nowhere"})
    assert elsewhere.json()["detail"][0]["loc"] == ["body", "url"]


def test_an_ended_session_is_renewed_on_the_page_or_by_password(service: Service, libre: GnuFmStandIn) -> None:
    own = {"api_key": "1" * 32, "api_secret": "2" * 32}
    account = {"username": "anna", "password": "sesame, open"}
    wanted = {"kind": "lastfm-like", "url": libre.url, **own, **account}
    added = service.http.post("/destinations", json=wanted)
    assert (added.status_code, added.json()["state"]) == (201, "connected")
    assert not any(secret in added.text for secret in ("sesame", "2" * 32))
    libre.users.clear()
    report(service)
    destination_id = added.json()["id"]
    while service.http.get("/destinations").json()["destinations"][0]["state"] != "needs_sign_in":
        pause()
    assert libre.stored == []
    begun = service.http.post(f"/destinations/{destination_id}/sign-in", json={})
    assert "api_key=" + "1" * 32 in begun.json()["auth_url"]
    assert "2" * 32 not in begun.text
    renewed = service.http.patch(f"/destinations/{destination_id}", json={"token": approve(libre, begun)})
    assert (renewed.status_code, renewed.json()["state"]) == (200, "connected")
    libre.until_stored()
    again = service.http.patch(f"/destinations/{destination_id}", json=account)
    assert again.json()["state"] == "connected"


def test_an_app_password_is_stored_and_never_shown(service: Service) -> None:
    with PdsStandIn() as pds:
        pds.users["ez5g-3ik7-zt4q-znvo"] = "anna.test"
        wanted = {"kind": "tealfm", "url": pds.url, "username": "@anna.test"}
        for more, part in (({}, "token"), ({"token": "ez5g-3ik7-zt4q-znvo"}, "token"), ({"password": "x"}, "password")):
            answer = service.http.post("/destinations", json={**wanted, **more})
            assert answer.status_code == 422
            assert answer.json()["detail"][0]["loc"] == ["body", part]
        added = service.http.post("/destinations", json={**wanted, "password": "ez5g-3ik7-zt4q-znvo"})
        assert (added.status_code, added.json()["username"], added.json()["name"]) == (201, "anna.test", "teal.fm")
        assert "ez5g" not in added.text
        begun = service.http.post(f"/destinations/{added.json()['id']}/sign-in", json={})
        assert begun.status_code == 422
        assert "teal.fm has no approval page: enter your handle and an app password" in begun.text
        report(service)
        pds.until_stored()
        assert [play.title for play in pds.stored] == ["Sinnerman"]


def test_one_account_is_written_to_for_two_services(service: Service) -> None:
    with PdsStandIn() as pds:
        pds.users["ez5g-3ik7-zt4q-znvo"] = "anna.test"
        account = {"url": pds.url, "username": "anna.test", "password": "ez5g-3ik7-zt4q-znvo"}
        for kind, name in (("tealfm", "teal.fm"), ("rocksky", "Rocksky")):
            added = service.http.post("/destinations", json={"kind": kind, **account})
            assert (added.status_code, added.json()["name"]) == (201, name)
        assert service.http.post("/destinations", json={"kind": "rocksky", **account}).status_code == 409
        fates = {play: settled(service, play) for play in (report(service, 6000, "Pastel Blues"), report(service))}
    (both, without_album) = fates.values()
    assert {kind: at["fate"] for kind, at in both.items()} == {"tealfm": "accepted", "rocksky": "accepted"}
    assert (without_album["tealfm"]["fate"], without_album["rocksky"]["fate"]) == ("accepted", "ignored")
    assert without_album["rocksky"]["why"] == "Rocksky needs the album"
    assert [play.album for play in pds.stored].count("Pastel Blues") == 2
    assert len(pds.stored) == 3


def test_what_is_wrong_with_a_sign_in_names_the_part(service: Service, libre: GnuFmStandIn) -> None:
    wanted = {"kind": "librefm", "url": libre.url}
    for more, part in (
        ({}, "token"),
        ({"token": "mine"}, "token"),
        ({"username": "anna", "password": "another"}, "password"),
        ({"username": "anna", "password": "another", "api_key": "1" * 32}, "api_key"),
        ({"username": "anna", "password": "another", "approval_url": "nowhere"}, "approval_url"),
    ):
        answer = service.http.post("/destinations", json={**wanted, **more})
        assert answer.status_code == 422
        assert answer.json()["detail"][0]["loc"] == ["body", part]
    assert service.http.post("/destinations/7/sign-in", json={}).status_code == 404
    assert service.http.get("/destinations").json() == {"destinations": []}


def test_hearts_that_a_destination_can_not_keep_are_listed(service: Service, server: ListenBrainzStandIn) -> None:
    destination_id = add(service, server).json()["id"]
    loved = {"artist": "Nina Simone", "track": "Sinnerman"}
    assert service.http.put("/lastfm/loved", json=loved).status_code == 200
    while not (listed := service.http.get(f"/destinations/{destination_id}/hearts").json()) or not listed[0]["why"]:
        pause()
    assert listed == [
        {
            **loved,
            "loved": True,
            "status": "waiting",
            "why": "ListenBrainz doesn't know this recording, so it can't store the heart",
        }
    ]
    [shown] = service.http.get("/destinations").json()["destinations"]
    assert (shown["hearts_waiting"], shown["hearts_rejected"]) == (1, 0)
    assert service.http.get("/destinations/99/hearts").status_code == 404
