"""Turns: accounts behind one API key share its requests, whatever one of them has to send."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from tests.databases import only_sqlite
from tests.service.conftest import HOUR, House, Room
from tonearm.deck import Listener
from tonearm.lastfm.rules import LASTFM
from tonearm.store.db.postgres import WRITERS

pytestmark = pytest.mark.anyio

PLACES = 8
"""Accounts that are sent beside each other."""


async def reported(room: Room, names: list[str], number: int) -> None:
    """So many plays of each listener, who is signed in by that name."""
    for name in names:
        listener: Listener = await room.deck.listener(name)
        await room.sign_in(name, listener)
        await asyncio.gather(*(room.play(n, listener=listener) for n in range(number)))


async def until_sent(room: Room, names: list[str], number: int) -> list[str]:
    """Whose batches they were, in order, once all has arrived."""
    end = room.now + HOUR
    while sum(len(room.emulator.plays(name)) for name in names) < number * len(names):
        assert room.now < end
        await room.house.clock.sleep(1)
    return [call.user for call in room.house.calls()]


@only_sqlite  # to the letter where one transaction follows the other
async def test_if_accounts_wait_for_their_turn_each_has_one_request_in_a_round(house: House) -> None:
    names = [f"listener-{n}" for n in range(PLACES + 3)]
    async with house.open(deliver=False) as room:
        await reported(room, names, 3 * LASTFM.batch)
    async with house.open(requests_per_second=4) as room:
        sent = await until_sent(room, names, 3 * LASTFM.batch)
    for number in range(1, len(sent) + 1):
        had = Counter(sent[:number])
        ahead, behind = max(had.values()), min(had[name] for name in names)
        assert ahead - behind <= 2, sent  # of those that run beside each other, one may book its slot before another
    assert set(sent[: len(names) + PLACES]) == set(names)
    assert sorted(sent) == sorted(names * 3)


async def test_a_single_play_does_not_wait_for_the_backlogs_of_others(house: House) -> None:
    names = [f"listener-{n}" for n in range(2 * PLACES)]
    async with house.open(deliver=False) as room:
        await reported(room, names, 3 * LASTFM.batch)
        await reported(room, ["late"], 1)
    async with house.open(requests_per_second=4) as room:
        await until_sent(room, names, 3 * LASTFM.batch)
    assert [call.user for call in house.calls()].index("late") <= len(names) + WRITERS
