"""Destinations: other services that a listener's plays are sent to, added, changed, paused and removed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from sqlalchemy import Connection

from tonearm.clock import Clock
from tonearm.core.destination import AccessPart, DestinationKind, TokenCheck
from tonearm.core.event import DestinationChanged
from tonearm.core.policy import Policy
from tonearm.lastfm.destination import LastFmAccess
from tonearm.lastfm.like import LASTFM_SERVER
from tonearm.lastfm.servers import LIBREFM_SERVER
from tonearm.listenbrainz import API_URL as LISTENBRAINZ_URL
from tonearm.service.clock_skew import LastFmTime
from tonearm.service.destination_hints import DestinationHints
from tonearm.service.destination_results import (
    DestinationChangeResult,
    DestinationProfile,
    DestinationRefused,
    DestinationRemoved,
    KeepOrDiscard,
    NoSuchDestination,
    WhyRefused,
    name_of,
    state_of,
)
from tonearm.service.destination_sign_in import (
    NO_KEYS,
    WITH_A_HANDLE,
    Approving,
    DestinationSignIn,
    NameAndPassword,
    OwnKeys,
)
from tonearm.service.events import EventHub
from tonearm.service.library_folders import without_files
from tonearm.service.outlets import (
    APPROVED,
    BY_APP_PASSWORD,
    SIGNED_IN,
    DestinationOutlets,
    DestinationWire,
    may_be_one,
)
from tonearm.store import accounts, destination_hearts, destination_queue, destinations, pace, plays
from tonearm.store.db.database import Store
from tonearm.store.destination_queue import Waiting
from tonearm.store.destinations import StoredDestination
from tonearm.store.secrets.seal import SessionCipher

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


@dataclass(frozen=True, slots=True)
class Destinations:
    """Adds, changes, pauses and removes destinations."""

    store: Store
    clock: Clock
    time: LastFmTime
    outlets: DestinationOutlets
    cipher: SessionCipher
    event_hub: EventHub
    hints: DestinationHints
    is_lastfm: Callable[[str], bool] = lambda _: False

    async def begin(
        self, kind: DestinationKind, address: str, keys: OwnKeys = NO_KEYS
    ) -> Approving | DestinationRefused:
        """Begin to sign in at a service that has no tokens: where the listener approves. `add` finishes it with the
        `state`.
        """
        return await self._begun(kind, address, keys, LastFmAccess())

    async def begin_again(
        self, account: int, destination_id: int, keys: OwnKeys = NO_KEYS
    ) -> Approving | DestinationRefused | NoSuchDestination:
        """The same for a destination whose session has ended; `sign_in_again` finishes it. Keys that aren't given stay
        the same.
        """
        found = await self.store.read(
            partial(destinations.of_account, account_id=account, destination_id=destination_id)
        )
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
            what_to_do = WITH_A_HANDLE if kind in BY_APP_PASSWORD else "enter a token"
            return DestinationRefused(f"{kind.label} has no approval page: {what_to_do}", field="kind")
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
        same = [one for one in others if _place(one.url) == _place(address) and may_be_one(one.kind, kind)]
        if mine := next((one for one in same if one.account == account), None):
            return DestinationRefused(f"{name_of(mine)} is already one of your destinations", WhyRefused.TAKEN)
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
        self, account: int, destination_id: int, token: str | NameAndPassword
    ) -> StoredDestination | DestinationRefused | NoSuchDestination:
        """Continue with a new token of the same user (as in `add`); what waits is sent with it."""
        found = await self.store.read(
            partial(destinations.of_account, account_id=account, destination_id=destination_id)
        )
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
            now = destinations.of_account(db, account, destination_id)
            if now is None:
                return NoSuchDestination()
            if refused := self._taken(db, account, profile, but=destination_id):
                return refused
            user = profile.user
            if not now.username and user and destinations.named(db, account, found.kind, found.url, user):
                return DestinationRefused(f"this belongs to {user}, a destination that you had before: add it again")
            destinations.sign_in(db, destination_id, user, sealed, profile.key)
            return destinations.find(db, destination_id) or now

        outcome = await self.store.write(write)
        if isinstance(outcome, StoredDestination):
            self._announce(outcome)
        return outcome

    async def pause(self, account: int, destination_id: int, *, paused: bool) -> DestinationChangeResult:
        """Pause: send nothing there until it is resumed, plays wait. Or resume."""
        at = self.clock.now() if paused else None
        return await self._changed(
            account, destination_id, partial(destinations.pause, destination_id=destination_id, now=at)
        )

    async def change_policy(
        self, account: int, destination_id: int, change: Callable[[Policy], Policy]
    ) -> DestinationChangeResult:
        """Change which plays it gets of those reported from now on: `change` is given the current policy.

        If two change it at once, neither undoes what the other has changed.
        """

        def write(db: Connection) -> DestinationRefused | None:
            found = destinations.find(db, destination_id)
            assert found is not None
            policy = change(found.policy)
            if refused := _wrong_folder(db, account, found.policy, policy):
                return refused
            destinations.set_policy(db, destination_id, policy)
            return None

        return await self._changed(account, destination_id, write)

    async def send_history(self, account: int, destination_id: int, days: float) -> DestinationChangeResult:
        """Send the last `days` days of the history as well, as far as it isn't there yet, after new plays. History that
        was requested before and isn't queued yet is still sent.
        """

        def change(db: Connection) -> None:
            found = destinations.find(db, destination_id)
            if found is None:
                return
            after = (self.history_from(found.kind, found.url, days), 0)
            if found.backlog_at is not None:
                after = min(after, (found.backlog_at, found.backlog_id))
            destinations.set_backlog(db, destination_id, *after, plays.last(db))

        return await self._changed(account, destination_id, change)

    async def retry(self, account: int, destination_id: int) -> DestinationChangeResult:
        """Make everything that waits there due now, except what starts in the future."""

        def change(db: Connection) -> None:
            found = destinations.find(db, destination_id)
            destinations.retry(db, destination_id)
            destination_queue.due_now(db, destination_id, self.clock.now(), self.time.skew)
            destination_hearts.OWED.retry(db, destination_id, self.clock.now())
            if found is not None and found.pace_key:
                pace.probe_now(db, found.pace_key, self.clock.now())

        return await self._changed(account, destination_id, change)

    async def _changed(
        self, account: int, destination_id: int, change: Callable[[Connection], DestinationRefused | None]
    ) -> DestinationChangeResult:
        def write(db: Connection) -> DestinationChangeResult:
            accounts.lock(db, [account])
            if destinations.of_account(db, account, destination_id) is None:
                return NoSuchDestination()
            if refused := change(db):
                return refused
            self.hints.seen(destinations.owners(db))
            return destinations.of_account(db, account, destination_id) or NoSuchDestination()

        outcome = await self.store.write(write)
        if isinstance(outcome, StoredDestination):
            self._announce(outcome)
        return outcome

    async def remove(
        self, account: int, destination_id: int, *, discard: bool | None = None
    ) -> DestinationRemoved | KeepOrDiscard | NoSuchDestination:
        """Remove a destination and forget its token. If plays wait, `discard` has to say whether they are discarded;
        kept ones are sent when the same profile is added again.
        """

        def write(db: Connection) -> DestinationRemoved | KeepOrDiscard | NoSuchDestination:
            accounts.lock(db, [account])
            found = destinations.of_account(db, account, destination_id)
            if found is None:
                return NoSuchDestination()
            waiting = destination_queue.counts(db, [destination_id]).get(destination_id, Waiting()).plays
            if waiting and discard is None:
                return KeepOrDiscard(waiting)
            now = self.clock.now()
            destinations.remove(db, destination_id, now)
            if discard:
                destination_hearts.discard(db, destination_id)
                return DestinationRemoved(discarded=destination_queue.discard_all(db, destination_id, now))
            destination_queue.LINE.rescue(db, destination_id)
            return DestinationRemoved(kept=waiting)

        found = await self.store.read(
            partial(destinations.of_account, account_id=account, destination_id=destination_id)
        )
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


def _somebody_elses(found: StoredDestination, user: str) -> DestinationRefused | None:
    """Why a destination can't continue with a session of that user."""
    service = DestinationKind(found.kind).label
    if found.username and not user:
        return DestinationRefused(
            f"{service} doesn't say which user this belongs to, and plays are waiting for {found.username}"
        )
    if not found.username or user.casefold() == found.username.casefold():
        return None
    whose = f"you signed in as {user}" if found.kind in SIGNED_IN else f"this token belongs to {user}"
    return DestinationRefused(f"{whose}, but plays are waiting for {found.username}: add {user} as another destination")


def _of_another(kind: DestinationKind, user: str, *, by_token: bool) -> DestinationRefused:
    """The refusal if another listener here sends there already: with the same token, or with another one of the same
    user.
    """
    mixed = "or their plays and yours would be mixed there"
    if by_token:
        text = f"another listener here already sends plays with this {kind.label} token: use your own token"
    else:
        to = f"to {user} at {kind.label}" if user else f"to this {kind.label}"
        text = f"another listener here already sends plays {to}: use your own profile"
    return DestinationRefused(f"{text}, {mixed}", WhyRefused.TAKEN)


def _is_lastfm_of(account: int, signed_in: Sequence[int]) -> DestinationRefused | None:
    """The refusal if plays of these listeners are sent to that Last.fm profile already."""
    if account in signed_in:
        text = "you're already signed in there: it is the Last.fm profile in your settings"
        return DestinationRefused(text, WhyRefused.TAKEN)
    return _of_another(DestinationKind.LASTFM, "", by_token=False) if signed_in else None


def _field(check: TokenCheck, secret: str) -> str:
    """The input field that the trouble is about."""
    return {AccessPart.ADDRESS: "url", AccessPart.API_KEY: "api_key"}.get(check.part, secret)


def _why(check: TokenCheck) -> WhyRefused:
    if check.pending:
        return WhyRefused.PENDING
    return WhyRefused.AWAY if check.passing else WhyRefused.INVALID


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
