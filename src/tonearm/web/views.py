"""What the page says: a glance at an account, turned into rows, reasons and next attempts. Values in, words out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from tonearm.core.account import Account, Connection
from tonearm.core.event import NowPlayingShown
from tonearm.core.pacing import clear_at
from tonearm.core.play import OLDEST_ACCEPTED, SHORTEST_TRACK, Track, counts
from tonearm.store.glance import Glance, InLine
from tonearm.store.plays import Kept
from tonearm.web.words import name, plays, sentence

SOON_TOO_OLD = 3 * 86400.0
BUSY_LOOK, IDLE_LOOK = 1.0, 5.0
"""Seconds until the queue is worth another look while something moves, or could be moved by another process."""


class Tone(StrEnum):
    """The colour of a state; its words carry the meaning."""

    MOVING = "moving"
    RETRYING = "retrying"
    HELD = "held"
    GOOD = "good"
    BAD = "bad"
    QUIET = "quiet"


class Act(StrEnum):
    """What a banner offers to do."""

    CONNECT = "connect"
    SWITCH_ON = "switch_on"
    RETRY = "retry"
    GET_KEY = "get_key"


@dataclass(frozen=True, slots=True)
class Moment:
    """How this process stands at a moment: Unix seconds, an API key or none, sending or leaving it to another.

    `daily` is the daily limit of scrobbles where one is set; None: as it was learnt.
    """

    now: float
    configured: bool
    delivers: bool
    daily: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A play with its state. `due` is when `then` comes true, in seconds from now; None: at once, or not by waiting.

    `may_send`: it is held back until its listener says that it shall go.
    """

    id: int
    title: str
    artist: str
    album: str
    at: int
    tone: Tone
    label: str
    why: str
    then: str = ""
    due: float | None = None
    may_send: bool = False


@dataclass(frozen=True, slots=True)
class Banner:
    """Something that the listener should know, and can do something about."""

    title: str
    text: str
    act: Act
    label: str
    due: float | None = None


@dataclass(frozen=True, slots=True)
class Playing:
    """What plays: seconds elapsed, needed to count (None: too short to), and in all (None: unknown).

    `told` says what Last.fm did not like of it; `again` is the seconds until this is stale.
    """

    title: str
    artist: str
    album: str
    elapsed: float
    needed: float | None
    length: float | None
    told: str
    again: float


@dataclass(frozen=True, slots=True)
class Budget:
    """The plays of the last 24 hours against the daily limit; `clear_at` (Unix seconds) where plays wait for it."""

    used: int
    about: int
    clear_at: float | None


@dataclass(frozen=True, slots=True)
class Line:
    """The queue: its true counts, the oldest rows, and what holds or speeds it. `again`: seconds until it is stale.

    `budget` is None while no daily limit is known.
    """

    queued: int
    sending: int
    rows: tuple[Row, ...]
    more: int
    may_retry: bool
    next_due: float | None
    oldest_dies_in: float | None
    elsewhere: bool
    budget: Budget | None
    again: float | None

    @property
    def all(self) -> int:
        """Plays in the queue."""
        return self.queued + self.sending


def standstill(glance: Glance, moment: Moment) -> str:
    """Why nothing at all is sent for this account, whatever is tried; "" where nothing is in the way."""
    who = glance.account.username
    if not moment.configured:
        return "No API key is configured."
    if glance.rests and glance.rests.refused:
        return "Last.fm refuses this service's API key."
    match glance.account.connection:
        case Connection.CONNECTED:
            return ""
        case Connection.DISCONNECTED:
            return f"Held for the Last.fm user {who} until you connect again."
        case Connection.NEEDS_SIGN_IN:
            return "Last.fm has ended the session: sign in again."
        case Connection.SUSPENDED:
            return "Last.fm refuses this service's API key."


def banners(glance: Glance, moment: Moment) -> list[Banner]:
    """What stands in the way, the gravest first."""
    found = [_connection(glance, moment)]
    if not glance.account.enabled:
        text = "Plays that are reported now stay in the history here and are not queued."
        found.append(Banner("Scrobbling is switched off", text, Act.SWITCH_ON, "Switch it on"))
    return [banner for banner in found if banner]


def _connection(glance: Glance, moment: Moment) -> Banner | None:
    account, rests = glance.account, glance.rests
    waiting = glance.count.queued + glance.count.sending
    safe = f"Nothing is lost: {plays(waiting)} {'waits' if waiting == 1 else 'wait'} here." if waiting else ""
    if not moment.configured:
        return Banner("No API key yet", safe, Act.GET_KEY, "")
    if account.connection is Connection.DISCONNECTED:
        return _disconnected(account, waiting)
    if account.connection is Connection.NEEDS_SIGN_IN:
        back = f"{safe} Sign in as {account.username} and everything goes out by itself."
        text = f"{sentence(glance.line.trouble)} {back}".strip()
        return Banner("Last.fm asks you to sign in again", text, Act.CONNECT, "Sign in again")
    if (rests and rests.refused) or account.connection is Connection.SUSPENDED:
        reason = sentence(rests.why if rests else glance.line.trouble)
        check = "Check LASTFM_API_KEY and LASTFM_API_SECRET; a suspended key only Last.fm can free."
        due = rests.until - moment.now if rests else None
        return Banner(
            "Last.fm refuses this service's API key", f"{reason} {safe} {check}", Act.RETRY, "Try again now", due
        )
    return None


def _disconnected(account: Account, waiting: int) -> Banner:
    if not account.username:
        text = "Until then plays stay in the history here, and are not queued."
        return Banner("Connect your Last.fm profile", text, Act.CONNECT, "Connect with Last.fm")
    kept = f"{plays(waiting)} {'is' if waiting == 1 else 'are'} kept for {account.username} and for nobody else. "
    text = f"{kept if waiting else ''}New plays stay in the history here and are not queued."
    return Banner(f"Disconnected from {account.username}", text, Act.CONNECT, "Connect again")


def line(glance: Glance, moment: Moment) -> Line:
    """The queue as it is shown."""
    still, count, now = standstill(glance, moment), glance.count, moment.now
    rows = tuple(_waiting(play, glance, moment, still) for play in glance.waiting)
    movable = count.queued - count.held_for_others - count.held_ahead
    next_at = max(count.next_attempt_at or 0.0, _everyone_waits_until(glance))
    all_count = count.queued + count.sending
    dies = count.oldest + OLDEST_ACCEPTED - now if count.oldest is not None else None
    return Line(
        queued=count.queued,
        sending=count.sending,
        rows=rows,
        more=all_count - len(rows),
        may_retry=bool(movable) and moment.configured and glance.account.connection is Connection.CONNECTED,
        next_due=max(0.0, next_at - now) if movable and not still else None,
        oldest_dies_in=dies if dies is not None and dies < SOON_TOO_OLD else None,
        elsewhere=moment.configured and not moment.delivers,
        budget=_budget(glance, moment, goes=bool(movable) and not still),
        again=_again(rows, still, moment),
    )


def _budget(glance: Glance, moment: Moment, *, goes: bool) -> Budget | None:
    about = glance.line.budget if moment.daily is None else moment.daily
    clear = clear_at(glance.count.queued, about, glance.accepted, moment.now)
    if clear is None:
        return None
    return Budget(glance.accepted, about, clear if goes and clear > moment.now else None)


def _again(rows: tuple[Row, ...], still: str, moment: Moment) -> float | None:
    if not rows:
        return None
    if any(row.tone is not Tone.HELD and row.due is None for row in rows) and not still:
        return BUSY_LOOK if moment.delivers else IDLE_LOOK
    dues = [row.due for row in rows if row.due is not None]
    return min(dues) + 0.2 if dues else None


def _everyone_waits_until(glance: Glance) -> float:
    return max(glance.line.wait_until, glance.rests.until if glance.rests else 0.0)


def _waiting(play: InLine, glance: Glance, moment: Moment, still: str) -> Row:
    at = max(play.not_before, _everyone_waits_until(glance), 0.0 if play.live else glance.backlog_until)
    due = at - moment.now if at > moment.now else None
    if play.sending:
        return _row(play.id, play.play.track, play.play.timestamp, Tone.MOVING, "Sending", "On its way to Last.fm.")
    tone, label, then = Tone.HELD, "Held", ""
    if play.owner != glance.account.username.casefold():
        why, due = f"Held for the Last.fm user {play.owner}, and sent to nobody else.", None
    elif still:
        why, due = still, None
    elif play.play.timestamp > moment.now:
        why, then = "Its time lies ahead: held, in case our clock is slow.", "Goes out"
    elif not play.live and glance.backlog_until > moment.now:
        why, then = "Reported late: it waits for room under Last.fm's daily limit.", "Looks again"
    elif play.tries:
        tone, label, then = Tone.RETRYING, "Retrying", f"Attempt {play.tries + 1}"
        why = sentence(play.error)
    else:
        tone, label = Tone.MOVING, "Queued"
        why = sentence(glance.rests.why if glance.rests else glance.line.trouble) if due else ""
        then = "Goes out" if due else "Goes out with the next batch"
    return _row(play.id, play.play.track, play.play.timestamp, tone, label, why, then, due)


def _row(
    number: int,
    track: Track,
    at: int,
    tone: Tone,
    label: str,
    why: str,
    then: str = "",
    due: float | None = None,
) -> Row:
    return Row(number, name(track.title), name(track.artist), name(track.album), at, tone, label, why, then, due)


def latest(kept: Kept) -> Row:
    """A play whose fate is known."""
    tone, label, why = _fate(kept)
    row = _row(kept.id, kept.play.track, kept.play.timestamp, tone, label, why)
    return replace(row, may_send=kept.fate == "suspected")


def _fate(kept: Kept) -> tuple[Tone, str, str]:
    why = sentence(kept.why)
    only_here = "It stays in the history here."
    match kept.fate:
        case "accepted":
            return Tone.GOOD, "Accepted", _filed(kept)
        case "ignored":
            return Tone.BAD, "Ignored", why or "Last.fm took the request and left this play out."
        case "refused":
            return Tone.BAD, "Refused", why or "Last.fm refused it."
        case "expired":
            return Tone.QUIET, "Too old", why or "Older than 14 days."
        case "threshold_not_met":
            return Tone.QUIET, "Not counted", why or "Not heard for long enough."
        case "disabled" | "not_authenticated":
            return Tone.QUIET, "Not sent", f"{why} {only_here}".strip()
        case "suspected":
            return Tone.HELD, "Suspected", why
        case "discarded":
            return Tone.QUIET, "Discarded", why
        case "queued":
            return Tone.MOVING, "Queued", why
        case other:
            return Tone.QUIET, other.replace("_", " ").capitalize(), why


def _filed(kept: Kept) -> str:
    names = kept.correction or {}
    artist, track = names.get("artist"), names.get("track")
    if not artist or not track or (artist, track) == (kept.play.track.artist, kept.play.track.title):
        return ""
    return f"Filed under {name(artist)} – {name(track)}."


def playing(event: NowPlayingShown | None, threshold: int, now: float) -> Playing | None:
    """What plays now, and how far it is from counting."""
    if event is None:
        return None
    elapsed = max(0.0, now - event.started_at)
    length = event.duration or None
    needed = None if length and length <= SHORTEST_TRACK else counts(length, elapsed, threshold).needed
    ahead = [at - elapsed for at in (needed, length) if at is not None and at > elapsed]
    told = {
        "success": "",
        "disabled": "Not shown on Last.fm: scrobbling is switched off.",
        "not_authenticated": "Not shown on Last.fm: you are not signed in.",
    }.get(event.status, "Last.fm did not take the announcement.")
    title, artist, album = name(event.track), name(event.artist), name(event.album)
    return Playing(title, artist, album, elapsed, needed, length, told, min(ahead, default=60.0) + 0.2)
