"""A listener's credentials, and how to revoke them: tokens, links and browsers, named by a part of their hash."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, select

from tonearm.store.db.schema import token
from tonearm.store.secrets.tokens import TokenKind, fingerprint

SHOWN = 8
"""Characters of a hash that identify a token without revealing it."""


@dataclass(frozen=True, slots=True)
class Admission:
    """A credential, valid from `made_at` until `expires_at` (Unix seconds; None: until it is revoked)."""

    id: str
    kind: TokenKind
    made_at: float
    expires_at: float | None


def name_of(secret: str) -> str:
    """The short name of a token, a link or a browser."""
    return fingerprint(secret)[:SHOWN]


def admissions(db: Connection, account: int, now: float) -> list[Admission]:
    """All valid credentials of this account, the oldest first."""
    alive = token.c.expires_at.is_(None) | (token.c.expires_at > now)
    rows = db.execute(select(token).where(token.c.account == account, alive).order_by(token.c.created_at, token.c.hash))
    return [Admission(row.hash[:SHOWN], TokenKind(row.kind), row.created_at, row.expires_at) for row in rows]


def revoke(db: Connection, account: int, name: str) -> bool:
    """Revoke a credential; False if this account has none with that name."""
    named = func.substr(token.c.hash, 1, SHOWN) == name.lower()
    return bool(db.execute(delete(token).where(token.c.account == account, named)).rowcount)
