"""Tables are brought up to date at start, once, under a lock, and with a copy kept first."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Engine, inspect

import tonearm
from tests.databases import only_sqlite
from tests.patience import PATIENCE
from tests.store.rows import NOW
from tonearm.store import accounts
from tonearm.store.db.database import connect, database_url
from tonearm.store.db.migrate import ADVISORY_LOCK, NEWEST, DatabaseTooNew, _config, _upgrade, migrate, revision
from tonearm.store.db.schema import metadata
from tonearm.store.db.sqlite_writer import StoreUnavailable

PACKAGE = Path(tonearm.__file__).parent
MIGRATE = "import sys; from tonearm.store.db.migrate import *; from tonearm.store.db.database import *; " + (
    "print(migrate(database_url(sys.argv[1])))"
)
OPTIONS = "SELECT relname, reloptions FROM pg_class WHERE reloptions IS NOT NULL AND relkind = 'r' ORDER BY 1"
NOT_MIGRATED = ("alembic_version", "tonearm_pgqueuer", "answer_")
"""Tables of others in the same PostgreSQL: the engine's, and what Last.fm has answered."""

LATER = "9999"
ONE_DAY = """
    op.execute("CREATE TABLE one_day (x INTEGER)")
    op.execute("DELETE FROM account")
"""


def tables(url: URL) -> set[str]:
    engine = connect(url, writes=False)
    try:
        return set(inspect(engine).get_table_names())
    finally:
        engine.dispose()


def add_listener(url: URL) -> None:
    engine = connect(url, writes=True)
    with engine.begin() as db:
        accounts.add(db, "me", NOW)
    engine.dispose()


def listeners(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as db:
        return [name for (name,) in db.execute("SELECT name FROM account")]


def description(engine: Engine) -> dict[str, object]:
    """Everything that the database says of its tables."""
    with engine.connect() as db:
        options = [*db.exec_driver_sql(OPTIONS)] if engine.dialect.name == "postgresql" else []
        options = [option for option in options if not option[0].startswith(NOT_MIGRATED)]
    seen = inspect(engine)
    asked = (
        seen.get_columns,
        seen.get_pk_constraint,
        seen.get_foreign_keys,
        seen.get_indexes,
        seen.get_unique_constraints,
    )
    names = sorted(name for name in seen.get_table_names() if not name.startswith(NOT_MIGRATED))
    return {"options": _plain(options), **{name: [_plain(ask(name)) for ask in asked] for name in names}}


def _plain(said: object) -> object:
    """Without what differs from one look to the next: the order of lists, and objects for what is text."""
    match said:
        case dict():
            return {name: _plain(value) for name, value in said.items()}
        case list():
            return sorted(str(_plain(value)) for value in said)
        case _:
            return str(said)


def _comparable(_: object, name: str | None, *__: object) -> bool:
    """What makes rows differ is another thing on each database, and is compared by its description."""
    return not (name or "").endswith("_once")


@pytest.mark.filterwarnings("ignore:autogenerate skipping")
def test_the_migrations_make_the_tables_of_a_new_database(empty_url: URL, database_url_for_tests: URL) -> None:
    """A new database gets its tables at once; an old one by all migrations. Both must come to the same."""
    _upgrade(empty_url, _config("base"))
    created, migrated = connect(database_url_for_tests, writes=False), connect(empty_url, writes=False)
    assert description(migrated) == description(created)
    with migrated.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": _comparable})
        assert compare_metadata(context, metadata) == []
        assert revision(connection) == NEWEST
    with created.connect() as connection:
        assert revision(connection) == NEWEST
    migrated.dispose()
    created.dispose()


def test_the_program_works_with_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(PACKAGE / "store" / "migrations"))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [NEWEST]


def rows_of(url: URL) -> dict[str, list[tuple[object, ...]]]:
    """Everything in the tables of the first release, in its own columns."""
    engine = connect(url, writes=False)
    with engine.connect() as db:
        found = {
            table: [tuple(row) for row in db.exec_driver_sql(f"SELECT {', '.join(columns)} FROM {table} ORDER BY 1, 2")]
            for table, columns in FIRST_RELEASE.items()
        }
    engine.dispose()
    return found


FIRST_RELEASE = {
    "account": ("id", "name", "lastfm_username", "lastfm_session_key", "connection", "budget", "wait_until"),
    "play": ("id", "account", "artist", "track", "timestamp", "fate", "reason", "owner", "settled_at", "unanswered"),
    "scrobble_queue": ("account", "id", "artist", "track", "timestamp", "state", "retry_count", "next_attempt_at"),
    "job_failure": ("kind", "account", "tries", "at", "retry_at", "message"),
}
LISTENERS = """INSERT INTO account (id, name, lastfm_username, lastfm_user, lastfm_session_key, connection, budget,
    wait_until, lastfm_scrobbling_enabled, lastfm_scrobble_threshold)
    VALUES (1, 'me', 'RJ', 'rj', 'sealed', 'connected', 3000, 99, true, 50),
           (2, 'anna', 'Ann', 'ann', '', 'needs_sign_in', 0, 0, true, 75)"""
PLAYS = """INSERT INTO play (id, account, artist, track, timestamp, played, chosen_by_user, reported_timestamp, fate,
    reason, owner, settled_at, unanswered)
    VALUES (%d, %d, 'Low', 'Song %d', %d, 200, true, %d, '%s', '%s', '%s', %s, false)"""
QUEUED = """INSERT INTO scrobble_queue (id, account, artist, track, timestamp, played, chosen_by_user, owner, live,
    state, retry_count, next_attempt_at) VALUES (%d, %d, 'Low', 'Song %d', %d, 200, true, '%s', true, '%s', %d, %d)"""


def test_a_database_of_the_first_release_opens_with_nothing_lost(empty_url: URL) -> None:
    from alembic import command

    config = _config("0001")
    engine = connect(empty_url, writes=True)
    with engine.begin() as db:
        config.attributes["connection"] = db
        command.upgrade(config, "0001")
        db.exec_driver_sql(LISTENERS)
        for number, fate in enumerate(
            ("accepted", "ignored", "refused", "expired", "queued", "queued", "disabled") * 20
        ):
            account, at = 1 + number % 2, int(NOW) - number * 300
            settled = "NULL" if fate == "queued" else str(NOW)
            owner = ("rj", "ann")[number % 2]
            said = (number, account, number, at, at, fate, f"why {number}", owner, settled)
            db.exec_driver_sql((PLAYS % said).replace("%", "%%"))
            if fate == "queued":
                state = ("queued", "sending")[number % 7 // 5]
                waits = (number, account, number, at, owner, state, number % 4, int(NOW) + number)
                db.exec_driver_sql((QUEUED % waits).replace("%", "%%"))
        db.exec_driver_sql("INSERT INTO job_failure VALUES ('deliver', 2, 3, 1.0, 2.0, 'a bug')")
    engine.dispose()
    before = rows_of(empty_url)
    assert (len(before["play"]), len(before["scrobble_queue"])) == (140, 40)
    copy = migrate(empty_url)
    assert rows_of(empty_url) == before
    if copy is not None:
        assert rows_of(database_url(copy)) == before
    assert migrate(empty_url) is None


def test_the_promised_tables_have_the_promised_columns(empty_url: URL) -> None:
    migrate(empty_url)
    engine = connect(empty_url, writes=False)
    found = {
        name: {c["name"] for c in inspect(engine).get_columns(name)}
        for name in ("scrobble_queue", "library", "account")
    }
    engine.dispose()
    assert {"account", "artist", "track", "album", "timestamp", "retry_count"} <= found["scrobble_queue"]
    assert {"artist", "title", "album", "lastfm_loved"} <= found["library"]
    assert {
        "lastfm_session_key",
        "lastfm_username",
        "lastfm_scrobbling_enabled",
        "lastfm_scrobble_threshold",
    } <= found["account"]


@only_sqlite
def test_tables_that_are_up_to_date_stay_as_they_are(database_url_for_tests: URL) -> None:
    assert migrate(database_url_for_tests) is None
    add_listener(database_url_for_tests)
    file = Path(str(database_url_for_tests.database))
    before = file.read_bytes()
    assert migrate(database_url_for_tests) is None
    assert file.read_bytes() == before
    assert not list(file.parent.glob("*.before-*"))


def test_a_folder_that_is_missing_is_made(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b%c" / "plays.db"
    migrate(database_url(file))
    assert listeners(file) == []


def _start(database: Path | str, package: Path | None = None) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(package or PACKAGE.parent)}
    return subprocess.Popen(
        [sys.executable, "-c", MIGRATE, str(database)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _run(database: Path, package: Path) -> tuple[int, str, str]:
    process = _start(database, package)
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out.strip(), err


def test_processes_that_start_at_once_on_a_new_file_all_find_its_tables(tmp_path: Path) -> None:
    file = tmp_path / "plays.db"
    processes = [_start(file) for _ in range(3)]
    ends = [(process.communicate(timeout=PATIENCE), process.returncode) for process in processes]
    assert [(out.strip(), code) for (out, _), code in ends] == [("None", 0)] * 3
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("SELECT version_num FROM alembic_version").fetchall() == [(NEWEST,)]


# A newer tonearm: this package with one migration more


def newer(tmp_path: Path, upgrade: str) -> Path:
    """The path of a package as it may be released one day."""
    package = tmp_path / "newer" / "tonearm"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("web", "static", "*.pyc.*"))
    program = package / "store" / "db" / "migrate.py"
    text = program.read_text()
    assert text.count(f'NEWEST = "{NEWEST}"') == 1
    program.write_text(text.replace(f'NEWEST = "{NEWEST}"', f'NEWEST = "{LATER}"'))
    (package / "store" / "migrations" / "versions" / f"{LATER}_one_day.py").write_text(
        f'from alembic import op\n\nrevision = "{LATER}"\ndown_revision = "{NEWEST}"\n\n\ndef upgrade():\n{upgrade}\n'
    )
    return package.parent


def test_a_copy_is_kept_before_tables_change(tmp_path: Path) -> None:
    file = tmp_path / "plays.db"
    migrate(database_url(file))
    add_listener(database_url(file))
    file.chmod(0o600)
    package = newer(tmp_path, ONE_DAY)
    code, out, err = _run(file, package)
    assert (code, err) == (0, "")
    copy = tmp_path / f"plays.db.before-{NEWEST}-to-{LATER}"
    assert out == str(copy)
    assert (listeners(file), listeners(copy)) == ([], ["me"])
    assert "one_day" in tables(database_url(file))
    assert copy.stat().st_mode & 0o777 == 0o600
    assert _run(file, package)[:2] == (0, "None")


def test_of_processes_that_update_one_postgresql_at_once_one_does_it_and_all_continue(
    postgres_url: str, tmp_path: Path
) -> None:
    """They all have seen the old tables, and wait for the lock, when the first of them gets it."""
    url = database_url(postgres_url)
    migrate(url)
    add_listener(url)
    waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with psycopg.connect(postgres_url, autocommit=True) as db:
        db.execute("SELECT pg_advisory_lock(%s)", [ADVISORY_LOCK])
        package = newer(tmp_path, ONE_DAY)
        processes = [_start(postgres_url, package) for _ in range(2)]
        while db.execute(waits).fetchone() != (len(processes),):
            assert all(process.poll() is None for process in processes)
            db.execute("SELECT pg_sleep(0.05)")
    ends = [(*process.communicate(timeout=PATIENCE), process.returncode) for process in processes]
    assert [(out.strip(), err, code) for out, err, code in ends] == [("None", "", 0)] * len(processes)
    with psycopg.connect(postgres_url) as db:
        assert db.execute("SELECT version_num FROM alembic_version").fetchall() == [(LATER,)]
        assert db.execute("SELECT count(*) FROM account").fetchone() == (0,)
    with pytest.raises(DatabaseTooNew, match=f"newer version of tonearm .*{LATER}"):
        migrate(url)


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "plays.db"
    migrate(database_url(file))
    add_listener(database_url(file))
    before = tables(database_url(file))
    code, _, err = _run(file, newer(tmp_path, ONE_DAY + "    op.execute('NONSENSE')"))
    assert code == 1
    assert "StoreUnavailable" in err
    assert tables(database_url(file)) == before
    assert listeners(file) == ["me"]
    assert migrate(database_url(file)) is None


def test_a_database_of_a_newer_program_is_left_alone_and_named(tmp_path: Path) -> None:
    file = tmp_path / "plays.db"
    assert _run(file, newer(tmp_path, ONE_DAY))[0] == 0
    before = file.read_bytes()
    with pytest.raises(DatabaseTooNew, match=f"newer version of tonearm .*{LATER}.*{NEWEST}.*update"):
        migrate(database_url(file))
    assert file.read_bytes() == before
    assert not list(tmp_path.glob("*.before-*"))


# What is no database


def test_a_file_that_is_not_a_database_is_named(tmp_path: Path) -> None:
    file = tmp_path / "plays.db"
    file.write_text("I am a text, and a long one at that. " * 100)
    with pytest.raises(StoreUnavailable, match=r"plays\.db: file is not a database"):
        migrate(database_url(file))


def test_a_folder_is_not_a_database(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="unable to open database file"):
        migrate(database_url(tmp_path))


def test_a_path_through_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable, match=r"/file.*its folder isn't writable \((Not a directory|File exists)\)"):
        migrate(database_url(tmp_path / "file" / "plays.db"))


def test_somebody_elses_database_is_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "contacts.db"
    with closing(sqlite3.connect(file)) as db:
        db.execute("CREATE TABLE account (name TEXT)")
        db.commit()
    with pytest.raises(StoreUnavailable, match="table account already exists"):
        migrate(database_url(file))
    assert tables(database_url(file)) == {"account"}
