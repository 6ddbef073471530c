"""Databases with an engine of each kind, which sweep often and have nothing left of the test before."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.engine.yards import SWEEP, YARDS, EmbeddedYard, PostgresYard, Work, Yard
from tests.postgres import Server, empty
from tonearm.engine import embedded, postgres, tables


@pytest.fixture(scope="session")
def engines_tables(postgres: Server) -> str:
    """The URL of a database with the engine's tables, which each test leaves empty."""
    url = postgres.database()
    asyncio.run(tables.prepare(url, 1))
    return url


@pytest.fixture
def shared(engines_tables: str, postgres: Server, quick: None) -> Iterator[PostgresYard]:
    """A database for several engines. A SQLite file allows only one process: see tests/store/test_file_lock.py."""
    yield PostgresYard(postgres, engines_tables)
    empty(engines_tables)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an engine does now and then it does often."""
    monkeypatch.setattr(embedded, "SWEEP", SWEEP)
    monkeypatch.setattr(postgres, "SWEEP", SWEEP)
    monkeypatch.setattr(postgres, "AGAIN", 0.05)
    monkeypatch.setattr(postgres, "POLL", timedelta(seconds=0.5))


@pytest.fixture(params=YARDS)
def yard(request: pytest.FixtureRequest, quick: None) -> Yard:
    """A database with an engine of each kind."""
    found: Yard = EmbeddedYard() if request.param == "embedded" else request.getfixturevalue("shared")
    return found


@pytest.fixture
def work() -> Work:
    """A handler that does not wait."""
    open_gate = Work()
    open_gate.gate.set()
    return open_gate
