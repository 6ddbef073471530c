"""The configured API keys, each with its rate limit and its Last.fm clients."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from tonearm.core.account import Account
from tonearm.core.play import Play
from tonearm.core.verdict import Verdict
from tonearm.lastfm.client import LastFm
from tonearm.service.rate_limit import Pace
from tonearm.store import accounts, pace
from tonearm.store.db.database import Store

Post = Callable[[Sequence[Play], str], Awaitable[Verdict]]
"""Sends plays (at most 50) with a session key; returns what the answer means, and never raises."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One API key. The client `urgent` takes the next slot of its rate limit, `patient` one that is free. `post` and
    `unpaced` take none: the sender of plays or hearts has booked its slot before marking them as being sent.
    """

    pace: Pace
    urgent: LastFm
    patient: LastFm
    post: Post
    unpaced: LastFm

    @property
    def name(self) -> str:
        """The API key itself; "" if none is configured."""
        return self.pace.key


@dataclass(frozen=True, slots=True)
class Keyring:
    """The configured API keys, in their order; at least one, which is "" if none is configured.

    A session works only with the key that it was created with. `configured`: the keys have their secrets.
    """

    store: Store
    keys: tuple[ApiKey, ...]
    configured: bool = True
    names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(key.name for key in self.keys))

    def __iter__(self) -> Iterator[ApiKey]:
        return iter(self.keys)

    def __getitem__(self, name: str) -> ApiKey:
        """The key with that name; raises KeyError if it isn't configured."""
        if (key := self.get(name)) is None:
            raise KeyError("an API key that isn't set")
        return key

    def get(self, name: str) -> ApiKey | None:
        """The key with that name; None if it isn't configured."""
        return next((key for key in self.keys if key.name == name), None)

    @property
    def first(self) -> ApiKey:
        """The key for requests that need no session."""
        return self.keys[0]

    def of(self, account: Account) -> ApiKey:
        """The key of an account; the first for one without a valid session."""
        return self[account.key_among(self.names)]

    async def begin(self) -> None:
        """Create the keys' rows; listeners connected before keys were recorded get the first."""
        await self.store.write(self._begin)

    def _begin(self, db: Connection) -> None:
        for name in self.names:
            pace.begin(db, name)
        accounts.assign_default_key(db, self.first.name)

    async def for_sign_in(self, now: float) -> ApiKey:
        """The key with the fewest connected listeners, among those that are not throttled."""
        if len(self.keys) == 1:
            return self.first
        return self[await self.store.read(lambda db: self._least_used(db, now))]

    def _least_used(self, db: Connection, now: float) -> str:
        connected = accounts.connected(db)
        return min(pace.unthrottled(db, self.names, now) or self.names, key=lambda name: connected.get(name, 0))


class DeliveryKinds:
    """The engine's kind of job for each account: each API key has its own, so that nobody waits for another key's
    slots. An account whose key is not known yet belongs to the first; the sweep finds its key within seconds.
    """

    def __init__(self, kind: str, keys: Sequence[str]) -> None:
        self.first = kind
        self.kinds = {key: f"{kind}:{n}" if n > 1 else kind for n, key in enumerate(keys, start=1)}
        self._others: dict[int, str] = {}

    def saw(self, key: str, account_ids: Iterable[int]) -> None:
        """Note that these accounts use that key."""
        kind = self.kinds[key]
        if kind != self.first:
            self._others.update(dict.fromkeys(account_ids, kind))
        elif self._others:
            for account_id in account_ids:
                self._others.pop(account_id, None)

    def of(self, account_id: int) -> str:
        """The engine's kind of job for an account."""
        return self._others.get(account_id, self.first)
