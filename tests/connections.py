"""Connections to the test run's PostgreSQL database, lent to one store after the other.

A new one, with a server process that has yet to learn about our tables, costs more than most tests do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from functools import partial

from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import URL, Engine

from tonearm.engine import tables
from tonearm.store.db import postgres

AT_MOST = 4
"""Engines of a kind that are kept: more of them are open at once in few tests."""

_open, _prepare = postgres.connect, tables.prepare
_shared: set[tuple[str, str]] = set()
_prepared: set[tuple[str, str]] = set()
_idle: defaultdict[Hashable, list[Engine]] = defaultdict(list)


def lend() -> None:
    """From now on stores on a database that is shared use the connections that others have left."""
    postgres.connect = _borrow
    tables.prepare = _prepare_once


def share(url: URL) -> None:
    """Keep connections to this database when a store is closed, and the engine's tables in it."""
    _shared.add(_place(url))


def close() -> None:
    """Close idle connections now, and those in use later: their server stops."""
    for engines in _idle.values():
        for engine in engines:
            Engine.dispose(engine)
    _idle.clear()


def _place(url: URL) -> tuple[str, str]:
    return str(url.port), str(url.database)


def _borrow(url: URL, *, writes: bool) -> Engine:
    place = _place(url)
    if place not in _shared:
        return _open(url, writes=writes)
    settings = repr(postgres.connect_args()), postgres._SESSION, postgres.READERS, postgres.WRITERS
    kind = place, url.username, writes, settings
    engine = _idle[kind].pop() if _idle[kind] else _open(url, writes=writes)
    engine.dispose = partial(_give_back, engine, kind, _idle[kind])  # type: ignore[method-assign]
    return engine


def _give_back(engine: Engine, kind: Hashable, idle: list[Engine]) -> None:
    in_use = engine.pool.checkedout()  # type: ignore[attr-defined]  # a QueuePool
    if in_use or engine._has_events or len(idle) == AT_MOST or _idle.get(kind) is not idle:
        Engine.dispose(engine)
    else:
        engine.dispose = _done  # type: ignore[method-assign]  # whoever closes a store twice gives nothing back
        idle.append(engine)


def _done(close: bool = True) -> None:
    pass


async def _prepare_once(address: str, lock: int) -> None:
    where = conninfo_to_dict(address)
    place = str(where.get("port")), str(where.get("dbname"))
    if place not in _prepared:
        await _prepare(address, lock)
        _prepared.update({place} & _shared)
