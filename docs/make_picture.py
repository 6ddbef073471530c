"""Makes the README's pictures from the pages of a real service: docs/now.png, what's playing; docs/page.png, the
queue on a bad evening of Last.fm; and docs/history.png, its year.

Run it as `.venv/bin/python docs/make_picture.py` on a machine with Chromium, after `./run test` has installed
playwright. It uses no network.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from urllib.parse import parse_qs, urlsplit

import httpx2
from playwright.async_api import async_playwright

import tonearm
from lastfm_emulator import API_KEY, API_SECRET, Emulator, serve
from tonearm.clock import SystemClock
from tonearm.core.play import Play
from tonearm.demo.plays import PLAYS
from tonearm.port import address_of, listening_socket
from tonearm.service.sign_in import AuthStart, SignedIn
from tonearm.serving import serving
from tonearm.store import plays
from tonearm.web.options import WebOptions

QUEUE = Path(__file__).parent / "page.png"
NOW_PLAYING = Path(__file__).parent / "now.png"
HISTORY = Path(__file__).parent / "history.png"
WIDTH = 1100
DAYS = 700
"""Days of listening before that evening."""

PATIENCE = 10.0
"""Seconds for the waiting plays to be sent."""

COVERS = "[...document.images].every((one) => one.complete || one.getBoundingClientRect().top > innerHeight)"
"""Whether all pictures in view are there."""

QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")


@dataclass(frozen=True, slots=True)
class Heard:
    """A play, with the part of it that was heard."""

    artist: str
    title: str
    album: str
    seconds: int
    part: float = 1.0


EVENING = (
    Heard("Miles Davis", "So What", "Kind of Blue", 562),
    Heard("Joni Mitchell", "A Case of You", "Blue", 260),
    Heard("Bjork", "Joga", "Homogenic", 305),
    Heard("Unknown Artist", "Track 04", "", 214),
    Heard("Cesária Évora", "Sodade", "Miss Perfumado", 293),
    Heard("Kraftwerk", "Das Model", "Die Mensch-Maschine", 220, 0.3),
)
"""What went before Last.fm was away, first to last."""

AWAY = (
    Heard("Massive Attack", "Teardrop", "Mezzanine", 330),
    Heard("Σωκράτης Μάλαμας", "Πριγκιπέσα", "Ένα", 272),
    Heard("Fela Kuti", "Water No Get Enemy", "Expensive Shit", 590),
)
"""What was played since."""

NOW = Heard("Sigur Rós", "Svefn-g-englar", "Ágætis byrjun", 604)
NOW_SINCE = 151.0
"""Seconds."""


class WoundClock(SystemClock):
    """The machine's clock, which can be wound on: a picture does not wait for a song."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> float:
        """Unix seconds UTC."""
        return super().now() + self.ahead


async def main() -> None:
    """Play the evening, and take the picture."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("there is no Chromium here")
    clock = WoundClock()
    emulator = Emulator(clock=clock.now)
    emulator.correct_track(("Bjork", "Joga"), ("Björk", "Jóga"))
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(emulator) as lastfm,
        listening_socket("127.0.0.1", 0) as sock,
    ):
        opened = tonearm.open(
            Path(folder) / "plays.db",
            api_key=API_KEY,
            api_secret=API_SECRET,
            api_url=lastfm.url,
            auth_url=lastfm.auth_url,
            clock=clock,
        )
        async with opened as deck, serving(deck, sock, WebOptions()):
            me = await _signed_in(deck, emulator)
            link = f"{address_of(sock)}/signin?link={await deck.accounts.link(me.id)}"
            token = await deck.accounts.token(me.id)
            who = {"Authorization": f"Bearer {token}"}
            async with httpx2.AsyncClient(base_url=address_of(sock), headers=who) as player:
                await _year(deck, me, clock)
                await _evening(player, emulator, clock)
                await _photograph(browser, link, lambda: _calm(player, clock), lambda: _recovered(deck, me, emulator))
    for picture in (NOW_PLAYING, QUEUE, HISTORY):
        print(f"{picture.name}: {picture.stat().st_size // 1024} kB")


async def _signed_in(deck: tonearm.Deck, emulator: Emulator) -> tonearm.Listener:
    me = await deck.listener()
    way = await me.sign_in()
    assert isinstance(way, AuthStart)
    token = parse_qs(urlsplit(way.auth_url).query)["token"][0]
    emulator.approve(token, "night_owl")
    assert isinstance(await me.finish_sign_in(token), SignedIn)
    return me


async def _year(deck: tonearm.Deck, me: tonearm.Listener, clock: WoundClock) -> None:
    """Most evenings of a year, some tracks of the demo's: more of the first ones than of the others."""
    chance, today = Random(7), clock.now() // 86400 * 86400  # noqa: S311 (only a picture)
    rows = []
    for back in range(1, DAYS):
        at = int(today - back * 86400 + 17.5 * 3600)
        for _ in range(max(0, round(chance.gauss(6, 6)))):
            track = PLAYS[int(chance.random() ** 2 * len(PLAYS))]
            said = plays.facts(Play(track, at, track.duration or 0.0))
            report = {"reported_timestamp": at, "reported_at": at + 400.0, "settled_at": at + 401.0}
            rows.append({**said, **report, "account": me.id, "fate": "accepted", "owner": "night_owl"})
            at += int(track.duration or 0) + chance.randrange(5, 400)
    await deck.store.write(lambda db: plays.insert(db, rows))


async def _evening(player: httpx2.AsyncClient, emulator: Emulator, clock: WoundClock) -> None:
    starts = clock.now() - sum(heard.seconds * heard.part for heard in (*EVENING, *AWAY))
    for heard in (*EVENING, *AWAY):
        if heard is AWAY[0]:
            emulator.fault("error", error=11, methods=["track.scrobble"])
        await _report(player, heard, starts, wait=heard in EVENING)
        starts += heard.seconds * heard.part
    playing = {"artist": NOW.artist, "track": NOW.title, "album": NOW.album, "duration": NOW.seconds}
    await player.post("/lastfm/now-playing", json=playing)
    clock.ahead += NOW_SINCE


async def _report(player: httpx2.AsyncClient, heard: Heard, starts: float, *, wait: bool) -> None:
    play = {"artist": heard.artist, "track": heard.title, "album": heard.album, "duration": heard.seconds}
    when = {"timestamp": int(starts), "played_time": heard.seconds * heard.part}
    answer = await player.post("/lastfm/scrobble", json={**play, **when}, headers={"Prefer": "wait=10"} if wait else {})
    answer.raise_for_status()


async def _calm(player: httpx2.AsyncClient, clock: WoundClock) -> None:
    """Return when the next attempt is some seconds off, so that the picture shows its count-down."""
    while True:
        queue_status = (await player.get("/lastfm/queue/status")).json()
        if (queue_status["next_attempt_at"] or 0) - clock.now() > 8:
            return
        await asyncio.sleep(0.2)


async def _recovered(deck: tonearm.Deck, me: tonearm.Listener, emulator: Emulator) -> None:
    """End the outage; return when everything is sent."""
    emulator.clear_faults()
    await deck.accounts.retry_and_wait(me.id, deck.hint, deck.event_hub, PATIENCE)


async def _photograph(
    browser: str, link: str, calm: Callable[[], Awaitable[None]], recovered: Callable[[], Awaitable[None]]
) -> None:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=browser, args=list(QUIET))
        page = await chromium.new_page(
            viewport={"width": WIDTH, "height": 1010}, color_scheme="light", reduced_motion="reduce"
        )
        await page.goto(link)
        await page.get_by_role("link", name="Queue", exact=True).click()
        await page.get_by_text("Live", exact=True).wait_for()
        await page.get_by_role("link", name="All", exact=True).click()
        await page.get_by_text("Live", exact=True).wait_for()
        await calm()
        await page.reload()
        await page.get_by_text("Live", exact=True).wait_for()
        await page.screenshot(path=QUEUE)
        await recovered()
        await page.set_viewport_size({"width": WIDTH, "height": 1130})
        await page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        await page.get_by_role("link", name="History", exact=True).click()
        await page.get_by_text("Live", exact=True).wait_for()
        await page.locator("#zoom canvas").wait_for()
        await page.screenshot(path=HISTORY)
        await page.set_viewport_size({"width": WIDTH, "height": 705})
        await page.emulate_media(color_scheme="light", reduced_motion="reduce")
        await page.get_by_role("link", name="Now", exact=True).click()
        await page.get_by_text("Live", exact=True).wait_for()
        await page.get_by_text("Connected as night_owl").wait_for()
        await page.wait_for_function(COVERS)
        await page.screenshot(path=NOW_PLAYING)
        await chromium.close()


if __name__ == "__main__":
    asyncio.run(main())
