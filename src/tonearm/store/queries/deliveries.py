"""The deliveries of accounts that have plays in the queue: which process has leased each, and what the others wait
for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import BindParameter, Connection, Select, and_, bindparam, case, func, not_, or_, select

from tonearm.core.account import Connection as Connected
from tonearm.store.db.schema import account, scrobble_queue
from tonearm.store.line import QueueState, over
from tonearm.store.queue import HAS_DUE, NOW, owing, there_is


@dataclass(frozen=True, slots=True)
class AccountDelivery:
    """An account's delivery. Times are Unix seconds; one in the past only means that it is over. `next_live_at` is when
    the first live play for its present Last.fm user is due, `next_late_at` the first of its backlog, which waits for
    `backlog_until`; None if there is none.
    """

    account: int
    connection: Connected
    api_key: str = field(repr=False)
    user: str
    owner: str
    leased_until: float
    wait_until: float
    backlog_until: float
    trouble: str
    sending: bool
    next_live_at: float | None
    next_late_at: float | None


_ROW = scrobble_queue.c
_OF_USER = (_ROW.account == account.c.id, _ROW.owner == account.c.lastfm_user, _ROW.state == QueueState.QUEUED)


def _next(*conditions: Any) -> Any:
    """When the first is due: any that is already due, found at once, or otherwise the earliest."""
    due = select(_ROW.next_attempt_at).where(*_OF_USER, _ROW.next_attempt_at <= NOW, *conditions).limit(1)
    first = select(func.min(_ROW.next_attempt_at)).where(*_OF_USER, *conditions)
    return func.coalesce(due.correlate(account).scalar_subquery(), first.correlate(account).scalar_subquery())


_SENDING = there_is(_ROW.state == QueueState.SENDING)
_FREE = over(account.c.lease_until, NOW)
_DUE = and_(
    account.c.connection == Connected.CONNECTED,
    account.c.lastfm_api_key.in_(bindparam("keys", expanding=True)),
    over(account.c.wait_until, NOW),
    or_(HAS_DUE, _SENDING),
)
_SELECT: Select[Any] = select(
    account.c.id,
    account.c.connection,
    account.c.lastfm_api_key,
    account.c.lastfm_user,
    account.c.lease_owner,
    account.c.lease_until,
    account.c.wait_until,
    account.c.backlog_until,
    account.c.trouble,
    _SENDING,
    _next(_ROW.live),
    _next(~_ROW.live),
)
_LIMIT: BindParameter[Any] = bindparam("limit")
_ONE = _SELECT.where(account.c.id == bindparam("account_id"), or_(not_(_FREE), there_is()))
_TAKEN = _SELECT.where(not_(_FREE)).order_by(account.c.id).limit(_LIMIT)
_OWED = _SELECT.where(account.c.id.in_(owing()), _FREE)
_WAITING = _OWED.where(_DUE).order_by(account.c.answered_at).limit(_LIMIT)
_LATER = case((account.c.wait_until > account.c.backlog_until, account.c.wait_until), else_=account.c.backlog_until)
_RESTING = (
    _OWED.where(not_(_DUE)).order_by(account.c.connection != Connected.CONNECTED, _LATER, account.c.id).limit(_LIMIT)
)


def of_account(db: Connection, account_id: int, now: float) -> AccountDelivery | None:
    """The delivery of one account; None if it has no plays in the queue and no process has leased it."""
    row = db.execute(_ONE, {"account_id": account_id, "now": now}).first()
    return _delivery(row) if row else None


def of_all(db: Connection, keys: Sequence[str], now: float, limit: int) -> list[AccountDelivery]:
    """Leased deliveries, those whose turn has come, and those that wait for something: at most `limit` of each.

    `keys` are the API keys that are not throttled.
    """
    values = {"keys": list(keys), "now": now, "limit": limit}
    return [_delivery(row) for query in (_TAKEN, _WAITING, _RESTING) for row in db.execute(query, values)]


def _delivery(row: Any) -> AccountDelivery:
    account_id, connection, *others = row
    return AccountDelivery(account_id, Connected(connection), *others)
