"""Erasing a listener's data: what was played, loved and scanned, and all credentials.

A long history is erased in parts, each in a transaction of its own, so that other listeners' plays are written in
between. The start of an erasure is recorded, so that a later process can continue it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, delete, func, select, update

from tonearm.core.account import Connection as Connected
from tonearm.core.play import DEFAULT_THRESHOLD
from tonearm.store import (
    accounts,
    destination_hearts,
    destination_queue,
    destinations,
    edit_rules,
    history_imports,
    household,
    renames,
    summaries,
)
from tonearm.store.db.dialect import insert_or_change
from tonearm.store.db.schema import (
    account,
    app_key,
    approval,
    attempt,
    attempt_play,
    delivery,
    destination,
    device_clock,
    erasure,
    heart,
    history_import,
    job_failure,
    job_run,
    library,
    library_key,
    login,
    loved,
    loved_sync,
    pace,
    play,
    player,
    player_session,
    player_user,
    scrobble_queue,
    token,
)
from tonearm.store.db.schema import destination_queue as destination_queue_table
from tonearm.store.secrets.tokens import TokenKind, fingerprint

PART = 500
"""Rows of each table that one transaction erases: a few tens of milliseconds."""


_AS_NEW: dict[str, Any] = {
    "lastfm_username": "",
    "lastfm_user": "",
    "lastfm_session_key": "",
    "lastfm_api_key": "",
    "lastfm_scrobbling_enabled": True,
    "lastfm_scrobble_threshold": DEFAULT_THRESHOLD,
    "connection": Connected.DISCONNECTED,
    "wait_until": 0,
    "fails": 0,
    "soft_failures": 0,
    "throttle_level": 0,
    "answered_at": 0,
    "trouble": "",
    "reporter": None,
    "several_reporters": False,
    "budget": 0,
    "budget_at": 0,
    "backlog_until": 0,
    "lease_owner": "",
    "lease_until": 0,
    "summed_until": 0,
    "mirror_at": None,
    "has_destinations": False,
    "has_rules": False,
}
"""The columns of a new account, except its name."""


def begin(db: Connection, account_id: int, kept_session: str) -> None:
    """Empty an account, except for its name and the browser session `kept_session`; `erase_part` erases its plays. A
    sender at work on them is fenced off: its answers no longer matter.
    """
    accounts.lock(db, [account_id])
    last = db.execute(select(func.max(play.c.id)).where(play.c.account == account_id)).scalar() or 0
    insert_or_change(db, erasure, [{"account": account_id, "last_play_id": last}], ("account",), ("last_play_id",))
    db.execute(update(account).where(account.c.id == account_id).values(lease_id=account.c.lease_id + 1))
    players = select(player.c.id).where(player.c.account == account_id)
    db.execute(delete(player_session).where(player_session.c.player.in_(players)))
    db.execute(delete(player_user).where((player_user.c.account == account_id) | player_user.c.player.in_(players)))
    for table in (approval, device_clock):
        db.execute(delete(table).where(table.c.player.in_(players)))
    history_imports.forget_all_shares(db, account_id)
    for table in (job_run, login, device_clock, app_key, player, history_import, loved_sync):
        db.execute(delete(table).where(table.c.account == account_id))
    household.forget(db, account_id)
    renames.forget(db, account_id)
    edit_rules.forget(db, account_id)
    _begin_destinations(db, account_id)
    kept_tokens = (token.c.kind == TokenKind.BROWSER) & (token.c.hash == fingerprint(kept_session))
    db.execute(delete(token).where(token.c.account == account_id, ~kept_tokens))
    db.execute(update(account).where(account.c.id == account_id).values(_AS_NEW))


def _begin_destinations(db: Connection, account_id: int) -> None:
    """Remove an account's destinations; what they received is erased with its plays."""
    mine = destination_queue.ids_of(db, account_id)
    of_job = (job_failure.c.kind != destination_queue.KIND) & (job_failure.c.account == account_id)
    of_destination = (job_failure.c.kind == destination_queue.KIND) & job_failure.c.account.in_(mine)
    db.execute(delete(job_failure).where(of_job | of_destination))
    keys = select(destination.c.pace_key).where(destination.c.account == account_id, destination.c.pace_key != "")
    db.execute(delete(pace).where(pace.c.key.in_(keys)))
    for destination_id in mine:
        destinations.remove(db, destination_id, _LONG_AGO)
    destination_hearts.forget(db, mine)


_LONG_AGO = 1.0
"""Unix seconds: a time that reveals nothing."""


def _erase_destinations(db: Connection, account_id: int, last: int) -> int:
    """Erase some of what is known about plays at an account's destinations; returns how many rows."""
    mine = destination_queue.ids_of(db, account_id)
    for destination_id in mine:
        for of, play_id in (
            (destination_queue_table.c.destination, destination_queue_table.c.id),
            (delivery.c.destination, delivery.c.play),
        ):
            wanted = select(play_id).where(of == destination_id, play_id <= last).order_by(play_id).limit(PART)
            if found := list(db.execute(wanted).scalars()):
                db.execute(delete(of.table).where(of == destination_id, play_id.in_(found)))
                return len(found)
    return 0


def _forget_destinations(db: Connection, account_id: int) -> None:
    """Delete the destinations that were not added again since."""
    for destination_id in destination_queue.ids_of(db, account_id):
        found = destinations.find(db, destination_id)
        if found is not None and found.removed_at == _LONG_AGO:
            db.execute(delete(destination).where(destination.c.id == destination_id))


def erase_part(db: Connection, account_id: int) -> int | None:
    """Erase some rows of an account for which `begin` was called; returns how many plays, None once nothing is left.
    Plays that were reported since then stay.
    """
    accounts.lock(db, [account_id])
    last = db.execute(select(erasure.c.last_play_id).where(erasure.c.account == account_id)).scalar()
    if last is None:
        return None
    if _erase(db, scrobble_queue, account_id, scrobble_queue.c.id <= last):
        return 0
    if _erase_destinations(db, account_id, last):
        return 0
    if gone := _erase(db, play, account_id, play.c.id <= last):
        return gone
    if any(_erase(db, table, account_id) for table in (loved, heart, library, attempt)):
        return 0
    if summaries.forget(db, account_id):
        return 0
    _forget_destinations(db, account_id)
    db.execute(delete(erasure).where(erasure.c.account == account_id))
    return None


def _erase(db: Connection, table: Table, account_id: int, *conditions: ColumnElement[bool]) -> int:
    """Erase some rows of an account; returns how many."""
    wanted = select(table.c.id).where(table.c.account == account_id, *conditions)
    if table is play:
        wanted = wanted.order_by(play.c.timestamp)  # in the order of an index
    ids = list(db.execute(wanted.limit(PART)).scalars())
    if not ids:
        return 0
    if table is play:
        summaries.make_stale_of(db, ids)
        edit_rules.forget_plays(db, ids)
    if table in (play, attempt):
        db.execute(
            delete(attempt_play).where((attempt_play.c.play if table is play else attempt_play.c.attempt).in_(ids))
        )
    if table is library:
        db.execute(delete(library_key).where(library_key.c.file.in_(ids)))
    db.execute(delete(table).where(table.c.account == account_id, table.c.id.in_(ids)))
    return len(ids)


def unfinished(db: Connection) -> list[int]:
    """Accounts whose erasure has begun but isn't finished."""
    return list(db.execute(select(erasure.c.account)).scalars())
