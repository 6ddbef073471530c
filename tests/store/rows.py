"""Rows for the tests of the store."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table, select

from tonearm.core.play import Play, Track
from tonearm.store import accounts, plays, queue
from tonearm.store.db.schema import account as account_table
from tonearm.store.db.schema import play
from tonearm.store.line import QueueState

NOW = 1_760_000_000.0


def a_play(number: int, age: float = 3600.0) -> Play:
    return Play(Track("Nina Simone", f"Song {number}", duration=200.0), int(NOW - age) + number, 150.0)


def history_row(account: int, said: Play, **changed: Any) -> dict[str, Any]:
    settled = NOW if changed.get("fate", "queued") != "queued" else None
    facts = {"account": account, "fate": "queued", "reason": "", "reported_at": NOW, "settled_at": settled}
    return _whole(play, {**plays.facts(said), **facts, **changed})


def _whole(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    """The row with a plain value in every column that must have one and that no test here is about."""
    needed = [c for c in table.c if not c.nullable and c.server_default is None and not c.primary_key]
    return {**{c.name: c.type.python_type(1) for c in needed}, **row}


def listener(db: Connection, name: str = "me", user: str = "RJ") -> int:
    """A signed-in account."""
    account_id = accounts.add(db, name, NOW).id
    accounts.sign_in(db, account_id, user, f"sealed session of {user}", "key")
    return account_id


def names(db: Connection) -> list[str]:
    """The names of all accounts, in order."""
    return list(db.execute(select(account_table.c.name).order_by(account_table.c.name)).scalars())


def queue_row(play_id: int, **changed: Any) -> dict[str, Any]:
    return {"id": play_id, "owner": "rj", "live": True, "state": QueueState.QUEUED, "enqueued_at": NOW, **changed}


def enqueue(db: Connection, account: int, number: int, age: float = 3600.0, **changed: Any) -> int:
    """A play in the history and in the queue; its id there."""
    said = a_play(number, age)
    [play_id] = plays.insert(db, [history_row(account, said)]).values()
    queue.enqueue(db, [queue_row(play_id, **changed)])
    return play_id
