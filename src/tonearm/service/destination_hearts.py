"""Hearts for destinations: stored when a track is loved or unloved, and sent to each destination that supports them
until it has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import Connection

from tonearm.clock import Clock
from tonearm.core import hearts as rules
from tonearm.core.account import Connection as Connected
from tonearm.core.destination import DestinationKind
from tonearm.core.event import DestinationChanged, DestinationHeart
from tonearm.core.hearts import HeartAnswer, HeartState
from tonearm.core.play import MBID, Track
from tonearm.core.verdict import Answered, Scope, SessionEnded, Throttled, Verdict
from tonearm.service.events import EventHub
from tonearm.service.outlets import DestinationOutlet, DestinationOutlets
from tonearm.store import accounts, destination_hearts, destinations
from tonearm.store.db.database import Store
from tonearm.store.destination_hearts import HeartThere
from tonearm.store.destinations import StoredDestination
from tonearm.store.hearts import StoredHeart
from tonearm.store.secrets.seal import SealBroken, SessionCipher

CHUNK = 20
"""Hearts of one destination before others have their turn."""


@dataclass(frozen=True, slots=True)
class DestinationHearts:
    """Stores hearts for destinations and sends them one after another: the latest for each track."""

    store: Store
    clock: Clock
    outlets: DestinationOutlets
    cipher: SessionCipher
    event_hub: EventHub

    def say(self, db: Connection, account: int, said: Sequence[StoredHeart]) -> None:
        """Store the hearts that a listener with destinations has just changed, for destinations that support them."""
        now = self.clock.now()
        for target in destinations.of_accounts(db, [account]).get(account, []):
            destination_hearts.write(db, [self._said(db, target, one, now) for one in said if self._keeps(target, one)])

    def _keeps(self, target: StoredDestination, one: StoredHeart) -> bool:
        outlet = self.outlets.get(target.pace_key)
        if outlet is None or not outlet.wire.hearts or not target.policy.hearts:
            return False
        by_id = target.kind == DestinationKind.LISTENBRAINZ and MBID.fullmatch(one.recording) is not None
        return bool(one.track.title) or by_id

    def _said(self, db: Connection, target: StoredDestination, one: StoredHeart, now: float) -> HeartThere:
        """The stored heart after this change. One that is being sent is answered first, and then sent again."""
        due_at = max(now, destination_hearts.OWED.wait_until(db, target.id, now))
        fresh = HeartThere(
            *(target.id, one.track, one.heart.loved, now, one.recording), state=HeartState.WAITING, due_at=due_at
        )
        before = destination_hearts.find(db, target.id, one.track, one.recording)
        if before is not None and before.state is HeartState.SENDING:
            return replace(fresh, state=before.state, tries=before.tries, due_at=before.due_at)
        return fresh

    async def owed(self, destination_id: int, limit: int = 100) -> list[HeartThere]:
        """The hearts that a destination does not have yet, or has rejected, the latest first."""
        return await self.store.read(partial(destination_hearts.OWED.listed, line=destination_id, limit=limit))

    async def deliver(self, destination_id: int) -> float | None:
        """Send a destination its hearts; returns when to check again (Unix seconds), if that is known."""
        for _ in range(CHUNK):
            next_at = await self._tell_next(destination_id)
            if next_at is None or next_at > self.clock.now():
                return next_at
        return self.clock.now()

    async def _tell_next(self, destination_id: int) -> float | None:
        """Send the next heart; returns when there is more to do, None if time alone brings nothing more."""
        target = await self.store.read(partial(destinations.find, destination_id=destination_id))
        if target is None or target.removed_at is not None or target.paused_at is not None:
            return None
        waiting = await self.store.read(
            partial(destination_hearts.OWED.next, line=destination_id, now=self.clock.now())
        )
        outlet = self.outlets.get(target.pace_key)
        if waiting is None or outlet is None or target.state.connection is not Connected.CONNECTED:
            return None
        if waiting.due_at > self.clock.now():
            return waiting.due_at
        if throttle := await outlet.pace.current_throttle():
            return throttle.until
        try:
            token = self.cipher.open(target.sealed)
        except SealBroken:
            return None  # the delivery of plays reports it
        await outlet.pace.spare_turn()
        taken = await self.store.write(partial(self._take, target=target, heart_id=waiting.id))
        if taken is None:
            return self.clock.now()
        verdict = await _post(outlet, taken, token)
        if isinstance(verdict, Throttled) and verdict.scope is Scope.ADDRESS:
            await outlet.pace.throttled(verdict.cause, verdict.retry_after)
        answered = await self.store.write(partial(self._answered, target=target, taken=taken, verdict=verdict))
        self._announce(target, answered)
        return self.clock.now()

    def _take(self, db: Connection, target: StoredDestination, heart_id: int) -> HeartThere | None:
        """Record that a heart is being sent; None if it is no longer to be sent, or another process sends it."""
        accounts.lock(db, [target.account])
        now = self.clock.now()
        waiting = destination_hearts.OWED.next(db, target.id, now)
        if waiting is None or waiting.id != heart_id or waiting.due_at > now:
            return None
        taken = waiting.sending(now)
        destination_hearts.write(db, [taken])
        return taken

    def _answered(self, db: Connection, target: StoredDestination, taken: HeartThere, verdict: Verdict) -> HeartThere:
        """Write what an answer means for a heart; the listener may have changed it meanwhile."""
        accounts.lock(db, [target.account])
        current = destination_hearts.find(db, target.id, taken.track, taken.recording)
        if current is None:  # everything of the account was deleted meanwhile, or it was discarded
            return taken
        if not current.is_on_its_way_as(taken):  # another sender has it, and may have been overtaken by this request
            if current.loved is not taken.loved:
                current = current.sent_again(self.clock.now())
                destination_hearts.write(db, [current])
            return current
        if isinstance(verdict, SessionEnded) and destinations.end_session(
            db, target.id, target.sealed, str(verdict.cause)
        ):
            ended = DestinationChanged(target.id, target.kind, target.username, Connected.NEEDS_SIGN_IN)
            self.event_hub.publish(target.account, ended)
        answer = self._answer(taken, verdict)
        after = current.answered(answer, self.clock.now(), said_since=current.loved is not taken.loved)
        destination_hearts.write(db, [after])
        if after.state is HeartState.WAITING and not (answer.accepted or answer.refused):  # the others would fail, too
            destination_hearts.OWED.postpone(db, target.id, self.clock.now() + answer.wait)
        return after

    def _answer(self, taken: HeartThere, verdict: Verdict) -> HeartAnswer:
        """What an answer means. An ignored heart is sent again later: the recording may be known by then."""
        match verdict:
            case Answered((item,), _) if item.ignored_code:
                return rules.left_out(item.message, taken.refusals)
            case _:
                return rules.answer(verdict, taken, self.clock.chance())

    def _announce(self, target: StoredDestination, one: HeartThere) -> None:
        said = DestinationHeart(target.id, one.track.artist, one.track.title, one.loved, one.status, one.reason)
        self.event_hub.publish(target.account, said)


def _track(one: HeartThere) -> Track:
    """What a heart is for, as it is sent: a player may have named its recording alone."""
    return one.track if one.track.title else replace(one.track, mbid=one.recording)


async def _post(outlet: DestinationOutlet, one: HeartThere, token: str) -> Verdict:
    return await outlet.wire.feedback(_track(one), token, loved=one.loved, turn=outlet.pace.spare_turn)
