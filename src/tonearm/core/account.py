"""A listener's account: who it is, whether it may scrobble, and how a sign-in stands."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from tonearm.core.play import DEFAULT_THRESHOLD

TOKEN_LIFE = 3600.0
"""Seconds that Last.fm keeps a request token: https://www.last.fm/api/desktopauth"""

KEY_NOT_SET = "connected with an API key that is no longer set: sign in again, or set the key again"

SESSION_LOST = "the session that is kept here cannot be opened"
"""What is in the way of an account whose sealed session is damaged. Last.fm knows nothing of it."""


class Connection(StrEnum):
    """How an account stands with Last.fm."""

    DISCONNECTED = "disconnected"
    CONNECTED = "connected"
    NEEDS_SIGN_IN = "needs_sign_in"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class Account:
    """One listener of this service. `username` is the Last.fm name last signed in ("" before the first).

    `reporter` is the first that reported plays (None: nobody yet; "": one without a name); with several of them, two
    may tell of one play. `api_key` is the one that its session was made with, and is good with alone; "" before there
    is one. `key_is_set` is False where that key is not among those that are set now.
    """

    id: int
    name: str
    connection: Connection = Connection.DISCONNECTED
    username: str = ""
    enabled: bool = True
    threshold: int = DEFAULT_THRESHOLD
    reporter: str | None = None
    several_reporters: bool = False
    api_key: str = field(default="", repr=False)
    key_is_set: bool = True

    @property
    def signed_in(self) -> bool:
        """Whether plays of this account may be queued: also while a dead session waits for a new sign-in."""
        return self.connection is not Connection.DISCONNECTED

    def key_among(self, keys: Sequence[str]) -> str:
        """The API key that its requests go with: its own, or the first of these where that is none of them."""
        return self.api_key if self.api_key in keys else keys[0]

    def under(self, keys: Collection[str]) -> Account:
        """The account where these API keys are set: without its own it needs a sign-in, until that is set again.

        Where none is set at all (there is none but ""), a sign-in would be of no use.
        """
        if self.connection is not Connection.CONNECTED or self.api_key in keys or not any(keys):
            return self
        return replace(self, connection=Connection.NEEDS_SIGN_IN, key_is_set=False)


class LoginState(StrEnum):
    """A sign-in: asked for, granted by the listener, or over."""

    ASKED = "asked"
    GRANTED = "granted"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Login:
    """A sign-in that a listener asked for at `asked_at` (Unix seconds), and that is finished with the same API key."""

    account: int
    asked_at: float
    state: LoginState = LoginState.ASKED
    api_key: str = field(default="", repr=False)

    def at(self, now: float) -> LoginState:
        """The state at a moment: what was only asked for expires with Last.fm's token."""
        late = self.state is LoginState.ASKED and now - self.asked_at >= TOKEN_LIFE
        return LoginState.EXPIRED if late else self.state
