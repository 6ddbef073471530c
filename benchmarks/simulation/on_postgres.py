"""Runs on a PostgreSQL server of their own. Everything is written one transaction after another, so a seed still
decides what happens; what concurrent transactions do is measured with real processes (`bench workers`).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from random import Random
from typing import Any, Self

import psycopg
from psycopg import sql

from benchmarks.simulation.disk import Disk
from benchmarks.simulation.run import Room
from benchmarks.simulation.timeline import Timeline
from tests.postgres import Server, running
from tonearm.store.db.database import database_url
from tonearm.store.db.migrate import migrate

_EMPTY, _RUN = "empty", "run"
"""The database whose tables are created, and its copy for the present run."""


class PostgresRoom(Room):
    """As `Room`, with a server: this one, or one that ends with it."""

    def __init__(self, server: Server | None = None) -> None:
        super().__init__()
        self._stack = ExitStack()
        self._server = server or self._stack.enter_context(running())
        self._make(_EMPTY, "template0")
        migrate(database_url(self._server.url(_EMPTY)))

    def disk(self, timeline: Timeline, chance: Random, refused: Callable[[], None]) -> Disk:
        """A fresh database, replacing the one before."""
        self._server.drop(self._server.url(_RUN))
        self._make(_RUN, _EMPTY)
        return PostgresDisk(self.file(), timeline, chance, refused, self._server)

    def _make(self, name: str, template: str) -> None:
        make = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        self._server.execute(make.format(sql.Identifier(name), sql.Identifier(template)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        super().__exit__()


class PostgresDisk(Disk):
    """A database on the server that may fail. `file` is the file of an empty database, into which the tables are copied
    for the final check.
    """

    def __init__(
        self, file: Path, timeline: Timeline, chance: Random, refused: Callable[[], None], server: Server
    ) -> None:
        super().__init__(file, timeline, chance, refused)
        self.database = server.url(_RUN)
        self.full = psycopg.errors.DiskFull("could not extend file: No space left on device")
        self._line: psycopg.Connection[Any] | None = None

    def look(self, question: str, *values: object) -> list[Any]:
        """The rows now, as another process sees them."""
        if self._line is None:
            self._line = psycopg.connect(self.database, autocommit=True)
        words = question.replace("CROSS JOIN", "JOIN").replace("?", "%s")  # SQLite's only way to fix an order
        return self._line.execute(words.encode(), values).fetchall()

    def look_away(self) -> None:
        """Copy every table into the file, and hang up."""
        with closing(sqlite3.connect(self.file)) as db:
            for kind, name in db.execute("SELECT type, name FROM sqlite_master WHERE type != 'view'").fetchall():
                if kind == "trigger":
                    db.execute(f'DROP TRIGGER "{name}"')
                elif kind == "table" and self.look("SELECT to_regclass(?)", name) != [(None,)]:
                    self._copy(db, name)
            db.commit()
        if self._line is not None:
            self._line.close()
            self._line = None

    def _copy(self, db: sqlite3.Connection, table: str) -> None:
        names = [row[1] for row in db.execute(f'PRAGMA table_info("{table}")')]
        columns = ", ".join(f'"{name}"' for name in names)
        rows = self.look(f'SELECT {columns} FROM "{table}"')  # names of our own tables
        db.execute(f'DELETE FROM "{table}"')
        marks = ", ".join("?" * len(names))
        stored = [[_plain(value) for value in row] for row in rows]
        db.executemany(f'INSERT INTO "{table}" ({columns}) VALUES ({marks})', stored)


def _plain(value: object) -> object:
    """A value as SQLite keeps it."""
    return json.dumps(value) if isinstance(value, dict | list) else value
