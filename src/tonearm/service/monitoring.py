"""The state of the whole installation, for those who run it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from tonearm.store import jobs
from tonearm.store.db.database import Store
from tonearm.store.db.schema import every_table
from tonearm.store.queries import monitoring
from tonearm.store.queries.monitoring import InstallationOverview


async def check_database(store: Store) -> None:
    """Return if the database can be written and read. Raises StoreUnavailable, which says what is wrong."""
    await store.prove()
    await store.read(every_table)


async def sending_paused(store: Store) -> bool:
    """Whether deliveries are paused."""
    return await store.read(jobs.sending_paused)


async def overview(store: Store, keys: Sequence[str], now: float) -> InstallationOverview:
    """The queue, the jobs, and the API keys if any are configured. Raises StoreUnavailable."""
    return await store.read(partial(monitoring.load, keys=keys, now=now))
