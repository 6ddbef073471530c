"""How long each figure of a listening history takes: with the plays of ten real years, and with five million."""

from __future__ import annotations

import csv
import gzip
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import uvloop
from sqlalchemy import Connection, insert

from benchmarks import rig
from benchmarks.report import Figure, Options, Report, say
from tests.postgres import running
from tonearm.core.figures import NameKind
from tonearm.core.period import day as day_of
from tonearm.core.period import month as month_of
from tonearm.core.period import year as year_of
from tonearm.core.play import Track
from tonearm.core.search import searchable
from tonearm.deck import Deck
from tonearm.service.figure_results import Span
from tonearm.store.db.database import connect, database_url
from tonearm.store.db.schema import play

REAL, MANY = 104_571, 5_000_000
YEARS, FEW_YEARS = 20, 2
SONGS, ARTISTS = 30_000, 2_000
AT_ONCE = 20_000
ZONE = ZoneInfo("Europe/Berlin")

Song = tuple[str, str, str]
Row = tuple[int, Song]


@dataclass(frozen=True, slots=True)
class _Asked:
    """An open deck with a history that ends about now: the month with most plays, and the queries."""

    deck: Deck
    account: int
    month: Span
    year: Span
    everything: Span

    def questions(self) -> dict[str, Callable[[], Awaitable[Any]]]:
        figures, me, today = self.deck.figures, self.account, datetime.now(ZONE).date()
        day = Span(day_of(today), ZONE)
        return {
            "top_artists_of_a_month": lambda: figures.top(me, NameKind.ARTIST, self.month, 50),
            "top_tracks_of_a_month": lambda: figures.top(me, NameKind.TRACK, self.month, 50, 50),
            "top_albums_of_a_year": lambda: figures.top(me, NameKind.ALBUM, self.year, 50),
            "top_tracks_of_a_year": lambda: figures.top(me, NameKind.TRACK, self.year, 50),
            "top_artists_of_all": lambda: figures.top(me, NameKind.ARTIST, self.everything, 50),
            "top_tracks_of_all": lambda: figures.top(me, NameKind.TRACK, self.everything, 50, 1000),
            "times_of_a_month": lambda: figures.times(me, self.month),
            "times_of_a_year": lambda: figures.times(me, self.year),
            "times_of_all": lambda: figures.times(me, self.everything),
            "streaks": lambda: figures.streaks(me, ZONE),
            "discoveries_of_a_year": lambda: figures.discoveries(me, NameKind.ARTIST, self.year, 50),
            "rediscovered_in_a_year": lambda: figures.rediscovered(me, NameKind.ARTIST, self.year, 50),
            "on_this_day": lambda: figures.on_this_day(me, today, ZONE),
            "longest_session_of_a_year": lambda: figures.longest_session(me, self.year),
            "longest_session_of_all": lambda: figures.longest_session(me, self.everything),
            "first_play": lambda: figures.first_play(me),
            "deliveries_of_a_month": lambda: figures.deliveries(me, self.month),
            "overview_of_today": lambda: figures.overview(me, day, 10),
            "overview_of_a_month": lambda: figures.overview(me, self.month, 10),
            "overview_of_a_year": lambda: figures.overview(me, self.year, 10),
            "overview_of_all": lambda: figures.overview(me, self.everything, 10),
        }


def measure(options: Options) -> Report:
    """Each query at both sizes on both databases, through the service as pages, endpoints and commands use it."""
    sizes = {"ms": options.size(REAL, 300), "ms_of_many": options.plays or options.size(MANY, 1000)}
    years = options.size(YEARS, FEW_YEARS)
    found: dict[str, list[float]] = {}
    facts: dict[str, Figure] = {}
    with (
        rig.workshop() as folder,
        running("shared_buffers=512MB", "max_wal_size=8GB", durable=True, inside=rig.WORKSHOPS) as server,
    ):
        for size, number in sizes.items():
            for kind in ("sqlite", "postgresql"):
                database = folder / f"{size}.db" if kind == "sqlite" else server.database()
                unit = size if kind == "sqlite" else f"{size}_on_postgresql"
                measured, made = uvloop.run(_measured(database, number, years, options.times()))
                facts[f"sum_up_seconds_{unit}"] = round(made, 2)
                for name, values in measured.items():
                    found[f"{name}_{unit}"] = values
                    say(f"{kind:>10} {number:>9,} {name:>28} {min(values):8.1f} to {max(values):8.1f} ms")
                if isinstance(database, Path):
                    database.unlink()
    return Report(
        "stats",
        {**found},
        {"plays": sizes["ms_of_many"], "small": sizes["ms"], **facts},
        "nothing: limits, not ratios (60 ms for the ten real years, 500 ms for the many plays)",
        f"the real history if it is there; the many are made up: {SONGS:,} songs of {ARTISTS:,} artists over twenty"
        " years, all as often; everything is summed up before, in sum_up_seconds; after_a_late_play is the list of all"
        " tracks after a play of last month has come late",
    )


async def _measured(database: Path | str, number: int, years: int, times: int) -> tuple[dict[str, list[float]], float]:
    """Milliseconds of each query, and the seconds that summing up took."""
    secret = "" if isinstance(database, Path) else "a benchmark's"
    async with rig.deck_on(database, "http://127.0.0.1:9/", deliver=False, secret_key=secret) as deck:
        me = await deck.listener()
        now = time.time()
        busiest = _fill(database, me.id, _real(number, now) or _made_up(number, now, years))
        start = time.perf_counter()
        await deck.figures.make_all(me.id)
        everything = await deck.figures.span(me.id, "all", ZONE)
        assert everything is not None
        await deck.figures.overview(me.id, everything, 10)
        made = time.perf_counter() - start
        asked = _Asked(
            deck,
            me.id,
            Span(month_of(busiest.month, busiest.year), ZONE),
            Span(year_of(busiest.year), ZONE),
            everything,
        )
        found: dict[str, list[float]] = {}
        for name, question in asked.questions().items():
            for again in range(times + 1):
                start = time.perf_counter()
                await question()
                if again:
                    found.setdefault(name, []).append((time.perf_counter() - start) * 1000)
        last_month = datetime.now(UTC).replace(day=1) - timedelta(days=1)
        for again in range(times):
            track = Track("Nina Simone", f"Song {again}", duration=200)
            await me.scrobble(track, started_at=last_month - timedelta(hours=again), played=200)
            start = time.perf_counter()
            await deck.figures.top(me.id, NameKind.TRACK, everything, 50)
            found.setdefault("after_a_late_play", []).append((time.perf_counter() - start) * 1000)
            await deck.figures.close()
        return found, made


def _real(number: int, now: float) -> Iterator[Row] | None:
    """The real history, moved so that it ends now; None if it is not there."""
    folder = Path(os.environ.get("TONEARM_TEST_DATA", rig.ROOT.parent / "shared"))
    file = folder / "data" / "plays-104k.csv.gz"
    if number != REAL or not file.is_file():
        return None
    with gzip.open(file, "rt", encoding="utf-8", newline="") as lines:
        rows = [(int(row["timestamp"]), row) for row in csv.DictReader(lines)]
    moved = int(now) - max(at for at, _ in rows)
    return iter([(at + moved, (row["artist"], row["album"], row["track"])) for at, row in rows])


def _made_up(number: int, now: float, years: int) -> Iterator[Row]:
    seconds = years * 365 * 86400
    step = seconds / number
    start = now - seconds
    names = [(f"Ärtist {song % ARTISTS}", f"Album {song // 12}", f"Song {song} (Remastered)") for song in range(SONGS)]
    for n in range(number):
        yield int(start + n * step), names[n * 7919 % SONGS]


def _fill(database: Path | str, account: int, rows: Iterator[Row]) -> date:
    """Write a history directly into the table; returns a day of the month with most plays."""
    months: dict[tuple[int, int], int] = {}
    known: dict[Song, str] = {}
    engine = connect(database_url(database), writes=True)

    def write(db: Connection, part: list[Row]) -> None:
        db.execute(insert(play), [_row(account, at, song, known) for at, song in part])

    try:
        seen: set[tuple[int, Song]] = set()
        while part := list(islice(rows, AT_ONCE)):
            seen.clear()
            fresh = [row for row in part if row not in seen and not seen.add(row)]  # type: ignore[func-returns-value]
            for at, _ in fresh:
                moment = datetime.fromtimestamp(at, UTC)
                months[moment.year, moment.month] = months.get((moment.year, moment.month), 0) + 1
            with engine.begin() as db:
                write(db, fresh)
    finally:
        engine.dispose()
    year, month = max(months, key=lambda one: months[one])
    return date(year, month, 1)


def _row(account: int, at: int, song: Song, known: dict[Song, str]) -> dict[str, Any]:
    artist, album, track = song
    if song not in known:
        known[song] = searchable((artist, track, album))
    return {
        "account": account,
        "artist": artist,
        "album": album,
        "track": track,
        "timestamp": at,
        "duration": 215.0,
        "played": 180.0,
        "chosen_by_user": True,
        "reported_timestamp": at,
        "owner": "rj",
        "fate": "accepted",
        "reported_at": at + 200.0,
        "settled_at": at + 201.0,
        "searched": known[song],
    }
