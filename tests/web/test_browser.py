"""The page in a real browser, on a real service with the emulator for Last.fm."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import pytest

from lastfm_emulator import Emulator
from tests.conftest import ROOT
from tests.databases import only_sqlite
from tests.listening import library_row
from tests.stand_ins.gnufm import GnuFmStandIn
from tests.stand_ins.listenbrainz import ListenBrainzStandIn
from tests.stand_ins.pds import PdsStandIn
from tests.web.conftest import Running, running
from tonearm.port import listening_socket
from tonearm.store import library
from tonearm.store.db.schema import account, login

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from playwright.sync_api import (  # noqa: E402  # after the skip
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Response,
    Route,
    ViewportSize,
    expect,
)

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The first is Chromium without a window and what belongs to one: pages look the same, for half the processor time."""

CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--in-process-gpu",  # which draws without one: a process less
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
SCREENSHOTS = ROOT / "build" / "screenshots"
DESK: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}

ZONES = ("Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu", "America/St_Johns", "Europe/Berlin")

HOSTILE = (
    "<script>document.title = 'mine'</script>",
    '"><img src=x onerror="document.title=1">',
    "\u202etxet desrever",
    "\u0301\u0489",
    "👩‍👩‍👧‍👦" * 60,
    "x" * 10_000,
    "שלום عليكم",
)

expect.set_options(timeout=60_000)  # a machine that is busy with other tests is slow, not wrong

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
    only_sqlite,  # what a browser makes of a page: what the pages say of a PostgreSQL, the other tests ask
]

OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for all tests here; not for longer, as its event loop would be in the way of other tests'."""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser, running_service: Running) -> Iterator[OpenPage]:
    """Opens a page in a browser that has come in by a one-time link. No page may complain, or ask elsewhere."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []
    ours = {running_service.url, running_service.lastfm}

    def on_console(message: ConsoleMessage) -> None:
        # The service is away, or the browser was signed out in another tab: no fault of the page.
        away = (
            "Failed to load resource",
            "network error",
            "Failed to fetch",
            "SSE reconnect failed with status 401",
            "Service Worker registration blocked",
        )
        if message.type in ("error", "warning") and not any(words in message.text for words in away):
            complaints.append(message.text)

    def on_response(answer: Response) -> None:
        document = answer.request.resource_type == "document" or answer.url.startswith(running_service.lastfm)
        if not answer.url.startswith(tuple(ours)) or (answer.status not in (200, 204, 303, 401, 409) and not document):
            complaints.append(f"{answer.status} {answer.url}")

    def open_(path: str = "/", *, service: Running = running_service, scheme: str = "light", **how: Any) -> Page:
        ours.add(service.url)
        options = {
            "viewport": DESK,
            "color_scheme": scheme,
            "reduced_motion": "reduce",
            "service_workers": "block",
            **how,
        }
        context = chromium.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", on_console)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("response", on_response)
        if path == "/":
            page.goto(service.link())
        else:
            context.request.get(service.link())
            page.goto(f"{service.url}{path}")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert not complaints


def played(service: Running, title: str, ago: float = 700.0, artist: str = "Nina Simone") -> None:
    """A player reports a play."""
    play = {"artist": artist, "track": title, "duration": 622, "played_time": 622, "timestamp": time.time() - ago}
    with service.player() as player:
        assert player.post("/lastfm/scrobble", json=play).json()["status"] == "queued"


def approve(page: Page, user: str) -> None:
    """What somebody does on the approval page of Last.fm."""
    page.get_by_label("Your Last.fm user name").fill(user)
    page.get_by_role("button", name="Yes, allow access").click()


def fits(page: Page) -> bool:
    """Whether nothing has to be scrolled sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def screenshot(page: Page, name: str) -> None:
    """Take a screenshot, if the variable TONEARM_SCREENSHOTS is set."""
    if os.environ.get("TONEARM_SCREENSHOTS"):
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=not name.endswith("-phone"))


def row(page: Page, title: str) -> Locator:
    """A play's row."""
    return page.locator(".plays tbody tr", has_text=title)


def test_a_listener_signs_in_connects_and_is_back_in_the_same_tab(
    open_page: OpenPage, running_service: Running
) -> None:
    page = open_page()
    expect(page).to_have_url(f"{running_service.url}/")
    expect(page.get_by_role("heading", name="Connect your Last.fm profile")).to_be_visible()
    screenshot(page, "empty-light")
    page.set_viewport_size(PHONE)
    expect(page.get_by_text("Not connected").first).to_be_visible()
    page.set_viewport_size(DESK)
    page.get_by_role("button", name="Connect with Last.fm").click()
    expect(page).to_have_url(re.compile(re.escape(running_service.lastfm)))
    approve(page, "night_owl")
    expect(page).to_have_url(f"{running_service.url}/")
    expect(page.locator("#who")).to_have_text("Connected as night_owl")
    expect(page.get_by_role("heading", name="Connect your Last.fm profile")).to_have_count(0)
    assert len(page.context.pages) == 1


def test_a_play_goes_from_queued_to_accepted_on_the_open_page(open_page: OpenPage, running_service: Running) -> None:
    running_service.sign_in()
    page = open_page("/queue")
    expect(page.locator("#lamp")).to_have_text("Live")
    running_service.emulator.fault("delay", methods=["track.scrobble"], seconds=1.0)
    played(running_service, "Sinnerman")
    expect(row(page, "Sinnerman")).to_contain_text("Sending")
    expect(row(page, "Sinnerman")).to_contain_text("Accepted")
    page.get_by_role("link", name="Now", exact=True).click()
    expect(page.locator("#numbers b").first).to_have_text("1")


def test_tabs_opened_in_the_background_leave_connections_to_the_others(
    open_page: OpenPage, running_service: Running
) -> None:
    """A browser makes at most six connections to a host, and a stream of events keeps one."""
    running_service.sign_in()
    page = open_page("/queue")
    expect(page.locator("#lamp")).to_have_text("Live")
    unseen = "Object.defineProperty(document, 'hidden', {configurable: true, get: () => true})"
    behind = [page.context.new_page() for _ in range(6)]
    for tab in behind:
        tab.add_init_script(unseen)
        tab.goto(f"{running_service.url}/queue")
    page.reload()
    expect(page.locator("#lamp")).to_have_text("Live")
    expect(behind[-1].locator("#lamp")).to_have_text("Connecting")
    behind[-1].evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    expect(behind[-1].locator("#lamp")).to_have_text("Live")
    played(running_service, "Sinnerman")
    expect(row(behind[-1], "Sinnerman")).to_be_visible()


def test_an_open_history_shows_new_plays(open_page: OpenPage, running_service: Running) -> None:
    running_service.sign_in()
    played(running_service, "Sinnerman", ago=300_000.0)
    played(running_service, "Sinnerman", ago=100_000.0)
    page = open_page("/history")
    expect(page.locator("#lamp")).to_have_text("Live")
    expect(page.locator("#zoom .u-over")).to_be_visible()
    search = page.get_by_role("searchbox")
    search.fill("half a wo")
    page.evaluate("document.querySelector('.u-over').dataset.same = 'chart'")
    played(running_service, "Feeling Good")
    expect(page.get_by_role("list").filter(has_text="Feeling Good")).to_have_count(1)
    expect(row(page, "Feeling Good")).to_contain_text("Accepted")
    expect(search).to_have_value("half a wo")
    expect(page.locator(".u-over[data-same=chart]")).to_be_visible()
    for number, path in enumerate(("/history?q=Simone", "/artist?name=Nina+Simone")):
        page.goto(f"{running_service.url}{path}")
        expect(page.locator("#lamp")).to_have_text("Live")
        played(running_service, f"Song {number}", ago=5000.0 - 1000 * number)
        expect(row(page, f"Song {number}")).to_contain_text("Accepted")


def test_what_plays_now_shows_and_moves_on(open_page: OpenPage, running_service: Running) -> None:
    running_service.sign_in()
    page = open_page()
    expect(page.locator("#lamp")).to_have_text("Live")
    with running_service.player() as player:
        player.post("/lastfm/now-playing", json={"artist": "Sigur Rós", "track": "Svefn-g-englar", "duration": 604})
    expect(page.locator("#now")).to_contain_text("Svefn-g-englar")
    expect(page.locator("#now")).to_contain_text("scrobbles at 4:00")
    expect(page.locator("#now [data-clock]")).to_have_text(re.compile("0:0[1-9]"))


def test_an_outage_is_shown_with_its_reason_and_passes(open_page: OpenPage, running_service: Running) -> None:
    running_service.sign_in()
    page = open_page("/queue")
    expect(page.locator("#lamp")).to_have_text("Live")
    running_service.emulator.fault("error", error=11, methods=["track.scrobble"])
    played(running_service, "Sinnerman")
    waiting = row(page, "Sinnerman")
    expect(waiting).to_contain_text("Retrying")
    expect(waiting).to_contain_text("Last.fm error 11: Service Offline")
    expect(waiting).to_contain_text(re.compile(r"Attempt \d+ (in \d+ s|now)"))
    expect(page.get_by_role("alert")).to_contain_text(re.compile(r"Trouble at Last.fm since \d\d:\d\d"))
    expect(page.locator("#who")).to_have_text("Trouble at Last.fm")
    screenshot(page, "outage-light")
    running_service.emulator.clear_faults()
    with running_service.player() as player:
        player.post("/lastfm/queue/retry")
    expect(row(page, "Sinnerman")).to_contain_text("Accepted")
    expect(page.locator("#plays")).to_contain_text("Queue empty")
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.locator("#who")).to_have_text("Connected as RJ")
    assert len(running_service.emulator.plays("RJ")) == 1


def test_the_backlog_is_clear_by_a_day_and_hour_of_the_reader(open_page: OpenPage, running_service: Running) -> None:
    running_service.sign_in()
    running_service.emulator.fault("proxy-busy", methods=["track.scrobble"], seconds=300)
    for number in range(15):
        played(running_service, f"Song {number}", ago=20_000 + 700 * number)
    running_service.call(running_service.deck.store.write(lambda db: db.execute(account.update().values(budget=10))))
    page = open_page("/queue", timezone_id="Asia/Tokyo")
    expect(page.locator("#plays")).to_contain_text("Daily limit: 0 of about 10 used, backlog clear by ")
    clear = page.locator("#plays time[data-by]")
    at = datetime.fromisoformat(str(clear.get_attribute("datetime"))).astimezone(ZoneInfo("Asia/Tokyo"))
    expect(clear).to_have_text(f"{at:%A %H:%M}")
    assert fits(page)


def test_a_suspect_is_sent_by_one_click(open_page: OpenPage, running_service: Running) -> None:
    running_service.sign_in()
    page = open_page("/queue")
    expect(page.locator("#lamp")).to_have_text("Live")
    at = time.time() - 700
    for player in ("a server", "a player"):
        with running_service.player() as http:
            play = {"artist": "Nina Simone", "track": "Sinnerman", "duration": 622, "played_time": 300, "timestamp": at}
            http.post("/lastfm/scrobble", json=play, headers={"User-Agent": player, "Prefer": "wait=20"})
        at += 2
    suspect = row(page, "Duplicate?")
    expect(suspect).to_contain_text("reported for the same time")
    screenshot(page, "suspected-light")
    suspect.get_by_role("button", name="Send").click()
    expect(row(page, "Accepted")).to_have_count(2)
    expect(page.get_by_role("button", name="Send")).to_have_count(0)
    assert len(running_service.emulator.plays("RJ")) == 2


def test_retrying_everything_does_not_leave_the_page(open_page: OpenPage, running_service: Running) -> None:
    running_service.sign_in()
    running_service.emulator.fault("proxy-busy", methods=["track.scrobble"], seconds=300)
    played(running_service, "Sinnerman")
    page = open_page("/queue?state=all")
    expect(row(page, "Sinnerman")).to_contain_text(re.compile(r"Attempt 2 in [45] min"))
    running_service.emulator.clear_faults()
    page.evaluate("document.body.dataset.same = 'page'")
    page.get_by_role("button", name="Retry all now").click()
    expect(row(page, "Sinnerman")).to_contain_text("Accepted")
    expect(page.locator("#toast")).to_have_text("1 play sent. Nothing is waiting.")
    expect(page.get_by_role("button", name="Retry all now")).to_have_count(0)
    expect(page.locator("body[data-same=page]")).to_have_count(1)


def test_an_answer_is_shown_although_its_button_has_gone(open_page: OpenPage, running_service: Running) -> None:
    running_service.sign_in()
    running_service.emulator.fault("proxy-busy", methods=["track.scrobble"], seconds=300)
    played(running_service, "Sinnerman")
    page = open_page("/queue?state=all")
    button = page.get_by_role("button", name="Retry all now")
    expect(button).to_have_count(1)
    running_service.emulator.clear_faults()

    def answer_late(route: Route) -> None:
        answer = route.fetch()
        expect(button).to_have_count(0)
        route.fulfill(response=answer)

    page.route("**/retry", answer_late)
    button.click()
    expect(page.locator("#toast")).to_have_text("1 play sent. Nothing is waiting.")


def test_a_session_that_ends_asks_for_a_sign_in_and_then_drains(open_page: OpenPage, running_service: Running) -> None:
    running_service.sign_in()
    page = open_page("/queue")
    expect(page.locator("#lamp")).to_have_text("Live")
    running_service.emulator.revoke("RJ")
    played(running_service, "Sinnerman")
    expect(page.get_by_role("alert")).to_contain_text("Last.fm asks you to sign in again")
    expect(page.get_by_role("alert")).to_contain_text("1 play waits here")
    expect(row(page, "Sinnerman")).to_contain_text("sign in to Last.fm")
    screenshot(page, "sign-in-again-light")
    page.get_by_role("button", name="Sign in again").click()
    approve(page, "RJ")
    expect(page.locator("#who")).to_have_text("Connected as RJ")
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(row(page, "Sinnerman")).to_contain_text("Accepted")


def test_an_open_choice_stays_open_while_the_page_is_refreshed(open_page: OpenPage, running_service: Running) -> None:
    running_service.sign_in()
    page = open_page("/settings")
    expect(page.locator("#lamp")).to_have_text("Live")
    account_part = page.locator("#account")
    page.get_by_text("Disconnect…").click()
    page.get_by_label("Discard them").check()
    with page.expect_response(re.compile("/fragments/account")):
        running_service.sign_in()  # tells every part of the page that hears of the connection
    expect(account_part).to_contain_text("Connected")
    expect(page.get_by_label("Discard them")).to_be_checked()
    page.get_by_role("button", name="Disconnect").click()
    expect(page.get_by_role("heading", name="Disconnected from RJ")).to_be_visible()


def test_away_pages_say_so_and_what_waited_and_catch_up_afterwards(open_page: OpenPage, tmp_path: Path) -> None:
    with listening_socket("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
    emulator = Emulator()
    with running(tmp_path / "here.db", emulator, port) as service:
        service.sign_in()
        emulator.fault("proxy-busy", methods=["track.scrobble"], seconds=300)
        page = open_page("/queue", service=service, service_workers="allow")
        expect(page.locator("#lamp")).to_have_text("Live")
        played(service, "Feeling Good")
        expect(page.locator("#notices")).to_have_attribute("data-waiting", "1")
        page.evaluate("navigator.serviceWorker.ready.then(() => null)")
    expect(page.locator("#lamp")).to_have_text("Offline")
    other = page.context.new_page()
    other.goto(f"{service.url}/history", wait_until="commit")
    expect(other.get_by_role("heading", name="Can't reach tonearm")).to_be_visible()
    expect(other.locator("#last")).to_contain_text("1 play was waiting.")
    assert violations(other) == []
    emulator.clear_faults()
    with running(tmp_path / "here.db", emulator, port) as service:
        other.evaluate("dispatchEvent(new Event('online'))")
        expect(other).to_have_title(re.compile("History"))
        played(service, "Sinnerman")
        expect(page.locator("#lamp")).to_have_text("Live")
        expect(row(page, "Sinnerman")).to_contain_text("Queued")
        page.get_by_role("button", name="Retry all now").click()
        expect(page.locator("#notices")).to_have_attribute("data-waiting", "0")
        other.close()
        page.close()


def test_signing_out_in_one_tab_ends_the_other_as_well(open_page: OpenPage, running_service: Running) -> None:
    running_service.sign_in()
    page = open_page("/queue")
    expect(page.locator("#lamp")).to_have_text("Live")
    other = page.context.new_page()
    other.goto(running_service.url)
    other.get_by_role("button", name="Sign out of this browser").click()
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    page.bring_to_front()
    played(running_service, "Sinnerman")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_everything_but_liveness_works_without_scripts(open_page: OpenPage, running_service: Running) -> None:
    page = open_page(java_script_enabled=False)
    page.get_by_role("button", name="Connect with Last.fm").click()
    approve(page, "RJ")
    running_service.emulator.fault("proxy-busy", methods=["track.scrobble"], seconds=300)
    played(running_service, "Sinnerman")
    page.get_by_role("link", name="Queue", exact=True).click()
    page.wait_for_url("**/queue")
    while not row(page, "Retrying").count():
        page.reload()
    running_service.emulator.clear_faults()
    page.get_by_role("button", name="Retry all now").click()
    expect(row(page, "Sinnerman")).to_contain_text("Accepted")
    page.get_by_role("link", name="Settings", exact=True).click()
    page.get_by_text("Disconnect…").click()
    page.get_by_role("button", name="Disconnect").click()
    expect(page.get_by_role("heading", name="Disconnected from RJ")).to_be_visible()
    page.get_by_role("button", name="Sign out of this browser").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


PAGES = {
    "now": "/",
    "queue": "/queue",
    "play": "/plays/1",
    "history": "/history",
    "top": "/history/top?of=tracks&period=all",
    "rewind": "/history/rewind",
    "import": "/history/import",
    "search": "/history?q=o",
    "loved": "/loved",
    "library": "/library",
    "accounted": "/accounted",
    "by-hand": "/scrobble",
    "artist": "/artist?name=Nina+Simone",
    "track": "/track?artist=Nina+Simone&title=Sinnerman",
    "settings": "/settings",
    "emulator": "/emulator",
    "docs": "/docs",
    "rules": "/settings/rules",
    "album-by-hand": "/scrobble/album?artist=Nina+Simone&album=Pastel+Blues",
}


def test_every_page_fits_and_nothing_hostile_acts(open_page: OpenPage, running_service: Running) -> None:
    running_service.sign_in("night_owl")
    running_service.emulator.fault("proxy-busy", methods=["track.scrobble"], seconds=300)
    for place, text in enumerate(HOSTILE):  # on two days, so that the history has its chart
        played(running_service, text, ago=1000.0 * (place + 1) + 86400.0 * (place % 2), artist=text)
    with running_service.player() as player:
        player.post("/lastfm/now-playing", json={"artist": HOSTILE[-2], "track": HOSTILE[-2], "duration": 604})
        short = {"artist": HOSTILE[-2], "track": HOSTILE[0], "duration": 240, "played_time": 71}
        player.post("/lastfm/scrobble", json={**short, "timestamp": time.time() - 300})
    page = open_page()
    for name, path in PAGES.items():
        page.set_viewport_size(DESK)
        page.goto(f"{running_service.url}{path}")
        if name != "docs":
            expect(page.locator("#lamp")).to_have_text("Live")
        assert page.title().endswith(" · tonearm"), name
        assert fits(page), name
        page.set_viewport_size(PHONE)
        assert fits(page), name
        screenshot(page, f"hostile-{name}-phone")
        page.set_viewport_size({"width": 320, "height": 640})  # 400 % zoom at 1280
        assert fits(page), name
    page.add_init_script("window.ResizeObserver = class { observe() {} }")  # a chart that is late to be drawn anew
    page.set_viewport_size(DESK)
    page.goto(f"{running_service.url}/history")
    expect(page.locator(".zoom-plot canvas")).to_be_visible()
    page.set_viewport_size(PHONE)
    assert fits(page), "a chart as wide as a desktop"
    page.goto(f"{running_service.url}/queue?state=all")
    expect(page.locator(".plays tbody tr")).to_have_count(len(HOSTILE) + 1)
    for width in (320, 700, 840, 900):
        page.set_viewport_size({"width": width, "height": 900})
        assert fits(page), width
        lines = page.locator(".brand, .tabs a").evaluate_all(
            "all => all.map((one) => one.getClientRects().length && one.offsetHeight)"
        )
        assert max(lines) < 60, width  # pixels: no word of the header is broken in two


AXE = (Path(__file__).parent / "vendor" / "axe-4.14.1.min.js").read_text()


TOUCHING = """() => [...document.querySelectorAll('.chart svg')].flatMap((svg) => {
  const boxes = [...svg.querySelectorAll('text')].map((one) => one.getBoundingClientRect()).filter((box) => box.width);
  return boxes.filter((box, at) => boxes.slice(at + 1).some((next) =>
    box.left < next.right && next.left < box.right && box.top < next.bottom && next.top < box.bottom));
}).length"""


def test_no_labels_of_a_chart_touch_on_a_small_phone(open_page: OpenPage, running_service: Running) -> None:
    running_service.sign_in()
    played(running_service, "Song")
    page = open_page()
    page.set_viewport_size({"width": 320, "height": 640})
    for path in ("/", "/history?period=all", "/history?period=2014", "/history?period=2014-03-01..2014-05-01"):
        page.goto(f"{running_service.url}{path}")
        assert page.evaluate(TOUCHING) == 0, path


def violations(page: Page, *rules: str) -> list[str]:
    """What axe-core finds wrong with a page, by all rules or some; again if something fades in meanwhile."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)  # by the debugger, which no policy of the page forbids
    only = {"runOnly": list(rules)} if rules else {}
    fading, found = page.locator("[style*=opacity]"), None
    while found is None or fading.count():
        expect(fading).to_have_count(0)
        found = page.evaluate("how => axe.run(document, how)", {"resultTypes": ["violations"], **only})
    return [f"{one['id']}: {node['html'][:200]}" for one in found["violations"] for node in one["nodes"]]


@pytest.mark.parametrize("names", [list(PAGES)[0::2], list(PAGES)[1::2]], ids=["one half", "the other"])
def test_every_page_is_accessible(open_page: OpenPage, running_service: Running, names: list[str]) -> None:
    running_service.sign_in("night_owl")
    running_service.emulator.fault("proxy-busy", methods=["track.scrobble"], seconds=300)
    for number in range(3):
        played(running_service, f"Song {number}", ago=1000.0 * (number + 1))
    with running_service.player() as player:
        player.post("/lastfm/now-playing", json={"artist": "Sigur Rós", "track": "Svefn-g-englar", "duration": 604})
    page = open_page()
    for name in names:
        page.set_viewport_size(DESK)
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        page.goto(f"{running_service.url}{PAGES[name]}")
        if name != "docs":
            expect(page.locator("#lamp")).to_have_text("Live")
        expect(page.locator(".spinner")).to_have_count(0)
        assert violations(page) == [], (name, "light")
        screenshot(page, f"{name}-light")
        page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        assert violations(page, "color-contrast", "link-in-text-block") == [], (name, "dark")
        screenshot(page, f"{name}-dark")
        page.set_viewport_size(PHONE)
        assert violations(page) == [], (name, "dark, on a phone")
        assert fits(page), name
        screenshot(page, f"{name}-phone")


def seen(page: Page, name: str) -> None:
    """The page as it is now is accessible in both colours, and fits a phone."""
    for scheme, size in (("light", DESK), ("dark", PHONE)):
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]  # a str is no Literal
        assert violations(page) == [], (name, scheme)
        assert fits(page), name
        screenshot(page, f"{name}-{'light' if size is DESK else 'phone'}")


def test_a_service_is_added_and_removed_by_keyboard(open_page: OpenPage, running_service: Running) -> None:
    running_service.sign_in("night_owl")
    for number in range(3):
        played(running_service, f"Song {number}", ago=1000.0 * (number + 1), artist="Air feat. Beth Hirsch")
    with ListenBrainzStandIn() as server:
        server.users = {"a-token-of-mine": "rob"}
        page = open_page("/settings", viewport=PHONE)
        page.get_by_role("link", name="Send your plays to another service, too").press("Enter")
        seen(page, "new-service")
        page.get_by_label("Address").press_sequentially(server.url)
        page.keyboard.press("Tab")
        page.keyboard.type("wrong")
        page.keyboard.press("Enter")
        expect(page.get_by_text("ListenBrainz rejects the token")).to_be_visible()
        expect(page.get_by_label("User token")).to_be_focused()
        expect(page.get_by_label("Address")).to_have_value(server.url)
        seen(page, "new-service-wrong")
        page.keyboard.type("a-token-of-mine")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="rob at ListenBrainz")).to_be_visible()
        page.get_by_label("Only the first artist").press("Space")
        page.get_by_label("Everything: 3 plays").press("Space")
        page.get_by_role("button", name="Preview").press("Enter")
        expect(page.locator("#preview")).to_contain_text("3 plays of your history would follow")
        expect(page.locator("#preview")).to_contain_text("sent as Air")
        seen(page, "new-service-choices")
        page.get_by_role("button", name="Add ListenBrainz").press("Enter")
        expect(page.get_by_role("heading", name="ListenBrainz (rob)")).to_be_visible()
        expect(page.get_by_text("last answer")).to_be_visible()
        assert {one.artist for one in server.stored} == {"Air"}
        seen(page, "service")
        page.get_by_role("button", name="Pause").press("Enter")
        expect(page.get_by_role("button", name="Resume")).to_be_visible()
        played(running_service, "One more")
        expect(page.get_by_text("1 play waits")).to_be_visible()
        seen(page, "service-paused")
        page.goto(f"{running_service.url}/queue")
        page.get_by_role("link", name="ListenBrainz (rob) 1").press("Enter")
        expect(row(page, "One more")).to_contain_text("On hold")
        seen(page, "queue-of-a-service")
        page.goto(f"{running_service.url}/settings")
        seen(page, "settings-with-a-service")
        page.get_by_role("link", name="ListenBrainz (rob)").press("Enter")
        page.get_by_role("button", name="Remove, and discard 1 play").press("Enter")
        expect(page.get_by_role("link", name="Send your plays to another service, too")).to_be_visible()


def test_a_service_like_lastfm_is_signed_in_to_beside_its_own_page(
    open_page: OpenPage, running_service: Running
) -> None:
    with GnuFmStandIn() as server:
        page = open_page("/settings/destinations/new?kind=lastfm-like")
        host = server.auth_url.removeprefix("http://").partition("/")[0]
        page.get_by_label("Address of the server").fill(server.url)
        page.get_by_role("button", name="Sign in on its page").click()
        link = page.get_by_role("link", name="Open its page")
        expect(link).to_have_attribute("href", re.compile(re.escape(server.auth_url)))
        seen(page, "service-waiting")
        [token] = server.tokens
        server.approve(token, "anna")
        expect(page.get_by_role("heading", name=f"anna at {host}")).to_be_visible()
        page.get_by_role("button", name=f"Add {host}").click()
        expect(page.get_by_role("heading", name="Last.fm-like server (anna)")).to_be_visible()
        seen(page, "service-like-lastfm")


def test_a_service_is_signed_in_to_with_an_app_password(open_page: OpenPage) -> None:
    with PdsStandIn() as server:
        server.users["ez5g-3ik7-zt4q-znvo"] = "anna.test"
        page = open_page("/settings/destinations/new?kind=tealfm")
        page.get_by_label("Address of your account's server").fill(server.url)
        page.get_by_label("Handle").fill("@anna.test")
        page.get_by_label("App password").fill("wrong")
        page.get_by_role("button", name="Check and continue").click()
        expect(page.get_by_text("The server rejects the sign-in: Invalid identifier or password")).to_be_visible()
        seen(page, "service-app-password")
        page.get_by_label("App password").fill("ez5g-3ik7-zt4q-znvo")
        page.get_by_role("button", name="Check and continue").click()
        page.get_by_role("button", name="Add teal.fm").click()
        expect(page.get_by_role("heading", name="teal.fm (anna.test)")).to_be_visible()
        seen(page, "service-with-app-password")


def test_the_sign_in_pages_are_accessible(open_page: OpenPage, running_service: Running) -> None:
    page = open_page("/settings")
    page.get_by_role("button", name="Trouble being redirected?").click()
    waiting = page.url
    for name, address in {
        "waiting": waiting,
        "nothing-here": f"{running_service.url}/nowhere",
        "stranger": running_service.url,
        "used": f"{running_service.url}/signin?link=used",
    }.items():
        if name == "stranger":
            page.context.clear_cookies()
        for scheme, size in (("light", DESK), ("dark", PHONE)):
            page.set_viewport_size(size)
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]  # a str is no Literal
            page.goto(address)
            assert violations(page) == [], (name, scheme)
            assert fits(page), name
            screenshot(page, f"{name}-{'light' if size is DESK else 'phone'}")


def test_a_changed_threshold_applies_from_the_next_play(open_page: OpenPage, running_service: Running) -> None:
    running_service.sign_in()
    page = open_page("/settings")
    slider = page.get_by_role("slider")
    slider.focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    expect(page.locator("#percent-shown")).to_have_text("70%")
    expect(page.locator(".examples")).to_contain_text("A track of 2:30 counts after 1:45")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#toast")).to_have_text("Saved. This applies from the next play.")
    heard = {"artist": "Nina Simone", "track": "Sinnerman", "duration": 200, "played_time": 120}
    with running_service.player() as player:
        answer = player.post("/lastfm/scrobble", json={**heard, "timestamp": time.time() - 300}).json()
    assert (answer["status"], answer["needed"]) == ("threshold_not_met", 140)
    page.goto(f"{running_service.url}/queue?state=not-sent")
    expect(row(page, "Sinnerman")).to_contain_text("Heard 120 s of 200 s, needs 140 s.")


def test_if_last_fm_cannot_send_the_browser_back_the_page_notices_by_itself(
    open_page: OpenPage, running_service: Running
) -> None:
    page = open_page("/settings")
    page.get_by_role("button", name="Trouble being redirected?").click()
    expect(page.get_by_role("status")).to_contain_text("The link works for another 60 min")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Open Last.fm").click()
    approve(opened.value, "night_owl")
    expect(opened.value.get_by_role("heading", level=1)).to_have_text("Connected")
    opened.value.close()
    expect(page).to_have_url(f"{running_service.url}/")
    expect(page.locator("#who")).to_contain_text("night_owl")


def test_a_sign_in_can_be_denied_cancelled_too_late_or_repeated(open_page: OpenPage, running_service: Running) -> None:
    page = open_page("/settings")
    page.get_by_role("button", name="Connect with Last.fm").first.click()
    page.get_by_role("button", name="No, thanks").click()
    page.goto(f"{running_service.url}/settings")
    page.get_by_role("button", name="Trouble being redirected?").click()
    page.get_by_role("button", name="Check again").click()  # which is not so
    expect(page.get_by_role("status")).to_contain_text("Waiting for your approval")
    expect(page.locator("#waiting")).to_contain_text("Last.fm says you haven't allowed it yet.")
    here = page.url
    page.get_by_role("button", name="Cancel").click()
    expect(page).to_have_url(f"{running_service.url}/settings")
    page.goto(here)
    expect(page.get_by_role("heading", name="This sign-in has ended")).to_be_visible()
    page.get_by_role("button", name="Start again").click()
    expect(page.get_by_role("status")).to_contain_text("Waiting for your approval")
    change = login.update().values(asked_at=time.time() - 3590)
    running_service.call(running_service.deck.store.write(lambda db: db.execute(change)))
    page.reload()
    expect(page.get_by_role("status")).to_contain_text(re.compile(r"for another \d+ s"))
    change = login.update().values(asked_at=time.time() - 3601)
    running_service.call(running_service.deck.store.write(lambda db: db.execute(change)))
    page.get_by_role("button", name="Check again").click()
    expect(page.get_by_role("heading", name="This sign-in has ended")).to_be_visible()
    page.get_by_role("button", name="Start again").click()
    expect(page.get_by_role("status")).to_contain_text("Waiting for your approval")
    page.goto(f"{running_service.url}/settings")
    page.get_by_role("button", name="Connect with Last.fm").first.click()
    backs: list[str] = []
    page.on("request", lambda asked: backs.append(asked.url) if "/connect/back" in asked.url else None)
    approve(page, "RJ")
    expect(page.locator("#who")).to_contain_text("RJ")
    page.goto(backs[0])  # as somebody does who presses the back button
    expect(page.get_by_text("You're connected to Last.fm as RJ.")).to_be_visible()
    expect(page).to_have_url(f"{running_service.url}/")


def test_a_token_is_shown_once_and_revoked(open_page: OpenPage, running_service: Running) -> None:
    page = open_page("/settings")
    page.get_by_role("button", name="Create a token for a player").click()
    token = page.locator("#made code").inner_text()
    screenshot(page, "token-light")
    who = {"Authorization": f"Bearer {token}"}
    assert httpx2.get(f"{running_service.url}/lastfm/settings", headers=who).status_code == 200
    page.goto(f"{running_service.url}/settings")
    assert token not in page.content()
    page.get_by_role("listitem").filter(has_text="Token").get_by_role("button").click()
    expect(page.get_by_role("listitem").filter(has_text="Token")).to_have_count(0)


def test_the_listeners_data_is_exported_and_deleted(open_page: OpenPage, running_service: Running) -> None:
    running_service.sign_in()
    page = open_page("/settings")
    played(running_service, "Sinnerman")
    with page.expect_download() as download:
        page.get_by_role("link", name="Export as CSV").click()
    assert "Nina Simone,Sinnerman" in download.value.path().read_text()
    page.get_by_text("Delete everything…").click()
    page.get_by_label("Type me to confirm").fill("me")
    page.get_by_role("button", name="Delete everything").click()
    expect(page.get_by_role("heading", name="Connect your Last.fm profile")).to_be_visible()
    expect(page.locator("#latest")).to_contain_text("No plays yet.")


def test_an_import_is_shown_live_and_one_click_chooses_a_match(open_page: OpenPage, running_service: Running) -> None:
    running_service.sign_in()
    names = [("Nina Simone", "Sinnerman"), ("Oasis", "Wonderwall"), ("Oasis", "Wonderwall (Live)")]
    rows = [library_row(f"/{place}.mp3", *name, album="An album", duration=258.0) for place, name in enumerate(names)]
    running_service.call(running_service.deck.store.write(lambda db: library.write(db, 1, rows)))
    listener = running_service.emulator.known_user("RJ")
    for number in range(1000):
        listener.heart("Nina Simone", f"Song {number}", 1_700_000_000 + number)
    listener.heart("Nina Simone", "Sinnerman", 1_600_000_000)
    listener.heart("Oasis", "Wonderwall (Remastered)", 1_800_000_000)
    running_service.emulator.fault("delay", methods=["user.getLovedTracks"], seconds=0.5)
    page = open_page("/loved")
    expect(page.locator("#lamp")).to_have_text("Live")
    page.get_by_role("button", name="Import from Last.fm").click()
    expect(page.get_by_role("progressbar", name="Import")).to_be_visible()
    expect(page.locator("#loved")).to_contain_text("1,000 of 1,002 loved tracks")
    expect(page.locator("#loved")).to_contain_text("1,002 loved tracks")
    screenshot(page, "loved-light")
    page.get_by_role("button", name="Match Wonderwall (Remastered) to Wonderwall by Oasis").click()
    page.get_by_role("link", name="Matched 2").click()  # waits until it is
    expect(page.locator("#loved")).to_contain_text("Wonderwall (Remastered)")
    running_service.emulator.clear_faults()
    page.get_by_role("button", name="Import again").click()
    expect(page.locator("#loved")).to_contain_text("2 already marked")
    page.get_by_role("link", name="To review").click()
    expect(page.locator("#loved")).to_contain_text("Nothing to review")


def test_an_artist_shows_the_listeners_plays_and_what_last_fm_knows(
    open_page: OpenPage, running_service: Running
) -> None:
    running_service.sign_in()
    played(running_service, "Sinnerman")
    page = open_page("/queue?state=all")  # it may be sent before the page is there
    page.get_by_role("link", name="Nina Simone").click()
    expect(page.get_by_role("heading", name="Nina Simone")).to_be_visible()
    about = page.locator("#about")
    expect(about.locator(".tag").first).to_be_visible()
    expect(about.locator("img").first).to_have_js_property("complete", True)
    assert about.locator("img").first.evaluate("image => image.naturalWidth") > 0
    expect(page.locator(".most").first).to_contain_text("Sinnerman")
    about.locator(".covers a").first.click()
    expect(page.locator("#about img.cover")).to_be_visible()
    screenshot(page, "cover-light")
    page.get_by_role("link", name="Nina Simone").first.click()
    other = about.locator(".similar a").first
    name = other.inner_text()
    other.click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()


def test_an_artists_page_does_not_wait_for_last_fm(open_page: OpenPage, running_service: Running) -> None:
    running_service.emulator.fault("delay", methods=["artist.getInfo"], seconds=1.0)
    page = open_page("/artist?name=Nina+Simone")
    expect(page.locator("#about")).to_contain_text("Contacting Last.fm…")
    expect(page.locator("#about .tag").first).to_be_visible()
    running_service.emulator.fault("error", error=11)
    page.reload()
    expect(page.locator("#about .tag").first).to_be_visible()  # it is remembered
    running_service.emulator.clear_faults()
    silent = open_page("/artist?name=Ella+Fitzgerald", java_script_enabled=False)
    if silent.locator("#about .waits").count():  # it was not there at once
        silent.get_by_role("link", name="Load from Last.fm").click()
    expect(silent.locator("#about .waits")).to_have_count(0)


def test_a_fault_is_started_and_its_effect_shown(open_page: OpenPage, running_service: Running) -> None:
    running_service.sign_in()
    page = open_page("/emulator")
    expect(page.locator("#lamp")).to_have_text("Live")
    expect(page.locator("#faults")).to_contain_text("No faults")
    page.get_by_role("button", name="Start: Last.fm is down").click()
    expect(page.locator("#faults")).to_contain_text("1 fault active")
    played(running_service, "Sinnerman")
    expect(row(page, "Sinnerman")).to_contain_text("Retrying")
    expect(page.locator("#faults")).to_contain_text(re.compile("error 11: hit "))
    page.get_by_role("button", name="Clear all").click()
    expect(page.locator("#faults")).to_contain_text("No faults")
    page.goto(f"{running_service.url}/queue?state=all")
    with running_service.player() as player:
        player.post("/lastfm/queue/retry")  # a button may be gone by now: the play goes by itself, in a while
    expect(row(page, "Sinnerman")).to_contain_text("Accepted")


def test_dragging_across_the_days_leads_to_the_statistics_of_that_time(
    open_page: OpenPage, running_service: Running
) -> None:
    running_service.sign_in()
    for number in range(6):
        played(running_service, f"Song {number}", ago=86400.0 * (2 * number + 1))
    page = open_page("/history")
    plot = page.locator("#zoom .u-over")
    expect(plot).to_be_visible()
    box = plot.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"], box["y"] + 60, steps=4)
    page.mouse.up()
    expect(page.locator("#zoom-label")).to_have_text(re.compile(r"\d+ \w+ 20\d\d to \d+ \w+ 20\d\d: \d plays"))
    screenshot(page, "zoom-light")
    page.get_by_role("button", name="Zoom out").click()
    expect(page.get_by_role("link", name="Show this period")).to_be_hidden()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"], box["y"] + 60, steps=4)
    page.mouse.up()
    page.get_by_role("link", name="Show this period").click()
    expect(page).to_have_url(re.compile(r"period=20\d\d-\d\d-\d\d\.\.20\d\d-\d\d-\d\d"))
    expect(page.get_by_role("heading", level=1)).to_contain_text(" to ")


def test_a_finger_zooms_too(open_page: OpenPage, running_service: Running) -> None:
    running_service.sign_in()
    for number in range(6):
        played(running_service, f"Song {number}", ago=86400.0 * (2 * number + 1))
    page = open_page("/history", viewport=PHONE, has_touch=True, is_mobile=True)
    plot = page.locator("#zoom .u-over")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    finger = page.context.new_cdp_session(page)
    for kind, share in (("touchStart", 0.5), ("touchMove", 0.7), ("touchMove", 0.95), ("touchEnd", None)):
        points = [] if share is None else [{"x": box["x"] + box["width"] * share, "y": box["y"] + 50}]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    expect(page.get_by_role("link", name="Show this period")).to_be_visible()


def test_what_last_fm_left_out_is_edited_and_sent_again(open_page: OpenPage, running_service: Running) -> None:
    running_service.sign_in()
    page = open_page("/queue?state=refused")
    expect(page.locator("#lamp")).to_have_text("Live")
    played(running_service, "Track 04", artist="Unknown Artist")
    expect(row(page, "Track 04")).to_contain_text("Ignored")
    page.get_by_role("link", name="Edit and send Track 04 again").click()
    page.get_by_label("Artist", exact=True).fill("Nina Simone")
    page.get_by_label("Track", exact=True).fill("Sinnerman")
    page.get_by_role("button", name="Send with these names").click()
    expect(page.get_by_role("heading", name="Sinnerman")).to_be_visible()
    expect(page.locator("#timeline")).to_contain_text("Accepted")
    screenshot(page, "timeline-light")
    assert [(play.artist, play.track) for play in running_service.emulator.plays("RJ")] == [
        ("Nina Simone", "Sinnerman")
    ]


def test_an_edit_is_made_every_time(open_page: OpenPage, running_service: Running) -> None:
    running_service.sign_in("night_owl")
    running_service.emulator.fault("error", error=11, methods=["track.scrobble"])
    played(running_service, "Joga", artist="Bjork")
    page = open_page("/queue?state=all")
    expect(row(page, "Joga")).to_contain_text("Retrying")  # while it is being sent, it can't be edited
    page.goto(f"{running_service.url}/plays/1")
    page.get_by_label("Artist", exact=True).fill("Björk")
    page.get_by_role("button", name="Do this every time…").click()
    expect(page.get_by_role("radio", name="Everything by Bjork would have changed 1 play")).to_be_checked()
    assert violations(page) == []
    page.set_viewport_size(PHONE)
    assert fits(page)
    screenshot(page, "rule-phone")
    page.get_by_role("button", name="Do this every time").click()
    expect(page.get_by_role("heading", name="Rules")).to_be_visible()
    played(running_service, "Hunter", artist="Bjork", ago=2000.0)
    page.goto(f"{running_service.url}/plays/3")
    expect(page.locator("#timeline")).to_contain_text("The player sent Bjork – Hunter")
    page.goto(f"{running_service.url}/settings/rules")
    assert violations(page) == []
    page.get_by_role("button", name="Undo the rule for Bjork").click()
    expect(page.locator("main")).to_contain_text("No rules yet.")


def test_a_play_is_discarded_and_a_failure_says_why(open_page: OpenPage, running_service: Running) -> None:
    running_service.sign_in()
    running_service.emulator.fault("proxy-busy", methods=["track.scrobble"], seconds=300)
    played(running_service, "Sinnerman")
    page = open_page("/queue?state=all")
    expect(row(page, "Sinnerman")).to_contain_text("Retrying")
    page.get_by_role("button", name="Discard Sinnerman").click()
    expect(row(page, "Sinnerman")).to_contain_text("Discarded")
    page.get_by_role("button", name="Undo").click()
    expect(row(page, "Sinnerman")).to_contain_text("Queued")
    page.get_by_role("button", name="Discard Sinnerman").click()
    expect(row(page, "Sinnerman")).to_contain_text("Discarded")
    page.route("**/fragments/**", lambda route: route.abort())  # the page does not hear of what comes now
    running_service.call(
        running_service.deck.store.write(lambda db: db.execute(account.update().values(connection="disconnected")))
    )
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#toast")).to_have_text("Not signed in to Last.fm: sign in first.")


def test_the_focus_stays_near_a_button_that_has_gone(open_page: OpenPage, running_service: Running) -> None:
    running_service.sign_in()
    running_service.emulator.fault("proxy-busy", methods=["track.scrobble"], seconds=300)
    played(running_service, "Sinnerman")
    page = open_page("/settings")
    save = page.get_by_role("button", name="Save")
    save.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#toast")).to_have_text("Saved. This applies from the next play.")
    expect(save).to_be_focused()
    page.goto(f"{running_service.url}/queue?state=all")
    expect(page.locator("#lamp")).to_have_text("Live")
    discard = page.get_by_role("button", name="Discard Sinnerman")
    discard.focus()
    page.keyboard.press("Enter")
    expect(discard).to_have_count(0)
    expect(page.get_by_role("link", name="Sinnerman", exact=True)).to_be_focused()


def test_the_focus_stays_in_a_filter_whose_last_row_has_gone(open_page: OpenPage, running_service: Running) -> None:
    running_service.sign_in()
    running_service.emulator.fault("proxy-busy", methods=["track.scrobble"], seconds=300)
    played(running_service, "Sinnerman")
    played(running_service, "Feeling Good", ago=1400)
    page = open_page("/queue?state=waiting")
    expect(page.locator("#lamp")).to_have_text("Live")
    page.get_by_role("button", name="Discard Feeling Good").focus()
    page.keyboard.press("Enter")
    expect(row(page, "Feeling Good")).to_have_count(0)
    expect(page.get_by_role("link", name="Sinnerman", exact=True)).to_be_focused()
    page.get_by_role("button", name="Discard Sinnerman").focus()
    page.keyboard.press("Enter")
    expect(row(page, "Sinnerman")).to_have_count(0)
    expect(page.locator(".filters [aria-current]")).to_be_focused()


def test_a_chart_is_one_stop_of_the_tab_key(open_page: OpenPage, running_service: Running) -> None:
    running_service.sign_in()
    for days in (1, 2, 9):
        played(running_service, "Sinnerman", ago=86400.0 * days)
    page = open_page("/")
    bars = page.locator("#days a")
    expect(bars).to_have_count(30)
    expect(page.locator("#days a[tabindex='0']")).to_have_count(1)
    bars.last.focus()
    page.keyboard.press("ArrowLeft")
    expect(bars.nth(28)).to_be_focused()
    expect(page.locator("#days a[tabindex='0']")).to_have_count(1)
    page.keyboard.press("Home")
    expect(bars.first).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate("!document.activeElement.closest('#days')")
    played(running_service, "Feeling Good")  # the part is fetched anew
    expect(page.locator("#latest")).to_contain_text("Feeling Good")
    expect(page.locator("#days a[tabindex='0']")).to_have_count(1)
    page.goto(f"{running_service.url}/history?period=all")
    expect(page.locator(".cells a[tabindex='0']")).to_have_count(1)
    page.locator(".cells a").last.focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".cells a").nth(-2)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text(" to ")


MOVES = """() => {
  window.moved = 0;
  new PerformanceObserver((list) => { for (const one of list.getEntries()) window.moved += one.value; })
    .observe({ type: "layout-shift", buffered: true });
}"""


def test_back_to_the_history_is_back_at_its_place(open_page: OpenPage, running_service: Running) -> None:
    running_service.sign_in()
    for days in range(25):
        played(running_service, f"Song {days}", ago=43200.0 * (days + 1))
    page = open_page("/history")
    expect(page.locator("#zoom .u-over")).to_be_visible()
    last = page.locator(".plays tbody tr").last
    last.scroll_into_view_if_needed()
    place = last.evaluate("row => row.getBoundingClientRect().top")
    last.locator("a.title").click()
    expect(page.locator("#timeline")).to_be_visible()
    page.go_back()
    expect(page.locator("#zoom .u-over")).to_be_visible()
    page.evaluate(MOVES)
    page.wait_for_function("window.moved !== undefined")
    assert abs(last.evaluate("row => row.getBoundingClientRect().top") - place) < 3
    assert page.evaluate("window.moved") < 0.01


def test_the_search_keeps_its_place_beside_figures_of_any_length(open_page: OpenPage, running_service: Running) -> None:
    running_service.sign_in()
    played(running_service, "Song")
    page = open_page("/history")
    search = page.locator(".head .search")
    before = search.bounding_box()
    assert before
    page.locator(".head p").first.evaluate("line => line.textContent += ' More plays.'.repeat(8)")  # a second line
    after = search.bounding_box()
    assert after
    assert (after["x"], after["width"]) == (before["x"], before["width"])
    assert abs(after["y"] - before["y"]) < 30  # a line of text, but not below all of it


def test_now_does_not_scroll_while_the_reader_is_further_down(open_page: OpenPage, running_service: Running) -> None:
    running_service.sign_in()
    for number in range(12):
        played(running_service, f"Song {number}", ago=5000.0 + 1000 * number)
    page = open_page("/", viewport={"width": 900, "height": 500})
    expect(page.locator("#lamp")).to_have_text("Live")
    expect(page.locator("#latest")).to_contain_text("Song 5")
    read = row(page, "Song 5")
    read.evaluate("row => scrollBy(0, row.getBoundingClientRect().top - 200)")
    place = read.evaluate("row => row.getBoundingClientRect().top")
    with running_service.player() as player:
        player.post("/lastfm/now-playing", json={"artist": "Sigur Rós", "track": "Svefn-g-englar", "duration": 604})
    expect(page.locator("#now")).to_contain_text("Svefn-g-englar")
    played(running_service, "A new one")
    expect(row(page, "A new one")).to_contain_text("Accepted")
    assert abs(read.evaluate("row => row.getBoundingClientRect().top") - place) < 3


SETTLED = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"
OFTEN_LONG = "A title that goes on until it needs a second line, and then some more of it for a third one, " * 3
MOVING = "[style*='opacity'], [style*='transform']"
at_a_desk_and_on_a_phone = pytest.mark.parametrize(
    ("viewport", "motion"), [(DESK, "no-preference"), (PHONE, "reduce")], ids=["sliding at a desk", "fading on a phone"]
)


@at_a_desk_and_on_a_phone
def test_an_open_page_does_not_jump_whatever_comes(
    open_page: OpenPage, running_service: Running, viewport: ViewportSize, motion: str
) -> None:
    running_service.sign_in()
    for number in range(14):
        played(running_service, f"Song {number}", ago=20_000.0 + 1000 * number)
    now: list[str] = []
    agos = count(15_000, -400)

    def plays_now(artist: str, track: str, album: str = "") -> None:
        with running_service.player() as player:
            body = {"artist": artist, "track": track, "album": album, "duration": 604}
            player.post("/lastfm/now-playing", json=body)
        now[:] = [track[:80]]

    def outage(page: Page) -> None:
        running_service.emulator.fault("error", error=11, methods=["track.scrobble"])
        played(running_service, "Waiting", ago=next(agos))
        expect(page.get_by_role("alert")).to_be_visible()

    def recovery(page: Page) -> None:
        running_service.emulator.clear_faults()
        with running_service.player() as player:
            player.post("/lastfm/queue/retry")
        expect(page.get_by_role("alert")).to_have_count(0)

    def new_play(title: str) -> Callable[[Page], None]:
        def report(page: Page) -> None:
            played(running_service, f"{title} {page.url[-9:]}", ago=next(agos))
            if page.locator(".plays").count():
                expect(row(page, f"{title} {page.url[-9:]}").first).to_be_visible()

        return report

    steps: dict[str, Callable[[Page], None]] = {
        "a song": lambda page: plays_now("Beirut", "Nantes", "The Flying Club Cup"),
        "long names": lambda page: plays_now(OFTEN_LONG[:200], OFTEN_LONG[:200], OFTEN_LONG[:200]),
        "a short name": lambda page: plays_now("Low", "Will the Night"),
        "a play": new_play("A new one"),
        "a play with long names": new_play(OFTEN_LONG[:150]),
        "an outage": outage,
        "its end": recovery,
    }
    page = open_page(viewport=viewport, reduced_motion=motion)
    for path in ("/", "/queue?state=all", "/history", "/history?q=o", "/artist?name=Nina+Simone", "/plays/1"):
        page.goto(f"{running_service.url}{path}")
        expect(page.locator("#lamp")).to_have_text("Live")
        expect(page.locator(".spinner")).to_have_count(0)
        page.evaluate(MOVES)
        page.evaluate(SETTLED)
        assert page.evaluate("window.moved") < 0.01, path
        for name, happens in steps.items():
            page.evaluate("window.moved = 0")
            happens(page)
            if path == "/":
                expect(page.locator("#now")).to_contain_text(now[0])
            page.evaluate(SETTLED)
            assert page.evaluate("window.moved") < 0.01, (path, name)


def test_a_reader_may_scroll_while_something_comes(open_page: OpenPage, running_service: Running) -> None:
    """Between what came and the next picture: that may be a while on a slow machine."""
    running_service.sign_in()
    for number in range(25):
        played(running_service, f"Song {number}", ago=20_000.0 + 1000 * number)
    page = open_page("/queue?state=all")
    expect(page.locator("#lamp")).to_have_text("Live")
    page.evaluate(SETTLED)
    for to in (500, 300, 0, 400):
        page.evaluate("to => { document.dispatchEvent(new Event('htmx:before:swap')); scrollTo(0, to) }", to)
        page.evaluate("document.dispatchEvent(new Event('htmx:finally:swap'))")
        page.evaluate(SETTLED)
        assert page.evaluate("scrollY") == to
        expect(page.locator(MOVING)).to_have_count(0)


def moved_by(page: Page, part: str, was: str, becomes: str) -> float:
    """How much moves on an open page when these words of a part are others at its next fetch."""

    def answer(route: Route) -> None:
        real = route.fetch()
        assert was in real.text()
        route.fulfill(response=real, body=real.text().replace(was, becomes, 1))

    page.route(re.compile(rf"/{part}(\?|$)"), answer)
    page.evaluate("window.moved = 0")
    page.evaluate("part => htmx.trigger(`#${part}`, 'stale')", part)
    expect(page.locator(f"#{part}")).to_contain_text(re.sub("<.*?>", "", becomes).strip())
    expect(page.locator(MOVING)).to_have_count(0)  # what was covered by fading in may come after it
    page.evaluate(SETTLED)
    page.unroute_all()
    return float(page.evaluate("window.moved"))


COUNTS = """(long) => {
  document.querySelector("#plays .line p").innerHTML = `<span class="count" data-in="5">${long}</span>`;
  document.querySelector("#plays .count").style.whiteSpace = "normal";
}"""


@at_a_desk_and_on_a_phone
def test_words_that_become_others_move_nothing(
    open_page: OpenPage, running_service: Running, viewport: ViewportSize, motion: str
) -> None:
    running_service.sign_in()
    played(running_service, "Song")
    page = open_page("/queue?state=all", viewport=viewport, reduced_motion=motion)
    expect(page.locator("#lamp")).to_have_text("Live")
    expect(row(page, "Song")).to_contain_text("Accepted")
    expect(page.locator("#plays")).to_contain_text("Nothing is waiting.")
    page.evaluate(MOVES)
    page.evaluate(SETTLED)
    was, becomes = "Nothing is waiting. ", '<span dir="auto">{}</span> Next attempt <span class="count">now</span>. '
    # A sentence in the place of another, then after a longer one, then a count that needs fewer lines.
    assert moved_by(page, "plays", was, becomes.format("Will be sent with the next batch.")) < 0.001
    assert moved_by(page, "plays", was, becomes.format(OFTEN_LONG)) < 0.001
    page.evaluate(COUNTS, OFTEN_LONG)
    page.evaluate(SETTLED)
    page.evaluate("window.moved = 0")
    expect(page.locator("#plays .count")).to_have_text("in 5 s")
    page.evaluate(SETTLED)
    assert page.evaluate("window.moved") < 0.001
    page.goto(f"{running_service.url}/history")
    expect(page.locator("#lamp")).to_have_text("Live")
    page.evaluate(MOVES)
    page.evaluate("document.getElementById('time-title').parentElement.remove()")  # so that what is below is in view
    page.evaluate(SETTLED)
    assert moved_by(page, "history", "1 play on 1 day", OFTEN_LONG) < 0.001


def test_a_browser_in_any_zone_counts_its_own_days(open_page: OpenPage, running_service: Running) -> None:
    running_service.sign_in()
    at = time.time() - 700
    played(running_service, "Sinnerman", ago=700)
    for name in ZONES:
        page = open_page(timezone_id=name)
        zone = ZoneInfo(name)
        day = datetime.fromtimestamp(at, zone)
        expect(page.locator("#days a").last).to_have_attribute("aria-label", re.compile(f"{datetime.now(zone):%A}, "))
        expect(row(page, "Sinnerman").locator(".when")).to_contain_text(f"{day:%H:%M}")
        page.goto(f"{running_service.url}/history")
        expect(page.locator(".day a")).to_have_attribute("href", f"/history?period={day:%Y-%m-%d}")


def test_a_page_is_printed_without_what_only_a_screen_needs(open_page: OpenPage, running_service: Running) -> None:
    running_service.sign_in()
    played(running_service, "Sinnerman")
    page = open_page("/history", viewport=PHONE)
    page.emulate_media(media="print")
    expect(page.locator(".tabs")).to_be_hidden()
    expect(page.get_by_role("searchbox")).to_be_hidden()
    expect(row(page, "Sinnerman")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).paddingBottom") == "0px"


def test_a_page_is_printed_on_white_in_columns_whatever_the_screen_is(
    open_page: OpenPage, running_service: Running
) -> None:
    running_service.sign_in()
    played(running_service, "Sinnerman")
    page = open_page("/history/rewind", scheme="dark", viewport=PHONE)
    page.emulate_media(media="print", color_scheme="dark")
    ink = page.get_by_role("heading", level=1).evaluate("heading => getComputedStyle(heading).color")
    assert [int(part) for part in re.findall(r"\d+", ink)] < [90, 90, 90]
    assert page.locator("section.card").first.evaluate("card => getComputedStyle(card).backgroundColor") == (
        "rgb(255, 255, 255)"
    )
    columns = page.locator(".three").evaluate("lists => getComputedStyle(lists).gridTemplateColumns.split(' ').length")
    assert columns == 3
    expect(page.get_by_role("link", name="Download the picture")).to_be_hidden()


def test_reasons_have_room_on_a_phone(open_page: OpenPage, running_service: Running) -> None:
    running_service.sign_in()
    played(running_service, "Track 04", artist="Unknown Artist")
    page = open_page("/queue?state=refused", viewport=PHONE)
    expect(row(page, "Track 04")).to_contain_text("Ignored")
    page.goto(f"{running_service.url}/history/deliveries")
    reason = page.get_by_role("rowheader", name="Unknown Artist")
    assert reason.bounding_box()["width"] > 120  # type: ignore[index]
    assert fits(page)


def test_the_page_can_be_used_by_keyboard(open_page: OpenPage, running_service: Running) -> None:
    page = open_page("/queue")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Connect with Last.fm")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(re.escape(running_service.lastfm)))
