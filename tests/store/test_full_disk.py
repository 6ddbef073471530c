"""A full disk of PostgreSQL's is known of until there is room again."""

from __future__ import annotations

from functools import partial

import psycopg
import pytest
from psycopg import sql

from tests.store.rows import NOW
from tonearm.store import accounts, jobs
from tonearm.store.db.database import Store, database_url
from tonearm.store.db.migrate import migrate
from tonearm.store.db.sqlite_writer import StoreUnavailable

pytestmark = pytest.mark.anyio

FULL = """
CREATE FUNCTION full_disk() RETURNS trigger AS $$ BEGIN
    RAISE 'could not extend file "base/1/2": No space left on device' USING ERRCODE = 'disk_full';
END $$ LANGUAGE plpgsql;
CREATE FUNCTION full_disk_for_tables() RETURNS event_trigger AS $$ BEGIN
    RAISE 'could not extend file "base/1/3": No space left on device' USING ERRCODE = 'disk_full';
END $$ LANGUAGE plpgsql;
CREATE TRIGGER full_disk BEFORE INSERT ON account EXECUTE FUNCTION full_disk();
CREATE EVENT TRIGGER full_disk ON ddl_command_start WHEN TAG IN ('CREATE TABLE AS')
    EXECUTE FUNCTION full_disk_for_tables();
"""
"""What would make a table larger is refused as on a full disk; what changes a row in place is not."""

ROOM = "DROP EVENT TRIGGER full_disk; DROP TRIGGER full_disk ON account"


def run(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(sql.SQL(statement))


async def test_a_full_disk_is_reported_until_there_is_room_again(postgres_url: str) -> None:
    migrate(database_url(postgres_url))
    store = Store(database_url(postgres_url))
    try:
        await store.prove()
        run(postgres_url, FULL)
        with pytest.raises(StoreUnavailable, match="the disk of the database server is full"):
            await store.write(partial(accounts.add, name="me", now=NOW))
        with pytest.raises(StoreUnavailable, match="base/1/3"):
            await store.prove()
        await store.write(partial(jobs.set_paused, kind="deliver", now=None))  # for this there is room
        with pytest.raises(StoreUnavailable, match="No space left on device"):
            await store.prove()
        run(postgres_url, ROOM)
        await store.prove()
        await store.prove()
    finally:
        store.close()


async def test_reports_on_a_full_disk_are_recognised_as_well(postgres_url: str) -> None:
    migrate(database_url(postgres_url))
    store = Store(database_url(postgres_url))
    try:
        run(postgres_url, FULL)
        with pytest.raises(StoreUnavailable):
            await store.write_together(lambda db, asked: [accounts.add(db, name, NOW) for name in asked], "me")
        with pytest.raises(StoreUnavailable):
            await store.prove()
    finally:
        store.close()


async def test_a_user_without_temporary_tables_counts_as_recovered_at_the_next_check(postgres_url: str) -> None:
    migrate(database_url(postgres_url))
    store = Store(database_url(postgres_url.replace("tonearm@", "guest:secret@")))
    name = postgres_url.rpartition("/")[2]
    run(postgres_url, f"REVOKE TEMP ON DATABASE {name} FROM PUBLIC; CREATE ROLE guest LOGIN PASSWORD 'secret'")
    try:
        run(postgres_url, f"GRANT ALL ON ALL TABLES IN SCHEMA public TO guest; {FULL}")
        run(postgres_url, "GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO guest")
        with pytest.raises(StoreUnavailable, match="No space"):
            await store.write(partial(accounts.add, name="me", now=NOW))
        await store.prove()
    finally:
        store.close()
        run(postgres_url, "DROP OWNED BY guest; DROP ROLE guest")
