"""Lists of values in statements: short enough for SQLite, and of few lengths, since it keeps a statement for each."""

from __future__ import annotations

from pathlib import Path

import pytest

import tonearm
from tests.databases import only_sqlite
from tonearm.store import summaries
from tonearm.store.db.dialect import MAX_VALUES, parts

pytestmark = pytest.mark.anyio


def test_every_value_is_in_a_list_and_nothing_else() -> None:
    for number in (0, 1, 2, 3, 50, 511, 513, MAX_VALUES, MAX_VALUES + 1, 3 * MAX_VALUES):
        lists = list(parts(range(number)))
        assert all(len(some) <= MAX_VALUES for some in lists)
        assert {value for some in lists for value in some} == set(range(number))
        assert sum(len(set(some)) for some in lists) == number


def test_lists_of_any_number_of_values_have_few_lengths() -> None:
    lengths = {len(some) for number in range(3 * MAX_VALUES) for some in parts(range(number))}
    assert len(lengths) < 12


@only_sqlite
async def test_a_connection_prepares_few_statements_for_any_number_of_names(database: Path) -> None:
    async with tonearm.open(database, deliver=False) as deck:
        executed = set[str]()

        def ask(number: int) -> set[int]:
            with deck.store._reads.connect() as db:
                raw = db.connection.dbapi_connection
                assert raw is not None
                raw.set_trace_callback(lambda sql: executed.add(sql.partition("IN (")[2].count(",")))
                return summaries.unknown_names(db, 1, range(number))

        for number in range(1, 300):
            assert ask(number) == set(range(number))
        assert len(executed) < 12
