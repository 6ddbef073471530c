"""Reads replies: from status, headers and bytes to an answer or a kind of failure.

The body decides before the status does. HTTP 200 doesn't mean success (errors come with it, too), and a 4xx isn't
always permanent: Last.fm sends failures of its own backend with 400.
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
    """Last.fm did what was requested, and this is its answer."""

    value: T


@dataclass(frozen=True, slots=True)
class Refusal:
    """Last.fm answered with an error number. `retry_after` is in seconds, None if no header named it."""

    cause: Cause
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Nonsense:
    """Something replied, but not with a readable answer: HTML, an empty or truncated body, or a contradiction."""

    status: int
    message: str
    retry_after: float | None = None


Failure = Refusal | Nonsense | TransportError


@dataclass(frozen=True, slots=True)
class Exchange(Generic[T]):
    """A reply, raw and parsed."""

    reply: Reply | TransportError
    outcome: Answer[T] | Failure


def understand(request: Request[T], sealed: SignedRequest, reply: Reply | TransportError) -> Answer[T] | Failure:
    """The answer to a request, or its failure, with no secret in the message."""
    if isinstance(reply, TransportError):
        return TransportError(reply.sent, plain(reply.message, sealed.secrets))
    wait = retry_after(reply.headers)
    found = parse(reply.body)
    if found is None:
        return Nonsense(reply.status, f"HTTP {reply.status} with {unread(reply.body)}", wait)
    if "error" in found:
        return _refusal(found, reply.status, wait, sealed.secrets)
    if request.root is None:
        content: object = found
        expected = 200 <= reply.status < 300
    else:
        content = found.get(request.root)
        expected = request.root in found
    if not expected:
        return Nonsense(reply.status, f"HTTP {reply.status} with an unrelated answer", wait)
    try:
        return Answer(request.read(content))
    except UnreadableAnswer as error:
        return Nonsense(reply.status, plain(str(error), sealed.secrets), wait)


def _refusal(
    found: Mapping[str, object], status: int, wait: float | None, secrets: Iterable[str]
) -> Refusal | Nonsense:
    # {"error": 6, "message": …}, or {"error": {"code": "6", "#text": …}} as in XML and from GNU FM's JSON, in which the
    # message may also be a <message> inside, with the code beside it.
    error = found["error"]
    inner = node(error)
    error_code = small(inner.get("code", node(inner.get("@attr")).get("code"))) if inner else small(error)
    if error_code is None:
        return Nonsense(status, f"HTTP {status} with an error that has no number", wait)
    message = text(inner) or text(inner.get("message")) or text(found.get("message"))
    return Refusal(Cause(error_code, plain(message, secrets) or "no message"), wait)
