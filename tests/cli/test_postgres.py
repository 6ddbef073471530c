"""The message if PostgreSQL can't be used: one line that says what is wrong and what to do, without a password."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.cli.shell import Shell
from tests.patience import pause
from tests.postgres import Server

SECRET = "one-secret-for-all-processes"
Breaks = Callable[[Server, str], str]
"""Breaks something about a database, and names the address to try."""


@pytest.fixture
def on_postgres(tmp_path: Path) -> Shell:
    return Shell(tmp_path, {"TONEARM_SECRET_KEY": SECRET, "TONEARM_PORT": "0"})


def name_of(url: str) -> str:
    return url.rpartition("/")[2]


def as_weak(server: Server, url: str, password: str = "right-one") -> str:
    exists = (
        "DO $$ BEGIN CREATE ROLE weak LOGIN PASSWORD 'right-one'; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
    )
    server.execute(sql.SQL(exists))
    server.execute(sql.SQL("REVOKE CREATE ON SCHEMA public FROM PUBLIC"), name_of(url))
    return server.url(name_of(url), "weak", password)


def newer(server: Server, url: str) -> str:
    newer = "CREATE TABLE alembic_version AS SELECT '9999' AS version_num"
    server.execute(sql.SQL(newer), name_of(url))
    return url


def another_alphabet(server: Server, url: str) -> str:
    server.drop(url)
    make = "CREATE DATABASE {} ENCODING 'LATIN1' TEMPLATE template0"
    server.execute(sql.SQL(make).format(sql.Identifier(name_of(url))))
    return url


def taken(server: Server, url: str) -> str:
    server.execute(sql.SQL("CREATE TABLE account (name text)"), name_of(url))
    return url


def one_connection_too_few(server: Server, url: str) -> str:
    weak = as_weak(server, url)
    server.execute(sql.SQL("ALTER DATABASE {} CONNECTION LIMIT 0").format(sql.Identifier(name_of(url))))
    return weak


@pytest.mark.parametrize(
    ("breaks", "words"),
    [
        pytest.param(lambda *_: "postgresql://u:hush@127.0.0.1:1/x", "port 1 failed: Connection refused", id="nobody"),
        pytest.param(lambda *_: "postgresql://u:hush@no.host.example/x", "resolve host", id="no such host"),
        pytest.param(lambda server, _: server.url("nowhere"), 'database "nowhere" does not exist', id="no database"),
        pytest.param(lambda s, url: as_weak(s, url, "hush"), "authentication failed.*USER:PASSWORD@", id="password"),
        pytest.param(as_weak, r"permission denied for schema public \(make this user the owner", id="no rights"),
        pytest.param(newer, "newer version of tonearm .*9999.*update this one", id="a newer program's"),
        pytest.param(another_alphabet, "the encoding LATIN1.*ENCODING 'UTF8'", id="another alphabet"),
        pytest.param(taken, r'relation "account" already exists \(.*give tonearm one of its own', id="somebody else's"),
        pytest.param(one_connection_too_few, "too many connections .*raise max_connections", id="no connection left"),
    ],
)
def test_an_unusable_postgresql_is_reported_in_one_line(
    on_postgres: Shell, postgres: Server, postgres_url: str, breaks: Breaks, words: str
) -> None:
    said = on_postgres("listener", "add", "ada", "--database", breaks(postgres, postgres_url))
    assert said.exit_code == 1
    assert said.stderr.count("\n") == 1
    assert "hush" not in said.output
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(said.stderr)


@pytest.mark.parametrize("command", [("serve",), ("worker",)])
def test_a_service_waits_for_a_database_that_is_still_starting_and_says_so_once(
    on_postgres: Shell, postgres: Server, postgres_url: str, command: tuple[str, ...]
) -> None:
    keys = {"LASTFM_API_KEY": "a" * 32, "LASTFM_API_SECRET": "b" * 32}
    shell = replace(on_postgres, variables={**on_postgres.variables, **keys, "TONEARM_DATABASE": postgres_url})
    with ExitStack() as stack:
        with postgres.starting():
            said, complained = stack.enter_context(shell.running(*command))
            assert "the database system is " in complained.until("waiting up to 60 s for the database: ")
        said.until("tonearm listens on" if command == ("serve",) else "tonearm delivers")
        assert said.end() == 0
        assert complained.rest() == []


def test_a_service_that_waits_for_its_database_stops_on_request(on_postgres: Shell) -> None:
    with on_postgres.running("serve", "--database", "postgresql://u:hush@127.0.0.1:1/x") as (said, complained):
        assert "Connection refused" in complained.until("s for the database")
        assert said.end() == 0
        assert (said.rest(), complained.rest()) == ([], [])


@pytest.mark.parametrize(
    "breaks",
    [
        pytest.param(lambda *_: "postgresql://u:hush@no.host.example/x", id="no such host"),
        pytest.param(lambda server, _: server.url("nowhere"), id="no database"),
        pytest.param(lambda server, url: as_weak(server, url, "hush"), id="password"),
        pytest.param(as_weak, id="no rights"),
    ],
)
def test_an_error_that_waiting_cannot_solve_ends_the_service(
    on_postgres: Shell, postgres: Server, postgres_url: str, breaks: Breaks
) -> None:
    said = on_postgres("serve", "--database", breaks(postgres, postgres_url))
    assert said.exit_code == 1
    assert said.stderr.startswith("Error: the database is unavailable: ")
    assert said.stderr.count("\n") == 1


def test_several_processes_need_one_secret(tmp_path: Path, postgres_url: str) -> None:
    said = Shell(tmp_path)("status", "--database", postgres_url)
    assert said.exit_code == 1
    assert "TONEARM_SECRET_KEY: required on PostgreSQL, and the same for all processes" in said.stderr


def test_check_says_what_it_finds_of_the_server(on_postgres: Shell, postgres_url: str) -> None:
    on_postgres("listener", "add", "ada", "--database", postgres_url)
    said = on_postgres("check", "--database", postgres_url).stdout.splitlines()
    [server] = [line for line in said if "PostgreSQL" in line]
    assert server.startswith("WRONG")  # the tests' server takes no trouble to survive a crash
    assert "fsync or full_page_writes is off: a server crash would lose plays" in server
    assert "connections in use, 0 other tonearm processes connected" in server
    assert [line for line in said if "shared clock" in line and "this machine's agrees with the database's" in line]


# A pooler


@contextmanager
def pgbouncer(server: Server, folder: Path, mode: str, *more: str) -> Iterator[str]:
    """The address of a database of the server by way of a pooler."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        pytest.skip("no pgbouncer on this machine (apt install pgbouncer)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n* = host=127.0.0.1 port={server.port} user=tonearm\n[pgbouncer]\nlisten_addr=127.0.0.1\n"
        f"listen_port={port}\nunix_socket_dir=\nauth_type=any\npool_mode={mode}\n" + "\n".join(more)
    )
    with ExitStack() as stack:
        settings.chmod(0o644)
        process = stack.enter_context(
            subprocess.Popen([program, str(settings)], stderr=subprocess.DEVNULL, **server.owner())
        )
        stack.callback(process.terminate)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with socket.socket() as line:
                if line.connect_ex(("127.0.0.1", port)) == 0:
                    break
            pause()
        yield f"postgresql://tonearm@127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("mode", "status", "words"),
    [
        ("transaction", 1, "gives each transaction another connection"),
        ("statement", 1, "pool_mode = session"),
        ("session", 0, ""),
    ],
)
def test_a_pooler_has_to_keep_sessions(
    on_postgres: Shell, postgres: Server, postgres_url: str, mode: str, status: int, words: str
) -> None:
    with pgbouncer(postgres, postgres.folder, mode) as address:
        said = on_postgres("token", "--database", f"{address}/{name_of(postgres_url)}")
    assert said.exit_code == status, said.output
    assert words in said.stderr


def test_a_pooler_with_a_single_connection_is_refused_without_waiting_for_it(
    on_postgres: Shell, postgres: Server, postgres_url: str
) -> None:
    """A question that waits for a connection is cut off by the pooler, which says so in its own words."""
    with pgbouncer(postgres, postgres.folder, "transaction", "default_pool_size=1", "query_wait_timeout=5") as address:
        said = on_postgres("token", "--database", f"{address}/{name_of(postgres_url)}")
    assert said.exit_code == 1, said.output
    assert "gives each transaction another connection" in said.stderr


def test_the_servers_standby_is_refused(on_postgres: Shell, postgres: Server, postgres_url: str) -> None:
    """A role that may only read replaces a standby: the error is the same."""
    assert on_postgres("token", "--database", postgres_url).exit_code == 0
    with psycopg.connect(postgres_url, autocommit=True) as db:
        db.execute(f"ALTER DATABASE {name_of(postgres_url)} SET default_transaction_read_only = on")
    said = on_postgres("listener", "add", "anna", "--database", postgres_url)
    assert said.exit_code == 1
    assert "read-only transaction (the server is a standby or read-only" in said.stderr
