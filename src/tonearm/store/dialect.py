"""The one statement that SQLAlchemy spells differently for each of the two databases."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table, Text, text
from sqlalchemy.sql.dml import Insert

from tonearm.store.schema import joined


def _insert(dialect: str, table: Table) -> Any:
    if dialect == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # 60 ms that a SQLite file need not pay for

    return postgresql.insert(table)


@cache
def _ignoring(dialect: str, table: Table) -> Insert:
    statement: Insert = _insert(dialect, table).on_conflict_do_nothing()
    return statement


def insert_ignore(db: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert the rows that break no uniqueness; leave the others as they are in the table."""
    if rows:
        db.execute(_ignoring(db.dialect.name, table), rows)


@cache
def _ignoring_and_returning(dialect: str, table: Table, columns: tuple[str, ...]) -> Any:
    return _ignoring(dialect, table).returning(*(table.c[name] for name in columns))


def insert_returning(db: Connection, table: Table, rows: Sequence[dict[str, Any]], *columns: str) -> list[Any]:
    """As insert_ignore; the named columns of the rows that went in, in no order that one may rely on."""
    if not rows:
        return []
    return list(db.execute(_ignoring_and_returning(db.dialect.name, table, columns), rows))


@cache
def _replacing(dialect: str, table: Table, unique: tuple[str, ...], changed: tuple[str, ...]) -> Any:
    statement = _insert(dialect, table)
    values = {name: statement.excluded[name] for name in changed}
    found_by: list[Any] = list(unique)
    texts = [name for name in unique if isinstance(table.c[name].type, Text)]
    if dialect != "sqlite" and texts:  # see the tables: there an index holds the fingerprint of the texts
        found_by = [name for name in unique if name not in texts] + [text(joined(*texts))]
    return statement.on_conflict_do_update(index_elements=found_by, set_=values)


def insert_or_change(
    db: Connection, table: Table, rows: Sequence[dict[str, Any]], unique: tuple[str, ...], changed: tuple[str, ...]
) -> None:
    """Insert rows; where one of the same `unique` columns is there, write its `changed` columns."""
    if rows:
        db.execute(_replacing(db.dialect.name, table, unique, changed), rows)
