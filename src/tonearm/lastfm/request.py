"""Requests to Last.fm, before and after they are signed with an application's keys.

Signature: https://www.last.fm/api/authspec ("Signing calls"). It is plain MD5, neither OAuth nor HMAC.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from typing import Generic, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_UNSIGNED = frozenset({"format", "callback", "api_sig"})

_PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~"
_ESCAPED = tuple("+" if byte == 0x20 else c if (c := chr(byte)) in _PLAIN else f"%{byte:02X}" for byte in range(256))
"""Each byte as it is written in a form. A table, since urllib's quoting would take most of the time for 50 plays."""

_UNSENDABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
"""Control characters and lone surrogates: one of them in one name fails a whole batch with error 13."""


@dataclass(frozen=True, slots=True)
class Keys:
    """An application's API key, which is public, and its shared secret, which `repr` never shows."""

    api_key: str
    api_secret: str = field(repr=False)


class Verb(StrEnum):
    """How a call is sent: parameters in the query, or as a form in the body."""

    GET = "GET"
    POST = "POST"


@dataclass(frozen=True, slots=True)
class Request(Generic[T_co]):
    """One call, and how its answer is read. It holds no keys and sends nothing.

    `root` names the member of the answer that `read` parses; None if a success has an empty answer.
    """

    method: str
    params: Mapping[str, str] = field(repr=False)
    root: str | None
    read: Callable[[object], T_co] = field(repr=False)
    signed: bool = False
    session_key: str | None = field(default=None, repr=False)

    @property
    def verb(self) -> Verb:
        """GET for unauthenticated reads. Anything with a secret goes in a body, because URLs end up in logs."""
        return Verb.POST if self.signed or self.session_key else Verb.GET


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A call with keys and signature, as it is sent. Its `repr` shows only the verb."""

    verb: Verb
    form: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)


def given(params: Mapping[str, str | int | None]) -> dict[str, str]:
    """The parameters that have a value: None and empty text are neither sent nor signed."""
    return {name: str(value) for name, value in params.items() if value is not None and value != ""}


def sign(params: Mapping[str, str], secret: str) -> str:
    """The `api_sig` of these parameters: 32 lower-case hex digits.

    Names are sorted by their bytes: `artist[10]` before `artist[1]`, and `albumArtist[0]` before `album[0]`.
    """
    base = "".join([name + params[name] for name in sorted(params) if name not in _UNSIGNED])
    return hashlib.md5((base + secret).encode(), usedforsecurity=False).hexdigest()


DECODED_TWICE = frozenset({"artist.getInfo", "artist.getSimilar", "artist.getTopTracks", "track.getSimilar"})
"""Reads in which Last.fm may decode artist and track twice, so that "+" has to be sent as %252B. One report of
September 2026 says so about these, and not about album.getInfo; it is not confirmed. So such a read is sent the other
way, too, if the first finds nothing.
"""

TWICE_FIRST = False
"""Which way is tried first: encoded once, as Last.fm documents it, or twice, if the report proves true."""

_ENCODED_AGAIN = {ord("%"): "%25", ord("+"): "%2B"}
_NAMES = ("artist", "track")


def variants(request: Request[T], *, twice_first: bool = TWICE_FIRST) -> tuple[Request[T], ...]:
    """The request in each form in which Last.fm may understand its names, the most likely first."""
    names = {name: request.params[name] for name in _NAMES if name in request.params}
    if request.method not in DECODED_TWICE or request.verb is not Verb.GET:
        return (request,)
    again = {name: value.translate(_ENCODED_AGAIN) for name, value in names.items()}
    if again == names:
        return (request,)
    twice = replace(request, params={**request.params, **again})
    return (twice, request) if twice_first else (request, twice)


def sign_request(request: Request[object], keys: Keys) -> SignedRequest:
    """The call as it is sent: with keys, signed if needed, URL-encoded. Exactly what is signed is sent."""
    params = {**request.params, "method": request.method, "api_key": keys.api_key}
    if request.session_key:
        params["sk"] = request.session_key
    if not "".join(params.values()).isprintable():  # one quick check, since nearly always all is well
        params = {name: _UNSENDABLE.sub("", value) for name, value in params.items()}
    secrets = [keys.api_secret, params.get("sk", ""), params.get("token", "")]
    if request.verb is Verb.POST:
        params["api_sig"] = sign(params, keys.api_secret)
        secrets.append(params["api_sig"])
    params["format"] = "json"
    return SignedRequest(request.verb, form(params), tuple(secret for secret in secrets if secret))


def form(params: Mapping[str, str]) -> str:
    """The parameters as application/x-www-form-urlencoded, in UTF-8."""
    return "&".join([f"{_name(name)}={_value(value)}" for name, value in params.items()])


def _value(value: str) -> str:
    if value.isalnum() and value.isascii():
        return value
    return "".join([_ESCAPED[byte] for byte in value.encode()])


_name = lru_cache(1024)(_value)
"""Cached: the 500 names of a batch are always the same."""
