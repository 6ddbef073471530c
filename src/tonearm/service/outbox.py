"""An outbox: what waits to be sent from one line, in batches, whatever it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from sqlalchemy import Connection

from tonearm.core.delivery import DeliveryState, Step
from tonearm.core.event import Event
from tonearm.core.verdict import Verdict
from tonearm.service.rate_limit import Pace
from tonearm.store.line import Lease

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Batch(Generic[T]):
    """What is sent in one request. `ask`: first ask Last.fm for its time; nothing is sent."""

    items: tuple[T, ...] = ()
    ask: bool = False


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing to send now; check again at `until` (Unix seconds), if that is known."""

    until: float | None


@dataclass(frozen=True, slots=True)
class BatchAnswer(Generic[T]):
    """The answer to a batch, read at `at` (Unix seconds), with a random number in [0, 1) for decisions that need
    one.
    """

    batch: Batch[T]
    verdict: Verdict
    at: float
    chance: float


class Outlet(Protocol):
    """A channel for requests that share a rate limit: an API key of Last.fm's, or somebody's access to another
    service.
    """

    @property
    def pace(self) -> Pace:
        """The rate limit, with the rules of the service."""


OutletT = TypeVar("OutletT", bound=Outlet)
_Found_co = TypeVar("_Found_co", bound=Outlet, covariant=True)
_Asked_contra = TypeVar("_Asked_contra", bound=Outlet, contravariant=True)


class Outlets(Protocol[_Found_co]):
    """All outlets."""

    def get(self, name: str) -> _Found_co | None:
        """The outlet with that name; None if it no longer exists."""


class Outbox(Protocol[T, _Asked_contra]):
    """What waits in a line, of one kind. Methods that get a database connection run in a transaction that holds the
    line's lease.
    """

    def due(self, db: Connection, now: float) -> Mapping[str, Sequence[int]]:
        """Lines with something to send now, by the names of their outlets."""

    def next(self, db: Connection, lease: Lease, *, probe: bool) -> tuple[Batch[T] | Nothing, list[Event]]:
        """What is sent next (a single play for a `probe`), and the events about what was written meanwhile."""

    def mark(self, db: Connection, lease: Lease, batch: Sequence[T]) -> None:
        """Record that this batch is being sent."""

    async def ask(self, outlet: _Asked_contra) -> Verdict:
        """Ask for the service's time. Never raises."""

    async def post(self, outlet: _Asked_contra, batch: Sequence[T], session: str) -> Verdict:
        """Send the batch; returns what the answer means. Never raises."""

    def step(self, db: Connection, lease: Lease, answer: BatchAnswer[T], level: int) -> Step:
        """What an answer means for the line and the batch, after that many throttles of the outlet in a row."""

    def write(self, db: Connection, lease: Lease, answer: BatchAnswer[T], step: Step) -> list[Event]:
        """Write what happened to the batch."""

    def connected(self, db: Connection, lease: Lease, state: DeliveryState) -> Event:
        """The event that says that the state of the connection has changed."""
