"""Delivery: leases a line, and sends what waits in it in batches, at the rate of its outlet.

What is sent comes from an outbox; this module handles leases, sessions and throttles. A batch is marked and committed
before its request, so a crash at any moment leaves rows that say what was going on. An identical resend is dropped as a
repeat, so an interrupted batch is sent again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
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
"""Batches of one line before others get their turn; only one if others wait and requests are rate limited."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Turn(Generic[T]):
    """What a transaction decided: to send a batch when its slot has come, or to wait until then."""

    lease: Lease | None
    batch: Batch[T] = Batch()  # noqa: RUF009  # frozen
    slot: Booked = Booked(0.0, 0.0)  # noqa: RUF009  # frozen
    session: str = field(default="", repr=False)
    until: float | None = None
    events: tuple[Event, ...] = ()
    at: float = 0.0
    account: int = 0  # the account that the events belong to


@dataclass(frozen=True, slots=True)
class Delivery(Generic[T, OutletT]):
    """Sends what is in an outbox, line by line: an account's line to Last.fm, or the line to a destination.

    Each line uses the outlet that its session was created with; `saw` is called with the lines of each outlet.
    `crowded` says whether other lines wait for their turn.
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
    complaints: list[str] = field(default_factory=list)  # each is logged once

    async def deliver(self, line: int) -> float | None:
        """Send everything that is due in a line; returns when to check again (Unix seconds), if that is known."""
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

    def found(self, due: Mapping[str, Sequence[int]]) -> list[int]:
        """The lines that the outbox has found to be due."""
        for name, lines in due.items():
            self.saw(name, lines)
        return [line for lines in due.values() for line in lines]

    async def _send_all(self, turn: _Turn[T]) -> float | None:
        """Send batch after batch, but only a few, so that other lines get their turn."""
        sent, lease = 0, turn.lease
        try:
            while lease is not None:
                outlet = self._outlet(lease)
                verdict = await self._send(outlet, turn)
                self.events.answered(verdict)
                sent += 1
                last = sent == BATCHES or (outlet.pace.per_second > 0 and self.crowded(lease.line))
                account = lease.account
                turn = await self._decided(
                    partial(self._after_answer, lease, outlet.pace.rules, turn, verdict, last=last)
                )
                lease = turn.lease
                self.events.publish(account, turn.events)
                self.events.queue_changed(account)  # plays that went back into the queue have a new reason now
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
        """What a transaction decides. A transaction under way isn't interrupted: if this task is cancelled, the lease
        that it took is released.
        """
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
        if lease is None:  # leased by another process, which may have been killed: then it is ours once the lease ends
            return _Turn(None, until=self.leases.lines.leased_until(db, line))
        throttle = pace.last_throttle(db, lease.api_key, lock=True, now=self.clock.now())
        return self._next(db, lease, throttle, ())

    def _after_answer(
        self, sent: Lease, rules: Rules, turn: _Turn[T], verdict: Verdict, db: Connection, *, last: bool
    ) -> _Turn[T]:
        """Write what an answer means, to the line as it is now; take the next batch unless this was the last."""
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
        if lease.api_key != sent.api_key:  # a new sign-in, with another key
            throttle = pace.last_throttle(db, lease.api_key, lock=True, now=now)
        opened = turn.session if lease.sealed_session == sent.sealed_session else ""
        return self._next(db, replace(lease, state=step.state), throttle, tuple(events), opened, last=last)

    def _learn(
        self,
        db: Connection,
        sent: Lease,
        rules: Rules,
        turn: _Turn[T],
        answer: BatchAnswer[T],
        throttle: KeyThrottled | None,
    ) -> KeyThrottled | None:
        """Learn from an answer, or the lack of one, about the server; returns the outlet's throttle after it. After a
        few lines in a row have met an outage, the outlet is throttled and one play probes.
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
        outage = throttle if throttle and throttle.outage else None  # a probe has learned nothing about a rejected key
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
        opened: str = "",
        *,
        last: bool = False,
    ) -> _Turn[T]:
        """What to do next; `throttle` is the outlet's last throttle, which this doesn't change. `opened` is the
        lease's session if it has been decrypted before.
        """
        now = self.clock.now()
        outlet = self.outlets.get(lease.api_key)
        if outlet is None:  # its plays wait for that key, or for a sign-in with another
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
            session = opened or self.cipher.open(lease.sealed_session)
        except SealBroken:
            return self._without_session(db, lease, events)
        if batch.ask:
            return _Turn(lease, batch, events=events, at=now, account=lease.account)
        self.outbox.mark(db, lease, batch.items)
        if throttle:  # one line probes, the others wait for the result
            pace.begin_throttle(db, lease.api_key, replace(throttle, until=throttle.circuit.probed(now).until))
        return _Turn(lease, batch, outlet.pace.book(db), session, events=events, at=now, account=lease.account)

    def _without_session(self, db: Connection, lease: Lease, events: tuple[Event, ...]) -> _Turn[T]:
        """The session is lost, and the listener has to sign in again; not if only this process can't decrypt it."""
        now = self.clock.now()
        if not check.proven(db, self.cipher):  # others have the right secret
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
