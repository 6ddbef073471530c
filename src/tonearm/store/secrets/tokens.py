"""Credentials: API tokens, one-time links and browser sessions. Only their hashes are stored."""

from __future__ import annotations

from enum import StrEnum
from hashlib import sha256

from sqlalchemy import Connection, delete, insert, select, update

from tonearm.core.account import Login, LoginState
from tonearm.store.db.schema import login, token

LOGINS_KEPT = 7 * 86400.0
"""Seconds for which a late return from a sign-in still gets the reason why it is too late."""


class TokenKind(StrEnum):
    """A token for programs, a link that signs in a browser once, or a browser's session."""

    API = "api"
    LINK = "link"
    BROWSER = "browser"


def fingerprint(secret: str) -> str:
    """The hash that is stored for a secret. The secrets are long and random, so a plain hash is enough."""
    return sha256(secret.encode()).hexdigest()


def add(
    db: Connection, account: int, secret: str, kind: TokenKind, now: float, expires_at: float | None = None
) -> None:
    """Store a new token of an account."""
    db.execute(delete(token).where(token.c.expires_at < now))
    db.execute(
        insert(token).values(
            hash=fingerprint(secret), account=account, kind=kind, created_at=now, expires_at=expires_at
        )
    )


def owner(db: Connection, secret: str, kinds: tuple[TokenKind, ...], now: float) -> int | None:
    """The account that a token belongs to; None for an unknown or expired one."""
    alive = (token.c.expires_at.is_(None)) | (token.c.expires_at > now)
    return db.execute(
        select(token.c.account).where(token.c.hash == fingerprint(secret), token.c.kind.in_(kinds), alive)
    ).scalar()


def use_link(db: Connection, secret: str, now: float) -> int | None:
    """The account of a one-time link, which this uses up."""
    link = delete(token).where(token.c.hash == fingerprint(secret), token.c.kind == TokenKind.LINK)
    used = db.execute(link.returning(token.c.account, token.c.expires_at)).first()
    return used.account if used and (used.expires_at is None or used.expires_at > now) else None


def end_links(db: Connection, account: int) -> None:
    """End all one-time links of an account."""
    db.execute(delete(token).where(token.c.account == account, token.c.kind == TokenKind.LINK))


def forget(db: Connection, secret: str) -> None:
    """End a browser session or an API token."""
    db.execute(delete(token).where(token.c.hash == fingerprint(secret)))


def any_browser(db: Connection, account: int, now: float) -> bool:
    """Whether a browser is signed in for this account, as far as is known here."""
    alive = (token.c.expires_at.is_(None)) | (token.c.expires_at > now)
    wanted = select(token.c.hash).where(token.c.account == account, token.c.kind == TokenKind.BROWSER, alive).limit(1)
    return db.execute(wanted).first() is not None


def ask_login(db: Connection, account: int, secret: str, flow: str, api_key: str, now: float) -> None:
    """Record that a listener began to sign in; `secret` is what the answer will contain."""
    hashed = fingerprint(secret)
    db.execute(delete(login).where((login.c.hash == hashed) | (login.c.asked_at < now - LOGINS_KEPT)))
    asked = {"account": account, "flow": flow, "state": LoginState.ASKED, "api_key": api_key, "asked_at": now}
    db.execute(insert(login).values(hash=hashed, **asked))


def find_login(db: Connection, secret: str) -> Login | None:
    """The sign-in that a secret belongs to."""
    row = db.execute(select(login).where(login.c.hash == fingerprint(secret))).first()
    return Login(row.account, row.asked_at, LoginState(row.state), row.api_key) if row else None


def end_login(db: Connection, secret: str, state: LoginState) -> None:
    """Note that a sign-in was granted, or is over."""
    db.execute(update(login).where(login.c.hash == fingerprint(secret)).values(state=state))
