"""What came back: status, headers and bytes -> an answer, or the kind of failure it was.

The body decides before the status does. HTTP 200 is no success (errors come inside it), and a 4xx is not
permanent by itself: Last.fm wraps failures of its own backend in 400.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from tonearm.core.verdict import Cause
from tonearm.http_exchange import Reply, TransportError, plain, retry_after, unread
from tonearm.lastfm.body import parse
from tonearm.lastfm.quirks import UnreadableAnswer, node, small, text
from tonearm.lastfm.request import Request, SignedRequest

T = TypeVar("T")


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


Failure = Refusal | Nonsense | TransportError


@dataclass(frozen=True, slots=True)
class Exchange(Generic[T]):
    """What came back, as it came and as it is understood."""

    reply: Reply | TransportError
    outcome: Answer[T] | Failure


def understand(request: Request[T], sealed: SignedRequest, reply: Reply | TransportError) -> Answer[T] | Failure:
    """The answer to a request, or its failure, without anything secret in the words."""
    if isinstance(reply, TransportError):
        return TransportError(reply.sent, plain(reply.message, sealed.secrets))
    wait = retry_after(reply.headers)
    found = parse(reply.body)
    if found is None:
        return Nonsense(reply.status, f"HTTP {reply.status} {unread(reply.body)}", wait)
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
        return Nonsense(reply.status, plain(str(error), sealed.secrets), wait)


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
    return Refusal(Cause(error_code, plain(message, secrets) or "no words"), wait)
