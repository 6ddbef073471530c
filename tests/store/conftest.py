"""A real database for each test; further ones join by a name in `params`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL

from tonearm.store.database import Store, database_url
from tonearm.store.migrate import migrate


@pytest.fixture(params=["sqlite"])
def database_url_for_tests(request: pytest.FixtureRequest, tmp_path: Path) -> URL:
    """An empty database."""
    assert request.param == "sqlite"
    return database_url(tmp_path / "plays.db")


@pytest.fixture
def store(database_url_for_tests: URL) -> Iterator[Store]:
    """An open store with tables."""
    migrate(database_url_for_tests)
    opened = Store(database_url_for_tests)
    yield opened
    opened.close()
