"""How an account's delivery stands: what is in the way, what can be done about it, and when it goes on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tonearm.core.account import KEY_NOT_SET, SESSION_LOST, Account, Connection
from tonearm.core.pacing import clear_at
from tonearm.core.play import OLDEST_ACCEPTED
from tonearm.store.queries.account_overview import Snapshot
from tonearm.store.queue import Others
from tonearm.web.view.formats import plays, sentence

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
    """How this process stands at a moment: Unix seconds, an API key or none, sending or leaving it to another.

    `daily` is the daily limit of scrobbles where one is set; None: as it was learnt.
    """

    now: float
    configured: bool
    delivers: bool
    daily: int | None = None


@dataclass(frozen=True, slots=True)
class Banner:
    """Something that the listener should know, and can do something about."""

    title: str
    text: str
    act: Act
    label: str
    due: float | None = None
    others: tuple[Others, ...] = ()


@dataclass(frozen=True, slots=True)
class Budget:
    """The plays of the last 24 hours against the daily limit; `clear_at` (Unix seconds) where plays wait for it."""

    used: int
    about: int
    clear_at: float | None


@dataclass(frozen=True, slots=True)
class StatusLine:
    """The queue: its true counts, and what holds or speeds it. `budget` is None while no daily limit is known."""

    queued: int
    sending: int
    held: int
    may_retry: bool
    next_due: float | None
    oldest_dies_in: float | None
    elsewhere: bool
    budget: Budget | None

    @property
    def all(self) -> int:
        """Plays in the queue."""
        return self.queued + self.sending


def standstill(glance: Snapshot, moment: PageContext) -> str:
    """Why nothing at all is sent for this account, whatever is tried; "" where nothing is in the way."""
    who = glance.account.username
    if not moment.configured:
        return "No API key is configured."
    if glance.rests and glance.rests.refused:
        return "Last.fm refuses this service's API key."
    match glance.account.connection:
        case Connection.CONNECTED:
            return "Sending is paused." if glance.paused else ""
        case Connection.DISCONNECTED:
            return f"Held for the Last.fm user {who} until you connect again."
        case Connection.NEEDS_SIGN_IN if not glance.account.key_is_set:
            return sentence(KEY_NOT_SET)
        case Connection.NEEDS_SIGN_IN if glance.line.trouble == SESSION_LOST:
            return sentence(SESSION_LOST)
        case Connection.NEEDS_SIGN_IN:
            return "Last.fm has ended the session: sign in again."
        case Connection.SUSPENDED:
            return "Last.fm refuses this service's API key."


def banners(glance: Snapshot, moment: PageContext) -> list[Banner]:
    """What stands in the way, the gravest first."""
    found = [_connection(glance, moment)]
    if not glance.account.enabled:
        text = "Plays that are reported now stay in the history here and are not queued."
        found.append(Banner("Scrobbling is switched off", text, Act.SWITCH_ON, "Switch it on"))
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
    account, rests = glance.account, glance.rests
    waiting = glance.count.queued + glance.count.sending - glance.count.held_for_others
    safe = f"Nothing is lost: {plays(waiting)} {'waits' if waiting == 1 else 'wait'} here." if waiting else ""
    if not moment.configured:
        return Banner("No API key yet", safe, Act.GET_KEY, "")
    if account.connection is Connection.DISCONNECTED:
        return _disconnected(account, waiting)
    if account.connection is Connection.NEEDS_SIGN_IN:
        back = f"{safe} Sign in as {account.username} and everything goes out by itself."
        if not account.key_is_set:
            return Banner("Sign in to Last.fm again", f"{sentence(KEY_NOT_SET)} {back}", Act.CONNECT, "Sign in again")
        text = f"{sentence(glance.line.trouble)} {back}".strip()
        lost = glance.line.trouble == SESSION_LOST
        title = "Sign in to Last.fm again" if lost else "Last.fm asks you to sign in again"
        return Banner(title, text, Act.CONNECT, "Sign in again")
    if (rests and rests.refused) or account.connection is Connection.SUSPENDED:
        reason = sentence(rests.reason if rests else glance.line.trouble)
        check = "Check LASTFM_API_KEY and LASTFM_API_SECRET; a suspended key only Last.fm can free."
        due = rests.until - moment.now if rests else None
        return Banner(
            "Last.fm refuses this service's API key", f"{reason} {safe} {check}", Act.RETRY, "Try again now", due
        )
    if glance.paused:
        text = f"{safe} Whoever runs this service can resume it: tonearm jobs resume deliver".strip()
        return Banner("Sending is paused", text, Act.RESUME, "")
    return None


def _disconnected(account: Account, waiting: int) -> Banner:
    if not account.username:
        text = "Until then plays stay in the history here, and are not queued."
        return Banner("Connect your Last.fm profile", text, Act.CONNECT, "Connect with Last.fm")
    kept = f"{plays(waiting)} {'is' if waiting == 1 else 'are'} kept for {account.username} and for nobody else. "
    text = f"{kept if waiting else ''}New plays stay in the history here and are not queued."
    return Banner(f"Disconnected from {account.username}", text, Act.CONNECT, "Connect again")


def line(glance: Snapshot, moment: PageContext) -> StatusLine:
    """The queue as it is shown."""
    still, count, now = standstill(glance, moment), glance.count, moment.now
    movable = count.queued - count.held_for_others - count.held_ahead
    next_at = max(count.next_attempt_at or 0.0, everyone_waits_until(glance))
    dies = count.oldest + OLDEST_ACCEPTED - now if count.oldest is not None else None
    return StatusLine(
        queued=count.queued,
        sending=count.sending,
        held=count.queued if still else count.held_for_others + count.held_ahead,
        may_retry=bool(movable) and _may_retry(glance, moment),
        next_due=max(0.0, next_at - now) if movable and not still else None,
        oldest_dies_in=dies if dies is not None and dies < SOON_TOO_OLD else None,
        elsewhere=moment.configured and not moment.delivers,
        budget=_budget(glance, moment, goes=bool(movable) and not still),
    )


def _may_retry(glance: Snapshot, moment: PageContext) -> bool:
    return moment.configured and glance.account.connection is Connection.CONNECTED and not glance.paused


def _budget(glance: Snapshot, moment: PageContext, *, goes: bool) -> Budget | None:
    about = glance.line.budget if moment.daily is None else moment.daily
    clear = clear_at(glance.count.queued, about, glance.accepted, moment.now)
    if clear is None:
        return None
    return Budget(glance.accepted, about, clear if goes and clear > moment.now else None)


def everyone_waits_until(glance: Snapshot) -> float:
    """Until when (Unix seconds) nothing of the account goes out, or nothing at all."""
    return max(glance.line.wait_until, glance.rests.until if glance.rests else 0.0)
