"""The second destination of some listeners of a cluster: a server like ListenBrainz that fails now and then."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import httpx2

import tonearm
from benchmarks.cluster import SECRET, Cluster
from benchmarks.kills import counted
from benchmarks.listens import Listens
from benchmarks.replay import Key
from lastfm_emulator import API_KEY, API_SECRET
from tonearm.core.destination import DestinationKind
from tonearm.store.destinations import StoredDestination

FAULTY, SLOW = 0.1, 0.1
"""Shares of its requests that fail, and whose answer takes long."""

WRONG = ("elsewhere_lost", "elsewhere_doubled", "elsewhere_unexplained")
"""The fields that are 0 if each play is there once."""

_WITHIN = 600.0
"""Seconds within which all plays are there once it is well."""

_LOOK = 0.2
_UNSETTLED = (
    "SELECT artist, track, timestamp, coalesce(delivery.fate, 'nothing') FROM play"
    " JOIN account ON account.id = play.account LEFT JOIN delivery ON delivery.play = play.id"
    " WHERE account.name = ANY(%s) AND coalesce(delivery.fate, '') <> 'accepted'"
)


@dataclass(slots=True)
class Elsewhere:
    """The destination `other` of the listeners whose names and API tokens are given."""

    cluster: Cluster
    other: Listens
    tokens: Mapping[str, str]
    destinations: dict[str, int] = field(default_factory=dict)

    def add(self) -> None:
        """Add it to the listeners' destinations, each with a user of its own. From now on it fails now and then."""
        self.other.server.users = {f"token-of-{name}": name for name in self.tokens}
        asyncio.run(self._add())
        self.other.faulty, self.other.slow = FAULTY, SLOW

    async def _add(self) -> None:
        async with tonearm.open(
            self.cluster.url, api_key=API_KEY, api_secret=API_SECRET, secret_key=SECRET, deliver=False
        ) as deck:
            for name in self.tokens:
                account = await deck.listener(name)
                token = f"token-of-{name}"
                added = await deck.destinations.add(account.id, DestinationKind.LISTENBRAINZ, self.other.url, token)
                assert isinstance(added, StoredDestination), added
                self.destinations[name] = added.id

    def come_to_rest(self) -> None:
        """Return when nothing waits for it any more: it is well, and its listeners ask to try again."""
        self.other.faulty = self.other.slow = 0.0
        deadline = time.monotonic() + _WITHIN
        base = f"http://127.0.0.1:{self.cluster.ports['service1']}"
        with httpx2.Client(base_url=base, timeout=30, trust_env=False) as http:
            while waiting := self._waiting():
                if time.monotonic() > deadline:
                    raise RuntimeError(f"{sum(waiting.values())} plays do not get to the second destination")
                for name in waiting:
                    with suppress(httpx2.TransportError):
                        headers = {"Authorization": f"Bearer {self.tokens[name]}"}
                        http.post(f"/destinations/{self.destinations[name]}/retry", headers=headers).raise_for_status()
                time.sleep(_LOOK)

    def _waiting(self) -> dict[str, int]:
        """How many plays wait for it, by the listener's name."""
        rows = self.cluster.rows(
            "SELECT account.name, count(*) FROM destination_queue JOIN account"
            " ON account.id = destination_queue.account GROUP BY account.name"
        )
        return dict(rows)

    def reckoning(self, acknowledged: Mapping[str, Collection[Key]]) -> dict[str, int]:
        """How many of the acknowledged plays it doesn't have, has twice, or has while the database says otherwise."""
        there = Counter(
            (listen.user, listen.artist, listen.title, listen.at) for listen in self.other.server.stored.values()
        )
        known = {(name, *key) for name in self.tokens for key in acknowledged.get(name, ())}
        lost = [play for play in known if not there[play]]
        doubled = [play for play, number in there.items() if number > 1 or play not in known]
        unexplained = self.cluster.rows(_UNSETTLED, list(self.tokens))
        return {
            "elsewhere": sum(there.values()),
            "elsewhere_requests": len(self.other.server.journal),
            "elsewhere_repeats_dropped": self.other.server.repeats,
            **counted(dict(zip(WRONG, (lost, doubled, unexplained), strict=True))),
        }
