"""A call of Last.fm 2.0, unparsed: its parameters and their signature. https://www.last.fm/api/authspec"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import md5

from tonearm.ingest.form import LARGEST_FORM, parse_form

_UNSIGNED = ("format", "callback", "api_sig")


@dataclass(frozen=True, slots=True)
class LastFmCall:
    """A request: `method` in lower case, and every parameter, from query and body."""

    method: str
    parameters: Mapping[str, str] = field(repr=False)
    json: bool

    @property
    def api_key(self) -> str:
        """The application's API key, "" if there is none."""
        return self.parameters.get("api_key", "").strip()

    @property
    def session(self) -> str:
        """The session key, "" if there is none."""
        return self.parameters.get("sk", "").strip()

    @property
    def signed(self) -> bool:
        """Whether there is a signature: reads may come without one."""
        return bool(self.parameters.get("api_sig"))

    def signed_by(self, shared_secret: str) -> bool:
        """Whether the signature was made with the shared secret of the API key. With foreign keys this is unknown."""
        sent = self.parameters.get("api_sig", "").strip().lower()
        return same(sent, signature(self.parameters, shared_secret))


class Method(StrEnum):
    """The supported methods."""

    MOBILE_SESSION = "auth.getmobilesession"
    TOKEN = "auth.gettoken"  # noqa: S105
    SESSION = "auth.getsession"
    SESSION_INFO = "auth.getsessioninfo"
    SCROBBLE = "track.scrobble"
    NOW_PLAYING = "track.updatenowplaying"
    LOVE = "track.love"
    UNLOVE = "track.unlove"
    USER_INFO = "user.getinfo"
    RECENT_TRACKS = "user.getrecenttracks"
    LOVED_TRACKS = "user.getlovedtracks"
    TOP_TRACKS = "user.gettoptracks"


NEED_SESSION = frozenset((Method.SCROBBLE, Method.NOW_PLAYING, Method.LOVE, Method.UNLOVE, Method.SESSION_INFO))
"""Methods that need a session key."""


@dataclass(frozen=True, slots=True)
class LfmError:
    """An error of the protocol; `message` is "" for its usual text, and `status` 0 for its usual HTTP status."""

    code: int
    message: str = ""
    status: int = 0


def parse_call(query: str, body: bytes | None = b"", accept: str = "") -> LastFmCall | LfmError:
    """A call from the query string, the form body (None: it can't be read) and the Accept header. The body wins over
    the query.
    """
    if body is None:
        return LfmError(6, "Invalid parameters - The form can't be read")
    if len(body) > LARGEST_FORM:
        return LfmError(6, "Invalid parameters - The request is too large")
    parameters = parse_form(query)
    parameters.update(parse_form(body))
    form = parameters.get("format", "").lower()
    return LastFmCall(
        parameters.get("method", "").strip().lower(),
        parameters,
        form == "json" or (not form and "json" in accept.lower()),
    )


def signature(parameters: Mapping[str, str], shared_secret: str) -> str:
    """The `api_sig` of these parameters, as 32 hexadecimal digits."""
    text = "".join([name + parameters[name] for name in sorted(parameters) if name not in _UNSIGNED])
    return md5_of(text + shared_secret)


def md5_of(text: str) -> str:
    """The MD5 of a text: 32 lower-case hexadecimal digits."""
    return md5(text.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()


def same(one: str, other: str) -> bool:
    """Whether two proofs are equal, in constant time."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))
