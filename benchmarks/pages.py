"""Pages: their size and speed with ten years of plays in the history, from the service and in a browser."""

from __future__ import annotations

import gzip
import re
import shutil
import statistics
import time
from collections.abc import Iterator, Sequence
from csv import DictReader
from dataclasses import dataclass, field
from datetime import UTC, datetime
from os import environ
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy import Connection, insert, select

from benchmarks import beside, rig
from benchmarks.history import made_up
from benchmarks.report import Figure, Missing, Options, Report
from tonearm.core.search import searchable
from tonearm.store.db.database import connect, database_url
from tonearm.store.db.schema import account, play
from tonearm.store.secrets.tokens import TokenKind, add

PLAYS, FEW = 104_571, 500
MANY = 1_000_000
"""Plays of the history beside which reports are timed."""

YEARS = 10 * 365 * 86400
VIEWS = {
    "server_ms": "/",
    "queue_ms": "/queue",
    "all_years_ms": "/history?period=all",
    "search_ms": "/history?q=sigur",
    "artist_ms": "/artist?name=Sigur+R%C3%B3s",
}
_QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
_LCP = """() => new Promise((found) => {
  new PerformanceObserver((list) => found(list.getEntries().at(-1).startTime))
    .observe({type: "largest-contentful-paint", buffered: true});
})"""


@dataclass(slots=True)
class _Found:
    spreads: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, value: float) -> None:
        self.spreads.setdefault(name, []).append(value)


def measure(options: Options) -> Report:
    """Answers in the service's own process on one core; the browser and its requests on the other."""
    browsers = ("chromium", "chromium-browser", "google-chrome", "chromium-headless-shell")
    chromium = next(filter(None, map(shutil.which, browsers)), None)
    if chromium is None:
        raise Missing("there is no Chromium on this machine")
    number = options.size(PLAYS, FEW)
    found = _Found()
    with rig.workshop() as folder, rig.lastfm(folder) as lastfm:
        listener = rig.signed_in(folder / "listener", lastfm)
        rows = list(_history(number))
        link, year = _fill(listener, rows), _fullest_year(rows)
        rig.pin(rig.OTHERS)
        with rig.service(listener, lastfm.url) as service:
            base = f"http://127.0.0.1:{service.port}"
            with httpx2.Client(base_url=base) as http:
                http.get("/signin", params={"link": link[0]})
                _ask(http, found, options.times(15), f"/history?period={year}")
                found.add("first_page_kb", _weight(http) / 1024)
            _look(chromium, f"{base}/signin?link={link[1]}", base, found, options.times())
        alone = beside.SHORTLY if options.quick else beside.ALONE
        reports = beside.measure(folder, lastfm, options.plays or options.size(MANY, FEW), alone)
    found.add("longest_report_ms", max(reports.seconds) * 1000)
    found.add("median_report_ms", statistics.median(reports.seconds) * 1000)
    found.add("longest_report_alone_ms", max(reports.alone) * 1000)
    how = (
        f"{len(rows)} plays over ten years in the history; *_ms on the wire of loopback, one request at a time; "
        f"the year view is {year}, the fullest; first_page_kb is / with all that it loads, compressed, at a first "
        f"visit; longest_report_ms: the slowest of {len(reports.seconds)} reports, one after the other, while two "
        "browsers open every page, search and export of a longer history, and another listener's data are erased"
    )
    facts: dict[str, Figure] = {"plays": len(rows), "reports": len(reports.seconds), "reports_refused": reports.refused}
    return Report("pages", {**found.spreads}, facts, "nothing: limits, not ratios", how)


def _ask(http: httpx2.Client, found: _Found, times: int, year: str) -> None:
    for name, path in {**VIEWS, "year_view_ms": year}.items():
        for again in range(times + 1):
            start = time.perf_counter()
            http.get(path).raise_for_status()
            if again:  # the first one has cold templates and a cold database
                found.add(name, (time.perf_counter() - start) * 1000)


def _weight(http: httpx2.Client) -> float:
    """Bytes of the bodies, as they are sent, of the page and of the files that it loads."""
    page = http.get("/").text
    files = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)
    return sum(_sent(http, path) for path in ("/", *files))


def _sent(http: httpx2.Client, path: str) -> int:
    with http.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as answer:
        return sum(len(part) for part in answer.iter_raw())


def _look(chromium: str, link: str, base: str, found: _Found, times: int) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(_QUIET))
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(link)
        for _ in range(times):
            page.goto(base)
            found.add("lcp_ms", page.evaluate(_LCP))
        browser.close()


def _history(number: int) -> Iterator[dict[str, Any]]:
    """The real history if it is there, otherwise a made-up one."""
    file = Path(environ.get("TONEARM_TEST_DATA", rig.ROOT.parent / "shared")) / "data" / "plays-104k.csv.gz"
    if not file.is_file():
        now = time.time()
        for body in made_up(number, now):
            back = (now - body["timestamp"]) / (13 * 86400) * YEARS
            yield {**body, "timestamp": int(now - back)}
        return
    seen: set[tuple[str, ...]] = set()
    with gzip.open(file, "rt", encoding="utf-8", newline="") as lines:
        for row in DictReader(lines):
            key = (row["timestamp"], row["artist"], row["track"])
            if key not in seen and len(seen) < number:
                seen.add(key)
                yield {**row, "timestamp": int(row["timestamp"])}


def _fill(listener: rig.Listener, rows: Sequence[dict[str, Any]]) -> tuple[str, str]:
    """Write the history; two links that let a browser in."""
    engine = connect(database_url(listener.database), writes=True)

    def row(me: int, body: dict[str, Any]) -> dict[str, Any]:
        at = body["timestamp"]
        names = {name: body[name] for name in ("artist", "track", "album")}
        stamps = {"timestamp": at, "reported_timestamp": at, "reported_at": at + 240.0, "settled_at": at + 241.0}
        heard = {"duration": 240.0, "played": 240.0, "chosen_by_user": True, "owner": rig.LASTFM_USER}
        return {
            **names,
            **stamps,
            **heard,
            "account": me,
            "searched": searchable(names.values()),
            "fate": "accepted",
            "counted_reason": "heard 240 s of 240 s, needs 120 s",
        }

    def write(db: Connection) -> None:
        me = db.execute(select(account.c.id)).scalar_one()
        for start in range(0, len(rows), 5000):
            db.execute(insert(play), [row(me, body) for body in rows[start : start + 5000]])
        for link in ("first", "second"):
            add(db, me, link, TokenKind.LINK, time.time(), time.time() + 3600)

    with engine.begin() as db:
        write(db)
    engine.dispose()
    return "first", "second"


def _fullest_year(rows: Sequence[dict[str, Any]]) -> int:
    return statistics.mode(datetime.fromtimestamp(row["timestamp"], UTC).year for row in rows)
