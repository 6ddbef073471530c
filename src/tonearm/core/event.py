"""The events of an account that others may subscribe to: one type per event, with the promised fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class AuthChanged:
    """The connection to Last.fm changed."""

    kind: ClassVar[str] = "lastfm:auth"
    state: str
    username: str


@dataclass(frozen=True, slots=True)
class NowPlayingShown:
    """A track was reported as playing; `started_at` is in Unix seconds, `duration` in seconds."""

    kind: ClassVar[str] = "lastfm:now-playing"
    artist: str
    track: str
    album: str
    duration: float | None
    started_at: float
    status: str


@dataclass(frozen=True, slots=True)
class ScrobbleStatus:
    """A play has a new status: queued, accepted, ignored, refused, expired, or why it was not queued."""

    kind: ClassVar[str] = "lastfm:scrobble-status"
    id: int
    status: str
    artist: str
    track: str
    message: str


@dataclass(frozen=True, slots=True)
class QueueUpdated:
    """The number of plays that wait changed."""

    kind: ClassVar[str] = "lastfm:queue-updated"
    queued_count: int


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """Progress of an import: `done` of `total`."""

    kind: ClassVar[str] = "lastfm:import-progress"
    job: int
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class EnrichProgress:
    """More songs of the library were looked up at Last.fm: `done` of `total`."""

    kind: ClassVar[str] = "lastfm:enrich-progress"
    job: int
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class HeartChanged:
    """A track was loved or unloved. `status` is waiting, accepted, rejected, or kept if nobody is signed in."""

    kind: ClassVar[str] = "lastfm:heart"
    artist: str
    track: str
    loved: bool
    status: str
    message: str


@dataclass(frozen=True, slots=True)
class DestinationStatus:
    """A play has a new status at a destination: accepted, ignored, refused, expired or discarded."""

    kind: ClassVar[str] = "destination:scrobble-status"
    destination: int
    id: int
    status: str
    artist: str
    track: str
    message: str


@dataclass(frozen=True, slots=True)
class DestinationChanged:
    """The connection to a destination changed, or it was added, paused or removed: `state` says what it is now."""

    kind: ClassVar[str] = "destination:changed"
    destination: int
    service: str
    username: str
    state: str


@dataclass(frozen=True, slots=True)
class DestinationHeart:
    """A heart was sent to a destination: `status` is `accepted`, `waiting` (to be sent again) or `rejected`."""

    kind: ClassVar[str] = "destination:heart"
    destination: int
    artist: str
    track: str
    loved: bool
    status: str
    message: str


Event = (
    AuthChanged
    | NowPlayingShown
    | ScrobbleStatus
    | QueueUpdated
    | ImportProgress
    | EnrichProgress
    | HeartChanged
    | DestinationStatus
    | DestinationChanged
    | DestinationHeart
)


def data(event: Event) -> dict[str, object]:
    """The event's fields as they are sent."""
    return {name: getattr(event, name) for name in event.__slots__}
