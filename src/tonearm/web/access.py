"""Who asks: a bearer token or the page's cookie, from a page of our own or from no page at all.

Two guards stand before every request. The Host header must be one of ours (a stranger's name that resolves to
this machine is refused: DNS rebinding), and what changes state must not come from a foreign page.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from fastapi import HTTPException, Request

from tonearm.deck import Deck, Listener
from tonearm.store.tokens import Kind, fingerprint

COOKIE = "tonearm_session"
REMEMBERED = 30.0
"""Seconds for which a token that was let in needs no new look at the database."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Access:
    """The dependency that says who asks: 401 without a token or cookie that is known."""

    def __init__(self, deck: Deck) -> None:
        self._deck = deck
        self._known: dict[tuple[str, Kind], tuple[float, Listener]] = {}

    async def __call__(self, request: Request) -> Listener:
        """The listener who asks."""
        found = await self.listener(request)
        if found is None:
            raise HTTPException(
                401,
                "who is asking? Send 'Authorization: Bearer <token>' (tonearm token NAME makes one)",
                {"WWW-Authenticate": "Bearer"},
            )
        return found

    async def listener(self, request: Request) -> Listener | None:
        """The listener who asks; None for a stranger."""
        kind, _, secret = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and secret:
            return await self._owner(secret.strip(), Kind.API)
        cookie = request.cookies.get(COOKIE)
        return await self._owner(cookie, Kind.BROWSER) if cookie else None

    async def _owner(self, secret: str, kind: Kind) -> Listener | None:
        key, now = (fingerprint(secret), kind), self._deck.clock.now()
        until, found = self._known.get(key, (0.0, None))
        if found is not None and now < until:
            return found
        number = await self._deck.listeners.by_secret(secret, kind)
        if number is None:
            self._known.pop(key, None)
            return None
        account = await self._deck.listeners.account(number)
        listener = Listener(self._deck, account.id, account.name)
        if len(self._known) > 10_000:
            self._known.clear()
        self._known[key] = (now + REMEMBERED, listener)
        return listener

    async def forget(self, request: Request) -> None:
        """End the browser's session."""
        if cookie := request.cookies.get(COOKIE):
            self._known.pop((fingerprint(cookie), Kind.BROWSER), None)
            await self._deck.listeners.forget(cookie)


class Guard:
    """Refuses foreign hosts and foreign pages before anything else is looked at.

    `netlocs` are the names (with their ports) that this service goes by, beside localhost and plain addresses.
    """

    def __init__(self, app: App, netlocs: Iterable[str]) -> None:
        self._app = app
        self._netlocs = {netloc.lower() for netloc in netlocs}
        self._hosts = {_name(netloc) for netloc in self._netlocs} | {"localhost"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        refusal = self._refusal(scope["method"], headers)
        if refusal is not None:
            await _refuse(send, *refusal)
            return
        await self._app(scope, receive, send)

    def _refusal(self, method: str, headers: dict[bytes, bytes]) -> tuple[int, str] | None:
        host = headers.get(b"host", b"").decode("latin-1")
        if not self._is_ours(host):
            return 400, "this is not the name of this service: set TONEARM_PUBLIC_URL to the address that you use"
        if method not in ("GET", "HEAD", "OPTIONS") and self._foreign(headers, host):
            return 403, "a page of another site must not change anything here"
        return None

    def _is_ours(self, host: str) -> bool:
        name = _name(host)
        return name in self._hosts or _is_address(name)

    def _foreign(self, headers: dict[bytes, bytes], host: str) -> bool:
        origin = headers.get(b"origin")
        if origin is None:
            return headers.get(b"sec-fetch-site", b"") == b"cross-site"
        _, _, netloc = origin.decode("latin-1").lower().partition("://")
        return netloc != host.lower() and netloc not in self._netlocs


@lru_cache(256)
def _name(netloc: str) -> str:
    try:
        return urlsplit(f"//{netloc}").hostname or ""
    except ValueError:
        return ""


@lru_cache(256)
def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


async def _refuse(send: Send, status: int, words: str) -> None:
    body = b'{"detail":"' + words.encode() + b'"}'
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
