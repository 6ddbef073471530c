"""A watcher: one clock for each player, and a report for each listen that is over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from tonearm.core.cleaning import clean
from tonearm.core.play import Track
from tonearm.core.session import PATIENCE, Finished, ListeningClock, Notice, NoticeKind, step

SHORTEST_HEARD = 1.0
"""Seconds; skipping through a list doesn't count as listening."""

LOOK_EVERY = 10.0
"""Seconds between two queries: for the position, and whether somebody sought."""


class Reporter(Protocol):
    """Where plays go."""

    async def announce(self, track: Track, player: str) -> None:
        """Report what is playing now. Failures are ignored."""

    async def report(self, finished: Finished, player: str) -> None:
        """Save a listen that is over: it is on disk when this returns, or as safe as possible."""


class Watcher:
    """The clocks of the players that one program watches. Time is an argument: Unix seconds.

    `named` returns the name under which a player is reported.
    """

    def __init__(self, reporter: Reporter, named: Callable[[str], str] = str) -> None:
        self._reporter = reporter
        self._named = named
        self._clocks: dict[str, ListeningClock] = {}
        self._lost: dict[str, float] = {}

    async def notice(self, player: str, notice: Notice) -> None:
        """Handle a notice: a player is playing, or has paused or stopped. A track without artist and title can't be
        reported.
        """
        if not (clean(notice.track.artist) and clean(notice.track.title)):
            await self.stopped(player, notice.at)
            return
        self._lost.pop(player, None)
        before = self._clocks.get(player)
        after = step(before, notice)
        self._keep(player, after.clock)
        for finished in after.finished:
            await self._report(finished, player)
        if after.clock is not None and after.clock.playing and _began(before, after.clock):
            await self._reporter.announce(after.clock.track, self._named(player))

    async def stopped(self, player: str, at: float) -> None:
        """Note that a player has stopped."""
        clock = self._clocks.pop(player, None)
        self._lost.pop(player, None)
        if clock is not None and not clock.ended:
            await self._report(clock.finish(at)[1], player)

    def lost(self, player: str, at: float) -> None:
        """Note that a player can't be reached any more. It may continue playing: its later position counts."""
        clock = self._clocks.get(player)
        if clock is not None and not clock.ended and player not in self._lost:
            self._clocks[player] = (
                step(clock, Notice(NoticeKind.PAUSED, at, clock.track, key=clock.identity)).clock or clock
            )
            self._lost[player] = at

    async def look(self, now: float) -> None:
        """Report listens that have ended without a notice."""
        for player, clock in list(self._clocks.items()):
            if now - self._lost.get(player, now) > PATIENCE or clock.overdue(now):
                await self.stopped(player, now)

    async def close(self, now: float) -> None:
        """Report what is playing as it is, since the watcher ends. If it is started again, the rest counts as the same
        listen.
        """
        for player in list(self._clocks):
            await self.stopped(player, now)

    def _keep(self, player: str, clock: ListeningClock | None) -> None:
        if clock is None:
            self._clocks.pop(player, None)
        else:
            self._clocks[player] = clock

    async def _report(self, finished: Finished, player: str) -> None:
        if finished.played is not None and finished.played >= SHORTEST_HEARD:
            await self._reporter.report(finished, self._named(player))


def _began(before: ListeningClock | None, after: ListeningClock) -> bool:
    return before is None or before.ended or before.start != after.start or before.identity != after.identity
