"""The plays of an account that wait for Last.fm: which are sent next, and what is written after the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from tonearm.clock import Clock
from tonearm.core import delivery, delivery_answer
from tonearm.core.delivery import DeliveryState, QueuedPlay, Send, Step
from tonearm.core.delivery_answer import may_be_limited
from tonearm.core.destination import Rules
from tonearm.core.event import AuthChanged, Event
from tonearm.core.pacing import BUDGET_DAY
from tonearm.core.verdict import Answered, Verdict
from tonearm.lastfm.error import verdict_of
from tonearm.lastfm.methods import auth
from tonearm.lastfm.response import Answer, Refusal
from tonearm.service.clock_skew import LastFmTime
from tonearm.service.keyring import ApiKey
from tonearm.service.outbox import Batch, BatchAnswer, Nothing
from tonearm.service.restamp import Restamp
from tonearm.service.settle import expire, remember, settle
from tonearm.store import accounts, pace, plays, queue
from tonearm.store.line import Lease


@dataclass(frozen=True, slots=True)
class PlayOutbox:
    """What `Delivery` sends to Last.fm: plays, oldest first.

    `keys` are the configured API keys. `daily` is each account's daily limit of scrobbles; None: it is learned when it
    is reached.
    """

    clock: Clock
    time: LastFmTime
    restamp: Restamp
    rules: Rules
    keys: Sequence[str]
    daily: int | None = None

    def due(self, db: Connection, now: float) -> dict[str, list[int]]:
        """Accounts with plays to send now, by the API keys that they are connected with."""
        return {key: queue.due(db, now, key) for key in pace.unthrottled(db, self.keys, now)}

    def next(self, db: Connection, lease: Lease, *, probe: bool) -> tuple[Batch[QueuedPlay] | Nothing, list[Event]]:
        """The plays that are sent next, with their starts corrected if a wrong clock timed them. Plays that are too old
        are settled first.
        """
        now, time = self.clock.now(), self.time
        state = lease.state if self.daily is None else replace(lease.state, budget=self.daily)
        found = queue.waiting(db, lease.account, lease.user, now, self.rules.batch, self.restamp.off)
        waiting = self.restamp.put_right_waiting(db, lease, found)
        move = delivery.next_move(
            state,
            waiting,
            now,
            rules=self.rules,
            used=plays.accepted_since(db, lease.account, now - BUDGET_DAY) if state.budget else 0,
            probe=probe,
            skew=time.skew,
            known=time.known,
            unchecked_until=now + time.confirmed_in,
            ask=time.worth_asking,
        )
        events = expire(db, move.expired, waiting, now)
        if isinstance(move, Send):
            return Batch(move.batch, move.ask), events
        if move.backlog_until:
            queue.pause_backlog(db, lease, move.backlog_until)
        return Nothing(move.until), events

    def mark(self, db: Connection, lease: Lease, batch: Sequence[QueuedPlay]) -> None:
        """Record that this batch is being sent."""
        queue.mark_sending(db, lease, [w.id for w in batch])

    async def ask(self, outlet: ApiKey) -> Verdict:
        """Ask Last.fm for its time."""
        outcome = (await outlet.urgent.exchange(auth.token())).outcome  # a short answer that no cache stores
        if isinstance(outcome, Answer | Refusal):
            self.time.asked()
        return Answered(()) if isinstance(outcome, Answer) else verdict_of(outcome)

    async def post(self, outlet: ApiKey, batch: Sequence[QueuedPlay], session: str) -> Verdict:
        """Send the batch; returns what the answer means."""
        return await outlet.post([w.play for w in batch], session)

    def step(self, db: Connection, lease: Lease, answer: BatchAnswer[QueuedPlay], level: int) -> Step:
        """What an answer means for the account and its plays. `level` counts the key's throttles in a row."""
        verdict, now, chance = answer.verdict, answer.at, answer.chance
        sent = self.restamp.checked(answer.batch.items, verdict)
        used = plays.accepted_since(db, lease.account, now - BUDGET_DAY) if may_be_limited(verdict, self.rules) else 0
        if answer.batch.ask:
            return delivery_answer.step_without_time(lease.state, sent, verdict, now, chance, level, rules=self.rules)
        skew, doubtful = self.time.skew, self.time.doubtful
        return delivery_answer.next_step(
            lease.state,
            sent,
            verdict,
            now,
            chance,
            rules=self.rules,
            used=used,
            key_level=level,
            skew=skew,
            doubtful=doubtful,
        )

    def write(self, db: Connection, lease: Lease, answer: BatchAnswer[QueuedPlay], step: Step) -> list[Event]:
        """Write what happened to each play, and which go back into the queue; returns the events that say so."""
        events = settle(db, answer.batch.items, step, answer.at)
        queue.put_back(db, self.restamp.put_right_refused(db, lease, step.back, answer.at))
        remember(db, lease.account, answer.verdict, step, answer.at)
        return events

    def connected(self, db: Connection, lease: Lease, state: DeliveryState) -> Event:
        """The event that says that the state of the connection to Last.fm has changed."""
        return AuthChanged(state.connection, accounts.by_id(db, [lease.account])[lease.account].username)
