"""The users of media servers: each is at most one listener, by the name that it has there."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from tests.store.rows import NOW, listener
from tonearm.store import players
from tonearm.store.db.database import Store

pytestmark = pytest.mark.anyio


async def test_a_user_of_a_media_server_is_the_listener_that_was_said_last(store: Store) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        added = players.add(db, me, "plex", "plex", "hash", "sealed", NOW)
        assert added is not None
        for _ in range(2):
            players.map_user(db, added.id, "them", me)
            assert players.users(db, added.id) == {"them": me}
        players.map_user(db, added.id, "them", None)
        assert players.users(db, added.id) == {}

    await store.write(work)
