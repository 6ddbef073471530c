"""What destinations are and do, as services return it to pages, endpoints and commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from tonearm.core.account import Connection as Connected
from tonearm.core.destination import DestinationKind
from tonearm.core.play import Track
from tonearm.core.waits import Waits
from tonearm.service import destination_waits
from tonearm.service.outlets import pace_key
from tonearm.store.destination_queue import Delivered, Waiting
from tonearm.store.destinations import StoredDestination
from tonearm.store.plays import StoredPlay


class WhyRefused(StrEnum):
    """Why something can't be done: the input is wrong, the listener still has to approve at the service, the profile is
    taken, or the service is unavailable.
    """

    INVALID = "invalid"
    PENDING = "pending"
    TAKEN = "taken"
    AWAY = "away"


@dataclass(frozen=True, slots=True)
class DestinationRefused:
    """The action isn't possible, and why, in words for the listener. Nothing was changed. If the input is wrong,
    `field` says which part: `url`, `token`, `password`, `api_key` or `approval_url`.
    """

    reason: str
    why: WhyRefused = WhyRefused.INVALID
    field: str = "token"


@dataclass(frozen=True, slots=True)
class NoSuchDestination:
    """This listener has no destination with that id."""


DestinationChangeResult = StoredDestination | DestinationRefused | NoSuchDestination
"""A destination after a change, or why it was not changed."""


@dataclass(frozen=True, slots=True)
class KeepOrDiscard:
    """Plays wait for the destination: say whether they are kept or discarded to remove it."""

    waiting: int


@dataclass(frozen=True, slots=True)
class DestinationRemoved:
    """The destination is removed. `kept` plays wait until it is added again, `discarded` ones are never sent there."""

    kept: int = 0
    discarded: int = 0


@dataclass(frozen=True, slots=True)
class DestinationOverview:
    """A destination as it is now. Times are Unix seconds, None for never.

    `state` is `connected`, `paused`, `needs_sign_in` or `disconnected`. `waits` says why its queue has not been sent
    yet, None if nothing waits. `outcomes` counts its plays by fate, without the accepted ones. `used` is how much of
    the daily limit is used up, if it has one (`stored.state.budget`). `queues_history`: part of the history is still to
    be queued.
    """

    stored: StoredDestination
    state: str
    waiting: Waiting
    waits: Waits | None
    outcomes: Mapping[str, int]
    used: int = 0
    hearts_waiting: int = 0
    hearts_rejected: int = 0

    @property
    def kind(self) -> DestinationKind:
        return DestinationKind(self.stored.kind)

    @property
    def name(self) -> str:
        """What it is called: "ListenBrainz (RJ)"."""
        return name_of(self.stored)

    @property
    def reason(self) -> str:
        """Why it waits and what to do about it, as the end of a sentence; "" if nothing waits."""
        return destination_waits.explained(self.waits, self.kind) if self.waits else self.stored.state.trouble

    @property
    def hearts(self) -> str:
        """The hearts that it doesn't have yet or has rejected, in words; "" if there are none."""
        waiting, rejected = self.hearts_waiting, self.hearts_rejected
        waits = f"{waiting:,} {'heart waits' if waiting == 1 else 'hearts wait'}" if waiting else ""
        gone = f"{rejected:,} {'heart' if rejected == 1 else 'hearts'} not accepted" if rejected else ""
        return ", ".join(filter(None, (waits, gone)))

    @property
    def queues_history(self) -> bool:
        return self.stored.backlog_at is not None


@dataclass(frozen=True, slots=True)
class PlayAtDestination:
    """What happened to a play at a destination. `reason` says why it waits, or what happened to it."""

    destination: StoredDestination
    delivered: Delivered
    reason: str
    waits: Waits | None = None

    @property
    def kind(self) -> DestinationKind:
        return DestinationKind(self.destination.kind)

    @property
    def name(self) -> str:
        """What the destination is called: "ListenBrainz (RJ)"."""
        return name_of(self.destination)


@dataclass(frozen=True, slots=True)
class DestinationPlays:
    """Plays of a destination, each with what happened to it there."""

    waiting: tuple[tuple[StoredPlay, PlayAtDestination], ...]
    rejected: tuple[tuple[StoredPlay, PlayAtDestination], ...]


@dataclass(frozen=True, slots=True)
class PolicyPreview:
    """What a policy would have done to the latest plays: of `plays` plays, `kept` would not have been sent. `changed`
    has the tracks that would have been sent under other names: as heard, and as sent.
    """

    plays: int
    kept: int
    changed: tuple[tuple[Track, Track], ...]


@dataclass(frozen=True, slots=True)
class DestinationProfile:
    """A profile at another service: its `user` ("" if the service names nobody), and the `secret` that plays are sent
    with.
    """

    kind: DestinationKind
    address: str
    user: str
    secret: str = field(repr=False)

    @property
    def key(self) -> str:
        """The name of its access."""
        return pace_key(self.kind, self.address, self.secret)


def state_of(found: StoredDestination) -> str:
    """The state of a destination, in one word."""
    if found.state.connection is Connected.CONNECTED and found.paused_at is not None:
        return "paused"
    return found.state.connection


def name_of(found: StoredDestination) -> str:
    """A destination in words: "ListenBrainz (RJ)"."""
    label = DestinationKind(found.kind).label
    who = found.username or urlsplit(found.url).netloc
    return f"{label} ({who})"
