"""The clocks of devices that media servers report about: a listening that is over becomes a play."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass

from tonearm.clock import Clock
from tonearm.core.session import ListeningClock, step
from tonearm.ingest.incoming import Announced
from tonearm.ingest.webhook import WebhookReport
from tonearm.service.now_playing import NowPlaying
from tonearm.service.player_reports import PlayerReports
from tonearm.store.db.sqlite_writer import DataFault, StoreUnavailable
from tonearm.store.players import StoredPlayer

LOOKS = 30.0
"""Seconds between two looks for listenings that ended without a word."""

MOST_CLOCKS = 10_000

_log = logging.getLogger("tonearm")


@dataclass(frozen=True, slots=True)
class _DeviceClock:
    """A device's clock, with the report that moved it last, which says who plays there."""

    clock: ListeningClock
    player: StoredPlayer
    account: int
    report: WebhookReport


class ListeningClocks:
    """One clock for each device of each user. They are in memory: the next notice after a restart says the position."""

    def __init__(self, reports: PlayerReports, shows: NowPlaying, clock: Clock) -> None:
        self._reports = reports
        self._shows = shows
        self._clock = clock
        self._clocks: OrderedDict[tuple[int, int, tuple[str, str]], _DeviceClock] = OrderedDict()
        self._turn = asyncio.Lock()
        self._sweeps: asyncio.Task[None] | None = None

    async def notice(self, player: StoredPlayer, report: WebhookReport, account: int) -> None:
        """A media server has said something; what is over by that is on disk when this returns.

        Raises StoreUnavailable: then nothing has changed, and the next notice ends what was to end.
        """
        assert report.notice is not None
        async with self._turn:
            key = (player.id, account, report.source.key)
            known = self._clocks.get(key)
            before = known.clock if known else None
            moved = step(before, report.notice)
            plays = [report.play_of(finished) for finished in moved.finished]
            await self._reports.report(player, plays, account)
            if moved.clock is None:
                self._clocks.pop(key, None)
            else:
                self._clocks[key] = _DeviceClock(moved.clock, player, account, report)
                self._clocks.move_to_end(key)
                if len(self._clocks) > MOST_CLOCKS:
                    self._clocks.popitem(last=False)
            if self._sweeps is None:
                self._sweeps = asyncio.create_task(self._sweep())
        playing = report.playing_now(before, moved.clock)
        if isinstance(playing, Announced):
            await self._reports.announce(player, playing, account)
        elif playing is not None:
            self._shows.clear(account)

    async def _sweep(self) -> None:
        while True:
            await self._clock.sleep(LOOKS)
            async with self._turn:
                try:
                    await self._finish_overdue()
                except (StoreUnavailable, DataFault) as fault:
                    _log.warning("what was heard is written down later: %s", fault)

    async def _finish_overdue(self) -> None:
        now = self._clock.now()
        for key, known in list(self._clocks.items()):
            if known.clock.overdue(now):
                clock, finished = known.clock.finish(now)
                await self._reports.report(known.player, [known.report.play_of(finished)], known.account)
                self._clocks[key] = _DeviceClock(clock, known.player, known.account, known.report)

    async def close(self) -> None:
        """Look no more, and show nothing any more."""
        if self._sweeps is not None:
            self._sweeps.cancel()
            await asyncio.gather(self._sweeps, return_exceptions=True)
        await self._reports.close()
