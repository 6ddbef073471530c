"""A play as a list shows it: its state, the reason, what happens next, and what can be done. Values in, values out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from tonearm.core.account import Account
from tonearm.core.play import Track
from tonearm.core.waits import Remedy, WaitKind, Waits, explanation, why_waits
from tonearm.core.wording import NOT_ACCEPTED, fate
from tonearm.service.values import COUNTED, FATES, Accounted, PlayFilter, QueuedRow, Snapshot, StoredPlay
from tonearm.web.view.delivery_status import PageContext
from tonearm.web.view.formats import name, sentence

BUSY_REFRESH, IDLE_REFRESH = 1.0, 5.0
"""Seconds after which the queue is fetched again while this process sends, or while another one may."""


class Tone(StrEnum):
    """The colour of a state; its label carries the meaning."""

    MOVING = "moving"
    RETRYING = "retrying"
    HELD = "held"
    GOOD = "good"
    BAD = "bad"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True)
class RowActions:
    """What a listener can do with a play: `send` is the label of the button that sends it ("" if it cannot be sent)."""

    send: str = ""
    edit: bool = False
    discard: bool = False


@dataclass(frozen=True, slots=True)
class PlayRow:
    """A play with its state, and its names cut to the space that a list has.

    `due_in` is when `next_step` happens, in seconds from now; None: at once, or not by waiting.
    """

    id: int
    track: Track
    title: str
    artist: str
    album: str
    started_at: int
    tone: Tone
    label: str
    reason: str
    next_step: str = ""
    due_in: float | None = None
    actions: RowActions = RowActions()


@dataclass(frozen=True, slots=True)
class AlbumRun:
    """Consecutive plays of one album, of which a list shows one row until it is opened.

    `row` is the latest of them, `first` the id of the earliest, and `started_at` its start.
    """

    row: PlayRow
    plays: int
    first: int
    started_at: int


SHORTEST_RUN = 4
"""The minimum number of plays in a folded run."""


def album_runs(rows: Sequence[PlayRow], breaks: Mapping[int, object]) -> dict[int, AlbumRun]:
    """The runs in a list, latest first, by the id of their first row. None continues past a row of `breaks`. Only plays
    in the same state are folded, so that none is hidden that needs attention.
    """
    runs: dict[int, AlbumRun] = {}
    begun = 0
    for place in range(1, len(rows) + 1):
        if place < len(rows) and rows[place].id not in breaks and _run_key(rows[place]) == _run_key(rows[begun]):
            continue
        if place - begun >= SHORTEST_RUN and rows[begun].track.album:
            first = rows[place - 1]
            runs[rows[begun].id] = AlbumRun(rows[begun], place - begun, first.id, first.started_at)
        begun = place
    return runs


def _run_key(row: PlayRow) -> tuple[str, str, str, str]:
    return row.track.artist, row.track.album, row.label, row.reason


@dataclass(frozen=True, slots=True)
class FilterChoice:
    """A filter to choose: its label, and how many plays it shows ("" if that is not counted)."""

    filter: PlayFilter
    label: str
    count: str


_FILTER_LABELS = {
    PlayFilter.ALL: "All",
    PlayFilter.WAITING: "Waiting",
    PlayFilter.RETRYING: "Retrying",
    PlayFilter.HELD: "On hold",
    PlayFilter.REFUSED: NOT_ACCEPTED,
    PlayFilter.SUSPECTED: "Duplicate?",
    PlayFilter.NOT_SENT: "Not sent",
    PlayFilter.TOO_OLD: "Too old",
    PlayFilter.DISCARDED: "Discarded",
    PlayFilter.ACCEPTED: "Accepted",
}


def filter_choices(counts: Mapping[PlayFilter, int]) -> list[FilterChoice]:
    """The filters, in the order of the page."""
    return [FilterChoice(filter_, label, _count(counts.get(filter_, 0))) for filter_, label in _FILTER_LABELS.items()]


def fate_totals(accounted: Accounted) -> list[tuple[str, PlayFilter | None, int]]:
    """What happened to all plays: a label, the filter that shows them (None: none), the count; the largest first."""
    totals = Counter[tuple[str, PlayFilter | None]]()
    filter_of = {settled: filter_ for filter_, settled_fates in FATES.items() for settled in settled_fates}
    for settled, count in accounted.fates.items():
        filter_ = filter_of.get(settled)
        totals[_FILTER_LABELS[filter_] if filter_ else fate(settled), filter_] += count
    totals[_FILTER_LABELS[PlayFilter.WAITING], PlayFilter.WAITING] += accounted.waiting
    return [(*label_and_filter, count) for label_and_filter, count in totals.most_common() if count]


def _count(count: int) -> str:
    return f"{COUNTED - 1}+" if count >= COUNTED else str(count or "")


def refresh_in(rows: Sequence[PlayRow], context: PageContext) -> float | None:
    """Seconds until these rows are stale without an event; None if only an event changes them."""
    waiting = [row for row in rows if row.tone in (Tone.MOVING, Tone.RETRYING) or row.due_in is not None]
    if any(row.tone is not Tone.HELD and row.due_in is None for row in waiting):
        return BUSY_REFRESH if context.delivers else IDLE_REFRESH
    times = [row.due_in for row in waiting if row.due_in is not None]
    return min(times) + 0.2 if times else None


def play_row(entry: QueuedRow | StoredPlay, snapshot: Snapshot, context: PageContext) -> PlayRow:
    """A play as a list shows it."""
    if isinstance(entry, QueuedRow):
        waits = why_waits(entry.waiting, snapshot.facts)
        return replace(_queued_row(entry, waits, context.now), actions=_queued_actions(waits, snapshot.account))
    return replace(_settled_row(entry), actions=actions(entry, snapshot, context))


def _queued_actions(waits: Waits, account: Account) -> RowActions:
    """What its listener can do with a play in the queue."""
    if waits.kind is WaitKind.SENDING:
        return RowActions()
    can_retry = waits.remedy is Remedy.RETRY or not waits.held
    return RowActions("Retry" if can_retry else "", waits.kind is not WaitKind.OTHER_USER and account.signed_in, True)


def actions(entry: StoredPlay, snapshot: Snapshot, context: PageContext) -> RowActions:
    """What its listener can do with a play that is not in the queue."""
    too_old = context.rules.too_old(entry.play.timestamp, context.now)
    sendable = snapshot.account.signed_in and not too_old and _is_for_user(entry, snapshot.account)
    match entry.fate:
        case "ignored" | "refused":
            return RowActions("Resend" if sendable else "", sendable, True)
        case "suspected" | "threshold_not_met" | "disabled" | "not_authenticated":
            return RowActions("Send" if sendable else "", sendable, True)
        case "discarded" | "expired":
            replaced = entry.fate == "discarded" and entry.reason.startswith("edited by the listener")
            return RowActions("Send" if sendable and not replaced else "")
        case _:
            return RowActions()


def _is_for_user(stored: StoredPlay, account: Account) -> bool:
    return not stored.owner or stored.owner == account.username.casefold()


def _queued_row(play: QueuedRow, waits: Waits, now: float) -> PlayRow:
    due_in = waits.until - now if waits.until is not None and waits.until > now else None
    reason = "" if waits.kind is WaitKind.NEXT_BATCH else sentence(explanation(waits))
    match waits.kind:
        case WaitKind.SENDING:
            return build_row(play, Tone.MOVING, "Sending", reason)
        case WaitKind.NEXT_BATCH:
            return build_row(play, Tone.MOVING, "Queued", reason, "Will be sent with the next batch")
        case WaitKind.LATER:
            return build_row(play, Tone.MOVING, "Queued", reason, "Sends", due_in)
        case WaitKind.RETRYING:
            return build_row(play, Tone.RETRYING, "Retrying", reason, f"Attempt {play.tries + 1}", due_in)
        case WaitKind.FUTURE_START:
            return build_row(play, Tone.HELD, "On hold", reason, "Sends", due_in)
        case WaitKind.DAILY_LIMIT:
            return build_row(play, Tone.HELD, "On hold", reason, "Checks again", due_in)
        case WaitKind.KEY_REFUSED:
            return build_row(play, Tone.HELD, "On hold", reason, "Next try" if due_in else "", due_in)
        case (
            WaitKind.OTHER_USER
            | WaitKind.PAUSED
            | WaitKind.DISCONNECTED
            | WaitKind.SESSION_ENDED
            | WaitKind.SESSION_LOST
            | WaitKind.KEY_NOT_SET
            | WaitKind.NOT_CONFIGURED
        ):
            return build_row(play, Tone.HELD, "On hold", reason)
        case _:
            assert_never(waits.kind)


def build_row(
    entry: QueuedRow | StoredPlay, tone: Tone, label: str, reason: str, next_step: str = "", due_in: float | None = None
) -> PlayRow:
    """A row of a list without actions; `due_in` seconds are left until the next step."""
    track = entry.play.track
    names = name(track.title), name(track.artist), name(track.album)
    return PlayRow(entry.id, track, *names, entry.play.timestamp, tone, label, reason, next_step, due_in)


def _settled_row(stored: StoredPlay) -> PlayRow:
    return build_row(stored, *_fate(stored))


def _fate(stored: StoredPlay) -> tuple[Tone, str, str]:
    reason = sentence(stored.reason)
    history_only = "Kept in the history here."
    label = fate(stored.fate)
    match stored.fate:
        case "accepted":
            return Tone.GOOD, label, _corrected_names(stored)
        case "ignored":
            return Tone.BAD, label, reason or "Last.fm accepted the request but ignored this play."
        case "refused":
            return Tone.BAD, label, reason or "Last.fm rejected it."
        case "expired":
            return Tone.QUIET, label, reason or "Older than 14 days."
        case "threshold_not_met":
            return Tone.QUIET, label, reason or "Not played for long enough."
        case "disabled" | "not_authenticated":
            return Tone.QUIET, label, f"{reason} {history_only}".strip()
        case "suspected":
            return Tone.HELD, label, reason
        case "queued":
            return Tone.MOVING, label, reason
        case _:
            return Tone.QUIET, label, reason


def _corrected_names(stored: StoredPlay) -> str:
    names = stored.correction or {}
    artist, track = names.get("artist"), names.get("track")
    if not artist or not track or (artist, track) == (stored.play.track.artist, stored.play.track.title):
        return ""
    return f"Corrected by Last.fm to {name(artist)} – {name(track)}."
