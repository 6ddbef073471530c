"""Statements compiled once for all databases of a test run, instead of again for each test's two engines."""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Engine

from tonearm.store.db import database


class Compiled(dict[Any, Any]):
    """What SQLAlchemy has compiled for one kind of database. It asks by (dialect, statement ...): any will do."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(key[1:], default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        super().__setitem__(key[1:], compiled)


def compile_once() -> None:
    """From now on every store's engines share what they compile."""
    known = {"sqlite": Compiled(), "postgresql": Compiled()}
    alone = database.connect

    def connect(url: URL, *, writes: bool) -> Engine:
        engine = alone(url, writes=writes)
        engine.update_execution_options(compiled_cache=known[engine.dialect.name])
        return engine

    database.connect = connect
