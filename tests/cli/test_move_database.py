"""A SQLite installation goes over to PostgreSQL: everything, once, and the listeners stay signed in."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

import tonearm
from lastfm_emulator import API_KEY, Emulator
from tests.cli.conftest import USER, on_deck
from tests.cli.shell import Shell
from tests.postgres import Server
from tonearm.store.admin import move_to_postgres
from tonearm.store.db.database import connect, database_url
from tonearm.store.db.schema import metadata


def rows(url: str | Path) -> dict[str, list[Any]]:
    """Every row of every table."""
    engine = connect(database_url(url), writes=False)
    try:
        with engine.connect() as db:
            return {t.name: sorted(db.execute(t.select()).all(), key=str) for t in metadata.sorted_tables}
    finally:
        engine.dispose()


@pytest.fixture
def filled(connected: Shell) -> Shell:
    """A signed-in listener with a queue, a history, a library and a token."""
    on_deck(connected, _fill)
    return connected


async def _fill(deck: tonearm.Deck) -> None:
    me = await deck.listener()
    now = deck.clock.now()
    for number in range(12):
        track = tonearm.Track(artist="Nina Simone", title=f"Song {number}", duration=200)
        await me.scrobble(track, started_at=now - 3600 + 100 * number, played=150 if number % 3 else 10)
    await deck.accounts.token(me.id)
    await deck.listener("anna")
    await deck.loved_import.start(me.id)


def test_everything_goes_over_and_the_source_stays(filled: Shell, postgres_url: str) -> None:
    before, was = rows(filled.database), filled.database.read_bytes()
    said = filled("move-database", str(filled.database), postgres_url)
    assert said.exit_code == 0, said.output
    assert rows(postgres_url) == before
    assert filled.database.read_bytes() == was
    first, second, third = said.stdout.splitlines()
    assert first.startswith("moved: 2 account, ")
    assert "12 play" in first
    assert second == f"{filled.database} is unchanged"
    assert f"TONEARM_SECRET_KEY_FILE={filled.database}.key" in third


def test_what_was_moved_continues_and_its_sessions_can_be_decrypted(
    filled: Shell, postgres_url: str, emulator: Emulator
) -> None:
    filled("move-database", str(filled.database), postgres_url)
    moved = {"TONEARM_DATABASE": postgres_url, "TONEARM_SECRET_KEY_FILE": f"{filled.database}.key"}
    shell = Shell(filled.home, {**filled.variables, **moved})
    assert shell("queue", "retry").exit_code == 0
    assert shell.facts("status")["username"] == USER
    assert len(emulator.plays(USER)) == 8
    assert shell("scrobble", "--artist", "Nina Simone", "--track", "One more", "--duration", "200").exit_code == 0


def test_an_interrupted_move_continues_where_it_stopped(
    filled: Shell, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(move_to_postgres, "PAGE", 5)
    before = rows(filled.database)
    source, target = database_url(filled.database), database_url(postgres_url)

    def cut_off(name: str, done: int, total: int) -> None:
        if name == "play":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        move_to_postgres.move(source, target, cut_off)
    refused = Shell(filled.home, {"TONEARM_SECRET_KEY": "x"})("status", "--database", postgres_url)
    assert "finish 'tonearm move-database' first" in refused.stderr
    pages: list[str] = []
    moved = move_to_postgres.move(source, target, lambda name, *_: pages.append(name))
    assert moved.resumed
    assert "account" not in pages
    assert pages.count("play") == 2
    assert rows(postgres_url) == before


def test_a_source_that_has_changed_meanwhile_is_moved_again(
    filled: Shell, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(name: str, done: int, total: int) -> None:
        if name == "play":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        move_to_postgres.move(database_url(filled.database), database_url(postgres_url), cut_off)
    filled("listener", "add", "berta")
    assert not filled.facts("move-database", str(filled.database), postgres_url)["resumed"]
    assert rows(postgres_url) == rows(filled.database)


def test_a_source_that_has_changed_in_its_log_alone_is_moved_again(filled: Shell, postgres_url: str) -> None:
    """What a killed process has written stays in the log, if SQLite keeps one."""

    def cut_off(name: str, done: int, total: int) -> None:
        if name == "play":
            raise KeyboardInterrupt

    with closing(sqlite3.connect(filled.database, isolation_level=None)) as killed:
        killed.execute("PRAGMA journal_mode=WAL")
        with pytest.raises(KeyboardInterrupt):
            move_to_postgres.move(database_url(filled.database), database_url(postgres_url), cut_off)
        killed.execute("UPDATE account SET lastfm_scrobble_threshold = 77")
        assert not move_to_postgres.move(
            database_url(filled.database), database_url(postgres_url), lambda *_: None
        ).resumed
        assert rows(postgres_url) == rows(filled.database)


def test_leftovers_of_a_check_of_the_empty_target_are_accepted(filled: Shell, postgres_url: str) -> None:
    """`tonearm check` leaves the pace of a key and the proof of a secret, a worker its chores."""
    looks = {"TONEARM_DATABASE": postgres_url, "TONEARM_SECRET_KEY": "the one for PostgreSQL"}
    there = Shell(filled.home, {**filled.variables, **looks})
    there("check")
    with there.running("worker") as (worker, _):
        worker.until("tonearm delivers")
        said = filled("move-database", str(filled.database), postgres_url)
        assert worker.end() == 0
    assert said.exit_code == 1
    assert "another tonearm process is connected to the target database: stop them all first" in said.stderr
    assert filled("move-database", str(filled.database), postgres_url).exit_code == 0
    assert rows(postgres_url) == rows(filled.database)
    refused = there("status")
    assert refused.exit_code == 1
    assert "TONEARM_SECRET_KEY isn't the key that encrypted the sessions in this database" in refused.stderr


def test_a_write_while_a_move_is_interrupted_does_not_stop_it_for_good(filled: Shell, postgres_url: str) -> None:
    """As a process that had looked at the target just before."""

    def cut_off(name: str, done: int, total: int) -> None:
        if name == "account":
            raise KeyboardInterrupt

    source, target = database_url(filled.database), database_url(postgres_url)
    with pytest.raises(KeyboardInterrupt):
        move_to_postgres.move(source, target, cut_off)
    with psycopg.connect(postgres_url) as db:
        db.execute("INSERT INTO pace (key, throttle_refused) VALUES (%s, false)", [API_KEY])
    assert move_to_postgres.move(source, target, lambda *_: None).resumed
    assert rows(postgres_url) == rows(filled.database)


def test_a_second_move_finds_its_place_taken(filled: Shell, postgres_url: str) -> None:
    assert filled("move-database", str(filled.database), postgres_url).exit_code == 0
    said = filled("move-database", str(filled.database), postgres_url)
    assert said.exit_code == 1
    assert "already has listeners: use an empty one" in said.stderr


def test_a_service_that_runs_is_to_be_stopped_first(filled: Shell, postgres_url: str) -> None:
    with filled.running("serve") as (service, _):
        service.until("listens on")
        said = filled("move-database", str(filled.database), postgres_url)
        assert service.end() == 0
    assert said.exit_code == 1
    assert f"in use by another tonearm (process {service.process.pid}): stop that one" in said.stderr


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ("nowhere.db", "{to}", "nowhere.db: no such file"),
        ("{to}", "{to}", "FROM has to be a SQLite file"),
        ("{from}", "other.db", "TO has to be a PostgreSQL"),
        ("{from}", "mysql://x/y", "TO: mysql isn't supported"),
        ("{from}", "postgresql://127.0.0.1:1/x", "Connection refused"),
    ],
)
def test_what_cannot_be_moved_is_reported_in_one_line(
    shell: Shell, postgres_url: str, source: str, target: str, words: str
) -> None:
    places = {"from": shell.database, "to": postgres_url}
    said = shell("move-database", source.format(**places), target.format(**places))
    assert said.exit_code == 1
    assert words in said.stderr
    assert said.stderr.count("\n") == 1


def test_another_key_is_refused_before_anything_is_moved(filled: Shell, postgres_url: str) -> None:
    said = filled("move-database", str(filled.database), postgres_url, "--secret-key", "another")
    assert said.exit_code == 1
    assert "TONEARM_SECRET_KEY isn't the key that encrypted the sessions in this database" in said.stderr
    assert f"unset it, because the right key is in {filled.database}.key" in said.stderr
    shutil.move(f"{filled.database}.key", filled.home / "elsewhere")
    said = filled("move-database", str(filled.database), postgres_url)
    assert "the key file for the stored sessions is missing: put it back" in said.stderr
    with psycopg.connect(postgres_url) as db:
        assert db.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)


def test_rows_that_do_not_arrive_are_an_error(filled: Shell, postgres: Server, postgres_url: str) -> None:
    """A trigger drops them, as a user's own might."""
    name = postgres_url.rpartition("/")[2]
    shell = Shell(filled.home, {**filled.variables, "TONEARM_SECRET_KEY_FILE": f"{filled.database}.key"})
    source, target = database_url(filled.database), database_url(postgres_url)

    def eat(table: str, done: int, total: int) -> None:
        if table == "account":
            eats = "CREATE FUNCTION eat() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"
            postgres.execute(sql.SQL(eats), name)
            postgres.execute(
                sql.SQL("CREATE TRIGGER eat BEFORE INSERT ON token FOR EACH ROW EXECUTE FUNCTION eat()"), name
            )

    with pytest.raises(move_to_postgres.CannotMove, match=r"of 1 rows of token 0 have arrived"):
        move_to_postgres.move(source, target, eat)
    assert "move-database" in shell("status", "--database", postgres_url).stderr
