"""A play as a list shows it: its state, why, what happens next, and what may be done. Values in, words out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from tonearm.core.account import Account
from tonearm.core.play import Track
from tonearm.core.waits import Remedy, WaitKind, Waits, explanation, why_waits
from tonearm.core.wording import fate
from tonearm.lastfm.rules import OLDEST
from tonearm.service.values import COUNTED, FATES, Accounted, PlayFilter, QueuedRow, Snapshot, StoredPlay
from tonearm.web.view.delivery_status import PageContext
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
    """What a listener may do to a play: `send` is the word for sending it ("" if it cannot be sent)."""

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
    """A shelf that can be looked at: its name, and how many plays are on it ("" if that is not counted)."""

    shelf: PlayFilter
    label: str
    count: str


_SHELVES = {
    PlayFilter.ALL: "All",
    PlayFilter.WAITING: "Waiting",
    PlayFilter.RETRYING: "Retrying",
    PlayFilter.HELD: "On hold",
    PlayFilter.REFUSED: "Rejected",
    PlayFilter.SUSPECTED: "Duplicate?",
    PlayFilter.NOT_SENT: "Not sent",
    PlayFilter.TOO_OLD: "Too old",
    PlayFilter.DISCARDED: "Discarded",
    PlayFilter.ACCEPTED: "Accepted",
}


def choices(counts: Mapping[PlayFilter, int]) -> list[Choice]:
    """The shelves, as filters."""
    return [Choice(shelf, label, _count(counts.get(shelf, 0))) for shelf, label in _SHELVES.items()]


def sums(accounted: Accounted) -> list[tuple[str, PlayFilter | None, int]]:
    """What happened to all plays: a name, where they are shown, and how many; the most first."""
    fates = Counter[PlayFilter | None]()
    shelves = {fate_: shelf for shelf, fates_ in FATES.items() for fate_ in fates_}
    for fate_, number in accounted.fates.items():
        fates[shelves.get(fate_)] += number
    fates[PlayFilter.WAITING] += accounted.waiting
    return [(_SHELVES[shelf] if shelf else "Other", shelf, number) for shelf, number in fates.most_common() if number]


def _count(number: int) -> str:
    return f"{COUNTED - 1}+" if number >= COUNTED else str(number or "")


def again(rows: Sequence[PlayRow], moment: PageContext) -> float | None:
    """Seconds until these rows are stale without any news; None if only news changes them."""
    waiting = [row for row in rows if row.tone in (Tone.MOVING, Tone.RETRYING) or row.due is not None]
    if any(row.tone is not Tone.HELD and row.due is None for row in waiting):
        return BUSY_LOOK if moment.delivers else IDLE_LOOK
    dues = [row.due for row in waiting if row.due is not None]
    return min(dues) + 0.2 if dues else None


def row(entry: QueuedRow | StoredPlay, glance: Snapshot, moment: PageContext) -> PlayRow:
    """A play as a list shows it."""
    if isinstance(entry, QueuedRow):
        waits = why_waits(entry.waiting, glance.facts)
        return replace(_waiting(entry, waits, moment.now), acts=_acts_waiting(waits, glance.account))
    return replace(_settled(entry), acts=acts(entry, glance, moment))


def _acts_waiting(waits: Waits, account: Account) -> Acts:
    """What its listener may do to a play in the queue."""
    if waits.kind is WaitKind.SENDING:
        return Acts()
    goes = waits.remedy is Remedy.RETRY or not waits.held
    return Acts("Retry" if goes else "", waits.kind is not WaitKind.OTHER_USER and account.signed_in, True)


def acts(entry: StoredPlay, glance: Snapshot, moment: PageContext) -> Acts:
    """What its listener may do to a play that is not in the queue."""
    too_old = moment.now - entry.play.timestamp >= OLDEST
    sendable = glance.account.signed_in and not too_old and _of_this_user(entry, glance.account)
    match entry.fate:
        case "ignored" | "refused":
            return Acts("Resend" if sendable else "", sendable, True)
        case "suspected" | "threshold_not_met" | "disabled" | "not_authenticated":
            return Acts("Send" if sendable else "", sendable, True)
        case "discarded" | "expired":
            replaced = entry.fate == "discarded" and entry.reason.startswith("edited by the listener")
            return Acts("Send" if sendable and not replaced else "")
        case _:
            return Acts()


def _of_this_user(kept: StoredPlay, account: Account) -> bool:
    return not kept.owner or kept.owner == account.username.casefold()


def _waiting(play: QueuedRow, waits: Waits, now: float) -> PlayRow:
    due = waits.until - now if waits.until is not None and waits.until > now else None
    said = "" if waits.kind is WaitKind.NEXT_BATCH else sentence(explanation(waits))
    match waits.kind:
        case WaitKind.SENDING:
            return _row(play, Tone.MOVING, "Sending", said)
        case WaitKind.NEXT_BATCH:
            return _row(play, Tone.MOVING, "Queued", said, "Goes out with the next batch")
        case WaitKind.LATER:
            return _row(play, Tone.MOVING, "Queued", said, "Sends", due)
        case WaitKind.RETRYING:
            return _row(play, Tone.RETRYING, "Retrying", said, f"Attempt {play.tries + 1}", due)
        case WaitKind.FUTURE_START:
            return _row(play, Tone.HELD, "On hold", said, "Sends", due)
        case WaitKind.DAILY_LIMIT:
            return _row(play, Tone.HELD, "On hold", said, "Checks again", due)
        case WaitKind.KEY_REFUSED:
            return _row(play, Tone.HELD, "On hold", said, "Next try" if due else "", due)
        case (
            WaitKind.OTHER_USER
            | WaitKind.PAUSED
            | WaitKind.DISCONNECTED
            | WaitKind.SESSION_ENDED
            | WaitKind.SESSION_LOST
            | WaitKind.KEY_NOT_SET
            | WaitKind.NOT_CONFIGURED
        ):
            return _row(play, Tone.HELD, "On hold", said)
        case _:
            assert_never(waits.kind)


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
    only_here = "Kept in the history here."
    label = fate(kept.fate)
    match kept.fate:
        case "accepted":
            return Tone.GOOD, label, _filed(kept)
        case "ignored":
            return Tone.BAD, label, why or "Last.fm accepted the request but ignored this play."
        case "refused":
            return Tone.BAD, label, why or "Last.fm rejected it."
        case "expired":
            return Tone.QUIET, label, why or "Older than 14 days."
        case "threshold_not_met":
            return Tone.QUIET, label, why or "Not played for long enough."
        case "disabled" | "not_authenticated":
            return Tone.QUIET, label, f"{why} {only_here}".strip()
        case "suspected":
            return Tone.HELD, label, why
        case "queued":
            return Tone.MOVING, label, why
        case _:
            return Tone.QUIET, label, why


def _filed(kept: StoredPlay) -> str:
    names = kept.correction or {}
    artist, track = names.get("artist"), names.get("track")
    if not artist or not track or (artist, track) == (kept.play.track.artist, kept.play.track.title):
        return ""
    return f"Corrected by Last.fm to {name(artist)} – {name(track)}."
