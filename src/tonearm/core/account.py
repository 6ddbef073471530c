"""A listener's account: its name, whether it may scrobble, and the state of a sign-in."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from tonearm.core.play import DEFAULT_THRESHOLD

TOKEN_LIFE = 3600.0
"""Seconds that Last.fm keeps a request token: https://www.last.fm/api/desktopauth"""

KEY_NOT_SET = "connected with an API key that is no longer set: sign in again, or set the key again"

SESSION_LOST = "the stored session can't be decrypted"
"""Shown for an account whose sealed session is damaged. Last.fm was not asked."""


class Connection(StrEnum):
    """The state of an account's connection to Last.fm."""

    DISCONNECTED = "disconnected"
    CONNECTED = "connected"
    NEEDS_SIGN_IN = "needs_sign_in"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class Account:
    """One listener of this service. `username` is the Last.fm name last signed in ("" before the first). `reporter` is
    the first player that reported plays (None: none yet; "": one without a name); with several players, two may report
    the same play. `api_key` is the only key that its session works with; "" before there is a session. `summed_until`
    (Unix seconds): months before it have been summed up, and a play from before it makes the sum of its month stale.
    `key_is_set` is False if that key is not among those configured now. `has_destinations`: its plays go to other
    services as well. `has_rules`: rules change the names in its reports, or once did.
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
    summed_until: int = 0
    key_is_set: bool = True
    has_destinations: bool = False
    has_rules: bool = False

    @property
    def signed_in(self) -> bool:
        """Whether this account's plays may be queued; True also while an ended session waits for a new sign-in."""
        return self.connection is not Connection.DISCONNECTED

    def key_among(self, keys: Sequence[str]) -> str:
        """The API key for its requests: its own if it is among these, otherwise the first of these."""
        return self.api_key if self.api_key in keys else keys[0]

    def under(self, keys: Collection[str]) -> Account:
        """The account as it is with these API keys configured: without its own key it needs a sign-in, until that key
        is configured again.

        If none is configured at all (only ""), a sign-in would not help, and the account is returned unchanged.
        """
        if self.connection is not Connection.CONNECTED or self.api_key in keys or not any(keys):
            return self
        return replace(self, connection=Connection.NEEDS_SIGN_IN, key_is_set=False)


class LoginState(StrEnum):
    """A sign-in: requested, granted by the listener, or over."""

    ASKED = "asked"
    GRANTED = "granted"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Login:
    """A sign-in that a listener requested at `asked_at` (Unix seconds). It is finished with the same API key."""

    account: int
    asked_at: float
    state: LoginState = LoginState.ASKED
    api_key: str = field(default="", repr=False)

    def at(self, now: float) -> LoginState:
        """The state at `now` (Unix seconds): a sign-in that was not granted expires with Last.fm's token."""
        late = self.state is LoginState.ASKED and now - self.asked_at >= TOKEN_LIFE
        return LoginState.EXPIRED if late else self.state
