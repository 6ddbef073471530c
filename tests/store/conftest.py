"""A real database of each kind for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL

from tests.databases import with_tables
from tonearm.store.db.database import Store, database_url


@pytest.fixture
def empty_url(database: Path | str, request: pytest.FixtureRequest, tmp_path: Path) -> URL:
    """A database without tables."""
    if isinstance(database, Path):
        return database_url(tmp_path / "empty.db")
    return database_url(request.getfixturevalue("postgres_url"))


@pytest.fixture
def database_url_for_tests(database: Path | str, tables: Path) -> URL:
    """A database with tables."""
    return database_url(with_tables(database, tables))


@pytest.fixture
def store(database_url_for_tests: URL) -> Iterator[Store]:
    """An open store with tables."""
    opened = Store(database_url_for_tests)
    yield opened
    opened.close()
