"""What lets somebody in as a listener, and taking it back: tokens, links and browsers by a part of their hash."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, select

from tonearm.store.db.schema import token
from tonearm.store.secrets.tokens import TokenKind, fingerprint

SHOWN = 8
"""Characters of a hash that tell tokens apart, and say nothing of what they were made from."""


@dataclass(frozen=True, slots=True)
class Admission:
    """What lets somebody in, since `made_at` and until `expires_at` (Unix seconds; None: until it is revoked)."""

    id: str
    kind: TokenKind
    made_at: float
    expires_at: float | None


def name_of(secret: str) -> str:
    """What a token, a link or a browser is called."""
    return fingerprint(secret)[:SHOWN]


def admissions(db: Connection, account: int, now: float) -> list[Admission]:
    """All that lets somebody in as this account, the oldest first."""
    alive = token.c.expires_at.is_(None) | (token.c.expires_at > now)
    rows = db.execute(select(token).where(token.c.account == account, alive).order_by(token.c.created_at, token.c.hash))
    return [Admission(row.hash[:SHOWN], TokenKind(row.kind), row.created_at, row.expires_at) for row in rows]


def revoke(db: Connection, account: int, name: str) -> bool:
    """Let it in no more; False where this account has nothing of that name."""
    named = func.substr(token.c.hash, 1, SHOWN) == name.lower()
    return bool(db.execute(delete(token).where(token.c.account == account, named)).rowcount)
