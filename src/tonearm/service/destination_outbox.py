"""The plays that wait for a destination: which are sent next, and what is written after the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from math import inf
from typing import assert_never

from sqlalchemy import Connection

from tonearm.clock import Clock
from tonearm.core import delivery, delivery_answer
from tonearm.core.account import Connection as Connected
from tonearm.core.delivery import (
    Accepted,
    DeliveryState,
    Expired,
    Fate,
    Ignored,
    QueuedPlay,
    Refused,
    Send,
    Settled,
    Step,
)
from tonearm.core.delivery_answer import may_be_limited
from tonearm.core.destination import DestinationKind, Rules
from tonearm.core.event import DestinationChanged, DestinationStatus, Event
from tonearm.core.pacing import BUDGET_DAY
from tonearm.core.verdict import Answered, Verdict
from tonearm.service.clock_skew import LastFmTime
from tonearm.service.events import EventHub
from tonearm.service.fan_out import Sendable, reported_by_no_other, row
from tonearm.service.library_folders import files_of
from tonearm.service.outbox import Batch, BatchAnswer, Nothing
from tonearm.service.outlets import DestinationOutlet, DestinationOutlets
from tonearm.service.restamp import Restamp
from tonearm.store import accounts, destination_queue, destinations, plays, queue
from tonearm.store.destination_queue import LINE, Settlement
from tonearm.store.line import Lease, QueueState

CHUNK = 500
"""Plays of the history that are queued at a time, when little else waits."""

UNTIL_CHECKED = 60.0
"""Seconds for which a play that our clock timed waits for Last.fm to show whether that clock is right."""


@dataclass(frozen=True, slots=True)
class DestinationEvents:
    """Publishes what was written about destinations, after its commit."""

    event_hub: EventHub

    def publish(self, account: int, events: Sequence[Event]) -> None:
        """Tell an account's subscribers, in this order."""
        self.event_hub.publish(account, *events)

    def queue_changed(self, account: int) -> None:
        """Does nothing: the queue that is counted is Last.fm's, which has not changed."""

    def answered(self, verdict: Verdict) -> None:
        """Does nothing: only Last.fm's answers are counted."""


@dataclass(frozen=True, slots=True)
class DestinationOutbox:
    """What `Delivery` sends to destinations. `keys` are the configured API keys of Last.fm."""

    clock: Clock
    time: LastFmTime
    restamp: Restamp
    outlets: DestinationOutlets
    keys: Sequence[str]

    def due(self, db: Connection, now: float) -> dict[str, list[int]]:
        """Destinations that have something to send now, by the engine's kind of job that sends it."""
        return destination_queue.due(db, now)

    def next(self, db: Connection, lease: Lease, *, probe: bool) -> tuple[Batch[QueuedPlay] | Nothing, list[Event]]:
        """The plays that are sent next, live ones first. While there is room, the next part of the history is
        queued.
        """
        now, time, destination_id, rules = self.clock.now(), self.time, lease.line, self._rules(lease)
        if lease.closed:
            return Nothing(None), []
        found = destination_queue.waiting(db, destination_id, now, rules.batch, self.restamp.off)
        if lease.behind and len(found) < rules.batch and lease.state.connection is Connected.CONNECTED:
            self._queue_history(db, destination_id, now)
            found = destination_queue.waiting(db, destination_id, now, rules.batch, self.restamp.off)
        waiting = self._put_right(db, lease, found)
        unchecked_until = self._unchecked_until(db, lease, waiting, now)
        if unchecked_until <= now:  # nothing will show whether our clock was right, so they are sent like all others
            waiting = tuple(replace(w, off=0.0) if w.off is None else w for w in waiting)
        move = delivery.next_move(
            lease.state,
            waiting,
            now,
            rules=rules,
            used=destination_queue.accepted_since(db, destination_id, now - BUDGET_DAY) if lease.state.budget else 0,
            probe=probe,
            skew=time.skew,
            known=time.known,
            unchecked_until=unchecked_until,
        )
        events = self._settled(db, lease, move.expired, waiting, now)
        if isinstance(move, Send):
            return Batch(move.batch), events
        if move.backlog_until:
            LINE.pause_backlog(db, lease, move.backlog_until)
        return Nothing(move.until), events

    def mark(self, db: Connection, lease: Lease, batch: Sequence[QueuedPlay]) -> None:
        """Record that this batch is being sent."""
        destination_queue.mark_sending(db, lease, [w.id for w in batch])

    async def ask(self, outlet: DestinationOutlet) -> Verdict:
        """Does nothing: only Last.fm is asked for its time."""
        return Answered(())

    async def post(self, outlet: DestinationOutlet, batch: Sequence[QueuedPlay], session: str) -> Verdict:
        """Send the batch; returns what the answer means."""
        live = len(batch) == 1 and batch[0].live
        return await outlet.wire.submit([w.play for w in batch], session, live=live)

    def step(self, db: Connection, lease: Lease, answer: BatchAnswer[QueuedPlay], level: int) -> Step:
        """What an answer means for the destination and the plays. `level` counts its throttles in a row."""
        verdict, now, rules = answer.verdict, answer.at, self._rules(lease)
        limited = may_be_limited(verdict, rules)
        used = destination_queue.accepted_since(db, lease.line, now - BUDGET_DAY) if limited else 0
        return delivery_answer.next_step(
            lease.state,
            self.restamp.checked(answer.batch.items, verdict),
            verdict,
            now,
            answer.chance,
            rules=rules,
            used=used,
            key_level=level,
            skew=self.time.skew,
            doubtful=self.time.doubtful,
        )

    def write(self, db: Connection, lease: Lease, answer: BatchAnswer[QueuedPlay], step: Step) -> list[Event]:
        """Write what happened to each play at this destination, and which go back into its queue; returns the events
        that say so.
        """
        events = self._settled(db, lease, step.settled, answer.batch.items, answer.at)
        skew = self.time.skew
        back = [
            replace(w, not_before=delivery.its_time(w, answer.at, skew)) if w.refused_ahead else w for w in step.back
        ]  # a start that other services have received isn't corrected for one of them
        destination_queue.put_back(db, lease.line, back)
        return events

    def connected(self, db: Connection, lease: Lease, state: DeliveryState) -> Event:
        """The event that says that the state of the connection has changed."""
        target = destinations.find(db, lease.line)
        assert target is not None
        return DestinationChanged(target.id, target.kind, target.username, state.connection)

    def _rules(self, lease: Lease) -> Rules:
        outlet = self.outlets.get(lease.api_key)
        if outlet is None:  # a new session, of a kind that this version doesn't know
            raise LookupError("an outlet that isn't there")
        return outlet.pace.rules

    def _queue_history(self, db: Connection, destination_id: int, now: float) -> None:
        """Queue the next part of the history, oldest first: plays that are not there yet, and were not imported from
        there.
        """
        target = destinations.find(db, destination_id)
        assert target is not None
        assert target.backlog_at is not None
        label = DestinationKind(target.kind).label
        after, left_out = (target.backlog_at, target.backlog_id), bool(target.policy.not_from)
        past = destination_queue.past(
            db, target.account, after, target.backlog_last, label, CHUNK, with_suspected=left_out
        )
        known = destination_queue.known(db, [target.id], [one.id for one in past])
        tracks = [one.play.track for one in past] if target.policy.not_in else ()
        files = files_of(db, target.account, tracks)
        several = left_out and accounts.by_id(db, [target.account])[target.account].several_reporters
        sendable = [
            Sendable(
                *(one.id, target.account, one.play, one.reporter, now, now, 0.0),
                several=several,
                late=True,
                suspected=one.suspected,
            )
            for one in past
            if (target.id, one.id) not in known
            and not target.policy.keeps(one.reporter, inf, files.get(one.play.track, ()))
        ]
        first_reports = reported_by_no_other(db, [one for one in sendable if one.suspected], target)
        goes = [one for one in sendable if not one.suspected or one.id in first_reports]
        destination_queue.enqueue(db, [row(one, target) for one in goes])
        if len(past) < CHUNK:
            destinations.set_backlog(db, target.id, None, 0, 0)
        else:
            destinations.set_backlog(db, target.id, past[-1].play.timestamp, past[-1].id, target.backlog_last)

    def _put_right(self, db: Connection, lease: Lease, found: Sequence[QueuedPlay]) -> tuple[QueuedPlay, ...]:
        """What waits, with starts corrected that came from a wrong clock of ours; they are corrected for Last.fm, too,
        so that a play has the same start everywhere. A start is not corrected if any service has the play, or may have
        it because an answer was lost. Plays that are being sent to Last.fm are left out until it has answered.
        """
        wrong = [w for w in found if delivery.start_moves_by(w)]
        if not wrong:
            return tuple(found)
        ids = [w.id for w in wrong]
        rows = queue.rows(db, ids)
        sending = {play_id for play_id, row_ in rows.items() if row_.state is QueueState.SENDING}
        stay = sending | {w.id for w in wrong if w.unanswered} | self._elsewhere(db, lease, ids)
        moved = self.restamp.put_right_waiting(db, lease, [w for w in wrong if w.id not in stay])
        right = {w.id: w for w in moved}
        return tuple(right.get(w.id, w) for w in found if w.id not in sending)

    def _elsewhere(self, db: Connection, lease: Lease, ids: Sequence[int]) -> set[int]:
        """Those plays that Last.fm has, or that another destination has or may have."""
        others = [one for one in destination_queue.ids_of(db, lease.account) if one != lease.line]
        there = {
            one.play
            for one in destination_queue.stories(db, others, ids)
            if one.fate == destination_queue.ACCEPTED or one.sending or one.unanswered
        }
        return there | {one.id for one in plays.by_id(db, lease.account, ids).values() if one.fate == "accepted"}

    def _unchecked_until(self, db: Connection, lease: Lease, waiting: Sequence[QueuedPlay], now: float) -> float:
        """Until when plays with an unchecked start wait: as long as Last.fm may soon show which clock is right."""
        unchecked = [w.enqueued_at for w in waiting if w.off is None]
        if self.time.settled or not unchecked:
            return now
        if self.time.confirmed_in:
            return now + self.time.confirmed_in
        account = accounts.by_id(db, [lease.account])[lease.account]
        asks = account.connection is Connected.CONNECTED and account.api_key in self.keys
        return max(unchecked) + UNTIL_CHECKED if asks else now

    def _settled(
        self, db: Connection, lease: Lease, settled: Sequence[Settled], waiting: Sequence[QueuedPlay], now: float
    ) -> list[Event]:
        """Write the fates of plays at this destination, and remove them from its queue; returns the events that say
        so.
        """
        if not settled:
            return []
        by_id = {w.id: w for w in waiting}
        service = self._rules(lease).service
        written = [_settlement(s, by_id[s.id], now) for s in settled]
        destination_queue.settle(db, lease.line, written)
        return [
            DestinationStatus(
                lease.line,
                one.play,
                one.fate,
                by_id[one.play].play.track.artist,
                by_id[one.play].play.track.title,
                one.reason or f"on {service}",
            )
            for one in written
        ]


def _settlement(settled: Settled, waiting: QueuedPlay, now: float) -> Settlement:
    fate: Fate = settled.fate
    tries = waiting.tries
    sent = plays.facts(waiting.play) if waiting.unanswered else None
    match fate:
        case Accepted(correction):
            names = asdict(correction) if correction else None
            return Settlement(settled.id, "accepted", now, correction=names, attempts=tries)
        case Ignored(code, reason):
            return Settlement(settled.id, "ignored", now, reason, code, attempts=tries, sent=sent)
        case Refused(cause, in_doubt):
            sent = plays.facts(waiting.play) if in_doubt else None
            return Settlement(settled.id, "refused", now, str(cause), cause.error_code, attempts=tries, sent=sent)
        case Expired(reason):
            return Settlement(settled.id, "expired", now, reason, attempts=tries, sent=sent)
        case _:
            assert_never(fate)
