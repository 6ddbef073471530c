"""One method of the API: its name, what it requires, and what it does."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, TypeAlias

from lastfm_emulator.refusal import Refusal, no_such_user, out_of_bounds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lastfm_emulator.account import User
    from lastfm_emulator.credentials import ApiKey
    from lastfm_emulator.render import Body
    from lastfm_emulator.world import World

MAX_PAGES = 1_000_000


class Needs(Enum):
    """What a call needs beside the API key."""

    KEY = auto()
    SIGNATURE = auto()
    SESSION = auto()
    """A signature, a session and POST: every write."""


@dataclass(slots=True)
class Tally:
    """What a call did, for the request log."""

    items: int = 0
    stored: int = 0
    repeats: int = 0
    ignored: int = 0


@dataclass(slots=True)
class Call:
    """A call that passed the checks: `user` is the session's user, if any.

    `stores_nothing`: plays are answered as accepted, but none is stored; `gnu_codes`: with GNU FM's numbers. `ignored`:
    the code with which every play is ignored; `limit`: (plays in 24 hours, whether more are ignored with code 5 rather
    than rejected with error 29).
    """

    world: World
    verb: str
    params: Mapping[str, str]
    now: float
    key: ApiKey
    old: bool = False
    user: User | None = None
    hidden_for: float = 0.0
    stores_nothing: bool = False
    gnu_codes: bool = False
    ignored: int = 0
    limit: tuple[int, bool] | None = None
    tally: Tally = field(default_factory=Tally)

    def required(self, name: str) -> str:
        """The value of a required, non-empty parameter, else error 6."""
        value = self.params.get(name, "")
        if not value:
            raise Refusal(6)
        return value

    def writer(self) -> User:
        """The session's user, else error 9."""
        if self.user is None:
            raise Refusal(9)
        return self.user

    def named_user(self) -> User:
        """The user named by `user`, else error 6 with 404."""
        user = self.world.user(self.required("user"))
        if user is None:
            raise no_such_user(self.old)
        return user

    def bounded(self, name: str, default: int, maximum: int) -> int:
        """A number from 1 to `maximum`, else error 6."""
        text = self.params.get(name, "")
        if not text:
            return default
        value = digits(text)
        if value is None or not 1 <= value <= maximum:
            raise out_of_bounds(name, maximum)
        return value

    def paging(self, default: int = 50, maximum: int = 1000) -> tuple[int, int]:
        """`page` and `limit`, checked."""
        return self.bounded("page", 1, MAX_PAGES), self.bounded("limit", default, maximum)


def digits(text: str, maximum: int = 12) -> int | None:
    """A number written in plain digits, at most `maximum` of them."""
    return int(text) if len(text) <= maximum and text.isascii() and text.isdigit() else None


Handler: TypeAlias = "Callable[[Call], Body]"


@dataclass(frozen=True, slots=True)
class Method:
    """`old` marks a method of the older backend: `links` in errors, and HTTP 200 with them."""

    name: str
    answer: Handler
    needs: Needs = Needs.KEY
    old: bool = False
