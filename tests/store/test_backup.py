"""A backup opens and has what was acknowledged before it began; a restore replaces everything, or nothing."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import URL, Connection, select

from tests.databases import only_postgres, only_sqlite
from tests.postgres import binaries
from tests.store.rows import NOW
from tonearm.store import accounts
from tonearm.store.admin import backup
from tonearm.store.admin.backup import CannotRestore, CannotWrite, back_up, restore
from tonearm.store.db.database import Store, database_url, sqlite_file
from tonearm.store.db.file_lock import AlreadyOpen, sole_sender
from tonearm.store.db.migrate import migrate
from tonearm.store.db.schema import account
from tonearm.store.db.sqlite_writer import StoreUnavailable
from tonearm.store.secrets.seal import key_file, seal_beside

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL's own programs, of the version that the server has."""
    monkeypatch.setenv("PATH", f"{binaries()}{os.pathsep}{os.environ['PATH']}")


def names(db: Connection) -> set[str]:
    return set(db.execute(select(account.c.name)).scalars())


def names_in(url: URL) -> set[str]:
    with closing(Store(url)) as store:
        return asyncio.run(store.read(names))


def add(name: str) -> Callable[[Connection], object]:
    return partial(accounts.add, name=name, now=NOW)


@pytest.fixture
def url(database: Path | str, request: pytest.FixtureRequest) -> URL:
    """A database with tables; of a PostgreSQL one of its own, since a restore makes its tables again."""
    url = database_url(database if isinstance(database, Path) else request.getfixturevalue("postgres_url"))
    migrate(url)
    return url


async def test_a_backup_taken_while_others_write_has_all_that_was_acknowledged(url: URL, tmp_path: Path) -> None:
    store, written = Store(url), list[str]()

    async def write() -> None:
        await store.write(add(name := f"listener-{len(written)}"))
        written.append(name)

    async def keep_writing() -> None:
        while True:
            await write()

    for _ in range(20):
        await write()
    before = set(written)
    writes = asyncio.create_task(keep_writing())
    await asyncio.to_thread(back_up, url, tmp_path / "backup")
    writes.cancel()
    await asyncio.gather(writes, return_exceptions=True)
    store.close()
    await asyncio.to_thread(restore, url, tmp_path / "backup")
    found = await asyncio.to_thread(names_in, url)
    assert before <= found < set(written) | {f"listener-{len(written)}"}
    assert (tmp_path / "backup").stat().st_mode & 0o777 == 0o600


@only_sqlite
async def test_a_backup_ends_though_writers_never_pause(
    url: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "PAGES", 1)
    with closing(sqlite3.connect(str(url.database), isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode=DELETE")
        seen: list[int] = []

        def write(done: int, _: int) -> None:
            seen.append(done)
            other.execute("CREATE TABLE IF NOT EXISTS elsewhere (number)")
            other.execute("INSERT INTO elsewhere VALUES (?)", (done,))

        back_up(url, tmp_path / "backup", write)
    assert len(seen) > 1
    with closing(sqlite3.connect(tmp_path / "backup")) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("SELECT count(*) FROM elsewhere").fetchone() == (len(seen),)


async def test_a_restore_replaces_what_came_after_the_backup(url: URL, tmp_path: Path) -> None:
    store = Store(url)
    await store.write(add("before"))
    back_up(url, tmp_path / "backup")
    await store.write(add("after"))
    store.close()
    await asyncio.to_thread(restore, url, tmp_path / "backup")
    assert await asyncio.to_thread(names_in, url) == {"before"}


async def test_what_is_not_a_backup_changes_nothing(url: URL, tmp_path: Path) -> None:
    store = Store(url)
    await store.write(add("me"))
    store.close()
    back_up(url, whole := tmp_path / "whole")
    saved = whole.read_bytes()
    cut, foreign = tmp_path / "cut", tmp_path / "foreign"
    cut.write_bytes(saved[: len(saved) // 2])
    foreign.write_bytes(b"no database")
    for wrong in (cut, foreign, tmp_path / "missing"):
        with pytest.raises((CannotRestore, StoreUnavailable)):
            restore(url, wrong)
    assert await asyncio.to_thread(names_in, url) == {"me"}


@only_sqlite
def test_a_file_that_is_delivered_from_is_not_replaced(url: URL, tmp_path: Path) -> None:
    back_up(url, tmp_path / "backup")
    with sole_sender(Path(str(url.database))), pytest.raises(AlreadyOpen):
        restore(url, tmp_path / "backup")


@only_sqlite
def test_a_damaged_database_can_be_replaced(url: URL, tmp_path: Path) -> None:
    back_up(url, tmp_path / "backup")
    Path(str(url.database)).write_bytes(b"x" * 10_000)
    restore(url, tmp_path / "backup")
    assert names_in(url) == set()


@only_sqlite
def test_a_backup_that_finds_no_place_leaves_the_older_one(url: URL, tmp_path: Path) -> None:
    older = tmp_path / "backup"
    older.write_bytes(b"older")
    gone = url.set(database=str(tmp_path / "gone.db"))
    with pytest.raises(StoreUnavailable, match="no such file"):
        back_up(gone, older)
    with pytest.raises(CannotWrite, match="No such file"):
        back_up(url, tmp_path / "no folder" / "backup")
    assert older.read_bytes() == b"older"
    assert not list(tmp_path.glob(".*.part"))


_DIES = """
import os, sys
from pathlib import Path
from tonearm.store.admin import backup
from tonearm.store.db.database import database_url

work = {"back_up": backup.back_up, "restore": backup.restore}[sys.argv[1]]

def die_after(steps):
    def step(event, _):
        nonlocal steps
        if event in ("open", "os.rename", "os.remove", "shutil.copyfile", "sqlite3.connect"):
            steps -= 1
            if steps < 0:
                os.kill(os.getpid(), 9)
    sys.addaudithook(step)

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        die_after(int(line))
        work(database_url(sys.argv[2]), Path(sys.argv[3]))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""For each number that it reads, a process does the work, and dies after so many steps: says its exit status."""


def found_after_each_death(what: str, file: Path, backup: Path, saved: Path) -> list[set[str]]:
    """The names that are there after a death at each step, and at last after the work's own end."""
    found = []
    command = [sys.executable, "-c", _DIES, what, str(file), str(backup)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as dying:
        assert dying.stdin
        assert dying.stdout
        for steps in range(100):
            for each in (file, backup):
                shutil.copy(saved / each.name, each)
            print(steps, file=dying.stdin, flush=True)
            status = int(dying.stdout.readline())
            found.append(names_in(database_url(backup if what == "back_up" else file)))
            if status == 0:
                break
            assert status == -signal.SIGKILL
    return found


@only_sqlite
@pytest.mark.parametrize("what", ["back_up", "restore"])
async def test_killed_at_any_step_the_old_or_the_new_state_remains(url: URL, tmp_path: Path, what: str) -> None:
    file, backup = Path(str(url.database)), tmp_path / "backup"
    store = Store(url)
    await store.write(add("old"))
    back_up(url, backup)
    await store.write(add("new"))
    store.close()
    saved = tmp_path / "kept"
    shutil.copytree(tmp_path, saved, ignore=shutil.ignore_patterns("kept"))
    found = await asyncio.to_thread(found_after_each_death, what, file, backup, saved)
    old, new = {"old"}, {"old", "new"}
    assert [names for names in found if names not in (old, new)] == []
    assert old in found
    assert new in found


@only_postgres
def test_a_database_that_is_in_use_is_not_replaced(url: URL, tmp_path: Path) -> None:
    back_up(url, tmp_path / "backup")
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with (
        psycopg.connect(address, application_name="tonearm elsewhere:1:abc123"),
        pytest.raises(CannotRestore, match="stop them all first"),
    ):
        restore(url, tmp_path / "backup")


@only_postgres
def test_a_restore_that_fails_half_way_leaves_what_was_there(url: URL, tmp_path: Path) -> None:
    back_up(url, tmp_path / "backup")
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as db:
        db.execute("CREATE VIEW of_somebody_else AS SELECT name FROM account")  # a table that cannot be dropped
    with pytest.raises(StoreUnavailable):
        restore(url, tmp_path / "backup")
    with psycopg.connect(plain) as db:
        assert db.execute("SELECT count(*) FROM of_somebody_else").fetchone() == (0,)


@only_sqlite
def test_a_backup_never_replaces_the_database_its_key_or_what_is_no_file(url: URL, tmp_path: Path) -> None:
    file = sqlite_file(url)
    assert file
    seal_beside(file)
    (link := tmp_path / "link").symlink_to(file)
    os.mkfifo(pipe := tmp_path / "pipe")
    before = file.read_bytes(), key_file(file).read_bytes()
    for place, why in (
        (file, "the database itself"),
        (link, "the database itself"),
        (key_file(file), "the database itself"),
        (pipe, "not a regular file"),
        (tmp_path, "is a folder"),
    ):
        with pytest.raises(CannotWrite, match=why):
            back_up(url, place)
    assert (file.read_bytes(), key_file(file).read_bytes()) == before
    assert pipe.is_fifo()


def test_a_backup_to_a_link_goes_where_it_leads(url: URL, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (link := tmp_path / "link").symlink_to(tmp_path / "elsewhere" / "backup")
    back_up(url, link)
    assert link.is_symlink()
    assert (tmp_path / "elsewhere" / "backup").stat().st_size


@only_sqlite
def test_a_backup_that_does_not_fit_says_where_and_leaves_nothing(url: URL, tmp_path: Path) -> None:
    small = (
        "import resource, sys; from pathlib import Path; from tonearm.store.admin.backup import CannotWrite, back_up;"
        "from tonearm.store.db.database import database_url; import signal;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))\n"
        "try: back_up(database_url(sys.argv[1]), Path(sys.argv[2]))\n"
        "except CannotWrite as refused: print(refused)"
    )
    (there := tmp_path / "there").mkdir()
    ran = subprocess.run(
        [sys.executable, "-c", small, str(url.database), str(there / "backup")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.startswith(str(there / "backup"))
    assert not list(there.iterdir())


@only_sqlite
def test_a_restore_through_a_link_replaces_the_file_and_keeps_the_link(url: URL, tmp_path: Path) -> None:
    file = sqlite_file(url)
    assert file
    back_up(url, tmp_path / "backup")
    (link := tmp_path / "link").symlink_to(file)
    before = file.stat().st_ino
    restore(url.set(database=str(link)), tmp_path / "backup")
    assert link.is_symlink()
    assert file.stat().st_ino != before


@only_sqlite
def test_the_database_is_no_backup_of_itself(url: URL, tmp_path: Path) -> None:
    file = sqlite_file(url)
    assert file
    with pytest.raises(CannotRestore, match="the database itself"):
        restore(url, file)


@only_sqlite
def test_a_restore_takes_what_is_still_in_a_log_beside_the_backup(url: URL, tmp_path: Path) -> None:
    back_up(url, copy := tmp_path / "copy.db")
    with closing(sqlite3.connect(copy)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("CREATE TABLE later (id INTEGER)")
        db.commit()
        assert copy.with_name("copy.db-wal").stat().st_size
        restore(url, copy)
    with closing(sqlite3.connect(str(url.database))) as db:
        assert db.execute("SELECT count(*) FROM later").fetchone() == (0,)
