"""What every test may ask for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.postgres import Server, running
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
    """The name of a database with our tables, to be copied: which is quicker than making them."""
    url = postgres.database()
    migrate(database_url(url))
    return url.rpartition("/")[2]


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path | str]:
    """A database for a deck to be opened on: the path of a file that is not there yet, or a PostgreSQL with tables.

    A test that is about SQLite only says so with `only_sqlite`.
    """
    if request.param == "sqlite":
        yield tmp_path / "plays.db"
        return
    server = request.getfixturevalue("postgres")
    url = server.database(template=request.getfixturevalue("postgres_tables"))
    yield url
    server.drop(url)
