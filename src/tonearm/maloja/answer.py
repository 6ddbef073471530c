"""Reads replies: from status, headers and bytes to a verdict, or to what is known about a key."""

from __future__ import annotations

from collections.abc import Mapping
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
    members,
    plain,
    redirected,
    retry_after,
    shown_time,
    unreachable,
    unread,
)
from tonearm.maloja.rules import MALOJA, MalojaCode

SERVICE = MALOJA.service

_NO_NAMES = "missing_scrobble_data"
_WRONG_KEY = "authentication_fail"
_SECOND_TAKEN = "duplicate_timestamp"
"""Maloja's kinds of errors."""


def verdict_on(reply: Reply | TransportError, key: str, url: str) -> Verdict:
    """What the answer to a play means."""
    if isinstance(reply, TransportError):
        cause = Cause(None, plain(reply.message, [key]), SERVICE)
        return Unsure(cause) if reply.sent else Later(cause)
    status, wait, found = reply.status, retry_after(reply.headers), members(reply.body)
    kind, message = _error(found, key)
    cause = Cause(status, message or (unread(reply.body) if found is None else "no message"), SERVICE)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Throttled(Scope.ADDRESS, cause, wait)
    if 300 <= status < 400:
        return Later(Cause(None, plain(redirected(reply, url), [key]), SERVICE), wait)
    if status in (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.INTERNAL_SERVER_ERROR):
        # The second may be about this play alone: waiting for it could block all others for ever. If Maloja has it
        # already, it says so when it is sent again.
        return Split(cause, may_be_there=status == HTTPStatus.INTERNAL_SERVER_ERROR)
    if found is None:
        nonsense = Cause(None, f"HTTP {status} with {unread(reply.body)}", SERVICE)
        return Later(nonsense, wait) if status in (404, 405) else Unsure(nonsense, wait)
    if 200 <= status < 300:
        if found.get("status") == "success":
            return Answered((ItemAnswer(0, _warnings(found, key)),), shown_time(reply))
        return Unsure(Cause(None, f"HTTP {status} with an unrelated answer", SERVICE), wait)
    if kind == _WRONG_KEY:
        return SessionEnded(Cause(None, _rejects_key(message), SERVICE))
    if kind == _SECOND_TAKEN:
        return Answered((ItemAnswer(MalojaCode.SECOND_TAKEN, message),), shown_time(reply))
    if status in (HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT):
        return Split(cause)
    broke_off = status > HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.SERVICE_UNAVAILABLE
    return Unsure(cause, wait) if broke_off else Later(cause, wait)


def key_check(reply: Reply | TransportError, key: str, url: str) -> TokenCheck:
    """What the answer to a play without names means for the key: Maloja looks at the key first."""
    if isinstance(reply, TransportError):
        return TokenCheck(trouble=plain(unreachable(reply, url), [key]), passing=True, part=AccessPart.ADDRESS)
    status, found = reply.status, members(reply.body)
    kind, message = _error(found, key)
    if 300 <= status < 400:
        return TokenCheck(trouble=plain(redirected(reply, url), [key]), part=AccessPart.ADDRESS)
    if kind == _WRONG_KEY:
        return TokenCheck(trouble=_rejects_key(message))
    if status >= 500 or status == HTTPStatus.TOO_MANY_REQUESTS:
        return TokenCheck(trouble=f"{SERVICE} can't check the key now (HTTP {status}): try again later", passing=True)
    if status == HTTPStatus.BAD_REQUEST and kind == _NO_NAMES:
        return TokenCheck()
    what = f"HTTP {status} with {unread(reply.body)}" if found is None else f"HTTP {status}"
    return TokenCheck(trouble=f"the server there isn't {SERVICE} ({what}): check the address", part=AccessPart.ADDRESS)


def _rejects_key(message: str) -> str:
    return f"{SERVICE} rejects the API key{f': {message}' if message else ''}"


def _error(found: Mapping[str, object] | None, key: str) -> tuple[str, str]:
    """The kind of an error and its message; "" for what is missing."""
    error = (found or {}).get("error")
    if not isinstance(error, dict):
        return "", plain(error, [key]) if isinstance(error, str) else ""
    kind, message = error.get("type"), error.get("desc")
    return kind if isinstance(kind, str) else "", plain(message, [key]) if isinstance(message, str) else ""


def _warnings(found: Mapping[str, object], key: str) -> str:
    """Maloja's warnings about a play that it has stored."""
    warnings = found.get("warnings")
    messages = [w.get("desc") for w in warnings if isinstance(w, dict)] if isinstance(warnings, list) else []
    return plain(" ".join(text for text in messages if isinstance(text, str)), [key])
