"""Other servers that speak Last.fm's API: their addresses, and how they differ."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import md5
from typing import TypeVar
from urllib.parse import urlsplit

from tonearm.core.destination import Rules
from tonearm.core.verdict import Cause, Split
from tonearm.http_exchange import base_address, host_of
from tonearm.lastfm.request import Keys
from tonearm.lastfm.response import Answer, Exchange, Failure, Nonsense, Refusal
from tonearm.lastfm.rules import LIBREFM, like_lastfm

T = TypeVar("T")

_API_PATH = "/2.0/"
_APPROVAL_PATH = "/api/auth/"

OPEN_KEYS = Keys(*[md5(word, usedforsecurity=False).hexdigest() for word in (b"tonearm", b"in the open")])
"""For servers that check only the length of keys, as GNU FM does, so that the listener's own keys go only to
Last.fm.
"""


@dataclass(frozen=True, slots=True)
class LastFmServer:
    """A server that speaks Last.fm's API. `approval_url` is where its listeners approve (`approval_url(base=…)`)."""

    rules: Rules
    api_url: str
    approval_url: str

    def named(self, outcome: Answer[T] | Failure) -> Answer[T] | Failure:
        """The same outcome, with this server's name in its error."""
        if not isinstance(outcome, Refusal):
            return outcome
        return replace(outcome, cause=replace(outcome.cause, service=self.rules.service))

    def verdict_on(self, exchange: Exchange[T]) -> Split | None:
        """What an answer to a write means, if it differs from Last.fm's.

        A server that fails with HTTP 500 and no message may do so because of one play. At Last.fm such a play becomes
        too old; on a server where no play does, it would block all others for ever. Plays that were stored are
        recognised when they are sent again.
        """
        match exchange.outcome:
            case Nonsense(500, message):
                return Split(Cause(None, message, self.rules.service), may_be_there=True)
            case _:
                return None


LIBREFM_SERVER = LastFmServer(LIBREFM, "https://libre.fm/2.0/", "https://libre.fm/api/auth/")


def server_at(url: str, *, approval_url: str = "", name: str = "", rules: Rules | None = None) -> LastFmServer:
    """A server at the address as a listener enters it: its API is at /2.0/ below it, unless the address has a path.

    Without an `approval_url`, it is /api/auth/ on the same host; without a `name` (for people), it is the host. Raises
    ValueError, in words for whoever typed it, for an invalid address.
    """
    base = base_address(url)
    parts = urlsplit(base)
    api_url = f"{base}/" if parts.path.strip("/") else base + _API_PATH
    pages = f"{base_address(approval_url)}/" if approval_url else f"{parts.scheme}://{parts.netloc}{_APPROVAL_PATH}"
    return LastFmServer(rules or like_lastfm(name or host_of(base)), api_url, pages)
