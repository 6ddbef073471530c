"""Destinations: other services that a listener's plays are sent to, added, watched, paused and removed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from urllib.parse import urlsplit

from sqlalchemy import Connection

from tonearm.clock import Clock
from tonearm.core.account import Connection as Connected
from tonearm.core.destination import AccessPart, DestinationKind, TokenCheck
from tonearm.core.event import DestinationChanged
from tonearm.core.pacing import BUDGET_DAY
from tonearm.core.play import Track
from tonearm.core.policy import Policy
from tonearm.core.waits import DeliveryFacts, Waits
from tonearm.lastfm.destination import LastFmAccess
from tonearm.lastfm.like import LASTFM_SERVER
from tonearm.lastfm.servers import LIBREFM_SERVER
from tonearm.listenbrainz import API_URL as LISTENBRAINZ_URL
from tonearm.service import destination_waits
from tonearm.service.clock_skew import LastFmTime
from tonearm.service.destination_sign_in import NO_KEYS, Approving, DestinationSignIn, NameAndPassword, OwnKeys
from tonearm.service.events import EventHub
from tonearm.service.library_folders import files_of, without_files
from tonearm.service.outlets import APPROVED, DestinationOutlets, DestinationWire, pace_key
from tonearm.store import accounts, destination_hearts, destination_queue, destinations, jobs, pace, plays
from tonearm.store.db.database import Store
from tonearm.store.db.sqlite_writer import StoreUnavailable
from tonearm.store.destination_queue import FAILING, KIND, Delivered, Waiting
from tonearm.store.destinations import StoredDestination
from tonearm.store.plays import StoredPlay
from tonearm.store.secrets.seal import SealBroken, SessionCipher

DAY = 86400.0

DEFAULT_ADDRESSES = {
    DestinationKind.LISTENBRAINZ: LISTENBRAINZ_URL,
    DestinationKind.LIBREFM: LIBREFM_SERVER.api_url,
}
"""The addresses of services that need none entered."""

NAME_NOBODY = (DestinationKind.MALOJA,)
"""Kinds with only one profile, whatever the token: so they don't have to say whose it is."""

EVERYTHING = float("inf")
"""Days: the whole history, as far as it goes back."""

PREVIEWED = 1000
"""Plays of the history that a preview looks through."""


class WhyRefused(StrEnum):
    """Why something can't be done: the input is wrong, the listener still has to approve at the service, the profile is
    taken, or the service is unavailable.
    """

    INVALID = "invalid"
    PENDING = "pending"
    TAKEN = "taken"
    AWAY = "away"


@dataclass(frozen=True, slots=True)
class DestinationRefused:
    """The action isn't possible, and why, in words for the listener. Nothing was changed. If the input is wrong,
    `field` says which part: `url`, `token`, `password`, `api_key` or `approval_url`.
    """

    reason: str
    why: WhyRefused = WhyRefused.INVALID
    field: str = "token"


@dataclass(frozen=True, slots=True)
class NoSuchDestination:
    """This listener has no destination with that id."""


DestinationChangeResult = StoredDestination | DestinationRefused | NoSuchDestination
"""A destination after a change, or why it was not changed."""


@dataclass(frozen=True, slots=True)
class KeepOrDiscard:
    """Plays wait for the destination: say whether they are kept or discarded to remove it."""

    waiting: int


@dataclass(frozen=True, slots=True)
class DestinationRemoved:
    """The destination is removed. `kept` plays wait until it is added again, `discarded` ones are never sent there."""

    kept: int = 0
    discarded: int = 0


@dataclass(frozen=True, slots=True)
class DestinationOverview:
    """A destination as it is now. Times are Unix seconds, None for never.

    `state` is `connected`, `paused`, `needs_sign_in` or `disconnected`. `waits` says why its queue has not been sent
    yet, None if nothing waits. `outcomes` counts its plays by fate, without the accepted ones. `used` is how much of
    the daily limit is used up, if it has one (`stored.state.budget`). `queues_history`: part of the history is still to
    be queued.
    """

    stored: StoredDestination
    state: str
    waiting: Waiting
    waits: Waits | None
    outcomes: Mapping[str, int]
    used: int = 0
    hearts_waiting: int = 0
    hearts_rejected: int = 0

    @property
    def kind(self) -> DestinationKind:
        return DestinationKind(self.stored.kind)

    @property
    def name(self) -> str:
        """What it is called: "ListenBrainz (RJ)"."""
        return _named(self.stored)

    @property
    def reason(self) -> str:
        """Why it waits and what to do about it, as the end of a sentence; "" if nothing waits."""
        return destination_waits.explained(self.waits, self.kind) if self.waits else self.stored.state.trouble

    @property
    def hearts(self) -> str:
        """The hearts that it doesn't have yet or has rejected, in words; "" if there are none."""
        waiting, rejected = self.hearts_waiting, self.hearts_rejected
        waits = f"{waiting:,} {'heart waits' if waiting == 1 else 'hearts wait'}" if waiting else ""
        gone = f"{rejected:,} {'heart' if rejected == 1 else 'hearts'} not accepted" if rejected else ""
        return ", ".join(filter(None, (waits, gone)))

    @property
    def queues_history(self) -> bool:
        return self.stored.backlog_at is not None


@dataclass(frozen=True, slots=True)
class PlayAtDestination:
    """What happened to a play at a destination. `reason` says why it waits, or what happened to it."""

    destination: StoredDestination
    delivered: Delivered
    reason: str
    waits: Waits | None = None

    @property
    def kind(self) -> DestinationKind:
        return DestinationKind(self.destination.kind)

    @property
    def name(self) -> str:
        """What the destination is called: "ListenBrainz (RJ)"."""
        return _named(self.destination)


@dataclass(frozen=True, slots=True)
class DestinationPlays:
    """Plays of a destination, each with what happened to it there."""

    waiting: tuple[tuple[StoredPlay, PlayAtDestination], ...]
    rejected: tuple[tuple[StoredPlay, PlayAtDestination], ...]


@dataclass(frozen=True, slots=True)
class PolicyPreview:
    """What a policy would have done to the latest plays: of `plays` plays, `kept` would not have been sent. `changed`
    has the tracks that would have been sent under other names: as heard, and as sent.
    """

    plays: int
    kept: int
    changed: tuple[tuple[Track, Track], ...]


@dataclass(frozen=True, slots=True)
class DestinationProfile:
    """A profile at another service: its `user` ("" if the service names nobody), and the `secret` that plays are sent
    with.
    """

    kind: DestinationKind
    address: str
    user: str
    secret: str = field(repr=False)

    @property
    def key(self) -> str:
        """The name of its access."""
        return pace_key(self.kind, self.address, self.secret)


@dataclass(frozen=True, slots=True)
class DestinationHints:
    """Wakes the delivery to destinations. It knows each account's destinations from the last sweep over the tables.

    `hint` wakes the engine. For the engine, destinations that have just failed are a kind of their own: each may occupy
    a slot for as long as a request to an unresponsive server takes.
    """

    hint: Callable[[str, Iterable[int]], None]
    _owned: dict[int, tuple[int, ...]] = field(default_factory=dict)
    _failing: set[int] = field(default_factory=set)

    def wake(self, numbers: Iterable[int]) -> None:
        """Wake the delivery to these destinations."""
        for number in numbers:
            self.hint(self.kind(number), [number])

    def kind(self, number: int) -> str:
        """The engine's kind for a destination."""
        return FAILING if number in self._failing else KIND

    def found(self, kind: str, numbers: Sequence[int]) -> None:
        """Note that the sweep found these, as jobs of that kind; other kinds are ignored."""
        if kind == FAILING:
            self._failing.update(numbers)
        elif kind == KIND:
            self._failing.difference_update(numbers)

    def seen(self, owned: Mapping[int, tuple[int, ...]]) -> None:
        """Note the destinations of all accounts."""
        self._owned.clear()
        self._owned.update(owned)

    def noted(self, account: int, numbers: tuple[int, ...]) -> None:
        """Note the destinations of one account, in a process that hasn't swept the tables."""
        self._owned[account] = numbers

    @property
    def any_here(self) -> bool:
        """Whether anybody has destinations."""
        return bool(self._owned)

    def of_account(self, account: int) -> None:
        """Wake the delivery to an account's destinations."""
        if mine := self._owned.get(account):
            self.wake(mine)


@dataclass(frozen=True, slots=True)
class Destinations:
    """Adds, shows, pauses and removes destinations."""

    store: Store
    clock: Clock
    time: LastFmTime
    outlets: DestinationOutlets
    cipher: SessionCipher
    event_hub: EventHub
    hints: DestinationHints
    is_lastfm: Callable[[str], bool] = lambda _: False
    _shows: dict[int, asyncio.Task[None]] = field(default_factory=dict)

    async def begin(
        self, kind: DestinationKind, address: str, keys: OwnKeys = NO_KEYS
    ) -> Approving | DestinationRefused:
        """Begin to sign in at a service that has no tokens: where the listener approves. `add` finishes it with the
        `state`.
        """
        return await self._begun(kind, address, keys, LastFmAccess())

    async def begin_again(
        self, account: int, number: int, keys: OwnKeys = NO_KEYS
    ) -> Approving | DestinationRefused | NoSuchDestination:
        """The same for a destination whose session has ended; `sign_in_again` finishes it. Keys that aren't given stay
        the same.
        """
        found = await self.store.read(partial(destinations.of_account, account_id=account, number=number))
        if found is None:
            return NoSuchDestination()
        return await self._begun(DestinationKind(found.kind), found.url, keys, self._sign_in.kept(found.sealed))

    async def _begun(
        self, kind: DestinationKind, address: str, keys: OwnKeys, before: LastFmAccess
    ) -> Approving | DestinationRefused:
        wire = self.wire(kind, address)
        if isinstance(wire, DestinationRefused):
            return wire
        if kind not in APPROVED:
            return DestinationRefused(f"{kind.label} has no approval page: enter a token", field="kind")
        if keys.trouble:
            return DestinationRefused(keys.trouble, field="api_key")
        try:
            begun = await self._sign_in.begin(kind, wire, keys.over(before))
        except ValueError as error:
            return DestinationRefused(str(error), field="approval_url")
        if isinstance(begun, Approving):
            return begun
        return DestinationRefused(begun.trouble, _why(begun), _field(begun, "url"))

    @property
    def _sign_in(self) -> DestinationSignIn:
        return DestinationSignIn(self.clock, self.cipher)

    async def add(
        self,
        account: int,
        kind: DestinationKind,
        address: str,
        token: str | NameAndPassword,
        *,
        policy: Policy | None = None,
        days: float = 0.0,
    ) -> StoredDestination | DestinationRefused:
        """Add a destination, or add one again that was removed: then what still waits for it is sent.

        The service is asked first whose token it is. If it has no tokens, `token` is the `state` of a sign-in that was
        approved, or a name and a password. The last `days` days of the history are sent too, after new plays:
        `EVERYTHING` for all of it. Raises StoreUnavailable.
        """
        profile = await self.whose(kind, address, token)
        if isinstance(profile, DestinationRefused):
            return profile
        return await self.add_profile(account, profile, policy, days)

    async def add_profile(
        self, account: int, profile: DestinationProfile, policy: Policy | None, days: float
    ) -> StoredDestination | DestinationRefused:
        """As `add`, for a profile that has been checked. Without a policy, a destination that was removed keeps its old
        one.
        """
        outcome = await self.store.write(partial(self._add, account=account, profile=profile, policy=policy, days=days))
        if isinstance(outcome, StoredDestination):
            self._announce(outcome)
        return outcome

    async def why_not(self, account: int, profile: DestinationProfile) -> DestinationRefused | None:
        """Why a listener can't add a profile; None if they can."""
        return await self.store.read(partial(self._taken, account=account, profile=profile))

    def wire(self, kind: DestinationKind, address: str) -> DestinationWire | DestinationRefused:
        """The wire to an address as it is stored."""
        try:
            wire = self.outlets.wire(kind, address or DEFAULT_ADDRESSES.get(kind, ""))
        except ValueError as error:
            return DestinationRefused(str(error), field="url")
        return self.outlets.wire(kind, _lower_host(wire.address))

    async def whose(
        self, kind: DestinationKind, address: str, given: str | NameAndPassword, sealed: str = ""
    ) -> DestinationProfile | DestinationRefused:
        """Ask a service whose token, sign-in or password this is. Nothing is stored.

        `sealed` is the destination's encrypted session, if there is one already: its own keys stay the same.
        """
        if isinstance(given, str) and kind in APPROVED and not address:
            address = self._sign_in.begun_at(kind, given)
            if not address:
                return DestinationRefused("this sign-in wasn't started at this kind of service: start again")
        wire = self.wire(kind, address)
        if isinstance(wire, DestinationRefused):
            return wire
        if isinstance(given, NameAndPassword) and given.keys.trouble:
            return DestinationRefused(given.keys.trouble, field="api_key")
        try:
            check, kept = await self._sign_in.finish(kind, wire, given, self._sign_in.kept(sealed))
        except ValueError as error:
            return DestinationRefused(str(error), field="approval_url")
        if check.trouble:
            return DestinationRefused(
                check.trouble, _why(check), _field(check, "token" if isinstance(given, str) else "password")
            )
        return DestinationProfile(kind, wire.address, check.user, kept)

    def _add(
        self, db: Connection, account: int, profile: DestinationProfile, policy: Policy | None, days: float
    ) -> StoredDestination | DestinationRefused:
        accounts.lock(db, [account])
        self._lock_profile(db, profile.address, profile.user)
        kind, address, user, now = profile.kind, profile.address, profile.user, self.clock.now()
        known = destinations.named(db, account, kind, address, user)
        before = known.policy if known else Policy()
        if refused := self._taken(db, account, profile) or _wrong_folder(db, account, before, policy or before):
            return refused
        made = known or destinations.add(db, account, kind, address, user, policy or Policy(), now)
        destinations.sign_in(db, made.id, user, self.cipher.close(profile.secret), profile.key)
        if policy is not None:
            destinations.set_policy(db, made.id, policy)
        if days > 0:
            destinations.set_backlog(db, made.id, self.history_from(kind, address, days), 0, plays.last(db))
        self.hints.seen(destinations.owners(db))
        found = destinations.find(db, made.id)
        assert found is not None
        return found

    def history_from(self, kind: str, address: str, days: float) -> int:
        """The start (Unix seconds) of the last `days` days of history, as far back as the service accepts plays."""
        rules = self.outlets.rules_at(kind, address)
        oldest = days * DAY if rules is None or rules.oldest is None else min(days * DAY, rules.oldest)
        return int(max(0.0, self.clock.now() - oldest))

    def _taken(
        self, db: Connection, account: int, profile: DestinationProfile, but: int = 0
    ) -> DestinationRefused | None:
        """Why a profile can't be added: plays are sent there already, by this listener or by another one.

        It recognises the profile with another token, by http, as another kind, or as somebody's Last.fm. `but` is
        ignored.
        """
        kind, address, user = profile.kind, profile.address, profile.user
        others = [one for one in destinations.at_profile(db, user) if one.id != but]
        same = [one for one in others if _place(one.url) == _place(address)]
        if mine := next((one for one in same if one.account == account), None):
            return DestinationRefused(f"{_named(mine)} is one of your destinations already", WhyRefused.TAKEN)
        with_token = any(other.account != account for other in destinations.with_pace_key(db, profile.key))
        if with_token or (same and (user or kind in NAME_NOBODY)):
            return _of_another(kind, user, by_token=with_token)
        if kind in APPROVED and self.is_lastfm(address):
            return _is_lastfm_of(account, accounts.with_lastfm_user(db, user))
        return None

    def _lock_profile(self, db: Connection, address: str, user: str) -> None:
        """Make concurrent attempts to add the same profile wait for one another."""
        destinations.lock_profile(db, "Last.fm" if self.is_lastfm(address) else _place(address), user)

    def why_not_at_lastfm(self, db: Connection, account: int, user: str) -> str:
        """Why an account can't be connected to a Last.fm user: a destination sends plays there; "" if it can."""
        self._lock_profile(db, LASTFM_SERVER.api_url, user)
        there = [one for one in destinations.at_profile(db, user) if one.kind in APPROVED and self.is_lastfm(one.url)]
        if not there:
            return ""
        if any(one.account == account for one in there):
            return f"{user} at Last.fm is one of your other services: remove it there, then connect"
        return f"another listener here already sends plays to {user} at Last.fm"

    async def sign_in_again(
        self, account: int, number: int, token: str | NameAndPassword
    ) -> StoredDestination | DestinationRefused | NoSuchDestination:
        """Continue with a new token of the same user (as in `add`); what waits is sent with it."""
        found = await self.store.read(partial(destinations.of_account, account_id=account, number=number))
        if found is None:
            return NoSuchDestination()
        profile = await self.whose(DestinationKind(found.kind), found.url, token, found.sealed)
        if isinstance(profile, DestinationRefused):
            return profile
        if refused := _somebody_elses(found, profile.user):
            return refused
        sealed = self.cipher.close(profile.secret)

        def write(db: Connection) -> StoredDestination | DestinationRefused | NoSuchDestination:
            accounts.lock(db, [account])
            self._lock_profile(db, profile.address, profile.user)
            now = destinations.of_account(db, account, number)
            if now is None:
                return NoSuchDestination()
            if refused := self._taken(db, account, profile, but=number):
                return refused
            user = profile.user
            if not now.username and user and destinations.named(db, account, found.kind, found.url, user):
                return DestinationRefused(f"this is {user}'s, who was one of your destinations before: add it again")
            destinations.sign_in(db, number, user, sealed, profile.key)
            return destinations.find(db, number) or now

        outcome = await self.store.write(write)
        if isinstance(outcome, StoredDestination):
            self._announce(outcome)
        return outcome

    async def pause(self, account: int, number: int, *, paused: bool) -> DestinationChangeResult:
        """Pause: send nothing there until it is resumed, plays wait. Or resume."""
        at = self.clock.now() if paused else None
        return await self._changed(account, number, partial(destinations.pause, number=number, now=at))

    async def change_policy(
        self, account: int, number: int, change: Callable[[Policy], Policy]
    ) -> DestinationChangeResult:
        """Change which plays it gets of those reported from now on: `change` is given the current policy.

        If two change it at once, neither undoes what the other has changed.
        """

        def write(db: Connection) -> DestinationRefused | None:
            found = destinations.find(db, number)
            assert found is not None
            policy = change(found.policy)
            if refused := _wrong_folder(db, account, found.policy, policy):
                return refused
            destinations.set_policy(db, number, policy)
            return None

        return await self._changed(account, number, write)

    async def send_history(self, account: int, number: int, days: float) -> DestinationChangeResult:
        """Send the last `days` days of the history as well, as far as it isn't there yet, after new plays. History that
        was requested before and isn't queued yet is still sent.
        """

        def change(db: Connection) -> None:
            found = destinations.find(db, number)
            if found is None:
                return
            after = (self.history_from(found.kind, found.url, days), 0)
            if found.backlog_at is not None:
                after = min(after, (found.backlog_at, found.backlog_id))
            destinations.set_backlog(db, number, *after, plays.last(db))

        return await self._changed(account, number, change)

    async def retry(self, account: int, number: int) -> DestinationChangeResult:
        """Make everything that waits there due now, except what starts in the future."""

        def change(db: Connection) -> None:
            found = destinations.find(db, number)
            destinations.retry(db, number)
            destination_queue.due_now(db, number, self.clock.now(), self.time.skew)
            destination_hearts.OWED.retry(db, number, self.clock.now())
            if found is not None and found.pace_key:
                pace.probe_now(db, found.pace_key, self.clock.now())

        return await self._changed(account, number, change)

    async def _changed(
        self, account: int, number: int, change: Callable[[Connection], DestinationRefused | None]
    ) -> DestinationChangeResult:
        def write(db: Connection) -> DestinationChangeResult:
            accounts.lock(db, [account])
            if destinations.of_account(db, account, number) is None:
                return NoSuchDestination()
            if refused := change(db):
                return refused
            self.hints.seen(destinations.owners(db))
            return destinations.of_account(db, account, number) or NoSuchDestination()

        outcome = await self.store.write(write)
        if isinstance(outcome, StoredDestination):
            self._announce(outcome)
        return outcome

    async def remove(
        self, account: int, number: int, *, discard: bool | None = None
    ) -> DestinationRemoved | KeepOrDiscard | NoSuchDestination:
        """Remove a destination and forget its token. If plays wait, `discard` has to say whether they are discarded;
        kept ones are sent when the same profile is added again.
        """

        def write(db: Connection) -> DestinationRemoved | KeepOrDiscard | NoSuchDestination:
            accounts.lock(db, [account])
            found = destinations.of_account(db, account, number)
            if found is None:
                return NoSuchDestination()
            waiting = destination_queue.counts(db, [number]).get(number, Waiting()).plays
            if waiting and discard is None:
                return KeepOrDiscard(waiting)
            now = self.clock.now()
            destinations.remove(db, number, now)
            if discard:
                destination_hearts.discard(db, number)
                return DestinationRemoved(discarded=destination_queue.discard_all(db, number, now))
            destination_queue.LINE.rescue(db, number)
            return DestinationRemoved(kept=waiting)

        found = await self.store.read(partial(destinations.of_account, account_id=account, number=number))
        outcome = await self.store.write(write)
        if found is not None and isinstance(outcome, DestinationRemoved):
            self.hints.seen(await self.store.read(destinations.owners))
            gone = DestinationChanged(found.id, found.kind, found.username, "removed")
            self.event_hub.publish(account, gone)
        return outcome

    def _announce(self, found: StoredDestination) -> None:
        self.event_hub.publish(found.account, DestinationChanged(found.id, found.kind, found.username, state_of(found)))
        self.hints.wake([found.id])

    @property
    def any_here(self) -> bool:
        """Whether anybody here has destinations."""
        return self.hints.any_here

    async def all(self, account: int) -> list[DestinationOverview]:
        """The destinations of a listener as they are now, in the order in which they were added."""
        return await self.store.read(partial(self._all, account=account))

    def _all(self, db: Connection, account: int) -> list[DestinationOverview]:
        found = destinations.of_accounts(db, [account]).get(account, [])
        numbers = [one.id for one in found]
        waiting, outcomes = destination_queue.counts(db, numbers), destination_queue.fates(db, numbers)
        hearts = destination_hearts.counts(db, numbers)
        paused, since = KIND in jobs.paused(db), self.clock.now() - BUDGET_DAY
        return [
            DestinationOverview(
                one,
                state_of(one),
                waiting.get(one.id, Waiting()),
                destination_waits.of_queue(db, one, waiting.get(one.id), self._facts(db, one, paused=paused)),
                outcomes.get(one.id, {}),
                destination_queue.accepted_since(db, one.id, since) if one.state.budget else 0,
                *hearts.get(one.id, (0, 0)),
            )
            for one in found
        ]

    def _facts(self, db: Connection, one: StoredDestination, *, paused: bool) -> DeliveryFacts:
        return destination_waits.facts(db, one, self.clock.now(), self.time.now(), paused=paused)

    async def of_plays(self, account: int, ids: Sequence[int]) -> dict[int, list[PlayAtDestination]]:
        """What happened to plays at each destination, including those removed since."""
        return await self.store.read(partial(self.read_plays, account=account, ids=ids))

    def read_plays(self, db: Connection, account: int, ids: Sequence[int]) -> dict[int, list[PlayAtDestination]]:
        """As `of_plays`, within a transaction."""
        mine = {one.id: one for one in destinations.all_of(db, account)}
        found: dict[int, list[PlayAtDestination]] = {}
        if not mine:
            return found
        paused = KIND in jobs.paused(db)
        facts: dict[int, DeliveryFacts] = {}
        for delivered in destination_queue.stories(db, sorted(mine), ids):
            one, waits = mine[delivered.destination], None
            reason = delivered.reason or ("accepted" if delivered.fate == destination_queue.ACCEPTED else "")
            if delivered.fate == "queued":
                if one.id not in facts:
                    facts[one.id] = self._facts(db, one, paused=paused)
                waits = destination_waits.of_play(one, delivered, facts[one.id])
                reason = destination_waits.explained(waits, DestinationKind(one.kind))
            elif delivered.fate == destination_queue.ACCEPTED:
                reason = f"on {DestinationKind(one.kind).label}"
            found.setdefault(delivered.play, []).append(PlayAtDestination(one, delivered, reason, waits))
        return found

    async def rejected(self, account: int, number: int, limit: int) -> list[PlayAtDestination]:
        """The latest plays that a destination has rejected or ignored."""

        def read(db: Connection) -> list[PlayAtDestination]:
            if destinations.of_account(db, account, number) is None:
                return []
            ids = destination_queue.of_fate(db, number, ("refused", "ignored"), limit)
            there = self.read_plays(db, account, ids)
            return [one for play_id in ids for one in there.get(play_id, []) if one.destination.id == number]

        return await self.store.read(read)

    async def listed(self, account: int, number: int, limit: int) -> DestinationPlays | NoSuchDestination:
        """What waits for a destination, in the order in which it is sent, and the latest plays that it has rejected or
        ignored.
        """

        def read(db: Connection) -> DestinationPlays | NoSuchDestination:
            if destinations.of_account(db, account, number) is None:
                return NoSuchDestination()
            waiting = destination_queue.first(db, number, limit)
            rejected = destination_queue.of_fate(db, number, ("refused", "ignored"), limit)
            stored, there = (
                plays.by_id(db, account, waiting + rejected),
                self.read_plays(db, account, waiting + rejected),
            )
            both = [
                tuple(
                    (stored[play_id], one)
                    for play_id in ids
                    for one in there.get(play_id, [])
                    if one.destination.id == number and play_id in stored
                )
                for ids in (waiting, rejected)
            ]
            return DestinationPlays(*both)

        return await self.store.read(read)

    async def preview(self, account: int, policy: Policy, limit: int = PREVIEWED) -> PolicyPreview:
        """What a policy would have done to the latest plays of a listener."""
        return await self.store.read(partial(_preview, account=account, policy=policy, limit=limit))

    def show(self, account: int, track: Track, reporter: str = "") -> None:
        """Report to each destination what is playing, in the background; only the latest report counts."""
        before = self._shows.get(account)
        if before is not None:
            before.cancel()
        self._shows[account] = asyncio.create_task(self._show(account, track, reporter), name="now playing elsewhere")

    async def _show(self, account: int, track: Track, reporter: str) -> None:
        with suppress(StoreUnavailable):
            await self.playing(account, track, reporter)

    async def close(self) -> None:
        """Stop reporting what is playing."""
        tasks = list(self._shows.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def playing(self, account: int, track: Track, reporter: str = "") -> None:
        """Report to each destination what is playing: once, and only if nothing delays the request. No destination
        waits for another.
        """
        found = (await self.store.read(partial(destinations.of_accounts, account_ids=[account]))).get(account, [])
        now = self.clock.now()
        shown = [
            self._show_at(one, track)
            for one in found
            if one.state.connection is Connected.CONNECTED
            and one.paused_at is None
            and not one.policy.keeps(reporter, now)
        ]
        await asyncio.gather(*shown)

    async def _show_at(self, one: StoredDestination, track: Track) -> None:
        outlet = self.outlets.get(one.pace_key)
        if outlet is None or await outlet.pace.current_throttle():
            return
        try:
            token = self.cipher.open(one.sealed)
        except SealBroken:
            return
        await outlet.wire.playing_now(one.policy.applied(track), token)


def state_of(found: StoredDestination) -> str:
    """The state of a destination, in one word."""
    if found.state.connection is Connected.CONNECTED and found.paused_at is not None:
        return "paused"
    return found.state.connection


def _somebody_elses(found: StoredDestination, user: str) -> DestinationRefused | None:
    """Why a destination can't continue with a session of that user."""
    service = DestinationKind(found.kind).label
    if found.username and not user:
        return DestinationRefused(f"{service} doesn't say whose this is, and plays wait here for {found.username}")
    if not found.username or user.casefold() == found.username.casefold():
        return None
    whose = f"you signed in as {user}" if found.kind in APPROVED else f"this token is {user}'s"
    return DestinationRefused(f"{whose}, and plays wait here for {found.username}: add {user} as another destination")


def _of_another(kind: DestinationKind, user: str, *, by_token: bool) -> DestinationRefused:
    """The refusal if another listener here sends there already: with the same token, or with another one of the same
    user.
    """
    mixed = "or their plays and yours would be mixed there"
    if by_token:
        text = f"another listener here already sends plays with this {kind.label} token: use a token of your own"
    else:
        to = f"to {user} at {kind.label}" if user else f"to this {kind.label}"
        text = f"another listener here already sends plays {to}: use a profile of your own"
    return DestinationRefused(f"{text}, {mixed}", WhyRefused.TAKEN)


def _is_lastfm_of(account: int, signed_in: Sequence[int]) -> DestinationRefused | None:
    """The refusal if plays of these listeners are sent to that Last.fm profile already."""
    if account in signed_in:
        text = "you're signed in there already: that is the Last.fm of your settings"
        return DestinationRefused(text, WhyRefused.TAKEN)
    return _of_another(DestinationKind.LASTFM, "", by_token=False) if signed_in else None


def _field(check: TokenCheck, secret: str) -> str:
    """The input field that the trouble is about."""
    return {AccessPart.ADDRESS: "url", AccessPart.API_KEY: "api_key"}.get(check.part, secret)


def _why(check: TokenCheck) -> WhyRefused:
    if check.pending:
        return WhyRefused.PENDING
    return WhyRefused.AWAY if check.passing else WhyRefused.INVALID


def _named(found: StoredDestination) -> str:
    """A destination in words: "ListenBrainz (RJ)"."""
    label = DestinationKind(found.kind).label
    who = found.username or urlsplit(found.url).netloc
    return f"{label} ({who})"


def _place(address: str) -> str:
    """An address without its scheme: http and https lead to the same place."""
    return "".join(urlsplit(address)[1:])


def _lower_host(address: str) -> str:
    """An address in the form in which it is compared: the scheme and the host in lower case."""
    parts = urlsplit(address)
    host = parts.netloc.lower()
    default = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
    return parts._replace(netloc=host.removesuffix(default) if default else host).geturl()


def _wrong_folder(db: Connection, account: int, before: Policy, after: Policy) -> DestinationRefused | None:
    """What is wrong with the folders that a policy names and did not name before."""
    for folder in without_files(db, account, [one for one in after.not_in if one not in before.not_in]):
        return DestinationRefused(
            f"there is no scanned file in {folder}: check the path, or scan that folder first", field="not_in"
        )
    return None


def _preview(db: Connection, account: int, policy: Policy, limit: int) -> PolicyPreview:
    latest = plays.latest(db, account, limit)
    kept, changed = 0, dict[tuple[Track, Track], None]()
    now = max((stored.reported_at for stored in latest), default=0.0)
    always = replace(policy, private_until=0.0)
    files = files_of(db, account, [stored.play.track for stored in latest] if policy.not_in else ())
    for stored in latest:
        if always.keeps(stored.reporter, now, files.get(stored.play.track, ())):
            kept += 1
        elif (sent := always.applied(stored.play.track)) != stored.play.track:
            changed[stored.play.track, sent] = None
    return PolicyPreview(len(latest), kept, tuple(changed))
