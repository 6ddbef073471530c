"""Delivering: takes an account, sends what it owes in batches, writes what became of each play.

A batch is marked and committed before its request, so a crash at any moment leaves rows that say what was
going on. An identical resend is dropped by Last.fm as a repeat, so what was left in the middle is sent again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import assert_never

from sqlalchemy import Connection

from tonearm.clock import Clock
from tonearm.core import delivery
from tonearm.core.delivery import (
    Accepted,
    Expired,
    Fate,
    Ignored,
    KeyThrottle,
    QueuedPlay,
    Refused,
    Send,
    Settled,
    Step,
)
from tonearm.core.event import AuthChanged, Event, ScrobbleStatus
from tonearm.core.pacing import BUDGET_DAY, LONGEST_THROTTLE, OUTAGE_ACCOUNTS, PROBE, away
from tonearm.core.play import OLDEST_ACCEPTED, Play
from tonearm.core.report import queued_by_a_fast_clock
from tonearm.core.verdict import (
    Answered,
    Cause,
    Correction,
    Later,
    SessionEnded,
    SessionSuspect,
    Throttled,
    Verdict,
    verdict_name,
)
from tonearm.lastfm.error import verdict_of
from tonearm.lastfm.methods import auth
from tonearm.lastfm.response import Answer, Refusal
from tonearm.service.chores import Chores
from tonearm.service.clock_skew import LastFmTime
from tonearm.service.counters import Counters
from tonearm.service.events import EventHub
from tonearm.service.keyring import Keyring, Lanes
from tonearm.service.rate_limit import Booked
from tonearm.service.requeue import AfterAll
from tonearm.store import accounts, attempts, pace, plays, queue
from tonearm.store.db.database import Store
from tonearm.store.db.sqlite_writer import StoreUnavailable
from tonearm.store.pace import KeyThrottled
from tonearm.store.queue import Fenced, Lease
from tonearm.store.secrets import check
from tonearm.store.secrets.seal import SealBroken, SessionCipher

_log = logging.getLogger(__name__)

LEASE = 30.0
"""Seconds that an account stays taken without a sign of life."""

HEARTBEAT = 10.0

BATCHES = 10
"""Batches of one account before others have their turn; a single one where others wait and requests are rationed."""

TIDY = 60.0
"""Seconds between two looks at what has grown too old. It is not sent in the meantime: that is asked of each batch."""

EXPIRED_AT_ONCE = 500

ATTEMPTS_KEPT = 90 * 86400.0
"""Seconds after the fate of a play is known in which the attempts to send it are kept."""


@dataclass(frozen=True, slots=True)
class _Turn:
    """What a transaction decided: a batch to send when its slot has come, or a rest until then.

    `ask`: Last.fm is to be asked for its time first, and nothing is sent.
    """

    lease: Lease | None
    batch: tuple[QueuedPlay, ...] = ()
    slot: Booked = Booked(0.0, 0.0)  # noqa: RUF009  # frozen
    session: str = field(default="", repr=False)
    until: float | None = None
    news: tuple[Event, ...] = ()
    at: float = 0.0
    ask: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """Sends the plays of one account at a time each; `owner` names this process in leases.

    Each goes with the API key that its session was made with. `daily` is the daily limit of scrobbles of an account;
    None: it is learned where it is met. `crowded` says whether others wait in an account's line for their turn.
    """

    store: Store
    clock: Clock
    keyring: Keyring
    lanes: Lanes
    seal: SessionCipher
    event_hub: EventHub
    queue_changed: Callable[[int], None]
    tally: Counters
    owner: str
    time: LastFmTime
    chores: Chores
    after_all: AfterAll
    daily: int | None = None
    crowded: Callable[[int], bool] = lambda _: False
    complaints: list[str] = field(default_factory=list)  # each is told once
    _last_words: set[asyncio.Task[None]] = field(default_factory=set)

    async def deliver(self, account: int) -> float | None:
        """Send all that is due for an account; when to look again (Unix seconds), if that is known."""
        turn = await self._decided(account, partial(self._begin, account))
        self._tell(account, turn.news)
        if turn.lease is None:
            return turn.until
        self.lanes.saw(turn.lease.api_key, [account])
        beat = asyncio.create_task(self._keep(turn.lease))
        try:
            return await self._send_all(account, turn)
        except Fenced:
            return None
        finally:
            beat.cancel()

    async def _send_all(self, account: int, turn: _Turn) -> float | None:
        """Send batch after batch, a few at the most, so that other accounts have their turn."""
        sent, lease = 0, turn.lease
        try:
            while lease is not None:
                verdict = await self._send(lease, turn)
                self.tally.verdicts[verdict_name(verdict)] += 1
                sent += 1
                rationed = self.keyring[lease.api_key].pace.per_second > 0
                last = sent == BATCHES or (rationed and self.crowded(account))
                go_on = partial(self._go_on, lease, turn, verdict, last=last)
                turn = await self._decided(account, go_on)
                lease = turn.lease
                self._tell(account, turn.news)
                self.queue_changed(account)  # what came back has another reason now
        finally:
            if lease is not None:
                await self._to_its_end(self._give_back(lease))
        return turn.until

    async def _decided(self, account: int, decide: Callable[[Connection], _Turn]) -> _Turn:
        """What a transaction decides. Nothing stops one that is on its way: if we are, what it takes is given back."""
        asked = asyncio.create_task(self.store.write(decide))
        try:
            return await asyncio.shield(asked)
        except asyncio.CancelledError:
            await self._to_its_end(self._undo(account, asked))
            raise

    async def _undo(self, account: int, asked: asyncio.Task[_Turn]) -> None:
        with suppress(StoreUnavailable, Fenced):
            turn = await asked
            self._tell(account, turn.news)
            if turn.lease is not None:
                await self._give_back(turn.lease)

    async def _to_its_end(self, words: Coroutine[None, None, None]) -> None:
        """Whoever is cancelled once more meanwhile waits no longer; `ended` does."""
        task = asyncio.create_task(words)
        self._last_words.add(task)
        task.add_done_callback(self._last_words.discard)
        await asyncio.shield(task)

    async def ended(self) -> None:
        """Return when all accounts are given back, once nothing is delivered any more."""
        await asyncio.gather(*self._last_words, return_exceptions=True)

    async def _give_back(self, lease: Lease) -> None:
        with suppress(StoreUnavailable):  # then the lease ends by itself
            await self.store.write(partial(queue.release, lease=lease))

    async def due(self) -> list[int]:
        """Accounts that have something to send now; now and then, what grew too old is settled or forgotten first."""
        now = self.clock.now()
        if await self.chores.mine("tidy", TIDY):
            await self._tidy(now)
        found = await self.store.read(partial(self._due, now=now))
        for key, numbers in found.items():
            self.lanes.saw(key, numbers)
        return [number for numbers in found.values() for number in numbers]

    def _due(self, db: Connection, now: float) -> dict[str, list[int]]:
        return {key: queue.due(db, now, key) for key in pace.unthrottled(db, self.keyring.names, now)}

    async def _tidy(self, now: float) -> None:
        forgotten = now - ATTEMPTS_KEPT
        # Both clocks have to call a play too old, and Last.fm's has to be known.
        before = min(now, self.time.now()) - OLDEST_ACCEPTED if self.time.known else 0.0
        old = partial(queue.too_old, before=before, limit=1, boot=self.clock.boot)
        expires, forgets = await self.store.read(lambda db: (old(db), attempts.forgettable(db, forgotten)))
        if expires:
            for account, news in await self.store.write(partial(self._expire, before=before)):
                self._tell(account, (news,))
        if forgets:
            await self.store.write(partial(attempts.forget, before=forgotten))
        if expires or forgets:
            await self.chores.unfinished("tidy")
        await self.after_all.by_themselves()

    async def _keep(self, lease: Lease) -> None:
        with suppress(Fenced):
            while True:
                await self.clock.sleep(HEARTBEAT)
                with suppress(StoreUnavailable):
                    await self.store.write(partial(queue.renew, lease=lease, until=self.clock.now() + LEASE))

    async def _send(self, lease: Lease, turn: _Turn) -> Verdict:
        key = self.keyring[lease.api_key]
        if turn.ask:
            outcome = (await key.urgent.exchange(auth.token())).outcome  # a short answer that no cache keeps
            if isinstance(outcome, Answer | Refusal):
                self.time.asked()
            return Answered(()) if isinstance(outcome, Answer) else verdict_of(outcome)
        await key.pace.slot(turn.slot)
        return await key.post([w.play for w in turn.batch], turn.session)

    def _begin(self, account: int, db: Connection) -> _Turn:
        now = self.clock.now()
        lease = queue.claim(db, account, self.owner, now, now + LEASE)
        if lease is None:  # another's, who may have been killed: then it is ours when the lease is over
            return _Turn(None, until=queue.leased_until(db, account))
        return self._next(db, lease, pace.last_throttle(db, lease.api_key, lock=True), ())

    def _go_on(self, sent: Lease, turn: _Turn, verdict: Verdict, db: Connection, *, last: bool) -> _Turn:
        """Write what an answer means, on the account as it is now; take the next batch unless it was the last."""
        now, batch = self.clock.now(), self._checked(turn.batch)
        lease = queue.lock_lease(db, sent)
        if lease.sealed_session != sent.sealed_session and isinstance(verdict, SessionEnded | SessionSuspect):
            verdict = Later(verdict.cause)  # it speaks of a session that has been replaced meanwhile
        rested = pace.last_throttle(db, sent.api_key, lock=True)
        used = plays.accepted_since(db, lease.account, now - BUDGET_DAY) if _may_be_limited(verdict) else 0
        rung = rested.level if rested and not rested.outage else 0
        skew, doubtful = self.time.skew, self.time.doubtful
        chance = self.clock.chance()
        if turn.ask:
            step = delivery.step_without_time(lease.state, batch, verdict, now, chance, rung)
        else:
            step = delivery.next_step(
                lease.state, batch, verdict, now, chance, used=used, rung=rung, skew=skew, doubtful=doubtful
            )
        queue.set_delivery_state(db, lease, step.state, now + LEASE)
        if step.key_throttle:
            pace.begin_throttle(db, sent.api_key, _held(step.key_throttle, now))
            rested = pace.last_throttle(db, sent.api_key)
        else:
            rested = self._learn(db, sent, turn, verdict, rested, chance)
        news = self._settle(db, batch, step, now)
        if step.state.connection is not lease.state.connection:
            news.append(AuthChanged(step.state.connection, _username(db, lease.account)))
        queue.put_back(db, self._put_right(db, lease, step.back, now))
        _remember(db, lease.account, verdict, step, now)
        if lease.api_key != sent.api_key:  # a new sign-in, with another
            rested = pace.last_throttle(db, lease.api_key, lock=True)
        return self._next(db, replace(lease, state=step.state), rested, tuple(news), last=last)

    def _learn(
        self, db: Connection, sent: Lease, turn: _Turn, verdict: Verdict, rested: KeyThrottled | None, chance: float
    ) -> KeyThrottled | None:
        """What an answer, or none, says of the server; the rest of the key after it.

        When a few different accounts have met an outage, with no answer in between, the key rests and one play tries.
        """
        if delivery.proves_the_key(verdict):
            if rested and turn.at >= rested.since:
                pace.end_throttle(db, sent.api_key)
                return None
            pace.answered(db, sent.api_key)
            return rested
        if isinstance(verdict, Answered) or not delivery.is_outage(verdict):
            return rested
        if rested and (turn.at < rested.since or not rested.outage):
            return rested
        if pace.met_outage(db, sent.api_key, sent.account) < OUTAGE_ACCOUNTS and not rested:
            return None
        now, probes = self.clock.now(), rested.level if rested else 0
        until = now + max(away(probes, chance), getattr(verdict, "retry_after", None) or 0.0)
        pace.begin_throttle(
            db, sent.api_key, KeyThrottled(until, str(verdict.cause), False, probes + 1, now, outage=True)
        )
        return pace.last_throttle(db, sent.api_key)

    def _next(
        self, db: Connection, lease: Lease, rest: KeyThrottled | None, news: tuple[Event, ...], *, last: bool = False
    ) -> _Turn:
        """What comes next; `rest` is the last one of the key, which stays as it is."""
        now = self.clock.now()
        key = self.keyring.get(lease.api_key)
        if key is None:  # its plays wait for it, or for a sign-in with another
            queue.release(db, lease)
            return _Turn(None, news=news)
        if rest and now < rest.until <= now + LONGEST_THROTTLE:
            queue.release(db, lease)
            return _Turn(None, until=rest.until, news=news)
        line = lease.state if self.daily is None else replace(lease.state, budget=self.daily)
        waiting = self._timed(
            db, lease, self._checked(queue.waiting(db, lease.account, lease.user, now, delivery.BATCH))
        )
        used = plays.accepted_since(db, lease.account, now - BUDGET_DAY) if line.budget else 0
        time = self.time
        move = delivery.next_move(
            line,
            waiting,
            now,
            used=used,
            probe=rest is not None,
            skew=time.skew,
            known=time.known,
            unchecked_until=now + time.confirmed_in,
            ask=time.worth_asking,
        )
        told = news + tuple(self._fate(db, s, w, now) for s, w in _paired(move.expired, waiting))
        queue.remove(db, [s.id for s in move.expired])
        if last and isinstance(move, Send):
            queue.release(db, lease)
            return _Turn(None, until=now, news=told)
        if isinstance(move, Send):
            try:
                session = self.seal.open(lease.sealed_session)
            except SealBroken:
                return self._without_session(db, lease, told)
            if move.ask:
                return _Turn(lease, move.batch, news=told, at=now, ask=True)
            queue.mark_sending(db, lease, [w.id for w in move.batch])
            if rest:  # one probes, the others wait for what it finds
                pace.begin_throttle(db, key.name, replace(rest, until=now + PROBE))
            return _Turn(lease, move.batch, key.pace.book(db), session, news=told, at=now)
        if move.backlog_until:
            queue.pause_backlog(db, lease, move.backlog_until)
        queue.release(db, lease)
        return _Turn(None, until=move.until, news=told)

    def _without_session(self, db: Connection, lease: Lease, news: tuple[Event, ...]) -> _Turn:
        """The session is lost, and its listener is asked for another; not where only this process cannot open it."""
        now = self.clock.now()
        if not check.proven(db, self.seal):  # it was changed under a process that runs: others have the right one
            queue.release(db, lease)
            if not self.complaints:
                self.complaints.append("the secret key of this database is another one by now: start anew with that")
                _log.error(self.complaints[0])
            return _Turn(None, until=now + LEASE, news=news)
        lost = delivery.without_session(lease.state)
        queue.set_delivery_state(db, lease, lost, now)
        queue.release(db, lease)
        told = AuthChanged(lost.connection, _username(db, lease.account))
        return _Turn(None, news=(*news, told))

    def _checked(self, waiting: Sequence[QueuedPlay]) -> tuple[QueuedPlay, ...]:
        """The plays, with what our clock was wrong by when they were reported, if Last.fm's time was not known then."""
        return tuple(
            replace(w, off=None if (then := self.time.at(w.counter)) is None else then - w.enqueued_at)
            if w.counter is not None and w.boot == self.clock.boot
            else w
            for w in waiting
        )

    def _timed(self, db: Connection, lease: Lease, waiting: Sequence[QueuedPlay]) -> tuple[QueuedPlay, ...]:
        """The plays that wait, those moved that a clock of ours has timed which is known by now to have been wrong."""
        return tuple(
            (self._moved(db, lease, w, by, "the clock here was wrong") if by else None) or w
            for w, by in ((w, delivery.start_moves_by(w)) for w in waiting)
        )

    def _put_right(
        self, db: Connection, lease: Lease, back: tuple[QueuedPlay, ...], now: float
    ) -> tuple[QueuedPlay, ...]:
        """Plays that come back, with their starts moved where a clock of ours that ran fast has told them.

        Only what this very answer has refused as lying ahead: Last.fm surely has not got it, and says so once.
        """
        skew = self.time.skew
        return tuple(
            self._moved(db, lease, w, round(w.off or skew), "the clock here ran fast")
            or replace(w, not_before=delivery.its_time(w, now, skew))
            if w.refused_ahead and queued_by_a_fast_clock(w.enqueued_at, now, skew)
            else w
            for w in back
        )

    def _moved(self, db: Connection, lease: Lease, w: QueuedPlay, skew: int, why: str) -> QueuedPlay | None:
        """The play with its start moved; None where it has to stay as it is, and waits until its time has come."""
        before = plays.restamped(db, w.id)
        if before.unanswered:
            return None  # should Last.fm's clock have been another then, it has taken the play
        by = skew - before.by  # it may have been moved when it was reported, by a skew that was learnt wrong
        play = replace(w.play, timestamp=w.play.timestamp + by)
        if plays.known(db, [_key(lease.account, play)]):
            return None  # there is a play at that time already
        now = f"moved by {by:+d} s: {why}"
        plays.restamp(db, w.id, play.timestamp, f"{before.reason}; {now}" if before.reason else now, skew)
        ahead = play.timestamp > self.time.now()
        not_before = delivery.its_time(replace(w, play=play), self.clock.now(), self.time.skew) if ahead else 0.0
        queue.restamp(db, w.id, play.timestamp, by, not_before)
        return replace(w, play=play, enqueued_at=w.enqueued_at + by, counter=None, off=0.0, not_before=not_before)

    def _settle(self, db: Connection, batch: Sequence[QueuedPlay], step: Step, now: float) -> list[Event]:
        plays.settle(db, [s.id for s in step.settled if s.fate == Accepted()], "accepted", now)
        queue.remove(db, [s.id for s in step.settled])
        return [
            _news(s, w) if s.fate == Accepted() else self._fate(db, s, w, now) for s, w in _paired(step.settled, batch)
        ]

    def _fate(self, db: Connection, settled: Settled, waiting: QueuedPlay, now: float) -> ScrobbleStatus:
        number = settled.id
        match settled.fate:
            case Accepted(correction):
                names = asdict(correction) if correction else None
                plays.settle(db, [number], "accepted", now, correction=names)
            case Ignored(code, why):
                plays.settle(db, [number], "ignored", now, reason=why, code=code)
            case Refused(cause):
                plays.settle(db, [number], "refused", now, reason=str(cause), code=cause.error_code)
            case Expired(why):
                plays.settle(db, [number], "expired", now, reason=why)
            case _:
                assert_never(settled.fate)
        return _news(settled, waiting)

    def _expire(self, db: Connection, before: float) -> list[tuple[int, ScrobbleStatus]]:
        now = self.clock.now()
        # Whose they are, to lock those; then which of them are there still.
        old = partial(queue.too_old, db, before, EXPIRED_AT_ONCE, self.clock.boot)
        accounts.lock(db, {account for _, account in old()})
        expired = []
        for number, account in old():
            kept = plays.find(db, account, number)
            if kept is not None:
                news = self._fate(db, Settled(number, Expired()), QueuedPlay(number, kept.play), now)
                expired.append((account, news))
        queue.remove(db, [news.id for _, news in expired])
        return expired

    def _tell(self, account: int, told: Sequence[Event]) -> None:
        for news in told:
            self.event_hub.publish(account, news)
            if isinstance(news, ScrobbleStatus):
                self.tally.fates[news.status] += 1
        if told:
            self.queue_changed(account)


def _key(account: int, play: Play) -> plays.PlayKey:
    return (account, play.track.artist, play.track.title, play.timestamp)


def _paired(settled: Sequence[Settled], waiting: Sequence[QueuedPlay]) -> list[tuple[Settled, QueuedPlay]]:
    by_id = {w.id: w for w in waiting}
    return [(s, by_id[s.id]) for s in settled]


def _remember(db: Connection, account: int, verdict: Verdict, step: Step, now: float) -> None:
    """Keep the attempt for the story of each play that it did not bring to Last.fm."""
    told = [w.id for w in step.back] + [s.id for s in step.settled if not isinstance(s.fate, Accepted)]
    if told:
        cause = Cause(None, "answered each play") if isinstance(verdict, Answered) else verdict.cause
        attempts.write(db, account, now, verdict_name(verdict), cause, told)


def _news(settled: Settled, waiting: QueuedPlay) -> ScrobbleStatus:
    track = waiting.play.track
    status, message = _words(settled.fate)
    return ScrobbleStatus(settled.id, status, track.artist, track.title, message)


def _words(fate: Fate) -> tuple[str, str]:
    match fate:
        case Accepted(Correction(artist, track)):
            return "accepted", f"on Last.fm, filed under {artist} – {track}"
        case Accepted():
            return "accepted", "on Last.fm"
        case Ignored(_, why):
            return "ignored", why
        case Refused(cause):
            return "refused", str(cause)
        case Expired(why):
            return "expired", why
        case _:
            assert_never(fate)


def _held(hold: KeyThrottle, now: float) -> KeyThrottled:
    return KeyThrottled(hold.until, hold.reason, hold.refused, hold.level, now)


def _may_be_limited(verdict: Verdict) -> bool:
    """Whether an answer may speak of the daily limit, so that the day's plays have to be counted."""
    match verdict:
        case Throttled():
            return True
        case Answered(items):
            return any(item.ignored_code == delivery.DAILY_LIMIT for item in items)
        case _:
            return False


def _username(db: Connection, account: int) -> str:
    return accounts.by_id(db, [account])[account].username
