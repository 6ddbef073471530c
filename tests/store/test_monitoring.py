"""What those see who watch over an installation, whichever of its processes they ask."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, text, update

from tests.databases import only_postgres
from tests.store.rows import NOW, a_play, enqueue, listener
from tonearm.core.account import Connection as Connected
from tonearm.store import jobs, pace, queue, runs
from tonearm.store.db.database import Store
from tonearm.store.db.schema import account
from tonearm.store.queries import monitoring
from tonearm.store.queries.monitoring import InstallationOverview, WaitingPlays

pytestmark = pytest.mark.anyio


async def test_if_nothing_happens_everything_is_zero(store: Store) -> None:
    seen = await store.read(lambda db: monitoring.load(db, ["key"], NOW))
    assert seen == InstallationOverview(0, (), (None,), {"deliver": 0}, {}, frozenset())


async def test_what_waits_runs_broke_and_rests_is_listed(store: Store) -> None:
    def work(db: Connection) -> None:
        me, other, third = listener(db), listener(db, "other", "Other"), listener(db, "third", "Third")
        for number in (1, 2):
            enqueue(db, me, number)
        enqueue(db, other, 1, age=7200, owner="other")
        enqueue(db, third, 1, age=60, owner="third")
        db.execute(update(account).where(account.c.id == third).values(connection=Connected.NEEDS_SIGN_IN))
        assert queue.claim(db, me, "a process", NOW, NOW + 30)
        runs.begin(db, other, "loved", "other", NOW, 0)
        jobs.remember_failure(db, jobs.JobFailure("enrich", other, 1, NOW, NOW + 2, "a bug"))
        jobs.set_paused(db, "import", NOW)
        pace.begin(db, "another")
        pace.begin_throttle(db, "another", pace.KeyThrottled(NOW + 60, "error 29", refused=False))

    await store.write(work)
    seen = await store.read(lambda db: monitoring.load(db, ["key", "another"], NOW))
    assert seen.plays == 4
    assert sorted(seen.waiting, key=lambda one: one.accounts) == [
        WaitingPlays("key", Connected.NEEDS_SIGN_IN, 1, a_play(1, age=60).timestamp),
        WaitingPlays("key", Connected.CONNECTED, 2, a_play(1, age=7200).timestamp),
    ]
    assert seen.running == {"deliver": 1, "loved": 1}
    assert seen.failed == {"enrich": 1}
    assert seen.paused == {"import"}
    assert [rest.reason if rest else None for rest in seen.throttles] == [None, "error 29"]
    later = await store.read(lambda db: monitoring.load(db, ["another"], NOW + 60))
    assert (later.running["deliver"], later.throttles) == (0, (None,))


async def test_of_very_many_that_wait_only_that_many_are_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitoring, "PLAYS_COUNTED", 3)
    monkeypatch.setattr(monitoring, "ACCOUNTS_COUNTED", 2)

    def work(db: Connection) -> None:
        for n in range(4):
            enqueue(db, listener(db, f"listener {n}", "RJ"), 1)

        db.execute(text("ANALYZE scrobble_queue"))  # an estimate knows what was there when it was last looked at

    await store.write(work)
    seen = await store.read(lambda db: monitoring.load(db, ["key"], NOW))
    on_postgres = not store.one_process
    assert (seen.plays, [one.accounts for one in seen.waiting]) == (4 if on_postgres else 3, [2])


@only_postgres
async def test_of_very_many_plays_there_is_the_servers_estimate(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitoring, "PLAYS_COUNTED", 10)

    def work(db: Connection) -> None:
        me = listener(db)
        for number in range(50):
            enqueue(db, me, number)
        db.execute(text("ANALYZE scrobble_queue"))

    await store.write(work)
    assert await store.read(monitoring.plays) == 50
