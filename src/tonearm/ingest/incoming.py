"""What protocols report, in the core's types, and the rendered answer."""

from __future__ import annotations

from dataclasses import dataclass

from tonearm.core.play import Track
from tonearm.core.report import Listening, Stamp


@dataclass(frozen=True, slots=True)
class Incoming:
    """One play as a player reported it. The track is clean, and its artist and title are not empty.

    `timestamp` is the time that the player sent, in Unix seconds UTC; `stamp` says which moment of the play it is.
    None: it sent none, and the time of arrival is used instead. `played` is the seconds heard, None unless `listening`
    is MEASURED. `program` is the reporting program with its version, "" if the request doesn't name it. `left_out`
    names the optional fields that could not be read, "" if all could.
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
    """The track that is playing now. It is shown, never saved."""

    track: Track
    program: str = ""
    device: str = ""


@dataclass(frozen=True, slots=True)
class Cleared:
    """Playback has stopped."""


@dataclass(frozen=True, slots=True)
class Heart:
    """A track that was loved or unloved. `recording` is the id of a recording if the player sends no names: then the
    track has none.
    """

    track: Track
    loved: bool
    recording: str = ""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A report that can't be a play, such as one without a title; `reason` is for people. `by_design`: the player
    didn't mean it as a play either, so nothing is lost.
    """

    reason: str
    by_design: bool = False


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
    """An answer, ready to be written. Write head and body together: VLC 3.0.24 reads only once."""

    status: int
    body: bytes
    content_type: str
    headers: tuple[tuple[str, str], ...] = ()
