"""Why a play in the queue has not been sent yet: one answer for the API, the pages and the command line.

`why_waits` answers for one play, `queue_waits` for a whole queue, which waits for what its first play waits for.
`reason` and `advice` put an answer into words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from tonearm.core.account import KEY_NOT_SET, SESSION_LOST, Account, Connection
from tonearm.core.delivery import DeliveryState, KeyThrottle
from tonearm.core.pacing import in_force

NOT_CONFIGURED = "no API key is configured"
PAUSED = "sending is paused"


class WaitKind(StrEnum):
    """What a play waits for."""

    SENDING = "sending"
    NEXT_BATCH = "next_batch"
    LATER = "later"
    RETRYING = "retrying"
    DAILY_LIMIT = "daily_limit"
    FUTURE_START = "future_start"
    PAUSED = "paused"
    KEY_REFUSED = "key_refused"
    SESSION_ENDED = "session_ended"
    SESSION_LOST = "session_lost"
    KEY_NOT_SET = "key_not_set"
    DISCONNECTED = "disconnected"
    NOT_CONFIGURED = "not_configured"
    OTHER_USER = "other_user"


class Remedy(StrEnum):
    """What its listener, or whoever runs the service, can do about it."""

    NONE = "none"
    RETRY = "retry"
    SIGN_IN = "sign_in"
    SIGN_IN_AS = "sign_in_as"
    SET_KEY = "set_key"
    RESUME = "resume"


def connection_under(connection: Connection, *, refused: bool) -> Connection:
    """An account's connection to Last.fm: suspended also while only its API key is `refused`."""
    return Connection.SUSPENDED if refused and connection is Connection.CONNECTED else connection


@dataclass(frozen=True, slots=True)
class DeliveryFacts:
    """What decides whether an account's plays are sent, as of `now` (Unix seconds). `account` is the account with the
    configured API keys (`Account.under`), `throttle` its key's throttle now. Before `backlog_until` only live plays are
    sent. `paused`: deliveries are paused. `configured`: there is an API key with its secret. `lastfm_now` is Last.fm's
    time; `now` if that is not known.
    """

    account: Account
    state: DeliveryState
    now: float
    lastfm_now: float
    backlog_until: float = 0.0
    throttle: KeyThrottle | None = None
    paused: bool = False
    configured: bool = True

    @property
    def user(self) -> str:
        """The Last.fm user (case folded) whose plays are sent."""
        return self.account.username.casefold()

    @property
    def limited(self) -> bool:
        """Whether the daily limit is used up, so that a backlog waits."""
        return in_force(self.backlog_until, self.now)

    @property
    def connection(self) -> Connection:
        """The account's connection to Last.fm."""
        return connection_under(self.account.connection, refused=self.throttle is not None and self.throttle.refused)


@dataclass(frozen=True, slots=True)
class WaitingPlay:
    """The facts of a play in the queue that decide why it waits: `user` is the Last.fm user (case folded) that it is
    for.
    """

    user: str
    timestamp: int
    sending: bool = False
    tries: int = 0
    not_before: float = 0.0
    error: str = ""
    live: bool = True


@dataclass(frozen=True, slots=True)
class Waits:
    """Why a play has not been sent yet.

    `until` (Unix seconds) is the next attempt, if only time has to pass; None: at once, or not by waiting. `cause` is
    what went wrong, in Last.fm's words ("" if nothing did); `user` is the user whose sign-in it waits for.
    """

    kind: WaitKind
    until: float | None = None
    cause: str = ""
    user: str = ""

    @property
    def held(self) -> bool:
        """Whether an attempt now would not help: something else has to happen first."""
        return self.kind not in _MOVES

    @property
    def remedy(self) -> Remedy:
        """What can be done about it."""
        return _REMEDIES.get(self.kind, Remedy.NONE)


_MOVES = (WaitKind.SENDING, WaitKind.NEXT_BATCH, WaitKind.LATER, WaitKind.RETRYING)
_REMEDIES = {
    WaitKind.LATER: Remedy.RETRY,
    WaitKind.RETRYING: Remedy.RETRY,
    WaitKind.DAILY_LIMIT: Remedy.RETRY,
    WaitKind.PAUSED: Remedy.RESUME,
    WaitKind.KEY_REFUSED: Remedy.RETRY,
    WaitKind.SESSION_ENDED: Remedy.SIGN_IN,
    WaitKind.SESSION_LOST: Remedy.SIGN_IN,
    WaitKind.KEY_NOT_SET: Remedy.SIGN_IN,
    WaitKind.DISCONNECTED: Remedy.SIGN_IN,
    WaitKind.NOT_CONFIGURED: Remedy.SET_KEY,
    WaitKind.OTHER_USER: Remedy.SIGN_IN_AS,
}


def stopped(facts: DeliveryFacts) -> Waits | None:
    """Why nothing at all is sent for this account; None if nothing is in the way."""
    if not facts.configured:
        return Waits(WaitKind.NOT_CONFIGURED)
    match facts.connection:
        case Connection.DISCONNECTED:
            return Waits(WaitKind.DISCONNECTED, user=facts.account.username)
        case Connection.NEEDS_SIGN_IN if not facts.account.key_is_set:
            return Waits(WaitKind.KEY_NOT_SET)
        case Connection.NEEDS_SIGN_IN if facts.state.trouble == SESSION_LOST:
            return Waits(WaitKind.SESSION_LOST)
        case Connection.NEEDS_SIGN_IN:
            return Waits(WaitKind.SESSION_ENDED, cause=facts.state.trouble)
        case Connection.SUSPENDED:
            key = facts.throttle
            return Waits(WaitKind.KEY_REFUSED, key.until if key else None, key.reason if key else facts.state.trouble)
        case Connection.CONNECTED:
            return Waits(WaitKind.PAUSED) if facts.paused else None
        case _:
            assert_never(facts.connection)


def why_waits(play: WaitingPlay, facts: DeliveryFacts) -> Waits:
    """Why a play in the queue has not been sent yet."""
    if play.sending:
        return Waits(WaitKind.SENDING)
    if play.user != facts.user:
        return Waits(WaitKind.OTHER_USER, user=play.user)
    if stop := stopped(facts):
        return stop
    wait, cause = _account_wait(facts)
    until = max(wait, play.not_before)
    if play.timestamp > facts.lastfm_now:
        begins = play.timestamp - (facts.lastfm_now - facts.now)
        return Waits(WaitKind.FUTURE_START, max(until, begins))
    if not play.live and facts.limited:
        return Waits(WaitKind.DAILY_LIMIT, max(until, facts.backlog_until))
    when = until if until > facts.now else None
    if play.tries:
        return Waits(WaitKind.RETRYING, when, play.error or cause)
    if when is None:
        return Waits(WaitKind.NEXT_BATCH)
    return Waits(WaitKind.LATER, when, cause if until == wait else play.error)


def queue_waits(plays: Sequence[WaitingPlay], facts: DeliveryFacts) -> Waits | None:
    """Why a queue has not been sent yet: the answer for the play that is sent first; None without plays. `plays` needs
    one play of each kind that may be first: being sent, live, backlog, for another user.
    """
    return min((why_waits(play, facts) for play in plays), key=_turn, default=None)


def _account_wait(facts: DeliveryFacts) -> tuple[float, str]:
    """Until when an account is throttled, and why; 0 if it is not."""
    waits_ = [(0.0, "")]
    if in_force(facts.state.wait_until, facts.now):
        waits_.append((facts.state.wait_until, facts.state.trouble))
    if facts.throttle and in_force(facts.throttle.until, facts.now):
        waits_.append((facts.throttle.until, facts.throttle.reason))
    return max(waits_, key=lambda wait: wait[0])


def _turn(waits: Waits) -> tuple[bool, bool, float]:
    """The sort key for what comes first: plays being sent, then those that can be sent, then those that wait only for
    time, the soonest first.
    """
    return waits.kind is not WaitKind.SENDING, waits.held and waits.until is None, waits.until or 0.0


def reason(waits: Waits, service: str = "Last.fm") -> str:  # noqa: PLR0912  # a branch for each kind
    """Why it waits, as the end of a sentence; in the destination's words if it has given a reason. `service` is its
    name for people.
    """
    match waits.kind:
        case WaitKind.SENDING:
            return f"on its way to {service} now"
        case WaitKind.NEXT_BATCH:
            return "will be sent with the next batch"
        case WaitKind.LATER | WaitKind.RETRYING:
            return waits.cause or "waits for its next attempt"
        case WaitKind.DAILY_LIMIT:
            return f"reported late: waits until {service}'s daily limit leaves room"
        case WaitKind.FUTURE_START:
            return "starts in the future: on hold until then, in case our clock is wrong"
        case WaitKind.PAUSED:
            return PAUSED
        case WaitKind.KEY_REFUSED:
            return f"{service} rejects the API key{f': {waits.cause}' if waits.cause else ''}"
        case WaitKind.SESSION_ENDED if waits.cause.startswith(f"{service} rejects"):
            return waits.cause  # about a token, with the reason
        case WaitKind.SESSION_ENDED:
            return f"{service} has ended the session"
        case WaitKind.SESSION_LOST:
            return SESSION_LOST
        case WaitKind.KEY_NOT_SET:
            return KEY_NOT_SET
        case WaitKind.DISCONNECTED:
            return f"on hold for the {service} user {waits.user}" if waits.user else f"not connected to {service}"
        case WaitKind.NOT_CONFIGURED:
            return NOT_CONFIGURED
        case WaitKind.OTHER_USER:
            return f"on hold for the {service} user {waits.user}"
        case _:
            assert_never(waits.kind)


def advice(waits: Waits, service: str = "Last.fm") -> str:
    """What to do about it in the service's own pages, as the end of a sentence; "" if nothing has to be done."""
    match waits.remedy:
        case Remedy.SIGN_IN if waits.kind is WaitKind.KEY_NOT_SET:
            return ""  # the reason already says so
        case Remedy.SIGN_IN if waits.user:
            return f"sign in to {service} as {waits.user}"
        case Remedy.SIGN_IN:
            return f"sign in to {service} again"
        case Remedy.SIGN_IN_AS:
            return "sign in as that user to send it"
        case Remedy.SET_KEY | Remedy.RESUME | Remedy.RETRY | Remedy.NONE:
            return ""
        case _:
            assert_never(waits.remedy)


def explanation(waits: Waits, service: str = "Last.fm") -> str:
    """Why it waits, and what to do about it."""
    why, what = reason(waits, service), advice(waits, service)
    return f"{why}: {what}" if what else why
