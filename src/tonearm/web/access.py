"""Access: requests need a bearer token or the page's cookie, and must come from the service's own page or from no page
at all.

Three checks come before every request. The Host header must be one of ours (another name that resolves to this machine
is rejected: DNS rebinding), requests that change state must not come from another site's page, and bodies are only read
from known listeners.
"""

from __future__ import annotations

import ipaddress
from collections.abc import MutableMapping
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from tonearm.deck import Deck, Listener
from tonearm.service.door import TokenKind, fingerprint
from tonearm.web import address
from tonearm.web.address import cookie_name

if TYPE_CHECKING:
    from fastapi import HTTPException

REMEMBERED = 30.0
"""Seconds for which an accepted token is not looked up again in the database."""


class Access:
    """The dependency that identifies the listener: 401 without a valid token or cookie."""

    def __init__(self, deck: Deck) -> None:
        self._deck = deck
        self._known: dict[tuple[str, TokenKind], tuple[float, Listener]] = {}
        self._changes = 0
        deck.event_hub.not_admitted.append(self._no_longer)

    async def __call__(self, request: Request) -> Listener:
        """The listener who makes the request."""
        found = await self.listener(request)
        if found is None:
            raise _not_signed_in()
        return found

    async def listener(self, request: Request) -> Listener | None:
        """The listener who makes the request; None for an unknown caller."""
        kind, _, secret = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and secret:
            return await self._owner(secret.strip(), TokenKind.API)
        cookie = request.cookies.get(cookie_name(request))
        return await self._owner(cookie, TokenKind.BROWSER) if cookie else None

    async def _owner(self, secret: str, kind: TokenKind) -> Listener | None:
        key, now = (fingerprint(secret), kind), self._deck.clock.now()
        until, found = self._known.get(key, (0.0, None))
        if found is not None and now < until:
            return found
        changes = self._changes
        account_id = await self._deck.accounts.by_secret(secret, kind)
        if account_id is None:
            self._known.pop(key, None)
            return None
        account = await self._deck.accounts.account(account_id)
        listener = Listener(self._deck, account.id, account.name)
        if len(self._known) > 10_000:
            self._known.clear()
        if self._changes == changes:  # otherwise it may have been read before the access was revoked
            self._known[key] = (now + REMEMBERED, listener)
        return listener

    def _no_longer(self, account: int | None) -> None:
        """Note that a credential of this account was revoked; None: of any account."""
        self._changes += 1
        self._known = {key: (until, me) for key, (until, me) in self._known.items() if account not in (None, me.id)}

    async def forget(self, request: Request) -> None:
        """End the browser's session."""
        if cookie := request.cookies.get(cookie_name(request)):
            self._known.pop((fingerprint(cookie), TokenKind.BROWSER), None)
            await self._deck.accounts.forget(cookie)


def _not_signed_in() -> HTTPException:
    from fastapi import HTTPException

    return HTTPException(
        401,
        "missing or unknown token: send 'Authorization: Bearer <token>' ('tonearm token NAME' makes one)",
        {"WWW-Authenticate": "Bearer"},
    )


class Guard:
    """Rejects foreign hosts and foreign pages before anything else is read, and unknown callers without reading their
    bodies.

    `public_url` is the address that this service goes by, beside localhost and plain addresses; "" if it has none.
    """

    def __init__(self, app: ASGIApp, access: Access, public_url: str) -> None:
        self._app = app
        self._access = access
        self._url = public_url
        public = urlsplit(public_url)
        self._host, self._scheme = public.hostname or "", public.scheme
        self._origin = _origin(public.scheme, public.netloc)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await _refuse(send, *refusal)
            return
        # The client went away while sending: there is nobody to answer.
        with address.public(self._url, scope), suppress(ClientDisconnect):
            await self._app(scope, self._known_first(scope, receive) if _has_body(scope) else receive, send)

    def _known_first(self, scope: Scope, receive: Receive) -> Receive:
        known = False

        async def read() -> MutableMapping[str, Any]:
            nonlocal known
            if not known and await self._access.listener(Request(scope)) is None:
                raise _not_signed_in()
            known = True
            return await receive()

        return read

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        hosts = _values(scope, b"host")
        if len(hosts) > 1:
            return 400, "send exactly one Host header"
        if not self._is_ours(hosts[0] if hosts else ""):
            return 400, "unknown host name: set TONEARM_PUBLIC_URL to the address that you use"
        if scope["method"] not in ("GET", "HEAD", "OPTIONS") and self._foreign(scope, hosts[0]):
            message = "another site's page may not change anything here"
            return 403, f"{message}; behind a proxy, set TONEARM_PUBLIC_URL to the address that you use"
        return None

    def _is_ours(self, host: str) -> bool:
        name = _name(host)
        return (name in (self._host, "localhost") and name != "") or _is_address(name)

    def _foreign(self, scope: Scope, host: str) -> bool:
        origins = _values(scope, b"origin")
        if not origins:
            return "cross-site" in _values(scope, b"sec-fetch-site")
        return any(not self._is_same(origin, scope["scheme"], host) for origin in origins)

    def _is_same(self, origin: str, scheme: str, host: str) -> bool:
        """Whether the request comes from a page of this service: the scheme counts, too, as far as it is known here."""
        theirs = _origin(*origin.partition("://")[::2])
        if (
            self._origin and _origin(self._scheme, host) == self._origin
        ):  # the public address, whose scheme a proxy may hide
            scheme = self._scheme
        return theirs is not None and theirs in (self._origin, _origin(scheme, host))


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def _has_body(scope: Scope) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in scope["headers"]
    )


@lru_cache(256)
def _origin(scheme: str, netloc: str) -> tuple[str, str, int | None] | None:
    """Scheme, host name and port of an origin; None if it isn't a valid one."""
    try:
        parts = urlsplit(f"//{netloc}")
        name, port = parts.hostname, parts.port
    except ValueError:
        return None
    usual = {"http": 80, "https": 443}.get(scheme.lower())
    return (scheme.lower(), name, port or usual) if name and usual else None


@lru_cache(256)
def _name(netloc: str) -> str:
    if any(sign in netloc for sign in "@/?#\\"):
        return ""
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


async def _refuse(send: Send, status: int, message: str) -> None:
    body = b'{"detail":"' + message.encode() + b'"}'
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
