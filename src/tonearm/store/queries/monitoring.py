"""What monitoring shows of an installation: from the tables, so that any of its processes can answer.

Nothing here reads the whole queue: what no index answers is counted up to a limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, Connection, and_, bindparam, func, literal_column, select, text

from tonearm.core.account import Connection as Connected
from tonearm.core.pacing import LONGEST_THROTTLE
from tonearm.store import jobs, pace
from tonearm.store.db.schema import account, job_failure, job_run, scrobble_queue
from tonearm.store.pace import KeyThrottled
from tonearm.store.queue import DELIVER, NOW, owing
from tonearm.store.runs import RunState

PLAYS_COUNTED = 100_000
"""Plays in the queue that are counted; of more than that there is an estimate, on SQLite this number."""

ACCOUNTS_COUNTED = 1_000
"""The most accounts with plays in the queue that are counted, the first ones by id."""


@dataclass(frozen=True, slots=True)
class WaitingPlays:
    """Accounts with queued plays in one state: how many, and when the oldest play began (Unix seconds)."""

    api_key: str
    connection: Connected
    accounts: int
    oldest: int


@dataclass(frozen=True, slots=True)
class InstallationOverview:
    """An installation as it is now. `throttles` are those of the requested API keys, in their order.

    `running` counts deliveries (by "deliver") and unfinished runs of each kind, `failed` failed jobs.
    """

    plays: int
    waiting: tuple[WaitingPlays, ...]
    throttles: tuple[KeyThrottled | None, ...]
    running: dict[str, int]
    failed: dict[str, int]
    paused: frozenset[str]


_LIMIT: BindParameter[Any] = bindparam("limit")
_COUNTED = select(func.count()).select_from(
    select(literal_column("1")).select_from(scrobble_queue).limit(_LIMIT).subquery()
)
# The planner's estimate: rows per page at the last ANALYZE, times the present number of pages.
_ESTIMATED = text(
    "SELECT reltuples * (pg_relation_size(oid) / current_setting('block_size')::int) / relpages"
    " FROM pg_class WHERE oid = to_regclass('scrobble_queue') AND relpages > 0"
)


def plays(db: Connection) -> int:
    """How many plays are in the queue: the number, or an estimate if they are very many."""
    counted = db.execute(_COUNTED, {"limit": PLAYS_COUNTED + 1}).scalar_one()
    if counted <= PLAYS_COUNTED:
        return counted
    estimated = None if db.dialect.name == "sqlite" else db.execute(_ESTIMATED).scalar()
    return max(PLAYS_COUNTED, int(estimated or 0))


_OWING: Any = owing().limit(_LIMIT).subquery()
_OLDEST = (
    select(func.min(scrobble_queue.c.timestamp))
    .where(scrobble_queue.c.account == account.c.id)
    .correlate(account)
    .scalar_subquery()
)
_EACH = (
    select(account.c.lastfm_api_key, account.c.connection, _OLDEST.label("oldest"))
    .where(account.c.id.in_(select(_OWING.c.account)))
    .subquery()
)
_WAITING = select(_EACH.c.lastfm_api_key, _EACH.c.connection, func.count(), func.min(_EACH.c.oldest)).group_by(
    _EACH.c.lastfm_api_key, _EACH.c.connection
)
_LEASED = select(func.count()).where(
    and_(account.c.lease_until > NOW, account.c.lease_until <= NOW + bindparam("longest", LONGEST_THROTTLE))
)
_RUNNING = (
    select(job_run.c.kind, func.count().label("total"))
    .where(job_run.c.state == RunState.RUNNING)
    .group_by(job_run.c.kind)
)
_BROKEN = select(job_failure.c.kind, func.count().label("total")).group_by(job_failure.c.kind)


def load(db: Connection, keys: Sequence[str], now: float) -> InstallationOverview:
    """The installation as it is now, with these API keys configured."""
    limit = {"limit": ACCOUNTS_COUNTED}
    return InstallationOverview(
        plays=plays(db),
        waiting=tuple(
            WaitingPlays(key, Connected(how), *numbers) for key, how, *numbers in db.execute(_WAITING, limit)
        ),
        throttles=tuple(pace.current_throttle(db, key, now) for key in keys),
        running={DELIVER: db.execute(_LEASED, {"now": now}).scalar_one()} | _by_kind(db, _RUNNING),
        failed=_by_kind(db, _BROKEN),
        paused=jobs.paused(db),
    )


def _by_kind(db: Connection, wanted: Any) -> dict[str, int]:
    return {row.kind: row.total for row in db.execute(wanted)}
