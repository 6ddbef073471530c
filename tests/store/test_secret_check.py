"""A process with a wrong secret is rejected before it does anything, and nobody is signed out."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import Connection, delete, select

import tonearm
from tests.databases import only_postgres, only_sqlite
from tests.patience import PATIENCE
from tests.store.rows import NOW
from tonearm.core.account import SESSION_LOST
from tonearm.store import accounts, queue
from tonearm.store.db import postgres
from tonearm.store.db.database import Store, database_url
from tonearm.store.db.schema import account
from tonearm.store.db.schema import secret_check as proofs
from tonearm.store.secrets import check
from tonearm.store.secrets.check import WrongSecret
from tonearm.store.secrets.reseal import Resealed, StillOpen, reseal
from tonearm.store.secrets.seal import SessionCipher, key_file

pytestmark = pytest.mark.anyio

T = TypeVar("T")

RIGHT = "the secret of all processes"
OPEN = """
import asyncio, sys, tonearm

async def main():
    try:
        async with tonearm.open(sys.argv[1], secret_key=sys.argv[2], deliver=False):
            print("open")
    except tonearm.WrongSecret:
        print("refused")

asyncio.run(main())
"""


def signed_in(db: Connection, name: str = "me", secret: str = RIGHT) -> int:
    account_id = accounts.add(db, name, NOW).id
    accounts.sign_in(db, account_id, "RJ", SessionCipher((secret,)).close(f"session of {name}"), "key")
    return account_id


def everything(db: Connection) -> list[object]:
    return [list(db.execute(select(table))) for table in (account, proofs)]


async def opened(database: Path | str, secret: str = RIGHT) -> None:
    async with tonearm.open(database, secret_key=secret, deliver=False):
        pass


async def ask(database: Path | str, question: Callable[[Connection], T]) -> T:
    store = Store(database_url(database))
    try:
        return await store.write(question)
    finally:
        store.close()


async def test_another_secret_is_refused_and_changes_nothing(database: Path | str) -> None:
    await opened(database)
    await ask(database, signed_in)
    before = await ask(database, everything)
    with pytest.raises(WrongSecret, match=r"TONEARM_SECRET_KEY isn't the key .*give every process the same") as refused:
        await opened(database, "mistyped")
    assert "mistyped" not in str(refused.value)
    assert await ask(database, everything) == before
    await opened(database)


async def test_it_is_rejected_before_anybody_has_signed_in(database: Path | str) -> None:
    await opened(database)
    with pytest.raises(WrongSecret):
        await opened(database, "mistyped")


async def test_the_secret_of_a_database_without_a_proof_is_the_one_that_opens_its_sessions(
    database: Path | str,
) -> None:
    await opened(database)
    await ask(database, lambda db: (signed_in(db), signed_in(db, "damaged", "none"), db.execute(delete(proofs))))
    with pytest.raises(WrongSecret):
        await opened(database, "mistyped")
    assert await ask(database, lambda db: db.execute(select(proofs)).all()) == []
    await opened(database)
    assert await ask(database, lambda db: check.proven(db, SessionCipher((RIGHT,))))


async def test_the_proof_reveals_nothing_of_the_secret_and_is_another_in_each_database(
    database: Path | str, tmp_path: Path
) -> None:
    await opened(database)
    await opened(tmp_path / "other.db")
    one = await ask(database, lambda db: db.execute(select(proofs)).one())
    other = await ask(tmp_path / "other.db", lambda db: db.execute(select(proofs)).one())
    assert one.name == other.name
    assert {one.nonce, one.digest}.isdisjoint({other.nonce, other.digest})
    assert RIGHT not in repr(one)


def test_of_processes_that_start_at_once_on_a_new_database_all_have_one_secret(database: Path | str) -> None:
    secrets = ["one", "other"] * 2
    starts = [
        subprocess.Popen([sys.executable, "-c", OPEN, str(database), secret], stdout=subprocess.PIPE, text=True)
        for secret in secrets
    ]
    said = [start.communicate(timeout=PATIENCE)[0].strip() for start in starts]
    assert sorted(said) == ["open", "open", "refused", "refused"]
    assert said[:2] == said[2:]


async def test_who_writes_the_proof_second_is_refused(database: Path | str) -> None:
    """As where both have found none, and each writes its own."""
    await opened(database)
    await ask(database, lambda db: db.execute(delete(proofs)))
    assert await ask(database, lambda db: check.prove(db, SessionCipher((RIGHT,))))
    assert not await ask(database, lambda db: check.prove(db, SessionCipher(("other",))))
    assert await ask(database, lambda db: check.prove(db, SessionCipher((RIGHT,))))


# The key file


@only_sqlite
@pytest.mark.parametrize("proven", [True, False])
async def test_a_key_file_that_is_lost_is_missed_and_not_made_again(database: Path, proven: bool) -> None:
    await opened(database, "")
    secret = key_file(database).read_text().strip()
    await ask(database, lambda db: signed_in(db, secret=secret))
    if not proven:
        await ask(database, lambda db: db.execute(delete(proofs)))
    key_file(database).rename(database.with_name("elsewhere"))
    with pytest.raises(WrongSecret, match=r"plays\.db\.key: the key file .* is missing: put it back"):
        await opened(database, "")
    assert not key_file(database).exists()
    await opened(database, secret)


@only_sqlite
async def test_the_key_file_of_another_database_is_refused(database: Path) -> None:
    await opened(database, "")
    await opened(database.with_name("other.db"), "")
    shutil.copy(key_file(database.with_name("other.db")), key_file(database))
    with pytest.raises(WrongSecret, match=r"plays\.db\.key isn't the key file .*: put that one back"):
        await opened(database, "")


@only_sqlite
async def test_a_secret_beside_a_key_file_is_an_error_that_says_where_the_right_one_is(database: Path) -> None:
    await opened(database, "")
    with pytest.raises(WrongSecret, match=r"unset it, because the right key is in .*plays\.db\.key"):
        await opened(database, "mistyped")
    key_file(database).write_text("")
    with pytest.raises(WrongSecret, match="give every process the same"):
        await opened(database, "mistyped")


# Another secret, by somebody's wish


async def test_sessions_are_sealed_again_and_the_old_secret_is_refused_then(database: Path | str) -> None:
    await opened(database)
    me, _ = await ask(database, lambda db: (signed_in(db), signed_in(db, "two")))
    done = await ask(database, lambda db: reseal(db, SessionCipher(("new", RIGHT)), lost=False))
    assert done == Resealed(2, 0)
    found, sealed = await ask(database, lambda db: accounts.with_session(db, me))
    assert (found.connection, SessionCipher(("new",)).open(sealed)) == ("connected", "session of me")
    await opened(database, "new")
    with pytest.raises(WrongSecret):
        await opened(database)


async def test_without_the_old_secret_nothing_is_sealed_again(database: Path | str) -> None:
    await opened(database)
    await ask(database, signed_in)
    before = await ask(database, everything)
    with pytest.raises(WrongSecret, match="neither"):
        await ask(database, lambda db: reseal(db, SessionCipher(("new", "mistyped")), lost=False))
    assert await ask(database, everything) == before


async def test_if_the_old_secret_is_lost_unreadable_sessions_need_a_sign_in(
    database: Path | str,
) -> None:
    await opened(database)

    def three(db: Connection) -> tuple[int, int, int]:
        gone = signed_in(db, "gone")
        accounts.sign_out(db, gone)
        return signed_in(db), signed_in(db, "new", "new"), gone

    me, new, gone = await ask(database, three)
    assert await ask(database, lambda db: reseal(db, SessionCipher(("new",)), lost=True)) == Resealed(1, 1)
    found = await ask(database, lambda db: accounts.by_id(db, [me, new, gone]))
    assert [found[number].connection for number in (me, new, gone)] == ["needs_sign_in", "connected", "disconnected"]
    assert await ask(database, lambda db: queue.delivery_state(db, me).trouble) == SESSION_LOST
    await opened(database, "new")


@only_postgres
def test_the_secret_is_not_changed_under_a_process_that_runs(database: str) -> None:
    asyncio.run(opened(database))
    resealed = partial(reseal, seal=SessionCipher(("new", RIGHT)), lost=False)
    program = OPEN.replace('print("open")', 'print("open", flush=True); sys.stdin.read()')
    with subprocess.Popen(
        [sys.executable, "-c", program, database, RIGHT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "open\n"
        with pytest.raises(StillOpen, match="another tonearm process is connected"):
            asyncio.run(ask(database, resealed))
        process.stdin.close()
    assert asyncio.run(ask(database, resealed)) == Resealed(0, 0)


def test_processes_are_counted_in_words() -> None:
    assert postgres.in_number(1) == "another tonearm process is"
    assert postgres.in_number(2) == "2 other tonearm processes are"
