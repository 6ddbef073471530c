"""Listeners: the accounts of this service, their settings, credentials and queue status."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from unicodedata import category, normalize

from sqlalchemy import Connection

from tonearm.clock import Clock
from tonearm.core.account import Account
from tonearm.core.cleaning import RARE
from tonearm.core.destination import Rules
from tonearm.core.pacing import BUDGET_DAY, clear_at
from tonearm.core.play import HIGHEST_THRESHOLD, LOWEST_THRESHOLD
from tonearm.core.waits import DeliveryFacts, WaitKind, Waits, queue_waits, reason, stopped
from tonearm.service.clock_skew import LastFmTime
from tonearm.service.events import EventHub, Subscription
from tonearm.service.keyring import Keyring
from tonearm.service.report import UnknownListener
from tonearm.store import accounts, pace, plays, queue
from tonearm.store.db.database import Store
from tonearm.store.queries import waiting
from tonearm.store.secrets import tokens
from tonearm.store.secrets.tokens import TokenKind

FIRST_LISTENER = "me"
LINK_LIFE = 3600.0
BROWSER_LIFE = 90 * 86400.0

_NAME = re.compile(r"[\w.@+-]+")
_LONGEST_NAME = 64


class BadName(ValueError):
    """Not a valid name for a listener."""


def listener_name(text: str) -> str:
    """The name in one form: an accent may be typed as a character of its own (NFD), as macOS does."""
    return normalize("NFC", text)


def valid_name(text: str) -> str:
    """The name in this form, for a new listener; raises BadName."""
    name = listener_name(text)
    if not _is_name(name):
        raise BadName(f'Invalid name "{name[:80]}": use 1 to 64 letters, digits or . _ @ + -')
    return name


def _is_name(name: str) -> bool:
    """Whether it is one for a listener: also of letters with marks, as in Hindi and Thai, but of no invisible ones."""
    if not name or len(name) > _LONGEST_NAME or RARE.search(name) or category(name[0])[0] == "M":
        return False
    if not name.strip("."):  # in an address, it would be the page above
        return False
    return bool(_NAME.fullmatch("".join(sign for sign in name if category(sign)[0] != "M")))


class BadThreshold(ValueError):
    """Outside 25 to 100 percent."""


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """The state of an account's queue: true counts; times are Unix seconds, None if there is nothing.

    `waits` is why the first play has not been sent yet (None if nothing waits). `held` plays are on hold for something
    that no attempt brings: a sign-in, another user, a key, their start, room under the daily limit, the end of a pause.
    `expires_next` is when the oldest play becomes too old; `trouble` is the last thing that went wrong. `sent` counts
    the plays sent in the last 24 hours, out of about `daily_limit` (None: not reached yet), and `clear_at` estimates
    when the backlog will be gone at that rate. `others`: how many of `held` wait for other Last.fm users.
    """

    queued: int
    sending: int
    held: int
    refused: int
    state: str
    next_attempt_at: float | None
    oldest: int | None
    expires_next: int | None
    trouble: str
    sent: int
    daily_limit: int | None
    clear_at: float | None
    others: tuple[queue.Others, ...] = ()
    waits: Waits | None = None


@dataclass(frozen=True, slots=True)
class Accounts:
    """The accounts of one database."""

    store: Store
    clock: Clock
    keyring: Keyring
    time: LastFmTime
    rules: Rules
    daily: int | None = None

    async def add(self, name: str) -> Account:
        """The listener with that name, created if there is none; raises BadName."""
        name = valid_name(name)
        return await self.store.write(partial(accounts.add, name=name, now=self.clock.now()))

    async def named(self, name: str) -> Account:
        """The listener with that name; raises UnknownListener."""
        found = await self.store.read(partial(accounts.named, name=listener_name(name)))
        if found is None:
            raise UnknownListener(f"no listener named {name!r}: add one with 'tonearm listener add'")
        return found.under(self.keyring.names)

    async def account(self, account_id: int) -> Account:
        """The account as it is now; raises UnknownListener."""
        found = await self.store.read(partial(accounts.by_id, account_ids=[account_id]))
        if account_id not in found:
            raise UnknownListener(f"no listener with the id {account_id}")
        return found[account_id].under(self.keyring.names)

    async def change_settings(self, account_id: int, enabled: bool | None, threshold: int | None) -> list[str]:
        """Write the settings that are not None; returns their names. Raises BadThreshold."""
        if threshold is not None and not LOWEST_THRESHOLD <= threshold <= HIGHEST_THRESHOLD:
            raise BadThreshold(f"the threshold must be {LOWEST_THRESHOLD} to {HIGHEST_THRESHOLD} percent")
        change = partial(accounts.change_settings, account_id=account_id, enabled=enabled, threshold=threshold)
        await self.store.write(change)
        given = {"enabled": enabled, "scrobble_threshold": threshold}
        return [name for name, value in given.items() if value is not None]

    async def token(self, account_id: int) -> str:
        """A new API token: shown once, stored as a hash."""
        return await self._secret(account_id, TokenKind.API, None)

    async def link(self, account_id: int) -> str:
        """The secret of a link that signs in one browser, once, within an hour."""
        return await self._secret(account_id, TokenKind.LINK, LINK_LIFE)

    async def of_link(self, link: str) -> Account | None:
        """The account that a link signs in, without using it up; None if it is used, too old or unknown."""
        account_id = await self.by_secret(link, TokenKind.LINK)
        return None if account_id is None else await self.account(account_id)

    async def browser(self, link: str) -> str | None:
        """A browser's session for a link; None if the link is used, too old or unknown."""
        secret, now = secrets.token_urlsafe(32), self.clock.now()

        def use(db: Connection) -> int | None:
            account_id = tokens.use_link(db, link, now)
            if account_id is not None:
                tokens.add(db, account_id, secret, TokenKind.BROWSER, now, now + BROWSER_LIFE)
            return account_id

        return secret if await self.store.write(use) is not None else None

    async def has_browser(self, account_id: int) -> bool:
        """Whether a browser is signed in for this account."""
        return await self.store.read(partial(tokens.any_browser, account=account_id, now=self.clock.now()))

    async def by_secret(self, secret: str, *kinds: TokenKind) -> int | None:
        """The account of a token or a browser's session; None if it is not valid."""
        return await self.store.read(partial(tokens.owner, secret=secret, kinds=kinds, now=self.clock.now()))

    async def forget(self, secret: str) -> None:
        """End a browser's session or a token."""
        await self.store.write(partial(tokens.forget, secret=secret))

    async def _secret(self, account_id: int, kind: TokenKind, life: float | None) -> str:
        secret, now = secrets.token_urlsafe(32), self.clock.now()
        until = now + life if life else None
        await self.store.write(
            partial(tokens.add, account=account_id, secret=secret, kind=kind, now=now, expires_at=until)
        )
        return secret

    async def queue_status(self, account_id: int) -> QueueStatus:
        """The status of the queue now."""
        return await self.store.read(partial(self._queue_status, account_id=account_id))

    def facts(self, db: Connection, account_id: int) -> DeliveryFacts:
        """What decides whether an account's plays are sent now."""
        return waiting.delivery_facts(
            db, account_id, self.keyring.names, self.clock.now(), self.time.now(), configured=self.keyring.configured
        )

    def _queue_status(self, db: Connection, account_id: int) -> QueueStatus:
        facts = self.facts(db, account_id)
        now = facts.now
        count = queue.count(db, account_id, facts.user, now, lastfm_now=facts.lastfm_now, limited=facts.limited)
        first = queue_waits(waiting.first_of_count(db, facts, count), facts)
        sent = plays.accepted_since(db, account_id, now - BUDGET_DAY)
        budget = facts.state.budget if self.daily is None else self.daily
        fates = plays.count_by_fate(db, account_id, ("refused", "ignored"))
        return QueueStatus(
            queued=count.queued,
            sending=count.sending,
            held=held(count, facts),
            refused=sum(fates.values()),
            state=facts.connection,
            next_attempt_at=next_attempt(first, now),
            oldest=count.oldest,
            expires_next=self.rules.expires_at(count.oldest),
            trouble=_trouble(facts),
            sent=sent,
            daily_limit=budget or None,
            clear_at=clear_at(count.queued, budget, sent, now) if count.queued else None,
            others=count.others,
            waits=Waits(WaitKind.SENDING) if count.sending else first,
        )

    async def retry(self, account_id: int, hint: Callable[[int], None]) -> None:
        """Make everything that waits due now; under a throttle, one play probes whether it is over."""

        def due(db: Connection) -> None:
            accounts.lock(db, [account_id])
            queue.retry_all(db, account_id, self.clock.now(), self.time.skew)
            key = self.keyring.of(accounts.by_id(db, [account_id])[account_id])
            pace.probe_now(db, key.name, self.clock.now())

        await self.store.write(due)
        hint(account_id)

    async def retry_and_wait(
        self, account_id: int, hint: Callable[[int], None], event_hub: EventHub, seconds: float
    ) -> int:
        """Retry, and wait until nothing more is being sent or the seconds are over; returns how many plays are left."""
        deadline = self.clock.now() + seconds
        with event_hub.subscribe(account_id) as (subscription, _):
            await self._settled(account_id, subscription, deadline, lambda queue_status, _: not queue_status.sending)
            await self.retry(account_id, hint)
            queue_status = await self._settled(account_id, subscription, deadline, _is_idle)
            return queue_status.queued + queue_status.sending

    async def _settled(
        self,
        account_id: int,
        subscription: Subscription,
        deadline: float,
        settled: Callable[[QueueStatus, float], bool],
    ) -> QueueStatus:
        """The queue's status as soon as nothing is being sent, or when the time is over."""
        while True:
            queue_status, now = await self.queue_status(account_id), self.clock.now()
            if settled(queue_status, now) or now >= deadline:
                return queue_status
            await subscription.within(min(0.5, deadline - now))


def held(count: queue.Count, facts: DeliveryFacts) -> int:
    """How many plays are on hold for something that no attempt brings (`Waits.held`)."""
    if stopped(facts):
        return count.queued
    return count.held_for_others + count.held_ahead + count.held_late


def next_attempt(first: Waits | None, now: float) -> float | None:
    """When (Unix seconds) something is sent next, given why the first play waits; None if waiting alone won't bring
    that.
    """
    if first is None or (first.held and first.until is None):
        return None
    return now if first.until is None else first.until


def _trouble(facts: DeliveryFacts) -> str:
    """What went wrong last, or what blocks everything."""
    stop = stopped(facts)
    if stop and stop.kind in (WaitKind.PAUSED, WaitKind.KEY_NOT_SET):
        return reason(stop)
    return facts.throttle.reason if facts.throttle else facts.state.trouble


def _is_idle(queue_status: QueueStatus, now: float) -> bool:
    """Whether nothing is being sent: what is left waits for a later time, or for something that no retry brings."""
    return not queue_status.sending and (queue_status.next_attempt_at is None or queue_status.next_attempt_at > now)
