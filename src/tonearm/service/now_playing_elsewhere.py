"""Now playing, at destinations."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from tonearm.clock import Clock
from tonearm.core.account import Connection as Connected
from tonearm.core.play import Track
from tonearm.service.outlets import DestinationOutlets
from tonearm.store import destinations
from tonearm.store.db.database import Store
from tonearm.store.db.sqlite_writer import StoreUnavailable
from tonearm.store.destinations import StoredDestination
from tonearm.store.secrets.seal import SealBroken, SessionCipher


@dataclass(frozen=True, slots=True)
class NowPlayingElsewhere:
    """Reports to destinations what is playing: once, never queued."""

    store: Store
    clock: Clock
    outlets: DestinationOutlets
    cipher: SessionCipher
    _tasks: dict[int, asyncio.Task[None]] = field(default_factory=dict, repr=False)

    def show(self, account: int, track: Track, reporter: str = "") -> None:
        """Report to each destination what is playing, in the background; only the latest report counts."""
        before = self._tasks.get(account)
        if before is not None:
            before.cancel()
        self._tasks[account] = asyncio.create_task(self._show(account, track, reporter), name="now playing elsewhere")

    async def _show(self, account: int, track: Track, reporter: str) -> None:
        with suppress(StoreUnavailable):
            await self.playing(account, track, reporter)

    async def close(self) -> None:
        """Stop reporting what is playing."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def playing(self, account: int, track: Track, reporter: str = "") -> None:
        """Report to each destination what is playing: once, and only if nothing delays the request. No destination
        waits for another.
        """
        found = (await self.store.read(partial(destinations.of_accounts, account_ids=[account]))).get(account, [])
        now = self.clock.now()
        shown = [
            self._show_at(one, track)
            for one in found
            if one.state.connection is Connected.CONNECTED
            and one.paused_at is None
            and not one.policy.keeps(reporter, now)
        ]
        await asyncio.gather(*shown)

    async def _show_at(self, one: StoredDestination, track: Track) -> None:
        outlet = self.outlets.get(one.pace_key)
        if outlet is None or await outlet.pace.current_throttle():
            return
        try:
            token = self.cipher.open(one.sealed)
        except SealBroken:
            return
        await outlet.wire.playing_now(one.policy.applied(track), token)
