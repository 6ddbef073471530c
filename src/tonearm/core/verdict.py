"""What a destination's answer means for the plays that were sent.

The wire (`tonearm.lastfm`, say) reads an answer into a Verdict; the rules (`core.delivery`) turn it into a step.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something failed: an error code (None: not an error of the API) and the message. `service` is the name of the
    destination whose code it is.
    """

    error_code: int | None
    message: str
    service: str = "Last.fm"

    def __str__(self) -> str:
        return self.message if self.error_code is None else f"{self.service} error {self.error_code}: {self.message}"

    def repeats(self, reason: str) -> bool:
        """Whether an earlier `reason`, as text, had this error code, or exactly this message if there is no code."""
        return reason == self.message if self.error_code is None else reason.startswith(str(replace(self, message="")))


@dataclass(frozen=True, slots=True)
class Correction:
    """The names that Last.fm files a play under; the listener's own tags stay as they are."""

    artist: str
    track: str
    album: str = ""
    album_artist: str = ""


@dataclass(frozen=True, slots=True)
class ItemAnswer:
    """Last.fm's answer for one play of a batch: `ignored_code` is 0 if it is accepted.

    `timestamp` is the one that the answer names (None if it names none).
    Codes: https://www.last.fm/api/show/track.scrobble
    """

    ignored_code: int
    message: str = ""
    timestamp: int | None = None
    correction: Correction | None = None


class Scope(StrEnum):
    """What a rate limit applies to: this address, or one Last.fm account."""

    ADDRESS = "address"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class Answered:
    """Last.fm answered with one item for each play, in the order sent. `at` is the server's time (Unix seconds) from
    this answer; None if it names none. `from_server` is false if nothing was sent, since it would be of no use: then
    this proves nothing about the server.
    """

    items: tuple[ItemAnswer, ...]
    at: float | None = field(default=None, compare=False)
    from_server: bool = True


@dataclass(frozen=True, slots=True)
class Later:
    """A temporary failure. `retry_after` is in seconds; None if the answer named no time."""

    cause: Cause
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Throttled:
    """Too many requests, or too many scrobbles."""

    scope: Scope
    cause: Cause
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Unsure:
    """The request was sent and no readable answer came: the plays may or may not have been stored."""

    cause: Cause
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """Something in the batch is rejected, and the answer does not say what. `may_be_there`: the server broke off, and
    may have stored some of it.
    """

    cause: Cause
    may_be_there: bool = False


@dataclass(frozen=True, slots=True)
class SessionSuspect:
    """Error 4 on a write: usually the session has ended, but Last.fm has sent it under load, too."""

    cause: Cause


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """The listener has to sign in again."""

    cause: Cause


@dataclass(frozen=True, slots=True)
class KeyRefused:
    """The API key is unknown or suspended: nothing can be sent with it."""

    cause: Cause


Verdict = Answered | Later | Throttled | Unsure | Split | SessionSuspect | SessionEnded | KeyRefused

_NAMES: dict[type[Verdict], str] = {
    Answered: "Answered",
    Later: "Later",
    Throttled: "Throttled",
    Unsure: "Unsure",
    Split: "Split",
    SessionSuspect: "SessionDoubted",
    SessionEnded: "SessionEnded",
    KeyRefused: "KeyRefused",
}


def verdict_name(verdict: Verdict) -> str:
    """The name of a verdict in tables, metrics, JSON and documents: it stays the same if the class is renamed."""
    return _NAMES[type(verdict)]
