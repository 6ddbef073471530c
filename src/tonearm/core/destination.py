"""A destination: where plays are sent, and what it accepts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from tonearm.core.play import Play

Turn = Callable[[], Awaitable[None]]
"""Returns when another request may be sent."""


class DestinationKind(StrEnum):
    """The kind of a destination, as tables, JSON and commands name it. `label` is its name for people."""

    LASTFM = "lastfm"
    LISTENBRAINZ = "listenbrainz"
    LIBREFM = "librefm"
    LASTFM_LIKE = "lastfm-like"
    MALOJA = "maloja"
    KOITO = "koito"
    TEALFM = "tealfm"
    ROCKSKY = "rocksky"

    @property
    def label(self) -> str:
        return _LABELS[self]


_LABELS = {
    DestinationKind.LASTFM: "Last.fm",
    DestinationKind.LISTENBRAINZ: "ListenBrainz",
    DestinationKind.LIBREFM: "Libre.fm",
    DestinationKind.LASTFM_LIKE: "Last.fm-like server",
    DestinationKind.MALOJA: "Maloja",
    DestinationKind.KOITO: "Koito",
    DestinationKind.TEALFM: "teal.fm",
    DestinationKind.ROCKSKY: "Rocksky",
}


class AccessPart(StrEnum):
    """A part of what is needed to reach a profile: an address, an API key for some servers, a token or a password."""

    ADDRESS = "address"
    API_KEY = "api_key"
    SECRET = "secret"  # noqa: S105  # the name of a part


@dataclass(frozen=True, slots=True)
class TokenCheck:
    """What a destination says about a token, in words for its listener. `user` is whose it is ("" if the destination
    names nobody), `trouble` is why it can't be used ("" if it can), and `passing` says that the trouble may pass by
    itself. `pending`: the listener still has to approve. `part` says what the trouble is about.
    """

    user: str = ""
    trouble: str = ""
    passing: bool = False
    pending: bool = False
    part: AccessPart = AccessPart.SECRET


class Ignoring(StrEnum):
    """What an ignored code means, as far as it decides what is done with the play."""

    TOO_OLD = "too_old"
    TOO_NEW = "too_new"
    DAILY_LIMIT = "daily_limit"
    NOT_STORED = "not_stored"
    OTHER = "other"


class Concern(StrEnum):
    """What an error of a destination is about, as far as it decides what is done. One `play` is known to cause it for a
    whole batch; so is a `signature`, which may also come from a wrong secret. The `backend` failed, perhaps after it
    had stored some plays.
    """

    PLAY = "play"
    SIGNATURE = "signature"
    ACCOUNT = "account"
    BACKEND = "backend"
    OTHER = "other"

    @property
    def names_a_play(self) -> bool:
        """Whether a single play of a batch is known to cause it."""
        return self in (Concern.PLAY, Concern.SIGNATURE)


@dataclass(frozen=True, slots=True)
class Rules:
    """What a destination accepts, and how long it is left alone after a limit.

    `batch` is how many plays one request may carry. `oldest` is the age in seconds from which plays are rejected (None:
    any age is accepted), `too_old_reason` says so in words. `shortest` is the length in seconds above which tracks are
    accepted. `daily_limit` says whether there is a limit to the plays of an account per day, which is learned when it
    is reached. The ladders are the seconds of throttling after each limit in a row, for one account or for everybody at
    this IP address. `codes` maps the ignored codes that decide what is done with a play to their meaning; `reason(play,
    code, message, now)` says why it was ignored. `errors` says what the errors of whole requests are about. `service`
    is its name for people.
    """

    batch: int
    oldest: int | None
    too_old_reason: str
    shortest: float
    daily_limit: bool
    account_ladder: tuple[float, ...]
    address_ladder: tuple[float, ...]
    codes: Mapping[int, Ignoring]
    errors: Mapping[int, Concern]
    reason: Callable[[Play, int, str, float], str]
    service: str = "Last.fm"

    def too_old(self, timestamp: int, now: float) -> bool:
        """Whether a play that began at `timestamp` is no longer accepted at `now`; both are Unix seconds."""
        return self.oldest is not None and now - timestamp >= self.oldest

    def expires_at(self, timestamp: int | None) -> int | None:
        """When (Unix seconds) a play that began at `timestamp` is no longer accepted; None: never, or `timestamp` is
        None.
        """
        return None if self.oldest is None or timestamp is None else timestamp + self.oldest

    def concern(self, error_code: int | None) -> Concern:
        """What an error is about."""
        return Concern.OTHER if error_code is None else self.errors.get(error_code, Concern.OTHER)

    def meaning(self, play: Play, code: int, now: float) -> Ignoring:
        """What an ignored code means for a play. `now` is the destination's time.

        GNU FM says 3 for too new and 4 for too old, so the play's time shows which it is.
        """
        meant = self.codes.get(code, Ignoring.OTHER)
        if meant not in (Ignoring.TOO_OLD, Ignoring.TOO_NEW):
            return meant
        if play.timestamp > now:
            return Ignoring.TOO_NEW
        return Ignoring.TOO_OLD if self.too_old(play.timestamp, now) else meant
