"""Reports beside readers: how long the slowest takes while pages, searches and exports of a long history are opened."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from sqlalchemy import select

from benchmarks import history, rig
from benchmarks.report import say
from tonearm.core.search import searchable
from tonearm.store import accounts
from tonearm.store.db.database import connect, database_url
from tonearm.store.db.schema import account
from tonearm.store.secrets.tokens import TokenKind, add

OTHER = "another listener"
ARTIST, SONG = "Artist 7 & The Sëven", "Song 7 (Remastered)"
PAGES = (
    *("/", "/queue", "/loved", "/settings", "/plays/1", "/history", "/history?period=all", "/history/days.json"),
    *("/history?period=1971-01-01..8999-12-31", "/history?q=seven", "/history?q=nowhere+to+be+found"),
    *("/history?q=" + "+".join(f"word{n}" for n in range(100)), f"/artist?name={ARTIST.replace('&', '%26')}"),
    f"/history?artist={ARTIST.replace('&', '%26')}&track={SONG}",
    *("/settings/export?as=csv", "/settings/export?as=jsonl"),
)
PAUSE = 0.005
"""Seconds from an answer to the next report."""

ALONE, SHORTLY = 5.0, 0.2
"""Seconds without readers."""

_PATIENCE = 60.0
"""Seconds within which a report is answered, or else the measurement fails."""

_PLAYS = """
    INSERT INTO play (account, artist, track, timestamp, album, album_artist, track_number, duration, played,
                      chosen_by_user, counted_reason, reported_timestamp, owner, fate, reason, reported_at, settled_at,
                      counted, searched)
    WITH RECURSIVE number(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n + 1 < :rows),
    named AS (SELECT n, (n * 2654435761 % 1000003) * (n * 40503 % 1009) / 1009 % 40000 AS song FROM number)
    SELECT :me, 'Artist ' || (song % 997) || ' & The Sëven', 'Song ' || song || ' (Remastered)', :start + n * :step,
           'Album ' || (song / 12) || ' & More', 'Artist ' || (song % 997), song % 12 + 1, 215.4, 180.5,
           1, 'heard 180.5 s of 215.4 s, needs 107.7 s', :start + n * :step, 'listener',
           CASE WHEN n % 10 THEN 'accepted' WHEN n % 20 THEN 'refused' ELSE 'threshold_not_met' END, '',
           :start + n * :step + 240, :start + n * :step + 241, n % 20 != 0,
           searched('Artist ' || (song % 997) || ' & The Sëven Song ' || song || ' (Remastered) Album ' || (song / 12))
    FROM named
"""


@dataclass(slots=True)
class Reports:
    """The reports: how long each took, first `alone`, and how many were not answered `queued`."""

    seconds: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)
    refused: int = 0
    during: dict[str, float] = field(default_factory=dict)

    def since(self) -> list[float]:
        """The seconds of the reports since it was asked last; waits for the first one if there is none."""
        until = time.monotonic() + _PATIENCE
        while not self.seconds and time.monotonic() < until:
            time.sleep(PAUSE)
        taken, self.seconds = self.seconds, []
        return taken


def measure(folder: Path, lastfm: rig.LastFm, number: int, alone: float = ALONE) -> Reports:
    """One reporter, and two browsers that open everything at once; then another listener's data are erased."""
    listener = rig.signed_in(folder / "long", lastfm)
    _fill(listener.database, number)
    reports = Reports()
    with rig.service(listener, rig.AWAY) as service:
        base = f"http://127.0.0.1:{service.port}"
        for link in ("one", "two", "three"):
            _warm(base, link)
        with reporting(reports, base, listener.token):
            time.sleep(alone)
            reports.alone = reports.since()
            browsers = [threading.Thread(target=_browse, args=(base, link, pages, reports)) for link, pages in _TOURS]
            for browser in browsers:
                browser.start()
            for browser in browsers:
                browser.join()
            _erase(base, reports)
    return reports


_TOURS = (("one", PAGES), ("two", PAGES[::-1]))
_cookies: dict[str, httpx2.Cookies] = {}


def _warm(base: str, link: str) -> None:
    with httpx2.Client(base_url=base) as http:
        http.get("/signin", params={"link": link})
        http.get("/").raise_for_status()
        _cookies[link] = http.cookies


def _browse(base: str, link: str, pages: Sequence[str], reports: Reports) -> None:
    with httpx2.Client(base_url=base, cookies=_cookies[link], timeout=300) as http:
        for page in pages:
            before, start = len(reports.seconds), time.perf_counter()
            with http.stream("GET", page) as answer:
                answer.raise_for_status()
                for _ in answer.iter_raw():
                    pass
            _note(reports, page, before, start)


def _erase(base: str, reports: Reports) -> None:
    with httpx2.Client(base_url=base, cookies=_cookies["three"], timeout=300) as http:
        before, start = len(reports.seconds), time.perf_counter()
        answer = http.post("/settings/erase", data={"name": OTHER}, headers={"Origin": base})
        if answer.status_code != 303:
            raise RuntimeError(f"not erased: {answer.status_code} {answer.text[:200]}")
        _note(reports, "erase", before, start)


def _note(reports: Reports, what: str, before: int, start: float) -> None:
    slowest = max(reports.seconds[before:], default=0.0)
    reports.during[what] = max(slowest, reports.during.get(what, 0.0))
    say(f"{what[:60]}: {time.perf_counter() - start:.1f} s; slowest report meanwhile {slowest * 1000:.0f} ms")


@contextmanager
def reporting(reports: Reports, base: str, token: str) -> Iterator[None]:
    """One reporter while the block lasts: its next report follows `PAUSE` after each answer."""
    over = threading.Event()

    def report() -> None:
        headers = {"Authorization": f"Bearer {token}", "User-Agent": history.PLAYER}
        plays = history.made_up(1_000_000, time.time())
        with httpx2.Client(base_url=base, headers=headers, timeout=_PATIENCE) as http:
            while not over.wait(PAUSE):
                start = time.perf_counter()
                answer = http.post("/lastfm/scrobble", json=next(plays))
                reports.seconds.append(time.perf_counter() - start)
                reports.refused += answer.status_code != 200 or answer.json()["status"] != "queued"

    thread = threading.Thread(target=report)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _fill(file: Path, number: int) -> None:
    """Write that many plays over ten years, a tenth of them for another listener; returns links that let browsers
    in.
    """
    engine = connect(database_url(file), writes=True)
    with engine.begin() as db:
        me = db.execute(select(account.c.id)).scalar_one()
        other = accounts.add(db, OTHER, time.time()).id
        for who, link in ((me, "one"), (me, "two"), (other, "three")):
            add(db, who, link, TokenKind.LINK, time.time(), time.time() + 3600)
    engine.dispose()
    start = int(time.time()) - 15 * 86400 - 10 * 365 * 86400
    with closing(sqlite3.connect(file, isolation_level=None)) as raw:
        raw.create_function("searched", 1, lambda text: searchable([text]), deterministic=True)
        for pragma in ("cache_size=-1000000", "synchronous=OFF", "journal_mode=OFF"):
            raw.execute(f"PRAGMA {pragma}")
        raw.execute("BEGIN")
        for who, rows in ((me, number), (other, number // 10)):
            step = 10 * 365 * 86400 // rows
            raw.execute(_PLAYS, {"me": who, "rows": rows, "start": start, "step": step})
        raw.execute("COMMIT")
