"""Everything that Last.fm remembers, and the methods that set it up."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import KW_ONLY, InitVar, dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from lastfm_emulator.account import User
from lastfm_emulator.credentials import ApiKey, Session, Token, draw
from lastfm_emulator.faults import Faults
from lastfm_emulator.music import Music

if TYPE_CHECKING:
    from lastfm_emulator.account import Loved, NowPlaying, Play

API_KEY: Final = "0123456789abcdef0123456789abcdef"
API_SECRET: Final = "fedcba9876543210fedcba9876543210"  # noqa: S105 (valid only at this emulator)


@dataclass(repr=False, eq=False)
class World:
    """The state of the service, and its faults. Names of users are looked up in upper or lower case. `clock` returns
    Unix seconds; the same `seed` draws the same tokens and the same faults. `daily_limit` is the maximum number of
    plays of an account in 24 hours: beyond it a call is rejected with error 29, or each play ignored with code 5. With
    `any_key`, every API key is valid, with any signature: for players with a built-in one. `pictures_at` is the address
    of images in answers: "" for Last.fm's own, which only Last.fm can serve.
    """

    api_key: InitVar[str] = API_KEY
    api_secret: InitVar[str] = API_SECRET
    _: KW_ONLY
    clock: Callable[[], float] = time.time
    seed: int = 0
    auto_approve: str | None = None
    daily_limit: int | None = None
    daily_limit_as: Literal["error", "code"] = "error"
    pictures_at: str = ""
    any_key: bool = False
    keys: dict[str, ApiKey] = field(default_factory=dict, init=False)
    tokens: dict[str, Token] = field(default_factory=dict, init=False)
    sessions: dict[str, Session] = field(default_factory=dict, init=False)
    users: dict[str, User] = field(default_factory=dict, init=False)
    music: Music = field(default_factory=Music, init=False)
    artist_corrections: dict[str, str] = field(default_factory=dict, init=False)
    track_corrections: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict, init=False)

    def __post_init__(self, api_key: str, api_secret: str) -> None:
        self.lock = threading.RLock()
        self.chance = random.Random(self.seed)  # noqa: S311 (to be foreseen is the point)
        self.faults = Faults(self.seed)
        self.add_key(api_key, api_secret)
        if self.auto_approve is not None:
            self.add_user(self.auto_approve)

    def now(self) -> float:
        """Unix seconds by the service's own clock, which may be wrong."""
        clock = self.clock()
        return clock + self.faults.skew(clock)

    def add_key(self, key: str, secret: str, *, name: str = "An application", callback: str = "") -> ApiKey:
        """Register an application; `callback` is for the web flow if no `cb` is given."""
        with self.lock:
            self.keys[key] = ApiKey(key, secret, name, callback)
            return self.keys[key]

    def suspend_key(self, key: str, suspended: bool = True) -> None:
        self.keys[key].suspended = suspended

    def add_user(self, name: str, *, private: bool = False, password: str = "") -> User:
        """Add the user with that name; an existing one keeps its plays and gets the settings. Without a password,
        auth.getMobileSession doesn't work.
        """
        with self.lock:
            user = self.users.get(name.casefold())
            if user is None:
                user = User(name, password, private, int(self.now()))
                self.users[name.casefold()] = user
            user.private, user.password = private, password
            return user

    def user(self, name: str) -> User | None:
        return self.users.get(name.casefold())

    def known_user(self, name: str) -> User:
        """The user with that name, created if there is none yet."""
        return self.user(name) or self.add_user(name)

    def issue_token(self, api_key: str, user: str | None = None) -> str:
        """A new token of that application, approved already if a user is given."""
        with self.lock:
            token = Token(draw(self.chance), api_key, self.now())
            self.tokens[token.value] = token
            if user is not None:
                self.approve(token.value, user)
            return token.value

    def approve(self, token: str, user: str) -> None:
        """Do what the user does on the approval page; a new name is registered. Raises KeyError if there is no such
        token.
        """
        with self.lock:
            self.tokens[token].user = self.known_user(user).name

    def open_session(self, api_key: str, user: str) -> Session:
        """The session of that user with that application: the same one until it is revoked."""
        with self.lock:
            name = self.known_user(user).name
            for session in self.sessions.values():
                if session.api_key == api_key and session.user == name:
                    return session
            session = Session(draw(self.chance), api_key, name)
            self.sessions[session.key] = session
            return session

    def session_key(self, user: str, api_key: str | None = None) -> str:
        """A session key, without going through the approval page."""
        return self.open_session(api_key or next(iter(self.keys)), user).key

    def revoke(self, user: str) -> None:
        """Do what the user does on last.fm/settings/applications: every session ends."""
        with self.lock:
            name = user.casefold()
            self.sessions = {k: s for k, s in self.sessions.items() if s.user.casefold() != name}

    def correct_artist(self, misspelt: str, right: str) -> None:
        """From now on, show scrobbles of `misspelt` as `right`, with `corrected="1"`."""
        self.artist_corrections[misspelt.casefold()] = right

    def correct_track(self, misspelt: tuple[str, str], right: tuple[str, str]) -> None:
        """The same for (artist, track)."""
        self.track_corrections[misspelt[0].casefold(), misspelt[1].casefold()] = right

    def corrected(self, artist: str, track: str) -> tuple[str, str]:
        """The names that the profile shows for what was sent."""
        pair = self.track_corrections.get((artist.casefold(), track.casefold()))
        return pair or (self.artist_corrections.get(artist.casefold(), artist), track)

    def befriend(self, user: str, *others: str) -> None:
        """Let that user follow the others from now on; new names are registered."""
        with self.lock:
            names = [self.known_user(other).name for other in others]
            self.known_user(user).friends += names

    def plays(self, user: str) -> list[Play]:
        """The stored plays of that user, oldest first; empty for an unknown one."""
        with self.lock:
            found = self.user(user)
            return [] if found is None else list(found.plays)

    def loved(self, user: str) -> list[Loved]:
        """That user's loved tracks, in the order of loving."""
        with self.lock:
            found = self.user(user)
            return [] if found is None else list(found.loved.values())

    def now_playing(self, user: str) -> NowPlaying | None:
        found = self.user(user)
        return None if found is None else found.now_playing(self.now())

    def repeats(self, user: str) -> int:
        """How many plays of that user were dropped as repeats."""
        found = self.user(user)
        return 0 if found is None else found.repeats
