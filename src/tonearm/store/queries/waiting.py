"""Facts for `core.waits`, which decides why plays wait: those of an account, and the plays that are sent first."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, select

from tonearm.core.delivery import KeyThrottle
from tonearm.core.waits import DeliveryFacts, WaitingPlay
from tonearm.store import accounts, jobs, pace
from tonearm.store.db.schema import account, scrobble_queue
from tonearm.store.line import QueueState, state_columns, state_of
from tonearm.store.queue import Count

_ROW = scrobble_queue.c
_FIRST = (
    select(_ROW.timestamp, _ROW.retry_count, _ROW.next_attempt_at, _ROW.last_error, _ROW.live)
    .where(
        _ROW.account == bindparam("account_id"),
        _ROW.owner == bindparam("user"),
        _ROW.state == QueueState.QUEUED,
        _ROW.live == bindparam("live"),
        _ROW.next_attempt_at <= bindparam("by"),
    )
    .limit(1)
)


_DELIVERY_FACTS = select(
    jobs.SENDING_PAUSED.exists(), account.c.backlog_until, *accounts.FACTS, *state_columns(account)
).where(account.c.id == bindparam("account_id"))


def delivery_facts(
    db: Connection, account_id: int, keys: Sequence[str], now: float, lastfm_now: float, *, configured: bool
) -> DeliveryFacts:
    """The facts of one account, with these API keys configured; times are Unix seconds."""
    paused, backlog_until, *values = db.execute(_DELIVERY_FACTS, {"account_id": account_id}).one()
    owner = accounts.from_facts(values[: len(accounts.FACTS)]).under(keys)
    throttled = pace.current_throttle(db, owner.key_among(keys), now) if owner.key_is_set else None
    return DeliveryFacts(
        owner,
        state_of(values[len(accounts.FACTS) :]),
        now,
        lastfm_now,
        backlog_until=backlog_until,
        throttle=key_throttle(throttled),
        paused=bool(paused),
        configured=configured,
    )


def key_throttle(throttled: pace.KeyThrottled | None) -> KeyThrottle | None:
    """The throttle of a key, as the core knows it."""
    return KeyThrottle(throttled.until, throttled.reason, throttled.refused, throttled.level) if throttled else None


def first_of_count(db: Connection, facts: DeliveryFacts, count: Count) -> tuple[WaitingPlay, ...]:
    """The plays of an account that may be sent first, one of each kind, for `queue_waits`; without those being sent."""
    users = tuple(other.user for other in count.others)
    return first_plays(db, facts, count.next_live_at, count.next_late_at, users)


def first_plays(
    db: Connection, facts: DeliveryFacts, next_live_at: float | None, next_late_at: float | None, others: Sequence[str]
) -> tuple[WaitingPlay, ...]:
    """The same, given when the first live play and the first of the backlog are due, and which other users have
    plays.
    """
    found = []
    for live, at in ((True, next_live_at), (False, next_late_at)):
        if at is None:
            continue
        asked = {"account_id": facts.account.id, "user": facts.user, "live": live, "by": max(at, facts.now)}
        if row := db.execute(_FIRST, asked).first():
            found.append(WaitingPlay(facts.user, row[0], False, *row[1:]))
    return (*found, *(WaitingPlay(user, 0) for user in others[:1]))
