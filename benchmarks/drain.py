"""How fast waiting plays are sent: at Last.fm's rate limit, and without one."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx2
import uvloop

from benchmarks import history, rig
from benchmarks.report import Options, Report, say
from lastfm_emulator import API_KEY, API_SECRET
from tonearm.core.play import Track

PER_SECOND = 4.0
PLAYS = 1000
BATCH = 50

_LOOK = 0.002
"""Seconds between two checks whether everything is done."""


def measure(options: Options) -> Report:
    """A drain at the usual limit, one without, and pylast with the same number of plays, in each run."""
    many, per_second = options.size(10_000, 300), PER_SECOND * options.size(1, 10)
    limited, requests, free, pylast = [], set(), [], []
    with rig.workshop() as folder, rig.lastfm(folder) as lastfm:
        ready = rig.signed_in(folder / "ready", lastfm)
        rig.pin(rig.MEASURED)
        for run in range(options.times()):
            before = _requests(lastfm)
            limited.append(_drained(ready.copy(folder / "run"), lastfm, PLAYS, 2 * run, per_second))
            requests.add(_requests(lastfm) - before)
            free.append(many / _drained(ready.copy(folder / "run"), lastfm, many, 2 * run + 1, 0))
            pylast.append(many / _by_pylast(lastfm, many, run))
            say(f"run {run + 1}: {limited[-1]:.2f} s limited; {free[-1]:.0f}/s unlimited, pylast {pylast[-1]:.0f}/s")
    least = (PLAYS / BATCH - 1) / per_second
    assert len(requests) == 1, f"the number of requests varies: {requests}"
    return Report(
        "drain",
        {
            "limit_ratio": [seconds / least for seconds in limited],
            "limited_seconds": limited,
            "plays_per_s_unlimited": free,
            "pylast_plays_per_s": pylast,
            "pylast_ratio": [ours / theirs for ours, theirs in zip(free, pylast, strict=True)],
        },
        {"requests": requests.pop(), "plays": PLAYS, "plays_unlimited": many, "least_seconds": least},
        "limit_ratio: seconds from the opening of the deck until the last fate is on disk, over the 19 pauses that "
        f"{per_second:g} requests/s leave between 20; pylast_ratio: over pylast's scrobble_many, which writes no plays",
        f"tonearm (and pylast) on core {rig.MEASURED}, the emulator in a process of its own on core {rig.OTHERS}; all "
        "plays wait on disk before the clock runs",
    )


def _drained(listener: rig.Listener, lastfm: rig.LastFm, number: int, series: int, per_second: float) -> float:
    """Seconds until that many waiting plays are on Last.fm and their fates on disk."""
    uvloop.run(_report(listener.database, lastfm.url, number, series))
    return uvloop.run(_drain(listener.database, lastfm.url, number, per_second))


async def _report(database: Path, url: str, number: int, series: int) -> None:
    async with rig.deck_on(database, url, deliver=False) as deck:
        me = await deck.listener()
        await asyncio.gather(
            *[
                me.scrobble(track(play), started_at=play["timestamp"], played=play["played_time"])
                for play in history.made_up(number, time.time(), series)
            ]
        )


async def _drain(database: Path, url: str, number: int, per_second: float) -> float:
    start = time.perf_counter()
    async with rig.deck_on(database, url, per_second=per_second) as deck:
        while sum(deck.counters.fates.values()) < number:
            await deck.clock.sleep(_LOOK)
        seconds = time.perf_counter() - start
        assert deck.counters.fates == {"accepted": number}, deck.counters.fates
    return seconds


def track(play: history.Play) -> Track:
    """A made-up play's track."""
    return Track(
        play["artist"],
        play["track"],
        play["album"],
        play["album_artist"],
        play["duration"],
        play["track_number"],
    )


def _requests(lastfm: rig.LastFm) -> int:
    """How many requests the emulator has had."""
    state = httpx2.get(f"{lastfm.base_url}/_state", params={"plays": 0, "log": 0})
    return int(state.json()["requests"])


class _ToEmulator(httpx2.HTTPTransport):
    """pylast has a fixed host; this leads it to the emulator."""

    def __init__(self, lastfm: rig.LastFm) -> None:
        super().__init__()
        self._base = httpx2.URL(lastfm.base_url)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        request.url = request.url.copy_with(scheme="http", host=self._base.host, port=self._base.port)
        request.headers["Host"] = self._base.netloc.decode()  # the emulator answers to no other name
        return super().handle_request(request)


def pylast_network(lastfm: rig.LastFm) -> Any:
    """pylast, signed in at the emulator."""
    import pylast

    network: Any = pylast.LastFMNetwork(API_KEY, API_SECRET, proxy={"https://": _ToEmulator(lastfm)})
    generator = pylast.SessionKeyGenerator(network)
    page = generator.get_web_auth_url()
    rig.approve(lastfm, httpx2.URL(page).params["token"])
    network.session_key = generator.get_web_auth_session_key(page)
    return network


def pylast_plays(number: int, series: int) -> list[dict[str, str | int]]:
    """Made-up plays in pylast's form."""
    return [
        {
            "artist": play["artist"],
            "title": play["track"],
            "timestamp": play["timestamp"],
            "album": play["album"],
            "album_artist": play["album_artist"],
            "duration": round(play["duration"]),
            "track_number": play["track_number"],
        }
        for play in history.made_up(number, time.time(), series)
    ]


def _by_pylast(lastfm: rig.LastFm, number: int, run: int) -> float:
    """Seconds that pylast takes for that many plays."""
    network, plays = pylast_network(lastfm), pylast_plays(number, -1 - run)
    start = time.perf_counter()
    network.scrobble_many(plays)
    return time.perf_counter() - start
