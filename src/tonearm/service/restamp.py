"""Restamps plays: corrects starts that came from a wrong clock of ours, before the plays are sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from tonearm.clock import Clock
from tonearm.core import delivery
from tonearm.core.delivery import QueuedPlay
from tonearm.core.play import Play
from tonearm.core.report import SKEW_THAT_MATTERS, queued_by_a_fast_clock
from tonearm.core.verdict import Answered, Verdict
from tonearm.service.clock_skew import LastFmTime
from tonearm.store import destination_queue, plays, queue
from tonearm.store.line import Lease


@dataclass(frozen=True, slots=True)
class Restamp:
    """Corrects starts by what is known now about Last.fm's time."""

    clock: Clock
    time: LastFmTime

    def off(self, counter: float | None, boot: str, enqueued_at: float) -> float | None:
        """How far our clock was off when a play was reported, as `QueuedPlay.off`."""
        if counter is None or boot != self.clock.boot:
            return 0.0
        then = self.time.at(counter)
        return None if then is None else then - enqueued_at

    def checked(self, sent: Sequence[QueuedPlay], verdict: Verdict) -> Sequence[QueuedPlay]:
        """The plays that a verdict is about, with how far our clock was off by what is known since this answer. It
        matters only for plays that were ignored.
        """
        if not isinstance(verdict, Answered) or not any(item.ignored_code for item in verdict.items):
            return sent
        return [
            w
            if w.counter is None or w.boot != self.clock.boot
            else replace(w, off=self.off(w.counter, w.boot, w.enqueued_at))
            for w in sent
        ]

    def put_right_waiting(self, db: Connection, lease: Lease, waiting: Sequence[QueuedPlay]) -> tuple[QueuedPlay, ...]:
        """The waiting plays, with the starts corrected of those timed by a clock of ours that is now known to have been
        wrong.
        """
        return tuple(
            (self._moved(db, lease, w, by, "the clock here was wrong") if by else None) or w
            for w, by in ((w, delivery.start_moves_by(w)) for w in waiting)
        )

    def put_right_refused(
        self, db: Connection, lease: Lease, back: tuple[QueuedPlay, ...], now: float
    ) -> tuple[QueuedPlay, ...]:
        """Plays that go back into the queue, with their starts corrected if they came from a fast clock of ours. Only
        plays that this answer has just rejected as being in the future: Last.fm certainly doesn't have those.
        """
        skew = self.time.skew
        return tuple(
            ((by := self._off(db, w)) and self._moved(db, lease, w, by, "the clock here was ahead"))
            or replace(w, not_before=delivery.its_time(w, now, skew))
            if w.refused_ahead and queued_by_a_fast_clock(w.enqueued_at, now, skew)
            else w
            for w in back
        )

    def _off(self, db: Connection, w: QueuedPlay) -> int:
        """Seconds by which a start is still wrong that our fast clock has timed. It is measured with the counter, if
        that was stored; otherwise our clock is assumed to be off now by as much as it was then.
        """
        if w.counter is not None and w.boot == self.clock.boot and w.off is not None:
            return round(w.off) if abs(w.off) > SKEW_THAT_MATTERS else 0
        return round(self.time.skew - plays.restamped(db, w.id).by)

    def _moved(self, db: Connection, lease: Lease, w: QueuedPlay, by: int, reason: str) -> QueuedPlay | None:
        """The play with its start moved by that many seconds; None if the start can't be moved, so that the play waits
        until its start has come. The seconds are added to any correction made when it was reported, since that one may
        have used a wrong skew.
        """
        before = plays.restamped(db, w.id)
        if before.unanswered:
            return None  # if Last.fm's clock was different then, it has accepted the play
        play = replace(w.play, timestamp=w.play.timestamp + by)
        if plays.known(db, [_key(lease.account, play)]):
            return None  # there is a play at that time already
        now = f"moved by {by:+d} s: {reason}"
        plays.restamp(db, w.id, play.timestamp, f"{before.reason}; {now}" if before.reason else now, before.by + by)
        ahead = play.timestamp > self.time.now()
        not_before = delivery.its_time(replace(w, play=play), self.clock.now(), self.time.skew) if ahead else 0.0
        queue.restamp(db, w.id, play.timestamp, by, not_before)
        destination_queue.restamp(db, lease.account, w.id, play.timestamp, by, not_before)
        return replace(w, play=play, enqueued_at=w.enqueued_at + by, off=0.0, not_before=not_before)


def _key(account: int, play: Play) -> plays.PlayKey:
    return (account, play.track.artist, play.track.title, play.timestamp)
