"""Signing in: Last.fm's three-legged flow, from the request to the encrypted session, and signing out.

https://www.last.fm/api/webauth and https://www.last.fm/api/desktopauth. The flow has no `state` parameter, so a
one-time value of our own in the callback's address binds the answer to the listener who asked.
"""

from __future__ import annotations

import secrets
from asyncio import Lock
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urlencode

from sqlalchemy import Connection

from tonearm.clock import Clock
from tonearm.core.account import TOKEN_LIFE, LoginState
from tonearm.core.event import AuthChanged
from tonearm.lastfm.error import LastFmError, TokenExpired, TokenNotApproved, TokenUnknown
from tonearm.lastfm.types import Session
from tonearm.service.events import EventHub
from tonearm.service.keyring import ApiKey, Keyring
from tonearm.store import accounts, plays, queue, runs
from tonearm.store.db.database import Store
from tonearm.store.line import QueueState
from tonearm.store.queue import Others
from tonearm.store.secrets import tokens
from tonearm.store.secrets.seal import SessionCipher

AT_ONCE = 250
"""Plays that one transaction discards: others' plays are written in between."""


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Last.fm refused, or is unavailable. `error_code` is its error code, if it named one."""

    error_code: int | None
    message: str


@dataclass(frozen=True, slots=True)
class AuthStart:
    """Where to send the listener. `token` finishes the desktop flow; it is None in the web flow."""

    auth_url: str
    token: str | None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The listener is connected; `drains` plays that wait for this Last.fm user are sent now. `others`: plays that wait
    for other Last.fm users, who were signed in before.
    """

    username: str
    drains: int
    others: tuple[Others, ...] = ()


@dataclass(frozen=True, slots=True)
class SignedOut:
    """The session of a Last.fm user is forgotten; `plays` of theirs are kept, or were discarded. `others`: plays that
    wait for other Last.fm users, which stay.
    """

    username: str
    plays: int
    others: tuple[Others, ...] = ()


@dataclass(frozen=True, slots=True)
class Pending:
    """Not approved yet; ask again."""


@dataclass(frozen=True, slots=True)
class SignInExpired:
    """The token's hour is over: start again."""


@dataclass(frozen=True, slots=True)
class NotAsked:
    """The token is unknown, used, or requested by somebody else, or its profile gets plays already; `reason` says
    which. `granted`: this listener was signed in by the same sign-in before.
    """

    reason: str
    granted: bool = False


SignInResult = SignedIn | Pending | SignInExpired | NotAsked | Unreachable


@dataclass(frozen=True, slots=True)
class SignIn:
    """Sign-ins of this service's listeners. `auth_url` is Last.fm's page, `callback` the address of ours. `why_not`
    says why an account can't be connected to a Last.fm user; "" if it can.
    """

    store: Store
    clock: Clock
    keyring: Keyring
    seal: SessionCipher
    event_hub: EventHub
    hint: Callable[[int], None]
    auth_url: str
    why_not: Callable[[Connection, int, str], str] = lambda _db, _account, _user: ""
    _finishing: defaultdict[int, Lock] = field(default_factory=lambda: defaultdict(Lock))
    """Whoever reloads the page of a slow sign-in waits for what comes of it: Last.fm gives a session only once."""

    async def desktop(self, account: int) -> AuthStart | Unreachable:
        """Begin the desktop flow: a token to approve and to finish with."""
        key = await self.keyring.for_sign_in(self.clock.now())
        try:
            token = await key.urgent.get_token()
        except LastFmError as error:
            return Unreachable(error.error_code, error.message)
        await self._remember(account, token, "desktop", key)
        return self._desktop(key.name, token)

    async def asked(self, account: int, token: str) -> tuple[AuthStart, float] | None:
        """A desktop flow that this listener has begun, and until when (Unix seconds) it can be finished."""
        login = await self.store.read(partial(tokens.find_login, secret=token))
        if login is None or login.account != account or login.at(self.clock.now()) is not LoginState.ASKED:
            return None
        return self._desktop(login.api_key, token), login.asked_at + TOKEN_LIFE

    async def cancel(self, account: int, token: str) -> None:
        """Cancel a desktop flow of this listener: its token no longer works here."""
        if await self.asked(account, token):
            await self.store.write(partial(tokens.end_login, secret=token, state=LoginState.EXPIRED))

    def _desktop(self, api_key: str, token: str) -> AuthStart:
        return AuthStart(f"{self.auth_url}?{urlencode({'api_key': api_key, 'token': token})}", token)

    async def web(self, account: int, callback: str) -> AuthStart:
        """Begin the web flow: Last.fm sends the browser to `callback` with a token and our one-time value."""
        once = secrets.token_urlsafe(24)
        key = await self.keyring.for_sign_in(self.clock.now())
        await self._remember(account, once, "web", key)
        back = f"{callback}?{urlencode({'login': once})}"
        return AuthStart(f"{self.auth_url}?{urlencode({'api_key': key.name, 'cb': back})}", None)

    async def _remember(self, account: int, secret: str, flow: str, key: ApiKey) -> None:
        now = self.clock.now()
        ask = partial(tokens.ask_login, account=account, secret=secret, flow=flow, api_key=key.name, now=now)
        await self.store.write(ask)

    async def finish(self, account: int, token: str, once: str | None = None) -> SignInResult:
        """Exchange the token for a session. `once` is the one-time value that the web flow returns."""
        async with self._finishing[account]:
            return await self._finish(account, token, token if once is None else once)

    async def _finish(self, account: int, token: str, secret: str) -> SignInResult:
        login = await self.store.read(partial(tokens.find_login, secret=secret))
        if login is None or login.account != account:
            return NotAsked("this sign-in wasn't started by this listener: start again")
        match login.at(self.clock.now()):
            case LoginState.GRANTED:
                return NotAsked("this token was already used: start again", granted=True)
            case LoginState.EXPIRED:
                return SignInExpired()
            case LoginState.ASKED:
                key = self.keyring.get(login.api_key)
                if key is None:
                    return NotAsked("this sign-in was started with an API key that is no longer set: start again")
                return await self._trade(account, token, secret, key)

    async def _trade(self, account: int, token: str, secret: str, key: ApiKey) -> SignInResult:
        try:
            session = await key.urgent.get_session(token)
        except TokenNotApproved:
            return Pending()
        except TokenExpired:
            await self.store.write(partial(tokens.end_login, secret=secret, state=LoginState.EXPIRED))
            return SignInExpired()
        except TokenUnknown:
            return NotAsked("Last.fm doesn't know this token, or it was already used: start again")
        except LastFmError as error:
            return Unreachable(error.error_code, error.message)
        signed_in = await self.store.write(partial(self._keep, account, session, secret, key))
        if isinstance(signed_in, NotAsked):
            return signed_in
        self.event_hub.publish(account, AuthChanged("connected", session.name))
        self.hint(account)
        return signed_in

    def _keep(self, account: int, session: Session, secret: str, key: ApiKey, db: Connection) -> SignedIn | NotAsked:
        accounts.lock(db, [account])
        if why_not := self.why_not(db, account, session.name):
            return NotAsked(why_not)
        accounts.sign_in(db, account, session.name, self.seal.close(session.key), key.name)
        runs.end_others(db, account, session.name.casefold(), self.clock.now())
        tokens.end_login(db, secret, LoginState.GRANTED)
        waiting = queue.count(db, account, session.name.casefold(), self.clock.now())
        return SignedIn(session.name, waiting.queued - waiting.held_for_others, waiting.others)

    async def sign_out(self, account: int, discard: bool) -> SignedOut:
        """Forget the session; plays that wait for its Last.fm user stay on hold for them, or are discarded. Plays that
        wait for others stay. Plays being sent at this moment are discarded as well, unless Last.fm answers that it has
        them.
        """

        def leave(db: Connection) -> tuple[str, int]:
            accounts.lock(db, [account])
            username = accounts.by_id(db, [account])[account].username
            accounts.sign_out(db, account)  # first, so that nothing that is to be discarded is sent any more
            runs.end_others(db, account, "", self.clock.now())
            return username, 0 if discard else queue.waiting_for(db, account, username.casefold())

        username, total = await self.store.write(leave)
        user = username.casefold()
        if discard:
            total = await self._discard(account, user, "discarded when the profile was disconnected")
        left = SignedOut(username, total, await self.store.read(lambda db: queue.others(db, account, user)))
        self.event_hub.publish(account, AuthChanged("disconnected", left.username))
        self.hint(account)
        return left

    async def discard_for(self, account: int, username: str) -> int:
        """Discard the plays that wait for a Last.fm user, whoever is signed in; returns how many. They stay in the
        history. Plays being sent at this moment are discarded as well, unless Last.fm answers that it has them.
        """
        user = username.casefold()
        total = await self._discard(account, user, f"discarded by the listener with every play waiting for {username}")
        self.hint(account)
        return total

    async def _discard(self, account: int, user: str, reason: str) -> int:
        """Discard everything that waits for a Last.fm user now, in parts; returns how many plays that was."""
        now, total, after = self.clock.now(), 0, 0
        last = await self.store.read(plays.last)

        def part(db: Connection) -> list[int]:
            accounts.lock(db, [account])
            waiting = queue.in_queue(db, account, user, after, last, AT_ONCE)
            rows_ = queue.rows(db, waiting)
            plays.mark_unanswered(
                db, (one for one, queue_status in rows_.items() if queue_status.state is QueueState.SENDING)
            )
            plays.settle(db, waiting, "discarded", now, reason=reason)
            queue.remove(db, waiting)
            return waiting

        while found := await self.store.write(part):
            total, after = total + len(found), found[-1]
        return total
