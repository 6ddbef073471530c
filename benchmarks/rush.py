"""A rush: every account has reported plays at once, behind one API key or behind several. Simulated, as fairness is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from random import Random

from sqlalchemy import Connection

from benchmarks.simulation.crash_points import Doom
from benchmarks.simulation.disk import Disk
from benchmarks.simulation.healthy_network import Watch, Well
from benchmarks.simulation.process import SECRET, Clock, Process, surroundings
from benchmarks.simulation.run import Room
from benchmarks.simulation.timeline import Timeline
from lastfm_emulator import Emulator
from tonearm.core.play import Track
from tonearm.deck import Deck, Listener
from tonearm.engine.engine import SWEEP
from tonearm.store import accounts
from tonearm.store.secrets.seal import SessionCipher

_LOOK = 0.5


@dataclass(frozen=True, slots=True)
class Rush:
    """How long (simulated seconds) all plays took, and the maximum number of requests of one key in any second."""

    seconds: float
    requests: int
    most_in_a_second: int


def rush(seed: int, crowd: int, keys: int, per_second: float, room: Room) -> Rush:
    """Accounts with one play each, distributed over that many keys."""
    chance, timeline = Random(seed), Timeline()
    emulator = Emulator(clock=lambda: timeline.now, seed=seed)
    for number in range(2, keys + 1):
        emulator.add_key(f"{number:032x}", f"secret {number}")
    watch, disk = Watch(timeline), Disk(room.file(), timeline, chance, lambda: None)
    network, clocks = Well(timeline, emulator, chance, watch), [Clock(timeline, chance, 0.0)]
    pairs = [(key.key, key.secret) for key in emulator.keys.values()]
    process = Process(timeline, network, disk, clocks, per_second, _mishap, lambda *_: None, pairs)
    took: list[float] = []
    with surroundings(process):
        process.live(Doom(), SWEEP, partial(_rush, emulator=emulator, crowd=crowd, took=took))
    disk.look_away()
    [seconds] = took
    return Rush(seconds, watch.requests, watch.most_in_a_second)


def _mishap(words: str) -> None:
    raise RuntimeError(words)


async def _rush(decks: list[Deck], *, emulator: Emulator, crowd: int, took: list[float]) -> None:
    [deck] = decks
    keys = list(emulator.keys)
    names = [f"listener-{n}" for n in range(crowd)]
    sessions = {
        name: (emulator.session_key(name, key), key) for name, key in zip(names, _turns(keys, crowd), strict=True)
    }
    everyone = await deck.store.write(partial(_signed_in, sessions=sessions, now=deck.clock.now()))
    begun = deck.clock.now()
    song = Track("Mogwai", "Song", duration=200.0)
    await asyncio.gather(*(one.scrobble(song, started_at=begun - 200, played=200) for one in _of(deck, everyone)))
    while deck.counters.fates["accepted"] < crowd:
        await deck.clock.sleep(_LOOK)
        if deck.clock.now() > begun + 10 * crowd:
            raise RuntimeError("the plays do not get there, though all is well")
    took.append(deck.clock.now() - begun)


def _turns(keys: Sequence[str], crowd: int) -> list[str]:
    return [keys[n % len(keys)] for n in range(crowd)]


def _of(deck: Deck, everyone: dict[str, int]) -> list[Listener]:
    return [Listener(deck, number, name) for name, number in everyone.items()]


def _signed_in(db: Connection, sessions: dict[str, tuple[str, str]], now: float) -> dict[str, int]:
    seal, numbers = SessionCipher((SECRET,)), {}
    for name, (session, key) in sessions.items():
        numbers[name] = accounts.add(db, name, now).id
        accounts.sign_in(db, numbers[name], name, seal.close(session), key)
    return numbers
