"""The API keys that are set, each with all that goes out with it: its pace, and Last.fm as it is asked with it."""

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
"""Sends plays (50 at the most) with a session key; says what the answer means, and raises nothing."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One API key. `urgent` takes the next slot of its pace, `patient` one that nobody else wants.

    `post` takes none: its slot is booked in the transaction that marks what it sends.
    """

    pace: Pace
    urgent: LastFm
    patient: LastFm
    post: Post

    @property
    def name(self) -> str:
        """The API key itself; "" where none is configured."""
        return self.pace.key


@dataclass(frozen=True, slots=True)
class Keyring:
    """The API keys that are set, in their order; at least one, which is "" where none is configured.

    A session is good with the key alone that it was made with. `configured`: they have their secrets.
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
        """The key of that name; raises KeyError where it is not set."""
        if (key := self.get(name)) is None:
            raise KeyError("an API key that is not set")
        return key

    def get(self, name: str) -> ApiKey | None:
        """The key of that name; None where it is not set."""
        return next((key for key in self.keys if key.name == name), None)

    @property
    def first(self) -> ApiKey:
        """The one for whatever needs no session."""
        return self.keys[0]

    def of(self, account: Account) -> ApiKey:
        """The key of an account; the first for one that has no session, or none that is good any more."""
        return self[account.key_among(self.names)]

    async def begin(self) -> None:
        """Make the keys' rows; who was connected before keys were remembered belongs to the first."""
        await self.store.write(self._begin)

    def _begin(self, db: Connection) -> None:
        for name in self.names:
            pace.begin(db, name)
        accounts.assign_default_key(db, self.first.name)

    async def for_sign_in(self, now: float) -> ApiKey:
        """The key with the fewest connected listeners, of those that do not rest."""
        if len(self.keys) == 1:
            return self.first
        return self[await self.store.read(lambda db: self._least_used(db, now))]

    def _least_used(self, db: Connection, now: float) -> str:
        connected = accounts.connected(db)
        return min(pace.unthrottled(db, self.names, now) or self.names, key=lambda name: connected.get(name, 0))


class Lanes:
    """In which line of the engine an account waits: each key has its own, so that nobody waits for another's slots.

    Whose key is not known yet waits in the first; the sweep tells it within seconds.
    """

    def __init__(self, kind: str, keys: Sequence[str]) -> None:
        self.first = kind
        self.kinds = {key: f"{kind}:{n}" if n > 1 else kind for n, key in enumerate(keys, start=1)}
        self._others: dict[int, str] = {}

    def saw(self, key: str, account_ids: Iterable[int]) -> None:
        """These accounts are of that key."""
        kind = self.kinds[key]
        if kind != self.first:
            self._others.update(dict.fromkeys(account_ids, kind))
        elif self._others:
            for account_id in account_ids:
                self._others.pop(account_id, None)

    def of(self, account_id: int) -> str:
        """The kind under which the engine is told of an account."""
        return self._others.get(account_id, self.first)
