"""Opening a deck: what is made, what is refused, and in which words."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

import tonearm
from lastfm_emulator import API_KEY, API_SECRET, Emulator, serve
from tests.databases import only_sqlite
from tests.listening import connect
from tests.patience import PATIENCE
from tests.service.conftest import House
from tonearm.app import others_per_second
from tonearm.core.play import Track
from tonearm.store.db.file_lock import AlreadyOpen
from tonearm.store.db.migrate import DatabaseTooNew
from tonearm.store.db.sqlite_writer import StoreUnavailable
from tonearm.store.secrets.seal import key_file

pytestmark = pytest.mark.anyio

OPEN = """
import asyncio, os, sys, alembic.command, cryptography.fernet, httpx2, sqlalchemy.dialects.sqlite
import tonearm, tonearm.app

async def main(database):
    async with tonearm.open(database, api_key="k", api_secret="s", api_url="http://127.0.0.1:1/2.0/"):
        print("open")

user, *databases = sys.argv[1:]
os.seteuid(int(user))
for database in databases:
    try:
        asyncio.run(main(database))
    except Exception as error:
        print(f"{type(error).__name__}: {error}")
"""

FILL = """
import asyncio, json, resource, sys, time, tonearm
from tonearm.store import accounts

async def main():
    async with tonearm.open(sys.argv[1], api_key="k", api_secret="s", deliver=False) as deck:
        me = await deck.listener("me")
        await deck.store.write(lambda db: accounts.sign_in(db, me.id, "RJ", "sealed", "k"))
        resource.setrlimit(resource.RLIMIT_FSIZE, (220_000, 220_000))
        start, kept, faults = int(time.time()) - 3600, [], []
        for batch in range(0, 500, 50):
            reports = [
                me.scrobble(tonearm.Track(artist="a", title=f"t{n}", duration=60), started_at=start, played=60)
                for n in range(batch, batch + 50)
            ]
            for said in await asyncio.gather(*reports, return_exceptions=True):
                (faults if isinstance(said, Exception) else kept).append(said)
        print(json.dumps([[taken.id for taken in kept], sorted({f"{type(f).__name__}: {f}" for f in faults})]))

asyncio.run(main())
"""


def run(program: str, *words: object) -> list[str]:
    """The lines that a process of its own prints."""
    command = [sys.executable, "-c", program, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True).stdout.splitlines()


async def test_the_first_opening_makes_the_file_its_key_and_the_first_listener(tmp_path: Path) -> None:
    database = tmp_path / "music" / "plays.db"
    async with tonearm.open(database, api_key="k", api_secret="s") as deck:
        assert (await deck.listener()).name == "me"
    assert (tmp_path / "music" / "plays.db.key").stat().st_mode & 0o777 == 0o600
    assert database.exists()


async def test_a_closed_deck_accepts_nothing(house: House) -> None:
    async with house.open() as room:
        pass
    with pytest.raises(StoreUnavailable, match="closed"):
        await room.me.account()
    with pytest.raises(StoreUnavailable, match="closed"):
        await room.me.sign_out()


async def test_opening_again_continues_where_it_was(house: House) -> None:
    async with house.open(deliver=False) as room:
        await room.sign_in()
        await room.play(0)
    async with house.open() as room:
        assert (await room.me.account()).username == "RJ"
        await room.until_empty()
        assert len(house.emulator.plays("RJ")) == 1


@only_sqlite
async def test_a_given_secret_makes_no_key_file(house: House) -> None:
    async with house.open(secret_key="given") as room:
        await room.sign_in()
    assert not list(Path(house.database).parent.glob("*.key"))


async def test_a_second_deck_in_the_same_process_is_refused_too(tmp_path: Path) -> None:
    async with tonearm.open(tmp_path / "plays.db", api_key="k", api_secret="s"):
        with pytest.raises(AlreadyOpen, match=f"process {os.getpid()}"):
            async with tonearm.open(tmp_path / "plays.db", api_key="k", api_secret="s"):
                pass


async def test_a_second_process_is_refused_in_one_line(tmp_path: Path) -> None:
    async with tonearm.open(tmp_path / "plays.db", api_key="k", api_secret="s"):
        [said] = await asyncio.to_thread(run, OPEN, os.geteuid(), tmp_path / "plays.db")
    assert said.startswith("AlreadyOpen: ")
    assert f"in use by another tonearm (process {os.getpid()})" in said


@pytest.mark.parametrize(
    ("database", "message"),
    [(":memory:", "the database needs a file"), ("mysql://x/y", "mysql isn't supported: use sqlite or postgresql")],
)
async def test_what_is_not_a_database_is_refused(database: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        async with tonearm.open(database, api_key="k", api_secret="s"):
            pass


async def test_a_file_that_is_not_a_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plays.db").write_text("a text " * 1000)
    with pytest.raises(StoreUnavailable, match="file is not a database"):
        async with tonearm.open(tmp_path / "plays.db", api_key="k", api_secret="s"):
            pass


@pytest.fixture
def guarded() -> Iterator[list[Path]]:
    """Databases that the user `nobody` may not use, each for another reason; root may use everything."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield [folder / what / "plays.db" for what in ("folder", "files", "key")]
        for path in folder.iterdir():
            path.chmod(0o755)


def guard(database: Path) -> None:
    folder, what = database.parent, database.parent.name
    for path in folder.iterdir():
        path.chmod(0o444 if what == "files" else 0o666)
    key_file(database).chmod(0 if what == "key" else 0o644)
    folder.chmod(0o555 if what == "folder" else 0o777)


async def test_what_may_not_be_read_or_written_is_named(guarded: list[Path]) -> None:
    for database in guarded:
        async with tonearm.open(database, api_key="k", api_secret="s"):
            pass
        guard(database)
        if database.parent.name == "folder":
            database.with_name("plays.db.lock").unlink()
    nobody = 65534 if os.geteuid() == 0 else os.geteuid()
    lines = await asyncio.to_thread(run, OPEN, nobody, *guarded)
    for database, said in zip(guarded, lines, strict=True):
        assert said.startswith(f"StoreUnavailable: {database}")
        assert "Permission denied" in said or "readonly" in said


async def test_a_full_disk_acknowledges_only_what_it_has(tmp_path: Path) -> None:
    [said] = await asyncio.to_thread(run, FILL, tmp_path / "plays.db")
    waited, faults = json.loads(said)
    assert 0 < len(waited) < 500
    assert all(fault.startswith("StoreUnavailable: ") for fault in faults)
    async with tonearm.open(tmp_path / "plays.db", api_key="k", api_secret="s", deliver=False) as deck:
        me = await deck.listener("me")
        assert (await me.queue()).queued == len(waited)


async def test_a_database_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    database = tmp_path / "plays.db"
    async with tonearm.open(database, api_key="k", api_secret="s") as deck:
        await deck.store.write(lambda db: db.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseTooNew, match="newer version of tonearm"):
        async with tonearm.open(database, api_key="k", api_secret="s"):
            pass


async def test_a_failed_opening_leaves_the_file_free(tmp_path: Path) -> None:
    database = tmp_path / "plays.db"
    with pytest.raises(ValueError, match="http"):
        async with tonearm.open(database, api_key="k", api_secret="s", api_url="no address"):
            pass
    async with tonearm.open(database, api_key="k", api_secret="s"):
        pass


async def test_the_hosts_own_client_is_not_closed(house: House) -> None:
    async with httpx2.AsyncClient() as http:
        async with house.open(http=http):
            pass
        assert not http.is_closed


@pytest.mark.parametrize(("to_lastfm", "to_others"), [(0, 2), (1, 1), (4, 2)])
async def test_other_services_get_two_requests_a_second_at_most(to_lastfm: float, to_others: float) -> None:
    assert others_per_second(to_lastfm) == to_others


async def test_the_whole_way_over_real_sockets_and_in_real_time(tmp_path: Path) -> None:
    emulator = Emulator()
    with serve(emulator) as lastfm:
        keys: dict[str, Any] = {"api_key": API_KEY, "api_secret": API_SECRET, "api_url": lastfm.url}
        async with tonearm.open(tmp_path / "plays.db", requests_per_second=0, **keys) as deck:
            me = await deck.listener("me")
            await connect(me, emulator)
            emulator.fault("commit-then-close", calls=1, methods=["track.scrobble"])
            track = Track("Nina Simone", "Sinnerman", duration=622)
            taken = await me.scrobble(track, started_at=time.time() - 700, played=600)
            waited = await deck.reports.fate(me.id, taken.id, 30)
            assert waited is not None
            assert waited.fate == "accepted"
    assert len(emulator.plays("RJ")) == 1
