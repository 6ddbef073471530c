"""PostgreSQL: its connections, concurrent writes, and its errors as helpful messages.

A write first locks the account that it is about (`accounts.lock`), so that what it has read is still true when it
writes. Transactions are READ COMMITTED: several processes book their slots in one row, and stricter isolation would
reject all but one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, MetaData, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from tonearm.clock import steady
from tonearm.store.db import processes
from tonearm.store.db.sqlite_writer import StoreUnavailable, plain

T = TypeVar("T")

WRITERS = 4
READERS = 4

RERUNS = 5
"""How often a write is run again after a conflict with others."""

_CONNECT_ARGS = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
"""A server that is cut off is given up after half a minute:
https://www.postgresql.org/docs/current/libpq-connect.html
"""

# A process that hangs in the middle of a transaction would hold its locks against all others.
_SESSION = """
SET idle_in_transaction_session_timeout = '10s';
SET lock_timeout = '10s';
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'
"""

OLDEST = 130000

MOVING = "moving"
"""The table that exists while an installation is moved to this database."""

POOLER_CHECKS = 3

POOLED = (
    "a pooler before the server (PgBouncer) gives each transaction another connection, so that locks, LISTEN and"
    " settings are lost between them: set pool_mode = session for this database, or name the server itself"
)

_RUN_AGAIN = ("40001", "40P01")
"""Serialization failure and deadlock: https://www.postgresql.org/docs/current/errcodes-appendix.html"""

_LOCKED = "55P03"

MISSING = "PostgreSQL needs its driver, which is not installed: pip install 'tonearm[postgres]'"


def connect_args() -> dict[str, Any]:
    """Arguments for a connection: its settings, and the name of this process."""
    return {**_CONNECT_ARGS, "application_name": processes.name()}


def connect(url: URL, *, writes: bool) -> Engine:
    """An engine whose connections are opened when needed; reads see the state of one moment."""
    try:
        engine = create_engine(
            url,
            connect_args=connect_args(),
            pool_size=WRITERS if writes else READERS,
            max_overflow=0,
            pool_use_lifo=True,
            isolation_level="READ COMMITTED" if writes else "REPEATABLE READ",
            use_native_hstore=False,  # otherwise it asks the server about a type that isn't used here
        )
    except ModuleNotFoundError:
        raise StoreUnavailable(MISSING) from None

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: object) -> None:
        set_for_session(connection, _SESSION)
        connection.read_only = None if writes else True

    return engine


def set_for_session(connection: Any, settings: str) -> None:
    """Set settings at the beginning of a connection, for as long as it lasts."""
    connection.autocommit = True
    try:
        connection.execute(settings)
    except BaseException:
        connection.close()  # the pool doesn't own it yet
        raise
    connection.autocommit = False


_STARTING = ("Connection refused", "accepting connections on that socket", "the database system is ")
"""The server isn't there yet, or doesn't accept connections yet: libpq's messages, and the server's in English."""


def still_starting(url: URL) -> str:
    """The message of a server that is still starting; "" if it accepts connections, or if waiting would not help.

    Raises StoreUnavailable if the driver is not installed.
    """
    engine = connect(url, writes=False)
    try:
        with engine.connect():
            return ""
    except DBAPIError as error:
        return str(plain(error)) if any(message in str(error.orig) for message in _STARTING) else ""
    finally:
        engine.dispose()


def _may_run_again(error: DBAPIError) -> bool:
    return error.connection_invalidated or getattr(error.orig, "sqlstate", None) in _RUN_AGAIN


def met_a_lock(error: Exception) -> bool:
    """Whether a transaction gave up waiting for another's lock; then nothing was written."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) == _LOCKED


def transact(engine: Engine, work: Callable[[Connection], T]) -> T:
    """Run a transaction; it is repeated after a conflict with others, or if its connection had been closed.

    Raises StoreUnavailable: then nothing was written, unless the connection was lost during the commit.
    """
    try:
        return run(engine, work)
    except DBAPIError as error:
        raise plain(error) from None


def run(engine: Engine, work: Callable[[Connection], T]) -> T:
    """As `transact`, but raises the database's own error (DBAPIError)."""
    tries_left = RERUNS
    while True:
        try:
            return _once(engine, work)
        except DBAPIError as error:
            tries_left -= 1
            if not (tries_left and _may_run_again(error)):
                raise


def _once(engine: Engine, work: Callable[[Connection], T]) -> T:
    with engine.connect() as connection:
        transaction = connection.begin()
        try:
            result = work(connection)
        except BaseException:
            transaction.rollback()
            raise
        with _commit_answer():
            transaction.commit()
        return result


@contextmanager
def _commit_answer() -> Iterator[None]:
    """Don't repeat a commit whose answer is lost: it may have succeeded."""
    try:
        yield
    except DBAPIError as error:
        raise plain(error) from None


_ABOUT = text(
    "SELECT current_setting('server_version_num')::int, current_setting('server_encoding'), pg_is_in_recovery(),"
    " current_database(), to_regclass(:moving) IS NOT NULL"
)
_PROCESS = text("SELECT pg_backend_pid()")


def examine(engine: Engine) -> None:
    """Check the server; raises StoreUnavailable if it, or a pooler in front of it, can't be used."""
    with engine.connect() as db:
        version, encoding, copies, name, moving = db.execute(_ABOUT, {"moving": MOVING}).one()
        if version < OLDEST:
            raise StoreUnavailable(f"PostgreSQL {version // 10000} is too old: {OLDEST // 10000} or newer is needed")
        if encoding != "UTF8":
            message = f"the database {name} uses the encoding {encoding}, which can't store every name"
            raise StoreUnavailable(f"{message}: make one with ENCODING 'UTF8' TEMPLATE template0")
        if copies:
            raise StoreUnavailable("the server is a read-only standby: use the primary")
        if moving:
            raise StoreUnavailable("an installation is being moved here: finish 'tonearm move-database' first")
        if _process(db) != getattr(db.connection.driver_connection, "info").backend_pid:  # noqa: B009 # untyped
            _examine_pooler(engine, db)


def _process(db: Connection) -> int:
    """The id of the server process that has answered."""
    process: int = db.execute(_PROCESS).scalar_one()
    db.commit()
    return process


def _examine_pooler(engine: Engine, db: Connection) -> None:
    """Check that a connection stays ours between transactions: its locks, LISTENs and settings belong to it."""
    with engine.connect() as other:
        for _ in range(POOLER_CHECKS):
            before = _process(db)
            beside = other.execute(_PROCESS).scalar_one()  # and its transaction stays open
            if beside == before:  # if the pool has no other connection, a third query would wait for that transaction
                raise StoreUnavailable(POOLED)
            after = _process(db)
            other.commit()
            if before != after:
                raise StoreUnavailable(POOLED)


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """What `tonearm check` shows of a server. `processes`: other tonearm processes; `deliver`: those that deliver."""

    version: str
    durable: bool
    connections: int
    max_connections: int
    processes: int
    deliver: int


_SERVER = text(
    "SELECT current_setting('server_version'),"
    " current_setting('fsync')::bool AND current_setting('full_page_writes')::bool,"
    " (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),"
    " current_setting('max_connections')::int"
)


def server_info(db: Connection) -> ServerInfo:
    """The server as it is now."""
    version, durable, connections, connection_limit = db.execute(_SERVER).one()
    return ServerInfo(version, durable, connections, connection_limit, *processes.others(db))


def in_number(processes: int) -> str:
    """A number of other tonearm processes, in words with the verb."""
    return "another tonearm process is" if processes == 1 else f"{processes} other tonearm processes are"


_MAY_TAKE = text("SELECT has_database_privilege(current_database(), 'TEMP')")
_WHERE_TABLES_ARE = text("SET LOCAL temp_tablespaces = ''")
_TAKE = text(
    "CREATE TEMP TABLE tonearm_room ON COMMIT DROP AS SELECT repeat('x', 1024) FROM generate_series(1, :size / 1024)"
)


def take_room(db: Connection, size: int) -> None:
    """Use that many bytes of the server's disk until the transaction ends, if this user may create a table for that."""
    if db.execute(_MAY_TAKE).scalar():
        db.execute(_WHERE_TABLES_ARE)
        db.execute(_TAKE, {"size": size})


CLOCK_READINGS = 5

_CLOCK = text("SELECT extract(epoch FROM clock_timestamp())::float8")


def clock(db: Connection) -> tuple[float, float]:
    """The time of the server's clock, and our counter at that moment: the answer that came back fastest is the most
    exact.
    """
    readings = []
    for _ in range(CLOCK_READINGS):
        asked = steady()
        theirs = db.execute(_CLOCK).scalar_one()
        took = steady() - asked
        readings.append((took, theirs, asked + took / 2))
    _, theirs, at = min(readings)
    return theirs, at


# Rows of these tables are updated over and over: free space beside them keeps updates within a page, and dead rows are
# vacuumed before they are a fifth of the table, PostgreSQL's default, which is two million rows of ten million.
TUNING = (
    "ALTER TABLE account SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02)",
    "ALTER TABLE pace SET (fillfactor = 10)",
    "ALTER TABLE scrobble_queue SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02,"
    " autovacuum_analyze_scale_factor = 0.02)",
    "ALTER TABLE destination SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02)",
    "ALTER TABLE destination_queue SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02,"
    " autovacuum_analyze_scale_factor = 0.02)",
    "ALTER TABLE play SET (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.05,"
    " autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02)",
)


def create(db: Connection, metadata: MetaData) -> None:
    """Create the tables of a new database."""
    metadata.create_all(db, checkfirst=False)
    for statement in TUNING:
        db.execute(text(statement))
