"""What an account owes, as its delivery sees it: something that goes out in batches, whatever it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from sqlalchemy import Connection

from tonearm.core.delivery import Step
from tonearm.core.event import Event
from tonearm.core.verdict import Verdict
from tonearm.service.keyring import ApiKey
from tonearm.store.queue import Lease

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Batch(Generic[T]):
    """What goes out in one request. `ask`: Last.fm is to be asked for its time first, and nothing is sent."""

    items: tuple[T, ...] = ()
    ask: bool = False


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing to send now; check again at `until` (Unix seconds), if that is known."""

    until: float | None


@dataclass(frozen=True, slots=True)
class BatchAnswer(Generic[T]):
    """How a batch was answered, read at `at` (Unix seconds), with a chance in [0, 1) for what is decided by it."""

    batch: Batch[T]
    verdict: Verdict
    at: float
    chance: float


class Outbox(Protocol[T]):
    """What an account owes, of one kind. All but `post` happens in a transaction that holds the account's lease."""

    def due(self, db: Connection, now: float, key: str) -> list[int]:
        """Accounts connected with this API key that have something to send now."""

    def next(self, db: Connection, lease: Lease, *, probe: bool) -> tuple[Batch[T] | Nothing, list[Event]]:
        """What goes out next, a single one for a `probe`, and the events of what was written meanwhile."""

    def mark(self, db: Connection, lease: Lease, batch: Sequence[T]) -> None:
        """Write that these are on their way."""

    async def post(self, key: ApiKey, batch: Sequence[T], session: str) -> Verdict:
        """Send them; what the answer means. Raises nothing."""

    def step(self, db: Connection, lease: Lease, answer: BatchAnswer[T], level: int) -> Step:
        """What an answer means for the account and the batch, after so many throttles in a row of the key."""

    def write(self, db: Connection, lease: Lease, answer: BatchAnswer[T], step: Step) -> list[Event]:
        """Write what happened to the batch."""
