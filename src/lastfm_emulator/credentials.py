"""API keys, tokens and sessions: https://www.last.fm/api/authspec."""

from __future__ import annotations

import string
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import random

TOKEN_LIFE: Final = 60 * 60  # seconds, https://www.last.fm/api/authspec#_7-token-life
_ALPHABET: Final = string.ascii_letters + string.digits + "-_"


def draw(chance: random.Random) -> str:
    """32 characters of the URL-safe alphabet, as tokens and session keys are today."""
    return "".join(chance.choices(_ALPHABET, k=32))


@dataclass(slots=True)
class ApiKey:
    """An application: `callback` is the address to which the web flow returns if no `cb` is given."""

    key: str
    secret: str = field(repr=False)
    name: str = "An application"
    callback: str = ""
    suspended: bool = False


@dataclass(slots=True)
class Token:
    """A token of one API key: approved once it has a `user`, valid for one session, expired after an hour."""

    value: str = field(repr=False)
    api_key: str
    issued: float
    user: str | None = None
    used: bool = False

    def expired(self, now: float) -> bool:
        return now - self.issued > TOKEN_LIFE


@dataclass(frozen=True, slots=True)
class Session:
    """A user's lasting consent to one application."""

    key: str = field(repr=False)
    api_key: str
    user: str
