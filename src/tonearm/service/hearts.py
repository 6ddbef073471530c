"""Hearts: tracks loved and unloved here, stored on disk, and sent until Last.fm has them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from sqlalchemy import Connection

from tonearm.clock import Clock
from tonearm.core import hearts as rules
from tonearm.core.account import Account
from tonearm.core.account import Connection as Connected
from tonearm.core.delivery_answer import MAX_SOFT_FAILURES
from tonearm.core.event import AuthChanged, HeartChanged
from tonearm.core.hearts import HeartAnswer, HeartState
from tonearm.core.loved import Loved, plan_import
from tonearm.core.matching import LibraryIndex
from tonearm.core.play import Track, cleaned
from tonearm.core.verdict import Scope, SessionEnded, SessionSuspect, Throttled, Verdict
from tonearm.ingest.incoming import Heart
from tonearm.service import loved_import
from tonearm.service.clock_skew import LastFmTime
from tonearm.service.events import EventHub
from tonearm.service.keyring import ApiKey, Keyring
from tonearm.service.library_index import LibraryNames, names_around
from tonearm.store import accounts, hearts, library, loved, pace, runs
from tonearm.store.db.database import Store
from tonearm.store.hearts import StoredHeart
from tonearm.store.secrets.seal import SealBroken, SessionCipher

KIND = "love"
"""The kind of job that sends an account's hearts."""

CHUNK = 20
"""Hearts of one account before others have their turn."""


@dataclass(frozen=True, slots=True)
class Hearts:
    """Stores hearts and sends them. `hint` wakes the delivery of an account's hearts. `also` stores them for the
    account's destinations in the same transaction, and `hint_others` wakes the delivery to those.
    """

    store: Store
    clock: Clock
    time: LastFmTime
    keyring: Keyring
    seal: SessionCipher
    event_hub: EventHub
    hint: Callable[[int], None]
    also: Callable[[Connection, int, Sequence[StoredHeart]], None] = lambda _db, _account, _said: None
    hint_others: Callable[[int], None] = lambda _: None
    suspicions: dict[int, int] = field(default_factory=dict)  # how often in a row an account got error 4

    async def say(self, account: int, given: Sequence[Heart], player: int | None = None) -> list[StoredHeart]:
        """Store loved and unloved tracks, the latest change of each: on disk when this returns. They are sent to the
        Last.fm user who is signed in. The library's files get or lose their mark at once. Raises MissingName for a
        track without a name (unless it has a `recording`), and StoreUnavailable.
        """
        ready = [
            one if one.recording and not one.track.title else replace(one, track=cleaned(one.track)) for one in given
        ]
        if not ready:
            return []
        keys = [hearts.key_of(one.track, one.recording) for one in ready]
        known = await self.store.read(partial(hearts.find, account_id=account, keys=keys))
        tracks = [one.track for one in ready] + [one.track for one in known.values()]
        names = await names_around(self.store, account, [_as_loved(track) for track in tracks if track.title])
        index = await asyncio.to_thread(names.index)
        saying = _Saying(ready, player, self.time.now(), self.time.settled, self.clock.now(), index, names, self.also)
        kept = await self.store.write(partial(saying.write, account=account))
        for one in kept:
            self._announce(account, one)
        if any(one.state is HeartState.WAITING for one in kept):
            self.hint(account)
        self.hint_others(account)
        return kept

    async def retry(self, account: int) -> None:
        """Send everything that waits, or was rejected, now."""
        await self.store.write(partial(hearts.OWED.retry, line=account, now=self.clock.now()))
        self.hint(account)

    async def owed(self, account: int, limit: int = 100) -> list[StoredHeart]:
        """The hearts that Last.fm does not have yet, or has rejected, the latest first."""
        return await self.store.read(partial(hearts.OWED.listed, line=account, limit=limit))

    async def settled(self, account: int, said: StoredHeart, seconds: float) -> StoredHeart:
        """The state of a heart as soon as Last.fm has answered it, or after that many seconds."""
        deadline = self.clock.now() + seconds
        with self.event_hub.subscribe(account) as (subscription, _):
            while True:
                found = await self.store.read(partial(hearts.find, account_id=account, keys=[said.key]))
                current, left = found.get(said.key, said), deadline - self.clock.now()
                if current.status != HeartState.WAITING or current.reason or left <= 0:
                    return current
                await subscription.within(left)

    async def loved(self, account: int, tracks: Iterable[Track]) -> list[bool]:
        """Whether each of these tracks is loved here."""
        keys = [hearts.key_of(track) for track in tracks]
        found = await self.store.read(partial(hearts.find, account_id=account, keys=keys))
        return [key in found and found[key].heart.loved for key in keys]

    def due(self, db: Connection, now: float) -> list[int]:
        """Accounts that have hearts to send now."""
        return hearts.due(db, now, pace.unthrottled(db, self.keyring.names, now))

    async def deliver(self, account: int) -> float | None:
        """Send the hearts of an account, one after another; returns when to check again (Unix seconds), if that is
        known.
        """
        for _ in range(CHUNK):
            next_at = await self._send_next(account)
            if next_at is None or next_at > self.clock.now():
                return next_at
        return self.clock.now()

    async def _send_next(self, account: int) -> float | None:
        """Send the next heart; returns when there is more to do, None if there is nothing."""
        found, sealed = await self.store.read(partial(accounts.with_session, account_id=account))
        waiting = await self.store.read(partial(hearts.OWED.next, line=account, now=self.clock.now()))
        key = self.keyring.get(found.api_key)
        if waiting is None or found.connection is not Connected.CONNECTED or key is None:
            return None
        if waiting.due_at > self.clock.now():
            return waiting.due_at
        if throttle := await key.pace.current_throttle():
            return throttle.until
        try:
            session = self.seal.open(sealed)
        except SealBroken:
            return None  # the delivery of plays reports it
        await key.pace.spare_turn()
        taken = await self.store.write(partial(self._take, account=account, heart_id=waiting.id))
        if taken is None:
            return self.clock.now()
        verdict = await _post(key, taken, session)
        await self._learn(found, sealed, key, verdict)
        answered = await self.store.write(partial(self._answered, account=account, taken=taken, verdict=verdict))
        self._announce(account, answered)
        return self.clock.now()

    def _take(self, db: Connection, account: int, heart_id: int) -> StoredHeart | None:
        """Record that a heart is being sent: until the answer, nobody knows what Last.fm has. None if it is no longer
        to be sent, or another process sends it.
        """
        accounts.lock(db, [account])
        now = self.clock.now()
        waiting = hearts.OWED.next(db, account, now)
        if waiting is None or waiting.id != heart_id or waiting.due_at > now:
            return None
        heart = rules.leaves(waiting.heart, self.time.latest, _walk(db, account))
        taken = replace(waiting.sending(now), heart=heart)
        hearts.write(db, account, [taken])
        return taken

    async def _learn(self, account: Account, sealed: str, key: ApiKey, verdict: Verdict) -> None:
        """Learn from an answer about the key and the session."""
        suspicions = self.suspicions.pop(account.id, 0)
        if isinstance(verdict, Throttled) and verdict.scope is Scope.ADDRESS:
            await key.pace.throttled(verdict.cause, verdict.retry_after)
        if isinstance(verdict, SessionSuspect):
            self.suspicions[account.id] = suspicions = suspicions + 1
        if isinstance(verdict, SessionEnded) or suspicions >= MAX_SOFT_FAILURES:
            username = await self.store.write(partial(accounts.end_session, account_id=account.id, sealed=sealed))
            if username is not None:
                self.event_hub.publish(account.id, AuthChanged("needs_sign_in", username))

    def _answered(self, db: Connection, account: int, taken: StoredHeart, verdict: Verdict) -> StoredHeart:
        """Write what Last.fm's answer means for a heart; the listener may have changed it meanwhile."""
        accounts.lock(db, [account])
        current = hearts.find(db, account, [taken.key]).get(taken.key)
        if current is None:  # everything of the account was deleted meanwhile
            return taken
        if current.owner != taken.owner:  # somebody else has signed in
            return current
        if not current.is_on_its_way_as(taken):  # another sender has it, and may have been overtaken by this request
            if current.heart.loved is not taken.heart.loved:
                unknown = rules.sent(current.heart, None, self.time.latest, _walk(db, account))
                current = replace(current, heart=unknown).sent_again(self.clock.now())
                hearts.write(db, account, [current])
            return current
        answer = rules.answer(verdict, taken, self.clock.chance())
        after = _after(current, taken.heart.loved, answer, self.clock.now(), self.time.latest, _walk(db, account))
        hearts.write(db, account, [after])
        if after.state is HeartState.WAITING and not (answer.accepted or answer.refused):  # the others would fail, too
            hearts.postpone(db, account, after.owner, self.clock.now() + answer.wait)
        return after

    def _announce(self, account: int, one: StoredHeart) -> None:
        if one.track.title:
            said = HeartChanged(one.track.artist, one.track.title, one.heart.loved, one.status, one.reason)
            self.event_hub.publish(account, said)


def _as_loved(track: Track, at: int = 0) -> Loved:
    return Loved(track.artist, track.title, track.mbid, at)


async def _post(key: ApiKey, one: StoredHeart, session: str) -> Verdict:
    change = key.unpaced.love if one.heart.loved else key.unpaced.unlove
    return await change(one.track.artist, one.track.title, session)


def _after(current: StoredHeart, sent: bool, answer: HeartAnswer, now: float, latest: float, walk: int) -> StoredHeart:
    """The stored heart after the answer to the change that was sent; Last.fm's time is `latest` at most."""
    heart = rules.sent(current.heart, sent, latest, walk) if answer.accepted else replace(current.heart, walk=walk)
    after = replace(current, heart=heart)
    return after.answered(answer, now, said_since=heart.loved is not sent) if heart.owed else after.settled()


def _walk(db: Connection, account: int) -> int:
    """The id of the last walk over Last.fm's list of loved tracks, 0 if there was none."""
    last = runs.latest(db, account, loved_import.KIND)
    return last.id if last else 0


@dataclass(frozen=True, slots=True)
class _Saying:
    """Writes changes of hearts. `now` is Last.fm's time, if that is `sure`; `due_at` is ours."""

    given: Sequence[Heart]
    player: int | None
    now: float
    sure: bool
    due_at: float
    index: LibraryIndex
    names: LibraryNames
    also: Callable[[Connection, int, Sequence[StoredHeart]], None]

    def write(self, db: Connection, account: int) -> list[StoredHeart]:
        """Write the hearts, and mark the library's files; returns the hearts as they are now."""
        accounts.lock(db, [account])
        listener, walk = accounts.by_id(db, [account])[account], _walk(db, account)
        owner = listener.username.casefold() if listener.signed_in else ""
        found = hearts.find(db, account, [hearts.key_of(one.track, one.recording) for one in self.given])
        due_at = max(self.due_at, hearts.wait_until(db, account, owner, self.due_at))
        for one in self.given:
            key = hearts.key_of(one.track, one.recording)
            before = found.get(key)
            found[key] = said = self._said(before, one, owner, walk, due_at)
            hearts.write(db, account, [said])
            if said.track.title:
                self._mark(db, account, said, before)
        keys = dict.fromkeys(hearts.key_of(one.track, one.recording) for one in self.given)
        kept = [found[key] for key in keys]
        if listener.has_destinations:
            self.also(db, account, kept)
        return kept

    def _said(self, before: StoredHeart | None, one: Heart, owner: str, walk: int, due_at: float) -> StoredHeart:
        """The stored heart after this change. One that is being sent is answered first, and then sent again."""
        same = before is not None and before.owner == owner
        known = before.heart if before and (same or "" in (owner, before.owner)) else None  # a listener may sign out
        heart = rules.said(known, one.loved, self.now, walk, sure=self.sure)
        state = before.state if before and same else HeartState.NONE
        said = StoredHeart(one.track, heart, one.recording, self.player, owner)
        if before and known and known.there:  # as Last.fm spells it
            said = replace(said, track=replace(before.track, mbid=one.track.mbid or before.track.mbid))
        if state is HeartState.SENDING:
            assert before is not None
            return replace(said, state=state, due_at=before.due_at, tries=before.tries)
        if owner and one.track.title and heart.owed:
            return replace(said, state=HeartState.WAITING, due_at=due_at)
        return said

    def _mark(self, db: Connection, account: int, said: StoredHeart, before: StoredHeart | None) -> None:
        """Mark or unmark the library's files, and add the track to the loved ones or remove it."""
        wanted = _as_loved(said.track, int(said.heart.said_at))
        plan = plan_import([wanted], self.index, frozenset(), self.names.declined)
        spellings = {(one.track.artist, one.track.title) for one in (said, before or said)}
        if said.heart.loved:
            loved.forget(db, account, spellings - {(wanted.artist, wanted.title)})
            loved.write_plan(db, account, [wanted], plan, loved.NOT_LISTED)
            library.love(db, [mark.id for mark in plan.marks])
        else:
            loved.forget(db, account, spellings)
            library.unlove(db, [mark.id for mark in plan.marks])
