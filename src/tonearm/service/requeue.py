"""Requeues plays that expired because a clock was wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from tonearm.clock import Clock
from tonearm.core.account import Account
from tonearm.core.destination import Rules
from tonearm.core.event import ScrobbleStatus
from tonearm.core.report import same_play
from tonearm.service.clock_skew import LastFmTime
from tonearm.service.events import EventHub
from tonearm.service.repeated_reports import by_others, looks_like
from tonearm.service.take_reports import queue_row
from tonearm.store import accounts, plays, queue
from tonearm.store.db.database import Store
from tonearm.store.plays import NearPlay, StoredPlay

AT_ONCE = 500
"""Plays per transaction."""

MARGIN = 600.0
"""Seconds; plays that are about to become too old are left as they are."""

BY_ITSELF = "queued again: a wrong clock had called it too old"
BY_HAND = "queued by the listener"


@dataclass(frozen=True, slots=True)
class AfterAll:
    """Requeues plays that are marked `expired` but aren't too old."""

    store: Store
    clock: Clock
    time: LastFmTime
    event_hub: EventHub
    hint: Callable[[int], None]
    rules: Rules

    async def by_themselves(self) -> int:
        """Queue expired plays that are not too old by Last.fm's clock; returns how many. Does nothing while this
        process doesn't know Last.fm's time.
        """
        if not self.time.known:
            return 0
        return await self._all(self._oldest(self.time.now()) + MARGIN, None, BY_ITSELF)

    async def send(self, account: int) -> int:
        """Queue all plays of a listener that are `expired`, but not too old by our clock or by Last.fm's; returns how
        many.
        """
        since = self._oldest(min(self.clock.now(), self.time.now()))
        return await self._all(since, account, BY_HAND)

    def _oldest(self, now: float) -> float:
        return now - self.rules.oldest if self.rules.oldest is not None else 0.0

    async def _all(self, since: float, account: int | None, reason: str) -> int:
        total = 0
        find = partial(plays.expired_since, since=since, limit=AT_ONCE, account=account)
        while found := await self.store.read(find):
            queued = await self.store.write(partial(self._queue, ids=found, reason=reason))
            for stored in queued:
                track = stored.play.track
                self.event_hub.publish(
                    stored.account, ScrobbleStatus(stored.id, "queued", track.artist, track.title, reason)
                )
            for owner in {stored.account for stored in queued}:
                self.hint(owner)
            total += len(queued)
            if not queued:  # another process was faster
                break
        return total

    def _queue(self, db: Connection, ids: list[tuple[int, int]], reason: str) -> list[StoredPlay]:
        accounts.lock(db, {account for account, _ in ids})
        listeners = accounts.by_id(db, {account for account, _ in ids})
        found = (plays.find(db, account, play_id) for account, play_id in ids)
        expired = [stored for stored in found if stored is not None and stored.fate == "expired"]
        now = self.time.now()
        back = []
        for stored, twin in _with_twins(db, expired, listeners):
            if twin is None:
                back.append(stored)
            else:
                plays.settle(db, [stored.id], "suspected", now, reason=looks_like(twin))
        plays.settle(db, [stored.id for stored in back], "queued", None, reason=reason)
        rows = []
        for stored in back:
            not_before = stored.play.timestamp - self.time.skew if stored.play.timestamp > now else 0.0
            row = queue_row(stored.id, stored.play, listeners[stored.account], now, not_before)
            rows.append({**row, "owner": stored.owner or row["owner"]})
        queue.enqueue(db, rows)
        return back


def _with_twins(
    db: Connection, expired: Sequence[StoredPlay], listeners: Mapping[int, Account]
) -> Iterator[tuple[StoredPlay, int | None]]:
    """Each play with the id of one that overlaps with it and is or will be on Last.fm; None if there is none. While a
    play was too old, other reports of it weren't treated as duplicates.
    """
    near = plays.near(db, [(stored.account, stored.play) for stored in expired])
    back: list[StoredPlay] = []
    for place, stored in enumerate(expired):
        others = [*near.get(place, ()), *(NearPlay(o.id, o.play) for o in back if o.account == stored.account)]
        others += by_others(db, listeners[stored.account], stored.play, stored.reporter)
        twin = next((o.id for o in others if o.id != stored.id and same_play(stored.play, o.play)), None)
        if twin is None:
            back.append(stored)
        yield stored, twin
