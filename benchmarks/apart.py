"""Whether an outage of one destination delays the others: a crowd with two destinations each, simulated.

What is real and what is not is said in `benchmarks.simulation`. All waits are of simulated time, so the machine has no
part in them.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from math import inf
from random import Random
from statistics import mean
from typing import Any

import httpx2

from benchmarks.report import Options, Report, say
from benchmarks.simulation.crash_points import Doom
from benchmarks.simulation.disk import Disk
from benchmarks.simulation.healthy_network import Watch, Well
from benchmarks.simulation.listen_server import Lasting, ListenServer, Trouble
from benchmarks.simulation.process import Clock, Process, surroundings
from benchmarks.simulation.run import Room
from benchmarks.simulation.timeline import EPOCH, Timeline
from lastfm_emulator import Emulator
from tonearm.core.destination import DestinationKind
from tonearm.core.play import Track
from tonearm.deck import Deck, Listener
from tonearm.engine.engine import SWEEP
from tonearm.store.destinations import StoredDestination

SONG = 200.0
"""Seconds from one play of a listener to the next."""

BEFORE = 1000.0
"""Seconds in which all is well, before the outage begins."""

UNREACHABLE = 5.0
"""Seconds until it is plain that nobody answers."""

OUTAGES = (
    *(Trouble.SLOW, Trouble.GONE, Trouble.HANG_UP, Trouble.AWAY),
    *(Trouble.GATEWAY, Trouble.THROTTLED, Trouble.BROKEN),
)
HERE, THERE = "well.example", "troubled.example"


def measure(options: Options) -> Report:
    """Each run has another seed: other moments at which songs end."""
    crowd, plays, outages = options.size(100, 4), options.size(15, 7), OUTAGES[: options.size(len(OUTAGES), 1)]
    means: dict[str, list[float]] = {}
    worst: dict[str, list[float]] = {}
    alone: list[float] = []
    with Room() as room:
        for seed in range(options.times(3)):
            calm = _waits(seed, crowd, plays, room, None)
            alone.append(mean(calm))
            for outage in outages:
                waits = _waits(seed, crowd, plays, room, outage)
                name = outage.name.lower()
                means.setdefault(f"{name}_ratio", []).append(mean(waits) / mean(calm))
                worst.setdefault(f"{name}_worst_s", []).append(max(waits))
                say(f"run {seed + 1}: it {outage}: {mean(waits) / mean(calm):.3f}, at worst {max(waits):.1f} s")
    return Report(
        "apart",
        {
            "worst_ratio": [max(values) for values in zip(*means.values(), strict=True)],
            "mean_wait_s": alone,
            **means,
            **worst,
        },
        {"listeners": crowd, "plays": crowd * plays},
        f"the same crowd while all is well. ratio: the mean wait of a play at {HERE}, from its report to its being "
        f"there, while {THERE} has an outage, over that wait without one; worst: the longest of them",
        "simulated time, real service code on a SQLite file in memory; each listener has both destinations and plays a "
        f"song every {SONG:g} seconds; the outage begins after {BEFORE:g} seconds and lasts to the end",
    )


@dataclass(slots=True)
class Services:
    """Two servers that speak ListenBrainz's API, and when each listen came to the one that is well."""

    timeline: Timeline
    seed: int
    arrived: dict[str, float] = field(default_factory=dict)
    servers: dict[str, ListenServer] = field(default_factory=dict)
    chances: dict[str, Random] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for host in (HERE, THERE):
            server = ListenServer(host, "Broken", lambda: self.timeline.elapsed, lambda: self.timeline.now)
            self.servers[host], self.chances[host] = server, Random(f"{self.seed} {host}")

    async def carry(self, request: httpx2.Request, _: Doom, __: bool) -> httpx2.Response | None:
        """The answer, if the request is for one of them."""
        server = self.servers.get(request.url.host)
        if server is None:
            return None
        if server.gone:
            await asyncio.sleep(UNREACHABLE)
            raise httpx2.ConnectTimeout("nobody there", request=request)
        await asyncio.sleep(self.chances[server.host].uniform(0.02, 0.08))
        known = len(server.stored)
        headers = {name.lower(): value for name, value in request.headers.items()}
        said = server.answer(request.url.path, request.url.query.decode(), headers, request.content)
        if server.host == HERE:
            for listen in list(server.stored.values())[known:]:
                self.arrived[listen.title] = self.timeline.now
        if said is None:
            raise httpx2.RemoteProtocolError("the connection was closed", request=request)
        if said.delay > request.extensions["timeout"]["read"]:
            await asyncio.sleep(request.extensions["timeout"]["read"])
            raise httpx2.ReadTimeout("no answer in time", request=request)
        return httpx2.Response(said.status, headers=said.headers, content=said.body, request=request)


def _waits(seed: int, crowd: int, plays: int, room: Room, outage: Trouble | None) -> list[float]:
    """How long each play waited that was reported during the outage (seconds)."""
    chance, timeline = Random(seed), Timeline()
    emulator = Emulator(clock=lambda: timeline.now, seed=seed)
    disk = Disk(room.file(), timeline, Random(seed), lambda: None)
    network = Well(timeline, emulator, Random(seed), Watch(timeline))
    services: Any = Services(timeline, seed)
    network.elsewhere = services
    clocks = [Clock(timeline, Random(seed), 0.0)]
    process = Process(timeline, network, disk, clocks, 4.0, _mishap, lambda *_: None)
    reported: dict[str, float] = {}
    live = partial(
        _listen, services=services, chance=chance, crowd=crowd, plays=plays, outage=outage, reported=reported
    )
    with surroundings(process):
        process.live(Doom(), SWEEP, live)
    disk.look_away()
    missing = reported.keys() - services.arrived.keys()
    if missing:
        raise RuntimeError(f"{len(missing)} plays did not get to {HERE}, which is well")
    return [services.arrived[title] - at for title, at in reported.items() if at >= EPOCH + BEFORE]


def _mishap(words: str) -> None:
    raise RuntimeError(words)


async def _listen(
    decks: list[Deck],
    *,
    services: Services,
    chance: Random,
    crowd: int,
    plays: int,
    outage: Trouble | None,
    reported: dict[str, float],
) -> None:
    [deck] = decks
    for number in range(crowd):
        listener = await deck.listener(f"listener-{number}")
        for host, server in services.servers.items():
            token = f"token-{number}"
            server.users[token] = listener.name
            added = await deck.destinations.add(listener.id, DestinationKind.LISTENBRAINZ, f"https://{host}", token)
            if not isinstance(added, StoredDestination):
                _mishap(f"{host} cannot be added: {added}")
    everybody = [await deck.listener(f"listener-{number}") for number in range(crowd)]
    begins = asyncio.create_task(_begins(deck, services, outage))
    await asyncio.gather(*(_songs(one, plays, chance.uniform(0.0, SONG), reported) for one in everybody))
    await deck.clock.sleep(2 * SONG)
    await begins


async def _begins(deck: Deck, services: Services, outage: Trouble | None) -> None:
    await deck.clock.sleep(EPOCH + BEFORE - deck.clock.now())
    if outage is not None:
        services.servers[THERE].troubles.append(Lasting(outage, until=inf))


async def _songs(listener: Listener, plays: int, pause: float, reported: dict[str, float]) -> None:
    clock = listener.deck.clock
    await clock.sleep(pause)
    for number in range(plays):
        await clock.sleep(SONG)
        song = Track("Mogwai", f"Song {number} of {listener.name}", duration=SONG)
        reported[song.title] = clock.now()
        await listener.scrobble(song, started_at=clock.now() - SONG, played=SONG)
