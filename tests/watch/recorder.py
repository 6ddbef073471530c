"""A reporter that only remembers, so that a test can read what a watcher has found."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from tonearm.core.play import Track
from tonearm.core.session import Finished


@dataclass
class Recorder:
    """What was reported and announced, oldest first."""

    finished: list[Finished] = field(default_factory=list)
    announced: list[str] = field(default_factory=list)
    players: list[str] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def announce(self, track: Track, player: str) -> None:
        self.announced.append(track.title)
        self.news.set()

    async def report(self, finished: Finished, player: str) -> None:
        self.finished.append(finished)
        self.players.append(player)
        self.news.set()

    async def until_reported(self, number: int) -> None:
        """Return when that many plays have been reported."""
        while len(self.finished) < number:
            self.news.clear()
            await self.news.wait()

    async def until_announced(self, number: int) -> None:
        """Return when that many tracks have been announced."""
        while len(self.announced) < number:
            self.news.clear()
            await self.news.wait()
