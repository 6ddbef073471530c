"""Reads replies: from status, headers and bytes to a verdict, or to what is known about a token or a recording.

ListenBrainz answers for a whole request: it accepts all listens of a batch or none, and says why in `error`.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from tonearm.core.destination import AccessPart, TokenCheck
from tonearm.core.play import MBID
from tonearm.core.verdict import (
    Answered,
    Cause,
    ItemAnswer,
    Later,
    Scope,
    SessionEnded,
    SessionSuspect,
    Split,
    Throttled,
    Unsure,
    Verdict,
)
from tonearm.http_exchange import (
    Reply,
    TransportError,
    members,
    number,
    plain,
    redirected,
    retry_after,
    server_time,
    shown_time,
    unreachable,
    unread,
    within_a_day,
)
from tonearm.listenbrainz.rules import ListenCode, reason_of

_NAMED = {"too high": ListenCode.TOO_NEW, "too low": ListenCode.TOO_EARLY}
"""Messages about `listened_at`: such a listen isn't bad, but has to be sent at another time, or never."""


def verdict_on(reply: Reply | TransportError, sent: int, token: str, url: str, service: str) -> Verdict:
    """What the answer to a write of that many listens means."""
    if isinstance(reply, TransportError):
        cause = Cause(None, plain(reply.message, [token]), service)
        return Unsure(cause) if reply.sent else Later(cause)
    status, wait, found = reply.status, rate_wait(reply.headers), members(reply.body)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Throttled(Scope.ADDRESS, _cause(reply, found, token, service), wait)
    if 300 <= status < 400:
        return Later(Cause(None, plain(redirected(reply, url), [token]), service), wait)
    if status in (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.INTERNAL_SERVER_ERROR):
        # The first comes from a proxy, in HTML. The second comes from the server itself, which one listen may have
        # crashed: waiting for it could block all others for ever. Listens that are there already are dropped when they
        # are sent again.
        broke_off = status == HTTPStatus.INTERNAL_SERVER_ERROR
        return Split(_cause(reply, found, token, service), may_be_there=broke_off)
    if found is None:
        # A gateway's page: the server behind it may have stored them. At 404 there is no server to store them.
        cause = Cause(None, f"HTTP {status} with {unread(reply.body)}", service)
        return Later(cause, wait) if status in (404, 405) else Unsure(cause, wait)
    if 200 <= status < 300:
        if found.get("status") == "ok":
            return Answered((ItemAnswer(0),) * sent, shown_time(reply))
        return Unsure(Cause(None, f"HTTP {status} with an unrelated answer", service), wait)
    cause = _cause(reply, found, token, service)
    match status:
        case HTTPStatus.BAD_REQUEST:
            code = next((code for words, code in _NAMED.items() if words in cause.message), None)
            if sent == 1 and code is not None:
                return Answered((ItemAnswer(code, cause.message),), shown_time(reply))
            return Split(cause)
        case HTTPStatus.UNAUTHORIZED:
            return SessionEnded(Cause(None, rejects_token(service, cause.message), service))
        case _ if status > HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.SERVICE_UNAVAILABLE:
            return Unsure(cause, wait)
        case _:
            return Later(cause, wait)


def of_a_token_in_doubt(ended: SessionEnded, state: Reply | TransportError) -> Verdict:
    """What a rejected token means at a server that rejects all tokens while it is in trouble. `state` is its answer to
    a read without a token.
    """
    if isinstance(state, TransportError) or state.status >= 500:
        return Later(Cause(None, f"{ended.cause}; but it has problems of its own", ended.cause.service))
    if state.status == HTTPStatus.OK and members(state.body) is not None:
        return ended
    return SessionSuspect(ended.cause)


def token_check(reply: Reply | TransportError, token: str, url: str, service: str) -> TokenCheck:
    """What the answer to a token check means, in words for the listener."""
    if isinstance(reply, TransportError):
        return TokenCheck(trouble=plain(unreachable(reply, url), [token]), passing=True, part=AccessPart.ADDRESS)
    status, found = reply.status, members(reply.body)
    if 300 <= status < 400:
        return TokenCheck(trouble=plain(redirected(reply, url), [token]), part=AccessPart.ADDRESS)
    if status == HTTPStatus.UNAUTHORIZED:
        return TokenCheck(trouble=rejects_token(service, _message(found, token)))
    if status >= 500 or status == HTTPStatus.TOO_MANY_REQUESTS:
        return TokenCheck(trouble=f"{service} can't check the token now (HTTP {status}): try again later", passing=True)
    if found is None or status >= 400 or not isinstance(found.get("valid"), bool):
        what = f"HTTP {status} with {unread(reply.body)}" if found is None else f"HTTP {status}"
        return TokenCheck(
            trouble=f"the server there isn't {service} ({what}): check the address", part=AccessPart.ADDRESS
        )
    if not found["valid"]:
        return TokenCheck(trouble=rejects_token(service, _message(found, token)))
    name = found.get("user_name")
    return TokenCheck(user=plain(name, [token]) if isinstance(name, str) else "")


def recording_of(reply: Reply) -> str | None:
    """The MBID of the recording that a look-up found; "" if it found none, None if this isn't an answer to it."""
    found = members(reply.body)
    if reply.status != HTTPStatus.OK or found is None:
        return None
    mbid = found.get("recording_mbid")
    return mbid if isinstance(mbid, str) and MBID.fullmatch(mbid) else ""


def left_out(code: ListenCode, service: str) -> ItemAnswer:
    """The answer for a listen or a heart that needs no request, since it can only be ignored."""
    return ItemAnswer(code, reason_of(service, code, ""))


def rejects_token(service: str, message: str) -> str:
    return f"{service} rejects the token{f': {message}' if message else ''}"


def rate_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds until more may be sent, at most a day.

    `X-RateLimit-Reset-In` first: unlike `X-RateLimit-Reset` it needs no clock.
    """
    wait = number(headers.get("x-ratelimit-reset-in", ""))
    if wait is None and headers.get("x-ratelimit-remaining") == "0":
        until, now = number(headers.get("x-ratelimit-reset", "")), server_time(headers)
        wait = None if until is None or now is None else until - now
    return retry_after(headers) if wait is None else within_a_day(wait)


def _cause(reply: Reply, found: Mapping[str, object] | None, token: str, service: str) -> Cause:
    message = _message(found, token) or (unread(reply.body) if found is None else "no message")
    return Cause(reply.status, message, service)


def _message(found: Mapping[str, object] | None, token: str) -> str:
    named = (found or {}).get("error") or (found or {}).get("message")
    return plain(named, [token]) if isinstance(named, str) else ""
