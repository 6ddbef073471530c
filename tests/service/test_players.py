"""Players: secrets that can only report, and what is remembered of who reported and who was refused."""

from __future__ import annotations

import pytest

from tests.service.conftest import House, Room
from tonearm.service.players import FREE_REFUSALS, BadPlayer, NewPlayer, PlayerKind
from tonearm.store.players import MAX_SESSIONS

pytestmark = pytest.mark.anyio


async def a_player(room: Room, name: str = "Kitchen MPD") -> NewPlayer:
    return await room.deck.players.add(room.me.id, name, PlayerKind.AUDIOSCROBBLER)


def slowed(room: Room) -> bool:
    return room.deck.players.slowed


async def test_a_secret_is_known_again_until_it_is_revoked(house: House) -> None:
    async with house.open(deliver=False) as room:
        new = await a_player(room)
        found = await room.deck.players.by_secret(new.secret)
        assert found is not None
        assert found.name == "Kitchen MPD"
        assert await room.deck.players.by_secret(new.secret) == found
        assert new.secret not in repr(new)
        assert await room.deck.players.by_secret("nonsense") is None
        session = await room.deck.players.new_session(new.player, "1.2/mdc/0.24")
        assert (await room.deck.players.by_session(session) or (None, ""))[1] == "1.2/mdc/0.24"
        assert await room.deck.players.revoke(room.me.id, "Kitchen MPD")
        assert await room.deck.players.by_secret(new.secret) is None
        assert await room.deck.players.by_session(session) is None
        again = await a_player(room)
        assert again.player.id == new.player.id  # its old plays stay its own
        assert await room.deck.players.by_secret(again.secret) is not None


async def test_names_are_short_and_there_is_one_of_each(house: House) -> None:
    async with house.open(deliver=False) as room:
        await a_player(room)
        for name in ("Kitchen MPD", " ", "x" * 65):
            with pytest.raises(BadPlayer):
                await a_player(room, name)
        anna = await room.deck.listener("anna")
        assert await room.deck.players.add(anna.id, "Kitchen MPD", PlayerKind.PLEX)


async def test_wrong_secrets_get_slow_and_nothing_else_does(house: House) -> None:
    async with house.open(deliver=False) as room:
        began = room.now
        for _ in range(FREE_REFUSALS):
            await room.deck.players.slow_down()
        assert room.now - began < 1
        assert not slowed(room)
        for _ in range(50):
            await room.deck.players.slow_down()
        assert room.now - began > 5
        assert slowed(room)
        await room.wait(61)
        assert not slowed(room)


async def test_the_oldest_of_many_sessions_is_forgotten(house: House) -> None:
    async with house.open(deliver=False) as room:
        new = await a_player(room)
        sessions = []
        for _ in range(MAX_SESSIONS + 1):
            sessions.append(await room.deck.players.new_session(new.player, "1.2"))
            await room.wait(1)
        assert await room.deck.players.by_session(sessions[0]) is None
        assert await room.deck.players.by_session(sessions[-1]) is not None


async def test_erasing_a_listener_takes_the_players_along(house: House) -> None:
    async with house.open(deliver=False) as room:
        new = await a_player(room)
        session = await room.deck.players.new_session(new.player, "1.2")
        await room.deck.players.map_user(new.player, "them", room.me.id)
        await room.deck.personal_data.erase(room.me.id, "")
        assert await room.deck.players.by_secret(new.secret) is None
        assert await room.deck.players.by_session(session) is None
        assert await room.deck.players.of(room.me.id) == []


async def test_what_was_heard_and_refused_last_is_remembered(house: House) -> None:
    async with house.open(deliver=False) as room:
        new = await a_player(room)
        await room.deck.players.note_report(new.player, "mpdscribble 0.24", "Nina Simone – Sinnerman")
        await room.wait(5)
        await room.deck.players.note_report(new.player, "mpdscribble 0.24", "Can – Halleluwah")
        await room.deck.players.refused("Audioscrobbler", "wrong secret", likely=[new.player])
        (found,) = await room.deck.players.of(room.me.id)
        assert (found.program, found.refused_reason) == ("mpdscribble 0.24", "wrong secret")
        assert room.now - found.heard_at < 3
        last = room.deck.players.last_report(found.id)
        assert last is not None
        assert last.track == "Can – Halleluwah"
    async with house.open(deliver=False) as room:
        (found,) = await room.deck.players.of(room.me.id)
        assert (found.program, found.refused_reason) == ("mpdscribble 0.24", "wrong secret")
