"""The store of answers: what it keeps, what it lets go, and that nothing that happens to it matters to anybody else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL

from tonearm.store import response_cache
from tonearm.store.db.database import Store, database_url
from tonearm.store.response_cache import RETRY_AFTER, TOUCH, UNUSED, AnswerStore

pytestmark = pytest.mark.anyio

NOW = 1_760_000_000.0
BODY = b'{"artist":{"name":"Nina Simone"}}' * 20


class Clock:
    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> URL:
    """A database that answers are kept for."""
    if request.param == "postgresql":
        return database_url(request.getfixturevalue("postgres_url"))
    return database_url(tmp_path / "answers.db")


@pytest.fixture
def answers(url: URL, clock: Clock) -> Iterator[AnswerStore]:
    opened = AnswerStore(url, clock)
    yield opened
    opened.close()


async def save_answer(answers: AnswerStore, key: str, body: bytes = BODY, artist: str = "", listener: str = "") -> None:
    answers.save(key, body, fetched_at=NOW, fresh_until=NOW + 60, artist=artist, listener=listener)
    await answers.written()


async def has(answers: AnswerStore, *keys: str) -> list[bool]:
    return [await answers.find(key) is not None for key in keys]


async def test_after_it_is_closed_nothing_can_be_read(url: URL, clock: Clock) -> None:
    opened = AnswerStore(url, clock)
    await save_answer(opened, "a")
    opened.close()
    with pytest.raises(OSError, match="the response cache is closed"):
        await opened.find("a")


@pytest.mark.parametrize("body", [BODY, b"", b"\x89PNG incompressible"])
async def test_what_is_stored_comes_back_exactly(answers: AnswerStore, url: URL, clock: Clock, body: bytes) -> None:
    await save_answer(answers, "a", body)
    another = AnswerStore(url, clock)
    for store in (answers, another):
        found = await store.find("a")
        assert found == response_cache.CachedResponse(body, NOW, NOW + 60)
        assert await store.find("b") is None
    another.close()


async def test_a_newer_answer_replaces_the_older(answers: AnswerStore) -> None:
    await save_answer(answers, "a", b"old")
    await save_answer(answers, "a", b"new")
    found = await answers.find("a")
    assert found
    assert found.body == b"new"


async def test_it_forgets_by_artist_and_by_listener_and_nothing_else(answers: AnswerStore) -> None:
    await save_answer(answers, "a", artist="nina")
    await save_answer(answers, "b", listener="rj")
    await save_answer(answers, "c")
    await answers.forget()
    assert await has(answers, "a", "b", "c") == [True, True, True]
    await answers.forget(artist="nina")
    assert await has(answers, "a", "b", "c") == [False, True, True]
    await answers.forget(artist="somebody", listener="rj")
    assert await has(answers, "a", "b", "c") == [False, False, True]


async def test_what_was_used_longest_ago_goes_when_there_is_too_much(
    url: URL, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(response_cache, "CHECK_SIZE_EVERY", 0)  # look at the size with each answer
    store = AnswerStore(url, clock, max_bytes=1000)
    for number in range(10):
        clock.now += TOUCH
        await save_answer(store, str(number), bytes(range(200)))
        await store.find("0")  # used every day
        await store.written()
    assert await has(store, *"0123456789") == [True, *[False] * 6, True, True, True]
    store.close()


async def test_what_is_unused_for_a_season_is_deleted(
    answers: AnswerStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(response_cache, "CHECK_SIZE_EVERY", 0)
    await save_answer(answers, "a")
    clock.now += UNUSED + 1
    await save_answer(answers, "b")
    assert await has(answers, "a", "b") == [False, True]


@pytest.fixture
def file(answers: AnswerStore) -> Path:
    if answers.file is None:
        pytest.skip("a server has no file that could be damaged")
    return answers.file


def replace_with_words(file: Path) -> None:
    file.write_bytes(b"no database at all" * 1000)


def wreck(file: Path) -> None:
    """All but the header becomes nonsense."""
    whole = file.read_bytes()
    file.write_bytes(whole[:100] + b"\xff" * (len(whole) - 100))


async def test_a_file_that_is_damaged_starts_over(
    answers: AnswerStore, file: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    replace_with_words(file)
    with caplog.at_level(logging.WARNING):
        await save_answer(answers, "a")
        await save_answer(answers, "a")
    assert await has(answers, "a") == [True]
    assert "can't be used: file is not a database" in caplog.text
    await answers.written()
    answers.close()
    wreck(file)
    again = AnswerStore(URL.create("sqlite", database=str(file).removesuffix(response_cache.SUFFIX)), clock)
    with pytest.raises(OSError, match="can't be read"):
        await again.find("a")
    await save_answer(again, "b")
    assert await has(again, "a", "b") == [False, True]
    again.close()


async def test_a_damaged_body_counts_as_missing(answers: AnswerStore) -> None:
    await save_answer(answers, "a")
    answers._with(lambda db: db.execute(response_cache.answer.update().values(body=b"x")))
    assert await has(answers, "a") == [False]


async def test_a_file_that_cannot_be_opened_is_retried_after_a_while(
    answers: AnswerStore, file: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    file.mkdir()  # noqa: ASYNC240  # it takes no time
    with caplog.at_level(logging.WARNING):
        await save_answer(answers, "a")
        with pytest.raises(OSError, match="can't be read"):
            await answers.find("a")
    assert caplog.text.count("can't be used") == 1
    file.rmdir()  # noqa: ASYNC240
    clock.now += RETRY_AFTER
    await save_answer(answers, "a")
    assert await has(answers, "a") == [True]


async def test_a_file_that_somebody_else_writes_to_is_not_a_reason_to_wait_for_long(
    answers: AnswerStore, file: Path, clock: Clock, url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(response_cache, "BUSY_SECONDS", 0.01)
    await save_answer(answers, "a")
    hasty = AnswerStore(url, clock)
    with answers._opened().begin() as db:  # type: ignore[union-attr]
        db.exec_driver_sql("DELETE FROM answer_1 WHERE key = 'z'")
        await save_answer(hasty, "b")
        assert await has(hasty, "a", "b") == [True, False], file
    hasty.close()


async def test_after_closing_nothing_is_stored_and_nothing_fails(answers: AnswerStore) -> None:
    answers.close()
    answers.save("a", BODY, fetched_at=NOW, fresh_until=NOW)


async def test_an_answer_is_found_while_a_play_is_being_written(answers: AnswerStore, store: Store) -> None:
    await save_answer(answers, "a")

    def while_writing(db: object) -> response_cache.CachedResponse | None:
        return answers._find("a")

    assert await store.write(while_writing)


async def test_a_file_of_answers_can_be_read_by_its_owner_alone(answers: AnswerStore, file: Path) -> None:
    await save_answer(answers, "one")
    found = await asyncio.to_thread(file.stat)
    assert found.st_mode & 0o777 == 0o600
