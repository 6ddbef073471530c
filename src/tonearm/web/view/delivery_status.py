"""The state of an account's delivery: what blocks it, what can be done about it, and when it continues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tonearm.core.account import Account
from tonearm.core.destination import Rules
from tonearm.core.pacing import clear_at
from tonearm.core.waits import Remedy, WaitKind, explanation, queue_waits, reason, stopped
from tonearm.service.accounts import held, next_attempt
from tonearm.service.values import Others, Snapshot
from tonearm.web.view.formats import plays, sentence

RECHECK = 5.0
"""Seconds after which the banners are fetched again while plays wait."""

SOON_TOO_OLD = 3 * 86400.0


class BannerAction(StrEnum):
    """An action offered in a banner."""

    CONNECT = "connect"
    SWITCH_ON = "switch_on"
    RETRY = "retry"
    GET_KEY = "get_key"
    RESUME = "resume"
    OTHERS = "others"


@dataclass(frozen=True, slots=True)
class PageContext:
    """The context of a page: the time (Unix seconds), whether this process sends, and the destination's rules. `daily`
    is the daily limit of scrobbles if one is set; None: the learned one.
    """

    now: float
    delivers: bool
    rules: Rules
    daily: int | None = None


@dataclass(frozen=True, slots=True)
class Banner:
    """Something that the listener should know and can act on.

    `due` is seconds from now; `since` (Unix seconds) ends the title.
    """

    title: str
    text: str
    action: BannerAction
    label: str
    due: float | None = None
    others: tuple[Others, ...] = ()
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """The plays `sent` in the last 24 hours and the daily `limit`.

    `clear_at` (Unix seconds) is when the backlog will be gone; None if there is none.
    """

    sent: int
    limit: int
    clear_at: float | None


@dataclass(frozen=True, slots=True)
class StatusLine:
    """The queue: its exact counts, and what it waits for. Durations are seconds from now.

    `reason` says why the first play waits, "" while something is being sent. `budget` is None while no daily limit is
    known.
    """

    queued: int
    sending: int
    held: int
    reason: str
    may_retry: bool
    next_due: float | None
    oldest_expires_in: float | None
    sent_elsewhere: bool
    budget: Budget | None

    @property
    def total(self) -> int:
        """Plays in the queue."""
        return self.queued + self.sending


def banners(snapshot: Snapshot, context: PageContext) -> list[Banner]:
    """What prevents sending, the most serious first."""
    shown = [_connection(snapshot, context), _outage(snapshot, context)]
    if not snapshot.account.enabled:
        text = "New plays stay in the history here and aren't sent."
        shown.append(Banner("Scrobbling is turned off", text, BannerAction.SWITCH_ON, "Turn on"))
    shown += [_others(snapshot)]
    return [banner for banner in shown if banner]


def _others(snapshot: Snapshot) -> Banner | None:
    others = snapshot.count.others
    if not others:
        return None
    waiting = sum(other.plays for other in others)
    wait = "waits" if waiting == 1 else "wait"
    names = " and ".join(other.user for other in others)
    text = f"Sign in to Last.fm as {' or '.join(other.user for other in others)} to send them, or discard them."
    return Banner(f"{plays(waiting)} {wait} for {names}", text, BannerAction.OTHERS, "", others=others)


def _connection(snapshot: Snapshot, context: PageContext) -> Banner | None:
    waits = stopped(snapshot.facts)
    if waits is None:
        return None
    waiting = snapshot.count.queued + snapshot.count.sending - snapshot.count.held_for_others
    safe = f"Nothing is lost: {plays(waiting)} {'waits' if waiting == 1 else 'wait'} here." if waiting else ""
    connect = (BannerAction.CONNECT, "Sign in again")
    sign_in = f"{safe} Sign in as {snapshot.account.username} and everything is sent automatically."
    match waits.kind:
        case WaitKind.NOT_CONFIGURED:
            return Banner("No API key yet", safe, BannerAction.GET_KEY, "")
        case WaitKind.DISCONNECTED:
            return _disconnected(snapshot.account, waiting)
        case WaitKind.KEY_NOT_SET | WaitKind.SESSION_LOST:
            return Banner("Sign in to Last.fm again", f"{sentence(reason(waits))} {sign_in}", *connect)
        case WaitKind.SESSION_ENDED:
            text = f"{sentence(waits.cause)} {sign_in}".strip()
            return Banner("Last.fm asks you to sign in again", text, *connect)
        case WaitKind.KEY_REFUSED:
            check = "Check LASTFM_API_KEY and LASTFM_API_SECRET; only Last.fm can lift a suspended key."
            text = " ".join(filter(None, (sentence(waits.cause), safe, check)))
            due = waits.until - context.now if waits.until else None
            return Banner("Last.fm rejects this service's API key", text, BannerAction.RETRY, "Retry all now", due)
        case WaitKind.PAUSED:
            text = f"{safe} Whoever runs this service can resume it: tonearm jobs resume deliver".strip()
            return Banner("Sending is paused", text, BannerAction.RESUME, "")
        case _:  # the reasons of single plays are shown with each
            return None


def outage(snapshot: Snapshot) -> str:
    """The title for an outage: plays wait because Last.fm does not answer, or only with errors; "" if there is none."""
    if snapshot.trouble_since is None or stopped(snapshot.facts) or not snapshot.state.trouble:
        return ""
    return "Trouble at Last.fm" if snapshot.state.trouble.startswith("Last.fm error") else "Can't reach Last.fm"


def _outage(snapshot: Snapshot, context: PageContext) -> Banner | None:
    title, waiting = outage(snapshot), snapshot.count.queued + snapshot.count.sending
    if not title or not waiting:
        return None
    first = next_attempt(queue_waits(snapshot.first, snapshot.facts), context.now)
    due = first - context.now if first is not None else None
    text = f"{plays(waiting)} {'is' if waiting == 1 else 'are'} safe here."
    return Banner(title, text, BannerAction.RETRY, "Retry all now", due, since=snapshot.trouble_since)


def refresh_in(banners: Sequence[Banner], snapshot: Snapshot) -> float | None:
    """Seconds until banners are stale without an event: while plays wait, an attempt may fail without one."""
    times = [banner.due + 0.2 for banner in banners if banner.due is not None]
    waits = snapshot.count.queued + snapshot.count.sending
    return min([*times, *([RECHECK] if waits else [])], default=None)


def retry_result(sent: int, left: int, trouble: str) -> str:
    """The result of a retry: plays that left the queue, plays that are left in it, and what went wrong last."""
    waits = f"{plays(left)} still {'waits' if left == 1 else 'wait'}"
    if sent <= 0 and not left:
        return "Nothing was waiting."
    if not left:
        return f"{plays(sent)} sent. Nothing is waiting."
    if sent > 0:
        return f"{plays(sent)} sent, {waits}."
    return f"Nothing sent yet: {waits}. {sentence(trouble)}".strip()


_KEPT = "New plays stay in the history here and aren't sent."


def _disconnected(account: Account, waiting: int) -> Banner:
    if not account.username:
        text = "Until you do, your plays stay in the history here and aren't sent."
        if account.has_destinations:
            text = "Until you do, Last.fm gets none of your plays, but your other services do."
        return Banner("Connect your Last.fm profile", text, BannerAction.CONNECT, "Connect with Last.fm")
    saved = f"{plays(waiting)} {'is' if waiting == 1 else 'are'} kept for {account.username} only. "
    new = "New plays go to your other services only." if account.has_destinations else _KEPT
    text = f"{saved if waiting else ''}{new}"
    return Banner(f"Disconnected from {account.username}", text, BannerAction.CONNECT, "Connect again")


def status_line(snapshot: Snapshot, context: PageContext) -> StatusLine:
    """The queue as the pages show it."""
    facts, count, now = snapshot.facts, snapshot.count, context.now
    first = queue_waits(snapshot.first, facts)
    next_at = next_attempt(first, now)
    expires_at = context.rules.expires_at(count.oldest)
    expires_in = expires_at - now if expires_at is not None else None
    may_retry = first is not None and (first.remedy is Remedy.RETRY or not first.held)
    return StatusLine(
        queued=count.queued,
        sending=count.sending,
        held=held(count, facts),
        reason=sentence(explanation(first)) if first and not count.sending else "",
        may_retry=may_retry,
        next_due=next_at - now if next_at is not None else None,
        oldest_expires_in=expires_in if expires_in is not None and expires_in < SOON_TOO_OLD else None,
        sent_elsewhere=facts.configured and not context.delivers,
        budget=_budget(snapshot, context, can_send=next_at is not None),
    )


def _budget(snapshot: Snapshot, context: PageContext, *, can_send: bool) -> Budget | None:
    limit = snapshot.state.budget if context.daily is None else context.daily
    clears_at = clear_at(snapshot.count.queued, limit, snapshot.accepted, context.now)
    if clears_at is None:
        return None
    return Budget(snapshot.accepted, limit, clears_at if can_send and clears_at > context.now else None)
