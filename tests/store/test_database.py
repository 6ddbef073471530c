"""Opening a database: how it is named, and that it is as durable as promised."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import URL, Connection

from tests.databases import only_sqlite
from tests.store.rows import NOW, listener, names
from tonearm.store import accounts
from tonearm.store.db import database as database_module
from tonearm.store.db.database import Store, database_url, journal_mode, sqlite_file
from tonearm.store.db.schema import token
from tonearm.store.db.sqlite_writer import StoreUnavailable
from tonearm.store.sqlite import driver, newer

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("named", "url"),
    [
        pytest.param("plays.db", "sqlite:///plays.db", id="a path"),
        pytest.param(Path("/var/lib/plays.db"), "sqlite:////var/lib/plays.db", id="a Path"),
        pytest.param("sqlite:///plays.db", "sqlite:///plays.db", id="a URL of a file"),
        pytest.param("postgresql://me@host/plays", "postgresql+psycopg://me@host/plays", id="PostgreSQL by psycopg 3"),
        pytest.param("postgresql+psycopg://host/plays", "postgresql+psycopg://host/plays", id="its driver named"),
        pytest.param("postgres://me@host/plays", "postgresql+psycopg://me@host/plays", id="as hosters write it"),
        pytest.param("postgresql+psycopg2://host/x", "postgresql+psycopg://host/x", id="the driver of another program"),
        pytest.param("postgresql+asyncpg://host/x", "postgresql+psycopg://host/x", id="an async driver"),
        pytest.param("sqlite+aiosqlite:///plays.db", "sqlite:///plays.db", id="an async driver of SQLite"),
        pytest.param("sqlite:///plays.db?timeout=5", "sqlite:///plays.db?timeout=5", id="an option of SQLite"),
        pytest.param("postgres+psycopg://host/x", "postgresql+psycopg://host/x", id="the short name and a driver"),
    ],
)
def test_a_database_is_named_by_path_or_url(named: str | Path, url: str) -> None:
    assert str(database_url(named)) == url


@pytest.mark.parametrize(
    ("named", "why"),
    [
        (":memory:", "needs a file"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("", "needs a file"),
        ("mysql://host/plays", "mysql isn't supported"),
        ("://", "use a path or a URL"),
        ("postgresql://user:secret@host:port/x", "use a path or a URL"),
        ("postgresql://user:top@secret@host/x", "an @ in the password as %40"),
        ("postgresql:plays", "use a path or a URL"),
        ("postgres:plays", "use a path or a URL"),
        ("sqlite:plays.db", "use a path or a URL"),
        ("sqlite:///plays.db?mode=ro", "mode isn't an option of a SQLite file"),
    ],
)
def test_what_is_not_a_database_is_refused_without_showing_a_password(named: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as refused:
        database_url(named)
    assert "secret" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_only_sqlite_has_a_file(tmp_path: Path) -> None:
    assert sqlite_file(database_url(tmp_path / "plays.db")) == tmp_path / "plays.db"
    assert sqlite_file(database_url("plays.db")) == Path("plays.db").absolute()
    assert sqlite_file(database_url("odd%20 ?name#.db")) == Path("odd%20 ?name#.db").absolute()
    assert sqlite_file(database_url("postgresql://host/plays")) is None


@pytest.mark.parametrize(
    ("version", "mode"),
    [
        ((3, 40, 1), "PERSIST"),
        ((3, 51, 2), "PERSIST"),
        ((3, 51, 3), "WAL"),
        ((3, 52, 0), "WAL"),
        ((4, 0, 0), "WAL"),
    ],
)
def test_no_write_ahead_log_if_sqlite_can_lose_its_content(version: tuple[int, ...], mode: str) -> None:
    assert journal_mode(version) == mode


def test_the_newer_sqlite_opens_the_file() -> None:
    def of_version(*version: int) -> SimpleNamespace:
        return SimpleNamespace(sqlite_version_info=version)

    own, newer_one = of_version(3, 40, 1), of_version(3, 53, 4)
    assert newer(own, newer_one) is newer_one
    assert newer(newer_one, own) is newer_one
    assert newer(own, of_version(3, 40, 1)) is own
    assert driver().sqlite_version_info >= sqlite3.sqlite_version_info


@only_sqlite
async def test_every_commit_is_flushed_to_the_disk(store: Store) -> None:
    def settings(db: Connection) -> list[object]:
        return [
            db.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("synchronous", "foreign_keys", "journal_mode")
        ]

    full = 2
    assert await store.write(settings) == [full, 1, journal_mode().lower()]
    assert (await store.read(settings))[:2] == [full, 1]


@only_sqlite
async def test_the_journal_mode_of_a_file_is_reset(store: Store, database_url_for_tests: URL) -> None:
    await asyncio.to_thread(store.close)
    path = str(database_url_for_tests.database)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA journal_mode=PERSIST").fetchone() == ("persist",)
    again = Store(database_url_for_tests)
    found = await again.write(lambda db: db.exec_driver_sql("PRAGMA journal_mode").scalar())
    assert found == journal_mode().lower()
    again.close()


async def test_two_programs_that_increment_lose_no_increment(store: Store, database_url_for_tests: URL) -> None:
    other = Store(database_url_for_tests)
    me = await store.write(listener)

    def count_up(db: Connection) -> None:
        accounts.lock(db, [me])
        found = accounts.by_id(db, [me])[me].threshold
        accounts.change_settings(db, me, enabled=None, threshold=found + 1)

    await asyncio.gather(*(one.write(count_up) for one in (store, other) for _ in range(25)))
    assert (await store.read(lambda db: accounts.by_id(db, [me])))[me].threshold == 50 + 50
    other.close()


async def test_a_row_of_an_unknown_account_is_rejected(store: Store) -> None:
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        await store.write(
            lambda db: db.execute(token.insert().values(hash="x", account=99, kind="api", created_at=NOW))
        )


async def test_a_reader_sees_the_state_of_one_moment(store: Store) -> None:
    def twice(db: Connection) -> tuple[int, int]:
        first = len(names(db))
        return first, len(names(db))

    for number in range(5):
        seen, _ = await asyncio.gather(store.read(twice), store.write(partial(accounts.add, name=str(number), now=NOW)))
        assert seen[0] == seen[1]


@only_sqlite
async def test_sqlite_is_for_one_sender(store: Store) -> None:
    assert store.one_process


@only_sqlite
async def test_who_writes_waits_until_another_process_has_written(store: Store) -> None:
    with closing(driver().connect(str(sqlite_file(store.url)), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writes = asyncio.create_task(store.write(lambda db: accounts.add(db, "late", NOW)))
        await asyncio.wait([writes], timeout=0.02)
        assert not writes.done()
        other.execute("COMMIT")
        await writes
    assert "late" in await store.read(names)


@only_sqlite
async def test_who_waits_too_long_for_another_process_gets_an_error(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "BUSY_SECONDS", 0.02)
    with closing(driver().connect(str(sqlite_file(store.url)), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked"):
            await store.write(lambda db: accounts.add(db, "late", NOW))
        other.execute("ROLLBACK")
    await store.write(lambda db: accounts.add(db, "later", NOW))
    assert "later" in await store.read(names)
