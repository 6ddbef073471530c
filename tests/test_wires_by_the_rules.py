"""Each wire under the rules of delivery, over HTTP, with faults by chance: all plays are there once, and it is known.

The stand-ins have a clock that goes as fast as the rules allow.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from random import Random

import pytest

from tests.stand_ins import Fault, GnuFmStandIn, KoitoStandIn, ListenBrainzStandIn, MalojaStandIn, PdsStandIn, StandIn
from tests.stand_ins.pds import did_of
from tonearm.core.account import Connection
from tonearm.core.delivery import Accepted, DeliveryState, Fate, Ignored, QueuedPlay, Refused, Send, next_move
from tonearm.core.delivery_answer import next_step
from tonearm.core.destination import Rules
from tonearm.core.play import Play, Track
from tonearm.core.verdict import Verdict
from tonearm.lastfm import LastFm
from tonearm.lastfm.rules import LIBREFM
from tonearm.lastfm.servers import OPEN_KEYS, server_at
from tonearm.listenbrainz import KOITO, KOITO_API, LISTENBRAINZ, ListenBrainzClient
from tonearm.maloja import MALOJA, MalojaClient
from tonearm.rocksky import ROCKSKY, RockskyClient
from tonearm.tealfm import TEALFM, TealClient

pytestmark = pytest.mark.anyio

START = 1_795_000_000
TOKEN = "0123456789abcdef0123456789abcdef"
AGENT = "tonearm/0 ( tests )"
FAULTS = tuple(fault for fault in Fault if fault not in (Fault.NONE, Fault.BAD_REQUEST))
"""A server that refuses a play alone, twice, while it takes others, is believed."""
Submit = Callable[[Sequence[Play], bool], Awaitable[Verdict]]


@dataclass
class Line:
    """A queue with the state of its delivery, and a clock that jumps to whatever is next."""

    server: StandIn
    rules: Rules
    submit: Submit
    chance: Random
    now: float = START
    state: DeliveryState = field(default_factory=DeliveryState)
    queue: list[QueuedPlay] = field(default_factory=list)
    fates: dict[int, Fate] = field(default_factory=dict)
    level: int = 0
    closed_until: float = 0.0

    async def deliver(self, plays: Sequence[Play], faulty: float) -> None:
        """Send each when it has come, until all are settled."""
        coming = [QueuedPlay(n, play, enqueued_at=play.timestamp) for n, play in enumerate(plays, start=1)]
        for _ in range(5000):
            self.queue += [one for one in coming if one.play.timestamp <= self.now]
            coming = [one for one in coming if one.play.timestamp > self.now]
            if not self.queue and not coming:
                return
            until = await self._turn(faulty) if self.closed_until <= self.now else self.closed_until
            times = [time for time in (until, coming[0].play.timestamp if coming else None) if time is not None]
            self.now = max(self.now + 0.1, min(times, default=self.now))
        raise AssertionError(f"it never ends: {self.state} {self.queue}")

    async def _turn(self, faulty: float) -> float | None:
        if self.state.connection is Connection.NEEDS_SIGN_IN:  # somebody signs in again
            self.state = replace(self.state, connection=Connection.CONNECTED)
        move = next_move(self.state, self.queue, self.now, rules=self.rules)
        if not isinstance(move, Send):
            return move.until
        if self.chance.random() < faulty:
            self.server.fail_next(self.chance.choice(FAULTS))
        plays = [one.play for one in move.batch]
        verdict = await self.submit(plays, self.chance.random() < 0.5)
        step = next_step(
            self.state, move.batch, verdict, self.now, self.chance.random(), rules=self.rules, key_level=self.level
        )
        self.state = step.state
        self.level = step.key_throttle.level if step.key_throttle else 0
        self.closed_until = step.key_throttle.until if step.key_throttle else 0.0
        self.fates |= {settled.id: settled.fate for settled in step.settled}
        back = {one.id: one for one in step.back}
        self.queue = [back.get(one.id, one) for one in self.queue if one.id not in self.fates]
        return self.now


STAND_INS: dict[str, type[StandIn]] = {
    "listenbrainz": ListenBrainzStandIn,
    "koito": KoitoStandIn,
    "maloja": MalojaStandIn,
    "gnufm": GnuFmStandIn,
    "tealfm": PdsStandIn,
    "rocksky": PdsStandIn,
}
KINDS = tuple(STAND_INS)


async def a_line(kind: str, stack: AsyncExitStack, chance: Random) -> Line:
    def now() -> float:
        return line.now

    server: StandIn = stack.enter_context(STAND_INS[kind](now))
    server.users[TOKEN] = "anna"
    if kind == "gnufm":
        like = replace(server_at(server.url), rules=LIBREFM)
        lastfm = await stack.enter_async_context(LastFm(OPEN_KEYS, like.api_url, server=like))
        line = Line(server, LIBREFM, lambda plays, live: lastfm.scrobble(plays, TOKEN), chance)
        return line
    client: ListenBrainzClient | MalojaClient | TealClient | RockskyClient
    token = TOKEN
    if kind in ("tealfm", "rocksky"):
        client = (TealClient if kind == "tealfm" else RockskyClient)(server.url, user_agent=AGENT, now=now)
        token = json.dumps({"did": did_of("anna"), "password": TOKEN})
    elif kind == "maloja":
        client = MalojaClient(server.url, user_agent=AGENT)
    elif kind == "koito":
        client = ListenBrainzClient(server.url, user_agent=AGENT, dialect=KOITO_API)
    else:
        client = ListenBrainzClient(server.url, user_agent=AGENT)
    await stack.enter_async_context(client)
    rules = {
        "listenbrainz": LISTENBRAINZ,
        "koito": KOITO,
        "maloja": MALOJA,
        "tealfm": TEALFM,
        "rocksky": ROCKSKY,
    }[kind]
    line = Line(server, rules, lambda plays, live: client.submit(plays, token, live=live), chance)
    return line


def plays_of(chance: Random, number: int, kind: str = "") -> list[Play]:
    """A few hours of listening: half of it is waiting already when it begins. Rocksky needs albums."""
    at, plays = START - 200 * number // 2, []
    for n in range(number):
        at += chance.randrange(31, 400)
        track = Track(
            f"Artist {n % 5}",
            f"Title {n % 7}",
            f"Album {n % 3}" if n % 3 or kind == "rocksky" else "",
            duration=200.0 + n,
        )
        plays.append(Play(track, at, 180.0))
    return plays


def stored_by(server: StandIn) -> list[tuple[int, str, str]]:
    return sorted((play.timestamp, play.artist, play.title) for play in server.stored)


def named(plays: Sequence[Play]) -> list[tuple[int, str, str]]:
    return sorted((play.timestamp, play.track.artist, play.track.title) for play in plays)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", KINDS)
async def test_whatever_goes_wrong_all_plays_are_there_once_and_accepted(kind: str, seed: int) -> None:
    chance = Random(seed)
    async with AsyncExitStack() as stack:
        line = await a_line(kind, stack, chance)
        plays = plays_of(chance, 60, kind)
        await line.deliver(plays, faulty=0.3)
        assert [fate for fate in line.fates.values() if not isinstance(fate, Accepted)] == []
        assert stored_by(line.server) == named(plays)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_play_that_is_never_taken_ends_with_its_reason_and_holds_up_no_other(kind: str) -> None:
    chance = Random(7)
    async with AsyncExitStack() as stack:
        line = await a_line(kind, stack, chance)
        plays = plays_of(chance, 120, kind)
        bad = plays[40]
        line.server.bad = lambda play: play.timestamp == bad.timestamp
        await line.deliver(plays, faulty=0.0)
        assert stored_by(line.server) == named([play for play in plays if play is not bad])
        (fate,) = [fate for fate in line.fates.values() if not isinstance(fate, Accepted)]
        assert isinstance(fate, Refused | Ignored)
        assert line.rules.service in str(fate.cause if isinstance(fate, Refused) else fate.reason)


async def test_of_two_plays_in_one_second_maloja_keeps_the_first_and_the_other_has_its_reason() -> None:
    chance = Random(3)
    async with AsyncExitStack() as stack:
        line = await a_line("maloja", stack, chance)
        plays = plays_of(chance, 30)
        plays[11] = replace(plays[11], timestamp=plays[10].timestamp)
        await line.deliver(plays, faulty=0.3)
        assert len(line.server.stored) == 29
        (fate,) = [fate for fate in line.fates.values() if not isinstance(fate, Accepted)]
        assert isinstance(fate, Ignored)
        assert fate.reason == "Maloja has another play that started in the same second, and keeps only one"


@pytest.mark.parametrize("kind", KINDS)
async def test_a_server_whose_clock_is_behind_gets_its_plays_later(kind: str) -> None:
    chance = Random(5)
    async with AsyncExitStack() as stack:
        line = await a_line(kind, stack, chance)
        line.server.now = lambda: line.now - 9000
        plays = plays_of(chance, 40, kind)
        await line.deliver(plays, faulty=0.1)
        assert [fate for fate in line.fates.values() if not isinstance(fate, Accepted)] == []
        assert stored_by(line.server) == named(plays)
