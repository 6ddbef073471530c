"""Runs: one of a kind for an account, over one Last.fm user's list, which advances only from its cursor."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Connection

from tests.store.rows import NOW, listener
from tonearm.store import runs
from tonearm.store.db.database import Store
from tonearm.store.runs import LEFT, Run, RunState

pytestmark = pytest.mark.anyio


def begun(db: Connection, account: int, owner: str, now: float = NOW) -> Run:
    return runs.begin(db, account, "import", owner, now, 86400.0)


async def test_a_run_moves_on_only_from_where_it_is(store: Store) -> None:
    def work(db: Connection) -> None:
        run = begun(db, listener(db), "rj")
        assert runs.write(db, replace(run, cursor=2, done=10), run.cursor)
        assert not runs.write(db, replace(run, cursor=2, done=999), run.cursor)  # another process was quicker
        assert begun(db, run.account, "rj").done == 10

    await store.write(work)


async def test_a_run_that_failed_lately_is_resumed_by_its_own_user_alone(store: Store) -> None:
    def work(db: Connection) -> None:
        run = begun(db, listener(db), "rj")
        assert runs.write(db, replace(run, cursor=5, state=RunState.FAILED, failure="away", updated_at=NOW), run.cursor)
        other = begun(db, run.account, "anna")
        assert (other.id == run.id, other.cursor, other.owner) == (False, 1, "anna")
        assert runs.write(db, replace(other, state=RunState.DONE), other.cursor)
        again = begun(db, run.account, "rj")
        assert (again.id, again.cursor) == (run.id, 5)

    await store.write(work)


async def test_a_run_that_continues_over_another_users_list_is_ended_and_starts_over_later(store: Store) -> None:
    def work(db: Connection) -> None:
        run = begun(db, listener(db), "rj")
        assert runs.write(db, replace(run, cursor=5, done=9, counts={"imported": 9}), run.cursor)
        begun(db, run.account, "anna")
        ended = runs.find(db, run.account, run.id, "import")
        assert ended is not None
        assert (ended.state, ended.failure, ended.cursor, ended.done, ended.counts) == (RunState.FAILED, LEFT, 1, 0, {})
        assert runs.find(db, run.account, run.id, "enrich") is None

    await store.write(work)
