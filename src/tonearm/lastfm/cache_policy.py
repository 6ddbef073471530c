"""Which of Last.fm's answers may be cached: for how long, under which key, and about whom. Pure functions."""

from __future__ import annotations

import unicodedata
from hashlib import blake2b
from typing import Any

from tonearm.core.verdict import Cause
from tonearm.lastfm.request import Request, Verb
from tonearm.lastfm.response import Answer, Failure, Refusal

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
WEEK = 7 * DAY

NEGATIVE = HOUR
"""Seconds for which the answer that Last.fm knows nothing by a name is cached."""

EVERY_LISTENER = "*"
"""Everything about any Last.fm user; no user name contains a star."""

Keepable = Answer[Any] | Refusal
_NOTHING_BY_THAT_NAME = frozenset({6, 7})


def fresh_for(request: Request[object], ttl: float) -> float:
    """How many seconds an answer stays fresh; 0 if it must not be cached at all.

    Artists, albums, tracks and tags for `ttl`; searches, charts and top lists for at most a day, since they change;
    everything about a listener for five minutes.
    """
    if request.verb is not Verb.GET or request.root is None:
        return 0.0
    package, _, name = request.method.casefold().partition(".")
    if package in ("user", "library") or listener_of(request):
        return min(ttl, 5 * MINUTE)
    if package in ("chart", "geo") or name == "search" or (package == "tag" and name.startswith("gettop")):
        return min(ttl, DAY)
    return ttl if package in ("artist", "album", "track", "tag") else 0.0


def key_of(request: Request[object], realm: str) -> str:
    """The cache key of an answer: 32 hex digits of the API (`realm`), the method, and its parameters in any order."""
    parts = [realm, request.method.casefold(), *(f"{name}={value}" for name, value in sorted(request.params.items()))]
    return blake2b("\0".join(parts).encode(errors="replace"), digest_size=16).hexdigest()


def folded(name: str) -> str:
    """A name as the cache is searched for it."""
    return unicodedata.normalize("NFC", name).casefold()


def artist_of(request: Request[object]) -> str:
    """The artist that a request names, folded; "" if it names none (an mbid is not a name)."""
    return folded(request.params.get("artist", ""))


def listener_of(request: Request[object]) -> str:
    """The Last.fm user that a request is about, folded; "" if none."""
    return folded(request.params.get("username") or request.params.get("user") or "")


def cacheable(outcome: Answer[object] | Failure) -> Keepable | None:
    """Whether an outcome is worth caching: an answer, or that nothing by that name exists."""
    match outcome:
        case Answer():
            return outcome
        case Refusal(Cause(error_code)) if error_code in _NOTHING_BY_THAT_NAME:
            return outcome
        case _:
            return None
