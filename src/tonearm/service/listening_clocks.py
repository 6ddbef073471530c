"""Clocks for the devices that media servers report about: a listen that is over becomes a play."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from functools import partial

from tonearm.clock import Clock
from tonearm.core.session import ListeningClock, step
from tonearm.ingest.incoming import Announced
from tonearm.ingest.webhook import Source, WebhookReport
from tonearm.service.now_playing import NowPlaying
from tonearm.service.player_reports import PlayerReports
from tonearm.store import device_clocks, players
from tonearm.store.db.database import Store
from tonearm.store.db.sqlite_writer import DataFault, StoreUnavailable
from tonearm.store.device_clocks import Device, StoredClock
from tonearm.store.players import StoredPlayer

LOOKS = 30.0
"""Seconds between two searches for listens that ended without a notice."""

_log = logging.getLogger("tonearm")


class ListeningClocks:
    """One clock for each device of each user. They are in the database, so any process may receive the next notice.

    A finished listen is on disk before its clock moves on. If the process ends in between, or another one has moved the
    clock, the same play is reported again: it has the same start, so it is recognised.
    """

    def __init__(self, store: Store, reports: PlayerReports, shows: NowPlaying, clock: Clock) -> None:
        self._store = store
        self._reports = reports
        self._shows = shows
        self._clock = clock
        self._turn = asyncio.Lock()
        self._sweeps: asyncio.Task[None] | None = None

    async def resume(self) -> None:
        """Take over the clocks that ran before this process started."""
        async with self._turn:
            try:
                if not await self._store.read(device_clocks.any_open):
                    return
            except StoreUnavailable as fault:  # then it is shown later
                _log.warning("what was heard is looked at later: %s", fault)
            self._start_sweeping()

    async def notice(self, player: StoredPlayer, report: WebhookReport, account: int) -> None:
        """Handle a media server's notice; a listen that it ends is on disk when this returns. Raises StoreUnavailable:
        then the clock has not moved, and the next notice ends that listen.
        """
        device = Device(player.id, account, *report.source.key)
        async with self._turn:
            before, after = await self._moved(player, report, device)
            if after is not None and not after.ended:
                self._start_sweeping()
        playing = report.playing_now(before, after)
        if isinstance(playing, Announced):
            await self._reports.announce(player, playing, account)
        elif playing is not None:
            self._shows.clear(account)

    async def _moved(
        self, player: StoredPlayer, report: WebhookReport, device: Device
    ) -> tuple[ListeningClock | None, ListeningClock | None]:
        """The clock of a device before and after a notice."""
        assert report.notice is not None
        while True:
            known = await self._store.read(partial(device_clocks.find, device=device))
            before = known.clock if known else None
            moved = step(before, report.notice)
            await self._reports.report(player, [report.play_of(over) for over in moved.finished], device.account)
            source = report.source
            after = StoredClock(device, moved.clock, source.program, source.device_name) if moved.clock else None
            if moved.clock == before or await self._saved(device, known, after):
                return before, moved.clock

    async def _saved(self, device: Device, before: StoredClock | None, after: StoredClock | None) -> bool:
        return await self._store.write(partial(device_clocks.save, device=device, before=before, after=after))

    def _start_sweeping(self) -> None:
        if self._sweeps is None:
            self._sweeps = asyncio.create_task(self._sweep())

    async def _sweep(self) -> None:
        """Finish overdue listens, until nothing is playing any more."""
        while True:
            await self._clock.sleep(LOOKS)
            async with self._turn:
                try:
                    await self._finish_overdue()
                    if not await self._store.read(device_clocks.any_open):
                        self._sweeps = None
                        return
                except (StoreUnavailable, DataFault) as fault:
                    _log.warning("what was heard is written down later: %s", fault)

    async def _finish_overdue(self) -> None:
        now = self._clock.now()
        for known in await self._store.read(partial(device_clocks.overdue, now=now)):
            if known.clock.overdue(now):
                await self._finish(known, now)

    async def _finish(self, known: StoredClock, now: float) -> None:
        clock, finished = known.clock.finish(now)
        player = await self._store.read(partial(players.by_id, player_id=known.device.player))
        if player is not None:
            said = WebhookReport(source=Source(program=known.program, device_name=known.device_name))
            await self._reports.report(player, [said.play_of(finished)], known.device.account)
        await self._saved(known.device, known, replace(known, clock=clock))

    async def close(self) -> None:
        """Stop sweeping, and stop showing what is playing."""
        if self._sweeps is not None:
            self._sweeps.cancel()
            await asyncio.gather(self._sweeps, return_exceptions=True)
        await self._reports.close()
