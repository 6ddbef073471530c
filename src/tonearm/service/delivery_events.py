"""What a delivery publishes: the fates of plays, the end of a session, and changes of the queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tonearm.core.event import Event, ScrobbleStatus
from tonearm.core.verdict import Verdict, verdict_name
from tonearm.service.counters import Counters
from tonearm.service.events import EventHub


class Announcer(Protocol):
    """Publishes what a delivery has done, after its commit."""

    def publish(self, account: int, events: Sequence[Event]) -> None:
        """Publish events to an account's subscribers, in this order."""

    def queue_changed(self, account: int) -> None:
        """Note that an account's queue has changed."""

    def answered(self, verdict: Verdict) -> None:
        """Note how a request was answered."""


@dataclass(frozen=True, slots=True)
class DeliveryEvents:
    """Publishes what was written, after its commit, and counts it."""

    event_hub: EventHub
    counters: Counters

    def publish(self, account: int, events: Sequence[Event]) -> None:
        """Publish events to an account's subscribers, in this order."""
        self.event_hub.publish(account, *events)
        self.counters.fates.update(event.status for event in events if isinstance(event, ScrobbleStatus))
        if events:
            self.queue_changed(account)

    def queue_changed(self, account: int) -> None:
        """Publish to an account's subscribers how many plays wait."""
        self.event_hub.changed(account)

    def answered(self, verdict: Verdict) -> None:
        """Count how a request was answered."""
        self.counters.verdicts[verdict_name(verdict)] += 1
