"""What pages, endpoints and commands show about destinations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import Connection

from tonearm.clock import Clock
from tonearm.core.destination import DestinationKind
from tonearm.core.pacing import BUDGET_DAY
from tonearm.core.play import Track
from tonearm.core.policy import Policy
from tonearm.core.waits import DeliveryFacts
from tonearm.service import destination_waits
from tonearm.service.clock_skew import LastFmTime
from tonearm.service.destination_results import (
    DestinationOverview,
    DestinationPlays,
    NoSuchDestination,
    PlayAtDestination,
    PolicyPreview,
    state_of,
)
from tonearm.service.library_folders import files_of
from tonearm.store import destination_hearts, destination_queue, destinations, jobs, plays
from tonearm.store.db.database import Store
from tonearm.store.destination_queue import KIND, Waiting
from tonearm.store.destinations import StoredDestination

PREVIEWED = 1000
"""Plays of the history that a preview looks through."""


@dataclass(frozen=True, slots=True)
class DestinationViews:
    """Reads destinations with their queues, and what happened to plays there."""

    store: Store
    clock: Clock
    time: LastFmTime

    async def all(self, account: int) -> list[DestinationOverview]:
        """The destinations of a listener as they are now, in the order in which they were added."""
        return await self.store.read(partial(self._all, account=account))

    def _all(self, db: Connection, account: int) -> list[DestinationOverview]:
        found = destinations.of_accounts(db, [account]).get(account, [])
        destination_ids = [one.id for one in found]
        waiting, outcomes = destination_queue.counts(db, destination_ids), destination_queue.fates(db, destination_ids)
        hearts = destination_hearts.counts(db, destination_ids)
        paused, since = KIND in jobs.paused(db), self.clock.now() - BUDGET_DAY
        return [
            DestinationOverview(
                one,
                state_of(one),
                waiting.get(one.id, Waiting()),
                destination_waits.of_queue(db, one, waiting.get(one.id), self._facts(db, one, paused=paused)),
                outcomes.get(one.id, {}),
                destination_queue.accepted_since(db, one.id, since) if one.state.budget else 0,
                *hearts.get(one.id, (0, 0)),
            )
            for one in found
        ]

    def _facts(self, db: Connection, one: StoredDestination, *, paused: bool) -> DeliveryFacts:
        return destination_waits.facts(db, one, self.clock.now(), self.time.now(), paused=paused)

    async def of_plays(self, account: int, ids: Sequence[int]) -> dict[int, list[PlayAtDestination]]:
        """What happened to plays at each destination, including those removed since."""
        return await self.store.read(partial(self._plays, account=account, ids=ids))

    def _plays(self, db: Connection, account: int, ids: Sequence[int]) -> dict[int, list[PlayAtDestination]]:
        """As `of_plays`, within a transaction."""
        mine = {one.id: one for one in destinations.all_of(db, account)}
        found: dict[int, list[PlayAtDestination]] = {}
        if not mine:
            return found
        paused = KIND in jobs.paused(db)
        facts: dict[int, DeliveryFacts] = {}
        for delivered in destination_queue.stories(db, sorted(mine), ids):
            one, waits = mine[delivered.destination], None
            reason = delivered.reason or ("accepted" if delivered.fate == destination_queue.ACCEPTED else "")
            if delivered.fate == "queued":
                if one.id not in facts:
                    facts[one.id] = self._facts(db, one, paused=paused)
                waits = destination_waits.of_play(one, delivered, facts[one.id])
                reason = destination_waits.explained(waits, DestinationKind(one.kind))
            elif delivered.fate == destination_queue.ACCEPTED:
                reason = f"on {DestinationKind(one.kind).label}"
            found.setdefault(delivered.play, []).append(PlayAtDestination(one, delivered, reason, waits))
        return found

    async def rejected(self, account: int, destination_id: int, limit: int) -> list[PlayAtDestination]:
        """The latest plays that a destination has rejected or ignored."""

        def read(db: Connection) -> list[PlayAtDestination]:
            if destinations.of_account(db, account, destination_id) is None:
                return []
            ids = destination_queue.of_fate(db, destination_id, ("refused", "ignored"), limit)
            there = self._plays(db, account, ids)
            return [one for play_id in ids for one in there.get(play_id, []) if one.destination.id == destination_id]

        return await self.store.read(read)

    async def listed(self, account: int, destination_id: int, limit: int) -> DestinationPlays | NoSuchDestination:
        """What waits for a destination, in the order in which it is sent, and the latest plays that it has rejected or
        ignored.
        """

        def read(db: Connection) -> DestinationPlays | NoSuchDestination:
            if destinations.of_account(db, account, destination_id) is None:
                return NoSuchDestination()
            waiting = destination_queue.first(db, destination_id, limit)
            rejected = destination_queue.of_fate(db, destination_id, ("refused", "ignored"), limit)
            stored, there = (
                plays.by_id(db, account, waiting + rejected),
                self._plays(db, account, waiting + rejected),
            )
            both = [
                tuple(
                    (stored[play_id], one)
                    for play_id in ids
                    for one in there.get(play_id, [])
                    if one.destination.id == destination_id and play_id in stored
                )
                for ids in (waiting, rejected)
            ]
            return DestinationPlays(*both)

        return await self.store.read(read)

    async def preview(self, account: int, policy: Policy, limit: int = PREVIEWED) -> PolicyPreview:
        """What a policy would have done to the latest plays of a listener."""
        return await self.store.read(partial(_preview, account=account, policy=policy, limit=limit))


def _preview(db: Connection, account: int, policy: Policy, limit: int) -> PolicyPreview:
    latest = plays.latest(db, account, limit)
    kept, changed = 0, dict[tuple[Track, Track], None]()
    now = max((stored.reported_at for stored in latest), default=0.0)
    always = replace(policy, private_until=0.0)
    files = files_of(db, account, [stored.play.track for stored in latest] if policy.not_in else ())
    for stored in latest:
        if always.keeps(stored.reporter, now, files.get(stored.play.track, ())):
            kept += 1
        elif (sent := always.applied(stored.play.track)) != stored.play.track:
            changed[stored.play.track, sent] = None
    return PolicyPreview(len(latest), kept, tuple(changed))
