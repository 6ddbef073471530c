"""Who has access, and from where."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx2
import pytest
from sqlalchemy import text

from tests.api.conftest import Service
from tests.api.raw import connection, status
from tests.api.test_plays import a_play

DOORS = [
    ("GET", "/lastfm/auth-url"),
    ("GET", "/lastfm/auth-callback?token=x"),
    ("POST", "/lastfm/auth-callback"),
    ("DELETE", "/lastfm/disconnect"),
    ("GET", "/lastfm/settings"),
    ("PUT", "/lastfm/settings"),
    ("POST", "/lastfm/now-playing"),
    ("POST", "/lastfm/scrobble"),
    ("GET", "/lastfm/queue/status"),
    ("POST", "/lastfm/queue/retry"),
    ("POST", "/lastfm/queue/retry-expired"),
    ("POST", "/lastfm/import-loved-tracks"),
    ("GET", "/lastfm/loved"),
    ("PUT", "/lastfm/loved"),
    ("DELETE", "/lastfm/loved?artist=x&track=y"),
    ("GET", "/lastfm/jobs/1"),
    ("GET", "/lastfm/queue"),
    ("GET", "/lastfm/queue/1"),
    ("POST", "/lastfm/queue/1/retry"),
    ("PATCH", "/lastfm/queue/1"),
    ("DELETE", "/lastfm/queue/1"),
    ("GET", "/events"),
    ("GET", "/metrics"),
    ("GET", "/"),
]


@pytest.mark.parametrize(("method", "path"), DOORS)
def test_a_token_is_required(unmoved: Service, method: str, path: str) -> None:
    with unmoved.stranger() as stranger:
        assert stranger.request(method, path, json={}).status_code == 401
    with unmoved.stranger(Authorization="Bearer nonsense") as stranger:
        assert stranger.request(method, path, json={}).status_code == 401


@pytest.mark.parametrize("header", ["", "Bearer", "Basic bWU6bWU=", "Bearer \xff", "bearer"])
def test_a_strange_authorization_is_401(unmoved: Service, header: str) -> None:
    with unmoved.stranger() as stranger:
        answer = stranger.get("/lastfm/settings", headers=[(b"Authorization", header.encode("latin-1"))])
        assert answer.status_code == 401
        assert answer.json()["detail"]


@pytest.mark.parametrize(
    ("asked", "led_to"),
    [
        ("/lastfm/settings/", "/lastfm/settings"),
        ("/lastfm/auth-callback/?token=a%2Fb", "/lastfm/auth-callback?token=a%2Fb"),
        ("/lastfm/queue/1/", "/lastfm/queue/1"),
    ],
)
def test_a_slash_too_many_leads_to_the_same_host_and_scheme(unmoved: Service, asked: str, led_to: str) -> None:
    answer = unmoved.http.get(asked, headers={"X-Forwarded-Proto": "https"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, led_to)


@pytest.mark.parametrize("path", ["/nowhere/", "//nowhere.example/", "//lastfm/settings/"])
def test_an_address_that_is_nowhere_with_another_slash_is_not_found(unmoved: Service, path: str) -> None:
    answer = unmoved.http.get(f"{unmoved.http.base_url}".rstrip("/") + path, follow_redirects=False)
    assert answer.status_code == 404


def test_health_is_open_to_everybody(service: Service) -> None:
    with service.stranger() as stranger:
        answer = stranger.get("/health")
        assert stranger.head("/health").status_code == 200
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert answer.json()["delivery"] == "running"


def test_a_name_that_is_not_ours_is_refused(unmoved: Service) -> None:
    answer = unmoved.http.get("/lastfm/settings", headers={"Host": "attacker.example"})
    assert answer.status_code == 400
    assert "TONEARM_PUBLIC_URL" in answer.json()["detail"]


@pytest.mark.parametrize("second", ["attacker.example", "{host}"])
def test_several_host_headers_are_refused_whichever_is_ours(unmoved: Service, second: str) -> None:
    host = unmoved.url.removeprefix("http://")
    for names in ([host, second.replace("{host}", host)], ["attacker.example", host]):
        with connection(unmoved.url) as sock:
            lines = "".join(f"Host: {name}\r\n" for name in names)
            sock.sendall(f"GET /health HTTP/1.1\r\n{lines}\r\n".encode())
            assert status(sock) == 400


@pytest.mark.parametrize("host", ["attacker.example@127.0.0.1", "127.0.0.1/attacker.example", ""])
def test_a_host_that_merely_holds_an_address_is_not_ours(unmoved: Service, host: str) -> None:
    assert unmoved.http.get("/health", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://attacker.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "https://{host}"},
        {"Origin": "http://{host}@attacker.example"},
        {"Origin": "{host}"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_a_strangers_page_must_not_scrobble(unmoved: Service, headers: dict[str, str]) -> None:
    host = unmoved.url.removeprefix("http://")
    headers = {name: value.replace("{host}", host) for name, value in headers.items()}
    answer = unmoved.http.post("/lastfm/scrobble", json=a_play(), headers=headers)
    assert answer.status_code == 403
    assert unmoved.http.get("/lastfm/queue/status").json()["queued_scrobbles"] == 0


def test_our_own_page_may(service: Service) -> None:
    answer = service.http.post("/lastfm/scrobble", json=a_play(), headers={"Origin": service.url})
    assert answer.json()["status"] == "queued"


def test_no_other_site_may_read(service: Service) -> None:
    answer = service.http.get("/lastfm/settings", headers={"Origin": "https://attacker.example"})
    assert "access-control-allow-origin" not in answer.headers


def test_a_link_signs_a_browser_in_once(service: Service) -> None:
    async def link() -> str:
        me = await service.deck.listener("me")
        return await service.deck.accounts.link(me.id)

    secret = service.call(link())
    with service.stranger() as browser:
        arrived = browser.get("/signin", params={"link": secret})
        assert (arrived.status_code, arrived.headers["location"]) == (303, "/")
        cookie = arrived.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert browser.get("/lastfm/settings").status_code == 200
    with service.stranger() as second:
        assert second.get("/signin", params={"link": secret}).status_code == 410


def test_listeners_see_only_their_own(service: Service) -> None:
    service.http.post("/lastfm/scrobble", json=a_play())
    with service.stranger(Authorization=f"Bearer {service.token_of('ada')}") as ada:
        assert ada.get("/lastfm/queue/status").json()["queued_scrobbles"] == 0
        assert ada.get("/lastfm/settings").json()["username"] is None
        assert ada.get("/lastfm/jobs/1").status_code == 404
        assert ada.post("/lastfm/scrobble", json=a_play()).json()["status"] == "not_authenticated"


@pytest.mark.parametrize("path", ["/nothing", "/lastfm", "/lastfm/nothing", "/static/../../etc/passwd"])
def test_what_is_not_there_is_404(unmoved: Service, path: str) -> None:
    assert unmoved.http.get(path).status_code in (401, 404)


def test_the_openapi_names_all_promised_endpoints(service: Service) -> None:
    paths = service.http.get("/openapi.json").json()["paths"]
    promised = {(method.lower(), path.partition("?")[0]) for method, path in DOORS if path.startswith("/lastfm")}
    described = {
        (method, path.replace("{job}", "1").replace("{play}", "1"))
        for path, methods in paths.items()
        for method in methods
    }
    assert promised <= described
    for path in (path for path in paths if path.startswith("/lastfm")):
        assert all(what["security"] == [{"token": []}] for what in paths[path].values()), path


@pytest.fixture
def other(service: Service) -> Iterator[httpx2.Client]:
    """Another listener."""
    with service.stranger(Authorization=f"Bearer {service.token_of('other')}") as http:
        yield http


def test_a_token_of_a_deleted_listener_does_not_work(service: Service, other: httpx2.Client) -> None:
    assert other.post("/lastfm/scrobble", json=a_play()).status_code == 200
    service.call(service.deck.personal_data.erase(2, ""))
    assert other.post("/lastfm/scrobble", json=a_play()).status_code == 401
    assert service.http.post("/lastfm/scrobble", json=a_play()).status_code == 200


def test_a_revoked_token_does_not_work_any_more(service: Service, other: httpx2.Client) -> None:
    assert other.get("/lastfm/settings").status_code == 200
    [token] = service.call(service.deck.personal_data.admissions(2))
    assert service.call(service.deck.personal_data.revoke(2, token.id))
    assert other.get("/lastfm/settings").status_code == 401


def test_health_sees_that_a_table_is_missing(service: Service) -> None:
    def renamed(one: str, other: str) -> None:
        service.call(service.deck.store.write(lambda db: db.execute(text(f"ALTER TABLE {one} RENAME TO {other}"))))

    renamed("loved", "put_away")
    try:
        with service.stranger() as stranger:
            answer = stranger.get("/health")
    finally:
        renamed("put_away", "loved")
    assert answer.status_code == 503
    assert "loved" in answer.json()["database"]
    assert service.http.get("/health").status_code == 200


def test_too_little_memory_is_not_a_fault_of_the_request(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(json, "loads", none_left)
    answer = service.http.post(
        "/lastfm/scrobbles", content=b'{"plays": [', headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert b"out of memory" in answer.content
