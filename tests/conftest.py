"""What every test may ask for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.postgres import Server, empty, running
from tonearm.store.database import database_url
from tonearm.store.migrate import migrate

# How long an example takes is no matter of right and wrong, and another one on a machine that is busy.
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("untimed")

DATABASES = ("sqlite", "postgresql")
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Recorded bodies and real plays: not part of the product, so a test that needs them may be skipped."""
    folder = Path(os.environ.get("TONEARM_TEST_DATA", ROOT.parent / "shared"))
    if not (folder / "recorded").is_dir():
        pytest.skip(f"no test data at {folder} (set TONEARM_TEST_DATA)")
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """The PostgreSQL server of this test run (of each of its processes): started for the first who asks."""
    with running() as server:
        yield server


@pytest.fixture
def postgres_url(postgres: Server) -> Iterator[str]:
    """The URL of an empty PostgreSQL database, dropped with the test."""
    url = postgres.database()
    yield url
    postgres.drop(url)


@pytest.fixture(scope="session")
def postgres_tables(postgres: Server) -> str:
    """The URL of a database with our tables, which each test leaves empty."""
    url = postgres.database()
    migrate(database_url(url))
    return url


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path | str]:
    """A database for a deck to be opened on: the path of a file that is not there yet, or a PostgreSQL with tables.

    A test that is about one of them only says so, with a mark of `tests/databases.py`.
    """
    if request.param == "sqlite":
        yield tmp_path / "plays.db"
        return
    url = request.getfixturevalue("postgres_tables")
    yield url
    empty(url)
