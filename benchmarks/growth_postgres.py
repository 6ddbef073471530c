"""Whether anything takes longer on PostgreSQL because more plays of more accounts wait."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import uvloop

from benchmarks import history, rig
from benchmarks.growth import DAY, EACH, Found, Size, ratios, turns
from benchmarks.report import Report, rounded, say
from tests.postgres import running
from tonearm.store.db.database import database_url
from tonearm.store.db.migrate import migrate
from tonearm.store.secrets.seal import SessionCipher

SMALL = Size(10_000, 100)
SECRET = "a benchmark's"

# As on SQLite: plays are reported alternately, so those of one account are stored between those of the others.
_ACCOUNTS = """
    INSERT INTO account (name, lastfm_username, lastfm_user, lastfm_session_key, lastfm_scrobbling_enabled,
                         lastfm_scrobble_threshold, connection, answered_at)
    SELECT 'listener ' || n, 'Listener' || n, 'listener' || n, %(session)s, true, 50, 'connected', n * 7919 %% 10007
    FROM generate_series(1, %(accounts)s::bigint) n
"""
_PLAYS = """
    INSERT INTO play (account, artist, track, timestamp, album, album_artist, track_number, duration, played,
                      chosen_by_user, counted_reason, reported_timestamp, owner, fate, reason, reported_at)
    SELECT who, 'Artist ' || (song %% 997) || ' & The Sëven', 'Song ' || song || ' (Remastered)', at,
           'Album ' || (song / 12) || ' & More', 'Artist ' || (song %% 997), song %% 12 + 1, 215.4, 180.5,
           true, 'heard 180 s of the 108 s needed', at, 'listener' || who, 'queued',
           'saved, waiting to be sent to Last.fm', %(now)s
    FROM (SELECT 1 + n %% %(senders)s * %(apart)s AS who, n * 2654435761 %% 1000003 AS song,
                 (%(start)s + n * %(step)s::float8)::bigint AS at
          FROM generate_series(%(first)s::bigint, %(last)s::bigint) n) heard
"""
_QUEUE = """
    INSERT INTO scrobble_queue (id, account, artist, track, timestamp, album, album_artist, track_number, duration,
                                played, chosen_by_user, owner, live, state, enqueued_at)
    SELECT id, account, artist, track, timestamp, album, album_artist, track_number, duration, played, chosen_by_user,
           owner, false, 'queued', %(now)s
    FROM play WHERE id BETWEEN %(first)s + 1 AND %(last)s + 1
"""
AT_ONCE = 500_000
"""Rows of one transaction while a database is filled."""


@dataclass(frozen=True, slots=True)
class _Database:
    """A database with its size, and how long it took to fill it (seconds)."""

    url: str
    size: Size
    filled: float
    mib: float


def main(arguments: list[str]) -> int:
    """`./run bench growth --postgres`."""
    options = _parser().parse_args(arguments)
    if options.quick:
        options.rows, options.accounts, options.rounds, options.runs = 400, 4, 2, 1
    small = Size(200, 2) if options.quick else SMALL
    large = Size(options.rows, options.accounts)
    with _places(options.database, 2) as places:
        filled = [_filled(place, size) for place, size in zip(places, (small, large), strict=True)]
        runs = []
        for run in range(options.runs):
            runs.append(uvloop.run(_run(filled, options.rounds)))
            for size, found in runs[-1].items():
                say(f"run {run + 1}, {size}: {', '.join(f'{name} {rounded(value)}' for name, value in found.items())}")
        server = _server(filled[0].url)
    for name, value in (fields := _report(filled, runs, server).fields()).items():
        say(f"{name:>28}  {value}")
    if options.json:
        say(json.dumps(fields, ensure_ascii=False))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench growth --postgres", description=__doc__)
    parser.add_argument("--postgres", action="store_true", help="on a PostgreSQL that is started for it")
    parser.add_argument("--database", default=[], action="append", metavar="URL", help="two empty ones instead")
    parser.add_argument("--rows", type=int, default=1_000_000, help="plays that wait in the large one (1,000,000)")
    parser.add_argument("--accounts", type=int, default=10_000, help="and their accounts (10,000)")
    parser.add_argument("--rounds", type=int, default=30, help="of a run, each of 10 accounts (30)")
    parser.add_argument("--runs", type=int, default=5, help="how often to measure (5)")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: does it work at all?")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    return parser


@contextmanager
def _places(given: list[str], number: int) -> Iterator[list[str]]:
    if given:
        if len(given) != number:
            raise SystemExit(f"--database: {number} empty databases are needed, one for each size")
        yield given
        return
    rig.WORKSHOPS.mkdir(exist_ok=True)
    with running("shared_buffers=1GB", "max_wal_size=8GB", durable=True, inside=rig.WORKSHOPS) as server:
        yield [server.database() for _ in range(number)]


def _filled(url: str, size: Size) -> _Database:
    """A database with waiting plays that were reported over 12 days."""
    start, now = time.monotonic(), time.time()
    migrate(database_url(url))
    session = SessionCipher((SECRET,)).close("a session")
    values: dict[str, Any] = {
        "accounts": size.accounts,
        "senders": size.senders,
        "apart": size.step,
        "start": now - history.DAYS,
        "step": (history.DAYS - DAY) / size.rows,
        "now": now,
        "session": session,
    }
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(_ACCOUNTS, values)
        for first in range(0, size.rows, AT_ONCE):
            with db.transaction():
                here = {**values, "first": first, "last": min(first + AT_ONCE, size.rows) - 1}
                db.execute(_PLAYS, here)
                db.execute(_QUEUE, here)
            say(f"{size}: {here['last'] + 1:,} rows in {time.monotonic() - start:.0f} s")
        db.execute("VACUUM (ANALYZE)")
        db.execute("CHECKPOINT")
        [on_disk] = db.execute("SELECT pg_database_size(current_database())").fetchone() or [0]
    return _Database(url, size, time.monotonic() - start, on_disk / 2**20)


async def _run(filled: list[_Database], rounds: int) -> Found:
    """The medians of all rounds, which take turns, so that both meet the same machine."""
    async with AsyncExitStack() as stack:
        decks = {}
        for one in filled:
            deck = rig.deck_on(one.url, rig.AWAY, deliver=False, secret_key=SECRET)
            decks[one.size] = await stack.enter_async_context(deck)
        seconds = await turns(decks, SessionCipher((SECRET,)), rounds)
    return {
        size: {name: statistics.median(values) * 1000 for name, values in found.items()}
        for size, found in seconds.items()
    }


def _server(url: str) -> str:
    with psycopg.connect(url) as db:
        said = db.execute("SELECT current_setting('server_version')").fetchone()
    return str(said[0]) if said else ""


def _report(filled: list[_Database], runs: list[Found], server: str) -> Report:
    alike = len({one.size.rows for one in filled}) == 1
    label = {one.size: one.size.accounts if alike else one.size.rows for one in filled}
    medians = {
        f"{name}_ms_{label[one.size]}": rounded(statistics.median(found[one.size][name] for found in runs))
        for one in filled
        for name in runs[0][one.size]
    }
    sizes = {
        f"{what}_{label[one.size]}": rounded(value)
        for one in filled
        for what, value in {"fill_seconds": one.filled, "mib": one.mib, "accounts": one.size.accounts}.items()
    }
    small, large = (one.size for one in filled)
    return Report(
        "growth_postgres",
        ratios(runs, small, large),
        {"rows": large.rows, "accounts": large.accounts, "postgresql": server, **medians, **sizes},
        f"the same with {small.rows:,} plays of {small.accounts} accounts, in the same run on the same server",
        "flush: from Last.fm's answer to a batch of 50 until the next is about to be sent, that is 50 fates written, "
        "50 plays taken and marked, and the commit; claim: taking an account and finding its next batch, within a "
        "transaction; due: the look for accounts that have something to send (resting: every backlog waits for room in "
        "the daily limit; held: every play waits for another Last.fm user); report: 50 plays taken, and the commit. "
        f"In both sizes accounts with plays have {EACH} or more. Server and program share the machine's cores; every "
        "commit is flushed",
    )
