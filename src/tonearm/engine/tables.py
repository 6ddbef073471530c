"""pgqueuer's tables, under names of our own beside those of the store, and our own statements on them."""

from __future__ import annotations

from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder, QuerySchedulerBuilder
from pgqueuer.db import Driver, PsycopgDriver
from pgqueuer.domain.settings import DBSettings, Durability
from pgqueuer.queries import Queries
from psycopg import AsyncConnection

# A prefix, since a host may use pgqueuer itself, in the same database. Every setting is given, since pgqueuer reads the
# others from environment variables such as PGQUEUER_SCHEMA, and even TRIGGER. Volatile, since the sweep finds what a
# crash loses.
SETTINGS = DBSettings.model_validate(
    {
        "prefix": "tonearm_",
        "db_schema": None,
        "channel": "tonearm_ch_pgqueuer",
        "function": "tonearm_fn_pgqueuer_changed",
        "statistics_table": "tonearm_pgqueuer_statistics",
        "queue_status_type": "tonearm_pgqueuer_status",
        "queue_table": "tonearm_pgqueuer",
        "queue_table_log": "tonearm_pgqueuer_log",
        "trigger": "tonearm_tg_pgqueuer_changed",
        "schedules_table": "tonearm_pgqueuer_schedules",
        "durability": Durability.volatile,
        "widen_id": True,
    }
)

# A key is in the table once, waiting or picked. A picked one is marked, one that waits for a time becomes due now.
HINT = """
INSERT INTO tonearm_pgqueuer AS job (priority, entrypoint, dedupe_key, payload, status)
SELECT 0, kind, kind || ':' || key, convert_to(key::text, 'UTF8'), 'queued'
FROM unnest($1::text[], $2::bigint[]) AS hinted (kind, key)
ON CONFLICT (dedupe_key) WHERE status IN ('queued', 'picked') AND dedupe_key IS NOT NULL
DO UPDATE SET
    execute_after = LEAST(job.execute_after, now()),
    headers = CASE job.status WHEN 'picked' THEN '{"again": true}'::jsonb END
WHERE job.execute_after > now() OR (job.status = 'picked' AND job.headers IS NULL)
"""

# $1 is the job, $2 the manager that had it, $3 seconds until it runs again (NULL: not by itself), $4 the same for a
# marked one. It becomes a new row, so that it is last in the queue; one that waits for a time is first after that,
# since it has waited already. Does nothing if another manager has the job by now.
DONE = """
WITH done AS (DELETE FROM tonearm_pgqueuer WHERE id = $1 AND queue_manager_id = $2 RETURNING *)
INSERT INTO tonearm_pgqueuer (priority, entrypoint, dedupe_key, payload, status, execute_after)
SELECT CASE WHEN $3::float8 > 0 THEN 1 ELSE 0 END, entrypoint, dedupe_key, payload, 'queued', now() +
    make_interval(secs => LEAST($3::float8, CASE WHEN headers IS NOT NULL THEN $4::float8 END))
FROM done WHERE headers IS NOT NULL OR $3::float8 IS NOT NULL
"""

WAITS = """
SELECT 1 FROM tonearm_pgqueuer WHERE entrypoint = $1 AND status = 'queued' AND execute_after < now() LIMIT 1
"""

# Those of some kinds with a job that is due, or will be within the interval at which pgqueuer polls by itself.
WAITING = """
SELECT kind FROM unnest($1::text[]) AS asked (kind) WHERE EXISTS (
    SELECT FROM tonearm_pgqueuer
    WHERE entrypoint = kind AND status = 'queued' AND execute_after < now() + interval '2 seconds')
"""

FORGET = "DELETE FROM tonearm_pgqueuer_log WHERE created < now() - interval '10 minutes'"


def queries(driver: Driver) -> Queries:
    """pgqueuer's statements, on these tables."""
    return Queries(
        driver,
        qbe=QueryBuilderEnvironment(SETTINGS),
        qbq=QueryQueueBuilder(SETTINGS),
        qbs=QuerySchedulerBuilder(SETTINGS),
    )


async def prepare(address: str, lock: int) -> None:
    """Create or migrate the tables, under an advisory lock of ours; raises psycopg.Error.

    Safe with any number of processes starting at once. Each statement is a transaction of its own, since a new value of
    an enumeration can't be used in the transaction that adds it.
    """
    async with await AsyncConnection.connect(address, autocommit=True) as connection:
        ask = queries(PsycopgDriver(connection))
        await connection.execute("SELECT pg_advisory_lock(%s)", [lock])
        if await ask.schema_is_installed():
            await ask.upgrade()
        else:
            await ask.install()
