"""A real database of each kind for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL

from tonearm.store.db.database import Store, database_url
from tonearm.store.db.migrate import migrate


@pytest.fixture
def empty_url(database: Path | str, request: pytest.FixtureRequest, tmp_path: Path) -> URL:
    """A database without tables."""
    if isinstance(database, Path):
        return database_url(tmp_path / "empty.db")
    return database_url(request.getfixturevalue("postgres_url"))


@pytest.fixture
def database_url_for_tests(database: Path | str) -> URL:
    """A database with tables."""
    url = database_url(database)
    migrate(url)
    return url


@pytest.fixture
def store(database_url_for_tests: URL) -> Iterator[Store]:
    """An open store with tables."""
    opened = Store(database_url_for_tests)
    yield opened
    opened.close()
