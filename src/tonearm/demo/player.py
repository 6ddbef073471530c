"""The player: reports what it plays as any player would, over HTTP and with a token."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count

import httpx2

from tonearm.clock import Clock
from tonearm.core.play import Track
from tonearm.demo.plays import PLAYS

BACKLOG = 5
"""Plays that were heard before the demo began."""

BEGINS_AGO = 12 * 3600
"""Seconds ago that the first play began; the listener catches up with the present."""

PACE = 2.0
"""Seconds of the demo per play, while its listener catches up."""


@dataclass(frozen=True, slots=True)
class Player:
    """A simulated player. `reported` holds (artist, title, start) of each play that was answered `queued`."""

    service: httpx2.AsyncClient
    clock: Clock
    reported: list[tuple[str, str, int]] = field(default_factory=list)

    async def play(self, stop: asyncio.Event) -> None:
        """Play until `stop` is set."""
        begun = int(self.clock.now()) - BEGINS_AGO
        for number in count():
            track = PLAYS[number % len(PLAYS)]
            assert track.duration is not None
            if number >= BACKLOG:
                await self._show(track)
                left = begun + track.duration - self.clock.now()
                if await _stopped(stop, max(PACE, left)):
                    return
            await self._report(track, begun)
            begun += int(track.duration) + 2

    async def _show(self, track: Track) -> None:
        playing = {"artist": track.artist, "track": track.title, "album": track.album, "duration": track.duration}
        with suppress(httpx2.HTTPError):
            await self.service.post("/lastfm/now-playing", json=playing)

    async def _report(self, track: Track, begun: int) -> None:
        report = {
            "artist": track.artist,
            "track": track.title,
            "album": track.album,
            "duration": track.duration,
            "played_time": track.duration,
            "timestamp": begun,
        }
        with suppress(httpx2.HTTPError):
            answer = await self.service.post("/lastfm/scrobble", json=report)
            if answer.is_success and answer.json()["status"] == "queued":
                self.reported.append((track.artist, track.title, begun))


async def _stopped(stop: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
    return stop.is_set()
