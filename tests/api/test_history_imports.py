"""Histories come home over HTTP, and go out again."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from lastfm_emulator.account import Play
from tests.api.conftest import Service
from tests.history.files import AT
from tests.patience import pause
from tonearm.service import hourly_import
from tonearm.web.api.history_imports import LARGEST_UPLOAD
from tonearm.web.app import LARGEST_BODY


def scrobbled(service: Service, number: int) -> None:
    """Plays that another app has sent."""
    start = int(time.time()) - 3 * 86400
    for n in range(number):
        play = Play("Low", f"Song {n}", start + n * 300, sent_artist="Low", sent_track=f"Song {n}")
        assert service.emulator.known_user("RJ").keep(play)


def over(service: Service, address: str) -> dict[str, Any]:
    """The import when it is over."""
    while (found := service.http.get(address).json())["state"] == "running":
        pause()
    return dict(found)


def test_the_history_at_last_fm_is_imported_and_undone(service: Service) -> None:
    scrobbled(service, 30)
    answer = service.http.post("/history-imports/lastfm")
    assert answer.status_code == 202
    done = over(service, answer.headers["location"])
    assert (done["state"], done["added"], done["known"], done["fault"]) == ("done", 30, 0, None)
    (listed,) = service.http.get("/history-imports").json()["imports"]
    assert (listed["source"], listed["name"], listed["state"], listed["added"]) == ("Last.fm", "RJ", "done", 30)
    plays = service.http.get("/lastfm/queue", params={"fate": "imported"}).json()["plays"]
    assert len(plays) == 30
    assert service.http.get("/lastfm/queue").json()["plays"] == plays
    story = service.http.get(f"/lastfm/queue/{plays[0]['id']}").json()
    assert (story["fate"], story["why"]) == ("imported", "imported from Last.fm")
    assert service.http.post(f"/lastfm/queue/{plays[0]['id']}/retry").status_code == 409
    jobs = service.http.get("/jobs").json()["jobs"]
    assert ("history", "done", 30) in {(job["kind"], job["state"], job["done"]) for job in jobs}
    assert service.http.post(f"/history-imports/{listed['id']}/undo").json() == {"removed": 30}
    assert service.http.post(f"/history-imports/{listed['id']}/undo").status_code == 409
    assert service.http.get("/history-imports").json()["imports"][0]["state"] == "undone"


def test_a_mirror_is_turned_on_and_off(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hourly_import, "CHECKED", 0.0)  # nobody here waits a minute for it
    assert service.http.get("/history-imports/lastfm").json() == {"mirror": False, "next_at": None, "job": None}
    scrobbled(service, 1)
    assert service.http.put("/history-imports/lastfm", json={"mirror": True}).json()["mirror"] is True
    while (found := service.http.get("/history-imports/lastfm").json())["job"] is None:
        pause()
    over(service, f"/history-imports/lastfm/{found['job']['id']}")
    found = service.http.get("/history-imports/lastfm").json()
    assert found["next_at"] > time.time() + 3000
    assert service.http.put("/history-imports/lastfm", json={"mirror": False}).json()["next_at"] is None
    assert service.http.put("/history-imports/lastfm", json={"mirror": "yes"}).status_code == 422


def test_what_is_not_there_or_not_allowed_is_reported(service: Service) -> None:
    assert service.http.get("/history-imports/lastfm/99").status_code == 404
    assert service.http.post("/history-imports/99/undo").status_code == 404
    with service.stranger(Authorization=f"Bearer {service.token_of('other')}") as http:
        assert http.post("/history-imports/lastfm").status_code == 401
        assert http.get("/history-imports").json() == {"imports": []}
    with service.stranger() as http:
        assert http.get("/history-imports").status_code == 401


TABLE = f"uts,artist,track\n{AT},Low,Words\n{AT + 600},Low,Fear\n{AT},Low,Words\n,Low,Cut\nwhen,Low,Lullaby\n"


def uploaded(service: Service, content: bytes | str, name: str = "old.csv", **form: str) -> dict[str, Any]:
    """The file when it is compared."""
    answer = service.http.post("/history-imports/file", files={"file": (name, content)}, data=form)
    assert answer.status_code == 202, answer.text
    return settled(service, answer.headers["location"])


def settled(service: Service, address: str = "/history-imports/file") -> dict[str, Any]:
    while (found := service.http.get(address).json())["state"] in ("reading", "importing"):
        pause()
    return dict(found)


def test_a_file_is_compared_imported_and_taken_back(service: Service) -> None:
    found = uploaded(service, TABLE)
    assert (found["name"], found["state"], found["fault"]) == ("old.csv", "read", None)
    (table,) = found["found"]
    assert (table["new"], table["known"], table["doubtful"], table["unreadable"]) == (2, 1, 0, 1)
    assert table["skipped"] == {"has no time": 1}
    assert (table["faults"][0]["file"], table["faults"][0]["line"]) == ("old.csv", 6)
    assert (table["first"], table["last"], table["id"]) == (AT, AT + 600, None)
    assert service.http.get("/history-imports").json()["imports"] == []
    assert service.http.post(f"/history-imports/file/{found['id']}").status_code == 202
    done = settled(service)
    assert (done["state"], done["found"][0]["new"], done["done"]) == ("done", 2, 3)
    (listed,) = service.http.get("/history-imports").json()["imports"]
    assert (listed["id"], listed["added"], listed["unreadable"]) == (done["found"][0]["id"], 2, 1)
    assert uploaded(service, TABLE)["found"][0]["new"] == 0
    assert service.http.post(f"/history-imports/{listed['id']}/undo").json() == {"removed": 2}
    assert service.http.delete("/history-imports/file").status_code == 204
    assert service.http.get("/history-imports/file").status_code == 404


def test_what_cannot_be_imported_changes_nothing_and_says_why(service: Service) -> None:
    page = uploaded(service, "<html><body>Sign in</body></html>", "export.html")
    assert (page["state"], "is a web page (HTML)" in page["fault"]) == ("failed", True)
    log = f"#AUDIOSCROBBLER/1.1\n#TZ/UNKNOWN\nA\tB\tC\t1\t200\tL\t{AT}\t\n"
    asked = uploaded(service, log, ".scrobbler.log")
    assert (asked["state"], asked["fault"].endswith("for example Europe/Berlin")) == ("failed", True)
    assert uploaded(service, log, ".scrobbler.log", zone="Europe/Berlin")["found"][0]["first"] == AT - 7200
    assert uploaded(service, log, "../../etc/passwd", zone="Europe/Berlin")["name"] == "_.._etc_passwd"
    http = service.http
    assert http.post("/history-imports/file", files={"file": ("x", log)}, data={"zone": "Atlantis"}).status_code == 422
    assert http.post("/history-imports/file", data={"zone": "UTC"}).status_code == 422
    assert http.post("/history-imports/file/unknown").status_code == 404
    assert http.get("/history-imports").json()["imports"] == []
    with service.stranger() as stranger:
        assert stranger.post("/history-imports/file", files={"file": ("x", log)}).status_code == 401


def test_a_file_that_is_too_large_is_refused(service: Service) -> None:
    large = service.http.post("/history-imports/file", files={"file": ("x.csv", b"x" * (LARGEST_UPLOAD + 1))})
    assert large.status_code == 413
    assert service.http.get("/history-imports/file").status_code == 404
    small = "uts,artist,track,album\n" + "".join(f"{AT + n * 200},Low,Song {n},{'Album ' * 70}\n" for n in range(5_000))
    assert len(small) > LARGEST_BODY
    found = service.http.post("/history-imports/file", files={"file": ("x.csv", small)})
    assert (found.status_code, found.json()["state"]) == (202, "reading")
    assert service.http.post("/history-imports/file", files={"file": ("x.csv", TABLE)}).status_code == 409
    assert settled(service)["found"][0]["new"] == 5_000


@pytest.mark.parametrize("form", ["csv", "jsonl", "listenbrainz", "maloja"])
def test_an_export_can_be_imported_again(service: Service, form: str) -> None:
    found = uploaded(service, TABLE)
    service.http.post(f"/history-imports/file/{found['id']}")
    settled(service)
    exported = service.http.get("/history-export", params={"format": form})
    assert exported.status_code == 200
    name = re.search(r'filename="(.+)"', exported.headers["content-disposition"])
    assert name
    again = uploaded(service, exported.content, name[1])
    assert (again["found"][0]["new"], again["found"][0]["known"]) == (0, 2)
    with service.stranger(Authorization=f"Bearer {service.token_of('other')}") as http:
        assert b"Low" not in http.get("/history-export", params={"format": form}).content
