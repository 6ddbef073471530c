"""The cost of a cached answer: in memory, in the database, and compared with a request."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from string import ascii_lowercase
from typing import Any, TypeVar

import httpx2
import uvloop

from benchmarks import rig
from benchmarks.drain import pylast_network
from benchmarks.report import Options, Report, say
from lastfm_emulator import API_KEY, API_SECRET
from tonearm.core.play import Track
from tonearm.lastfm import Keys, LastFm, Request
from tonearm.lastfm.cache import Cache
from tonearm.lastfm.methods import artist
from tonearm.lastfm.music import ArtistInfo
from tonearm.lastfm.response import Exchange
from tonearm.store.db.database import database_url
from tonearm.store.response_cache import AnswerStore

T = TypeVar("T")

KEYS = Keys(API_KEY, API_SECRET)
AT_ONCE = 50


@dataclass
class Counted:
    """A client that counts its requests."""

    client: LastFm
    requests: int = 0
    bytes: list[int] = field(default_factory=list)

    async def exchange(self, request: Request[T]) -> Exchange[T]:
        self.requests += 1
        exchange = await self.client.exchange(request)
        self.bytes.append(len(getattr(exchange.reply, "body", b"")))
        return exchange


@dataclass
class Run:
    """Microseconds for an answer each way, and the requests for 50 concurrent callers with the same question."""

    memory: float
    database: float
    while_writing: float
    request: float
    requests: int
    body: int


def measure(options: Options) -> Report:
    """In each run: requests, then the same from the database of an earlier process, then from memory."""
    number = options.size(500, 20)
    with rig.workshop() as folder, rig.lastfm(folder) as lastfm:
        ready = rig.signed_in(folder / "ready", lastfm)
        rig.pin(rig.MEASURED)
        runs, pylast = [], []
        theirs = _pylast(lastfm, folder)
        for n in range(options.times()):
            listener = ready.copy(folder / f"run{n}")
            run = uvloop.run(_measure(listener.database, lastfm.url, number))
            runs.append(run)
            pylast.append(_pylast_hit(theirs, number))
            say(f"run {n + 1}: {run}; pylast: {pylast[-1]:.0f}")
        theirs.disable_caching()  # which closes its file while its folder still exists
    return Report(
        "cache",
        {
            "memory_hit_us": [run.memory for run in runs],
            "database_hit_us": [run.database for run in runs],
            "database_hit_while_writing_us": [run.while_writing for run in runs],
            "request_us": [run.request for run in runs],
            "pylast_hit_us": pylast,
        },
        {
            "upstream_requests": max(run.requests for run in runs),
            "memory_ratio": round(min(run.request / run.memory for run in runs)),
            "database_ratio": round(min(run.request / run.database for run in runs), 1),
            "answers": number,
            "body_bytes": runs[0].body,
        },
        "the same artist.getInfo answers of the stand-in, asked for over the loopback without a rate limit, on a "
        "connection that is kept open; the ratios are the least of all runs. pylast: the listeners of an artist, from "
        "the file of its cache",
        "microseconds for an answer, typed and ready to use, one after the other. database: each from a row that an "
        "earlier process has written, so with a worker thread, SQLite, unpacking and reading. while_writing: the same "
        "while plays are being reported as fast as they are taken, with a commit and a flush for each group of them. "
        f"All of ours on core {rig.MEASURED}, Last.fm on core {rig.OTHERS}. upstream_requests: the most of all runs, "
        f"for {AT_ONCE} who ask for one unknown answer at once",
    )


async def _measure(database: Path, url: str, number: int) -> Run:
    questions = _questions(number)
    async with httpx2.AsyncClient() as http:
        line = Counted(LastFm(KEYS, url, http=http))
        await _each(line.client, questions[:1])
        request = await _each(line.client, questions)
        async with _cache(database, line) as (cache, store):
            unknown = artist.info("Can")
            await asyncio.gather(*(cache.ask(unknown) for _ in range(AT_ONCE)))
            requests = line.requests
            for question in questions:
                await cache.ask(question)
            await store.written()
            memory = await _each(cache, questions * 4)
        async with _cache(database, line) as (cache, _):
            await cache.ask(unknown)
            found = await _each(cache, questions)
        async with rig.deck_on(database, url, http, deliver=False) as deck, _cache(database, line) as (cache, _):
            me = await deck.listener()
            stop = asyncio.Event()

            async def report(player: int) -> None:
                play = 0
                while not stop.is_set():
                    play += 1
                    track = Track(f"Artist {player}", f"Song {play}", duration=200)
                    await me.scrobble(track, started_at=time.time() - 1000 - play, played=200)

            players = [asyncio.create_task(report(player)) for player in range(4)]
            await cache.ask(unknown)
            busy = await _each(cache, questions)
            stop.set()
            await asyncio.gather(*players)
        assert line.requests == 1 + number, "what was remembered was asked for again"
    return Run(memory, found, busy, request, requests, max(line.bytes))


def _pylast(lastfm: rig.LastFm, folder: Path) -> Any:
    network = pylast_network(lastfm)
    network.enable_caching(str(folder / "pylast"))
    network.get_artist("Nina Simone").get_listener_count()
    return network


def _pylast_hit(network: Any, number: int) -> float:
    """Microseconds for a fact about an artist that pylast has in its cache file."""
    start = time.perf_counter()
    for _ in range(number):
        network.get_artist("Nina Simone").get_listener_count()
    return (time.perf_counter() - start) / number * 1e6


def _questions(number: int) -> list[Request[ArtistInfo]]:
    """That many different requests: they differ in the language of the biography."""
    languages = [first + second for first in ascii_lowercase for second in ascii_lowercase]
    return [artist.info("Nina Simone", lang=language) for language in languages[:number]]


@asynccontextmanager
async def _cache(database: Path, line: Counted) -> AsyncIterator[tuple[Cache, AnswerStore]]:
    """The cache of a new process: nothing in memory, and the database."""
    store = AnswerStore(database_url(database), time.time)
    cache = Cache(line, time.time, answers=store)
    try:
        yield cache, store
    finally:
        await cache.close()
        store.close()


async def _each(asked: Cache | LastFm, questions: list[Request[ArtistInfo]]) -> float:
    """Microseconds for one, on average."""
    start = time.perf_counter()
    for question in questions:
        await asked.ask(question)
    return (time.perf_counter() - start) / len(questions) * 1e6
