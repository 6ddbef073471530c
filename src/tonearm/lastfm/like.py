"""Clients for other servers that speak Last.fm's API, as destinations for plays: Libre.fm, any GNU FM, and others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import md5
from http import HTTPStatus
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tonearm.core.destination import AccessPart, Rules, TokenCheck
from tonearm.core.play import Play, Track
from tonearm.core.verdict import Verdict
from tonearm.http_exchange import (
    PATIENCE,
    HttpClient,
    Patience,
    TransportError,
    base_address,
    host_of,
    plain,
    redirected,
    unreachable,
)
from tonearm.lastfm.client import API_URL, LastFm
from tonearm.lastfm.methods.auth import APPROVAL_URL, approval_url, mobile_session, session, token
from tonearm.lastfm.request import Keys, Request
from tonearm.lastfm.response import Answer, Exchange, Refusal
from tonearm.lastfm.rules import LASTFM, gnu_fm, like_lastfm
from tonearm.lastfm.servers import LIBREFM_SERVER, OPEN_KEYS, LastFmServer, server_at
from tonearm.lastfm.types import Session

_WRONG = 4
_KEY_REFUSED = 10
_NOT_APPROVED = 14
_EXPIRED = 15
_PASSING = (8, 11, 16, 29)

LASTFM_SERVER = LastFmServer(LASTFM, API_URL, APPROVAL_URL)
"""Last.fm itself, for a listener's second profile."""


@dataclass(frozen=True, slots=True)
class SignInPage:
    """A sign-in that has begun: the listener approves at `url`, then `token` is exchanged for the session, within an
    hour.
    """

    token: str = field(repr=False)
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class GrantedSession:
    """A session: its user, and the key that plays are sent with."""

    user: str
    key: str = field(repr=False)


class LastFmLikeClient:
    """A client for another server that speaks Last.fm's API. Never raises for anything that the server or the network
    does.

    `url` is the address as a listener enters it (ValueError says what is wrong with it), and `address` is the one that
    is used. `approval_page` is the page where listeners approve, if it isn't at the usual address; `keys` are for
    servers that issue API keys of their own; `gnu_fm` says that the server is known to run GNU FM. Without `http`, it
    opens an httpx2 client of its own; one that is passed in is never closed. `pace` is awaited before each request;
    `on_date` is called with the server's Unix time and the round trip in seconds.
    """

    def __init__(
        self,
        url: str = LIBREFM_SERVER.api_url,
        *,
        user_agent: str,
        keys: Keys = OPEN_KEYS,
        approval_page: str = "",
        http: HttpClient | None = None,
        pace: Callable[[], Awaitable[None]] | None = None,
        on_date: Callable[[float, float], None] | None = None,
        patience: Patience = PATIENCE,
        gnu_fm: bool = False,
    ) -> None:
        self.server = _server(url, approval_page, runs_gnu_fm=gnu_fm)
        self._keys = keys
        self._lastfm = LastFm(
            keys,
            self.server.api_url,
            http=http,
            user_agent=user_agent,
            pace=pace,
            on_date=on_date,
            patience=patience,
            server=None if self.server is LASTFM_SERVER else self.server,
        )

    @property
    def address(self) -> str:
        """The address that requests go to."""
        return self.server.api_url

    @property
    def rules(self) -> Rules:
        """What this server accepts."""
        return self.server.rules

    async def submit(self, plays: Sequence[Play], token: str, *, live: bool) -> Verdict:
        """Send plays; `token` is the session key. Raises ValueError unless there are 1 to `rules.batch` of them."""
        return await self._lastfm.scrobble(plays, token)

    async def playing_now(self, track: Track, token: str) -> Verdict:
        """Report what is playing now."""
        return await self._lastfm.now_playing(track, token)

    async def feedback(self, track: Track, token: str, *, loved: bool) -> Verdict:
        """Love or unlove a track. Doing so twice is fine."""
        write = self._lastfm.love if loved else self._lastfm.unlove
        return await write(track.artist, track.title, token)

    async def begin_sign_in(self) -> SignInPage | TokenCheck:
        """Where the listener approves, or, in words for the listener, why no sign-in could begin."""
        exchange = await self._lastfm.exchange(token())
        if isinstance(exchange.outcome, Answer):
            issued = exchange.outcome.value
            page = approval_url(self._keys.api_key, token=issued, base=self.server.approval_url)
            return SignInPage(issued, page)
        return self._trouble(exchange)

    async def finish_sign_in(self, issued: str) -> GrantedSession | TokenCheck:
        """The session that was approved, or, in words for the listener, why there is none. Ask again if that is
        `passing`.

        A lost answer may have used up the token: then begin the sign-in again.
        """
        exchange = await self._lastfm.exchange(session(issued))
        if isinstance(exchange.outcome, Answer):
            granted = exchange.outcome.value
            return GrantedSession(granted.name, granted.key)
        if isinstance(exchange.outcome, Refusal) and exchange.outcome.cause.error_code in (_WRONG, _EXPIRED):
            return TokenCheck(trouble=f"this approval has expired, or was used already: start again at {self._name}")
        return self._trouble(exchange)

    async def sign_in(self, name: str, password: str) -> GrantedSession | TokenCheck:
        """A session for a name and a password, or, in words for the listener, why there is none. The password is not
        kept. Over plain http the password itself is not sent, but a digest of it is, which works in its place at GNU
        FM.
        """
        if not name.strip() or not password:
            return TokenCheck(trouble="enter a name and a password")
        exchange = await self._lastfm.exchange(_by_password(name.strip(), password, self.address))
        outcome = exchange.outcome
        if isinstance(outcome, Answer):
            return GrantedSession(outcome.value.name, outcome.value.key)
        if isinstance(outcome, Refusal) and outcome.cause.error_code == _WRONG:
            return TokenCheck(trouble=f"{self._name} doesn't accept this name and password")
        return self._trouble(exchange, (password,))

    @property
    def _name(self) -> str:
        return self.rules.service

    def _trouble(self, exchange: Exchange[str] | Exchange[Session], secrets: Sequence[str] = ()) -> TokenCheck:
        service, reply = self._name, exchange.reply
        if isinstance(reply, TransportError):
            return TokenCheck(
                trouble=plain(unreachable(reply, self.address), []), passing=True, part=AccessPart.ADDRESS
            )
        if isinstance(exchange.outcome, Refusal):
            cause = exchange.outcome.cause
            if cause.error_code == _NOT_APPROVED:
                return TokenCheck(trouble=f"not approved yet at {service}", passing=True, pending=True)
            if cause.error_code == _KEY_REFUSED:
                wants = f"{service} requires an API key of its own: enter one, with its shared secret"
                return TokenCheck(trouble=wants, part=AccessPart.API_KEY)
            return TokenCheck(trouble=plain(str(cause), secrets), passing=cause.error_code in _PASSING)
        status = reply.status
        if 300 <= status < 400:
            return TokenCheck(trouble=plain(redirected(reply, self.address), secrets), part=AccessPart.ADDRESS)
        if status >= 500 or status == HTTPStatus.TOO_MANY_REQUESTS:
            return TokenCheck(trouble=f"{service} can't answer now (HTTP {status}): try again later", passing=True)
        what = f"the server there doesn't speak Last.fm's API (HTTP {status}): check the address"
        return TokenCheck(trouble=what, part=AccessPart.ADDRESS)

    async def close(self) -> None:
        """Close its own HTTP client; `async with` does so at the end."""
        await self._lastfm.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _by_password(name: str, password: str, url: str) -> Request[Session]:
    """GNU FM wants a digest, with the name in lower case; Last.fm and others want the password, over https."""
    digest = md5(password.encode(), usedforsecurity=False).hexdigest()
    proof = md5(f"{name.lower()}{digest}".encode(), usedforsecurity=False).hexdigest()
    asked = mobile_session(name, password)
    params = {"username": name, "authToken": proof}
    return replace(asked, params={**asked.params, **params} if url.startswith("https:") else params)


def _server(url: str, approval_page: str, *, runs_gnu_fm: bool) -> LastFmServer:
    base = base_address(url)
    host = urlsplit(base).hostname
    if host in ("libre.fm", "www.libre.fm"):
        return LIBREFM_SERVER
    if host in (urlsplit(API_URL).hostname, "last.fm", "www.last.fm"):
        return LASTFM_SERVER
    name = host_of(base)
    return server_at(url, approval_url=approval_page, rules=gnu_fm(name) if runs_gnu_fm else like_lastfm(name))
