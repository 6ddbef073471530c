"""Reads replies: from status, headers and bytes to a verdict, a session, or what is known about an app password."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from tonearm.core.destination import AccessPart, TokenCheck
from tonearm.core.verdict import (
    Answered,
    Cause,
    ItemAnswer,
    Later,
    Scope,
    SessionEnded,
    Split,
    Throttled,
    Unsure,
    Verdict,
)
from tonearm.http_exchange import (
    Reply,
    TransportError,
    fits_a_header,
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

_SESSION_OVER = ("ExpiredToken", "InvalidToken", "AuthMissing")
_SECOND_FACTOR = "AuthFactorTokenRequired"
_CHANGED_MEANWHILE = "InvalidSwap"
_ACCOUNT = (
    "AccountNotFound",
    "AccountTakedown",
    "AccountDeactivated",
    "RepoNotFound",
    "RepoTakendown",
    "RepoDeactivated",
    "RepoSuspended",
)
"""Errors that say that nothing can be written for this account."""

_WHOLE_ACCOUNT = "com.atproto.access"
"""The scope of a session that was opened with the password of the account itself."""


@dataclass(frozen=True, slots=True)
class PdsSession:
    """A session: `did` is the account, `handle` its name ("" if it has none that is valid)."""

    did: str
    handle: str
    token: str = field(repr=False)
    by_app_password: bool = True


def verdict_on(reply: Reply | TransportError, secrets: Iterable[str], url: str, service: str) -> Verdict:
    """What the answer to a write of one record means."""
    if isinstance(reply, TransportError):
        cause = Cause(None, plain(reply.message, secrets), service)
        return Unsure(cause) if reply.sent else Later(cause)
    if early := _before_the_server(reply, secrets, url, service):
        return early
    status, wait, found = reply.status, retry_after(reply.headers), members(reply.body)
    error, cause = _error(found), _cause(reply, found, secrets, service)
    if status in (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.INTERNAL_SERVER_ERROR):
        # The second may be about this play alone: waiting for it could block all others for ever. A record that is
        # there already stays the same when it is sent again.
        return Split(cause, may_be_there=status == HTTPStatus.INTERNAL_SERVER_ERROR)
    if found is None:
        nonsense = Cause(None, f"HTTP {status} with {unread(reply.body)}", service)
        return Later(nonsense, wait) if status in (404, 405) else Unsure(nonsense, wait)
    if 200 <= status < 300:
        if isinstance(found.get("uri"), str):
            return Answered((ItemAnswer(0),), shown_time(reply))
        return Unsure(Cause(None, f"HTTP {status} with an unrelated answer", service), wait)
    if status in (401, 403) or error in _ACCOUNT or error in _SESSION_OVER:
        return SessionEnded(Cause(None, _rejects(cause.message), service))
    if status == HTTPStatus.BAD_REQUEST and error != _CHANGED_MEANWHILE:
        return Split(cause)
    broke_off = status > HTTPStatus.INTERNAL_SERVER_ERROR and status not in (501, 503)
    return Unsure(cause, wait) if broke_off else Later(cause, wait)


def session_over(reply: Reply | TransportError) -> bool:
    """Whether a write failed because its session is over, so that a new session may help."""
    if isinstance(reply, TransportError):
        return False
    return _error(members(reply.body)) in _SESSION_OVER


def session_of(reply: Reply) -> PdsSession | None:
    """The session that was opened; None if none was."""
    found = members(reply.body)
    if not 200 <= reply.status < 300 or found is None:
        return None
    did, handle, token = found.get("did"), found.get("handle"), found.get("accessJwt")
    if not (isinstance(did, str) and did.startswith("did:") and isinstance(token, str) and fits_a_header(token)):
        return None
    named = handle if isinstance(handle, str) and handle != "handle.invalid" else ""
    return PdsSession(did, plain(named, [token]), token, _scope(token) != _WHOLE_ACCOUNT)


def why_no_session(reply: Reply | TransportError, secrets: Iterable[str], url: str, service: str) -> Verdict:
    """What it means for plays that no session could be opened. Nothing was written."""
    if isinstance(reply, TransportError):
        return Later(Cause(None, plain(reply.message, secrets), service))
    if early := _before_the_server(reply, secrets, url, service):
        return early
    found, wait = members(reply.body), retry_after(reply.headers)
    if found is None:
        return Later(Cause(None, f"HTTP {reply.status} with {unread(reply.body)}", service), wait)
    if reply.status in (400, 401, 403):
        return SessionEnded(Cause(None, _rejects(_message(found, secrets)), service))
    if 200 <= reply.status < 300:
        return Later(Cause(None, f"HTTP {reply.status} with an unrelated answer", service), wait)
    return Later(_cause(reply, found, secrets, service), wait)


def check(reply: Reply | TransportError, secrets: Iterable[str], url: str, service: str) -> TokenCheck:
    """What the answer to a sign-in means, in words for the listener."""
    if isinstance(reply, TransportError):
        return TokenCheck(trouble=plain(unreachable(reply, url), secrets), passing=True, part=AccessPart.ADDRESS)
    status, found = reply.status, members(reply.body)
    if 300 <= status < 400:
        return TokenCheck(trouble=plain(redirected(reply, url), secrets), part=AccessPart.ADDRESS)
    if status >= 500 or status == HTTPStatus.TOO_MANY_REQUESTS:
        return TokenCheck(trouble=f"the server can't check it now (HTTP {status}): try again later", passing=True)
    if session := session_of(reply):
        if not session.by_app_password:
            return TokenCheck(trouble="this is your account's password: make an app password and enter that instead")
        if (found or {}).get("active") is False:
            return TokenCheck(trouble="this account is deactivated")
        return TokenCheck(user=session.handle or session.did)
    error = _error(found)
    if error == _SECOND_FACTOR:
        return TokenCheck(trouble="enter an app password, not the password of your account")
    if status in (400, 401, 403) and found is not None and error:
        return TokenCheck(trouble=_rejects(_message(found, secrets)))
    what = f"HTTP {status} with {unread(reply.body)}" if found is None else f"HTTP {status}"
    return TokenCheck(
        trouble=f"the server there doesn't host accounts for {service} ({what}): check the address",
        part=AccessPart.ADDRESS,
    )


def _before_the_server(reply: Reply, secrets: Iterable[str], url: str, service: str) -> Verdict | None:
    """The verdict if the server hasn't looked at the request at all."""
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
        return Throttled(Scope.ADDRESS, _cause(reply, members(reply.body), secrets, service), _rate_wait(reply.headers))
    if 300 <= reply.status < 400:
        return Later(Cause(None, plain(redirected(reply, url), secrets), service), retry_after(reply.headers))
    return None


def _rate_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds until more may be written, at most a day. RateLimit-Reset is a Unix time here."""
    until, now = number(headers.get("ratelimit-reset", "")), server_time(headers)
    return retry_after(headers) if until is None or now is None else within_a_day(until - now)


def _rejects(message: str) -> str:
    return f"the server rejects the sign-in{f': {message}' if message else ''}"


def _cause(reply: Reply, found: Mapping[str, object] | None, secrets: Iterable[str], service: str) -> Cause:
    message = _message(found, secrets) or (unread(reply.body) if found is None else "no message")
    return Cause(reply.status, message, service)


def _error(found: Mapping[str, object] | None) -> str:
    error = (found or {}).get("error")
    return error if isinstance(error, str) else ""


def _message(found: Mapping[str, object] | None, secrets: Iterable[str]) -> str:
    named = (found or {}).get("message") or (found or {}).get("error")
    return plain(named, secrets) if isinstance(named, str) else ""


def _scope(token: str) -> str:
    """What a session may do, as its token says; "" if it can't be read."""
    try:
        claims = json.loads(urlsafe_b64decode(token.split(".")[1] + "=="))
        scope = claims["scope"]
    except (ValueError, LookupError, TypeError):
        return ""
    return scope if isinstance(scope, str) else ""
