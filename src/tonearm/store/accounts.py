"""Accounts with their settings, and the encrypted session that each may have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, bindparam, case, func, select, update

from tonearm.core.account import Account
from tonearm.core.account import Connection as Connected
from tonearm.core.play import DEFAULT_THRESHOLD
from tonearm.store.db.dialect import Among, insert_ignore
from tonearm.store.db.schema import account

FACTS = (
    account.c.id,
    account.c.name,
    account.c.connection,
    account.c.lastfm_username,
    account.c.lastfm_scrobbling_enabled,
    account.c.lastfm_scrobble_threshold,
    account.c.reporter,
    account.c.several_reporters,
    account.c.lastfm_api_key,
    account.c.summed_until,
    account.c.has_destinations,
    account.c.has_rules,
)
"""The columns that `from_facts` reads."""

_FIND = select(*FACTS)
_BY_ID = _FIND.where(Among(account.c.id, "account_ids"))
_WITH_SESSION = select(*FACTS, account.c.lastfm_session_key).where(account.c.id == bindparam("account_id"))


def from_facts(row: Sequence[Any]) -> Account:
    """The account in the values of `FACTS`."""
    account_id, name, connection, username, enabled, threshold, reporter, several, key, summed, others, rules = row
    return Account(
        account_id,
        name,
        Connected(connection),
        username,
        bool(enabled),
        threshold,
        reporter,
        bool(several),
        key,
        summed,
        has_destinations=bool(others),
        has_rules=bool(rules),
    )


_LOCK = (
    select(account.c.id)
    .where(Among(account.c.id, "account_ids"))
    .order_by(account.c.id)
    .with_for_update(key_share=True)
)


def lock(db: Connection, account_ids: Iterable[int]) -> None:
    """Lock these accounts against other writers until the transaction ends, so that what is read of them stays true.

    Every write does this first, before it locks the row of a key, so that no two writes deadlock.
    On SQLite a writer has the whole database to itself.
    """
    if db.dialect.name != "sqlite":
        db.execute(_LOCK, {"account_ids": list(account_ids)})


_FREE = select(account.c.id).where(Among(account.c.id, "account_ids")).with_for_update(key_share=True, skip_locked=True)


def free(db: Connection, account_ids: Iterable[int]) -> set[int]:
    """Lock those of these accounts that no other transaction has locked, until this one ends. Only on PostgreSQL."""
    return set(db.execute(_FREE, {"account_ids": list(account_ids)}).scalars())


def add(db: Connection, name: str, now: float) -> Account:
    """The account with that name, created if there is none."""
    insert_ignore(
        db,
        account,
        [
            {
                "name": name,
                "connection": Connected.DISCONNECTED,
                "lastfm_scrobbling_enabled": True,
                "lastfm_scrobble_threshold": DEFAULT_THRESHOLD,
                "created_at": now,
            }
        ],
    )
    found = named(db, name)
    assert found is not None
    return found


def named(db: Connection, name: str) -> Account | None:
    """The account with that name; None if there is none."""
    row = db.execute(_FIND.where(account.c.name == name)).first()
    return from_facts(row) if row else None


def by_id(db: Connection, account_ids: Iterable[int]) -> dict[int, Account]:
    """Accounts by id; unknown ids are left out."""
    rows = db.execute(_BY_ID, {"account_ids": list(account_ids)})
    return {row.id: from_facts(row) for row in rows}


def with_lastfm_user(db: Connection, username: str) -> list[int]:
    """The accounts that send plays to a Last.fm user, or will once that one has signed in again."""
    signed_in = account.c.connection != Connected.DISCONNECTED
    here = select(account.c.id).where(account.c.lastfm_user == username.casefold(), signed_in)
    return list(db.execute(here.order_by(account.c.id)).scalars())


def change_settings(db: Connection, account_id: int, *, enabled: bool | None, threshold: int | None) -> None:
    """Write the settings that are not None."""
    values: dict[str, object] = {}
    if enabled is not None:
        values["lastfm_scrobbling_enabled"] = enabled
    if threshold is not None:
        values["lastfm_scrobble_threshold"] = threshold
    if values:
        db.execute(update(account).where(account.c.id == account_id).values(values))


def remember_reporter(db: Connection, before: Account, reporter: str) -> Account:
    """Record the first player that reported plays; of any other, only that there are several. Returns the new
    account.
    """
    values = {"several_reporters": True} if before.reporter is not None else {"reporter": reporter}
    db.execute(update(account).where(account.c.id == before.id).values(**values))
    return replace(before, **values)


def compare_reports(db: Connection, account_id: int) -> None:
    """Note that an account's plays come from several sources, which may report the same play."""
    several = update(account).where(account.c.id == account_id, ~account.c.several_reporters)
    db.execute(several.values(several_reporters=True))


def sign_in(db: Connection, account_id: int, username: str, sealed_session: str, api_key: str) -> None:
    """Store a session, created with that API key, and clear everything that blocked delivery."""
    db.execute(
        update(account)
        .where(account.c.id == account_id)
        .values(
            lastfm_username=username,
            lastfm_user=username.casefold(),
            lastfm_session_key=sealed_session,
            lastfm_api_key=api_key,
            connection=Connected.CONNECTED,
            budget=case((account.c.lastfm_user == username.casefold(), account.c.budget), else_=0),
            backlog_until=0,
            wait_until=0,
            fails=0,
            soft_failures=0,
            throttle_level=0,
            trouble="",
        )
    )


def sign_out(db: Connection, account_id: int) -> None:
    """Forget the session; the name stays, since the queued plays wait for that user."""
    db.execute(
        update(account)
        .where(account.c.id == account_id)
        .values(lastfm_session_key="", lastfm_api_key="", connection=Connected.DISCONNECTED, trouble="")
    )


def assign_default_key(db: Connection, api_key: str) -> None:
    """Assume that sessions without a recorded API key were created with this one."""
    unknown = (account.c.lastfm_api_key == "", account.c.lastfm_session_key != "")
    db.execute(update(account).where(*unknown).values(lastfm_api_key=api_key))


def connected(db: Connection) -> dict[str, int]:
    """How many accounts are connected with each API key. It reads all accounts."""
    total, here = func.count().label("total"), account.c.connection == Connected.CONNECTED
    each = select(account.c.lastfm_api_key, total).where(here).group_by(account.c.lastfm_api_key)
    return {row.lastfm_api_key: row.total for row in db.execute(each)}


def with_session(db: Connection, account_id: int) -> tuple[Account, str]:
    """An account that must exist, with its encrypted session key."""
    row = db.execute(_WITH_SESSION, {"account_id": account_id}).one()
    *facts, sealed = row
    return from_facts(facts), sealed


def end_session(db: Connection, account_id: int, sealed: str) -> str | None:
    """Note that Last.fm no longer accepts this session: the account needs a sign-in. Returns the Last.fm name; None if
    the account has another session by now.
    """
    ended = (
        update(account)
        .where(
            account.c.id == account_id,
            account.c.lastfm_session_key == sealed,
            account.c.connection == Connected.CONNECTED,
        )
        .values(connection=Connected.NEEDS_SIGN_IN)
        .returning(account.c.lastfm_username)
    )
    return db.execute(ended).scalar()


def mirror_at(db: Connection, account_id: int) -> float | None:
    """When the history at Last.fm is imported next (Unix seconds); None if it is only imported on request."""
    return db.execute(select(account.c.mirror_at).where(account.c.id == account_id)).scalar()


def set_mirror(db: Connection, account_id: int, at: float | None) -> None:
    """Import the history at Last.fm at that time, or (None) only on request."""
    db.execute(update(account).where(account.c.id == account_id).values(mirror_at=at))


_MIRRORS_DUE = (
    select(account.c.id)
    .where(
        account.c.mirror_at.is_not(None),
        account.c.mirror_at <= bindparam("now"),
        account.c.connection == Connected.CONNECTED,
    )
    .order_by(account.c.id)
)


def mirrors_due(db: Connection, now: float) -> list[int]:
    """Connected accounts whose history at Last.fm is to be imported now."""
    return list(db.execute(_MIRRORS_DUE, {"now": now}).scalars())
