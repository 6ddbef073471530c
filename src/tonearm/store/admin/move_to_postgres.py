"""Moves the tables of a SQLite file to PostgreSQL, page by page; each page is written together with the progress.

The source is only read, in one transaction, so that its state is that of one moment. Until the move is done, nobody
else can use the target: opening it is refused (`tonearm.store.db.postgres.examine`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import JSON, URL, Column, Connection, Engine, MetaData, Table, Text, func, select, text, tuple_, update
from sqlalchemy.exc import DBAPIError

from tonearm.store.db.database import connect, sqlite_file
from tonearm.store.db.migrate import NEWEST, migrate, revision
from tonearm.store.db.postgres import MOVING, in_number, server_info
from tonearm.store.db.schema import account, metadata
from tonearm.store.db.sqlite_writer import StoreUnavailable, plain

T = TypeVar("T")

PAGE = 5000
"""Rows that are written, and recorded as written, in one transaction."""

_LOCK = 0x746F6D6F

_PROGRESS = Table(
    MOVING,
    MetaData(),
    Column("name", Text, primary_key=True),  # of a table; "" for the source itself
    Column("last", Text, nullable=False),  # the key of the last row that was written, as JSON
)

MoveProgress = Callable[[str, int, int], None]
"""Called with the table, the rows written of all tables, and the total."""


class CannotMove(Exception):
    """The move is refused, or has failed. The message says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class MoveResult:
    """The rows of each table, the same in source and target; `resumed`: an earlier move was continued."""

    rows: dict[str, int]
    resumed: bool


def ask(source: URL, question: Callable[[Connection], T]) -> T:
    """Query the source. Raises CannotMove if it doesn't exist, or is from an older version."""
    with _source(source) as db:
        return question(db)


def move(source: URL, target: URL, progress: MoveProgress) -> MoveResult:
    """Copy everything; after a failure, call it again to continue where it stopped. Raises CannotMove if source or
    target are unsuitable, StoreUnavailable if one of them fails.
    """
    try:
        with _source(source) as there, _target(target, _state_of(source)) as (engine, resumed):
            sizes = {table.name: _count(there, table) for table in metadata.sorted_tables}
            done, total = 0, sum(sizes.values())
            for table in metadata.sorted_tables:
                for written in _carry(there, engine, table):
                    progress(table.name, done + written, total)
                done += sizes[table.name]
            _finish(engine, sizes)
            return MoveResult(sizes, resumed)
    except DBAPIError as error:
        raise plain(error) from None


def _state_of(source: URL) -> str:
    """A fingerprint that changes when the file, or a write-ahead log beside it, is written to."""
    file = sqlite_file(source)
    assert file is not None
    facts, log = file.stat(), file.with_name(f"{file.name}-wal")
    written = [log.stat().st_size, log.stat().st_mtime_ns] if log.exists() and log.stat().st_size else []
    return json.dumps([str(file), facts.st_size, facts.st_mtime_ns, *written])


@contextmanager
def _source(url: URL) -> Iterator[Connection]:
    file = sqlite_file(url)
    if file is None:
        raise CannotMove("FROM has to be a SQLite file")
    if not Path(file).is_file():
        raise CannotMove(f"{file}: no such file")
    engine = connect(url, writes=False)
    try:
        with engine.connect() as db, db.begin():
            if (found := revision(db)) != NEWEST:
                raise CannotMove(
                    f"{file}: its tables have revision {found}, not {NEWEST}: start this tonearm with it once"
                )
            yield db
    except DBAPIError as error:
        raise StoreUnavailable(f"{file}: {plain(error)}") from None
    finally:
        engine.dispose()


@contextmanager
def _target(url: URL, state: str) -> Iterator[tuple[Engine, bool]]:
    """The target, ready to continue. It is locked, so that nobody else moves data into it at the same time."""
    if url.get_backend_name() != "postgresql":
        raise CannotMove("TO has to be a PostgreSQL database")
    engine = connect(url, writes=True)
    try:
        with engine.connect() as watch:
            if not watch.execute(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": _LOCK}).scalar():
                raise CannotMove("another move into this database is running")
            watch.commit()
            with engine.begin() as db:
                begun = db.execute(text("SELECT to_regclass(:name)"), {"name": MOVING}).scalar() is not None
            if not begun:
                migrate(url)
            with engine.begin() as db:
                resumed = _prepare(db, state, begun)
            yield engine, resumed
    finally:
        engine.dispose()


def _prepare(db: Connection, state: str, begun: bool) -> bool:
    """Whether there is a move to continue. A move from an older state of the source is undone."""
    if others := server_info(db).processes:
        raise CannotMove(f"{in_number(others)} connected to the target database: stop them all first")
    if begun:
        if db.execute(select(_PROGRESS.c.last).where(_PROGRESS.c.name == "")).scalar() == state:
            return True
        names = ", ".join(table.name for table in metadata.sorted_tables)
        db.execute(text(f"TRUNCATE {names}, {MOVING} RESTART IDENTITY CASCADE"))
    elif db.execute(select(func.count()).select_from(account)).scalar_one():
        raise CannotMove("the target database already has listeners: use an empty one")
    else:
        _PROGRESS.create(db)
    db.execute(_PROGRESS.insert().values(name="", last=state))
    return False


def _carry(there: Connection, engine: Engine, table: Table) -> Iterator[int]:
    """Write the rows that are not there yet; yields how many are there, after each page."""
    keys = list(table.primary_key.columns)
    with engine.begin() as db:
        noted = db.execute(select(_PROGRESS.c.last).where(_PROGRESS.c.name == table.name)).scalar()
        if not noted:  # earlier processes have left rows: a worker stores its rate limit even in an empty database
            db.execute(text(f"TRUNCATE {table.name} RESTART IDENTITY CASCADE"))
        written = _count(db, table) if noted else 0
    last = json.loads(noted) if noted else None
    while True:
        page = select(table).order_by(*keys).limit(PAGE)
        if last is not None:
            page = page.where(tuple_(*keys) > tuple_(*last))
        rows = there.execute(page).all()
        if not rows:
            return
        last = [getattr(rows[-1], key.name) for key in keys]
        with engine.begin() as db:
            _write(db, table, rows)
            if noted is None:
                db.execute(_PROGRESS.insert().values(name=table.name, last=json.dumps(last)))
            else:
                db.execute(update(_PROGRESS).where(_PROGRESS.c.name == table.name).values(last=json.dumps(last)))
        noted = json.dumps(last)
        written += len(rows)
        yield written


def _write(db: Connection, table: Table, rows: Sequence[Any]) -> None:
    from psycopg import Error
    from psycopg.types.json import Json

    columns = list(table.columns)
    wrapped = [place for place, column in enumerate(columns) if isinstance(column.type, JSON)]
    names = ", ".join(f'"{column.name}"' for column in columns)
    cursor = db.connection.cursor()
    try:
        with cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as copy:
            for row in rows:
                values = list(row)
                for place in wrapped:
                    values[place] = None if values[place] is None else Json(values[place])
                copy.write_row(values)
    except Error as fault:
        message = str(fault).strip().partition("\n")[0]
        raise StoreUnavailable(f"the rows of {table.name} cannot be written: {message}") from None


def _finish(engine: Engine, sizes: dict[str, int]) -> None:
    """Count what has arrived, and make the target available."""
    with engine.begin() as db:
        for table in metadata.sorted_tables:
            arrived = _count(db, table)
            if arrived != sizes[table.name]:
                raise CannotMove(
                    f"of {sizes[table.name]} rows of {table.name} {arrived} have arrived: recreate the database"
                )
            if "id" in table.c and table.c.id.autoincrement is not False and table.c.id.primary_key:
                numbers = func.pg_get_serial_sequence(table.name, "id")
                db.execute(select(func.setval(numbers, select(func.max(table.c.id)).scalar_subquery())))
        _PROGRESS.drop(db)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        db.execute(text("ANALYZE"))


def _count(db: Connection, table: Table) -> int:
    return db.execute(select(func.count()).select_from(table)).scalar_one()
