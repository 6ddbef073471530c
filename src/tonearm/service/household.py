"""The household: who listens here, how others are invited, and who may see whose plays."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from tonearm.clock import Clock
from tonearm.service.accounts import Accounts, listener_name, valid_name
from tonearm.store import accounts, household
from tonearm.store.db.database import Store
from tonearm.store.household import StoredMember
from tonearm.store.plays import StoredPlay
from tonearm.store.secrets import tokens
from tonearm.store.secrets.tokens import TokenKind

INVITATION_LIFE = 7 * 86400.0
"""Seconds for which an invitation can be used, once."""

SHOWN = 30
"""Plays of another listener that are shown."""


@dataclass(frozen=True, slots=True)
class Household:
    """The listeners, as one of them sees them. `may_invite`: only the first listener can invite others."""

    me: int
    members: tuple[StoredMember, ...]
    may_invite: bool

    @property
    def others(self) -> tuple[StoredMember, ...]:
        """All listeners except the one who asks."""
        return tuple(member for member in self.members if member.id != self.me)


@dataclass(frozen=True, slots=True)
class Invitation:
    """A link that lets somebody in, once, within a week: `secret` is the end of its address."""

    name: str
    secret: str


@dataclass(frozen=True, slots=True)
class NotInvited:
    """The invitation was refused, and why."""

    reason: str


_NOT_FIRST = NotInvited("only the first listener of this service can invite others")


@dataclass(frozen=True, slots=True)
class Shared:
    """What another listener has played recently, latest first."""

    account: int
    name: str
    plays: tuple[StoredPlay, ...]


@dataclass(frozen=True, slots=True)
class Households:
    """The listeners of one database. Each sees their own plays, and those that others share."""

    store: Store
    clock: Clock
    accounts: Accounts

    async def of(self, account: int) -> Household:
        """The listeners, as one of them sees them."""
        return await self.store.read(partial(_household, account=account))

    async def invite(self, account: int, name: str) -> Invitation | NotInvited:
        """Create a listener, and a link that lets them in. A listener who has never signed in can be invited again,
        which ends the earlier invitation. Raises BadName.
        """
        name, secret = listener_name(name), secrets.token_urlsafe(32)
        refused = await self.store.read(partial(self._refused, account=account, name=name))
        if refused is not None:
            return refused
        await self.accounts.add(name)
        return await self.store.write(partial(self._invite, account=account, name=name, secret=secret))

    def _refused(self, db: Connection, account: int, name: str) -> NotInvited | None:
        if household.first(db) != account:
            return _NOT_FIRST
        found = accounts.named(db, name)
        if found is not None and household.has_come(db, found.id, self.clock.now()):
            return NotInvited(f'"{name}" is already a listener here, and can add a device on this page')
        return None

    def _invite(self, db: Connection, account: int, name: str, secret: str) -> Invitation | NotInvited:
        refused, now = self._refused(db, account, name), self.clock.now()
        found = accounts.named(db, name)
        if refused is not None or found is None:
            return refused or NotInvited("the listener has been removed")
        tokens.end_links(db, found.id)  # one that was sent before, perhaps to the wrong person
        tokens.add(db, found.id, secret, TokenKind.LINK, now, now + INVITATION_LIFE)
        return Invitation(name, secret)

    async def change_invited(self, account: int, name: str, new_name: str | None) -> NotInvited | None:
        """Rename a listener who has never signed in (the invitation stays valid), or remove them. Raises BadName."""
        new_name = None if new_name is None else valid_name(new_name)
        change = partial(_change, account=account, name=listener_name(name), new_name=new_name)
        return await self.store.write(change)

    async def share(self, account: int, with_whom: int, *, shown: bool) -> bool:
        """Share this listener's plays with another one, or stop sharing; False if there is no such other listener."""
        return await self.store.write(partial(_share, account=account, with_whom=with_whom, shown=shown))

    async def seen(self, account: int, name: str) -> Shared | None:
        """What another listener has played recently; None if there is no such listener, or they don't share it."""
        return await self.store.read(partial(_shared_plays, account=account, name=listener_name(name)))


def _change(db: Connection, account: int, name: str, new_name: str | None) -> NotInvited | None:
    if household.first(db) != account:
        return _NOT_FIRST
    found = next((one for one in household.members(db, account) if one.name == name and one.invited), None)
    unknown = NotInvited(f'nobody named "{name}" is waiting to sign in here')
    if found is None:
        return unknown
    if new_name and accounts.named(db, new_name):
        return NotInvited(f'"{new_name}" is already a listener here')
    done = household.rename(db, found.id, new_name) if new_name else household.remove(db, found.id)
    return None if done else unknown


def _household(db: Connection, account: int) -> Household:
    return Household(account, tuple(household.members(db, account)), household.first(db) == account)


def _share(db: Connection, account: int, with_whom: int, *, shown: bool) -> bool:
    if with_whom == account or with_whom not in accounts.by_id(db, [with_whom]):
        return False
    change = household.share if shown else household.stop_sharing
    change(db, account, with_whom)
    return True


def _shared_plays(db: Connection, account: int, name: str) -> Shared | None:
    found = next((member for member in household.members(db, account) if member.name == name), None)
    if found is None or not found.sees:
        return None
    return Shared(found.id, found.name, tuple(household.latest(db, found.id, SHOWN)))
