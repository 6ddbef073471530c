"""Outlets: each access to another service, with its wire and its rate limit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from hashlib import sha256
from typing import Protocol, TypeVar

from tonearm.clock import Clock
from tonearm.core.destination import DestinationKind, Rules, TokenCheck
from tonearm.core.play import Play, Track
from tonearm.core.verdict import Verdict
from tonearm.deferred_dataclass import dataclass
from tonearm.lastfm.destination import LastFmAccess
from tonearm.service.rate_limit import Pace
from tonearm.store.db.database import Store

K = TypeVar("K")
V = TypeVar("V")


class DestinationWire(Protocol):
    """How a service is spoken to. Raises nothing for what the server or the network does."""

    @property
    def address(self) -> str:
        """The address that requests go to, as it is kept."""

    @property
    def rules(self) -> Rules:
        """What it takes."""

    async def submit(self, plays: Sequence[Play], token: str, *, live: bool) -> Verdict:
        """Send plays, as many as its rules allow. `live`: it was played just now."""

    async def playing_now(self, track: Track, token: str) -> Verdict:
        """Say what plays."""

    async def validate(self, token: str) -> TokenCheck:
        """Whose token it is, or why it can't be used."""

    @property
    def hearts(self) -> bool:
        """Whether it keeps hearts at all."""

    async def feedback(self, track: Track, token: str, *, loved: bool) -> Verdict:
        """Give a heart to a track, or take it away; doing so twice is fine. Left out with a code: it can't keep it."""


class ApprovedWire(DestinationWire, Protocol):
    """A wire to a service whose listeners sign in: on a page of its own, or with a name and a password."""

    async def begin(self, access: LastFmAccess) -> tuple[str, LastFmAccess] | TokenCheck:
        """The address of that page, and the access to finish with; or why there is none. Raises ValueError."""

    async def finish(self, begun: LastFmAccess) -> tuple[str, LastFmAccess] | TokenCheck:
        """Whose it is, and the access that is kept; or why there is none. It works once."""

    async def sign_in(self, access: LastFmAccess, name: str, password: str) -> tuple[str, LastFmAccess] | TokenCheck:
        """The same, by name and password."""


APPROVED = (DestinationKind.LIBREFM, DestinationKind.LASTFM_LIKE)
"""The kinds with an ApprovedWire."""

MakeWire = Callable[[str], DestinationWire]
"""Makes the wire to an address; raises ValueError, with words for whoever typed the address."""


class UnknownKind(ValueError):
    """There is no way to speak to such a service."""


@dataclass(frozen=True, slots=True)
class DestinationOutlet:
    """An access: its wire, and its rate limit in the database."""

    pace: Pace
    wire: DestinationWire


def pace_key(kind: str, address: str, token: str) -> str:
    """The name of an access. Nobody can read the token from it; the same one makes the same name."""
    return f"{kind} {address} {sha256(token.encode()).hexdigest()[:16]}"


MOST_KEPT = 1000
"""Wires and accesses that a process keeps, the latest: whoever tries addresses and tokens fills no memory."""


def _keep(kept: dict[K, V], key: K, value: V) -> V:
    """Keep a value, and let the oldest go, which are made again if they are needed. Any thread may do so."""
    kept[key] = value
    for oldest in list(kept)[:-MOST_KEPT]:
        kept.pop(oldest, None)
    return value


@dataclass(frozen=True, slots=True)
class DestinationOutlets:
    """The accesses to other services. `makers` makes the wires of each kind that there is.

    `per_second` is the rate of requests for each access, 0 for no limit.
    """

    store: Store
    clock: Clock
    makers: Mapping[DestinationKind, MakeWire]
    per_second: float
    _wires: dict[tuple[str, str], DestinationWire] = field(default_factory=dict)
    _made: dict[str, DestinationOutlet] = field(default_factory=dict)

    def rules_at(self, kind: str, address: str) -> Rules | None:
        """What a kind of service takes at an address; None if this version does not know it."""
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
        """The access of that name; None if this version does not know the kind of service."""
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
