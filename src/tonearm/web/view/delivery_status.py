"""How an account's delivery stands: what is in the way, what can be done about it, and when it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tonearm.core.account import Account
from tonearm.core.pacing import clear_at
from tonearm.core.waits import Remedy, WaitKind, explanation, queue_waits, reason, stopped
from tonearm.lastfm.rules import OLDEST
from tonearm.service.accounts import held, next_attempt
from tonearm.service.values import Others, Snapshot
from tonearm.web.view.formats import plays, sentence

LOOK = 5.0
"""Seconds until what stands in the way of waiting plays is worth another look."""

SOON_TOO_OLD = 3 * 86400.0


class Act(StrEnum):
    """What a banner offers to do."""

    CONNECT = "connect"
    SWITCH_ON = "switch_on"
    RETRY = "retry"
    GET_KEY = "get_key"
    RESUME = "resume"
    OTHERS = "others"


@dataclass(frozen=True, slots=True)
class PageContext:
    """How this process stands at a moment: Unix seconds, sending or leaving it to another.

    `daily` is the daily limit of scrobbles where one is set; None: as it was learnt.
    """

    now: float
    delivers: bool
    daily: int | None = None


@dataclass(frozen=True, slots=True)
class Banner:
    """Something that the listener should know, and can do something about; `since` (Unix seconds) ends its title."""

    title: str
    text: str
    act: Act
    label: str
    due: float | None = None
    others: tuple[Others, ...] = ()
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """The plays of the last 24 hours against the daily limit; `clear_at` (Unix seconds) where plays wait for it."""

    used: int
    about: int
    clear_at: float | None


@dataclass(frozen=True, slots=True)
class StatusLine:
    """The queue: its true counts, and what holds it up. `why` the first play waits is "" while something is being sent.

    `budget` is None while no daily limit is known."""

    queued: int
    sending: int
    held: int
    why: str
    may_retry: bool
    next_due: float | None
    oldest_dies_in: float | None
    elsewhere: bool
    budget: Budget | None

    @property
    def all(self) -> int:
        """Plays in the queue."""
        return self.queued + self.sending


def banners(glance: Snapshot, moment: PageContext) -> list[Banner]:
    """What stands in the way, the gravest first."""
    found = [_connection(glance, moment), _outage(glance, moment)]
    if not glance.account.enabled:
        text = "New plays stay in the history here and aren't queued."
        found.append(Banner("Scrobbling is turned off", text, Act.SWITCH_ON, "Turn on"))
    found += [_others(glance)]
    return [banner for banner in found if banner]


def _others(glance: Snapshot) -> Banner | None:
    others = glance.count.others
    if not others:
        return None
    number = sum(other.plays for other in others)
    wait = "waits" if number == 1 else "wait"
    names = " and ".join(other.user for other in others)
    text = f"Sign in to Last.fm as {' or '.join(other.user for other in others)} to send them, or discard them."
    return Banner(f"{plays(number)} {wait} for {names}", text, Act.OTHERS, "", others=others)


def _connection(glance: Snapshot, moment: PageContext) -> Banner | None:
    waits = stopped(glance.facts)
    if waits is None:
        return None
    waiting = glance.count.queued + glance.count.sending - glance.count.held_for_others
    safe = f"Nothing is lost: {plays(waiting)} {'waits' if waiting == 1 else 'wait'} here." if waiting else ""
    back = f"{safe} Sign in as {glance.account.username} and everything is sent automatically."
    again = ("Sign in to Last.fm again", Act.CONNECT, "Sign in again")
    match waits.kind:
        case WaitKind.NOT_CONFIGURED:
            return Banner("No API key yet", safe, Act.GET_KEY, "")
        case WaitKind.DISCONNECTED:
            return _disconnected(glance.account, waiting)
        case WaitKind.KEY_NOT_SET | WaitKind.SESSION_LOST:
            return Banner(again[0], f"{sentence(reason(waits))} {back}", *again[1:])
        case WaitKind.SESSION_ENDED:
            text = f"{sentence(waits.cause)} {back}".strip()
            return Banner("Last.fm asks you to sign in again", text, *again[1:])
        case WaitKind.KEY_REFUSED:
            check = "Check LASTFM_API_KEY and LASTFM_API_SECRET; only Last.fm can lift a suspended key."
            text = " ".join(filter(None, (sentence(waits.cause), safe, check)))
            due = waits.until - moment.now if waits.until else None
            return Banner("Last.fm rejects this service's API key", text, Act.RETRY, "Try again now", due)
        case WaitKind.PAUSED:
            text = f"{safe} Whoever runs this service can resume it: tonearm jobs resume deliver".strip()
            return Banner("Sending is paused", text, Act.RESUME, "")
        case _:  # what holds up single plays is said of each
            return None


def outage(glance: Snapshot) -> str:
    """What is to be said of Last.fm while plays wait because it does not answer, or only with errors; "" if it does."""
    if glance.trouble_since is None or stopped(glance.facts) or not glance.state.trouble:
        return ""
    return "Last.fm has problems" if glance.state.trouble.startswith("Last.fm error") else "Can't reach Last.fm"


def _outage(glance: Snapshot, moment: PageContext) -> Banner | None:
    title, waiting = outage(glance), glance.count.queued + glance.count.sending
    if not title or not waiting:
        return None
    first = next_attempt(queue_waits(glance.first, glance.facts), moment.now)
    due = first - moment.now if first is not None else None
    text = f"{plays(waiting)} {'is' if waiting == 1 else 'are'} safe here."
    return Banner(title, text, Act.RETRY, "Try again now", due, since=glance.trouble_since)


def again(banners: Sequence[Banner], glance: Snapshot) -> float | None:
    """Seconds until banners are stale without any news: while plays wait, an attempt may fail and tell nobody."""
    dues = [banner.due + 0.2 for banner in banners if banner.due is not None]
    waits = glance.count.queued + glance.count.sending
    return min([*dues, *([LOOK] if waits else [])], default=None)


def retried(gone: int, left: int, trouble: str) -> str:
    """What a retry brought: plays that left the queue, plays that are left, and what went wrong last."""
    waits = f"{plays(left)} still {'waits' if left == 1 else 'wait'}"
    if gone <= 0 and not left:
        return "Nothing was waiting."
    if not left:
        return f"{plays(gone)} sent. Nothing is waiting."
    if gone > 0:
        return f"{plays(gone)} sent, {waits}."
    return f"Nothing sent yet: {waits}. {sentence(trouble)}".strip()


def _disconnected(account: Account, waiting: int) -> Banner:
    if not account.username:
        text = "Until then plays stay in the history here, and are not queued."
        return Banner("Connect your Last.fm profile", text, Act.CONNECT, "Connect with Last.fm")
    kept = f"{plays(waiting)} {'is' if waiting == 1 else 'are'} kept for {account.username} and for nobody else. "
    text = f"{kept if waiting else ''}New plays stay in the history here and are not queued."
    return Banner(f"Disconnected from {account.username}", text, Act.CONNECT, "Connect again")


def line(glance: Snapshot, moment: PageContext) -> StatusLine:
    """The queue as it is shown."""
    facts, count, now = glance.facts, glance.count, moment.now
    first = queue_waits(glance.first, facts)
    next_at = next_attempt(first, now)
    dies = count.oldest + OLDEST - now if count.oldest is not None else None
    may_retry = first is not None and (first.remedy is Remedy.RETRY or not first.held)
    return StatusLine(
        queued=count.queued,
        sending=count.sending,
        held=held(count, facts),
        why=sentence(explanation(first)) if first and not count.sending else "",
        may_retry=may_retry,
        next_due=next_at - now if next_at is not None else None,
        oldest_dies_in=dies if dies is not None and dies < SOON_TOO_OLD else None,
        elsewhere=facts.configured and not moment.delivers,
        budget=_budget(glance, moment, goes=next_at is not None),
    )


def _budget(glance: Snapshot, moment: PageContext, *, goes: bool) -> Budget | None:
    about = glance.state.budget if moment.daily is None else moment.daily
    clear = clear_at(glance.count.queued, about, glance.accepted, moment.now)
    if clear is None:
        return None
    return Budget(glance.accepted, about, clear if goes and clear > moment.now else None)
