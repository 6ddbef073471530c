"""Follows players: passes their notices to the watcher, until the program ends or the bus goes away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from tonearm.clock import Clock
from tonearm.watch.mpd import MpdAddress, MpdConnection
from tonearm.watch.watcher import LOOK_EVERY, Watcher

if TYPE_CHECKING:
    from tonearm.watch.mpris import MprisBus

TRY_AGAIN = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds between two attempts to reach MPD; the last one from then on."""

SETTLED = 0.3
"""Seconds that a desktop player gets to finish a change: some send artist and title in two messages."""


async def follow_mpd(address: MpdAddress, watcher: Watcher, clock: Clock, say: Callable[[str], None]) -> None:
    """Watch one MPD for ever, through its restarts. Raises MpdError for a wrong password or another program."""
    attempts = 0
    while True:
        try:
            connection = await MpdConnection.open(address)
        except OSError as fault:
            if attempts == 0:
                say(f"{address.name} cannot be reached ({fault.strerror or 'no answer'}); trying again")
        else:
            say(f"watching {address.name}")
            attempts = 0
            try:
                with suppress(OSError):
                    await _follow(connection, address, watcher, clock)
            finally:
                await connection.close()
            watcher.lost(address.name, clock.now())
            say(f"{address.name} is gone; trying again")
        await watcher.look(clock.now())
        await clock.sleep(TRY_AGAIN[min(attempts, len(TRY_AGAIN) - 1)])
        attempts += 1


async def _follow(connection: MpdConnection, address: MpdAddress, watcher: Watcher, clock: Clock) -> None:
    while True:
        notice = await connection.now(clock.now())
        if notice is None:
            await watcher.stopped(address.name, clock.now())
        else:
            await watcher.notice(address.name, notice)
        await watcher.look(clock.now())
        await connection.changed(LOOK_EVERY)


async def follow_mpris(bus: MprisBus, watcher: Watcher, clock: Clock) -> None:
    """Watch the players of a session bus until it goes away."""
    gone = asyncio.create_task(bus.closed())
    timer = asyncio.get_running_loop()
    look_at = timer.time() + LOOK_EVERY
    try:
        while not gone.done():
            names = await _changed(bus, gone, look_at - timer.time())
            if timer.time() >= look_at:
                names.update(bus.players)
                look_at = timer.time() + LOOK_EVERY
            await asyncio.gather(*(_query(bus, name, watcher, clock) for name in sorted(names)))
            await watcher.look(clock.now())
    finally:
        gone.cancel()


async def _query(bus: MprisBus, name: str, watcher: Watcher, clock: Clock) -> None:
    try:
        notice = await bus.now(name, clock.now())
    except TimeoutError:
        watcher.lost(name, clock.now())  # it may only be busy
        return
    if notice is None:
        await watcher.stopped(name, clock.now())
    else:
        await watcher.notice(name, notice)


async def _changed(bus: MprisBus, gone: asyncio.Task[None], seconds: float) -> set[str]:
    """The players that change something within this time and have had time to finish it."""
    change = asyncio.create_task(bus.changes.get())
    done, _ = await asyncio.wait((change, gone), timeout=max(0.0, seconds), return_when=asyncio.FIRST_COMPLETED)
    if change not in done:
        change.cancel()
        return set()
    await asyncio.sleep(SETTLED)
    names = {change.result()}
    while not bus.changes.empty():
        names.add(bus.changes.get_nowait())
    return names
