"""What a way in reports, in the core's types, and the answer that goes back, rendered."""

from __future__ import annotations

from dataclasses import dataclass

from tonearm.core.play import Track
from tonearm.core.report import Listening, Stamp


@dataclass(frozen=True, slots=True)
class Incoming:
    """One play as a player reported it. The track is clean, and its artist and title are not empty.

    `timestamp` is the time that the player sent, in Unix seconds UTC; `stamp` says which moment of the play it is.
    None: it sent none, and the time of arrival is used instead. `played` is the seconds heard, None unless
    `listening` is MEASURED. `program` names the reporting program and its version, "" if the request doesn't.
    `left_out` names the optional fields that could not be read, "" if all could.
    """

    track: Track
    timestamp: float | None
    stamp: Stamp
    played: float | None
    listening: Listening
    chosen_by_user: bool = True
    program: str = ""
    device: str = ""
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class Announced:
    """The track that plays now. It is shown, never kept."""

    track: Track
    program: str = ""
    device: str = ""


@dataclass(frozen=True, slots=True)
class Cleared:
    """What played before plays no more."""


@dataclass(frozen=True, slots=True)
class Heart:
    """A heart given to a track, or taken from it.

    `recording` is the id of a recording if the player says no names: then the track has none.
    """

    track: Track
    loved: bool
    recording: str = ""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A report that no listener could have meant, such as one without a title; `reason` is for people."""

    reason: str


@dataclass(frozen=True, slots=True)
class Malformed:
    """A request that cannot be read as a whole; `reason` is in the protocol's own words."""

    reason: str


@dataclass(frozen=True, slots=True)
class Listened:
    """A play as the reading methods of these protocols list it. `timestamp` is its start, Unix seconds UTC."""

    track: Track
    timestamp: int
    loved: bool = False
    program: str = ""


@dataclass(frozen=True, slots=True)
class PlayerAnswer:
    """What goes back, ready to be written. Head and body belong in one write: VLC 3.0.24 reads only once."""

    status: int
    body: bytes
    content_type: str
    headers: tuple[tuple[str, str], ...] = ()
