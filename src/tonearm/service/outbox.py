"""What waits in a line, as its delivery sees it: something that goes out in batches, whatever it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from sqlalchemy import Connection

from tonearm.core.delivery import DeliveryState, Step
from tonearm.core.event import Event
from tonearm.core.verdict import Verdict
from tonearm.deferred_dataclass import dataclass
from tonearm.service.rate_limit import Pace
from tonearm.store.line import Lease

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


class Outlet(Protocol):
    """Where requests go that share a rate limit: an API key of Last.fm's, or somebody's access to another service."""

    @property
    def pace(self) -> Pace:
        """The rate limit, with the rules of the service."""


OutletT = TypeVar("OutletT", bound=Outlet)
_Found_co = TypeVar("_Found_co", bound=Outlet, covariant=True)
_Asked_contra = TypeVar("_Asked_contra", bound=Outlet, contravariant=True)


class Outlets(Protocol[_Found_co]):
    """The outlets that there are."""

    def get(self, name: str) -> _Found_co | None:
        """The outlet of that name; None if there is none any more."""


class Outbox(Protocol[T, _Asked_contra]):
    """What a line owes, of one kind. What is given a connection happens in a transaction that holds its lease."""

    def due(self, db: Connection, now: float) -> Mapping[str, Sequence[int]]:
        """Lines that have something to send now, by the names of their outlets."""

    def next(self, db: Connection, lease: Lease, *, probe: bool) -> tuple[Batch[T] | Nothing, list[Event]]:
        """What goes out next, a single one for a `probe`, and the events of what was written meanwhile."""

    def mark(self, db: Connection, lease: Lease, batch: Sequence[T]) -> None:
        """Write that these are on their way."""

    async def ask(self, outlet: _Asked_contra) -> Verdict:
        """Ask for the service's time. Raises nothing."""

    async def post(self, outlet: _Asked_contra, batch: Sequence[T], session: str) -> Verdict:
        """Send them; what the answer means. Raises nothing."""

    def step(self, db: Connection, lease: Lease, answer: BatchAnswer[T], level: int) -> Step:
        """What an answer means for the line and the batch, after so many throttles in a row of the outlet."""

    def write(self, db: Connection, lease: Lease, answer: BatchAnswer[T], step: Step) -> list[Event]:
        """Write what happened to the batch."""

    def connected(self, db: Connection, lease: Lease, state: DeliveryState) -> Event:
        """The event that says that the state of the connection is another one now."""
