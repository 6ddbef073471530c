"""A service under a path of another site, behind Debian's nginx: everything that it says leads back under the path."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import md5
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import httpx2
import pytest

from lastfm_emulator import API_KEY
from tests import nginx
from tests.api.test_plays import a_play
from tests.patience import PATIENCE
from tests.web.conftest import Running, running
from tonearm.service.players import PlayerKind
from tonearm.settings import OWN_PATHS
from tonearm.web.app import create_app

pytestmark = pytest.mark.skipif(nginx.PROGRAM is None, reason=nginx.MISSING)

KEEPS = "location /music/ { proxy_pass http://127.0.0.1:8723; }"
TAKES_OFF = "location /music/ { proxy_pass http://127.0.0.1:8723/; }"
NAMES_THE_HOST = "location /music/ { proxy_pass http://127.0.0.1:8723/; proxy_set_header Host $http_host; }"
CONTRIB = (Path(__file__).parents[2] / "contrib/nginx.conf").read_text()

_LEADS = re.compile(r'\s(?:href|src|action|hx-get|hx-post|hx-sse:connect|data-counts)="([^"#]*)')
_NO_PAGE = re.compile(r"/(?:events|connect|retry|sign|settings/|loved/|emulator)")


@dataclass(frozen=True)
class Behind:
    """A service and the address that its listeners use."""

    service: Running
    url: str

    @contextmanager
    def browser(self) -> Iterator[httpx2.Client]:
        """A browser that has come in by a link."""
        link = self.service.link().replace(self.service.url, self.url)
        with httpx2.Client(base_url=self.url, follow_redirects=True, timeout=PATIENCE) as browser:
            browser.get(link).raise_for_status()
            yield browser


@pytest.fixture(
    scope="module",
    params=[KEEPS, TAKES_OFF, NAMES_THE_HOST, CONTRIB, ""],
    ids=["keeps", "takes", "host", "contrib", "direct"],
)
def behind(request: pytest.FixtureRequest, tables: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """The service, behind nginx in each of the ways in which people set it up, and reached without it."""
    folder, port = tmp_path_factory.mktemp("nginx"), nginx.free_port()
    folder.chmod(0o755)
    database = folder / "plays.db"
    database.write_bytes(tables.read_bytes())
    url = f"http://127.0.0.1:{port}/music"
    with running(database, public_url=url) as service:
        service.sign_in()
        if not request.param:
            yield Behind(service, f"{service.url}/music")
            return
        with nginx.nginx(folder, port, request.param.replace(":8723", f":{urlsplit(service.url).port}")):
            yield Behind(service, url)


def _base(back: str) -> str:
    """The address of the service in a way back to it."""
    return unquote(back).partition("/connect/back")[0]


def _leads(text: str) -> set[str]:
    return {unescape(found) for found in _LEADS.findall(text)}


def test_every_address_on_every_page_leads_back_under_the_path(behind: Behind) -> None:
    with behind.browser() as browser:
        for name in ("One", "Two"):
            play = {**a_play(), "artist": name, "album": "Some"}
            browser.post("/lastfm/scrobble", json=play).raise_for_status()
        seen, left = set[str](), {"/music/"}
        while left:
            path = left.pop()
            seen.add(path)
            answer = browser.get(urljoin(behind.url, path))
            assert answer.status_code in (200, 502), path
            if "text/html" not in answer.headers["content-type"]:
                continue
            inside = {lead for lead in _leads(answer.text) if lead and not lead.startswith(("http", "?", "data:"))}
            assert not [lead for lead in inside if not lead.startswith("/music/")], path
            pages = {
                lead for lead in inside if not re.search(r"/(events|connect|retry|sign|settings/|loved/|emu)", lead)
            }
            forms = set(re.findall(r'action="([^"]*)"', answer.text))
            left |= {page for page in pages - forms if page not in seen and len(seen) + len(left) < 60}
        assert any(path.startswith("/music/static/page.") for path in seen)
        assert any(path.startswith("/music/plays/") for path in seen)


def test_forms_lead_back_to_their_page(behind: Behind) -> None:
    with behind.browser() as browser:
        at = urlsplit(behind.url)
        there = {"Referer": f"{behind.url}/settings?x=1", "Origin": f"{at.scheme}://{at.netloc}"}
        browser.follow_redirects = False
        answer = browser.post("/scrobbling", data={"enabled": "true"}, headers=there)
        assert (answer.status_code, answer.headers["location"]) in (
            (303, "/music/settings?x=1"),
            (303, "/music/settings"),
        )
        foreign = browser.post("/scrobbling", headers={"Origin": "https://attacker.example"})
        assert foreign.status_code == 403
        out = browser.post("/signout")
        assert (out.status_code, out.headers["location"]) == (303, "/music/")


def test_a_slash_too_many_is_taken_away_under_the_path(behind: Behind) -> None:
    with behind.browser() as browser:
        browser.follow_redirects = False
        assert browser.get("/queue/").headers["location"] == "/music/queue"


def test_the_cookie_is_for_the_path_alone(behind: Behind) -> None:
    link = behind.service.link().replace(behind.service.url, behind.url)
    cookie = httpx2.get(link).headers["set-cookie"]
    assert "Path=/music/;" in cookie + ";"


def test_connecting_with_lastfm_comes_back_under_the_path(behind: Behind) -> None:
    with behind.browser() as browser:
        browser.follow_redirects = False
        away = browser.post("/connect").headers["location"]
        back = re.search(r"cb=([^&]*)", away)
        assert back
        assert back[1].startswith("http%3A%2F%2F127.0.0.1%3A")
        assert "%2Fmusic%2Fconnect%2Fback" in back[1]
        token = behind.service.emulator.issue_token(API_KEY, "RJ")
        asked = browser.get(
            str(httpx2.URL(behind.url).join("/music/connect/back")), params={"token": token, "login": "x"}
        )
        assert asked.status_code == 400


def test_events_come_at_once(behind: Behind) -> None:
    with behind.browser() as browser, browser.stream("GET", "/events") as events:
        lines = events.iter_lines()
        while "lastfm:queue-updated" not in next(lines):
            pass
        with behind.service.player() as player:
            player.post("/lastfm/now-playing", json={"artist": "Björk", "track": "Jóga"}).raise_for_status()
        while "Björk" not in next(lines) and "Bj\\u00f6rk" not in next(lines):
            pass


def test_programs_are_answered_under_the_path_and_without_it(behind: Behind) -> None:
    with behind.service.player() as player:
        names = {"artist": "AC/DC", "track": "T.N.T."}
        assert player.get("/metadata/artists/AC%2FDC").status_code in (200, 404)
        for base in (behind.url, behind.service.url):
            found = httpx2.get(f"{base}/metadata/artists/AC%2FDC", headers=player.headers)
            assert found.status_code == player.get("/metadata/artists/AC%2FDC").status_code
            begun = httpx2.post(
                f"{base}/lastfm/import-loved-tracks", headers={**player.headers, "Prefer": "respond-async"}, timeout=20
            )
            assert begun.headers["location"].startswith("/music/lastfm/jobs/")
            assert httpx2.get(f"{base}/openapi.json").json()["servers"] == [{"url": "/music"}]
            assert httpx2.post(f"{base}/lastfm/now-playing", json=names, headers=player.headers).status_code == 200


def _paths(routes: Iterable[Any]) -> Iterator[str]:
    for route in routes:
        if router := getattr(route, "original_router", None):  # how FastAPI keeps what was included
            yield from _paths(router.routes)
        else:
            yield route.path


def test_the_paths_of_the_service_are_those_that_no_public_address_may_have(behind: Behind) -> None:
    app = create_app(behind.service.deck)
    assert {path.split("/")[1] for path in app.openapi()["paths"]} <= OWN_PATHS
    pages = {path.split("/")[1] for path in _paths(app.router.routes)}
    assert {"queue", "scrobble"} <= pages
    assert pages - {""} <= OWN_PATHS
    with behind.browser() as browser:
        leads = _leads(browser.get("/").text) | _leads(browser.get("/settings").text)
    assert {lead.split("/")[2].partition("?")[0] for lead in leads if lead.startswith("/music/")} - {""} <= OWN_PATHS


def test_no_address_in_a_template_leaves_the_path_out() -> None:
    """The pages that are rarely seen, too."""
    leads = re.compile(r'(?:href|src|action|hx-get|hx-post|hx-sse:connect|data-counts)="/[^"]*"')
    for template in (Path(__file__).parents[2] / "src/tonearm/web/templates").iterdir():
        assert leads.findall(template.read_text()) == [], template.name


def test_a_player_is_sent_on_to_an_address_that_it_can_reach(behind: Behind) -> None:
    async def player() -> str:
        me = await behind.service.deck.listener("me")
        name = f"MPD {behind.service.deck.clock.now()}"
        return (await behind.service.deck.players.add(me.id, name, PlayerKind.AUDIOSCROBBLER)).secret

    at, secret = str(int(behind.service.deck.clock.now())), behind.service.call(player())
    proof = md5((md5(secret.encode()).hexdigest() + at).encode()).hexdigest()
    asked = {"hs": "true", "p": "1.2.1", "c": "tst", "v": "1", "u": "me", "t": at, "a": proof}
    answer = httpx2.get(f"{behind.url}/", params=asked, timeout=PATIENCE).text.splitlines()
    assert answer[2:] == [f"{behind.url}/np_1.2", f"{behind.url}/protocol_1.2"]
