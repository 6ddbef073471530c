"""Settling: writes what happened to each play, and records its failed attempts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import assert_never

from sqlalchemy import Connection

from tonearm.core.delivery import Accepted, Expired, Fate, Ignored, QueuedPlay, Refused, Settled, Step
from tonearm.core.event import Event, ScrobbleStatus
from tonearm.core.verdict import Answered, Cause, Correction, Verdict, verdict_name
from tonearm.store import attempts, plays, queue

_ONE_BY_ONE = Cause(None, "the request succeeded, but this play wasn't accepted")
"""The cause for a play that was answered on its own, with the reason in its fate."""


def settle(db: Connection, batch: Sequence[QueuedPlay], step: Step, now: float) -> list[Event]:
    """Write the fates of a batch, and remove settled plays from the queue; returns the events that say so."""
    plays.settle(db, [s.id for s in step.settled if s.fate == Accepted()], "accepted", now)
    queue.remove(db, [s.id for s in step.settled])
    return [
        _event(s, w) if s.fate == Accepted() else settle_one(db, s, w, now) for s, w in _paired(step.settled, batch)
    ]


def expire(db: Connection, expired: Sequence[Settled], waiting: Sequence[QueuedPlay], now: float) -> list[Event]:
    """Record that plays have become too old, and remove them from the queue."""
    events: list[Event] = [settle_one(db, s, w, now) for s, w in _paired(expired, waiting)]
    queue.remove(db, [s.id for s in expired])
    return events


def settle_one(db: Connection, settled: Settled, waiting: QueuedPlay, now: float) -> ScrobbleStatus:
    """Write the fate of a play; returns the event that says so."""
    play_id = settled.id
    match settled.fate:
        case Accepted(correction):
            names = asdict(correction) if correction else None
            plays.settle(db, [play_id], "accepted", now, correction=names)
        case Ignored(code, reason):
            plays.settle(db, [play_id], "ignored", now, reason=reason, code=code)
        case Refused(cause):
            plays.settle(db, [play_id], "refused", now, reason=str(cause), code=cause.error_code)
        case Expired(reason):
            plays.settle(db, [play_id], "expired", now, reason=reason)
        case _:
            assert_never(settled.fate)
    return _event(settled, waiting)


def remember(db: Connection, account: int, verdict: Verdict, step: Step, now: float) -> None:
    """Record the attempt for each play that Last.fm didn't accept in it."""
    failed = [w.id for w in step.back] + [s.id for s in step.settled if not isinstance(s.fate, Accepted)]
    if failed:
        cause = _ONE_BY_ONE if isinstance(verdict, Answered) else verdict.cause
        attempts.write(db, account, now, verdict_name(verdict), cause, failed)


def _paired(settled: Sequence[Settled], waiting: Sequence[QueuedPlay]) -> list[tuple[Settled, QueuedPlay]]:
    by_id = {w.id: w for w in waiting}
    return [(s, by_id[s.id]) for s in settled]


def _event(settled: Settled, waiting: QueuedPlay) -> ScrobbleStatus:
    track = waiting.play.track
    status, message = _status(settled.fate)
    return ScrobbleStatus(settled.id, status, track.artist, track.title, message)


def _status(fate: Fate) -> tuple[str, str]:
    match fate:
        case Accepted(Correction(artist, track)):
            return "accepted", f"on Last.fm, corrected to {artist} – {track}"
        case Accepted():
            return "accepted", "on Last.fm"
        case Ignored(_, reason):
            return "ignored", reason
        case Refused(cause):
            return "refused", str(cause)
        case Expired(reason):
            return "expired", reason
        case _:
            assert_never(fate)
