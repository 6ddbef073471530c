"""Delivery: takes a line, sends what waits in it in batches, at the pace of its outlet.

What is sent is an outbox's: this half knows leases, sessions and throttles. A batch is marked and committed before its
request, so a crash at any moment leaves rows that say what was going on. An identical resend is dropped as a repeat, so
what was left in the middle is sent again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import field, replace
from functools import partial
from typing import Generic, TypeVar

from sqlalchemy import Connection

from tonearm.clock import Clock
from tonearm.core import breaker, delivery
from tonearm.core.delivery import KeyThrottle
from tonearm.core.destination import Rules
from tonearm.core.event import Event
from tonearm.core.pacing import OUTAGE_ACCOUNTS, PROBE
from tonearm.core.verdict import Answered, Later, SessionEnded, SessionSuspect, Verdict
from tonearm.deferred_dataclass import dataclass
from tonearm.service.delivery_events import Announcer
from tonearm.service.lease import LEASE, Leases
from tonearm.service.outbox import Batch, BatchAnswer, Nothing, Outbox, Outlets, OutletT
from tonearm.service.rate_limit import Booked
from tonearm.store import pace
from tonearm.store.db.database import Store
from tonearm.store.db.sqlite_writer import StoreUnavailable
from tonearm.store.line import Fenced, Lease
from tonearm.store.pace import KeyThrottled
from tonearm.store.secrets import check
from tonearm.store.secrets.seal import SealBroken, SessionCipher

_log = logging.getLogger(__name__)

BATCHES = 10
"""Batches of one line before others have their turn; a single one where others wait and requests are rationed."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Turn(Generic[T]):
    """What a transaction decided: a batch to send when its slot has come, or to wait until then."""

    lease: Lease | None
    batch: Batch[T] = Batch()  # frozen
    slot: Booked = Booked(0.0, 0.0)  # frozen
    session: str = field(default="", repr=False)
    until: float | None = None
    events: tuple[Event, ...] = ()
    at: float = 0.0
    account: int = 0  # whose events they are


@dataclass(frozen=True, slots=True)
class Delivery(Generic[T, OutletT]):
    """Sends what is in an outbox, line by line: an account's line to Last.fm, or that of another destination.

    Each goes by the outlet that its session was made with; `saw` is told which lines go by which. `crowded` says
    whether others wait for their turn beside a line.
    """

    store: Store
    clock: Clock
    outlets: Outlets[OutletT]
    saw: Callable[[str, Sequence[int]], None]
    cipher: SessionCipher
    leases: Leases
    events: Announcer
    outbox: Outbox[T, OutletT]
    crowded: Callable[[int], bool] = lambda _: False
    complaints: list[str] = field(default_factory=list)  # each is said once

    async def deliver(self, line: int) -> float | None:
        """Send all that is due in a line; when to check again (Unix seconds), if that is known."""
        turn = await self._decided(partial(self._begin, line))
        self.events.publish(turn.account, turn.events)
        if turn.lease is None:
            return turn.until
        self.saw(turn.lease.api_key, [line])
        async with self.leases.renewed(turn.lease):
            try:
                return await self._send_all(turn)
            except Fenced:
                return None

    async def due(self) -> list[int]:
        """Lines that have something to send now."""
        found = await self.store.read(partial(self.outbox.due, now=self.clock.now()))
        for name, lines in found.items():
            self.saw(name, lines)
        return [line for lines in found.values() for line in lines]

    async def _send_all(self, turn: _Turn[T]) -> float | None:
        """Send batch after batch, a few at the most, so that other lines have their turn."""
        sent, lease = 0, turn.lease
        try:
            while lease is not None:
                outlet = self._outlet(lease)
                verdict = await self._send(outlet, turn)
                self.events.answered(verdict)
                sent += 1
                last = sent == BATCHES or (outlet.pace.per_second > 0 and self.crowded(lease.line))
                account = lease.account
                turn = await self._decided(partial(self._go_on, lease, outlet.pace.rules, turn, verdict, last=last))
                lease = turn.lease
                self.events.publish(account, turn.events)
                self.events.queue_changed(account)  # what came back has another reason now
        finally:
            if lease is not None:
                await self.leases.to_its_end(self.leases.give_back(lease))
        return turn.until

    def _outlet(self, lease: Lease) -> OutletT:
        """The outlet of a lease that has been found before."""
        outlet = self.outlets.get(lease.api_key)
        assert outlet is not None
        return outlet

    async def _decided(self, decide: Callable[[Connection], _Turn[T]]) -> _Turn[T]:
        """What a transaction decides. Nothing stops one that is on its way: if we are, what it takes is given back."""
        asked = asyncio.create_task(self.store.write(decide))
        try:
            return await asyncio.shield(asked)
        except asyncio.CancelledError:
            await self.leases.to_its_end(self._undo(asked))
            raise

    async def _undo(self, asked: asyncio.Task[_Turn[T]]) -> None:
        with suppress(StoreUnavailable, Fenced):
            turn = await asked
            self.events.publish(turn.account, turn.events)
            if turn.lease is not None:
                await self.leases.give_back(turn.lease)

    async def _send(self, outlet: OutletT, turn: _Turn[T]) -> Verdict:
        if turn.batch.ask:
            return await self.outbox.ask(outlet)
        await outlet.pace.slot(turn.slot)
        return await self.outbox.post(outlet, turn.batch.items, turn.session)

    def _begin(self, line: int, db: Connection) -> _Turn[T]:
        lease = self.leases.claim(db, line)
        if lease is None:  # another's, who may have been killed: then it is ours when the lease is over
            return _Turn(None, until=self.leases.lines.leased_until(db, line))
        throttle = pace.last_throttle(db, lease.api_key, lock=True, now=self.clock.now())
        return self._next(db, lease, throttle, ())

    def _go_on(
        self, sent: Lease, rules: Rules, turn: _Turn[T], verdict: Verdict, db: Connection, *, last: bool
    ) -> _Turn[T]:
        """Write what an answer means, on the line as it is now; take the next batch unless it was the last."""
        now = self.clock.now()
        lease = self.leases.lines.lock_lease(db, sent)
        if lease.sealed_session != sent.sealed_session and isinstance(verdict, SessionEnded | SessionSuspect):
            verdict = Later(verdict.cause)  # it is about a session that has been replaced meanwhile
        throttle = pace.last_throttle(db, sent.api_key, lock=True, now=now)
        level = throttle.level if throttle and not throttle.outage else 0
        answer = BatchAnswer(turn.batch, verdict, now, self.clock.chance())
        step = self.outbox.step(db, lease, answer, level)
        self.leases.lines.set_delivery_state(db, lease, step.state, now + LEASE)
        if step.key_throttle:
            pace.begin_throttle(db, sent.api_key, _stored(step.key_throttle, now))
            throttle = pace.last_throttle(db, sent.api_key, now=now)
        else:
            throttle = self._learn(db, sent, rules, turn, answer, throttle)
        events = self.outbox.write(db, lease, answer, step)
        if step.state.connection is not lease.state.connection:
            events.append(self.outbox.connected(db, lease, step.state))
        if lease.api_key != sent.api_key:  # a new sign-in, with another
            throttle = pace.last_throttle(db, lease.api_key, lock=True, now=now)
        return self._next(db, replace(lease, state=step.state), throttle, tuple(events), last=last)

    def _learn(
        self,
        db: Connection,
        sent: Lease,
        rules: Rules,
        turn: _Turn[T],
        answer: BatchAnswer[T],
        throttle: KeyThrottled | None,
    ) -> KeyThrottled | None:
        """What an answer, or none, says about the server; the outlet's throttle after it.

        When a few lines have met an outage, with no answer in between, the outlet is throttled and one play probes.
        """
        verdict = answer.verdict
        if breaker.proves_the_key(verdict, rules):
            if throttle and turn.at >= throttle.since:
                pace.end_throttle(db, sent.api_key)
                return None
            pace.answered(db, sent.api_key)
            return throttle
        if isinstance(verdict, Answered) or not breaker.is_outage(verdict, rules):
            return throttle
        if throttle and turn.at < throttle.since:
            return throttle
        outage = throttle if throttle and throttle.outage else None  # of a refused key, a probe has learned nothing
        if pace.met_outage(db, sent.api_key, sent.line) < OUTAGE_ACCOUNTS and not outage:
            return throttle
        now, retry_after = self.clock.now(), getattr(verdict, "retry_after", None)
        circuit = (outage.circuit if outage else breaker.CLOSED).failed(
            now, answer.chance, str(verdict.cause), retry_after, at_least=PROBE
        )
        met = KeyThrottled(circuit.until, circuit.reason, False, circuit.fails, now, outage=True)
        pace.begin_throttle(db, sent.api_key, met)
        return pace.last_throttle(db, sent.api_key, now=now)

    def _next(
        self,
        db: Connection,
        lease: Lease,
        throttle: KeyThrottled | None,
        events: tuple[Event, ...],
        *,
        last: bool = False,
    ) -> _Turn[T]:
        """What comes next; `throttle` is the last throttle of the outlet, which stays as it is."""
        now = self.clock.now()
        outlet = self.outlets.get(lease.api_key)
        if outlet is None:  # what it owes waits for it, or for a sign-in with another
            self.leases.lines.release(db, lease)
            return _Turn(None, events=events, account=lease.account)
        if throttle and throttle.in_force(now):
            self.leases.lines.release(db, lease)
            return _Turn(None, until=throttle.until, events=events, account=lease.account)
        batch, more = self.outbox.next(db, lease, probe=throttle is not None)
        events += tuple(more)
        if last or isinstance(batch, Nothing):
            self.leases.lines.release(db, lease)
            until = batch.until if isinstance(batch, Nothing) else now
            return _Turn(None, until=until, events=events, account=lease.account)
        try:
            session = self.cipher.open(lease.sealed_session)
        except SealBroken:
            return self._without_session(db, lease, events)
        if batch.ask:
            return _Turn(lease, batch, events=events, at=now, account=lease.account)
        self.outbox.mark(db, lease, batch.items)
        if throttle:  # one probes, the others wait for what it finds
            pace.begin_throttle(db, lease.api_key, replace(throttle, until=throttle.circuit.probed(now).until))
        return _Turn(lease, batch, outlet.pace.book(db), session, events=events, at=now, account=lease.account)

    def _without_session(self, db: Connection, lease: Lease, events: tuple[Event, ...]) -> _Turn[T]:
        """The session is lost, and its listener is asked for another; not where only this process cannot open it."""
        now = self.clock.now()
        if not check.proven(db, self.cipher):  # it was changed under a process that runs: others have the right one
            self.leases.lines.release(db, lease)
            if not self.complaints:
                self.complaints.append("the secret key of this database was changed: restart with the new one")
                _log.error(self.complaints[0])
            return _Turn(None, until=now + LEASE, events=events, account=lease.account)
        lost = delivery.without_session(lease.state)
        self.leases.lines.set_delivery_state(db, lease, lost, now)
        self.leases.lines.release(db, lease)
        event = self.outbox.connected(db, lease, lost)
        return _Turn(None, events=(*events, event), account=lease.account)


def _stored(throttle: KeyThrottle, now: float) -> KeyThrottled:
    return KeyThrottled(throttle.until, throttle.reason, throttle.refused, throttle.level, now)
