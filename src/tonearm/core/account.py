"""A listener's account: who it is, whether it may scrobble, and how a sign-in stands."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tonearm.core.play import DEFAULT_THRESHOLD

TOKEN_LIFE = 3600.0
"""Seconds that Last.fm keeps a request token: https://www.last.fm/api/desktopauth"""


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
    may tell of one play.
    """

    id: int
    name: str
    connection: Connection = Connection.DISCONNECTED
    username: str = ""
    enabled: bool = True
    threshold: int = DEFAULT_THRESHOLD
    reporter: str | None = None
    several_reporters: bool = False

    @property
    def signed_in(self) -> bool:
        """Whether plays of this account may be queued: also while a dead session waits for a new sign-in."""
        return self.connection is not Connection.DISCONNECTED


class LoginState(StrEnum):
    """A sign-in: asked for, granted by the listener, or over."""

    ASKED = "asked"
    GRANTED = "granted"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Login:
    """A sign-in that a listener asked for at `asked_at` (Unix seconds)."""

    account: int
    asked_at: float
    state: LoginState = LoginState.ASKED

    def at(self, now: float) -> LoginState:
        """The state at a moment: what was only asked for expires with Last.fm's token."""
        late = self.state is LoginState.ASKED and now - self.asked_at >= TOKEN_LIFE
        return LoginState.EXPIRED if late else self.state
