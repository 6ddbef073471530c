"""Adding a destination step by step: first its profile is checked, then the listener chooses what it gets.

What is known between the steps is in an encrypted text that the caller passes along: so it survives a restart, any
process can continue, and no page contains a readable token.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy import Connection

from tonearm.core.account import TOKEN_LIFE
from tonearm.core.destination import DestinationKind
from tonearm.core.policy import Policy
from tonearm.service.destination_results import DestinationProfile, DestinationRefused
from tonearm.service.destination_sign_in import NameAndPassword
from tonearm.service.destination_views import PREVIEWED
from tonearm.service.destinations import EVERYTHING, Destinations
from tonearm.store import destination_queue, destinations, library, players, plays
from tonearm.store.db.readers import ReadQuestion
from tonearm.store.destinations import StoredDestination
from tonearm.store.queries import stats
from tonearm.store.secrets.seal import SealBroken

YEAR = 366 * 86400
"""Seconds of the history that are counted with one query."""


NO_POLICY = Policy()


@dataclass(frozen=True, slots=True)
class CheckedProfile:
    """A profile whose access works, and that can be added with its `state` until `expires_at` (Unix seconds). `policy`
    is the default: the one that it had if it was a destination before.
    """

    kind: DestinationKind
    address: str
    user: str
    state: str = field(repr=False)
    expires_at: float
    policy: Policy = NO_POLICY


@dataclass(frozen=True, slots=True)
class PolicyChoices:
    """What a policy can choose among.

    `reporters` are the players that are connected, that have reported lately, or that the policy names already;
    `has_library`: there are folders of a scanned library; `takes_hearts`: the service can keep loved tracks.
    """

    reporters: tuple[str, ...]
    has_library: bool
    takes_hearts: bool


@dataclass(frozen=True, slots=True)
class DestinationSetup:
    """Checks profiles and adds them."""

    destinations: Destinations

    async def check(
        self, account: int, kind: DestinationKind, address: str, given: str | NameAndPassword
    ) -> CheckedProfile | DestinationRefused:
        """Ask a service whose token this is, as `Destinations.add` does, without adding anything yet."""
        profile = await self.destinations.whose(kind, address, given)
        if isinstance(profile, DestinationRefused):
            return profile
        if refused := await self.destinations.why_not(account, profile):
            return refused
        until = self.destinations.clock.now() + TOKEN_LIFE
        what = ["checked", account, profile.kind, profile.address, profile.user, profile.secret, until]
        return await self._checked(account, profile, self._seal(what), until)

    async def checked(self, account: int, state: str) -> CheckedProfile | None:
        """The profile that was checked; None if the state isn't this listener's, or is more than an hour old."""
        found = self._profile(account, state)
        return await self._checked(account, found[0], state, found[1]) if found else None

    async def add(
        self, account: int, state: str, policy: Policy, days: float
    ) -> StoredDestination | DestinationRefused:
        """Add the profile that was checked. Raises StoreUnavailable."""
        found = self._profile(account, state)
        if found is None:
            return DestinationRefused("this was checked more than an hour ago: start again")
        return await self.destinations.add_profile(account, found[0], policy, days)

    async def history(self, account: int, kind: str, address: str, days: float = EVERYTHING) -> int:
        """How many plays from the last `days` days of the history a service would get, if no policy keeps any here."""
        since, now = self.destinations.history_from(kind, address, days), int(self.destinations.clock.now())
        label = DestinationKind(kind).label

        def count(ask: ReadQuestion) -> int:
            first, last = ask(partial(stats.first_and_last, account=account)) or (now, now)
            begins = range(max(since, first), max(now, last) + 1, YEAR)
            return sum(
                ask(partial(destination_queue.count_past, account_id=account, begin=at, end=at + YEAR, source=label))
                for at in begins
            )

        return await self.destinations.store.read_long(count)

    async def choices(self, account: int, kind: DestinationKind, address: str, policy: Policy) -> PolicyChoices:
        """What can be chosen for a service of that kind."""
        wire = self.destinations.wire(kind, address)
        takes_hearts = not isinstance(wire, DestinationRefused) and wire.hearts

        def read(db: Connection) -> PolicyChoices:
            reporters = {stored.reporter for stored in plays.latest(db, account, PREVIEWED)}
            reporters |= {one.name for one in players.of_account(db, account)} | set(policy.not_from)
            has_library = library.size(db, account) > 0 or bool(policy.not_in)
            return PolicyChoices(tuple(sorted(reporters - {""})), has_library, takes_hearts)

        return await self.destinations.store.read(read)

    def keep(self, account: int, secret: str) -> str:
        """A secret that was entered, encrypted, for the next try."""
        return self._seal(["entered", account, secret, self.destinations.clock.now() + TOKEN_LIFE]) if secret else ""

    def kept(self, account: int, sealed: str) -> str:
        """The secret that `keep` has encrypted; "" if there is none."""
        match self._opened(sealed):
            case ["entered", of, str(secret), float(until)] if of == account and self.destinations.clock.now() < until:
                return secret
            case _:
                return ""

    async def _checked(self, account: int, profile: DestinationProfile, state: str, until: float) -> CheckedProfile:
        def read(db: Connection) -> Policy:
            found = destinations.named(db, account, profile.kind, profile.address, profile.user)
            return found.policy if found else NO_POLICY

        policy = await self.destinations.store.read(read)
        return CheckedProfile(profile.kind, profile.address, profile.user, state, until, policy)

    def _profile(self, account: int, state: str) -> tuple[DestinationProfile, float] | None:
        match self._opened(state):
            case ["checked", of, str(kind), str(address), str(user), str(secret), float(until)]:
                if of != account or self.destinations.clock.now() >= until:
                    return None
                return DestinationProfile(DestinationKind(kind), address, user, secret), until
            case _:
                return None

    def _seal(self, what: list[Any]) -> str:
        return self.destinations.cipher.close(json.dumps(what))

    def _opened(self, sealed: str) -> Any:
        try:
            return json.loads(self.destinations.cipher.open(sealed))
        except (SealBroken, ValueError):
            return None
