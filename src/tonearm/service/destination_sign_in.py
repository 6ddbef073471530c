"""Signing in at a destination that has no tokens: on its own page, or with a name and a password.

A sign-in that has begun is held by the caller, in an encrypted text: so it survives a restart, any process can finish
it, and no listener's API key or secret is readable in it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import cast

from tonearm.clock import Clock
from tonearm.core.account import TOKEN_LIFE
from tonearm.core.destination import DestinationKind, TokenCheck
from tonearm.lastfm.destination import LastFmAccess
from tonearm.lastfm.request import Keys
from tonearm.service.outlets import APPROVED, BY_APP_PASSWORD, AppPasswordWire, ApprovedWire, DestinationWire
from tonearm.store.secrets.seal import SealBroken, SessionCipher

WITH_A_HANDLE = "enter your handle and an app password"
"""What to do at a service that listeners sign in to that way."""


@dataclass(frozen=True, slots=True)
class OwnKeys:
    """What some servers need from their listeners: an API key with its shared secret, and the address of their approval
    page. Each is "" if the server needs none, or has its page at the usual address.
    """

    api_key: str = ""
    api_secret: str = field(default="", repr=False)
    approval_url: str = ""

    @property
    def trouble(self) -> str:
        """What is wrong with them, in words for whoever entered them; "" if nothing is."""
        if bool(self.api_key) != bool(self.api_secret):
            return "an API key and its shared secret belong together: enter both"
        if any(not given.isprintable() or " " in given for given in (self.api_key, self.api_secret)):
            return "an API key and its shared secret have no blanks in them"
        return ""

    def over(self, before: LastFmAccess) -> LastFmAccess:
        """The access to begin with: parts that are not given stay as they were before."""
        keys = Keys(self.api_key, self.api_secret) if self.api_key else before.keys
        return LastFmAccess("", keys, self.approval_url.strip() or before.approval_page)


NO_KEYS = OwnKeys()


@dataclass(frozen=True, slots=True)
class NameAndPassword:
    """What a listener signs in with at the destination. The password is sent there once, and not stored; an app
    password, which can't change the account itself, is stored like a token.
    """

    name: str
    password: str = field(repr=False)
    keys: OwnKeys = NO_KEYS


@dataclass(frozen=True, slots=True)
class Approving:
    """A sign-in that has begun: the listener approves at `url`, then `state` finishes it. Both are valid until
    `expires_at` (Unix seconds).
    """

    url: str = field(repr=False)
    state: str = field(repr=False)
    expires_at: float


@dataclass(frozen=True, slots=True)
class DestinationSignIn:
    """Begins and finishes sign-ins at destinations."""

    clock: Clock
    cipher: SessionCipher

    async def begin(self, kind: DestinationKind, wire: DestinationWire, access: LastFmAccess) -> Approving | TokenCheck:
        """Where the listener approves, or why no sign-in could begin. Raises ValueError if the approval page's address
        is invalid.
        """
        begun = await cast(ApprovedWire, wire).begin(access)
        if isinstance(begun, TokenCheck):
            return begun
        url, waiting = begun
        until = self.clock.now() + TOKEN_LIFE
        return Approving(url, self.cipher.close(json.dumps([kind, wire.address, until, str(waiting)])), until)

    def begun_at(self, kind: DestinationKind, state: str) -> str:
        """The address at which a sign-in was begun; "" if this isn't a sign-in, or one at another kind of service."""
        known, address, _, _ = self._opened(state)
        return address if known == kind else ""

    async def finish(
        self, kind: DestinationKind, wire: DestinationWire, given: str | NameAndPassword, before: LastFmAccess
    ) -> tuple[TokenCheck, str]:
        """Check a token or finish a sign-in: whose it is and what to store for sending, or why there is none."""
        if kind in BY_APP_PASSWORD:
            if isinstance(given, NameAndPassword):
                return await cast(AppPasswordWire, wire).log_in(given.name, given.password)
            return TokenCheck(trouble=f"{kind.label} has no tokens: {WITH_A_HANDLE}"), ""
        if kind not in APPROVED:
            if isinstance(given, str):
                return await wire.validate(given), given
            return TokenCheck(trouble=f"{kind.label} is not signed in to with a password: enter a token"), ""
        granted = await self._granted(kind, cast(ApprovedWire, wire), given, before)
        return (granted, "") if isinstance(granted, TokenCheck) else (TokenCheck(user=granted[0]), str(granted[1]))

    async def _granted(
        self, kind: DestinationKind, wire: ApprovedWire, given: str | NameAndPassword, before: LastFmAccess
    ) -> tuple[str, LastFmAccess] | TokenCheck:
        if isinstance(given, NameAndPassword):
            return await wire.sign_in(given.keys.over(before), given.name, given.password)
        known, address, until, access = self._opened(given)
        if known != kind or address != wire.address:
            return TokenCheck(trouble=f"this sign-in wasn't started at {wire.rules.service}: start again")
        if self.clock.now() >= until:
            return TokenCheck(trouble=f"access wasn't allowed at {wire.rules.service} within an hour: start again")
        return await wire.finish(LastFmAccess.of(access))

    def kept(self, sealed: str) -> LastFmAccess:
        """What a destination keeps in a new sign-in: its keys and its approval page, without the session."""
        try:
            return replace(LastFmAccess.of(self.cipher.open(sealed)), secret="")
        except SealBroken:
            return LastFmAccess()

    def _opened(self, state: str) -> tuple[str, str, float, str]:
        try:
            kind, address, until, access = json.loads(self.cipher.open(state))
        except (SealBroken, ValueError, TypeError):
            return "", "", 0.0, ""
        return kind, address, until, access
