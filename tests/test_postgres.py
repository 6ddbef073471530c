"""The PostgreSQL that the tests run on."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests import postgres as ours
from tests.postgres import NoPostgres, Server

ROOT = Path(__file__).resolve().parent.parent

AWAITED = """
import signal
from tests.postgres import running
with running() as server:
    print(server.process, server.folder, flush=True)
    signal.pause()
"""


def tables(url: str) -> list[str]:
    with psycopg.connect(url) as db:
        return [name for (name,) in db.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]


def test_each_test_has_a_database_of_its_own_which_may_be_a_copy(postgres: Server, postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as db:
        db.execute("CREATE TABLE song (title text)")
    copy = postgres.database(template=postgres_url.rpartition("/")[2])
    empty = postgres.database()
    try:
        assert tables(copy) == ["song"]
        assert tables(empty) == []
    finally:
        postgres.drop(copy)
        postgres.drop(empty)


def test_a_server_that_crashed_comes_back_where_it_was_with_what_was_committed(
    postgres: Server, postgres_url: str
) -> None:
    with psycopg.connect(postgres_url) as db:
        db.execute("CREATE TABLE song (title text)")
    postgres.crash()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(postgres_url)
    postgres.start()
    assert tables(postgres_url) == ["song"]


def test_a_server_ends_with_the_process_that_started_it() -> None:
    with subprocess.Popen([sys.executable, "-c", AWAITED], cwd=ROOT, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        server, folder = starter.stdout.readline().split()
        descriptor = os.pidfd_open(int(server))
        starter.send_signal(signal.SIGKILL)
    assert select.select([descriptor], [], [], 20)[0]
    os.close(descriptor)
    shutil.rmtree(folder)


def test_without_postgresql_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(ours, "find_spec", lambda _: None)
    monkeypatch.setattr(Path, "glob", lambda *_: iter(()))
    with pytest.raises(NoPostgres, match="apt install postgresql"):
        ours.binaries.__wrapped__()
