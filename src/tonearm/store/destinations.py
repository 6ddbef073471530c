"""Destinations: other services that a listener's plays are sent to, beside the Last.fm of the account."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, select, update

from tonearm.core.account import Connection as Connected
from tonearm.core.delivery import DeliveryState
from tonearm.core.policy import Policy
from tonearm.store import pace
from tonearm.store.db.dialect import Among, insert_ignore
from tonearm.store.db.schema import account, destination
from tonearm.store.line import state_columns, state_of


@dataclass(frozen=True, slots=True)
class StoredDestination:
    """A destination of an account. Times are Unix seconds.

    `kind`, `url` and the case folded `username` are its identity, which never changes. While it is paused (`paused_at`
    is not None), its plays wait. Once it is removed it gets no more plays; what it has received is still known.
    `backlog_at` is the start of the last play of the history that was queued, if history was requested and not all of
    it is queued.
    """

    id: int
    account: int
    kind: str
    url: str
    username: str
    pace_key: str
    policy: Policy
    created_at: float
    paused_at: float | None
    removed_at: float | None
    backlog_at: int | None
    backlog_id: int
    backlog_last: int
    backlog_until: float
    lease_until: float
    lease_owner: str
    sealed: str = field(repr=False)
    state: DeliveryState


_FACTS = (
    *(destination.c[name] for name in ("id", "account", "kind", "url", "username", "pace_key", "policy", "created_at")),
    *(destination.c[name] for name in ("paused_at", "removed_at", "backlog_at", "backlog_id", "backlog_last")),
    *(destination.c[name] for name in ("backlog_until", "lease_until", "lease_owner", "secret_sealed")),
    *state_columns(destination),
)
_FIND: Select[Any] = select(*_FACTS)
_OF = _FIND.where(Among(destination.c.account, "accounts"), destination.c.removed_at.is_(None)).order_by(
    destination.c.id
)
_ONE = _FIND.where(destination.c.id == bindparam("destination_id"))
_HERE = update(destination).where(destination.c.id == bindparam("destination_id"))


def _read(row: Any) -> StoredDestination:
    values = list(row)
    facts: list[Any] = [*values[:17], state_of(values[17:])]
    facts[6] = Policy.of(facts[6])
    return StoredDestination(*facts)


def of_accounts(db: Connection, account_ids: Iterable[int]) -> dict[int, list[StoredDestination]]:
    """The destinations of these accounts that are not removed, in the order in which they were added."""
    found: dict[int, list[StoredDestination]] = {}
    for row in db.execute(_OF, {"accounts": list(account_ids)}):
        found.setdefault(row.account, []).append(_read(row))
    return found


_LOCK = select(destination.c.id).where(destination.c.account == bindparam("owner")).order_by(destination.c.id)
_LOCKED = _LOCK.with_for_update()


def lock(db: Connection, account_id: int) -> None:
    """Lock the destinations of an account until the transaction ends, so that no delivery takes plays meanwhile. The
    account must be locked already, and no play written yet: a delivery that corrects a start locks its destination
    first.
    """
    if db.dialect.name != "sqlite":
        db.execute(_LOCKED, {"owner": account_id})


def find(db: Connection, destination_id: int) -> StoredDestination | None:
    """A destination, removed or not."""
    row = db.execute(_ONE, {"destination_id": destination_id}).first()
    return _read(row) if row else None


def of_account(db: Connection, account_id: int, destination_id: int) -> StoredDestination | None:
    """A destination of an account that is not removed."""
    found = find(db, destination_id)
    return found if found and found.account == account_id and found.removed_at is None else None


def all_of(db: Connection, account_id: int) -> list[StoredDestination]:
    """The destinations of an account, including removed ones."""
    return [_read(row) for row in db.execute(_FIND.where(destination.c.account == account_id))]


def named(db: Connection, account_id: int, kind: str, url: str, user: str) -> StoredDestination | None:
    """The destination with this identity, removed or not."""
    wanted = (destination.c.account == account_id, destination.c.kind == kind, destination.c.url == url)
    row = db.execute(_FIND.where(*wanted, destination.c.user_folded == user.casefold())).first()
    return _read(row) if row else None


def with_pace_key(db: Connection, pace_key: str) -> list[StoredDestination]:
    """Destinations with this access that are not removed, of any account."""
    wanted = _FIND.where(destination.c.pace_key == pace_key, destination.c.removed_at.is_(None))
    return [_read(row) for row in db.execute(wanted)]


_AT_PROFILE = _FIND.where(destination.c.user_folded == bindparam("user"), destination.c.removed_at.is_(None))


def at_profile(db: Connection, user: str) -> list[StoredDestination]:
    """Destinations for a user with that name that are not removed, at any address, of any account."""
    return [_read(row) for row in db.execute(_AT_PROFILE.order_by(destination.c.id), {"user": user.casefold()})]


_PROFILES = 8724
"""Which of PostgreSQL's advisory locks are those of profiles."""


def lock_profile(db: Connection, place: str, user: str) -> None:
    """Until this transaction ends, no other one checks who has a profile. Lock the accounts first."""
    if db.dialect.name != "sqlite":
        db.execute(select(func.pg_advisory_xact_lock(_PROFILES, func.hashtext(f"{place} {user.casefold()}"))))


def owner_of_each(db: Connection, account_id: int | None) -> dict[int, int]:
    """The account of each destination that is not removed: of all accounts, or of one."""
    here = select(destination.c.id, destination.c.account).where(destination.c.removed_at.is_(None))
    here = here if account_id is None else here.where(destination.c.account == account_id)
    return {row.id: row.account for row in db.execute(here)}


_OWNERS = select(destination.c.account, destination.c.id).where(destination.c.removed_at.is_(None))


def owners(db: Connection) -> dict[int, tuple[int, ...]]:
    """The ids of all destinations that are not removed, by account."""
    found: dict[int, tuple[int, ...]] = {}
    for account_id, destination_id in db.execute(_OWNERS):
        found[account_id] = (*found.get(account_id, ()), destination_id)
    return found


def add(
    db: Connection, account_id: int, kind: str, url: str, username: str, policy: Policy, now: float
) -> StoredDestination:
    """The destination with this identity, created if there was none; a new one has no session yet."""
    row = {
        "account": account_id,
        "kind": kind,
        "url": url,
        "username": username,
        "user_folded": username.casefold(),
        "policy": policy.stored(),
        "created_at": now,
        "connection": Connected.DISCONNECTED,
    }
    insert_ignore(db, destination, [row])
    found = named(db, account_id, kind, url, username)
    assert found is not None
    return found


_FRESH: Mapping[str, Any] = {
    "wait_until": 0,
    "fails": 0,
    "soft_failures": 0,
    "throttle_level": 0,
    "backlog_until": 0,
    "trouble": "",
}


def sign_in(db: Connection, destination_id: int, username: str, sealed: str, pace_key: str) -> None:
    """Store a session, and clear everything that blocked delivery and the removal."""
    pace.begin(db, pace_key)
    session = {"username": username, "user_folded": username.casefold(), "secret_sealed": sealed, "pace_key": pace_key}
    db.execute(
        _HERE.values(connection=Connected.CONNECTED, removed_at=None, **session, **_FRESH),
        {"destination_id": destination_id},
    )
    _note_whether_any(db, destination_id)


def remove(db: Connection, destination_id: int, now: float) -> None:
    """Mark as removed and forget the session. A sender at work is fenced off."""
    gone: dict[str, Any] = {
        "removed_at": now,
        "secret_sealed": "",
        "pace_key": "",
        "connection": Connected.DISCONNECTED,
        "backlog_at": None,
        "paused_at": None,
        "trouble": "",
        "lease_id": destination.c.lease_id + 1,
        "lease_until": 0,
        "lease_owner": "",
    }
    db.execute(_HERE.values(**gone), {"destination_id": destination_id})
    _note_whether_any(db, destination_id)


def _note_whether_any(db: Connection, destination_id: int) -> None:
    """Note on the account whether it has destinations, so that accounts without any need no query for them."""
    mine = select(destination.c.account).where(destination.c.id == destination_id).scalar_subquery()
    here = select(destination.c.id).where(destination.c.account == account.c.id, destination.c.removed_at.is_(None))
    db.execute(update(account).where(account.c.id == mine).values(has_destinations=here.exists()))


def pause(db: Connection, destination_id: int, now: float | None) -> None:
    """Pause from `now` on; None: resume."""
    db.execute(_HERE.values(paused_at=now), {"destination_id": destination_id})


def set_policy(db: Connection, destination_id: int, policy: Policy) -> None:
    """What the destination gets from now on."""
    db.execute(_HERE.values(policy=policy.stored()), {"destination_id": destination_id})


def set_backlog(db: Connection, destination_id: int, at: int | None, play_id: int, last: int) -> None:
    """Write how far the history is queued: up to the play `play_id` that began at `at`; None: all of it. `last` is the
    last play of the history to queue.
    """
    db.execute(_HERE.values(backlog_at=at, backlog_id=play_id, backlog_last=last), {"destination_id": destination_id})


def retry(db: Connection, destination_id: int) -> None:
    """Clear everything that blocks the destination, except a pause or an ended session."""
    db.execute(_HERE.values(wait_until=0, backlog_until=0, budget=0), {"destination_id": destination_id})


def end_session(db: Connection, destination_id: int, sealed: str, trouble: str) -> bool:
    """Note that a session is no longer accepted; False if there is another one by now."""
    now = (destination.c.secret_sealed == sealed, destination.c.connection == Connected.CONNECTED)
    ended = _HERE.where(*now).values(connection=Connected.NEEDS_SIGN_IN, trouble=trouble)
    return db.execute(ended, {"destination_id": destination_id}).rowcount > 0
