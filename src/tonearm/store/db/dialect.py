"""SQL that differs between the two databases."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import chain, islice, repeat
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import (
    ARRAY,
    JSON,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Integer,
    Table,
    Text,
    TypeDecorator,
    any_,
    bindparam,
    cast,
    column,
    func,
    literal_column,
    select,
    table,
    text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.visitors import InternalTraversal

from tonearm.store.db.schema import joined

T = TypeVar("T")

_in_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


MAX_VALUES = 900
"""Values in one statement: SQLite accepts 32,766 unless built otherwise, before 2020 only 999."""


_LENGTHS = (*(2**power for power in range(10)), MAX_VALUES)
"""Each length makes another statement, which every connection to SQLite keeps prepared: 160 bytes for each value."""


def parts(values: Iterable[T]) -> Iterator[list[T]]:
    """The values in lists short enough for one statement, which looks for each of them. The last one is repeated until
    the list has one of a few lengths.
    """
    remaining = iter(values)
    while part := list(islice(remaining, MAX_VALUES)):
        length = next(length for length in _LENGTHS if length >= len(part))
        yield [*part, *repeat(part[-1], length - len(part))]


class Among(ColumnElement[bool]):
    """The condition that a column holds one of a list of values, which is passed as `name` when the statement is
    executed. The list is one value, so that the statement is the same for any number of values, except for texts on
    SQLite.
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
        """Itself: it already is a condition, which SQLite doesn't have to compare with 1."""
        return self


class _Numbers(TypeDecorator[list[int]]):
    """A list of integers, in JSON."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: object) -> str:
        return _in_json(value)


@compiles(Among, "sqlite")
def _in_list(among: Among, compiler: SQLCompiler, **kw: Any) -> str:
    values: Any = bindparam(among.name, expanding=True)
    if isinstance(among.column.type, Integer):  # one value: SQLAlchemy takes longer for 50 than SQLite for the JSON
        numbers = func.json_each(bindparam(among.name, type_=_Numbers)).table_valued("value")
        values = select(numbers.c.value)
    return compiler.process(among.column.in_(values), **kw)


@compiles(Among, "postgresql")
def _in_array(among: Among, compiler: SQLCompiler, **kw: Any) -> str:
    values: Any = bindparam(among.name, type_=ARRAY(among.column.type))
    return compiler.process(among.column == any_(values), **kw)


def _insert(dialect: str, table: Table) -> Any:
    if dialect == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # 60 ms that a SQLite file doesn't need

    return postgresql.insert(table)


@cache
def _ignoring(dialect: str, table: Table, given: tuple[str, ...], returned: tuple[str, ...]) -> Any:
    statement = _insert(dialect, table)
    if dialect != "sqlite":
        statement = statement.from_select(given, select(_unfolded(table, given)))
    statement = statement.on_conflict_do_nothing()
    return statement.returning(*(table.c[name] for name in returned)) if returned else statement


def _unfolded(table: Table, names: tuple[str, ...]) -> Any:
    """Rows from one text: the statement is as short, and as quick to parse, for a thousand rows as for one."""
    columns = [column(name, table.c[name].type) for name in names]
    rows = func.json_to_recordset(cast(bindparam("rows", type_=Text), JSON))
    return rows.table_valued(*columns).render_derived(with_types=True)


def asked_rows(dialect: str, columns: Sequence[ColumnElement[Any]]) -> Any:
    """Rows with these columns to join with: each execution passes them as `rows`, in JSON (`rows_as_json`)."""
    if dialect != "sqlite":
        rows = func.json_to_recordset(cast(bindparam("rows", type_=Text), JSON))
        return rows.table_valued(*columns).render_derived(name="asked", with_types=True)
    each = func.json_each(bindparam("rows", type_=Text)).table_valued("value")
    found = [func.json_extract(each.c.value, f"$.{one.key}", type_=one.type).label(one.key) for one in columns]
    return select(*found).limit(-1).subquery("asked")  # else SQLite parses the JSON for every comparison


def rows_as_json(rows: Sequence[dict[str, Any]]) -> str:
    """Rows in the form that `asked_rows` reads."""
    return _in_json(rows)


def given_rows(dialect: str, columns: Sequence[ColumnElement[Any]]) -> Any:
    """As `asked_rows`, for statements that `asking` executes."""
    return asked_rows(dialect, columns) if dialect != "sqlite" else _given(column(str(one.key)) for one in columns)


def asking(
    db: Connection, statement: Any, columns: Sequence[ColumnElement[Any]], rows: Sequence[tuple[Any, ...]]
) -> list[Any]:
    """The rows that a statement without other parameters finds for `given_rows` of these columns, as the database
    returns them: a boolean may be 0 or 1, and JSON is text.
    """
    names = tuple([str(one.key) for one in columns])
    if db.dialect.name != "sqlite":
        return list(db.execute(statement, {"rows": _in_json([dict(zip(names, row, strict=True)) for row in rows])}))
    return list(chain.from_iterable(_with_values(db, statement, names, rows)))


def _given(columns: Iterable[Any]) -> Any:
    return table("asked", *columns)


_SIZES = (1, 8, 50)
"""Rows in one statement for SQLite, padded with empty ones, so that it can cache the prepared statements."""


def _with_values(
    db: Connection, statement: Any, names: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
) -> Iterator[Any]:
    """Execute a statement on SQLite for rows with these columns, in parts."""
    for start in range(0, len(rows), _SIZES[-1]):
        part = rows[start : start + _SIZES[-1]]
        size = next(size for size in _SIZES if size >= len(part))
        values = (*chain.from_iterable(part), *repeat(None, (size - len(part)) * len(names)))
        yield db.exec_driver_sql(_after_values(statement, names, size), values)


@cache
def _after_values(statement: Any, names: tuple[str, ...], number: int) -> str:
    """A statement as SQLite's SQL, after the rows that it is for. They also come first in SQLite's plan. Binding values
    one by one costs a quarter of the time of parsing JSON.
    """
    sql = str(_compiled(statement, compile_kwargs={"literal_binds": True}))
    rows = ", ".join([_row_of(names)] * number)
    in_order = sql.replace("FROM asked, ", "FROM asked CROSS JOIN ")  # otherwise SQLite may begin with the other table
    return f"WITH asked ({', '.join(names)}) AS (VALUES {rows}) {in_order}"


def _row_of(names: Sequence[str]) -> str:
    return f"({', '.join('?' * len(names))})"


def _compiled(statement: Any, **how: Any) -> Any:
    from sqlalchemy.dialects import sqlite

    return statement.compile(dialect=sqlite.dialect(paramstyle="qmark"), **how)


def same_texts(dialect: str, table: Table, asked: Any, names: Sequence[str]) -> list[ColumnElement[bool]]:
    """Conditions that a table's texts equal the requested ones, in a form that the table's index can answer."""
    same = [table.c[name] == asked.c[name] for name in names]
    if dialect == "sqlite":
        return same
    fingerprints = [joined(*(f"{one}.{name}" for name in names)) for one in (table.name, asked.name)]
    return [*same, literal_column(fingerprints[0]) == literal_column(fingerprints[1])]


_Pick = Callable[[dict[str, Any]], tuple[Any, ...]]


def _picking(names: tuple[str, ...]) -> _Pick:
    return itemgetter(*names) if len(names) > 1 else lambda row: (row[names[0]],)


TOGETHER = 32
"""Rows that SQLite inserts with one statement; the rest are inserted one by one."""


_Replacing = tuple[tuple[str, ...], tuple[str, ...]]
"""The unique columns by which a row is found that is there already, and those that are updated then."""


@cache
def _inserting(
    table: Table, given: tuple[str, ...], replacing: _Replacing | None
) -> tuple[str, str, int, _Pick, tuple[str, ...]]:
    """SQLite's INSERT for one row and for several, how many those are, a getter for a row's values, and which of them
    are JSON.
    """
    statement = _replacing("sqlite", table, *replacing) if replacing else _ignoring("sqlite", table, given, ())
    compiled = _compiled(statement, column_keys=list(given))
    names = tuple(compiled.positiontup)
    number = min(TOGETHER, MAX_VALUES // len(names))
    one, row = str(compiled), _row_of(names)
    several = one.replace(f"VALUES {row}", f"VALUES {', '.join([row] * number)}")
    in_json = tuple([name for name in names if isinstance(table.c[name].type, JSON)])
    return one, several, number, _picking(names), in_json


def _insert_in_sqlite(
    db: Connection, table: Table, rows: Sequence[dict[str, Any]], replacing: _Replacing | None = None
) -> int:
    """Insert rows; returns how many were inserted or updated. SQLAlchemy takes longer to prepare a row's values than
    SQLite to write it.
    """
    one, several, number, pick, in_json = _inserting(table, tuple(rows[0]), replacing)
    for name in in_json:
        if any(row[name] is not None for row in rows):
            rows = [row | {name: None if row[name] is None else _in_json(row[name])} for row in rows]
    values = [pick(row) for row in rows]
    rest = len(values) // number * number
    written = 0
    for start in range(0, rest, number):
        part = chain.from_iterable(values[start : start + number])
        written += db.exec_driver_sql(several, tuple(part)).rowcount
    if rest < len(values):
        written += db.exec_driver_sql(one, values[rest:]).rowcount
    return written


def insert_ignore(db: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert the rows that violate no uniqueness constraint; for the others, the table's rows stay as they are. All
    rows have the same columns.
    """
    if rows and db.dialect.name == "sqlite":
        _insert_in_sqlite(db, table, rows)
    elif rows:
        db.execute(_ignoring(db.dialect.name, table, tuple(rows[0]), ()), {"rows": _in_json(rows)})


def insert_numbered(
    db: Connection, table: Table, rows: Sequence[dict[str, Any]], *columns: str
) -> dict[tuple[Any, ...], int]:
    """As insert_ignore, into a table that numbers its rows; returns the `id` of each inserted row by its values in
    these columns. It modifies `rows`.
    """
    if not rows:
        return {}
    returned = (*columns, "id")
    if db.dialect.name != "sqlite":
        found = db.execute(_ignoring(db.dialect.name, table, tuple(rows[0]), returned), {"rows": _in_json(rows)})
        return {tuple(row[:-1]): row[-1] for row in found}
    # The writer has the whole database, so it can number them as SQLite would.
    last = db.execute(_last_id(table)).scalar() or 0
    for row_id, row in enumerate(rows, last + 1):
        row["id"] = row_id
    if _insert_in_sqlite(db, table, rows) < len(rows):
        there = select(*(table.c[name] for name in returned)).where(table.c.id > last)
        return {tuple(row[:-1]): row[-1] for row in db.execute(there)}
    key = itemgetter(*columns)
    return {key(row): row["id"] for row in rows}


@cache
def _last_id(table: Table) -> Any:
    return select(func.max(table.c.id))


@cache
def _copying(dialect: str, table: Table, source: Table, copied: tuple[str, ...], given: tuple[str, ...]) -> Any:
    added = [name for name in given if name not in copied]
    rows = _given(column(name) for name in given) if dialect == "sqlite" else _unfolded(table, given)
    columns = (*(source.c[name] for name in copied), *(rows.c[name] for name in added))
    copies = select(*columns).select_from(rows, source).where(source.c.id == rows.c.id)
    return _insert(dialect, table).from_select((*copied, *added), copies).on_conflict_do_nothing()


def insert_copies(
    db: Connection, table: Table, source: Table, copied: tuple[str, ...], rows: Sequence[dict[str, Any]]
) -> None:
    """As insert_ignore; the `copied` columns come from the row of `source` with the same `id`."""
    if not rows:
        return
    names = tuple(rows[0])
    statement = _copying(db.dialect.name, table, source, copied, names)
    if db.dialect.name != "sqlite":
        db.execute(statement, {"rows": _in_json(rows)})
        return
    pick = _picking(names)
    for _ in _with_values(db, statement, names, [pick(row) for row in rows]):
        pass


@cache
def _replacing(dialect: str, table: Table, unique: tuple[str, ...], changed: tuple[str, ...]) -> Any:
    statement = _insert(dialect, table)
    values = {name: statement.excluded[name] for name in changed}
    found_by: list[Any] = list(unique)
    texts = [name for name in unique if isinstance(table.c[name].type, Text)]
    is_key = set(unique) == set(table.primary_key.columns.keys())
    if dialect != "sqlite" and texts and not is_key:  # see schema.py: an index holds the fingerprint of the texts
        found_by = [name for name in unique if name not in texts] + [text(joined(*texts))]
    return statement.on_conflict_do_update(index_elements=found_by, set_=values)


def insert_or_change(
    db: Connection, table: Table, rows: Sequence[dict[str, Any]], unique: tuple[str, ...], changed: tuple[str, ...]
) -> None:
    """Insert rows; if one with the same `unique` columns is there, update its `changed` columns."""
    if rows and db.dialect.name == "sqlite" and all(_null_is_null(table.c[name]) for name in rows[0]):
        _insert_in_sqlite(db, table, rows, (unique, changed))
    elif rows:
        db.execute(_replacing(db.dialect.name, table, unique, changed), rows)


def _null_is_null(column: Column[Any]) -> bool:
    """Whether None is NULL in a column: in some, it is the JSON "null"."""
    return not isinstance(column.type, JSON) or column.type.none_as_null
