"""SQL that differs between the two databases."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import (
    ARRAY,
    JSON,
    Boolean,
    ColumnElement,
    Connection,
    Table,
    Text,
    any_,
    bindparam,
    cast,
    column,
    func,
    literal_column,
    select,
    text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.visitors import InternalTraversal

from tonearm.store.db.schema import joined

T = TypeVar("T")

_in_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


MAX_VALUES = 900
"""Values that one statement is given: SQLite takes 32,766 unless it was built otherwise, those of before 2020 999."""


def parts(values: Iterable[T]) -> Iterator[list[T]]:
    """The values in lists that one statement takes."""
    remaining = iter(values)
    while part := list(islice(remaining, MAX_VALUES)):
        yield part


class Among(ColumnElement[bool]):
    """Whether a column holds one of the values of a list, which is given under `name` when a statement is executed.

    PostgreSQL gets the list as one value, so that the statement is the same for any number of them.
    """

    inherit_cache = True
    _traverse_internals: Any = (
        ("column", InternalTraversal.dp_clauseelement),
        ("name", InternalTraversal.dp_string),
    )
    type = Boolean()

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        self.column = column
        self.name = name

    def self_group(self, against: object = None) -> Among:
        """Itself: it is a condition already, which SQLite need not compare with 1."""
        return self


@compiles(Among, "sqlite")
def _in_list(among: Among, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(among.column.in_(bindparam(among.name, expanding=True)), **kw)


@compiles(Among, "postgresql")
def _in_array(among: Among, compiler: SQLCompiler, **kw: Any) -> str:
    values: Any = bindparam(among.name, type_=ARRAY(among.column.type))
    return compiler.process(among.column == any_(values), **kw)


def _insert(dialect: str, table: Table) -> Any:
    if dialect == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # 60 ms that a SQLite file need not pay for

    return postgresql.insert(table)


@cache
def _ignoring(dialect: str, table: Table, given: tuple[str, ...], returned: tuple[str, ...]) -> Any:
    statement = _insert(dialect, table)
    if dialect != "sqlite":
        statement = statement.from_select(given, select(_unfolded(table, given)))
    statement = statement.on_conflict_do_nothing()
    return statement.returning(*(table.c[name] for name in returned)) if returned else statement


def _unfolded(table: Table, names: tuple[str, ...]) -> Any:
    """Rows from one text: a statement that is as short for a thousand rows as for one, and as quick to read."""
    columns = [column(name, table.c[name].type) for name in names]
    rows = func.json_to_recordset(cast(bindparam("rows", type_=Text), JSON))
    return rows.table_valued(*columns).render_derived(with_types=True)


def asked_rows(dialect: str, columns: Sequence[ColumnElement[Any]]) -> Any:
    """Rows to join with, of these columns: each execution gives them as `rows`, in JSON (`rows_as_json`)."""
    if dialect != "sqlite":
        rows = func.json_to_recordset(cast(bindparam("rows", type_=Text), JSON))
        return rows.table_valued(*columns).render_derived(name="asked", with_types=True)
    each = func.json_each(bindparam("rows", type_=Text)).table_valued("value")
    found = [func.json_extract(each.c.value, f"$.{one.key}", type_=one.type).label(one.key) for one in columns]
    return select(*found).limit(-1).subquery("asked")  # a limit: else SQLite reads the JSON again for every comparison


def rows_as_json(rows: Sequence[dict[str, Any]]) -> str:
    """Rows as `asked_rows` reads them."""
    return _in_json(rows)


def same_texts(dialect: str, table: Table, asked: Any, names: Sequence[str]) -> list[ColumnElement[bool]]:
    """Conditions by which a table's texts are those asked for, in the form that the table's index answers."""
    same = [table.c[name] == asked.c[name] for name in names]
    if dialect == "sqlite":
        return same
    fingerprints = [joined(*(f"{one}.{name}" for name in names)) for one in (table.name, asked.name)]
    return [*same, literal_column(fingerprints[0]) == literal_column(fingerprints[1])]


def _ignore(db: Connection, table: Table, rows: Sequence[dict[str, Any]], returned: tuple[str, ...] = ()) -> Any:
    return _with_rows(db, _ignoring(db.dialect.name, table, tuple(rows[0]), returned), rows)


def _with_rows(db: Connection, statement: Any, rows: Sequence[dict[str, Any]]) -> Any:
    return db.execute(statement, rows if db.dialect.name == "sqlite" else {"rows": _in_json(rows)})


def insert_ignore(db: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert the rows that break no uniqueness; leave the others as they are in the table.

    All rows have the same columns.
    """
    if rows:
        _ignore(db, table, rows)


def insert_returning(db: Connection, table: Table, rows: Sequence[dict[str, Any]], *columns: str) -> list[Any]:
    """As insert_ignore; the named columns of the rows that went in, in no order that one may rely on."""
    return list(_ignore(db, table, rows, columns)) if rows else []


@cache
def _copying(dialect: str, table: Table, source: Table, copied: tuple[str, ...], given: tuple[str, ...]) -> Any:
    there = [source.c[name] for name in copied]
    added = [name for name in given if name not in copied]
    if dialect == "sqlite":
        values: list[Any] = [bindparam(name, type_=table.c[name].type) for name in added]
        rows = select(*there, *values).where(source.c.id == bindparam("id"))
    else:
        given_rows = _unfolded(table, given)
        rows = select(*there, *(given_rows.c[name] for name in added)).join_from(
            given_rows, source, source.c.id == given_rows.c.id
        )
    return _insert(dialect, table).from_select((*copied, *added), rows).on_conflict_do_nothing()


def insert_copies(
    db: Connection, table: Table, source: Table, copied: tuple[str, ...], rows: Sequence[dict[str, Any]]
) -> None:
    """As insert_ignore; the `copied` columns come from the row of `source` with the same `id`."""
    if rows:
        _with_rows(db, _copying(db.dialect.name, table, source, copied, tuple(rows[0])), rows)


@cache
def _replacing(dialect: str, table: Table, unique: tuple[str, ...], changed: tuple[str, ...]) -> Any:
    statement = _insert(dialect, table)
    values = {name: statement.excluded[name] for name in changed}
    found_by: list[Any] = list(unique)
    texts = [name for name in unique if isinstance(table.c[name].type, Text)]
    is_key = set(unique) == set(table.primary_key.columns.keys())
    if dialect != "sqlite" and texts and not is_key:  # see the tables: an index holds the fingerprint of the texts
        found_by = [name for name in unique if name not in texts] + [text(joined(*texts))]
    return statement.on_conflict_do_update(index_elements=found_by, set_=values)


def insert_or_change(
    db: Connection, table: Table, rows: Sequence[dict[str, Any]], unique: tuple[str, ...], changed: tuple[str, ...]
) -> None:
    """Insert rows; where one of the same `unique` columns is there, write its `changed` columns."""
    if rows:
        db.execute(_replacing(db.dialect.name, table, unique, changed), rows)
