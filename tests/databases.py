"""The databases of a test that isn't about both."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

only_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
module_on_sqlite = pytest.mark.parametrize("crowded_database", ["sqlite"], indirect=True, scope="module")
only_postgres = pytest.mark.parametrize("database", ["postgresql"], indirect=True)


def secret_for(database: Path | str) -> str:
    """The `secret_key` for a deck on a database: "" if a key file is beside it."""
    return "" if isinstance(database, Path) else "a secret that all processes share"


def with_tables(database: Path | str, tables: Path) -> Path | str:
    """A new database that has its tables already, as a PostgreSQL here always does: a file is copied from `tables`."""
    return Path(shutil.copy(tables, database)) if isinstance(database, Path) else database
