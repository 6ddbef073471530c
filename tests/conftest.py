"""What every test may ask for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.postgres import Server, running

# How long an example takes is no matter of right and wrong, and another one on a machine that is busy.
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("untimed")

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
