"""What each error number of Last.fm means for a write, and how it is raised from a read, in one table.

Numbers: https://www.last.fm/api/errorcodes. What a scrobbler may do about them: https://www.last.fm/api/scrobbling. The
numbers decide, never the messages, with the one exception of 29 (see `_throttled`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from tonearm.core.verdict import (
    Cause,
    KeyRefused,
    Later,
    Scope,
    SessionEnded,
    SessionSuspect,
    Split,
    Throttled,
    Unsure,
    Verdict,
)
from tonearm.http_exchange import TransportError
from tonearm.lastfm.response import Failure, Nonsense, Refusal


class LastFmError(Exception):
    """Why a call failed. Holds no URL, header, body or secret, and no exception of the HTTP library.

    `retryable`: the same call may succeed later without anybody doing anything. `retry_after`: seconds, None if the
    answer named none. `sent`: False if the call certainly never reached Last.fm.
    """

    retryable = False

    def __init__(self, cause: Cause, retry_after: float | None = None, sent: bool = True) -> None:
        super().__init__(cause, retry_after, sent)
        self.cause = cause
        self.retry_after = retry_after
        self.sent = sent

    @property
    def error_code(self) -> int | None:
        """Last.fm's error number; None if the failure is not one of the API's."""
        return self.cause.error_code

    @property
    def message(self) -> str:
        """Last.fm's message, or ours if it sent none."""
        return self.cause.message

    def __str__(self) -> str:
        return str(self.cause)


class Unavailable(LastFmError):
    """Last.fm is down, can't be reached, or sends something that isn't an answer."""

    retryable = True


class RateLimited(LastFmError):
    """Too many calls from this address, or for this account: `scope` says which."""

    retryable = True

    @property
    def scope(self) -> Scope:
        return _scope(self.cause)


class TokenUnknown(LastFmError):
    """The token was never issued, or was used already. Start again."""


class TokenNotApproved(LastFmError):
    """The listener has not approved the token yet."""


class TokenExpired(LastFmError):
    """The token is older than its 60 minutes. Start again."""


class SessionRejected(LastFmError):
    """The session key is not valid for this, or no longer valid."""


class LoginRequired(LastFmError):
    """The data is private: only the listener's own session may read it."""


class BadParameters(LastFmError):
    """Nothing has that name, or a parameter is missing or out of bounds: Last.fm uses one number for all of these."""


class KeyRejected(LastFmError):
    """The API key is unknown or suspended."""


class SignatureRejected(LastFmError):
    """The signature is wrong; for a read that means that the shared secret is wrong."""


class CallRefused(LastFmError):
    """Any other error: one about the call itself, or an undocumented number."""


def _later(cause: Cause, retry_after: float | None) -> Verdict:
    return Later(cause, retry_after)


def _throttled(cause: Cause, retry_after: float | None) -> Verdict:
    return Throttled(_scope(cause), cause, retry_after)


def _scope(cause: Cause) -> Scope:
    # Number 29 means two things that only the message distinguishes: "Your IP has made too many requests" passes
    # in minutes, "Too many scrobbles in a short period" in hours:
    # https://github.com/kawaiiDango/pano-scrobbler/issues/965
    return Scope.ACCOUNT if "scrobbles" in cause.message.lower() else Scope.ADDRESS


def _split(cause: Cause, _: float | None) -> Verdict:
    return Split(cause)


def _session_doubted(cause: Cause, _: float | None) -> Verdict:
    return SessionSuspect(cause)


def _ended(cause: Cause, _: float | None) -> Verdict:
    return SessionEnded(cause)


def _key(cause: Cause, _: float | None) -> Verdict:
    return KeyRefused(cause)


_ErrorRow = tuple[Callable[[Cause, float | None], Verdict], type[LastFmError]]

_TABLE: dict[int, _ErrorRow] = {
    # About the call and never about a play: no such service, method or format, or one that was retired. Rejecting the
    # plays would empty a whole queue for a fault that none of them has: they wait, and the trouble is shown.
    2: (_later, CallRefused),
    3: (_later, CallRefused),
    5: (_later, CallRefused),
    27: (_later, CallRefused),
    # "Subscribers only" and "trial expired": about an account, not about a play.
    12: (_later, CallRefused),
    18: (_later, CallRefused),
    # On a write usually a dead session, but it has been sent under load too. From auth.*: see `error_of`.
    # https://github.com/strawberrymusicplayer/strawberry/issues/442
    4: (_session_doubted, SessionRejected),
    # One bad play fails the whole batch, and the answer does not say which.
    6: (_split, BadParameters),
    7: (_split, BadParameters),
    # A badly encoded name fails all 50 with a wrong signature, so the batch is split for 13, too.
    13: (_split, SignatureRejected),
    # The guide keeps a play for 11 and 16 only, but outages send 8, and its message says to try again:
    # https://github.com/web-scrobbler/web-scrobbler/issues/3268
    8: (_later, Unavailable),
    11: (_later, Unavailable),
    16: (_later, Unavailable),
    9: (_ended, SessionRejected),
    14: (_ended, TokenNotApproved),
    17: (_ended, LoginRequired),
    10: (_key, KeyRejected),
    26: (_key, KeyRejected),
    29: (_throttled, RateLimited),
    15: (_split, TokenExpired),
}

_OTHER: _ErrorRow = (_split, CallRefused)
"""Numbers of the discontinued radio (20-25), unassigned ones (1, 19, 28) and undocumented ones.

The guide says not to retry what it doesn't name. Waiting could let one play block the queue until everything behind it
has become too old; dropping would silently lose plays. Splitting the batch finds the play that it is about, which is
then shown as rejected.
"""


def verdict_of(failure: Failure) -> Verdict:
    """What a failed write means for the plays that were in it."""
    match failure:
        case Refusal(cause, retry_after):
            verdict, _ = _TABLE.get(cause.error_code or 0, _OTHER)
            return verdict(cause, retry_after)
        case Nonsense(status, message, retry_after) if status == 429:
            return Throttled(Scope.ADDRESS, Cause(None, message), retry_after)
        case Nonsense(_, message, retry_after):  # a gateway's error too: the server may have stored them
            return Unsure(Cause(None, message), retry_after)
        case TransportError(sent, message):
            return Unsure(Cause(None, message)) if sent else Later(Cause(None, message))
        case _:
            assert_never(failure)


def error_of(failure: Failure, method: str) -> LastFmError:
    """What a failed read raises."""
    match failure:
        case Refusal(Cause(4) as cause, retry_after) if method.startswith("auth."):
            return TokenUnknown(cause, retry_after)
        case Refusal(cause, retry_after):
            _, error = _TABLE.get(cause.error_code or 0, _OTHER)
            return error(cause, retry_after)
        case Nonsense(status, message, retry_after):
            kind = RateLimited if status == 429 else Unavailable
            return kind(Cause(None, message), retry_after)
        case TransportError(sent, message):
            return Unavailable(Cause(None, message), None, sent)
        case _:
            assert_never(failure)
