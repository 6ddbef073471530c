"""What only PostgreSQL does: several writers at once, and a server that goes and comes back."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from psycopg import sql
from sqlalchemy import URL, Connection

import tonearm
from tests.databases import only_postgres
from tests.patience import PATIENCE
from tests.postgres import Server
from tests.store.rows import NOW, a_play, enqueue, history_row, listener, names
from tonearm.clock import SharedClock
from tonearm.core.play import Track
from tonearm.service.clock_skew import set_clock
from tonearm.store import accounts, pace, plays, queue
from tonearm.store.db.database import Store
from tonearm.store.db.migrate import NEWEST
from tonearm.store.db.sqlite_writer import StoreUnavailable
from tonearm.store.secrets import tokens
from tonearm.store.secrets.tokens import TokenKind

pytestmark = [pytest.mark.anyio, only_postgres]

MIGRATE = (
    "import sys; from tonearm.store.db.migrate import *; from tonearm.store.db.database import *;"
    "print(migrate(database_url(sys.argv[1])))"
)


def address(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


@pytest.fixture
async def other(store: Store) -> AsyncIterator[Store]:
    """A second process's store on the same database."""
    opened = Store(store.url)
    yield opened
    opened.close()


def adding(name: str) -> Callable[[Connection], object]:
    return lambda db: accounts.add(db, name, NOW)


def test_processes_that_start_at_once_on_an_empty_database_all_find_its_tables(empty_url: URL) -> None:
    starts = [
        subprocess.Popen(
            [sys.executable, "-c", MIGRATE, address(empty_url)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    ends = [(start.communicate(timeout=PATIENCE), start.returncode) for start in starts]
    assert [(out.strip(), code) for (out, _), code in ends] == [("None", 0)] * 3, ends
    store = Store(empty_url)
    with store._reads.connect() as db:
        assert db.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one() == NEWEST
    store.close()


# A server that goes, and comes back


async def test_after_an_outage_of_the_server_nothing_is_half_done(store: Store, postgres: Server) -> None:
    await asyncio.gather(*(store.write(adding(f"listener{n}")) for n in range(8)), store.read(names))
    postgres.crash()
    for ask in (store.write(adding("lost")), store.write_together(all_of, "lost"), store.read(names)):
        with pytest.raises(StoreUnavailable):
            await ask
    postgres.start()
    assert len(await store.read(names)) == 8
    await asyncio.gather(*(store.write(adding(f"later{n}")) for n in range(8)))
    assert await store.write_together(all_of, "together") == "together"
    assert len(await store.read(names)) == 17


def all_of(db: Connection, items: Sequence[str]) -> Sequence[str]:
    for name in items:
        accounts.add(db, name, NOW)
    return items


async def test_a_server_that_was_restarted_between_two_writes_costs_none_of_them(
    store: Store, postgres: Server
) -> None:
    await asyncio.gather(*(store.write(adding(f"listener{n}")) for n in range(8)), store.read(names))
    postgres.stop()
    postgres.start()
    await asyncio.gather(*(store.write(adding(f"later{n}")) for n in range(8)))
    assert len(await store.read(names)) == 16


@pytest.fixture
def small_disk(postgres: Server) -> Iterator[tuple[str, Path]]:
    """An empty database on a small disk of its own, and that disk."""
    disk = postgres.folder / "small"
    disk.mkdir()
    whose = ",".join(f"{name[0]}id={number}" for name, number in postgres.owner().items() if name in ("user", "group"))
    options = ",".join(filter(None, ("size=24m", "mode=0700", whose)))
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "none", disk], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        disk.rmdir()
        pytest.skip("a disk that is full needs the right to mount a small one")
    try:
        postgres.execute(sql.SQL("CREATE TABLESPACE small LOCATION {}").format(str(disk)))
        url = postgres.database(space="small")
        yield url, disk
        postgres.drop(url)
        postgres.execute(sql.SQL("DROP TABLESPACE small"))
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)
        disk.rmdir()


def fill(disk: Path, number: int | None = None) -> None:
    """Write a file of that many bytes onto a disk; None: as many as are left."""
    file = disk / "full"
    file.write_bytes(bytes(shutil.disk_usage(disk).free if number is None else number))


@pytest.mark.usefixtures("database")
async def test_a_full_disk_of_the_server_is_named_and_later_reports_are_saved(
    small_disk: tuple[str, Path],
) -> None:
    url, disk = small_disk
    track = Track("Nina Simone", "Sinnerman", duration=620)
    async with tonearm.open(url, secret_key="one for all", api_key="k", deliver=False) as deck:
        me = await deck.listener()
        await deck.store.write(lambda db: accounts.sign_in(db, me.id, "RJ", "sealed", "k"))
        fill(disk)
        with pytest.raises(StoreUnavailable, match="the disk of the database server is full"):
            await me.scrobble(track, started_at=time.time() - 700, played=620)
        assert (await me.queue()).queued == 0
        fill(disk, 0)
        assert (await me.scrobble(track, started_at=time.time() - 700, played=620)).status == "queued"


# Several at once


async def test_writes_that_would_wait_for_each_other_for_ever_are_both_done(store: Store, other: Store) -> None:
    one, two = await store.write(lambda db: (listener(db), listener(db, "two")))
    met = threading.Barrier(2)

    def both(first: int, second: int, db: Connection) -> None:
        accounts.change_settings(db, first, enabled=None, threshold=60)
        if met.n_waiting < 2 and not met.broken:
            with suppress(threading.BrokenBarrierError):
                met.wait(5)
            met.abort()  # the one that is run anew meets nobody
        accounts.change_settings(db, second, enabled=None, threshold=70)

    await asyncio.gather(store.write(partial(both, one, two)), other.write(partial(both, two, one)))
    found = await store.read(lambda db: accounts.by_id(db, [one, two]))
    assert sorted(account.threshold for account in found.values()) == [60, 70]


async def test_of_many_that_claim_an_account_at_once_one_has_it(store: Store, other: Store) -> None:
    me = await store.write(listener)
    for turn in range(5):
        now = NOW + 100 * turn
        claims = [
            one.write(partial(queue.claim, line=me, owner=f"{number}", now=now, until=now + 30))
            for number in range(4)
            for one in (store, other)
        ]
        assert sum(lease is not None for lease in await asyncio.gather(*claims)) == 1


async def test_slots_that_are_booked_at_once_are_all_different(store: Store, other: Store) -> None:
    await store.write(partial(pace.begin, key="k"))
    bookings = [
        one.write(partial(pace.book, key="k", now=NOW, per_second=4)) for _ in range(20) for one in (store, other)
    ]
    waits = sorted(await asyncio.gather(*bookings))
    assert waits == [n / 4 for n in range(40)]


async def test_a_play_that_two_processes_take_at_once_is_there_once(store: Store, other: Store) -> None:
    me = await store.write(listener)
    rows = [history_row(me, a_play(n)) for n in range(50)]
    both = await asyncio.gather(
        store.write(partial(plays.insert, rows=rows)), other.write(partial(plays.insert, rows=rows[::-1]))
    )
    assert sum(len(kept) for kept in both) == 50


async def test_a_link_signs_one_browser_in(store: Store, other: Store) -> None:
    me = await store.write(listener)
    await store.write(partial(tokens.add, account=me, secret="link", kind=TokenKind.LINK, now=NOW, expires_at=NOW + 9))
    uses = [one.write(partial(tokens.use_link, secret="link", now=NOW)) for one in (store, other, store, other)]
    assert sorted(await asyncio.gather(*uses), key=str) == [me, None, None, None]


async def test_who_waits_for_a_lock_sees_what_the_other_has_written(store: Store, other: Store) -> None:
    me = await store.write(listener)
    await store.write(lambda db: enqueue(db, me, 1))
    locked, proceed = threading.Event(), threading.Event()

    def takes_out(db: Connection) -> None:
        accounts.lock(db, [me])
        locked.set()
        assert proceed.wait(10)
        queue.remove(db, queue.in_queue(db, me, "rj"))

    def counts(db: Connection) -> int:
        accounts.lock(db, [me])
        return queue.length(db, me)

    first = asyncio.ensure_future(store.write(takes_out))
    assert await asyncio.to_thread(locked.wait, 10)
    second = asyncio.ensure_future(other.write(counts))
    while not await store.read(_somebody_waits):
        pass
    proceed.set()
    await first
    assert await second == 0


def _somebody_waits(db: Connection) -> bool:
    waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    return bool(db.exec_driver_sql(waits).scalar_one())


# The clock that counts


async def test_the_servers_clock_counts_and_this_machines_does_not(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, clock = time.time, SharedClock()
    monkeypatch.setattr(time, "time", lambda: right() + 3600)
    assert clock.now() > right() + 3500
    await set_clock(store, clock)
    assert abs(clock.now() - right()) < 5


async def test_a_clock_that_cannot_be_read_just_now_continues(store: Store, postgres: Server) -> None:
    clock = SharedClock()
    await set_clock(store, clock)
    postgres.stop()
    with pytest.raises(StoreUnavailable):
        await set_clock(store, clock)
    assert abs(clock.now() - time.time()) < 5
    postgres.start()


async def test_a_commit_is_flushed_whatever_the_server_is_set_to(store: Store) -> None:
    settings = "SELECT current_setting('synchronous_commit'), current_setting('transaction_isolation')"
    of_database = f"ALTER DATABASE {store.url.database}"
    await store.write(lambda db: db.exec_driver_sql(f"{of_database} SET synchronous_commit = off"))
    again = Store(store.url)
    try:
        assert tuple(await again.write(lambda db: db.exec_driver_sql(settings).one())) == ("on", "read committed")
        assert tuple(await again.read(lambda db: db.exec_driver_sql(settings).one())) == ("on", "repeatable read")
    finally:
        again.close()
        await store.write(lambda db: db.exec_driver_sql(f"{of_database} RESET ALL"))


def test_without_the_driver_it_is_said_what_to_install(database_url_for_tests: URL) -> None:
    program = "import sys; sys.modules['psycopg'] = None\n" + MIGRATE
    ran = subprocess.run(
        [sys.executable, "-c", program, address(database_url_for_tests)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        env=dict(os.environ),
    )
    assert "StoreUnavailable: PostgreSQL needs its driver, which is not installed: pip install 'tonearm[postgres]'" in (
        ran.stderr
    )
