"""A play as a list shows it: its state, why, what happens next, and what may be done. Values in, words out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from tonearm.core.account import Account
from tonearm.core.play import OLDEST_ACCEPTED, Track
from tonearm.store.plays import StoredPlay
from tonearm.store.queries.account_overview import COUNTED, PlayFilter, QueuedRow, Snapshot
from tonearm.web.view.delivery_status import PageContext, everyone_waits_until, standstill
from tonearm.web.view.formats import name, sentence

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


@dataclass(frozen=True, slots=True)
class Acts:
    """What a listener may do to a play: `send` is the word for sending it ("" where it cannot be sent)."""

    send: str = ""
    correct: bool = False
    discard: bool = False


@dataclass(frozen=True, slots=True)
class PlayRow:
    """A play with its state, its names as a list has room for them.

    `due` is when `then` comes true, in seconds from now; None: at once, or not by waiting.
    """

    id: int
    track: Track
    title: str
    artist: str
    album: str
    at: int
    tone: Tone
    label: str
    why: str
    then: str = ""
    due: float | None = None
    acts: Acts = Acts()


@dataclass(frozen=True, slots=True)
class Choice:
    """A shelf that can be looked at: its name, and how many plays are on it ("" where that is not counted)."""

    shelf: PlayFilter
    label: str
    count: str


_SHELVES = {
    PlayFilter.ALL: "All",
    PlayFilter.WAITING: "Waiting",
    PlayFilter.RETRYING: "Retrying",
    PlayFilter.HELD: "Held",
    PlayFilter.REFUSED: "Refused",
    PlayFilter.SUSPECTED: "Suspected",
    PlayFilter.NOT_SENT: "Not sent",
    PlayFilter.TOO_OLD: "Too old",
    PlayFilter.DISCARDED: "Discarded",
    PlayFilter.ACCEPTED: "Sent",
}


def choices(counts: Mapping[PlayFilter, int]) -> list[Choice]:
    """The shelves, as filters."""
    return [Choice(shelf, label, _count(counts.get(shelf, 0))) for shelf, label in _SHELVES.items()]


def _count(number: int) -> str:
    return f"{COUNTED - 1}+" if number >= COUNTED else str(number or "")


def again(rows: Sequence[PlayRow], glance: Snapshot, moment: PageContext) -> float | None:
    """Seconds until these rows are stale without any news; None where only news changes them."""
    waiting = [row for row in rows if row.tone in (Tone.MOVING, Tone.RETRYING) or row.due is not None]
    if any(row.tone is not Tone.HELD and row.due is None for row in waiting) and not standstill(glance, moment):
        return BUSY_LOOK if moment.delivers else IDLE_LOOK
    dues = [row.due for row in waiting if row.due is not None]
    return min(dues) + 0.2 if dues else None


def row(entry: QueuedRow | StoredPlay, glance: Snapshot, moment: PageContext) -> PlayRow:
    """A play as a list shows it."""
    made = _waiting(entry, glance, moment) if isinstance(entry, QueuedRow) else _settled(entry)
    return replace(made, acts=acts(entry, glance, moment))


def acts(entry: QueuedRow | StoredPlay, glance: Snapshot, moment: PageContext) -> Acts:
    """What its listener may do to a play now."""
    too_old = moment.now - entry.play.timestamp >= OLDEST_ACCEPTED
    if isinstance(entry, QueuedRow):
        mine = entry.owner == glance.account.username.casefold()
        goes = mine and entry.play.timestamp <= moment.now and not standstill(glance, moment)
        return Acts() if entry.sending else Acts("Retry" if goes else "", mine and glance.account.signed_in, True)
    sendable = glance.account.signed_in and not too_old and _of_this_user(entry, glance.account)
    match entry.fate:
        case "ignored" | "refused":
            return Acts("Resend" if sendable else "", sendable, True)
        case "suspected" | "threshold_not_met" | "disabled" | "not_authenticated":
            return Acts("Send it" if sendable else "", sendable, True)
        case "discarded" | "expired":
            replaced = entry.fate == "discarded" and entry.reason.startswith("corrected by the listener")
            return Acts("Send it" if sendable and not replaced else "")
        case _:
            return Acts()


def _of_this_user(kept: StoredPlay, account: Account) -> bool:
    return not kept.owner or kept.owner == account.username.casefold()


def _waiting(play: QueuedRow, glance: Snapshot, moment: PageContext) -> PlayRow:
    still = standstill(glance, moment)
    at = max(play.not_before, everyone_waits_until(glance), 0.0 if play.live else glance.backlog_until)
    due = at - moment.now if at > moment.now else None
    if play.sending:
        return _row(play, Tone.MOVING, "Sending", "On its way to Last.fm.")
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
        why = sentence(glance.rests.reason if glance.rests else glance.line.trouble) if due else ""
        then = "Goes out" if due else "Goes out with the next batch"
    return _row(play, tone, label, why, then, due)


def _row(
    entry: QueuedRow | StoredPlay, tone: Tone, label: str, why: str, then: str = "", due: float | None = None
) -> PlayRow:
    track = entry.play.track
    names = name(track.title), name(track.artist), name(track.album)
    return PlayRow(entry.id, track, *names, entry.play.timestamp, tone, label, why, then, due)


def _settled(kept: StoredPlay) -> PlayRow:
    return _row(kept, *_fate(kept))


def _fate(kept: StoredPlay) -> tuple[Tone, str, str]:
    why = sentence(kept.reason)
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


def _filed(kept: StoredPlay) -> str:
    names = kept.correction or {}
    artist, track = names.get("artist"), names.get("track")
    if not artist or not track or (artist, track) == (kept.play.track.artist, kept.play.track.title):
        return ""
    return f"Filed under {name(artist)} – {name(track)}."
