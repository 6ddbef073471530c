"""What came back: status, headers and bytes -> an answer, or the kind of failure it was.

The body decides before the status does. HTTP 200 is no success (errors come inside it), and a 4xx is not
permanent by itself: Last.fm wraps failures of its own backend in 400.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from tonearm.core.verdict import Cause
from tonearm.lastfm.body import parse
from tonearm.lastfm.quirks import UnreadableAnswer, fraction, node, small, text
from tonearm.lastfm.request import Request, SignedRequest

T = TypeVar("T")

_LONGEST_MESSAGE = 300
_LONGEST_WAIT = 86400.0
"""Seconds; a proxy's slip in Retry-After must not stop an account for a year."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer, whole. Header names are in lower case; `round_trip` is in seconds."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    round_trip: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """Last.fm did what was asked, and this is what it says."""

    value: T


@dataclass(frozen=True, slots=True)
class Refusal:
    """Last.fm answered with an error number. `retry_after` is in seconds, where a header named it."""

    cause: Cause
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Nonsense:
    """Something answered, but not in a way that can be read: HTML, nothing, a part, or a contradiction."""

    status: int
    message: str
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class TransportError:
    """No answer came. `sent` is False if the request surely never reached Last.fm."""

    sent: bool
    message: str


Failure = Refusal | Nonsense | TransportError


@dataclass(frozen=True, slots=True)
class Exchange(Generic[T]):
    """What came back, as it came and as it is understood."""

    reply: Reply | TransportError
    outcome: Answer[T] | Failure


def understand(request: Request[T], sealed: SignedRequest, reply: Reply | TransportError) -> Answer[T] | Failure:
    """The answer to a request, or its failure, without anything secret in the words."""
    if isinstance(reply, TransportError):
        return TransportError(reply.sent, _plain(reply.message, sealed.secrets))
    wait = retry_after(reply.headers)
    found = parse(reply.body)
    if found is None:
        return Nonsense(reply.status, f"HTTP {reply.status} {_unread(reply.body)}", wait)
    if "error" in found:
        return _refusal(found, reply.status, wait, sealed.secrets)
    if request.root is None:
        content: object = found
        expected = 200 <= reply.status < 300
    else:
        content = found.get(request.root)
        expected = request.root in found
    if not expected:
        return Nonsense(reply.status, f"HTTP {reply.status} with an answer to something else", wait)
    try:
        return Answer(request.read(content))
    except UnreadableAnswer as error:
        return Nonsense(reply.status, _plain(str(error), sealed.secrets), wait)


def _refusal(
    found: Mapping[str, object], status: int, wait: float | None, secrets: Iterable[str]
) -> Refusal | Nonsense:
    # {"error": 6, "message": …}, or {"error": {"code": "6", "#text": …}} as in XML and from GNU FM's JSON, where the
    # words may also be a <message> within, and the code beside it.
    error = found["error"]
    inner = node(error)
    error_code = small(inner.get("code", node(inner.get("@attr")).get("code"))) if inner else small(error)
    if error_code is None:
        return Nonsense(status, f"HTTP {status} with an error that has no number", wait)
    message = text(inner) or text(inner.get("message")) or text(found.get("message"))
    return Refusal(Cause(error_code, _plain(message, secrets) or "no words"), wait)


def _unread(body: bytes) -> str:
    start = body.lstrip()[:1]
    if not start:
        return "and nothing in the body"
    return "with a page instead of an answer" if start == b"<" else "with a body that cannot be read"


def _plain(message: str, secrets: Iterable[str]) -> str:
    """Words fit for a log: one line, not endless, and without a secret that something echoed."""
    for secret in secrets:
        if len(secret) >= 8:
            message = message.replace(secret, "…")
    message = " ".join("".join(c if c.isprintable() else " " for c in message).split())
    return message if len(message) <= _LONGEST_MESSAGE else message[: _LONGEST_MESSAGE - 1] + "…"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds by the Retry-After header, at most a day; a date in it counts from the answer's own Date."""
    named = headers.get("retry-after", "")
    wait = fraction(named)
    if wait is None:
        until, answered = _unix(named), server_time(headers)
        wait = None if until is None or answered is None else until - answered
    return None if wait is None else min(max(float(wait), 0.0), _LONGEST_WAIT)


def server_time(headers: Mapping[str, str]) -> float | None:
    """Unix seconds of the Date header: the server's clock, to the whole second."""
    return _unix(headers.get("date", ""))


def _unix(date: str) -> float | None:
    from email.utils import mktime_tz, parsedate_tz

    parts = parsedate_tz(date)
    try:
        return None if parts is None else float(mktime_tz(parts))
    except (ValueError, OverflowError):
        return None
