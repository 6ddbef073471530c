"""What happened to a play, and what its listener can still do about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from sqlalchemy import Connection

from tonearm.clock import Clock
from tonearm.core.destination import Rules
from tonearm.core.edit_rules import PlayNames
from tonearm.core.event import ScrobbleStatus
from tonearm.core.play import HIGHEST_THRESHOLD, LOWEST_THRESHOLD, Play, Track, cleaned_changes, counts
from tonearm.core.report import COUNTED_BY_ITS_PLAYER, too_old
from tonearm.core.waits import WaitingPlay, Waits, explanation, why_waits
from tonearm.service.accounts import Accounts
from tonearm.service.clock_skew import LastFmTime
from tonearm.service.events import EventHub
from tonearm.service.fan_out import NOWHERE, FanOut, Sendable
from tonearm.service.report_decision import NOT_QUEUED, NOT_SIGNED_IN, STARTS_LATER
from tonearm.service.take_reports import queue_row
from tonearm.store import accounts, attempts, destinations, edit_rules, plays, queue, summaries
from tonearm.store.attempts import Attempt
from tonearm.store.db.database import Store
from tonearm.store.destinations import StoredDestination
from tonearm.store.line import QueueState
from tonearm.store.plays import Restamped, StoredPlay
from tonearm.store.queue import QueueRow
from tonearm.store.summaries import NOT_COUNTED

SENT_AGAIN = ("ignored", "refused", "discarded", "suspected", "expired", *NOT_QUEUED)
"""Fates after which a listener may send a play by hand: it is not on Last.fm, but may still be accepted."""


UNDOABLE = 1000
"""The number of latest discarded plays that this process can restore."""

NO_LATER_WORD = ("queued", "discarded", "expired")
"""Fates of plays about which Last.fm has said nothing since an answer was lost."""


@dataclass(frozen=True, slots=True)
class PlayDetails:
    """Everything that is known about a play. `row` is its row in the queue, `waits` why it waits; None once settled.

    `reported_as` is what the player sent, if a rule or an edit of the listener has changed the names of this play.
    `sent` is what the player sent in any case, also for a play that is sent in place of another one.
    """

    stored: StoredPlay
    row: QueueRow | None
    attempts: tuple[Attempt, ...]
    replaced_by: int | None
    waits: Waits | None
    reported_as: PlayNames | None = None
    sent: PlayNames | None = None

    @property
    def reason(self) -> str:
        """Why it waits, or what happened to it."""
        if self.waits:
            return explanation(self.waits)
        return self.stored.reason or ("on Last.fm" if self.stored.fate == "accepted" else self.stored.fate)

    @property
    def next_attempt_at(self) -> float | None:
        """When (Unix seconds) it is sent next, if only time has to pass; None: at once, or not by waiting."""
        return self.waits.until if self.waits else None

    @property
    def counted(self) -> bool | None:
        """Whether it counted by its listener's rule, for the reason in `stored.counted_reason`; None if unknown. The
        threshold in force then is not stored, but the sentence is, and it differs for each threshold.
        """
        if self.stored.counted_reason == COUNTED_BY_ITS_PLAYER:
            return True
        length, played = self.stored.play.track.duration, self.stored.play.played
        rules = (counts(length, played, threshold) for threshold in range(LOWEST_THRESHOLD, HIGHEST_THRESHOLD + 1))
        return next((rule.counts for rule in rules if rule.reason == self.stored.counted_reason), None)


@dataclass(frozen=True, slots=True)
class NoSuchPlay:
    """This listener has no play with that id."""


@dataclass(frozen=True, slots=True)
class ActionRefused:
    """The action isn't possible for this play, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class ActionDone:
    """The action is done; `play` is the id of the play that is sent, `track` its track."""

    play: int
    track: Track


ActionResult = ActionDone | ActionRefused | NoSuchPlay


@dataclass(frozen=True, slots=True)
class PlayActions:
    """What happened to plays, and their listeners' actions on them."""

    store: Store
    clock: Clock
    event_hub: EventHub
    hint: Callable[[int], None]
    accounts: Accounts
    time: LastFmTime
    rules: Rules
    fan_out: FanOut = NOWHERE
    _discarded: dict[int, tuple[StoredPlay, list[int]]] = field(default_factory=dict, repr=False)
    """Discarded plays as they were, and the destinations for which they waited."""

    async def details(self, account: int, play_id: int) -> PlayDetails | None:
        """What happened to a play, and why; None if the listener has no such play."""
        return await self.store.read(partial(self._details, account=account, play_id=play_id))

    async def latest(
        self, account: int, limit: int, fates: Sequence[str] = (), before: tuple[int, int] | None = None
    ) -> list[PlayDetails]:
        """Details without attempts, latest play first; `before` is the (timestamp, id) of the previous page's last
        play.
        """

        def read(db: Connection) -> list[PlayDetails]:
            stored = plays.latest(db, account, limit, fates, before)
            rows = queue.rows(db, [k.id for k in stored if k.fate == "queued"])
            waits = self._waits(db, account, {k.id: (k, rows[k.id]) for k in stored if k.id in rows})
            return [PlayDetails(k, rows.get(k.id), (), None, waits.get(k.id)) for k in stored]

        return await self.store.read(read)

    async def waiting(self, account: int, limit: int) -> list[PlayDetails]:
        """Details of the plays in the queue, without attempts, oldest play first."""

        def read(db: Connection) -> list[PlayDetails]:
            ids = queue.oldest(db, account, limit)
            stored, rows = plays.by_id(db, account, ids), queue.rows(db, ids)
            found = [(stored[play_id], rows[play_id]) for play_id in ids]
            waits = self._waits(db, account, {one.id: (one, row) for one, row in found})
            return [PlayDetails(one, row, (), None, waits[one.id]) for one, row in found]

        return await self.store.read(read)

    def _details(self, db: Connection, account: int, play_id: int) -> PlayDetails | None:
        stored = plays.find(db, account, play_id)
        if stored is None:
            return None
        row = queue.rows(db, [play_id]).get(play_id)
        found = tuple(attempts.of_play(db, play_id))
        waits = self._waits(db, account, {play_id: (stored, row)} if row else {}).get(play_id)
        as_reported = edit_rules.as_reported(db, play_id)
        sent = self._sent(db, stored)
        return PlayDetails(stored, row, found, plays.replaced_by(db, account, play_id), waits, as_reported, sent)

    def _sent(self, db: Connection, stored: StoredPlay) -> PlayNames:
        """The names that a player sent, before any rule and edit."""
        while stored.instead_of is not None and (older := plays.find(db, stored.account, stored.instead_of)):
            stored = older
        return edit_rules.as_reported(db, stored.id) or PlayNames.of(stored.play.track)

    def _waits(self, db: Connection, account: int, rows: Mapping[int, tuple[StoredPlay, QueueRow]]) -> dict[int, Waits]:
        """Why each of these plays has not been sent yet."""
        if not rows:
            return {}
        facts = self.accounts.facts(db, account)
        return {play_id: why_waits(_waiting(stored, row), facts) for play_id, (stored, row) in rows.items()}

    async def retry(self, account: int, play_id: int) -> ActionResult:
        """Send a waiting play at once, or one with any other fate than accepted.

        An expired one is sent only if it is younger than 14 days after all because a clock was wrong.
        """
        outcome = await self.store.write(partial(self._retry, account=account, play_id=play_id))
        self._publish(account, outcome, "queued", "queued by the listener")
        return outcome

    def _retry(self, db: Connection, account: int, play_id: int) -> ActionResult:
        _lock(db, account)
        now = self.clock.now()
        stored = plays.find(db, account, play_id)
        if stored is None:
            return NoSuchPlay()
        if stored.fate == "queued":
            if stored.play.timestamp > self.time.now():
                return ActionRefused(STARTS_LATER)
            if stored.owner and stored.owner != accounts.by_id(db, [account])[account].username.casefold():
                return ActionRefused(f"it waits for the Last.fm user {stored.owner}: sign in as that user to send it")
            queue.due_now(db, account, play_id, self.clock.now(), self.time.skew)
            return ActionDone(play_id, stored.play.track)
        if stored.fate not in SENT_AGAIN:
            return ActionRefused(_final(stored, self.rules))
        if (instead := plays.replaced_by(db, account, play_id)) is not None:
            return ActionRefused(f"edited: play {instead} was sent in its place")
        return self._enqueue(db, stored, now)

    def _enqueue(
        self,
        db: Connection,
        stored: StoredPlay,
        now: float,
        *,
        fresh: bool = False,
        also: Sequence[StoredDestination] = (),
    ) -> ActionResult:
        """Queue a play for Last.fm and for every destination that doesn't have it; refused if it can't be sent
        anywhere.

        `fresh`: it is a new play, so it needs a fate if only destinations get it; so does one that counted for nothing
        until now. `also` are destinations that it waits for as well.
        """
        elsewhere = self.fan_out.send(db, self._sendable(stored, now), also)
        outcome = self._enqueue_for_lastfm(db, stored, now)
        if not elsewhere or isinstance(outcome, ActionDone):
            return outcome
        if (fresh or stored.fate in NOT_COUNTED) and isinstance(outcome, ActionRefused):
            self._left_out(db, stored.account, stored.id, outcome, now)
        plays.count(db, stored.id)
        return ActionDone(stored.id, stored.play.track)

    def _left_out(self, db: Connection, account: int, play_id: int, refused: ActionRefused, now: float) -> None:
        """Record that Last.fm doesn't get a play that destinations get. As with a report, its age decides only if
        somebody is signed in: by a clock that is wrong, no play is too old that was to be sent to nobody.
        """
        fate, reason = "not_authenticated", refused.reason
        if reason == self.rules.too_old_reason:
            listener = accounts.by_id(db, [account])[account]
            if listener.signed_in:
                fate = "expired"
                plays.own(db, play_id, listener.username.casefold())
            else:
                reason = NOT_SIGNED_IN
        plays.settle(db, [play_id], fate, now, reason=reason)

    def _sendable(self, stored: StoredPlay, now: float) -> Sendable:
        return Sendable(
            stored.id,
            stored.account,
            stored.play,
            stored.reporter,
            now,
            self.time.now(),
            self._not_before(stored.play),
            by_hand=True,
            instead_of=stored.instead_of,
        )

    def _enqueue_for_lastfm(self, db: Connection, stored: StoredPlay, now: float) -> ActionResult:
        listener = accounts.by_id(db, [stored.account])[stored.account]
        if too_old(stored.play.timestamp, now, self.time.skew, self.rules.oldest):
            return ActionRefused(self.rules.too_old_reason)
        if not listener.signed_in:
            return ActionRefused("not signed in to Last.fm: sign in first")
        if stored.owner and stored.owner != listener.username.casefold():
            return ActionRefused(f"it was played for the Last.fm user {stored.owner}: sign in as that user to send it")
        plays.settle(db, [stored.id], "queued", None, reason="queued by the listener")
        plays.own(db, stored.id, listener.username.casefold())
        plays.count(db, stored.id)
        queue.enqueue(db, [queue_row(stored.id, stored.play, listener, self.time.now(), self._not_before(stored.play))])
        return ActionDone(stored.id, stored.play.track)

    def _not_before(self, play: Play) -> float:
        """When, by our clock, the start of a play in the future will have come; 0 for any other play."""
        return play.timestamp - self.time.skew if play.timestamp > self.time.now() else 0.0

    async def correct(self, account: int, play_id: int, change: Callable[[Track], Track]) -> ActionResult:
        """Send a play with other names: a new frozen play, linked to the old one, which is discarded.

        With the same artist and title it stays the same play, since Last.fm identifies it by them. Raises MissingName
        if this leaves the artist or the title empty.
        """
        outcome = await self.store.write(partial(self._correct, account=account, play_id=play_id, change=change))
        self._publish(account, outcome, "queued", f"sent instead of {play_id}")
        return outcome

    def _correct(self, db: Connection, account: int, play_id: int, change: Callable[[Track], Track]) -> ActionResult:
        _lock(db, account)
        now = self.clock.now()
        stored = plays.find(db, account, play_id)
        if stored is None:
            return NoSuchPlay()
        if refused := self._fixed(db, stored):
            return refused
        play = replace(stored.play, track=cleaned_changes(stored.play.track, change(stored.play.track)))
        key = (account, play.track.artist, play.track.title, play.timestamp)
        there = plays.known(db, [key])
        if key in there and there[key][0] != play_id:
            return ActionRefused("a play with these names and start already exists")
        if key in there:  # Last.fm identifies plays by these names alone: it stays the same play
            return self._put_right(db, stored, play, now)
        fresh = plays.insert(db, [_instead(stored, play, plays.restamped(db, play_id), now)])[key]
        summaries.make_stale_of(db, [fresh])
        waits = self.fan_out.replace(db, account, play_id, fresh, now)
        new = replace(stored, id=fresh, play=play, instead_of=play_id)
        again = self._enqueue(db, new, now, fresh=True, also=waits)
        if isinstance(again, ActionRefused):
            self.fan_out.forget(db, account, fresh)
            plays.drop(db, fresh)
            return again
        self.fan_out.give_way(db, waits, play_id, fresh, now)
        plays.settle(db, [play_id], "discarded", now, reason=f"edited by the listener: sent as play {fresh}")
        queue.remove(db, [play_id])
        return again

    def _fixed(self, db: Connection, stored: StoredPlay) -> ActionRefused | None:
        """Why a play can't be edited now; None if it can."""
        if stored.fate not in (*SENT_AGAIN, "queued"):
            return ActionRefused(_final(stored, self.rules))
        if stored.fate == "queued" and queue.rows(db, [stored.id])[stored.id].state is QueueState.SENDING:
            return ActionRefused("being sent right now: try again in a moment")
        if stored.unanswered and stored.fate in NO_LATER_WORD:
            return ActionRefused(
                "Last.fm may have it under these names, because an answer was lost: wait until that is known"
            )
        return None

    def _put_right(self, db: Connection, stored: StoredPlay, play: Play, now: float) -> ActionResult:
        """Change other facts of a play that stays the same play: a waiting play keeps waiting."""
        again = (
            ActionDone(stored.id, play.track)
            if stored.fate == "queued"
            else self._enqueue(db, replace(stored, play=play), now)
        )
        if isinstance(again, ActionRefused) and self.fan_out.waits(db, stored.account, stored.id):
            again = ActionDone(stored.id, play.track)
        if isinstance(again, ActionDone):
            if PlayNames.of(play.track) != PlayNames.of(stored.play.track):
                edit_rules.remember_before_edit(db, stored.id)
            plays.rewrite(db, stored.id, plays.facts(play))
            self.fan_out.rewrite(db, stored.account, stored.id, play)
            queue.rewrite(db, stored.id, plays.facts(play))
            queue.due_now(db, stored.account, stored.id, self.clock.now(), self.time.skew)
        return again

    async def discard(self, account: int, play_id: int) -> ActionResult:
        """Discard a play; it stays in the history, and for a while `undo_discard` can bring it back."""
        outcome = await self.store.write(partial(self._discard, account=account, play_id=play_id))
        self._publish(account, outcome, "discarded", "discarded by the listener")
        return outcome

    def _discard(self, db: Connection, account: int, play_id: int) -> ActionResult:
        _lock(db, account)
        stored = plays.find(db, account, play_id)
        if stored is None:
            return NoSuchPlay()
        if stored.fate not in ("queued", "ignored", "refused", "suspected", *NOT_QUEUED):
            return ActionRefused(_final(stored, self.rules))
        if stored.fate == "queued" and queue.rows(db, [play_id])[play_id].state is QueueState.SENDING:
            return ActionRefused("being sent right now: try again in a moment")
        reason = "discarded by the listener"
        if stored.unanswered and stored.fate in NO_LATER_WORD:
            reason += "; Last.fm may have it, because an answer was lost"
        plays.settle(db, [play_id], "discarded", self.clock.now(), reason=reason)
        queue.remove(db, [play_id])
        self._discarded[play_id] = stored, self.fan_out.discard(db, account, play_id, self.clock.now())
        while len(self._discarded) > UNDOABLE:
            self._discarded.pop(next(iter(self._discarded)))
        return ActionDone(play_id, stored.play.track)

    async def undo_discard(self, account: int, play_id: int) -> ActionResult:
        """Put a play that this process discarded back as it was: in the queue, or kept with its reason."""
        before, waited_for = self._discarded.get(play_id, (None, []))
        if before is None or before.account != account:
            if await self.store.read(partial(plays.find, account=account, play_id=play_id)) is None:
                return NoSuchPlay()
            return ActionRefused("it was discarded too long ago to undo: send it instead")
        outcome = await self.store.write(partial(self._restore, before=before, waited_for=waited_for))
        said = "queued by the listener" if before.fate == "queued" else before.reason
        self._publish(account, outcome, before.fate, said)
        return outcome

    def _restore(self, db: Connection, before: StoredPlay, waited_for: Sequence[int]) -> ActionResult:
        """Restore a play: for Last.fm it is queued as by hand, and for the destinations that it `waited_for`."""
        _lock(db, before.account)
        now = plays.find(db, before.account, before.id)
        if now is None:
            return NoSuchPlay()
        if now.fate != "discarded":
            return ActionRefused(_final(now, self.rules))
        if (instead := plays.replaced_by(db, before.account, before.id)) is not None:
            return ActionRefused(f"edited: play {instead} was sent in its place")
        if waited_for:
            self.fan_out.bring_back(db, self._sendable(now, self.clock.now()), waited_for)
        if before.fate == "queued":
            outcome = self._enqueue_for_lastfm(db, now, self.clock.now())
            if not waited_for or not isinstance(outcome, ActionRefused):
                return outcome
            self._left_out(db, before.account, before.id, outcome, self.clock.now())
            return ActionDone(before.id, before.play.track)
        facts = {"reason": before.reason, "code": before.code, "correction": before.correction}
        plays.settle(db, [before.id], before.fate, before.settled_at, **facts)  # type: ignore[arg-type]  # a dict of several types
        return ActionDone(before.id, before.play.track)

    def _publish(self, account: int, outcome: ActionResult, status: str, message: str) -> None:
        if isinstance(outcome, ActionDone):
            track = outcome.track
            self.event_hub.publish(account, ScrobbleStatus(outcome.play, status, track.artist, track.title, message))
            self.hint(account)


def _lock(db: Connection, account: int) -> None:
    """Until the transaction ends, no delivery takes plays of this account, for Last.fm or for destinations."""
    accounts.lock(db, [account])
    destinations.lock(db, account)


def _instead(stored: StoredPlay, play: Play, restamp: Restamped, now: float) -> dict[str, object]:
    """The row of a play that is sent instead of another one."""
    return {
        **plays.facts(play),
        "account": stored.account,
        "fate": "queued",
        "restamp_reason": restamp.reason,
        "restamped_by": restamp.by,
        "left_out": stored.left_out,
        "reported_at": now,
        "reported_timestamp": play.timestamp,
        "counted_reason": stored.counted_reason,
        "reporter": stored.reporter,
        "player": stored.player,
        "owner": stored.owner,
        "instead_of": stored.id,
    }


def _waiting(stored: StoredPlay, row: QueueRow) -> WaitingPlay:
    sending = row.state is QueueState.SENDING
    return WaitingPlay(row.owner, stored.play.timestamp, sending, row.tries, row.next_attempt_at, row.error, row.live)


def _final(stored: StoredPlay, rules: Rules) -> str:
    match stored.fate:
        case "accepted":
            return "already on Last.fm, where plays can't be changed from here: edit or delete it on last.fm"
        case "expired":
            return rules.too_old_reason
        case fate:
            return f"it is {fate} already"
