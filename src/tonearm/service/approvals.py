"""Programs that ask to report for somebody, and wait until that listener allows it in a browser."""

from __future__ import annotations

import secrets
from functools import partial

from sqlalchemy import Connection

from tonearm.clock import Clock
from tonearm.service.brake import Brake
from tonearm.store import approvals, players
from tonearm.store.approvals import Approval
from tonearm.store.db.database import Store
from tonearm.store.players import StoredPlayer
from tonearm.store.secrets.tokens import fingerprint

LIFE = 3600.0
"""Seconds for which a token may be approved, as at Last.fm."""

FREE_TOKENS = 30
"""Tokens that are issued without delay: anybody can request one, and each is stored."""

TOKENS_PER_SECOND = 5.0


class Approvals:
    """The tokens that wait for approval. They survive a restart, and any process on the database knows them."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._brake = Brake(clock, FREE_TOKENS, TOKENS_PER_SECOND)

    async def ask(self, program: str) -> str:
        """A new token; `program` is the name that the program sends ("" if it sends none). Raises StoreUnavailable."""
        await self._brake.wait()
        token = secrets.token_hex(16)
        asked = partial(approvals.ask, token_hash=fingerprint(token), program=program, now=self._clock.now())
        await self._store.write(asked)
        return token

    async def find(self, token: str) -> Approval | None:
        """The request for approval with this token; None for an unknown token."""
        return await self._store.read(partial(approvals.find, token_hash=fingerprint(token)))

    def is_expired(self, approval: Approval) -> bool:
        """Whether it is too late to approve that request."""
        return self._clock.now() - approval.asked_at > LIFE

    async def allow(self, token: str, player: StoredPlayer) -> None:
        """Let the program report as this player."""
        await self._store.write(partial(approvals.allow, token_hash=fingerprint(token), player_id=player.id))

    async def session(self, token: str, player: StoredPlayer, protocol: str) -> str | None:
        """A session for an approved token, which gives only one; None if another request has fetched it meanwhile."""
        session = secrets.token_hex(16)
        fetched = partial(
            _fetched,
            token_hash=fingerprint(token),
            session_hash=fingerprint(session),
            player_id=player.id,
            protocol=protocol,
            now=self._clock.now(),
        )
        return session if await self._store.write(fetched) else None


def _fetched(db: Connection, token_hash: str, session_hash: str, player_id: int, protocol: str, now: float) -> bool:
    if not approvals.spend(db, token_hash):
        return False
    players.add_session(db, player_id, session_hash, protocol, now)
    return True
