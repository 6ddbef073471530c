"""Outlets: each access to another service, with its wire and its rate limit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Protocol, TypeVar

from tonearm.clock import Clock
from tonearm.core.destination import DestinationKind, Rules, TokenCheck, Turn
from tonearm.core.play import Play, Track
from tonearm.core.verdict import Verdict
from tonearm.lastfm.destination import LastFmAccess
from tonearm.service.rate_limit import Pace
from tonearm.store.db.database import Store

K = TypeVar("K")
V = TypeVar("V")


class DestinationWire(Protocol):
    """A client for a service. Never raises for anything that the server or the network does."""

    @property
    def address(self) -> str:
        """The address that requests go to, as it is stored."""

    @property
    def rules(self) -> Rules:
        """What it accepts."""

    async def submit(self, plays: Sequence[Play], token: str, *, live: bool) -> Verdict:
        """Send plays, as many as its rules allow. `live`: the play has just been heard."""

    async def playing_now(self, track: Track, token: str) -> Verdict:
        """Report what is playing."""

    async def validate(self, token: str) -> TokenCheck:
        """Whose token it is, or why it can't be used."""

    @property
    def hearts(self) -> bool:
        """Whether it supports hearts at all."""

    async def feedback(self, track: Track, token: str, *, loved: bool, turn: Turn | None = None) -> Verdict:
        """Love or unlove a track; doing so twice is fine. An ignored code means that it can't store this heart. If this
        takes a second request, `turn` is awaited before it.
        """


class ApprovedWire(DestinationWire, Protocol):
    """A wire to a service where listeners sign in: on a page of its own, or with a name and a password."""

    async def begin(self, access: LastFmAccess) -> tuple[str, LastFmAccess] | TokenCheck:
        """The address of that page, and the access to finish with; or why there is none. Raises ValueError for a bad
        address.
        """

    async def finish(self, begun: LastFmAccess) -> tuple[str, LastFmAccess] | TokenCheck:
        """Whose session it is, and the access to store; or why there is none. Works once."""

    async def sign_in(self, access: LastFmAccess, name: str, password: str) -> tuple[str, LastFmAccess] | TokenCheck:
        """The same, by name and password."""


class AppPasswordWire(DestinationWire, Protocol):
    """A wire to a service where listeners sign in with a name and an app password, which is stored."""

    async def log_in(self, name: str, password: str) -> tuple[TokenCheck, str]:
        """Whose account it is, and the token to store; or why there is none."""


APPROVED = (DestinationKind.LIBREFM, DestinationKind.LASTFM_LIKE)
"""The kinds with an ApprovedWire."""

BY_APP_PASSWORD = (DestinationKind.TEALFM, DestinationKind.ROCKSKY)
"""The kinds with an AppPasswordWire."""

SIGNED_IN = (*APPROVED, *BY_APP_PASSWORD)
"""The kinds that their listeners sign in to; for all others they enter a token or an API key."""


def may_be_one(kind: str, other: str) -> bool:
    """Whether two kinds may mean the same profile, if the server and the user are the same. Those whose records are
    written to an account are different services, each with its own records there.
    """
    return kind == other or not (kind in BY_APP_PASSWORD and other in BY_APP_PASSWORD)


MakeWire = Callable[[str], DestinationWire]
"""Makes the wire to an address; raises ValueError, in words for whoever typed the address."""


class UnknownKind(ValueError):
    """This version can't talk to such a service."""


@dataclass(frozen=True, slots=True)
class DestinationOutlet:
    """An access: its wire, and its rate limit in the database."""

    pace: Pace
    wire: DestinationWire


def pace_key(kind: str, address: str, token: str) -> str:
    """The name of an access. The token can't be read from it, but the same token always gives the same name."""
    return f"{kind} {address} {sha256(token.encode()).hexdigest()[:16]}"


MAX_KEPT = 1000
"""The number of latest wires and accesses that a process caches, so that trying addresses and tokens doesn't fill its
memory.
"""


def _keep(kept: dict[K, V], key: K, value: V) -> V:
    """Cache a value and evict the oldest, which are made again when needed. Thread-safe."""
    kept[key] = value
    for oldest in list(kept)[:-MAX_KEPT]:
        kept.pop(oldest, None)
    return value


@dataclass(frozen=True, slots=True)
class DestinationOutlets:
    """The accesses to other services. `makers` has a function for each kind that makes its wires. `per_second` limits
    the requests of each access (0: no limit).
    """

    store: Store
    clock: Clock
    makers: Mapping[DestinationKind, MakeWire]
    per_second: float
    _wires: dict[tuple[str, str], DestinationWire] = field(default_factory=dict)
    _made: dict[str, DestinationOutlet] = field(default_factory=dict)

    def rules_at(self, kind: str, address: str) -> Rules | None:
        """What a kind of service accepts at an address; None if this version doesn't know the kind."""
        try:
            return self.wire(DestinationKind(kind), address).rules
        except ValueError:
            return None

    def wire(self, kind: DestinationKind, address: str) -> DestinationWire:
        """The wire to an address. Raises ValueError as `MakeWire` does, and UnknownKind."""
        made = self._wires.get((kind, address))
        if made is None:
            if kind not in self.makers:
                raise UnknownKind(f"plays can't be sent to {kind.label} yet")
            made = _keep(self._wires, (kind, address), self.makers[kind](address))
        return made

    def get(self, name: str) -> DestinationOutlet | None:
        """The access with that name; None if this version doesn't know the kind of service."""
        made = self._made.get(name)
        if made is None:
            kind, _, rest = name.partition(" ")
            address = rest.partition(" ")[0]
            try:
                wire = self.wire(DestinationKind(kind), address)
            except ValueError:
                return None
            pace = Pace(self.store, self.clock, name, self.per_second, wire.rules)
            made = _keep(self._made, name, DestinationOutlet(pace, wire))
        return made
