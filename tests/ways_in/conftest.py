"""Players that speak their own protocols to a real service on a real socket."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from lastfm_emulator import Emulator
from tests.api.conftest import Service, running
from tests.databases import with_tables
from tonearm.service.players import NewPlayer, PlayerKind


class Room:
    """A service, and the players of its listeners."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.url = service.url

    def player(
        self, kind: str = "listenbrainz", listener: str = "me", name: str = "", *, app_key: bool = False
    ) -> NewPlayer:
        """A new player of a listener."""

        async def make() -> NewPlayer:
            who = await self.service.deck.listener(listener)
            called = name or f"{kind} of {listener}"
            return await self.service.deck.players.add(who.id, called, PlayerKind(kind), with_app_key=app_key)

        new = self.service.call(make())
        assert isinstance(new, NewPlayer)
        return new

    def revoke(self, new: NewPlayer) -> None:
        """Let a player report no more."""
        self.service.call(self.service.deck.players.revoke(new.player.account, new.player.name))

    def again(self, new: NewPlayer) -> Any:
        """The player as it is now."""
        found = self.service.call(self.service.deck.players.named(new.player.account, new.player.name))
        assert found is not None
        return found

    def plays(self) -> list[dict[str, Any]]:
        """What the listener `me` has in the history, oldest first."""
        found: list[dict[str, Any]] = self.service.http.get("/lastfm/queue?limit=500").json()["plays"]
        return found[::-1]

    def titles(self) -> list[str]:
        """The titles of it."""
        return [play["track"] for play in self.plays()]


@pytest.fixture
def room(tmp_path: Path, tables: Path) -> Iterator[Room]:
    """A service on SQLite, whose listener `me` is signed in, and sends nothing by itself."""
    with running(with_tables(tmp_path / "plays.db", tables), Emulator()) as service:
        service.http.post("/jobs/kinds/deliver/pause").raise_for_status()
        yield Room(service)


@pytest.fixture
def http(room: Room) -> Iterator[httpx2.Client]:
    """A client without any token."""
    with room.service.stranger() as client:
        yield client


def ago(seconds: float) -> int:
    """A Unix time."""
    return int(time.time() - seconds)
